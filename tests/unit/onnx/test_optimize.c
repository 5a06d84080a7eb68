/*
 * optimize: what is taken out of graphs that are not recognized, and what chains become; that a mask is not taken to be
 * ones, as recognizing an encoder does; that what differs is not merged.
 */
#include "golden.h"

#include "base/mem.h"
#include "onnx/onnx_file.h"
#include "onnx/optimize.h"

#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

static size_t count(const struct onnx_file *file, const char *op)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
    size_t n = 0;

    for (size_t i = 0; i < proto->n_node; i++)
        n += op == NULL || strcmp(proto->node[i]->op_type, op) == 0;
    return n;
}

/* ---- Files that torch and optimum wrote ----------------------------------------------------------------------------
 */

static const struct {
    const char *model;
    size_t n_before, most; /* nodes */
    const char *op;        /* that there are then */
    size_t n;
} files[] = {
    {"matrix-qwen3/onnx/model_optimum.onnx", 256, 100, "SimplifiedLayerNormalization", 5},
    {"matrix-qwen3/onnx/model.onnx", 118, 84, "SimplifiedLayerNormalization", 5},
    {"matrix-qwen2/onnx/model_optimum.onnx", 241, 101, "QuickGelu", 1},
    {"matrix-gemma3/onnx/model_optimum.onnx", 516, 184, "SimplifiedLayerNormalization", 12},
    {"matrix-gemma3/onnx/model_optimum.onnx", 516, 184, "FastGelu", 2},
    {"matrix-modernbert/onnx/model_optimum.onnx", 252, 129, "Gelu", 2},
    {"matrix-deberta-v2/onnx/model_optimum.onnx", 278, 161, "LayerNormalization", 4},
    {"matrix-mpnet/onnx/model_optimum.onnx", 107, 82, "Gelu", 1},
    {"matrix-t5/onnx/model.onnx", 93, 73, "SimplifiedLayerNormalization", 3},
    {"recognize/bert.onnx", 0, 1000, "LayerNormalization", 3}, /* opset 14, where norms are chains */
};

static void test_files(void **state)
{
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct onnx_file *file = NULL;
        snprintf(path, sizeof path, "tests/golden/%s", files[i].model);
        assert_ok(rf__onnx_file_read(golden_path(path), &file, err));
        if (files[i].n_before != 0)
            assert_int_equal(count(file, NULL), files[i].n_before);
        assert_ok(rf__onnx_tidy(file, path, false, err));
        if (count(file, NULL) > files[i].most || count(file, files[i].op) != files[i].n)
            fail_msg("%s: %zu nodes, %zu of %s", path, count(file, NULL), count(file, files[i].op), files[i].op);
        rf__onnx_file_free(file);
    }
}

/* No operator comes in that was not there. */
static void test_portable(void **state)
{
    struct onnx_file *file = NULL;

    (void)state;
    assert_ok(rf__onnx_file_read(golden_path("tests/golden/matrix-qwen3/onnx/model_optimum.onnx"), &file, err));
    assert_ok(rf__onnx_tidy(file, "model.onnx", true, err));
    assert_int_equal(count(file, "SimplifiedLayerNormalization"), 0);
    assert_int_equal(count(file, "ReduceMean"), 5);
    rf__onnx_file_free(file);
}

/* ---- A graph of one's own ------------------------------------------------------------------------------------------
 */

#define WIDTH 4

static rf_status make_ones(const void *arg, void *out, rf_error *e)
{
    (void)arg, (void)e;
    for (int i = 0; i < WIDTH; i++)
        ((float *)out)[i] = 1;
    return RF_OK;
}

static value row_mean(struct graph *g, const char *name, value x)
{
    return rf__graph_node(
        g, name,
        &(struct node){.op = "ReduceMean",
                       .inputs = {x},
                       .attributes = {{.name = "axes", .kind = ATTRIBUTE_INTS, .ints = {-1}, .n_ints = 1}}});
}

