/*
 * ref_postnorm: BERT (https://arxiv.org/abs/1810.04805) and those that changed little: RoBERTa, XLM-RoBERTa and
 * CamemBERT count positions from behind the padding, DistilBERT has no token types, ELECTRA and ALBERT project narrow
 * embeddings, ALBERT's layers share weights, MPNet's attention has a bias by distance, JinaBERT's another (ALiBi,
 * https://arxiv.org/abs/2108.12409) and gated units.
 *
 *     x = norm(word[id] + position[…] + type[type_id])
 *     x = norm(x + out(attention(query(x), key(x), value(x))))        for each layer
 *     x = norm(x + narrow(activation(wide(x))))
 */
#include "reference/ref.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MPNET_BUCKETS = 32, MPNET_FAR = 128 }; /* written in its code, whatever config.json says */

struct layer {
    struct ref_linear query, key, value, out, wide, gate, narrow; /* gate: of JinaBERT */
    struct ref_norm attention_norm, output_norm;
};

struct postnorm {
    struct ref_model base;                  /* first */
    const float *words, *positions, *types; /* [.., embedding]; positions, types: NULL where there are none */
    size_t embedding, n_layers, heads, inner, padding;
    bool counts_from_padding, has_projection, is_gated;
    struct ref_norm norm;
    struct ref_linear projection;
    ref_activation activation;
    const float *buckets; /* of MPNet, [buckets, heads]; NULL: none */
    bool has_alibi;
    double epsilon;
    struct layer *layers; /* [n_layers] */
};

/* ---- Loading ------------------------------------------------------------------------------------------------- */

/* What tensors of a layer are called. */
struct names {
    const char *layer; /* what stands before a layer's number */
    const char *query, *key, *value, *out, *attention_norm, *wide, *narrow, *output_norm;
};

static const struct names bert_names = {"encoder.layer.",       "attention.self.query",   "attention.self.key",
                                        "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
                                        "intermediate.dense",   "output.dense",           "output.LayerNorm"};
static const struct names distilbert_names = {"transformer.layer.", "attention.q_lin",   "attention.k_lin",
                                              "attention.v_lin",    "attention.out_lin", "sa_layer_norm",
                                              "ffn.lin1",           "ffn.lin2",          "output_layer_norm"};
static const struct names mpnet_names = {"encoder.layer.",     "attention.attn.q", "attention.attn.k",
                                         "attention.attn.v",   "attention.attn.o", "attention.LayerNorm",
                                         "intermediate.dense", "output.dense",     "output.LayerNorm"};
static const struct names jina_names = {
    "encoder.layer.",         "attention.self.query",       "attention.self.key", "attention.self.value",
    "attention.output.dense", "attention.output.LayerNorm", "mlp.gated_layers",   "mlp.wo",
    "mlp.layernorm"};
static const struct names albert_names = {
    NULL,  "attention.query", "attention.key",        "attention.value", "attention.dense", "attention.LayerNorm",
    "ffn", "ffn_output",      "full_layer_layer_norm"};

static void load_layer(struct ref_loader *l, struct postnorm *m, const struct names *names, const char *at,
                       struct layer *layer)
{
    const size_t hidden = m->base.hidden;

    layer->query = rf__ref_linear(l, at, names->query, hidden, hidden, true);
    layer->key = rf__ref_linear(l, at, names->key, hidden, hidden, true);
    layer->value = rf__ref_linear(l, at, names->value, hidden, hidden, true);
    layer->out = rf__ref_linear(l, at, names->out, hidden, hidden, true);
    layer->attention_norm = rf__ref_norm(l, REF_NORM_LAYER, at, names->attention_norm, hidden, m->epsilon, true);
    if (m->is_gated) {
        struct ref_linear both = rf__ref_linear(l, at, names->wide, hidden, 2 * m->inner, false);
        layer->wide = rf__ref_part(&both, 0, m->inner);
        layer->gate = rf__ref_part(&both, m->inner, m->inner);
    } else {
        layer->wide = rf__ref_linear(l, at, names->wide, hidden, m->inner, true);
    }
    layer->narrow = rf__ref_linear(l, at, names->narrow, m->inner, hidden, true);
    layer->output_norm = rf__ref_norm(l, REF_NORM_LAYER, at, names->output_norm, hidden, m->epsilon, true);
}

