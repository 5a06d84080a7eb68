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

/* Which of what packing gives is wanted. */
enum wanted { PANELS, SCALES, SUMS };

/* Packs one part into `out`; returns what comes behind it. */
static char *pack_part(const struct source *source, const float *values, enum wanted wanted, char *out)
{
    const size_t n = rf__pack_lanes(source->rows), k = rf__pack_lanes(source->cols);
    void *panels = wanted == PANELS ? out : NULL, *scales = wanted == SCALES ? out : NULL;
    void *sums = wanted == SUMS ? out : NULL;
    size_t element = 4;

    switch (source->precision) {
    case ONNX_KERNELS_INT16:
        rf__pack_i16(values, source->rows, source->cols, panels, scales);
        element = 2;
        break;
    case ONNX_KERNELS_INT8:
        rf__pack_i8(values, source->rows, source->cols, panels, scales, sums);
        element = 1;
        break;
    default:
        rf__pack_f32(values, source->rows, source->cols, panels);
        break;
    }
    return out + (wanted == PANELS ? n * k * element : n * rf__pack_groups(k) * 4);
}

static rf_status make_layer(const void *arg, void *out, enum wanted wanted, rf_error *err)
{
    const struct source *source = arg;
    char *at = out;

    for (size_t i = 0; i < source->n_parts; i++) {
        float *values = NULL;
        rf_status status = read_part(source, i, &values, err);
        if (status != RF_OK)
            return status;
        at = pack_part(source, values, wanted, at);
        rf__free(values);
    }
    return RF_OK;
}

static rf_status make_panels(const void *arg, void *out, rf_error *err)
{
    return make_layer(arg, out, PANELS, err);
}

static rf_status make_scales(const void *arg, void *out, rf_error *err)
{
    return make_layer(arg, out, SCALES, err);
}

static rf_status make_sums(const void *arg, void *out, rf_error *err)
{
    return make_layer(arg, out, SUMS, err);
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

/* NULL after a failure. */
static struct source *new_source(struct packed *packed, size_t n_parts, uint64_t rows, uint64_t cols)
{
    struct graph *g = packed->arch->graph;
    struct source *source = rf__graph_alloc(g, sizeof *source);
    size_t all;

    if (source == NULL)
        return NULL;
    /* Sizes are below 2^18 each (arch_bert.c); with three parts and padding the bytes still have to fit a size_t. */
    if (!rf__mul(rf__pack_lanes((size_t)rows) * n_parts, rf__pack_lanes((size_t)cols), &all) ||
        !rf__mul(all, sizeof(float), &all)) {
        rf__graph_fail(g, rf__fail(rf__graph_error(g), RF_UNSUPPORTED, "a tensor is too large for this machine"));
        return NULL;
    }
    *source = (struct source){.weights = packed->arch->weights,
                              .precision = packed->arch->precision,
                              .n_parts = n_parts,
                              .rows = (size_t)rows,
                              .cols = (size_t)cols};
    return source;
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
    static const struct {
        int type;
        size_t size;
    } elements[] = {
        [ONNX_KERNELS_FP32] = {FLOAT, 4}, [ONNX_KERNELS_INT16] = {INT16, 2}, [ONNX_KERNELS_INT8] = {INT8, 1}};
    struct graph *g = packed->arch->graph;
    struct source *weights = new_source(packed, n_names, out->n, in->n),
                  *biases = new_source(packed, n_names, out->n, 1);
    enum onnx_precision precision = packed->arch->precision;
    struct made_tensor made = {.make = make_panels, .arg = weights};
    size_t n, k;

    assert(n_names <= PACKED_MAX_PARTS && precision != ONNX_OPERATORS);
    if (weights == NULL || biases == NULL)
        return;
    for (size_t i = 0; i < n_names; i++) {
        weights->parts[i] = rf__arch_matrix_tensor(packed->arch, rf__graph_name(g, "%s.weight", names[i]), out, in);
        biases->parts[i] = rf__arch_vector_tensor(packed->arch, rf__graph_name(g, "%s.bias", names[i]), NULL, out);
    }
    n = n_names * rf__pack_lanes(weights->rows);
    k = rf__pack_lanes(weights->cols);
    made.type = elements[precision].type;
    made.size = elements[precision].size;
    made.n = n * k;
    append_made(packed, names[0], ".panels", made);
    made.n = n * rf__pack_groups(k);
    made.size = 4;
    if (precision != ONNX_KERNELS_FP32) {
        made.type = FLOAT;
        made.make = make_scales;
        append_made(packed, names[0], ".scales", made);
    }
    if (precision == ONNX_KERNELS_INT8) {
        made.type = INT32;
        made.make = make_sums;
        append_made(packed, names[0], ".sums", made);
    }
    append_vector(packed, rf__graph_name(g, "%s.bias", names[0]), biases);
}
