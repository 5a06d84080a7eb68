/*
 * ref_deberta: DeBERTa, versions 2 and 3 (https://arxiv.org/abs/2006.03654, transformers' DebertaV2Model): BERT whose
 * scores have up to two more parts, what the query says to the distance (c2p) and the key to it (p2c):
 *
 *     score(i, j) = (q_i k_j + q_i pos_key[d] + k_j pos_query[d]) / sqrt(head * number of parts)
 *
 * with d the bucket of i - j, moved so that the first is 0.
 */
#include "reference/ref.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct layer {
    struct ref_linear query, key, value, pos_query, pos_key, out, wide, narrow;
    struct ref_norm attention_norm, output_norm;
};

struct deberta {
    struct ref_model base;                  /* first */
    const float *words, *positions, *types; /* [.., embedding]; positions, types: NULL where there are none */
    const float *distances;                 /* [2 * span, hidden]; NULL: attention as BERT's */
    size_t embedding, n_layers, heads, head, inner, span, n_buckets, far;
    bool c2p, p2c;
    double epsilon;
    ref_activation activation;
    struct ref_linear projection; /* of the embeddings; weight NULL: none */
    struct ref_norm norm, distance_norm;
    struct layer *layers; /* [n_layers] */
};

/* ---- Loading ------------------------------------------------------------------------------------------------- */

/* pos_att_type is a list of names, or names with '|' between them. */
static bool has_part(struct ref_loader *l, const char *part)
{
    yyjson_val *types = yyjson_obj_get(l->config.root, "pos_att_type"), *type;
    size_t i, n;

    if (yyjson_is_str(types))
        return strstr(yyjson_get_str(types), part) != NULL;
    yyjson_arr_foreach(types, i, n, type)
    {
        if (yyjson_equals_str(type, part))
            return true;
    }
    return false;
}

/* Numbers that are -1 where they are not set. */
static size_t positive(struct ref_loader *l, const char *key, size_t fallback)
{
    const double number = rf__ref_double(l, key, -1);

    return number >= 1 && number <= 1 << 20 ? (size_t)number : fallback;
}

static void load_layer(struct ref_loader *l, struct deberta *m, size_t i, bool shares_keys)
{
    const size_t hidden = m->base.hidden;
    struct layer *layer = &m->layers[i];
    char at[64];

    snprintf(at, sizeof at, "encoder.layer.%zu.", i);
    layer->query = rf__ref_linear(l, at, "attention.self.query_proj", hidden, hidden, true);
    layer->key = rf__ref_linear(l, at, "attention.self.key_proj", hidden, hidden, true);
    layer->value = rf__ref_linear(l, at, "attention.self.value_proj", hidden, hidden, true);
    layer->pos_key = layer->key;
    layer->pos_query = layer->query;
    if (m->distances != NULL && !shares_keys && m->c2p)
        layer->pos_key = rf__ref_linear(l, at, "attention.self.pos_key_proj", hidden, hidden, true);
    if (m->distances != NULL && !shares_keys && m->p2c)
        layer->pos_query = rf__ref_linear(l, at, "attention.self.pos_query_proj", hidden, hidden, true);
    layer->out = rf__ref_linear(l, at, "attention.output.dense", hidden, hidden, true);
    layer->attention_norm = rf__ref_norm(l, REF_NORM_LAYER, at, "attention.output.LayerNorm", hidden, m->epsilon, true);
    layer->wide = rf__ref_linear(l, at, "intermediate.dense", hidden, m->inner, true);
    layer->narrow = rf__ref_linear(l, at, "output.dense", m->inner, hidden, true);
    layer->output_norm = rf__ref_norm(l, REF_NORM_LAYER, at, "output.LayerNorm", hidden, m->epsilon, true);
}

static void load_embeddings(struct ref_loader *l, struct deberta *m, size_t n_positions)
{
    m->words = rf__ref_tensor(l, "", "embeddings.word_embeddings.weight", m->base.vocabulary, m->embedding);
    if (rf__ref_bool(l, "position_biased_input", true)) {
        m->base.n_positions = n_positions;
        m->positions = rf__ref_tensor(l, "", "embeddings.position_embeddings.weight", n_positions, m->embedding);
    }
    if (m->base.n_types > 0)
        m->types = rf__ref_tensor(l, "", "embeddings.token_type_embeddings.weight", m->base.n_types, m->embedding);
    if (m->embedding != m->base.hidden)
        m->projection = rf__ref_linear(l, "", "embeddings.embed_proj", m->embedding, m->base.hidden, false);
    m->norm = rf__ref_norm(l, REF_NORM_LAYER, "", "embeddings.LayerNorm", m->base.hidden, m->epsilon, true);
}

