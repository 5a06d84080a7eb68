/* postnorm_kernel: the encoder of postnorm.h as one node, the kernels' operator (engine/encoder_op.h). */
#include "onnx/packed.h"
#include "onnx/postnorm.h"
#include "pack/pack.h"

/* Says why an encoder is none that the operator knows, or NULL. */
static const char *unknown_part(const struct postnorm *encoder)
{
    if (encoder->names->projection != NULL)
        return "embeddings narrower than the layers";
    if (encoder->attention_bias != NULL)
        return "relative positions";
    if (encoder->groups.n > 0)
        return "layers that share weights";
    return rf__activation_kernel(encoder->activation) == NULL ? "this activation" : NULL;
}

static void pack_layer(struct packed *packed, const struct postnorm *encoder, uint64_t n)
{
    struct graph *g = packed->arch->graph;
    const struct postnorm_names *names = encoder->names;
    const struct arch_size *hidden = &encoder->hidden, *inner = &encoder->inner;
    value at = encoder->layer_name(packed->arch, encoder, n);
    const char *qkv[] = {rf__graph_name(g, "%s.%s", at, names->query), rf__graph_name(g, "%s.%s", at, names->key),
                         rf__graph_name(g, "%s.%s", at, names->value)};
    const char *out = rf__graph_name(g, "%s.%s", at, names->out);
    const char *wide = rf__graph_name(g, "%s.%s", at, names->wide);
    const char *narrow = rf__graph_name(g, "%s.%s", at, names->narrow);

    rf__packed_linear(packed, qkv, 3, hidden, hidden);
    rf__packed_linear(packed, &out, 1, hidden, hidden);
    rf__packed_norm(packed, rf__graph_name(g, "%s.%s", at, names->attention_norm), hidden);
    rf__packed_linear(packed, &wide, 1, hidden, inner);
    rf__packed_linear(packed, &narrow, 1, inner, hidden);
    rf__packed_norm(packed, rf__graph_name(g, "%s.%s", at, names->output_norm), hidden);
}

static struct packed pack_weights(struct arch *arch, const struct postnorm *encoder)
{
    enum { TABLES = 3, NORM = 2, LAYER = 4 * PACKED_PER_LINEAR + 2 * NORM };
    struct packed packed = rf__packed_new(arch, TABLES + NORM + (size_t)encoder->layers.n * LAYER);
    const struct postnorm_names *names = encoder->names;

    rf__packed_table(&packed, names->words, &encoder->vocabulary, &encoder->hidden);
    if (encoder->n_types.n > 0)
        rf__packed_table(&packed, names->types, &encoder->n_types, &encoder->hidden);
    else
        rf__packed_zeros(&packed, "no_token_types", 2, encoder->hidden.n);
    rf__packed_table(&packed, names->positions, &encoder->n_positions, &encoder->hidden);
    rf__packed_norm(&packed, names->norm, &encoder->hidden);
    for (uint64_t i = 0; i < encoder->layers.n && rf__graph_status(arch->graph) == RF_OK; i++)
        pack_layer(&packed, encoder, i);
    return packed;
}

static void add_node(struct arch *arch, const struct postnorm *encoder, const struct packed *packed)
{
    enum { INT32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32 };
    static const struct dimension rows[] = {{0, "rows"}}, texts_and_end[] = {{0, "texts_and_end"}}, one[] = {{1, NULL}};
    struct graph *g = arch->graph;
    value ids = rf__graph_input(g, "input_ids", INT32, rows, 1);
    value type_ids = rf__graph_input(g, "token_type_ids", INT32, rows, 1);
    value begins = rf__graph_input(g, "text_begins", INT32, texts_and_end, 1);
    value threads = rf__graph_input(g, "threads", INT32, one, 1);
    const char *activation = rf__activation_kernel(encoder->activation);
    int64_t padding = encoder->positions == POSITIONS_BEHIND_PADDING ? encoder->padding : -1;

    rf__graph_node(
        g, "last_hidden_state",
        &(struct node){
            .op = "Encoder",
            .domain = GRAPH_OURS,
            .inputs = {ids, type_ids, begins, threads},
            .more = packed->items,
            .n_more = packed->n,
            .attributes = {{.name = "precision", .kind = ATTRIBUTE_STRING, .s = rf__precision_name(arch->precision)},
                           {.name = "activation", .kind = ATTRIBUTE_STRING, .s = activation},
                           {.name = "layers", .i = (int64_t)encoder->layers.n},
                           {.name = "heads", .i = (int64_t)encoder->heads.n},
                           {.name = "hidden", .i = (int64_t)encoder->hidden.n},
                           {.name = "inner", .i = (int64_t)encoder->inner.n},
                           {.name = "padding", .i = padding},
                           {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .f = (float)encoder->epsilon},
                           {.name = "layout", .i = PACK_LAYOUT}}});
}

void rf__postnorm_build_kernel(struct arch *arch, const struct postnorm *encoder)
{
    const struct dimension vectors[] = {{1, NULL}, {0, "rows"}, {encoder->hidden.n, NULL}};
    const char *unknown;
    struct packed packed;

    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    unknown = unknown_part(encoder);
    if (unknown != NULL) {
        rf__arch_refuse(arch, RF_UNSUPPORTED, "%s: not for the kernels", unknown);
        return;
    }
    packed = pack_weights(arch, encoder);
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    add_node(arch, encoder, &packed);
    rf__graph_output(arch->graph, "last_hidden_state", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, vectors, 3);
}
