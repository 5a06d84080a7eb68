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

#define TABLE "encoder.relative_attention_bias.weight"

static struct arch_size read_buckets(struct arch *arch)
{
    struct arch_size buckets = rf__arch_size(arch, "relative_attention_num_buckets", 32, 1 << 10);

    if (buckets.n < N_BUCKETS && rf__graph_status(arch->graph) == RF_OK)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'%s' is %llu, expected at least %d", buckets.key,
                        (unsigned long long)buckets.n, N_BUCKETS);
    return buckets;
}

static value add_bias(struct arch *arch, const struct postnorm *mpnet, const struct encoder_inputs *in)
{
    const struct arch_size buckets = read_buckets(arch);

    return rf__bucket_bias(arch, "attention_bias", in, rf__arch_matrix(arch, TABLE, &buckets, &mpnet->heads), N_BUCKETS,
                           MAX_DISTANCE);
}

static value kernel_bias(struct arch *arch, const struct postnorm *mpnet)
{
    const struct arch_size buckets = read_buckets(arch);

    return rf__bucket_table(arch, TABLE, &buckets, &mpnet->heads, N_BUCKETS, MAX_DISTANCE);
}

static const struct postnorm_bias bias = {add_bias, "table", kernel_bias};

/* The defaults are those of MPNetConfig. */
static void build(struct arch *arch)
{
    static const struct postnorm_defaults defaults = {30527, 768, 12, 3072, "gelu"};
    struct postnorm mpnet = {.names = &names,
                             .layer_name = rf__bert_layer_name,
                             .bias = &bias,
                             .positions = POSITIONS_BEHIND_PADDING,
                             .padding = PADDING};

    rf__postnorm_read(arch, &defaults, &mpnet);
    rf__postnorm_build(arch, &mpnet);
}

static const char *const prefixes[] = {"mpnet.", NULL};
const struct arch_kind rf__arch_mpnet = {"mpnet", prefixes, "embeddings.word_embeddings.weight", build, true};
