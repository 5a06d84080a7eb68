/* onnx_file: writes a graph as an ONNX file, its tensors inside or in a second file beside it. */
#ifndef RF_ONNX_ONNX_FILE_H
#define RF_ONNX_ONNX_FILE_H

#include "onnx/graph.h"
#include "onnx/onnx.h"

struct onnx_opset {
    const char *domain;
    int64_t version;
};

struct onnx_entry {
    const char *key, *value; /* value NULL: is left out */
};

/* What is written, and where. */
struct onnx_target {
    const char *path;         /* the tensors' file is path + ".data" */
    size_t inline_limit;      /* as in struct onnx_build */
    const char *weights_path; /* where tensors come from, for messages */
    int64_t ir_version;
    const struct onnx_opset *opsets;
    size_t n_opsets;
    const struct onnx_entry *metadata;
    size_t n_metadata;
    rf_progress_fn progress;
    void *progress_user;
};

/* All files appear whole, or none is there. */
rf_status rf__onnx_file_write(struct graph *graph, const struct onnx_target *target, rf_error *err);

#endif
