/* The carrier of text with alignment, against a twin that keeps one pair of positions for every byte. */
#include "golden.h"

#include "tokenizer/text.h"

#include <stdlib.h>

#define MOST 400

struct twin {
    char bytes[MOST * 4];
    size_t begin[MOST * 4], end[MOST * 4]; /* of the character that each byte belongs to */
    size_t len;
};

static void twin_put(struct twin *twin, const char *bytes, size_t len, size_t begin, size_t end)
{
    memcpy(twin->bytes + twin->len, bytes, len);
    for (size_t i = 0; i < len; i++) {
        twin->begin[twin->len + i] = begin;
        twin->end[twin->len + i] = end;
    }
    twin->len += len;
}

static void twin_drop(struct twin *twin, size_t n)
{
    twin->len -= n;
    memmove(twin->bytes, twin->bytes + n, twin->len);
    memmove(twin->begin, twin->begin + n, twin->len * sizeof twin->begin[0]);
    memmove(twin->end, twin->end + n, twin->len * sizeof twin->end[0]);
}

static bool starts_char(const struct twin *twin, size_t i)
{
    return i == twin->len || ((uint8_t)twin->bytes[i] & 0xC0) != 0x80;
}

static void assert_same(const struct text_buf *buf, const struct twin *twin)
{
    struct align align = rf__align_of(&buf->text), random = align;

    assert_int_equal(buf->text.len, twin->len);
    if (twin->len > 0)
        assert_memory_equal(buf->text.data, twin->bytes, twin->len);
    for (size_t i = 0; i < twin->len; i++) {
        size_t other = (size_t)rand() % twin->len;
        if (starts_char(twin, i))
            assert_int_equal(rf__align_begin(&align, i), twin->begin[i]);
        if (starts_char(twin, i + 1))
            assert_int_equal(rf__align_end(&align, i + 1), twin->end[i]);
        if (starts_char(twin, other))
            assert_int_equal(rf__align_begin(&random, other), twin->begin[other]);
    }
}

static void put_and_drop(void **state)
{
    static const char *const chars[] = {"a", "b", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80"};
    static struct twin twin;

    (void)state;
    srand(2);
    for (int round = 0; round < 300; round++) {
        struct text_buf buf = {0};
        size_t at = (size_t)(rand() % 3);
        twin.len = 0;
        for (int i = 0; i < MOST / 2; i++) {
            const char *c = chars[rand() % 5];
            size_t width = rand() % 2 ? strlen(c) : (size_t)(rand() % 4 + 1);
            int times = rand() % 8 == 0 ? 3 : 1; /* several characters that stand for one */
            if (rand() % 10 == 0)
                at += (size_t)(rand() % 5); /* dropped characters */
            for (int k = 0; k < times; k++) {
                assert_ok(rf__text_buf_reserve(&buf, 4, 1, err));
                rf__text_put(&buf, c, strlen(c), at, at + width);
                twin_put(&twin, c, strlen(c), at, at + width);
            }
            at += width;
            if (rand() % 40 == 0) {
                size_t n = (size_t)rand() % (twin.len + 1);
                while (!starts_char(&twin, n))
                    n--;
                rf__text_buf_drop(&buf, n);
                twin_drop(&twin, n);
            }
        }
        assert_same(&buf, &twin);
        rf__text_buf_release(&buf);
    }
}

static void copy_repairs(void **state)
{
    static const char ill_formed[] = "ok \xff\xe2\x82 \xc3\xa9\0end\xf0\x9f";
    static const char repaired[] = "ok \xef\xbf\xbd\xef\xbf\xbd \xc3\xa9\0end\xef\xbf\xbd";
    struct text in = rf__text_of_caller((rf_text){ill_formed, sizeof ill_formed - 1});
    struct text_buf out = {0};
    struct align align;

    (void)state;
    assert_ok(rf__text_buf_copy(&out, &in, 0, in.len, err));
    assert_int_equal(out.text.len, sizeof repaired - 1);
    assert_memory_equal(out.text.data, repaired, sizeof repaired - 1);
    align = rf__align_of(&out.text);
    assert_int_equal(rf__align_begin(&align, 3), 3);
    assert_int_equal(rf__align_end(&align, 6), 4);
    assert_int_equal(rf__align_begin(&align, 6), 4);
    assert_int_equal(rf__align_end(&align, 9), 6);
    assert_int_equal(rf__align_begin(&align, 10), 7);
    assert_int_equal(rf__align_end(&align, out.text.len), sizeof ill_formed - 1);
    rf__text_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_drop),
        cmocka_unit_test(copy_repairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
