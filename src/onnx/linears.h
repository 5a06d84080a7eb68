/*
 * linears: the products of a graph's values with constant matrices, which are what is quantized. Those that share their
 * input or their matrix are one group: what is smoothed is smoothed for all of them alike.
 */
#ifndef RF_ONNX_LINEARS_H
#define RF_ONNX_LINEARS_H

#include "onnx/index.h"
#include "onnx/onnx_read.h"

struct linear {
    const Onnx__NodeProto *node; /* MatMul, or Gemm without factors */
    const char *x;               /* [..., k] */
    const char *addend;          /* NULL: none */
    struct constant weight;      /* of float */
    size_t initializer;          /* the weight's */
    bool is_transposed;          /* weight is [n, k], not [k, n] */
    bool is_first;               /* that reads x */
    bool is_folded;              /* quantize.c: the norm that makes x divides it */
    uint64_t k, n;
    size_t group;
};

#define LINEARS_MAX       4096
#define LINEARS_MAX_WIDTH ((uint64_t)1 << 24) /* of k and n */

struct linears {
    struct linear *items; /* [n] */
    size_t n, n_groups;
    uint64_t *widths; /* [n_groups]: k */
    size_t *offsets;  /* [n_groups]: where the group's k numbers begin in the list of all */
    size_t n_channels;
};

/* RF_UNSUPPORTED where there are none. */
rf_status rf__linears_find(struct onnx_file *file, const char *path, const struct index *index, struct linears *out,
                           rf_error *err);
/* RF_BAD_FORMAT names a matrix that holds NaN or infinity. */
rf_status rf__linears_check(const struct linears *linears, const char *path, rf_error *err);
void rf__linears_release(struct linears *linears); /* fine on a zeroed one */

/* The linear that a node is; NULL: none. They are in the order of the nodes; *at begins at 0. */
const struct linear *rf__linears_next(const struct linears *linears, const Onnx__NodeProto *node, size_t *at);

#endif
