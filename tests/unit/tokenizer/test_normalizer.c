/* Normalizers: cases as data, and that cutting a text where it may be cut makes no difference. */
#include "normalizer_fixture.h"

enum { CLEAN = 1, CHINESE = 2, STRIP = 4, LOWER = 8, ALL = 15 };

static void bert_chain(struct normalizers *chain, int flags)
{
    struct bert_normalizer_flags f = {flags & CLEAN, flags & CHINESE, flags & STRIP, flags & LOWER};
    struct normalizer *normalizer = rf__bert_normalizer_new(f);

    assert_non_null(normalizer);
    assert_ok(rf__normalizers_add(chain, normalizer, err));
}

static const struct {
    int flags;
    const char *in, *out;
    const char *spans; /* "begin-end" of each character, where they are told */
} cases[] = {
    {ALL, "", "", ""},
    {ALL, "Hello WORLD", "hello world", NULL},
    {ALL, "Caf\u00e9 d\u00c9j\u00e0", "cafe deja", "0-1 1-2 2-3 3-5 5-6 6-7 7-9 9-10 10-12"},
    {ALL, "e\u0301a", "ea", "0-1 3-4"},
    {CLEAN | CHINESE | LOWER, "\u00c9", "\u00e9", "0-2"},
    {LOWER, "\u0130I", "i\u0307i", "0-2 0-2 2-3"},
    {LOWER | STRIP, "\u0130I", "ii", "0-2 2-3"},
    {LOWER, "\u03a3\u03a3", "\u03c3\u03c3", NULL},
    {CLEAN,
     "a\tb\x01\x7f"
     "c\u200b\ufffd\u00a0d",
     "a bc d", "0-1 1-2 2-3 5-6 12-14 14-15"},
    {0, "a\tb\x01\u00a0", "a\tb\x01\u00a0", NULL},
    {CHINESE, "x\u4e2dy", "x \u4e2d y", "0-1 1-4 1-4 1-4 4-5"},
    {CHINESE | STRIP, "\uf900", " \u8c48 ", "0-3 0-3 0-3"},
    {CHINESE, "\u3042\uac00", "\u3042\uac00", NULL},
    {STRIP, "\uac01", "\u1100\u1161\u11a8", "0-3 0-3 0-3"},
    {STRIP, "\ufb01", "\ufb01", "0-3"},
    /* Marks that stay are put in order; positions go by the order of the text. */
    {STRIP, "a\u302e\u0323\U0001d165", "a\U0001d165\u302e", "0-1 1-4 6-10"},
    {STRIP, "\u0323\U0001d165x", "\U0001d165x", "0-2 6-7"},
    {STRIP, "\U0001d15e\u0323", "\U0001d157\U0001d165", "0-4 0-4"},
    {STRIP, "e\u0323\x01\U0001d165", "e\x01\U0001d165", "0-1 3-4 4-8"},
    {STRIP | CLEAN, "e\u0323\x01\U0001d165", "e\U0001d165", "0-1 1-3"},
};

static void assert_spans(const struct text *text, const char *spans)
{
    struct align align = rf__align_of(text);
    char told[256] = "";

    for (size_t at = 0; at < text->len;) {
        struct text_char c = rf__align_char(&align, at);
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s%zu-%zu", at ? " " : "", c.begin, c.end);
        at += c.len;
    }
    assert_string_equal(told, spans);
}

static void bert(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct normalizers chain = {0};
        struct normalize_scratch scratch = {0};
        struct text in = rf__text_of_caller(text_of(cases[i].in));
        struct text_buf out = {0};
        bert_chain(&chain, cases[i].flags);
        assert_ok(rf__normalize(&chain, &(struct text_part){&in, 0, in.len, true, true}, &out, &scratch, err));
        if (out.text.len != strlen(cases[i].out) ||
            (out.text.len > 0 && memcmp(out.text.data, cases[i].out, out.text.len) != 0))
            fail_msg("case %zu: '%.*s', expected '%s'", i, (int)out.text.len, out.text.data, cases[i].out);
        if (cases[i].spans != NULL)
            assert_spans(&out.text, cases[i].spans);
        rf__text_buf_release(&out);
        rf__normalize_scratch_release(&scratch);
        rf__normalizers_release(&chain);
    }
}

static void cuts_make_no_difference(void **state)
{
    char text[400];

    (void)state;
    srand(3);
    for (int flags = 0; flags <= ALL; flags++) {
        struct normalizers chain = {0}, two = {0}, none = {0};
        bert_chain(&chain, flags);
        bert_chain(&two, flags);
        bert_chain(&two, ALL);
        assert_ok(rf__normalizers_lower_first(&two, err));
        assert_int_equal(two.n, 3);
        for (int round = 0; round < 600; round++) {
            size_t len = random_text(text, (size_t)(rand() % 60));
            check_cuts(&chain, (rf_text){text, len});
            check_cuts(&two, (rf_text){text, len});
            check_cuts(&none, (rf_text){text, len});
        }
        rf__normalizers_release(&chain);
        rf__normalizers_release(&two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert),
        cmocka_unit_test(cuts_make_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
