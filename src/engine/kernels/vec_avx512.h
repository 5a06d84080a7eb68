/* vec_avx512: a vector of 16 floats is one register of AVX-512; see vec_plain.h. */
#ifndef RF_ENGINE_KERNELS_VEC_AVX512_H
#define RF_ENGINE_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VEC         static inline __attribute__((always_inline))
#define TILE_ROWS   6
#define TILE_VECS   4
#define INT8_OFFSET 128

typedef __m512 vf;
typedef __m512i vi;

VEC vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

VEC void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}

VEC vf vf_set1(float x)
{
    return _mm512_set1_ps(x);
}

VEC vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}

VEC vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}

VEC vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}

VEC vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}

VEC vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

VEC vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

VEC vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

VEC vf vf_shift_exponent(vf p, vf t)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

VEC __m256 upper_half(vf v)
{
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
}

VEC float vf_sum(vf v)
{
    __m256 y = _mm256_add_ps(_mm512_castps512_ps256(v), upper_half(v));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

VEC float vf_highest(vf v)
{
    __m256 y = _mm256_max_ps(_mm512_castps512_ps256(v), upper_half(v));
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

VEC vi vi_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

VEC vi vi_zero(void)
{
    return _mm512_setzero_si512();
}

VEC vi vi_set4(const void *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return _mm512_set1_epi32(x);
}

/* gcc 12 copies and spills the accumulator of the intrinsics for these two; written out it stays where it is. */
VEC vi vi_dot_i16(vi acc, vi a, vi b)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
}

VEC vi vi_dot_i8(vi acc, vi a, vi b)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
}

VEC vf vf_from_int(vi a)
{
    return _mm512_cvtepi32_ps(a);
}

VEC vi vf_round(vf a)
{
    return _mm512_cvtps_epi32(a);
}

VEC vi vi_offset(vi v)
{
    return _mm512_add_epi32(v, _mm512_set1_epi32(INT8_OFFSET));
}

VEC void vi_store_i16(int16_t *p, vi v)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(v));
}

VEC void vi_store_pairs_i16(int16_t *p, vi even, vi odd)
{
    _mm512_storeu_si512(p, _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_slli_epi32(odd, 16)));
}

VEC void vi_store_i8(int8_t *p, vi v)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(v));
}

#endif
