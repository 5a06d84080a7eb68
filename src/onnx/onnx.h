/*
 * onnx: tensors -> an ONNX file. An architecture (model_type of config.json) is one file, arch_NAME.c, behind one
 * table; graph.c builds nodes and initializers, onnx_file.c writes them.
 */
#ifndef RF_ONNX_ONNX_H
#define RF_ONNX_ONNX_H

#include "base/error.h"
#include "base/log.h"
#include "weights/weights.h"

/* Changes whenever the file that is written for the same weights changes, so that a kept one is made anew. */
#define RF_ONNX_BUILDER_VERSION 5

/* What the file computes with: ONNX's and ONNX Runtime's operators, or the one of engine/kernels, whose weights are
 * packed for it (pack.h). */
enum onnx_precision { ONNX_OPERATORS = 0, ONNX_KERNELS_FP32, ONNX_KERNELS_INT16, ONNX_KERNELS_INT8 };
const char *rf__precision_name(enum onnx_precision precision); /* "fp32", "int16", "int8" */

/* How many ids, types (1: they do not matter) and tokens a graph that was understood takes. */
struct onnx_limits {
    uint64_t vocabulary, types, tokens;
};

struct onnx_build {
    const char *config_path; /* config.json */
    const struct weights *weights;
    const char *onnx_path; /* in place of these two: an ONNX file of an encoder that is understood (recognize.h) */
    const char *out_path;  /* the ONNX file; its tensors lie beside it in out_path + ".data" */
    const char *source;    /* recorded in the file's metadata */
    const char *revision;  /* so are these; NULL: not known */
    const char *options;
    enum onnx_precision precision;
    bool is_portable; /* ONNX_OPERATORS in ONNX's own alone, as they were in opset 17 */
    size_t
        inline_limit; /* bytes: tensors that are no more together go into the ONNX file itself; 0: always beside it */
    const struct fit_inputs *inputs; /* of int8: what its linear layers read, in their order (pack/fit.h); [n_inputs] */
    size_t n_inputs;
    struct onnx_limits *limits; /* NULL, or receives those of onnx_path */
    const struct logger *logger;
    rf_progress_fn progress; /* bytes written; NULL: none */
    void *progress_user;
};

/* Writes the encoder: inputs input_ids, attention_mask and, where the model has types, token_type_ids (int64,
 * [batch, sequence]), output last_hidden_state (fp32, [batch, sequence, dim]); with the kernels' operator the inputs
 * are those of engine/encoder_op.h. The file appears whole or not at all. RF_UNSUPPORTED names an architecture or
 * option that is not known, or what is not understood of the graph of `onnx_path`; RF_BAD_FORMAT a tensor that is
 * missing or has another shape. */
rf_status rf__onnx_build(const struct onnx_build *build, rf_error *err);

/* ---- An ONNX file made anew ------------------------------------------------------------------------------------ */

/* Reads one, be it ours, exported or downloaded, and writes it changed. */
struct onnx_rewrite {
    const char *in_path, *out_path;          /* must differ */
    size_t inline_limit;                     /* as in struct onnx_build; so are these */
    const char *source, *revision, *options; /* NULL: as the file has them */
    const struct logger *logger;
    rf_progress_fn progress;
    void *progress_user;
};

/* What optimizing did. */
struct onnx_optimized {
    bool is_rebuilt; /* an encoder was recognized and built anew; else what a run does not need was taken out */
    size_t n_before, n_after; /* nodes, constants not counted */
};

/* Writes a model that computes the same with less (optimize.c); `is_portable` as in struct onnx_build, where the graph
 * is rebuilt; else it keeps the operators that it has. */
rf_status rf__onnx_optimize(const struct onnx_rewrite *rewrite, bool is_portable, struct onnx_optimized *out,
                            rf_error *err);

enum onnx_form {
    ONNX_FORM_INT8,         /* near-lossless: weights in groups of 16, smoothed, fitted; ONNX Runtime's MatMulNBits */
    ONNX_FORM_INT8_DYNAMIC, /* the standard's: weights by channel, activations by tensor */
    ONNX_FORM_INT4,         /* the same in 4 bits and groups of 32 */
    ONNX_FORM_FP16          /* weights are stored as fp16; the arithmetic is fp32 */
};
const char *rf__onnx_form_name(enum onnx_form form); /* "int8", "int8-dynamic", "int4", "fp16" */

struct onnx_quantize {
    enum onnx_form form;
    bool quantize_embeddings; /* tables of words too, to 8 bits, a scale for each row */
    /* What running the probe gave: of each channel the largest over all texts, NULL: not smoothed; and products summed
     * over all texts, NULL: each weight is rounded by itself. */
    const float *maxima, *products;
    size_t n_maxima, n_products;
    uint32_t threads; /* that fit weights to the products; at least 1 where there are any */
};

/* RF_UNSUPPORTED for a file that has nothing to quantize, RF_BAD_FORMAT for a damaged one; nothing is written then. */
rf_status rf__onnx_quantize(const struct onnx_rewrite *rewrite, const struct onnx_quantize *how, rf_error *err);

#define ONNX_MAX_FITTED 8192 /* channels of a group whose products are measured: they are channels^2 numbers */

/* What a probe measures: of groups [first, next) of the matrices, `next` being found by `most`. */
struct onnx_probe {
    bool is_products; /* of channels with each other, rather than the largest of each */
    size_t first;
    size_t most; /* numbers that one text may bring; a single group may be more */
    size_t next, n_groups, n_numbers;
};

/* Writes the model with one output, "sentence_embedding" [1, n_numbers]: what one text brings to each group that is
 * measured. An engine opens it like any model that pools. Nothing is written where n_numbers is 0. */
rf_status rf__onnx_probe(const char *path, const char *out_path, struct onnx_probe *probe, rf_error *err);

#endif
