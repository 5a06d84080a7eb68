/* The engine behind regex.h: what it finds, what it refuses, and that no pattern makes a text hang. That its matches
 * are those of `tokenizers` is shown by the golden pieces (tests/golden/pretokenizers). */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "unicode/regex.h"

#include <stdlib.h>
#include <string.h>

/* Writes the matches as "begin-end begin-end …". */
static void find_all(struct regex_finder *finder, const char *text, size_t len, char *out, size_t size)
{
    struct regex_match match;
    bool found;
    size_t n = 0;

    out[0] = 0;
    assert_int_equal(rf__regex_finder_start(finder, text, len, NULL, NULL), RF_OK);
    for (;;) {
        assert_int_equal(rf__regex_finder_next(finder, &match, &found, NULL), RF_OK);
        if (!found)
            return;
        n += (size_t)snprintf(out + n, size - n, "%s%zu-%zu", n == 0 ? "" : " ", match.begin, match.end);
        assert_true(n < size);
    }
}

static void matches(void **state)
{
    static const struct {
        const char *pattern, *text, *expected;
    } cases[] = {
        {"b", "abcb", "1-2 3-4"},
        {"b", "", ""},
        {"", "ab", "0-0 1-1 2-2"},
        {"b*", "abbc", "0-0 1-3 4-4"}, /* none at 3, where the one before ends */
        {"x?", "\xC3\xA9y", "0-0 2-2 3-3"},
        {"$", "a\nb", "1-1 3-3"}, /* at the end of each line */
        {"^", "a\nb", "0-0 2-2"},
        {"\\s+(?!\\S)|\\s+", "a   b ", "1-3 3-4 5-6"},
        {"\\p{Lu}",
         "a\xC3\x89"
         "b",
         "1-3"},
        {"(?i:'s)", "'S'\xC5\xBF", "0-2 2-5"}, /* the long s */
        {"\\d", "1\xD9\xA3", "0-1 1-3"},
        {"a++b|a", "aab a", "0-3 4-5"},
        {"(?<=a)b", "ab bb", "1-2"},
        {"\\h", "fg", "0-1"}, /* Oniguruma: a hexadecimal digit */
        /* Unicode 16, whatever version the linked library has: */
        {"\\p{Lu}", "\xE1\xB2\x89\xE1\xB2\x8A", "0-3"}, /* U+1C89 */
        {"\\p{Garay}", "\xF0\x90\xB5\x90", "0-4"},      /* U+10D50; a script of Unicode 16 */
        {"\\p{ garay }", "\xF0\x90\xB5\x90", "0-4"},
        {"\\P{^Han}",
         "\xF0\xAE\xAF\xB0"
         "a",
         "0-4"},                                   /* U+2EBF0, of Unicode 15.1 */
        {"[[:punct:]]+", "$+\xE2\x82\xAC", "0-5"}, /* symbols too, since Oniguruma 6.9.10 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *regex = NULL;
        struct regex_finder *finder = NULL;
        char found[256];
        assert_int_equal(rf__regex_new(cases[i].pattern, strlen(cases[i].pattern), &regex, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_new(regex, &finder, NULL), RF_OK);
        for (int again = 0; again < 2; again++) {
            find_all(finder, cases[i].text, strlen(cases[i].text), found, sizeof found);
            if (strcmp(found, cases[i].expected) != 0)
                fail_msg("'%s' in '%s': %s, expected %s", cases[i].pattern, cases[i].text, found, cases[i].expected);
        }
        rf__regex_finder_free(finder);
        rf__regex_free(regex);
    }
}

static void refuses(const char *pattern, size_t len, rf_status expected, const char *reason)
{
    struct regex *regex = NULL;
    rf_error err = {0};

    assert_int_equal(rf__regex_new(pattern, len, &regex, &err), expected);
    assert_null(regex);
    if (strstr(err.message, reason) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, reason);
}

static void bad_patterns(void **state)
{
    static char big[RF_REGEX_MAX_BYTES + 2];

    (void)state;
    refuses("a(b", 3, RF_BAD_FORMAT, "'a(b': end pattern with unmatched parenthesis");
    refuses("[b-a]", 5, RF_BAD_FORMAT, "'[b-a]': ");
    refuses("\\p{Nonsense}", 12, RF_BAD_FORMAT, "Nonsense");
    refuses("\xFF", 1, RF_BAD_FORMAT, "no UTF-8");
    refuses("a{200000}", 9, RF_UNSUPPORTED, "too big number");
    memset(big, 'a', sizeof big);
    refuses(big, sizeof big, RF_UNSUPPORTED, "longer than 65536 bytes");
    memset(big, '(', 2000);
    refuses(big, 2000, RF_UNSUPPORTED, "depth");
    for (size_t i = 0; i < 12000; i += 6)
        memcpy(big + i, "{1,3}+", 6);
    big[0] = 'a';
    refuses(big, 12000, RF_UNSUPPORTED, "depth");
}

/* Patterns that take exponential or quadratic time when nobody counts. */
static void catastrophes(void **state)
{
    static const char *const patterns[] = {"(a|a)+(?<!a)", "(a*)+(?<!a)(?<=a)", "(?:a|aa)+(?<!a)", "(\\w+\\s?)+(?<!a)",
                                           "a+(?<!a)",
                                           /* Without a step back: */
                                           "a++b", "(?>a+)b", "(?>(?:aa)+)b", "[a-z]++b", "(?=[a-z]++b)a", "(?=a*b)a",
                                           "(?:(?=(?>a*)b)a|a(?=a*b))", "a{3,}+b", "(?i)A++b", "(?<name>a)++b"};
    size_t len = 20000;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', len);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct regex *regex = NULL;
        struct regex_finder *finder = NULL;
        struct regex_match match;
        bool found;
        rf_error err = {0};
        assert_int_equal(rf__regex_new(patterns[i], strlen(patterns[i]), &regex, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_new(regex, &finder, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_start(finder, text, len, NULL, NULL), RF_OK);
        if (rf__regex_finder_next(finder, &match, &found, &err) != RF_UNSUPPORTED)
            fail_msg("'%s' is not stopped", patterns[i]);
        assert_false(found);
        if (strstr(err.message, patterns[i]) == NULL)
            fail_msg("'%s' does not name '%s'", err.message, patterns[i]);
        /* The finder is still good for another text. */
        assert_int_equal(rf__regex_finder_start(finder, "", 0, NULL, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_next(finder, &match, &found, NULL), RF_OK);
        rf__regex_finder_free(finder);
        rf__regex_free(regex);
    }
    free(text);
}

/* What takes steps in proportion to the text goes through, however long the text is. */
static void long_texts(void **state)
{
    static const struct {
        const char *pattern;
        char fill;
        size_t n;
    } cases[] = {{"\\p{L}+", 'a', 1},
                 {"\\s+(?!\\S)|\\s+", ' ', 1},
                 {"x", 'a', 0},
                 {".", 'a', 1000000},
                 {"\\p{N}{1,3}", '1', 333334}};
    size_t len = 1000000;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *regex = NULL;
        struct regex_finder *finder = NULL;
        struct regex_match match;
        size_t n = 0;
        memset(text, cases[i].fill, len);
        assert_int_equal(rf__regex_new(cases[i].pattern, strlen(cases[i].pattern), &regex, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_new(regex, &finder, NULL), RF_OK);
        assert_int_equal(rf__regex_finder_start(finder, text, len, NULL, NULL), RF_OK);
        for (bool found = true; found; n += found)
            assert_int_equal(rf__regex_finder_next(finder, &match, &found, NULL), RF_OK);
        assert_int_equal(n, cases[i].n);
        rf__regex_finder_free(finder);
        rf__regex_free(regex);
    }
    free(text);
}

struct job {
    const struct regex *regex;
    const char *text;
    size_t n;
};

static void count(void *arg)
{
    struct job *job = arg;
    struct regex_finder *finder = NULL;
    struct regex *other = NULL;
    struct regex_match match;
    bool found = true;

    if (rf__regex_new("(?i)b+", 6, &other, NULL) != RF_OK || rf__regex_finder_new(job->regex, &finder, NULL) != RF_OK)
        return;
    for (int again = 0; again < 100; again++) {
        if (rf__regex_finder_start(finder, job->text, strlen(job->text), NULL, NULL) != RF_OK)
            break;
        do {
            if (rf__regex_finder_next(finder, &match, &found, NULL) != RF_OK)
                break;
            job->n += found;
        } while (found);
    }
    rf__regex_finder_free(finder);
    rf__regex_free(other);
}

static void several_threads(void **state)
{
    struct regex *regex = NULL;
    struct os_thread *threads[4];
    struct job jobs[4];

    (void)state;
    assert_int_equal(rf__regex_new("\\p{L}+|\\d", 9, &regex, NULL), RF_OK);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){regex, "one 22 three vier f\xC3\xBCnf", 0};
        assert_int_equal(rf__os_thread_start(count, &jobs[i], &threads[i], NULL), RF_OK);
    }
    for (int i = 0; i < 4; i++) {
        rf__os_thread_join(threads[i]);
        assert_int_equal(jobs[i].n, 600);
    }
    rf__regex_free(regex);
}

static void out_of_memory(void **state)
{
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (uint64_t at = 1; status != RF_OK; at++) {
        struct regex *regex = NULL;
        struct regex_finder *finder = NULL;
        assert_true(at < 20);
        rf__alloc_fail_at(at);
        status = rf__regex_new("a", 1, &regex, NULL);
        if (status == RF_OK)
            status = rf__regex_finder_new(regex, &finder, NULL);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        rf__regex_finder_free(finder);
        rf__regex_free(regex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),    cmocka_unit_test(bad_patterns),    cmocka_unit_test(catastrophes),
        cmocka_unit_test(long_texts), cmocka_unit_test(several_threads), cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
