/* standard: see standard.h. Definitions of the operators: https://onnx.ai/onnx/operators and ONNX Runtime's
 * docs/ContribOperators.md. */
#include "onnx/standard.h"

#include <float.h>
#include <math.h>

static value part(struct graph *g, const char *name, const char *suffix)
{
    return rf__graph_name(g, "%s.%s", name, suffix);
}

static value with_number(struct graph *g, const char *name, const char *suffix, const char *op, value x, double number)
{
    value y = rf__graph_float(g, rf__graph_name(g, "%s.%s.number", name, suffix), (float)number);

    return rf__graph_binary(g, part(g, name, suffix), op, x, y);
}

/* ---- Attention ----------------------------------------------------------------------------------------------- */

/* [batch, sequence, heads * head] -> [batch, heads, sequence, head], the last two exchanged where is_turned. */
static value split_heads(struct graph *g, const char *name, value x, uint64_t n_heads, uint64_t head, bool is_turned)
{
    const int64_t shape[] = {0, 0, (int64_t)n_heads, (int64_t)head};
    struct node transpose = {
        .op = "Transpose", .attributes = {{.name = "perm", .kind = ATTRIBUTE_INTS, .ints = {0, 2, 1, 3}, .n_ints = 4}}};

    if (is_turned) {
        transpose.attributes[0].ints[2] = 3;
        transpose.attributes[0].ints[3] = 1;
    }
    transpose.inputs[0] = rf__graph_binary(g, part(g, name, "heads"), "Reshape", x,
                                           rf__graph_ints(g, part(g, name, "heads.shape"), shape, 4));
    return rf__graph_node(g, part(g, name, "by_head"), &transpose);
}

value rf__standard_attention(struct graph *g, const char *name, const struct encoder_inputs *in,
                             const struct attention *attention)
{
    const uint64_t width = attention->width > 0 ? attention->width : in->hidden.n, n_heads = attention->n_heads;
    const uint64_t head = n_heads > 0 ? width / n_heads : 0;
    const int64_t flat[] = {0, 0, (int64_t)width};
    const double scale = attention->scale > 0 ? attention->scale : 1 / sqrt((double)head);
    value q = split_heads(g, part(g, name, "q"), attention->q, n_heads, head, false);
    value k = split_heads(g, part(g, name, "k"), attention->k, n_heads, head, true);
    value v = split_heads(g, part(g, name, "v"), attention->v, n_heads, head, false), y;

    y = rf__graph_binary(g, part(g, name, "products"), "MatMul", q, k);
    y = with_number(g, name, "scaled", "Mul", y, scale);
    if (attention->bias != NULL)
        y = rf__graph_binary(g, part(g, name, "biased"), "Add", y, attention->bias);
    /* Chosen, not added: the bias may be the lowest number already, and the two together would be an infinity. */
    y = rf__graph_node(
        g, part(g, name, "scores"),
        &(struct node){.op = "Where", .inputs = {in->seen, y, rf__graph_float(g, part(g, name, "lowest"), -FLT_MAX)}});
    y = rf__graph_node(g, part(g, name, "probabilities"),
                       &(struct node){.op = "Softmax", .inputs = {y}, .attributes = {{.name = "axis", .i = -1}}});
    y = rf__graph_binary(g, part(g, name, "context"), "MatMul", y, v);
    y = rf__graph_node(
        g, part(g, name, "by_token"),
        &(struct node){.op = "Transpose",
                       .inputs = {y},
                       .attributes = {{.name = "perm", .kind = ATTRIBUTE_INTS, .ints = {0, 2, 1, 3}, .n_ints = 4}}});
    return rf__graph_binary(g, name, "Reshape", y, rf__graph_ints(g, part(g, name, "shape"), flat, 3));
}

/* ---- Rotations ----------------------------------------------------------------------------------------------- */

value rf__standard_rotation(struct graph *g, const char *name, const struct rotation *rotation)
{
    const int64_t shape[] = {0, 0, (int64_t)rotation->n_heads, (int64_t)rotation->head};
    value axis = rf__graph_ints(g, part(g, name, "axis"), &(int64_t){1}, 1), halves[2], turned[2], x;
    value cosines = rf__graph_binary(g, part(g, name, "cos"), "Unsqueeze", rotation->cosines, axis);
    value sines = rf__graph_binary(g, part(g, name, "sin"), "Unsqueeze", rotation->sines, axis);

    x = rf__graph_binary(g, part(g, name, "heads"), "Reshape", rotation->x,
                         rf__graph_ints(g, part(g, name, "heads.shape"), shape, 4));
    rf__graph_split(g, part(g, name, "halves"), x, 3, 2, halves);
    turned[0] = rf__graph_binary(g, part(g, name, "left"), "Sub",
                                 rf__graph_binary(g, part(g, name, "left.cos"), "Mul", halves[0], cosines),
                                 rf__graph_binary(g, part(g, name, "left.sin"), "Mul", halves[1], sines));
    turned[1] = rf__graph_binary(g, part(g, name, "right"), "Add",
                                 rf__graph_binary(g, part(g, name, "right.cos"), "Mul", halves[1], cosines),
                                 rf__graph_binary(g, part(g, name, "right.sin"), "Mul", halves[0], sines));
    x = rf__graph_node(
        g, part(g, name, "both"),
        &(struct node){.op = "Concat", .inputs = {turned[0], turned[1]}, .attributes = {{.name = "axis", .i = 3}}});
    return rf__graph_binary(g, name, "Reshape", x, rotation->batched);
}

/* ---- Norm and activation ------------------------------------------------------------------------------------- */

value rf__standard_rms_norm(struct graph *g, const char *name, value x, value weight, double epsilon)
{
    value y = rf__graph_binary(g, part(g, name, "squares"), "Mul", x, x);

    y = rf__graph_node(
        g, part(g, name, "mean"),
        &(struct node){.op = "ReduceMean",
                       .inputs = {y},
                       .attributes = {{.name = "axes", .kind = ATTRIBUTE_INTS, .ints = {-1}, .n_ints = 1}}});
    y = with_number(g, name, "more", "Add", y, epsilon);
    y = rf__graph_unary(g, part(g, name, "root"), "Sqrt", y);
    y = rf__graph_binary(g, part(g, name, "even"), "Div", x, y);
    return rf__graph_binary(g, name, "Mul", y, weight);
}

value rf__standard_gelu(struct graph *g, const char *name, value x, bool is_tanh)
{
    value y;

    if (is_tanh) {
        y = rf__graph_binary(g, part(g, name, "cube"), "Mul", rf__graph_binary(g, part(g, name, "square"), "Mul", x, x),
                             x);
        y = rf__graph_binary(g, part(g, name, "sum"), "Add", x, with_number(g, name, "small", "Mul", y, 0.044715));
        y = rf__graph_unary(g, part(g, name, "tanh"), "Tanh",
                            with_number(g, name, "scaled", "Mul", y, sqrt(2 / 3.14159265358979323846)));
    } else {
        y = rf__graph_unary(g, part(g, name, "erf"), "Erf", with_number(g, name, "scaled", "Div", x, sqrt(2)));
    }
    y = with_number(g, name, "above", "Add", y, 1);
    y = rf__graph_binary(g, part(g, name, "product"), "Mul", x, y);
    return rf__graph_binary(g, name, "Mul", y, rf__graph_float(g, part(g, name, "half"), 0.5F));
}
