/* layer_inputs: what the linear layers of a model read, measured by running it on texts; for weights fitted to it. */
#ifndef RF_PROVIDER_LAYER_INPUTS_H
#define RF_PROVIDER_LAYER_INPUTS_H

#include "embed/embed.h"

/* Runs `onnx_file`, one that our kernels compute, on calibration_texts.h with the tokenizer of config->folder. *out is
 * finished; to be freed with rf__statistics_free(), and with it what *inputs points to. */
rf_status rf__layer_inputs(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                           struct statistics **out, const struct fit_inputs **inputs, size_t *n_inputs, rf_error *err);

#endif
