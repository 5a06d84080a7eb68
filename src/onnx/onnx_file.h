/* onnx_file: writes a graph as an ONNX file with its tensors beside it. */
#ifndef RF_ONNX_ONNX_FILE_H
#define RF_ONNX_ONNX_FILE_H

#include "onnx/graph.h"
#include "onnx/onnx.h"

/* Writes build->out_path and build->out_path + ".data": both appear whole, or neither is there. */
rf_status rf__onnx_file_write(struct graph *graph, const struct onnx_build *build, rf_error *err);

#endif
