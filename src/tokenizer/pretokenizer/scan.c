/*
 * scan: the common patterns by hand. Each is an ordered choice of runs of character classes: what the first character
 * is nearly always says which one it is. The comment of each function has the pattern that it stands for.
 */
#include "tokenizer/pretokenizer/scan.h"

#include "base/utf8.h"
#include "tokenizer/pretokenizer/split.h"

#define LETTERS     (1u << REGEX_UPPER | 1u << REGEX_LOWER | 1u << REGEX_LETTER)
#define MARKS       (1u << REGEX_MARK)
#define NUMBERS     (1u << REGEX_NUMBER)
#define SPACES      (1u << REGEX_SPACE)
#define SYMBOLS     (1u << REGEX_SYMBOL)
#define ALL         ((1u << 8) - 1)
#define REST        (ALL & ~(LETTERS | NUMBERS | SPACES))            /* [^\s\p{L}\p{N}] */
#define UPPER_LIKE  (1u << REGEX_UPPER | 1u << REGEX_LETTER | MARKS) /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
#define LOWER_LIKE  (1u << REGEX_LOWER | 1u << REGEX_LETTER | MARKS) /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
#define LONG_S_LEAD 0xC5                                             /* U+017F, an s to (?i) */
#define LONG_S_TAIL 0xBF

static inline bool is_ascii_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* The class of the character at s[at], as a bit, and its length. The table's first 128 entries are ASCII's. */
static inline unsigned class_at(const uint8_t *s, size_t at, size_t *len)
{
    uint32_t c;

    if (s[at] < 0x80) {
        *len = 1;
        return 1u << (rf__regex_class_of[s[at]] & RF_REGEX_CLASS_MASK);
    }
    *len = rf__utf8_next((const char *)s + at, &c);
    return 1u << (rf__regex_class(c) & RF_REGEX_CLASS_MASK);
}

/* Where the run of characters of these classes ends. */
static inline size_t run_end(const uint8_t *s, size_t at, size_t end, unsigned classes)
{
    size_t len;

    while (at < end && (class_at(s, at, &len) & classes) != 0)
        at += len;
    return at;
}

static inline size_t letters_end(const uint8_t *s, size_t at, size_t end, unsigned classes)
{
    for (;;) {
        while (at < end && is_ascii_letter(s[at]))
            at++;
        if (at == end || s[at] < 0x80)
            return at;
        size_t len;
        if ((class_at(s, at, &len) & classes) == 0)
            return at;
        at += len;
    }
}

/* The same, of at most `max` characters; 0: any number. */
static inline size_t short_run_end(const uint8_t *s, size_t at, size_t end, unsigned classes, unsigned max)
{
    size_t len;

    for (unsigned n = 0; at < end && (max == 0 || n < max) && (class_at(s, at, &len) & classes) != 0; n++)
        at += len;
    return at;
}

