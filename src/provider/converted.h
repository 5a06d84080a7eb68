/*
 * converted: ONNX files made of weights, or of an ONNX file that is understood, kept so that it happens once:
 *
 *     CACHE_DIR/onnx/KEY/model.onnx, model.onnx.data     KEY = SHA-256 of what the file is made from
 *                        model-PRECISION.onnx …          the same for our own kernels
 *                        same                            of an ONNX file: the kernels compute what it does …
 *                        left-alone                      … or why it runs as it is
 */
#ifndef RF_PROVIDER_CONVERTED_H
#define RF_PROVIDER_CONVERTED_H

#include "base/error.h"
#include "base/log.h"
#include "hub/hub.h"
#include "embed/embed.h"
#include "onnx/onnx.h"

/* Finds or makes the ONNX file of source->weights_file or, where there is none, for the kernels alone that of
 * source->onnx_file: RF_UNSUPPORTED says why that one is left alone. *onnx_file receives its path in new memory
 * (rf__free). Several processes may ask at once: one makes it, the others wait. int8 is fitted to what the model's
 * layers read: the int16 file is made first and run for that. `err` is not NULL. */
rf_status rf__converted_onnx(const struct model_source *source, const struct model_config *config,
                             enum onnx_precision precision, const struct logger *logger, rf_progress_fn progress,
                             void *progress_user, char **onnx_file, rf_error *err);

#endif
