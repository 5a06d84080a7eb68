/* peak: what this processor does at its best: dot products of registers with each other, no memory, of floats, of int16
 * and of int8. */
#ifndef RF_BENCH_PEAK_H
#define RF_BENCH_PEAK_H

#include "../worker.h"
#include "engine/kernels/kernels.h"
#if defined(__AVX512VNNI__)
#include "engine/kernels/vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "engine/kernels/vec_avx2.h"
#elif defined(__ARM_FEATURE_DOTPROD)
#include "engine/kernels/vec_neon.h"
#else
#include "engine/kernels/vec_plain.h"
#endif

#define PEAK_SUMS     12 /* as many chains as hide the latency of one */
#define PEAK_AT_LEAST 0.02

static volatile float peak_sink;

static inline double peak_f32(size_t times)
{
    vf acc[PEAK_SUMS], a = vf_set1(1.0000001F), b = vf_set1(1e-9F);
    float out[PACK_LANES];

    for (int i = 0; i < PEAK_SUMS; i++)
        acc[i] = vf_set1((float)i);
    for (size_t t = 0; t < times; t++)
#pragma GCC unroll 12
        for (int i = 0; i < PEAK_SUMS; i++)
            acc[i] = vf_fma(acc[i], a, b);
    for (int i = 1; i < PEAK_SUMS; i++)
        acc[0] = vf_add(acc[0], acc[i]);
    vf_store(out, acc[0]);
    peak_sink = out[0];
    return (double)times * PEAK_SUMS * PACK_LANES * 2;
}

static inline double peak_int(size_t times, const bool is_i8)
{
    const int32_t one = 0x01010101;
    vi acc[PEAK_SUMS], a = vi_set4(&one), b = a;
    float out[PACK_LANES];

    for (int i = 0; i < PEAK_SUMS; i++)
        acc[i] = vi_zero();
    for (size_t t = 0; t < times; t++)
#pragma GCC unroll 12
        for (int i = 0; i < PEAK_SUMS; i++)
            acc[i] = is_i8 ? vi_dot_i8(acc[i], a, b) : vi_dot_i16(acc[i], a, b);
    for (int i = 0; i < PEAK_SUMS; i++) {
        vf_store(out, vf_from_int(acc[i]));
        peak_sink = out[0];
    }
    return (double)times * PEAK_SUMS * PACK_LANES * 2 * (is_i8 ? 4 : 2);
}

static inline double peak_i16(size_t times)
{
    return peak_int(times, false);
}

static inline double peak_i8(size_t times)
{
    return peak_int(times, true);
}

/* Multiplications and additions in a second of `clock`, by the thread that asks. */
static inline double peak(enum precision precision, clockid_t clock)
{
    static double (*const fns[])(size_t) = {peak_f32, peak_i16, peak_i8};
    size_t times = 1 << 18;

    for (;; times *= 2) {
        double start = seconds(clock), operations = fns[precision](times), took = seconds(clock) - start;
        if (took >= PEAK_AT_LEAST)
            return operations / took;
    }
}

#endif
