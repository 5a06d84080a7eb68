/*
 * strip_normalizer: the normalizers of `tokenizers` that look at the ends of a segment alone: Strip takes white space
 * away there, Prepend puts something in front.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"

/* ---- Strip -------------------------------------------------------------------------------------------------- */

struct strip {
    struct normalizer base;
    bool left, right;
};

static bool is_white(uint32_t c)
{
    return (rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) != 0;
}

static rf_status strip_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                             struct normalize_scratch *scratch, rf_error *err)
{
    const struct strip *strip = (const struct strip *)self;
    const char *data = in->text->data;
    struct align align = rf__align_of(in->text);
    size_t from = in->from, to = in->to;

    (void)scratch;
    while (strip->left && in->is_begin && from < to) {
        uint32_t c;
        size_t len = rf__utf8_decode(data + from, to - from, &c);
        if (!is_white(c))
            break;
        from += len;
    }
    while (strip->right && in->is_end && from < to) {
        size_t last = rf__text_before(data, to);
        uint32_t c;
        rf__utf8_decode(data + last, to - last, &c);
        if (!is_white(c))
            break;
        to = last;
    }
    return rf__text_buf_append(out, &align, from, to, err);
}

/* Behind what is not white: then white space on the left ends in the first part, that on the right lies in the last. */
static bool strip_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after)
{
    const struct strip *strip = (const struct strip *)self;

    (void)after;
    return (!strip->right && !in->is_begin) || !is_white(before);
}

static void strip_free(struct normalizer *self)
{
    rf__free(self);
}

struct normalizer *rf__strip_normalizer_new(bool left, bool right)
{
    static const struct normalizer_ops ops = {strip_apply, strip_can_cut, strip_free};
    struct strip *strip = rf__alloc(sizeof *strip);

    if (strip == NULL)
        return NULL;
    *strip = (struct strip){{.ops = &ops}, left, right};
    return &strip->base;
}

/* ---- Prepend ------------------------------------------------------------------------------------------------ */

struct prepend {
    struct normalizer base;
    char *text;
    size_t len;
};

/* What comes in front stands for what the first character stands for; the first character behind an empty text stands
 * for nothing, as in `tokenizers`. */
static rf_status prepend_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                               struct normalize_scratch *scratch, rf_error *err)
{
    const struct prepend *prepend = (const struct prepend *)self;
    struct align align = rf__align_of(in->text);
    size_t from = in->from;

    if (in->is_begin) {
        struct text_char first = rf__align_char(&align, from);
        rf_status status = rf__text_buf_reserve(out, prepend->len + first.len, 2, err);
        if (status != RF_OK)
            return status;
        if (prepend->len == 0)
            first.begin = first.end = scratch->segment;
        rf__text_put_all(out, prepend->text, prepend->len, first.begin, first.end);
        rf__text_put_all(out, in->text->data + from, first.len, first.begin, first.end);
        from += first.len;
    }
    return rf__text_buf_append(out, &align, from, in->to, err);
}

static bool prepend_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after)
{
    (void)self;
    (void)in;
    (void)before;
    (void)after;
    return true;
}

static void prepend_free(struct normalizer *self)
{
    rf__free(((struct prepend *)self)->text);
    rf__free(self);
}

struct normalizer *rf__prepend_normalizer_new(const char *text, size_t len)
{
    static const struct normalizer_ops ops = {prepend_apply, prepend_can_cut, prepend_free};
    struct prepend *prepend = rf__alloc(sizeof *prepend);

    if (prepend == NULL)
        return NULL;
    *prepend = (struct prepend){{.ops = &ops}, rf__strndup(text, len), len};
    if (prepend->text == NULL) {
        rf__free(prepend);
        return NULL;
    }
    return &prepend->base;
}
