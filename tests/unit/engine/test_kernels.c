/* test_kernels: every kind of kernels that this processor runs against the plain ones, bit for bit, on random and
 * extreme data of many shapes; and the plain ones against the same in double. */
#include "golden.h"

#include "base/mem.h"
#include "engine/kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state_of_random = 1;

static uint32_t random_bits(void)
{
    state_of_random = state_of_random * 1664525u + 1013904223u;
    return state_of_random >> 8;
}

static float random_float(void)
{
    return (float)random_bits() / (float)(1 << 23) - 1;
}

/* Ordinary numbers; or with rows of zeros, very large, very small and denormal numbers among them. */
static float *random_floats(size_t n, bool is_extreme)
{
    static const float extremes[] = {0, -0.0F, 1e-38F, -1e-40F, 1e-20F, 3e8F, -3e8F, 1};
    float *x = rf__alloc_array(n + 64, sizeof *x);

    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = random_float();
        if (is_extreme && random_bits() % 4 == 0)
            x[i] *= extremes[random_bits() % 8];
        if (is_extreme && i / 128 % 5 == 3)
            x[i] = 0;
    }
    return x;
}

static void *zeros(size_t n, size_t size)
{
    void *memory = rf__calloc(n + 64, size);

    assert_non_null(memory);
    return memory;
}

#define N_ROWS_TABLE 8
static const size_t row_counts[N_ROWS_TABLE] = {1, 2, 3, 4, 5, 6, 7, 20};

static const struct shape {
    size_t n, k;
} shapes[] = {{16, 16}, {48, 128}, {64, 144}, {112, 384}, {176, 272}, {384, 1536}};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

enum kind { FP32, INT16, INT8 };
static const enum precision precisions[] = {PRECISION_FP32, PRECISION_INT16, PRECISION_INT8};

/* A layer with its weights packed. */
struct layer {
    struct linear linear;
    void *panels;
    float *weights, *scales, *bias, *smooth;
    int32_t *sums;
};

/* Weights whose columns differ in size as `smooth` does, factors from 1/2 to 2, which they are divided by. */
static void pack_smoothed(struct layer *layer, const struct shape *shape)
{
    for (size_t i = 0; i < shape->k; i++)
        layer->smooth[i] = exp2f(layer->smooth[i]);
    rf__pack_i8(layer->weights, shape->n, shape->k, layer->panels, layer->scales, layer->sums);
    for (size_t i = 0; i < shape->n * shape->k; i++)
        layer->weights[i] *= layer->smooth[i % shape->k];
}

static struct layer make_layer(const struct shape *shape, enum kind kind, bool is_extreme)
{
    size_t all = shape->n * shape->k, groups = shape->n * rf__pack_groups(shape->k, PACK_GROUP_I8);
    struct layer layer = {.weights = random_floats(all, is_extreme),
                          .bias = random_floats(shape->n, is_extreme),
                          .panels = zeros(all, 4),
                          .scales = zeros(groups, sizeof(float)),
                          .smooth = random_floats(shape->k, false),
                          .sums = zeros(groups, sizeof(int32_t))};

    if (kind == FP32)
        rf__pack_f32(layer.weights, shape->n, shape->k, layer.panels);
    else if (kind == INT16)
        rf__pack_i16(layer.weights, shape->n, shape->k, layer.panels, layer.scales);
    else
        pack_smoothed(&layer, shape);
    layer.linear = (struct linear){precisions[kind], layer.panels, layer.scales, layer.sums,
                                   layer.smooth,     layer.bias,   shape->n,     shape->k};
    return layer;
}

static void release_layer(struct layer *layer)
{
    rf__free(layer->panels);
    rf__free(layer->weights);
    rf__free(layer->scales);
    rf__free(layer->bias);
    rf__free(layer->sums);
    rf__free(layer->smooth);
}

static void run_linear(const struct kernels *kernels, enum kind kind, struct linear_job *job)
{
    struct quantized q = {zeros(job->rows * job->w->k, 2), job->rows,
                          zeros(job->rows * rf__pack_groups(job->w->k, PACK_GROUP_I8), sizeof(float)),
                          zeros(job->rows * rf__pack_groups(job->w->k, PACK_GROUP_I8), sizeof(float))};

    job->q = q;
    if (kind == FP32) {
        kernels->linear_f32(job);
    } else if (kind == INT16) {
        kernels->quantize_i16(job->w, job->x, job->rows, &q);
        kernels->linear_i16(job);
    } else {
        kernels->quantize_i8(job->w, job->x, job->rows, &q);
        kernels->linear_i8(job);
    }
    rf__free(q.values);
    rf__free(q.scales);
    rf__free(q.middles);
}

