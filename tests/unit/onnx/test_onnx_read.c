/*
 * onnx_read: what is written is read; what a hostile file may say is refused with a message that names it. Files are
 * made of protobuf-c's messages here, one fault each.
 */
#include "golden.h"

#include "base/mem.h"
#include "onnx/index.h"
#include "onnx/onnx_read.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

/* x [n, 2] times w [2, 3], in pieces that a test may change before it is packed. */
struct sample {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__ValueInfoProto input, output, *inputs[2], *outputs[1];
    Onnx__TensorProto weight, *tensors[2];
    Onnx__NodeProto node, other, *nodes[2];
    char *node_inputs[2], *node_outputs[1], *other_outputs[1];
    int64_t dims[2];
    float values[6];
    Onnx__StringStringEntryProto entries[3], *external[3];
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof *s);
    onnx__model_proto__init(&s->model);
    onnx__graph_proto__init(&s->graph);
    onnx__operator_set_id_proto__init(&s->opset);
    onnx__value_info_proto__init(&s->input);
    onnx__value_info_proto__init(&s->output);
    onnx__tensor_proto__init(&s->weight);
    onnx__node_proto__init(&s->node);
    onnx__node_proto__init(&s->other);
    s->opset.has_version = true;
    s->opset.version = 17;
    s->opsets[0] = &s->opset;
    s->model.opset_import = s->opsets;
    s->model.n_opset_import = 1;
    s->model.graph = &s->graph;
    s->input.name = text("x");
    s->output.name = text("y");
    s->inputs[0] = &s->input;
    s->outputs[0] = &s->output;
    s->graph.input = s->inputs;
    s->graph.n_input = 1;
    s->graph.output = s->outputs;
    s->graph.n_output = 1;
    s->dims[0] = 2;
    s->dims[1] = 3;
    s->weight.name = text("w");
    s->weight.dims = s->dims;
    s->weight.n_dims = 2;
    s->weight.has_data_type = true;
    s->weight.data_type = FLOAT;
    s->weight.float_data = s->values;
    s->weight.n_float_data = 6;
    for (int i = 0; i < 6; i++)
        s->values[i] = (float)i - 2;
    s->tensors[0] = &s->weight;
    s->graph.initializer = s->tensors;
    s->graph.n_initializer = 1;
    s->node_inputs[0] = text("x");
    s->node_inputs[1] = text("w");
    s->node_outputs[0] = text("y");
    s->node.op_type = text("MatMul");
    s->node.input = s->node_inputs;
    s->node.n_input = 2;
    s->node.output = s->node_outputs;
    s->node.n_output = 1;
    s->nodes[0] = &s->node;
    s->graph.node = s->nodes;
    s->graph.n_node = 1;
}

