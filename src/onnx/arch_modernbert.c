/*
 * arch_modernbert: ModernBertModel of transformers (modernbert/modeling_modernbert.py): every third layer sees all
 * tokens, the others those nearby, each kind with rotations of its own.
 */
#include "onnx/arch_kinds.h"
#include "onnx/rotary.h"

static const struct rotary_names names = {
    .words = "embeddings.tok_embeddings",
    .norm = "embeddings.norm",
    .final = "final_norm",
    .layer = "layers.",
    .fused_attention = "attn.Wqkv",
    .out = "attn.Wo",
    .fused_unit = "mlp.Wi",
    .down = "mlp.Wo",
    .attention = {.before = "attn_norm"},
    .unit = {.before = "mlp_norm"},
};

static unsigned view_of(const struct rotary *model, uint64_t n)
{
    return rf__rotary_slides(model, n, n % model->pattern != 0);
}

/* The defaults are those of ModernBertConfig. */
static void build(struct arch *arch)
{
    struct rotary model = {
        .names = &names, .norm = NORM_LAYER, .is_gate_first = true, .skips_first_norm = true, .view_of = view_of};

    model.vocabulary = rf__arch_size(arch, "vocab_size", 50368, 1 << 24);
    model.hidden = rf__arch_size(arch, "hidden_size", 768, 1 << 16);
    model.layers = rf__arch_size(arch, "num_hidden_layers", 22, 1 << 10);
    model.heads = model.key_heads = rf__arch_size(arch, "num_attention_heads", 12, 1 << 16);
    model.inner = rf__arch_size(arch, "intermediate_size", 1152, 1 << 18);
    model.epsilon = rf__arch_double(arch, "norm_eps", 1e-5);
    model.has_norm_bias = rf__arch_bool(arch, "norm_bias", false);
    model.has_attention_bias = model.has_out_bias = rf__arch_bool(arch, "attention_bias", false);
    model.has_unit_bias = model.has_down_bias = rf__arch_bool(arch, "mlp_bias", false);
    model.activation = rf__activation_read(arch, "hidden_activation", "gelu");
    model.pattern = rf__arch_size(arch, "global_attn_every_n_layers", 3, 1 << 10).n;
    model.layer_types = rf__rotary_layer_types(arch, model.layers.n);
    model.views[0] = rf__rotary_view(arch, "full_attention", "global_rope_theta", 160000);
    model.views[1] = rf__rotary_view(arch, "sliding_attention", "local_rope_theta", 10000);
    model.views[1].window = rf__arch_size(arch, "local_attention", 128, 1 << 20).n / 2 + 1;
    rf__arch_heads(arch, &model.hidden, &model.heads, &model.head);
    rf__rotary_build(arch, &model);
}

static const char *const prefixes[] = {NULL};
const struct arch_kind rf__arch_modernbert = {"modernbert", prefixes, "embeddings.tok_embeddings.weight", build, true};
