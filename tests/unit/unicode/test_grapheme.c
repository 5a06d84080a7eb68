/* Grapheme clusters: texts whose clusters are known (UAX 29's examples), and that a certain end is an end. */
#include "golden.h"

#include "unicode/unicode.h"

#include <stdlib.h>
#include <string.h>

#define MAX 16

static const struct {
    uint32_t text[MAX]; /* ends with 0 */
    const char *ends;   /* of each character: | where a cluster ends behind it */
} cases[] = {
    {{'a', 'b'}, "||"},
    {{'a', 0x301, 0x323, 'b'}, "..||"},
    {{'\r', '\n', '\n', '\r', 0x301}, ".||||"},
    {{0x1100, 0x1161, 0x11A8, 0xAC00, 0x11A8, 0xAC01, 0x1161}, "..|.|||"},
    {{0x1F1E9, 0x1F1EA, 0x1F1EB, 0x1F1F7, 0x1F1E9}, ".|.||"},
    {{'a', 0x1F1E9, 0x301, 0x1F1EA}, "|.||"},
    {{0x1F468, 0x200D, 0x1F469, 0x1F3FD, 0x200D, 0x1F467}, ".....|"},
    {{0x1F468, 0x200D, 0x200D, 0x1F469}, "..||"},
    {{'a', 0x200D, 0x1F469}, ".||"},
    {{0x1F468, 0x301, 0x200D, 0x2764, 0xFE0F}, "....|"},
    {{0x915, 0x94D, 0x937, 0x93F}, "...|"}, /* a conjunct, and a spacing mark */
    {{0x915, 0x94D, 0x200D, 0x937, 0x94D, 'a'}, "....||"},
    {{0x915, 0x93F, 0x937}, ".||"},
    {{0x600, 0x1F1E9, 0x1F1EA}, "..|"}, /* Prepend */
    {{0x600, '\n', 'a'}, "|||"},
    {{0xE33, 0xE33}, ".|"},
};

static size_t length_of(const uint32_t *text)
{
    size_t n = 0;

    while (n < MAX && text[n] != 0)
        n++;
    return n;
}

static void clusters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t *text = cases[i].text;
        size_t n = length_of(text);
        struct grapheme grapheme;
        char ends[MAX + 1] = "";
        rf__grapheme_begin(&grapheme, text[0]);
        for (size_t k = 1; k < n; k++) {
            bool joins = rf__grapheme_joins(&grapheme, text[k]);
            ends[k - 1] = joins ? '.' : '|';
            if (!joins)
                rf__grapheme_begin(&grapheme, text[k]);
            if (joins && rf__grapheme_always_breaks(text[k - 1], text[k]))
                fail_msg("case %zu: no end at %zu", i, k);
        }
        ends[n - 1] = '|';
        if (strcmp(ends, cases[i].ends) != 0)
            fail_msg("case %zu: %s, expected %s", i, ends, cases[i].ends);
    }
}

/* What is a certain end is one whatever came before. */
static void certain_ends(void **state)
{
    static const uint32_t chars[] = {'a',    '\r',    '\n',    0x301,  0x200D, 0x903,   0x600,  0x1F1E9,
                                     0x1100, 0x1161,  0x11A8,  0xAC00, 0xAC01, 0x1F468, 0x915,  0x94D,
                                     0x93C,  0x1F3FD, 0x110BD, 0xE33,  0x200C, 0xFE0F,  0x4E2D, 1};
    size_t n = sizeof chars / sizeof chars[0];

    (void)state;
    srand(9);
    for (int round = 0; round < 20000; round++) {
        struct grapheme grapheme;
        uint32_t before = chars[(size_t)rand() % n];
        rf__grapheme_begin(&grapheme, before);
        for (int k = 0; k < 12; k++) {
            uint32_t c = chars[(size_t)rand() % n];
            bool joins = rf__grapheme_joins(&grapheme, c);
            assert_false(joins && rf__grapheme_always_breaks(before, c));
            if (!joins)
                rf__grapheme_begin(&grapheme, c);
            before = c;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clusters),
        cmocka_unit_test(certain_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
