/*
 * recognize: what torch, optimum and ONNX Runtime's optimizer write is understood, with the parameters that it has; a
 * graph in which one thing is another is understood with that thing, or is left alone.
 */
#include "golden.h"

#include "base/json.h"
#include "base/mem.h"
#include "onnx/recognize.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPTIMUM  "tests/golden/recognize/bert.onnx"
#define ROBERTA  "tests/golden/recognize/roberta.onnx"
#define DYNAMO   "tests/golden/matrix-bert/onnx/model.onnx"
#define VARIANTS "tests/golden/onnx-variants/onnx/"

/* ---- What is understood ------------------------------------------------------------------------------------------ */

static const struct {
    const char *file;
    const char *expected; /* of the config.json, or words of the refusal */
    bool is_refused;
} files[] = {
    {OPTIMUM, "\"model_type\": \"bert\", \"vocab_size\": 40, \"max_position_embeddings\": 20, \"type_vocab_size\": 2",
     false},
    {"tests/golden/recognize/distilbert.onnx", "\"max_position_embeddings\": 20, \"type_vocab_size\": 0", false},
    {"tests/golden/recognize/electra.onnx", "\"model_type\": \"bert\", \"vocab_size\": 40", false},
    {ROBERTA, "\"layer_norm_eps\": 9.999999960041972e-13, \"pad_token_id\": 1", false},
    {DYNAMO,
     "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"intermediate_size\": 24, \"hidden_act\": \"gelu\"",
     false},
    {"tests/golden/matrix-distilbert/onnx/model.onnx", "\"type_vocab_size\": 0", false},
    {"tests/golden/matrix-electra/onnx/model.onnx", "\"embedding_size\": 12, \"hidden_size\": 16", false},
    {"tests/golden/matrix-roberta/onnx/model.onnx", "\"model_type\": \"roberta\", \"vocab_size\": 321", false},
    {"tests/golden/matrix-xlm-roberta/onnx/model.onnx", "\"model_type\": \"roberta\", \"vocab_size\": 301", false},
    {"tests/golden/matrix-camembert/onnx/model.onnx", "\"model_type\": \"roberta\", \"vocab_size\": 301", false},
    /* of one layer, which ALBERT would repeat: ELECTRA's graph */
    {"tests/golden/matrix-albert/onnx/model.onnx", "\"model_type\": \"electra\"", false},
    {VARIANTS "model.onnx", "\"hidden_size\": 32", false},
    {VARIANTS "model_O1.onnx", "\"hidden_act\": \"gelu\"", false},
    {VARIANTS "model_O2.onnx", "\"hidden_act\": \"gelu\"", false},
    {VARIANTS "model_O3.onnx", "\"hidden_act\": \"gelu_new\"", false},
    {VARIANTS "model_O4.onnx", "EmbedLayerNormalization", true},
    {VARIANTS "model_fp16.onnx", "LayerNormalization", true},
    {VARIANTS "model_q4.onnx", "MatMulNBits", true},
    {VARIANTS "model_bnb4.onnx", "MatMulBnb4", true},
    {VARIANTS "model_qint8_avx2.onnx", NULL, true},
    {VARIANTS "model_uint8.onnx", "DequantizeLinear", true},
    {"tests/golden/matrix-mpnet/onnx/model.onnx", "", true},
    {"tests/golden/matrix-deberta-v2/onnx/model.onnx", "", true},
    {"tests/golden/matrix-modernbert/onnx/model.onnx", "LayerNormalization", true},
    {"tests/golden/matrix-qwen3/onnx/model.onnx", "", true},
    {"tests/golden/matrix-t5/onnx/model.onnx", "", true},
    {"tests/golden/onnx/pooled.onnx", "", true},
};

static void expect(struct onnx_file *file, const char *name, const char *words, bool is_refused)
{
    struct recognized found = {0};
    rf_error fault = {0};
    rf_status status = rf__recognize(file, "model.onnx", &found, &fault);
    const char *said = status == RF_OK ? found.config.data : fault.message;

    if (status != (is_refused ? RF_UNSUPPORTED : RF_OK) || strstr(said, words) == NULL)
        fail_msg("%s: status %d, '%s'; expected '%s'", name, status, said, words);
    rf__recognized_release(&found);
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct onnx_file *file = NULL;
        if (files[i].expected == NULL)
            continue;
        assert_ok(rf__onnx_file_read(golden_path(files[i].file), &file, err));
        expect(file, files[i].file, files[i].expected, files[i].is_refused);
        rf__onnx_file_free(file);
    }
}