static void load_distances(struct ref_loader *l, struct deberta *m, size_t n_positions)
{
    m->far = positive(l, "max_relative_positions", n_positions);
    m->n_buckets = positive(l, "position_buckets", 0);
    m->span = m->n_buckets > 0 ? m->n_buckets : m->far;
    if (l->status == RF_OK && m->n_buckets > 0 && (m->n_buckets < 4 || m->far <= m->n_buckets / 2))
        rf__ref_refuse(l, RF_BAD_FORMAT, "'position_buckets' is %zu, too many or too few for distances up to %zu",
                       m->n_buckets, m->far);
    if (!rf__ref_bool(l, "relative_attention", false))
        return;
    m->distances = rf__ref_tensor(l, "", "encoder.rel_embeddings.weight", 2 * m->span, m->base.hidden);
    if (strstr(rf__ref_str(l, "norm_rel_ebd", "none"), "layer_norm") != NULL)
        m->distance_norm = rf__ref_norm(l, REF_NORM_LAYER, "", "encoder.LayerNorm", m->base.hidden, m->epsilon, true);
}

static struct ref_model *load(struct ref_loader *l)
{
    struct deberta *m = rf__ref_take(l->pool, 1, sizeof *m);
    const bool shares_keys = rf__ref_bool(l, "share_att_key", false);
    const size_t n_positions = rf__ref_size(l, "max_position_embeddings", 512, 1 << 20);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 128100, 1 << 24);
    m->base.hidden = rf__ref_size(l, "hidden_size", 1536, 1 << 16);
    m->embedding = rf__ref_size(l, "embedding_size", m->base.hidden, 1 << 16);
    m->n_layers = rf__ref_size(l, "num_hidden_layers", 24, 1 << 10);
    m->heads = rf__ref_size(l, "num_attention_heads", 24, 1 << 16);
    m->inner = rf__ref_size(l, "intermediate_size", 6144, 1 << 18);
    m->base.n_types = rf__ref_number(l, "type_vocab_size", 0, 1 << 16);
    m->epsilon = rf__ref_double(l, "layer_norm_eps", 1e-7);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    m->c2p = has_part(l, "c2p");
    m->p2c = has_part(l, "p2c");
    m->head = m->base.hidden / m->heads;
    if (positive(l, "conv_kernel_size", 0) > 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'conv_kernel_size' is set, which is not supported");
    if (l->status == RF_OK && m->base.hidden % m->heads != 0)
        rf__ref_refuse(l, RF_BAD_FORMAT, "'hidden_size', %zu, is no multiple of 'num_attention_heads', %zu",
                       m->base.hidden, m->heads);
    load_embeddings(l, m, n_positions);
    load_distances(l, m, n_positions);
    m->layers = rf__ref_take(l->pool, m->n_layers, sizeof *m->layers);
    for (size_t i = 0; i < m->n_layers && m->layers != NULL && l->status == RF_OK; i++)
        load_layer(l, m, i, shares_keys);
    return &m->base;
}

/* ---- Distances ----------------------------------------------------------------------------------------------- */

/* make_log_bucket_position(), in single precision as torch does it: at the edges of buckets the rounding decides. */
static ptrdiff_t bucket_of(const struct deberta *m, ptrdiff_t distance)
{
    const ptrdiff_t middle = (ptrdiff_t)m->n_buckets / 2, away = distance < 0 ? -distance : distance;
    ptrdiff_t bucket;

    if (m->n_buckets == 0 || away <= middle)
        return distance;
    bucket = (ptrdiff_t)ceilf(logf((float)away / (float)middle) / logf((float)(((double)m->far - 1) / (double)middle)) *
                              (float)(middle - 1)) +
             middle;
    return distance < 0 ? -bucket : bucket;
}

