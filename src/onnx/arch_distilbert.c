/* arch_distilbert: DistilBertModel of transformers (distilbert/modeling_distilbert.py): BERT without types, under other
 * names. */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

static const struct postnorm_names names = {
    .words = "embeddings.word_embeddings",
    .positions = "embeddings.position_embeddings",
    .norm = "embeddings.LayerNorm",
    .query = "attention.q_lin",
    .key = "attention.k_lin",
    .value = "attention.v_lin",
    .out = "attention.out_lin",
    .attention_norm = "sa_layer_norm",
    .wide = "ffn.lin1",
    .narrow = "ffn.lin2",
    .output_norm = "output_layer_norm",
};

static value layer_name(struct arch *arch, const struct postnorm *encoder, uint64_t n)
{
    (void)encoder;
    return rf__graph_name(arch->graph, "transformer.layer.%llu", (unsigned long long)n);
}

/* The defaults are those of DistilBertConfig; the norms' epsilon is written in the model. */
static void build(struct arch *arch)
{
    struct postnorm distilbert = {.names = &names, .layer_name = layer_name, .epsilon = 1e-12};

    distilbert.vocabulary = rf__arch_size(arch, "vocab_size", 30522, 1 << 24);
    distilbert.hidden = rf__arch_size(arch, "dim", 768, 1 << 16);
    distilbert.embedding = distilbert.hidden;
    distilbert.layers = rf__arch_size(arch, "n_layers", 6, 1 << 10);
    distilbert.heads = rf__arch_size(arch, "n_heads", 12, 1 << 16);
    distilbert.inner = rf__arch_size(arch, "hidden_dim", 3072, 1 << 18);
    distilbert.n_positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    distilbert.activation = rf__activation_read(arch, "activation", "gelu");
    rf__postnorm_build(arch, &distilbert);
}

static const char *const prefixes[] = {"distilbert.", NULL};
const struct arch_kind rf__arch_distilbert = {"distilbert", prefixes, "embeddings.word_embeddings.weight", build, true};
