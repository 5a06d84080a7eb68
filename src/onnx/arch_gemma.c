/*
 * arch_gemma: Gemma3TextModel of transformers (gemma3/modeling_gemma3.py), which EmbeddingGemma is: norms on both sides
 * of each half of a layer, norms of heads, one layer in six that sees all tokens, in both directions where the file
 * says so.
 */
#include "onnx/arch_kinds.h"
#include "onnx/rotary.h"

#include <math.h>

static const struct rotary_names names = {
    .words = "embed_tokens",
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
    .attention = {.before = "input_layernorm", .after = "post_attention_layernorm"},
    .unit = {.before = "pre_feedforward_layernorm", .after = "post_feedforward_layernorm"},
};

static unsigned view_of(const struct rotary *model, uint64_t n)
{
    return rf__rotary_slides(model, n, (n + 1) % model->pattern != 0);
}

/* The defaults are those of Gemma3TextConfig. */
static void build(struct arch *arch)
{
    struct rotary model = {.names = &names, .norm = NORM_RMS_PLUS_1, .view_of = view_of};
    double scalar;

    model.vocabulary = rf__arch_size(arch, "vocab_size", 262208, 1 << 24);
    model.hidden = rf__arch_size(arch, "hidden_size", 2304, 1 << 16);
    model.layers = rf__arch_size(arch, "num_hidden_layers", 26, 1 << 10);
    model.heads = rf__arch_size(arch, "num_attention_heads", 8, 1 << 16);
    model.key_heads = rf__arch_size(arch, "num_key_value_heads", 4, 1 << 16);
    model.head = rf__arch_size(arch, "head_dim", 256, 1 << 12);
    model.inner = rf__arch_size(arch, "intermediate_size", 9216, 1 << 18);
    model.epsilon = rf__arch_double(arch, "rms_norm_eps", 1e-6);
    model.has_attention_bias = model.has_out_bias = rf__arch_bool(arch, "attention_bias", false);
    model.activation = rf__activation_read(arch, "hidden_activation", "gelu_pytorch_tanh");
    model.is_causal = !rf__arch_bool(arch, "use_bidirectional_attention", false);
    model.pattern = rf__arch_size(arch, "sliding_window_pattern", 6, 1 << 10).n;
    model.layer_types = rf__rotary_layer_types(arch, model.layers.n);
    model.views[0] = rf__rotary_view(arch, "full_attention", "rope_theta", 1000000);
    model.views[1] = rf__rotary_view(arch, "sliding_attention", "rope_local_base_freq", 10000);
    model.views[1].window = rf__arch_size(arch, "sliding_window", 4096, 1 << 24).n;
    if (!model.is_causal)
        model.views[1].window = model.views[1].window / 2 + 1;
    scalar = rf__arch_double(arch, "query_pre_attn_scalar", 256);
    if (rf__graph_status(arch->graph) == RF_OK && !(scalar > 0))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'query_pre_attn_scalar' is %g, expected a number above 0", scalar);
    if (rf__arch_double(arch, "attn_logit_softcapping", 0) != 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'attn_logit_softcapping' is set, which is not supported");
    model.score_scale = 1 / sqrt(scalar);
    model.embedding_scale = sqrt((double)model.hidden.n);
    rf__rotary_build(arch, &model);
}

static const char *const prefixes[] = {NULL};
const struct arch_kind rf__arch_gemma3_text = {"gemma3_text", prefixes, "embed_tokens.weight", build, true};
