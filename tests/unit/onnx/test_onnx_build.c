/*
 * onnx_build: the file that is written, read back with protobuf-c: every value is made before it is used, every tensor
 * lies where the file says and holds the weights. And each fault of config.json and weights with the words that its
 * message must hold; nothing is left of a file that failed. Numbers are compared with torch by tests/oracle and by the
 * golden models.
 */
#include "golden.h"

#include "base/json.h"
#include "base/mem.h"
#include "onnx/arch.h"
#include "onnx/onnx.h"
#include "os/os.h"

#include "onnx.pb-c.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *in(const char *dir, const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];
    size_t len = strlen(dir); /* dir may lie in paths: copied apart, or gcc suspects an overlap */

    assert_true(len + strlen(name) + 2 <= sizeof paths[0]);
    memmove(path, dir, len);
    path[len] = '/';
    strcpy(path + len + 1, name);
    return path;
}

/* ---- A small model ------------------------------------------------------------------------------------------- */

#define CONFIG                                                                                                         \
    "{\"model_type\":\"bert\",\"vocab_size\":11,\"hidden_size\":6,\"num_hidden_layers\":2,\"num_attention_heads\":3,"  \
    "\"intermediate_size\":10,\"max_position_embeddings\":7,\"type_vocab_size\":2,\"hidden_act\":\"gelu\"%s}"

enum { HIDDEN = 6, INNER = 10, WORDS = 11, POSITIONS = 7, TYPES = 2, LAYERS = 2 };

struct spec {
    char name[96];
    size_t rows, cols; /* cols 0: a vector */
};

static const struct spec embeddings[] = {
    {"embeddings.word_embeddings.weight", WORDS, HIDDEN},
    {"embeddings.position_embeddings.weight", POSITIONS, HIDDEN},
    {"embeddings.token_type_embeddings.weight", TYPES, HIDDEN},
    {"embeddings.LayerNorm.weight", HIDDEN, 0},
    {"embeddings.LayerNorm.bias", HIDDEN, 0},
};
static const struct spec layer[] = {
    {"attention.self.query.weight", HIDDEN, HIDDEN},
    {"attention.self.query.bias", HIDDEN, 0},
    {"attention.self.key.weight", HIDDEN, HIDDEN},
    {"attention.self.key.bias", HIDDEN, 0},
    {"attention.self.value.weight", HIDDEN, HIDDEN},
    {"attention.self.value.bias", HIDDEN, 0},
    {"attention.output.dense.weight", HIDDEN, HIDDEN},
    {"attention.output.dense.bias", HIDDEN, 0},
    {"attention.output.LayerNorm.weight", HIDDEN, 0},
    {"attention.output.LayerNorm.bias", HIDDEN, 0},
    {"intermediate.dense.weight", INNER, HIDDEN},
    {"intermediate.dense.bias", INNER, 0},
    {"output.dense.weight", HIDDEN, INNER},
    {"output.dense.bias", HIDDEN, 0},
    {"output.LayerNorm.weight", HIDDEN, 0},
    {"output.LayerNorm.bias", HIDDEN, 0},
};
#define N_EMBEDDINGS (sizeof embeddings / sizeof embeddings[0])
#define N_LAYER      (sizeof layer / sizeof layer[0])
#define N_TENSORS    (N_EMBEDDINGS + LAYERS * N_LAYER)

static struct spec spec_at(size_t i)
{
    struct spec spec;

    if (i < N_EMBEDDINGS)
        return embeddings[i];
    i -= N_EMBEDDINGS;
    spec = layer[i % N_LAYER];
    snprintf(spec.name, sizeof spec.name, "encoder.layer.%zu.%s", i / N_LAYER, layer[i % N_LAYER].name);
    return spec;
}

/* What differs from the plain model. */
struct change {
    const char *prefix; /* of all names */
    const char *tensor; /* whose name ends so; the rest is done to it */
    const char *rename; /* what its end becomes; NULL: as it is */
    const char *shape;  /* written instead of its own, of as many elements; NULL: its own */
    const char *dtype;  /* instead of F32: F16, BF16, or I32 and F64 with as many bytes as they need */
    float first;        /* its first element, where not 0 */
};