static void load_layers(struct ref_loader *l, struct postnorm *m, const struct names *names)
{
    m->layers = rf__ref_take(l->pool, m->n_layers, sizeof *m->layers);
    for (size_t i = 0; i < m->n_layers && m->layers != NULL && l->status == RF_OK; i++) {
        char at[64];
        snprintf(at, sizeof at, "%s%zu.", names->layer, i);
        load_layer(l, m, names, at, &m->layers[i]);
    }
}

static void load_embeddings(struct ref_loader *l, struct postnorm *m)
{
    struct ref_model *base = &m->base;

    m->words = rf__ref_tensor(l, "", "embeddings.word_embeddings.weight", base->vocabulary, m->embedding);
    if (base->n_positions > 0)
        m->positions = rf__ref_tensor(l, "", "embeddings.position_embeddings.weight", base->n_positions, m->embedding);
    if (base->n_types > 0)
        m->types = rf__ref_tensor(l, "", "embeddings.token_type_embeddings.weight", base->n_types, m->embedding);
    m->norm = rf__ref_norm(l, REF_NORM_LAYER, "", "embeddings.LayerNorm", m->embedding, m->epsilon, true);
}

static void check_heads(struct ref_loader *l, const struct postnorm *m)
{
    if (l->status == RF_OK && m->base.hidden % m->heads != 0)
        rf__ref_refuse(l, RF_BAD_FORMAT, "the hidden size, %zu, is no multiple of the number of heads, %zu",
                       m->base.hidden, m->heads);
}