static void set_external(struct sample *s, const char *location, const char *offset, const char *length)
{
    const char *const texts[3][2] = {{"location", location}, {"offset", offset}, {"length", length}};

    for (int i = 0; i < 3; i++) {
        onnx__string_string_entry_proto__init(&s->entries[i]);
        s->entries[i].key = text(texts[i][0]);
        s->entries[i].value = text(texts[i][1]);
        s->external[i] = &s->entries[i];
    }
    s->weight.n_float_data = 0;
    s->weight.external_data = s->external;
    s->weight.n_external_data = 3;
    s->weight.has_data_location = true;
    s->weight.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static const char *path_in(const char *dir, const char *name)
{
    static char paths[4][2048];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* Packs the sample into DIR/model.onnx and reads it. */
static rf_status read_sample(const struct sample *s, const char *dir, struct onnx_file **out, rf_error *err)
{
    size_t len = onnx__model_proto__get_packed_size(&s->model);
    uint8_t *bytes = rf__alloc(len);

    assert_non_null(bytes);
    onnx__model_proto__pack(&s->model, bytes);
    write_file(path_in(dir, "model.onnx"), bytes, len);
    rf__free(bytes);
    return rf__onnx_file_read(path_in(dir, "model.onnx"), out, err);
}

static void expect_refused(const struct sample *s, rf_status expected, const char *words)
{
    struct onnx_file *file = NULL;
    struct index index = {0};
    rf_error fault = {0};
    rf_status status = read_sample(s, scratch_directory("onnx-read"), &file, &fault);

    if (status == RF_OK)
        status = rf__index_build(file->graph, "model.onnx", &index, &fault);
    rf__index_release(&index);
    rf__onnx_file_free(file);
    if (status != expected || strstr(fault.message, words) == NULL)
        fail_msg("status %d, '%s'; expected %d, '%s'", status, fault.message, expected, words);
}

static void check_weight(struct onnx_file *file)
{
    struct constant constant;

    rf__graph_constant(file->graph, 0, &constant);
    assert_string_equal(constant.proto->name, "w");
    assert_int_equal(constant.n, 6);
    for (int i = 0; i < 6; i++) {
        float x;
        memcpy(&x, constant.bytes + 4 * i, 4);
        assert_true(x == (float)i - 2);
    }
}

static void a_graph_is_read(void **state)
{
    const char *dir = scratch_directory("onnx-read");
    struct onnx_file *file = NULL;
    struct sample s;
    float padded[64] = {0};
    (void)state;

    sample_init(&s);
    assert_ok(read_sample(&s, dir, &file, err));
    assert_int_equal(file->opset, 17);
    check_weight(file);
    rf__onnx_file_free(file);

    memcpy(padded + 16, s.values, sizeof s.values);
    write_file(path_in(dir, "weights.bin"), padded, sizeof padded);
    set_external(&s, "weights.bin", "64", "24");
    assert_ok(read_sample(&s, dir, &file, err));
    check_weight(file);
    rf__onnx_file_free(file);

    sample_init(&s); /* version 3 of the format: the tensor is an input too */
    s.inputs[1] = &s.output;
    s.output.name = text("w");
    s.graph.n_input = 2;
    s.graph.n_output = 0;
    assert_ok(read_sample(&s, dir, &file, err));
    assert_int_equal(rf__graph_parts(file->graph).proto->n_input, 1);
    rf__onnx_file_free(file);
}

/* They are where the file is mapped, not in memory once more; one that is too short for its shape is refused there too.
 */
static void large_tensors_stay_in_the_file(void **state)
{
    const char *dir = scratch_directory("onnx-read");
    static float values[32 * 32];
    struct onnx_file *file = NULL;
    struct constant constant;
    struct sample s;
    (void)state;

    sample_init(&s);
    for (int i = 0; i < 32 * 32; i++)
        values[i] = (float)i;
    s.dims[0] = s.dims[1] = 32;
    s.weight.n_float_data = 0;
    s.weight.has_raw_data = true;
    s.weight.raw_data = (ProtobufCBinaryData){sizeof values, (uint8_t *)values};
    assert_ok(read_sample(&s, dir, &file, err));
    rf__graph_constant(file->graph, 0, &constant);
    assert_int_equal(file->n_maps, 1);
    assert_in_range((uintptr_t)constant.bytes, (uintptr_t)file->maps[0].data,
                    (uintptr_t)file->maps[0].data + file->maps[0].size - sizeof values);
    assert_memory_equal(constant.bytes, values, sizeof values);
    rf__onnx_file_free(file);

    s.weight.raw_data.len -= 4;
    expect_refused(&s, RF_BAD_FORMAT, "tensor 'w'");
}

static void constants_of_nodes_are_initializers(void **state)
{
    Onnx__AttributeProto attribute = ONNX__ATTRIBUTE_PROTO__INIT, *attributes[] = {&attribute};
    struct onnx_file *file = NULL;
    struct sample s;
    (void)state;

    sample_init(&s);
    attribute.name = text("value");
    attribute.t = &s.weight;
    s.graph.n_initializer = 0;
    s.other.op_type = text("Constant");
    s.other_outputs[0] = text("w");
    s.other.output = s.other_outputs;
    s.other.n_output = 1;
    s.other.attribute = attributes;
    s.other.n_attribute = 1;
    s.nodes[0] = &s.other;
    s.nodes[1] = &s.node;
    s.graph.n_node = 2;
    assert_ok(read_sample(&s, scratch_directory("onnx-read"), &file, err));
    assert_int_equal(rf__graph_parts(file->graph).proto->n_node, 1);
    check_weight(file);
    rf__onnx_file_free(file);
}

static void faults_of_tensors_are_refused(void **state)
{
    struct sample s;
    (void)state;

    sample_init(&s);
    s.weight.n_float_data = 5;
    expect_refused(&s, RF_BAD_FORMAT, "'w' has another size");
    sample_init(&s);
    s.dims[0] = -1;
    expect_refused(&s, RF_BAD_FORMAT, "'w' has an impossible shape");
    sample_init(&s);
    s.dims[0] = INT64_MAX / 2;
    s.dims[1] = INT64_MAX / 2;
    expect_refused(&s, RF_BAD_FORMAT, "'w' has an impossible shape");
    sample_init(&s);
    s.weight.data_type = 8;
    expect_refused(&s, RF_UNSUPPORTED, "'w' is of ONNX element type 8");
    sample_init(&s);
    s.weight.name = NULL;
    expect_refused(&s, RF_BAD_FORMAT, "a tensor has no name");
    sample_init(&s);
    s.tensors[1] = &s.weight;
    s.graph.n_initializer = 2;
    expect_refused(&s, RF_BAD_FORMAT, "'w' is made twice");
}

static void faults_of_external_tensors_are_refused(void **state)
{
    static const char *const outside[] = {"/etc/passwd", "../weights.bin", "a/../../b", "C:x", "a\\b", ""};
    struct sample s;
    (void)state;

    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        sample_init(&s);
        set_external(&s, outside[i], "0", "24");
        expect_refused(&s, RF_BAD_FORMAT, "expected the name of a file beside it");
    }
    sample_init(&s);
    set_external(&s, "none.bin", "0", "24");
    expect_refused(&s, RF_NOT_FOUND, "none.bin");
    for (int i = 0; i < 4; i++) {
        static const char *const places[][2] = {
            {"99999", "24"}, {"18446744073709551600", "24"}, {"0", "23"}, {"-1", "24"}};
        sample_init(&s);
        set_external(&s, "model.onnx", places[i][0], places[i][1]);
        expect_refused(&s, RF_BAD_FORMAT, "does not lie within");
    }
}

static void faults_of_graphs_are_refused(void **state)
{
    struct sample s;
    (void)state;

    sample_init(&s);
    s.node_outputs[0] = text("w");
    expect_refused(&s, RF_BAD_FORMAT, "'w' is made twice");
    sample_init(&s);
    s.opset.version = 5;
    expect_refused(&s, RF_UNSUPPORTED, "opset 5");
    sample_init(&s);
    s.input.name = NULL;
    expect_refused(&s, RF_BAD_FORMAT, "no name");
    sample_init(&s);
    s.model.graph = NULL;
    expect_refused(&s, RF_BAD_FORMAT, "no ONNX file");
}

/* Graphs in attributes of nodes of graphs: each level is {7: {1: {5: {6: …}}}} without its first. */
static void deep_graphs_are_refused(void **state)
{
    enum { LEVELS = 20000 };
    static const uint8_t keys[] = {0x3A, 0x0A, 0x2A, 0x32};
    uint8_t *bytes = rf__alloc(LEVELS * 4 * 6), *at = bytes + LEVELS * 4 * 6;
    struct onnx_file *file = NULL;
    rf_error fault = {0};
    (void)state;

    assert_non_null(bytes);
    for (size_t i = 0; i < LEVELS * 3 + 1; i++) {
        size_t len = (size_t)(bytes + LEVELS * 4 * 6 - at), rest = len;
        uint8_t varint[5];
        size_t n = 0;
        for (; rest >= 0x80; rest >>= 7)
            varint[n++] = (uint8_t)(rest | 0x80);
        varint[n++] = (uint8_t)rest;
        at -= n;
        memcpy(at, varint, n);
        *--at = i == LEVELS * 3 ? keys[0] : keys[3 - i % 3];
    }
    assert_int_equal(rf__onnx_bytes_read(at, (size_t)(bytes + LEVELS * 4 * 6 - at), "deep.onnx", &file, &fault),
                     RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "deep.onnx"));
    rf__free(bytes);
}

