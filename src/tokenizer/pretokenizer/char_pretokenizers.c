/*
 * char_pretokenizers: the kinds that come down to which characters split, each such character a match of its own:
 * WhitespaceSplit, Punctuation, Digits and CharDelimiterSplit.
 */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

typedef bool (*char_matches)(uint32_t c, uint32_t delimiter);

struct char_pretokenizer {
    struct pretokenizer base;
    char_matches matches;
    uint32_t delimiter;
    enum split_behavior behavior;
    bool ascii[128]; /* what `matches` says */
};

/* Whether the character at `at` matches, and its length. */
static inline bool matches_at(const struct char_pretokenizer *self, const char *data, size_t at, size_t *len)
{
    uint32_t c;

    if ((uint8_t)data[at] < 0x80) {
        *len = 1;
        return self->ascii[(uint8_t)data[at]];
    }
    *len = rf__utf8_next(data + at, &c);
    return self->matches(c, self->delimiter);
}

static rf_status split_one(const struct char_pretokenizer *self, const char *data, struct span piece,
                           struct pieces *out, rf_error *err)
{
    struct splitter splitter = rf__splitter(out, self->behavior, false);
    size_t done = piece.begin, len;

    for (size_t at = piece.begin; at < piece.end; at += len) {
        rf_status status;
        if (!matches_at(self, data, at, &len))
            continue;
        status = rf__splitter_match(&splitter, &done, at, at + len, err);
        if (status != RF_OK)
            return status;
    }
    return rf__splitter_rest(&splitter, done, piece.end, err);
}

static rf_status char_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out, rf_error *err)
{
    const struct char_pretokenizer *self = (const struct char_pretokenizer *)base;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(self, in->text->data, in->items[i], out, err);
    return status;
}

/* Behind a match, or in front of one, or between a match and no match: what the behavior leaves apart. */
static size_t char_settled(const struct pretokenizer *base, const struct text *text, size_t from, size_t to)
{
    const struct char_pretokenizer *self = (const struct char_pretokenizer *)base;
    bool next = false, has_next = false;

    for (size_t at = to, len; at > from; has_next = true) {
        size_t border = at;
        bool here;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        here = matches_at(self, text->data, at, &len);
        switch (self->behavior) {
        case SPLIT_REMOVED:
        case SPLIT_ISOLATED:
        case SPLIT_MERGED_WITH_PREVIOUS:
            if (here)
                return border;
            break;
        case SPLIT_CONTIGUOUS:
            if (has_next && here != next)
                return border;
            break;
        case SPLIT_MERGED_WITH_NEXT:
            if (has_next && next)
                return border;
            break;
        }
        next = here;
    }
    return 0;
}

/* Between two characters that do not match, when no behavior joins what lies further apart. */
static bool char_can_cut(const struct pretokenizer *base, const struct text *text, size_t at)
{
    const struct char_pretokenizer *self = (const struct char_pretokenizer *)base;
    size_t len;

    return (self->behavior == SPLIT_REMOVED || self->behavior == SPLIT_ISOLATED ||
            self->behavior == SPLIT_CONTIGUOUS) &&
           !matches_at(self, text->data, at, &len) &&
           !matches_at(self, text->data, rf__text_before(text->data, at), &len);
}

static void char_free(struct pretokenizer *self)
{
    rf__free(self);
}

static rf_status char_new(char_matches matches, uint32_t delimiter, enum split_behavior behavior,
                          struct pretokenizer **out, rf_error *err)
{
    static const struct pretokenizer_ops ops = {char_split, char_settled, char_can_cut, char_free};
    struct char_pretokenizer *self = rf__alloc(sizeof *self);

    if (self == NULL)
        return rf__fail_memory(err);
    *self = (struct char_pretokenizer){{.ops = &ops}, matches, delimiter, behavior, {false}};
    for (uint32_t c = 0; c < 128; c++)
        self->ascii[c] = matches(c, delimiter);
    *out = &self->base;
    return RF_OK;
}

/* ---- The kinds --------------------------------------------------------------------------------------------------- */

static bool is_whitespace(uint32_t c, uint32_t delimiter)
{
    (void)delimiter;
    return (rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) != 0;
}

static bool is_punctuation(uint32_t c, uint32_t delimiter)
{
    (void)delimiter;
    return (rf__unicode_properties_of(c) & RF_UNICODE_PUNCTUATION) != 0;
}

static bool is_numeric(uint32_t c, uint32_t delimiter)
{
    (void)delimiter;
    return (rf__regex_class(c) & RF_REGEX_NUMERIC) != 0;
}

static bool is_delimiter(uint32_t c, uint32_t delimiter)
{
    return c == delimiter;
}

rf_status rf__whitespace_split_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                                 rf_error *err)
{
    (void)source;
    return char_new(is_whitespace, 0, SPLIT_REMOVED, out, err);
}

rf_status rf__punctuation_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    enum split_behavior behavior = SPLIT_ISOLATED;
    rf_status status = rf__split_behavior_read(source, "Punctuation", false, &behavior, err);

    return status != RF_OK ? status : char_new(is_punctuation, 0, behavior, out, err);
}

rf_status rf__digits_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    bool individual;
    rf_status status = rf__stage_need_bool(source, "Digits", "individual_digits", &individual, err);

    return status != RF_OK ? status : char_new(is_numeric, 0, individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, out, err);
}

rf_status rf__char_delimiter_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                               rf_error *err)
{
    uint32_t delimiter;
    rf_status status = rf__stage_need_char(source, "CharDelimiterSplit", "delimiter", &delimiter, err);

    return status != RF_OK ? status : char_new(is_delimiter, delimiter, SPLIT_REMOVED, out, err);
}