static float element(size_t tensor, size_t i)
{
    return 0.25F * (float)((int)((tensor * 7 + i * 3) % 17) - 8); /* exact in 16 bits */
}

static bool is_changed(const struct change *change, const char *name)
{
    size_t len = strlen(name), end = change->tensor != NULL ? strlen(change->tensor) : 0;

    return end > 0 && end <= len && strcmp(name + len - end, change->tensor) == 0;
}

static void append_element(struct buf *data, const char *dtype, float number)
{
    uint32_t bits;
    uint16_t half;
    double wide = (double)number;
    int exponent;

    memcpy(&bits, &number, sizeof bits);
    if (strcmp(dtype, "BF16") == 0) {
        half = (uint16_t)(bits >> 16);
        assert_ok(rf__buf_append(data, &half, 2, err));
    } else if (strcmp(dtype, "F16") == 0) {
        exponent = (int)(bits >> 23 & 0xFF) - 112;
        half = (uint16_t)((bits >> 16 & 0x8000) | (number == 0 ? 0 : (uint32_t)exponent << 10 | (bits >> 13 & 0x3FF)));
        assert_ok(rf__buf_append(data, &half, 2, err));
    } else if (strcmp(dtype, "F64") == 0) {
        assert_ok(rf__buf_append(data, &wide, 8, err));
    } else {
        assert_ok(rf__buf_append(data, &bits, 4, err));
    }
}

/* Writes tensor `spec` into header and data. */
static void append_tensor(struct buf *header, struct buf *data, size_t index, const struct change *change)
{
    struct spec spec = spec_at(index);
    size_t n = spec.rows * (spec.cols ? spec.cols : 1), begin = data->len;
    bool changed = is_changed(change, spec.name);
    const char *dtype = change->dtype != NULL && (changed || change->tensor == NULL) ? change->dtype : "F32";

    for (size_t i = 0; i < n; i++)
        append_element(data, dtype, changed && i == 0 && change->first != 0 ? change->first : element(index, i));
    if (changed && change->rename != NULL)
        snprintf(spec.name + strlen(spec.name) - strlen(change->tensor),
                 sizeof spec.name - strlen(spec.name) + strlen(change->tensor), "%s", change->rename);
    assert_ok(rf__buf_printf(header, err, "%s\"%s%s\":{\"dtype\":\"%s\",\"shape\":", index > 0 ? "," : "",
                             change->prefix != NULL ? change->prefix : "", spec.name, dtype));
    if (changed && change->shape != NULL)
        assert_ok(rf__buf_append_str(header, change->shape, err));
    else if (spec.cols > 0)
        assert_ok(rf__buf_printf(header, err, "[%zu,%zu]", spec.rows, spec.cols));
    else
        assert_ok(rf__buf_printf(header, err, "[%zu]", spec.rows));
    assert_ok(rf__buf_printf(header, err, ",\"data_offsets\":[%zu,%zu]}", begin, data->len));
}

static void write_weights(const char *dir, const struct change *change)
{
    struct buf header, data;

    rf__buf_init(&header, 1 << 20);
    rf__buf_init(&data, 1 << 20);
    assert_ok(rf__buf_append_str(&header, "........{", err));
    for (size_t i = 0; i < N_TENSORS; i++)
        append_tensor(&header, &data, i, change);
    assert_ok(rf__buf_append_byte(&header, '}', err));
    for (size_t i = 0; i < 8; i++)
        header.data[i] = (char)((uint64_t)(header.len - 8) >> (8 * i));
    assert_ok(rf__buf_append(&header, data.data, data.len, err));
    write_file(in(dir, "model.safetensors"), header.data, header.len);
    rf__buf_release(&header);
    rf__buf_release(&data);
}

