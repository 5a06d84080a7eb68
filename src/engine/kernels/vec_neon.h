/* vec_neon: a vector of 16 floats is four registers of arm64, with the dot product of bytes; see vec_plain.h. */
#ifndef RF_ENGINE_KERNELS_VEC_NEON_H
#define RF_ENGINE_KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define VEC         static inline __attribute__((always_inline))
#define TILE_ROWS   6
#define TILE_VECS   1
#define INT8_OFFSET 0

typedef float32x4x4_t vf;
typedef int32x4x4_t vi;

VEC vf vf_load(const float *p)
{
    return (vf){{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}

VEC void vf_store(float *p, vf v)
{
    vst1q_f32(p, v.val[0]);
    vst1q_f32(p + 4, v.val[1]);
    vst1q_f32(p + 8, v.val[2]);
    vst1q_f32(p + 12, v.val[3]);
}

VEC vf vf_set1(float x)
{
    float32x4_t v = vdupq_n_f32(x);
    return (vf){{v, v, v, v}};
}

#define EACH_OF(type, op)                                                                                              \
    (type)                                                                                                             \
    {                                                                                                                  \
        {                                                                                                              \
            op(x.val[0], y.val[0]), op(x.val[1], y.val[1]), op(x.val[2], y.val[2]), op(x.val[3], y.val[3])             \
        }                                                                                                              \
    }

VEC vf vf_add(vf x, vf y)
{
    return EACH_OF(vf, vaddq_f32);
}

VEC vf vf_sub(vf x, vf y)
{
    return EACH_OF(vf, vsubq_f32);
}

VEC vf vf_mul(vf x, vf y)
{
    return EACH_OF(vf, vmulq_f32);
}

VEC vf vf_div(vf x, vf y)
{
    return EACH_OF(vf, vdivq_f32);
}

VEC vf vf_fma(vf x, vf y, vf z)
{
    return (vf){{vfmaq_f32(z.val[0], x.val[0], y.val[0]), vfmaq_f32(z.val[1], x.val[1], y.val[1]),
                 vfmaq_f32(z.val[2], x.val[2], y.val[2]), vfmaq_f32(z.val[3], x.val[3], y.val[3])}};
}

/* By comparison, which treats zeros and NaN as x86 does. */
VEC float32x4_t larger(float32x4_t x, float32x4_t y)
{
    return vbslq_f32(vcgtq_f32(x, y), x, y);
}

VEC float32x4_t smaller(float32x4_t x, float32x4_t y)
{
    return vbslq_f32(vcltq_f32(x, y), x, y);
}

VEC vf vf_max(vf x, vf y)
{
    return EACH_OF(vf, larger);
}

VEC vf vf_min(vf x, vf y)
{
    return EACH_OF(vf, smaller);
}

VEC float32x4_t shift_exponent(float32x4_t p, float32x4_t t)
{
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(vreinterpretq_s32_f32(t), 23)));
}

VEC vf vf_shift_exponent(vf x, vf y)
{
    return EACH_OF(vf, shift_exponent);
}

VEC float vf_sum(vf v)
{
    float32x4_t x = vaddq_f32(vaddq_f32(v.val[0], v.val[2]), vaddq_f32(v.val[1], v.val[3]));
    float32x2_t half = vadd_f32(vget_low_f32(x), vget_high_f32(x));
    return vget_lane_f32(half, 0) + vget_lane_f32(half, 1);
}

VEC float vf_highest(vf v)
{
    return vmaxvq_f32(larger(larger(v.val[0], v.val[2]), larger(v.val[1], v.val[3])));
}

VEC vi vi_load(const void *p)
{
    const int32_t *from = p;
    return (vi){{vld1q_s32(from), vld1q_s32(from + 4), vld1q_s32(from + 8), vld1q_s32(from + 12)}};
}

VEC vi vi_zero(void)
{
    int32x4_t v = vdupq_n_s32(0);
    return (vi){{v, v, v, v}};
}

VEC vi vi_set4(const void *p)
{
    int32_t one;
    memcpy(&one, p, sizeof one);
    int32x4_t v = vdupq_n_s32(one);
    return (vi){{v, v, v, v}};
}

VEC int32x4_t dot_i16(int32x4_t acc, int32x4_t x, int32x4_t y)
{
    int16x8_t a = vreinterpretq_s16_s32(x), b = vreinterpretq_s16_s32(y);
    return vaddq_s32(acc, vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b)));
}

VEC int32x4_t dot_i8(int32x4_t acc, int32x4_t x, int32x4_t y)
{
    return vdotq_s32(acc, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(y));
}

#define EACH_DOT(op)                                                                                                   \
    (vi)                                                                                                               \
    {                                                                                                                  \
        {                                                                                                              \
            op(acc.val[0], x.val[0], y.val[0]), op(acc.val[1], x.val[1], y.val[1]),                                    \
                op(acc.val[2], x.val[2], y.val[2]), op(acc.val[3], x.val[3], y.val[3])                                 \
        }                                                                                                              \
    }

VEC vi vi_dot_i16(vi acc, vi x, vi y)
{
    return EACH_DOT(dot_i16);
}

VEC vi vi_dot_i8(vi acc, vi x, vi y)
{
    return EACH_DOT(dot_i8);
}

VEC vf vf_from_int(vi v)
{
    return (vf){{vcvtq_f32_s32(v.val[0]), vcvtq_f32_s32(v.val[1]), vcvtq_f32_s32(v.val[2]), vcvtq_f32_s32(v.val[3])}};
}

VEC vi vf_round(vf v)
{
    return (vi){
        {vcvtnq_s32_f32(v.val[0]), vcvtnq_s32_f32(v.val[1]), vcvtnq_s32_f32(v.val[2]), vcvtnq_s32_f32(v.val[3])}};
}

VEC vi vi_offset(vi v)
{
    return v;
}

VEC void vi_store_i16(int16_t *p, vi v)
{
    vst1q_s16(p, vcombine_s16(vmovn_s32(v.val[0]), vmovn_s32(v.val[1])));
    vst1q_s16(p + 8, vcombine_s16(vmovn_s32(v.val[2]), vmovn_s32(v.val[3])));
}

VEC void store_pairs_i16(int16_t *p, int32x4_t even, int32x4_t odd)
{
    vst2_s16(p, ((int16x4x2_t){{vmovn_s32(even), vmovn_s32(odd)}}));
}

VEC void vi_store_pairs_i16(int16_t *p, vi even, vi odd)
{
    for (int i = 0; i < 4; i++)
        store_pairs_i16(p + 8 * i, even.val[i], odd.val[i]);
}

VEC void vi_store_i8(int8_t *p, vi v)
{
    int16x8_t a = vcombine_s16(vmovn_s32(v.val[0]), vmovn_s32(v.val[1]));
    int16x8_t b = vcombine_s16(vmovn_s32(v.val[2]), vmovn_s32(v.val[3]));
    vst1q_s8(p, vcombine_s8(vmovn_s16(a), vmovn_s16(b)));
}

#endif
