/* rotary_kernel: the encoder of rotary.h as one node, the kernels' operator. */
#include "onnx/encoder_node.h"
#include "onnx/rotary.h"

static enum packed_norm norm_kind(const struct rotary *model)
{
    if (model->norm == NORM_RMS_PLUS_1)
        return PACKED_NORM_PLUS_1;
    return model->norm == NORM_LAYER && model->has_norm_bias ? PACKED_NORM : PACKED_NORM_WITHOUT_BIAS;
}

/* Where both halves of a layer have their norms; NULL: in a way that the operator has not. */
static const char *places_of(const struct rotary *model)
{
    static const struct {
        const char *name;
        bool before, after, end;
    } places[] = {{"end", false, false, true}, {"before", true, false, false}, {"around", true, true, false}};
    const struct rotary_norms *halves[] = {&model->names->attention, &model->names->unit};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bool fits = true;
        for (size_t k = 0; k < 2; k++)
            fits = fits && places[i].before == (halves[k]->before != NULL) &&
                   places[i].after == (halves[k]->after != NULL) && places[i].end == (halves[k]->end != NULL);
        if (fits)
            return places[i].name;
    }
    return NULL;
}

/* How far a token sees in a view: -1 all. */
static struct encoder_node_step step_of(const struct rotary *model, uint64_t n)
{
    const unsigned view = model->view_of == NULL ? 0 : model->view_of(model, n);
    const int64_t window = (int64_t)model->views[view].window - 1;

    return (struct encoder_node_step){(int64_t)n, view, window, model->is_causal ? 0 : window};
}

static void pack_steps(struct packed *packed, const struct rotary *model)
{
    const size_t n = (size_t)model->layers.n;
    struct encoder_node_step *steps = rf__graph_alloc(packed->arch->graph, n * sizeof *steps);

    for (size_t i = 0; i < n && steps != NULL; i++)
        steps[i] = step_of(model, i);
    if (steps != NULL)
        rf__encoder_node_steps(packed, steps, n);
}

/* Whether a layer has the second view. */
static bool has_two_views(const struct rotary *model)
{
    for (uint64_t i = 0; i < model->layers.n && model->view_of != NULL; i++)
        if (model->view_of(model, i) == 1)
            return true;
    return false;
}

static void pack_rotation(struct packed *packed, const struct rotary *model, unsigned view, const char *name)
{
    const size_t n = (size_t)model->head.n / 2;
    float *frequencies = rf__graph_alloc(packed->arch->graph, n * sizeof *frequencies);

    if (frequencies == NULL)
        return;
    rf__rotary_frequencies(&model->views[view], n, frequencies);
    rf__packed_constant(packed, rf__graph_floats(packed->arch->graph, name, frequencies, n));
}

static value below(struct packed *packed, value layer, const char *name)
{
    return rf__graph_name(packed->arch->graph, "%s.%s", layer, name);
}

/* `name` NULL: none. */
static void pack_norm(struct packed *packed, const struct rotary *model, value layer, const char *name)
{
    if (name != NULL)
        rf__packed_norm(packed, below(packed, layer, name), norm_kind(model), &model->hidden);
}

static void pack_qkv(struct packed *packed, const struct rotary *model, value layer)
{
    const struct rotary_names *names = model->names;
    const struct arch_size queries = {model->heads.n * model->head.n, model->heads.key};
    const struct arch_size keys = {model->key_heads.n * model->head.n, model->key_heads.key};
    const struct arch_size all = {queries.n + 2 * keys.n, model->heads.key};
    struct packed_part parts[3];

    if (names->fused_attention != NULL) {
        value fused = below(packed, layer, names->fused_attention);
        parts[0] = (struct packed_part){fused, all, 0, queries.n};
        parts[1] = (struct packed_part){fused, all, queries.n, keys.n};
        parts[2] = (struct packed_part){fused, all, queries.n + keys.n, keys.n};
    } else {
        parts[0] = (struct packed_part){below(packed, layer, names->query), queries, 0, 0};
        parts[1] = (struct packed_part){below(packed, layer, names->key), keys, 0, 0};
        parts[2] = (struct packed_part){below(packed, layer, names->value), keys, 0, 0};
    }
    rf__packed_linear(packed, parts, 3, model->has_attention_bias, &model->hidden);
    if (names->query_norm == NULL)
        return;
    rf__packed_norm_weight(packed, below(packed, layer, names->query_norm), norm_kind(model), &model->head);
    rf__packed_norm_weight(packed, below(packed, layer, names->key_norm), norm_kind(model), &model->head);
}

