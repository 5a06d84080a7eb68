/*
 * graph: see graph.h. All memory of a graph and its subgraphs is one chain of blocks that the outermost graph frees;
 * arrays that grow leave their old memory in it. Nothing of protobuf-c's own allocation is used.
 */
#include "onnx/graph.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* One allocation; the memory follows, aligned for anything. */
union block {
    union block *next;
    max_align_t align;
};

struct graph {
    struct graph *outermost; /* holds memory, status and error for all */
    union block *blocks;
    rf_status status;
    rf_error *err;
    rf_error spare;    /* takes what comes after the first failure */
    const char *scope; /* in front of the names of nodes and constants */
    bool is_portable;
    Onnx__GraphProto *proto;
    const struct external **external; /* [proto->n_initializer] */
    size_t cap_node, cap_initializer, cap_external, cap_input, cap_output;
};

/* ---- Memory and failure -------------------------------------------------------------------------------------- */

void *rf__graph_alloc(struct graph *graph, size_t size)
{
    struct graph *outer = graph->outermost;
    union block *block;
    size_t all;

    if (outer->status != RF_OK)
        return NULL;
    block = rf__add(size, sizeof *block, &all) ? rf__alloc(all) : NULL;
    if (block == NULL) {
        outer->status = rf__fail_memory(outer->err);
        return NULL;
    }
    block->next = outer->blocks;
    outer->blocks = block;
    return block + 1;
}

rf_status rf__graph_status(const struct graph *graph)
{
    return graph->outermost->status;
}

void rf__graph_fail(struct graph *graph, rf_status status)
{
    if (graph->outermost->status == RF_OK)
        graph->outermost->status = status;
}

rf_error *rf__graph_error(struct graph *graph)
{
    struct graph *outer = graph->outermost;

    return outer->status == RF_OK ? outer->err : &outer->spare;
}

