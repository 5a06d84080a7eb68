/* rotary: see rotary.h. */
#include "onnx/rotary.h"

#include "onnx/standard.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define HEAD_MAX 4096 /* width of a head */

/* What all layers use. */
struct shared {
    struct encoder_inputs in;
    value queries, keys;        /* shapes: [batch, sequence, heads * head] of queries and of keys */
    value flat;                 /* [-1, heads * head] */
    value cosines[2], sines[2]; /* [sequence, head / 2] of each view */
    value masks[2];             /* [1, 1, sequence, sequence]; NULL: all is seen */
};

/* ---- config.json --------------------------------------------------------------------------------------------- */

static void refuse_scaling(struct arch *arch, const char *type)
{
    rf__arch_refuse(arch, RF_UNSUPPORTED,
                    "rotations are scaled by '%.64s', which is not supported; expected 'default' or 'linear'", type);
}

static bool is_set(yyjson_val *object, const char *key)
{
    yyjson_val *member = yyjson_obj_get(object, key);

    return member != NULL && !yyjson_is_null(member);
}

/* Reads the base and the scaling out of rope_parameters, rope_scaling or one section of it. */
static void read_parameters(struct arch *arch, yyjson_val *object, struct rotary_view *view)
{
    const char *type = NULL, *old_type = NULL;
    rf_error *err = rf__graph_error(arch->graph);
    double factor = 1;
    rf_status status = rf__json_get_double(arch->config, object, "rope_theta", view->theta, &view->theta, err);

    if (status == RF_OK)
        status = rf__json_get_str(arch->config, object, "type", "default", &old_type, err);
    if (status == RF_OK)
        status = rf__json_get_str(arch->config, object, "rope_type", old_type, &type, err);
    if (status == RF_OK)
        status = rf__json_get_double(arch->config, object, "factor", 1, &factor, err);
    rf__graph_fail(arch->graph, status);
    if (status != RF_OK || strcmp(type, "default") == 0)
        return;
    if (strcmp(type, "linear") == 0 && factor >= 1)
        view->stretch = factor;
    else if (strcmp(type, "ntk") == 0 && factor > 1 && !is_set(object, "mixed_b"))
        view->ntk = factor;
    else
        refuse_scaling(arch, type);
}

struct rotary_view rf__rotary_view(struct arch *arch, const char *section, const char *old_key, double fallback)
{
    struct rotary_view view = {.theta = rf__arch_double(arch, old_key, fallback), .stretch = 1};
    yyjson_val *parameters = yyjson_obj_get(arch->config->root, "rope_parameters");
    yyjson_val *scaling = yyjson_obj_get(arch->config->root, "rope_scaling");

    if (rf__graph_status(arch->graph) != RF_OK)
        return view;
    if (section != NULL && yyjson_is_obj(yyjson_obj_get(parameters, section)))
        parameters = yyjson_obj_get(parameters, section);
    if (yyjson_is_obj(scaling))
        read_parameters(arch, scaling, &view);
    if (yyjson_is_obj(parameters))
        read_parameters(arch, parameters, &view);
    if (rf__graph_status(arch->graph) == RF_OK && !(view.theta > 1 && view.theta < 1e12))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "the base of the rotations is %g, expected a number above 1", view.theta);
    return view;
}

yyjson_val *rf__rotary_layer_types(struct arch *arch, uint64_t n_layers)
{
    yyjson_val *types = yyjson_obj_get(arch->config->root, "layer_types"), *type;
    size_t i, n;

    if (types == NULL || yyjson_is_null(types))
        return NULL;
    if (yyjson_arr_size(types) != n_layers) {
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'layer_types' names %zu layers, expected %llu", yyjson_arr_size(types),
                        (unsigned long long)n_layers);
        return NULL;
    }
    yyjson_arr_foreach(types, i, n, type)
    {
        if (!yyjson_equals_str(type, "full_attention") && !yyjson_equals_str(type, "sliding_attention")) {
            rf__arch_refuse(arch, RF_UNSUPPORTED,
                            "'layer_types' has '%.64s', expected 'full_attention' or 'sliding_attention'",
                            yyjson_is_str(type) ? yyjson_get_str(type) : rf__json_type_name(type));
            return NULL;
        }
    }
    return types;
}