static void assert_same_bits(const float *a, const float *b, size_t n, const char *kernels, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof a[i]) != 0)
            fail_msg("%s: %s differs from plain at %zu of %zu: %a, not %a", kernels, what, i, n, (double)a[i],
                     (double)b[i]);
}

static void check_linear(const struct kernels *kernels, enum kind kind, const struct shape *shape, size_t rows,
                         bool is_extreme)
{
    static const char *const names[] = {"linear_f32", "linear_i16", "linear_i8"};
    struct layer layer = make_layer(shape, kind, is_extreme);
    float *x = random_floats(rows * shape->k, is_extreme), *residual = random_floats(rows * shape->n, is_extreme);
    float *y = zeros(rows * shape->n, sizeof *y), *expected = zeros(rows * shape->n, sizeof *y);
    struct linear_job job = {.w = &layer.linear,
                             .x = x,
                             .residual = random_bits() % 2 ? residual : NULL,
                             .y = expected,
                             .rows = rows,
                             .ldy = shape->n,
                             .last = shape->n / PACK_LANES,
                             .activation = is_extreme ? ACTIVATION_NONE : (enum activation_kind)(random_bits() % 5)};

    run_linear(rf__kernels_plain, kind, &job);
    job.y = y;
    run_linear(kernels, kind, &job);
    assert_same_bits(y, expected, rows * shape->n, kernels->name, names[kind]);
    release_layer(&layer);
    rf__free(x);
    rf__free(residual);
    rf__free(y);
    rf__free(expected);
}

static void test_linear_layers_are_those_of_plain(void **state)
{
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++)
        for (int kind = FP32; kind <= INT8; kind++)
            for (size_t s = 0; s < N_SHAPES; s++)
                for (size_t r = 0; r < N_ROWS_TABLE; r++)
                    for (int extreme = 0; extreme < 2; extreme++)
                        check_linear(kernels, (enum kind)kind, &shapes[s], row_counts[r], extreme == 1);
}

/* Error of each precision, as a share of the length of the vector that is multiplied. */
static void test_linear_layers_are_right(void **state)
{
    static const double bounds[] = {1e-6, 3e-4, 1e-2};
    const size_t rows = 9;

    (void)state;
    for (int kind = FP32; kind <= INT8; kind++) {
        for (size_t s = 0; s < N_SHAPES; s++) {
            const struct shape *shape = &shapes[s];
            struct layer layer = make_layer(shape, (enum kind)kind, false);
            float *x = random_floats(rows * shape->k, false), *y = zeros(rows * shape->n, sizeof *y);
            double error = 0, length = 0;
            struct linear_job job = {
                .w = &layer.linear, .x = x, .y = y, .rows = rows, .ldy = shape->n, .last = shape->n / PACK_LANES};
            for (size_t i = 0; kind == INT8 && i < rows * shape->k; i++)
                x[i] /= layer.smooth[i % shape->k];
            run_linear(rf__kernels_best(), (enum kind)kind, &job);
            for (size_t i = 0; i < rows * shape->n; i++) {
                double sum = layer.bias[i % shape->n];
                for (size_t k = 0; k < shape->k; k++)
                    sum += (double)x[i / shape->n * shape->k + k] * layer.weights[i % shape->n * shape->k + k];
                error += (sum - y[i]) * (sum - y[i]);
                length += sum * sum;
            }
            if (sqrt(error / length) > bounds[kind])
                fail_msg("kind %d, [%zu, %zu]: relative error %g", kind, shape->n, shape->k, sqrt(error / length));
            release_layer(&layer);
            rf__free(x);
            rf__free(y);
        }
    }
}

