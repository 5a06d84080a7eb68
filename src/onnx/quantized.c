/*
 * quantized: see quantized.h. MatMulNBits: docs/ContribOperators.md of ONNX Runtime; an element is
 * (byte - 2^(bits - 1)) * scale, two of 4 bits to a byte, the lower first; the last block of an output is filled up
 * with zeros.
 */
#include "onnx/quantized.h"

#include "base/half.h"
#include "base/mem.h"
#include "os/os.h"
#include "pack/pack.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define UINT8   ONNX__TENSOR_PROTO__DATA_TYPE__UINT8
#define INT8    ONNX__TENSOR_PROTO__DATA_TYPE__INT8
#define FLOAT   ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define FLOAT16 ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16

/* What a tensor is made of: a matrix seen as [n, k], whichever way it lies. */
struct matrix {
    const uint8_t *bytes;
    bool is_transposed; /* lies as [n, k] */
    uint64_t k, n;
    const float *smooth; /* [k], or NULL */
    unsigned bits, block;
    /* Of what is fitted: */
    const float *inverse;  /* [k]: 1 / smooth, or NULL */
    const float *products; /* [k, k] */
    uint32_t threads;
    float *scales; /* [n, blocks]: filled by make_fitted() */
    bool *is_fitted;
};

static float plain_element(const struct matrix *m, uint64_t n, uint64_t k)
{
    float x;

    memcpy(&x, m->bytes + (m->is_transposed ? n * m->k + k : k * m->n + n) * sizeof x, sizeof x);
    return x;
}

static float element(const struct matrix *m, uint64_t n, uint64_t k)
{
    return m->smooth == NULL ? plain_element(m, n, k) : plain_element(m, n, k) * m->smooth[k];
}

static rf_status not_finite(rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "a matrix holds NaN or infinity: the file is damaged");
}

/* In the graph's memory, since its tensors are made of it when the file is written. */
static const struct matrix *keep(struct graph *g, const struct matrix *matrix)
{
    struct matrix *copy = rf__graph_alloc(g, sizeof *copy);

    if (copy != NULL)
        *copy = *matrix;
    return copy;
}

static struct matrix matrix_of(const struct linear *linear)
{
    return (struct matrix){.bytes = linear->weight.bytes,
                           .is_transposed = linear->is_transposed,
                           .k = linear->k,
                           .n = linear->n,
                           .bits = 8};
}

/* ---- Blocks -------------------------------------------------------------------------------------------------- */

/* The scale of elements [first, last) of output n: the one of largest absolute value becomes the lowest number,
 * -2^(bits
 * - 1), whatever its sign, with 4 bits; with 8, the range is even and loses nothing that counts. */
static float block_scale(const struct matrix *m, uint64_t n, uint64_t first, uint64_t last)
{
    float largest = 0;

    for (uint64_t k = first; k < last; k++) {
        float x = element(m, n, k);
        if (!(fabsf(x) <= fabsf(largest)))
            largest = x;
    }
    return m->bits == 4 ? largest / -8 : fabsf(largest) / 127;
}

static uint64_t n_blocks(const struct matrix *m)
{
    return (m->k + m->block - 1) / m->block;
}

static rf_status make_block_scales(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;
    float *scales = out;

    for (uint64_t n = 0; n < m->n; n++) {
        for (uint64_t k = 0; k < m->k; k += m->block) {
            float scale = block_scale(m, n, k, k + m->block < m->k ? k + m->block : m->k);
            if (!isfinite(scale))
                return not_finite(err);
            *scales++ = scale;
        }
    }
    return RF_OK;
}

static uint8_t quantize(float x, float scale, unsigned bits)
{
    const int middle = 1 << (bits - 1), top = 2 * middle - 1;
    int number = scale < 0 || scale > 0 ? (int)lrintf(x / scale) + middle : middle;

    return (uint8_t)(number < 0 ? 0 : number > top ? top : number);
}

