/* quantize: rf__onnx_quantize() of onnx.h, for a file that was read. */
#ifndef RF_ONNX_QUANTIZE_H
#define RF_ONNX_QUANTIZE_H

#include "onnx/onnx_read.h"

/* The graph is to be written or freed after it; `how` must live until then. `path` is for messages. */
rf_status rf__quantize_file(struct onnx_file *file, const char *path, const struct onnx_quantize *how, rf_error *err);

#endif
