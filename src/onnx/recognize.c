/* recognize: see recognize.h. Here: a term for each value of a graph, in the order of the nodes. */
#include "onnx/recognize.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define INT32 ONNX__TENSOR_PROTO__DATA_TYPE__INT32
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

static void set(struct terms *r, const char *name, struct term *term)
{
    const struct place *place = rf__index_find(&r->index, name);

    if (place == NULL)
        return;
    r->items[place - r->index.places] = term;
    if (term->value == NULL)
        term->value = place->name;
}

const struct term *rf__terms_get(const struct terms *terms, const char *name)
{
    const struct place *place = rf__index_find(&terms->index, name);

    return place == NULL ? NULL : terms->items[place - terms->index.places];
}

static struct term *unknown(struct step *step, const char *why)
{
    struct term *term = rf__step_new(step, TERM_UNKNOWN);

    term->why = why;
    return term;
}

/* ---- Inputs ---------------------------------------------------------------------------------------------------- */

/* As the file says: batch or sequence where the name is that of the ids' dimension. */
static struct amount declared_dim(const struct terms *r, const Onnx__TypeProto__Tensor *type, size_t k)
{
    const Onnx__GraphProto *proto = rf__graph_parts(r->graph).proto;
    const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[k], *of_ids = NULL;

    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
        return dim->dim_value > 0 ? rf__amount(dim->dim_value) : rf__amount_unknown;
    for (size_t i = 0; i < proto->n_input; i++) {
        const Onnx__TypeProto *other = proto->input[i]->type;
        if (strcmp(proto->input[i]->name, "input_ids") == 0 && other != NULL &&
            other->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && other->tensor_type->shape != NULL &&
            other->tensor_type->shape->n_dim == 2)
            of_ids = other->tensor_type->shape->dim[k];
    }
    if (of_ids == NULL || dim->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM ||
        of_ids->value_case != dim->value_case || strcmp(of_ids->dim_param, dim->dim_param) != 0)
        return rf__amount_unknown;
    return k == 0 ? rf__amount_batch : rf__amount_sequence;
}

/* What the engine gives (engine/session.c): texts without padding, so that masks are ones and positions count; or,
 * where is_general, any numbers. */
static struct term *input_term(struct terms *r, struct step *step, const Onnx__ValueInfoProto *info)
{
    static const char *const names[] = {"input_ids", "token_type_ids", "attention_mask", "position_ids"};
    static const enum term_kind kinds[] = {TERM_IDS, TERM_TYPE_IDS, TERM_NUMBERS, TERM_NUMBERS};
    const Onnx__TypeProto__Tensor *type =
        info->type != NULL && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? info->type->tensor_type
                                                                                            : NULL;
    struct term *term;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(info->name, names[i]) != 0)
            continue;
        if (type == NULL || (type->elem_type != INT64 && type->elem_type != INT32) || type->shape == NULL ||
            type->shape->n_dim != 2)
            break;
        term = rf__step_new(step, kinds[i]);
        term->has_dims = true;
        term->rank = 2;
        for (size_t k = 0; k < 2; k++)
            term->dims[k] = step->is_general ? declared_dim(r, type, k)
                            : k == 0         ? rf__amount_batch
                                             : rf__amount_sequence;
        term->type = type->elem_type;
        term->low = step->is_general ? -INFINITY : i == 2 ? 1 : 0;
        term->high = i == 2 && !step->is_general ? 1 : INFINITY;
        term->counts = i == 3 && !step->is_general ? 1 : -1;
        return term;
    }
    return unknown(step, rf__graph_name(r->graph, "the input '%.64s'", info->name));
}

static rf_status take_inputs(struct terms *r, struct step *step)
{
    const Onnx__GraphProto *proto = rf__graph_parts(r->graph).proto;

    for (size_t i = 0; i < proto->n_input; i++)
        set(r, proto->input[i]->name, input_term(r, step, proto->input[i]));
    for (size_t i = 0; i < proto->n_initializer; i++) {
        struct constant *constant = rf__graph_alloc(r->graph, sizeof *constant);
        if (constant == NULL)
            return rf__graph_status(r->graph);
        rf__graph_constant(r->graph, i, constant);
        set(r, proto->initializer[i]->name, rf__numbers_constant(step, constant));
    }
    return rf__graph_status(r->graph);
}

/* ---- Nodes ----------------------------------------------------------------------------------------------------- */

/* Why nothing is known of a node's output: an input of which nothing is, or the node itself. */
static const char *reason(struct terms *r, const struct step *step)
{
    for (size_t i = 0; i < step->n_in; i++) {
        if (step->in[i] != NULL && step->in[i]->kind == TERM_UNKNOWN)
            return step->in[i]->why;
    }
    return rf__graph_name(r->graph, "the node '%.64s' (%.40s)", step->node->name, step->node->op_type);
}

