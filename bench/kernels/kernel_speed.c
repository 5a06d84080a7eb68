/*
 * kernel_speed: each kernel of engine/kernels as a share of what one core does at its best, measured in turn in the
 * same run: dot products of registers with each other, no memory, of floats, of int16 and of int8. Time is processor
 * time. Prints rows of Markdown.
 *
 *     build/release/bench/kernel_speed [ROUNDS]
 *
 * The answer is checked first: what each kernel gives is compared with what the plain one gives, bit for bit.
 * Operations are multiplications and additions: 2 k n a row of a linear layer, 4 n width for each token of a head of n.
 */
#include "peak.h"

#include <math.h>

#define LANES PACK_LANES
#define ROWS  96

/* ---- The kernels ---------------------------------------------------------------------------------------------------
 */

static const char *const precisions[] = {"fp32", "int16", "int8"};

struct work {
    const char *what;
    enum precision precision;
    size_t k, n; /* of a linear layer; of attention: width of a head, tokens */
    void (*run)(const struct kernels *kernels, struct work *work);
    double operations;
    struct linear linear;
    struct linear_job job;
    struct attention_job head;
    float *out; /* what run() wrote */
    size_t n_out;
};

static void *zeros(size_t n, size_t size)
{
    void *memory = aligned_alloc(64, (n * size + 63) / 64 * 64 + 64);

    if (memory == NULL)
        die("out of memory");
    memset(memory, 0, n * size);
    return memory;
}

/* Numbers between -1 and 1, the same ones each time. */
static float *numbers(size_t n)
{
    static uint32_t state = 1;
    float *out = zeros(n, sizeof *out);

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525 + 1013904223;
        out[i] = (float)(state >> 8) * 0x1p-23F - 1;
    }
    return out;
}

static void run_linear(const struct kernels *kernels, struct work *work)
{
    switch (work->precision) {
    case PRECISION_FP32:
        kernels->linear_f32(&work->job);
        break;
    case PRECISION_INT16:
        kernels->quantize_i16(&work->linear, work->job.x, ROWS, &work->job.q);
        kernels->linear_i16(&work->job);
        break;
    case PRECISION_INT8:
        kernels->quantize_i8(&work->linear, work->job.x, ROWS, &work->job.q);
        kernels->linear_i8(&work->job);
        break;
    }
}

static void run_attention(const struct kernels *kernels, struct work *work)
{
    (work->precision == PRECISION_FP32 ? kernels->attention : kernels->attention_i16)(&work->head);
}

static void prepare_linear(struct work *work)
{
    size_t k = work->k, n = work->n, groups = rf__pack_groups(k, PACK_GROUP_I8), n_scales = n * groups;
    float *weights = numbers(n * k), *scales = zeros(n_scales, sizeof *scales), *smooth = zeros(k, sizeof *smooth);
    int32_t *sums = zeros(n_scales, sizeof *sums);
    void *panels = zeros(n * k, sizeof(float));

    for (size_t i = 0; i < k; i++)
        smooth[i] = 1;
    if (work->precision == PRECISION_FP32)
        rf__pack_f32(weights, n, k, panels);
    else if (work->precision == PRECISION_INT16)
        rf__pack_i16(weights, n, k, panels, scales);
    else
        rf__pack_i8(weights, n, k, panels, scales, sums);
    free(weights);
    work->linear = (struct linear){work->precision, panels, scales, sums, smooth, numbers(n), n, k};
    work->job = (struct linear_job){
        .w = &work->linear,
        .x = numbers(ROWS * k),
        .q = {zeros(ROWS * k, 2), ROWS, zeros(ROWS * groups, sizeof(float)), zeros(ROWS * groups, sizeof(float))},
        .y = zeros(ROWS * n, sizeof(float)),
        .rows = ROWS,
        .ldy = n,
        .last = n / LANES};
    work->run = run_linear;
    work->operations = 2.0 * ROWS * (double)k * (double)n;
    work->out = work->job.y;
    work->n_out = ROWS * n;
}

