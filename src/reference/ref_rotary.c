/*
 * ref_rotary: encoders and decoders whose positions are rotations of queries and keys
 * (https://arxiv.org/abs/2104.09864) and whose units are gated: ModernBERT, NomicBERT, GTE ("new"), Qwen2, Qwen3,
 * Gemma 3.
 *
 *     x = x + after(out(attention(rotate(query(before(x))), rotate(key(before(x))), value(before(x)))))
 *     x = end(x)
 *     x = x + after(down(activation(gate(before(x))) * up(before(x))))
 *     x = end(x)
 *
 * where a model has some of the norms before, after and end. ModernBERT and Gemma have layers that look at what is near
 * alone, with rotations of their own.
 */
#include "reference/ref.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_HEAD 4096

struct view {              /* how a layer looks around */
    double theta, stretch; /* base of the frequencies; positions are divided by stretch */
    double ntk;            /* 0, or the factor of NTK scaling */
    size_t window;         /* tokens at this distance or farther are not seen; 0: all are */
};

struct half {
    struct ref_norm before, after, end;
};

struct layer {
    struct half attention, unit;
    struct ref_linear query, key, value, out, gate, up, down;
    struct ref_norm query_norm, key_norm;
    const struct view *view;
};

struct rotary {
    struct ref_model base;      /* first */
    const float *words, *types; /* [.., hidden]; types NULL: none */
    size_t n_layers, heads, key_heads, head, inner;
    enum ref_norm_kind norm_kind;
    double epsilon, score_scale, embedding_scale; /* the scales: 0: 1 / sqrt(head), none */
    bool has_norm_bias, is_causal;
    ref_activation activation;
    struct view views[2]; /* wide, near */
    struct ref_norm norm, final;
    struct layer *layers; /* [n_layers] */
};

/* ---- config.json --------------------------------------------------------------------------------------------- */

static bool is_set(yyjson_val *object, const char *key)
{
    yyjson_val *member = yyjson_obj_get(object, key);

    return member != NULL && !yyjson_is_null(member);
}

/* Base and scaling out of rope_parameters, rope_scaling, or a section of them. */
static void read_parameters(struct ref_loader *l, yyjson_val *object, struct view *view)
{
    const char *old_type = "default", *type = "default";
    double factor = 1;

    if (l->status == RF_OK)
        l->status = rf__json_get_double(&l->config, object, "rope_theta", view->theta, &view->theta, l->err);
    if (l->status == RF_OK)
        l->status = rf__json_get_str(&l->config, object, "type", "default", &old_type, l->err);
    if (l->status == RF_OK)
        l->status = rf__json_get_str(&l->config, object, "rope_type", old_type, &type, l->err);
    if (l->status == RF_OK)
        l->status = rf__json_get_double(&l->config, object, "factor", 1, &factor, l->err);
    if (l->status != RF_OK || strcmp(type, "default") == 0)
        return;
    if (strcmp(type, "linear") == 0 && factor >= 1)
        view->stretch = factor;
    else if (strcmp(type, "ntk") == 0 && factor > 1 && !is_set(object, "mixed_b"))
        view->ntk = factor;
    else
        rf__ref_refuse(l, RF_UNSUPPORTED, "rotations are scaled by '%.64s', expected 'default' or 'linear'", type);
}

static struct view read_view(struct ref_loader *l, const char *section, const char *old_key, double fallback)
{
    struct view view = {.theta = rf__ref_double(l, old_key, fallback), .stretch = 1};
    yyjson_val *parameters = yyjson_obj_get(l->config.root, "rope_parameters");
    yyjson_val *scaling = yyjson_obj_get(l->config.root, "rope_scaling");

    if (section != NULL && yyjson_is_obj(yyjson_obj_get(parameters, section)))
        parameters = yyjson_obj_get(parameters, section);
    if (yyjson_is_obj(scaling))
        read_parameters(l, scaling, &view);
    if (yyjson_is_obj(parameters))
        read_parameters(l, parameters, &view);
    if (l->status == RF_OK && !(view.theta > 1 && view.theta < 1e12))
        rf__ref_refuse(l, RF_BAD_FORMAT, "the base of the rotations is %g, expected a number above 1", view.theta);
    return view;
}

