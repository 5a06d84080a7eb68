/*
 * standard: in ONNX's own operators, as they were in opset 17, what blocks.h and activation.h otherwise say with one
 * operator of ONNX Runtime's or of a newer opset: for the portable form of a graph.
 */
#ifndef RF_ONNX_STANDARD_H
#define RF_ONNX_STANDARD_H

#include "onnx/blocks.h"

/* Softmax(scale q k^T + bias) v for each head; q, k, v and the result are [batch, sequence, width]. */
value rf__standard_attention(struct graph *g, const char *name, const struct encoder_inputs *in,
                             const struct attention *attention);

/* Pairs (i, i + head / 2) of each head of x [batch, sequence, heads * head], turned by angles whose cosines and sines
 * are [sequence, head / 2]. */
struct rotation {
    value x, cosines, sines;
    value batched; /* shape [batch, sequence, heads * head], that of the result */
    uint64_t n_heads, head;
};
value rf__standard_rotation(struct graph *g, const char *name, const struct rotation *rotation);

/* x / sqrt(mean(x^2) + epsilon) * weight along the last axis. */
value rf__standard_rms_norm(struct graph *g, const char *name, value x, value weight, double epsilon);

/* 0.5 x (1 + erf(x / sqrt 2)), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
value rf__standard_gelu(struct graph *g, const char *name, value x, bool is_tanh);

#endif
