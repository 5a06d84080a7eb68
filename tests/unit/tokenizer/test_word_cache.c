/* A cache of words grows while new ones come, keeps what it held, is halved at its bound, and never gives another's
 * tokens. */
#include "tokenizer_fixture.h"

#include "tokenizer/model/word_cache.h"

#define N_WORDS 300000

/* The word of number i, of which RF_TEXT_PAD bytes more can be read. */
static size_t word_of(uint32_t i, char word[RF_CACHED_BYTES + RF_TEXT_PAD])
{
    memset(word, 0, RF_CACHED_BYTES + RF_TEXT_PAD);
    return (size_t)snprintf(word, RF_CACHED_BYTES, "w%x", i);
}

static const struct cached_word *find(const struct word_cache *cache, const char *word, size_t len)
{
    return rf__word_cache_check(rf__word_cache_candidate(cache, rf__word_cache_hash(word, len)), word, len);
}

/* Tokens that tell whose they are. */
static void put(struct word_cache *cache, const char *word, size_t len, uint32_t i, size_t n)
{
    struct cached_word *put;

    rf__word_cache_make_room(cache);
    put = rf__word_cache_put(cache, rf__word_cache_hash(word, len), word, len, n);
    put->flags = i & 1;
    for (size_t k = 0; k < n; k++) {
        put->ids[k] = i + (uint32_t)k;
        rf__cached_ends(put)[k] = (uint8_t)(k + 1);
    }
}

/* How many of the words [from, to) it holds, each with its own tokens. */
static size_t held(const struct word_cache *cache, uint32_t from, uint32_t to)
{
    char word[RF_CACHED_BYTES + RF_TEXT_PAD];
    size_t count = 0;

    for (uint32_t i = from; i < to; i++) {
        const struct cached_word *kept = find(cache, word, word_of(i, word));
        if (kept == NULL)
            continue;
        assert_int_equal(kept->n, i % (RF_CACHED_TOKENS + 1));
        assert_int_equal(kept->flags, i & 1);
        for (uint32_t k = 0; k < kept->n; k++) {
            assert_int_equal(kept->ids[k], i + k);
            assert_int_equal(rf__cached_ends(kept)[k], k + 1);
        }
        count++;
    }
    return count;
}

static void grows_and_is_halved(void **state)
{
    struct word_cache cache = {0};
    char word[RF_CACHED_BYTES + RF_TEXT_PAD];
    unsigned n_growths = 0, n_halved = 0;

    (void)state;
    assert_int_equal(rf__word_cache_init(&cache, NULL), RF_OK);
    for (uint32_t i = 0; i < N_WORDS; i++) {
        size_t len = word_of(i, word), before = cache.n_words, n_held;
        unsigned bits = cache.bits;
        put(&cache, word, len, i, i % (RF_CACHED_TOKENS + 1));
        if (cache.n_words < before) {
            n_held = held(&cache, 0, i + 1); /* and all of these came again */
            assert_true(n_held > before * 4 / 10 && n_held <= before * 6 / 10);
            n_halved++;
        }
        if (cache.bits == bits)
            continue;
        assert_true(cache.bits > bits);
        assert_true(held(&cache, 0, i + 1) > i * 9 / 10);
        n_growths++;
    }
    assert_true(n_growths >= 2 && n_halved >= 2);
    rf__word_cache_release(&cache);
    rf__word_cache_release(&cache);
}

/* Words that keep coming again are found nearly always, however many others come, and do not go when it is halved. */
static void keeps_what_comes_again(void **state)
{
    struct word_cache cache = {0};
    char word[RF_CACHED_BYTES + RF_TEXT_PAD];
    unsigned n_halved = 0;

    (void)state;
    assert_int_equal(rf__word_cache_init(&cache, NULL), RF_OK);
    for (uint32_t i = 0; i < 5 * N_WORDS; i++) {
        size_t before = cache.n_words;
        put(&cache, word, word_of(i, word), i, i % (RF_CACHED_TOKENS + 1));
        n_halved += cache.n_words < before;
        if (i < 10000 || i % 10000 != 0)
            continue;
        assert_true(held(&cache, 0, 1000) > 900);
        for (uint32_t k = 0; k < 1000; k++)
            if (held(&cache, k, k + 1) == 0)
                put(&cache, word, word_of(k, word), k, k % (RF_CACHED_TOKENS + 1));
    }
    assert_true(n_halved >= 5);
    rf__word_cache_release(&cache);
}

/* The longest words with the most tokens, as many as room is made for at once. */
static void has_room_for_the_longest(void **state)
{
    struct word_cache cache = {0};
    char word[RF_CACHED_BYTES + RF_TEXT_PAD] = {0};
    size_t n_found = 0;

    (void)state;
    assert_int_equal(rf__word_cache_init(&cache, NULL), RF_OK);
    memset(word, 'a', RF_CACHED_BYTES);
    for (int round = 0; round < 1000; round++) {
        rf__word_cache_make_room(&cache);
        for (uint32_t i = 0; i < RF_CACHED_BESIDE; i++) {
            memcpy(word, &i, sizeof i);
            memcpy(word + sizeof i, &round, sizeof round);
            rf__word_cache_put(&cache, rf__word_cache_hash(word, RF_CACHED_BYTES), word, RF_CACHED_BYTES,
                               RF_CACHED_TOKENS);
            n_found += find(&cache, word, RF_CACHED_BYTES) != NULL;
            assert_null(find(&cache, word, RF_CACHED_BYTES - 1));
        }
    }
    /* One in a thousand has the bits of another in its bucket, and is not found. */
    assert_true(n_found > 1000 * RF_CACHED_BESIDE * 99 / 100);
    rf__word_cache_release(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_is_halved),
        cmocka_unit_test(keeps_what_comes_again),
        cmocka_unit_test(has_room_for_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
