/* rebuilt: whether an encoder that was built anew out of an ONNX file computes what that file does. */
#ifndef RF_PROVIDER_REBUILT_H
#define RF_PROVIDER_REBUILT_H

#include "base/error.h"
#include "base/log.h"
#include "onnx/onnx.h"

/* Runs both on texts of many lengths, of ids from all over the vocabulary. RF_UNSUPPORTED where a token's vector
 * differs by more than rounding does; *difference receives the length of the largest difference, in units of the
 * vector's own. */
rf_status rf__rebuilt_check(const char *original, const char *rebuilt, const struct onnx_limits *limits,
                            double *difference, rf_error *err);

#endif
