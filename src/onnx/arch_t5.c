/*
 * arch_t5: the encoder of T5Model and MT5Model (transformers' t5/modeling_t5.py), which T5EncoderModel is: norms by
 * root mean square before each half of a layer, scores that are not scaled, and a bias by distance that all layers
 * share.
 */
#include "onnx/activation.h"
#include "onnx/arch_kinds.h"
#include "onnx/blocks.h"
#include "onnx/buckets.h"
#include "onnx/encoder_node.h"

#include <string.h>

struct t5 {
    struct arch_size vocabulary, hidden, layers, heads, head, inner, queries; /* queries: heads * head */
    double epsilon;
    const struct activation *activation;
    bool is_gated;
};

/* "relu", "gated-gelu" …: gelu is the one with tanh then. */
static void read_unit(struct arch *arch, struct t5 *t5, const char *fallback)
{
    static const char gated[] = "gated-";
    const char *name = rf__arch_str(arch, "feed_forward_proj", fallback);

    t5->is_gated = strncmp(name, gated, strlen(gated)) == 0;
    if (strcmp(name, "gated-gelu") == 0)
        t5->activation = rf__activation_find(arch, "feed_forward_proj", "gelu_new");
    else
        t5->activation = rf__activation_find(arch, "feed_forward_proj", name + (t5->is_gated ? strlen(gated) : 0));
}

/* The defaults are those of T5Config and MT5Config. */
static void read_config(struct arch *arch, struct t5 *t5, bool is_mt5)
{
    t5->vocabulary = rf__arch_size(arch, "vocab_size", is_mt5 ? 250112 : 32128, 1 << 24);
    t5->hidden = rf__arch_size(arch, "d_model", 512, 1 << 16);
    t5->layers = rf__arch_size(arch, "num_layers", is_mt5 ? 8 : 6, 1 << 10);
    t5->heads = rf__arch_size(arch, "num_heads", is_mt5 ? 6 : 8, 1 << 10);
    t5->head = rf__arch_size(arch, "d_kv", 64, 1 << 12);
    t5->inner = rf__arch_size(arch, "d_ff", is_mt5 ? 1024 : 2048, 1 << 18);
    t5->epsilon = rf__arch_double(arch, "layer_norm_epsilon", 1e-6);
    t5->queries = (struct arch_size){t5->heads.n * t5->head.n, "num_heads"};
    read_unit(arch, t5, is_mt5 ? "gated-gelu" : "relu");
}

/* Of relative_attention_bias. */
struct distances {
    struct arch_size buckets, reach;
};
#define TABLE "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"

static struct distances read_distances(struct arch *arch)
{
    const struct distances all = {rf__arch_size(arch, "relative_attention_num_buckets", 32, 1 << 10),
                                  rf__arch_size(arch, "relative_attention_max_distance", 128, 1 << 16)};

    if (rf__graph_status(arch->graph) == RF_OK && (all.buckets.n < 4 || all.reach.n <= all.buckets.n / 4))
        rf__arch_refuse(arch, RF_BAD_FORMAT,
                        "'relative_attention_num_buckets' is %llu and 'relative_attention_max_distance' %llu, which "
                        "leave no room for distances",
                        (unsigned long long)all.buckets.n, (unsigned long long)all.reach.n);
    return all;
}

static value add_bias(struct arch *arch, const struct t5 *t5, const struct encoder_inputs *in)
{
    const struct distances all = read_distances(arch);
    value table = rf__arch_matrix(arch, TABLE, &all.buckets, &t5->heads);

    return rf__graph_status(arch->graph) != RF_OK
               ? NULL
               : rf__bucket_bias(arch, "attention_bias", in, table, all.buckets.n, all.reach.n);
}

static value add_attention(struct arch *arch, const struct t5 *t5, const struct encoder_inputs *in, const char *at,
                           value shape, value flat, value bias, value x)
{
    struct graph *g = arch->graph;
    struct attention attention = {
        .bias = bias, .n_heads = t5->heads.n, .width = t5->queries.n, .scale = 1, .is_batched = true};
    value *const to[] = {&attention.q, &attention.k, &attention.v};
    value y;

    for (int i = 0; i < 3; i++) {
        value name = rf__graph_name(g, "%s.SelfAttention.%c", at, "qkv"[i]);
        y = rf__block_project(arch, name, x, NULL, &t5->hidden, &t5->queries, false);
        *to[i] = rf__graph_binary(g, rf__graph_name(g, "%s.batched", name), "Reshape", y, shape);
    }
    y = rf__block_attention(arch, rf__graph_name(g, "%s.SelfAttention", at), in, &attention);
    return rf__graph_binary(g, rf__graph_name(g, "%s.SelfAttention.flat", at), "Reshape", y, flat);
}

