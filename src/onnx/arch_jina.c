/*
 * arch_jina: JinaBERT (jina-embeddings-v2, the code of jinaai/jina-bert-implementation), whose config.json says
 * model_type "bert" and position_embedding_type "alibi": no positions in the embeddings; the score of two tokens is
 * lowered by their distance times the slope of the head (https://arxiv.org/abs/2108.12409, in both directions); gated
 * units.
 */
#include "onnx/arch_kinds.h"
#include "onnx/postnorm.h"

#include <math.h>
#include <string.h>

static const struct postnorm_names names = {
    .words = "embeddings.word_embeddings",
    .types = "embeddings.token_type_embeddings",
    .norm = "embeddings.LayerNorm",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .out = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .wide = "mlp.gated_layers",
    .narrow = "mlp.wo",
    .output_norm = "mlp.layernorm",
};

/* Head i of n, a power of two, has the slope 2^(-8 (i + 1) / n); between powers of two come every second of the next.
 */
static double slope_of(uint64_t i, uint64_t n)
{
    uint64_t power = 1;

    while (power * 2 <= n)
        power *= 2;
    if (i < power)
        return pow(2, -8 * (double)(i + 1) / (double)power);
    return pow(2, -8 * (double)(2 * (i - power) + 1) / (double)(2 * power));
}

static value add_slopes(struct arch *arch, const struct postnorm *jina)
{
    struct graph *g = arch->graph;
    float *slopes = rf__graph_alloc(g, (size_t)jina->heads.n * sizeof *slopes);

    if (slopes == NULL)
        return NULL;
    for (uint64_t i = 0; i < jina->heads.n; i++)
        slopes[i] = -(float)slope_of(i, jina->heads.n);
    return rf__graph_floats(g, "alibi.slopes", slopes, (size_t)jina->heads.n);
}

/* [1, heads, sequence, sequence] */
static value add_bias(struct arch *arch, const struct postnorm *jina, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    value distances = rf__block_distances(arch, in), by_head;

    distances = rf__graph_unary(g, "alibi.distance", "Abs", distances);
    distances =
        rf__graph_node(g, "alibi.number",
                       &(struct node){.op = "Cast",
                                      .inputs = {distances},
                                      .attributes = {{.name = "to", .i = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT}}});
    by_head = rf__graph_binary(g, "alibi.by_head", "Unsqueeze", add_slopes(arch, jina),
                               rf__graph_ints(g, "alibi.axes", (const int64_t[]){0, 2, 3}, 3));
    return rf__graph_binary(g, "alibi", "Mul", by_head, distances);
}

static const struct postnorm_bias bias = {add_bias, "slopes", add_slopes};

void rf__jina_build(struct arch *arch)
{
    static const struct postnorm_defaults defaults = {30522, 768, 12, 3072, NULL};
    struct postnorm jina = {.names = &names, .layer_name = rf__bert_layer_name, .bias = &bias, .is_gated = true};
    const char *unit = rf__arch_str(arch, "feed_forward_type", "original");

    rf__postnorm_read(arch, &defaults, &jina);
    if (strcmp(unit, "geglu") == 0)
        jina.activation = rf__activation_find(arch, "feed_forward_type", "gelu");
    else if (strcmp(unit, "reglu") == 0)
        jina.activation = rf__activation_find(arch, "feed_forward_type", "relu");
    else
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'feed_forward_type' is '%.64s', expected 'geglu' or 'reglu'", unit);
    if (rf__graph_status(arch->graph) == RF_OK)
        rf__postnorm_build(arch, &jina);
}
