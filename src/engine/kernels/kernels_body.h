/*
 * kernels_body: the functions of struct kernels over the vectors of a vec_*.h, which is included before; see kernels.h.
 * A file that includes this is compiled for its instruction set, without contraction of a * b + c by the compiler.
 */
#include "engine/kernels/kernels.h"

#include <math.h>
#include <string.h>

#define LANES PACK_LANES
#if defined(UNROLL) /* the vectors of plain C are loops themselves */
#elif defined(__clang__)
#define UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

/* ---- Functions ------------------------------------------------------------------------------------------------- */

/* e^x for -87 <= x <= 0, and e^-87, the last before numbers become denormal, for what is below. 2^n e^r with r in
 * [-ln 2 / 2, ln 2 / 2] and Cephes' polynomial for e^r; ln 2 in two parts keeps r exact. Relative error below 1.2e-7
 * (test_kernels). */
VEC vf exp_vec(vf x)
{
    const vf magic = vf_set1(0x1.8p23F);
    vf low = vf_set1(-87.0F), n, r, p, t;

    x = vf_max(x, low);
    t = vf_fma(x, vf_set1(1.44269504F), magic);
    n = vf_sub(t, magic);
    r = vf_fma(n, vf_set1(-0.693359375F), x);
    r = vf_fma(n, vf_set1(2.12194440e-4F), r);
    p = vf_fma(vf_set1(1.9875691500e-4F), r, vf_set1(1.3981999507e-3F));
    p = vf_fma(p, r, vf_set1(8.3334519073e-3F));
    p = vf_fma(p, r, vf_set1(4.1665795894e-2F));
    p = vf_fma(p, r, vf_set1(1.6666665459e-1F));
    p = vf_fma(p, r, vf_set1(5.0000001201e-1F));
    p = vf_fma(p, vf_mul(r, r), r);
    return vf_shift_exponent(vf_add(p, vf_set1(1)), t);
}

/* x / 2 (1 + erf(x / sqrt 2)). erf is a rational function of degree 9 over 12, odd, on [-3.744, 3.744], beyond which it
 * is 1 in float; error of erf below 4e-7 (test_kernels). */
VEC vf gelu_vec(vf x)
{
    const vf edge = vf_set1(3.7439211627767994F);
    vf z = vf_mul(x, vf_set1(0.707106781F)), z2, p, q, half = vf_mul(x, vf_set1(0.5F));

    z = vf_max(vf_min(z, edge), vf_sub(vf_set1(0), edge));
    z2 = vf_mul(z, z);
    p = vf_fma(vf_set1(2.2905065861350646e-4F), z2, vf_set1(3.4082910107109506e-3F));
    q = vf_fma(vf_set1(-1.1791602954361697e-7F), z2, vf_set1(2.3547966471313185e-5F));
    p = vf_fma(p, z2, vf_set1(5.0955695062380861e-2F));
    q = vf_fma(q, z2, vf_set1(1.0179625278914885e-3F));
    p = vf_fma(p, z2, vf_set1(1.8520832239976145e-1F));
    q = vf_fma(q, z2, vf_set1(1.4070470171167667e-2F));
    p = vf_fma(p, z2, vf_set1(1.128379143519084F));
    q = vf_fma(q, z2, vf_set1(1.1098505178285362e-1F));
    q = vf_fma(q, z2, vf_set1(4.9746925110067538e-1F));
    q = vf_fma(q, z2, vf_set1(1));
    return vf_fma(half, vf_div(vf_mul(p, z), q), half);
}

/* x / (1 + e^-y), with e of a number that is not above 0 on both sides: no overflow. */
VEC vf sigmoid_gate(vf x, vf y)
{
    vf negative = vf_min(y, vf_set1(0)), e, one = vf_set1(1);

    /* y < 0: e^y / (1 + e^y); else 1 / (1 + e^-y). The numerator is e^min(y, 0). */
    e = exp_vec(vf_sub(vf_add(negative, negative), y)); /* e^-|y| */
    return vf_div(vf_mul(x, exp_vec(negative)), vf_add(one, e));
}

/* x / 2 (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x^3) */
VEC vf gelu_tanh_vec(vf x)
{
    vf u = vf_fma(vf_mul(vf_mul(x, x), x), vf_set1(0.044715F), x);

    return sigmoid_gate(x, vf_mul(u, vf_set1(1.59576912F)));
}

VEC void activate_one(enum activation_kind kind, float *x)
{
    switch (kind) {
    case ACTIVATION_GELU:
        vf_store(x, gelu_vec(vf_load(x)));
        break;
    case ACTIVATION_GELU_TANH:
        vf_store(x, gelu_tanh_vec(vf_load(x)));
        break;
    case ACTIVATION_RELU:
        vf_store(x, vf_max(vf_load(x), vf_set1(0)));
        break;
    case ACTIVATION_SILU:
        vf_store(x, sigmoid_gate(vf_load(x), vf_load(x)));
        break;
    case ACTIVATION_NONE:
        break;
    }
}

static void activate(enum activation_kind kind, float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        activate_one(kind, x + i);
}