static value add_unit(struct arch *arch, const struct t5 *t5, const char *at, value x)
{
    struct graph *g = arch->graph;
    value wide, up;

    wide = rf__block_project(arch, rf__graph_name(g, "%s.%s", at, t5->is_gated ? "wi_0" : "wi"), x, NULL, &t5->hidden,
                             &t5->inner, false);
    wide = rf__activation_add(g, rf__graph_name(g, "%s.act", at), t5->activation, wide);
    if (!t5->is_gated)
        return wide;
    up = rf__block_project(arch, rf__graph_name(g, "%s.wi_1", at), x, NULL, &t5->hidden, &t5->inner, false);
    return rf__graph_binary(g, rf__graph_name(g, "%s.gated", at), "Mul", wide, up);
}

static value add_layers(struct arch *arch, const struct t5 *t5, const struct encoder_inputs *in, value x)
{
    struct graph *g = arch->graph;
    value bias = add_bias(arch, t5, in), shape = rf__block_batched(arch, "queries.shape", in, t5->queries.n), y;
    value flat = rf__graph_ints(g, "queries.flat_shape", (const int64_t[]){-1, (int64_t)t5->queries.n}, 2);

    for (uint64_t i = 0; i < t5->layers.n && rf__graph_status(g) == RF_OK; i++) {
        value at = rf__graph_name(g, "encoder.block.%llu.layer.0", (unsigned long long)i);
        y = rf__block_rms_norm(arch, rf__graph_name(g, "%s.layer_norm", at), x, &t5->hidden, t5->epsilon, false);
        y = add_attention(arch, t5, in, at, shape, flat, bias, y);
        x = rf__block_project(arch, rf__graph_name(g, "%s.SelfAttention.o", at), y, x, &t5->queries, &t5->hidden,
                              false);
        at = rf__graph_name(g, "encoder.block.%llu.layer.1", (unsigned long long)i);
        y = rf__block_rms_norm(arch, rf__graph_name(g, "%s.layer_norm", at), x, &t5->hidden, t5->epsilon, false);
        y = add_unit(arch, t5, rf__graph_name(g, "%s.DenseReluDense", at), y);
        x = rf__block_project(arch, rf__graph_name(g, "%s.DenseReluDense.wo", at), y, x, &t5->inner, &t5->hidden,
                              false);
    }
    return rf__block_rms_norm(arch, "encoder.final_layer_norm", x, &t5->hidden, t5->epsilon, false);
}

/* ---- For the kernels --------------------------------------------------------------------------------------------- */

static void pack_layer(struct packed *packed, const struct t5 *t5, uint64_t n)
{
    struct graph *g = packed->arch->graph;
    value at = rf__graph_name(g, "encoder.block.%llu.layer.0", (unsigned long long)n);
    struct packed_part qkv[3], unit[2];
    const struct packed_part out = {rf__graph_name(g, "%s.SelfAttention.o", at), t5->hidden, 0, 0};
    value attention_norm = rf__graph_name(g, "%s.layer_norm", at), unit_norm;
    struct packed_part down;

    for (int i = 0; i < 3; i++)
        qkv[i] = (struct packed_part){rf__graph_name(g, "%s.SelfAttention.%c", at, "qkv"[i]), t5->queries, 0, 0};
    at = rf__graph_name(g, "encoder.block.%llu.layer.1", (unsigned long long)n);
    unit_norm = rf__graph_name(g, "%s.layer_norm", at);
    for (int i = 0; i < 2; i++)
        unit[i] = (struct packed_part){rf__graph_name(g, "%s.DenseReluDense.wi_%d", at, i), t5->inner, 0, 0};
    if (!t5->is_gated)
        unit[0].name = rf__graph_name(g, "%s.DenseReluDense.wi", at);
    down = (struct packed_part){rf__graph_name(g, "%s.DenseReluDense.wo", at), t5->hidden, 0, 0};
    rf__packed_linear(packed, qkv, 3, false, &t5->hidden);
    rf__packed_linear(packed, &out, 1, false, &t5->queries);
    rf__packed_norm(packed, attention_norm, PACKED_NORM_WITHOUT_BIAS, &t5->hidden);
    rf__packed_linear(packed, unit, t5->is_gated ? 2 : 1, false, &t5->hidden);
    rf__packed_linear(packed, &down, 1, false, &t5->inner);
    rf__packed_norm(packed, unit_norm, PACKED_NORM_WITHOUT_BIAS, &t5->hidden);
}