static value norm_chain(struct graph *g, const char *name, value x)
{
    const struct made_tensor ones = {.type = FLOAT, .n = WIDTH, .size = 4, .make = make_ones};
    value weight = rf__graph_made(g, "weight", &ones), bias = rf__graph_made(g, "bias", &ones), y, variance;

    y = rf__graph_binary(g, "centered", "Sub", x, row_mean(g, "mean", x));
    variance = row_mean(g, "variance", rf__graph_binary(g, "squares", "Mul", y, y));
    variance = rf__graph_binary(g, "more", "Add", variance, rf__graph_float(g, "epsilon", 1e-5F));
    y = rf__graph_binary(g, "normalized", "Div", y, rf__graph_unary(g, "deviation", "Sqrt", variance));
    return rf__graph_binary(g, name, "Add", rf__graph_binary(g, "scaled", "Mul", y, weight), bias);
}

/* Rows of a table times the mask, twice the same and once with another axis, and a norm of what `of` says. */
static rf_error trouble;

static void write_graph(const char *path)
{
    static const struct dimension dims[] = {{0, "batch"}, {0, "sequence"}, {WIDTH, NULL}};
    const struct onnx_opset opset = {"", 17};
    const struct made_tensor table = {
        .type = FLOAT, .n = WIDTH, .size = 4, .dims = {1, WIDTH}, .rank = 2, .make = make_ones};
    struct graph *g = rf__graph_new("test", &trouble);
    value ids = rf__graph_input(g, "input_ids", INT64, dims, 2);
    value mask = rf__graph_input(g, "attention_mask", INT64, dims, 2), x, y;

    mask = rf__graph_node(g, "as_float",
                          &(struct node){.op = "Cast", .inputs = {mask}, .attributes = {{.name = "to", .i = FLOAT}}});
    x = rf__graph_binary(g, "column.1", "Unsqueeze", mask, rf__graph_ints(g, "axis.1", &(int64_t){2}, 1));
    y = rf__graph_binary(g, "column.2", "Unsqueeze", mask, rf__graph_ints(g, "axis.2", &(int64_t){2}, 1));
    x = rf__graph_binary(g, "masks", "Add", x, y);
    y = rf__graph_binary(g, "other", "Unsqueeze", mask, rf__graph_ints(g, "axis.3", &(int64_t){-1}, 1));
    x = rf__graph_binary(g, "all", "Mul", x, y);
    y = rf__graph_binary(g, "rows", "Gather", rf__graph_made(g, "table", &table), ids);
    norm_chain(g, "last_hidden_state", rf__graph_binary(g, "masked", "Mul", y, x));
    rf__graph_output(g, "last_hidden_state", FLOAT, dims, 3);
    assert_ok(rf__graph_status(g));
    assert_ok(rf__onnx_file_write(g,
                                  &(struct onnx_target){.path = path,
                                                        .inline_limit = 1 << 20,
                                                        .weights_path = "none",
                                                        .ir_version = 8,
                                                        .opsets = &opset,
                                                        .n_opsets = 1},
                                  err));
    rf__graph_free(g);
}

static const Onnx__NodeProto *maker_of(const struct onnx_file *file, const char *name)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;

    for (size_t i = 0; i < proto->n_node; i++)
        if (strcmp(proto->node[i]->output[0], name) == 0)
            return proto->node[i];
    return NULL;
}

static void test_mask_and_merge(void **state)
{
    const char *dir = scratch_directory("optimize");
    char path[1024];
    struct onnx_file *file = NULL;
    const Onnx__NodeProto *norm, *sum;

    (void)state;
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    write_graph(path);
    assert_ok(rf__onnx_file_read(path, &file, err));
    assert_int_equal(count(file, "Unsqueeze"), 3);
    assert_ok(rf__onnx_tidy(file, path, false, err));
    norm = maker_of(file, "last_hidden_state");
    sum = maker_of(file, "masks");
    assert_non_null(norm);
    assert_string_equal(norm->op_type, "LayerNormalization");
    assert_string_equal(norm->input[0], "masked"); /* not the rows themselves, which are these where the mask is ones */
    assert_non_null(sum);
    assert_string_equal(sum->input[0], sum->input[1]); /* the same axis, from two constants */
    assert_int_equal(count(file, "Unsqueeze"), 2);     /* -1 is another constant */
    rf__onnx_file_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_portable),
        cmocka_unit_test(test_mask_and_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
