/*
 * encoder_node: an encoder as one node, the kernels' operator. engine/encoder_op.h says what its attributes and weights
 * are; an architecture fills this and a list of weights (packed.h) in that order.
 */
#ifndef RF_ONNX_ENCODER_NODE_H
#define RF_ONNX_ENCODER_NODE_H

#include "onnx/activation.h"
#include "onnx/arch.h"
#include "onnx/packed.h"

struct encoder_node {
    struct arch_size hidden, embedding, inner, heads, key_heads, head;
    uint64_t n_layers, n_rotations;
    const struct activation *activation;
    const char *norms, *norm; /* "end", "before", "around"; "layer", "rms" */
    const char *bias;         /* "none", "table", "slopes" */
    bool is_gated, has_positions, has_embedding_norm, has_projection, has_first_norm, has_final_norm, has_head_norms;
    int64_t padding;                              /* -1: positions begin at 0 */
    double epsilon, embedding_scale, score_scale; /* score_scale 0: 1 / sqrt(width of a head) */
};

/* One step: which layer runs, with what rotation (-1: none), and how many tokens before and after itself a token sees
 * (-1: all). */
struct encoder_node_step {
    int64_t layer, rotation, before, after;
};
void rf__encoder_node_steps(struct packed *packed, const struct encoder_node_step *steps, size_t n);

/* The inputs, the node and the output. RF_UNSUPPORTED names an activation that the kernels have not. */
void rf__encoder_node_add(struct arch *arch, const struct encoder_node *node, const struct packed *packed);

#endif
