/*
 * fuse: the operator of ONNX Runtime for what exporters write as a chain of small ones: norms and activations, which
 * term.h knows in whatever order they are written. It finds most of them itself as it opens a file; one that has them
 * opens sooner, and has them without its optimizations too. Norms are not joined with the sum before them: blocks.c
 * says why.
 */
#include "onnx/optimize.h"

#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static bool is_vector(const struct term *t)
{
    return t != NULL && t->rank == 1 && t->value != NULL;
}

/* x is of fp32 and shaped as what the operator gives in its place. */
static bool is_whole(const struct term *t)
{
    return t->x != NULL && t->x->value != NULL && t->x->type == FLOAT && rf__term_same_dims(t->x, t);
}

static void add_norm(struct graph *g, const char *op, const struct term *t, const char *name)
{
    rf__graph_node(g, name,
                   &(struct node){.op = op,
                                  .inputs = {t->x->value, t->gain->value, t->is_rms ? NULL : t->shift->value},
                                  .attributes = {{.name = "axis", .i = -1},
                                                 {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = (float)t->number}}});
}

/* ONNX Runtime's name for an activation; NULL: it has none. */
static const char *operator_of(const struct term *function)
{
    static const char *const names[][2] = {{"gelu", "Gelu"}, {"gelu_new", "FastGelu"}, {"silu", "QuickGelu"}};
    const char *name = rf__term_activation(function);

    for (size_t i = 0; name != NULL && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return NULL;
}

static void add_activation(struct onnx_file *file, const char *op, const struct term *t, const char *name)
{
    struct node node = {.op = op, .domain = GRAPH_MICROSOFT, .inputs = {t->x->value}};

    if (strcmp(op, "QuickGelu") == 0) /* x sigmoid(alpha x) */
        node.attributes[0] = (struct attribute){.name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = 1};
    rf__graph_node(file->graph, name, &node);
    rf__onnx_file_import(file, GRAPH_MICROSOFT, 1);
}

bool rf__onnx_fuse(const struct terms *terms, struct onnx_file *file, const Onnx__NodeProto *node)
{
    const char *name = node->n_output == 1 ? node->output[0] : "";
    const struct term *t = rf__terms_get(terms, name);
    const char *op;

    if (t == NULL || t->value == NULL || strcmp(t->value, name) != 0)
        return false;
    if (t->kind == TERM_NORM && rf__is_plain(node, "Add") && is_whole(t) && is_vector(t->gain) && is_vector(t->shift)) {
        add_norm(file->graph, "LayerNormalization", t, name);
        return true;
    }
    if (t->kind == TERM_SCALED && t->is_rms && rf__is_plain(node, "Mul") && is_whole(t) && is_vector(t->gain)) {
        add_norm(file->graph, "SimplifiedLayerNormalization", t, name);
        return true;
    }
    op = t->kind == TERM_FUNCTION && rf__is_plain(node, "Mul") && is_whole(t) ? operator_of(t) : NULL;
    if (op != NULL)
        add_activation(file, op, t, name);
    return op != NULL;
}
