/*
 * arch_deberta: DebertaV2Model of transformers (deberta_v2/modeling_deberta_v2.py), versions 2 and 3: BERT whose
 * attention adds to the score of two tokens what the query says to the distance (c2p) and the distance to the key
 * (p2c):
 *
 *     score = (q k^T + gather(q pos_key^T, distance) + gather(k pos_query^T, distance)^T) / sqrt(3 head)
 *
 * Distances share buckets that grow with the logarithm. ONNX Runtime has no operator for it; the scores of all tokens
 * with all are made.
 */
#include "onnx/activation.h"
#include "onnx/arch_kinds.h"
#include "onnx/blocks.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

struct deberta {
    struct arch_size vocabulary, embedding, hidden, layers, heads, head, inner, positions, types;
    double epsilon;
    const struct activation *activation;
    bool has_positions; /* in the embeddings, as BERT has them */
    bool is_relative, shares_keys, norms_distances, c2p, p2c;
    uint64_t span;      /* buckets of one side */
    uint64_t n_buckets; /* 0: each distance has its own */
    uint64_t far;       /* distances that have buckets of their own end here */
    /* Shared by all layers. */
    value heads_shape, flat, mask, distances, c2p_index, p2c_index;
};

/* ---- config.json --------------------------------------------------------------------------------------------- */

/* A list of names, or names with '|' between them. */
static bool has_kind(struct arch *arch, const char *kind)
{
    yyjson_val *types = yyjson_obj_get(arch->config->root, "pos_att_type"), *type;
    size_t i, n;

    if (yyjson_is_str(types))
        return strstr(yyjson_get_str(types), kind) != NULL;
    yyjson_arr_foreach(types, i, n, type)
    {
        if (yyjson_equals_str(type, kind))
            return true;
    }
    return false;
}

/* What older files give as -1: unset. */
static uint64_t positive(struct arch *arch, const char *key, uint64_t fallback)
{
    double number = rf__arch_double(arch, key, -1);

    return number >= 1 && number <= (1 << 20) ? (uint64_t)number : fallback;
}

/* The defaults are those of DebertaV2Config. */
static void read_config(struct arch *arch, struct deberta *d)
{
    const char *norm;
    const uint64_t n_types = rf__arch_number(arch, "type_vocab_size", 0, 1 << 16);

    d->vocabulary = rf__arch_size(arch, "vocab_size", 128100, 1 << 24);
    d->hidden = rf__arch_size(arch, "hidden_size", 1536, 1 << 16);
    d->embedding = rf__arch_size(arch, "embedding_size", d->hidden.n, 1 << 16);
    d->layers = rf__arch_size(arch, "num_hidden_layers", 24, 1 << 10);
    d->heads = rf__arch_size(arch, "num_attention_heads", 24, 1 << 16);
    d->inner = rf__arch_size(arch, "intermediate_size", 6144, 1 << 18);
    d->positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    d->types = (struct arch_size){n_types, "type_vocab_size"};
    d->epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-7);
    d->activation = rf__activation_read(arch, "hidden_act", "gelu");
    d->has_positions = rf__arch_bool(arch, "position_biased_input", true);
    d->is_relative = rf__arch_bool(arch, "relative_attention", false);
    d->shares_keys = rf__arch_bool(arch, "share_att_key", false);
    d->c2p = has_kind(arch, "c2p");
    d->p2c = has_kind(arch, "p2c");
    d->far = positive(arch, "max_relative_positions", d->positions.n);
    d->n_buckets = positive(arch, "position_buckets", 0);
    d->span = d->n_buckets > 0 ? d->n_buckets : d->far;
    norm = rf__arch_str(arch, "norm_rel_ebd", "none");
    d->norms_distances = strstr(norm, "layer_norm") != NULL;
    if (positive(arch, "conv_kernel_size", 0) > 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'conv_kernel_size' is set, which is not supported");
    if (rf__graph_status(arch->graph) == RF_OK && d->n_buckets > 0 && (d->n_buckets < 4 || d->far <= d->n_buckets / 2))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'position_buckets' is %llu, too many or too few for distances up to %llu",
                        (unsigned long long)d->n_buckets, (unsigned long long)d->far);
    rf__arch_heads(arch, &d->hidden, &d->heads, &d->head);
}

/* ---- Distances ----------------------------------------------------------------------------------------------- */