static bool is_understood(struct step *step)
{
    static bool (*const rules[])(struct step * step) = {rf__embedding_rule, rf__attention_rule, rf__layer_rule,
                                                        rf__number_rule,    rf__move_rule,      rf__fused_rule};

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        memset(step->out, 0, sizeof step->out);
        if (!(step->is_general && rules[i] == rf__attention_rule) && rules[i](step))
            return true;
    }
    memset(step->out, 0, sizeof step->out);
    return false;
}

/* Nothing is known of it but perhaps its shape. */
static struct term *shaped(struct step *step, size_t i, const char *why)
{
    struct term *term = rf__step_new(step, TERM_UNKNOWN);

    term->why = why;
    rf__shape_of(step, i, term);
    if (step->is_general && rf__term_width(term) > 0)
        term->kind = TERM_OPAQUE;
    return term;
}

static void take_node(struct terms *r, struct step *step)
{
    const Onnx__NodeProto *node = step->node;
    const char *why = NULL;

    step->n_in = node->n_input;
    if (step->n_in > STEP_MAX_INPUTS)
        why = "a node with so many inputs";
    for (size_t i = 0; i < node->n_input && i < STEP_MAX_INPUTS; i++) {
        step->in[i] = *node->input[i] == '\0' ? NULL : rf__terms_get(r, node->input[i]);
        if (step->in[i] == NULL && *node->input[i] != '\0')
            why = "a value that is used before it is made";
    }
    if (why == NULL && !is_understood(step))
        why = reason(r, step);
    for (size_t i = 0; i < node->n_output; i++) {
        struct term *term = why == NULL && i < STEP_MAX_OUTPUTS ? (struct term *)(uintptr_t)step->out[i]
                                                                : NULL; /* the graph's memory */
        if (term == NULL)
            term = shaped(step, i, why != NULL ? why : reason(r, step));
        if (term->type == 0 && (i == 0 || strcmp(node->op_type, "Split") == 0))
            term->type = rf__type_of(step);
        set(r, node->output[i], term);
    }
}

/* ---- The output -------------------------------------------------------------------------------------------------- */

static size_t rank_of(const Onnx__ValueInfoProto *info)
{
    if (info->type == NULL || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        info->type->tensor_type->shape == NULL)
        return 0;
    return info->type->tensor_type->shape->n_dim;
}

const char *rf__onnx_output(const Onnx__GraphProto *proto)
{
    static const char *const names[] = {"last_hidden_state", "token_embeddings", "sentence_embedding"};
    const char *found = NULL;

    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        for (size_t i = 0; i < proto->n_output; i++)
            if (strcmp(proto->output[i]->name, names[k]) == 0)
                return proto->output[i]->name;
    if (proto->n_output == 1)
        return proto->output[0]->name;
    for (size_t i = 0; i < proto->n_output; i++) {
        if (rank_of(proto->output[i]) != 3)
            continue;
        if (found != NULL)
            return NULL;
        found = proto->output[i]->name;
    }
    return found;
}

static rf_status take_nodes(struct terms *r, int64_t opset, bool is_general)
{
    const Onnx__GraphProto *proto = rf__graph_parts(r->graph).proto;
    struct step step = {.graph = r->graph, .opset = opset, .is_general = is_general};
    rf_status status = take_inputs(r, &step);

    for (size_t i = 0; i < proto->n_node && status == RF_OK; i++) {
        step.node = proto->node[i];
        step.order = i + 1;
        take_node(r, &step);
        status = rf__graph_status(r->graph);
    }
    return status;
}

rf_status rf__terms_build(struct onnx_file *file, const char *path, bool is_general, struct terms *out, rf_error *err)
{
    rf_status status;

    *out = (struct terms){.graph = file->graph};
    status = rf__index_build(file->graph, path, &out->index, err);
    if (status == RF_OK && (out->items = rf__calloc(out->index.n + 1, sizeof *out->items)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = take_nodes(out, file->opset, is_general);
    if (rf__graph_status(file->graph) != RF_OK) /* which may have been told to another rf_error */
        status = rf__fail_memory(err);
    return status;
}

void rf__terms_release(struct terms *terms)
{
    rf__free(terms->items);
    rf__index_release(&terms->index);
    *terms = (struct terms){0};
}

rf_status rf__recognize(struct onnx_file *file, const char *path, struct recognized *out, rf_error *err)
{
    const char *output = rf__onnx_output(rf__graph_parts(file->graph).proto);
    const struct term *term;
    struct terms terms;
    rf_status status = rf__terms_build(file, path, false, &terms, err);

    *out = (struct recognized){0};
    term = status != RF_OK || output == NULL ? NULL : rf__terms_get(&terms, output);
    if (status == RF_OK && term == NULL)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: has no output of token vectors", path);
    if (status == RF_OK)
        status = rf__recognize_encoder(term, file->graph, path, out, err);
    if (rf__graph_status(file->graph) != RF_OK)
        status = rf__fail_memory(err);
    rf__terms_release(&terms);
    if (status != RF_OK)
        rf__recognized_release(out);
    return status;
}

void rf__recognized_release(struct recognized *recognized)
{
    rf__weights_free(recognized->weights);
    rf__buf_release(&recognized->config);
    *recognized = (struct recognized){0};
}
