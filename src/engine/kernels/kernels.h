/*
 * kernels: the arithmetic of an encoder, for each kind of processor. kernels_body.h is written once over vectors of 16
 * floats; vec_*.h says what such a vector is: one AVX-512 register, two of AVX2, four of NEON, an array in plain C. All
 * do the same operations in the same order, with fused multiply-add throughout, so that every kind gives the same bits,
 * whatever the number of rows that a call has: a value is one chain of additions, from the first k to the last.
 *
 * Rows are [rows, ld] with ld a multiple of PACK_LANES; what is beyond the model's own width holds zeros.
 */
#ifndef RF_ENGINE_KERNELS_KERNELS_H
#define RF_ENGINE_KERNELS_KERNELS_H

#include "pack/pack.h"

#include <stdbool.h>

enum activation_kind { ACTIVATION_NONE, ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU, ACTIVATION_SILU };

enum precision { PRECISION_FP32, PRECISION_INT16, PRECISION_INT8 };

/* A linear layer as pack.h lays it out; n and k are rounded up. scales: NULL for fp32; sums and smooth: int8 alone.
 * What an int8 layer reads is multiplied with `smooth` before it is quantized; its weights were divided by it. */
struct linear {
    enum precision precision;
    const void *panels;
    const float *scales;
    const int32_t *sums;
    const float *smooth; /* [k] */
    const float *bias;   /* [n] */
    size_t n, k;
};

/* Rows that were quantized, what an int16 or int8 layer reads: for each group of a row the numbers are value * scale,
 * in int8 value * scale + middle. */
struct quantized {
    void *values;   /* int16_t or int8_t [rows, k]; int8 with the kernel's own offset */
    size_t ld;      /* how far the scales of a group are from those of the next: the number of rows, or more */
    float *scales;  /* [groups of k, ld] */
    float *middles; /* of int8, likewise; divided by -128, as linear.sums is multiplied */
};

/* Columns [16 * first, 16 * last) of y = act(x W^T + b + residual) for all rows. x has ld = w->k; y and residual (NULL:
 * none) have ld = ldy. */
struct linear_job {
    const struct linear *w;
    const float *x;     /* of fp32 layers */
    struct quantized q; /* of the others */
    const float *residual;
    float *y;
    size_t rows, ldy, first, last;
    enum activation_kind activation;
    const void *ahead; /* NULL, or panels of weights that are likely read after these */
};

/* One head of one text: out = softmax(q k^T * scale + bias) v. q, k, v: [n, width], rows ld apart; out rows are ldo
 * apart. Token i sees tokens i - before … i + after. */
struct attention_job {
    const float *q, *k, *v;
    float *out;
    size_t n, width, ld, ldo;
    float scale;
    size_t before, after; /* SIZE_MAX: all */
    const float *bias;    /* NULL; or bias[n - 1 + j - i] is that of token j for token i; [2 n + PACK_LANES] is read */
    float *scratch;       /* [rf__attention_scratch(n, width)], aligned as the rows are */
};
size_t rf__attention_scratch(size_t n, size_t width);
#define ATTENTION_I16_WIDTH 256 /* the widest head of attention_i16 */

/* y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each row; weight and bias are 0 beyond `width`. y may
 * be x. is_rms: the mean is taken as 0, so that the variance is the mean square. */
struct norm {
    const float *weight, *bias;
    size_t width, ld;
    float epsilon;
    bool is_rms;
};

struct kernels {
    const char *name; /* as RF_CPU names it: "plain", "avx2" … */
    void (*linear_f32)(const struct linear_job *job);
    void (*linear_i16)(const struct linear_job *job);
    void (*linear_i8)(const struct linear_job *job);
    /* What a layer of that precision reads, of x [rows, w->k]. */
    void (*quantize_i16)(const struct linear *w, const float *x, size_t rows, const struct quantized *out);
    void (*quantize_i8)(const struct linear *w, const float *x, size_t rows, const struct quantized *out);
    void (*attention)(const struct attention_job *job);
    /* The same with products of int16, numerically like it; for a width that is a multiple of 16, up to
     * ATTENTION_I16_WIDTH. */
    void (*attention_i16)(const struct attention_job *job);
    void (*norm)(const struct norm *norm, const float *x, float *y, size_t rows);
    void (*activate)(enum activation_kind kind, float *x, size_t n); /* n: a multiple of 16 */
    /* y = act(x) * by, likewise */
    void (*gate)(enum activation_kind kind, const float *x, const float *by, float *y, size_t n);
    /* Rotary positions (Su et al. 2021): of each of n_heads heads that lie behind each other, numbers i and i + half
     * are turned as a point of the plane by an angle, whose cosine and sine are [half]. */
    void (*rotate)(float *x, size_t n_heads, size_t half, const float *cosines, const float *sines);
    void (*exp)(float *x, size_t n); /* for x <= 0; likewise */
};

/* The i-th kind that was built and that this processor runs, the fastest first; NULL past the last, which is plain. */
const struct kernels *rf__kernels_at(size_t i);
/* The fastest, or the one that the environment variable RF_CPU names, where this processor runs it. */
const struct kernels *rf__kernels_best(void);

/* What of the processor makes these the best, as a sentence. */
const char *rf__kernels_need(const struct kernels *kernels);

/* Of one file each; NULL where the compiler or the processor's family has none. */
extern const struct kernels *const rf__kernels_plain;
extern const struct kernels *const rf__kernels_avx2;
extern const struct kernels *const rf__kernels_avx512;
extern const struct kernels *const rf__kernels_neon;

#endif
