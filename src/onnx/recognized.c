/*
 * recognized: see recognize.h. From the last norm back to the tables: the layers of an encoder, its parameters by the
 * names that transformers' models give them, and the config.json that such a model would have.
 */
#include "onnx/recognize.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

#define MAX_LAYERS 1024
#define CONFIG_MAX ((size_t)4096)

struct encoder_layer {
    const struct term *q, *k, *v, *out, *attention_norm, *wide, *narrow, *output_norm;
};

struct found {
    struct graph *graph;
    const char *path;
    rf_error *err;
    struct encoder_layer *layers; /* [MAX_LAYERS], the last first */
    size_t n;
    const struct term *tables, *norm, *projection; /* NULL: embeddings are as wide as the layers */
    const char *activation;
    uint64_t hidden, inner, heads;
    double epsilon;
    struct tensor *tensors;
    size_t n_tensors;
};

static rf_status refuse(const struct found *f, const char *why)
{
    return rf__fail(f->err, RF_UNSUPPORTED, "%s: is not understood as an encoder of BERT's kind: %s", f->path, why);
}

/* `what` was expected where `term` is. */
static rf_status refuse_term(const struct found *f, const struct term *term, const char *what)
{
    if (term != NULL && term->kind == TERM_UNKNOWN)
        return refuse(f, term->why);
    return refuse(f, what);
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */

static bool is_linear(const struct term *t, const struct term *x, const struct term *residual)
{
    return t != NULL && t->kind == TERM_LINEAR && t->x == x && t->residual == residual && t->bias.data != NULL;
}

static rf_status read_second_half(struct found *f, const struct term *x, struct encoder_layer *layer)
{
    const struct term *narrow = x->x, *act, *y;
    const char *activation;

    if (narrow->kind != TERM_LINEAR || narrow->residual == NULL || narrow->x->kind != TERM_FUNCTION)
        return refuse_term(f, narrow->kind == TERM_LINEAR ? narrow->x : narrow,
                           "a layer does not end in a linear layer after an activation, with what it was given added");
    act = narrow->x;
    y = narrow->residual;
    if (!is_linear(narrow, act, y) || !is_linear(act->x, y, NULL) || y->kind != TERM_NORM)
        return refuse_term(f, y, "the second half of a layer is no widening and narrowing with a bias each");
    activation = rf__term_activation(act);
    if (activation == NULL || (f->activation != NULL && strcmp(f->activation, activation) != 0))
        return refuse(f, "an activation is none that is known, or not that of all layers");
    f->activation = activation;
    *layer =
        (struct encoder_layer){.attention_norm = y, .wide = act->x, .narrow = narrow, .output_norm = x, .out = y->x};
    return RF_OK;
}

static rf_status read_attention(struct found *f, struct encoder_layer *layer)
{
    const struct term *out = layer->out, *context, *x;
    double width;

    if (out->kind != TERM_LINEAR || out->residual == NULL || out->x->kind != TERM_CONTEXT)
        return refuse_term(f, out->kind == TERM_LINEAR ? out->x : out,
                           "a layer does not begin with attention, to whose output its input is added");
    context = out->x;
    x = out->residual;
    layer->q = context->q;
    layer->k = context->k;
    layer->v = context->v;
    if (!is_linear(out, context, x) || !is_linear(layer->q, x, NULL) || !is_linear(layer->k, x, NULL) ||
        !is_linear(layer->v, x, NULL))
        return refuse(f, "queries, keys and values are not made of what the layer adds to their result");
    if (layer->q->weight.rows != f->hidden || layer->k->weight.rows != f->hidden ||
        layer->v->weight.rows != f->hidden || (f->heads != 0 && f->heads != context->heads))
        return refuse(f, "heads are not as wide together as a layer, or not as many in each");
    f->heads = context->heads;
    width = (double)f->hidden / (double)f->heads;
    if (!(fabs(context->number * sqrt(width) - 1) <= 1e-6))
        return refuse(f, "the scores of attention are scaled by another number than 1 / sqrt(width of a head)");
    return RF_OK;
}

static rf_status check_layer(struct found *f, const struct encoder_layer *layer)
{
    if (f->inner == 0)
        f->inner = layer->wide->weight.rows;
    if (f->inner == 1 || layer->wide->weight.rows != f->inner || layer->narrow->weight.rows != f->hidden ||
        layer->out->weight.rows != f->hidden)
        return refuse(f, "layers are not equally wide");
    if (layer->attention_norm->number < f->epsilon || layer->attention_norm->number > f->epsilon ||
        layer->output_norm->number < f->epsilon || layer->output_norm->number > f->epsilon)
        return refuse(f, "norms do not have the same epsilon");
    return RF_OK;
}

/* Whether the type of a token matters. */
static bool has_types(const struct found *f)
{
    return f->tables->types.data != NULL && !f->tables->has_one_type;
}

/* ---- From the end to the beginning ------------------------------------------------------------------------------- */

static bool is_embeddings(const struct term *t)
{
    return t->kind == TERM_NORM && t->x->kind == TERM_EMBEDDINGS;
}

static struct onnx_limits limits_of(const struct term *tables)
{
    const uint64_t rows = tables->positions.rows, first = tables->are_padded ? (uint64_t)tables->number + 1 : 0;

    return (struct onnx_limits){.vocabulary = tables->words.rows,
                                .types = tables->types.data == NULL || tables->has_one_type ? 1 : tables->types.rows,
                                .tokens = rows > first ? rows - first : 0};
}

static rf_status check_tables(const struct found *f)
{
    const struct term *t = f->tables;

    if (t->words.data == NULL || t->positions.data == NULL || !rf__term_is_rows(t))
        return refuse(f, "the first norm is not of the sum of words and positions");
    if (limits_of(t).tokens == 0 || t->number > 1e6)
        return refuse(f, "positions begin behind the end of their table");
    if (f->norm->number < f->epsilon || f->norm->number > f->epsilon)
        return refuse(f, "norms do not have the same epsilon");
    if (f->projection != NULL && t->are_padded)
        return refuse(f, "embeddings that are widened, with positions behind padding");
    return RF_OK;
}

static rf_status walk(struct found *f, const struct term *x)
{
    rf_status status = RF_OK;

    if (x->kind != TERM_NORM || !rf__term_is_rows(x) || x->rank != 3)
        return refuse_term(f, x, "its output is not that of a layer");
    f->hidden = rf__term_width(x);
    f->epsilon = x->number;
    if (f->hidden == 1)
        return refuse(f, "it is one number wide");
    while (status == RF_OK && x->kind == TERM_NORM && !is_embeddings(x)) {
        struct encoder_layer *layer = &f->layers[f->n];
        if (f->n == MAX_LAYERS)
            return refuse(f, "it has too many layers");
        status = read_second_half(f, x, layer);
        if (status == RF_OK)
            status = read_attention(f, layer);
        if (status == RF_OK)
            status = check_layer(f, layer);
        if (status != RF_OK)
            return status;
        f->n++;
        x = layer->out->residual;
    }
    if (f->n == 0)
        return refuse(f, "it has no layers");
    if (x->kind == TERM_LINEAR) {
        f->projection = x;
        if (x->residual != NULL || x->bias.data == NULL || x->weight.rows != f->hidden)
            return refuse(f, "embeddings are not widened by a linear layer with a bias");
        x = x->x;
    }
    if (!is_embeddings(x))
        return refuse_term(f, x->kind == TERM_NORM ? x->x : x, "it does not begin with a norm of embeddings");
    f->norm = x;
    f->tables = x->x;
    return check_tables(f);
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

static struct tensor tensor_of(const char *name, const struct part *part)
{
    const bool is_vector = part->cols == 1 && part->col_step == 1 && part->row_step == 1;
    struct tensor t = {.name = name,
                       .dtype = part->dtype,
                       .rank = is_vector ? 1 : 2,
                       .shape = {part->rows, part->cols},
                       .data = part->data,
                       .n_elements = part->rows * part->cols,
                       .is_strided = !is_vector && (part->col_step != 1 || part->row_step != part->cols),
                       .row_step = part->row_step,
                       .col_step = part->col_step};

    t.data_size = (size_t)t.n_elements * rf__dtype_size(part->dtype);
    return t;
}

static void add_tensor(struct found *f, const char *at, const char *name, const struct part *part)
{
    f->tensors[f->n_tensors++] = tensor_of(rf__graph_name(f->graph, "%s%s", at, name), part);
}

/* A linear layer or a norm. */
static void add_pair(struct found *f, const char *at, const char *name, const struct term *t)
{
    value full = rf__graph_name(f->graph, "%s%s", at, name);

    if (full == NULL)
        return;
    add_tensor(f, full, ".weight", &t->weight);
    add_tensor(f, full, ".bias", &t->bias);
}

static void add_layer(struct found *f, size_t i)
{
    const struct encoder_layer *layer = &f->layers[f->n - 1 - i];
    value at = rf__graph_name(f->graph, "encoder.layer.%zu.", i);

    if (at == NULL)
        return;
    add_pair(f, at, "attention.self.query", layer->q);
    add_pair(f, at, "attention.self.key", layer->k);
    add_pair(f, at, "attention.self.value", layer->v);
    add_pair(f, at, "attention.output.dense", layer->out);
    add_pair(f, at, "attention.output.LayerNorm", layer->attention_norm);
    add_pair(f, at, "intermediate.dense", layer->wide);
    add_pair(f, at, "output.dense", layer->narrow);
    add_pair(f, at, "output.LayerNorm", layer->output_norm);
}

/* positions, and in each of their rows the one row of types that all tokens have. */
static rf_status add_type_to_positions(struct found *f, struct part *positions)
{
    const struct tensor table = tensor_of("", positions);
    const struct part row = {.data = f->tables->types.data,
                             .dtype = f->tables->types.dtype,
                             .rows = positions->cols,
                             .cols = 1,
                             .row_step = 1,
                             .col_step = 1};
    const struct tensor type = tensor_of("", &row);
    const size_t width = (size_t)positions->cols;
    float *values = NULL, *one;
    size_t size;

    if (!rf__mul((size_t)table.n_elements, sizeof *values, &size))
        return rf__fail_memory(f->err);
    values = rf__graph_alloc(f->graph, size);
    one = rf__graph_alloc(f->graph, width * sizeof *one);
    if (values == NULL || one == NULL)
        return rf__graph_status(f->graph);
    (void)rf__tensor_to_f32(&table, 0, table.n_elements, values, NULL); /* both are of float */
    (void)rf__tensor_to_f32(&type, 0, width, one, NULL);
    for (size_t i = 0; i < table.n_elements; i++)
        values[i] += one[i % width];
    *positions = (struct part){(const uint8_t *)values, DTYPE_F32, positions->rows, positions->cols, width, 1};
    return RF_OK;
}

static rf_status add_tensors(struct found *f)
{
    const struct term *t = f->tables;
    struct part positions = t->positions;
    rf_status status = RF_OK;

    f->tensors = rf__alloc_array(16 * f->n + 7, sizeof *f->tensors);
    if (f->tensors == NULL)
        return rf__fail_memory(f->err);
    if (t->has_one_type)
        status = add_type_to_positions(f, &positions);
    if (status != RF_OK)
        return status;
    add_tensor(f, "embeddings.", "word_embeddings.weight", &t->words);
    add_tensor(f, "embeddings.", "position_embeddings.weight", &positions);
    if (has_types(f))
        add_tensor(f, "embeddings.", "token_type_embeddings.weight", &t->types);
    add_pair(f, "embeddings.", "LayerNorm", f->norm);
    if (f->projection != NULL)
        add_pair(f, "", "embeddings_project", f->projection);
    for (size_t i = 0; i < f->n; i++)
        add_layer(f, i);
    return rf__graph_status(f->graph);
}

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static rf_status write_config(const struct found *f, struct buf *out)
{
    const struct term *t = f->tables;
    const char *model_type = f->projection != NULL ? "electra" : t->are_padded ? "roberta" : "bert";

    rf__buf_init(out, CONFIG_MAX);
    return rf__buf_printf(
        out, f->err,
        "{\"model_type\": \"%s\", \"vocab_size\": %llu, \"max_position_embeddings\": %llu, \"type_vocab_size\": %llu, "
        "\"embedding_size\": %llu, \"hidden_size\": %llu, \"num_hidden_layers\": %zu, \"num_attention_heads\": %llu, "
        "\"intermediate_size\": %llu, \"hidden_act\": \"%s\", \"layer_norm_eps\": %.17g, \"pad_token_id\": %.0f}",
        model_type, (unsigned long long)t->words.rows, (unsigned long long)t->positions.rows,
        (unsigned long long)(has_types(f) ? t->types.rows : 0), (unsigned long long)t->words.cols,
        (unsigned long long)f->hidden, f->n, (unsigned long long)f->heads, (unsigned long long)f->inner, f->activation,
        f->epsilon, t->are_padded ? t->number : 0);
}

rf_status rf__recognize_encoder(const struct term *term, struct graph *graph, const char *path, struct recognized *out,
                                rf_error *err)
{
    struct found f = {.graph = graph, .path = path, .err = err};
    rf_status status;

    f.layers = rf__calloc(MAX_LAYERS, sizeof *f.layers);
    status = f.layers == NULL ? rf__fail_memory(err) : walk(&f, term);
    if (status == RF_OK)
        status = add_tensors(&f);
    if (status == RF_OK)
        status = write_config(&f, &out->config);
    if (status == RF_OK)
        out->limits = limits_of(f.tables);
    if (status == RF_OK)
        status = rf__weights_of(path, f.tensors, f.n_tensors, &out->weights, err);
    rf__free(f.layers);
    rf__free(f.tensors);
    return status;
}
