/*
 * replace_normalizer: Replace of `tokenizers`: each match of a string or of a regular expression becomes a string,
 * which stands for what the last character of the match stands for.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/normalizer/replace_pattern.h"

struct replace {
    struct normalizer base;
    struct replace_pattern pattern;
    char *content;
    size_t content_len;
    bool is_char;        /* the content is one character */
    size_t *borders;     /* PATTERN_LITERAL, [len]: of each beginning of it, how much of its end it begins with */
    bool may_start[256]; /* PATTERN_RUN, _EACH: first bytes of characters that may match; _CLASS: ASCII that matches */
    bool inside[256];    /* PATTERN_LITERAL: low bytes of its characters but the last */
    struct regex *regex;
    uint64_t serial;
};

/* One call's state. */
struct replace_pass {
    const struct replace *replace;
    const struct text_part *in;
    struct text_buf *out;
    struct normalize_scratch *scratch;
    struct align align;
    bool is_linear; /* one linear run, from `begin` on */
    size_t begin;
    size_t done; /* what is before is written */
};

/* ---- Matches ------------------------------------------------------------------------------------------------ */

/* The character that ends at `end`, which is not the beginning of the part. */
static struct text_char char_before(struct replace_pass *pass, size_t end)
{
    const char *data = pass->in->text->data;
    size_t at = (uint8_t)data[end - 1] < 0x80 ? end - 1 : rf__text_before(data, end);

    if (!pass->is_linear)
        return rf__align_char(&pass->align, at);
    return (struct text_char){0, end - at, pass->begin + at, pass->begin + end};
}

/* Writes what is before a match, and what it becomes. */
static rf_status put_match(struct replace_pass *pass, size_t begin, size_t end, rf_error *err)
{
    const struct replace *replace = pass->replace;
    struct text_buf *out = pass->out;
    struct text_char last = {0, 0, pass->scratch->segment, pass->scratch->segment}; /* of an empty match, in front */
    size_t done = pass->done;
    rf_status status = RF_OK;

    if (replace->is_char && end - begin == replace->content_len &&
        memcmp(pass->in->text->data + begin, replace->content, replace->content_len) == 0)
        return RF_OK; /* one character, by itself */
    if (end > pass->in->from)
        last = char_before(pass, end);
    if (!pass->is_linear)
        status = rf__text_buf_append(out, &pass->align, done, begin, err);
    if (status == RF_OK)
        status = rf__text_buf_reserve(out, begin - done + replace->content_len, 2, err);
    if (status != RF_OK)
        return status;
    if (pass->is_linear && done < begin)
        rf__text_put_linear(out, pass->in->text->data + done, begin - done, pass->begin + done);
    if (replace->is_char)
        rf__text_put(out, replace->content, replace->content_len, last.begin, last.end);
    else if (replace->content_len > 0)
        rf__text_put_all(out, replace->content, replace->content_len, last.begin, last.end);
    pass->done = end;
    return RF_OK;
}

/* Where a byte is, from `at` on; often near. */
static size_t find_byte(const char *data, size_t at, size_t to, char byte)
{
    size_t near = to - at > 16 ? at + 16 : to;
    const char *found;

    for (; at < near; at++)
        if (data[at] == byte)
            return at;
    found = at < to ? memchr(data + at, byte, to - at) : NULL;
    return found == NULL ? to : (size_t)(found - data);
}

/* Knuth, Morris and Pratt: linear for every string. */
static rf_status find_literal(struct replace_pass *pass, rf_error *err)
{
    const struct replace_pattern *pattern = &pass->replace->pattern;
    const char *data = pass->in->text->data;
    size_t to = pass->in->to, found = 0; /* bytes of the string in front of `at` */
    rf_status status = RF_OK;

    for (size_t at = pass->in->from; at < to && status == RF_OK; at++) {
        if (found == 0) {
            at = find_byte(data, at, to, pattern->literal[0]);
            if (at == to)
                break;
        }
        while (found > 0 && data[at] != pattern->literal[found])
            found = pass->replace->borders[found - 1];
        if (data[at] == pattern->literal[found])
            found++;
        if (found == pattern->len) {
            status = put_match(pass, at + 1 - found, at + 1, err);
            found = 0;
        }
    }
    return status;
}

static bool is_member(const struct replace_pattern *pattern, uint32_t c)
{
    if (pattern->c == RF_PATTERN_WHITE)
        return (rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) != 0;
    return c == pattern->c;
}

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* Goes on from `at` while no two ASCII characters `c` stand side by side in what is skipped. */
static size_t skip_single(const char *data, size_t at, size_t to, uint32_t c)
{
    uint64_t each = c * ONES, a, b;

    for (; to - at > sizeof a; at += sizeof a) {
        memcpy(&a, data + at, sizeof a);
        memcpy(&b, data + at + 1, sizeof b);
        a = (a ^ each) | (b ^ each);
        if (((a - ONES) & ~a & HIGHS) != 0)
            break;
    }
    return at;
}