static rf_status make_blocks(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;
    const uint8_t middle = (uint8_t)(1 << (m->bits - 1));
    const size_t per_byte = 8 / m->bits;
    uint8_t *bytes = out;

    for (uint64_t n = 0; n < m->n; n++) {
        for (uint64_t first = 0; first < m->k; first += m->block) {
            const uint64_t last = first + m->block < m->k ? first + m->block : m->k;
            const float scale = block_scale(m, n, first, last);
            if (!isfinite(scale))
                return not_finite(err);
            for (uint64_t k = first; k < first + m->block; k += per_byte, bytes++) {
                *bytes = 0;
                for (size_t i = 0; i < per_byte; i++) {
                    uint8_t number = k + i < last ? quantize(element(m, n, k + i), scale, m->bits) : middle;
                    *bytes = (uint8_t)(*bytes | number << (i * m->bits));
                }
            }
        }
    }
    return RF_OK;
}

/* ---- Blocks that are fitted (pack/fit.h) ---------------------------------------------------------------------- */

struct fitting {
    const struct matrix *m;
    const struct fit *fit;
    uint8_t *bytes;
    atomic_size_t next; /* strip of PACK_LANES outputs that nobody has yet */
    atomic_bool is_out_of_memory, is_not_finite;
};

/* A row of whole numbers as bytes, the last block filled up with zeros. */
static void store_row(const struct matrix *m, const int8_t *numbers, uint8_t *bytes)
{
    const int middle = 1 << (m->bits - 1);
    const size_t per_byte = 8 / m->bits;

    for (uint64_t k = 0; k < n_blocks(m) * m->block; k += per_byte, bytes++) {
        *bytes = 0;
        for (size_t i = 0; i < per_byte; i++) {
            int number = (k + i < m->k ? numbers[k + i] : 0) + middle;
            *bytes = (uint8_t)(*bytes | (unsigned)number << (i * m->bits));
        }
    }
}

/* Outputs [first, first + n), in memory for PACK_LANES of them. */
static void fit_strip(struct fitting *f, uint64_t first, size_t n, float *w, int8_t *numbers)
{
    const struct matrix *m = f->m;
    const struct fit_grid grid = {m->bits == 4 ? -8 : -127, m->bits == 4 ? 7 : 127, m->block};
    const size_t row_bytes = (size_t)(n_blocks(m) * m->block * m->bits / 8);
    float *scales = m->scales + first * n_blocks(m);

    for (size_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < m->k; k++) {
            w[i * m->k + k] = plain_element(m, first + i, k);
            if (!isfinite(w[i * m->k + k]))
                atomic_store(&f->is_not_finite, true);
        }
    }
    if (rf__fit_rows(f->fit, &grid, w, n, numbers, scales, NULL) != RF_OK)
        atomic_store(&f->is_out_of_memory, true);
    for (size_t i = 0; i < n * n_blocks(m); i++) {
        if (!isfinite(scales[i]))
            atomic_store(&f->is_not_finite, true);
    }
    for (size_t i = 0; i < n; i++)
        store_row(m, numbers + i * m->k, f->bytes + (first + i) * row_bytes);
}

static void fit_strips(void *arg, size_t worker)
{
    struct fitting *f = arg;
    const struct matrix *m = f->m;
    const uint64_t n_strips = (m->n + PACK_LANES - 1) / PACK_LANES;
    float *w = rf__alloc_array((size_t)m->k, PACK_LANES * sizeof *w);
    int8_t *numbers = rf__alloc_array((size_t)m->k, PACK_LANES);
    (void)worker;

    if (w == NULL || numbers == NULL)
        atomic_store(&f->is_out_of_memory, true);
    while (!atomic_load(&f->is_out_of_memory) && !atomic_load(&f->is_not_finite)) {
        const uint64_t strip = atomic_fetch_add(&f->next, 1), first = strip * PACK_LANES;
        if (strip >= n_strips)
            break;
        fit_strip(f, first, m->n - first < PACK_LANES ? (size_t)(m->n - first) : PACK_LANES, w, numbers);
    }
    rf__free(w);
    rf__free(numbers);
}

