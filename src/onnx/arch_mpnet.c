/*
 * arch_mpnet: MPNetModel of transformers (mpnet/modeling_mpnet.py): BERT without types whose positions begin behind the
 * padding and whose attention has a bias by distance, one for all layers.
 */
#include "onnx/arch_kinds.h"
#include "onnx/buckets.h"
#include "onnx/postnorm.h"

/* Written in the model, whatever config.json says. */
#define N_BUCKETS    32
#define MAX_DISTANCE 128
#define PADDING      1

static const struct postnorm_names names = {
    .words = "embeddings.word_embeddings",
    .positions = "embeddings.position_embeddings",
    .norm = "embeddings.LayerNorm",
    .query = "attention.attn.q",
    .key = "attention.attn.k",
    .value = "attention.attn.v",
    .out = "attention.attn.o",
    .attention_norm = "attention.LayerNorm",
    .wide = "intermediate.dense",
    .narrow = "output.dense",
    .output_norm = "output.LayerNorm",
};

static value attention_bias(struct arch *arch, const struct postnorm *mpnet, const struct encoder_inputs *in)
{
    struct arch_size buckets = rf__arch_size(arch, "relative_attention_num_buckets", 32, 1 << 10);
    value table = rf__arch_matrix(arch, "encoder.relative_attention_bias.weight", &buckets, &mpnet->heads);

    if (buckets.n < N_BUCKETS && rf__graph_status(arch->graph) == RF_OK)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'%s' is %llu, expected at least %d", buckets.key,
                        (unsigned long long)buckets.n, N_BUCKETS);
    return rf__bucket_bias(arch, "attention_bias", in, table, N_BUCKETS, MAX_DISTANCE);
}

/* The defaults are those of MPNetConfig. */
static void build(struct arch *arch)
{
    static const struct postnorm_defaults defaults = {30527, 768, 12, 3072, "gelu"};
    struct postnorm mpnet = {.names = &names,
                             .layer_name = rf__bert_layer_name,
                             .attention_bias = attention_bias,
                             .positions = POSITIONS_BEHIND_PADDING,
                             .padding = PADDING};

    rf__postnorm_read(arch, &defaults, &mpnet);
    rf__postnorm_build(arch, &mpnet);
}

static const char *const prefixes[] = {"mpnet.", NULL};
const struct arch_kind rf__arch_mpnet = {"mpnet", prefixes, "embeddings.word_embeddings.weight", build, true};
