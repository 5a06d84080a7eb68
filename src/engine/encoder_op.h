/*
 * encoder_op: the encoder of kernels/ as an operator of ONNX, so that a model with it is an ONNX file like any other,
 * which ONNX Runtime loads, maps and runs. rag_factory::Encoder, version 1:
 *
 * Inputs, in this order:
 *   - ids, type_ids: int32 [rows], the tokens of several texts, one text behind the other;
 *   - begins: int32 [texts + 1], where each text begins, and the end;
 *   - threads: int32 [1], how many may share the work;
 *   - steps: int64 [n, 4], of each step the layer that it runs, its rotation (-1: none), and how many tokens before and
 *     after itself a token sees (-1: all);
 *   - the tables of words and types; of positions, where `positions`; a norm, where `embedding_norm`; a linear
 *     layer from embedding to hidden, where `projection`;
 *   - of `bias` "table" float [heads, 2 reach + 1], of "slopes" float [heads]; frequencies [head / 2] of each rotation;
 *   - for each layer qkv, out, norm of attention, up, down, norm of the unit; with `head_norms` the weights of a
 * query's and a key's norm [head] behind qkv; with norms "around" each norm is two, before and after; without
 * `first_norm` the first layer has none for attention;
 *   - a norm, where `final_norm`.
 *
 * A norm is weight and bias. qkv, out, up, down and the projection are panels (pack.h), scales (int16 and int8), sums
 * and smooth (int8), bias.
 *
 * Output: float [1, rows, hidden].
 *
 * Attributes are all given. Names: precision "fp32" | "int16" | "int8"; activation "none" | "gelu" | "gelu_tanh" |
 * "relu" | "silu"; norms "end" | "before" | "around"; norm "layer" | "rms"; bias "none" | "table" | "slopes". Sizes:
 * layers, heads, key_heads, head, hidden, embedding, inner, rotations. 0 or 1: gated (up is gate and value), positions,
 * embedding_norm, projection, first_norm, final_norm, head_norms. Numbers: epsilon, embedding_scale, score_scale.
 * layout (PACK_LAYOUT); padding (an id behind which positions begin, as RoBERTa's do; -1: they begin at 0).
 */
#ifndef RF_ENGINE_ENCODER_OP_H
#define RF_ENGINE_ENCODER_OP_H

#include "engine/ort.h"

#define ENCODER_DOMAIN "rag_factory"

/* The operator of one session, which must outlive it. */
struct encoder_op {
    OrtCustomOp base;
    struct statistics *statistics; /* as in engine_options */
    bool trims;                    /* set while a run, the only one, is to free what runs before it left */
};

/* Makes the operator known to a session that is opened with `options`; *domain is to be released after the session. */
rf_status rf__encoder_op_register(const OrtApi *ort, OrtSessionOptions *options, struct encoder_op *op,
                                  OrtCustomOpDomain **domain, rf_error *err);

#endif
