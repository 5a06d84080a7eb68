/* whitespace_pretokenizer: Whitespace of `tokenizers`: the matches of \w+|[^\w\s]+, of the Rust crate regex; whitespace
 * is gone. */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

enum char_class { WHITESPACE, WORD, REST };

struct whitespace_pretokenizer {
    struct pretokenizer base;
    uint8_t ascii[128]; /* enum char_class */
};

static enum char_class class_of(uint32_t c)
{
    unsigned properties = rf__unicode_properties_of(c);

    if ((properties & RF_UNICODE_WORD) != 0)
        return WORD;
    return (properties & RF_UNICODE_WHITESPACE) != 0 ? WHITESPACE : REST;
}

/* The class of the character at `at`, and its length. */
static inline enum char_class class_at(const struct whitespace_pretokenizer *self, const char *data, size_t at,
                                       size_t *len)
{
    uint32_t c;

    if ((uint8_t)data[at] < 0x80) {
        *len = 1;
        return (enum char_class)self->ascii[(uint8_t)data[at]];
    }
    *len = rf__utf8_next(data + at, &c);
    return class_of(c);
}

static rf_status split_one(const struct whitespace_pretokenizer *self, const char *data, struct span piece,
                           struct pieces *out, rf_error *err)
{
    size_t at = piece.begin, len;

    while (at < piece.end) {
        enum char_class class = class_at(self, data, at, &len);
        size_t begin = at;
        rf_status status;
        do
            at += len;
        while (at < piece.end && class_at(self, data, at, &len) == class);
        if (class == WHITESPACE)
            continue;
        status = rf__pieces_push(out, begin, at, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static rf_status whitespace_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out,
                                  rf_error *err)
{
    const struct whitespace_pretokenizer *self = (const struct whitespace_pretokenizer *)base;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(self, in->text->data, in->items[i], out, err);
    return status;
}

/* Behind whitespace, or between two classes. */
static size_t whitespace_settled(const struct pretokenizer *base, const struct text *text, size_t from, size_t to)
{
    const struct whitespace_pretokenizer *self = (const struct whitespace_pretokenizer *)base;
    enum char_class next = WORD;

    for (size_t at = to, len; at > from;) {
        size_t border = at;
        enum char_class here;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        here = class_at(self, text->data, at, &len);
        if (here == WHITESPACE || (border < to && here != next))
            return border;
        next = here;
    }
    return 0;
}

static bool whitespace_can_cut(const struct pretokenizer *base, const struct text *text, size_t at)
{
    const struct whitespace_pretokenizer *self = (const struct whitespace_pretokenizer *)base;
    size_t len;

    return class_at(self, text->data, at, &len) != WHITESPACE &&
           class_at(self, text->data, rf__text_before(text->data, at), &len) != WHITESPACE;
}

static void whitespace_free(struct pretokenizer *self)
{
    rf__free(self);
}

rf_status rf__whitespace_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    static const struct pretokenizer_ops ops = {whitespace_split, whitespace_settled, whitespace_can_cut,
                                                whitespace_free};
    struct whitespace_pretokenizer *self = rf__calloc(1, sizeof *self);

    (void)source;
    if (self == NULL)
        return rf__fail_memory(err);
    self->base.ops = &ops;
    for (uint32_t c = 0; c < 128; c++)
        self->ascii[c] = (uint8_t)class_of(c);
    *out = &self->base;
    return RF_OK;
}
