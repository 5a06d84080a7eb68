/*
 * encoder_op: the encoder of kernels/ as an operator of ONNX, so that a model with it is an ONNX file like any other,
 * which ONNX Runtime loads, maps and runs. rag_factory::Encoder, version 1:
 *
 * Inputs, in this order:
 *   - ids, type_ids: int32 [rows], the tokens of several texts, one text behind the other;
 *   - begins: int32 [texts + 1], where each text begins, and the end;
 *   - threads: int32 [1], how many may share the work;
 *   - constants: the tables of words, types and positions, norm weight, norm bias; then for each layer qkv, out, norm
 *     weight, norm bias, up, down, norm weight, norm bias, where qkv, out, up and down are panels (pack.h), scales
 *     (int16 and int8), sums and smooth (int8), bias.
 *
 * Output: float [1, rows, hidden].
 *
 * Attributes: precision "fp32" | "int16" | "int8"; activation "none" | "gelu" | "gelu_tanh" | "relu" | "silu"; layers,
 * heads, hidden, inner; epsilon; layout (PACK_LAYOUT); padding (an id behind which positions begin, as RoBERTa's do;
 * -1: they begin at 0).
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
