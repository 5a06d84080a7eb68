/*
 * blocks: see blocks.h. The forms were chosen by measuring (one thread, all-MiniLM-L6-v2, 8 to 512 tokens; every one of
 * them gives a text the same bits in any batch):
 *  - Gemm with the residual as its addend rather than MatMul, Add, SkipLayerNormalization: the latter takes eight times
 *    as long as Add and LayerNormalization. No Add stands in front of a LayerNormalization, or ONNX Runtime would make
 *    a SkipLayerNormalization of the two.
 *  - MultiHeadAttention without a mask works in blocks and never holds the scores of all tokens with all; with a mask
 *    it does. So there is one of each, and an If that looks at the mask: 10 microseconds a layer, for 5 % of the time
 *    and half of the memory of long texts.
 */
#include "onnx/blocks.h"

#include "onnx/standard.h"

#include <float.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT32 ONNX__TENSOR_PROTO__DATA_TYPE__INT32
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define BOOL  ONNX__TENSOR_PROTO__DATA_TYPE__BOOL

static value cast(struct graph *g, const char *name, value x, int type)
{
    return rf__graph_node(g, name,
                          &(struct node){.op = "Cast", .inputs = {x}, .attributes = {{.name = "to", .i = type}}});
}

value rf__block_batched(struct arch *arch, const char *name, const struct encoder_inputs *in, uint64_t width)
{
    struct graph *g = arch->graph;
    value last = rf__graph_ints(g, rf__graph_name(g, "%s.width", name), &(int64_t){(int64_t)width}, 1);

    return rf__graph_node(
        g, name, &(struct node){.op = "Concat", .inputs = {in->shape, last}, .attributes = {{.name = "axis", .i = 0}}});
}

struct encoder_inputs rf__block_inputs(struct arch *arch, const struct arch_size *hidden, bool has_types)
{
    static const struct dimension dims[] = {{0, "batch"}, {0, "sequence"}};
    struct graph *g = arch->graph;
    struct encoder_inputs in = {.hidden = *hidden};
    int64_t width = (int64_t)hidden->n;
    value lowest;

    in.ids = rf__graph_input(g, "input_ids", INT64, dims, 2);
    in.mask = rf__graph_input(g, "attention_mask", INT64, dims, 2);
    in.type_ids = has_types ? rf__graph_input(g, "token_type_ids", INT64, dims, 2) : NULL;
    in.flat = rf__graph_ints(g, "flat_shape", (const int64_t[]){-1, width}, 2);
    in.shape = rf__graph_unary(g, "input_shape", "Shape", in.ids);
    in.batched = rf__block_batched(arch, "batched_shape", &in, hidden->n);
    if (rf__graph_is_portable(g)) {
        in.seen = rf__graph_binary(g, "seen", "Unsqueeze", cast(g, "seen.flat", in.mask, BOOL),
                                   rf__graph_ints(g, "seen.axes", (const int64_t[]){1, 2}, 2));
        return in;
    }
    lowest = rf__graph_node(
        g, "lowest_mask",
        &(struct node){.op = "ReduceMin", .inputs = {in.mask}, .attributes = {{.name = "keepdims", .i = 0}}});
    in.is_full = cast(g, "is_full_mask", lowest, BOOL);
    return in;
}

void rf__block_output(struct arch *arch, const struct encoder_inputs *in, value x)
{
    const struct dimension dims[] = {{0, "batch"}, {0, "sequence"}, {in->hidden.n, NULL}};

    rf__graph_binary(arch->graph, "last_hidden_state", "Reshape", x, in->batched);
    rf__graph_output(arch->graph, "last_hidden_state", FLOAT, dims, 3);
}

/* x W^T + addend */
static value gemm(struct arch *arch, const char *name, value x, value addend, const struct arch_size *in,
                  const struct arch_size *out)
{
    value weight = rf__arch_matrix(arch, rf__graph_name(arch->graph, "%s.weight", name), out, in);

    return rf__graph_node(
        arch->graph, name,
        &(struct node){.op = "Gemm", .inputs = {x, weight, addend}, .attributes = {{.name = "transB", .i = 1}}});
}