value rf__graph_name(struct graph *graph, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    text = rf__graph_alloc(graph, (size_t)len + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

void rf__graph_scope(struct graph *graph, const char *scope)
{
    graph->outermost->scope = scope == NULL ? "" : scope;
}

void rf__graph_set_portable(struct graph *graph, bool is_portable)
{
    graph->outermost->is_portable = is_portable;
}

bool rf__graph_is_portable(const struct graph *graph)
{
    return graph->outermost->is_portable;
}

/* protobuf-c's messages hold text without const; none of it is written to. */
static char *mutable_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static char *copy_text(struct graph *graph, const char *text)
{
    return text == NULL ? NULL : mutable_text(rf__graph_name(graph, "%s", text));
}

static char *scoped(struct graph *graph, const char *name)
{
    return name == NULL ? NULL : mutable_text(rf__graph_name(graph, "%s%s", graph->outermost->scope, name));
}

/* Makes room for one more element of an array of pointers that holds n; the new array, or NULL. */
static void *grow(struct graph *graph, const void *array, size_t n, size_t *cap)
{
    size_t more = *cap == 0 ? 16 : *cap * 2, bytes;
    void *larger;

    if (n < *cap)
        return (void *)(uintptr_t)array;
    if (!rf__mul(more, sizeof(void *), &bytes) || (larger = rf__graph_alloc(graph, bytes)) == NULL)
        return NULL;
    if (n > 0)
        memcpy(larger, array, n * sizeof(void *));
    *cap = more;
    return larger;
}

/* ---- Graphs -------------------------------------------------------------------------------------------------- */

static bool make_proto(struct graph *graph, const char *name)
{
    graph->proto = rf__graph_alloc(graph, sizeof *graph->proto);
    if (graph->proto == NULL)
        return false;
    onnx__graph_proto__init(graph->proto);
    graph->proto->name = copy_text(graph, name);
    return graph->proto->name != NULL;
}

struct graph *rf__graph_new(const char *name, rf_error *err)
{
    struct graph *graph = rf__calloc(1, sizeof *graph);

    if (graph == NULL)
        return NULL;
    graph->outermost = graph;
    graph->scope = "";
    graph->err = err;
    if (!make_proto(graph, name)) {
        rf__graph_free(graph);
        return NULL;
    }
    return graph;
}

struct graph *rf__graph_sub(struct graph *outer, const char *name)
{
    struct graph *graph = rf__graph_alloc(outer, sizeof *graph);

    if (graph == NULL)
        return NULL;
    *graph = (struct graph){.outermost = outer->outermost};
    return make_proto(graph, name) ? graph : NULL;
}

void rf__graph_free(struct graph *graph)
{
    if (graph == NULL)
        return;
    assert(graph->outermost == graph);
    while (graph->blocks != NULL) {
        union block *next = graph->blocks->next;
        rf__free(graph->blocks);
        graph->blocks = next;
    }
    rf__free(graph);
}

struct graph_parts rf__graph_parts(struct graph *graph)
{
    return (struct graph_parts){graph->proto, graph->external};
}

/* ---- Inputs and outputs -------------------------------------------------------------------------------------- */

static Onnx__TensorShapeProto__Dimension *make_dimension(struct graph *graph, const struct dimension *dim)
{
    Onnx__TensorShapeProto__Dimension *proto = rf__graph_alloc(graph, sizeof *proto);

    if (proto == NULL)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(proto);
    if (dim->size != 0) {
        proto->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        proto->dim_value = (int64_t)dim->size;
    } else {
        proto->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        proto->dim_param = copy_text(graph, dim->name);
    }
    return proto;
}

static Onnx__TensorShapeProto *make_shape(struct graph *graph, const struct dimension *dims, size_t rank)
{
    Onnx__TensorShapeProto *shape = rf__graph_alloc(graph, sizeof *shape);
    Onnx__TensorShapeProto__Dimension **list = rf__graph_alloc(graph, rank * sizeof(void *));

    if (shape == NULL || list == NULL)
        return NULL;
    onnx__tensor_shape_proto__init(shape);
    for (size_t i = 0; i < rank; i++)
        list[i] = make_dimension(graph, &dims[i]);
    shape->dim = list;
    shape->n_dim = rank;
    return shape;
}

/* `dims` may be NULL: a shape that is not told. */
static Onnx__ValueInfoProto *make_value(struct graph *graph, const char *name, int type, const struct dimension *dims,
                                        size_t rank)
{
    Onnx__ValueInfoProto *info = rf__graph_alloc(graph, sizeof *info);
    Onnx__TypeProto *type_proto = rf__graph_alloc(graph, sizeof *type_proto);
    Onnx__TypeProto__Tensor *tensor = rf__graph_alloc(graph, sizeof *tensor);

    if (info == NULL || type_proto == NULL || tensor == NULL)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type_proto);
    onnx__type_proto__tensor__init(tensor);
    info->name = copy_text(graph, name);
    info->type = type_proto;
    type_proto->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type_proto->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = type;
    tensor->shape = dims == NULL ? NULL : make_shape(graph, dims, rank);
    return info;
}

value rf__graph_input(struct graph *graph, const char *name, int type, const struct dimension *dims, size_t rank)
{
    Onnx__GraphProto *proto = graph->proto;
    Onnx__ValueInfoProto *info = make_value(graph, name, type, dims, rank);
    Onnx__ValueInfoProto **list = grow(graph, proto->input, proto->n_input, &graph->cap_input);

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    list[proto->n_input++] = info;
    proto->input = list;
    return info->name;
}

void rf__graph_output(struct graph *graph, const char *name, int type, const struct dimension *dims, size_t rank)
{
    Onnx__GraphProto *proto = graph->proto;
    Onnx__ValueInfoProto *info = make_value(graph, name, type, dims, rank);
    Onnx__ValueInfoProto **list = grow(graph, proto->output, proto->n_output, &graph->cap_output);

    if (rf__graph_status(graph) != RF_OK)
        return;
    list[proto->n_output++] = info;
    proto->output = list;
}

/* ---- Initializers -------------------------------------------------------------------------------------------- */

static Onnx__TensorProto *add_initializer(struct graph *graph, const char *name, int32_t type,
                                          const struct external *external)
{
    Onnx__GraphProto *proto = graph->proto;
    size_t n = proto->n_initializer;
    Onnx__TensorProto *tensor = rf__graph_alloc(graph, sizeof *tensor);
    Onnx__TensorProto **list = grow(graph, proto->initializer, n, &graph->cap_initializer);
    const struct external **externals = grow(graph, graph->external, n, &graph->cap_external);
    char *copy = copy_text(graph, name);

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    onnx__tensor_proto__init(tensor);
    tensor->name = copy;
    tensor->has_data_type = true;
    tensor->data_type = type;
    list[n] = tensor;
    externals[n] = external;
    proto->initializer = list;
    proto->n_initializer = n + 1;
    graph->external = externals;
    return tensor;
}

value rf__graph_ints(struct graph *graph, const char *name, const int64_t *values, size_t n)
{
    Onnx__TensorProto *tensor = add_initializer(graph, scoped(graph, name), ONNX__TENSOR_PROTO__DATA_TYPE__INT64, NULL);
    int64_t *dims = rf__graph_alloc(graph, sizeof *dims), *data = rf__graph_alloc(graph, n * sizeof *data);

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    memcpy(data, values, n * sizeof *data);
    dims[0] = (int64_t)n;
    tensor->dims = dims;
    tensor->n_dims = 1;
    tensor->int64_data = data;
    tensor->n_int64_data = n;
    return tensor->name;
}

value rf__graph_int(struct graph *graph, const char *name, int64_t number)
{
    value scalar = rf__graph_ints(graph, name, &number, 1);

    if (scalar != NULL)
        graph->proto->initializer[graph->proto->n_initializer - 1]->n_dims = 0;
    return scalar;
}

value rf__graph_floats(struct graph *graph, const char *name, const float *numbers, size_t n)
{
    Onnx__TensorProto *tensor = add_initializer(graph, scoped(graph, name), ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, NULL);
    float *data = rf__graph_alloc(graph, n * sizeof *data);
    int64_t *dims = rf__graph_alloc(graph, sizeof *dims);

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    memcpy(data, numbers, n * sizeof *data);
    dims[0] = (int64_t)n;
    tensor->dims = dims;
    tensor->n_dims = 1;
    tensor->float_data = data;
    tensor->n_float_data = n;
    return tensor->name;
}

value rf__graph_float(struct graph *graph, const char *name, float number)
{
    value scalar = rf__graph_floats(graph, name, &number, 1);

    if (scalar != NULL)
        graph->proto->initializer[graph->proto->n_initializer - 1]->n_dims = 0;
    return scalar;
}

static const struct external *make_external(struct graph *graph, const struct tensor *tensor,
                                            const struct made_tensor *made)
{
    struct external *external = rf__graph_alloc(graph, sizeof *external);

    if (external != NULL)
        *external = (struct external){.tensor = tensor, .made = made};
    return external;
}

value rf__graph_tensor(struct graph *graph, const char *name, const struct tensor *tensor)
{
    const struct external *external;
    Onnx__TensorProto *proto;
    int64_t *dims;

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    for (size_t i = 0; i < graph->proto->n_initializer; i++)
        if (graph->external[i] != NULL && graph->external[i]->tensor == tensor &&
            strcmp(graph->proto->initializer[i]->name, name) == 0)
            return graph->proto->initializer[i]->name;
    external = make_external(graph, tensor, NULL);
    proto = add_initializer(graph, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, external);
    dims = rf__graph_alloc(graph, tensor->rank * sizeof *dims);
    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    for (uint32_t i = 0; i < tensor->rank; i++)
        dims[i] = (int64_t)tensor->shape[i];
    proto->dims = dims;
    proto->n_dims = tensor->rank;
    return proto->name;
}

value rf__graph_made(struct graph *graph, const char *name, const struct made_tensor *made)
{
    struct made_tensor *copy = rf__graph_alloc(graph, sizeof *copy);
    const struct external *external = make_external(graph, NULL, copy);
    int64_t *dims = rf__graph_alloc(graph, sizeof made->dims);
    Onnx__TensorProto *proto;

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    *copy = *made;
    memcpy(dims, made->dims, sizeof made->dims);
    if (made->rank == 0)
        dims[0] = (int64_t)made->n;
    proto = add_initializer(graph, name, made->type, external);
    if (proto == NULL)
        return NULL;
    proto->dims = dims;
    proto->n_dims = made->rank == 0 ? 1 : made->rank;
    return proto->name;
}

/* ---- Nodes --------------------------------------------------------------------------------------------------- */

static Onnx__AttributeProto *make_attribute(struct graph *graph, const struct attribute *attribute)
{
    Onnx__AttributeProto *proto = rf__graph_alloc(graph, sizeof *proto);

    if (proto == NULL)
        return NULL;
    onnx__attribute_proto__init(proto);
    proto->name = copy_text(graph, attribute->name);
    proto->has_type = true;
    switch (attribute->kind) {
    case ATTRIBUTE_INT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        proto->has_i = true;
        proto->i = attribute->i;
        break;
    case ATTRIBUTE_INTS:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        proto->ints = rf__graph_alloc(graph, sizeof attribute->ints);
        proto->n_ints = attribute->n_ints;
        if (proto->ints != NULL)
            memcpy(proto->ints, attribute->ints, sizeof attribute->ints);
        break;
    case ATTRIBUTE_FLOAT:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        proto->has_f = true;
        proto->f = attribute->f;
        break;
    case ATTRIBUTE_STRING:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        proto->has_s = true;
        proto->s.data = (uint8_t *)copy_text(graph, attribute->s);
        proto->s.len = strlen(attribute->s);
        break;
    case ATTRIBUTE_GRAPH:
        proto->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
        proto->g = attribute->graph->proto;
        break;
    }
    return proto;
}

/* Copies inputs and attributes into the message. */
static void fill_node(struct graph *graph, Onnx__NodeProto *proto, const struct node *node)
{
    size_t n_inputs = 0, n_attributes = 0;

    while (n_inputs < NODE_MAX_INPUTS && node->inputs[n_inputs] != NULL)
        n_inputs++;
    while (n_attributes < NODE_MAX_ATTRIBUTES && node->attributes[n_attributes].name != NULL)
        n_attributes++;
    proto->input = rf__graph_alloc(graph, (n_inputs + node->n_more) * sizeof(void *));
    proto->attribute = rf__graph_alloc(graph, n_attributes * sizeof(void *));
    if (proto->input == NULL || proto->attribute == NULL)
        return;
    for (size_t i = 0; i < n_inputs; i++)
        proto->input[i] = mutable_text(node->inputs[i]);
    for (size_t i = 0; i < node->n_more; i++)
        proto->input[n_inputs + i] = mutable_text(node->more[i]);
    for (size_t i = 0; i < n_attributes; i++)
        proto->attribute[i] = make_attribute(graph, &node->attributes[i]);
    proto->n_input = n_inputs + node->n_more;
    proto->n_attribute = n_attributes;
}

static Onnx__NodeProto *add_node(struct graph *graph, const char *name, const struct node *node, size_t n_outputs)
{
    Onnx__NodeProto *proto, **list;

    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    proto = rf__graph_alloc(graph, sizeof *proto);
    list = grow(graph, graph->proto->node, graph->proto->n_node, &graph->cap_node);
    if (proto == NULL || list == NULL)
        return NULL;
    onnx__node_proto__init(proto);
    proto->name = scoped(graph, name);
    proto->op_type = copy_text(graph, node->op);
    proto->domain = copy_text(graph, node->domain);
    proto->output = rf__graph_alloc(graph, n_outputs * sizeof *proto->output);
    fill_node(graph, proto, node);
    if (rf__graph_status(graph) != RF_OK)
        return NULL;
    proto->output[0] = proto->name;
    proto->n_output = n_outputs;
    list[graph->proto->n_node++] = proto;
    graph->proto->node = list;
    return proto;
}

value rf__graph_node(struct graph *graph, const char *name, const struct node *node)
{
    const Onnx__NodeProto *proto = add_node(graph, name, node, 1);

    return proto == NULL ? NULL : proto->name;
}

void rf__graph_node_of(struct graph *graph, const char *name, const struct node *node, size_t n, value *outputs)
{
    Onnx__NodeProto *proto = add_node(graph, name, node, n);

    for (size_t i = 0; i < n; i++)
        outputs[i] = NULL;
    for (size_t i = 0; proto != NULL && i < n; i++) {
        if (i > 0)
            proto->output[i] = mutable_text(rf__graph_name(graph, "%s.%zu", proto->name, i));
        outputs[i] = proto->output[i];
    }
}

void rf__graph_split(struct graph *graph, const char *name, value x, int64_t axis, size_t n, value *parts)
{
    struct node node = {.op = "Split",
                        .inputs = {x},
                        .attributes = {{.name = "axis", .i = axis}, {.name = "num_outputs", .i = (int64_t)n}}};

    assert(n <= GRAPH_MAX_PARTS);
    if (rf__graph_is_portable(graph))
        node.attributes[1].name = NULL; /* opset 18 brought it; before, the number of outputs said it */
    rf__graph_node_of(graph, name, &node, n, parts);
}

value rf__graph_unary(struct graph *graph, const char *name, const char *op, value x)
{
    return rf__graph_node(graph, name, &(struct node){.op = op, .inputs = {x}});
}

value rf__graph_binary(struct graph *graph, const char *name, const char *op, value x, value y)
{
    return rf__graph_node(graph, name, &(struct node){.op = op, .inputs = {x, y}});
}

/* ---- Changing a graph ---------------------------------------------------------------------------------------- */

void rf__graph_adopt(struct graph *graph, Onnx__GraphProto *proto)
{
    const struct external **external = rf__graph_alloc(graph, (proto->n_initializer + 1) * sizeof *external);

    if (external == NULL)
        return;
    for (size_t i = 0; i < proto->n_initializer; i++)
        external[i] = NULL;
    proto->n_value_info = 0; /* of the graph as it was */
    proto->n_quantization_annotation = 0;
    graph->proto = proto;
    graph->external = external;
    graph->cap_node = proto->n_node;
    graph->cap_initializer = graph->cap_external = proto->n_initializer;
    graph->cap_input = proto->n_input;
    graph->cap_output = proto->n_output;
}

void rf__graph_add_tensor(struct graph *graph, Onnx__TensorProto *tensor)
{
    Onnx__GraphProto *proto = graph->proto;
    size_t n = proto->n_initializer;
    Onnx__TensorProto **list = grow(graph, proto->initializer, n, &graph->cap_initializer);
    const struct external **externals = grow(graph, graph->external, n, &graph->cap_external);

    if (rf__graph_status(graph) != RF_OK)
        return;
    list[n] = tensor;
    externals[n] = NULL;
    proto->initializer = list;
    proto->n_initializer = n + 1;
    graph->external = externals;
}

void rf__graph_set_bytes(struct graph *graph, size_t i, const uint8_t *bytes, size_t size, bool is_small)
{
    Onnx__TensorProto *tensor = graph->proto->initializer[i];
    struct external *external;

    tensor->n_float_data = tensor->n_int32_data = tensor->n_int64_data = tensor->n_double_data = 0;
    tensor->n_uint64_data = tensor->n_external_data = 0;
    tensor->has_data_location = false;
    tensor->has_raw_data = is_small;
    tensor->raw_data.len = is_small ? size : 0;
    tensor->raw_data.data = is_small ? (uint8_t *)(uintptr_t)bytes : NULL;
    graph->external[i] = NULL;
    if (is_small)
        return;
    external = rf__graph_alloc(graph, sizeof *external);
    if (external == NULL)
        return;
    *external = (struct external){.bytes = bytes, .n_bytes = size};
    graph->external[i] = external;
}

void rf__graph_constant(struct graph *graph, size_t i, struct constant *out)
{
    const Onnx__TensorProto *tensor = graph->proto->initializer[i];

    *out = (struct constant){.proto = tensor, .n = 1};
    for (size_t k = 0; k < tensor->n_dims; k++)
        out->n *= (uint64_t)tensor->dims[k];
    if (graph->external[i] != NULL)
        out->bytes = graph->external[i]->bytes;
    else if (tensor->has_raw_data)
        out->bytes = tensor->raw_data.data;
    else if (tensor->n_int64_data > 0)
        out->bytes = (const uint8_t *)tensor->int64_data;
    else
        out->bytes = (const uint8_t *)tensor->float_data;
}

size_t rf__graph_take_nodes(struct graph *graph, Onnx__NodeProto ***nodes)
{
    size_t n = graph->proto->n_node;

    *nodes = graph->proto->node;
    graph->proto->node = NULL;
    graph->proto->n_node = 0;
    graph->cap_node = 0;
    return n;
}

void rf__graph_keep_node(struct graph *graph, Onnx__NodeProto *node)
{
    Onnx__NodeProto **list = grow(graph, graph->proto->node, graph->proto->n_node, &graph->cap_node);

    if (list == NULL)
        return;
    list[graph->proto->n_node++] = node;
    graph->proto->node = list;
}

void rf__graph_close_gaps(struct graph *graph)
{
    Onnx__GraphProto *proto = graph->proto;
    size_t kept = 0;

    for (size_t i = 0; i < proto->n_initializer; i++) {
        if (proto->initializer[i] == NULL)
            continue;
        graph->external[kept] = graph->external[i];
        proto->initializer[kept++] = proto->initializer[i];
    }
    proto->n_initializer = kept;
}