/* Whether layer_types says that layer i looks at what is near; `otherwise` where there is none. */
static bool slides(struct ref_loader *l, size_t i, bool otherwise)
{
    yyjson_val *types = yyjson_obj_get(l->config.root, "layer_types");

    return yyjson_is_arr(types) ? yyjson_equals_str(yyjson_arr_get(types, i), "sliding_attention") : otherwise;
}

static void check(struct ref_loader *l, const struct rotary *m)
{
    if (l->status != RF_OK)
        return;
    if (m->head % 2 != 0 || m->head > MAX_HEAD)
        rf__ref_refuse(l, RF_BAD_FORMAT, "a head is %zu wide, expected an even number up to %d", m->head, MAX_HEAD);
    else if (m->views[0].ntk > 0 || m->views[1].ntk > 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "rotations are scaled by 'ntk', expected 'default' or 'linear'");
    else if (m->heads % m->key_heads != 0)
        rf__ref_refuse(l, RF_BAD_FORMAT, "there are %zu heads, no multiple of the %zu heads of keys", m->heads,
                       m->key_heads);
}

/* The width of a head where it is not said. */
static void divide_heads(struct ref_loader *l, struct rotary *m)
{
    if (l->status == RF_OK && m->base.hidden % m->heads != 0)
        rf__ref_refuse(l, RF_BAD_FORMAT, "the hidden size, %zu, is no multiple of the number of heads, %zu",
                       m->base.hidden, m->heads);
    m->head = m->base.hidden / m->heads;
}

/* ---- Tensors ------------------------------------------------------------------------------------------------- */

/* What they are called; NULL: there is none. */
struct names {
    const char *words, *types, *norm, *final, *layer;
    const char *query, *key, *value, *fused; /* fused: one layer for the three */
    const char *query_norm, *key_norm, *out;
    const char *gate, *up, *fused_unit, *down;
    const char *attention_before, *attention_after, *attention_end, *unit_before, *unit_after, *unit_end;
};

/* Which of the linear layers have a bias, and which half of a fused unit is the gate. */
struct shape {
    bool attention_bias, out_bias, unit_bias, down_bias, is_gate_first, skips_first_norm;
};

static struct half load_half(struct ref_loader *l, const struct rotary *m, const char *at, const char *before,
                             const char *after, const char *end)
{
    const size_t hidden = m->base.hidden;

    return (struct half){rf__ref_norm(l, m->norm_kind, at, before, hidden, m->epsilon, m->has_norm_bias),
                         rf__ref_norm(l, m->norm_kind, at, after, hidden, m->epsilon, m->has_norm_bias),
                         rf__ref_norm(l, m->norm_kind, at, end, hidden, m->epsilon, m->has_norm_bias)};
}

static void load_attention(struct ref_loader *l, const struct rotary *m, const struct names *names,
                           const struct shape *shape, const char *at, struct layer *layer)
{
    const size_t hidden = m->base.hidden, queries = m->heads * m->head, keys = m->key_heads * m->head;

    if (names->fused != NULL) {
        struct ref_linear all = rf__ref_linear(l, at, names->fused, hidden, queries + 2 * keys, shape->attention_bias);
        layer->query = rf__ref_part(&all, 0, queries);
        layer->key = rf__ref_part(&all, queries, keys);
        layer->value = rf__ref_part(&all, queries + keys, keys);
    } else {
        layer->query = rf__ref_linear(l, at, names->query, hidden, queries, shape->attention_bias);
        layer->key = rf__ref_linear(l, at, names->key, hidden, keys, shape->attention_bias);
        layer->value = rf__ref_linear(l, at, names->value, hidden, keys, shape->attention_bias);
    }
    layer->query_norm = rf__ref_norm(l, m->norm_kind, at, names->query_norm, m->head, m->epsilon, false);
    layer->key_norm = rf__ref_norm(l, m->norm_kind, at, names->key_norm, m->head, m->epsilon, false);
    layer->out = rf__ref_linear(l, at, names->out, queries, hidden, shape->out_bias);
}

