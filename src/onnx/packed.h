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

/* Elements [first, first + n) of a tensor as floats. RF_BAD_FORMAT names one that holds NaN or infinity. */
rf_status rf__packed_read(const struct weights *weights, const struct tensor *tensor, size_t first, size_t n,
                          float *out, rf_error *err);

/* Constants that the graph was given. */
void rf__packed_constant(struct packed *packed, value constant);

/* NAME.weight and NAME.bias of a norm (or the older NAME.gamma, NAME.beta), up to whole lanes. */
enum packed_norm {
    PACKED_NORM,
    PACKED_NORM_WITHOUT_BIAS,
    PACKED_NORM_PLUS_1 /* likewise without; the weight is 1 + NAME.weight */
};
#define PACKED_PER_NORM 2
void rf__packed_norm(struct packed *packed, const char *name, enum packed_norm kind, const struct arch_size *size);
/* The weight of one alone, not rounded up. */
void rf__packed_norm_weight(struct packed *packed, const char *name, enum packed_norm kind,
                            const struct arch_size *size);

/* A part of a linear layer: rows of NAME.weight [all, in] and NAME.bias [all]. */
struct packed_part {
    const char *name;
    struct arch_size all;
    uint64_t first, n; /* n 0: all rows */
};

/* One linear layer out of several that share their input, each rounded up to whole lanes, as the graph's precision
 * wants them. Up to PACKED_PER_LINEAR weights of the list. int8 is fitted to the next of arch->inputs, which are in the
 * order of these calls. */
#define PACKED_MAX_PARTS  3
#define PACKED_PER_LINEAR 5
void rf__packed_linear(struct packed *packed, const struct packed_part *parts, size_t n_parts, bool has_bias,
                       const struct arch_size *in);

#endif