bool rf__rotary_slides(const struct rotary *model, uint64_t n, bool otherwise)
{
    if (model->layer_types == NULL)
        return otherwise;
    return yyjson_equals_str(yyjson_arr_get(model->layer_types, (size_t)n), "sliding_attention");
}

static void check(struct arch *arch, const struct rotary *model)
{
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    if (model->head.n % 2 != 0 || model->head.n > HEAD_MAX)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "a head is %llu wide, expected an even number up to %d",
                        (unsigned long long)model->head.n, HEAD_MAX);
    else if (model->heads.n % model->key_heads.n != 0)
        rf__arch_refuse(arch, RF_BAD_FORMAT, "'%s' is %llu, expected a multiple of '%s', %llu", model->heads.key,
                        (unsigned long long)model->heads.n, model->key_heads.key,
                        (unsigned long long)model->key_heads.n);
    else if (!model->knows_ntk && (model->views[0].ntk > 0 || model->views[1].ntk > 0))
        refuse_scaling(arch, "ntk");
    else if (!(model->epsilon >= 0 && model->epsilon < 1))
        rf__arch_refuse(arch, RF_BAD_FORMAT, "the norms' epsilon is %g, expected a small number from 0",
                        model->epsilon);
}

/* ---- What layers share --------------------------------------------------------------------------------------- */

void rf__rotary_frequencies(const struct rotary_view *view, size_t n, float *frequencies)
{
    double theta = view->theta, stretch = view->stretch;

    if (view->ntk > 0) {
        theta *= view->ntk;
        stretch = pow(view->ntk, 1 / (double)n);
    }
    for (size_t i = 0; i < n; i++)
        frequencies[i] =
            (float)(1 / (double)(float)pow(theta, (double)((float)(2 * i) / (float)(2 * n)))) / (float)stretch;
}

/* cos and sin of position times frequency. */
static void add_rotations(struct arch *arch, const struct rotary *model, struct shared *shared, unsigned view)
{
    struct graph *g = arch->graph;
    float frequencies[HEAD_MAX / 2];
    const size_t n = (size_t)model->head.n / 2;
    value positions, angles;

    if (rf__graph_status(g) != RF_OK)
        return;
    rf__rotary_frequencies(&model->views[view], n, frequencies);
    positions = rf__block_positions(arch, &shared->in);
    positions = rf__graph_binary(g, "rotation.column", "Unsqueeze", positions,
                                 rf__graph_ints(g, "rotation.axis", &(int64_t){1}, 1));
    angles = rf__graph_binary(g, "rotation.angles", "Mul", positions,
                              rf__graph_floats(g, "rotation.frequencies", frequencies, n));
    shared->cosines[view] = rf__graph_unary(g, "rotation.cos", "Cos", angles);
    shared->sines[view] = rf__graph_unary(g, "rotation.sin", "Sin", angles);
}

/* 0 where a token is seen, the lowest number elsewhere. */
static void add_mask(struct arch *arch, const struct rotary *model, struct shared *shared, unsigned view)
{
    struct graph *g = arch->graph;
    const uint64_t window = model->views[view].window;
    value distance, seen = NULL, near, far;

    if (!model->is_causal && window == 0)
        return;
    distance = rf__block_distances(arch, &shared->in);
    if (window > 0) {
        far = rf__graph_int(g, "mask.before", -(int64_t)window);
        seen = rf__graph_binary(g, "mask.is_near", "Greater", distance, far);
    }
    if (model->is_causal || window > 0) {
        near = rf__graph_int(g, "mask.behind", model->is_causal ? 1 : (int64_t)window);
        near = rf__graph_binary(g, "mask.is_before", "Less", distance, near);
        seen = seen == NULL ? near : rf__graph_binary(g, "mask.seen", "And", seen, near);
    }
    seen = rf__graph_node(g, "mask.scores",
                          &(struct node){.op = "Where",
                                         .inputs = {seen, rf__graph_float(g, "mask.zero", 0),
                                                    rf__graph_float(g, "mask.lowest", -FLT_MAX)}});
    shared->masks[view] = rf__graph_binary(g, "mask.all_heads", "Unsqueeze", seen,
                                           rf__graph_ints(g, "mask.axes", (const int64_t[]){0, 1}, 2));
}

