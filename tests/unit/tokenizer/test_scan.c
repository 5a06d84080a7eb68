/* The scanners against their slow twin, the engine of regular expressions: the same matches in random texts and around
 * every code point (most of them only when RF_ALL_CODE_POINTS is set, which takes a minute). */
#include "golden.h"

#include "base/utf8.h"
#include "tokenizer/pretokenizer/scan.h"
#include "tokenizer/pretokenizer/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
#define WORD2   "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
#define SUFFIX  "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
#define TAIL    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LLAMA3A "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define LLAMA3B "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Where the engine reads tiktoken's pattern in another way, `twin` says the same in its language. */
static const struct {
    const char *pattern;
    enum pattern_dialect dialect;
    const char *twin;
} pairs[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", PATTERN_ONIGURUMA, NULL},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", PATTERN_ONIGURUMA, NULL},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s", PATTERN_TIKTOKEN,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++\\z|\\s+(?!\\S)|\\s"},
    {LLAMA3A "\\p{N}{1,3}" LLAMA3B, PATTERN_ONIGURUMA, NULL},
    {LLAMA3A "\\p{N}" LLAMA3B, PATTERN_ONIGURUMA, NULL},
    {LLAMA3A "\\p{N}+" LLAMA3B, PATTERN_ONIGURUMA, NULL},
    {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
     PATTERN_TIKTOKEN,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|(?>\\p{N}{1,3})| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++\\z|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s"},
    {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"
     "\\s+(?!\\S)|\\s+",
     PATTERN_ONIGURUMA, NULL},
    {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"
     "\\s+(?!\\S)|\\s+",
     PATTERN_TIKTOKEN, NULL},
    {WORD SUFFIX "|" WORD2 SUFFIX "|\\p{N}{1,3}" TAIL, PATTERN_ONIGURUMA, NULL},
    {WORD SUFFIX "|" WORD2 SUFFIX "|\\p{N}{1,3}" TAIL, PATTERN_TIKTOKEN, NULL},
    {WORD "|" WORD2 "|\\p{N}" TAIL, PATTERN_ONIGURUMA, NULL},
    {WORD "|" WORD2 "|\\p{N}{1,3}" TAIL, PATTERN_ONIGURUMA, NULL},
    {"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
     "?[\\p{P}\\p{S}]+[\r\n]*"
     "|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
     PATTERN_ONIGURUMA, NULL},
    {"[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", PATTERN_ONIGURUMA, NULL},
    {"\\p{N}{1,3}", PATTERN_ONIGURUMA, NULL},
    {"\\p{N}", PATTERN_ONIGURUMA, NULL},
    {"\\p{N}+", PATTERN_ONIGURUMA, NULL},
    {"\\p{L}+", PATTERN_ONIGURUMA, NULL},
    {"\\s+", PATTERN_ONIGURUMA, NULL},
    {"\\s", PATTERN_ONIGURUMA, NULL},
    {"[\\r\\n]", PATTERN_ONIGURUMA, NULL},
    {"[\r\n]", PATTERN_ONIGURUMA, NULL},
};
#define N_PAIRS (sizeof pairs / sizeof pairs[0])

struct twins {
    const struct scanner *scanner;
    struct regex *regex;
    struct regex_finder *finder;
};

static void open_twins(struct twins *twins, size_t i)
{
    const char *twin = pairs[i].twin != NULL ? pairs[i].twin : pairs[i].pattern;

    twins->scanner = rf__scanner_find(pairs[i].pattern, strlen(pairs[i].pattern), pairs[i].dialect);
    if (twins->scanner == NULL)
        fail_msg("no scanner for '%s'", pairs[i].pattern);
    assert_ok(rf__regex_new(twin, strlen(twin), &twins->regex, err));
    assert_ok(rf__regex_finder_new(twins->regex, &twins->finder, err));
}

static void close_twins(struct twins *twins)
{
    rf__regex_finder_free(twins->finder);
    rf__regex_free(twins->regex);
}