/* The half that goes through the activation comes first. */
static void pack_unit(struct packed *packed, const struct rotary *model, value layer)
{
    const struct rotary_names *names = model->names;
    const struct arch_size *inner = &model->inner, both = {2 * inner->n, inner->key};
    struct packed_part gate, up;

    if (names->fused_unit != NULL) {
        value fused = below(packed, layer, names->fused_unit);
        gate = (struct packed_part){fused, both, model->is_gate_first ? 0 : inner->n, inner->n};
        up = (struct packed_part){fused, both, model->is_gate_first ? inner->n : 0, inner->n};
    } else {
        gate = (struct packed_part){below(packed, layer, names->gate), *inner, 0, 0};
        up = (struct packed_part){below(packed, layer, names->up), *inner, 0, 0};
    }
    rf__packed_linear(packed, (const struct packed_part[]){gate, up}, 2, model->has_unit_bias, &model->hidden);
}

static void pack_layer(struct packed *packed, const struct rotary *model, uint64_t n)
{
    const struct rotary_names *names = model->names;
    const struct rotary_norms *attention = &names->attention, *unit = &names->unit;
    const struct arch_size queries = {model->heads.n * model->head.n, model->heads.key};
    value layer = rf__graph_name(packed->arch->graph, "%s%llu", names->layer, (unsigned long long)n);
    const struct packed_part out = {below(packed, layer, names->out), model->hidden, 0, 0};
    const struct packed_part down = {below(packed, layer, names->down), model->hidden, 0, 0};

    pack_qkv(packed, model, layer);
    rf__packed_linear(packed, &out, 1, model->has_out_bias, &queries);
    pack_norm(packed, model, layer, attention->end);
    pack_norm(packed, model, layer, n == 0 && model->skips_first_norm ? NULL : attention->before);
    pack_norm(packed, model, layer, attention->after);
    pack_unit(packed, model, layer);
    rf__packed_linear(packed, &down, 1, model->has_down_bias, &model->inner);
    pack_norm(packed, model, layer, unit->end);
    pack_norm(packed, model, layer, unit->before);
    pack_norm(packed, model, layer, unit->after);
}

static struct packed pack_weights(struct arch *arch, const struct rotary *model)
{
    enum { TABLES = 2, OTHERS = 3, HEAD_NORMS = 2, LAYER = 4 * PACKED_PER_LINEAR + 4 * PACKED_PER_NORM + HEAD_NORMS };
    struct packed packed =
        rf__packed_new(arch, TABLES + OTHERS + 2 * PACKED_PER_NORM + (size_t)model->layers.n * LAYER);
    const struct rotary_names *names = model->names;

    pack_steps(&packed, model);
    rf__packed_table(&packed, names->words, &model->vocabulary, &model->hidden);
    if (names->types != NULL)
        rf__packed_table(&packed, names->types, &model->n_types, &model->hidden);
    else
        rf__packed_zeros(&packed, "no_token_types", 2, model->hidden.n);
    if (names->norm != NULL)
        rf__packed_norm(&packed, names->norm, norm_kind(model), &model->hidden);
    pack_rotation(&packed, model, 0, "rotation.frequencies");
    if (has_two_views(model))
        pack_rotation(&packed, model, 1, "local.rotation.frequencies");
    for (uint64_t i = 0; i < model->layers.n && rf__graph_status(arch->graph) == RF_OK; i++)
        pack_layer(&packed, model, i);
    if (names->final != NULL)
        rf__packed_norm(&packed, names->final, norm_kind(model), &model->hidden);
    return packed;
}

void rf__rotary_build_kernel(struct arch *arch, const struct rotary *model)
{
    const struct rotary_names *names = model->names;
    const struct encoder_node node = {.hidden = model->hidden,
                                      .embedding = model->hidden,
                                      .inner = model->inner,
                                      .heads = model->heads,
                                      .key_heads = model->key_heads,
                                      .head = model->head,
                                      .n_layers = model->layers.n,
                                      .n_rotations = has_two_views(model) ? 2 : 1,
                                      .activation = model->activation,
                                      .norms = places_of(model),
                                      .norm = model->norm == NORM_LAYER ? "layer" : "rms",
                                      .bias = "none",
                                      .is_gated = true,
                                      .has_embedding_norm = names->norm != NULL,
                                      .has_first_norm = !model->skips_first_norm,
                                      .has_final_norm = names->final != NULL,
                                      .has_head_norms = names->query_norm != NULL,
                                      .padding = -1,
                                      .epsilon = model->epsilon,
                                      .embedding_scale = model->embedding_scale > 0 ? model->embedding_scale : 1,
                                      .score_scale = model->score_scale};
    struct packed packed;

    if (node.norms == NULL || (node.has_head_norms && model->norm == NORM_LAYER)) {
        rf__arch_refuse(arch, RF_UNSUPPORTED, "norms in these places: not for the kernels");
        return;
    }
    packed = pack_weights(arch, model);
    rf__encoder_node_add(arch, &node, &packed);
}
