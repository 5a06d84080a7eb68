/*
 * probe: a model that says how large the values are that its matrices meet, for smoothing (quantize.c): the graph with
 * one output, the largest absolute value of each channel over all tokens, groups of linears.h end to end.
 */
#include "onnx/linears.h"

#include "base/mem.h"

#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

/* x [..., k] -> [k] */
static value largest(struct onnx_file *file, const char *at, const char *x, uint64_t k)
{
    struct graph *g = file->graph;
    value rows = rf__graph_ints(g, rf__graph_name(g, "%s.shape", at), (const int64_t[]){-1, (int64_t)k}, 2), y;
    struct node reduce = {.op = "ReduceMax",
                          .attributes = {{.name = "keepdims", .i = 0},
                                         {.name = "axes", .kind = ATTRIBUTE_INTS, .ints = {0}, .n_ints = 1}}};

    y = rf__graph_unary(g, rf__graph_name(g, "%s.abs", at), "Abs", x);
    reduce.inputs[0] = rf__graph_binary(g, rf__graph_name(g, "%s.rows", at), "Reshape", y, rows);
    if (file->opset >= 18) {
        reduce.attributes[1].name = NULL;
        reduce.inputs[1] = rf__graph_ints(g, rf__graph_name(g, "%s.axis", at), &(int64_t){0}, 1);
    }
    return rf__graph_node(g, rf__graph_name(g, "%s.largest", at), &reduce);
}

/* The largest of all inputs of a group, [k]. */
static value largest_of_group(struct onnx_file *file, const struct linears *linears, size_t group)
{
    struct graph *g = file->graph;
    value all = NULL;

    for (size_t i = 0; i < linears->n; i++) {
        const struct linear *linear = &linears->items[i];
        value y;
        if (linear->group != group || !linear->is_first)
            continue;
        y = largest(file, rf__graph_name(g, "rag_factory.probe.%zu", i), linear->x, linear->k);
        all = all == NULL ? y : rf__graph_binary(g, rf__graph_name(g, "rag_factory.probe.%zu.all", i), "Max", all, y);
    }
    return all;
}

static void add_output(struct onnx_file *file, const struct linears *linears)
{
    const struct dimension dims[] = {{1, NULL}, {linears->n_channels, NULL}};
    struct graph *g = file->graph;
    value *groups = rf__graph_alloc(g, linears->n_groups * sizeof *groups), y;

    if (groups == NULL)
        return;
    for (size_t i = 0; i < linears->n_groups; i++)
        groups[i] = largest_of_group(file, linears, i);
    y = rf__graph_node(
        g, "rag_factory.probe.list",
        &(struct node){
            .op = "Concat", .more = groups, .n_more = linears->n_groups, .attributes = {{.name = "axis", .i = 0}}});
    rf__graph_binary(g, "sentence_embedding", "Reshape", y,
                     rf__graph_ints(g, "rag_factory.probe.shape", (const int64_t[]){1, -1}, 2));
    rf__graph_parts(g).proto->n_output = 0;
    rf__graph_output(g, "sentence_embedding", FLOAT, dims, 2);
}

/* A value of the graph that has the name of our output gives it up. */
static void free_name(struct onnx_file *file)
{
    Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;

    for (size_t i = 0; i < proto->n_node; i++) {
        for (size_t k = 0; k < proto->node[i]->n_input + proto->node[i]->n_output; k++) {
            char **name = k < proto->node[i]->n_input ? &proto->node[i]->input[k]
                                                      : &proto->node[i]->output[k - proto->node[i]->n_input];
            if (strcmp(*name, "sentence_embedding") == 0)
                *name = (char *)(uintptr_t)rf__graph_name(file->graph, "rag_factory.probe.pooled");
        }
    }
}

rf_status rf__onnx_probe(const char *path, const char *out_path, size_t *n_channels, rf_error *err)
{
    struct onnx_file *file = NULL;
    struct index index = {0};
    struct linears linears = {0};
    rf_status status = rf__onnx_file_read(path, &file, err);

    if (status == RF_OK)
        free_name(file);
    if (status == RF_OK)
        status = rf__graph_status(file->graph);
    if (status == RF_OK)
        status = rf__index_build(file->graph, path, &index, err);
    if (status == RF_OK)
        status = rf__linears_find(file, path, &index, &linears, err);
    if (status == RF_OK) {
        add_output(file, &linears);
        *n_channels = linears.n_channels;
        status = rf__graph_status(file->graph);
    }
    if (status == RF_OK)
        status = rf__graph_drop_unused(file->graph, path, err);
    if (status == RF_OK)
        status = rf__onnx_file_rewrite(file, &(struct onnx_rewrite){.in_path = path, .out_path = out_path}, err);
    rf__linears_release(&linears);
    rf__index_release(&index);
    rf__onnx_file_free(file);
    return status;
}
