/* calibration: a model that our kernels compute, run on calibration_texts.h with its own tokenizer and modules. */
#ifndef RF_PROVIDER_CALIBRATION_H
#define RF_PROVIDER_CALIBRATION_H

#include "embed/embed.h"

/* What the linear layers of `onnx_file` read, for weights fitted to it. *out is finished; to be freed with
 * rf__statistics_free(), and with it what *inputs points to. */
rf_status rf__layer_inputs(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                           struct statistics **out, const struct fit_inputs **inputs, size_t *n_inputs, rf_error *err);

/* The lowest cosine of a text's vectors by two files of one model, on some of the texts; 0 where one gives NaN. */
rf_status rf__lowest_cosine(const char *onnx_file, const char *other, const struct model_config *config,
                            const struct logger *logger, double *lowest, rf_error *err);

#endif
