/* Tables and normal forms, against the standard's own algebra and slow twins. That the tables are those of `tokenizers`
 * is shown by tests/oracle, for every code point. */
#include "golden.h"

#include "unicode/unicode.h"

#include <stdlib.h>
#include <string.h>

static void properties(void **state)
{
    static const struct {
        uint32_t c;
        unsigned bits; /* without HAS_LOWER and HAS_NFD */
        unsigned ccc;
    } cases[] = {
        {'a', RF_UNICODE_WORD | RF_UNICODE_ALPHANUMERIC, 0},
        {'_', RF_UNICODE_WORD | RF_UNICODE_PUNCTUATION, 0},
        {'$', RF_UNICODE_PUNCTUATION, 0}, /* a symbol, but ASCII */
        {0x20AC, 0, 0},                   /* the euro sign is none */
        {' ', RF_UNICODE_WHITESPACE, 0},
        {'\t', RF_UNICODE_WHITESPACE | RF_UNICODE_OTHER, 0},
        {0x85, RF_UNICODE_WHITESPACE | RF_UNICODE_OTHER, 0},
        {0xA0, RF_UNICODE_WHITESPACE, 0},
        {0x3000, RF_UNICODE_WHITESPACE, 0},
        {0x200B, RF_UNICODE_OTHER, 0},
        {0xAD, RF_UNICODE_OTHER, 0},
        {0xE000, RF_UNICODE_OTHER, 0},
        {0x378, 0, 0}, /* not assigned is not "other" */
        {0x301, RF_UNICODE_NONSPACING | RF_UNICODE_WORD, 230},
        {0x302E, RF_UNICODE_WORD, 224}, /* Mc with a class */
        {0x345, RF_UNICODE_NONSPACING | RF_UNICODE_WORD | RF_UNICODE_ALPHANUMERIC, 240},
        {0x1DF6, RF_UNICODE_WORD, 0}, /* Unicode 10: Mn now, but younger than the tables */
        {0x3002, RF_UNICODE_PUNCTUATION, 0},
        {0x4E2D, RF_UNICODE_WORD | RF_UNICODE_ALPHANUMERIC, 0},
        {0xB2, RF_UNICODE_ALPHANUMERIC, 0}, /* superscript two: a number, but no \w */
        {0x10FFFF, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned p = rf__unicode_properties_of(cases[i].c);
        if ((p & 0xFF & ~RF_UNICODE_CHANGES) != cases[i].bits || p >> RF_UNICODE_CCC_SHIFT != cases[i].ccc)
            fail_msg("U+%04X has 0x%x", (unsigned)cases[i].c, p);
    }
}

static void lowercase(void **state)
{
    (void)state;
    assert_int_equal(rf__unicode_lower('A'), 'a');
    assert_int_equal(rf__unicode_lower('a'), 'a');
    assert_int_equal(rf__unicode_lower(0x3A3), 0x3C3); /* never the final sigma */
    assert_int_equal(rf__unicode_lower(0x1C5), 0x1C6);
    assert_int_equal(rf__unicode_lower(0x10400), 0x10428);
    assert_int_equal(rf__unicode_lower(0x2126), 0x3C9);
    assert_int_equal(rf__unicode_lower(RF_UNICODE_CAPITAL_I_WITH_DOT), 'i');
    for (uint32_t c = 0; c < RF_UNICODE_LIMIT; c++) {
        uint32_t lower = rf__unicode_lower(c);
        bool has_lower = (rf__unicode_properties_of(c) & RF_UNICODE_HAS_LOWER) != 0;
        assert_true(lower < RF_UNICODE_LIMIT);
        assert_int_equal(rf__unicode_lower(lower), lower);
        assert_int_equal(has_lower, lower != c);
    }
}

static void assert_decomposes(uint32_t c, const uint32_t *expected, size_t n)
{
    uint32_t pieces[RF_UNICODE_MAX_NFD];

    assert_int_equal(rf__unicode_decompose(c, pieces), n);
    assert_memory_equal(pieces, expected, n * sizeof *expected);
}

static void decomposition(void **state)
{
    (void)state;
    assert_decomposes('a', (uint32_t[]){'a'}, 1);
    assert_decomposes(0xE9, (uint32_t[]){'e', 0x301}, 2);
    assert_decomposes(0x1EC7, (uint32_t[]){'e', 0x323, 0x302}, 3);
    assert_decomposes(0x1F82, (uint32_t[]){0x3B1, 0x313, 0x300, 0x345}, 4);
    assert_decomposes(0xAC00, (uint32_t[]){0x1100, 0x1161}, 2);
    assert_decomposes(0xD55C, (uint32_t[]){0x1112, 0x1161, 0x11AB}, 3);
    assert_decomposes(0xD7A3, (uint32_t[]){0x1112, 0x1175, 0x11C2}, 3);
    assert_decomposes(0xFB01, (uint32_t[]){0xFB01}, 1); /* the ligature fi is compatible only */
    assert_decomposes(0x1D15E, (uint32_t[]){0x1D157, 0x1D165}, 2);
}

/* A decomposition is full, in canonical order, and flagged. */
static void decomposition_of_everything(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < RF_UNICODE_LIMIT; c++) {
        uint32_t pieces[RF_UNICODE_MAX_NFD], again[RF_UNICODE_MAX_NFD];
        size_t n = rf__unicode_decompose(c, pieces);
        bool has_nfd = (rf__unicode_properties_of(c) & RF_UNICODE_HAS_NFD) != 0;
        unsigned last = 0;
        assert_in_range(n, 1, RF_UNICODE_MAX_NFD);
        assert_int_equal(has_nfd || rf__unicode_is_hangul_syllable(c), n > 1 || pieces[0] != c);
        for (size_t i = 0; i < n; i++) {
            unsigned ccc = rf__unicode_properties_of(pieces[i]) >> RF_UNICODE_CCC_SHIFT;
            assert_int_equal(rf__unicode_decompose(pieces[i], again), 1);
            assert_true(ccc >= last);
            last = ccc;
        }
    }
}