/* ---- Parameters -------------------------------------------------------------------------------------------------- */

/* Whether a name ends so, or is what stands behind '='. */
static bool is_named(const char *name, const char *where)
{
    return *where == '=' ? strcmp(name, where + 1) == 0 : rf__ends_with(name, where);
}

static struct constant constant_of(struct onnx_file *file, const char *name)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
    struct constant constant = {0};

    for (size_t i = 0; i < proto->n_initializer; i++)
        if (rf__ends_with(proto->initializer[i]->name, name))
            rf__graph_constant(file->graph, i, &constant);
    if (constant.proto == NULL)
        fail_msg("there is no constant '%s'", name);
    return constant;
}

/* Each number of the tensor is where the constant that its name belongs to has it. */
static void check_tensor(struct onnx_file *file, const struct weights *weights, const char *name, const char *constant,
                         bool is_transposed)
{
    const struct tensor *tensor = rf__weights_find(weights, name);
    struct constant of = constant_of(file, constant);
    float *values, *expected = rf__alloc_array((size_t)of.n, sizeof *expected);
    const uint64_t cols = tensor != NULL && tensor->rank == 2 ? tensor->shape[1] : 1;

    if (tensor == NULL)
        fail_msg("there is no tensor '%s'", name);
    values = rf__alloc_array((size_t)tensor->n_elements, sizeof *values);
    assert_int_equal(tensor->n_elements, of.n);
    assert_ok(rf__tensor_to_f32(tensor, 0, tensor->n_elements, values, err));
    memcpy(expected, of.bytes, (size_t)of.n * sizeof *expected);
    for (uint64_t i = 0; i < of.n; i++) {
        const uint64_t at = is_transposed ? i % cols * tensor->shape[0] + i / cols : i;
        if (memcmp(&values[i], &expected[at], sizeof *values) != 0)
            fail_msg("%s: number %llu is %g, expected %g", name, (unsigned long long)i, (double)values[i],
                     (double)expected[at]);
    }
    rf__free(values);
    rf__free(expected);
}

/* The biases have their names in the file; matrices are told by their shape and the order of the nodes. */
static void test_parameters(void **state)
{
    static const char *const same[] = {"embeddings.word_embeddings.weight",
                                       "embeddings.position_embeddings.weight",
                                       "embeddings.token_type_embeddings.weight",
                                       "embeddings.LayerNorm.weight",
                                       "embeddings.LayerNorm.bias",
                                       "encoder.layer.0.attention.self.query.bias",
                                       "encoder.layer.0.attention.self.key.bias",
                                       "encoder.layer.0.attention.self.value.bias",
                                       "encoder.layer.0.attention.output.dense.bias",
                                       "encoder.layer.0.attention.output.LayerNorm.weight",
                                       "encoder.layer.0.attention.output.LayerNorm.bias",
                                       "encoder.layer.0.intermediate.dense.bias",
                                       "encoder.layer.0.output.dense.bias",
                                       "encoder.layer.0.output.LayerNorm.weight",
                                       "encoder.layer.0.output.LayerNorm.bias"};
    static const struct {
        const char *tensor, *node;
    } matrices[] = {
        {"encoder.layer.0.attention.self.query.weight", "query/MatMul_output_0"},
        {"encoder.layer.0.attention.self.key.weight", "key/MatMul_output_0"},
        {"encoder.layer.0.attention.self.value.weight", "value/MatMul_output_0"},
        {"encoder.layer.0.attention.output.dense.weight", "attention/output/dense/MatMul_output_0"},
        {"encoder.layer.0.intermediate.dense.weight", "intermediate/dense/MatMul_output_0"},
        {"encoder.layer.0.output.dense.weight", "layer.0/output/dense/MatMul_output_0"},
    };
    struct onnx_file *file = NULL;
    struct recognized found;

    (void)state;
    assert_ok(rf__onnx_file_read(golden_path(OPTIMUM), &file, err));
    assert_ok(rf__recognize(file, OPTIMUM, &found, err));
    assert_int_equal(rf__weights_count(found.weights), 21);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        check_tensor(file, found.weights, same[i], same[i], false);
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
        const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
        const char *constant = NULL;
        for (size_t k = 0; k < proto->n_node; k++)
            if (rf__ends_with(proto->node[k]->output[0], matrices[i].node))
                constant = proto->node[k]->input[1];
        assert_non_null(constant);
        check_tensor(file, found.weights, matrices[i].tensor, constant, true);
    }
    assert_int_equal(found.limits.vocabulary, 40);
    assert_int_equal(found.limits.tokens, 20);
    assert_int_equal(found.limits.types, 2);
    rf__recognized_release(&found);
    rf__onnx_file_free(file);
}

