/* vec_avx2: a vector of 16 floats is two registers of AVX2 with FMA; see vec_plain.h. */
#ifndef RF_ENGINE_KERNELS_VEC_AVX2_H
#define RF_ENGINE_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VEC         static inline __attribute__((always_inline))
#define TILE_ROWS   6
#define TILE_VECS   1
#define INT8_OFFSET 0

typedef struct {
    __m256 a, b; /* lanes 0 … 7, 8 … 15 */
} vf;
typedef struct {
    __m256i a, b;
} vi;

VEC vf vf_load(const float *p)
{
    return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

VEC void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}

VEC vf vf_set1(float x)
{
    return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

VEC vf vf_add(vf x, vf y)
{
    return (vf){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}

VEC vf vf_sub(vf x, vf y)
{
    return (vf){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}

VEC vf vf_mul(vf x, vf y)
{
    return (vf){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}

VEC vf vf_div(vf x, vf y)
{
    return (vf){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}

VEC vf vf_fma(vf x, vf y, vf z)
{
    return (vf){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}

VEC vf vf_max(vf x, vf y)
{
    return (vf){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}

VEC vf vf_min(vf x, vf y)
{
    return (vf){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}

VEC __m256 shift_exponent(__m256 p, __m256 t)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(t), 23)));
}

VEC vf vf_shift_exponent(vf p, vf t)
{
    return (vf){shift_exponent(p.a, t.a), shift_exponent(p.b, t.b)};
}

VEC float vf_sum(vf v)
{
    __m256 y = _mm256_add_ps(v.a, v.b);
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

VEC float vf_highest(vf v)
{
    __m256 y = _mm256_max_ps(v.a, v.b);
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

VEC vi vi_load(const void *p)
{
    return (vi){_mm256_loadu_si256(p), _mm256_loadu_si256((const __m256i *)p + 1)};
}

VEC vi vi_zero(void)
{
    return (vi){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

VEC vi vi_set4(const void *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return (vi){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}

VEC vi vi_dot_i16(vi acc, vi x, vi y)
{
    return (vi){_mm256_add_epi32(acc.a, _mm256_madd_epi16(x.a, y.a)),
                _mm256_add_epi32(acc.b, _mm256_madd_epi16(x.b, y.b))};
}

/* The instruction for products of bytes wants one without sign and saturates at 2^15: with |x|, and x's sign given to
 * y, two products of at most 127 * 127 fit. */
VEC __m256i dot_i8(__m256i acc, __m256i x, __m256i y)
{
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

VEC vi vi_dot_i8(vi acc, vi x, vi y)
{
    return (vi){dot_i8(acc.a, x.a, y.a), dot_i8(acc.b, x.b, y.b)};
}

VEC vf vf_from_int(vi v)
{
    return (vf){_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)};
}

VEC vi vf_round(vf v)
{
    return (vi){_mm256_cvtps_epi32(v.a), _mm256_cvtps_epi32(v.b)};
}

/* The low bytes of each 16-byte half side by side: by a shuffle, since packing would saturate. */
VEC __m256i low_bytes(__m256i v, int n)
{
    const __m256i halves = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 4, 5, 8, 9,
                                            12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1,
                                           -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    return _mm256_shuffle_epi8(v, n == 2 ? halves : bytes);
}

VEC vi vi_offset(vi v)
{
    return v;
}

VEC void vi_store_i16(int16_t *p, vi v)
{
    __m256i a = _mm256_permute4x64_epi64(low_bytes(v.a, 2), 0x08),
            b = _mm256_permute4x64_epi64(low_bytes(v.b, 2), 0x08);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(a));
    _mm_storeu_si128((__m128i *)p + 1, _mm256_castsi256_si128(b));
}

VEC __m256i pairs_i16(__m256i even, __m256i odd)
{
    return _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), 0xaa);
}

VEC void vi_store_pairs_i16(int16_t *p, vi even, vi odd)
{
    _mm256_storeu_si256((__m256i *)p, pairs_i16(even.a, odd.a));
    _mm256_storeu_si256((__m256i *)p + 1, pairs_i16(even.b, odd.b));
}

VEC void vi_store_i8(int8_t *p, vi v)
{
    __m256i a = low_bytes(v.a, 1), b = low_bytes(v.b, 1);
    __m128i x = _mm_unpacklo_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    __m128i y = _mm_unpacklo_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
    _mm_storeu_si128((__m128i *)p, _mm_unpacklo_epi64(x, y));
}

#endif