static rf_status make_fitted(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;
    struct fitting fitting = {.m = m, .bytes = out};
    struct fit *fit = NULL;
    rf_status status = rf__fit_smoothed(m->products, m->inverse, (size_t)m->k, &fit, err);

    if (status != RF_OK)
        return status;
    fitting.fit = fit;
    rf__os_parallel(m->threads, fit_strips, &fitting);
    rf__fit_free(fit);
    if (fitting.is_not_finite)
        return not_finite(err);
    if (fitting.is_out_of_memory)
        return rf__fail_memory(err);
    *m->is_fitted = true;
    return RF_OK;
}

/* They come with the numbers, which are made before them wherever tensors are written in their order. */
static rf_status make_fitted_scales(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;
    const size_t n = (size_t)(m->n * n_blocks(m));
    rf_status status = RF_OK;

    if (!*m->is_fitted) {
        uint8_t *bytes = rf__alloc_array(n, m->block);
        status = bytes == NULL ? rf__fail_memory(err) : make_fitted(m, bytes, err);
        rf__free(bytes);
    }
    if (status == RF_OK)
        memcpy(out, m->scales, n * sizeof *m->scales);
    return status;
}

struct quantized rf__quantized_blocks(struct graph *g, const char *name, const struct linear *linear,
                                      const struct blocks *how)
{
    const bool is_fitted = how->products != NULL;
    struct matrix matrix = matrix_of(linear);
    const struct matrix *m;
    struct quantized out = {NULL, NULL};
    int64_t blocks, blob = how->size * how->bits / 8;

    matrix.smooth = how->smooth;
    matrix.bits = how->bits;
    matrix.block = how->size;
    matrix.inverse = how->inverse;
    matrix.products = how->products;
    matrix.threads = how->threads;
    blocks = (int64_t)n_blocks(&matrix);
    if (is_fitted) {
        matrix.scales = rf__graph_alloc(g, (size_t)matrix.n * (size_t)blocks * sizeof *matrix.scales);
        matrix.is_fitted = rf__graph_alloc(g, sizeof *matrix.is_fitted);
        if (matrix.scales == NULL || matrix.is_fitted == NULL)
            return out;
        *matrix.is_fitted = false;
    }
    m = keep(g, &matrix);
    if (m == NULL)
        return out;
    out.bytes = rf__graph_made(g, rf__graph_name(g, "%s.q%u", name, how->bits),
                               &(struct made_tensor){.type = UINT8,
                                                     .n = (size_t)(m->n * (uint64_t)blocks * (uint64_t)blob),
                                                     .size = 1,
                                                     .dims = {(int64_t)m->n, blocks, blob},
                                                     .rank = 3,
                                                     .make = is_fitted ? make_fitted : make_blocks,
                                                     .arg = m});
    out.scales = rf__graph_made(g, rf__graph_name(g, "%s.scales", name),
                                &(struct made_tensor){.type = FLOAT,
                                                      .n = (size_t)(m->n * (uint64_t)blocks),
                                                      .size = 4,
                                                      .make = is_fitted ? make_fitted_scales : make_block_scales,
                                                      .arg = m});
    return out;
}

/* ---- Channels ------------------------------------------------------------------------------------------------ */

static rf_status make_channel_scales(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;
    float *scales = out;

    for (uint64_t n = 0; n < m->n; n++) {
        scales[n] = block_scale(m, n, 0, m->k);
        if (!isfinite(scales[n]))
            return not_finite(err);
    }
    return RF_OK;
}

static int8_t quantize_signed(float x, float scale)
{
    return (int8_t)(quantize(x, scale, 8) - 128);
}

/* Element (n, k) goes to bytes[n * n_step + k * k_step], however the matrix lies. */
static rf_status make_numbers(const struct matrix *m, int8_t *bytes, uint64_t n_step, uint64_t k_step, rf_error *err)
{
    for (uint64_t n = 0; n < m->n; n++) {
        const float scale = block_scale(m, n, 0, m->k);
        if (!isfinite(scale))
            return not_finite(err);
        for (uint64_t k = 0; k < m->k; k++)
            bytes[n * n_step + k * k_step] = quantize_signed(element(m, n, k), scale);
    }
    return RF_OK;
}

static rf_status make_channels(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;

    return make_numbers(m, out, 1, m->n, err);
}

