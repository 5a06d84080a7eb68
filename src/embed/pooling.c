/*
 * pooling: see pooling.h. The order of the additions is fixed by the tokens alone, so that the same text gives the same
 * bits in any company. The reference is sentence_transformers.models.Pooling.
 */
#include "embed/pooling.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const char *rf__pooling_name(rf_pooling pooling)
{
    static const char *const names[] = {"default", "mean",          "cls",           "max",
                                        "last",    "mean-sqrt-len", "weighted-mean", "several"};

    assert((size_t)pooling < sizeof names / sizeof names[0]);
    return names[pooling];
}

static void pool_mean(const float *tokens, const uint8_t *mask, size_t n_tokens, size_t dim, float *out)
{
    size_t count = 0;

    memset(out, 0, dim * sizeof *out);
    for (size_t t = 0; t < n_tokens; t++) {
        if (mask != NULL && !mask[t])
            continue;
        for (size_t d = 0; d < dim; d++)
            out[d] += tokens[t * dim + d];
        count++;
    }
    for (size_t d = 0; d < dim && count > 0; d++)
        out[d] /= (float)count;
}

/* The mean times the square root of the number of tokens: long texts give longer vectors. */
static void pool_mean_sqrt_len(const float *tokens, const uint8_t *mask, size_t n_tokens, size_t dim, float *out)
{
    size_t count = 0;
    float root;

    pool_mean(tokens, mask, n_tokens, dim, out);
    for (size_t t = 0; t < n_tokens; t++)
        count += mask == NULL || mask[t];
    root = sqrtf((float)count);
    for (size_t d = 0; d < dim; d++)
        out[d] *= root;
}

/* The first token that counts has weight n_before + 1, each later one, counted or not, one more. */
static void pool_weighted_mean(const float *tokens, const uint8_t *mask, size_t n_tokens, size_t n_before, size_t dim,
                               float *out)
{
    size_t first = 0;
    double sum = 0;

    memset(out, 0, dim * sizeof *out);
    while (mask != NULL && first < n_tokens && !mask[first])
        first++;
    for (size_t t = first; t < n_tokens; t++) {
        float weight = (float)(t - first + n_before + 1);
        if (mask != NULL && !mask[t])
            continue;
        for (size_t d = 0; d < dim; d++)
            out[d] += weight * tokens[t * dim + d];
        sum += (double)weight;
    }
    for (size_t d = 0; d < dim && sum > 0; d++)
        out[d] /= (float)sum;
}

static void pool_max(const float *tokens, const uint8_t *mask, size_t n_tokens, size_t dim, float *out)
{
    bool is_first = true;

    memset(out, 0, dim * sizeof *out);
    for (size_t t = 0; t < n_tokens; t++) {
        if (mask != NULL && !mask[t])
            continue;
        for (size_t d = 0; d < dim; d++)
            if (is_first || tokens[t * dim + d] > out[d])
                out[d] = tokens[t * dim + d];
        is_first = false;
    }
}

static void pool(rf_pooling pooling, const float *tokens, const uint8_t *mask, size_t n_tokens, size_t n_before,
                 size_t dim, float *out)
{
    size_t at = 0;

    switch (pooling) {
    case RF_POOLING_CLS: /* the first token that counts: with padding on the left it is not the first of the row */
        while (mask != NULL && at + 1 < n_tokens && !mask[at])
            at++;
        break;
    case RF_POOLING_LAST: /* likewise the last that counts, never a padding column */
        at = n_tokens - 1;
        while (mask != NULL && at > 0 && !mask[at])
            at--;
        break;
    case RF_POOLING_MAX:
        pool_max(tokens, mask, n_tokens, dim, out);
        return;
    case RF_POOLING_MEAN_SQRT_LEN:
        pool_mean_sqrt_len(tokens, mask, n_tokens, dim, out);
        return;
    case RF_POOLING_WEIGHTED_MEAN:
        pool_weighted_mean(tokens, mask, n_tokens, n_before, dim, out);
        return;
    default:
        pool_mean(tokens, mask, n_tokens, dim, out);
        return;
    }
    memcpy(out, tokens + at * dim, dim * sizeof *out);
}

void rf__pool_masked(rf_pooling pooling, const float *tokens, const uint8_t *mask, size_t n_tokens, size_t dim,
                     float *out)
{
    pool(pooling, tokens, mask, n_tokens, 0, dim, out);
}

void rf__pool(rf_pooling pooling, const float *tokens, size_t n_tokens, size_t dim, float *out)
{
    pool(pooling, tokens, NULL, n_tokens, 0, dim, out);
}

void rf__pool_all(const struct pooling_spec *spec, const float *tokens, size_t n_tokens, size_t n_skipped, size_t dim,
                  float *out)
{
    if (n_skipped >= n_tokens) {
        memset(out, 0, spec->n * dim * sizeof *out);
        return;
    }
    for (size_t i = 0; i < spec->n; i++)
        pool(spec->modes[i], tokens + n_skipped * dim, NULL, n_tokens - n_skipped, n_skipped, dim, out + i * dim);
}

void rf__l2_normalize(float *vector, size_t dim)
{
    double sum = 0, length;

    for (size_t d = 0; d < dim; d++)
        sum += (double)vector[d] * vector[d];
    length = sqrt(sum);
    if (length < 1e-12)
        length = 1e-12;
    for (size_t d = 0; d < dim; d++)
        vector[d] = (float)(vector[d] / length);
}
