/* packed: see packed.h. The bytes are made when the file is written, one tensor at a time, so that memory holds one. */
#include "onnx/packed.h"

#include "base/mem.h"
#include "pack/pack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT8  ONNX__TENSOR_PROTO__DATA_TYPE__INT8
#define INT16 ONNX__TENSOR_PROTO__DATA_TYPE__INT16
#define INT32 ONNX__TENSOR_PROTO__DATA_TYPE__INT32

/* Rows of a tensor; NULL: zeros. */
struct part {
    const struct tensor *tensor;
    size_t first, rows;
};

/* What a made tensor is made of; in the graph's memory. */
struct source {
    const struct weights *weights; /* not the arch: that is gone when the file is written */
    enum onnx_precision precision;
    struct part parts[PACKED_MAX_PARTS]; /* each [rows, cols]; a vector has one column */
    size_t n_parts, cols;
    float plus; /* added to each */
};

struct packed rf__packed_new(struct arch *arch, size_t cap)
{
    return (struct packed){.arch = arch, .items = rf__graph_alloc(arch->graph, cap * sizeof(value)), .cap = cap};
}

static void append(struct packed *packed, value item)
{
    if (rf__graph_status(packed->arch->graph) != RF_OK)
        return;
    assert(packed->n < packed->cap);
    packed->items[packed->n++] = item;
}

void rf__packed_constant(struct packed *packed, value constant)
{
    append(packed, constant);
}

void rf__packed_table(struct packed *packed, const char *name, const struct arch_size *rows,
                      const struct arch_size *cols)
{
    append(packed, rf__arch_matrix(packed->arch, rf__graph_name(packed->arch->graph, "%s.weight", name), rows, cols));
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */

rf_status rf__packed_read(const struct weights *weights, const struct tensor *tensor, size_t first, size_t n,
                          float *out, rf_error *err)
{
    rf_status status = rf__tensor_to_f32(tensor, first, n, out, err);

    for (size_t k = 0; status == RF_OK && k < n; k++)
        if (!isfinite(out[k]))
            status = rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' holds NaN or infinity: the weights are damaged",
                              rf__weights_path(weights), tensor->name);
    return status;
}

/* Part i as floats, [rows, cols]. */
static rf_status fill_part(const struct source *source, size_t i, float *out, rf_error *err)
{
    const struct part *part = &source->parts[i];
    const size_t n = part->rows * source->cols;
    rf_status status;

    if (part->tensor == NULL) {
        memset(out, 0, n * sizeof *out);
        return RF_OK;
    }
    status = rf__packed_read(source->weights, part->tensor, part->first * source->cols, n, out, err);
    for (size_t k = 0; status == RF_OK && source->plus != 0 && k < n; k++)
        out[k] += source->plus;
    return status;
}

static rf_status read_part(const struct source *source, size_t i, float **out, rf_error *err)
{
    float *values = rf__alloc_array(source->parts[i].rows * source->cols, sizeof *values);
    rf_status status = values == NULL ? rf__fail_memory(err) : fill_part(source, i, values, err);

    if (status == RF_OK)
        *out = values;
    else
        rf__free(values);
    return status;
}

/* Each part up to whole lanes. */
static rf_status make_vector(const void *arg, void *out, rf_error *err)
{
    const struct source *source = arg;
    float *to = out;
    rf_status status = RF_OK;

    for (size_t i = 0; i < source->n_parts && status == RF_OK; i++) {
        const size_t rows = source->parts[i].rows, whole = rf__pack_lanes(rows);
        status = fill_part(source, i, to, err);
        memset(to + rows, 0, (whole - rows) * sizeof *to);
        to += whole;
    }
    return status;
}

/* The first part as it is. */
static rf_status make_bare_vector(const void *arg, void *out, rf_error *err)
{
    return fill_part(arg, 0, out, err);
}

/* A linear layer. What goes with its panels is made together with them, which are written first, and is kept in the
 * graph's memory until it is written. */
struct layer {
    struct source source;
    const struct fit_inputs *inputs; /* of int8 */
    size_t k, n_groups;
    size_t n; /* of all parts, each rounded up */
    float *scales, *smooth;
    int32_t *sums;
};