/* Positions begin behind the padding, and the one type that all tokens have is in them. */
static void test_roberta(void **state)
{
    struct onnx_file *file = NULL;
    struct recognized found;
    const struct tensor *positions;
    float values[20 * 16], from[20 * 16], type[16];

    (void)state;
    assert_ok(rf__onnx_file_read(golden_path(ROBERTA), &file, err));
    assert_ok(rf__recognize(file, ROBERTA, &found, err));
    assert_int_equal(found.limits.tokens, 18);
    assert_int_equal(found.limits.types, 1);
    assert_null(rf__weights_find(found.weights, "embeddings.token_type_embeddings.weight"));
    positions = rf__weights_find(found.weights, "embeddings.position_embeddings.weight");
    assert_non_null(positions);
    assert_int_equal(positions->n_elements, 20 * 16);
    assert_ok(rf__tensor_to_f32(positions, 0, positions->n_elements, values, err));
    memcpy(type, constant_of(file, "token_type_embeddings.weight").bytes, sizeof type);
    memcpy(from, constant_of(file, "position_embeddings.weight").bytes, sizeof from);
    for (size_t i = 0; i < 20 * 16; i++)
        assert_true(fabsf(values[i] - (from[i] + type[i % 16])) <= 1e-6F);
    rf__recognized_release(&found);
    rf__onnx_file_free(file);
}

/* ---- One thing is another ---------------------------------------------------------------------------------------- */

enum change {
    NUMBER, /* the constants whose names end so (or are what stands behind '=') hold another number */
    OP,     /* of the node whose output ends so */
    INPUT,  /* number `at` of it */
    SWAP,   /* its inputs `at` and `at` + 1 */
    INT,    /* its attribute `text` */
    MASK,   /* the graph's input of that name has rank 1 */
};