static void add_shared(struct arch *arch, const struct rotary *model, struct shared *shared)
{
    struct graph *g = arch->graph;
    const int64_t width = (int64_t)(model->heads.n * model->head.n);
    bool is_used[2] = {false, false};

    shared->in = rf__block_inputs(arch, &model->hidden, model->names->types != NULL);
    shared->flat = rf__graph_ints(g, "heads.flat_shape", (const int64_t[]){-1, width}, 2);
    shared->queries = rf__block_batched(arch, "queries.shape", &shared->in, model->heads.n * model->head.n);
    shared->keys = rf__block_batched(arch, "keys.shape", &shared->in, model->key_heads.n * model->head.n);
    for (uint64_t i = 0; i < model->layers.n; i++)
        is_used[model->view_of == NULL ? 0 : model->view_of(model, i)] = true;
    for (unsigned view = 0; view < 2; view++) {
        if (!is_used[view])
            continue;
        rf__graph_scope(g, view == 0 ? NULL : "local.");
        add_rotations(arch, model, shared, view);
        add_mask(arch, model, shared, view);
    }
    rf__graph_scope(g, NULL);
}

/* ---- Layers -------------------------------------------------------------------------------------------------- */

/* `name` NULL: x as it is. */
static value add_norm(struct arch *arch, const struct rotary *model, const char *name, value x,
                      const struct arch_size *size)
{
    if (name == NULL)
        return x;
    if (model->norm == NORM_LAYER)
        return model->has_norm_bias ? rf__block_norm(arch, name, x, size, model->epsilon)
                                    : rf__block_norm_without_bias(arch, name, x, size, model->epsilon);
    return rf__block_rms_norm(arch, name, x, size, model->epsilon, model->norm == NORM_RMS_PLUS_1);
}

static const char *below(struct arch *arch, value layer, const char *name)
{
    return name == NULL ? NULL : rf__graph_name(arch->graph, "%s.%s", layer, name);
}

/* Norms of heads, rotation; x is [-1, heads * head], the result [batch, sequence, heads * head]. */
static value rotate(struct arch *arch, const struct rotary *model, const struct shared *shared, unsigned view,
                    const char *name, const char *norm, value x, uint64_t n_heads)
{
    struct graph *g = arch->graph;
    value shape = n_heads == model->heads.n ? shared->queries : shared->keys, zero;

    if (norm != NULL) {
        x = rf__graph_binary(g, rf__graph_name(g, "%s.heads", name), "Reshape", x,
                             rf__graph_ints(g, rf__graph_name(g, "%s.heads.shape", name),
                                            (const int64_t[]){-1, (int64_t)model->head.n}, 2));
        x = add_norm(arch, model, norm, x, &model->head);
    }
    x = rf__graph_binary(g, rf__graph_name(g, "%s.batched", name), "Reshape", x, shape);
    if (rf__graph_is_portable(g))
        return rf__standard_rotation(g, rf__graph_name(g, "%s.rotated", name),
                                     &(struct rotation){.x = x,
                                                        .cosines = shared->cosines[view],
                                                        .sines = shared->sines[view],
                                                        .batched = shape,
                                                        .n_heads = n_heads,
                                                        .head = model->head.n});
    zero = rf__graph_ints(g, rf__graph_name(g, "%s.first", name), &(int64_t){0}, 1);
    return rf__graph_node(g, rf__graph_name(g, "%s.rotated", name),
                          &(struct node){.op = "RotaryEmbedding",
                                         .domain = GRAPH_MICROSOFT,
                                         .inputs = {x, zero, shared->cosines[view], shared->sines[view]}});
}

