/* answers: room for what a model gives for some of a call's texts, before it goes to their places in the call. */
#ifndef RF_PROVIDER_ANSWERS_H
#define RF_PROVIDER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of n texts; see rf_embed_options. */
struct answers {
    float *vectors; /* [n, dim] */
    uint32_t *n_tokens, *n_windows;
    bool *truncated, *done; /* false */
};

/* False when out of memory; to be released in any case. */
bool rf__answers_allocate(struct answers *answers, size_t n, size_t dim);
void rf__answers_release(struct answers *answers); /* fine on a zeroed one */

#endif