static inline bool is_newline(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* A run of whitespace that begins at `at`: \s*[\r\n]+ (when `newlines`), else \s+(?!\S), else \s+. */
static size_t space_end(const uint8_t *s, size_t at, size_t end, bool newlines, bool takes_last)
{
    size_t last = at, after_newline = at, len, i = at;

    for (; i < end && (class_at(s, i, &len) & SPACES) != 0; i += len) {
        last = i;
        if (is_newline(s[i]))
            after_newline = i + 1;
    }
    if (takes_last && i == end)
        return end;
    if (newlines && after_newline > at)
        return after_newline;
    return i == end || last == at ? i : last;
}

/* The length of a contraction that begins with the apostrophe at s[at]; 0 when there is none: 's|'t|'re|'ve|'m|'ll|'d
 * and, with any case, (?i:…). */
static size_t contraction(const uint8_t *s, size_t at, size_t end, bool any_case)
{
    uint8_t fold = any_case ? 0x20 : 0, a, b;

    if (end - at < 2)
        return 0;
    a = s[at + 1] | fold;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (end - at < 3)
        return 0;
    if (any_case && s[at + 1] == LONG_S_LEAD && s[at + 2] == LONG_S_TAIL)
        return 3;
    b = s[at + 2] | fold;
    return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* ---- GPT-2 ------------------------------------------------------------------------------------------------------ */

static size_t gpt2_run(const uint8_t *s, size_t at, size_t end)
{
    size_t len;
    unsigned class = class_at(s, at, &len);

    if ((class & LETTERS) != 0)
        return letters_end(s, at + len, end, LETTERS);
    if ((class & NUMBERS) != 0)
        return run_end(s, at + len, end, NUMBERS);
    return run_end(s, at + len, end, REST);
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t gpt2_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    size_t len, next = at;

    (void)self;
    if (s[at] == ' ' && at + 1 < end && is_ascii_letter(s[at + 1]))
        return letters_end(s, at + 2, end, LETTERS);
    if (s[at] == '\'') {
        len = contraction(s, at, end, false);
        if (len > 0)
            return at + len;
    }
    if (s[at] == ' ' && at + 1 < end)
        next = at + 1;
    if ((class_at(s, next, &len) & SPACES) != 0)
        return space_end(s, at, end, false, false);
    return gpt2_run(s, next, end);
}

size_t rf__gpt2_match_spaced(const uint8_t *s, size_t at, size_t end)
{
    size_t len, last = at, i = at;

    if ((class_at(s, at, &len) & SPACES) == 0)
        return gpt2_run(s, at, end);
    for (; i < end && (class_at(s, i, &len) & SPACES) != 0; i += len)
        last = i;
    return i == end ? end : last;
}

const struct scanner rf__gpt2_scanner = {.match = gpt2_match, .is_whole = true, .is_settled_local = true};

/* ---- cl100k, Llama 3, Qwen -------------------------------------------------------------------------------------- */

/* What the alternatives for symbols and whitespace make of a character that is neither letter nor number:
 *  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t symbols_or_space(const struct scanner *self, const uint8_t *s, size_t at, size_t end, unsigned class,
                               size_t len)
{
    size_t i = at;

    if ((class & SPACES) != 0) {
        if (s[at] != ' ' || at + 1 == end || (class_at(s, at + 1, &len) & REST) == 0)
            return space_end(s, at, end, true, self->takes_last_space);
        i++;
    }
    i = run_end(s, i + len, end, REST);
    while (i < end && (is_newline(s[i]) || (self->ends_with_slash && s[i] == '/')))
        i++;
    return i;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 */
static size_t cl100k_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    size_t len, next_len;
    unsigned class;

    if (s[at] == ' ' && at + 1 < end && is_ascii_letter(s[at + 1]))
        return letters_end(s, at + 2, end, LETTERS);
    if (s[at] == '\'') {
        len = contraction(s, at, end, true);
        if (len > 0)
            return at + len;
    }
    class = class_at(s, at, &len);
    if ((class & LETTERS) != 0)
        return letters_end(s, at + len, end, LETTERS);
    if ((class & NUMBERS) != 0)
        return short_run_end(s, at, end, NUMBERS, self->max_run);
    if (!is_newline(s[at]) && at + len < end && (class_at(s, at + len, &next_len) & LETTERS) != 0)
        return letters_end(s, at + len + next_len, end, LETTERS);
    return symbols_or_space(self, s, at, end, class, len);
}

/* ---- o200k ------------------------------------------------------------------------------------------------------ */

/* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ from `at` on, `at` when there is none. Where no lowercase
 * letter follows the first run, it goes back to the last character that both classes have. *upper: the end of the run.
 */
static size_t mixed_word(const uint8_t *s, size_t at, size_t end, size_t *upper)
{
    size_t both = at, i = at, len;
    unsigned class = 0;

    /* Nearly always: at most one capital, then small letters. */
    if (i < end && (uint8_t)(s[i] - 'A') < 26)
        i++;
    if (i < end && (uint8_t)(s[i] - 'a') < 26) {
        while (i < end && (uint8_t)(s[i] - 'a') < 26)
            i++;
        return i == end || s[i] < 0x80 ? i : run_end(s, i, end, LOWER_LIKE);
    }
    for (; i < end && ((class = class_at(s, i, &len)) & UPPER_LIKE) != 0; i += len)
        if ((class & LOWER_LIKE) != 0)
            both = i + len;
    *upper = i;
    if (i < end && (class & LOWER_LIKE) != 0)
        return run_end(s, i, end, LOWER_LIKE);
    return both;
}

/* [^\r\n\p{L}\p{N}]?(mixed word)|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*
 * Where no mixed word begins, no lowercase letter follows the capitals. */
static size_t o200k_word(const uint8_t *s, size_t at, size_t end, unsigned class, size_t len)
{
    bool has_prefix = (class & (LETTERS | NUMBERS)) == 0 && !is_newline(s[at]) && at + len < end;
    size_t word = at, upper = at, prefixed_upper = at, after = at + len;

    if (has_prefix) {
        word = mixed_word(s, after, end, &prefixed_upper);
        if (word > after)
            return word;
    }
    if ((class & (LETTERS | MARKS)) != 0) {
        word = mixed_word(s, at, end, &upper);
        if (word > at)
            return word;
    }
    if (has_prefix && prefixed_upper > after)
        return prefixed_upper;
    return upper;
}

/* (word)(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t o200k_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    size_t len, word;
    unsigned class = class_at(s, at, &len);

    if ((class & NUMBERS) != 0)
        return short_run_end(s, at, end, NUMBERS, self->max_run);
    word = o200k_word(s, at, end, class, len);
    if (word > at) {
        if (self->has_contractions && word < end && s[word] == '\'')
            word += contraction(s, word, end, true);
        return word;
    }
    return symbols_or_space(self, s, at, end, class, len);
}

/* ---- DeepSeek ---------------------------------------------------------------------------------------------------- */

/* [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
 * ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+| \s+(?!\S)|\s+ */
static size_t deepseek_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    size_t len, next_len, i = at;
    unsigned class = class_at(s, at, &len);

    (void)self;
    if (s[at] < 0x80 && (class & SYMBOLS) != 0 && at + 1 < end && is_ascii_letter(s[at + 1])) {
        for (i = at + 1; i < end && is_ascii_letter(s[i]);)
            i++;
        return i;
    }
    if ((class & (LETTERS | MARKS)) != 0)
        return letters_end(s, at, end, LETTERS | MARKS);
    if ((class & SYMBOLS) == 0 && !is_newline(s[at]) && at + len < end &&
        (class_at(s, at + len, &next_len) & (LETTERS | MARKS)) != 0)
        return letters_end(s, at + len, end, LETTERS | MARKS);
    if (s[at] == ' ' && at + 1 < end && (class_at(s, at + 1, &next_len) & SYMBOLS) != 0)
        i++;
    else if ((class & SPACES) != 0)
        return space_end(s, at, end, true, false);
    i = run_end(s, i, end, SYMBOLS);
    while (i > at && i < end && is_newline(s[i]))
        i++;
    return i;
}