/* Each head of keys or values as often as there are heads of queries for it. */
static value repeat_heads(struct arch *arch, const struct rotary *model, const char *name, value x)
{
    struct graph *g = arch->graph;
    const int64_t n = (int64_t)(model->heads.n / model->key_heads.n), head = (int64_t)model->head.n;
    const int64_t apart[] = {0, 0, (int64_t)model->key_heads.n, 1, head}, often[] = {1, 1, 1, n, 1};
    const int64_t together[] = {0, 0, (int64_t)model->heads.n * head};

    if (n == 1)
        return x;
    x = rf__graph_binary(g, rf__graph_name(g, "%s.apart", name), "Reshape", x,
                         rf__graph_ints(g, rf__graph_name(g, "%s.apart.shape", name), apart, 5));
    x = rf__graph_binary(g, rf__graph_name(g, "%s.often", name), "Expand", x,
                         rf__graph_ints(g, rf__graph_name(g, "%s.often.shape", name), often, 5));
    return rf__graph_binary(g, rf__graph_name(g, "%s.repeated", name), "Reshape", x,
                            rf__graph_ints(g, rf__graph_name(g, "%s.repeated.shape", name), together, 3));
}

/* Queries, keys and values, [-1, …]. */
static void add_projections(struct arch *arch, const struct rotary *model, value layer, value x, value out[3])
{
    struct graph *g = arch->graph;
    const struct rotary_names *names = model->names;
    const struct arch_size queries = {model->heads.n * model->head.n, model->heads.key};
    const struct arch_size keys = {model->key_heads.n * model->head.n, model->key_heads.key};
    const struct arch_size all = {queries.n + 2 * keys.n, model->heads.key}, *hidden = &model->hidden;

    if (names->fused_attention == NULL) {
        out[0] = rf__block_project(arch, below(arch, layer, names->query), x, NULL, hidden, &queries,
                                   model->has_attention_bias);
        out[1] =
            rf__block_project(arch, below(arch, layer, names->key), x, NULL, hidden, &keys, model->has_attention_bias);
        out[2] = rf__block_project(arch, below(arch, layer, names->value), x, NULL, hidden, &keys,
                                   model->has_attention_bias);
        return;
    }
    x = rf__block_project(arch, below(arch, layer, names->fused_attention), x, NULL, hidden, &all,
                          model->has_attention_bias);
    rf__graph_split(g, rf__graph_name(g, "%s.split", below(arch, layer, names->fused_attention)), x, 1, 3, out);
}

static value add_attention(struct arch *arch, const struct rotary *model, const struct shared *shared, value layer,
                           unsigned view, value x)
{
    struct graph *g = arch->graph;
    const struct rotary_names *names = model->names;
    const uint64_t width = model->heads.n * model->head.n;
    struct attention attention = {.bias = shared->masks[view],
                                  .n_heads = model->heads.n,
                                  .scale = model->score_scale,
                                  .width = width,
                                  .is_batched = true};
    const struct arch_size queries = {width, model->heads.key};
    value projections[3] = {NULL}, q = rf__graph_name(g, "%s.query", layer), k = rf__graph_name(g, "%s.key", layer);
    value v = rf__graph_name(g, "%s.value", layer), y;

    add_projections(arch, model, layer, x, projections);
    attention.q =
        rotate(arch, model, shared, view, q, below(arch, layer, names->query_norm), projections[0], model->heads.n);
    attention.k =
        rotate(arch, model, shared, view, k, below(arch, layer, names->key_norm), projections[1], model->key_heads.n);
    attention.v = rf__graph_binary(g, rf__graph_name(g, "%s.batched", v), "Reshape", projections[2], shared->keys);
    attention.k = repeat_heads(arch, model, k, attention.k);
    attention.v = repeat_heads(arch, model, v, attention.v);
    y = rf__block_attention(arch, rf__graph_name(g, "%s.attention", layer), &shared->in, &attention);
    y = rf__graph_binary(g, rf__graph_name(g, "%s.attention.heads", layer), "Reshape", y, shared->flat);
    return rf__block_project(arch, below(arch, layer, names->out), y, NULL, &queries, &model->hidden,
                             model->has_out_bias);
}

