/* vectors: a vector that a test can foresee for each number, and its key. */
#ifndef RF_TESTS_VECTORS_H
#define RF_TESTS_VECTORS_H

#include "vector_cache/vector_cache.h"

#include <stdio.h>
#include <string.h>

static inline void vector_of(uint32_t number, uint32_t dim, float *out)
{
    uint32_t bits = number * 2654435761u + 1;

    for (uint32_t d = 0; d < dim; d++) {
        bits = bits * 1664525u + 1013904223u;
        out[d] = (float)(bits >> 8) / 8388608.0f - 1;
    }
}

/* Not vector_of() alone: what is kept beside it has to be the text's own, too. */
static inline struct kept_text kept_of(uint32_t number)
{
    return (struct kept_text){.n_tokens = number % 512 + 1, .n_windows = number % 4 + 1, .truncated = number % 3 == 0};
}

static inline bool kept_is(const struct kept_text *kept, uint32_t number)
{
    struct kept_text own = kept_of(number);

    return kept->n_tokens == own.n_tokens && kept->n_windows == own.n_windows && kept->truncated == own.truncated;
}

/* False when out of memory. */
static inline bool key_of(const char *model, uint32_t number, struct vector_key *out)
{
    struct vector_key identity;
    struct key_maker *maker = NULL;
    char text[32];
    bool done = rf__vector_key_model(model, strlen(model), &identity, NULL) == RF_OK &&
                rf__key_maker_new(&identity, "", 0, &maker, NULL) == RF_OK;

    snprintf(text, sizeof text, "text %u", number);
    done = done && rf__key_make(maker, (rf_text){text, strlen(text)}, out, NULL) == RF_OK;
    rf__key_maker_free(maker);
    return done;
}

#endif
