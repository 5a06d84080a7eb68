/*
 * word_cache: words and their tokens, so that a word that comes again is looked up instead of computed. A word has one
 * place, and takes it from the word that was there. Long words and those of many tokens are not kept. It begins small
 * and grows, up to a bound, as long as new words keep coming.
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

struct word_cache {
    void *memory;
    struct cached_word *words; /* [1 << bits], in it, none across two lines of the processor's cache */
    unsigned bits;
    size_t n_new; /* words put in since it has this size */
};

rf_status rf__word_cache_init(struct word_cache *cache, rf_error *err);
void rf__word_cache_release(struct word_cache *cache); /* fine on a zeroed one */

/* Doubles it when more words have come than it has room for, unless it is at its bound or there is no memory. Places
 * are others then. */
void rf__word_cache_grow(struct word_cache *cache);

/* Where a word of 1 to RF_CACHED_BYTES bytes, of which RF_TEXT_PAD more can be read, has its place. */
static inline struct cached_word *rf__word_cache_place(const struct word_cache *cache, const char *word, size_t len)
{
    return &cache->words[rf__hash_padded(word, len, 0) >> (64 - cache->bits)];
}

static inline bool rf__word_cache_holds(const struct cached_word *place, const char *word, size_t len)
{
    return place->len == len && rf__equal_padded(place->bytes, word, len);
}

#endif