static value add_unit(struct arch *arch, const struct rotary *model, value layer, value x)
{
    struct graph *g = arch->graph;
    const struct rotary_names *names = model->names;
    const struct arch_size *hidden = &model->hidden, *inner = &model->inner, both = {2 * inner->n, inner->key};
    value parts[2] = {NULL}, gate, up;

    if (names->fused_unit == NULL) {
        gate = rf__block_project(arch, below(arch, layer, names->gate), x, NULL, hidden, inner, model->has_unit_bias);
        up = rf__block_project(arch, below(arch, layer, names->up), x, NULL, hidden, inner, model->has_unit_bias);
    } else {
        x = rf__block_project(arch, below(arch, layer, names->fused_unit), x, NULL, hidden, &both,
                              model->has_unit_bias);
        rf__graph_split(g, rf__graph_name(g, "%s.unit.split", layer), x, 1, 2, parts);
        gate = parts[model->is_gate_first ? 0 : 1];
        up = parts[model->is_gate_first ? 1 : 0];
    }
    gate = rf__activation_add(g, rf__graph_name(g, "%s.unit.act", layer), model->activation, gate);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.unit.gated", layer), "Mul", gate, up);
    return rf__block_project(arch, below(arch, layer, names->down), x, NULL, inner, hidden, model->has_down_bias);
}

static value add_layer(struct arch *arch, const struct rotary *model, const struct shared *shared, uint64_t n, value x)
{
    struct graph *g = arch->graph;
    const struct rotary_norms *attention = &model->names->attention, *unit = &model->names->unit;
    const struct arch_size *hidden = &model->hidden;
    value layer = rf__graph_name(g, "%s%llu", model->names->layer, (unsigned long long)n), y;
    const char *first = n == 0 && model->skips_first_norm ? NULL : below(arch, layer, attention->before);

    y = add_norm(arch, model, first, x, hidden);
    y = add_attention(arch, model, shared, layer, model->view_of == NULL ? 0 : model->view_of(model, n), y);
    y = add_norm(arch, model, below(arch, layer, attention->after), y, hidden);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.attention.sum", layer), "Add", x, y);
    x = add_norm(arch, model, below(arch, layer, attention->end), x, hidden);
    y = add_norm(arch, model, below(arch, layer, unit->before), x, hidden);
    y = add_unit(arch, model, layer, y);
    y = add_norm(arch, model, below(arch, layer, unit->after), y, hidden);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.unit.sum", layer), "Add", x, y);
    return add_norm(arch, model, below(arch, layer, unit->end), x, hidden);
}

static value add_embeddings(struct arch *arch, const struct rotary *model, const struct encoder_inputs *in)
{
    struct graph *g = arch->graph;
    const struct rotary_names *names = model->names;
    value table =
        rf__arch_matrix(arch, rf__graph_name(g, "%s.weight", names->words), &model->vocabulary, &model->hidden);
    value x = rf__graph_binary(g, "embeddings.word", "Gather", table, in->ids);

    if (names->types != NULL) {
        table = rf__arch_matrix(arch, rf__graph_name(g, "%s.weight", names->types), &model->n_types, &model->hidden);
        x = rf__graph_binary(g, "embeddings.sum", "Add", x,
                             rf__graph_binary(g, "embeddings.type", "Gather", table, in->type_ids));
    }
    if (model->embedding_scale > 0)
        x = rf__graph_binary(g, "embeddings.scaled", "Mul", x,
                             rf__graph_float(g, "embeddings.scale", (float)model->embedding_scale));
    x = rf__graph_binary(g, "embeddings.flat", "Reshape", x, in->flat);
    return add_norm(arch, model, names->norm, x, &model->hidden);
}

void rf__rotary_build(struct arch *arch, const struct rotary *model)
{
    struct shared shared = {0};
    value x;

    check(arch, model);
    if (rf__graph_status(arch->graph) != RF_OK)
        return;
    if (arch->precision != ONNX_OPERATORS) {
        rf__rotary_build_kernel(arch, model);
        return;
    }
    add_shared(arch, model, &shared);
    x = add_embeddings(arch, model, &shared.in);
    for (uint64_t i = 0; i < model->layers.n && rf__graph_status(arch->graph) == RF_OK; i++)
        x = add_layer(arch, model, &shared, i, x);
    x = add_norm(arch, model, model->names->final, x, &model->hidden);
    rf__block_output(arch, &shared.in, x);
}