static rf_status find_chars(struct replace_pass *pass, rf_error *err)
{
    const struct replace_pattern *pattern = &pass->replace->pattern;
    const char *data = pass->in->text->data;
    size_t at = pass->in->from, to = pass->in->to;
    rf_status status = RF_OK;

    while (at < to && status == RF_OK) {
        size_t begin, n = 0;
        if (pattern->min > 1 && pattern->c < 0x80)
            at = skip_single(data, at, to, pattern->c);
        while (at < to && !pass->replace->may_start[(uint8_t)data[at]])
            at++;
        begin = at;
        while (at < to && (n == 0 || pattern->kind == PATTERN_RUN)) {
            uint32_t c;
            size_t len = rf__utf8_next(data + at, &c);
            if (c < 0x80 ? !pass->replace->may_start[c] : !is_member(pattern, c))
                break;
            at += len;
            n++;
        }
        if (n > 0 && n >= pattern->min)
            status = put_match(pass, begin, at, err);
        else if (n == 0 && at < to)
            at++;
    }
    return status;
}

/* ---- With the engine ---------------------------------------------------------------------------------------- */

static rf_status finder_of(struct replace_pass *pass, struct regex_finder **out, rf_error *err)
{
    struct normalize_scratch *scratch = pass->scratch;
    struct normalize_finder *slot;
    struct regex_finder *finder;
    rf_status status;

    for (size_t i = 0; i < RF_NORMALIZE_FINDERS; i++) {
        if (scratch->finders[i].owner == pass->replace->serial) {
            *out = scratch->finders[i].finder;
            return RF_OK;
        }
    }
    status = rf__regex_finder_new(pass->replace->regex, &finder, err);
    if (status != RF_OK)
        return status;
    slot = &scratch->finders[scratch->oldest_finder];
    scratch->oldest_finder = (scratch->oldest_finder + 1) % RF_NORMALIZE_FINDERS;
    rf__regex_finder_free(slot->finder);
    *slot = (struct normalize_finder){pass->replace->serial, finder};
    *out = finder;
    return RF_OK;
}

static rf_status find_regex(struct replace_pass *pass, size_t from, size_t to, rf_error *err)
{
    struct regex_finder *finder;
    rf_status status = finder_of(pass, &finder, err);
    bool found = true;

    if (status == RF_OK)
        status =
            rf__regex_finder_start(finder, pass->in->text->data + from, to - from, &pass->scratch->regex_budget, err);
    while (status == RF_OK && found) {
        struct regex_match match;
        status = rf__regex_finder_next(finder, &match, &found, err);
        if (status == RF_OK && found)
            status = put_match(pass, from + match.begin, from + match.end, err);
    }
    return status;
}

/* ASCII by a table, the rest by the engine. */
static rf_status find_class(struct replace_pass *pass, rf_error *err)
{
    const uint8_t *data = (const uint8_t *)pass->in->text->data;
    size_t at = pass->in->from, to = pass->in->to;
    rf_status status = RF_OK;

    while (at < to && status == RF_OK) {
        size_t begin = at;
        if (data[at] < 0x80) {
            at++;
            if (pass->replace->may_start[data[begin]])
                status = put_match(pass, begin, at, err);
            continue;
        }
        while (at < to && data[at] >= 0x80)
            at++;
        status = find_regex(pass, begin, at, err);
    }
    return status;
}

static rf_status replace_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                               struct normalize_scratch *scratch, rf_error *err)
{
    struct replace_pass pass = {
        .replace = (const struct replace *)self,
        .in = in,
        .out = out,
        .scratch = scratch,
        .align = rf__align_of(in->text),
        .is_linear = in->text->n_runs == 1 && in->text->runs[0].end == RF_RUN_LINEAR,
        .begin = in->text->runs[0].begin,
        .done = in->from,
    };
    rf_status status = RF_OK;

    switch (pass.replace->pattern.kind) {
    case PATTERN_LITERAL:
        status = find_literal(&pass, err);
        break;
    case PATTERN_RUN:
    case PATTERN_EACH:
        status = find_chars(&pass, err);
        break;
    case PATTERN_CLASS:
        status = find_class(&pass, err);
        break;
    case PATTERN_REGEX:
        status = find_regex(&pass, in->from, in->to, err);
        break;
    }
    return status != RF_OK ? status : rf__text_buf_append(out, &pass.align, pass.done, in->to, err);
}

/* Where no match can lie across. */
static bool replace_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after)
{
    const struct replace *replace = (const struct replace *)self;

    (void)in;
    switch (replace->pattern.kind) {
    case PATTERN_LITERAL:
        return !replace->inside[before & 0xFF];
    case PATTERN_RUN:
        return !is_member(&replace->pattern, before) || !is_member(&replace->pattern, after);
    case PATTERN_EACH:
    case PATTERN_CLASS:
        return true;
    case PATTERN_REGEX:
        break;
    }
    return false;
}