static void gate(enum activation_kind kind, const float *x, const float *by, float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) {
        vf_store(y + i, vf_load(x + i));
        activate_one(kind, y + i);
        vf_store(y + i, vf_mul(vf_load(y + i), vf_load(by + i)));
    }
}

static void exp_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        vf_store(x + i, exp_vec(vf_load(x + i)));
}

/* ---- Linear layers --------------------------------------------------------------------------------------------- */

/* What a tile reads and writes: `m` rows by `nv` panels. */
struct tile {
    const void *a;        /* first row; rows lda bytes apart */
    const void *w;        /* first panel; panels w_stride bytes apart */
    size_t lda, w_stride; /* bytes */
    size_t k;
    float *y;
    size_t ldy;
    /* fp32 attention has none of these */
    const float *bias, *residual; /* at the tile's first column; residual as y, or NULL */
    size_t n_groups, groups_ld;   /* of k here; from one panel's to the next's */
    size_t rows_ld;
    const float *row_scales;  /* of the first row; those of a group beside each other, the next group's rows_ld on */
    const float *row_middles; /* likewise */
    const float *w_scales;    /* of the first panel; groups_ld * LANES apart */
    const int32_t *w_sums;    /* likewise */
    const char *ahead, *ahead_end; /* this tile's share of the weights that come next, which it brings into the cache */
    size_t ahead_step;             /* bytes of it between two stretches of products */
};

#define LINE 64 /* of a cache, bytes */

/* Brings a little of what comes next near, and returns where to go on: many lines asked for at once would stop the
 * processor until they come. */
VEC const char *look_ahead(const struct tile *t, const char *at)
{
#if defined(__GNUC__)
    for (size_t i = 0; i < t->ahead_step && at < t->ahead_end; i += LINE, at += LINE)
        __builtin_prefetch(at, 0, 2);
#else
    (void)t;
#endif
    return at;
}

/* What a sum starts with. */
VEC vf tile_start(const struct tile *t, int i, int j)
{
    vf start = t->bias == NULL ? vf_set1(0) : vf_load(t->bias + j * LANES);

    if (t->residual != NULL)
        start = vf_add(start, vf_load(t->residual + (size_t)i * t->ldy + j * LANES));
    return start;
}

#define STRETCH_F32 16 /* of k */

VEC void tile_f32(const struct tile *t, const int m, const int nv)
{
    vf acc[TILE_ROWS][TILE_VECS];
    const char *w = t->w, *a = t->a, *ahead = t->ahead;

    UNROLL for (int i = 0; i < m; i++)
    {
        UNROLL for (int j = 0; j < nv; j++) acc[i][j] = tile_start(t, i, j);
    }
    for (size_t p = 0; p < t->k; p++) {
        if (p % STRETCH_F32 == 0)
            ahead = look_ahead(t, ahead);
        vf b[TILE_VECS];
        UNROLL for (int j = 0; j < nv; j++) b[j] = vf_load((const float *)(const void *)(w + (size_t)j * t->w_stride));
        UNROLL for (int i = 0; i < m; i++)
        {
            vf x = vf_set1(*(const float *)(const void *)(a + (size_t)i * t->lda));
            UNROLL for (int j = 0; j < nv; j++) acc[i][j] = vf_fma(x, b[j], acc[i][j]);
        }
        w += LANES * sizeof(float);
        a += sizeof(float);
    }
    UNROLL for (int i = 0; i < m; i++)
    {
        UNROLL for (int j = 0; j < nv; j++) vf_store(t->y + (size_t)i * t->ldy + j * LANES, acc[i][j]);
    }
}

/* The sums of a group, added to the tile's with their scales; and the middle of what was quantized times the weights'
 * sum. */
VEC void add_group(const struct tile *t, const int m, const int nv, size_t group, vi acc[TILE_ROWS][TILE_VECS],
                   const bool is_i8, vf sums[TILE_ROWS][TILE_VECS])
{
    const float *row_scales = t->row_scales + group * t->rows_ld;
    const float *row_middles = is_i8 ? t->row_middles + group * t->rows_ld : NULL;

    UNROLL for (int j = 0; j < nv; j++)
    {
        const size_t at = ((size_t)j * t->groups_ld + group) * LANES;
        vf scale = vf_load(t->w_scales + at), sum = scale;
        if (is_i8)
            sum = vf_mul(vf_from_int(vi_load(t->w_sums + at)), scale);
        UNROLL for (int i = 0; i < m; i++)
        {
            vf both = vf_mul(scale, vf_set1(row_scales[i])), y = sums[i][j];
            if (is_i8)
                y = vf_fma(sum, vf_set1(row_middles[i]), y);
            sums[i][j] = vf_fma(vf_from_int(acc[i][j]), both, y);
        }
    }
}

/* How wide a tile of int8 is: groups are so short that its sums, as integers and as floats, should all be in registers
 * at once. */
#define TILE_VECS_I8 (TILE_VECS > 2 ? 2 : TILE_VECS)