/* The slow, obvious twin: exchanges neighbours that are the wrong way round until there are none. */
static void order_slowly(struct nfd_piece *pieces, size_t n)
{
    for (size_t end = n; end > 1; end--)
        for (size_t i = 0; i + 1 < end; i++)
            if (pieces[i].ccc > pieces[i + 1].ccc) {
                struct nfd_piece swap = pieces[i];
                pieces[i] = pieces[i + 1];
                pieces[i + 1] = swap;
            }
}

static void order(void **state)
{
    enum { MOST = 80 };
    struct nfd_piece pieces[MOST], spare[MOST], twin[MOST];

    (void)state;
    srand(1);
    for (int round = 0; round < 3000; round++) {
        size_t n = (size_t)(rand() % MOST);
        for (size_t i = 0; i < n; i++)
            pieces[i] = (struct nfd_piece){(uint32_t)i, (uint8_t)(rand() % (round % 2 ? 5 : 255) + 1), rand() % 2 != 0};
        memcpy(twin, pieces, sizeof pieces[0] * n);
        order_slowly(twin, n);
        rf__nfd_order(pieces, spare, n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(pieces[i].c, twin[i].c);
            assert_int_equal(pieces[i].is_first, twin[i].is_first);
        }
    }
}

static void compatible_decomposition(void **state)
{
    uint32_t pieces[RF_UNICODE_MAX_NFKD];

    (void)state;
    assert_int_equal(rf__unicode_decompose_compatible(0xFB01, pieces), 2); /* fi */
    assert_int_equal(pieces[0], 'f');
    assert_int_equal(pieces[1], 'i');
    assert_int_equal(rf__unicode_decompose_compatible(0xFDFA, pieces), 18);
    assert_int_equal(rf__unicode_decompose_compatible(0xE9, pieces), 2);
    assert_int_equal(rf__unicode_decompose_compatible(0xAC00, pieces), 2);
    assert_int_equal(rf__unicode_decompose_compatible('a', pieces), 1);
}

static void composition(void **state)
{
    (void)state;
    assert_int_equal(rf__unicode_compose('e', 0x301), 0xE9);
    assert_int_equal(rf__unicode_compose('e', 'e'), 0);
    assert_int_equal(rf__unicode_compose(0x1100, 0x1161), 0xAC00);
    assert_int_equal(rf__unicode_compose(0xAC00, 0x11A8), 0xAC01);
    assert_int_equal(rf__unicode_compose(0xAC00, 0x11A7), 0);
    assert_int_equal(rf__unicode_compose(0xAC01, 0x11A8), 0);
    assert_int_equal(rf__unicode_compose(0x915, 0x93C), 0); /* excluded */
    assert_int_equal(rf__unicode_compose(0x11099, 0x110BA), 0x1109A);
}

/* What the tables call composable is so, for every character and every decomposition in two. */
static void compositions_invert_decompositions(void **state)
{
    size_t n = 0;

    (void)state;
    for (uint32_t c = 0; c < RF_UNICODE_LIMIT; c++) {
        uint32_t pieces[RF_UNICODE_MAX_NFD];
        bool is_stable = (rf__unicode_forms_of(c) & RF_UNICODE_FORM_NFC_STOP) == 0;
        if (rf__unicode_decompose(c, pieces) != 2 || !is_stable)
            continue;
        assert_int_equal(rf__unicode_compose(pieces[0], pieces[1]), c);
        assert_true((rf__unicode_forms_of(pieces[1]) & (RF_UNICODE_FORM_JOINS | RF_UNICODE_FORM_NFC_STOP)) != 0);
        n++;
    }
    assert_in_range(n, 1000, 2000); /* 399 Hangul syllables among them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties),
        cmocka_unit_test(lowercase),
        cmocka_unit_test(decomposition),
        cmocka_unit_test(compatible_decomposition),
        cmocka_unit_test(composition),
        cmocka_unit_test(compositions_invert_decompositions),
        cmocka_unit_test(decomposition_of_everything),
        cmocka_unit_test(order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