/* ---- Making one --------------------------------------------------------------------------------------------- */

static rf_status prepare_literal(struct replace *replace, rf_error *err)
{
    const struct replace_pattern *pattern = &replace->pattern;
    const char *s = pattern->literal;

    replace->borders = rf__alloc_array(pattern->len, sizeof *replace->borders);
    if (replace->borders == NULL)
        return rf__fail_memory(err);
    replace->borders[0] = 0;
    for (size_t i = 1, k = 0; i < pattern->len; i++) {
        while (k > 0 && s[i] != s[k])
            k = replace->borders[k - 1];
        if (s[i] == s[k])
            k++;
        replace->borders[i] = k;
    }
    for (size_t at = 0, len; at < pattern->len; at += len) {
        uint32_t c;
        len = rf__utf8_decode(s + at, pattern->len - at, &c);
        if (at + len < pattern->len)
            replace->inside[c & 0xFF] = true;
    }
    return RF_OK;
}

static void prepare_chars(struct replace *replace)
{
    char bytes[RF_UTF8_MAX];

    for (uint32_t c = 0; c < 0x10000; c++) {
        if ((c >= 0xD800 && c < 0xE000) || !is_member(&replace->pattern, c))
            continue;
        rf__utf8_encode(c, bytes);
        replace->may_start[(uint8_t)bytes[0]] = true;
    }
    if (replace->pattern.c != RF_PATTERN_WHITE) {
        rf__utf8_encode(replace->pattern.c, bytes);
        replace->may_start[(uint8_t)bytes[0]] = true;
    }
}

static rf_status prepare_class(struct replace *replace, rf_error *err)
{
    struct regex_finder *finder;
    rf_status status = rf__regex_finder_new(replace->regex, &finder, err);

    if (status != RF_OK)
        return status;
    for (uint32_t c = 0; c < 128 && status == RF_OK; c++) {
        char text = (char)c;
        struct regex_match match;
        status = rf__regex_finder_start(finder, &text, 1, NULL, err);
        if (status == RF_OK)
            status = rf__regex_finder_next(finder, &match, &replace->may_start[c], err);
    }
    rf__regex_finder_free(finder);
    return status;
}

static rf_status prepare(struct replace *replace, rf_error *err)
{
    const struct replace_pattern *pattern = &replace->pattern;
    rf_status status = RF_OK;

    if (pattern->kind == PATTERN_LITERAL)
        status = prepare_literal(replace, err);
    if (pattern->kind == PATTERN_RUN || pattern->kind == PATTERN_EACH)
        prepare_chars(replace);
    if (pattern->kind == PATTERN_CLASS || pattern->kind == PATTERN_REGEX)
        status = rf__regex_new(pattern->literal, pattern->len, &replace->regex, err);
    if (status == RF_OK && pattern->kind == PATTERN_CLASS)
        status = prepare_class(replace, err);
    return status;
}

static void replace_free(struct normalizer *self)
{
    struct replace *replace = (struct replace *)self;

    rf__replace_pattern_release(&replace->pattern);
    rf__free(replace->content);
    rf__free(replace->borders);
    rf__regex_free(replace->regex);
    rf__free(replace);
}

static rf_status read_content(struct replace *replace, yyjson_val *content, rf_error *err)
{
    if (!yyjson_is_str(content))
        return rf__fail(err, RF_BAD_FORMAT, "'content' is %s, expected a string", rf__json_type_name(content));
    replace->content_len = yyjson_get_len(content);
    replace->content = rf__strndup(yyjson_get_str(content), replace->content_len);
    if (replace->content == NULL)
        return rf__fail_memory(err);
    if (replace->content_len > 0) {
        uint32_t c;
        replace->is_char = rf__utf8_decode(replace->content, replace->content_len, &c) == replace->content_len;
    }
    return RF_OK;
}

rf_status rf__replace_normalizer_read(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    static const struct normalizer_ops ops = {replace_apply, replace_can_cut, replace_free};
    struct replace *replace;
    rf_text pattern;
    bool is_regex;
    rf_status status = rf__stage_pattern(source, "normalizer", "Replace", &pattern, &is_regex, err);

    if (status != RF_OK)
        return status;
    replace = rf__calloc(1, sizeof *replace);
    if (replace == NULL)
        return rf__fail_memory(err);
    replace->base.ops = &ops;
    replace->serial = rf__stage_serial();
    status = (is_regex ? rf__replace_pattern_regex : rf__replace_pattern_literal)(&replace->pattern, pattern.data,
                                                                                  pattern.len, err);
    if (status == RF_OK)
        status = read_content(replace, yyjson_obj_get(source->value, "content"), err);
    if (status == RF_OK)
        status = prepare(replace, err);
    if (status != RF_OK) {
        replace_free(&replace->base);
        return rf__fail_prefix(err, status, "%s: normalizer 'Replace'", source->json->name);
    }
    *out = &replace->base;
    return RF_OK;
}
