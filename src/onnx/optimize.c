/*
 * optimize: an ONNX file -> the same with less in it. An encoder that is recognized is built anew, as it would be out
 * of its weights (blocks.c says which operators were found to be the fastest). Of any other graph is taken out what a
 * run does not need: outputs that are not token vectors and what leads to them alone, nodes that do nothing, and the
 * arithmetic of shapes, where a shape is the same whatever the texts are or follows from the one that is reshaped.
 */
#include "onnx/onnx.h"

#include "onnx/recognize.h"

#include "base/mem.h"

#include <string.h>

#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define LARGE ((int64_t)1 << 40) /* see rf__amount() */

static bool is_plain(const Onnx__NodeProto *node, const char *op)
{
    return *node->domain == '\0' && strcmp(node->op_type, op) == 0;
}

/* ---- Nodes that do nothing --------------------------------------------------------------------------------------- */

static void rename_uses(Onnx__GraphProto *proto, const char *from, char *to)
{
    for (size_t i = 0; i < proto->n_node; i++) {
        Onnx__NodeProto *node = proto->node[i];
        for (size_t k = 0; k < node->n_input; k++)
            if (strcmp(node->input[k], from) == 0)
                node->input[k] = to;
        for (size_t k = 0; k < node->n_attribute; k++)
            if (node->attribute[k]->g != NULL) /* no deeper than onnx_read.h says */
                rename_uses(node->attribute[k]->g, from, to);
    }
}

static bool is_output(const Onnx__GraphProto *proto, const char *name)
{
    for (size_t i = 0; i < proto->n_output; i++)
        if (strcmp(proto->output[i]->name, name) == 0)
            return true;
    return false;
}

