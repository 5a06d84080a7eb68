/*
 * ref_t5: the encoder of T5 and mT5 (https://arxiv.org/abs/1910.10683): norms by root mean square in front of each half
 * of a layer, no biases, scores that are not scaled, and a bias by distance, which the first layer has for all.
 *
 *     x = x + o(attention(q(norm(x)), k(norm(x)), v(norm(x))))
 *     x = x + wo(activation(wi(norm(x))))                       or wo(activation(wi_0(norm(x))) * wi_1(norm(x)))
 */
#include "reference/ref.h"

#include <stdio.h>
#include <string.h>

struct layer {
    struct ref_norm attention_norm, unit_norm;
    struct ref_linear q, k, v, o, wide, up, narrow; /* up: where it is gated */
};

struct t5 {
    struct ref_model base;     /* first */
    const float *words, *bias; /* [vocabulary, hidden], [n_buckets, heads] */
    size_t n_layers, heads, head, inner, n_buckets, far;
    bool is_gated;
    ref_activation activation;
    struct ref_norm norm;
    struct layer *layers; /* [n_layers] */
};

/* ---- Loading ------------------------------------------------------------------------------------------------- */

/* "relu", or "gated-gelu", whose gelu is the one with tanh. */
static void read_unit(struct ref_loader *l, struct t5 *m, const char *fallback)
{
    const char *name = rf__ref_str(l, "feed_forward_proj", fallback);

    m->is_gated = strncmp(name, "gated-", 6) == 0;
    if (m->is_gated)
        name += 6;
    if (m->is_gated && strcmp(name, "gelu") == 0)
        name = "gelu_new";
    m->activation = rf__ref_activation(l, "feed_forward_proj", name);
}

static void load_layer(struct ref_loader *l, struct t5 *m, size_t i, double epsilon)
{
    const size_t hidden = m->base.hidden, width = m->heads * m->head;
    struct layer *layer = &m->layers[i];
    char at[64];

    snprintf(at, sizeof at, "encoder.block.%zu.layer.0.", i);
    layer->attention_norm = rf__ref_norm(l, REF_NORM_RMS, at, "layer_norm", hidden, epsilon, false);
    layer->q = rf__ref_linear(l, at, "SelfAttention.q", hidden, width, false);
    layer->k = rf__ref_linear(l, at, "SelfAttention.k", hidden, width, false);
    layer->v = rf__ref_linear(l, at, "SelfAttention.v", hidden, width, false);
    layer->o = rf__ref_linear(l, at, "SelfAttention.o", width, hidden, false);
    snprintf(at, sizeof at, "encoder.block.%zu.layer.1.", i);
    layer->unit_norm = rf__ref_norm(l, REF_NORM_RMS, at, "layer_norm", hidden, epsilon, false);
    layer->wide =
        rf__ref_linear(l, at, m->is_gated ? "DenseReluDense.wi_0" : "DenseReluDense.wi", hidden, m->inner, false);
    if (m->is_gated)
        layer->up = rf__ref_linear(l, at, "DenseReluDense.wi_1", hidden, m->inner, false);
    layer->narrow = rf__ref_linear(l, at, "DenseReluDense.wo", m->inner, hidden, false);
}

static struct ref_model *load(struct ref_loader *l, bool is_mt5)
{
    struct t5 *m = rf__ref_take(l->pool, 1, sizeof *m);
    const double epsilon = rf__ref_double(l, "layer_norm_epsilon", 1e-6);
    const char *words = rf__ref_has(l, "shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", is_mt5 ? 250112 : 32128, 1 << 24);
    m->base.hidden = rf__ref_size(l, "d_model", 512, 1 << 16);
    m->n_layers = rf__ref_size(l, "num_layers", is_mt5 ? 8 : 6, 1 << 10);
    m->heads = rf__ref_size(l, "num_heads", is_mt5 ? 6 : 8, 1 << 10);
    m->head = rf__ref_size(l, "d_kv", 64, 1 << 12);
    m->inner = rf__ref_size(l, "d_ff", is_mt5 ? 1024 : 2048, 1 << 18);
    m->n_buckets = rf__ref_size(l, "relative_attention_num_buckets", 32, 1 << 10);
    m->far = rf__ref_size(l, "relative_attention_max_distance", 128, 1 << 16);
    if (l->status == RF_OK && (m->n_buckets < 4 || m->far <= m->n_buckets / 4))
        rf__ref_refuse(l, RF_BAD_FORMAT, "%zu buckets leave no room for distances up to %zu", m->n_buckets, m->far);
    read_unit(l, m, is_mt5 ? "gated-gelu" : "relu");
    m->words = rf__ref_tensor(l, "", words, m->base.vocabulary, m->base.hidden);
    m->bias = rf__ref_tensor(l, "", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                             m->n_buckets, m->heads);
    m->norm = rf__ref_norm(l, REF_NORM_RMS, "", "encoder.final_layer_norm", m->base.hidden, epsilon, false);
    m->layers = rf__ref_take(l->pool, m->n_layers, sizeof *m->layers);
    for (size_t i = 0; i < m->n_layers && m->layers != NULL && l->status == RF_OK; i++)
        load_layer(l, m, i, epsilon);
    return &m->base;
}

