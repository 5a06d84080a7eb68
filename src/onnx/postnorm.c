/* postnorm: see postnorm.h. */
#include "onnx/postnorm.h"

#include <string.h>

#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

const struct postnorm_names rf__bert_names = {
    .words = "embeddings.word_embeddings",
    .positions = "embeddings.position_embeddings",
    .types = "embeddings.token_type_embeddings",
    .norm = "embeddings.LayerNorm",
    .query = "attention.self.query",
    .key = "attention.self.key",
    .value = "attention.self.value",
    .out = "attention.output.dense",
    .attention_norm = "attention.output.LayerNorm",
    .wide = "intermediate.dense",
    .narrow = "output.dense",
    .output_norm = "output.LayerNorm",
};

value rf__bert_layer_name(struct arch *arch, const struct postnorm *encoder, uint64_t n)
{
    (void)encoder;
    return rf__graph_name(arch->graph, "encoder.layer.%llu", (unsigned long long)n);
}

uint64_t rf__postnorm_weights_of(const struct postnorm *encoder, uint64_t n)
{
    const uint64_t inner = encoder->inner_groups.n;

    return encoder->groups.n == 0 ? n : n / inner * encoder->groups.n / (encoder->layers.n / inner) * inner + n % inner;
}

void rf__postnorm_read(struct arch *arch, const struct postnorm_defaults *defaults, struct postnorm *encoder)
{
    encoder->vocabulary = rf__arch_size(arch, "vocab_size", defaults->vocabulary, 1 << 24);
    encoder->hidden = rf__arch_size(arch, "hidden_size", defaults->hidden, 1 << 16);
    encoder->embedding = encoder->hidden;
    encoder->layers = rf__arch_size(arch, "num_hidden_layers", 12, 1 << 10);
    encoder->heads = rf__arch_size(arch, "num_attention_heads", defaults->heads, 1 << 16);
    encoder->inner = rf__arch_size(arch, "intermediate_size", defaults->inner, 1 << 18);
    if (encoder->names->positions != NULL)
        encoder->n_positions = rf__arch_size(arch, "max_position_embeddings", 512, 1 << 20);
    if (encoder->names->types != NULL)
        encoder->n_types = (struct arch_size){rf__arch_number(arch, "type_vocab_size", 2, 1 << 16), "type_vocab_size"};
    encoder->epsilon = rf__arch_double(arch, "layer_norm_eps", 1e-12);
    if (defaults->activation != NULL)
        encoder->activation = rf__activation_read(arch, "hidden_act", defaults->activation);
}

void rf__postnorm_refuse_decoder(struct arch *arch)
{
    const char *positions = rf__arch_str(arch, "position_embedding_type", "absolute");

    if (rf__arch_bool(arch, "is_decoder", false))
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'is_decoder' is true; only encoders are supported");
    if (rf__arch_bool(arch, "add_cross_attention", false))
        rf__arch_refuse(arch, RF_UNSUPPORTED, "'add_cross_attention' is true; only encoders are supported");
    if (rf__graph_status(arch->graph) == RF_OK && strcmp(positions, "absolute") != 0)
        rf__arch_refuse(arch, RF_UNSUPPORTED,
                        "'position_embedding_type' is '%.64s', which is not supported; expected 'absolute'", positions);
}

static void check(struct arch *arch, const struct postnorm *encoder)
{
    struct arch_size head;

    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    rf__arch_heads(arch, &encoder->hidden, &encoder->heads, &head);
    if (rf__graph_status(arch->graph) == RF_OK && !(encoder->epsilon >= 0 && encoder->epsilon < 1))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'layer_norm_eps' is %g, expected a small number from 0",
                        encoder->epsilon);
}

/* ---- Embeddings ---------------------------------------------------------------------------------------------- */

static value table(struct arch *arch, const char *name, const struct arch_size *rows, const struct arch_size *cols)
{
    return rf__arch_matrix(arch, rf__graph_name(arch->graph, "%s.weight", name), rows, cols);
}

/* create_position_ids_from_input_ids() of transformers. */
static value positions_behind_padding(struct arch *arch, const struct postnorm *encoder,
                                      const struct encoder_inputs *in, value rows)
{
    struct graph *g = arch->graph;
    value padding = rf__graph_int(g, "embeddings.padding", encoder->padding), is_padding, is_token, counted;
    value axis = rf__graph_int(g, "embeddings.position.axis", 1);

    is_padding = rf__graph_binary(g, "embeddings.is_padding", "Equal", in->ids, padding);
    is_token = rf__graph_unary(g, "embeddings.is_token", "Not", is_padding);
    is_token =
        rf__graph_node(g, "embeddings.is_token.number",
                       &(struct node){.op = "Cast", .inputs = {is_token}, .attributes = {{.name = "to", .i = INT64}}});
    counted = rf__graph_binary(g, "embeddings.count", "CumSum", is_token, axis);
    counted = rf__graph_binary(g, "embeddings.count.tokens", "Mul", counted, is_token);
    counted = rf__graph_binary(g, "embeddings.position_ids", "Add", counted, padding);
    return rf__graph_binary(g, "embeddings.position", "Gather", rows, counted);
}

