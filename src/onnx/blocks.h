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
    value flat;                /* shape: [-1, hidden] */
    value batched;             /* shape: [batch, sequence, hidden] */
    value is_full;             /* whether the mask is all ones */
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

/* Layer normalization with NAME.weight and NAME.bias, or the older NAME.gamma and NAME.beta. */
value rf__block_norm(struct arch *arch, const char *name, value x, const struct arch_size *size, double epsilon);

struct attention {
    value q, k, v; /* [batch * sequence, hidden] */
    value bias;    /* NULL, or [1, heads, sequence, sequence], added to the scores */
    uint64_t n_heads;
    double scale; /* of the scores; 0: 1 / sqrt(width of a head) */
};
/* Softmax(scale q k^T + bias) v for each head, over the tokens that the mask has. */
value rf__block_attention(struct arch *arch, const char *name, const struct encoder_inputs *in,
                          const struct attention *attention);

#endif