/* The largest integers of both sides, all of one sign: sums come to the edge of int32. */
static void test_integers_do_not_overflow(void **state)
{
    const struct shape shape = {16, 384};
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
        for (int kind = INT16; kind <= INT8; kind++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                struct layer layer = make_layer(&shape, FP32, false);
                float *x = zeros(shape.k, sizeof *x), y[16];
                struct linear_job job = {.w = &layer.linear, .x = x, .y = y, .rows = 1, .ldy = 16, .last = 1};
                for (size_t k = 0; k < shape.k; k++)
                    x[k] = (float)sign, layer.smooth[k] = 1;
                for (size_t k = 0; k < shape.n * shape.k; k++)
                    layer.weights[k] = 1;
                if (kind == INT16)
                    rf__pack_i16(layer.weights, shape.n, shape.k, layer.panels, layer.scales);
                else
                    rf__pack_i8(layer.weights, shape.n, shape.k, layer.panels, layer.scales, layer.sums);
                memset(layer.bias, 0, shape.n * sizeof *layer.bias);
                run_linear(kernels, (enum kind)kind, &job);
                for (size_t n = 0; n < shape.n; n++)
                    assert_float_equal(y[n], (float)sign * (float)shape.k, 1e-3);
                release_layer(&layer);
                rf__free(x);
            }
        }
    }
}

/* A row gives the same bits wherever it lies among however many others. */
static void test_rows_do_not_depend_on_their_company(void **state)
{
    const struct shape shape = {80, 272};
    const size_t rows = 23;
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
        for (int kind = FP32; kind <= INT8; kind++) {
            struct layer layer = make_layer(&shape, (enum kind)kind, false);
            float *x = random_floats(rows * shape.k, false), *y = zeros(rows * shape.n, sizeof *y), alone[80];
            struct linear_job job = {.w = &layer.linear,
                                     .x = x,
                                     .y = y,
                                     .rows = rows,
                                     .ldy = shape.n,
                                     .last = shape.n / PACK_LANES,
                                     .activation = ACTIVATION_GELU};
            run_linear(kernels, (enum kind)kind, &job);
            for (size_t row = 0; row < rows; row++) {
                job.x = x + row * shape.k;
                job.y = alone;
                job.rows = 1;
                run_linear(kernels, (enum kind)kind, &job);
                assert_same_bits(alone, y + row * shape.n, shape.n, kernels->name, "a row alone");
            }
            release_layer(&layer);
            rf__free(x);
            rf__free(y);
        }
    }
}

static void run_attention(const struct kernels *kernels, const struct attention_job *job, bool is_i16)
{
    (is_i16 ? kernels->attention_i16 : kernels->attention)(job);
}

/* How far a token sees, and whether its scores have a bias by distance. */
struct sight {
    size_t before, after;
    bool is_biased;
};

/* Against plain C bit for bit, and against doubles. */
static void check_attention(const struct kernels *kernels, size_t n, size_t width, const struct sight *sight,
                            bool is_i16)
{
    const size_t widest = 272, ld = 3 * widest, ldo = widest;
    float *qkv = random_floats(n * ld, false), *scratch = zeros(rf__attention_scratch(n, width), sizeof *scratch);
    float *out = zeros(n * ldo, sizeof *out), *expected = zeros(n * ldo, sizeof *out);
    double *e = zeros(n, sizeof *e);
    float *bias = random_floats(2 * n + PACK_LANES, false);
    struct attention_job job = {.q = qkv,
                                .k = qkv + widest,
                                .v = qkv + 2 * widest,
                                .out = expected,
                                .n = n,
                                .width = width,
                                .ld = ld,
                                .ldo = ldo,
                                .scale = 3 / sqrtf((float)width),
                                .before = sight->before,
                                .after = sight->after,
                                .bias = sight->is_biased ? bias : NULL,
                                .scratch = scratch};

    run_attention(rf__kernels_plain, &job, is_i16);
    job.out = out;
    run_attention(kernels, &job, is_i16);
    assert_same_bits(out, expected, n * ldo, kernels->name, is_i16 ? "attention_i16" : "attention");
    for (size_t i = 0; i < n; i += 5) {
        double sum = 0, top = -1e300;
        for (size_t k = 0; k < n; k++) {
            const bool is_seen = k <= i ? i - k <= sight->before : k - i <= sight->after;
            e[k] = sight->is_biased ? bias[n - 1 + k - i] : 0;
            for (size_t c = 0; c < width; c++)
                e[k] += (double)qkv[i * ld + c] * qkv[widest + k * ld + c] * job.scale;
            if (!is_seen)
                e[k] = -INFINITY;
            top = fmax(top, e[k]);
        }
        for (size_t k = 0; k < n; k++)
            sum += e[k] = exp(e[k] - top);
        for (size_t c = 0; c < width; c++) {
            double value = 0;
            for (size_t k = 0; k < n; k++)
                value += e[k] / sum * qkv[2 * widest + k * ld + c];
            assert_float_equal(out[i * ldo + c], value, is_i16 ? 2e-3 : 2e-6);
        }
        assert_true(out[i * ldo + width] == 0); /* nothing written beyond the head */
    }
    rf__free(qkv);
    rf__free(scratch);
    rf__free(out);
    rf__free(expected);
    rf__free(bias);
    rf__free(e);
}