static void compare(struct twins *twins, size_t i, const char *text, size_t len)
{
    struct regex_match match;
    size_t at = 0;
    bool found;

    assert_ok(rf__regex_finder_start(twins->finder, text, len, NULL, err));
    for (;;) {
        size_t end = at;
        while (at < len && (end = twins->scanner->match(twins->scanner, (const uint8_t *)text, at, len)) == at) {
            uint32_t c;
            if (twins->scanner->is_whole)
                fail_msg("'%s' has no match at %zu in '%.*s'", pairs[i].pattern, at, (int)len, text);
            at += rf__utf8_next(text + at, &c);
        }
        assert_ok(rf__regex_finder_next(twins->finder, &match, &found, err));
        if (found != (at < len) || (found && (match.begin != at || match.end != end)))
            fail_msg("'%s': the scanner has [%zu, %zu), the engine [%zu, %zu) in '%.*s'", pairs[i].pattern, at, end,
                     match.begin, match.end, (int)len, text);
        if (!found)
            return;
        at = end;
    }
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static size_t below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

static void random_texts(void **state)
{
    static const char *const parts[] = {
        "a",      "b",      "Z",  "A",       "\u00c9", "\u00df",     "\u01c5", "\u02b0", "\u4e2d", "\u306e",
        "\u30fc", "\ud55c", "1",  "2",       "34",     "\u0663",     "\u2167", "\u0301", "\u093f", " ",
        " ",      "  ",     "\n", "\r\n",    "\r",     "\t",         "\f",     "\u00a0", "\u2028", "\u3000",
        "'",      "'s",     "'S", "'\u017f", "'re",    "'L",         "l",      "e",      "v",      ".",
        "!",      "-",      "/",  "$",       "\u20ac", "\U0001f600", "\u200b", "\ue000", "\u0378", "\xC2\x85",
        "\x01",   "`",      "_",  "\\",      "]",      "\u9fa5",     "\u9fa6", "\u309f", "\u303f"};
    struct twins twins[N_PAIRS];
    char text[256];

    (void)state;
    for (size_t i = 0; i < N_PAIRS; i++)
        open_twins(&twins[i], i);
    for (int round = 0; round < 20000; round++) {
        size_t len = 0, times = 1 + below(24);
        for (size_t k = 0; k < times; k++) {
            const char *part = parts[below(sizeof parts / sizeof parts[0])];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        for (size_t i = 0; i < N_PAIRS; i++)
            compare(&twins[i], i, text, len);
    }
    for (size_t i = 0; i < N_PAIRS; i++)
        close_twins(&twins[i]);
}

/* Puts the character in between all kinds of neighbours. */
static size_t around(uint32_t c, char *out)
{
    static const char *const gaps[] = {"",   "a", "B",  " ", "",   "1",      "'",  "s",
                                       "'r", "",  "e ", "!", "\n", "\u4e2d", " \n"};
    size_t len = 0;

    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        memcpy(out + len, gaps[i], strlen(gaps[i]));
        len += strlen(gaps[i]);
        len += rf__utf8_encode(c, out + len);
    }
    return len;
}

static void code_points(void **state)
{
    bool all = getenv("RF_ALL_CODE_POINTS") != NULL;
    char text[160];

    (void)state;
    for (size_t i = 0; i < N_PAIRS; i++) {
        struct twins twins;
        open_twins(&twins, i);
        for (uint32_t c = 0; c < RF_UNICODE_LIMIT; c++) {
            if ((c >= 0xD800 && c < 0xE000) || (!all && c > 0x2000 && c % 97 != 0))
                continue;
            compare(&twins, i, text, rf__utf8_encode(c, text));
            compare(&twins, i, text, around(c, text));
        }
        close_twins(&twins);
    }
}

/* ByteLevel's pattern on a text with a space in front, without writing the space. */
static void virtual_space(void **state)
{
    struct twins twins;
    char text[200] = " ";

    (void)state;
    open_twins(&twins, 0);
    for (uint32_t c = 0; c < 0x30000; c++) {
        struct regex_match match;
        bool found;
        size_t len;
        if (c == ' ' || (c >= 0xD800 && c < 0xE000))
            continue;
        for (int more = 0; more < 2; more++) {
            len = 1 + rf__utf8_encode(c, text + 1);
            len += more ? around(c, text + len) : 0;
            assert_ok(rf__regex_finder_start(twins.finder, text, len, NULL, err));
            assert_ok(rf__regex_finder_next(twins.finder, &match, &found, err));
            assert_true(found);
            assert_int_equal(rf__gpt2_match_spaced((const uint8_t *)text, 1, len), match.end);
        }
    }
    close_twins(&twins);
}

/* What only looks like one of the patterns, or means something else in the other language, has no scanner. */
static void unknown(void **state)
{
    static const struct {
        const char *pattern;
        enum pattern_dialect dialect;
    } cases[] = {
        {"", PATTERN_ONIGURUMA},
        {"\\s+ ", PATTERN_ONIGURUMA},
        {"\\p{N}{1,4}", PATTERN_ONIGURUMA},
        {"'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|"
         "\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
         PATTERN_ONIGURUMA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_null(rf__scanner_find(cases[i].pattern, strlen(cases[i].pattern), cases[i].dialect));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts),
        cmocka_unit_test(code_points),
        cmocka_unit_test(virtual_space),
        cmocka_unit_test(unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
