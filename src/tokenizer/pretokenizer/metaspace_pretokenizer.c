/*
 * metaspace_pretokenizer: Metaspace of `tokenizers`: a space becomes a replacement, nearly always U+2581, which is also
 * put in front of a piece that does not begin with it; a piece begins at each replacement. The older form of the
 * description has add_prefix_space for prepend_scheme, and str_rep, which says nothing new.
 */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

#define STEP 4096 /* bytes for which room is made at once */

enum prepend { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct metaspace_pretokenizer {
    struct pretokenizer base;
    char replacement[RF_UTF8_MAX];
    size_t len;
    enum prepend prepend;
    bool split;
};

/* Whether the replacement stands at `at`. */
static bool is_replacement(const struct metaspace_pretokenizer *self, const char *data, size_t at, size_t end)
{
    return end - at >= self->len && memcmp(data + at, self->replacement, self->len) == 0;
}

/* PREPEND_FIRST: only what begins with the caller's text. */
static bool needs_prefix(const struct metaspace_pretokenizer *self, const struct pieces *in, size_t i,
                         struct align *align)
{
    struct span piece = in->items[i];
    const char *data = in->text->data;

    if (self->prepend == PREPEND_NEVER || (i == 0 && !in->is_begin) || data[piece.begin] == ' ' ||
        is_replacement(self, data, piece.begin, piece.end))
        return false;
    return self->prepend == PREPEND_ALWAYS || rf__align_begin(align, piece.begin) == 0;
}

/* Writes text[at, stop), without spaces, as it is. */
static rf_status copy(struct text_buf *own, const struct text *text, size_t at, size_t stop, struct align *align,
                      rf_error *err)
{
    while (at < stop) {
        size_t to = stop - at > STEP ? at + STEP : stop;
        rf_status status = rf__text_buf_reserve(own, to - at + RF_UTF8_MAX, to - at, err);
        if (status != RF_OK)
            return status;
        while (at < to) {
            struct text_char c = rf__align_char(align, at);
            rf__text_put(own, text->data + at, c.len, c.begin, c.end);
            at += c.len;
        }
    }
    return RF_OK;
}

static rf_status put_replacement(const struct metaspace_pretokenizer *self, struct text_buf *own, struct text_char c,
                                 rf_error *err)
{
    rf_status status = rf__text_buf_reserve(own, self->len, 1, err);

    if (status == RF_OK)
        rf__text_put(own, self->replacement, self->len, c.begin, c.end);
    return status;
}

static rf_status split_one(const struct metaspace_pretokenizer *self, const struct pieces *in, size_t i,
                           struct align *align, struct pieces *out, rf_error *err)
{
    const struct text *text = in->text;
    struct text_buf *own = &out->own;
    size_t at = in->items[i].begin, end = in->items[i].end, begin = own->text.len;
    rf_status status = RF_OK;

    if (needs_prefix(self, in, i, align))
        status = put_replacement(self, own, rf__align_char(align, at), err);
    while (status == RF_OK && at < end) {
        const char *space = memchr(text->data + at, ' ', end - at);
        size_t stop = space == NULL ? end : (size_t)(space - text->data);
        size_t written = own->text.len;
        status = copy(own, text, at, stop, align, err);
        /* Replacements that were there before split too. */
        for (size_t k = written; self->split && k < own->text.len && status == RF_OK;) {
            const char *next = memchr(own->text.data + k, self->replacement[0], own->text.len - k);
            if (next == NULL)
                break;
            k = (size_t)(next - own->text.data);
            if (is_replacement(self, own->text.data, k, own->text.len)) {
                status = rf__pieces_push(out, begin, k, err);
                begin = k;
            }
            k++;
        }
        at = stop;
        if (status != RF_OK || at == end)
            continue;
        if (self->split) {
            status = rf__pieces_push(out, begin, own->text.len, err);
            begin = own->text.len;
        }
        if (status == RF_OK)
            status = put_replacement(self, own, rf__align_char(align, at), err);
        at++;
    }
    return status != RF_OK ? status : rf__pieces_push(out, begin, own->text.len, err);
}

static rf_status metaspace_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out,
                                 rf_error *err)
{
    const struct metaspace_pretokenizer *self = (const struct metaspace_pretokenizer *)base;
    struct align align = rf__align_of(in->text);
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(self, in, i, &align, out, err);
    out->text = &out->own.text;
    return status;
}

/* In front of the last space or replacement. */
static size_t metaspace_settled(const struct pretokenizer *base, const struct text *text, size_t from, size_t to)
{
    const struct metaspace_pretokenizer *self = (const struct metaspace_pretokenizer *)base;

    for (size_t at = to; self->split && at > from + 1;)
        if (text->data[--at] == ' ' || is_replacement(self, text->data, at, to))
            return at;
    return 0;
}

static void metaspace_free(struct pretokenizer *self)
{
    rf__free(self);
}

static rf_status read_scheme(const struct stage_source *source, enum prepend *out, rf_error *err)
{
    static const char *const names[] = {"always", "first", "never"};
    const char *scheme;
    bool add_prefix_space;
    rf_status status = rf__json_get_str(source->json, source->value, "prepend_scheme", names[0], &scheme, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "add_prefix_space", true, &add_prefix_space, err);
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(scheme, names[i]) != 0)
            continue;
        *out = (enum prepend)i;
        if (!add_prefix_space && *out != PREPEND_NEVER)
            return rf__fail(err, RF_BAD_FORMAT,
                            "%s: pre_tokenizer 'Metaspace': add_prefix_space is false, prepend_scheme is '%s'",
                            source->json->name, scheme);
        return RF_OK;
    }
    return rf__fail(err, RF_BAD_FORMAT, "%s: pre_tokenizer 'Metaspace' has the unknown prepend_scheme '%s'",
                    source->json->name, scheme);
}

rf_status rf__metaspace_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    static const struct pretokenizer_ops ops = {metaspace_split, metaspace_settled, NULL, metaspace_free};
    struct metaspace_pretokenizer *self;
    enum prepend prepend = PREPEND_ALWAYS;
    bool split;
    uint32_t replacement;
    rf_status status = rf__stage_need_char(source, "Metaspace", "replacement", &replacement, err);

    if (status == RF_OK)
        status = read_scheme(source, &prepend, err);
    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "split", true, &split, err);
    if (status != RF_OK)
        return status;
    self = rf__alloc(sizeof *self);
    if (self == NULL)
        return rf__fail_memory(err);
    *self = (struct metaspace_pretokenizer){
        .base = {.ops = &ops, .changes_text = true, .adds_prefix = prepend != PREPEND_NEVER},
        .prepend = prepend,
        .split = split,
    };
    self->len = rf__utf8_encode(replacement, self->replacement);
    *out = &self->base;
    return RF_OK;
}