static void load_unit(struct ref_loader *l, const struct rotary *m, const struct names *names,
                      const struct shape *shape, const char *at, struct layer *layer)
{
    const size_t hidden = m->base.hidden, inner = m->inner;

    if (names->fused_unit != NULL) {
        struct ref_linear both = rf__ref_linear(l, at, names->fused_unit, hidden, 2 * inner, shape->unit_bias);
        layer->gate = rf__ref_part(&both, shape->is_gate_first ? 0 : inner, inner);
        layer->up = rf__ref_part(&both, shape->is_gate_first ? inner : 0, inner);
    } else {
        layer->gate = rf__ref_linear(l, at, names->gate, hidden, inner, shape->unit_bias);
        layer->up = rf__ref_linear(l, at, names->up, hidden, inner, shape->unit_bias);
    }
    layer->down = rf__ref_linear(l, at, names->down, inner, hidden, shape->down_bias);
}

static struct ref_model *load_tensors(struct ref_loader *l, struct rotary *m, const struct names *names,
                                      const struct shape *shape)
{
    const size_t hidden = m->base.hidden;
    char name[64];

    check(l, m);
    snprintf(name, sizeof name, "%s.weight", names->words);
    m->words = rf__ref_tensor(l, "", name, m->base.vocabulary, hidden);
    if (names->types != NULL && m->base.n_types > 0) {
        snprintf(name, sizeof name, "%s.weight", names->types);
        m->types = rf__ref_tensor(l, "", name, m->base.n_types, hidden);
    }
    m->norm = rf__ref_norm(l, m->norm_kind, "", names->norm, hidden, m->epsilon, m->has_norm_bias);
    m->final = rf__ref_norm(l, m->norm_kind, "", names->final, hidden, m->epsilon, m->has_norm_bias);
    for (size_t i = 0; i < m->n_layers && m->layers != NULL && l->status == RF_OK; i++) {
        struct layer *layer = &m->layers[i];
        const char *before = i == 0 && shape->skips_first_norm ? NULL : names->attention_before;
        char at[64];
        snprintf(at, sizeof at, "%s%zu.", names->layer, i);
        layer->attention = load_half(l, m, at, before, names->attention_after, names->attention_end);
        load_attention(l, m, names, shape, at, layer);
        layer->unit = load_half(l, m, at, names->unit_before, names->unit_after, names->unit_end);
        load_unit(l, m, names, shape, at, layer);
    }
    return &m->base;
}

/* A model with room for its layers, which look around as views[0] says. */
static struct rotary *new_model(struct ref_loader *l, size_t n_layers)
{
    struct rotary *m = rf__ref_take(l->pool, 1, sizeof *m);
    struct layer *layers = rf__ref_take(l->pool, n_layers, sizeof *layers);

    if (m == NULL || layers == NULL)
        return NULL;
    m->n_layers = n_layers;
    m->layers = layers;
    for (size_t i = 0; i < n_layers; i++)
        layers[i].view = &m->views[0];
    return m;
}

/* ---- Models -------------------------------------------------------------------------------------------------- */

static const struct names modernbert_names = {.words = "embeddings.tok_embeddings",
                                              .norm = "embeddings.norm",
                                              .final = "final_norm",
                                              .layer = "layers.",
                                              .fused = "attn.Wqkv",
                                              .out = "attn.Wo",
                                              .fused_unit = "mlp.Wi",
                                              .down = "mlp.Wo",
                                              .attention_before = "attn_norm",
                                              .unit_before = "mlp_norm"};

