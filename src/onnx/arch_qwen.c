/*
 * arch_qwen: Qwen2Model and Qwen3Model of transformers (qwen2/modeling_qwen2.py, qwen3/modeling_qwen3.py), decoders
 * that give embeddings by their last token. Qwen2 has biases, Qwen3 norms of heads. Where 'is_causal' is false
 * (gte-Qwen2), tokens see those behind them too.
 */
#include "onnx/arch_kinds.h"
#include "onnx/rotary.h"

static const struct rotary_names qwen2_names = {
    .words = "embed_tokens",
    .final = "norm",
    .layer = "layers.",
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .out = "self_attn.o_proj",
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .down = "mlp.down_proj",
    .attention = {.before = "input_layernorm"},
    .unit = {.before = "post_attention_layernorm"},
};

static unsigned view_of(const struct rotary *model, uint64_t n)
{
    return model->views[1].window > 0 && rf__rotary_slides(model, n, n >= model->pattern);
}

/* The defaults are those of Qwen2Config and Qwen3Config. */
static void read_config(struct arch *arch, struct rotary *model)
{
    model->norm = NORM_RMS;
    model->is_causal = rf__arch_bool(arch, "is_causal", true);
    model->view_of = view_of;
    model->vocabulary = rf__arch_size(arch, "vocab_size", 151936, 1 << 24);
    model->hidden = rf__arch_size(arch, "hidden_size", 4096, 1 << 16);
    model->layers = rf__arch_size(arch, "num_hidden_layers", 32, 1 << 10);
    model->heads = rf__arch_size(arch, "num_attention_heads", 32, 1 << 16);
    model->key_heads = rf__arch_size(arch, "num_key_value_heads", 32, 1 << 16);
    model->inner = rf__arch_size(arch, "intermediate_size", 22016, 1 << 18);
    model->epsilon = rf__arch_double(arch, "rms_norm_eps", 1e-6);
    model->activation = rf__activation_read(arch, "hidden_act", "silu");
    model->layer_types = rf__rotary_layer_types(arch, model->layers.n);
    model->pattern = rf__arch_number(arch, "max_window_layers", 28, 1 << 20);
    model->views[0] = model->views[1] = rf__rotary_view(arch, NULL, "rope_theta", 10000);
    if (!rf__arch_bool(arch, "use_sliding_window", false))
        return;
    model->views[1].window = rf__arch_size(arch, "sliding_window", 4096, 1 << 24).n;
    if (!model->is_causal)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'is_causal' is false and 'use_sliding_window' true; not supported");
}

static void build_qwen2(struct arch *arch)
{
    struct rotary model = {.names = &qwen2_names, .has_attention_bias = true};

    read_config(arch, &model);
    rf__arch_heads(arch, &model.hidden, &model.heads, &model.head);
    rf__rotary_build(arch, &model);
}

static void build_qwen3(struct arch *arch)
{
    struct rotary model = {0};
    struct rotary_names names = qwen2_names;

    names.query_norm = "self_attn.q_norm";
    names.key_norm = "self_attn.k_norm";
    model.names = &names;
    read_config(arch, &model);
    model.has_attention_bias = model.has_out_bias = rf__arch_bool(arch, "attention_bias", false);
    model.head = rf__arch_size(arch, "head_dim", 128, 1 << 12);
    rf__rotary_build(arch, &model);
}

static const char *const prefixes[] = {NULL};
const struct arch_kind rf__arch_qwen2 = {"qwen2", prefixes, "embed_tokens.weight", build_qwen2, true};
const struct arch_kind rf__arch_qwen3 = {"qwen3", prefixes, "embed_tokens.weight", build_qwen3, true};
