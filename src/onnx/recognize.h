/*
 * recognize: an encoder in an ONNX file that somebody exported -> what it was exported from: the text of a config.json
 * and weights by the names that transformers gives them, so that the file goes the way of weights (arch.h).
 *
 * A graph is understood as a whole or not at all: node by node, from the inputs on, a value is a term (term.h), and the
 * output must be the term of an encoder of BERT's kind with everything that goes into it. What does not lead to that
 * output - poolers, other outputs, shapes - is of no matter.
 */
#ifndef RF_ONNX_RECOGNIZE_H
#define RF_ONNX_RECOGNIZE_H

#include "onnx/term.h"

#include "base/buf.h"

/* What is known of each value of a graph. */
struct terms {
    struct graph *graph;
    struct index index;
    const struct term **items; /* [index.n]: NULL for what is never made */
};
/* `is_general`: as term.h says. */
rf_status rf__terms_build(struct onnx_file *file, const char *path, bool is_general, struct terms *out, rf_error *err);
void rf__terms_release(struct terms *terms);                                   /* fine on a zeroed one */
const struct term *rf__terms_get(const struct terms *terms, const char *name); /* NULL: there is none */

/* The output that the engine reads (engine/session.c); NULL where there is none. */
const char *rf__onnx_output(const Onnx__GraphProto *proto);

struct recognized {
    struct buf config;
    struct onnx_limits limits;
    struct weights *weights; /* the tensors lie in the file, which must outlive them */
};

/* RF_UNSUPPORTED says what the first thing is that is not understood. `path` is for messages. */
rf_status rf__recognize(struct onnx_file *file, const char *path, struct recognized *out, rf_error *err);
void rf__recognized_release(struct recognized *recognized); /* fine on a zeroed one */

/* Of `term`, the output of a graph (recognized.c). The texts that `out` gets are the graph's. */
rf_status rf__recognize_encoder(const struct term *term, struct graph *graph, const char *path, struct recognized *out,
                                rf_error *err);

/* Takes out of a graph what a run does not need (optimize.c), whether or not an encoder is recognized in it.
 * `is_portable`: no operator comes in that is not there. */
rf_status rf__onnx_tidy(struct onnx_file *file, const char *path, bool is_portable, rf_error *err);

#endif
