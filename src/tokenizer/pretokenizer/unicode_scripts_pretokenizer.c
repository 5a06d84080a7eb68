/*
 * unicode_scripts_pretokenizer: UnicodeScripts of `tokenizers`: a piece begins where the script changes. Han, Hiragana,
 * Katakana and U+30FC are one script; the space and what has no script go with every one. What of that kind stands
 * before the first script is lost, as it is there.
 */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

#define ANY 0u

static rf_status split_one(const char *data, struct span piece, struct pieces *out, rf_error *err)
{
    size_t begin = piece.end, len;
    unsigned last = ANY;

    for (size_t at = piece.begin; at < piece.end; at += len) {
        uint32_t c;
        unsigned script;
        rf_status status;
        len = rf__utf8_next(data + at, &c);
        script = rf__split_script(c);
        if (script == ANY || script == last)
            continue;
        if (last != ANY) {
            status = rf__pieces_push(out, begin, at, err);
            if (status != RF_OK)
                return status;
        }
        last = script;
        begin = at;
    }
    return rf__pieces_push(out, begin, piece.end, err);
}

static rf_status unicode_scripts_split(const struct pretokenizer *self, const struct pieces *in, struct pieces *out,
                                       rf_error *err)
{
    rf_status status = RF_OK;

    (void)self;
    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(in->text->data, in->items[i], out, err);
    return status;
}

/* In front of the last script, when another one can be seen before it. */
static size_t unicode_scripts_settled(const struct pretokenizer *self, const struct text *text, size_t from, size_t to)
{
    size_t border = 0;
    unsigned next = ANY;

    (void)self;
    for (size_t at = to; at > from;) {
        uint32_t c;
        unsigned script;
        at = rf__text_before(text->data, at);
        if (at < from)
            break;
        rf__utf8_next(text->data + at, &c);
        script = rf__split_script(c);
        if (script == ANY)
            continue;
        if (next != ANY && script != next)
            return border;
        next = script;
        border = at;
    }
    return 0;
}

static void unicode_scripts_free(struct pretokenizer *self)
{
    rf__free(self);
}

rf_status rf__unicode_scripts_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                                rf_error *err)
{
    static const struct pretokenizer_ops ops = {unicode_scripts_split, unicode_scripts_settled, NULL,
                                                unicode_scripts_free};

    (void)source;
    *out = rf__alloc(sizeof **out);
    if (*out == NULL)
        return rf__fail_memory(err);
    **out = (struct pretokenizer){.ops = &ops};
    return RF_OK;
}