static void skip_identities(Onnx__GraphProto *proto)
{
    for (size_t i = 0; i < proto->n_node; i++) {
        const Onnx__NodeProto *node = proto->node[i];
        if (is_plain(node, "Identity") && node->n_input == 1 && node->n_output == 1 &&
            !is_output(proto, node->output[0]))
            rename_uses(proto, node->output[0], node->input[0]);
    }
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

/* The shape of a Reshape as a constant: numbers, 0 for an axis that stays, -1 for one more. */
static bool fixed_shape(const struct term *x, const struct term *out, int64_t shape[TERM_MAX_RANK])
{
    bool has_open = false;

    for (uint32_t i = 0; i < out->rank; i++) {
        const struct amount dim = out->dims[i];
        if (!dim.is_known || dim.n < 1)
            return false;
        if (dim.b == 0 && dim.s == 0) {
            shape[i] = dim.n;
        } else if (i < x->rank && rf__amount_equal(dim, x->dims[i])) {
            shape[i] = 0;
        } else if (!has_open) {
            shape[i] = -1;
            has_open = true;
        } else {
            return false;
        }
    }
    return out->rank > 0;
}

static void fix_reshapes(struct terms *terms, struct graph *g)
{
    const Onnx__GraphProto *proto = rf__graph_parts(g).proto;

    for (size_t i = 0; i < proto->n_node; i++) {
        Onnx__NodeProto *node = proto->node[i];
        const struct term *x, *out;
        const struct place *place;
        int64_t shape[TERM_MAX_RANK];
        value name;
        if (!is_plain(node, "Reshape") || node->n_input != 2 || node->n_output != 1)
            continue;
        x = rf__terms_get(terms, node->input[0]);
        out = rf__terms_get(terms, node->output[0]);
        place = rf__index_find(&terms->index, node->input[1]);
        if (x == NULL || out == NULL || !x->has_dims || !out->has_dims || place == NULL ||
            place->initializer != SIZE_MAX || !fixed_shape(x, out, shape))
            continue;
        name = rf__graph_ints(g, rf__graph_name(g, "rag_factory.shape.%zu", i), shape, out->rank);
        if (name == NULL)
            return;
        node->input[1] = (char *)(uintptr_t)name;
        node->n_attribute = 0; /* allowzero, by which 0 would mean none */
    }
}

/* Whole numbers that are the same for all texts. */
static bool is_fixed(const struct term *t, int64_t numbers[TERM_MAX_ELEMENTS], size_t *n)
{
    if (t == NULL || t->kind != TERM_NUMBERS || t->type != INT64 || !t->has_elements || t->constant != NULL)
        return false;
    *n = t->rank == 0 ? 1 : (size_t)t->dims[0].n;
    for (size_t i = 0; i < *n; i++) {
        const struct amount e = t->elements[i];
        if (!e.is_known || e.b > 0 || e.s > 0 || e.n >= LARGE || e.n <= -LARGE)
            return false;
        numbers[i] = e.n;
    }
    return *n > 0;
}

static void fold_numbers(struct terms *terms, struct graph *g)
{
    Onnx__NodeProto **nodes;
    size_t n_nodes = rf__graph_take_nodes(g, &nodes);

    for (size_t i = 0; i < n_nodes; i++) {
        Onnx__NodeProto *node = nodes[i];
        const struct term *t = node->n_output == 1 ? rf__terms_get(terms, node->output[0]) : NULL;
        int64_t numbers[TERM_MAX_ELEMENTS];
        size_t n = 0;
        if (!is_fixed(t, numbers, &n) || is_output(rf__graph_parts(g).proto, node->output[0]))
            rf__graph_keep_node(g, node);
        else if (t->rank == 0)
            rf__graph_int(g, node->output[0], numbers[0]);
        else
            rf__graph_ints(g, node->output[0], numbers, n);
    }
}

/* ---- A graph that is not recognized ------------------------------------------------------------------------------ */

static void keep_one_output(Onnx__GraphProto *proto)
{
    const char *name = rf__onnx_output(proto);

    for (size_t i = 0; name != NULL && i < proto->n_output; i++) {
        if (strcmp(proto->output[i]->name, name) != 0)
            continue;
        proto->output[0] = proto->output[i];
        proto->n_output = 1;
    }
}

rf_status rf__onnx_tidy(struct onnx_file *file, const char *path, rf_error *err)
{
    struct terms terms = {0};
    rf_status status;

    keep_one_output(rf__graph_parts(file->graph).proto);
    skip_identities(rf__graph_parts(file->graph).proto);
    status = rf__terms_build(file, path, &terms, err);
    if (status == RF_OK) {
        fix_reshapes(&terms, file->graph);
        fold_numbers(&terms, file->graph);
        status = rf__graph_status(file->graph);
    }
    if (status == RF_OK)
        status = rf__graph_drop_unused(file->graph, path, err);
    rf__terms_release(&terms);
    return status;
}

static rf_status tidy(const struct onnx_rewrite *rewrite, rf_error *err)
{
    struct onnx_file *file = NULL;
    rf_status status = rf__onnx_file_read(rewrite->in_path, &file, err);

    if (status == RF_OK)
        status = rf__onnx_tidy(file, rewrite->in_path, err);
    if (status == RF_OK)
        status = rf__onnx_file_rewrite(file, rewrite, err);
    rf__onnx_file_free(file);
    return status;
}

/* ---- Both -------------------------------------------------------------------------------------------------------- */

static rf_status count_nodes(const char *path, size_t *n, rf_error *err)
{
    struct onnx_file *file = NULL;
    rf_status status = rf__onnx_file_read(path, &file, err);

    if (status == RF_OK)
        *n = rf__graph_parts(file->graph).proto->n_node;
    rf__onnx_file_free(file);
    return status;
}

rf_status rf__onnx_optimize(const struct onnx_rewrite *rewrite, bool is_portable, struct onnx_optimized *out,
                            rf_error *err)
{
    const struct onnx_build build = {.onnx_path = rewrite->in_path,
                                     .out_path = rewrite->out_path,
                                     .source = rewrite->source,
                                     .revision = rewrite->revision,
                                     .options = rewrite->options,
                                     .is_portable = is_portable,
                                     .inline_limit = rewrite->inline_limit,
                                     .logger = rewrite->logger,
                                     .progress = rewrite->progress,
                                     .progress_user = rewrite->progress_user};
    rf_error reason = {0};
    rf_status status = rf__onnx_build(&build, &reason);

    *out = (struct onnx_optimized){.is_rebuilt = status == RF_OK};
    if (status == RF_UNSUPPORTED || status == RF_BAD_FORMAT) {
        rf__log(rewrite->logger, RF_LOG_DEBUG, "%s", reason.message);
        status = tidy(rewrite, err);
    } else if (status != RF_OK) {
        return rf__fail(err, status, "%s", reason.message);
    }
    if (status == RF_OK)
        status = count_nodes(rewrite->in_path, &out->n_before, err);
    if (status == RF_OK)
        status = count_nodes(rewrite->out_path, &out->n_after, err);
    return status;
}
