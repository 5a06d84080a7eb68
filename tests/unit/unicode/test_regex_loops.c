/* Where patterns are marked, and what is refused. That a marked pattern matches what it did is shown by all tests of
 * the engine, which searches with marked patterns alone. */
#include "golden.h"

#include "unicode/regex_loops.h"

#include <stdlib.h>
#include <string.h>

#define M "(?:(?{n})"

static void marks(void **state)
{
    static const struct {
        const char *pattern, *marked;
    } cases[] = {
        {"", ""},
        {"ab", "ab"},
        {"ab+c", "a" M "b)+c"},
        {"a?b??c?+", "a?b??c?+"},
        {"a?*", M "a)?*"},
        {"a+?b*+", M "a)+?" M "b)*+"},
        {"a{2,}b{,2}c{3}", M "a){2,}" M "b){,2}" M "c){3}"},
        {"a{1}b{0,1}c{1}+", "a{1}b{0,1}" M "c){1}+"},
        {"a{b+{,}", "a{" M "b)+{,}"},
        {"{+", M "{)+"},
        {"\xC3\xA9+", M "\xC3\xA9)+"},
        {"\\+*\\p{L}+\\x41*\\x{41}*\\u0041*", M "\\+)*" M "\\p{L})+" M "\\x41)*" M "\\x{41})*" M "\\u0041)*"},
        {"[^]+*]*[[:alpha:]&&[^a]]+[\\]+]+", M "[^]+*])*" M "[[:alpha:]&&[^a]])+" M "[\\]+])+"},
        {"(ab)+(?:c|d*)*(?>e)+", M "(ab))+" M "(?:c|" M "d)*))*" M "(?>e))+"},
        {"(?i)a+(?i:b)+(?-i:c)", "(?i)" M "a)+" M "(?i:b))+(?-i:c)"},
        {"(?<n>a)+(?=b+)(?<!c*)", M "(?<n>a))+(?=" M "b)+)(?<!" M "c)*)"},
        {"(?=a)*^*\\b+", "(?=a)*^*\\b+"}, /* nothing that goes forward */
        {"(.)\\1+", "(.)" M "\\1)+"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        size_t n, expected = 0;
        rf__buf_init(&out, 4096);
        assert_ok(rf__regex_mark_loops(cases[i].pattern, strlen(cases[i].pattern), &out, &n, err));
        assert_string_equal(out.data == NULL ? "" : out.data, cases[i].marked);
        for (const char *at = cases[i].marked; (at = strstr(at, "(?{n})")) != NULL; at++)
            expected++;
        assert_int_equal(n, expected);
        rf__buf_release(&out);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *pattern, *message;
    } cases[] = {
        {"(?x)a b", "unsupported: a group at byte 0"},    {"ab(?~c)", "unsupported: a group at byte 2"},
        {"(*FAIL)", "unsupported: a group at byte 0"},    {"(?{x})", "unsupported: a group at byte 0"},
        {"(?#x)", "unsupported: a group at byte 0"},      {"(?(1)a)", "unsupported: a group at byte 0"},
        {"\\cA", "unsupported: an escape at byte 0"},     {"a\\12", "unsupported: an escape at byte 1"},
        {"\\x{1 2}", "unsupported: an escape at byte 0"}, {"[a", "unsupported: a class at byte 0"},
        {"a)", "unsupported: a parenthesis at byte 1"},
    };
    struct buf out, many;
    size_t n;
    rf_error fault = {0};

    (void)state;
    rf__buf_init(&out, 65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(rf__regex_mark_loops(cases[i].pattern, strlen(cases[i].pattern), &out, &n, &fault),
                         RF_UNSUPPORTED);
        assert_string_equal(fault.message, cases[i].message);
    }
    rf__buf_init(&many, 65536);
    for (size_t i = 0; i <= RF_REGEX_MAX_LOOPS; i++)
        assert_ok(rf__buf_append_str(&many, "a+", err));
    assert_int_equal(rf__regex_mark_loops(many.data, many.len, &out, &n, &fault), RF_UNSUPPORTED);
    assert_string_equal(fault.message, "unsupported: more than 1000 loops at byte 2001");
    rf__buf_release(&many);
    rf__buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(marks), cmocka_unit_test(refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
