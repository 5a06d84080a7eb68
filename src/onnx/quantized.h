/*
 * quantized: constant matrices as whole numbers and scales, made when the file is written, from the fp32 elements that
 * stay where they are. A scale belongs to a block of `block` elements of one output along the inputs, to a whole output
 * or to a row of a table.
 */
#ifndef RF_ONNX_QUANTIZED_H
#define RF_ONNX_QUANTIZED_H

#include "onnx/linears.h"

struct quantized {
    value bytes, scales;
};

/* What is given must live as long as the graph. */
struct blocks {
    unsigned bits, size;   /* 4 or 8; elements of a block */
    const float *smooth;   /* [k]: what row i of the matrix is multiplied with; NULL: 1 */
    const float *inverse;  /* [k]: 1 / smooth; what x is multiplied with before */
    const float *products; /* [k, k]: x^T x, as x was before that; NULL: each element is rounded by itself */
    uint32_t threads;
};

/* The inputs of com.microsoft.MatMulNBits, uint8 [n, blocks, size * bits / 8] and float [n * blocks]. */
struct quantized rf__quantized_blocks(struct graph *g, const char *name, const struct linear *linear,
                                      const struct blocks *how);

/* int8 [k, n] and float [n]: of MatMulInteger. */
struct quantized rf__quantized_channels(struct graph *g, const char *name, const struct linear *linear);

/* int8 [rows, width] and float [rows, 1]: of a table. */
struct quantized rf__quantized_rows(struct graph *g, const char *name, const struct constant *table);

/* The elements as fp16, of the same shape; NULL where one is too large for it, or no number. */
value rf__quantized_half(struct graph *g, const char *name, const struct constant *constant);

/* The largest absolute value of each row of a matrix [k], over its outputs; `out` may hold some already. */
void rf__quantized_row_maxima(const struct linear *linear, float *out);

#endif
