/* fit: see fit.h. */
#include "pack/fit.h"

#include "base/mem.h"
#include "pack/pack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define LANES PACK_LANES
#define GROUP PACK_GROUP_I8

/* Of the mean of x^T x's diagonal, added to it: for columns that hardly occur, or always together. More of it is less
 * fitted to these texts, and better for such as are unlike them: with groups as small as those of rf__fit_rows() the
 * errors that it leaves count for less than that. */
#define DAMPING      0.01F
#define DAMPING_ROWS 0.3F

struct fit {
    size_t k, k_all;
    float *smooth; /* [k_all] */
    float *factor; /* [k_all, k_all]: row j holds U's column j in front of the diagonal */
};

void rf__fit_free(struct fit *fit)
{
    if (fit == NULL)
        return;
    rf__free(fit->smooth);
    rf__free(fit->factor);
    rf__free(fit);
}

const float *rf__fit_smooth(const struct fit *fit)
{
    return fit->smooth;
}

/* ---- Smoothing --------------------------------------------------------------------------------------------------- */

/* A column of x is divided by x^share / w^(1 - share), with x and w the largest of the column in x and in W, or the
 * root of the mean of their squares. */
static const struct balance {
    bool is_mean;
    float share;
} balances[] = {{false, 0.5F}, {false, 0.65F}, {false, 0.8F}, {false, 0.9F},
                {true, 0.35F}, {true, 0.5F},   {true, 0.65F}, {true, 0.8F}};
#define N_BALANCES (sizeof balances / sizeof balances[0])

/* How large the columns are, [k] each: of x, and of W. */
struct sizes {
    float *x_largest, *x_mean, *w_largest, *w_mean;
};

/* Nothing is taken for smaller than a small part of the mean: what the texts of the calibration hardly have, others may
 * have. */
static void set_floor(float *x, size_t n)
{
    double sum = 0;
    float least;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    least = (float)(sum / (double)n) / 32;
    for (size_t i = 0; i < n; i++)
        x[i] = fmaxf(fmaxf(x[i], least), 1e-20F);
}

static void measure(const struct fit_inputs *in, const float *w, size_t n, size_t k, const struct sizes *sizes)
{
    memcpy(sizes->x_largest, in->largest, k * sizeof(float));
    memset(sizes->w_largest, 0, k * sizeof(float));
    memset(sizes->w_mean, 0, k * sizeof(float));
    for (size_t i = 0; i < k; i++)
        sizes->x_mean[i] = sqrtf(in->products[i * in->k + i] / (float)in->weight);
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < k; i++) {
            float v = w[row * k + i];
            sizes->w_largest[i] = fmaxf(sizes->w_largest[i], fabsf(v));
            sizes->w_mean[i] += v * v;
        }
    }
    for (size_t i = 0; i < k; i++)
        sizes->w_mean[i] = sqrtf(sizes->w_mean[i] / (float)n);
    set_floor(sizes->x_largest, k);
    set_floor(sizes->x_mean, k);
    set_floor(sizes->w_largest, k);
    set_floor(sizes->w_mean, k);
}

static void set_smooth(const struct sizes *sizes, const struct balance *balance, size_t k, float *smooth)
{
    const float *x = balance->is_mean ? sizes->x_mean : sizes->x_largest;
    const float *w = balance->is_mean ? sizes->w_mean : sizes->w_largest;

    for (size_t i = 0; i < k; i++)
        smooth[i] = powf(w[i], 1 - balance->share) / powf(x[i], balance->share);
}

/* The error of y to be expected of x's rounding: a group's step^2 / 12 in each column, times what W makes of it. */
static double error_of_x(const struct fit_inputs *in, const struct sizes *sizes, size_t n, size_t k,
                         const float *smooth)
{
    double sum = 0;

    for (size_t row = 0; row < in->n_samples; row++) {
        const float *x = in->samples + row * in->k;
        for (size_t begin = 0; begin < k; begin += GROUP) {
            size_t end = begin + GROUP < k ? begin + GROUP : k;
            float high = x[begin] * smooth[begin], low = high, weight = 0, step;
            for (size_t i = begin; i < end; i++) {
                float v = x[i] * smooth[i], of_w = sizes->w_mean[i] / smooth[i];
                high = fmaxf(high, v);
                low = fminf(low, v);
                weight += of_w * of_w;
            }
            step = (high - low) / (2 * PACK_MAX_I8);
            sum += (double)(step * step * weight);
        }
    }
    return sum * (double)n / 12 / (double)(in->n_samples > 0 ? in->n_samples : 1);
}