static value add_embeddings(struct arch *arch, const struct postnorm *encoder, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    const struct postnorm_names *names = encoder->names;
    const struct arch_size *width = &encoder->embedding;
    value words = table(arch, names->words, &encoder->vocabulary, width), x, positions, types;
    value flat = in->flat;

    x = rf__graph_binary(g, "embeddings.word", "Gather", words, in->ids);
    if (encoder->n_types.n > 0) {
        types = table(arch, names->types, &encoder->n_types, width);
        types = rf__graph_binary(g, "embeddings.token_type", "Gather", types, in->type_ids);
        x = rf__graph_binary(g, "embeddings.word_and_type", "Add", x, types);
    }
    if (names->positions != NULL) {
        positions = table(arch, names->positions, &encoder->n_positions, width);
        positions = encoder->positions == POSITIONS_FROM_ZERO
                        ? rf__block_first_rows(arch, "embeddings.position", in, positions)
                        : positions_behind_padding(arch, encoder, in, positions);
        x = rf__graph_binary(g, "embeddings.sum", "Add", x, positions);
    }
    if (encoder->embedding.n != encoder->hidden.n)
        flat = rf__graph_ints(g, "embeddings.flat_shape", (const int64_t[]){-1, (int64_t)encoder->embedding.n}, 2);
    x = rf__graph_binary(g, "embeddings.flat", "Reshape", x, flat);
    x = rf__block_norm(arch, names->norm, x, width, encoder->epsilon);
    return names->projection == NULL ? x : rf__block_linear(arch, names->projection, x, width, &encoder->hidden);
}

/* ---- Layers -------------------------------------------------------------------------------------------------- */

/* What the second half of a layer has between its two linear layers. */
static value add_wide(struct arch *arch, const struct postnorm *encoder, const char *at, value x)
{
    struct graph *g = arch->graph;
    const struct arch_size both = {2 * encoder->inner.n, encoder->inner.key};
    value name = rf__graph_name(g, "%s.%s", at, encoder->names->wide), act = rf__graph_name(g, "%s.act", at);
    value halves[2] = {NULL}, y;

    if (!encoder->is_gated)
        return rf__activation_add(g, act, encoder->activation,
                                  rf__block_linear(arch, name, x, &encoder->hidden, &encoder->inner));
    y = rf__block_project(arch, name, x, NULL, &encoder->hidden, &both, false);
    rf__graph_split(g, rf__graph_name(g, "%s.split", name), y, 1, 2, halves);
    y = rf__activation_add(g, act, encoder->activation, halves[0]);
    return rf__graph_binary(g, rf__graph_name(g, "%s.gated", name), "Mul", y, halves[1]);
}

static value add_layer(struct arch *arch, const struct postnorm *encoder, const struct encoder_inputs *in, uint64_t n,
                       value bias, value x)
{
    struct graph *g = arch->graph;
    const struct postnorm_names *names = encoder->names;
    const struct arch_size *hidden = &encoder->hidden, *inner = &encoder->inner;
    value at = encoder->layer_name(arch, encoder, n), y;
    struct attention attention = {.bias = bias, .n_heads = encoder->heads.n};

    attention.q = rf__block_linear(arch, rf__graph_name(g, "%s.%s", at, names->query), x, hidden, hidden);
    attention.k = rf__block_linear(arch, rf__graph_name(g, "%s.%s", at, names->key), x, hidden, hidden);
    attention.v = rf__block_linear(arch, rf__graph_name(g, "%s.%s", at, names->value), x, hidden, hidden);
    y = rf__block_attention(arch, rf__graph_name(g, "%s.attention.self", at), in, &attention);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.%s", at, names->out), y, x, hidden, hidden);
    x = rf__block_norm(arch, rf__graph_name(g, "%s.%s", at, names->attention_norm), x, hidden, encoder->epsilon);
    y = add_wide(arch, encoder, at, x);
    x = rf__block_linear_onto(arch, rf__graph_name(g, "%s.%s", at, names->narrow), y, x, inner, hidden);
    return rf__block_norm(arch, rf__graph_name(g, "%s.%s", at, names->output_norm), x, hidden, encoder->epsilon);
}

void rf__postnorm_build(struct arch *arch, const struct postnorm *encoder)
{
    struct graph *g = arch->graph;
    struct encoder_inputs in;
    value x, bias = NULL;

    check(arch, encoder);
    if (arch->precision != ONNX_OPERATORS) {
        rf__postnorm_build_kernel(arch, encoder);
        return;
    }
    in = rf__block_inputs(arch, &encoder->hidden, encoder->n_types.n > 0);
    x = add_embeddings(arch, encoder, &in);
    if (encoder->bias != NULL)
        bias = encoder->bias->graph(arch, encoder, &in);
    for (uint64_t i = 0; i < encoder->layers.n && rf__graph_status(g) == RF_OK; i++) {
        /* Layers that share their weights have the same names. */
        rf__graph_scope(g, encoder->groups.n > 0 ? rf__graph_name(g, "%llu.", (unsigned long long)i) : NULL);
        x = add_layer(arch, encoder, &in, i, bias, x);
    }
    rf__graph_scope(g, NULL);
    rf__block_output(arch, &in, x);
}
