/* pack: see pack.h. */
#include "pack/pack.h"

#include <math.h>
#include <string.h>

size_t rf__pack_lanes(size_t n)
{
    return (n + PACK_LANES - 1) / PACK_LANES * PACK_LANES;
}

size_t rf__pack_groups(size_t k)
{
    return (k + PACK_GROUP - 1) / PACK_GROUP;
}

void rf__pack_f32(const float *w, size_t n, size_t k, float *panels)
{
    size_t k_all = rf__pack_lanes(k), n_all = rf__pack_lanes(n);

    for (size_t row = 0; row < n_all; row++) {
        float *out = panels + row / PACK_LANES * k_all * PACK_LANES + row % PACK_LANES;
        for (size_t i = 0; i < k_all; i++)
            out[i * PACK_LANES] = row < n && i < k ? w[row * k + i] : 0;
    }
}

/* The scale of one group of a row, [n] values, and 1 / scale; 0 and 0 for a group of zeros. */
static float group_scale(const float *values, size_t n, int max, float *inverse)
{
    float largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    *inverse = largest > 1e-30F ? (float)max / largest : 0;
    return largest > 1e-30F ? largest / (float)max : 0;
}

static int quantized(float value, float inverse, int max)
{
    int q = (int)lrintf(value * inverse);

    return q > max ? max : q < -max ? -max : q;
}

void rf__pack_i16(const float *w, size_t n, size_t k, int16_t *panels, float *scales)
{
    size_t k_all = rf__pack_lanes(k), n_all = rf__pack_lanes(n), n_groups = rf__pack_groups(k_all);

    memset(panels, 0, n_all * k_all * sizeof *panels);
    memset(scales, 0, n_all * n_groups * sizeof *scales);
    for (size_t row = 0; row < n; row++) {
        size_t panel = row / PACK_LANES, lane = row % PACK_LANES;
        int16_t *out = panels + panel * k_all * PACK_LANES + lane * 2;
        for (size_t begin = 0; begin < k; begin += PACK_GROUP) {
            size_t end = begin + PACK_GROUP < k ? begin + PACK_GROUP : k;
            float inverse, scale = group_scale(w + row * k + begin, end - begin, PACK_MAX_I16, &inverse);
            scales[(panel * n_groups + begin / PACK_GROUP) * PACK_LANES + lane] = scale;
            for (size_t i = begin; i < end; i++)
                out[i / 2 * 2 * PACK_LANES + i % 2] = (int16_t)quantized(w[row * k + i], inverse, PACK_MAX_I16);
        }
    }
}

void rf__pack_i8(const float *w, size_t n, size_t k, int8_t *panels, float *scales, int32_t *sums)
{
    size_t k_all = rf__pack_lanes(k), n_all = rf__pack_lanes(n), n_groups = rf__pack_groups(k_all);

    memset(panels, 0, n_all * k_all * sizeof *panels);
    memset(scales, 0, n_all * n_groups * sizeof *scales);
    memset(sums, 0, n_all * n_groups * sizeof *sums);
    for (size_t row = 0; row < n; row++) {
        size_t panel = row / PACK_LANES, lane = row % PACK_LANES;
        int8_t *out = panels + panel * k_all * PACK_LANES + lane * 4;
        for (size_t begin = 0; begin < k; begin += PACK_GROUP) {
            size_t end = begin + PACK_GROUP < k ? begin + PACK_GROUP : k;
            size_t at = (panel * n_groups + begin / PACK_GROUP) * PACK_LANES + lane;
            float inverse, scale = group_scale(w + row * k + begin, end - begin, PACK_MAX_I8, &inverse);
            scales[at] = scale;
            for (size_t i = begin; i < end; i++) {
                int q = quantized(w[row * k + i], inverse, PACK_MAX_I8);
                out[i / 4 * 4 * PACK_LANES + i % 4] = (int8_t)q;
                sums[at] -= 128 * q;
            }
        }
    }
}
