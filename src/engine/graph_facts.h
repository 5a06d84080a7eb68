/*
 * graph_facts: what an ONNX file is made of, read from the file without running it: how many numbers its weights are,
 * and what they are stored in. Two kinds of things tell: the types of the initializers, and operators whose weights are
 * packed in bytes.
 *
 *     ModelProto { ir_version(1), opset_import(8) …, graph(7) { node(1) …, initializer(5) … } }
 *
 * Format: github.com/onnx/onnx, onnx.proto; MatMulNBits and its kin: onnxruntime, docs/ContribOperators.md. Graphs
 * inside of nodes (If, Loop) and functions are not looked at.
 */
#ifndef RF_ENGINE_GRAPH_FACTS_H
#define RF_ENGINE_GRAPH_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graph_facts {
    const char *precision; /* of the linear layers: "fp32", "fp16", "bf16", "int8", "q4", "q4 with fp16", "q2" */
    bool mixes_texts; /* a quantized scale is that of a whole batch, so that a text's vector depends on the others */
    uint64_t n_parameters; /* numbers in weights; of quantized ones too, their scales included */
};

/* False when the bytes do not read as an ONNX model; *out is zeroed then. */
bool rf__graph_facts(const uint8_t *model, size_t len, struct graph_facts *out);

#endif