static void test_attention(void **state)
{
    static const size_t lengths[] = {1, 2, 5, 15, 16, 17, 33, 64, 65, 200}, widths[] = {6, 16, 24, 32, 64, 144, 256};
    static const struct sight all = {SIZE_MAX, SIZE_MAX, false};
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++)
        for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
                check_attention(kernels, lengths[n], widths[w], &all, false);
                if (widths[w] % PACK_LANES == 0)
                    check_attention(kernels, lengths[n], widths[w], &all, true);
            }
}

/* Decoders, windows on both sides, and biases by distance. */
static void test_attention_that_does_not_see_all(void **state)
{
    static const size_t lengths[] = {1, 7, 16, 40, 129, 300};
    static const struct sight sights[] = {
        {SIZE_MAX, 0, false}, {SIZE_MAX, SIZE_MAX, true}, {3, 3, false}, {0, 0, true}, {64, 64, true}, {20, 0, false},
        {0, 33, true}};
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++)
        for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++)
            for (size_t s = 0; s < sizeof sights / sizeof sights[0]; s++) {
                check_attention(kernels, lengths[n], 24, &sights[s], false);
                check_attention(kernels, lengths[n], 32, &sights[s], false);
                check_attention(kernels, lengths[n], 32, &sights[s], true);
            }
}

/* Pairs are turned, whole vectors of them and those left over. */
static void test_rotate(void **state)
{
    static const size_t halves[] = {1, 4, 16, 20, 32, 64};
    enum { HEADS = 3 };
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++)
        for (size_t h = 0; h < sizeof halves / sizeof halves[0]; h++) {
            const size_t half = halves[h], n = HEADS * 2 * half;
            float *angles = random_floats(half, false), *cosines = zeros(half, sizeof(float));
            float *sines = zeros(half, sizeof(float)), *x = random_floats(n, false), *y = zeros(n, sizeof(float));
            float *expected = zeros(n, sizeof(float));
            for (size_t k = 0; k < half; k++) {
                cosines[k] = cosf(angles[k]);
                sines[k] = sinf(angles[k]);
            }
            memcpy(y, x, n * sizeof *y);
            memcpy(expected, x, n * sizeof *y);
            rf__kernels_plain->rotate(expected, HEADS, half, cosines, sines);
            kernels->rotate(y, HEADS, half, cosines, sines);
            assert_same_bits(y, expected, n, kernels->name, "rotate");
            for (size_t k = 0; k < n; k++) {
                const size_t at = k % half, head = k / (2 * half) * 2 * half;
                const double a = x[head + at], b = x[head + half + at], c = cosines[at], s = sines[at];
                assert_float_equal(y[k], k - head < half ? a * c - b * s : b * c + a * s, 1e-6);
            }
            rf__free(angles);
            rf__free(cosines);
            rf__free(sines);
            rf__free(x);
            rf__free(y);
            rf__free(expected);
        }
}

static void test_norm(void **state)
{
    static const size_t widths[] = {24, 16, 31, 384};
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
        for (size_t w = 0; w < 8; w++) {
            const size_t width = widths[w / 2], ld = rf__pack_lanes(width), rows = 3;
            const bool is_rms = w % 2 == 1;
            float *weight = random_floats(ld, false), *bias = random_floats(ld, false);
            float *x = random_floats(rows * ld, false), *y = zeros(rows * ld, sizeof *y);
            float *expected = zeros(rows * ld, sizeof *y);
            const struct norm norm = {weight, bias, width, ld, 1e-12F, is_rms};
            for (size_t c = width; c < ld; c++) {
                weight[c] = bias[c] = 0;
                for (size_t row = 0; row < rows; row++)
                    x[row * ld + c] = 0;
            }
            rf__kernels_plain->norm(&norm, x, expected, rows);
            kernels->norm(&norm, x, y, rows);
            assert_same_bits(y, expected, rows * ld, kernels->name, "norm");
            for (size_t row = 0; row < rows; row++) {
                double mean = 0, variance = 0;
                for (size_t c = 0; c < width && !is_rms; c++)
                    mean += x[row * ld + c] / (double)width;
                for (size_t c = 0; c < width; c++)
                    variance += (x[row * ld + c] - mean) * (x[row * ld + c] - mean) / (double)width;
                for (size_t c = 0; c < ld; c++)
                    assert_float_equal(y[row * ld + c],
                                       c < width ? (x[row * ld + c] - mean) / sqrt(variance) * weight[c] + bias[c] : 0,
                                       3e-6);
            }
            rf__free(weight);
            rf__free(bias);
            rf__free(x);
            rf__free(y);
            rf__free(expected);
        }
    }
}

