/*
 * word_cache: words and their tokens, so that a word that comes again is looked up instead of computed. A table of
 * fixed size; a word has one place, and takes it from the word that was there. Long words and those of many tokens are
 * not kept.
 */
#ifndef RF_TOKENIZER_WORD_CACHE_H
#define RF_TOKENIZER_WORD_CACHE_H

#include "tokenizer/vocabulary.h"

#define RF_CACHED_BYTES  32
#define RF_CACHED_TOKENS 6

struct cached_word {
    char bytes[RF_CACHED_BYTES];    /* first, so that RF_TEXT_PAD bytes behind them can be read */
    uint32_t ids[RF_CACHED_TOKENS]; /* of tokens that lie end to end */
    uint8_t ends[RF_CACHED_TOKENS]; /* of each token, counted from the beginning of the word */
    uint8_t len, n;                 /* len 0: no word */
};

#define RF_CACHE_BITS 13 /* 8192 words of 64 bytes: half a megabyte for each thread */

/* Where a word of 1 to RF_CACHED_BYTES bytes, of which RF_TEXT_PAD more can be read, has its place. */
static inline struct cached_word *rf__word_cache_place(struct cached_word *cache, const char *word, size_t len)
{
    return &cache[rf__hash_padded(word, len, 0) >> (64 - RF_CACHE_BITS)];
}

static inline bool rf__word_cache_holds(const struct cached_word *place, const char *word, size_t len)
{
    return place->len == len && rf__equal_padded(place->bytes, word, len);
}

#endif