/* `more` is appended to the members of config.json; yyjson finds the first of two equal keys. */
static void write_config(const char *dir, const char *more)
{
    char config[2048];

    snprintf(config, sizeof config, CONFIG, more);
    write_file(in(dir, "config.json"), config, strlen(config));
}

/* Members of `how` that are 0 are filled in. */
static rf_status build_with(const char *dir, struct onnx_build how, rf_error *err)
{
    char config[2048], out[2048];
    struct weights *weights = NULL;
    rf_status status = rf__weights_open(in(dir, "model.safetensors"), &weights, err);

    snprintf(config, sizeof config, "%s/config.json", dir);
    snprintf(out, sizeof out, "%s/out.onnx", dir);
    if (status == RF_OK) {
        how.config_path = config;
        how.weights = weights;
        how.out_path = out;
        how.source = "org/name";
        status = rf__onnx_build(&how, err);
    }
    rf__weights_free(weights);
    return status;
}

static rf_status build(const char *dir, rf_error *err)
{
    return build_with(dir, (struct onnx_build){0}, err);
}

static size_t n_names(const char *dir)
{
    char **names = NULL;
    size_t n = 0;

    assert_ok(rf__os_list_directory(dir, &names, &n, err));
    rf__free(names);
    return n;
}

/* ---- Reading it back ----------------------------------------------------------------------------------------- */

struct written {
    struct buf onnx, data;
    Onnx__ModelProto *model;
};

static void read_back(const char *dir, struct written *out)
{
    rf__buf_init(&out->onnx, 1 << 24);
    rf__buf_init(&out->data, 1 << 24);
    assert_ok(rf__os_read_file(in(dir, "out.onnx"), &out->onnx, err));
    assert_ok(rf__os_read_file(in(dir, "out.onnx.data"), &out->data, err));
    out->model = onnx__model_proto__unpack(NULL, out->onnx.len, (const uint8_t *)out->onnx.data);
    assert_non_null(out->model);
}

static void release(struct written *written)
{
    onnx__model_proto__free_unpacked(written->model, NULL);
    rf__buf_release(&written->onnx);
    rf__buf_release(&written->data);
}

static const char *entry(Onnx__StringStringEntryProto **entries, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i]->key, key) == 0)
            return entries[i]->value;
    }
    fail_msg("no '%s'", key);
    return "";
}

#define MAX_VALUES 1024
struct names {
    const char *items[MAX_VALUES];
    size_t n;
};

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

static void add_name(struct names *names, const char *name)
{
    assert_true(names->n < MAX_VALUES && *name != '\0');
    if (has_name(names, name))
        fail_msg("'%s' is made twice", name);
    names->items[names->n++] = name;
}

/* Every input of a node is there before the node; `names` are those of the outer graphs too. */
static void check_order(const Onnx__GraphProto *graph, struct names *names)
{
    for (size_t i = 0; i < graph->n_input; i++)
        add_name(names, graph->input[i]->name);
    for (size_t i = 0; i < graph->n_initializer; i++)
        add_name(names, graph->initializer[i]->name);
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        for (size_t k = 0; k < node->n_input; k++) {
            if (*node->input[k] != '\0' && !has_name(names, node->input[k]))
                fail_msg("%s uses '%s', which is not made before", node->name, node->input[k]);
        }
        for (size_t k = 0; k < node->n_attribute; k++) {
            if (node->attribute[k]->g != NULL)
                check_order(node->attribute[k]->g, names);
        }
        for (size_t k = 0; k < node->n_output; k++)
            add_name(names, node->output[k]);
    }
    for (size_t i = 0; i < graph->n_output; i++)
        assert_true(has_name(names, graph->output[i]->name));
}

static void check_value_info(const Onnx__ValueInfoProto *info, const char *name, int type, size_t rank, int64_t last)
{
    const Onnx__TypeProto__Tensor *tensor = info->type->tensor_type;

    assert_string_equal(info->name, name);
    assert_int_equal(tensor->elem_type, type);
    assert_int_equal(tensor->shape->n_dim, rank);
    assert_string_equal(tensor->shape->dim[0]->dim_param, "batch");
    assert_string_equal(tensor->shape->dim[1]->dim_param, "sequence");
    if (rank == 3)
        assert_int_equal(tensor->shape->dim[2]->dim_value, last);
}

