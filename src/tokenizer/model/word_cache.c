/* word_cache: see word_cache.h. */
#include "tokenizer/model/word_cache.h"

#include "base/mem.h"

#define FIRST_BITS 14 /* 64 KB of slots and 256 KB of words for each thread */
#define LAST_BITS  18 /* 1 MB and 4 MB */
#define STEP_BITS  2

#define UNIT       sizeof(uint32_t)

static size_t log_units(unsigned bits)
{
    return (size_t)4 << bits;
}

static size_t word_units(size_t len, size_t n)
{
    return (sizeof(struct cached_word) + n * (UNIT + 1) + len + UNIT - 1) / UNIT;
}

/* A word at unit 0 stands for empty slots: it has no length, and so is none that is looked for. */
static void clear(struct word_cache *cache)
{
    memset(cache->slots, 0, sizeof *cache->slots << cache->bits);
    cache->log[0] = 0;
    cache->used = 1;
    cache->n_words = 0;
}

static bool make(struct word_cache *cache, unsigned bits)
{
    static_assert((size_t)4 << LAST_BITS <= (size_t)1 << RF_CACHE_UNIT_BITS, "a slot has the bits of a unit");
    *cache = (struct word_cache){.bits = bits};
    cache->log = rf__alloc_array(log_units(bits) + RF_TEXT_PAD / UNIT, UNIT);
    cache->slots = rf__alloc_array((size_t)1 << bits, sizeof *cache->slots);
    if (cache->log == NULL || cache->slots == NULL) {
        rf__word_cache_release(cache);
        return false;
    }
    clear(cache);
    return true;
}

rf_status rf__word_cache_init(struct word_cache *cache, rf_error *err)
{
    return make(cache, FIRST_BITS) ? RF_OK : rf__fail_memory(err);
}

void rf__word_cache_release(struct word_cache *cache)
{
    rf__free(cache->log);
    rf__free(cache->slots);
    *cache = (struct word_cache){0};
}

/* The first slot has what came last; what was in the last is found no more. */
static void index_word(struct word_cache *cache, uint64_t hash, size_t unit)
{
    uint32_t *slots = rf__word_cache_bucket(cache, hash);

    memmove(slots + 1, slots, 3 * sizeof *slots);
    slots[0] = RF_CACHE_TAG(hash) | (uint32_t)unit;
}

struct cached_word *rf__word_cache_put(struct word_cache *cache, uint64_t hash, const char *word, size_t len, size_t n)
{
    struct cached_word *put = (struct cached_word *)(void *)(cache->log + cache->used);

    assert(len > 0 && len <= RF_CACHED_BYTES && n <= RF_CACHED_TOKENS);
    assert(log_units(cache->bits) - cache->used >= word_units(len, n));
    *put = (struct cached_word){.len = (uint8_t)len, .n = (uint8_t)n};
    memcpy(rf__cached_ends(put) + n, word, len);
    index_word(cache, hash, cache->used);
    cache->used += word_units(len, n);
    cache->n_words++;
    return put;
}

struct cached_word *rf__word_cache_keep(struct word_cache *cache, uint64_t hash, const char *text, struct span span,
                                        const struct tokens *tokens, size_t first)
{
    const size_t n = tokens->n - first;
    struct cached_word *word = rf__word_cache_put(cache, hash, text + span.begin, span.end - span.begin, n);
    uint8_t *ends = rf__cached_ends(word);

    for (size_t i = 0; i < n; i++) {
        word->ids[i] = tokens->ids[first + i];
        ends[i] = (uint8_t)(tokens->end[first + i] - span.begin);
    }
    return word;
}

static struct cached_word *word_at(const struct word_cache *cache, size_t unit)
{
    return (struct cached_word *)(void *)(cache->log + unit);
}

/* Finds the words of the log again, after the slots were cleared. */
static void index_all(struct word_cache *cache, size_t used)
{
    while (cache->used < used) {
        const struct cached_word *word = word_at(cache, cache->used);
        index_word(cache, rf__word_cache_hash(rf__cached_bytes(word), word->len), cache->used);
        cache->used += word_units(word->len, word->n);
        cache->n_words++;
    }
}

/* Makes it four times as large; false when it is at its bound or there is no memory. */
static bool grow(struct word_cache *cache)
{
    struct word_cache bigger;

    if (cache->bits == LAST_BITS || !make(&bigger, cache->bits + STEP_BITS))
        return false;
    memcpy(bigger.log, cache->log, cache->used * UNIT);
    index_all(&bigger, cache->used);
    rf__word_cache_release(cache);
    *cache = bigger;
    return true;
}

/* Keeps half of the log at most: what came again first. */
static void halve(struct word_cache *cache)
{
    size_t room = cache->used / 2, again = 0, to = 1, units;

    for (size_t at = 1; at < cache->used; at += units) {
        const struct cached_word *word = word_at(cache, at);
        units = word_units(word->len, word->n);
        again += word->came_again ? units : 0;
    }
    again = again < room ? again : room;
    room -= again;
    for (size_t at = 1; at < cache->used; at += units) {
        struct cached_word *word = word_at(cache, at);
        size_t *left = word->came_again ? &again : &room;
        units = word_units(word->len, word->n);
        if (units > *left)
            continue;
        *left -= units;
        word->came_again = false;
        memmove(cache->log + to, cache->log + at, units * UNIT);
        to += units;
    }
    clear(cache);
    index_all(cache, to);
}

void rf__word_cache_make_room(struct word_cache *cache)
{
    size_t most = RF_CACHED_BESIDE * word_units(RF_CACHED_BYTES, RF_CACHED_TOKENS);
    bool is_full = cache->n_words + RF_CACHED_BESIDE > (size_t)1 << cache->bits >> 1 ||
                   log_units(cache->bits) - cache->used < most;

    if (is_full && !grow(cache))
        halve(cache);
}