/* make_log_bucket_position(), in single precision as torch does it. */
static int64_t bucket_of(const struct deberta *d, int64_t distance)
{
    int64_t middle = (int64_t)d->n_buckets / 2, away = distance < 0 ? -distance : distance, bucket;

    if (d->n_buckets == 0 || away <= middle)
        return distance;
    bucket = (int64_t)ceilf(logf((float)away / (float)middle) / logf((float)(((double)d->far - 1) / (double)middle)) *
                            (float)(middle - 1)) +
             middle;
    return distance < 0 ? -bucket : bucket;
}

static int64_t clamped(int64_t index, int64_t span)
{
    return index < 0 ? 0 : index > 2 * span - 1 ? 2 * span - 1 : index;
}

/* Rows of the table of distances for key - query from -limit to limit: [2 limit + 1]. */
static value add_rows(struct arch *arch, const struct deberta *d, const char *name, bool is_p2c, int64_t limit)
{
    struct graph *g = arch->graph;
    int64_t *rows = rf__graph_alloc(g, (size_t)(2 * limit + 1) * sizeof *rows), span = (int64_t)d->span;

    if (rows == NULL)
        return NULL;
    for (int64_t away = -limit; away <= limit; away++)
        rows[away + limit] = clamped((is_p2c ? -1 : 1) * bucket_of(d, -away) + span, span);
    return rf__graph_ints(g, name, rows, (size_t)(2 * limit + 1));
}

/* For each pair of tokens the row of the table, [1, 1, sequence, sequence]. */
static value add_index(struct arch *arch, const struct deberta *d, const char *name, bool is_p2c, value within,
                       int64_t limit)
{
    struct graph *g = arch->graph;
    value rows = add_rows(arch, d, rf__graph_name(g, "%s.rows", name), is_p2c, limit), index;

    index = rf__graph_binary(g, rf__graph_name(g, "%s.pairs", name), "Gather", rows, within);
    return rf__graph_binary(g, name, "Unsqueeze", index,
                            rf__graph_ints(g, rf__graph_name(g, "%s.axes", name), (const int64_t[]){0, 1}, 2));
}

/* The table of distances, [2 span, hidden], and the indices into it. */
static void add_distances(struct arch *arch, struct deberta *d, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    const struct arch_size rows = {2 * d->span, "position_buckets"};
    const int64_t limit = 2 * (int64_t)(d->far > d->span ? d->far : d->span); /* beyond it all clamp alike */
    value low = rf__graph_int(g, "distance.low", -limit), high = rf__graph_int(g, "distance.high", limit), within;

    d->distances = rf__arch_matrix(arch, "encoder.rel_embeddings.weight", &rows, &d->hidden);
    if (d->norms_distances)
        d->distances = rf__block_norm(arch, "encoder.LayerNorm", d->distances, &d->hidden, d->epsilon);
    within = rf__graph_binary(g, "distance.above", "Max", rf__block_distances(arch, in), low);
    within = rf__graph_binary(g, "distance.within", "Min", within, high);
    within = rf__graph_binary(g, "distance.from_zero", "Add", within, high);
    if (d->c2p)
        d->c2p_index = add_index(arch, d, "distance.c2p", false, within, limit);
    if (d->p2c)
        d->p2c_index = add_index(arch, d, "distance.p2c", true, within, limit);
}

/* ---- Layers -------------------------------------------------------------------------------------------------- */

static value transpose(struct graph *g, const char *name, value x, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return rf__graph_node(
        g, name,
        &(struct node){.op = "Transpose",
                       .inputs = {x},
                       .attributes = {{.name = "perm", .kind = ATTRIBUTE_INTS, .ints = {a, b, c, d}, .n_ints = 4}}});
}

/* [batch, heads, sequence, head], or with the last two exchanged. */
static value add_heads(struct arch *arch, const struct deberta *d, const char *name, value x, bool is_turned)
{
    struct graph *g = arch->graph;
    value y = rf__block_linear(arch, name, x, &d->hidden, &d->hidden);

    y = rf__graph_binary(g, rf__graph_name(g, "%s.heads", name), "Reshape", y, d->heads_shape);
    return transpose(g, rf__graph_name(g, "%s.by_head", name), y, 0, 2, is_turned ? 3 : 1, is_turned ? 1 : 3);
}