/* Tensor `index` of the model lies in the data file, aligned, with its own elements. Returns the end of it. */
static size_t check_tensor(const struct written *written, size_t index)
{
    struct spec spec = spec_at(index);
    const Onnx__GraphProto *graph = written->model->graph;
    const Onnx__TensorProto *tensor = NULL;
    unsigned long long offset = 1, len = 0;
    size_t n = spec.rows * (spec.cols ? spec.cols : 1);

    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (strcmp(graph->initializer[i]->name, spec.name) == 0)
            tensor = graph->initializer[i];
    }
    assert_non_null(tensor);
    assert_int_equal(tensor->data_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    assert_int_equal(tensor->data_location, ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL);
    assert_int_equal(tensor->n_dims, spec.cols ? 2 : 1);
    assert_int_equal(tensor->dims[0], spec.rows);
    assert_string_equal(entry(tensor->external_data, tensor->n_external_data, "location"), "out.onnx.data");
    assert_int_equal(sscanf(entry(tensor->external_data, tensor->n_external_data, "offset"), "%llu", &offset), 1);
    assert_int_equal(sscanf(entry(tensor->external_data, tensor->n_external_data, "length"), "%llu", &len), 1);
    assert_int_equal(offset % 64, 0);
    assert_int_equal(len, n * 4);
    assert_true(offset <= written->data.len && len <= written->data.len - offset);
    for (size_t i = 0; i < n; i++) {
        float number;
        memcpy(&number, written->data.data + offset + 4 * i, 4);
        assert_true(number == element(index, i));
    }
    return (size_t)(offset + len);
}

static size_t n_operators(const Onnx__GraphProto *graph, const char *op)
{
    size_t n = 0;

    for (size_t i = 0; i < graph->n_node; i++)
        n += strcmp(graph->node[i]->op_type, op) == 0;
    return n;
}

static void check_file(const char *dir)
{
    struct written written;
    const Onnx__GraphProto *graph;
    struct names names = {.n = 0};
    size_t end = 0;

    read_back(dir, &written);
    graph = written.model->graph;
    check_order(graph, &names);
    assert_int_equal(graph->n_input, 3);
    check_value_info(graph->input[0], "input_ids", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 2, 0);
    check_value_info(graph->input[1], "attention_mask", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 2, 0);
    check_value_info(graph->input[2], "token_type_ids", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 2, 0);
    assert_int_equal(graph->n_output, 1);
    check_value_info(graph->output[0], "last_hidden_state", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3, HIDDEN);
    for (size_t i = 0; i < N_TENSORS; i++) {
        size_t here = check_tensor(&written, i);
        end = here > end ? here : end;
    }
    assert_int_equal(end, written.data.len);
    assert_int_equal(n_operators(graph, "Gemm"), 6 * LAYERS);
    assert_int_equal(n_operators(graph, "If"), LAYERS);
    assert_int_equal(n_operators(graph, "LayerNormalization"), 2 * LAYERS + 1);
    release(&written);
}

/* ---- Tests --------------------------------------------------------------------------------------------------- */

static void onnx_build_writes_a_sound_file(void **state)
{
    const char *dir = scratch_directory("onnx-plain");
    struct written written;
    const Onnx__ModelProto *model;
    (void)state;

    write_config(dir, "");
    write_weights(dir, &(struct change){0});
    assert_ok(build(dir, err));
    assert_int_equal(n_names(dir), 4);
    check_file(dir);
    read_back(dir, &written);
    model = written.model;
    assert_int_equal(model->ir_version, 9);
    assert_int_equal(model->n_opset_import, 2);
    assert_string_equal(model->opset_import[1]->domain, "com.microsoft");
    assert_string_equal(entry(model->metadata_props, model->n_metadata_props, "rag_factory.source"), "org/name");
    assert_string_equal(entry(model->metadata_props, model->n_metadata_props, "rag_factory.version"), RF_VERSION);
    assert_string_equal(entry(model->metadata_props, model->n_metadata_props, "rag_factory.builder"), "5");
    release(&written);
}