/* The row of `distances` for a query and a key. */
static size_t row_of(const struct deberta *m, size_t query, size_t key)
{
    const ptrdiff_t span = (ptrdiff_t)m->span, row = bucket_of(m, (ptrdiff_t)query - (ptrdiff_t)key) + span;

    return row < 0 ? 0 : row > 2 * span - 1 ? (size_t)(2 * span - 1) : (size_t)row;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

struct scratch {
    float *q, *k, *v, *context, *y; /* [n, hidden] */
    float *wide;                    /* [n, inner] */
    float *distances;               /* [2 * span, hidden], normalized */
    float *pos_q, *pos_k;           /* the same through a layer's pos_query and pos_key */
    double *scores;                 /* [n] */
};

static bool take_scratch(const struct deberta *m, const struct ref_text *text, struct scratch *s)
{
    struct ref_pool *pool = text->pool;
    const size_t n = text->n * m->base.hidden, n_distances = m->distances != NULL ? 2 * m->span * m->base.hidden : 0;

    s->q = rf__ref_take(pool, n, sizeof(float));
    s->k = rf__ref_take(pool, n, sizeof(float));
    s->v = rf__ref_take(pool, n, sizeof(float));
    s->context = rf__ref_take(pool, n, sizeof(float));
    s->y = rf__ref_take(pool, n, sizeof(float));
    s->wide = rf__ref_take(pool, text->n * m->inner, sizeof(float));
    s->distances = rf__ref_take(pool, n_distances, sizeof(float));
    s->pos_q = rf__ref_take(pool, n_distances, sizeof(float));
    s->pos_k = rf__ref_take(pool, n_distances, sizeof(float));
    s->scores = rf__ref_take(pool, text->n, sizeof(double));
    if (!pool->failed && n_distances > 0) {
        memcpy(s->distances, m->distances, n_distances * sizeof *s->distances);
        rf__ref_normalize(&m->distance_norm, s->distances, 2 * m->span);
    }
    return !pool->failed;
}

static void embed_words(const struct deberta *m, const struct ref_text *text, float *x)
{
    for (size_t t = 0; t < text->n; t++) {
        const size_t word = text->ids[t], type = text->types != NULL ? text->types[t] : 0;
        for (size_t i = 0; i < m->embedding; i++) {
            double sum = (double)m->words[word * m->embedding + i];
            if (m->positions != NULL)
                sum += (double)m->positions[t * m->embedding + i];
            if (m->types != NULL)
                sum += (double)m->types[type * m->embedding + i];
            x[t * m->embedding + i] = (float)sum;
        }
    }
}

struct pairs {
    const struct deberta *m;
    const struct scratch *s;
    double scale;
};

static double bias_by_distance(const void *arg, size_t head, size_t query, size_t key)
{
    const struct pairs *pairs = arg;
    const struct deberta *m = pairs->m;
    const size_t hidden = m->base.hidden, of_head = head * m->head, row = row_of(m, query, key) * hidden + of_head;
    double sum = 0;

    if (m->c2p)
        sum += rf__ref_dot(pairs->s->q + query * hidden + of_head, pairs->s->pos_k + row, m->head);
    if (m->p2c)
        sum += rf__ref_dot(pairs->s->k + key * hidden + of_head, pairs->s->pos_q + row, m->head);
    return sum * pairs->scale;
}

static void run_layer(const struct deberta *m, const struct layer *layer, size_t n, const struct scratch *s, float *x)
{
    const struct pairs pairs = {m, s, 1 / sqrt((double)m->head * (1 + m->c2p + m->p2c))};
    const struct ref_attention attention = {.heads = m->heads,
                                            .key_heads = m->heads,
                                            .head = m->head,
                                            .scale = pairs.scale,
                                            .bias = m->distances != NULL ? bias_by_distance : NULL,
                                            .arg = &pairs};

    rf__ref_apply(&layer->query, x, n, s->q);
    rf__ref_apply(&layer->key, x, n, s->k);
    rf__ref_apply(&layer->value, x, n, s->v);
    if (m->distances != NULL) {
        rf__ref_apply(&layer->pos_query, s->distances, 2 * m->span, s->pos_q);
        rf__ref_apply(&layer->pos_key, s->distances, 2 * m->span, s->pos_k);
    }
    rf__ref_attend(&attention, s->q, s->k, s->v, n, s->scores, s->context);
    rf__ref_apply(&layer->out, s->context, n, s->y);
    rf__ref_add(x, s->y, n * m->base.hidden);
    rf__ref_normalize(&layer->attention_norm, x, n);

    rf__ref_apply(&layer->wide, x, n, s->wide);
    rf__ref_activate(m->activation, s->wide, n * m->inner);
    rf__ref_apply(&layer->narrow, s->wide, n, s->y);
    rf__ref_add(x, s->y, n * m->base.hidden);
    rf__ref_normalize(&layer->output_norm, x, n);
}

static bool forward(const struct ref_model *model, const struct ref_text *text, float *x)
{
    const struct deberta *m = (const struct deberta *)model;
    struct scratch s;
    float *narrow;

    if (!take_scratch(m, text, &s))
        return false;
    if (m->projection.weight != NULL) {
        narrow = rf__ref_take(text->pool, text->n * m->embedding, sizeof *narrow);
        if (narrow == NULL)
            return false;
        embed_words(m, text, narrow);
        rf__ref_apply(&m->projection, narrow, text->n, x);
    } else {
        embed_words(m, text, x);
    }
    rf__ref_normalize(&m->norm, x, text->n);
    for (size_t i = 0; i < m->n_layers; i++)
        run_layer(m, &m->layers[i], text->n, &s, x);
    return true;
}

static const char *const prefixes[] = {"deberta.", NULL};

const struct ref_family rf__ref_deberta[] = {
    {"deberta-v2", prefixes, "embeddings.word_embeddings.weight", load, forward},
    {NULL, NULL, NULL, NULL, NULL},
};