static struct packed pack_weights(struct arch *arch, const struct t5 *t5, const char *words)
{
    enum { OTHERS = 4, LAYER = 4 * PACKED_PER_LINEAR + 2 * PACKED_PER_NORM };
    const size_t n = (size_t)t5->layers.n;
    struct packed packed = rf__packed_new(arch, OTHERS + PACKED_PER_NORM + n * LAYER);
    struct encoder_node_step *steps = rf__graph_alloc(arch->graph, n * sizeof *steps);
    const struct distances all = read_distances(arch);

    if (rf__graph_status(arch->graph) != RF_OK)
        return packed;
    for (size_t i = 0; i < n; i++)
        steps[i] = (struct encoder_node_step){(int64_t)i, -1, -1, -1};
    rf__encoder_node_steps(&packed, steps, n);
    rf__packed_table(&packed, words, &t5->vocabulary, &t5->hidden);
    rf__packed_zeros(&packed, "no_token_types", 2, t5->hidden.n);
    rf__packed_constant(&packed, rf__bucket_table(arch, TABLE, &all.buckets, &t5->heads, all.buckets.n, all.reach.n));
    for (uint64_t i = 0; i < n && rf__graph_status(arch->graph) == RF_OK; i++)
        pack_layer(&packed, t5, i);
    rf__packed_norm(&packed, "encoder.final_layer_norm", PACKED_NORM_WITHOUT_BIAS, &t5->hidden);
    return packed;
}

static void build_kernel(struct arch *arch, const struct t5 *t5, const char *words)
{
    const struct packed packed = pack_weights(arch, t5, words);
    const struct encoder_node node = {.hidden = t5->hidden,
                                      .embedding = t5->hidden,
                                      .inner = t5->inner,
                                      .heads = t5->heads,
                                      .key_heads = t5->heads,
                                      .head = t5->head,
                                      .n_layers = t5->layers.n,
                                      .activation = t5->activation,
                                      .norms = "before",
                                      .norm = "rms",
                                      .bias = "table",
                                      .is_gated = t5->is_gated,
                                      .has_first_norm = true,
                                      .has_final_norm = true,
                                      .padding = -1,
                                      .epsilon = t5->epsilon,
                                      .embedding_scale = 1,
                                      .score_scale = 1};

    rf__encoder_node_add(arch, &node, &packed);
}

static void build(struct arch *arch, bool is_mt5)
{
    struct graph *g = arch->graph;
    struct t5 t5 = {0};
    struct encoder_inputs in;
    const bool is_shared = rf__arch_has(arch, "shared.weight");
    value x;

    read_config(arch, &t5, is_mt5);
    if (arch->precision != ONNX_OPERATORS) {
        build_kernel(arch, &t5, is_shared ? "shared" : "encoder.embed_tokens");
        return;
    }
    in = rf__block_inputs(arch, &t5.hidden, false);
    x = rf__arch_matrix(arch, is_shared ? "shared.weight" : "encoder.embed_tokens.weight", &t5.vocabulary, &t5.hidden);
    x = rf__graph_binary(g, "embeddings.word", "Gather", x, in.ids);
    x = rf__graph_binary(g, "embeddings.flat", "Reshape", x, in.flat);
    rf__block_output(arch, &in, add_layers(arch, &t5, &in, x));
}

static void build_t5(struct arch *arch)
{
    build(arch, false);
}

static void build_mt5(struct arch *arch)
{
    build(arch, true);
}

#define FIRST "encoder.final_layer_norm.weight"

static const char *const prefixes[] = {"transformer.", NULL};
const struct arch_kind rf__arch_t5 = {"t5", prefixes, FIRST, build_t5, true};
const struct arch_kind rf__arch_mt5 = {"mt5", prefixes, FIRST, build_mt5, true};
