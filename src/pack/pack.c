/* pack: see pack.h. */
#include "pack/pack.h"

#include <math.h>
#include <string.h>

size_t rf__pack_lanes(size_t n)
{
    return (n + PACK_LANES - 1) / PACK_LANES * PACK_LANES;
}

size_t rf__pack_groups(size_t k, size_t group)
{
    return (k + group - 1) / group;
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

/* The two integer forms differ in their element: how many of them lie side by side, and its type. */
static void put(void *panels, size_t at, size_t element, int q)
{
    if (element == sizeof(int16_t))
        ((int16_t *)panels)[at] = (int16_t)q;
    else
        ((int8_t *)panels)[at] = (int8_t)q;
}

/* Elements of `element` bytes, 4 / element of a row side by side, up to `max`. */
static void pack_integers(const float *w, size_t n, size_t k, size_t element, int max, void *panels, float *scales,
                          int32_t *sums)
{
    const size_t k_all = rf__pack_lanes(k), n_all = rf__pack_lanes(n), beside = 4 / element;
    const size_t group = element == 2 ? PACK_GROUP_I16 : PACK_GROUP_I8, n_groups = rf__pack_groups(k_all, group);

    if (panels != NULL)
        memset(panels, 0, n_all * k_all * element);
    if (scales != NULL)
        memset(scales, 0, n_all * n_groups * sizeof *scales);
    if (sums != NULL)
        memset(sums, 0, n_all * n_groups * sizeof *sums);
    for (size_t row = 0; row < n; row++) {
        size_t panel = row / PACK_LANES, lane = row % PACK_LANES;
        size_t first = panel * k_all * PACK_LANES + lane * beside;
        for (size_t begin = 0; begin < k; begin += group) {
            size_t end = begin + group < k ? begin + group : k;
            size_t at = (panel * n_groups + begin / group) * PACK_LANES + lane;
            float inverse, scale = group_scale(w + row * k + begin, end - begin, max, &inverse);
            if (scales != NULL)
                scales[at] = scale;
            for (size_t i = begin; i < end && (panels != NULL || sums != NULL); i++) {
                int q = quantized(w[row * k + i], inverse, max);
                if (panels != NULL)
                    put(panels, first + i / beside * beside * PACK_LANES + i % beside, element, q);
                if (sums != NULL)
                    sums[at] -= 128 * q;
            }
        }
    }
}

void rf__pack_i16(const float *w, size_t n, size_t k, int16_t *panels, float *scales)
{
    pack_integers(w, n, k, sizeof *panels, PACK_MAX_I16, panels, scales, NULL);
}

void rf__pack_i8(const float *w, size_t n, size_t k, int8_t *panels, float *scales, int32_t *sums)
{
    pack_integers(w, n, k, sizeof *panels, PACK_MAX_I8, panels, scales, sums);
}
