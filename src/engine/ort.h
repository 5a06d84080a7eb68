/* ort: the one place that includes ONNX Runtime, and what session.c and session_options.c share of it. */
#ifndef RF_ENGINE_ORT_H
#define RF_ENGINE_ORT_H

#include "engine/engine.h"

#include <onnxruntime_c_api.h>

/* The oldest API that has all we call (SetUserLoggingFunction, 1.17); any newer ONNX Runtime serves it too. */
#define RF_ORT_API 17

/* ONNX Runtime's table of functions. RF_ENGINE when the library that was found is too old: says which it is. */
rf_status rf__ort_api(const OrtApi **out, rf_error *err);

/* RF_OK for NULL; otherwise frees `failure` and fails with its message: "WHAT: ONNX Runtime: …". */
rf_status rf__ort_check(const OrtApi *ort, OrtStatus *failure, rf_error *err, const char *what);

/* Applies "name=value" strings, each of which `logger` is told; RF_INVALID_ARGUMENT names a wrong one, with the right
 * ones. */
rf_status rf__session_options_apply(const OrtApi *ort, OrtSessionOptions *options, const char *const *settings,
                                    const struct logger *logger, rf_error *err);

#endif
