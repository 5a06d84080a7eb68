/* onnx_wire: what has to be known of a file before protobuf-c reads it, which recurses as deep as a file likes. */
#ifndef RF_ONNX_ONNX_WIRE_H
#define RF_ONNX_ONNX_WIRE_H

#include "base/error.h"

/* Whether messages inside each other - graphs in nodes, types in types - are at most `max_depth` deep in a serialized
 * ModelProto, and none is cut. */
bool rf__onnx_is_shallow(const uint8_t *model, size_t len, unsigned max_depth);

#endif