/* The same of W's rounding; feedback makes up for about half of it. */
static double error_of_w(const struct sizes *sizes, const float *w, size_t n, size_t k, const float *smooth)
{
    const double feedback = 0.5;
    double sum = 0;

    for (size_t row = 0; row < n; row++) {
        for (size_t begin = 0; begin < k; begin += GROUP) {
            size_t end = begin + GROUP < k ? begin + GROUP : k;
            float largest = 0, weight = 0, step;
            for (size_t i = begin; i < end; i++) {
                float of_x = sizes->x_mean[i] * smooth[i];
                largest = fmaxf(largest, fabsf(w[row * k + i] / smooth[i]));
                weight += of_x * of_x;
            }
            step = largest / PACK_MAX_I8;
            sum += (double)(step * step * weight);
        }
    }
    return sum / 12 * feedback;
}

static rf_status choose_smooth(struct fit *fit, const struct fit_inputs *in, const float *w, size_t n, rf_error *err)
{
    const size_t k = fit->k;
    float *memory = rf__alloc_array(5 * k, sizeof *memory), *tried = memory;
    const struct sizes sizes = {memory + k, memory + 2 * k, memory + 3 * k, memory + 4 * k};
    double least = INFINITY;

    if (memory == NULL)
        return rf__fail_memory(err);
    measure(in, w, n, k, &sizes);
    for (size_t i = 0; i < N_BALANCES; i++) {
        double error;
        set_smooth(&sizes, &balances[i], k, tried);
        error = error_of_x(in, &sizes, n, k, tried) + error_of_w(&sizes, w, n, k, tried);
        if (i == 0 || error < least) {
            least = error;
            memcpy(fit->smooth, tried, k * sizeof *tried);
        }
    }
    rf__free(memory);
    return RF_OK;
}

/* ---- The factor U ------------------------------------------------------------------------------------------------ */

/* E[x^T x] of smoothed x, its lower triangle, damped; `products` is x^T x of rows of a weight, one of its own rows
 * `stride` long.
 */
static void set_products(struct fit *fit, const float *products, double weight, size_t stride, float damping)
{
    const size_t k = fit->k, k_all = fit->k_all;
    double trace = 0;
    float added;

    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++)
            fit->factor[i * k_all + j] = products[i * stride + j] / (float)weight * fit->smooth[i] * fit->smooth[j];
        trace += fit->factor[i * k_all + i];
    }
    added = (float)(trace / (double)k) * damping;
    for (size_t i = 0; i < k_all; i++)
        fit->factor[i * k_all + i] += fmaxf(added, 1e-20F);
}

/* row -= times * other, [n] */
static void subtract(float *restrict row, const float *restrict other, float times, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row[i] -= times * other[i];
}

/* Lower triangle of U D U^T -> U: from the last row up, blocks of rows at a time, so that those above are read once for
 * each block. D is left on the diagonal. */
static void factorize(float *a, size_t k)
{
    const size_t block = 16;

    for (size_t end = k; end > 0;) {
        size_t begin = end > block ? end - block : 0;
        for (size_t j = end; j-- > begin;) {
            for (size_t m = end - 1; m > j; m--)
                subtract(a + j * k, a + m * k, a[m * k + j] * a[m * k + m], j + 1);
            for (size_t i = 0; i < j; i++)
                a[j * k + i] /= a[j * k + j];
        }
        for (size_t i = 0; i < begin; i++)
            for (size_t m = begin; m < end; m++)
                subtract(a + i * k, a + m * k, a[m * k + i] * a[m * k + m], i + 1);
        end = begin;
    }
}

