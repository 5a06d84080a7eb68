/*
 * fit: int8 weights that are fitted to what they are multiplied with, so that y = x W^T comes out as it was, rather
 * than each weight as near to itself as it can be.
 *
 * 1. Smoothing (SmoothQuant, Xiao et al. 2022): a column of x that is large is multiplied with a factor below 1 and its
 *    weights are divided by it. How much, is tried: the least error that is to be expected of both.
 * 2. Rounding with feedback (GPTQ, Frantar et al. 2022, in the form of LDLQ, Chee et al. 2023): with E[x^T x] = U D
 * U^T, U unit upper triangular, weight k of a row is rounded after the errors of the weights before it were added to
 * it, each times its entry of U's column k: what one weight does wrong those behind it make up for.
 */
#ifndef RF_PACK_FIT_H
#define RF_PACK_FIT_H

#include "base/error.h"

#include <stdint.h>

/* What a linear layer reads: rows x [k], k rounded up to lanes. */
struct fit_inputs {
    size_t k, n_samples;
    double weight;         /* of all rows, added up */
    const float *products; /* [k, k]: the sum of x^T x over all rows, each with its weight */
    const float *largest;  /* [k]: of |x| */
    const float *samples;  /* [n_samples, k]: some of the rows */
};

struct fit;

/* Prepares for a layer with the weights W [n, k]; k as the model has it. */
rf_status rf__fit_new(const struct fit_inputs *inputs, const float *w, size_t n, size_t k, struct fit **out,
                      rf_error *err);
/* The same with the smoothing given: what x is multiplied with, [k], or NULL. `products` is x^T x, [k, k]. */
rf_status rf__fit_smoothed(const float *products, const float *smooth, size_t k, struct fit **out, rf_error *err);
void rf__fit_free(struct fit *fit); /* NULL is fine */

/* What x is multiplied with, [k rounded up to lanes]; 0 beyond k. */
const float *rf__fit_smooth(const struct fit *fit);

/* Packs some of the layer's rows, [n, k], as rf__pack_i8() does. */
rf_status rf__fit_pack_i8(const struct fit *fit, const float *w, size_t n, int8_t *panels, float *scales, int32_t *sums,
                          rf_error *err);

/* Weights become whole numbers from `lowest` to `highest`, with a scale for each `group` of a row, no more than
 * PACK_GROUP_I8. */
struct fit_grid {
    int lowest, highest;
    size_t group;
};

/* Some of the layer's rows, [n, k], as numbers [n, k] and scales [n, groups], row by row. */
rf_status rf__fit_rows(const struct fit *fit, const struct fit_grid *grid, const float *w, size_t n, int8_t *numbers,
                       float *scales, rf_error *err);

#endif