/* e^x over floats of all magnitudes down to -87, erf through GELU: the bounds that kernels_body.h states. */
static void test_functions(void **state)
{
    enum { N = 16 };
    const struct kernels *kernels = rf__kernels_best();
    double worst_exp = 0, worst_erf = 0;
    float x[N], y[N], plain[N];

    (void)state;
    for (uint32_t bits = 0; bits < 0x42AE0000 - 16 * 97; bits += 16 * 97) {
        for (uint32_t i = 0; i < N; i++) {
            uint32_t b = (bits + i * 97) | 0x80000000u;
            memcpy(&x[i], &b, sizeof b);
        }
        memcpy(y, x, sizeof x);
        kernels->exp(y, N);
        for (int i = 0; i < N; i++)
            worst_exp = fmax(worst_exp, fabs(y[i] / exp(x[i]) - 1));
    }
    for (int i = -160000; i < 160000; i += N) {
        for (int k = 0; k < N; k++)
            x[k] = (float)(i + k) * 5e-5F;
        memcpy(y, x, sizeof x);
        memcpy(plain, x, sizeof x);
        kernels->activate(ACTIVATION_GELU, y, N);
        rf__kernels_plain->activate(ACTIVATION_GELU, plain, N);
        assert_same_bits(y, plain, N, kernels->name, "gelu");
        for (int k = 0; k < N; k++)
            if (x[k] != 0)
                worst_erf = fmax(worst_erf, fabs(y[k] / (0.5 * x[k]) - (1 + erf(x[k] / sqrt(2)))));
    }
    print_message("e^x: relative error %.3g; erf: error %.3g\n", worst_exp, worst_erf);
    assert_true(worst_exp < 1.2e-7);
    assert_true(worst_erf < 4e-7);
}

static void test_activations(void **state)
{
    static const float at[16] = {0, 1, -1, 0.5F, -0.5F, 3, -3, 8, -8, 20, -20, 90, -90, 1e4F, -1e4F, 1e-20F};
    const struct kernels *kernels;

    (void)state;
    for (size_t i = 0; (kernels = rf__kernels_at(i)) != NULL; i++) {
        for (int kind = ACTIVATION_NONE; kind <= ACTIVATION_SILU; kind++) {
            float y[16], by[16], gated[16];
            memcpy(y, at, sizeof y);
            kernels->activate((enum activation_kind)kind, y, 16);
            for (int k = 0; k < 16; k++)
                by[k] = (float)k - 7.5F;
            kernels->gate((enum activation_kind)kind, at, by, gated, 16);
            for (int k = 0; k < 16; k++)
                assert_true(gated[k] == y[k] * by[k]);
            for (int k = 0; k < 16; k++) {
                double x = at[k], u = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);
                const double expected[] = {x, 0.5 * x * (1 + erf(x / sqrt(2))), 0.5 * x * (1 + tanh(u)), x > 0 ? x : 0,
                                           x / (1 + exp(-x))};
                if (fabs(y[k] - expected[kind]) > 1e-6 * (1 + fabs(x)))
                    fail_msg("%s, activation %d of %g: %g, expected %g", kernels->name, kind, x, (double)y[k],
                             expected[kind]);
            }
        }
    }
}

static void test_kinds(void **state)
{
    size_t n = 0;

    (void)state;
    while (rf__kernels_at(n) != NULL)
        print_message("%s\n", rf__kernels_at(n++)->name);
    assert_true(n >= 1);
    assert_string_equal(rf__kernels_at(n - 1)->name, "plain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_linear_layers_are_those_of_plain),
        cmocka_unit_test(test_linear_layers_are_right),
        cmocka_unit_test(test_integers_do_not_overflow),
        cmocka_unit_test(test_rows_do_not_depend_on_their_company),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_that_does_not_see_all),
        cmocka_unit_test(test_rotate),
        cmocka_unit_test(test_norm),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_activations),
    };

    return cmocka_run_group_tests_name("engine: kernels", tests, NULL, NULL);
}