/* The keys that BERT and most others have; those that the defaults leave open come from the caller. */
static struct postnorm *read_common(struct ref_loader *l, size_t vocabulary, size_t hidden, size_t heads, size_t inner)
{
    struct postnorm *m = rf__ref_take(l->pool, 1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", vocabulary, 1 << 24);
    m->base.hidden = m->embedding = rf__ref_size(l, "hidden_size", hidden, 1 << 16);
    m->n_layers = rf__ref_size(l, "num_hidden_layers", 12, 1 << 10);
    m->heads = rf__ref_size(l, "num_attention_heads", heads, 1 << 16);
    m->inner = rf__ref_size(l, "intermediate_size", inner, 1 << 18);
    m->base.n_positions = rf__ref_size(l, "max_position_embeddings", 512, 1 << 20);
    m->base.n_types = rf__ref_size(l, "type_vocab_size", 2, 1 << 16);
    m->epsilon = rf__ref_double(l, "layer_norm_eps", 1e-12);
    return m;
}

static void refuse_decoder(struct ref_loader *l)
{
    const char *positions = rf__ref_str(l, "position_embedding_type", "absolute");

    if (rf__ref_bool(l, "is_decoder", false))
        rf__ref_refuse(l, RF_UNSUPPORTED, "'is_decoder' is true; only encoders are supported");
    if (strcmp(positions, "absolute") != 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'position_embedding_type' is '%.64s', expected 'absolute'", positions);
}

static struct ref_model *finish(struct ref_loader *l, struct postnorm *m, const struct names *names)
{
    check_heads(l, m);
    load_embeddings(l, m);
    load_layers(l, m, names);
    return &m->base;
}

static struct ref_model *load_jina(struct ref_loader *l)
{
    struct postnorm *m = read_common(l, 30522, 768, 12, 3072);
    const char *unit = rf__ref_str(l, "feed_forward_type", "original");

    if (m == NULL)
        return NULL;
    m->base.n_positions = 0;
    m->has_alibi = m->is_gated = true;
    m->activation = rf__ref_activation(l, "feed_forward_type",
                                       strcmp(unit, "geglu") == 0   ? "gelu"
                                       : strcmp(unit, "reglu") == 0 ? "relu"
                                                                    : unit);
    if (strcmp(unit, "geglu") != 0 && strcmp(unit, "reglu") != 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'feed_forward_type' is '%.64s', expected 'geglu' or 'reglu'", unit);
    return finish(l, m, &jina_names);
}

static struct ref_model *load_bert(struct ref_loader *l)
{
    struct postnorm *m;

    if (strcmp(rf__ref_str(l, "position_embedding_type", "absolute"), "alibi") == 0)
        return load_jina(l);
    refuse_decoder(l);
    m = read_common(l, 30522, 768, 12, 3072);
    if (m == NULL)
        return NULL;
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    return finish(l, m, &bert_names);
}

static struct ref_model *load_electra(struct ref_loader *l)
{
    struct postnorm *m = read_common(l, 30522, 256, 4, 1024);

    if (m == NULL)
        return NULL;
    refuse_decoder(l);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    m->embedding = rf__ref_size(l, "embedding_size", 128, 1 << 16);
    m->has_projection = m->embedding != m->base.hidden;
    if (m->has_projection)
        m->projection = rf__ref_linear(l, "", "embeddings_project", m->embedding, m->base.hidden, true);
    return finish(l, m, &bert_names);
}

static struct ref_model *load_roberta(struct ref_loader *l)
{
    struct postnorm *m = read_common(l, 50265, 768, 12, 3072);

    if (m == NULL)
        return NULL;
    refuse_decoder(l);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    m->counts_from_padding = true;
    m->padding = rf__ref_number(l, "pad_token_id", 1, 1 << 24);
    m->base.first_position = m->padding + 1;
    return finish(l, m, &bert_names);
}

static struct ref_model *load_mpnet(struct ref_loader *l)
{
    struct postnorm *m = read_common(l, 30527, 768, 12, 3072);
    size_t n_buckets = rf__ref_size(l, "relative_attention_num_buckets", MPNET_BUCKETS, 1 << 10);

    if (m == NULL)
        return NULL;
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    m->base.n_types = 0;
    m->counts_from_padding = true;
    m->padding = 1;
    m->base.first_position = 2;
    if (n_buckets < MPNET_BUCKETS)
        rf__ref_refuse(l, RF_BAD_FORMAT, "'relative_attention_num_buckets' is %zu, expected at least %d", n_buckets,
                       MPNET_BUCKETS);
    m->buckets = rf__ref_tensor(l, "", "encoder.relative_attention_bias.weight", n_buckets, m->heads);
    return finish(l, m, &mpnet_names);
}

static struct ref_model *load_distilbert(struct ref_loader *l)
{
    struct postnorm *m = rf__ref_take(l->pool, 1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 30522, 1 << 24);
    m->base.hidden = m->embedding = rf__ref_size(l, "dim", 768, 1 << 16);
    m->n_layers = rf__ref_size(l, "n_layers", 6, 1 << 10);
    m->heads = rf__ref_size(l, "n_heads", 12, 1 << 16);
    m->inner = rf__ref_size(l, "hidden_dim", 3072, 1 << 18);
    m->base.n_positions = rf__ref_size(l, "max_position_embeddings", 512, 1 << 20);
    m->epsilon = 1e-12;
    m->activation = rf__ref_activation(l, "activation", rf__ref_str(l, "activation", "gelu"));
    return finish(l, m, &distilbert_names);
}

/* The layers of a group are run one after the other, as often as there are layers of that group. */
static void load_albert_layers(struct ref_loader *l, struct postnorm *m, size_t n_groups, size_t n_inner)
{
    const size_t n = m->n_layers;

    m->n_layers = n * n_inner;
    m->layers = rf__ref_take(l->pool, m->n_layers, sizeof *m->layers);
    for (size_t i = 0; i < m->n_layers && m->layers != NULL && l->status == RF_OK; i++) {
        char at[96];
        snprintf(at, sizeof at, "encoder.albert_layer_groups.%zu.albert_layers.%zu.", i / n_inner * n_groups / n,
                 i % n_inner);
        load_layer(l, m, &albert_names, at, &m->layers[i]);
    }
}

static struct ref_model *load_albert(struct ref_loader *l)
{
    struct postnorm *m = read_common(l, 30000, 4096, 64, 16384);
    size_t n_groups = rf__ref_size(l, "num_hidden_groups", 1, 1 << 10);
    size_t n_inner = rf__ref_size(l, "inner_group_num", 1, 1 << 10);

    if (m == NULL)
        return NULL;
    refuse_decoder(l);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu_new"));
    m->embedding = rf__ref_size(l, "embedding_size", 128, 1 << 16);
    m->has_projection = true;
    m->projection = rf__ref_linear(l, "", "encoder.embedding_hidden_mapping_in", m->embedding, m->base.hidden, true);
    if (n_groups > m->n_layers)
        rf__ref_refuse(l, RF_BAD_FORMAT, "'num_hidden_groups' is %zu, more than 'num_hidden_layers', %zu", n_groups,
                       m->n_layers);
    check_heads(l, m);
    load_embeddings(l, m);
    load_albert_layers(l, m, n_groups, n_inner);
    return &m->base;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

static void embed_words(const struct postnorm *m, const struct ref_text *text, float *x)
{
    size_t n_counted = 0;

    for (size_t t = 0; t < text->n; t++) {
        const uint32_t id = text->ids[t], type = text->types != NULL ? text->types[t] : 0;
        const bool is_padding = m->counts_from_padding && id == m->padding;
        size_t position = t;
        n_counted += !is_padding;
        if (m->counts_from_padding)
            position = is_padding ? m->padding : m->padding + n_counted;
        for (size_t i = 0; i < m->embedding; i++) {
            double sum = (double)m->words[id * m->embedding + i];
            if (m->positions != NULL)
                sum += (double)m->positions[position * m->embedding + i];
            if (m->types != NULL)
                sum += (double)m->types[type * m->embedding + i];
            x[t * m->embedding + i] = (float)sum;
        }
    }
    rf__ref_normalize(&m->norm, x, text->n);
}

static double bias_by_bucket(const void *arg, size_t head, size_t query, size_t key)
{
    const struct postnorm *m = arg;
    const ptrdiff_t distance = (ptrdiff_t)key - (ptrdiff_t)query;

    return (double)m->buckets[rf__ref_bucket(distance, MPNET_BUCKETS, MPNET_FAR) * m->heads + head];
}

/* Head i of n, a power of two, has the slope 2^(-8 (i + 1) / n); of other numbers, the heads behind the next lower
 * power of two have every second slope of the next higher one. */
static double bias_by_slope(const void *arg, size_t head, size_t query, size_t key)
{
    const struct postnorm *m = arg;
    const double distance = query > key ? (double)(query - key) : (double)(key - query);
    size_t power = 1;

    while (power * 2 <= m->heads)
        power *= 2;
    if (head < power)
        return -distance * exp2(-8 * (double)(head + 1) / (double)power);
    return -distance * exp2(-8 * (double)(2 * (head - power) + 1) / (double)(2 * power));
}

struct scratch {
    float *q, *k, *v, *context, *y; /* [n, hidden] */
    float *wide, *gate;             /* [n, inner]; gate NULL where there is none */
    double *scores;                 /* [n] */
};

static bool take_scratch(const struct postnorm *m, const struct ref_text *text, struct scratch *s)
{
    struct ref_pool *pool = text->pool;
    const size_t n = text->n * m->base.hidden;

    s->q = rf__ref_take(pool, n, sizeof(float));
    s->k = rf__ref_take(pool, n, sizeof(float));
    s->v = rf__ref_take(pool, n, sizeof(float));
    s->context = rf__ref_take(pool, n, sizeof(float));
    s->y = rf__ref_take(pool, n, sizeof(float));
    s->wide = rf__ref_take(pool, text->n * m->inner, sizeof(float));
    s->gate = m->is_gated ? rf__ref_take(pool, text->n * m->inner, sizeof(float)) : NULL;
    s->scores = rf__ref_take(pool, text->n, sizeof(double));
    return !pool->failed;
}

static void run_layer(const struct postnorm *m, const struct layer *layer, size_t n, const struct scratch *s, float *x)
{
    const size_t head = m->base.hidden / m->heads;
    const struct ref_attention attention = {.heads = m->heads,
                                            .key_heads = m->heads,
                                            .head = head,
                                            .scale = 1 / sqrt((double)head),
                                            .bias = m->buckets != NULL ? bias_by_bucket
                                                    : m->has_alibi     ? bias_by_slope
                                                                       : NULL,
                                            .arg = m};

    rf__ref_apply(&layer->query, x, n, s->q);
    rf__ref_apply(&layer->key, x, n, s->k);
    rf__ref_apply(&layer->value, x, n, s->v);
    rf__ref_attend(&attention, s->q, s->k, s->v, n, s->scores, s->context);
    rf__ref_apply(&layer->out, s->context, n, s->y);
    rf__ref_add(x, s->y, n * m->base.hidden);
    rf__ref_normalize(&layer->attention_norm, x, n);

    rf__ref_apply(&layer->wide, x, n, s->wide);
    rf__ref_activate(m->activation, s->wide, n * m->inner);
    if (m->is_gated) {
        rf__ref_apply(&layer->gate, x, n, s->gate);
        for (size_t i = 0; i < n * m->inner; i++)
            s->wide[i] *= s->gate[i];
    }
    rf__ref_apply(&layer->narrow, s->wide, n, s->y);
    rf__ref_add(x, s->y, n * m->base.hidden);
    rf__ref_normalize(&layer->output_norm, x, n);
}

static bool forward(const struct ref_model *model, const struct ref_text *text, float *x)
{
    const struct postnorm *m = (const struct postnorm *)model;
    struct scratch s;

    if (!take_scratch(m, text, &s))
        return false;
    if (m->has_projection) {
        float *narrow = rf__ref_take(text->pool, text->n * m->embedding, sizeof *narrow);
        if (narrow == NULL)
            return false;
        embed_words(m, text, narrow);
        rf__ref_apply(&m->projection, narrow, text->n, x);
    } else {
        embed_words(m, text, x);
    }
    for (size_t i = 0; i < m->n_layers; i++)
        run_layer(m, &m->layers[i], text->n, &s, x);
    return true;
}

#define FIRST "embeddings.word_embeddings.weight"

static const char *const bert_prefixes[] = {"bert.", NULL};
static const char *const electra_prefixes[] = {"electra.", NULL};
static const char *const roberta_prefixes[] = {"roberta.", "camembert.", NULL};
static const char *const distilbert_prefixes[] = {"distilbert.", NULL};
static const char *const mpnet_prefixes[] = {"mpnet.", NULL};
static const char *const albert_prefixes[] = {"albert.", NULL};

const struct ref_family rf__ref_postnorm[] = {
    {"bert", bert_prefixes, FIRST, load_bert, forward},
    {"electra", electra_prefixes, FIRST, load_electra, forward},
    {"roberta", roberta_prefixes, FIRST, load_roberta, forward},
    {"xlm-roberta", roberta_prefixes, FIRST, load_roberta, forward},
    {"camembert", roberta_prefixes, FIRST, load_roberta, forward},
    {"distilbert", distilbert_prefixes, FIRST, load_distilbert, forward},
    {"mpnet", mpnet_prefixes, FIRST, load_mpnet, forward},
    {"albert", albert_prefixes, FIRST, load_albert, forward},
    {NULL, NULL, NULL, NULL, NULL},
};
