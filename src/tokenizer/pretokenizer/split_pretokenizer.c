/*
 * split_pretokenizer: Split of `tokenizers`: a pattern, a string or a regular expression, and what becomes of its
 * matches (split.h). Well-known patterns have a scanner; a string is looked for; everything else is for the engine of
 * regular expressions.
 */
#include "tokenizer/pretokenizer/scan.h"
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

struct split_pretokenizer {
    struct pretokenizer base;
    enum split_behavior behavior;
    bool invert;
    const struct scanner *scanner; /* or */
    struct regex *regex;           /* or */
    char *string;
    size_t string_len;
    bool string_is_char;
};

/* ---- Splitting --------------------------------------------------------------------------------------------------- */

static rf_status scan_parts(const struct split_pretokenizer *self, const uint8_t *s, struct span piece,
                            struct pieces *out, rf_error *err)
{
    struct splitter splitter = rf__splitter(out, self->behavior, self->invert);
    size_t done = piece.begin, at = piece.begin;

    while (at < piece.end) {
        size_t end;
        rf_status status;
        uint32_t c;
        if (self->scanner->skip != NULL && (at = self->scanner->skip(self->scanner, s, at, piece.end)) == piece.end)
            break;
        end = self->scanner->match(self->scanner, s, at, piece.end);
        if (end == at) {
            at += rf__utf8_next((const char *)s + at, &c);
            continue;
        }
        status = rf__splitter_match(&splitter, &done, at, end, err);
        if (status != RF_OK)
            return status;
        at = end;
    }
    return rf__splitter_rest(&splitter, done, piece.end, err);
}

/* Where the string is found first at or behind `at`; `end` when nowhere. */
static size_t find_string(const struct split_pretokenizer *self, const char *data, size_t at, size_t end)
{
    while (end - at >= self->string_len) {
        const char *first = memchr(data + at, self->string[0], end - at - self->string_len + 1);
        if (first == NULL)
            break;
        at = (size_t)(first - data);
        if (memcmp(first, self->string, self->string_len) == 0)
            return at;
        at++;
    }
    return end;
}

static rf_status find_parts(const struct split_pretokenizer *self, const char *data, struct span piece,
                            struct pieces *out, rf_error *err)
{
    struct splitter splitter = rf__splitter(out, self->behavior, self->invert);
    size_t done = piece.begin, at;

    while ((at = find_string(self, data, done, piece.end)) < piece.end) {
        rf_status status = rf__splitter_match(&splitter, &done, at, at + self->string_len, err);
        if (status != RF_OK)
            return status;
    }
    return rf__splitter_rest(&splitter, done, piece.end, err);
}

static rf_status search_parts(const struct split_pretokenizer *self, struct regex_finder *finder, const char *data,
                              struct span piece, struct pieces *out, rf_error *err)
{
    struct splitter splitter = rf__splitter(out, self->behavior, self->invert);
    size_t done = piece.begin;
    struct regex_match match;
    bool found = true;
    rf_status status =
        rf__regex_finder_start(finder, data + piece.begin, piece.end - piece.begin, out->regex_budget, err);

    while (status == RF_OK) {
        status = rf__regex_finder_next(finder, &match, &found, err);
        if (status == RF_OK && !found)
            break;
        if (status == RF_OK)
            status = rf__splitter_match(&splitter, &done, piece.begin + match.begin, piece.begin + match.end, err);
    }
    return status != RF_OK ? status : rf__splitter_rest(&splitter, done, piece.end, err);
}

static rf_status split_with_regex(const struct split_pretokenizer *self, const struct pieces *in, struct pieces *out,
                                  rf_error *err)
{
    struct regex_finder *finder;
    rf_status status = rf__regex_finder_new(self->regex, &finder, err);

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = search_parts(self, finder, in->text->data, in->items[i], out, err);
    rf__regex_finder_free(finder);
    return status;
}

/* Matches and what lies between them become pieces, each for itself, or are dropped. */
static bool is_apart(const struct split_pretokenizer *self)
{
    return self->behavior == SPLIT_ISOLATED || self->behavior == SPLIT_REMOVED;
}

static rf_status split_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out,
                             rf_error *err)
{
    const struct split_pretokenizer *self = (const struct split_pretokenizer *)base;
    const char *data = in->text->data;
    bool is_plain = self->scanner != NULL && self->scanner->is_whole &&
                    (self->behavior == SPLIT_ISOLATED || (self->behavior == SPLIT_REMOVED && self->invert));
    rf_status status = RF_OK;

    if (self->regex != NULL)
        return split_with_regex(self, in, out, err);
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        if (is_plain)
            status = rf__scan_whole(self->scanner, data, in->items[i], out, err);
        else if (self->scanner != NULL)
            status = scan_parts(self, (const uint8_t *)data, in->items[i], out, err);
        else
            status = find_parts(self, data, in->items[i], out, err);
    }
    return status;
}

/* ---- Where a cut makes no difference ----------------------------------------------------------------------------- */

/* Whether the scanner, that of a simple run, takes the character at `at`. */
static bool takes(const struct scanner *scanner, const struct text *text, size_t at)
{
    uint32_t c;
    size_t end = at + rf__utf8_next(text->data + at, &c);

    return scanner->match(scanner, (const uint8_t *)text->data, at, end) > at;
}

/* Between a character that a simple run takes and one that it does not. */
static size_t run_settled(const struct scanner *scanner, const struct text *text, size_t from, size_t to)
{
    bool next = false;

    for (size_t at = to; at > from;) {
        size_t border = at;
        bool here;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        here = takes(scanner, text, at);
        if (border < to && here != next)
            return border;
        next = here;
    }
    return 0;
}