/* int16: 2 of k in a step of 4 bytes of a row; int8: 4 of k. */
VEC void tile_int(const struct tile *t, const int m, const int nv, const bool is_i8)
{
    const size_t step = is_i8 ? 4 : 2, size = is_i8 ? PACK_GROUP_I8 : PACK_GROUP_I16;
    const char *w = t->w, *a = t->a, *ahead = t->ahead;
    vf sums[TILE_ROWS][TILE_VECS];

    UNROLL for (int i = 0; i < m; i++)
    {
        UNROLL for (int j = 0; j < nv; j++) sums[i][j] = tile_start(t, i, j);
    }
    for (size_t group = 0; group < t->n_groups; group++) {
        size_t left = t->k - group * size, n_steps = (left < size ? left : size) / step;
        vi acc[TILE_ROWS][TILE_VECS];
        ahead = look_ahead(t, ahead);
        UNROLL for (int j = 0; j < nv; j++)
        {
            vi start =
                is_i8 && INT8_OFFSET != 0 ? vi_load(t->w_sums + ((size_t)j * t->groups_ld + group) * LANES) : vi_zero();
            UNROLL for (int i = 0; i < m; i++) acc[i][j] = start;
        }
        for (size_t p = 0; p < n_steps; p++) {
            vi b[TILE_VECS];
            UNROLL for (int j = 0; j < nv; j++) b[j] = vi_load(w + (size_t)j * t->w_stride);
            UNROLL for (int i = 0; i < m; i++)
            {
                vi x = vi_set4(a + (size_t)i * t->lda);
                UNROLL for (int j = 0; j < nv; j++) acc[i][j] =
                    is_i8 ? vi_dot_i8(acc[i][j], x, b[j]) : vi_dot_i16(acc[i][j], x, b[j]);
            }
            w += 4 * LANES;
            a += 4;
        }
        add_group(t, m, nv, group, acc, is_i8, sums);
    }
    UNROLL for (int i = 0; i < m; i++)
    {
        UNROLL for (int j = 0; j < nv; j++) vf_store(t->y + (size_t)i * t->ldy + j * LANES, sums[i][j]);
    }
}

enum tile_kind { TILE_F32, TILE_I16, TILE_I8 };

VEC void tile_of(const struct tile *t, const int m, const int nv, const enum tile_kind kind)
{
    if (kind == TILE_F32)
        tile_f32(t, m, nv);
    else
        tile_int(t, m, nv, kind == TILE_I8);
}

/* A tile of any height, its width TILE_VECS or 1. The sums of a row are the same at each height. */
VEC void tile_any(const struct tile *t, size_t m, const int nv, const enum tile_kind kind)
{
    switch (m) {
    case 1:
        tile_of(t, 1, nv, kind);
        break;
#if TILE_ROWS >= 2
    case 2:
        tile_of(t, 2, nv, kind);
        break;
#endif
#if TILE_ROWS >= 3
    case 3:
        tile_of(t, 3, nv, kind);
        break;
#endif
#if TILE_ROWS >= 4
    case 4:
        tile_of(t, 4, nv, kind);
        break;
#endif
#if TILE_ROWS >= 5
    case 5:
        tile_of(t, 5, nv, kind);
        break;
#endif
#if TILE_ROWS >= 6
    case 6:
        tile_of(t, 6, nv, kind);
        break;
#endif
    default:
        break;
    }
}

/* All rows of one column of panels, of which n_left follow in this job. */
VEC void linear_rows(const struct linear_job *job, size_t panel, const int nv, size_t n_left, const enum tile_kind kind)
{
    const struct linear *w = job->w;
    const size_t size = kind == TILE_F32 ? 4 : kind == TILE_I16 ? 2 : 1;
    const size_t n_groups = rf__pack_groups(w->k, kind == TILE_I8 ? PACK_GROUP_I8 : PACK_GROUP_I16);
    const size_t n_stretches = kind == TILE_F32 ? (w->k + STRETCH_F32 - 1) / STRETCH_F32 : n_groups;
    const size_t n_tiles = (job->rows + TILE_ROWS - 1) / TILE_ROWS, column = panel * LANES;
    const bool scaled = kind != TILE_F32;
    struct tile t = {.w_stride = w->k * LANES * size,
                     .lda = w->k * size,
                     .k = w->k,
                     .ldy = job->ldy,
                     .n_groups = n_groups,
                     .groups_ld = n_groups,
                     .rows_ld = job->q.ld};
    const char *ahead;
    size_t ahead_size = (size_t)nv * t.w_stride, share;

    t.w = (const char *)w->panels + panel * t.w_stride;
    t.bias = w->bias + column;
    if (scaled)
        t.w_scales = w->scales + panel * n_groups * LANES;
    if (kind == TILE_I8)
        t.w_sums = w->sums + panel * n_groups * LANES;
    ahead = (const char *)t.w + ahead_size;
    if (n_left == 0 && job->ahead == NULL)
        ahead_size = 0;
    else if (n_left == 0)
        ahead = job->ahead;
    share = (ahead_size / n_tiles + LINE - 1) / LINE * LINE;
    t.ahead_step = (share / n_stretches + LINE - 1) / LINE * LINE;
    for (size_t row = 0, tile = 0, m; tile < n_tiles; tile++, row += m, ahead += share) {
        m = (job->rows - row) / (n_tiles - tile);
        t.a = (kind == TILE_F32 ? (const char *)job->x : (const char *)job->q.values) + row * t.lda;
        t.row_scales = scaled ? job->q.scales + row : NULL;
        t.row_middles = kind == TILE_I8 ? job->q.middles + row : NULL;
        t.y = job->y + row * job->ldy + column;
        t.residual = job->residual == NULL ? NULL : job->residual + row * job->ldy + column;
        t.ahead = ahead;
        t.ahead_end = ahead + share;
        tile_any(&t, m, nv, kind);
        if (job->activation != ACTIVATION_NONE) {
            for (size_t i = 0; i < m; i++)
                activate(job->activation, t.y + i * job->ldy, (size_t)nv * LANES);
        }
    }
}

