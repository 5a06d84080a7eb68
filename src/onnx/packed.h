/*
 * packed: the weights of the kernels' operator (engine/encoder_op.h), one after the other in the order in which it
 * takes them: a list that an architecture fills like a description, as with blocks.h.
 */
#ifndef RF_ONNX_PACKED_H
#define RF_ONNX_PACKED_H

#include "onnx/arch.h"

struct packed {
    struct arch *arch;
    value *items; /* [cap], in the graph's memory */
    size_t n, cap;
    size_t n_linear; /* layers so far */
};

/* A list with room for `cap` weights. */
struct packed rf__packed_new(struct arch *arch, size_t cap);

/* NAME.weight, a table, as it is; a table of zeros. */
void rf__packed_zeros(struct packed *packed, const char *name, size_t rows, uint64_t cols);
void rf__packed_table(struct packed *packed, const char *name, const struct arch_size *rows,
                      const struct arch_size *cols);

/* NAME.weight and NAME.bias of a norm (or the older NAME.gamma, NAME.beta), up to whole lanes. */
void rf__packed_norm(struct packed *packed, const char *name, const struct arch_size *size);

/* One linear layer out of several with the same sizes that share their input: NAME.weight [out, in] and NAME.bias of
 * each, as the graph's precision wants them. Up to 5 weights of the list. int8 is fitted to the next of arch->inputs,
 * which are in the order of these calls. */
#define PACKED_MAX_PARTS  3
#define PACKED_PER_LINEAR 5
void rf__packed_linear(struct packed *packed, const char *const *names, size_t n_names, const struct arch_size *in,
                       const struct arch_size *out);

#endif
