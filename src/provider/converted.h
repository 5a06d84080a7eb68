/*
 * converted: ONNX files made of weights, or of an ONNX file that is understood, kept so that it happens once:
 *
 *     CACHE_DIR/onnx/KEY/model.onnx, model.onnx.data     KEY = SHA-256 of what the file is made from
 *                        model-PRECISION.onnx …          the same for our own kernels
 *                        model-int16.onnx.cosine         how near to fp32 that comes
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

/* What files are made of. */
struct converted {
    const struct model_source *source;
    const struct model_config *config;
    const struct logger *logger;
    rf_progress_fn progress; /* NULL: none */
    void *progress_user;
};

/* Finds or makes the ONNX file of source->weights_file or, where there is none, for the kernels alone that of
 * source->onnx_file: RF_UNSUPPORTED says why that one is left alone. *onnx_file receives its path in new memory
 * (rf__free). Several processes may ask at once: one makes it, the others wait. int8 is fitted to what the model's
 * layers read: the int16 file is made first and run for that. `err` is not NULL. */
rf_status rf__converted_onnx(const struct converted *wanted, enum onnx_precision precision, char **onnx_file,
                             rf_error *err);

/* How near to fp32 such a file that was made comes: the lowest cosine on calibration texts, found once and noted. */
#define CONVERTED_FAITHFUL 0.99999 /* what int16 is to keep, to be taken for fp32 */
rf_status rf__converted_cosine(const struct converted *wanted, enum onnx_precision precision, double *lowest,
                               rf_error *err);

#endif
