/* index: who makes the values of a graph, and how often they are used, by name; of no more use once the graph was
 * changed. */
#ifndef RF_ONNX_INDEX_H
#define RF_ONNX_INDEX_H

#include "onnx/graph.h"

struct place {
    const char *name;
    Onnx__NodeProto *producer; /* NULL: an input or an initializer */
    size_t initializer;        /* SIZE_MAX: none */
    size_t n_uses;             /* of nodes and of graphs inside them */
    bool is_output;            /* of the graph */
};

struct index {
    struct place *places; /* [n], sorted by name */
    size_t n;
};

/* RF_BAD_FORMAT where two nodes make the same value. `path` is for messages. */
rf_status rf__index_build(struct graph *graph, const char *path, struct index *out, rf_error *err);
void rf__index_release(struct index *index); /* fine on a zeroed one */

/* NULL: there is no such value. */
const struct place *rf__index_find(const struct index *index, const char *name);

/* Removes nodes whose values nobody uses, and constants likewise. */
rf_status rf__graph_drop_unused(struct graph *graph, const char *path, rf_error *err);

#endif
