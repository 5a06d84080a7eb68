/* recognize_shapes: the shapes and types of values of which nothing else is known, for optimize.c: a Reshape behind
 * them, and what computes its shape, may be a constant all the same, and a Cast may do nothing. */
#include "onnx/term.h"

#include <string.h>

/* [..., m, k] [..., k, n] -> [..., m, n] */
static void multiply(const struct step *step, struct term *out)
{
    const struct term *a = step->in[0], *b = rf__step_in(step, 1);
    struct term x, y;

    if (b == NULL || !a->has_dims || !b->has_dims || a->rank < 2 || b->rank < 2)
        return;
    x = *a;
    y = *b;
    x.rank -= 2;
    y.rank -= 2;
    rf__term_broadcast(out, &x, &y);
    if (!out->has_dims || out->rank + 2 > TERM_MAX_RANK)
        return;
    out->dims[out->rank++] = a->dims[a->rank - 2];
    out->dims[out->rank++] = b->dims[b->rank - 1];
}

static void reduce(const struct step *step, struct term *out)
{
    const struct term *x = step->in[0];
    uint32_t axes[TERM_MAX_ELEMENTS];
    size_t n;

    if (!x->has_dims || rf__step_int(step, "keepdims", 1) == 0 || !rf__step_axes(step, 1, x->rank, axes, &n))
        return;
    rf__term_copy_dims(out, x);
    for (size_t i = 0; i < n; i++)
        out->dims[axes[i]] = rf__amount(1);
}

static void transpose(const struct step *step, struct term *out)
{
    const struct term *x = step->in[0];
    uint32_t perm[TERM_MAX_RANK];

    if (!x->has_dims || !rf__step_perm(step, x->rank, perm))
        return;
    out->has_dims = true;
    out->rank = x->rank;
    for (uint32_t i = 0; i < x->rank; i++)
        out->dims[i] = x->dims[perm[i]];
}