VEC void linear(const struct linear_job *job, const enum tile_kind kind)
{
    const int nv = kind == TILE_I8 ? TILE_VECS_I8 : TILE_VECS;
    size_t panel = job->first;

    for (; panel + (size_t)nv <= job->last; panel += (size_t)nv)
        linear_rows(job, panel, nv, job->last - panel - (size_t)nv, kind);
#if TILE_VECS > 1
    for (; panel < job->last; panel++)
        linear_rows(job, panel, 1, job->last - panel - 1, kind);
#endif
}

static void linear_f32(const struct linear_job *job)
{
    linear(job, TILE_F32);
}

static void linear_i16(const struct linear_job *job)
{
    linear(job, TILE_I16);
}

static void linear_i8(const struct linear_job *job)
{
    linear(job, TILE_I8);
}

/* ---- Quantization ---------------------------------------------------------------------------------------------- */

VEC vf vf_abs(vf x)
{
    return vf_max(x, vf_sub(vf_set1(0), x));
}

/* A group of a row, [n], to integers; returns its scale. */
VEC float quantize_group_i16(const float *x, size_t n, int16_t *out)
{
    const float max = PACK_MAX_I16;
    vf largest = vf_set1(0), inverse;
    float most;

    for (size_t i = 0; i < n; i += LANES)
        largest = vf_max(vf_abs(vf_load(x + i)), largest);
    most = vf_highest(largest);
    inverse = vf_set1(most > 1e-30F ? max / most : 0);
    for (size_t i = 0; i < n; i += LANES)
        vi_store_i16(out + i, vf_round(vf_mul(vf_load(x + i), inverse)));
    return most > 1e-30F ? most / max : 0;
}

static void quantize_i16(const struct linear *w, const float *x, size_t rows, const struct quantized *out)
{
    const size_t k = w->k;
    int16_t *values = out->values;

    for (size_t row = 0; row < rows; row++) {
        for (size_t begin = 0; begin < k; begin += PACK_GROUP_I16) {
            size_t n = k - begin < PACK_GROUP_I16 ? k - begin : PACK_GROUP_I16;
            out->scales[begin / PACK_GROUP_I16 * out->ld + row] =
                quantize_group_i16(x + row * k + begin, n, values + row * k + begin);
        }
    }
}

/* int8: around the middle of the smallest and the largest of a group, so that what is mostly on one side of 0, as
 * behind GELU, has all steps. How far the numbers reach is taken from the middle as it was rounded: none is beyond the
 * last step. Each step is done for many groups of a row before the next, as it waits for the one before. */
#define GROUPS_AT_ONCE 32

/* The largest and the smallest of x * smooth. */
VEC void find_ends(const float *x, const float *smooth, const size_t n, float *high, float *low)
{
    vf v = vf_mul(vf_load(x), vf_load(smooth)), highest = v, lowest = v;

    UNROLL for (size_t i = LANES; i < n; i += LANES)
    {
        v = vf_mul(vf_load(x + i), vf_load(smooth + i));
        highest = vf_max(v, highest);
        lowest = vf_min(v, lowest);
    }
    *high = vf_highest(highest);
    *low = -vf_highest(vf_sub(vf_set1(0), lowest));
}

VEC void store_group_i8(const float *x, const float *smooth, const size_t n, float middle, float inverse, int8_t *out)
{
    const vf center = vf_set1(middle), steps = vf_set1(inverse);

    UNROLL for (size_t i = 0; i < n; i += LANES)
    {
        vf v = vf_sub(vf_mul(vf_load(x + i), vf_load(smooth + i)), center);
        vi_store_i8(out + i, vi_offset(vf_round(vf_mul(v, steps))));
    }
}