static void onnx_build_takes_other_names_and_types(void **state)
{
    static const struct change changes[] = {
        {.prefix = "bert."},
        {.prefix = "model."},
        {.prefix = "encoder."},
        {.dtype = "F16"},
        {.dtype = "BF16"},
        {.dtype = "F64"},
        {.tensor = "LayerNorm.weight", .rename = "LayerNorm.gamma"},
        {.tensor = "LayerNorm.bias", .rename = "LayerNorm.beta", .prefix = "bert."},
    };
    (void)state;

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *dir = scratch_directory("onnx-changes");
        write_config(dir, "");
        write_weights(dir, &changes[i]);
        assert_ok(build(dir, err));
        check_file(dir);
    }
}

static void onnx_build_knows_the_activations(void **state)
{
    static const char *const names[] = {"gelu",
                                        "gelu_10",
                                        "gelu_fast",
                                        "gelu_new",
                                        "gelu_python",
                                        "gelu_pytorch_tanh",
                                        "gelu_python_tanh",
                                        "gelu_accurate",
                                        "hardswish",
                                        "laplace",
                                        "leaky_relu",
                                        "linear",
                                        "mish",
                                        "quick_gelu",
                                        "relu",
                                        "relu2",
                                        "relu6",
                                        "sigmoid",
                                        "silu",
                                        "swish",
                                        "tanh"};
    const char *dir = scratch_directory("onnx-activations");
    (void)state;

    write_weights(dir, &(struct change){0});
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char config[2048];
        snprintf(config, sizeof config,
                 "{\"model_type\":\"bert\",\"vocab_size\":11,\"hidden_size\":6,\"num_hidden_layers\":2,"
                 "\"num_attention_heads\":3,\"intermediate_size\":10,\"max_position_embeddings\":7,\"hidden_act\":"
                 "\"%s\"}",
                 names[i]);
        write_file(in(dir, "config.json"), config, strlen(config));
        assert_ok(build(dir, err));
        check_file(dir);
    }
}

static const struct {
    const char *config;
    rf_status status;
    const char *message;
} bad_configs[] = {
    {"", RF_BAD_FORMAT, "is empty"},
    {"{", RF_BAD_FORMAT, "not JSON"},
    {"[]", RF_BAD_FORMAT, "is an array, expected an object"},
    {"{}", RF_BAD_FORMAT, "has no 'model_type'"},
    {"{\"model_type\":7}", RF_BAD_FORMAT, "'model_type' is a number"},
    {"{\"model_type\":\"wombat\"}", RF_UNSUPPORTED,
     "'wombat', whose weights cannot be turned into an ONNX file; "
     "supported: bert, electra, roberta"},
    {"{\"model_type\":\"bert\",\"is_decoder\":true}", RF_UNSUPPORTED, "'is_decoder' is true"},
    {"{\"model_type\":\"bert\",\"is_decoder\":1}", RF_BAD_FORMAT, "'is_decoder' is a number"},
    {"{\"model_type\":\"bert\",\"add_cross_attention\":true}", RF_UNSUPPORTED, "'add_cross_attention' is true"},
    {"{\"model_type\":\"bert\",\"position_embedding_type\":\"relative_key\"}", RF_UNSUPPORTED, "'relative_key'"},
    {"{\"model_type\":\"bert\",\"hidden_act\":\"prelu\"}", RF_UNSUPPORTED, "'hidden_act' is 'prelu'"},
    {"{\"model_type\":\"bert\",\"hidden_act\":\"sqrtsoftplus\"}", RF_UNSUPPORTED, "expected one of: gelu, "},
    {"{\"model_type\":\"bert\",\"hidden_act\":1}", RF_BAD_FORMAT, "'hidden_act' is a number"},
    {"{\"model_type\":\"bert\",\"hidden_size\":0}", RF_BAD_FORMAT, "'hidden_size' is 0, expected at least 1"},
    {"{\"model_type\":\"bert\",\"hidden_size\":-6}", RF_BAD_FORMAT, "'hidden_size'"},
    {"{\"model_type\":\"bert\",\"hidden_size\":1e3}", RF_BAD_FORMAT, "'hidden_size'"},
    {"{\"model_type\":\"bert\",\"num_hidden_layers\":4294967296}", RF_BAD_FORMAT, "'num_hidden_layers'"},
    {"{\"model_type\":\"bert\",\"num_attention_heads\":5}", RF_BAD_FORMAT, "a multiple of 'num_attention_heads', 5"},
    {"{\"model_type\":\"bert\",\"layer_norm_eps\":-1}", RF_BAD_FORMAT, "'layer_norm_eps' is -1"},
    {"{\"model_type\":\"bert\",\"layer_norm_eps\":\"1e-12\"}", RF_BAD_FORMAT, "'layer_norm_eps' is a string"},
};