/* An object without smoothing and factor; NULL without memory. */
static struct fit *new_fit(size_t k)
{
    struct fit *fit = rf__calloc(1, sizeof *fit);
    size_t k_all = rf__pack_lanes(k), all, bytes;

    if (fit == NULL)
        return NULL;
    fit->k = k;
    fit->k_all = k_all;
    fit->smooth = rf__calloc(k_all, sizeof *fit->smooth);
    fit->factor =
        rf__mul(k_all, k_all, &all) && rf__mul(all, sizeof *fit->factor, &bytes) ? rf__calloc(1, bytes) : NULL;
    if (fit->smooth == NULL || fit->factor == NULL) {
        rf__fit_free(fit);
        return NULL;
    }
    return fit;
}

rf_status rf__fit_new(const struct fit_inputs *inputs, const float *w, size_t n, size_t k, struct fit **out,
                      rf_error *err)
{
    struct fit *fit = new_fit(k);
    rf_status status = fit == NULL ? rf__fail_memory(err) : choose_smooth(fit, inputs, w, n, err);

    if (status != RF_OK) {
        rf__fit_free(fit);
        return status;
    }
    set_products(fit, inputs->products, inputs->weight, inputs->k, DAMPING);
    factorize(fit->factor, fit->k_all);
    *out = fit;
    return RF_OK;
}

rf_status rf__fit_smoothed(const float *products, const float *smooth, size_t k, struct fit **out, rf_error *err)
{
    struct fit *fit = new_fit(k);

    if (fit == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < k; i++)
        fit->smooth[i] = smooth == NULL ? 1 : smooth[i];
    set_products(fit, products, 1, k, DAMPING_ROWS);
    factorize(fit->factor, fit->k_all);
    *out = fit;
    return RF_OK;
}

/* ---- Rounding ---------------------------------------------------------------------------------------------------- */

/* LANES rows of W at a time, side by side: [k][LANES]. */
struct strip {
    float (*w)[LANES], (*errors)[LANES];
    struct fit_grid grid;
    /* Of the group that was rounded last: */
    float wanted[GROUP][LANES]; /* weights with the errors of those before */
    float scales[LANES], inverses[LANES];
    int8_t numbers[GROUP][LANES];
};

/* to += the errors [begin, end), each times its factor */
static void feed_back(float to[restrict LANES], float (*restrict errors)[LANES], const float *restrict factors,
                      size_t begin, size_t end)
{
    float sum[LANES];

    memcpy(sum, to, sizeof sum);
    for (size_t j = begin; j < end; j++)
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += errors[j][lane] * factors[j];
    memcpy(to, sum, sizeof sum);
}

/* Where the grid is uneven, the element that is largest becomes its lowest number, whatever its sign. */
static void set_scales(struct strip *s, size_t n)
{
    const float lowest = (float)s->grid.lowest, highest = (float)s->grid.highest;

    for (size_t lane = 0; lane < LANES; lane++) {
        float largest = 0, most;
        for (size_t i = 0; i < n; i++)
            largest = fabsf(s->wanted[i][lane]) > fabsf(largest) ? s->wanted[i][lane] : largest;
        most = largest > 0 && s->grid.lowest == -s->grid.highest ? highest : lowest;
        s->scales[lane] = fabsf(largest) > 1e-30F ? largest / most : 0;
        s->inverses[lane] = fabsf(largest) > 1e-30F ? most / largest : 0;
    }
}

/* Rows [n, k] of W into the strip, smoothed; the lanes beyond are zeros. */
static void fill_strip(const struct fit *fit, struct strip *s, const float *w, size_t n)
{
    for (size_t i = 0; i < fit->k; i++)
        for (size_t lane = 0; lane < LANES; lane++)
            s->w[i][lane] = lane < n ? w[lane * fit->k + i] / fit->smooth[i] : 0;
}