value rf__block_linear(struct arch *arch, const char *name, value x, const struct arch_size *in,
                       const struct arch_size *out)
{
    value bias = rf__arch_vector(arch, rf__graph_name(arch->graph, "%s.bias", name), NULL, out);

    return gemm(arch, name, x, bias, in, out);
}

value rf__block_linear_onto(struct arch *arch, const char *name, value x, value residual, const struct arch_size *in,
                            const struct arch_size *out)
{
    struct graph *g = arch->graph;
    value bias = rf__arch_vector(arch, rf__graph_name(g, "%s.bias", name), NULL, out);
    value addend = rf__graph_binary(g, rf__graph_name(g, "%s.addend", name), "Add", residual, bias);

    return gemm(arch, name, x, addend, in, out);
}

value rf__block_norm(struct arch *arch, const char *name, value x, const struct arch_size *size, double epsilon)
{
    struct graph *g = arch->graph;
    value weight =
        rf__arch_vector(arch, rf__graph_name(g, "%s.weight", name), rf__graph_name(g, "%s.gamma", name), size);
    value bias = rf__arch_vector(arch, rf__graph_name(g, "%s.bias", name), rf__graph_name(g, "%s.beta", name), size);

    return rf__graph_node(
        g, name,
        &(struct node){.op = "LayerNormalization",
                       .inputs = {x, weight, bias},
                       .attributes = {{.name = "axis", .i = -1},
                                      {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = (float)epsilon}}});
}

value rf__block_norm_without_bias(struct arch *arch, const char *name, value x, const struct arch_size *size,
                                  double epsilon)
{
    struct graph *g = arch->graph;
    value weight = rf__arch_vector(arch, rf__graph_name(g, "%s.weight", name), NULL, size);

    return rf__graph_node(
        g, name,
        &(struct node){.op = "LayerNormalization",
                       .inputs = {x, weight},
                       .attributes = {{.name = "axis", .i = -1},
                                      {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = (float)epsilon}}});
}

value rf__block_rms_norm(struct arch *arch, const char *name, value x, const struct arch_size *size, double epsilon,
                         bool is_plus_1)
{
    struct graph *g = arch->graph;
    value weight = rf__arch_vector(arch, rf__graph_name(g, "%s.weight", name), NULL, size);

    if (is_plus_1)
        weight = rf__graph_binary(g, rf__graph_name(g, "%s.weight_plus_1", name), "Add", weight,
                                  rf__graph_float(g, rf__graph_name(g, "%s.one", name), 1));
    if (rf__graph_is_portable(g))
        return rf__standard_rms_norm(g, name, x, weight, epsilon);
    return rf__graph_node(
        g, name,
        &(struct node){.op = "SimplifiedLayerNormalization",
                       .inputs = {x, weight},
                       .attributes = {{.name = "axis", .i = -1},
                                      {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = (float)epsilon}}});
}

value rf__block_project(struct arch *arch, const char *name, value x, value residual, const struct arch_size *in,
                        const struct arch_size *out, bool has_bias)
{
    if (has_bias)
        return residual == NULL ? rf__block_linear(arch, name, x, in, out)
                                : rf__block_linear_onto(arch, name, x, residual, in, out);
    return gemm(arch, name, x, residual, in, out);
}

/* [sequence] as a rank-1 tensor of one number. */
static value sequence_length(struct graph *g, const char *name, const struct encoder_inputs *in)
{
    return rf__graph_node(
        g, name, &(struct node){.op = "Shape", .inputs = {in->ids}, .attributes = {{.name = "start", .i = 1}}});
}

value rf__block_first_rows(struct arch *arch, const char *name, const struct encoder_inputs *in, value rows)
{
    struct graph *g = arch->graph;
    value zero = rf__graph_ints(g, rf__graph_name(g, "%s.first", name), &(int64_t){0}, 1);
    value length = sequence_length(g, "sequence_length", in);

    return rf__graph_node(g, name, &(struct node){.op = "Slice", .inputs = {rows, zero, length, zero}});
}