static void onnx_build_refuses_a_config(void **state)
{
    const char *dir = scratch_directory("onnx-configs");
    (void)state;

    write_weights(dir, &(struct change){0});
    for (size_t i = 0; i < sizeof bad_configs / sizeof bad_configs[0]; i++) {
        rf_error err = {0};
        rf_status status;
        write_file(in(dir, "config.json"), bad_configs[i].config, strlen(bad_configs[i].config));
        status = build(dir, &err);
        if (status != bad_configs[i].status || strstr(err.message, bad_configs[i].message) == NULL ||
            strstr(err.message, "config.json: ") == NULL)
            fail_msg("%s: %d '%s', expected %d '%s'", bad_configs[i].config, status, err.message, bad_configs[i].status,
                     bad_configs[i].message);
        assert_int_equal(n_names(dir), 2);
    }
    assert_ok(rf__os_remove(in(dir, "config.json"), err));
    assert_int_equal(build(dir, NULL), RF_NOT_FOUND);
}

static const struct {
    struct change change;
    rf_status status;
    const char *message;
} bad_weights[] = {
    {{.prefix = "roberta."}, RF_BAD_FORMAT, "has no tensor 'embeddings.word_embeddings.weight'"},
    {{.tensor = "layer.1.attention.self.query.weight", .rename = "x"},
     RF_BAD_FORMAT,
     "model.safetensors: tensor 'encoder.layer.1.attention.self.query.weight' is missing"},
    {{.prefix = "bert.", .tensor = "layer.0.output.LayerNorm.bias", .rename = "x"},
     RF_BAD_FORMAT,
     "'bert.encoder.layer.0.output.LayerNorm.bias' is missing"},
    {{.tensor = "layer.1.attention.self.query.weight", .shape = "[4,9]"},
     RF_BAD_FORMAT,
     "model.safetensors: tensor 'encoder.layer.1.attention.self.query.weight' is [4, 9], expected [6, 6] (hidden_size "
     "of config.json)"},
    {{.tensor = "word_embeddings.weight", .shape = "[33,2]"},
     RF_BAD_FORMAT,
     "is [33, 2], expected [11, 6] (vocab_size, hidden_size of config.json)"},
    {{.tensor = "layer.0.intermediate.dense.weight", .shape = "[6,10]"},
     RF_BAD_FORMAT,
     "is [6, 10], expected [10, 6] (intermediate_size, hidden_size of config.json)"},
    {{.tensor = "position_embeddings.weight", .shape = "[42]"},
     RF_BAD_FORMAT,
     "is [42], expected [7, 6] (max_position_embeddings, hidden_size of config.json)"},
    {{.tensor = "embeddings.LayerNorm.weight", .shape = "[1,6]"}, RF_BAD_FORMAT, "is [1, 6], expected [6]"},
    {{.tensor = "embeddings.LayerNorm.weight", .shape = "[1,1,1,1,1,1,2,3]"}, RF_BAD_FORMAT, "expected [6]"},
    {{.tensor = "layer.0.output.dense.bias", .dtype = "I32"},
     RF_UNSUPPORTED,
     "'encoder.layer.0.output.dense.bias' is of type I32, expected F32, F16, BF16 or F64"},
    {{.tensor = "layer.1.output.dense.weight", .first = NAN},
     RF_BAD_FORMAT,
     "'encoder.layer.1.output.dense.weight' holds NaN or infinity"},
    {{.tensor = "layer.1.output.dense.weight", .first = -INFINITY}, RF_BAD_FORMAT, "holds NaN or infinity"},
    {{.tensor = "layer.1.output.dense.weight", .dtype = "F64", .first = INFINITY}, RF_BAD_FORMAT, "NaN or infinity"},
};

