/*
 * arch: what an architecture needs to turn config.json and weights into a graph. Each is one file, arch_NAME.c, and one
 * row of the table in arch.c. As with graph.h, the first failure is kept in the graph and later calls do nothing, so
 * that an architecture reads as its own description; numbers are then 0 and strings "".
 */
#ifndef RF_ONNX_ARCH_H
#define RF_ONNX_ARCH_H

#include "onnx/graph.h"
#include "onnx/onnx.h"

#include "base/json.h"

struct arch {
    const struct json *config;
    const struct weights *weights;
    struct graph *graph;
    const char *prefix; /* in front of the names of all tensors in the weights: "", "bert." … */
    bool *is_used;      /* [rf__weights_count()] */
    enum onnx_precision precision;
    const struct fit_inputs *inputs; /* [n_inputs], of int8; see onnx.h */
    size_t n_inputs;
};

struct arch_kind {
    const char *model_type;      /* in config.json */
    const char *const *prefixes; /* of its own, that names of tensors may have: rf__weights_prefix() */
    const char *first_tensor;    /* every model has it; tells which prefix is there */
    void (*build)(struct arch *arch);
    bool has_kernels; /* build heeds a precision of the kernels' operator */
};

const struct arch_kind *rf__arch_find(const char *model_type); /* NULL: not known */
const char *rf__arch_names(void);                              /* separated by ", " */

/* Builds the graph; the failure is in arch->graph's error. `arch->prefix` is found here. */
rf_status rf__arch_build(struct arch *arch, const struct arch_kind *kind);
/* A tensor of a layer that config.json does not count, whose model was built; NULL: there is none. */
const struct tensor *rf__arch_left_out(const struct arch *arch);

/* ---- config.json --------------------------------------------------------------------------------------------- */

/* A size of the model and the key of config.json that gives it, for messages about tensors. */
struct arch_size {
    uint64_t n;
    const char *key;
};

/* A number from 1 to `max`; the fallback is what transformers' configuration class has. */
struct arch_size rf__arch_size(struct arch *arch, const char *key, uint64_t fallback, uint64_t max);
uint64_t rf__arch_number(struct arch *arch, const char *key, uint64_t fallback, uint64_t max); /* may be 0 */
double rf__arch_double(struct arch *arch, const char *key, double fallback);
const char *rf__arch_str(struct arch *arch, const char *key, const char *fallback);
bool rf__arch_bool(struct arch *arch, const char *key, bool fallback);

/* The width of a head: hidden / heads, which must leave no rest. */
void rf__arch_heads(struct arch *arch, const struct arch_size *hidden, const struct arch_size *heads,
                    struct arch_size *head);

/* Fails with "config.json: …". */
void rf__arch_refuse(struct arch *arch, rf_status status, const char *format, ...) RF_PRINTF(3, 4);

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

bool rf__arch_has(const struct arch *arch, const char *name); /* whether there is such a tensor */

/* The tensor `name` (or `old_name`, where that is not NULL and the first is missing) in fp32, checked to be of shape
 * [rows, cols], or [size]. */
value rf__arch_matrix(struct arch *arch, const char *name, const struct arch_size *rows, const struct arch_size *cols);
value rf__arch_vector(struct arch *arch, const char *name, const char *old_name, const struct arch_size *size);

/* The same tensors themselves, for who lays them out anew; NULL after a failure. */
const struct tensor *rf__arch_matrix_tensor(struct arch *arch, const char *name, const struct arch_size *rows,
                                            const struct arch_size *cols);
const struct tensor *rf__arch_vector_tensor(struct arch *arch, const char *name, const char *old_name,
                                            const struct arch_size *size);

#endif
