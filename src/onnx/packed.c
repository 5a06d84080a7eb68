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

/* What a made tensor is made of; in the graph's memory. */
struct source {
    const struct weights *weights; /* not the arch: that is gone when the file is written */
    enum onnx_precision precision;
    const struct tensor *parts[PACKED_MAX_PARTS]; /* each [rows, cols]; a vector has one column */
    size_t n_parts, rows, cols;
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

void rf__packed_table(struct packed *packed, const char *name, const struct arch_size *rows,
                      const struct arch_size *cols)
{
    append(packed, rf__arch_matrix(packed->arch, rf__graph_name(packed->arch->graph, "%s.weight", name), rows, cols));
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */

/* Part i as floats in new memory. */
static rf_status read_part(const struct source *source, size_t i, float **out, rf_error *err)
{
    const struct tensor *tensor = source->parts[i];
    size_t n = source->rows * source->cols;
    float *values = rf__alloc_array(n, sizeof *values);
    rf_status status = values == NULL ? rf__fail_memory(err) : rf__tensor_to_f32(tensor, 0, n, values, err);

    for (size_t k = 0; status == RF_OK && k < n; k++)
        if (!isfinite(values[k]))
            status = rf__fail(err, RF_BAD_FORMAT, "%s: tensor '%s' holds NaN or infinity: the weights are damaged",
                              rf__weights_path(source->weights), tensor->name);
    if (status == RF_OK)
        *out = values;
    else
        rf__free(values);
    return status;
}

static rf_status make_vector(const void *arg, void *out, rf_error *err)
{
    const struct source *source = arg;
    size_t whole = rf__pack_lanes(source->rows);
    float *to = out;

    for (size_t i = 0; i < source->n_parts; i++) {
        float *values = NULL;
        rf_status status = read_part(source, i, &values, err);
        if (status != RF_OK)
            return status;
        for (size_t k = 0; k < whole; k++)
            *to++ = k < source->rows ? values[k] : 0;
        rf__free(values);
    }
    return RF_OK;
}

/* A linear layer. What goes with its panels is made together with them, which are written first, and is kept in the
 * graph's memory until it is written. */
struct layer {
    struct source source;
    const struct fit_inputs *inputs; /* of int8 */
    size_t n, k;                     /* of one part, rounded up */
    size_t n_scales;                 /* of one part */
    float *scales, *smooth;
    int32_t *sums;
};

static size_t element_size(enum onnx_precision precision)
{
    return precision == ONNX_KERNELS_INT8 ? 1 : precision == ONNX_KERNELS_INT16 ? 2 : 4;
}

/* Packs part i, whose weights are `values`. `fit`: of int8. */
static rf_status pack_part(const struct layer *layer, const struct fit *fit, const float *values, size_t i,
                           char *panels, rf_error *err)
{
    const struct source *source = &layer->source;
    void *out = panels + i * layer->n * layer->k * element_size(source->precision);
    float *scales = layer->scales + i * layer->n_scales;

    switch (source->precision) {
    case ONNX_KERNELS_INT16:
        rf__pack_i16(values, source->rows, source->cols, out, scales);
        return RF_OK;
    case ONNX_KERNELS_INT8:
        return rf__fit_pack_i8(fit, values, source->rows, out, scales, layer->sums + i * layer->n_scales, err);
    default:
        rf__pack_f32(values, source->rows, source->cols, out);
        return RF_OK;
    }
}

static rf_status make_parts(const struct layer *layer, char *panels, rf_error *err)
{
    for (size_t i = 0; i < layer->source.n_parts; i++) {
        float *values = NULL;
        rf_status status = read_part(&layer->source, i, &values, err);
        if (status == RF_OK)
            status = pack_part(layer, NULL, values, i, panels, err);
        rf__free(values);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

/* Parts that share their input are fitted together. */
static rf_status make_fitted_parts(const struct layer *layer, char *panels, rf_error *err)
{
    const struct source *source = &layer->source;
    const size_t n = source->rows * source->cols;
    float *all = rf__alloc_array(n * source->n_parts, sizeof *all);
    struct fit *fit = NULL;
    rf_status status = all == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; status == RF_OK && i < source->n_parts; i++) {
        float *values = NULL;
        status = read_part(source, i, &values, err);
        if (status == RF_OK)
            memcpy(all + i * n, values, n * sizeof *all);
        rf__free(values);
    }
    if (status == RF_OK)
        status = rf__fit_new(layer->inputs, all, source->rows * source->n_parts, source->cols, &fit, err);
    for (size_t i = 0; status == RF_OK && i < source->n_parts; i++)
        status = pack_part(layer, fit, all + i * n, i, panels, err);
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
    memcpy(out, layer->scales, layer->source.n_parts * layer->n_scales * sizeof *layer->scales);
    return RF_OK;
}

static rf_status make_sums(const void *arg, void *out, rf_error *err)
{
    const struct layer *layer = arg;

    (void)err;
    memcpy(out, layer->sums, layer->source.n_parts * layer->n_scales * sizeof *layer->sums);
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

static bool set_source(struct packed *packed, size_t n_parts, uint64_t rows, uint64_t cols, struct source *source)
{
    struct graph *g = packed->arch->graph;
    size_t all;

    /* Sizes are below 2^18 each (arch_bert.c); with three parts and padding the bytes still have to fit a size_t. */
    if (!rf__mul(rf__pack_lanes((size_t)rows) * n_parts, rf__pack_lanes((size_t)cols), &all) ||
        !rf__mul(all, sizeof(float), &all)) {
        rf__graph_fail(g, rf__fail(rf__graph_error(g), RF_UNSUPPORTED, "a tensor is too large for this machine"));
        return false;
    }
    *source = (struct source){.weights = packed->arch->weights,
                              .precision = packed->arch->precision,
                              .n_parts = n_parts,
                              .rows = (size_t)rows,
                              .cols = (size_t)cols};
    return true;
}

/* NULL after a failure. */
static struct source *new_source(struct packed *packed, size_t n_parts, uint64_t rows, uint64_t cols)
{
    struct source *source = rf__graph_alloc(packed->arch->graph, sizeof *source);

    return source != NULL && set_source(packed, n_parts, rows, cols, source) ? source : NULL;
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
static struct layer *new_layer(struct packed *packed, size_t n_parts, uint64_t rows, uint64_t cols)
{
    struct graph *g = packed->arch->graph;
    struct layer *layer = rf__graph_alloc(g, sizeof *layer);
    bool is_i8 = packed->arch->precision == ONNX_KERNELS_INT8;

    if (layer == NULL)
        return NULL;
    *layer = (struct layer){.n = rf__pack_lanes((size_t)rows), .k = rf__pack_lanes((size_t)cols)};
    if (!set_source(packed, n_parts, rows, cols, &layer->source))
        return NULL;
    layer->n_scales = layer->n * rf__pack_groups(layer->k, is_i8 ? PACK_GROUP_I8 : PACK_GROUP_I16);
    if (packed->arch->precision != ONNX_KERNELS_FP32)
        layer->scales = rf__graph_alloc(g, n_parts * layer->n_scales * sizeof *layer->scales);
    if (is_i8) {
        layer->inputs = next_inputs(packed, layer->k);
        layer->sums = rf__graph_alloc(g, n_parts * layer->n_scales * sizeof *layer->sums);
        layer->smooth = rf__graph_alloc(g, layer->k * sizeof *layer->smooth);
    }
    return rf__graph_status(g) == RF_OK ? layer : NULL;
}

static void append_vector(struct packed *packed, const char *name, struct source *source)
{
    append_made(packed, name, "",
                (struct made_tensor){.type = FLOAT,
                                     .n = source->n_parts * rf__pack_lanes(source->rows),
                                     .size = sizeof(float),
                                     .make = make_vector,
                                     .arg = source});
}

void rf__packed_norm(struct packed *packed, const char *name, const struct arch_size *size)
{
    static const char *const names[2][2] = {{"weight", "gamma"}, {"bias", "beta"}};
    struct graph *g = packed->arch->graph;

    for (int i = 0; i < 2; i++) {
        value full = rf__graph_name(g, "%s.%s", name, names[i][0]);
        struct source *source = new_source(packed, 1, size->n, 1);
        if (source == NULL)
            return;
        source->parts[0] =
            rf__arch_vector_tensor(packed->arch, full, rf__graph_name(g, "%s.%s", name, names[i][1]), size);
        append_vector(packed, full, source);
    }
}

void rf__packed_linear(struct packed *packed, const char *const *names, size_t n_names, const struct arch_size *in,
                       const struct arch_size *out)
{
    static const int types[] = {[ONNX_KERNELS_FP32] = FLOAT, [ONNX_KERNELS_INT16] = INT16, [ONNX_KERNELS_INT8] = INT8};
    struct graph *g = packed->arch->graph;
    enum onnx_precision precision = packed->arch->precision;
    struct layer *layer = new_layer(packed, n_names, out->n, in->n);
    struct source *biases = new_source(packed, n_names, out->n, 1);
    struct made_tensor made = {.type = types[precision], .size = element_size(precision), .make = make_panels};

    assert(n_names <= PACKED_MAX_PARTS && precision != ONNX_OPERATORS);
    if (layer == NULL || biases == NULL)
        return;
    for (size_t i = 0; i < n_names; i++) {
        layer->source.parts[i] =
            rf__arch_matrix_tensor(packed->arch, rf__graph_name(g, "%s.weight", names[i]), out, in);
        biases->parts[i] = rf__arch_vector_tensor(packed->arch, rf__graph_name(g, "%s.bias", names[i]), NULL, out);
    }
    made.arg = layer;
    made.n = n_names * layer->n * layer->k;
    append_made(packed, names[0], ".panels", made);
    made.size = 4;
    made.n = n_names * layer->n_scales;
    if (layer->scales != NULL) {
        made.type = FLOAT;
        made.make = make_scales;
        append_made(packed, names[0], ".scales", made);
    }
    if (layer->sums != NULL) {
        made.type = INT32;
        made.make = make_sums;
        append_made(packed, names[0], ".sums", made);
        made.type = FLOAT;
        made.make = make_smooth;
        made.n = layer->k;
        append_made(packed, names[0], ".smooth", made);
    }
    append_vector(packed, rf__graph_name(g, "%s.bias", names[0]), biases);
}