static struct ref_model *load_modernbert(struct ref_loader *l)
{
    struct rotary *m = new_model(l, rf__ref_size(l, "num_hidden_layers", 22, 1 << 10));
    struct shape shape = {.is_gate_first = true, .skips_first_norm = true};
    const size_t pattern = rf__ref_size(l, "global_attn_every_n_layers", 3, 1 << 10);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 50368, 1 << 24);
    m->base.hidden = rf__ref_size(l, "hidden_size", 768, 1 << 16);
    m->heads = m->key_heads = rf__ref_size(l, "num_attention_heads", 12, 1 << 16);
    m->inner = rf__ref_size(l, "intermediate_size", 1152, 1 << 18);
    m->norm_kind = REF_NORM_LAYER;
    m->epsilon = rf__ref_double(l, "norm_eps", 1e-5);
    m->has_norm_bias = rf__ref_bool(l, "norm_bias", false);
    shape.attention_bias = shape.out_bias = rf__ref_bool(l, "attention_bias", false);
    shape.unit_bias = shape.down_bias = rf__ref_bool(l, "mlp_bias", false);
    m->activation = rf__ref_activation(l, "hidden_activation", rf__ref_str(l, "hidden_activation", "gelu"));
    m->views[0] = read_view(l, "full_attention", "global_rope_theta", 160000);
    m->views[1] = read_view(l, "sliding_attention", "local_rope_theta", 10000);
    m->views[1].window = rf__ref_size(l, "local_attention", 128, 1 << 20) / 2 + 1;
    for (size_t i = 0; i < m->n_layers; i++)
        m->layers[i].view = &m->views[slides(l, i, i % pattern != 0)];
    divide_heads(l, m);
    return load_tensors(l, m, &modernbert_names, &shape);
}

/* NomicBERT's own code, that of GTE, and both in transformers 5. */
static const struct names nomic_names = {.words = "embeddings.word_embeddings",
                                         .types = "embeddings.token_type_embeddings",
                                         .norm = "emb_ln",
                                         .layer = "encoder.layers.",
                                         .fused = "attn.Wqkv",
                                         .out = "attn.out_proj",
                                         .gate = "mlp.fc12",
                                         .up = "mlp.fc11",
                                         .down = "mlp.fc2",
                                         .attention_end = "norm1",
                                         .unit_end = "norm2"};
static const struct names gte_names = {.words = "embeddings.word_embeddings",
                                       .types = "embeddings.token_type_embeddings",
                                       .norm = "embeddings.LayerNorm",
                                       .layer = "encoder.layer.",
                                       .fused = "attention.qkv_proj",
                                       .out = "attention.o_proj",
                                       .fused_unit = "mlp.up_gate_proj",
                                       .down = "mlp.down_proj",
                                       .attention_end = "attn_ln",
                                       .unit_end = "mlp_ln"};
static const struct names new_names = {.words = "embeddings.word_embeddings",
                                       .types = "embeddings.token_type_embeddings",
                                       .norm = "embeddings.LayerNorm",
                                       .layer = "layers.",
                                       .query = "self_attn.q_proj",
                                       .key = "self_attn.k_proj",
                                       .value = "self_attn.v_proj",
                                       .out = "self_attn.o_proj",
                                       .gate = "mlp.gate_proj",
                                       .up = "mlp.up_proj",
                                       .down = "mlp.down_proj",
                                       .attention_end = "post_attention_layernorm",
                                       .unit_end = "post_mlp_layernorm"};

static bool has_new_names(struct ref_loader *l)
{
    return rf__ref_has(l, "layers.0.self_attn.q_proj.weight");
}

/* NomicBERT's own config.json has GPT-2's names. */
static const char *key_of(struct ref_loader *l, const char *key, const char *old_key)
{
    return yyjson_obj_get(l->config.root, key) != NULL ? key : old_key;
}

static void expect_false(struct ref_loader *l, const char *key)
{
    if (rf__ref_bool(l, key, false))
        rf__ref_refuse(l, RF_UNSUPPORTED, "'%s' is true, which is not supported", key);
}

