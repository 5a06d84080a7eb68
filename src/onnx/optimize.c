/*
 * optimize: an ONNX file -> the same with less in it. An encoder that is recognized is built anew, as it would be out
 * of its weights (blocks.c says which operators were found to be the fastest). Of any other graph is taken out what a
 * run does not need: outputs that are not token vectors and what leads to them alone, nodes that do nothing or what
 * another does (merge.c), and the arithmetic of shapes, where a shape is the same whatever the texts are or follows
 * from the one that is reshaped. Chains that ONNX Runtime has an operator for become that (fuse.c).
 */
#include "onnx/optimize.h"

#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define LARGE ((int64_t)1 << 40) /* see rf__amount() */

static bool is_output(const Onnx__GraphProto *proto, const char *name)
{
    for (size_t i = 0; i < proto->n_output; i++)
        if (strcmp(proto->output[i]->name, name) == 0)
            return true;
    return false;
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
        if (!rf__is_plain(node, "Reshape") || node->n_input != 2 || node->n_output != 1)
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
    if (t->type != INT64 || !t->has_elements)
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

/* Adds the constant that a value always is; false: it is none. */
static bool fold(const struct term *t, struct graph *g, const char *name)
{
    int64_t numbers[TERM_MAX_ELEMENTS];
    double number;
    size_t n = 0;

    if (t == NULL || t->kind != TERM_NUMBERS || t->constant != NULL || is_output(rf__graph_parts(g).proto, name))
        return false;
    if (t->type == FLOAT && t->has_dims && t->rank == 0 && rf__term_is_uniform(t, &number) && isfinite(number))
        rf__graph_float(g, name, (float)number);
    else if (!is_fixed(t, numbers, &n))
        return false;
    else if (t->rank == 0)
        rf__graph_int(g, name, numbers[0]);
    else
        rf__graph_ints(g, name, numbers, n);
    return true;
}

/* Shapes that were computed before: values of int64 with the same elements. */
#define MOST_SHAPES 256
struct shapes {
    const struct term *items[MOST_SHAPES];
    size_t n;
};

static bool is_same_shape(const struct term *a, const struct term *b)
{
    const size_t n = rf__numbers_count(a);

    if (a->rank != b->rank || n != rf__numbers_count(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!rf__amount_equal(a->elements[i], b->elements[i]))
            return false;
    return true;
}

/* What a node hands on as it is, such as a Cast to the type that it is given, or the same shape; NULL: neither is
 * there. */
static const char *find_same(const struct term *t, const Onnx__NodeProto *node, struct shapes *shapes)
{
    if (strcmp(t->value, node->output[0]) != 0)
        return t->value;
    if (t->kind != TERM_NUMBERS || t->type != INT64 || !t->has_elements)
        return NULL;
    for (size_t i = 0; i < shapes->n; i++)
        if (is_same_shape(shapes->items[i], t))
            return shapes->items[i]->value;
    if (shapes->n < MOST_SHAPES)
        shapes->items[shapes->n++] = t;
    return NULL;
}

/* An Identity of another value, which merge.c takes out. */
static void pass_on(Onnx__NodeProto *node, const char *same)
{
    static char identity[] = "Identity", onnx[] = "";

    node->op_type = identity;
    node->domain = onnx;
    node->input[0] = (char *)(uintptr_t)same;
    node->n_input = 1;
    node->n_attribute = 0;
}

static void rewrite_nodes(const struct terms *terms, struct onnx_file *file, bool is_portable)
{
    struct graph *g = file->graph;
    Onnx__NodeProto **nodes;
    size_t n_nodes = rf__graph_take_nodes(g, &nodes);
    struct shapes shapes = {.n = 0};

    for (size_t i = 0; i < n_nodes; i++) {
        const char *name = nodes[i]->n_output == 1 ? nodes[i]->output[0] : "";
        const struct term *t = rf__terms_get(terms, name);
        const char *same;
        if (fold(t, g, name) || (!is_portable && rf__onnx_fuse(terms, file, nodes[i])))
            continue;
        if (t != NULL && nodes[i]->n_input > 0 && (same = find_same(t, nodes[i], &shapes)) != NULL)
            pass_on(nodes[i], same);
        rf__graph_keep_node(g, nodes[i]);
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

rf_status rf__onnx_tidy(struct onnx_file *file, const char *path, bool is_portable, rf_error *err)
{
    struct terms terms = {0};
    rf_status status;

    keep_one_output(rf__graph_parts(file->graph).proto);
    status = rf__terms_build(file, path, true, &terms, err);
    if (status == RF_OK) {
        fix_reshapes(&terms, file->graph);
        rewrite_nodes(&terms, file, is_portable);
        status = rf__graph_status(file->graph);
    }
    if (status == RF_OK)
        status = rf__onnx_merge(file->graph, path, err);
    if (status == RF_OK)
        status = rf__graph_drop_unused(file->graph, path, err);
    rf__terms_release(&terms);
    return status;
}

static rf_status tidy(const struct onnx_rewrite *rewrite, bool is_portable, rf_error *err)
{
    struct onnx_file *file = NULL;
    rf_status status = rf__onnx_file_read(rewrite->in_path, &file, err);

    if (status == RF_OK)
        status = rf__onnx_tidy(file, rewrite->in_path, is_portable, err);
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
        status = tidy(rewrite, is_portable, err);
    } else if (status != RF_OK) {
        return rf__fail(err, status, "%s", reason.message);
    }
    if (status == RF_OK)
        status = count_nodes(rewrite->in_path, &out->n_before, err);
    if (status == RF_OK)
        status = count_nodes(rewrite->out_path, &out->n_after, err);
    return status;
}
