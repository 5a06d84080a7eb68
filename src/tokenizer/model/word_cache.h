/*
 * word_cache: words and their tokens, so that a word that comes again is looked up instead of computed. Words lie end
 * to end in the order in which they came, and an index of four bytes a slot says where. Long words and those of many
 * tokens are not kept. It begins small and grows as long as new words keep coming; when it is full at its bound, half
 * of it goes: words that did not come again since the last time, the youngest first.
 *
 *     log      0: unused | word | word | …                               in units of four bytes
 *     word     length 1 | n 1 | flags 1 | came again 1 | ids 4 n | ends n | bytes | padding
 *     index    slot: twelve bits of the hash | unit of the word in the log, 20 bits; 0: empty. Four slots a bucket
 */
#ifndef RF_TOKENIZER_WORD_CACHE_H
#define RF_TOKENIZER_WORD_CACHE_H

#include "tokenizer/stages.h"
#include "tokenizer/vocabulary.h"

#define RF_CACHED_BYTES  64
#define RF_CACHED_TOKENS 20
#define RF_CACHED_BESIDE 64 /* words that can be put in after room was made once */

struct cached_word {
    uint8_t len, n, flags; /* flags: the model's */
    bool came_again;
    uint32_t ids[]; /* [n], of tokens that lie end to end */
};

struct word_cache {
    uint32_t *log;   /* [4 << bits] */
    uint32_t *slots; /* [1 << bits] */
    size_t used;     /* units of the log */
    size_t n_words;  /* in it */
    unsigned bits;
};

rf_status rf__word_cache_init(struct word_cache *cache, rf_error *err);
void rf__word_cache_release(struct word_cache *cache); /* fine on a zeroed one */

/* Makes room for RF_CACHED_BESIDE words. Words that were found are elsewhere then. */
void rf__word_cache_make_room(struct word_cache *cache);

/* Puts in a word of 1 to RF_CACHED_BYTES bytes and n tokens, up to RF_CACHED_TOKENS; the caller fills in the ids and
 * the ends of the tokens, counted from the beginning of the word. Within what room was made for. */
struct cached_word *rf__word_cache_put(struct word_cache *cache, uint64_t hash, const char *word, size_t len, size_t n);
/* The same of the word at `span` of a text, filled in with the tokens from number `first` on, which are few enough. */
struct cached_word *rf__word_cache_keep(struct word_cache *cache, uint64_t hash, const char *text, struct span span,
                                        const struct tokens *tokens, size_t first);

static inline uint8_t *rf__cached_ends(const struct cached_word *word)
{
    return (uint8_t *)(uintptr_t)(word->ids + word->n);
}

static inline const char *rf__cached_bytes(const struct cached_word *word)
{
    return (const char *)(rf__cached_ends(word) + word->n);
}

/* ---- Finding, in steps, so that a caller can have the memory's answers overlap ---------------------------------- */

/* Of a word of 1 to RF_CACHED_BYTES bytes, of which RF_TEXT_PAD more can be read. */
static inline uint64_t rf__word_cache_hash(const char *word, size_t len)
{
    return rf__hash_padded(word, len, 0);
}

static inline uint32_t *rf__word_cache_bucket(const struct word_cache *cache, uint64_t hash)
{
    return &cache->slots[hash >> (64 - cache->bits) & ~(uint64_t)3];
}

#define RF_CACHE_UNIT_BITS 20
#define RF_CACHE_TAG(hash) ((uint32_t)(hash) & ~((1u << RF_CACHE_UNIT_BITS) - 1))

/* The only word that can be it; NULL when none can. One in a thousand is taken for another of its bucket, and not found
 * until it was put in a few times. */
static inline struct cached_word *rf__word_cache_candidate(const struct word_cache *cache, uint64_t hash)
{
    const uint32_t *slots = rf__word_cache_bucket(cache, hash);
    uint32_t tag = RF_CACHE_TAG(hash), found = slots[0] ^ tag;

    for (int i = 1; i < 4; i++)
        found = (slots[i] ^ tag) < found ? slots[i] ^ tag : found;
    return found >> RF_CACHE_UNIT_BITS != 0 ? NULL : (struct cached_word *)(void *)(cache->log + found);
}

/* The candidate, when it is that word; else NULL. */
static inline const struct cached_word *rf__word_cache_check(struct cached_word *candidate, const char *word,
                                                             size_t len)
{
    if (candidate == NULL || candidate->len != len || !rf__equal_padded(rf__cached_bytes(candidate), word, len))
        return NULL;
    candidate->came_again = true;
    return candidate;
}

#endif