static struct ref_model *load_t5(struct ref_loader *l)
{
    return load(l, false);
}

static struct ref_model *load_mt5(struct ref_loader *l)
{
    return load(l, true);
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

static double bias_by_bucket(const void *arg, size_t head, size_t query, size_t key)
{
    const struct t5 *m = arg;
    const ptrdiff_t distance = (ptrdiff_t)key - (ptrdiff_t)query;

    return (double)m->bias[rf__ref_bucket(distance, m->n_buckets, m->far) * m->heads + head];
}

struct scratch {
    float *y;                   /* [n, hidden] */
    float *q, *k, *v, *context; /* [n, heads * head] */
    float *wide, *up;           /* [n, inner] */
    double *scores;             /* [n] */
};

static bool take_scratch(const struct t5 *m, const struct ref_text *text, struct scratch *s)
{
    const size_t n = text->n, width = n * m->heads * m->head;

    s->y = rf__ref_take(text->pool, n * m->base.hidden, sizeof(float));
    s->q = rf__ref_take(text->pool, width, sizeof(float));
    s->k = rf__ref_take(text->pool, width, sizeof(float));
    s->v = rf__ref_take(text->pool, width, sizeof(float));
    s->context = rf__ref_take(text->pool, width, sizeof(float));
    s->wide = rf__ref_take(text->pool, n * m->inner, sizeof(float));
    s->up = rf__ref_take(text->pool, n * m->inner, sizeof(float));
    s->scores = rf__ref_take(text->pool, n, sizeof(double));
    return !text->pool->failed;
}

static void run_layer(const struct t5 *m, const struct layer *layer, size_t n, const struct scratch *s, float *x)
{
    const size_t hidden = m->base.hidden;
    const struct ref_attention attention = {
        .heads = m->heads, .key_heads = m->heads, .head = m->head, .scale = 1, .bias = bias_by_bucket, .arg = m};

    memcpy(s->y, x, n * hidden * sizeof *x);
    rf__ref_normalize(&layer->attention_norm, s->y, n);
    rf__ref_apply(&layer->q, s->y, n, s->q);
    rf__ref_apply(&layer->k, s->y, n, s->k);
    rf__ref_apply(&layer->v, s->y, n, s->v);
    rf__ref_attend(&attention, s->q, s->k, s->v, n, s->scores, s->context);
    rf__ref_apply(&layer->o, s->context, n, s->y);
    rf__ref_add(x, s->y, n * hidden);

    memcpy(s->y, x, n * hidden * sizeof *x);
    rf__ref_normalize(&layer->unit_norm, s->y, n);
    rf__ref_apply(&layer->wide, s->y, n, s->wide);
    rf__ref_activate(m->activation, s->wide, n * m->inner);
    if (m->is_gated) {
        rf__ref_apply(&layer->up, s->y, n, s->up);
        for (size_t i = 0; i < n * m->inner; i++)
            s->wide[i] *= s->up[i];
    }
    rf__ref_apply(&layer->narrow, s->wide, n, s->y);
    rf__ref_add(x, s->y, n * hidden);
}

static bool forward(const struct ref_model *model, const struct ref_text *text, float *x)
{
    const struct t5 *m = (const struct t5 *)model;
    const size_t hidden = model->hidden;
    struct scratch s;

    if (!take_scratch(m, text, &s))
        return false;
    for (size_t t = 0; t < text->n; t++)
        memcpy(x + t * hidden, m->words + text->ids[t] * hidden, hidden * sizeof *x);
    for (size_t i = 0; i < m->n_layers; i++)
        run_layer(m, &m->layers[i], text->n, &s, x);
    rf__ref_normalize(&m->norm, x, text->n);
    return true;
}

#define FIRST "encoder.final_layer_norm.weight"

static const char *const prefixes[] = {"transformer.", NULL};

const struct ref_family rf__ref_t5[] = {
    {"t5", prefixes, FIRST, load_t5, forward},
    {"mt5", prefixes, FIRST, load_mt5, forward},
    {NULL, NULL, NULL, NULL, NULL},
};