static struct ref_model *load_nomic(struct ref_loader *l)
{
    struct rotary *m = new_model(l, rf__ref_size(l, key_of(l, "num_hidden_layers", "n_layer"), 12, 1 << 10));
    const struct shape shape = {0};

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 30528, 1 << 24);
    m->base.n_types = rf__ref_size(l, "type_vocab_size", 2, 1 << 16);
    m->base.hidden = rf__ref_size(l, key_of(l, "hidden_size", "n_embd"), 768, 1 << 16);
    m->heads = m->key_heads = rf__ref_size(l, key_of(l, "num_attention_heads", "n_head"), 12, 1 << 16);
    m->inner = rf__ref_size(l, key_of(l, "intermediate_size", "n_inner"), 3072, 1 << 18);
    m->norm_kind = REF_NORM_LAYER;
    m->has_norm_bias = true;
    m->epsilon = rf__ref_double(l, key_of(l, "layer_norm_eps", "layer_norm_epsilon"), 1e-12);
    m->views[0] = read_view(l, NULL, "rotary_emb_base", 1000);
    expect_false(l, "prenorm");
    expect_false(l, "qkv_proj_bias");
    expect_false(l, "mlp_fc1_bias");
    expect_false(l, "mlp_fc2_bias");
    expect_false(l, "rotary_emb_interleaved");
    expect_false(l, "use_rms_norm");
    if (rf__ref_double(l, "rotary_emb_fraction", 1) < 1 || rf__ref_number(l, "moe_every_n_layers", 0, 1 << 10) != 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'rotary_emb_fraction' or 'moe_every_n_layers' is set; not supported");
    if (strcmp(rf__ref_str(l, "activation_function", "swiglu"), "swiglu") != 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'activation_function' is '%.64s', expected 'swiglu'",
                       rf__ref_str(l, "activation_function", "swiglu"));
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "silu"));
    divide_heads(l, m);
    return load_tensors(l, m, has_new_names(l) ? &new_names : &nomic_names, &shape);
}

static struct ref_model *load_gte(struct ref_loader *l)
{
    struct rotary *m = new_model(l, rf__ref_size(l, "num_hidden_layers", 12, 1 << 10));
    const struct shape shape = {.attention_bias = true, .out_bias = true, .down_bias = true};

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 250048, 1 << 24);
    m->base.n_types = rf__ref_number(l, "type_vocab_size", 1, 1 << 16);
    m->base.hidden = rf__ref_size(l, "hidden_size", 768, 1 << 16);
    m->heads = m->key_heads = rf__ref_size(l, "num_attention_heads", 12, 1 << 16);
    m->inner = rf__ref_size(l, "intermediate_size", 3072, 1 << 18);
    m->norm_kind = REF_NORM_LAYER;
    m->has_norm_bias = true;
    m->epsilon = rf__ref_double(l, "layer_norm_eps", 1e-12);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "gelu"));
    m->views[0] = read_view(l, NULL, "rope_theta", 160000);
    expect_false(l, "logn_attention_scale");
    divide_heads(l, m);
    if (m->views[0].ntk > 0) {
        m->views[0].theta *= m->views[0].ntk;
        m->views[0].stretch = pow(m->views[0].ntk, 2 / (double)m->head);
        m->views[0].ntk = 0;
    }
    return load_tensors(l, m, has_new_names(l) ? &new_names : &gte_names, &shape);
}

static const struct names qwen_names = {.words = "embed_tokens",
                                        .final = "norm",
                                        .layer = "layers.",
                                        .query = "self_attn.q_proj",
                                        .key = "self_attn.k_proj",
                                        .value = "self_attn.v_proj",
                                        .out = "self_attn.o_proj",
                                        .gate = "mlp.gate_proj",
                                        .up = "mlp.up_proj",
                                        .down = "mlp.down_proj",
                                        .attention_before = "input_layernorm",
                                        .unit_before = "post_attention_layernorm"};

