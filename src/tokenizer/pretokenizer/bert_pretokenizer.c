/*
 * bert_pretokenizer: BertPreTokenizer of `tokenizers`: whitespace ends a word and is gone, a punctuation mark is a word
 * of its own.
 */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

enum char_class { IN_WORD = 0, WHITESPACE, PUNCTUATION };

struct bert_pretokenizer {
    struct pretokenizer base;
    uint8_t ascii[128]; /* enum char_class */
};

static enum char_class class_of(uint32_t c)
{
    unsigned properties = rf__unicode_properties_of(c);

    if ((properties & RF_UNICODE_WHITESPACE) != 0)
        return WHITESPACE;
    return (properties & RF_UNICODE_PUNCTUATION) != 0 ? PUNCTUATION : IN_WORD;
}

/* The class of the character at `at`, and its length. */
static inline enum char_class class_at(const struct bert_pretokenizer *bert, const char *data, size_t at, size_t *len)
{
    uint32_t c;

    if ((uint8_t)data[at] < 0x80) {
        *len = 1;
        return (enum char_class)bert->ascii[(uint8_t)data[at]];
    }
    *len = rf__utf8_next(data + at, &c);
    return class_of(c);
}

static rf_status split_one(const struct bert_pretokenizer *bert, const char *data, struct span piece,
                           struct pieces *out, rf_error *err)
{
    size_t begin = piece.begin, at = piece.begin, len;

    while (at < piece.end) {
        enum char_class class;
        /* A character ends at most one word and is at most one itself; the rest may be one more. */
        if (out->cap - out->n < 3) {
            rf_status status = rf__pieces_reserve(out, 3, err);
            if (status != RF_OK)
                return status;
        }
        while ((class = class_at(bert, data, at, &len)) == IN_WORD) {
            at += len;
            if (at == piece.end)
                break;
        }
        if (at > begin)
            out->items[out->n++] = (struct span){begin, at};
        if (class == IN_WORD)
            return RF_OK;
        if (class == PUNCTUATION)
            out->items[out->n++] = (struct span){at, at + len};
        at += len;
        begin = at;
    }
    return RF_OK;
}

static rf_status bert_split(const struct pretokenizer *self, const struct pieces *in, struct pieces *out, rf_error *err)
{
    const struct bert_pretokenizer *bert = (const struct bert_pretokenizer *)self;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(bert, in->text->data, in->items[i], out, err);
    return status;
}

/* Behind the last character that belongs to no word. */
static size_t bert_settled(const struct pretokenizer *self, const struct text *text, size_t from, size_t to)
{
    const struct bert_pretokenizer *bert = (const struct bert_pretokenizer *)self;

    for (size_t at = to; at > from;) {
        size_t len;
        at = rf__text_before(text->data, at);
        if (class_at(bert, text->data, at, &len) != IN_WORD)
            return at + len;
    }
    return 0;
}

static bool bert_can_cut(const struct pretokenizer *self, const struct text *text, size_t at)
{
    const struct bert_pretokenizer *bert = (const struct bert_pretokenizer *)self;
    size_t len;

    return class_at(bert, text->data, at, &len) == IN_WORD &&
           class_at(bert, text->data, rf__text_before(text->data, at), &len) == IN_WORD;
}

static void bert_free(struct pretokenizer *self)
{
    rf__free(self);
}

struct pretokenizer *rf__bert_pretokenizer_new(void)
{
    static const struct pretokenizer_ops ops = {bert_split, bert_settled, bert_can_cut, bert_free};
    struct bert_pretokenizer *bert = rf__alloc(sizeof *bert);

    if (bert == NULL)
        return NULL;
    bert->base = (struct pretokenizer){.ops = &ops};
    for (uint32_t c = 0; c < 128; c++)
        bert->ascii[c] = (uint8_t)class_of(c);
    return &bert->base;
}
