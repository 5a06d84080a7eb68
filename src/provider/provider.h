/*
 * provider: an opened model, whoever computes its vectors. local_model.c joins the flows of src/README.md: a model
 * source is resolved to a model directory, weights without an ONNX file are turned into one, and a pipeline is opened
 * on it.
 */
#ifndef RF_PROVIDER_PROVIDER_H
#define RF_PROVIDER_PROVIDER_H

#include "embed/embed.h"
#include "hub/hub.h"
#include "provider/calibrate.h"

/* Immutable once open. The strings that info points to are the model's. */
struct rf_model {
    struct pipeline *pipeline;
    rf_model_info info;
    struct model_source source;
    char *name, *onnx_file, *architecture, *license, *precision, *similarity;
    char *replaces; /* NULL: nothing */
    uint64_t open_ns, n_parameters;
    const char *kernels, *why; /* static */
};

/* See rf_model_open(); `options` is complete and checked. */
rf_status rf__local_open(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err);
void rf__local_free(struct rf_model *model); /* NULL is fine */

/* See rf_model_variants(). */
rf_status rf__local_variants(const struct rf_model *model, rf_variant_fn fn, void *user, rf_error *err);

/* Bytes of an ONNX file with its external data. */
uint64_t rf__local_onnx_size(const char *onnx_file);

/* What the hub needs of the options. */
struct hub_options rf__hub_options(const rf_model_options *options);

#endif