/* Cut anywhere, or with a byte changed: read or refused, nothing else. */
static void damage_is_survived(void **state)
{
    struct sample s;
    uint8_t *bytes;
    size_t len;
    (void)state;

    sample_init(&s);
    len = onnx__model_proto__get_packed_size(&s.model);
    bytes = rf__alloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len * 256; i++) {
        struct onnx_file *file = NULL;
        rf_error fault = {0};
        onnx__model_proto__pack(&s.model, bytes);
        bytes[i / 256] = (uint8_t)i;
        if (rf__onnx_bytes_read(bytes, i % 256 == 0 ? i / 256 : len, "cut.onnx", &file, &fault) == RF_OK)
            rf__onnx_file_free(file);
        else
            assert_true(fault.message[0] != '\0');
    }
    rf__free(bytes);
}

static void what_nobody_uses_is_dropped(void **state)
{
    struct onnx_file *file = NULL;
    struct sample s;
    (void)state;

    sample_init(&s);
    s.other = s.node;
    s.other_outputs[0] = text("pooled");
    s.other.output = s.other_outputs;
    s.nodes[1] = &s.other;
    s.graph.n_node = 2;
    assert_ok(read_sample(&s, scratch_directory("onnx-read"), &file, err));
    assert_ok(rf__graph_drop_unused(file->graph, "model.onnx", err));
    assert_int_equal(rf__graph_parts(file->graph).proto->n_node, 1);
    assert_string_equal(rf__graph_parts(file->graph).proto->node[0]->output[0], "y");
    check_weight(file);
    rf__onnx_file_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_is_read),
        cmocka_unit_test(large_tensors_stay_in_the_file),
        cmocka_unit_test(constants_of_nodes_are_initializers),
        cmocka_unit_test(faults_of_tensors_are_refused),
        cmocka_unit_test(faults_of_external_tensors_are_refused),
        cmocka_unit_test(faults_of_graphs_are_refused),
        cmocka_unit_test(deep_graphs_are_refused),
        cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(what_nobody_uses_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
