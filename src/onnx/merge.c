/*
 * merge: what a graph computes twice is computed once: nodes of the same operator with the same inputs and attributes,
 * small constants with the same elements, and nodes that hand on what they are given. One pass in the order of the
 * nodes, in which a value that was made before takes the place of the later one; who made that is then unused.
 */
#include "onnx/optimize.h"

#include "base/fnv.h"
#include "base/mem.h"

#include <string.h>

#define SMALL     ((size_t)64) /* bytes of a constant that is compared */
#define MOST_LOOK 64           /* others with the same hash, of a file that was made to have many */

struct merger {
    struct graph *graph;
    struct index index;
    const char **same;      /* [index.n]: the value to be used in its place; NULL: itself */
    size_t *slots, n_slots; /* 1 + a node, or 1 + n_node + an initializer; 0: free */
    Onnx__GraphProto *proto;
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return rf__fnv_add(hash, text, strlen(text) + 1);
}

/* ---- Nodes and constants that are the same ----------------------------------------------------------------------- */

static bool is_same_attribute(const Onnx__AttributeProto *a, const Onnx__AttributeProto *b)
{
    const size_t n = onnx__attribute_proto__get_packed_size(a);
    uint8_t *bytes;
    bool is_same;

    if (onnx__attribute_proto__get_packed_size(b) != n || n > SIZE_MAX / 2)
        return false;
    bytes = rf__alloc_array(2 * n + 1, 1);
    if (bytes == NULL)
        return false;
    onnx__attribute_proto__pack(a, bytes);
    onnx__attribute_proto__pack(b, bytes + n);
    is_same = memcmp(bytes, bytes + n, n) == 0;
    rf__free(bytes);
    return is_same;
}

static bool is_same_node(const Onnx__NodeProto *a, const Onnx__NodeProto *b)
{
    if (strcmp(a->op_type, b->op_type) != 0 || a->n_input != b->n_input || a->n_output != b->n_output ||
        a->n_attribute != b->n_attribute)
        return false;
    for (size_t i = 0; i < a->n_input; i++)
        if (strcmp(a->input[i], b->input[i]) != 0)
            return false;
    for (size_t i = 0; i < a->n_output; i++)
        if ((*a->output[i] == '\0') != (*b->output[i] == '\0'))
            return false;
    for (size_t i = 0; i < a->n_attribute; i++)
        if (!is_same_attribute(a->attribute[i], b->attribute[i]))
            return false;
    return true;
}

static size_t n_bytes(const Onnx__TensorProto *tensor, uint64_t n)
{
    switch (tensor->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return n <= SMALL ? (size_t)n * 8 : SIZE_MAX;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return n <= SMALL ? (size_t)n * 4 : SIZE_MAX;
    default:
        return SIZE_MAX;
    }
}

static bool is_same_constant(struct graph *graph, size_t i, size_t k)
{
    struct constant a, b;
    size_t size;

    rf__graph_constant(graph, i, &a);
    rf__graph_constant(graph, k, &b);
    if (a.proto->data_type != b.proto->data_type || a.proto->n_dims != b.proto->n_dims)
        return false;
    for (size_t d = 0; d < a.proto->n_dims; d++)
        if (a.proto->dims[d] != b.proto->dims[d])
            return false;
    size = n_bytes(a.proto, a.n);
    return size == 0 || memcmp(a.bytes, b.bytes, size) == 0;
}

static bool is_same(const struct merger *m, size_t i, size_t k)
{
    const size_t n = m->proto->n_node;

    if (i < n && k < n)
        return is_same_node(m->proto->node[i], m->proto->node[k]);
    return i >= n && k >= n && is_same_constant(m->graph, i - n, k - n);
}

/* The first that is the same as `i`, which is `i` itself where there is none before it. */
static size_t find_same(struct merger *m, uint64_t hash, size_t i)
{
    for (size_t look = 0, at = (size_t)hash; look < MOST_LOOK; look++, at++) {
        size_t *slot = &m->slots[at & (m->n_slots - 1)];
        if (*slot == 0) {
            *slot = i + 1;
            return i;
        }
        if (is_same(m, *slot - 1, i))
            return *slot - 1;
    }
    return i;
}