static size_t element_size(enum onnx_precision precision)
{
    return precision == ONNX_KERNELS_INT8 ? 1 : precision == ONNX_KERNELS_INT16 ? 2 : 4;
}

/* Packs a part of `rows`, whose weights are `values`, behind the `before` rows of others. `fit`: of int8. */
static rf_status pack_part(const struct layer *layer, const struct fit *fit, const float *values, size_t rows,
                           size_t before, char *panels, rf_error *err)
{
    const struct source *source = &layer->source;
    void *out = panels + before * layer->k * element_size(source->precision);
    const size_t at = before * layer->n_groups;

    switch (source->precision) {
    case ONNX_KERNELS_INT16:
        rf__pack_i16(values, rows, source->cols, out, layer->scales + at);
        return RF_OK;
    case ONNX_KERNELS_INT8:
        return rf__fit_pack_i8(fit, values, rows, out, layer->scales + at, layer->sums + at, err);
    default:
        rf__pack_f32(values, rows, source->cols, out);
        return RF_OK;
    }
}

static rf_status make_parts(const struct layer *layer, char *panels, rf_error *err)
{
    size_t before = 0;

    for (size_t i = 0; i < layer->source.n_parts; i++) {
        const size_t rows = layer->source.parts[i].rows;
        float *values = NULL;
        rf_status status = read_part(&layer->source, i, &values, err);
        if (status == RF_OK)
            status = pack_part(layer, NULL, values, rows, before, panels, err);
        rf__free(values);
        if (status != RF_OK)
            return status;
        before += rf__pack_lanes(rows);
    }
    return RF_OK;
}

/* Parts that share their input are fitted together. */
static rf_status make_fitted_parts(const struct layer *layer, char *panels, rf_error *err)
{
    const struct source *source = &layer->source;
    float *all = rf__alloc_array(layer->n * source->cols, sizeof *all), *at = all;
    struct fit *fit = NULL;
    size_t n_rows = 0, before = 0;
    rf_status status = all == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; status == RF_OK && i < source->n_parts; i++) {
        status = fill_part(source, i, all + n_rows * source->cols, err);
        n_rows += source->parts[i].rows;
    }
    if (status == RF_OK)
        status = rf__fit_new(layer->inputs, all, n_rows, source->cols, &fit, err);
    for (size_t i = 0; status == RF_OK && i < source->n_parts; i++) {
        const size_t rows = source->parts[i].rows;
        status = pack_part(layer, fit, at, rows, before, panels, err);
        at += rows * source->cols;
        before += rf__pack_lanes(rows);
    }
    if (status == RF_OK)
        memcpy(layer->smooth, rf__fit_smooth(fit), layer->k * sizeof *layer->smooth);
    rf__fit_free(fit);
    rf__free(all);
    return status;
}

static rf_status make_panels(const void *arg, void *out, rf_error *err)
{
    const struct layer *layer = arg;

    return layer->source.precision == ONNX_KERNELS_INT8 ? make_fitted_parts(layer, out, err)
                                                        : make_parts(layer, out, err);
}

static rf_status make_scales(const void *arg, void *out, rf_error *err)
{
    const struct layer *layer = arg;

    (void)err;
    memcpy(out, layer->scales, layer->n * layer->n_groups * sizeof *layer->scales);
    return RF_OK;
}

static rf_status make_sums(const void *arg, void *out, rf_error *err)
{
    const struct layer *layer = arg;

    (void)err;
    memcpy(out, layer->sums, layer->n * layer->n_groups * sizeof *layer->sums);
    return RF_OK;
}

static rf_status make_smooth(const void *arg, void *out, rf_error *err)
{
    const struct layer *layer = arg;

    (void)err;
    memcpy(out, layer->smooth, layer->k * sizeof *layer->smooth);
    return RF_OK;
}

