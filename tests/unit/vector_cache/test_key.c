/* key: equal where everything is, and nowhere else. */
#include "golden.h"

#include "vector_cache/vector_cache.h"

#include <string.h>

static struct vector_key make(const char *identity, size_t identity_len, const char *call, size_t call_len,
                              const char *text, size_t len)
{
    struct vector_key model, key;
    struct key_maker *maker = NULL;

    assert_ok(rf__vector_key_model(identity, identity_len, &model, err));
    assert_ok(rf__key_maker_new(&model, call, call_len, &maker, err));
    assert_ok(rf__key_make(maker, (rf_text){"another", 7}, &key, err)); /* leaves nothing behind */
    assert_ok(rf__key_make(maker, (rf_text){text, len}, &key, err));
    rf__key_maker_free(maker);
    return key;
}

/* The same bytes, shared out to the three parts in every way, and with a NUL: all keys differ. */
static void parts_do_not_run_together(void **state)
{
    static const char bytes[] = "ab\0c";
    enum { LEN = 4, MOST = 64 };
    struct vector_key keys[MOST];
    size_t n = 0;

    (void)state;
    for (size_t a = 0; a <= LEN; a++)
        for (size_t b = a; b <= LEN; b++)
            for (size_t c = b; c <= LEN; c++)
                if (n < MOST)
                    keys[n++] = make(bytes, a, bytes + a, b - a, bytes + b, c - b);
    assert_int_equal(n, 35);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(keys[i].bytes, keys[k].bytes, sizeof keys[i].bytes);
}

/* SHA-256(SHA-256(SHA-256("model"), "call"), "text"), by Python's hashlib. */
static void known_key(void **state)
{
    static const uint8_t expected[8] = {0x26, 0x7e, 0x97, 0xa1, 0x88, 0x60, 0x9c, 0x80};
    struct vector_key key = make("model", 5, "call", 4, "text", 4);

    (void)state;
    assert_memory_equal(key.bytes, expected, sizeof expected);
    assert_memory_equal(make("model", 5, "call", 4, "text", 4).bytes, key.bytes, sizeof key.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(known_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
