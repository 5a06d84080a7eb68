/* normalizer_fixture: random texts, and that cutting one where it may be cut makes no difference. */
#ifndef RF_TESTS_NORMALIZER_FIXTURE_H
#define RF_TESTS_NORMALIZER_FIXTURE_H

#include "tokenizer_fixture.h"

#include <stdlib.h>

/* Text of characters that matter to some normalizer. */
static inline size_t random_text(char *out, size_t n_chars)
{
    static const char *const chars[] = {
        "a",      "B",      " ",      "\n",         "\x01",       "1",      ".",      "\u00e9", "\u00c9", "\u0130",
        "\u0301", "\u0323", "\u302e", "\U0001d165", "\U0001d15e", "\u0344", "\u0f73", "\u4e2d", "\uf900", "\uac01",
        "\u1ec7", "\u200b", "\ufffd", "\xff",       "\xe2\x82",   "\xc3",   "\u00a0", "\u0378", " ",      "  ",
        "e",      "'",      "\r\n",   "\u1100",     "\u1161",     "\u11a8", "\u0915", "\u094d", "\u200d", "\ufb01",
        "\uff76", "\uff9e", "\u09c7", "\u09be",     "\U0001f1e9", "\u2581", "\u3000", "\u0600", "\xad",   "ab",
    };
    /* Often the same few, so that they meet. */
    size_t len = 0, n = sizeof chars / sizeof chars[0], first = 0;

    if (rand() % 2 == 0) {
        first = (size_t)rand() % (n - 6);
        n = 6;
    }
    for (size_t i = 0; i < n_chars; i++) {
        const char *c = chars[first + (size_t)rand() % n];
        memcpy(out + len, c, strlen(c));
        len += strlen(c);
    }
    return len;
}

static inline void assert_same_text(const struct text *a, const struct text *b)
{
    struct align x = rf__align_of(a), y = rf__align_of(b);

    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->data, b->data, a->len);
    for (size_t at = 0; at < a->len;) {
        struct text_char c = rf__align_char(&x, at), d = rf__align_char(&y, at);
        assert_int_equal(c.begin, d.begin);
        assert_int_equal(c.end, d.end);
        at += c.len;
    }
}

static inline void check_cuts(const struct normalizers *chain, rf_text text)
{
    struct text in = rf__text_of_caller(text);
    struct text_buf whole = {0}, parts = {0};
    struct normalize_scratch scratch = {0};
    size_t from = 0, low = 1;

    assert_ok(rf__normalize(chain, &(struct text_part){&in, 0, in.len, true, true}, &whole, &scratch, err));
    while (from < in.len) {
        size_t window = (size_t)(rand() % 12 + 1), cut = 0;
        size_t stop = in.len > low + window ? low + window : in.len;
        struct text_part part = {&in, from, stop, from == 0, false};
        if (low < stop)
            cut = rf__normalize_cut(chain, &part, low);
        low = stop;
        if (cut == 0 && stop < in.len)
            continue;
        part.is_end = cut == 0;
        part.to = part.is_end ? in.len : cut;
        assert_ok(rf__normalize(chain, &part, &parts, &scratch, err));
        from = part.to;
        low = from + 1;
    }
    assert_same_text(&whole.text, &parts.text);
    rf__text_buf_release(&whole);
    rf__text_buf_release(&parts);
    rf__normalize_scratch_release(&scratch);
}

#endif