/* The table seen by a layer: [1, heads, head, 2 span]. */
static value add_table(struct arch *arch, const struct deberta *d, const char *node, const char *linear)
{
    struct graph *g = arch->graph;
    const int64_t shape[] = {1, -1, (int64_t)d->heads.n, (int64_t)d->head.n};
    value x;

    rf__graph_scope(g, "distances.");
    x = rf__block_linear(arch, linear, d->distances, &d->hidden, &d->hidden);
    rf__graph_scope(g, NULL);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.heads", node), "Reshape", x,
                         rf__graph_ints(g, rf__graph_name(g, "%s.shape", node), shape, 4));
    return transpose(g, rf__graph_name(g, "%s.by_head", node), x, 0, 2, 3, 1);
}

/* x [batch, heads, sequence, head] against the distances: [batch, heads, sequence, sequence]. */
static value add_bias(struct arch *arch, const struct deberta *d, const char *name, const char *linear, value x,
                      value index)
{
    struct graph *g = arch->graph;
    value table = add_table(arch, d, rf__graph_name(g, "%s.table", name), linear), all, shape, rows;
    value last = rf__graph_ints(g, rf__graph_name(g, "%s.last", name), &(int64_t){1}, 1);

    all = rf__graph_binary(g, rf__graph_name(g, "%s.all", name), "MatMul", x, table);
    shape = rf__graph_node(g, rf__graph_name(g, "%s.shape", name),
                           &(struct node){.op = "Shape", .inputs = {x}, .attributes = {{.name = "end", .i = -1}}});
    shape = rf__graph_node(
        g, rf__graph_name(g, "%s.index.shape", name),
        &(struct node){.op = "Concat", .inputs = {shape, last}, .attributes = {{.name = "axis", .i = 0}}});
    rows = rf__graph_binary(g, rf__graph_name(g, "%s.index", name), "Expand", index, shape);
    return rf__graph_node(
        g, name,
        &(struct node){.op = "GatherElements", .inputs = {all, rows}, .attributes = {{.name = "axis", .i = 3}}});
}

static value add_attention(struct arch *arch, const struct deberta *d, const char *at, value x)
{
    struct graph *g = arch->graph;
    const double scale = 1 / sqrt((double)d->head.n * (1 + d->c2p + d->p2c));
    value query = rf__graph_name(g, "%s.query_proj", at), key = rf__graph_name(g, "%s.key_proj", at);
    value q = add_heads(arch, d, query, x, false), k = add_heads(arch, d, key, x, true), bias, turned;
    value v = add_heads(arch, d, rf__graph_name(g, "%s.value_proj", at), x, false), y;

    y = rf__graph_binary(g, rf__graph_name(g, "%s.content", at), "MatMul", q, k);
    if (d->is_relative && d->c2p) {
        bias = add_bias(arch, d, rf__graph_name(g, "%s.c2p", at),
                        d->shares_keys ? key : rf__graph_name(g, "%s.pos_key_proj", at), q, d->c2p_index);
        y = rf__graph_binary(g, rf__graph_name(g, "%s.with_c2p", at), "Add", y, bias);
    }
    if (d->is_relative && d->p2c) {
        turned = transpose(g, rf__graph_name(g, "%s.keys", at), k, 0, 1, 3, 2);
        bias = add_bias(arch, d, rf__graph_name(g, "%s.p2c", at),
                        d->shares_keys ? query : rf__graph_name(g, "%s.pos_query_proj", at), turned, d->p2c_index);
        bias = transpose(g, rf__graph_name(g, "%s.p2c.turned", at), bias, 0, 1, 3, 2);
        y = rf__graph_binary(g, rf__graph_name(g, "%s.with_p2c", at), "Add", y, bias);
    }
    y = rf__graph_binary(g, rf__graph_name(g, "%s.scaled", at), "Mul", y,
                         rf__graph_float(g, rf__graph_name(g, "%s.scale", at), (float)scale));
    y = rf__graph_binary(g, rf__graph_name(g, "%s.masked", at), "Add", y, d->mask);
    y = rf__graph_node(g, rf__graph_name(g, "%s.probabilities", at),
                       &(struct node){.op = "Softmax", .inputs = {y}, .attributes = {{.name = "axis", .i = -1}}});
    y = rf__graph_binary(g, rf__graph_name(g, "%s.context", at), "MatMul", y, v);
    y = transpose(g, rf__graph_name(g, "%s.context.by_token", at), y, 0, 2, 1, 3);
    return rf__graph_binary(g, rf__graph_name(g, "%s.context.flat", at), "Reshape", y, d->flat);
}