struct quantized rf__quantized_channels(struct graph *g, const char *name, const struct linear *linear)
{
    const struct matrix matrix = matrix_of(linear), *m = keep(g, &matrix);
    struct quantized out = {NULL, NULL};

    if (m == NULL)
        return out;
    out.bytes = rf__graph_made(g, rf__graph_name(g, "%s.q8", name),
                               &(struct made_tensor){.type = INT8,
                                                     .n = (size_t)(m->n * m->k),
                                                     .size = 1,
                                                     .dims = {(int64_t)m->k, (int64_t)m->n},
                                                     .rank = 2,
                                                     .make = make_channels,
                                                     .arg = m});
    out.scales = rf__graph_made(
        g, rf__graph_name(g, "%s.scales", name),
        &(struct made_tensor){.type = FLOAT, .n = (size_t)m->n, .size = 4, .make = make_channel_scales, .arg = m});
    return out;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static rf_status make_rows(const void *arg, void *out, rf_error *err)
{
    const struct matrix *m = arg;

    return make_numbers(m, out, m->k, 1, err);
}

struct quantized rf__quantized_rows(struct graph *g, const char *name, const struct constant *table)
{
    const struct matrix *m = keep(g, &(struct matrix){.bytes = table->bytes,
                                                      .is_transposed = true,
                                                      .k = (uint64_t)table->proto->dims[1],
                                                      .n = (uint64_t)table->proto->dims[0],
                                                      .bits = 8});
    struct quantized out = {NULL, NULL};

    if (m == NULL)
        return out;
    out.bytes = rf__graph_made(g, rf__graph_name(g, "%s.q8", name),
                               &(struct made_tensor){.type = INT8,
                                                     .n = (size_t)(m->n * m->k),
                                                     .size = 1,
                                                     .dims = {(int64_t)m->n, (int64_t)m->k},
                                                     .rank = 2,
                                                     .make = make_rows,
                                                     .arg = m});
    out.scales = rf__graph_made(g, rf__graph_name(g, "%s.scales", name),
                                &(struct made_tensor){.type = FLOAT,
                                                      .n = (size_t)m->n,
                                                      .size = 4,
                                                      .dims = {(int64_t)m->n, 1},
                                                      .rank = 2,
                                                      .make = make_channel_scales,
                                                      .arg = m});
    return out;
}

/* ---- fp16 ---------------------------------------------------------------------------------------------------- */

#define HALF_MAX 65504.0F

static rf_status make_halves(const void *arg, void *out, rf_error *err)
{
    const struct constant *constant = arg;
    uint16_t *halves = out;
    (void)err;

    for (uint64_t i = 0; i < constant->n; i++) {
        float x;
        memcpy(&x, constant->bytes + i * sizeof x, sizeof x);
        halves[i] = rf__float_to_half(x);
    }
    return RF_OK;
}

value rf__quantized_half(struct graph *g, const char *name, const struct constant *constant)
{
    struct constant *copy = rf__graph_alloc(g, sizeof *copy);
    struct made_tensor made = {.type = FLOAT16, .size = 2, .make = make_halves, .arg = copy};

    if (copy == NULL || constant->proto->n_dims > MADE_MAX_RANK)
        return NULL;
    for (uint64_t i = 0; i < constant->n; i++) {
        float x;
        memcpy(&x, constant->bytes + i * sizeof x, sizeof x);
        if (!(fabsf(x) <= HALF_MAX))
            return NULL;
    }
    *copy = *constant;
    made.n = (size_t)constant->n;
    made.rank = constant->proto->n_dims;
    memcpy(made.dims, constant->proto->dims, made.rank * sizeof *made.dims);
    return rf__graph_made(g, name, &made);
}

/* ---- Smoothing ----------------------------------------------------------------------------------------------- */

void rf__quantized_row_maxima(const struct linear *linear, float *out)
{
    const struct matrix m = matrix_of(linear);

    for (uint64_t n = 0; n < m.n; n++) {
        for (uint64_t k = 0; k < m.k; k++)
            out[k] = fmaxf(out[k], fabsf(element(&m, n, k)));
    }
}