/* All of them have three bytes, of which the first is E3 to E9. */
static inline bool is_cjk(const uint8_t *s, size_t at)
{
    uint32_t c;

    if (s[at] < 0xE3 || s[at] > 0xE9)
        return false;
    rf__utf8_next((const char *)s + at, &c);
    return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF);
}

/* [一-龥぀-ゟ゠-ヿ]+ */
static size_t cjk_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    (void)self;
    while (at < end && is_cjk(s, at))
        at += 3;
    return at;
}

static size_t cjk_skip(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    (void)self;
    while (at < end && !is_cjk(s, at))
        at++;
    return at;
}

/* ---- Simple runs ------------------------------------------------------------------------------------------------- */

static size_t run_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    return short_run_end(s, at, end, self->classes, self->max_run);
}

static size_t run_skip(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    return run_end(s, at, end, ALL & ~self->classes);
}

static size_t newline_match(const struct scanner *self, const uint8_t *s, size_t at, size_t end)
{
    (void)self;
    (void)end;
    return is_newline(s[at]) ? at + 1 : at;
}

/* ---- Which is which ---------------------------------------------------------------------------------------------- */

#define WHOLE .is_whole = true, .is_settled_local = true

#define LLAMA3(number)                                                                                                 \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" number                                               \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define O200K(contraction, number)                                                                                     \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" contraction            \
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" contraction           \
    "|" number "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

#define BOTH        (1u << PATTERN_ONIGURUMA | 1u << PATTERN_TIKTOKEN)
#define JSON        (1u << PATTERN_ONIGURUMA)
#define TIKTOKEN    (1u << PATTERN_TIKTOKEN)

