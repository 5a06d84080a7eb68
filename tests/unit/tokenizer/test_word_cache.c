/* A cache of words grows while new ones come, up to its bound, keeps what it held, and never gives another's tokens. */
#include "tokenizer_fixture.h"

#include "tokenizer/model/word_cache.h"

#define N_WORDS 200000

/* The word of number i, of which RF_TEXT_PAD bytes more can be read. */
static size_t word_of(uint32_t i, char word[RF_CACHED_BYTES + RF_TEXT_PAD])
{
    memset(word, 0, RF_CACHED_BYTES + RF_TEXT_PAD);
    return (size_t)snprintf(word, RF_CACHED_BYTES, "w%x", i);
}

/* How many of the first n words it holds, each with its own tokens. */
static size_t held(const struct word_cache *cache, uint32_t n)
{
    char word[RF_CACHED_BYTES + RF_TEXT_PAD];
    size_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        size_t len = word_of(i, word);
        const struct cached_word *place = rf__word_cache_place(cache, word, len);
        if (!rf__word_cache_holds(place, word, len))
            continue;
        assert_int_equal(place->n, 1);
        assert_int_equal(place->ids[0], i);
        count++;
    }
    return count;
}

static void grows(void **state)
{
    struct word_cache cache = {0};
    char word[RF_CACHED_BYTES + RF_TEXT_PAD];
    unsigned first, n_growths = 0;

    (void)state;
    assert_int_equal(rf__word_cache_init(&cache, NULL), RF_OK);
    first = cache.bits;
    for (uint32_t i = 0; i < N_WORDS; i++) {
        size_t len = word_of(i, word), before = 0;
        unsigned bits = cache.bits;
        struct cached_word *place = rf__word_cache_place(&cache, word, len);
        *place = (struct cached_word){.ids = {i}, .len = (uint8_t)len, .n = 1};
        memcpy(place->bytes, word, len);
        cache.n_new++;
        if (cache.n_new >> bits != 0)
            before = held(&cache, i + 1);
        rf__word_cache_grow(&cache);
        if (cache.bits == bits)
            continue;
        n_growths++;
        assert_int_equal(cache.bits, bits + 1);
        assert_int_equal(held(&cache, i + 1), before);
        if (n_growths == 3)
            break; /* the bound, four megabytes */
    }
    assert_int_equal(cache.bits, first + 3);
    cache.n_new = (size_t)1 << 20;
    rf__word_cache_grow(&cache);
    assert_int_equal(cache.bits, first + 3);
    rf__word_cache_release(&cache);
    rf__word_cache_release(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