static void onnx_build_refuses_weights(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof bad_weights / sizeof bad_weights[0]; i++) {
        const char *dir = scratch_directory("onnx-weights");
        rf_error err = {0};
        rf_status status;
        write_config(dir, "");
        write_weights(dir, &bad_weights[i].change);
        status = build(dir, &err);
        if (status != bad_weights[i].status || strstr(err.message, bad_weights[i].message) == NULL)
            fail_msg("case %zu: %d '%s', expected %d '%s'", i, status, err.message, bad_weights[i].status,
                     bad_weights[i].message);
        assert_int_equal(n_names(dir), 2);
    }
}

struct progress {
    uint64_t done, total, stop_at; /* 0: never */
};

static bool count(void *user, uint64_t done, uint64_t total)
{
    struct progress *progress = user;

    assert_true(done > progress->done && done <= total);
    assert_true(progress->total == 0 || progress->total == total);
    progress->done = done;
    progress->total = total;
    return progress->stop_at == 0 || done < progress->stop_at;
}

static void onnx_build_tells_its_progress_and_stops(void **state)
{
    const char *dir = scratch_directory("onnx-progress");
    struct progress whole = {0}, stopped = {.stop_at = 500};
    rf_error fault;
    (void)state;

    write_config(dir, "");
    write_weights(dir, &(struct change){0});
    assert_int_equal(build_with(dir, (struct onnx_build){.progress = count, .progress_user = &stopped}, &fault),
                     RF_CANCELLED);
    assert_true(stopped.done < stopped.total);
    assert_int_equal(n_names(dir), 2);
    assert_ok(build_with(dir, (struct onnx_build){.progress = count, .progress_user = &whole}, err));
    assert_int_equal(whole.done, whole.total);
    assert_int_equal(rf__os_stat(in(dir, "out.onnx.data")).size, whole.total);
}

static void onnx_build_replaces_an_older_file(void **state)
{
    const char *dir = scratch_directory("onnx-replace");
    (void)state;

    write_config(dir, "");
    write_weights(dir, &(struct change){0});
    write_file(in(dir, "out.onnx"), "old", 3);
    write_file(in(dir, "out.onnx.data"), "old", 3);
    assert_ok(build(dir, err));
    assert_int_equal(n_names(dir), 4);
    check_file(dir);
}

/* A folder stands where each of the two files should go. */
static void onnx_build_leaves_nothing_when_it_cannot_write(void **state)
{
    static const char *const places[] = {"out.onnx", "out.onnx.data"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        const char *dir = scratch_directory("onnx-blocked");
        rf_error fault = {0};
        write_config(dir, "");
        write_weights(dir, &(struct change){0});
        assert_ok(rf__os_make_directories(in(in(dir, places[i]), "x"), err));
        assert_int_equal(build(dir, &fault), RF_IO);
        assert_non_null(strstr(fault.message, places[i]));
        assert_int_equal(n_names(dir), 3);
    }
}

