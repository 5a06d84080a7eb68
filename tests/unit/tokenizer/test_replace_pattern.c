/* Which expressions of Replace are searched for without the engine. */
#include "golden.h"

#include "tokenizer/normalizer/replace_pattern.h"

#include <string.h>

static const struct {
    const char *regex;
    int kind;
    const char *literal; /* NULL: the expression */
    uint32_t c;
    size_t min;
} cases[] = {
    {" {2,}", PATTERN_RUN, NULL, ' ', 2},
    {" +", PATTERN_RUN, NULL, ' ', 1},
    {"\\s+", PATTERN_RUN, NULL, RF_PATTERN_WHITE, 1},
    {"\\s{12,}", PATTERN_RUN, NULL, RF_PATTERN_WHITE, 12},
    {"\\s", PATTERN_EACH, NULL, RF_PATTERN_WHITE, 0},
    {"\u00e9{3,}", PATTERN_RUN, NULL, 0xE9, 3},
    {"\\.+", PATTERN_RUN, NULL, '.', 1},
    {"\\n", PATTERN_LITERAL, "\n", 0, 0},
    {"\n", PATTERN_LITERAL, "\n", 0, 0},
    {"a", PATTERN_LITERAL, "a", 0, 0},
    {"a\\.\\\\b\u00e9", PATTERN_LITERAL, "a.\\b\u00e9", 0, 0},
    {"[abc]", PATTERN_CLASS, NULL, 0, 0},
    {"[!\"#$%&'()*+,-./:;<=>?@\\[\\\\\\]^_`{|}~]", PATTERN_CLASS, NULL, 0, 0},
    {"[^\\p{L}\\s]", PATTERN_CLASS, NULL, 0, 0},
    {"\\d", PATTERN_CLASS, NULL, 0, 0},
    {"", PATTERN_REGEX, NULL, 0, 0},
    {".", PATTERN_REGEX, NULL, 0, 0},
    {"a*", PATTERN_REGEX, NULL, 0, 0},
    {"a{2}", PATTERN_REGEX, NULL, 0, 0},
    {"a{2,3}", PATTERN_REGEX, NULL, 0, 0},
    {"a{0,}", PATTERN_REGEX, NULL, 0, 0},
    {"a{,}", PATTERN_REGEX, NULL, 0, 0},
    {"a{2,}?", PATTERN_REGEX, NULL, 0, 0},
    {"a{2,}+", PATTERN_REGEX, NULL, 0, 0},
    {"a++", PATTERN_REGEX, NULL, 0, 0},
    {"ab+", PATTERN_REGEX, NULL, 0, 0},
    {"^a", PATTERN_REGEX, NULL, 0, 0},
    {"a|b", PATTERN_REGEX, NULL, 0, 0},
    {"\\b", PATTERN_REGEX, NULL, 0, 0},
    {"\\", PATTERN_REGEX, NULL, 0, 0},
    {"[abc]+", PATTERN_REGEX, NULL, 0, 0},
    {"[abc", PATTERN_REGEX, NULL, 0, 0},
    {"[]a]", PATTERN_REGEX, NULL, 0, 0},
    {"[a[b]]", PATTERN_REGEX, NULL, 0, 0},
    {"[a&&b]", PATTERN_REGEX, NULL, 0, 0},
    {"[a\\]", PATTERN_REGEX, NULL, 0, 0},
    {"[[:alpha:]]", PATTERN_REGEX, NULL, 0, 0},
    {"\\sa", PATTERN_REGEX, NULL, 0, 0},
    {"\\s*", PATTERN_REGEX, NULL, 0, 0},
};

static void shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct replace_pattern pattern;
        const char *literal = cases[i].literal == NULL ? cases[i].regex : cases[i].literal;
        assert_ok(rf__replace_pattern_regex(&pattern, cases[i].regex, strlen(cases[i].regex), err));
        if ((int)pattern.kind != cases[i].kind)
            fail_msg("'%s' is of kind %d", cases[i].regex, (int)pattern.kind);
        if (pattern.kind == PATTERN_RUN || pattern.kind == PATTERN_EACH)
            assert_int_equal(pattern.c, cases[i].c);
        else
            assert_string_equal(pattern.literal, literal);
        if (pattern.kind == PATTERN_RUN)
            assert_int_equal(pattern.min, cases[i].min);
        rf__replace_pattern_release(&pattern);
    }
}

static void literals(void **state)
{
    struct replace_pattern pattern;

    (void)state;
    assert_ok(rf__replace_pattern_literal(&pattern, "a+", 2, err));
    assert_int_equal(pattern.kind, PATTERN_LITERAL);
    assert_string_equal(pattern.literal, "a+");
    rf__replace_pattern_release(&pattern);
    assert_ok(rf__replace_pattern_literal(&pattern, "", 0, err));
    assert_int_equal(pattern.kind, PATTERN_REGEX);
    rf__replace_pattern_release(&pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(literals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