/* Some groups of a row. scales and middles are those of the first; those of the next are ld on. */
static void quantize_groups_i8(const float *x, const float *smooth, size_t n, int8_t *out, float *scales,
                               float *middles, size_t ld)
{
    const size_t n_whole = n / PACK_GROUP_I8, whole = n_whole * PACK_GROUP_I8;
    const size_t n_groups = rf__pack_groups(n, PACK_GROUP_I8);
    const float max = PACK_MAX_I8;
    float high[GROUPS_AT_ONCE], low[GROUPS_AT_ONCE], middle[GROUPS_AT_ONCE], inverse[GROUPS_AT_ONCE];

    for (size_t g = 0; g < n_whole; g++)
        find_ends(x + g * PACK_GROUP_I8, smooth + g * PACK_GROUP_I8, PACK_GROUP_I8, &high[g], &low[g]);
    if (whole < n)
        find_ends(x + whole, smooth + whole, n - whole, &high[n_whole], &low[n_whole]);
    for (size_t g = 0; g < n_groups; g++) {
        float center = high[g] * 0.5F + low[g] * 0.5F, above = high[g] - center, below = center - low[g];
        float reach = above > below ? above : below;
        middle[g] = center;
        inverse[g] = reach > 1e-30F ? max / reach : 0;
        scales[g * ld] = reach > 1e-30F ? reach / max : 0;
        middles[g * ld] = center * -0x1p-7F;
    }
    for (size_t g = 0; g < n_whole; g++)
        store_group_i8(x + g * PACK_GROUP_I8, smooth + g * PACK_GROUP_I8, PACK_GROUP_I8, middle[g], inverse[g],
                       out + g * PACK_GROUP_I8);
    if (whole < n)
        store_group_i8(x + whole, smooth + whole, n - whole, middle[n_whole], inverse[n_whole], out + whole);
}

static void quantize_i8(const struct linear *w, const float *x, size_t rows, const struct quantized *out)
{
    const size_t k = w->k, most = GROUPS_AT_ONCE * PACK_GROUP_I8;
    int8_t *values = out->values;

    for (size_t row = 0; row < rows; row++) {
        for (size_t begin = 0; begin < k; begin += most) {
            size_t n = k - begin < most ? k - begin : most, at = row * k + begin;
            size_t to = begin / PACK_GROUP_I8 * out->ld + row;
            quantize_groups_i8(x + at, w->smooth + begin, n, values + at, out->scales + to, out->middles + to, out->ld);
        }
    }
}

/* ---- Layer normalization --------------------------------------------------------------------------------------- */

/* `below` in the lanes below n, `beyond` in the others. */
VEC vf lanes(size_t n, float below, float beyond)
{
    float values[LANES];

    for (size_t i = 0; i < LANES; i++)
        values[i] = i < n ? below : beyond;
    return vf_load(values);
}

static void norm(const struct norm *norm, const float *x, float *y, size_t rows)
{
    const size_t last = norm->ld - LANES;
    const vf mask = lanes(norm->width - last, 1, 0);

    for (size_t row = 0; row < rows; row++, x += norm->ld, y += norm->ld) {
        vf sum = vf_set1(0), squares = vf_set1(0), mean, factor, d;
        for (size_t i = 0; i <= last; i += LANES)
            sum = vf_add(sum, vf_load(x + i));
        mean = vf_set1(norm->is_rms ? 0 : vf_sum(sum) / (float)norm->width);
        for (size_t i = 0; i < last; i += LANES) {
            d = vf_sub(vf_load(x + i), mean);
            squares = vf_fma(d, d, squares);
        }
        d = vf_mul(vf_sub(vf_load(x + last), mean), mask);
        squares = vf_fma(d, d, squares);
        factor = vf_set1(1 / sqrtf(vf_sum(squares) / (float)norm->width + norm->epsilon));
        for (size_t i = 0; i <= last; i += LANES) {
            d = vf_mul(vf_sub(vf_load(x + i), mean), factor);
            vf_store(y + i, vf_fma(d, vf_load(norm->weight + i), vf_load(norm->bias + i)));
        }
    }
}

/* ---- Rotary positions ------------------------------------------------------------------------------------------ */

static void rotate(float *x, size_t n_heads, size_t half, const float *cosines, const float *sines)
{
    const size_t whole = half / LANES * LANES;

    for (size_t head = 0; head < n_heads; head++, x += 2 * half) {
        for (size_t i = 0; i < whole; i += LANES) {
            const vf c = vf_load(cosines + i), s = vf_load(sines + i), a = vf_load(x + i), b = vf_load(x + half + i);
            vf_store(x + i, vf_sub(vf_mul(a, c), vf_mul(b, s)));
            vf_store(x + half + i, vf_add(vf_mul(b, c), vf_mul(a, s)));
        }
        for (size_t i = whole; i < half; i++) {
            const float a = x[i], b = x[half + i];
            x[i] = a * cosines[i] - b * sines[i];
            x[half + i] = b * cosines[i] + a * sines[i];
        }
    }
}

/* ---- Attention ------------------------------------------------------------------------------------------------- */

/* The scratch of a head: keys as panels of 16 keys, [n / 16][width][16]; values as panels of 16 columns,
 * [width / 16][n][16]; queries with the scale, [n, width]; the scores and the result of one tile's rows. */
struct head {
    float *keys, *values, *queries, *scores, *result;
    size_t n_all, width_all; /* rounded up */
};

