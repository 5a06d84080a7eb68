/* pooling: one vector out of the token vectors of a text. l2: a vector scaled to length 1. */
#ifndef RF_EMBED_POOLING_H
#define RF_EMBED_POOLING_H

#include "rag_factory.h"

#include "embed/embed.h"

/* tokens: [n_tokens, dim], none of them padding; out: [dim]. n_tokens is at least 1. */
void rf__pool(rf_pooling pooling, const float *tokens, size_t n_tokens, size_t dim, float *out);

/* As rf__pool() where mask, [n_tokens], says which tokens count; with no token at all the result is 0 (mean), as the
 * reference's clamp of the count gives. */
void rf__pool_masked(rf_pooling pooling, const float *tokens, const uint8_t *mask, size_t n_tokens, size_t dim,
                     float *out);

/* All modes of the spec, joined: out is [spec->n * dim]. The first n_skipped tokens do not count, but keep their
 * places: in the weighted mean the first that counts has weight n_skipped + 1. Where none counts, the result is 0. */
void rf__pool_all(const struct pooling_spec *spec, const float *tokens, size_t n_tokens, size_t n_skipped, size_t dim,
                  float *out);

/* vector / max(length, 1e-12), as torch.nn.functional.normalize. */
void rf__l2_normalize(float *vector, size_t dim);

#endif