/* Both versions of Qwen: the second has biases, the third norms of heads. */
static struct ref_model *load_qwen(struct ref_loader *l, bool is_3)
{
    struct rotary *m = new_model(l, rf__ref_size(l, "num_hidden_layers", 32, 1 << 10));
    struct names names = qwen_names;
    struct shape shape = {.attention_bias = !is_3};
    const size_t first_near = rf__ref_number(l, "max_window_layers", 28, 1 << 20);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 151936, 1 << 24);
    m->base.hidden = rf__ref_size(l, "hidden_size", 4096, 1 << 16);
    m->heads = rf__ref_size(l, "num_attention_heads", 32, 1 << 16);
    m->key_heads = rf__ref_size(l, "num_key_value_heads", 32, 1 << 16);
    m->inner = rf__ref_size(l, "intermediate_size", 22016, 1 << 18);
    m->norm_kind = REF_NORM_RMS;
    m->is_causal = rf__ref_bool(l, "is_causal", true);
    m->epsilon = rf__ref_double(l, "rms_norm_eps", 1e-6);
    m->activation = rf__ref_activation(l, "hidden_act", rf__ref_str(l, "hidden_act", "silu"));
    m->views[0] = m->views[1] = read_view(l, NULL, "rope_theta", 10000);
    if (rf__ref_bool(l, "use_sliding_window", false)) {
        m->views[1].window = rf__ref_size(l, "sliding_window", 4096, 1 << 24);
        for (size_t i = 0; i < m->n_layers; i++)
            m->layers[i].view = &m->views[slides(l, i, i >= first_near)];
        if (!m->is_causal)
            rf__ref_refuse(l, RF_UNSUPPORTED, "'is_causal' is false and 'use_sliding_window' true; not supported");
    }
    if (is_3) {
        names.query_norm = "self_attn.q_norm";
        names.key_norm = "self_attn.k_norm";
        shape.attention_bias = shape.out_bias = rf__ref_bool(l, "attention_bias", false);
        m->head = rf__ref_size(l, "head_dim", 128, 1 << 12);
    } else {
        divide_heads(l, m);
    }
    return load_tensors(l, m, &names, &shape);
}

static struct ref_model *load_qwen2(struct ref_loader *l)
{
    return load_qwen(l, false);
}

static struct ref_model *load_qwen3(struct ref_loader *l)
{
    return load_qwen(l, true);
}

static const struct names gemma_names = {.words = "embed_tokens",
                                         .final = "norm",
                                         .layer = "layers.",
                                         .query = "self_attn.q_proj",
                                         .key = "self_attn.k_proj",
                                         .value = "self_attn.v_proj",
                                         .query_norm = "self_attn.q_norm",
                                         .key_norm = "self_attn.k_norm",
                                         .out = "self_attn.o_proj",
                                         .gate = "mlp.gate_proj",
                                         .up = "mlp.up_proj",
                                         .down = "mlp.down_proj",
                                         .attention_before = "input_layernorm",
                                         .attention_after = "post_attention_layernorm",
                                         .unit_before = "pre_feedforward_layernorm",
                                         .unit_after = "post_feedforward_layernorm"};

static struct ref_model *load_gemma(struct ref_loader *l)
{
    struct rotary *m = new_model(l, rf__ref_size(l, "num_hidden_layers", 26, 1 << 10));
    struct shape shape = {0};
    const size_t pattern = rf__ref_size(l, "sliding_window_pattern", 6, 1 << 10);
    const double scalar = rf__ref_double(l, "query_pre_attn_scalar", 256);