static void round_group(const struct fit *fit, struct strip *s, size_t begin, size_t end)
{
    const float lowest = (float)s->grid.lowest, highest = (float)s->grid.highest;

    for (size_t i = begin; i < end; i++) {
        memcpy(s->wanted[i - begin], s->w[i], sizeof s->w[i]);
        feed_back(s->wanted[i - begin], s->errors, fit->factor + i * fit->k_all, 0, begin);
    }
    set_scales(s, end - begin);
    for (size_t i = begin; i < end; i++) {
        float *wanted = s->wanted[i - begin];
        feed_back(wanted, s->errors, fit->factor + i * fit->k_all, begin, i);
        for (size_t lane = 0; lane < LANES; lane++) {
            float q = rintf(fminf(fmaxf(wanted[lane] * s->inverses[lane], lowest), highest));
            s->errors[i][lane] = s->w[i][lane] - q * s->scales[lane];
            s->numbers[i - begin][lane] = (int8_t)q;
        }
    }
}

static rf_status new_strip(const struct fit *fit, const struct fit_grid *grid, struct strip *out, rf_error *err)
{
    out->w = rf__calloc(2 * fit->k_all, sizeof *out->w);
    if (out->w == NULL)
        return rf__fail_memory(err);
    out->errors = out->w + fit->k_all;
    out->grid = *grid;
    return RF_OK;
}

/* The group that begins at column `begin` to where the kernels read it: `panels` is at its first column. */
static void store_panels(const struct strip *s, size_t n, int8_t *panels, float *scales, int32_t *sums)
{
    memcpy(scales, s->scales, sizeof s->scales);
    for (size_t i = 0; i < n; i++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            panels[i / 4 * 4 * LANES + i % 4 + lane * 4] = s->numbers[i][lane];
            sums[lane] -= 128 * (int32_t)s->numbers[i][lane];
        }
    }
}

rf_status rf__fit_pack_i8(const struct fit *fit, const float *w, size_t n, int8_t *panels, float *scales, int32_t *sums,
                          rf_error *err)
{
    const struct fit_grid grid = {-PACK_MAX_I8, PACK_MAX_I8, GROUP};
    const size_t k_all = fit->k_all, n_groups = rf__pack_groups(k_all, GROUP);
    struct strip strip;
    rf_status status = new_strip(fit, &grid, &strip, err);

    if (status != RF_OK)
        return status;
    memset(panels, 0, rf__pack_lanes(n) * k_all);
    memset(sums, 0, rf__pack_lanes(n) * n_groups * sizeof *sums);
    for (size_t row = 0; row < n; row += LANES) {
        fill_strip(fit, &strip, w + row * fit->k, n - row < LANES ? n - row : LANES);
        for (size_t group = 0; group < n_groups; group++) {
            size_t begin = group * GROUP, end = begin + GROUP < k_all ? begin + GROUP : k_all;
            size_t at = (row / LANES * n_groups + group) * LANES;
            round_group(fit, &strip, begin, end);
            store_panels(&strip, end - begin, panels + row * k_all + begin * LANES, scales + at, sums + at);
        }
    }
    rf__free(strip.w);
    return RF_OK;
}

rf_status rf__fit_rows(const struct fit *fit, const struct fit_grid *grid, const float *w, size_t n, int8_t *numbers,
                       float *scales, rf_error *err)
{
    const size_t k = fit->k, n_groups = rf__pack_groups(k, grid->group);
    struct strip strip;
    rf_status status = new_strip(fit, grid, &strip, err);

    if (status != RF_OK)
        return status;
    assert(grid->group <= GROUP);
    for (size_t row = 0; row < n; row += LANES) {
        const size_t n_lanes = n - row < LANES ? n - row : LANES;
        fill_strip(fit, &strip, w + row * k, n_lanes);
        for (size_t group = 0; group < n_groups; group++) {
            size_t begin = group * grid->group, end = begin + grid->group < k ? begin + grid->group : k;
            round_group(fit, &strip, begin, end);
            for (size_t lane = 0; lane < n_lanes; lane++) {
                scales[(row + lane) * n_groups + group] = strip.scales[lane];
                for (size_t i = begin; i < end; i++)
                    numbers[(row + lane) * k + i] = strip.numbers[i - begin][lane];
            }
        }
    }
    rf__free(strip.w);
    return RF_OK;
}
