/* onnx_fields: the numbers of the fields of onnx.proto (third_party/onnx) that are read with wire.h, without parsing
 * the whole file. */
#ifndef RF_BASE_ONNX_FIELDS_H
#define RF_BASE_ONNX_FIELDS_H

enum {
    MODEL_GRAPH = 7,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_TENSOR = 5,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_RAW_DATA = 9,
    TENSOR_EXTERNAL_DATA = 13,
    TENSOR_DATA_LOCATION = 14,
    ENTRY_KEY = 1, /* of StringStringEntryProto */
    ENTRY_VALUE = 2,
};

#endif