static void gather(const struct step *step, struct term *out)
{
    const struct term *data = step->in[0], *indices = rf__step_in(step, 1);
    if (indices == NULL || !data->has_dims || !indices->has_dims || data->rank < 1 ||
        rf__step_int(step, "axis", 0) != 0 || data->rank - 1 + indices->rank > TERM_MAX_RANK)
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

static void slice(const struct step *step, struct term *out)
{
    struct slice s;

    if (!rf__step_slice(step, &s))
        return;
    rf__term_copy_dims(out, step->in[0]);
    out->dims[s.axis] = s.length;
}

static void concat(const struct step *step, struct term *out)
{
    for (size_t i = 0; i < step->n_in; i++)
        if (step->in[i] == NULL)
            return;
    rf__step_concat(step, out);
}

static void expand(const struct step *step, struct term *out)
{
    const struct term *x = step->in[0];
    struct amount dims[TERM_MAX_ELEMENTS];
    struct term target = {.kind = TERM_NUMBERS};
    size_t n;

    if (rf__step_amounts(step, 1, "shape", dims, &n) && rf__numbers_are_sizes(dims, n) &&
        rf__numbers_set_dims(&target, dims, n))
        rf__term_broadcast(out, x, &target);
}

/* Part of one that is cut along an axis, as widely each or as it says. */
static void split(const struct step *step, size_t part, struct term *out)
{
    const struct term *x = step->in[0];
    const uint32_t axis = rf__step_axis(rf__step_int(step, "axis", 0), x->rank);
    struct amount widths[TERM_MAX_ELEMENTS];
    const bool is_said = rf__step_amounts(step, 1, "split", widths, &(size_t){0});

    if (!x->has_dims || axis >= x->rank || (!is_said && rf__step_in(step, 1) != NULL) || part >= TERM_MAX_ELEMENTS)
        return;
    rf__term_copy_dims(out, x);
    out->dims[axis] =
        is_said ? widths[part] : rf__amount_divide(x->dims[axis], rf__amount((int64_t)step->node->n_output));
}

static void squeeze(const struct step *step, struct term *out)
{
    const struct term *x = step->in[0];
    uint32_t axes[TERM_MAX_ELEMENTS], rank = 0;
    bool is_gone[TERM_MAX_RANK] = {false};
    size_t n;

    if (!x->has_dims || !rf__step_axes(step, 1, x->rank, axes, &n))
        return;
    for (size_t i = 0; i < n; i++)
        is_gone[axes[i]] = true;
    for (uint32_t i = 0; i < x->rank; i++)
        if (!is_gone[i])
            out->dims[rank++] = x->dims[i];
    out->has_dims = true;
    out->rank = rank;
}

static void tile(const struct step *step, struct term *out)
{
    const struct term *x = step->in[0];
    struct amount times[TERM_MAX_ELEMENTS];
    size_t n;

    if (!x->has_dims || !rf__step_amounts(step, 1, "repeats", times, &n) || n != x->rank)
        return;
    rf__term_copy_dims(out, x);
    for (uint32_t i = 0; i < x->rank; i++)
        out->dims[i] = rf__amount_multiply(x->dims[i], times[i]);
}

static void unsqueeze(const struct step *step, struct term *out)
{
    int axis = -1;

    if (!rf__step_unsqueeze(step, step->in[0], out, &axis))
        out->has_dims = false;
}

static void same(const struct step *step, struct term *out)
{
    rf__term_copy_dims(out, step->in[0]);
}

static void as_indices(const struct step *step, struct term *out)
{
    if (rf__step_in(step, 1) != NULL)
        rf__term_copy_dims(out, step->in[1]);
}

/* Element by element, of all inputs. */
static void broadcast(const struct step *step, struct term *out)
{
    struct term all = *step->in[0];

    for (size_t i = 1; i < step->n_in; i++) {
        struct term next = {.kind = TERM_UNKNOWN};
        if (step->in[i] == NULL)
            return;
        rf__term_broadcast(&next, &all, step->in[i]);
        all = next;
    }
    rf__term_copy_dims(out, &all);
}

enum type_rule { AS_FIRST = 0, AS_SECOND, TRUTH, WHOLE, AS_SAID };

static const struct known {
    const char *op;
    void (*shape)(const struct step *step, struct term *out); /* NULL: not known */
    enum type_rule type;
} ops[] = {
    {"Abs", same, AS_FIRST},
    {"Ceil", same, AS_FIRST},
    {"Clip", same, AS_FIRST},
    {"Cos", same, AS_FIRST},
    {"CumSum", same, AS_FIRST},
    {"Dropout", same, AS_FIRST},
    {"Erf", same, AS_FIRST},
    {"Exp", same, AS_FIRST},
    {"Floor", same, AS_FIRST},
    {"Gelu", same, AS_FIRST},
    {"Identity", same, AS_FIRST},
    {"LayerNormalization", same, AS_FIRST},
    {"Log", same, AS_FIRST},
    {"Neg", same, AS_FIRST},
    {"RMSNormalization", same, AS_FIRST},
    {"Reciprocal", same, AS_FIRST},
    {"Relu", same, AS_FIRST},
    {"Sigmoid", same, AS_FIRST},
    {"Sign", same, AS_FIRST},
    {"SimplifiedLayerNormalization", same, AS_FIRST},
    {"Sin", same, AS_FIRST},
    {"Softmax", same, AS_FIRST},
    {"Sqrt", same, AS_FIRST},
    {"Tanh", same, AS_FIRST},
    {"IsInf", same, TRUTH},
    {"IsNaN", same, TRUTH},
    {"Not", same, TRUTH},
    {"Cast", same, AS_SAID},
    {"Add", broadcast, AS_FIRST},
    {"Div", broadcast, AS_FIRST},
    {"Max", broadcast, AS_FIRST},
    {"Min", broadcast, AS_FIRST},
    {"Mul", broadcast, AS_FIRST},
    {"Pow", broadcast, AS_FIRST},
    {"Sub", broadcast, AS_FIRST},
    {"And", broadcast, TRUTH},
    {"Equal", broadcast, TRUTH},
    {"Greater", broadcast, TRUTH},
    {"GreaterOrEqual", broadcast, TRUTH},
    {"Less", broadcast, TRUTH},
    {"LessOrEqual", broadcast, TRUTH},
    {"Or", broadcast, TRUTH},
    {"Xor", broadcast, TRUTH},
    {"Where", broadcast, AS_SECOND},
    {"ReduceMax", reduce, AS_FIRST},
    {"ReduceMean", reduce, AS_FIRST},
    {"ReduceMin", reduce, AS_FIRST},
    {"ReduceSum", reduce, AS_FIRST},
    {"MatMul", multiply, AS_FIRST},
    {"Transpose", transpose, AS_FIRST},
    {"Gather", gather, AS_FIRST},
    {"GatherElements", as_indices, AS_FIRST},
    {"Reshape", reshape, AS_FIRST},
    {"Slice", slice, AS_FIRST},
    {"Concat", concat, AS_FIRST},
    {"Expand", expand, AS_FIRST},
    {"Squeeze", squeeze, AS_FIRST},
    {"Unsqueeze", unsqueeze, AS_FIRST},
    {"Tile", tile, AS_FIRST},
    {"Flatten", NULL, AS_FIRST},
    {"GatherND", NULL, AS_FIRST},
    {"Gemm", NULL, AS_FIRST},
    {"Range", NULL, AS_FIRST},
    {"Split", NULL, AS_FIRST},
    {"Shape", NULL, WHOLE},
};

static const struct known *find(const struct step *step)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0] && *step->node->domain == '\0'; i++)
        if (strcmp(ops[i].op, step->node->op_type) == 0)
            return &ops[i];
    return NULL;
}

int rf__type_of(const struct step *step)
{
    const struct known *op = find(step);
    const struct term *like = op == NULL ? NULL : rf__step_in(step, op->type == AS_SECOND ? 1 : 0);

    if (op == NULL)
        return 0;
    switch (op->type) {
    case TRUTH:
        return ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    case WHOLE:
        return ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    case AS_SAID:
        return (int)rf__step_int(step, "to", 0);
    default:
        return like == NULL ? 0 : like->type;
    }
}

void rf__shape_of(struct step *step, size_t i, struct term *out)
{
    const struct known *op = find(step);

    if (rf__step_in(step, 0) == NULL || op == NULL)
        return;
    if (strcmp(op->op, "Split") == 0)
        split(step, i, out);
    else if (op->shape != NULL && i == 0)
        op->shape(step, out);
}