/* 0, 1 … of int64. */
static value counted(struct arch *arch, const char *name, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    value zero = rf__graph_int(g, rf__graph_name(g, "%s.zero", name), 0), length;
    value one = rf__graph_int(g, rf__graph_name(g, "%s.one", name), 1);

    length = sequence_length(g, rf__graph_name(g, "%s.shape", name), in);
    length = rf__graph_unary(g, rf__graph_name(g, "%s.length", name), "Squeeze", length);
    return rf__graph_node(g, rf__graph_name(g, "%s.range", name),
                          &(struct node){.op = "Range", .inputs = {zero, length, one}});
}

value rf__block_positions(struct arch *arch, const struct encoder_inputs *in)
{
    return cast(arch->graph, "positions", counted(arch, "positions", in), FLOAT);
}

value rf__block_distances(struct arch *arch, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    value range = counted(arch, "distance", in);
    value rows =
        rf__graph_binary(g, "distance.rows", "Unsqueeze", range, rf__graph_ints(g, "distance.axis", &(int64_t){1}, 1));

    return rf__graph_binary(g, "distance", "Sub", range, rows);
}

/* One branch of the If: attention over all tokens, or over those of the mask. */
static struct graph *attention_branch(struct graph *outer, const char *name, const struct encoder_inputs *in,
                                      const struct attention *attention, value mask)
{
    const struct dimension dims[] = {
        {0, "batch"}, {0, "sequence"}, {attention->width > 0 ? attention->width : in->hidden.n, NULL}};
    struct graph *g = rf__graph_sub(outer, name);
    value mask32 = mask == NULL ? "" : NULL, out;

    if (g == NULL)
        return NULL;
    if (mask != NULL)
        mask32 = cast(g, rf__graph_name(g, "%s.mask", name), mask, INT32);
    out = rf__graph_node(
        g, name,
        &(struct node){.op = "MultiHeadAttention",
                       .domain = GRAPH_MICROSOFT,
                       .inputs = {attention->q, attention->k, attention->v, "", mask32, attention->bias},
                       .attributes = {{.name = "num_heads", .i = (int64_t)attention->n_heads},
                                      {.name = "mask_filter_value", .kind = ATTRIBUTE_FLOAT, .f = -FLT_MAX},
                                      {.name = "scale", .kind = ATTRIBUTE_FLOAT, .f = (float)attention->scale}}});
    rf__graph_output(g, out, FLOAT, dims, 3);
    return g;
}

/* See the top of this file. */
static value fused_attention(struct graph *g, const char *name, const struct encoder_inputs *in,
                             const struct attention *attention)
{
    struct graph *all = attention_branch(g, rf__graph_name(g, "%s.all", name), in, attention, NULL);
    struct graph *masked = attention_branch(g, rf__graph_name(g, "%s.masked", name), in, attention, in->mask);

    return rf__graph_node(
        g, name,
        &(struct node){.op = "If",
                       .inputs = {in->is_full},
                       .attributes = {{.name = "then_branch", .kind = ATTRIBUTE_GRAPH, .graph = all},
                                      {.name = "else_branch", .kind = ATTRIBUTE_GRAPH, .graph = masked}}});
}

value rf__block_attention(struct arch *arch, const char *name, const struct encoder_inputs *in,
                          const struct attention *attention)
{
    struct graph *g = arch->graph;
    struct attention batched = *attention;
    value out;

    if (!attention->is_batched) {
        batched.q = rf__graph_binary(g, rf__graph_name(g, "%s.q", name), "Reshape", attention->q, in->batched);
        batched.k = rf__graph_binary(g, rf__graph_name(g, "%s.k", name), "Reshape", attention->k, in->batched);
        batched.v = rf__graph_binary(g, rf__graph_name(g, "%s.v", name), "Reshape", attention->v, in->batched);
    }
    out = rf__graph_is_portable(g) ? rf__standard_attention(g, name, in, &batched)
                                   : fused_attention(g, name, in, &batched);
    if (attention->is_batched)
        return out;
    return rf__graph_binary(g, rf__graph_name(g, "%s.flat", name), "Reshape", out, in->flat);
}