/* What ends with $ or +{…}+ is another language in a tokenizer.json: $ is the end of a line there, {1,3}+ repeats. */
static const struct {
    unsigned dialects;
    const char *pattern;
    struct scanner scanner;
} known[] = {
    {BOTH,
     "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     {.match = gpt2_match, WHOLE}},
    {BOTH,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     {.match = gpt2_match, WHOLE}},
    {TIKTOKEN,
     "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s",
     {.match = gpt2_match, WHOLE}},
    {BOTH, LLAMA3("\\p{N}{1,3}"), {.match = cl100k_match, WHOLE, .max_run = 3}},
    {BOTH, LLAMA3("\\p{N}"), {.match = cl100k_match, WHOLE, .max_run = 1}},
    {BOTH, LLAMA3("\\p{N}+"), {.match = cl100k_match, WHOLE}},
    {TIKTOKEN,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
     {.match = cl100k_match, WHOLE, .max_run = 3, .takes_last_space = true}},
    {TIKTOKEN,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"
     "\\s+(?!\\S)|\\s+",
     {.match = cl100k_match, WHOLE, .max_run = 3}},
    {JSON,
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"
     "\\s+(?!\\S)|\\s+",
     {.match = cl100k_match, WHOLE, .max_run = 3}},
    {BOTH,
     O200K(CONTRACTION, "\\p{N}{1,3}"),
     {.match = o200k_match, WHOLE, .max_run = 3, .ends_with_slash = true, .has_contractions = true}},
    {BOTH, O200K("", "\\p{N}"), {.match = o200k_match, WHOLE, .max_run = 1, .ends_with_slash = true}},
    {BOTH, O200K("", "\\p{N}{1,3}"), {.match = o200k_match, WHOLE, .max_run = 3, .ends_with_slash = true}},
    {BOTH,
     "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
     " ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     {.match = deepseek_match, .is_settled_local = true}},
    {BOTH,
     "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+",
     {cjk_match, cjk_skip, .is_whole = false}},
    {BOTH, "\\p{N}{1,3}", {run_match, run_skip, .classes = NUMBERS, .max_run = 3}},
    {BOTH, "\\p{N}", {run_match, run_skip, .classes = NUMBERS, .max_run = 1}},
    {BOTH, "\\p{N}+", {run_match, run_skip, .classes = NUMBERS}},
    {BOTH, "\\p{L}+", {run_match, run_skip, .classes = LETTERS}},
    {BOTH, "\\s+", {run_match, run_skip, .classes = SPACES}},
    {BOTH, "\\s", {run_match, run_skip, .classes = SPACES, .max_run = 1}},
    {BOTH, "[\\r\\n]", {.match = newline_match}},
};

/* Compares, reading a carriage return and a newline in `pattern` as \r and \n, which they mean just as well. */
static bool is_pattern(const char *pattern, size_t len, const char *expected)
{
    for (size_t i = 0; i < len; i++) {
        if (is_newline((uint8_t)pattern[i])) {
            if (*expected++ != '\\' || *expected++ != (pattern[i] == '\n' ? 'n' : 'r'))
                return false;
        } else if (pattern[i] != *expected++) {
            return false;
        }
        if (expected[-1] == 0)
            return false;
    }
    return *expected == 0;
}

/* The loop is made once for each `match` that is known when it is compiled. */
static inline rf_status whole(size_t (*match)(const struct scanner *, const uint8_t *, size_t, size_t),
                              const struct scanner *scanner, const uint8_t *s, struct span piece, struct pieces *out,
                              rf_error *err)
{
    size_t at = piece.begin, n;

    while (at < piece.end) {
        rf_status status = rf__pieces_reserve(out, 1, err);
        if (status != RF_OK)
            return status;
        for (n = out->n; at < piece.end && n < out->cap; n++) {
            size_t end = match(scanner, s, at, piece.end);
            out->items[n] = (struct span){at, end};
            at = end;
        }
        out->n = n;
    }
    return RF_OK;
}

rf_status rf__scan_whole(const struct scanner *scanner, const char *text, struct span piece, struct pieces *out,
                         rf_error *err)
{
    const uint8_t *s = (const uint8_t *)text;

    if (scanner->match == gpt2_match)
        return whole(gpt2_match, scanner, s, piece, out, err);
    if (scanner->match == cl100k_match)
        return whole(cl100k_match, scanner, s, piece, out, err);
    return whole(scanner->match, scanner, s, piece, out, err);
}

const struct scanner *rf__scanner_find(const char *pattern, size_t len, enum pattern_dialect dialect)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((known[i].dialects >> dialect & 1) != 0 && is_pattern(pattern, len, known[i].pattern))
            return &known[i].scanner;
    return NULL;
}

/* In front of whitespace, unless it is a newline, behind what is none; and between a letter and what is neither letter,
 * mark, number nor apostrophe: no match of these patterns lies across, none looks further than that. */
size_t rf__scan_settled(const struct text *text, size_t from, size_t to)
{
    const uint8_t *s = (const uint8_t *)text->data;
    unsigned next = 0;

    for (size_t at = to, len; at > from;) {
        size_t border = at;
        unsigned here;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        here = class_at(s, at, &len);
        if ((next & SPACES) != 0 && (here & SPACES) == 0 && !is_newline(s[border]))
            return border;
        if ((next & (SYMBOLS | SPACES)) != 0 && (here & LETTERS) != 0 && s[border] != '\'')
            return border;
        next = here;
    }
    return 0;
}
