/*
 * blocks: what encoders are made of. Inside, hidden states are [batch * sequence, hidden] throughout: ONNX Runtime's
 * Gemm on two dimensions adds the bias on its way and takes weights as they lie in the file, [out, in]; that was
 * measured 10 % faster than its fused operators for whole layers, with less work for whoever loads the file.
 */
#ifndef RF_ONNX_BLOCKS_H
#define RF_ONNX_BLOCKS_H

#include "onnx/arch.h"

/* The graph's inputs and what is derived from them once. */
struct encoder_inputs {
    value ids, mask, type_ids; /* int64, [batch, sequence]; type_ids: NULL where the model has no types */
    value shape;               /* [batch, sequence] */
    value flat;                /* shape: [-1, hidden] */
    value batched;             /* shape: [batch, sequence, hidden] */
    value is_full;             /* whether the mask is all ones; NULL in a portable graph, which has */
    value seen;                /* the mask as bool: [batch, 1, 1, sequence] */
    struct arch_size hidden;
};
struct encoder_inputs rf__block_inputs(struct arch *arch, const struct arch_size *hidden, bool has_types);

/* The graph's output, last_hidden_state. */
void rf__block_output(struct arch *arch, const struct encoder_inputs *in, value x);

/* x W^T + b with NAME.weight [out, in] and NAME.bias [out]. */
value rf__block_linear(struct arch *arch, const char *name, value x, const struct arch_size *in,
                       const struct arch_size *out);
/* The same + residual. */
value rf__block_linear_onto(struct arch *arch, const char *name, value x, value residual, const struct arch_size *in,
                            const struct arch_size *out);

/* x W^T, + b where has_bias, + residual where that is not NULL. */
value rf__block_project(struct arch *arch, const char *name, value x, value residual, const struct arch_size *in,
                        const struct arch_size *out, bool has_bias);

/* Layer normalization with NAME.weight and NAME.bias, or the older NAME.gamma and NAME.beta. */
value rf__block_norm(struct arch *arch, const char *name, value x, const struct arch_size *size, double epsilon);

/* The same without NAME.bias. */
value rf__block_norm_without_bias(struct arch *arch, const char *name, value x, const struct arch_size *size,
                                  double epsilon);
/* x / sqrt(mean(x^2) + epsilon) times NAME.weight, or 1 + NAME.weight. */
value rf__block_rms_norm(struct arch *arch, const char *name, value x, const struct arch_size *size, double epsilon,
                         bool is_plus_1);

/* The first `sequence` rows of a table. */
value rf__block_first_rows(struct arch *arch, const char *name, const struct encoder_inputs *in, value rows);

/* Shape [batch, sequence, width]. */
value rf__block_batched(struct arch *arch, const char *name, const struct encoder_inputs *in, uint64_t width);
/* 0, 1 … of float, [sequence]; and of int64 how far the key (column) is behind the query (row), [sequence, sequence].
 */
value rf__block_positions(struct arch *arch, const struct encoder_inputs *in);
value rf__block_distances(struct arch *arch, const struct encoder_inputs *in);

struct attention {
    value q, k, v; /* [batch * sequence, hidden], or [batch, sequence, width] where is_batched */
    value bias;    /* NULL, or [1, heads or 1, sequence, sequence], added to the scores */
    uint64_t n_heads;
    uint64_t width;  /* of all heads; 0: hidden */
    double scale;    /* of the scores; 0: 1 / sqrt(width of a head) */
    bool is_batched; /* so is the result */
};
/* Softmax(scale q k^T + bias) v for each head, over the tokens that the mask has. */
value rf__block_attention(struct arch *arch, const char *name, const struct encoder_inputs *in,
                          const struct attention *attention);

#endif
