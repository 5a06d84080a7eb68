/* word_cache: see word_cache.h. */
#include "tokenizer/model/word_cache.h"

#include "base/mem.h"

#define FIRST_BITS 13 /* 8192 words of 64 bytes: half a megabyte for each thread */
#define LAST_BITS  16 /* four megabytes */
#define LINE       64 /* bytes */

static bool make(struct word_cache *cache, unsigned bits)
{
    size_t n = (size_t)1 << bits, skip;

    static_assert(sizeof(struct cached_word) == LINE, "a word fills a line");
    cache->memory = rf__calloc(n + 1, sizeof *cache->words);
    if (cache->memory == NULL)
        return false;
    skip = (LINE - (uintptr_t)cache->memory % LINE) % LINE;
    cache->words = (struct cached_word *)(void *)((char *)cache->memory + skip);
    cache->bits = bits;
    cache->n_new = 0;
    return true;
}

rf_status rf__word_cache_init(struct word_cache *cache, rf_error *err)
{
    return make(cache, FIRST_BITS) ? RF_OK : rf__fail_memory(err);
}

void rf__word_cache_release(struct word_cache *cache)
{
    rf__free(cache->memory);
    *cache = (struct word_cache){0};
}

void rf__word_cache_grow(struct word_cache *cache)
{
    struct word_cache bigger;

    if (cache->n_new >> cache->bits == 0 || cache->bits >= LAST_BITS || !make(&bigger, cache->bits + 1))
        return;
    for (size_t i = 0; i >> cache->bits == 0; i++) {
        const struct cached_word *word = &cache->words[i];
        if (word->len > 0)
            *rf__word_cache_place(&bigger, word->bytes, word->len) = *word;
    }
    rf__word_cache_release(cache);
    *cache = bigger;
}
