/* test_fit: int8 weights fitted to what they are multiplied with, against the same layer in double and against rounding
 * each weight to the nearest. */
#include "golden.h"

#include "base/mem.h"
#include "pack/fit.h"
#include "pack/pack.h"

#include <math.h>
#include <string.h>

enum { ROWS = 600, N = 40, K = 200, K_ALL = 208, N_ALL = 48, GROUPS = 4, BASIS = 24 };

static uint32_t state_of_random = 5;

static float random_float(void)
{
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return (float)(state_of_random >> 8) / (float)(1 << 23) - 1;
}

/* Rows whose columns depend on each other and differ in size by a hundred, and what is measured of them. */
struct data {
    float x[ROWS][K_ALL], products[K_ALL][K_ALL], largest[K_ALL], w[N][K];
    struct fit_inputs inputs;
};

static void fill(struct data *d, size_t n_rows)
{
    static float basis[BASIS][K];

    memset(d, 0, sizeof *d);
    for (size_t b = 0; b < BASIS; b++)
        for (size_t k = 0; k < K; k++)
            basis[b][k] = random_float();
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t b = 0; b < BASIS; b++) {
            float share = random_float();
            for (size_t k = 0; k < K; k++)
                d->x[row][k] += share * basis[b][k];
        }
        for (size_t k = 0; k < K; k++) {
            d->x[row][k] = (d->x[row][k] + 0.5F * random_float()) * (k % 37 == 5 ? 100 : 1);
            d->largest[k] = fmaxf(d->largest[k], fabsf(d->x[row][k]));
        }
        for (size_t i = 0; i < K; i++)
            for (size_t k = 0; k < K; k++)
                d->products[i][k] += d->x[row][i] * d->x[row][k];
    }
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < K; k++)
            d->w[n][k] = random_float();
    d->inputs = (struct fit_inputs){K_ALL, n_rows, (double)n_rows, d->products[0], d->largest, d->x[0]};
}

struct packed_layer {
    int8_t panels[N_ALL * K_ALL];
    float scales[N_ALL * GROUPS];
    int32_t sums[N_ALL * GROUPS];
};

/* Weight [n, k] as the kernels read it. */
static double weight_at(const struct packed_layer *p, size_t n, size_t k)
{
    size_t panel = n / PACK_LANES, lane = n % PACK_LANES;
    int8_t q = p->panels[panel * K_ALL * PACK_LANES + k / 4 * 4 * PACK_LANES + lane * 4 + k % 4];

    return (double)q * (double)p->scales[(panel * GROUPS + k / PACK_GROUP_I8) * PACK_LANES + lane];
}

/* The mean square of what is wrong with y; smooth: NULL where the weights are as they were. */
static double error_of(const struct data *d, size_t n_rows, const struct packed_layer *p, const float *smooth)
{
    double sum = 0;

    for (size_t row = 0; row < n_rows; row++) {
        for (size_t n = 0; n < N; n++) {
            double y = 0;
            for (size_t k = 0; k < K; k++)
                y += (double)d->x[row][k] *
                     (weight_at(p, n, k) * (smooth != NULL ? (double)smooth[k] : 1) - (double)d->w[n][k]);
            sum += y * y;
        }
    }
    return sum / (double)(n_rows * N);
}

static void check_sums(const struct packed_layer *p)
{
    for (size_t n = 0; n < N_ALL; n++) {
        for (size_t group = 0; group < GROUPS; group++) {
            size_t at = (n / PACK_LANES * GROUPS + group) * PACK_LANES + n % PACK_LANES;
            int32_t sum = 0;
            for (size_t k = group * PACK_GROUP_I8; k < (group + 1) * PACK_GROUP_I8 && k < K_ALL; k++) {
                int8_t q = p->panels[n / PACK_LANES * K_ALL * PACK_LANES + k / 4 * 4 * PACK_LANES + n % PACK_LANES * 4 +
                                     k % 4];
                assert_true(q >= -PACK_MAX_I8);
                assert_true((n < N && k < K) || q == 0);
                sum += q;
            }
            assert_int_equal(p->sums[at], -128 * sum);
        }
    }
}

static void test_fitted_weights_give_less_error(void **state)
{
    struct data *d = rf__alloc(sizeof *d);
    struct packed_layer *fitted = rf__alloc(sizeof *fitted), *plain = rf__alloc(sizeof *plain);
    struct fit *fit = NULL;
    double error, plain_error;

    (void)state;
    fill(d, ROWS);
    assert_ok(rf__fit_new(&d->inputs, d->w[0], N, K, &fit, err));
    assert_ok(rf__fit_pack_i8(fit, d->w[0], N, fitted->panels, fitted->scales, fitted->sums, err));
    rf__pack_i8(d->w[0], N, K, plain->panels, plain->scales, plain->sums);
    check_sums(fitted);
    check_sums(plain);
    for (size_t k = 0; k < K_ALL; k++)
        assert_true(k < K ? rf__fit_smooth(fit)[k] > 0 : rf__fit_smooth(fit)[k] == 0);
    assert_true(rf__fit_smooth(fit)[5] < rf__fit_smooth(fit)[6] / 4); /* the large column is made smaller */
    error = error_of(d, ROWS, fitted, rf__fit_smooth(fit));
    plain_error = error_of(d, ROWS, plain, NULL);
    if (!(error < plain_error / 10))
        fail_msg("mean square of the error is %g, by rounding to the nearest %g", error, plain_error);
    rf__fit_free(fit);
    rf__free(d);
    rf__free(fitted);
    rf__free(plain);
}

