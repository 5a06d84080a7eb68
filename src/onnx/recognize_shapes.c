/* recognize_shapes: the shapes of values of which nothing else is known, for optimize.c: a Reshape behind them, and
 * what computes its shape, may be a constant all the same. */
#include "onnx/term.h"

#include <string.h>

static bool is_one_of(const char *op, const char *const *ops)
{
    while (*ops != NULL && strcmp(op, *ops) != 0)
        ops++;
    return *ops != NULL;
}

/* [..., m, k] [..., k, n] -> [..., m, n] */
static void multiply(struct term *out, const struct term *a, const struct term *b)
{
    struct term x = *a, y = *b;

    if (!a->has_dims || !b->has_dims || a->rank < 2 || b->rank < 2)
        return;
    x.rank -= 2;
    y.rank -= 2;
    rf__term_broadcast(out, &x, &y);
    if (!out->has_dims || out->rank + 2 > TERM_MAX_RANK)
        return;
    out->dims[out->rank++] = a->dims[a->rank - 2];
    out->dims[out->rank++] = b->dims[b->rank - 1];
}

static void reduce(const struct step *step, struct term *out, const struct term *x)
{
    uint32_t axes[TERM_MAX_ELEMENTS];
    size_t n;

    if (!x->has_dims || rf__step_int(step, "keepdims", 1) == 0 || !rf__step_axes(step, 1, x->rank, axes, &n))
        return;
    rf__term_copy_dims(out, x);
    for (size_t i = 0; i < n; i++)
        out->dims[axes[i]] = rf__amount(1);
}

static void transpose(const struct step *step, struct term *out, const struct term *x)
{
    uint32_t perm[TERM_MAX_RANK];

    if (!x->has_dims || !rf__step_perm(step, x->rank, perm))
        return;
    out->has_dims = true;
    out->rank = x->rank;
    for (uint32_t i = 0; i < x->rank; i++)
        out->dims[i] = x->dims[perm[i]];
}

static void gather(const struct step *step, struct term *out, const struct term *data, const struct term *indices)
{
    if (!data->has_dims || !indices->has_dims || data->rank < 1 || rf__step_int(step, "axis", 0) != 0 ||
        data->rank - 1 + indices->rank > TERM_MAX_RANK)
        return;
    rf__term_copy_dims(out, indices);
    for (uint32_t i = 1; i < data->rank; i++)
        out->dims[out->rank++] = data->dims[i];
}

static void reshape(const struct step *step, struct term *out)
{
    size_t rank;

    out->has_dims = rf__step_reshape(step, out->dims, &rank);
    out->rank = out->has_dims ? (uint32_t)rank : 0;
}

void rf__shape_of(struct step *step, struct term *out)
{
    static const char *const same[] = {"Cast",
                                       "Dropout",
                                       "Erf",
                                       "Exp",
                                       "Gelu",
                                       "Identity",
                                       "LayerNormalization",
                                       "Log",
                                       "Neg",
                                       "Not",
                                       "Relu",
                                       "Reciprocal",
                                       "Sigmoid",
                                       "SimplifiedLayerNormalization",
                                       "Sqrt",
                                       "Softmax",
                                       "Tanh",
                                       "Abs",
                                       "Cos",
                                       "Sin",
                                       "CumSum",
                                       "RMSNormalization",
                                       NULL};
    static const char *const both[] = {"Add",   "Sub", "Mul", "Div",  "Pow",     "Max", "Min",
                                       "Equal", "And", "Or",  "Less", "Greater", NULL};
    static const char *const reduced[] = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", NULL};
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1), *c = rf__step_in(step, 2);
    const char *op = step->node->op_type;
    struct term pair = {.kind = TERM_UNKNOWN};
    int axis = -1;

    if (a == NULL || *step->node->domain != '\0')
        return;
    if (is_one_of(op, same))
        rf__term_copy_dims(out, a);
    else if (is_one_of(op, both) && b != NULL && step->n_in == 2)
        rf__term_broadcast(out, a, b);
    else if (is_one_of(op, reduced))
        reduce(step, out, a);
    else if (strcmp(op, "Where") == 0 && b != NULL && c != NULL) {
        rf__term_broadcast(&pair, a, b);
        rf__term_broadcast(out, &pair, c);
    } else if (strcmp(op, "MatMul") == 0 && b != NULL)
        multiply(out, a, b);
    else if (strcmp(op, "Transpose") == 0)
        transpose(step, out, a);
    else if (strcmp(op, "Gather") == 0 && b != NULL)
        gather(step, out, a, b);
    else if (strcmp(op, "Reshape") == 0)
        reshape(step, out);
    else if (strcmp(op, "Unsqueeze") == 0 && !rf__step_unsqueeze(step, a, out, &axis))
        out->has_dims = false;
}