static void onnx_build_survives_without_memory(void **state)
{
    const char *dir = scratch_directory("onnx-memory");
    rf_status status = RF_NO_MEMORY;
    uint64_t n = 0;
    (void)state;

    write_config(dir, "");
    write_weights(dir, &(struct change){0});
    while (status != RF_OK) {
        rf_error err = {0};
        rf__alloc_fail_at(++n);
        status = build(dir, &err);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || (status == err.status && err.message[0] != '\0'));
        assert_int_equal(n_names(dir), status == RF_OK ? 4 : 2);
        assert_true(n < 100000);
    }
    assert_true(n > 500);
    check_file(dir);
}

static void onnx_build_names_its_architectures(void **state)
{
    const char *names = rf__arch_names();
    (void)state;

    while (*names != '\0') {
        char name[64];
        size_t len = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        assert_non_null(rf__arch_find(name));
        names += len + strspn(names + len, ", ");
    }
    assert_null(rf__arch_find("wombat"));
    assert_null(rf__arch_find(""));
}

/* Tensors that are together no more than the limit lie in the ONNX file, the same bytes as otherwise beside it. */
static void onnx_build_keeps_small_tensors_inside(void **state)
{
    const char *dir = scratch_directory("onnx-inline");
    struct buf data, inside;
    Onnx__ModelProto *model;
    (void)state;

    write_config(dir, "");
    write_weights(dir, &(struct change){0});
    assert_ok(build_with(dir, (struct onnx_build){.is_portable = true}, err));
    rf__buf_init(&data, 1 << 20);
    assert_ok(rf__os_read_file(in(dir, "out.onnx.data"), &data, err));
    assert_ok(build_with(dir, (struct onnx_build){.is_portable = true, .inline_limit = data.len - 1}, err));
    assert_true(rf__os_is_file(in(dir, "out.onnx.data")));
    rf__buf_init(&inside, 1 << 20);
    assert_ok(rf__os_remove(in(dir, "out.onnx.data"), err));
    assert_ok(build_with(dir, (struct onnx_build){.is_portable = true, .inline_limit = data.len}, err));
    assert_false(rf__os_is_file(in(dir, "out.onnx.data")));
    assert_ok(rf__os_read_file(in(dir, "out.onnx"), &inside, err));
    model = onnx__model_proto__unpack(NULL, inside.len, (const uint8_t *)inside.data);
    assert_non_null(model);
    assert_int_equal(model->ir_version, 8);
    assert_int_equal(model->n_opset_import, 1);
    assert_int_equal(model->opset_import[0]->version, 17);
    for (size_t i = 0; i < N_TENSORS; i++) {
        struct spec spec = spec_at(i);
        const Onnx__TensorProto *tensor = NULL;
        for (size_t k = 0; k < model->graph->n_initializer; k++) {
            if (strcmp(model->graph->initializer[k]->name, spec.name) == 0)
                tensor = model->graph->initializer[k];
        }
        assert_non_null(tensor);
        assert_int_equal(tensor->n_external_data, 0);
        assert_int_equal(tensor->raw_data.len, spec.rows * (spec.cols ? spec.cols : 1) * 4);
        for (size_t k = 0; k < tensor->raw_data.len / 4; k++) {
            float number;
            memcpy(&number, tensor->raw_data.data + 4 * k, 4);
            assert_true(number == element(i, k));
        }
    }
    onnx__model_proto__free_unpacked(model, NULL);
    rf__buf_release(&data);
    rf__buf_release(&inside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onnx_build_writes_a_sound_file),
        cmocka_unit_test(onnx_build_keeps_small_tensors_inside),
        cmocka_unit_test(onnx_build_takes_other_names_and_types),
        cmocka_unit_test(onnx_build_knows_the_activations),
        cmocka_unit_test(onnx_build_refuses_a_config),
        cmocka_unit_test(onnx_build_refuses_weights),
        cmocka_unit_test(onnx_build_tells_its_progress_and_stops),
        cmocka_unit_test(onnx_build_replaces_an_older_file),
        cmocka_unit_test(onnx_build_leaves_nothing_when_it_cannot_write),
        cmocka_unit_test(onnx_build_survives_without_memory),
        cmocka_unit_test(onnx_build_names_its_architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
