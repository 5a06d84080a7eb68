/*
 * probe: a model that says what its matrices meet, for quantizing (quantize.c): the graph with one output, which has
 * groups of linears.h end to end. Of a group it says the largest absolute value of each channel over all tokens, or the
 * products of the channels with each other, x^T x.
 */
#include "onnx/linears.h"

#include "base/mem.h"

#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

/* x [..., k] -> [tokens, k] */
static value rows_of(struct graph *g, const char *at, const char *x, uint64_t k)
{
    value shape = rf__graph_ints(g, rf__graph_name(g, "%s.shape", at), (const int64_t[]){-1, (int64_t)k}, 2);

    return rf__graph_binary(g, rf__graph_name(g, "%s.rows", at), "Reshape", x, shape);
}

/* [tokens, k] -> [k] */
static value largest(struct onnx_file *file, const char *at, value rows)
{
    struct graph *g = file->graph;
    struct node reduce = {.op = "ReduceMax",
                          .attributes = {{.name = "keepdims", .i = 0},
                                         {.name = "axes", .kind = ATTRIBUTE_INTS, .ints = {0}, .n_ints = 1}}};

    reduce.inputs[0] = rf__graph_unary(g, rf__graph_name(g, "%s.abs", at), "Abs", rows);
    if (file->opset >= 18) {
        reduce.attributes[1].name = NULL;
        reduce.inputs[1] = rf__graph_ints(g, rf__graph_name(g, "%s.axis", at), &(int64_t){0}, 1);
    }
    return rf__graph_node(g, rf__graph_name(g, "%s.largest", at), &reduce);
}

/* [tokens, k] -> [k * k] */
static value products(struct graph *g, const char *at, value rows)
{
    value columns = rf__graph_node(
        g, rf__graph_name(g, "%s.columns", at),
        &(struct node){.op = "Transpose",
                       .inputs = {rows},
                       .attributes = {{.name = "perm", .kind = ATTRIBUTE_INTS, .ints = {1, 0}, .n_ints = 2}}});
    value square = rf__graph_binary(g, rf__graph_name(g, "%s.products", at), "MatMul", columns, rows);

    return rf__graph_binary(g, rf__graph_name(g, "%s.list", at), "Reshape", square,
                            rf__graph_ints(g, rf__graph_name(g, "%s.flat", at), &(int64_t){-1}, 1));
}

/* What all inputs of a group come to. */
static value measure_group(struct onnx_file *file, const struct linears *linears, size_t group, bool is_products)
{
    struct graph *g = file->graph;
    value all = NULL;

    for (size_t i = 0; i < linears->n; i++) {
        const struct linear *linear = &linears->items[i];
        value at, y;
        if (linear->group != group || !linear->is_first)
            continue;
        at = rf__graph_name(g, "rag_factory.probe.%zu", i);
        y = rows_of(g, at, linear->x, linear->k);
        y = is_products ? products(g, at, y) : largest(file, at, y);
        all = all == NULL ? y
                          : rf__graph_binary(g, rf__graph_name(g, "rag_factory.probe.%zu.all", i),
                                             is_products ? "Add" : "Max", all, y);
    }
    return all;
}

static void add_output(struct onnx_file *file, const struct linears *linears, const struct onnx_probe *probe)
{
    const struct dimension dims[] = {{1, NULL}, {probe->n_numbers, NULL}};
    struct graph *g = file->graph;
    const size_t n = probe->next - probe->first;
    value *groups = rf__graph_alloc(g, (n + 1) * sizeof *groups), y;
    size_t n_groups = 0;

    if (groups == NULL)
        return;
    for (size_t i = probe->first; i < probe->next; i++) {
        if (!probe->is_products || linears->widths[i] <= ONNX_MAX_FITTED)
            groups[n_groups++] = measure_group(file, linears, i, probe->is_products);
    }
    y = rf__graph_node(
        g, "rag_factory.probe.list",
        &(struct node){.op = "Concat", .more = groups, .n_more = n_groups, .attributes = {{.name = "axis", .i = 0}}});
    rf__graph_binary(g, "sentence_embedding", "Reshape", y,
                     rf__graph_ints(g, "rag_factory.probe.shape", (const int64_t[]){1, -1}, 2));
    rf__graph_parts(g).proto->n_output = 0;
    rf__graph_output(g, "sentence_embedding", FLOAT, dims, 2);
}

/* As many groups as there is room for, one at least. */
static void choose_groups(const struct linears *linears, struct onnx_probe *probe)
{
    probe->n_groups = linears->n_groups;
    probe->n_numbers = 0;
    for (probe->next = probe->first; probe->next < linears->n_groups; probe->next++) {
        const uint64_t k = linears->widths[probe->next];
        const uint64_t more = !probe->is_products ? k : k <= ONNX_MAX_FITTED ? k * k : 0;
        if (probe->n_numbers > 0 && probe->n_numbers + more > probe->most)
            break;
        probe->n_numbers += (size_t)more;
    }
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

rf_status rf__onnx_probe(const char *path, const char *out_path, struct onnx_probe *probe, rf_error *err)
{
    struct onnx_file *file = NULL;
    struct index index = {0};
    struct linears linears = {0};
    bool is_wanted;
    rf_status status = rf__onnx_file_read(path, &file, err);

    if (status == RF_OK)
        free_name(file);
    if (status == RF_OK)
        status = rf__graph_status(file->graph);
    if (status == RF_OK)
        status = rf__index_build(file->graph, path, &index, err);
    if (status == RF_OK)
        status = rf__linears_find(file, path, &index, &linears, err);
    if (status == RF_OK && !probe->is_products)
        status = rf__linears_check(&linears, path, err);
    if (status == RF_OK)
        choose_groups(&linears, probe);
    is_wanted = status == RF_OK && probe->n_numbers > 0;
    if (is_wanted) {
        add_output(file, &linears, probe);
        status = rf__graph_status(file->graph);
    }
    if (status == RF_OK && is_wanted)
        status = rf__graph_drop_unused(file->graph, path, err);
    if (status == RF_OK && is_wanted)
        status = rf__onnx_file_rewrite(file, &(struct onnx_rewrite){.in_path = path, .out_path = out_path}, err);
    rf__linears_release(&linears);
    rf__index_release(&index);
    rf__onnx_file_free(file);
    return status;
}
