/*
 * arch_nomic: NomicBertModel (transformers' nomic_bert/modeling_nomic_bert.py, and the code of nomic-ai/nomic-bert-2048
 * that it took over), and GteModel (gte/modeling_gte.py, Alibaba-NLP/new-impl): BERT with rotations and gated units.
 * Files have the names of the older code, or those of transformers 5.
 */
#include "onnx/arch_kinds.h"
#include "onnx/rotary.h"

#include <string.h>

static const struct rotary_names nomic_names = {
    .words = "embeddings.word_embeddings",
    .types = "embeddings.token_type_embeddings",
    .norm = "emb_ln",
    .layer = "encoder.layers.",
    .fused_attention = "attn.Wqkv",
    .out = "attn.out_proj",
    .gate = "mlp.fc12",
    .up = "mlp.fc11",
    .down = "mlp.fc2",
    .attention = {.end = "norm1"},
    .unit = {.end = "norm2"},
};

static const struct rotary_names gte_names = {
    .words = "embeddings.word_embeddings",
    .types = "embeddings.token_type_embeddings",
    .norm = "embeddings.LayerNorm",
    .layer = "encoder.layer.",
    .fused_attention = "attention.qkv_proj",
    .out = "attention.o_proj",
    .fused_unit = "mlp.up_gate_proj",
    .down = "mlp.down_proj",
    .attention = {.end = "attn_ln"},
    .unit = {.end = "mlp_ln"},
};

/* Both in transformers 5. */
static const struct rotary_names new_names = {
    .words = "embeddings.word_embeddings",
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
    .attention = {.end = "post_attention_layernorm"},
    .unit = {.end = "post_mlp_layernorm"},
};

static bool has_new_names(struct arch *arch)
{
    return rf__arch_has(arch, "layers.0.self_attn.q_proj.weight");
}

/* A number that older files have under GPT-2's name. */
static struct arch_size size_of(struct arch *arch, const char *key, const char *old_key, uint64_t fallback,
                                uint64_t max)
{
    const char *found = yyjson_obj_get(arch->config->root, key) != NULL ? key : old_key;

    return rf__arch_size(arch, found, fallback, max);
}

static void expect(struct arch *arch, const char *key, bool fallback, bool expected)
{
    if (rf__arch_bool(arch, key, fallback) != expected)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'%s' is %s, which is not supported", key, expected ? "false" : "true");
}

/* The defaults are those of NomicBertConfig. */
static void build_nomic(struct arch *arch)
{
    struct rotary model = {.names = has_new_names(arch) ? &new_names : &nomic_names, .norm = NORM_LAYER};
    const char *activation;

    model.has_norm_bias = true;
    model.vocabulary = rf__arch_size(arch, "vocab_size", 30528, 1 << 24);
    model.hidden = size_of(arch, "hidden_size", "n_embd", 768, 1 << 16);
    model.layers = size_of(arch, "num_hidden_layers", "n_layer", 12, 1 << 10);
    model.heads = model.key_heads = size_of(arch, "num_attention_heads", "n_head", 12, 1 << 16);
    model.inner = size_of(arch, "intermediate_size", "n_inner", 3072, 1 << 18);
    model.n_types = rf__arch_size(arch, "type_vocab_size", 2, 1 << 16);
    model.epsilon = rf__arch_double(
        arch, yyjson_obj_get(arch->config->root, "layer_norm_eps") != NULL ? "layer_norm_eps" : "layer_norm_epsilon",
        1e-12);
    model.views[0] = rf__rotary_view(arch, NULL, "rotary_emb_base", 1000);
    expect(arch, "prenorm", false, false);
    expect(arch, "qkv_proj_bias", false, false);
    expect(arch, "mlp_fc1_bias", false, false);
    expect(arch, "mlp_fc2_bias", false, false);
    expect(arch, "rotary_emb_interleaved", false, false);
    expect(arch, "use_rms_norm", false, false);
    if (rf__arch_double(arch, "rotary_emb_fraction", 1) != 1 ||
        rf__arch_number(arch, "moe_every_n_layers", 0, 1 << 10) != 0 ||
        rf__arch_double(arch, "rotary_scaling_factor", 0) != 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED,
                        "'rotary_emb_fraction', 'moe_every_n_layers' or 'rotary_scaling_factor' is set; not supported");
    activation = rf__arch_str(arch, "activation_function", "swiglu");
    if (strcmp(activation, "swiglu") == 0)
        model.activation = rf__activation_read(arch, "hidden_act", "silu");
    else
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'activation_function' is '%.64s', expected 'swiglu'", activation);
    rf__arch_heads(arch, &model.hidden, &model.heads, &model.head);
    rf__rotary_build(arch, &model);
}

static void expect_word(struct arch *arch, const char *key, const char *expected)
{
    const char *found = rf__arch_str(arch, key, expected);

    if (rf__graph_status(arch->graph) == RF_OK && strcmp(found, expected) != 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'%s' is '%.64s', expected '%s'", key, found, expected);
}

/* The defaults are those of GteConfig; what new-impl's NewConfig has beyond it is checked. */
static void build_gte(struct arch *arch)
{
    struct rotary model = {.norm = NORM_LAYER, .knows_ntk = true};
    struct rotary_names names = has_new_names(arch) ? new_names : gte_names;
    const uint64_t n_types = rf__arch_number(arch, "type_vocab_size", 1, 1 << 16);

    model.names = &names;
    model.has_norm_bias = model.has_attention_bias = model.has_out_bias = model.has_down_bias = true;
    model.vocabulary = rf__arch_size(arch, "vocab_size", 250048, 1 << 24);
    model.hidden = rf__arch_size(arch, "hidden_size", 768, 1 << 16);
    model.layers = rf__arch_size(arch, "num_hidden_layers", 12, 1 << 10);
    model.heads = model.key_heads = rf__arch_size(arch, "num_attention_heads", 12, 1 << 16);
    model.inner = rf__arch_size(arch, "intermediate_size", 3072, 1 << 18);
    model.epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-12);
    model.activation = rf__activation_read(arch, "hidden_act", "gelu");
    model.views[0] = rf__rotary_view(arch, NULL, "rope_theta", 160000);
    expect_word(arch, "position_embedding_type", "rope");
    expect_word(arch, "layer_norm_type", "layer_norm");
    expect(arch, "logn_attention_scale", false, false);
    if (n_types > 0)
        model.n_types = (struct arch_size){n_types, "type_vocab_size"};
    else
        names.types = NULL;
    rf__arch_heads(arch, &model.hidden, &model.heads, &model.head);
    rf__rotary_build(arch, &model);
}

#define FIRST "embeddings.word_embeddings.weight"

static const char *const nomic_prefixes[] = {"bert.", "nomic_bert.", NULL};
const struct arch_kind rf__arch_nomic_bert = {"nomic_bert", nomic_prefixes, FIRST, build_nomic, true};

static const char *const gte_prefixes[] = {"new.", "gte.", NULL};
const struct arch_kind rf__arch_gte = {"gte", gte_prefixes, FIRST, build_gte, true};
const struct arch_kind rf__arch_new = {"new", gte_prefixes, FIRST, build_gte, true};
