/* vec_plain: a vector of 16 floats in plain C. The contract, which the other vec_*.h keep without repeating it:
 *
 *   vf         16 floats; vi: 16 int32, or 32 int16, or 64 int8 in the same place
 *   vf_fma     a * b + c, rounded once
 *   vf_max     a where a > b, else b (so b for a NaN)
 *   vf_shift_exponent(p, t)  p * 2^n where t = 1.5 * 2^23 + n
 *   vf_sum     ((x[i] + x[i + 8]) + the same of i + 4) …: halves onto halves
 *   vi_dot_i16 acc + a[2i] b[2i] + a[2i + 1] b[2i + 1] in int32; vi_dot_i8: the same with four products of int8
 *   vf_round   to the nearest int32, ties to even
 *
 * INT8_OFFSET is what is added to quantized int8 values, for instructions with one factor without sign.
 * A tile is TILE_ROWS rows times TILE_VECS vectors: as many sums as the registers hold. */
#ifndef RF_ENGINE_KERNELS_VEC_PLAIN_H
#define RF_ENGINE_KERNELS_VEC_PLAIN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VEC         static inline
#define TILE_ROWS   2
#define TILE_VECS   1
#define INT8_OFFSET 0
#define UNROLL

typedef struct {
    float f[16];
} vf;
typedef struct {
    int32_t i[16];
} vi;

#define EACH(i) for (int i = 0; i < 16; i++)

VEC vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

VEC void vf_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

VEC vf vf_set1(float x)
{
    vf v;
    EACH(i) v.f[i] = x;
    return v;
}

VEC vf vf_add(vf a, vf b)
{
    EACH(i) a.f[i] += b.f[i];
    return a;
}

VEC vf vf_sub(vf a, vf b)
{
    EACH(i) a.f[i] -= b.f[i];
    return a;
}

VEC vf vf_mul(vf a, vf b)
{
    EACH(i) a.f[i] *= b.f[i];
    return a;
}

VEC vf vf_div(vf a, vf b)
{
    EACH(i) a.f[i] /= b.f[i];
    return a;
}

VEC vf vf_fma(vf a, vf b, vf c)
{
    EACH(i) c.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return c;
}

VEC vf vf_max(vf a, vf b)
{
    EACH(i) b.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i];
    return b;
}

VEC vf vf_min(vf a, vf b)
{
    EACH(i) b.f[i] = a.f[i] < b.f[i] ? a.f[i] : b.f[i];
    return b;
}

VEC vf vf_shift_exponent(vf p, vf t)
{
    uint32_t a[16], b[16];
    memcpy(a, &p, sizeof a);
    memcpy(b, &t, sizeof b);
    EACH(i) a[i] += b[i] << 23;
    memcpy(&p, a, sizeof a);
    return p;
}

VEC float vf_sum(vf v)
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v.f[i] += v.f[i + half];
    return v.f[0];
}

VEC float vf_highest(vf v)
{
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v.f[i] = v.f[i] > v.f[i + half] ? v.f[i] : v.f[i + half];
    return v.f[0];
}

VEC vi vi_load(const void *p)
{
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

VEC vi vi_zero(void)
{
    vi v;
    memset(&v, 0, sizeof v);
    return v;
}

/* The 4 bytes at p, 16 times. */
VEC vi vi_set4(const void *p)
{
    vi v;
    EACH(i) memcpy(&v.i[i], p, 4);
    return v;
}

VEC vi vi_dot_i16(vi acc, vi a, vi b)
{
    int16_t x[32], y[32];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    EACH(i) acc.i[i] += x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
    return acc;
}

VEC vi vi_dot_i8(vi acc, vi a, vi b)
{
    int8_t x[64], y[64];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    EACH(i)
    acc.i[i] +=
        x[4 * i] * y[4 * i] + x[4 * i + 1] * y[4 * i + 1] + x[4 * i + 2] * y[4 * i + 2] + x[4 * i + 3] * y[4 * i + 3];
    return acc;
}

VEC vf vf_from_int(vi a)
{
    vf v;
    EACH(i) v.f[i] = (float)a.i[i];
    return v;
}

/* What cannot be an int32 becomes INT32_MIN, as the instructions give. */
VEC vi vf_round(vf a)
{
    vi v;
    EACH(i) v.i[i] = a.f[i] >= -0x1p31F && a.f[i] < 0x1p31F ? (int32_t)lrintf(a.f[i]) : INT32_MIN;
    return v;
}

/* v + INT8_OFFSET */
VEC vi vi_offset(vi v)
{
    return v;
}

/* The low halves, or bytes, of each: 32 or 16 bytes. */
VEC void vi_store_i16(int16_t *p, vi v)
{
    EACH(i)
    {
        uint16_t low = (uint16_t)v.i[i];
        memcpy(p + i, &low, sizeof low);
    }
}

/* The low halves of each, in turn: even[0], odd[0], even[1] …; 64 bytes. */
VEC void vi_store_pairs_i16(int16_t *p, vi even, vi odd)
{
    EACH(i)
    {
        uint32_t both = ((uint32_t)even.i[i] & 0xffff) | (uint32_t)odd.i[i] << 16;
        memcpy(p + 2 * i, &both, sizeof both);
    }
}

VEC void vi_store_i8(int8_t *p, vi v)
{
    EACH(i)
    {
        uint8_t low = (uint8_t)v.i[i];
        memcpy(p + i, &low, sizeof low);
    }
}

#endif
