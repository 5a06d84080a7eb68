/* postnorm_kernel: the encoder of postnorm.h as one node, the kernels' operator. */
#include "onnx/encoder_node.h"
#include "onnx/postnorm.h"

/* Layers of weights; of ALBERT fewer than those that run. */
static uint64_t n_weights(const struct postnorm *encoder)
{
    return encoder->groups.n > 0 ? encoder->groups.n * encoder->inner_groups.n : encoder->layers.n;
}

static void pack_steps(struct packed *packed, const struct postnorm *encoder)
{
    const size_t n = (size_t)encoder->layers.n;
    struct encoder_node_step *steps = rf__graph_alloc(packed->arch->graph, n * sizeof *steps);

    for (size_t i = 0; i < n && steps != NULL; i++)
        steps[i] = (struct encoder_node_step){(int64_t)rf__postnorm_weights_of(encoder, i), -1, -1, -1};
    if (steps != NULL)
        rf__encoder_node_steps(packed, steps, n);
}

static void pack_layer(struct packed *packed, const struct postnorm *encoder, value at)
{
    struct graph *g = packed->arch->graph;
    const struct postnorm_names *names = encoder->names;
    const struct arch_size *hidden = &encoder->hidden, *inner = &encoder->inner;
    const struct arch_size both = {2 * inner->n, inner->key};
    const struct packed_part qkv[] = {{rf__graph_name(g, "%s.%s", at, names->query), *hidden, 0, 0},
                                      {rf__graph_name(g, "%s.%s", at, names->key), *hidden, 0, 0},
                                      {rf__graph_name(g, "%s.%s", at, names->value), *hidden, 0, 0}};
    const struct packed_part out = {rf__graph_name(g, "%s.%s", at, names->out), *hidden, 0, 0};
    value name = rf__graph_name(g, "%s.%s", at, names->wide);
    const struct packed_part wide = {name, *inner, 0, 0};
    const struct packed_part halves[] = {{name, both, 0, inner->n}, {name, both, inner->n, inner->n}};
    const struct packed_part narrow = {rf__graph_name(g, "%s.%s", at, names->narrow), *hidden, 0, 0};

    rf__packed_linear(packed, qkv, 3, true, hidden);
    rf__packed_linear(packed, &out, 1, true, hidden);
    rf__packed_norm(packed, rf__graph_name(g, "%s.%s", at, names->attention_norm), PACKED_NORM, hidden);
    if (encoder->is_gated)
        rf__packed_linear(packed, halves, 2, false, hidden);
    else
        rf__packed_linear(packed, &wide, 1, true, hidden);
    rf__packed_linear(packed, &narrow, 1, true, inner);
    rf__packed_norm(packed, rf__graph_name(g, "%s.%s", at, names->output_norm), PACKED_NORM, hidden);
}

static struct packed pack_weights(struct arch *arch, const struct postnorm *encoder)
{
    enum { TABLES = 3, OTHERS = 3, LAYER = 4 * PACKED_PER_LINEAR + 2 * PACKED_PER_NORM };
    struct packed packed = rf__packed_new(arch, TABLES + OTHERS + PACKED_PER_NORM + PACKED_PER_LINEAR +
                                                    (size_t)n_weights(encoder) * LAYER);
    const struct postnorm_names *names = encoder->names;
    const struct packed_part projection = {names->projection, encoder->hidden, 0, 0};
    uint64_t n_packed = 0;

    pack_steps(&packed, encoder);
    rf__packed_table(&packed, names->words, &encoder->vocabulary, &encoder->embedding);
    if (encoder->n_types.n > 0)
        rf__packed_table(&packed, names->types, &encoder->n_types, &encoder->embedding);
    else
        rf__packed_zeros(&packed, "no_token_types", 2, encoder->embedding.n);
    if (names->positions != NULL)
        rf__packed_table(&packed, names->positions, &encoder->n_positions, &encoder->embedding);
    rf__packed_norm(&packed, names->norm, PACKED_NORM, &encoder->embedding);
    if (names->projection != NULL)
        rf__packed_linear(&packed, &projection, 1, true, &encoder->embedding);
    if (encoder->bias != NULL)
        rf__packed_constant(&packed, encoder->bias->kernel(arch, encoder));
    for (uint64_t i = 0; i < encoder->layers.n && rf__graph_status(arch->graph) == RF_OK; i++) {
        if (rf__postnorm_weights_of(encoder, i) < n_packed)
            continue;
        pack_layer(&packed, encoder, encoder->layer_name(arch, encoder, i));
        n_packed++;
    }
    return packed;
}

void rf__postnorm_build_kernel(struct arch *arch, const struct postnorm *encoder)
{
    struct packed packed;
    struct encoder_node node = {.hidden = encoder->hidden,
                                .embedding = encoder->embedding,
                                .inner = encoder->inner,
                                .heads = encoder->heads,
                                .key_heads = encoder->heads,
                                .n_layers = n_weights(encoder),
                                .activation = encoder->activation,
                                .norms = "end",
                                .norm = "layer",
                                .bias = encoder->bias == NULL ? "none" : encoder->bias->kind,
                                .is_gated = encoder->is_gated,
                                .has_positions = encoder->names->positions != NULL,
                                .has_embedding_norm = true,
                                .has_projection = encoder->names->projection != NULL,
                                .has_first_norm = true,
                                .padding = -1,
                                .epsilon = encoder->epsilon,
                                .embedding_scale = 1};

    rf__arch_heads(arch, &encoder->hidden, &encoder->heads, &node.head);
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    if (node.has_positions && encoder->positions == POSITIONS_BEHIND_PADDING)
        node.padding = encoder->padding;
    packed = pack_weights(arch, encoder);
    rf__encoder_node_add(arch, &node, &packed);
}