/* `arg` is a pointer to the number of bytes. */
static rf_status make_zeros(const void *arg, void *out, rf_error *err)
{
    (void)err;
    memset(out, 0, *(const size_t *)arg);
    return RF_OK;
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */

static void append_made(struct packed *packed, const char *name, const char *suffix, struct made_tensor made)
{
    struct graph *g = packed->arch->graph;

    append(packed, rf__graph_made(g, rf__graph_name(g, "%s%s", name, suffix), &made));
}

void rf__packed_zeros(struct packed *packed, const char *name, size_t rows, uint64_t cols)
{
    size_t *size = rf__graph_alloc(packed->arch->graph, sizeof *size);

    if (size == NULL)
        return;
    *size = rows * (size_t)cols * sizeof(float);
    append_made(packed, name, "",
                (struct made_tensor){
                    .type = FLOAT, .n = rows * (size_t)cols, .size = sizeof(float), .make = make_zeros, .arg = size});
}

/* What may be as large as sizes of config.json say; false: too large for this machine, a failure. */
static bool fits(struct packed *packed, size_t rows, size_t cols)
{
    struct graph *g = packed->arch->graph;
    size_t all;

    if (rf__mul(rows, rf__pack_lanes(cols), &all) && rf__mul(all, sizeof(float), &all))
        return true;
    rf__graph_fail(g, rf__fail(rf__graph_error(g), RF_UNSUPPORTED, "a tensor is too large for this machine"));
    return false;
}

static struct source new_source(const struct packed *packed, size_t cols)
{
    return (struct source){.weights = packed->arch->weights, .precision = packed->arch->precision, .cols = cols};
}

/* A copy in the graph's memory; NULL after a failure. */
static struct source *keep_source(struct packed *packed, const struct source *source)
{
    struct source *copy = rf__graph_alloc(packed->arch->graph, sizeof *copy);

    if (copy != NULL)
        *copy = *source;
    return copy;
}

static void add_part(struct source *source, const struct tensor *tensor, uint64_t first, uint64_t rows)
{
    assert(source->n_parts < PACKED_MAX_PARTS);
    source->parts[source->n_parts++] = (struct part){tensor, (size_t)first, (size_t)rows};
}

static size_t rounded_rows(const struct source *source)
{
    size_t n = 0;

    for (size_t i = 0; i < source->n_parts; i++)
        n += rf__pack_lanes(source->parts[i].rows);
    return n;
}

/* What int8 is fitted to; a layer without it is a failure. */
static const struct fit_inputs *next_inputs(struct packed *packed, size_t k)
{
    const struct arch *arch = packed->arch;
    size_t i = packed->n_linear++;

    if (i < arch->n_inputs && arch->inputs[i].k == k)
        return &arch->inputs[i];
    rf__graph_fail(arch->graph, rf__fail(rf__graph_error(arch->graph), RF_BAD_FORMAT,
                                         "int8: what was measured of the model does not belong to its weights"));
    return NULL;
}

/* NULL after a failure. */
static struct layer *new_layer(struct packed *packed, const struct source *source)
{
    struct graph *g = packed->arch->graph;
    struct layer *layer = rf__graph_alloc(g, sizeof *layer);
    const bool is_i8 = packed->arch->precision == ONNX_KERNELS_INT8;
    size_t n_scales;

    if (layer == NULL)
        return NULL;
    *layer = (struct layer){.source = *source, .k = rf__pack_lanes(source->cols), .n = rounded_rows(source)};
    if (!fits(packed, layer->n, source->cols))
        return NULL;
    layer->n_groups = rf__pack_groups(layer->k, is_i8 ? PACK_GROUP_I8 : PACK_GROUP_I16);
    n_scales = layer->n * layer->n_groups;
    if (packed->arch->precision != ONNX_KERNELS_FP32)
        layer->scales = rf__graph_alloc(g, n_scales * sizeof *layer->scales);
    if (is_i8) {
        layer->inputs = next_inputs(packed, layer->k);
        layer->sums = rf__graph_alloc(g, n_scales * sizeof *layer->sums);
        layer->smooth = rf__graph_alloc(g, layer->k * sizeof *layer->smooth);
    }
    return rf__graph_status(g) == RF_OK ? layer : NULL;
}

static void append_vector(struct packed *packed, const char *name, const struct source *source)
{
    append_made(packed, name, "",
                (struct made_tensor){.type = FLOAT,
                                     .n = rounded_rows(source),
                                     .size = sizeof(float),
                                     .make = make_vector,
                                     .arg = keep_source(packed, source)});
}

/* The weight of a norm. */
static struct source norm_source(struct packed *packed, const char *name, enum packed_norm kind,
                                 const struct arch_size *size)
{
    struct graph *g = packed->arch->graph;
    struct source source = new_source(packed, 1);

    add_part(&source,
             rf__arch_vector_tensor(packed->arch, rf__graph_name(g, "%s.weight", name),
                                    rf__graph_name(g, "%s.gamma", name), size),
             0, size->n);
    source.plus = kind == PACKED_NORM_PLUS_1 ? 1 : 0;
    return source;
}

void rf__packed_norm(struct packed *packed, const char *name, enum packed_norm kind, const struct arch_size *size)
{
    struct graph *g = packed->arch->graph;
    const struct source weight = norm_source(packed, name, kind, size);
    struct source bias = new_source(packed, 1);
    value full = rf__graph_name(g, "%s.bias", name);
    const struct tensor *tensor = NULL;

    if (kind == PACKED_NORM)
        tensor = rf__arch_vector_tensor(packed->arch, full, rf__graph_name(g, "%s.beta", name), size);
    add_part(&bias, tensor, 0, size->n);
    append_vector(packed, rf__graph_name(g, "%s.weight", name), &weight);
    append_vector(packed, full, &bias);
}

void rf__packed_norm_weight(struct packed *packed, const char *name, enum packed_norm kind,
                            const struct arch_size *size)
{
    const struct source source = norm_source(packed, name, kind, size);

    append_made(packed, name, ".weight",
                (struct made_tensor){.type = FLOAT,
                                     .n = (size_t)size->n,
                                     .size = sizeof(float),
                                     .make = make_bare_vector,
                                     .arg = keep_source(packed, &source)});
}

/* The tensors of a linear layer's weights and biases; false after a failure. */
static bool find_parts(struct packed *packed, const struct packed_part *parts, size_t n_parts, bool has_bias,
                       const struct arch_size *in, struct source *weights, struct source *biases)
{
    struct arch *arch = packed->arch;
    struct graph *g = arch->graph;

    *weights = new_source(packed, (size_t)in->n);
    *biases = new_source(packed, 1);
    for (size_t i = 0; i < n_parts; i++) {
        const struct packed_part *part = &parts[i];
        const uint64_t n = part->n > 0 ? part->n : part->all.n;
        value name = rf__graph_name(g, "%s.bias", part->name);
        add_part(weights, rf__arch_matrix_tensor(arch, rf__graph_name(g, "%s.weight", part->name), &part->all, in),
                 part->first, n);
        add_part(biases, has_bias ? rf__arch_vector_tensor(arch, name, NULL, &part->all) : NULL, part->first, n);
        assert(part->first <= part->all.n && n <= part->all.n - part->first);
    }
    return rf__graph_status(g) == RF_OK;
}

void rf__packed_linear(struct packed *packed, const struct packed_part *parts, size_t n_parts, bool has_bias,
                       const struct arch_size *in)
{
    static const int types[] = {[ONNX_KERNELS_FP32] = FLOAT, [ONNX_KERNELS_INT16] = INT16, [ONNX_KERNELS_INT8] = INT8};
    struct graph *g = packed->arch->graph;
    enum onnx_precision precision = packed->arch->precision;
    struct made_tensor made = {.type = types[precision], .size = element_size(precision), .make = make_panels};
    const char *name = parts[0].name;
    struct source weights, biases;
    struct layer *layer;

    assert(n_parts <= PACKED_MAX_PARTS && precision != ONNX_OPERATORS);
    if (!find_parts(packed, parts, n_parts, has_bias, in, &weights, &biases))
        return;
    layer = new_layer(packed, &weights);
    if (layer == NULL)
        return;
    made.arg = layer;
    made.n = layer->n * layer->k;
    append_made(packed, name, ".panels", made);
    made.size = 4;
    made.n = layer->n * layer->n_groups;
    if (layer->scales != NULL) {
        made.type = FLOAT;
        made.make = make_scales;
        append_made(packed, name, ".scales", made);
    }
    if (layer->sums != NULL) {
        made.type = INT32;
        made.make = make_sums;
        append_made(packed, name, ".sums", made);
        made.type = FLOAT;
        made.make = make_smooth;
        made.n = layer->k;
        append_made(packed, name, ".smooth", made);
    }
    append_vector(packed, rf__graph_name(g, "%s.bias", name), &biases);
}
