/*
 * arch_bert: transformers' BertModel (src/transformers/models/bert/modeling_bert.py) without its pooler:
 *
 *     x = norm(word[ids] + type[type_ids] + position[0 … n - 1])
 *     for each layer
 *         x = norm(dense(attention(query(x), key(x), value(x))) + x)
 *         x = norm(dense(activation(dense(x))) + x)
 *
 * Dropout does nothing at inference. The heads of pre-training (`cls.…`), the pooler and anything else in the file are
 * not looked at.
 */
#include "onnx/arch_bert.h"

#include "onnx/activation.h"
#include "onnx/blocks.h"

#include <math.h>
#include <string.h>

struct bert {
    struct arch_size hidden, layers, heads, inner, positions, types, vocabulary;
    double epsilon;
    const struct activation *activation;
};

/* The defaults are those of BertConfig. */
static void read_config(struct arch *arch, struct bert *bert)
{
    const char *positions = rf__arch_str(arch, "position_embedding_type", "absolute");

    if (rf__arch_bool(arch, "is_decoder", false))
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'is_decoder' is true; only encoders are supported");
    if (rf__arch_bool(arch, "add_cross_attention", false))
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'add_cross_attention' is true; only encoders are supported");
    if (rf__graph_status(arch->graph) == RF_OK && strcmp(positions, "absolute") != 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED,
                        "'position_embedding_type' is '%.64s', which is not supported; expected 'absolute'", positions);
    bert->vocabulary = rf__arch_size(arch, "vocab_size", 30522, 1 << 24);
    bert->hidden = rf__arch_size(arch, "hidden_size", 768, 1 << 16);
    bert->layers = rf__arch_size(arch, "num_hidden_layers", 12, 1 << 10);
    bert->heads = rf__arch_size(arch, "num_attention_heads", 12, 1 << 16);
    bert->inner = rf__arch_size(arch, "intermediate_size", 3072, 1 << 18);
    bert->positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    bert->types = rf__arch_size(arch, "type_vocab_size", 2, 1 << 16);
    bert->epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-12);
    bert->activation = rf__activation_read(arch, "hidden_act", "gelu");
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    if (bert->hidden.n % bert->heads.n != 0)
        rf__arch_refuse(arch, RF_BAD_FORMAT,
                        "'hidden_size' is %llu, expected a multiple of 'num_attention_heads', %llu",
                        (unsigned long long)bert->hidden.n, (unsigned long long)bert->heads.n);
    else if (!(bert->epsilon >= 0 && bert->epsilon < 1))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'layer_norm_eps' is %g, expected a small number from 0", bert->epsilon);
}

static value add_embeddings(struct arch *arch, const struct bert *bert, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    value words = rf__arch_matrix(arch, "embeddings.word_embeddings.weight", &bert->vocabulary, &bert->hidden);
    value types = rf__arch_matrix(arch, "embeddings.token_type_embeddings.weight", &bert->types, &bert->hidden);
    value positions = rf__arch_matrix(arch, "embeddings.position_embeddings.weight", &bert->positions, &bert->hidden);
    value zero = rf__graph_ints(g, "embeddings.position.first", &(int64_t){0}, 1), length, sum;

    words = rf__graph_binary(g, "embeddings.word", "Gather", words, in->ids);
    types = rf__graph_binary(g, "embeddings.token_type", "Gather", types, in->type_ids);
    length =
        rf__graph_node(g, "sequence_length",
                       &(struct node){.op = "Shape", .inputs = {in->ids}, .attributes = {{.name = "start", .i = 1}}});
    positions = rf__graph_node(g, "embeddings.position",
                               &(struct node){.op = "Slice", .inputs = {positions, zero, length, zero}});
    sum = rf__graph_binary(g, "embeddings.word_and_type", "Add", words, types);
    sum = rf__graph_binary(g, "embeddings.sum", "Add", sum, positions);
    sum = rf__graph_binary(g, "embeddings.flat", "Reshape", sum, in->flat);
    return rf__block_norm(arch, "embeddings.LayerNorm", sum, &bert->hidden, bert->epsilon);
}

static value add_layer(struct arch *arch, const struct bert *bert, const struct encoder_inputs *in, uint64_t n, value x)
{
    struct graph *g = arch->graph;
    value at = rf__graph_name(g, "encoder.layer.%llu", (unsigned long long)n), q, k, v, y;
    const struct arch_size *hidden = &bert->hidden, *inner = &bert->inner;

    q = rf__block_linear(arch, rf__graph_name(g, "%s.attention.self.query", at), x, hidden, hidden);
    k = rf__block_linear(arch, rf__graph_name(g, "%s.attention.self.key", at), x, hidden, hidden);
    v = rf__block_linear(arch, rf__graph_name(g, "%s.attention.self.value", at), x, hidden, hidden);
    y = rf__block_attention(arch, rf__graph_name(g, "%s.attention.self", at), in, q, k, v, bert->heads.n);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.attention.output.dense", at), y, x, hidden, hidden);
    x = rf__block_norm(arch, rf__graph_name(g, "%s.attention.output.LayerNorm", at), x, hidden, bert->epsilon);
    y = rf__block_linear(arch, rf__graph_name(g, "%s.intermediate.dense", at), x, hidden, inner);
    y = rf__activation_add(g, rf__graph_name(g, "%s.intermediate.act", at), bert->activation, y);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.output.dense", at), y, x, inner, hidden);
    return rf__block_norm(arch, rf__graph_name(g, "%s.output.LayerNorm", at), x, hidden, bert->epsilon);
}

static void build(struct arch *arch)
{
    struct bert bert = {0};
    struct encoder_inputs in;
    value x;

    read_config(arch, &bert);
    in = rf__block_inputs(arch, &bert.hidden);
    x = add_embeddings(arch, &bert, &in);
    for (uint64_t i = 0; i < bert.layers.n && rf__graph_status(arch->graph) == RF_OK; i++)
        x = add_layer(arch, &bert, &in, i, x);
    rf__block_output(arch, &in, x);
}

static const char *const prefixes[] = {"", "bert.", "model.", NULL};
const struct arch_kind rf__arch_bert = {
    .model_type = "bert",
    .prefixes = prefixes,
    .first_tensor = "embeddings.word_embeddings.weight",
    .build = build,
};
