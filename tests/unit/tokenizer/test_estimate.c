/* The estimate of a number of tokens: what it gives for texts of which cl100k_base's count is known. */
#include "tokenizer_fixture.h"

static void near_the_count(void **state)
{
    static const struct {
        const char *text;
        size_t low, high; /* about a third off what cl100k_base counts */
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"hello world", 2, 4},
        {"All human beings are born free and equal in dignity and rights.", 11, 17},
        {"Alle Menschen sind frei und gleich an W\u00fcrde und Rechten geboren.", 12, 26},
        {"\u3053\u308c\u306f\u65e5\u672c\u8a9e\u3067\u3059", 5, 10},
        {"1234567890", 4, 6},
        {"\n\n\n", 1, 1},
        {"        ", 1, 1},
        {"\xff\xfe", 1, 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_in_range(rf__estimate_tokens(text_of(cases[i].text)), cases[i].low, cases[i].high);
}

/* Twice the text, about twice the tokens; nothing overflows, nothing takes long. */
static void grows_with_the_text(void **state)
{
    static const char *const units[] = {"x", " the", "9", ".", "\n", "\u4e2d", "\U0001f600", "\xc3", "ab cd "};
    static char text[1 << 20];

    (void)state;
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]), n = sizeof text / unit / 2 * 2, half, whole;
        for (size_t i = 0; i < n; i++)
            memcpy(text + i * unit, units[u], unit);
        half = rf__estimate_tokens((rf_text){text, n / 2 * unit});
        whole = rf__estimate_tokens((rf_text){text, n * unit});
        assert_true(whole >= half && whole <= 2 * half + 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(near_the_count), cmocka_unit_test(grows_with_the_text)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
