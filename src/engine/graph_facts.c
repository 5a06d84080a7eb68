/* graph_facts: see graph_facts.h. */
#include "engine/graph_facts.h"

#include "base/onnx_fields.h"
#include "base/wire.h"

#include <string.h>

/* What weights are stored in, as far as it makes a difference here. */
enum kind { KIND_OTHER, KIND_FP32, KIND_FP16, KIND_BF16, KIND_INT8, KIND_Q4, KIND_Q2, N_KINDS };

/* TensorProto.DataType */
static enum kind kind_of(uint64_t data_type)
{
    switch (data_type) {
    case 1:  /* FLOAT */
    case 11: /* DOUBLE */
        return KIND_FP32;
    case 10:
        return KIND_FP16;
    case 16:
        return KIND_BF16;
    case 2:  /* UINT8 */
    case 3:  /* INT8 */
    case 17: /* FLOAT8E4M3FN … FLOAT8E5M2FNUZ */
    case 18:
    case 19:
    case 20:
        return KIND_INT8;
    case 21: /* UINT4, INT4, FLOAT4E2M1 */
    case 22:
    case 23:
        return KIND_Q4;
    default:
        return KIND_OTHER;
    }
}

struct counts {
    uint64_t n[N_KINDS]; /* numbers of each kind */
    bool mixes_texts;
    uint64_t n_packed; /* bytes among those of KIND_INT8 that hold numbers of fewer bits, counted there */
};