static value add_layer(struct arch *arch, const struct deberta *d, uint64_t n, value x)
{
    struct graph *g = arch->graph;
    value at = rf__graph_name(g, "encoder.layer.%llu", (unsigned long long)n), y;
    const struct arch_size *hidden = &d->hidden, *inner = &d->inner;

    y = add_attention(arch, d, rf__graph_name(g, "%s.attention.self", at), x);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.attention.output.dense", at), y, x, hidden, hidden);
    x = rf__block_norm(arch, rf__graph_name(g, "%s.attention.output.LayerNorm", at), x, hidden, d->epsilon);
    y = rf__block_linear(arch, rf__graph_name(g, "%s.intermediate.dense", at), x, hidden, inner);
    y = rf__activation_add(g, rf__graph_name(g, "%s.intermediate.act", at), d->activation, y);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.output.dense", at), y, x, inner, hidden);
    return rf__block_norm(arch, rf__graph_name(g, "%s.output.LayerNorm", at), x, hidden, d->epsilon);
}

/* ---- The graph ----------------------------------------------------------------------------------------------- */

static value add_embeddings(struct arch *arch, const struct deberta *d, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    const struct arch_size *width = &d->embedding;
    value x = rf__arch_matrix(arch, "embeddings.word_embeddings.weight", &d->vocabulary, width), y;
    value flat = rf__graph_ints(g, "embeddings.flat_shape", (const int64_t[]){-1, (int64_t)width->n}, 2);

    x = rf__graph_binary(g, "embeddings.word", "Gather", x, in->ids);
    if (d->has_positions) {
        y = rf__arch_matrix(arch, "embeddings.position_embeddings.weight", &d->positions, width);
        y = rf__block_first_rows(arch, "embeddings.position", in, y);
        x = rf__graph_binary(g, "embeddings.with_position", "Add", x, y);
    }
    if (d->types.n > 0) {
        y = rf__arch_matrix(arch, "embeddings.token_type_embeddings.weight", &d->types, width);
        y = rf__graph_binary(g, "embeddings.type", "Gather", y, in->type_ids);
        x = rf__graph_binary(g, "embeddings.with_type", "Add", x, y);
    }
    x = rf__graph_binary(g, "embeddings.flat", "Reshape", x, flat);
    if (d->embedding.n != d->hidden.n)
        x = rf__block_project(arch, "embeddings.embed_proj", x, NULL, width, &d->hidden, false);
    return rf__block_norm(arch, "embeddings.LayerNorm", x, &d->hidden, d->epsilon);
}

/* 0 for what is read, the lowest number for padding: [batch, 1, 1, sequence]. */
static value add_mask(struct arch *arch, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    value x =
        rf__graph_node(g, "mask.number",
                       &(struct node){.op = "Cast", .inputs = {in->mask}, .attributes = {{.name = "to", .i = FLOAT}}});

    x = rf__graph_binary(g, "mask.padding", "Sub", rf__graph_float(g, "mask.one", 1), x);
    x = rf__graph_binary(g, "mask.lowered", "Mul", x, rf__graph_float(g, "mask.lowest", -FLT_MAX));
    return rf__graph_binary(g, "mask", "Unsqueeze", x, rf__graph_ints(g, "mask.axes", (const int64_t[]){1, 2}, 2));
}

static void build(struct arch *arch)
{
    struct graph *g = arch->graph;
    struct deberta d = {0};
    struct encoder_inputs in;
    int64_t widths[2];
    value x;

    read_config(arch, &d);
    in = rf__block_inputs(arch, &d.hidden, d.types.n > 0);
    widths[0] = (int64_t)d.heads.n;
    widths[1] = (int64_t)d.head.n;
    d.heads_shape = rf__graph_node(g, "heads.shape",
                                   &(struct node){.op = "Concat",
                                                  .inputs = {in.shape, rf__graph_ints(g, "heads.widths", widths, 2)},
                                                  .attributes = {{.name = "axis", .i = 0}}});
    d.flat = in.flat;
    d.mask = add_mask(arch, &in);
    if (d.is_relative)
        add_distances(arch, &d, &in);
    x = add_embeddings(arch, &d, &in);
    for (uint64_t i = 0; i < d.layers.n && rf__graph_status(g) == RF_OK; i++)
        x = add_layer(arch, &d, i, x);
    rf__block_output(arch, &in, x);
}

static const char *const prefixes[] = {"deberta.", NULL};
const struct arch_kind rf__arch_deberta_v2 = {"deberta-v2", prefixes, "embeddings.word_embeddings.weight", build,
                                              false};