/* ---- One pass ------------------------------------------------------------------------------------------------------
 */

static void replace(struct merger *m, const char *name, const char *by)
{
    const struct place *place = rf__index_find(&m->index, name);

    if (place != NULL)
        m->same[place - m->index.places] = by;
}

/* What a node uses, and the graphs inside it, which are no deeper than onnx_read.h says. */
static void rename_inputs(const struct merger *m, Onnx__NodeProto *node)
{
    for (size_t k = 0; k < node->n_input; k++) {
        const struct place *place = rf__index_find(&m->index, node->input[k]);
        const char *same = place == NULL ? NULL : m->same[place - m->index.places];
        if (same != NULL)
            node->input[k] = (char *)(uintptr_t)same;
    }
    for (size_t k = 0; k < node->n_attribute; k++) {
        const Onnx__GraphProto *inner = node->attribute[k]->g;
        for (size_t i = 0; inner != NULL && i < inner->n_node; i++)
            rename_inputs(m, inner->node[i]);
    }
}

static bool may_merge(const struct merger *m, const Onnx__NodeProto *node)
{
    static const char *const random[] = {"Random", "Bernoulli", "Multinomial", "Dropout"};

    if (node->domain != NULL && *node->domain != '\0') /* NULL: of a node that was not read */
        return false;
    for (size_t i = 0; i < sizeof random / sizeof random[0]; i++)
        if (strncmp(node->op_type, random[i], strlen(random[i])) == 0)
            return false;
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->g != NULL || node->attribute[i]->n_graphs > 0)
            return false;
    for (size_t i = 0; i < node->n_output; i++) {
        const struct place *place = rf__index_find(&m->index, node->output[i]);
        if (place != NULL && place->is_output)
            return false;
    }
    return true;
}

static void merge_node(struct merger *m, size_t i)
{
    Onnx__NodeProto *node = m->proto->node[i];
    const Onnx__NodeProto *first;
    uint64_t hash = hash_text(RF_FNV_BEGIN, node->op_type);

    rename_inputs(m, node);
    if (!may_merge(m, node))
        return;
    if (strcmp(node->op_type, "Identity") == 0 && node->n_input == 1 && node->n_output == 1) {
        replace(m, node->output[0], node->input[0]);
        return;
    }
    for (size_t k = 0; k < node->n_input; k++)
        hash = hash_text(hash, node->input[k]);
    first = m->proto->node[find_same(m, hash, i)];
    for (size_t k = 0; k < node->n_output && first != node; k++)
        replace(m, node->output[k], first->output[k]);
}

static void merge_constant(struct merger *m, size_t i)
{
    const size_t n = m->proto->n_node;
    struct constant constant;
    size_t size, first;

    rf__graph_constant(m->graph, i, &constant);
    size = n_bytes(constant.proto, constant.n);
    if (size > SMALL || constant.proto->n_dims > SMALL)
        return;
    first = find_same(m, rf__fnv_add(RF_FNV_BEGIN, constant.bytes, size), n + i) - n;
    if (first != i)
        replace(m, constant.proto->name, m->proto->initializer[first]->name);
}

rf_status rf__onnx_merge(struct graph *graph, const char *path, rf_error *err)
{
    struct merger m = {.graph = graph, .proto = rf__graph_parts(graph).proto, .n_slots = 64};
    const size_t n = m.proto->n_node + m.proto->n_initializer;
    rf_status status = rf__index_build(graph, path, &m.index, err);

    while (m.n_slots < 2 * n)
        m.n_slots *= 2;
    m.same = rf__calloc(m.index.n + 1, sizeof *m.same);
    m.slots = rf__calloc(m.n_slots, sizeof *m.slots);
    if (status == RF_OK && (m.same == NULL || m.slots == NULL))
        status = rf__fail_memory(err);
    for (size_t i = 0; i < m.proto->n_initializer && status == RF_OK; i++)
        merge_constant(&m, i);
    for (size_t i = 0; i < m.proto->n_node && status == RF_OK; i++)
        merge_node(&m, i);
    rf__free(m.same);
    rf__free(m.slots);
    rf__index_release(&m.index);
    return status;
}
