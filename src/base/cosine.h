/* cosine: how alike two vectors are, in double, for checks and results; not for speed. */
#ifndef RF_BASE_COSINE_H
#define RF_BASE_COSINE_H

#include <math.h>
#include <stddef.h>

static inline double rf__dot(const float *a, const float *b, size_t dim)
{
    double sum = 0;

    for (size_t i = 0; i < dim; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* From -1 to 1. 1 for two that are nothing but zeros, 0 where one is; NaN and infinity count as 0. */
static inline double rf__cosine(const float *a, const float *b, size_t dim)
{
    const double aa = rf__dot(a, a, dim), bb = rf__dot(b, b, dim), value = rf__dot(a, b, dim) / sqrt(aa * bb);

    if (aa == 0 && bb == 0)
        return 1;
    return isfinite(value) ? fmin(1, fmax(-1, value)) : 0;
}

#endif
