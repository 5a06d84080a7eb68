/*
 * graph: an ONNX graph while it is built. It is made of protobuf-c's own messages, in memory that belongs to the graph.
 *
 * A value is its name. The first failure is kept and makes every later call do nothing (values are then NULL), so that
 * an architecture reads as one line per operator; rf__graph_status() tells at the end.
 */
#ifndef RF_ONNX_GRAPH_H
#define RF_ONNX_GRAPH_H

#include "base/error.h"
#include "weights/weights.h"

#include "onnx.pb-c.h"

#define GRAPH_MICROSOFT "com.microsoft" /* ONNX Runtime's own operators */
#define GRAPH_OURS      "rag_factory"   /* ours: see engine/encoder_op.h */

struct graph;
typedef const char *value; /* NULL after a failure; "" is an input that is left out */

/* `err` receives the first failure and must outlive the graph; may be NULL. NULL when out of memory. */
struct graph *rf__graph_new(const char *name, rf_error *err);
void rf__graph_free(struct graph *graph); /* with its subgraphs; NULL is fine */

/* A graph inside `outer`, for the branch of an If: it sees outer's values and is freed with it. */
struct graph *rf__graph_sub(struct graph *outer, const char *name);

rf_status rf__graph_status(const struct graph *graph);
/* Records a failure, unless there is one already; the caller has filled the graph's error. */
void rf__graph_fail(struct graph *graph, rf_status status);
rf_error *rf__graph_error(struct graph *graph); /* where to write the failure; a spare one after the first */

/* printf into the graph's memory. */
value rf__graph_name(struct graph *graph, const char *format, ...) RF_PRINTF(2, 3);

/* Whether only operators of ONNX itself, as they were in opset 17, are used: to be set before anything is added. */
void rf__graph_set_portable(struct graph *graph, bool is_portable);
bool rf__graph_is_portable(const struct graph *graph);

/* Put in front of the names of nodes and constants from now on, for layers that share their weights. NULL: nothing. */
void rf__graph_scope(struct graph *graph, const char *scope);

/* Inputs and outputs. A dimension is a number or, where that is 0, a name. */
struct dimension {
    uint64_t size;
    const char *name;
};
value rf__graph_input(struct graph *graph, const char *name, int type, const struct dimension *dims, size_t rank);
void rf__graph_output(struct graph *graph, const char *name, int type, const struct dimension *dims, size_t rank);

/* Constants inside the ONNX file: rank-1 tensors, and scalars, of int64 and float. */
value rf__graph_ints(struct graph *graph, const char *name, const int64_t *values, size_t n);
value rf__graph_int(struct graph *graph, const char *name, int64_t number);
value rf__graph_float(struct graph *graph, const char *name, float number);
value rf__graph_floats(struct graph *graph, const char *name, const float *numbers, size_t n); /* rank 1 */

/* A tensor of the weights as fp32, in the external data; `tensor` must live until the graph was written. One that was
 * added before under this name is not added again. */
value rf__graph_tensor(struct graph *graph, const char *name, const struct tensor *tensor);

/* A tensor whose bytes are made when the file is written: `make` fills `out`, n elements of `type`. `arg`
 * must live as long; rf__graph_alloc() gives such memory. */
#define MADE_MAX_RANK 3
struct made_tensor {
    int type;                    /* ONNX__TENSOR_PROTO__DATA_TYPE__… */
    size_t n, size;              /* elements, bytes of one */
    int64_t dims[MADE_MAX_RANK]; /* of rank > 0 */
    size_t rank;                 /* 0: [n] */
    rf_status (*make)(const void *arg, void *out, rf_error *err);
    const void *arg;
};
value rf__graph_made(struct graph *graph, const char *name, const struct made_tensor *made);

enum attribute_kind { ATTRIBUTE_INT = 0, ATTRIBUTE_INTS, ATTRIBUTE_FLOAT, ATTRIBUTE_STRING, ATTRIBUTE_GRAPH };
#define ATTRIBUTE_MAX_INTS 4

struct attribute {
    const char *name;
    enum attribute_kind kind; /* which of these is meant */
    int64_t i;
    int64_t ints[ATTRIBUTE_MAX_INTS];
    size_t n_ints;
    float f;
    const char *s;
    struct graph *graph;
};

#define NODE_MAX_INPUTS     8
#define NODE_MAX_ATTRIBUTES 25

struct node {
    const char *op;
    const char *domain;                /* NULL: ONNX's own */
    value inputs[NODE_MAX_INPUTS + 1]; /* ended by NULL */
    const value *more;                 /* [n_more]: inputs behind those */
    size_t n_more;
    struct attribute attributes[NODE_MAX_ATTRIBUTES + 1]; /* ended by one without a name */
};

/* Adds a node with one output, which is named as the node. */
value rf__graph_node(struct graph *graph, const char *name, const struct node *node);

/* The same with n outputs, the first named as the node. */
#define GRAPH_MAX_PARTS 3
void rf__graph_node_of(struct graph *graph, const char *name, const struct node *node, size_t n, value *outputs);

/* The commonest: an operator of ONNX with one or two inputs and no attributes. */
value rf__graph_unary(struct graph *graph, const char *name, const char *op, value x);
value rf__graph_binary(struct graph *graph, const char *name, const char *op, value x, value y);

/* Cuts x along an axis into n parts that are equally wide. */
void rf__graph_split(struct graph *graph, const char *name, value x, int64_t axis, size_t n, value *parts);

/* What lies behind an initializer whose data is not in the message: one of the three. */
struct external {
    const struct tensor *tensor; /* is written as fp32 */
    const struct made_tensor *made;
    const uint8_t *bytes; /* [n_bytes], as they are */
    size_t n_bytes;
};

/* What onnx_file.c writes: external[i] belongs to initializer i; NULL for the latter. */
struct graph_parts {
    Onnx__GraphProto *proto;
    const struct external *const *external;
};
struct graph_parts rf__graph_parts(struct graph *graph);

/* ---- Changing a graph that was read (onnx_read.h) -------------------------------------------------------------- */

/* Makes `proto`, whose memory is the graph's, the graph. */
void rf__graph_adopt(struct graph *graph, Onnx__GraphProto *proto);
/* Adds a tensor whose memory is the graph's. */
void rf__graph_add_tensor(struct graph *graph, Onnx__TensorProto *tensor);
/* Says where the elements of initializer i lie, which live as long as the graph; is_small: they go into the message. */
void rf__graph_set_bytes(struct graph *graph, size_t i, const uint8_t *bytes, size_t size, bool is_small);

/* An initializer that was read, or added by one of the functions for constants above. */
struct constant {
    const Onnx__TensorProto *proto;
    const uint8_t *bytes; /* little-endian, not aligned */
    uint64_t n;           /* elements */
};
void rf__graph_constant(struct graph *graph, size_t i, struct constant *out);

/* Takes all nodes out, for the caller to add each again, or others in its place. Returns how many. */
size_t rf__graph_take_nodes(struct graph *graph, Onnx__NodeProto ***nodes);
void rf__graph_keep_node(struct graph *graph, Onnx__NodeProto *node);

/* Removes the initializers that were set to NULL in the message. */
void rf__graph_close_gaps(struct graph *graph);

/* Memory that lives as long as the graph. NULL when out of memory, which is then the graph's failure. */
void *rf__graph_alloc(struct graph *graph, size_t size);

#endif