/* a * b, or UINT64_MAX; what is counted here is told, never used as a size. */
static uint64_t times(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static void add(uint64_t *sum, uint64_t more)
{
    *sum = more > UINT64_MAX - *sum ? UINT64_MAX : *sum + more;
}

/* dims may come one by one, or packed into one field. */
static bool read_dims(const uint8_t *model, const struct field *field, uint64_t *n, unsigned *rank)
{
    uint64_t dim = field->value;

    if (field->wire == WIRE_VARINT) {
        *n = times(*n, dim);
        ++*rank;
        return true;
    }
    for (size_t at = field->body; at < field->end; ++*rank) {
        if (!rf__wire_varint(model, field->end, &at, &dim))
            return false;
        *n = times(*n, dim);
    }
    return true;
}

/* Scalars are no weights. */
static bool count_tensor(const uint8_t *model, const struct field *tensor, struct counts *counts)
{
    struct field field = {0};
    uint64_t n = 1, type = 0;
    unsigned rank = 0;

    for (size_t at = tensor->body; at < tensor->end; at = field.end) {
        if (!rf__wire_field(model, at, tensor->end, &field))
            return false;
        if (field.number == TENSOR_DIMS && !read_dims(model, &field, &n, &rank))
            return false;
        if (field.number == TENSOR_TYPE)
            type = field.value;
    }
    if (rank > 0)
        add(&counts->n[kind_of(type)], n);
    return true;
}

static bool is(const uint8_t *model, const struct field *field, const char *text)
{
    size_t len = strlen(text);

    return field->end - field->body == len && memcmp(model + field->body, text, len) == 0;
}

/* The attributes of a node that matter here. */
struct attributes {
    uint64_t bits, n, k, block;
};

static bool read_attribute(const uint8_t *model, const struct field *attribute, struct attributes *out,
                           struct counts *counts)
{
    struct field field = {0}, name = {0};
    uint64_t value = 0;

    for (size_t at = attribute->body; at < attribute->end; at = field.end) {
        if (!rf__wire_field(model, at, attribute->end, &field))
            return false;
        if (field.number == ATTRIBUTE_NAME && field.wire == WIRE_BYTES)
            name = field;
        else if (field.number == ATTRIBUTE_INT)
            value = field.value;
        else if (field.number == ATTRIBUTE_TENSOR && field.wire == WIRE_BYTES && !count_tensor(model, &field, counts))
            return false; /* of Constant */
    }
    if (is(model, &name, "bits"))
        out->bits = value;
    else if (is(model, &name, "N"))
        out->n = value;
    else if (is(model, &name, "K"))
        out->k = value;
    else if (is(model, &name, "block_size"))
        out->block = value;
    return true;
}

/* The weights of these operators, N * K numbers, are an initializer of bytes, rounded up to whole blocks. */
static void count_packed(const struct attributes *a, struct counts *counts)
{
    uint64_t block = a->block > 0 ? a->block : 1, blocks = a->k / block + (a->k % block > 0);

    add(&counts->n[a->bits <= 2 ? KIND_Q2 : a->bits <= 4 ? KIND_Q4 : KIND_INT8], times(a->n, a->k));
    add(&counts->n_packed, times(times(times(a->n, blocks), block), a->bits) / 8);
}

static bool count_node(const uint8_t *model, const struct field *node, struct counts *counts)
{
    struct field field = {0}, type = {0};
    struct attributes attributes = {.bits = 4};

    for (size_t at = node->body; at < node->end; at = field.end) {
        if (!rf__wire_field(model, at, node->end, &field))
            return false;
        if (field.wire != WIRE_BYTES)
            continue;
        if (field.number == NODE_OP_TYPE)
            type = field;
        else if (field.number == NODE_ATTRIBUTE && !read_attribute(model, &field, &attributes, counts))
            return false;
    }
    if (is(model, &type, "MatMulNBits") || is(model, &type, "MatMulBnb4"))
        count_packed(&attributes, counts);
    if (is(model, &type, "DynamicQuantizeLinear") || is(model, &type, "DynamicQuantizeMatMul"))
        counts->mixes_texts = true;
    return true;
}

static bool count_graph(const uint8_t *model, const struct field *graph, struct counts *counts)
{
    struct field field = {0};

    for (size_t at = graph->body; at < graph->end; at = field.end) {
        if (!rf__wire_field(model, at, graph->end, &field))
            return false;
        if (field.wire != WIRE_BYTES)
            continue;
        if (field.number == GRAPH_INITIALIZER && !count_tensor(model, &field, counts))
            return false;
        if (field.number == GRAPH_NODE && !count_node(model, &field, counts))
            return false;
    }
    return true;
}

/* The lowest that a part of the weights worth mentioning is stored in: the table of embeddings often stays what it was,
 * and so do biases and norms. */
static const char *precision_of(const struct counts *counts, uint64_t n_parameters)
{
    const uint64_t *n = counts->n, some = n_parameters / 100;
    bool half = n[KIND_FP16] > n[KIND_FP32];

    if (n[KIND_Q2] > some)
        return "q2";
    if (n[KIND_Q4] > some)
        return half ? "q4 with fp16" : "q4";
    if (n[KIND_INT8] > some)
        return "int8";
    if (n[KIND_BF16] > n[KIND_FP32])
        return "bf16";
    return half ? "fp16" : "fp32";
}

bool rf__graph_facts(const uint8_t *model, size_t len, struct graph_facts *out)
{
    struct counts counts = {.n = {0}};
    struct field field = {0};
    bool has_graph = false;

    *out = (struct graph_facts){.precision = ""};
    for (size_t at = 0; at < len; at = field.end) {
        if (!rf__wire_field(model, at, len, &field))
            return false;
        if (field.number != MODEL_GRAPH || field.wire != WIRE_BYTES)
            continue;
        if (!count_graph(model, &field, &counts))
            return false;
        has_graph = true;
    }
    counts.n[KIND_INT8] -= counts.n_packed < counts.n[KIND_INT8] ? counts.n_packed : counts.n[KIND_INT8];
    for (int kind = KIND_FP32; kind < N_KINDS; kind++)
        add(&out->n_parameters, counts.n[kind]);
    out->mixes_texts = counts.mixes_texts;
    if (has_graph)
        out->precision = precision_of(&counts, out->n_parameters);
    return has_graph;
}