static void pack_head(const struct attention_job *job, struct head *head)
{
    const size_t n = job->n, width = job->width;

    head->n_all = rf__pack_lanes(n);
    head->width_all = rf__pack_lanes(width);
    head->keys = job->scratch;
    head->values = head->keys + head->n_all * width;
    head->queries = head->values + n * head->width_all;
    head->scores = head->queries + rf__pack_lanes(n * width);
    head->result = head->scores + TILE_ROWS * head->n_all;
    for (size_t i = 0; i < head->n_all; i++) {
        float *out = head->keys + i / LANES * width * LANES + i % LANES;
        for (size_t c = 0; c < width; c++)
            out[c * LANES] = i < n ? job->k[i * job->ld + c] : 0;
    }
    for (size_t c = 0; c < head->width_all; c += LANES) {
        float *out = head->values + c * n;
        for (size_t i = 0; i < n; i++, out += LANES) {
            const float *v = job->v + i * job->ld + c;
            if (c + LANES <= width) {
                vf_store(out, vf_load(v));
            } else {
                for (size_t lane = 0; lane < LANES; lane++)
                    out[lane] = c + lane < width ? v[lane] : 0;
            }
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < width; c++)
            head->queries[i * width + c] = job->q[i * job->ld + c] * job->scale;
}

VEC void next_panels(struct tile *t, size_t n)
{
    t->w = (const char *)t->w + n * t->w_stride;
    t->y += n * LANES;
    if (t->w_scales != NULL)
        t->w_scales += n * t->groups_ld * LANES;
}

/* m rows times panels, without bias; t says where the first panel and its columns of y are, before and after. */
VEC void small_product(struct tile *t, size_t n_panels, size_t m, const enum tile_kind kind)
{
    const void *const w = t->w;
    const float *const w_scales = t->w_scales;
    float *const y = t->y;
    size_t panel = 0;

    for (; panel + TILE_VECS <= n_panels; panel += TILE_VECS) {
        tile_any(t, m, TILE_VECS, kind);
        next_panels(t, TILE_VECS);
    }
#if TILE_VECS > 2
    for (; panel + 2 <= n_panels; panel += 2) {
        tile_any(t, m, 2, kind);
        next_panels(t, 2);
    }
#endif
#if TILE_VECS > 1
    for (; panel < n_panels; panel++) {
        tile_any(t, m, 1, kind);
        next_panels(t, 1);
    }
#endif
    t->w = w;
    t->w_scales = w_scales;
    t->y = y;
}

/* Functions of their own: all heights and widths of a tile are much code. */
static void small_product_f32(struct tile *t, size_t n_panels, size_t m)
{
    small_product(t, n_panels, m, TILE_F32);
}

static void small_product_i16(struct tile *t, size_t n_panels, size_t m)
{
    small_product(t, n_panels, m, TILE_I16);
}

/* What m rows of a tile see: row i the keys from low[i] to high[i] - 1; all of them together those from begin, where a
 * group of keys begins, to end - 1. */
struct view {
    size_t begin, end, low[TILE_ROWS], high[TILE_ROWS];
};

VEC struct view view_of(const struct attention_job *job, size_t row, size_t m, size_t group)
{
    struct view view;

    for (size_t i = 0; i < m; i++) {
        const size_t at = row + i;
        view.low[i] = at > job->before ? at - job->before : 0;
        view.high[i] = job->n - 1 - at > job->after ? at + job->after + 1 : job->n;
    }
    view.begin = view.low[0] / group * group;
    view.end = view.high[m - 1];
    return view;
}

/* For the lanes of keys at, at + 1 …: `mask` is 1 and `beyond` 0 for those from low to high - 1, 0 and -infinity for
 * others. */
VEC void edge(size_t at, size_t low, size_t high, vf *mask, vf *beyond)
{
#define ALL(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
    static const float inside[3 * LANES] = {ALL(0), ALL(1), ALL(0)};
    static const float outside[3 * LANES] = {ALL(-INFINITY), ALL(0), ALL(-INFINITY)};
#undef ALL
    const size_t n_out = low <= at ? 0 : low - at < LANES ? low - at : LANES;
    const size_t n_in = high <= at ? 0 : high - at < LANES ? high - at : LANES;

    *mask = vf_mul(vf_load(inside + LANES - n_out), vf_load(inside + 2 * LANES - n_in));
    *beyond = vf_add(vf_load(outside + LANES - n_out), vf_load(outside + 2 * LANES - n_in));
}

/* Adds the bias to the scores of m rows; rows are ld apart. */
VEC void add_bias(const struct attention_job *job, const struct view *view, size_t row, size_t m, float *scores,
                  size_t ld)
{
    for (size_t i = 0; i < m; i++, scores += ld) {
        const float *bias = job->bias + job->n - 1 - (row + i);
        for (size_t k = view->begin; k < view->end; k += LANES)
            vf_store(scores + k, vf_add(vf_load(scores + k), vf_load(bias + k)));
    }
}

/* Scores of m rows, ld apart -> e^(score - the row's highest), 0 for what a row does not see, and their sums. Step by
 * step for all rows, as each step waits for the one before: rows beside each other fill the time. */
VEC void softmax_rows(float *scores, size_t ld, size_t m, const struct view *view, float *sums)
{
    vf top[TILE_ROWS], sum[TILE_ROWS], mask, beyond;

    for (size_t row = 0; row < m; row++) {
        const float *at = scores + row * ld;
        vf high = vf_set1(-INFINITY);
        for (size_t i = view->begin; i < view->end; i += LANES) {
            vf score = vf_load(at + i);
            if (i < view->low[row] || i + LANES > view->high[row]) {
                edge(i, view->low[row], view->high[row], &mask, &beyond);
                score = vf_add(score, beyond);
            }
            high = vf_max(score, high);
        }
        top[row] = vf_set1(vf_highest(high));
    }
    for (size_t row = 0; row < m; row++) {
        float *at = scores + row * ld;
        sum[row] = vf_set1(0);
        for (size_t i = view->begin; i < view->end; i += LANES) {
            vf e;
            if (i < view->low[row] || i + LANES > view->high[row]) {
                edge(i, view->low[row], view->high[row], &mask, &beyond);
                e = vf_mul(exp_vec(vf_sub(vf_add(vf_load(at + i), beyond), top[row])), mask);
            } else {
                e = exp_vec(vf_sub(vf_load(at + i), top[row]));
            }
            sum[row] = vf_add(sum[row], e);
            vf_store(at + i, e);
        }
    }
    for (size_t row = 0; row < m; row++)
        sums[row] = vf_sum(sum[row]);
}

static void attention(const struct attention_job *job)
{
    struct head head;

    pack_head(job, &head);
    struct tile scores = {.lda = job->width * sizeof(float),
                          .w_stride = job->width * LANES * sizeof(float),
                          .k = job->width,
                          .ldy = head.n_all};
    struct tile result = {.lda = head.n_all * sizeof(float),
                          .w_stride = job->n * LANES * sizeof(float),
                          .y = head.result,
                          .ldy = head.width_all};
    for (size_t row = 0; row < job->n; row += TILE_ROWS) {
        const size_t m = job->n - row < TILE_ROWS ? job->n - row : TILE_ROWS;
        const struct view view = view_of(job, row, m, LANES);
        float sums[TILE_ROWS];
        scores.a = head.queries + row * job->width;
        scores.w = head.keys + view.begin * job->width;
        scores.y = head.scores + view.begin;
        small_product_f32(&scores, (view.end - view.begin + LANES - 1) / LANES, m);
        if (job->bias != NULL)
            add_bias(job, &view, row, m, head.scores, head.n_all);
        softmax_rows(head.scores, head.n_all, m, &view, sums);
        result.a = head.scores + view.begin;
        result.w = head.values + view.begin * LANES;
        result.k = view.end - view.begin;
        small_product_f32(&result, head.width_all / LANES, m);
        for (size_t i = 0; i < m; i++) {
            const float *from = head.result + i * head.width_all;
            float *to = job->out + (row + i) * job->ldo;
            for (size_t c = 0; c < job->width; c++)
                to[c] = from[c] / sums[i];
        }
    }
}

/* ---- Attention in int16 ------------------------------------------------------------------------------------------ */

/* The scratch of a head whose queries, keys, weights and values are int16: a query or key has one scale, which is
 * there for each group of its columns; values have one for each column and PACK_GROUP_I16 tokens; the weights of a
 * token, which add up to 1, are multiples of 1 / WEIGHT_ONE. A group of 128 of them times values of VALUE_MAX stays
 * below 2^31. */
#define WEIGHT_ONE 32767
#define VALUE_MAX  16383

struct head_i16 {
    int16_t *keys;     /* [n / 16][width / 2][16][2] */
    int16_t *values;   /* [width / 16][n / 2][16][2] */
    int16_t *queries;  /* [n, width] */
    int16_t *weights;  /* [TILE_ROWS, n_all] */
    float *key_scales; /* [n / 16][n_key_groups][16] */
    float *value_scales, *query_scales, *weight_scales;
    float *scores; /* [TILE_ROWS, n_all] */
    size_t n_all, n_even, n_groups, n_key_groups;
};

static void lay_out_i16(const struct attention_job *job, struct head_i16 *head)
{
    const size_t n = job->n, width = job->width;
    float *at = job->scratch;

    head->n_all = rf__pack_lanes(n);
    head->n_even = (n + 1) / 2 * 2;
    head->n_groups = rf__pack_groups(head->n_even, PACK_GROUP_I16);
    head->n_key_groups = rf__pack_groups(width, PACK_GROUP_I16);
    head->keys = (int16_t *)at;
    at += head->n_all * width / 2;
    head->values = (int16_t *)at;
    at += head->n_even * width / 2;
    head->queries = (int16_t *)at;
    at += n * width / 2;
    head->weights = (int16_t *)at;
    at += TILE_ROWS * head->n_all / 2;
    head->scores = at;
    at += TILE_ROWS * head->n_all;
    head->key_scales = at;
    at += head->n_all * head->n_key_groups;
    head->value_scales = at;
    at += head->n_groups * width;
    head->query_scales = at;
    at += n;
    head->weight_scales = at;
}

static void pack_keys_i16(const struct attention_job *job, const struct head_i16 *head)
{
    const size_t width = job->width;
    int16_t key[ATTENTION_I16_WIDTH];

    for (size_t i = 0; i < head->n_all; i++) {
        char *out = (char *)(head->keys + i / LANES * width * LANES) + i % LANES * 2 * sizeof *key;
        float *scales = head->key_scales + i / LANES * head->n_key_groups * LANES + i % LANES, scale = 0;
        if (i < job->n)
            scale = quantize_group_i16(job->k + i * job->ld, width, key);
        else
            memset(key, 0, width * sizeof *key);
        for (size_t group = 0; group < head->n_key_groups; group++)
            scales[group * LANES] = scale;
        for (size_t c = 0; c < width; c += 2)
            memcpy(out + c * LANES * sizeof *key, key + c, 2 * sizeof *key);
    }
}

/* Tokens [begin, begin + n) of 16 columns; a token that makes their number even is zeros. */
VEC void pack_values_group(const struct attention_job *job, size_t column, size_t begin, size_t n, int16_t *out,
                           float *scales)
{
    const float *v = job->v + begin * job->ld + column;
    const vf zero = vf_set1(0);
    vf most = vf_set1(1e-30F), inverse;

    for (size_t i = 0; i < n; i++)
        most = vf_max(vf_abs(vf_load(v + i * job->ld)), most);
    inverse = vf_div(vf_set1(VALUE_MAX), most);
    vf_store(scales, vf_div(most, vf_set1(VALUE_MAX)));
    for (size_t i = 0; i < n; i += 2, out += 2 * LANES) {
        vf even = vf_load(v + i * job->ld), odd = i + 1 < n ? vf_load(v + (i + 1) * job->ld) : zero;
        vi_store_pairs_i16(out, vf_round(vf_mul(even, inverse)), vf_round(vf_mul(odd, inverse)));
    }
}

static void pack_head_i16(const struct attention_job *job, struct head_i16 *head)
{
    const size_t n = job->n, width = job->width;

    lay_out_i16(job, head);
    pack_keys_i16(job, head);
    for (size_t c = 0; c < width; c += LANES) {
        for (size_t begin = 0; begin < n; begin += PACK_GROUP_I16) {
            size_t left = n - begin, group = begin / PACK_GROUP_I16;
            pack_values_group(job, c, begin, left < PACK_GROUP_I16 ? left : PACK_GROUP_I16,
                              head->values + c * head->n_even + begin * LANES,
                              head->value_scales + (c / LANES * head->n_groups + group) * LANES);
        }
    }
    for (size_t i = 0; i < n; i++)
        head->query_scales[i] = quantize_group_i16(job->q + i * job->ld, width, head->queries + i * width) * job->scale;
    for (size_t i = 0; i < TILE_ROWS * head->n_groups; i++)
        head->weight_scales[i] = 1.0F / WEIGHT_ONE;
}

static void attention_i16(const struct attention_job *job)
{
    const size_t n = job->n, width = job->width;
    struct head_i16 head;

    pack_head_i16(job, &head);
    struct tile scores = {.lda = width * sizeof(int16_t),
                          .w_stride = width * LANES * sizeof(int16_t),
                          .k = width,
                          .ldy = head.n_all,
                          .n_groups = head.n_key_groups,
                          .groups_ld = head.n_key_groups};
    struct tile result = {.lda = head.n_all * sizeof(int16_t),
                          .w_stride = head.n_even * LANES * sizeof(int16_t),
                          .ldy = job->ldo,
                          .groups_ld = head.n_groups,
                          .row_scales = head.weight_scales,
                          .rows_ld = TILE_ROWS};
    for (size_t row = 0; row < n; row += TILE_ROWS) {
        const size_t m = n - row < TILE_ROWS ? n - row : TILE_ROWS;
        const struct view view = view_of(job, row, m, PACK_GROUP_I16);
        float sums[TILE_ROWS];
        scores.a = head.queries + row * width;
        scores.row_scales = head.query_scales + row;
        scores.w = head.keys + view.begin * width;
        scores.w_scales = head.key_scales + view.begin * head.n_key_groups;
        scores.y = head.scores + view.begin;
        small_product_i16(&scores, (view.end - view.begin + LANES - 1) / LANES, m);
        if (job->bias != NULL)
            add_bias(job, &view, row, m, head.scores, head.n_all);
        softmax_rows(head.scores, head.n_all, m, &view, sums);
        result.a = head.weights + view.begin;
        result.w = head.values + view.begin * LANES;
        result.w_scales = head.value_scales + view.begin / PACK_GROUP_I16 * LANES;
        result.k = (view.end - view.begin + 1) / 2 * 2;
        result.n_groups = rf__pack_groups(result.k, PACK_GROUP_I16);
        for (size_t i = 0; i < m; i++) {
            const float *from = head.scores + i * head.n_all;
            vf factor = vf_set1(WEIGHT_ONE / sums[i]);
            for (size_t k = view.begin; k < view.end; k += LANES)
                vi_store_i16(head.weights + i * head.n_all + k, vf_round(vf_mul(vf_load(from + k), factor)));
        }
        result.y = job->out + row * job->ldo;
        small_product_i16(&result, width / LANES, m);
    }
}

static const struct kernels table = {KERNELS_NAME, linear_f32, linear_i16,    linear_i8, quantize_i16,
                                     quantize_i8,  attention,  attention_i16, norm,      activate,
                                     gate,         rotate,     exp_all};
