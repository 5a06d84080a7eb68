/* linears: see linears.h. */
#include "onnx/linears.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static bool is_one(float x)
{
    return x >= 1 && x <= 1;
}

/* Gemm: alpha and beta 1, transA 0; *transposed is transB. */
static bool read_gemm(const Onnx__NodeProto *node, bool *transposed)
{
    *transposed = false;
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *a = node->attribute[i];
        if ((strcmp(a->name, "alpha") == 0 || strcmp(a->name, "beta") == 0) && !is_one(a->f))
            return false;
        if (strcmp(a->name, "transA") == 0 && a->i != 0)
            return false;
        if (strcmp(a->name, "transB") == 0)
            *transposed = a->i != 0;
    }
    return true;
}

static bool read_linear(struct graph *graph, const struct index *index, const Onnx__NodeProto *node, struct linear *out)
{
    const struct place *place;
    bool is_gemm = strcmp(node->op_type, "Gemm") == 0;

    *out = (struct linear){.node = node};
    if (*node->domain != '\0' || node->n_output != 1 || node->n_input < 2 ||
        !(is_gemm || (strcmp(node->op_type, "MatMul") == 0 && node->n_input == 2)) ||
        (is_gemm && !read_gemm(node, &out->is_transposed)))
        return false;
    place = rf__index_find(index, node->input[1]);
    if (place == NULL || place->initializer == SIZE_MAX || *node->input[0] == '\0')
        return false;
    out->initializer = place->initializer;
    rf__graph_constant(graph, place->initializer, &out->weight);
    if (out->weight.proto->data_type != FLOAT || out->weight.proto->n_dims != 2)
        return false;
    out->k = (uint64_t)out->weight.proto->dims[out->is_transposed ? 1 : 0];
    out->n = (uint64_t)out->weight.proto->dims[out->is_transposed ? 0 : 1];
    out->x = node->input[0];
    if (node->n_input > 2 && *node->input[2] != '\0')
        out->addend = node->input[2];
    return out->k > 0 && out->n > 0 && out->k <= LINEARS_MAX_WIDTH && out->n <= LINEARS_MAX_WIDTH;
}

/* Gives each the number of the first that shares its input or its matrix, itself or through others. */
static rf_status join_groups(struct linears *linears, const char *path, rf_error *err)
{
    for (size_t i = 0; i < linears->n; i++) {
        struct linear *a = &linears->items[i];
        a->group = i;
        for (size_t j = 0; j < i; j++) {
            struct linear *b = &linears->items[j];
            size_t low, high;
            if (a->group == b->group || (a->initializer != b->initializer && strcmp(a->x, b->x) != 0))
                continue;
            if (a->k != b->k)
                return rf__fail(err, RF_BAD_FORMAT, "%s: '%.128s' is read with %llu and with %llu channels", path, a->x,
                                (unsigned long long)a->k, (unsigned long long)b->k);
            low = a->group < b->group ? a->group : b->group;
            high = a->group < b->group ? b->group : a->group;
            for (size_t k = 0; k <= i; k++) {
                if (linears->items[k].group == high)
                    linears->items[k].group = low;
            }
        }
    }
    return RF_OK;
}

/* Numbers the groups 0, 1 … and lays their channels end to end. */
static void number_groups(struct linears *linears)
{
    for (size_t i = 0; i < linears->n; i++) {
        struct linear *linear = &linears->items[i];
        if (linear->group == i) {
            linears->widths[linears->n_groups] = linear->k;
            linears->offsets[linears->n_groups] = linears->n_channels;
            linears->n_channels += (size_t)linear->k;
            linear->group = linears->n_groups++;
        } else {
            linear->group = linears->items[linear->group].group; /* an earlier one, which has its number */
        }
        linear->is_first = true;
        for (size_t j = 0; j < i && linear->is_first; j++)
            linear->is_first = strcmp(linears->items[j].x, linear->x) != 0;
    }
}

rf_status rf__linears_find(struct onnx_file *file, const char *path, const struct index *index, struct linears *out,
                           rf_error *err)
{
    const Onnx__GraphProto *proto = rf__graph_parts(file->graph).proto;
    struct linear linear;
    rf_status status;

    *out = (struct linears){.items = rf__alloc_array(LINEARS_MAX, sizeof *out->items),
                            .widths = rf__alloc_array(LINEARS_MAX, sizeof *out->widths),
                            .offsets = rf__alloc_array(LINEARS_MAX, sizeof *out->offsets)};
    if (out->items == NULL || out->widths == NULL || out->offsets == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < proto->n_node; i++) {
        if (!read_linear(file->graph, index, proto->node[i], &linear))
            continue;
        if (out->n == LINEARS_MAX)
            return rf__fail(err, RF_UNSUPPORTED, "%s: has more than %d matrices to quantize", path, LINEARS_MAX);
        out->items[out->n++] = linear;
    }
    if (out->n == 0)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: has no fp32 matrices (MatMul, Gemm) to quantize; is it quantized already, or fp16?", path);
    status = join_groups(out, path, err);
    if (status == RF_OK)
        number_groups(out);
    return status;
}

rf_status rf__linears_check(const struct linears *linears, const char *path, rf_error *err)
{
    for (size_t i = 0; i < linears->n; i++) {
        const struct constant *weight = &linears->items[i].weight;
        for (uint64_t j = 0; j < weight->n; j++) {
            float x;
            memcpy(&x, weight->bytes + j * sizeof x, sizeof x);
            if (!isfinite(x))
                return rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%.128s' holds NaN or infinity: the file is damaged",
                                path, weight->proto->name);
        }
    }
    return RF_OK;
}

void rf__linears_release(struct linears *linears)
{
    rf__free(linears->items);
    rf__free(linears->widths);
    rf__free(linears->offsets);
    *linears = (struct linears){0};
}

const struct linear *rf__linears_next(const struct linears *linears, const Onnx__NodeProto *node, size_t *at)
{
    return *at < linears->n && linears->items[*at].node == node ? &linears->items[(*at)++] : NULL;
}
