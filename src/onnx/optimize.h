/* optimize: the passes of optimize.c that have files of their own. What a pass makes useless stays in the graph until
 * rf__graph_drop_unused(). */
#ifndef RF_ONNX_OPTIMIZE_H
#define RF_ONNX_OPTIMIZE_H

#include "onnx/recognize.h"

#include <string.h>

/* Whether a node is ONNX's own operator of that name. */
static inline bool rf__is_plain(const Onnx__NodeProto *node, const char *op)
{
    return *node->domain == '\0' && strcmp(node->op_type, op) == 0;
}

/* What is computed twice is computed once. `path` is for messages. */
rf_status rf__onnx_merge(struct graph *graph, const char *path, rf_error *err);

/* Adds ONNX Runtime's operator for the whole of what a chain ends with, in the place of `node`, the chain's last; false
 * where there is none. `terms` are general ones. */
bool rf__onnx_fuse(const struct terms *terms, struct onnx_file *file, const Onnx__NodeProto *node);

#endif