/* Whether the string, one character, stands at `at`. */
static bool is_string(const struct split_pretokenizer *self, const struct text *text, size_t at)
{
    return text->len - at >= self->string_len && memcmp(text->data + at, self->string, self->string_len) == 0;
}

/* Behind an occurrence of a string that is one character; in front of it where it joins what follows. */
static size_t string_settled(const struct split_pretokenizer *self, const struct text *text, size_t from, size_t to)
{
    if (self->behavior == SPLIT_CONTIGUOUS)
        return 0;
    for (size_t at = to; at > from;) {
        size_t border = at;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        if (!is_string(self, text, at))
            continue;
        if (self->behavior != SPLIT_MERGED_WITH_NEXT)
            return border;
        if (at > from)
            return at;
    }
    return 0;
}

static size_t split_settled(const struct pretokenizer *base, const struct text *text, size_t from, size_t to)
{
    const struct split_pretokenizer *self = (const struct split_pretokenizer *)base;

    if (self->scanner != NULL && is_apart(self))
        return self->scanner->is_settled_local ? rf__scan_settled(text, from, to)
                                               : run_settled(self->scanner, text, from, to);
    if (self->string_is_char && (is_apart(self) || !self->invert))
        return string_settled(self, text, from, to);
    return 0;
}

static bool split_can_cut(const struct pretokenizer *base, const struct text *text, size_t at)
{
    const struct split_pretokenizer *self = (const struct split_pretokenizer *)base;
    size_t before = rf__text_before(text->data, at);

    if (!is_apart(self))
        return false;
    if (self->scanner != NULL)
        return !self->scanner->is_settled_local && !takes(self->scanner, text, at) &&
               !takes(self->scanner, text, before);
    return self->string_is_char && !is_string(self, text, at) && !is_string(self, text, before);
}

/* ---- Making one -------------------------------------------------------------------------------------------------- */

static void split_free(struct pretokenizer *base)
{
    struct split_pretokenizer *self = (struct split_pretokenizer *)base;

    rf__regex_free(self->regex);
    rf__free(self->string);
    rf__free(self);
}

static rf_status split_new(enum split_behavior behavior, bool invert, struct split_pretokenizer **out, rf_error *err)
{
    static const struct pretokenizer_ops ops = {split_split, split_settled, split_can_cut, split_free};
    struct split_pretokenizer *self = rf__alloc(sizeof *self);

    if (self == NULL)
        return rf__fail_memory(err);
    *self = (struct split_pretokenizer){.base = {.ops = &ops}, .behavior = behavior, .invert = invert};
    *out = self;
    return RF_OK;
}

/* An empty string matches between all characters, which the engine knows how to do. */
static rf_status set_pattern(struct split_pretokenizer *self, const char *pattern, size_t len, bool is_regex,
                             enum pattern_dialect dialect, rf_error *err)
{
    uint32_t c;

    if (!is_regex && len > RF_MAX_PIECE)
        return rf__fail(err, RF_UNSUPPORTED, "unsupported: a string of %zu bytes to split at; the limit is %d", len,
                        RF_MAX_PIECE);
    if (!is_regex && len > 0) {
        self->string = rf__strndup(pattern, len);
        self->string_len = len;
        self->string_is_char = rf__utf8_decode(pattern, len, &c) == len;
        return self->string == NULL ? rf__fail_memory(err) : RF_OK;
    }
    self->scanner = rf__scanner_find(pattern, len, dialect);
    if (self->scanner != NULL)
        return RF_OK;
    if (dialect == PATTERN_TIKTOKEN &&
        (memchr(pattern, '$', len) != NULL || memchr(pattern, '^', len) != NULL || strstr(pattern, "}+") != NULL))
        return rf__fail(err, RF_UNSUPPORTED, "unsupported: the pattern '%.100s'", pattern);
    return rf__regex_new(pattern, len, &self->regex, err);
}

rf_status rf__split_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    struct split_pretokenizer *self;
    enum split_behavior behavior;
    rf_text pattern;
    bool invert, is_regex;
    rf_status status = rf__split_behavior_read(source, "Split", true, &behavior, err);

    if (status == RF_OK)
        status = rf__stage_need_bool(source, "Split", "invert", &invert, err);
    if (status == RF_OK)
        status = rf__stage_pattern(source, "pre_tokenizer", "Split", &pattern, &is_regex, err);
    if (status != RF_OK)
        return status;
    status = split_new(behavior, invert, &self, err);
    if (status != RF_OK)
        return status;
    status = set_pattern(self, pattern.data, pattern.len, is_regex, PATTERN_ONIGURUMA, err);
    if (status != RF_OK) {
        split_free(&self->base);
        return rf__fail_prefix(err, status, "%s: pre_tokenizer 'Split'", source->json->name);
    }
    *out = &self->base;
    return RF_OK;
}

rf_status rf__tiktoken_pretokenizer_new(const char *pattern, size_t len, struct pretokenizer **out, rf_error *err)
{
    struct split_pretokenizer *self;
    rf_status status = split_new(SPLIT_REMOVED, true, &self, err);

    if (status != RF_OK)
        return status;
    status = set_pattern(self, pattern, len, true, PATTERN_TIKTOKEN, err);
    if (status != RF_OK) {
        split_free(&self->base);
        return status;
    }
    *out = &self->base;
    return RF_OK;
}
