/*
 * encoder_node: the kernels' operator as anybody may write it: each attribute of a file of ours takes values that it
 * should not have, is missing, weights are swapped, missing or of another size. Such a file is refused, or opens where
 * what it says can be; and then it runs.
 */
#include "golden.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "onnx/onnx.h"
#include "os/os.h"

#include "onnx.pb-c.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Between them they have every attribute and kind of weight. */
static const char *const names[] = {"gemma3", "modernbert", "mpnet", "jina", "albert", "t5"};

static char path[1200];

/* The operator's file of a golden architecture, its tensors inside. */
static void build(const char *name, struct buf *out)
{
    struct weights *weights = NULL;
    char config[256];
    struct onnx_build request = {
        .out_path = path, .source = name, .precision = ONNX_KERNELS_FP32, .inline_limit = 1 << 20};

    snprintf(path, sizeof path, "%s/model.onnx", scratch_directory("encoder-node"));
    snprintf(config, sizeof config, "tests/golden/architectures/%s", name);
    assert_ok(rf__weights_open(golden_path(config), &weights, err));
    snprintf(config, sizeof config, "tests/golden/architectures/%s/config.json", name);
    request.config_path = golden_path(config);
    request.weights = weights;
    assert_ok(rf__onnx_build(&request, err));
    rf__weights_free(weights);
    rf__buf_init(out, 4 << 20);
    assert_ok(rf__os_read_file(path, out, err));
}

/* Opens what the message says; a file that opens must run. */
static bool opens(const Onnx__ModelProto *model)
{
    const struct engine_options options = {.threads = 1};
    const size_t size = onnx__model_proto__get_packed_size(model);
    uint8_t *bytes = rf__alloc_array(size, 1);
    struct engine *engine = NULL;
    rf_error fault = {0};

    assert_non_null(bytes);
    onnx__model_proto__pack(model, bytes);
    write_file(path, (const char *)bytes, size);
    rf__free(bytes);
    if (rf__engine_open_file(path, &options, &engine, &fault) != RF_OK) {
        assert_string_not_equal(fault.message, "");
        return false;
    }
    for (size_t n = 1; n <= 20; n += 19) {
        static const uint32_t ids[20] = {1, 2, 3};
        const uint32_t begins[] = {0, (uint32_t)n};
        const struct engine_batch batch = {.ids = ids, .n_texts = 1, .n_tokens = n, .begins = begins, .threads = 1};
        struct engine_output output = {0};
        (void)rf__engine_run(engine, &batch, &output, &fault);
        rf__engine_output_release(&output);
    }
    rf__engine_free(engine);
    return true;
}

static void check_numbers(const Onnx__ModelProto *model, Onnx__AttributeProto *attribute)
{
    static const int64_t whole[] = {INT64_MIN, -2, -1, 0, 1, 2, 3, 5, 7, 1 << 20, (int64_t)1 << 31, INT64_MAX};
    static const float floats[] = {-1, 0, 1e30F, NAN, INFINITY};
    const int64_t i = attribute->i;
    const float f = attribute->f;

    for (size_t k = 0; attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT && k < sizeof whole / 8; k++) {
        attribute->i = whole[k];
        if (opens(model) && (whole[k] < -1 || whole[k] > 1 << 20))
            fail_msg("%s is %lld", attribute->name, (long long)whole[k]);
    }
    for (size_t k = 0; attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT && k < sizeof floats / 4; k++) {
        attribute->f = floats[k];
        if (opens(model) && !(floats[k] >= 0 && floats[k] <= 1e6F))
            fail_msg("%s is %g", attribute->name, (double)floats[k]);
    }
    attribute->i = i;
    attribute->f = f;
}

static void check_text(const Onnx__ModelProto *model, Onnx__AttributeProto *attribute)
{
    static const char *const texts[] = {"", "x", "fp32fp32fp32fp32fp32fp32fp32fp32fp32"};
    const ProtobufCBinaryData s = attribute->s;

    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        attribute->s = (ProtobufCBinaryData){strlen(texts[k]), (uint8_t *)(uintptr_t)texts[k]};
        if (opens(model))
            fail_msg("%s is '%s'", attribute->name, texts[k]);
    }
    attribute->s = s;
}

static Onnx__NodeProto *node_of(const Onnx__ModelProto *model)
{
    assert_int_equal(model->graph->n_node, 1);
    return model->graph->node[0];
}

static void check_attributes(const Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_of(model);

    for (size_t i = 0; i < node->n_attribute; i++) {
        Onnx__AttributeProto *attribute = node->attribute[i];
        if (attribute->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING)
            check_text(model, attribute);
        else
            check_numbers(model, attribute);
        node->attribute[i] = node->attribute[--node->n_attribute];
        if (opens(model))
            fail_msg("without %s", attribute->name);
        node->n_attribute++;
        node->attribute[i] = attribute;
    }
}

/* The initializer of the first constant: the steps. */
static void check_steps(const Onnx__ModelProto *model)
{
    static const int64_t numbers[] = {INT64_MIN, -2, 64, INT64_MAX};
    Onnx__TensorProto *steps = NULL;

    for (size_t i = 0; i < model->graph->n_initializer; i++)
        if (strcmp(model->graph->initializer[i]->name, "steps") == 0)
            steps = model->graph->initializer[i];
    assert_non_null(steps);
    for (size_t i = 0; i < steps->n_int64_data; i++) {
        const int64_t number = steps->int64_data[i];
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            steps->int64_data[i] = numbers[k];
            if (opens(model) && i % 4 < 2)
                fail_msg("steps[%zu] is %lld", i, (long long)numbers[k]);
        }
        steps->int64_data[i] = number;
    }
    steps->n_int64_data--;
    steps->dims[0]--;
    assert_false(opens(model));
    steps->n_int64_data++;
    steps->dims[0]++;
}

/* Fewer weights, and each in the place of the next. */
static void check_weights(const Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = node_of(model);
    const size_t n = node->n_input;

    while (node->n_input > 5) {
        node->n_input--;
        assert_false(opens(model));
    }
    node->n_input = n;
    for (size_t i = 4; i + 1 < n; i++) {
        char *const first = node->input[i];
        node->input[i] = node->input[i + 1];
        (void)opens(model); /* weight and bias of a norm are alike */
        node->input[i] = first;
    }
}

static void whatever_a_file_says_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf file;
        Onnx__ModelProto *model;
        build(names[i], &file);
        model = onnx__model_proto__unpack(NULL, file.len, (const uint8_t *)file.data);
        assert_non_null(model);
        assert_true(opens(model));
        check_attributes(model);
        check_steps(model);
        check_weights(model);
        onnx__model_proto__free_unpacked(model, NULL);
        rf__buf_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_a_file_says_is_checked)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