static void prepare_attention(struct work *work)
{
    size_t n = work->n, width = work->k;
    float *qkv = numbers(n * 3 * width);

    work->head = (struct attention_job){.q = qkv,
                                        .k = qkv + width,
                                        .v = qkv + 2 * width,
                                        .out = zeros(n * width, sizeof(float)),
                                        .n = n,
                                        .width = width,
                                        .ld = 3 * width,
                                        .ldo = width,
                                        .scale = 1 / sqrtf((float)width),
                                        .before = SIZE_MAX,
                                        .after = SIZE_MAX,
                                        .scratch = zeros(rf__attention_scratch(n, width), sizeof(float))};
    work->run = run_attention;
    work->operations = 4.0 * (double)n * (double)n * (double)width;
    work->out = work->head.out;
    work->n_out = n * width;
}

static void release(struct work *work)
{
    free((void *)(uintptr_t)work->linear.panels);
    free((void *)(uintptr_t)work->linear.scales);
    free((void *)(uintptr_t)work->linear.sums);
    free((void *)(uintptr_t)work->linear.smooth);
    free((void *)(uintptr_t)work->linear.bias);
    free((void *)(uintptr_t)work->job.x);
    free(work->job.q.values);
    free(work->job.q.scales);
    free(work->job.q.middles);
    free((void *)(uintptr_t)work->head.q);
    free(work->head.scratch);
    free(work->out);
}

/* What the fastest kernels give is what the plain ones give. */
static void check(struct work *work, const struct kernels *kernels)
{
    float *plain = zeros(work->n_out, sizeof *plain);

    work->run(rf__kernels_plain, work);
    memcpy(plain, work->out, work->n_out * sizeof *plain);
    work->run(kernels, work);
    if (memcmp(plain, work->out, work->n_out * sizeof *plain) != 0)
        die("other bits than the plain kernel's; no number is worth printing");
    free(plain);
}

/* ---- The run -------------------------------------------------------------------------------------------------------
 */

static double speed(struct work *work, const struct kernels *kernels)
{
    for (size_t times = 1;; times *= 2) {
        double start = seconds(CLOCK_PROCESS_CPUTIME_ID), took;
        for (size_t i = 0; i < times; i++)
            work->run(kernels, work);
        took = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
        if (took >= PEAK_AT_LEAST)
            return work->operations * (double)times / took;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_size);
    return values[n / 2];
}

static void measure(struct work *work, const struct kernels *kernels, size_t rounds)
{
    double *speeds = zeros(rounds, sizeof *speeds), *shares = zeros(rounds, sizeof *shares);

    (strcmp(work->what, "attention") == 0 ? prepare_attention : prepare_linear)(work);
    check(work, kernels);
    for (size_t i = 0; i < rounds; i++) {
        double best = peak(work->precision, CLOCK_PROCESS_CPUTIME_ID);
        speeds[i] = speed(work, kernels);
        shares[i] = speeds[i] / best;
    }
    printf("| %s | %zu x %zu | %s | %.0f | %.0f %% |\n", work->what, work->k, work->n, precisions[work->precision],
           median(speeds, rounds) * 1e-9, 100 * median(shares, rounds));
    fflush(stdout);
    release(work);
    free(speeds);
    free(shares);
}

int main(int argc, char **argv)
{
    static const size_t shapes[][2] = {{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}},
                        lengths[] = {16, 96, 192, 512};
    const struct kernels *kernels = rf__kernels_best();
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 9;

    if (rounds == 0)
        die("usage: kernel_speed [ROUNDS]");
    printf("%s, one thread, %d rows; rows of %d lanes\n\n| | shape | precision | 10^9 operations/s | of the peak |\n"
           "|---|---|---|---|---|\n",
           kernels->name, ROWS, LANES);
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            measure(&(struct work){"linear", (enum precision)precision, shapes[s][0], shapes[s][1], .run = NULL},
                    kernels, rounds);
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT16; precision++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            measure(&(struct work){"attention", (enum precision)precision, 32, lengths[i], .run = NULL}, kernels,
                    rounds);
    return 0;
}