/* Columns that are always 0, and no more than one row: still numbers, and no worse than they have to be. */
static void test_little_to_fit_to(void **state)
{
    struct data *d = rf__alloc(sizeof *d);
    struct packed_layer *fitted = rf__alloc(sizeof *fitted);

    (void)state;
    for (int is_zero = 0; is_zero < 2; is_zero++) {
        struct fit *fit = NULL;
        fill(d, 1);
        if (is_zero) {
            memset(d->x, 0, sizeof d->x);
            memset(d->products, 0, sizeof d->products);
            memset(d->largest, 0, sizeof d->largest);
        }
        assert_ok(rf__fit_new(&d->inputs, d->w[0], N, K, &fit, err));
        assert_ok(rf__fit_pack_i8(fit, d->w[0], N, fitted->panels, fitted->scales, fitted->sums, err));
        check_sums(fitted);
        for (size_t n = 0; n < N; n++)
            for (size_t k = 0; k < K; k++)
                assert_float_equal(weight_at(fitted, n, k) * rf__fit_smooth(fit)[k], d->w[n][k], 0.3);
        rf__fit_free(fit);
    }
    rf__free(d);
    rf__free(fitted);
}

/* The mean square of what is wrong with y when W is numbers and scales; smooth: what x is multiplied with, or NULL. */
static double error_of_rows(const struct data *d, const struct fit_grid *grid, const int8_t *numbers,
                            const float *scales, const float *smooth)
{
    const size_t n_groups = (K + grid->group - 1) / grid->group;
    double sum = 0;

    for (size_t row = 0; row < ROWS; row++) {
        for (size_t n = 0; n < N; n++) {
            double y = 0;
            for (size_t k = 0; k < K; k++) {
                double w = (double)numbers[n * K + k] * (double)scales[n * n_groups + k / grid->group];
                y += (double)d->x[row][k] * (w * (smooth != NULL ? (double)smooth[k] : 1) - (double)d->w[n][k]);
            }
            sum += y * y;
        }
    }
    return sum / (ROWS * N);
}

/* Each element to the nearest number, the largest of a group to the lowest. */
static void round_plainly(const struct data *d, const struct fit_grid *grid, int8_t *numbers, float *scales)
{
    for (size_t n = 0; n < N; n++) {
        for (size_t k = 0; k < K; k += grid->group, scales++) {
            size_t end = k + grid->group < K ? k + grid->group : K;
            float largest = 0;
            for (size_t i = k; i < end; i++)
                largest = fabsf(d->w[n][i]) > fabsf(largest) ? d->w[n][i] : largest;
            *scales = largest / (float)grid->lowest;
            for (size_t i = k; i < end; i++)
                numbers[n * K + i] = (int8_t)fminf(rintf(d->w[n][i] / *scales), (float)grid->highest);
        }
    }
}

static void test_rows_of_any_grid(void **state)
{
    static const struct fit_grid grids[] = {{-127, 127, 16}, {-8, 7, 32}, {-127, 127, 64}};
    static float products[K][K], smooth[K], scales[N * (K / 16 + 1)];
    static int8_t numbers[N * K];
    struct data *d = rf__alloc(sizeof *d);

    (void)state;
    fill(d, ROWS);
    for (size_t i = 0; i < K; i++) {
        memcpy(products[i], d->products[i], sizeof products[i]);
        smooth[i] = 1 / sqrtf(d->largest[i]);
    }
    for (size_t i = 0; i < sizeof grids / sizeof grids[0]; i++) {
        const struct fit_grid *grid = &grids[i];
        double plain, fitted[2];
        round_plainly(d, grid, numbers, scales);
        plain = error_of_rows(d, grid, numbers, scales, NULL);
        for (int is_smooth = 0; is_smooth < 2; is_smooth++) {
            struct fit *fit = NULL;
            assert_ok(rf__fit_smoothed(products[0], is_smooth ? smooth : NULL, K, &fit, err));
            assert_ok(rf__fit_rows(fit, grid, d->w[0], N, numbers, scales, err));
            rf__fit_free(fit);
            fitted[is_smooth] = error_of_rows(d, grid, numbers, scales, is_smooth ? smooth : NULL);
            for (size_t k = 0; k < N * K; k++)
                assert_in_range(numbers[k] + 128, grid->lowest + 128, grid->highest + 128);
        }
        if (!(fitted[0] < plain && fitted[1] < plain / 10))
            fail_msg("%d to %d in groups of %zu: mean squares of the error %g, smoothed %g; to the nearest %g",
                     grid->lowest, grid->highest, grid->group, fitted[0], fitted[1], plain);
    }
    rf__free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fitted_weights_give_less_error),
        cmocka_unit_test(test_little_to_fit_to),
        cmocka_unit_test(test_rows_of_any_grid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