static const struct {
    const char *what, *file;
    enum change change;
    const char *where;
    int at;
    const char *text;
    double number;
    bool is_refused;
    const char *expected;
} changes[] = {
    {"one epsilon", OPTIMUM, NUMBER, "0/output/LayerNorm/Constant_1_output_0", 0, NULL, 1e-5, true, "epsilon"},
    {"all epsilons", OPTIMUM, NUMBER, "LayerNorm/Constant_1_output_0", 0, NULL, 1e-5, false,
     "\"layer_norm_eps\": 9.99999974"},
    {"a power of 3", OPTIMUM, NUMBER, "0/output/LayerNorm/Constant_output_0", 0, NULL, 3, true, "Pow"},
    {"GELU's root", OPTIMUM, NUMBER, "act_fn/Constant_output_0", 0, NULL, 1.5, true, "activation"},
    {"GELU's half", OPTIMUM, NUMBER, "act_fn/Constant_2_output_0", 0, NULL, 0.4999, true, "activation"},
    {"GELU's 1", OPTIMUM, NUMBER, "act_fn/Constant_1_output_0", 0, NULL, 0.9999, true, "activation"},
    {"GELU of tanh", OPTIMUM, OP, "act_fn/Erf_output_0", 0, "Tanh", 0, true, "activation"},
    {"the scale", OPTIMUM, OP, "self/Sqrt_2_output_0", 0, "Neg", 0, true, "scale"},
    {"the scale's root", OPTIMUM, OP, "self/Sqrt_1_output_0", 0, "Identity", 0, true, "scale"},
    {"what is masked", OPTIMUM, NUMBER, "=/Constant_12_output_0", 0, NULL, -10000, false, "\"bert\""},
    {"a mask the other way", OPTIMUM, SWAP, "Where_1_output_0", 1, NULL, 0, true, "Add"},
    {"the first residual", OPTIMUM, INPUT, "attention/output/Add_output_0", 1, "/embeddings/Add_1_output_0", 0, true,
     "queries"},
    {"the second residual", OPTIMUM, INPUT, "layer.0/output/Add_output_0", 1, "/embeddings/LayerNorm/Add_1_output_0", 0,
     true, "second half"},
    {"a residual that is taken away", OPTIMUM, OP, "layer.0/output/Add_output_0", 0, "Sub", 0, true, "Sub"},
    {"a norm of another value", OPTIMUM, INPUT, "0/output/LayerNorm/Sub_output_0", 0,
     "/encoder/layer.0/output/dense/Add_output_0", 0, true, "Sub"},
    {"a mean of other axes", OPTIMUM, INT, "0/output/LayerNorm/ReduceMean_output_0", 0, "axes", 1, true, "ReduceMean"},
    {"keepdims", OPTIMUM, INT, "0/output/LayerNorm/ReduceMean_output_0", 0, "keepdims", 0, true, "ReduceMean"},
    {"softmax of another axis", OPTIMUM, INT, "self/Softmax_output_0", 0, "axis", 2, true, "Softmax"},
    {"another softmax", OPTIMUM, OP, "self/Softmax_output_0", 0, "LogSoftmax", 0, true, "LogSoftmax"},
    {"heads in another order", OPTIMUM, INT, "self/Transpose_3_output_0", 0, "perm", 2, true, "Transpose"},
    {"values for keys", OPTIMUM, INPUT, "self/MatMul_1_output_0", 1, "/encoder/layer.0/attention/self/Mul_output_0", 0,
     true, "MatMul"},
    {"positions from 1", OPTIMUM, NUMBER, "embeddings/Constant_1_output_0", 0, NULL, 1, true, "Add"},
    {"words for positions", OPTIMUM, INPUT, "position_embeddings/Gather_output_0", 1, "input_ids", 0, true, "Add"},
    {"types for words", OPTIMUM, INPUT, "word_embeddings/Gather_output_0", 1, "token_type_ids", 0, true, "Add"},
    {"a circle", OPTIMUM, INPUT, "query/MatMul_output_0", 0, "last_hidden_state", 0, true, "before it is made"},
    {"a value that nobody makes", OPTIMUM, INPUT, "query/MatMul_output_0", 0, "nothing", 0, true, "before it is made"},
    {"a mask of one axis", OPTIMUM, MASK, "attention_mask", 0, NULL, 0, true, "'attention_mask'"},
    {"an activation behind the attention", OPTIMUM, INPUT, "attention/output/dense/MatMul_output_0", 0,
     "/encoder/layer.0/attention/self/query/Add_output_0", 0, true, "begin with attention"},
    {"GELU by tanh", DYNAMO, INT, "gelu", 0, "approximate", 0, false, "\"gelu_new\""},
    {"a norm of another axis", DYNAMO, INT, "layer_norm_1", 0, "axis", 1, true, "LayerNormalization"},
    {"a causal mask", DYNAMO, INPUT, "ge", 1, "unsqueeze_2", 0, true, "Add"},
    {"padding that is another twice", ROBERTA, INT, "CumSum_output_0", 0, "exclusive", 1, true, ""},
    {"attention to what came before", VARIANTS "model_O2.onnx", INT, "Reshape_3_output_0", 0, "unidirectional", 1, true,
     "Attention"},
    {"heads that leave a rest", VARIANTS "model_O2.onnx", INT, "Reshape_3_output_0", 0, "num_heads", 3, true,
     "Attention"},
    {"GELU that is approximated", VARIANTS "model_O2.onnx", OP, "act_fn/Mul_1_output_0", 0, "FastGelu", 0, false,
     "\"gelu_new\""},
};

