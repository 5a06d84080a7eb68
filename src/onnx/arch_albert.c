/*
 * arch_albert: AlbertModel of transformers (albert/modeling_albert.py): BERT whose layers share their weights in
 * groups, and whose embeddings are narrower than its layers.
 */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

static const struct postnorm_names names = {
    .words = "embeddings.word_embeddings",
    .positions = "embeddings.position_embeddings",
    .types = "embeddings.token_type_embeddings",
    .norm = "embeddings.LayerNorm",
    .projection = "encoder.embedding_hidden_mapping_in",
    .query = "attention.query",
    .key = "attention.key",
    .value = "attention.value",
    .out = "attention.dense",
    .attention_norm = "attention.LayerNorm",
    .wide = "ffn",
    .narrow = "ffn_output",
    .output_norm = "full_layer_layer_norm",
};

/* A layer of the model is `inner_groups` layers of the graph. */
static value layer_name(struct arch *arch, const struct postnorm *encoder, uint64_t n)
{
    const uint64_t weights = rf__postnorm_weights_of(encoder, n), inner = encoder->inner_groups.n;

    return rf__graph_name(arch->graph, "encoder.albert_layer_groups.%llu.albert_layers.%llu",
                          (unsigned long long)(weights / inner), (unsigned long long)(weights % inner));
}

/* The defaults are those of AlbertConfig. */
static void build(struct arch *arch)
{
    static const struct postnorm_defaults defaults = {30000, 4096, 64, 16384, "gelu_new"};
    struct postnorm albert = {.names = &names, .layer_name = layer_name};

    rf__postnorm_refuse_decoder(arch);
    rf__postnorm_read(arch, &defaults, &albert);
    albert.embedding = rf__arch_size(arch, "embedding_size", 128, 1 << 16);
    albert.groups = rf__arch_size(arch, "num_hidden_groups", 1, 1 << 10);
    albert.inner_groups = rf__arch_size(arch, "inner_group_num", 1, 1 << 10);
    if (albert.groups.n > albert.layers.n)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'num_hidden_groups' is %llu, expected at most 'num_hidden_layers', %llu",
                        (unsigned long long)albert.groups.n, (unsigned long long)albert.layers.n);
    albert.layers.n *= albert.inner_groups.n;
    rf__postnorm_build(arch, &albert);
}

static const char *const prefixes[] = {"albert.", NULL};
const struct arch_kind rf__arch_albert = {"albert", prefixes, "embeddings.word_embeddings.weight", build, true};
