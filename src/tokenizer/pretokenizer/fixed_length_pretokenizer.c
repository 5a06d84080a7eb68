/* fixed_length_pretokenizer: FixedLength of `tokenizers`: pieces of so many characters, the last one may be shorter. */
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"

#define DEFAULT_LENGTH 5

struct fixed_length_pretokenizer {
    struct pretokenizer base;
    uint64_t length; /* characters */
};

static rf_status split_one(const struct fixed_length_pretokenizer *self, const char *data, struct span piece,
                           struct pieces *out, rf_error *err)
{
    size_t at = piece.begin;
    uint32_t c;

    while (at < piece.end) {
        size_t begin = at;
        rf_status status;
        for (uint64_t n = 0; n < self->length && at < piece.end; n++)
            at += rf__utf8_next(data + at, &c);
        status = rf__pieces_push(out, begin, at, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static rf_status fixed_length_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out,
                                    rf_error *err)
{
    const struct fixed_length_pretokenizer *self = (const struct fixed_length_pretokenizer *)base;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(self, in->text->data, in->items[i], out, err);
    return status;
}

static void fixed_length_free(struct pretokenizer *self)
{
    rf__free(self);
}

rf_status rf__fixed_length_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out,
                                             rf_error *err)
{
    /* Where a border lies is known only by counting from the beginning: nothing settles. */
    static const struct pretokenizer_ops ops = {fixed_length_split, NULL, NULL, fixed_length_free};
    struct fixed_length_pretokenizer *self;
    uint64_t length;
    rf_status status =
        rf__json_get_u64(source->json, source->value, "length", DEFAULT_LENGTH, UINT64_MAX, &length, err);

    if (status != RF_OK)
        return status;
    if (length == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: pre_tokenizer 'FixedLength' has the length 0", source->json->name);
    self = rf__alloc(sizeof *self);
    if (self == NULL)
        return rf__fail_memory(err);
    *self = (struct fixed_length_pretokenizer){{.ops = &ops}, length};
    *out = &self->base;
    return RF_OK;
}