static Onnx__NodeProto *node_of(struct onnx_file *file, const char *output)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;

    for (size_t i = 0; i < proto->n_node; i++)
        if (rf__ends_with(proto->node[i]->output[0], output))
            return proto->node[i];
    fail_msg("there is no node '%s'", output);
    return NULL;
}

static void set_number(struct onnx_file *file, const char *name, double number)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
    size_t n = 0;

    for (size_t i = 0; i < proto->n_initializer; i++) {
        struct constant c;
        if (!is_named(proto->initializer[i]->name, name))
            continue;
        rf__graph_constant(file->graph, i, &c);
        assert_int_equal(c.n, 1);
        if (c.proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64)
            memcpy((uint8_t *)(uintptr_t)c.bytes, &(int64_t){(int64_t)number}, sizeof(int64_t));
        else
            memcpy((uint8_t *)(uintptr_t)c.bytes, &(float){(float)number}, sizeof(float));
        n++;
    }
    assert_true(n > 0);
}

static void set_attribute(struct onnx_file *file, Onnx__NodeProto *node, const char *name, int64_t number)
{
    Onnx__AttributeProto *a = NULL;

    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, name) == 0)
            a = node->attribute[i];
    if (a == NULL) {
        Onnx__AttributeProto **all = rf__graph_alloc(file->graph, (node->n_attribute + 1) * sizeof(void *));
        a = rf__graph_alloc(file->graph, sizeof *a);
        assert_non_null(a);
        onnx__attribute_proto__init(a);
        a->name = (char *)(uintptr_t)name;
        for (size_t i = 0; i < node->n_attribute; i++)
            all[i] = node->attribute[i];
        all[node->n_attribute++] = a;
        node->attribute = all;
    }
    a->i = number;
    if (a->n_ints > 0)
        a->ints[0] = number;
    if (strcmp(name, "approximate") == 0) {
        a->s.data = (uint8_t *)(uintptr_t) "tanh";
        a->s.len = 4;
    }
}

static void apply(struct onnx_file *file, size_t i)
{
    Onnx__NodeProto *node =
        changes[i].change == NUMBER || changes[i].change == MASK ? NULL : node_of(file, changes[i].where);
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
    char *kept;

    switch (changes[i].change) {
    case NUMBER:
        set_number(file, changes[i].where, changes[i].number);
        break;
    case OP:
        node->op_type = (char *)(uintptr_t)changes[i].text;
        break;
    case INPUT:
        node->input[changes[i].at] = (char *)(uintptr_t)changes[i].text;
        break;
    case SWAP:
        kept = node->input[changes[i].at];
        node->input[changes[i].at] = node->input[changes[i].at + 1];
        node->input[changes[i].at + 1] = kept;
        break;
    case INT:
        set_attribute(file, node, changes[i].text, (int64_t)changes[i].number);
        break;
    case MASK:
        for (size_t k = 0; k < proto->n_input; k++)
            if (strcmp(proto->input[k]->name, changes[i].where) == 0)
                proto->input[k]->type->tensor_type->shape->n_dim = 1;
        break;
    }
}

static void test_changed_graphs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct onnx_file *file = NULL;
        assert_ok(rf__onnx_file_read(golden_path(changes[i].file), &file, err));
        apply(file, i);
        expect(file, changes[i].what, changes[i].expected, changes[i].is_refused);
        rf__onnx_file_free(file);
    }
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void test_out_of_memory(void **state)
{
    bool done = false;

    (void)state;
    for (uint64_t n = 1; !done; n++) {
        struct onnx_file *file = NULL;
        struct recognized found = {0};
        rf_error fault = {0};
        assert_int_equal(rf__onnx_file_read(golden_path(VARIANTS "model_O2.onnx"), &file, &fault), RF_OK);
        rf__alloc_fail_at(n);
        done = rf__recognize(file, "model.onnx", &found, &fault) == RF_OK;
        rf__alloc_fail_at(0);
        if (!done)
            assert_int_equal(fault.status, RF_NO_MEMORY);
        rf__recognized_release(&found);
        rf__onnx_file_free(file);
        assert_true(n < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),          cmocka_unit_test(test_parameters),    cmocka_unit_test(test_roberta),
        cmocka_unit_test(test_changed_graphs), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("onnx: recognize", tests, NULL, NULL);
}