    if (m == NULL)
        return NULL;
    m->base.vocabulary = rf__ref_size(l, "vocab_size", 262208, 1 << 24);
    m->base.hidden = rf__ref_size(l, "hidden_size", 2304, 1 << 16);
    m->heads = rf__ref_size(l, "num_attention_heads", 8, 1 << 16);
    m->key_heads = rf__ref_size(l, "num_key_value_heads", 4, 1 << 16);
    m->head = rf__ref_size(l, "head_dim", 256, 1 << 12);
    m->inner = rf__ref_size(l, "intermediate_size", 9216, 1 << 18);
    m->norm_kind = REF_NORM_RMS_PLUS_1;
    m->epsilon = rf__ref_double(l, "rms_norm_eps", 1e-6);
    m->activation =
        rf__ref_activation(l, "hidden_activation", rf__ref_str(l, "hidden_activation", "gelu_pytorch_tanh"));
    shape.attention_bias = shape.out_bias = rf__ref_bool(l, "attention_bias", false);
    m->is_causal = !rf__ref_bool(l, "use_bidirectional_attention", false);
    m->views[0] = read_view(l, "full_attention", "rope_theta", 1000000);
    m->views[1] = read_view(l, "sliding_attention", "rope_local_base_freq", 10000);
    m->views[1].window = rf__ref_size(l, "sliding_window", 4096, 1 << 24);
    if (!m->is_causal)
        m->views[1].window = m->views[1].window / 2 + 1;
    for (size_t i = 0; i < m->n_layers; i++)
        m->layers[i].view = &m->views[slides(l, i, (i + 1) % pattern != 0)];
    if (l->status == RF_OK && !(scalar > 0))
        rf__ref_refuse(l, RF_BAD_FORMAT, "'query_pre_attn_scalar' is %g, expected a number above 0", scalar);
    if (rf__ref_double(l, "attn_logit_softcapping", 0) > 0)
        rf__ref_refuse(l, RF_UNSUPPORTED, "'attn_logit_softcapping' is set, which is not supported");
    m->score_scale = 1 / sqrt(scalar);
    m->embedding_scale = sqrt((double)m->base.hidden);
    return load_tensors(l, m, &gemma_names, &shape);
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

/* x [n, heads * head]: numbers i and i + head / 2 of a head turn by position / theta^(2 i / head). Angles are rounded
 * to single precision where torch does it. */
static void rotate(const struct view *view, size_t heads, size_t head, float *x, size_t n)
{
    const size_t half = head / 2;

    for (size_t i = 0; i < half; i++) {
        const double exponent = (double)((float)(2 * i) / (float)head);
        const float frequency = (float)(1 / (double)(float)pow(view->theta, exponent)) / (float)view->stretch;
        for (size_t t = 0; t < n; t++) {
            const double angle = (double)((float)t * frequency), c = cos(angle), s = sin(angle);
            for (size_t h = 0; h < heads; h++) {
                float *at = x + (t * heads + h) * head + i;
                const double a = (double)at[0], b = (double)at[half];
                at[0] = (float)(a * c - b * s);
                at[half] = (float)(b * c + a * s);
            }
        }
    }
}

struct scratch {
    float *y;           /* [n, hidden] */
    float *q, *context; /* [n, heads * head] */
    float *k, *v;       /* [n, key_heads * head] */
    float *gate, *up;   /* [n, inner] */
    double *scores;     /* [n] */
};

static bool take_scratch(const struct rotary *m, const struct ref_text *text, struct scratch *s)
{
    const size_t n = text->n, queries = n * m->heads * m->head, keys = n * m->key_heads * m->head;

    s->y = rf__ref_take(text->pool, n * m->base.hidden, sizeof(float));
    s->q = rf__ref_take(text->pool, queries, sizeof(float));
    s->context = rf__ref_take(text->pool, queries, sizeof(float));
    s->k = rf__ref_take(text->pool, keys, sizeof(float));
    s->v = rf__ref_take(text->pool, keys, sizeof(float));
    s->gate = rf__ref_take(text->pool, n * m->inner, sizeof(float));
    s->up = rf__ref_take(text->pool, n * m->inner, sizeof(float));
    s->scores = rf__ref_take(text->pool, n, sizeof(double));
    return !text->pool->failed;
}

static void attend(const struct rotary *m, const struct layer *layer, size_t n, const struct scratch *s)
{
    const struct ref_attention attention = {.heads = m->heads,
                                            .key_heads = m->key_heads,
                                            .head = m->head,
                                            .scale = m->score_scale > 0 ? m->score_scale : 1 / sqrt((double)m->head),
                                            .is_causal = m->is_causal,
                                            .window = layer->view->window};

    rf__ref_apply(&layer->query, s->y, n, s->q);
    rf__ref_apply(&layer->key, s->y, n, s->k);
    rf__ref_apply(&layer->value, s->y, n, s->v);
    rf__ref_normalize(&layer->query_norm, s->q, n * m->heads);
    rf__ref_normalize(&layer->key_norm, s->k, n * m->key_heads);
    rotate(layer->view, m->heads, m->head, s->q, n);
    rotate(layer->view, m->key_heads, m->head, s->k, n);
    rf__ref_attend(&attention, s->q, s->k, s->v, n, s->scores, s->context);
    rf__ref_apply(&layer->out, s->context, n, s->y);
}

static void run_unit(const struct rotary *m, const struct layer *layer, size_t n, const struct scratch *s)
{
    rf__ref_apply(&layer->gate, s->y, n, s->gate);
    rf__ref_apply(&layer->up, s->y, n, s->up);
    rf__ref_activate(m->activation, s->gate, n * m->inner);
    for (size_t i = 0; i < n * m->inner; i++)
        s->gate[i] *= s->up[i];
    rf__ref_apply(&layer->down, s->gate, n, s->y);
}

static void run_layer(const struct rotary *m, const struct layer *layer, size_t n, const struct scratch *s, float *x)
{
    const size_t size = n * m->base.hidden;

    memcpy(s->y, x, size * sizeof *x);
    rf__ref_normalize(&layer->attention.before, s->y, n);
    attend(m, layer, n, s);
    rf__ref_normalize(&layer->attention.after, s->y, n);
    rf__ref_add(x, s->y, size);
    rf__ref_normalize(&layer->attention.end, x, n);

    memcpy(s->y, x, size * sizeof *x);
    rf__ref_normalize(&layer->unit.before, s->y, n);
    run_unit(m, layer, n, s);
    rf__ref_normalize(&layer->unit.after, s->y, n);
    rf__ref_add(x, s->y, size);
    rf__ref_normalize(&layer->unit.end, x, n);
}

static bool forward(const struct ref_model *model, const struct ref_text *text, float *x)
{
    const struct rotary *m = (const struct rotary *)model;
    const float scale = m->embedding_scale > 0 ? (float)m->embedding_scale : 1;
    struct scratch s;

    if (!take_scratch(m, text, &s))
        return false;
    for (size_t t = 0; t < text->n; t++) {
        const size_t word = text->ids[t], type = text->types != NULL ? text->types[t] : 0, hidden = model->hidden;
        for (size_t i = 0; i < hidden; i++)
            x[t * hidden + i] =
                (m->words[word * hidden + i] + (m->types != NULL ? m->types[type * hidden + i] : 0)) * scale;
    }
    rf__ref_normalize(&m->norm, x, text->n);
    for (size_t i = 0; i < m->n_layers; i++)
        run_layer(m, &m->layers[i], text->n, &s, x);
    rf__ref_normalize(&m->final, x, text->n);
    return true;
}

#define FIRST "embeddings.word_embeddings.weight"

static const char *const plain_prefixes[] = {NULL};
static const char *const nomic_prefixes[] = {"bert.", "nomic_bert.", NULL};
static const char *const gte_prefixes[] = {"new.", "gte.", NULL};

const struct ref_family rf__ref_rotary[] = {
    {"modernbert", plain_prefixes, "embeddings.tok_embeddings.weight", load_modernbert, forward},
    {"nomic_bert", nomic_prefixes, FIRST, load_nomic, forward},
    {"gte", gte_prefixes, FIRST, load_gte, forward},
    {"new", gte_prefixes, FIRST, load_gte, forward},
    {"qwen2", plain_prefixes, "embed_tokens.weight", load_qwen2, forward},
    {"qwen3", plain_prefixes, "embed_tokens.weight", load_qwen3, forward},
    {"gemma3_text", plain_prefixes, "embed_tokens.weight", load_gemma, forward},
    {NULL, NULL, NULL, NULL, NULL},
};
