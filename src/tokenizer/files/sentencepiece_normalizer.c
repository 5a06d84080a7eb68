/*
 * sentencepiece_normalizer: the normalizer of the sentencepiece library (normalizer.cc), for models that are read as it
 * reads them. From left to right: a piece of the user stays as it is; else the longest key of the map of characters
 * that the text begins with becomes its string; else a character stays. Then, where the model asks for it, spaces at
 * the ends go, of several in a row one stays, one comes in front (or, for models that were trained so, behind), and a
 * space is written as U+2581.
 */
#include "tokenizer/files/sentencepiece.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/normalizer/charsmap.h"
#include "tokenizer/model/double_array.h"

#define BAR     "\xe2\x96\x81"
#define BAR_LEN 3

struct sentencepiece_normalizer {
    struct normalizer base;
    struct double_array user_pieces;
    struct charsmap map;
    bool has_map, has_user_pieces;
    bool prefix, suffix, removes, escapes;
};

/* What a text begins with, and what it becomes. */
struct replacement {
    size_t len; /* of the text */
    rf_text by;
};

static struct replacement begin_of(const struct sentencepiece_normalizer *self, const char *data, size_t len)
{
    struct replacement found = {.by = {data, 0}};
    uint64_t steps = 0;
    uint32_t c, value;

    if (self->has_user_pieces)
        found.len = found.by.len = rf__double_array_longest(&self->user_pieces, data, 0, len, &value, &steps);
    if (found.len > 0)
        return found;
    if (self->has_map && rf__charsmap_longest(&self->map, data, len, &found.len, &found.by.data, &found.by.len) &&
        rf__utf8_valid(found.by.data, found.by.len))
        return found;
    found.by.data = data;
    found.len = found.by.len = rf__utf8_decode(data, len, &c);
    return found;
}

static bool is_space(rf_text text)
{
    return text.len == 1 && text.data[0] == ' ';
}

static rf_status put_space(const struct sentencepiece_normalizer *self, struct text_buf *out, size_t begin, size_t end,
                           rf_error *err)
{
    rf_status status = rf__text_buf_reserve(out, BAR_LEN, 1, err);

    if (status == RF_OK)
        rf__text_put(out, self->escapes ? BAR : " ", self->escapes ? BAR_LEN : 1, begin, end);
    return status;
}

/* Appends a replacement for caller's [begin, end), character by character. */
static rf_status put_text(const struct sentencepiece_normalizer *self, rf_text text, struct text_buf *out, size_t begin,
                          size_t end, bool is_same, rf_error *err)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        uint32_t c;
        rf_status status;
        len = rf__utf8_decode(text.data + at, text.len - at, &c);
        status = c == ' ' ? put_space(self, out, is_same ? begin + at : begin, is_same ? begin + at + len : end, err)
                          : rf__text_buf_reserve(out, len, 1, err);
        if (status != RF_OK)
            return status;
        if (c != ' ')
            rf__text_put(out, text.data + at, len, is_same ? begin + at : begin, is_same ? begin + at + len : end);
    }
    return RF_OK;
}

/* Removes spaces from the end, down to a length. */
static void trim(const struct sentencepiece_normalizer *self, struct text_buf *out, size_t least)
{
    const char *space = self->escapes ? BAR : " ";
    size_t n = self->escapes ? BAR_LEN : 1;

    while (out->text.len - least >= n && memcmp(out->bytes + out->text.len - n, space, n) == 0) {
        out->text.len -= n;
        while (out->text.n_runs > 0 && out->runs[out->text.n_runs - 1].at >= out->text.len)
            out->text.n_runs--;
    }
}

static size_t skip_spaces(const struct sentencepiece_normalizer *self, const struct text_part *in)
{
    size_t at = in->from;

    while (self->removes && at < in->to) {
        struct replacement next = begin_of(self, in->text->data + at, in->to - at);
        if (!is_space(next.by))
            break;
        at += next.len;
    }
    return at;
}

/* The caller's bytes that [at, end) stands for. A replacement of the same length keeps positions where the carrier
 * does. */
static rf_status put_next(const struct sentencepiece_normalizer *self, struct align *align, size_t at,
                          struct replacement next, struct text_buf *out, rf_error *err)
{
    size_t begin = rf__align_begin(align, at), end = rf__align_end(align, at + next.len);
    bool is_same = next.by.data == align->text->data + at && end - begin == next.len;

    return put_text(self, next.by, out, begin, end, is_same, err);
}

static rf_status sentencepiece_apply(const struct normalizer *base, const struct text_part *in, struct text_buf *out,
                                     struct normalize_scratch *scratch, rf_error *err)
{
    const struct sentencepiece_normalizer *self = (const struct sentencepiece_normalizer *)base;
    struct align align = rf__align_of(in->text);
    size_t at = skip_spaces(self, in), before = out->text.len, edge;
    bool is_behind_space = self->removes;
    rf_status status = RF_OK;

    (void)scratch;
    if (at == in->to)
        return RF_OK;
    edge = rf__align_begin(&align, at);
    if (self->prefix)
        status = put_space(self, out, edge, edge, err);
    while (at < in->to && status == RF_OK) {
        struct replacement next = begin_of(self, in->text->data + at, in->to - at);
        size_t end = at + next.len;
        while (is_behind_space && next.by.len > 0 && next.by.data[0] == ' ') {
            if (next.by.data == in->text->data + at) { /* the text itself: its positions move along */
                at++;
                next.len--;
            }
            next.by.data++;
            next.by.len--;
        }
        if (next.by.len > 0) {
            status = put_next(self, &align, at, next, out, err);
            is_behind_space = self->removes && next.by.data[next.by.len - 1] == ' ';
        }
        at = end;
    }
    if (self->removes)
        trim(self, out, before);
    edge = rf__align_end(&align, in->to);
    if (status == RF_OK && self->suffix)
        status = put_space(self, out, edge, edge, err);
    return status;
}

static void sentencepiece_free(struct normalizer *base)
{
    struct sentencepiece_normalizer *self = (struct sentencepiece_normalizer *)base;

    if (self->has_map)
        rf__charsmap_release(&self->map);
    rf__double_array_release(&self->user_pieces);
    rf__free(self);
}

static rf_status index_user_pieces(struct sentencepiece_normalizer *self, const struct sentencepiece_model *model,
                                   rf_error *err)
{
    struct trie_key *keys = rf__alloc_array(model->n_pieces, sizeof *keys);
    size_t n = 0;
    rf_status status;

    if (keys == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < model->n_pieces; i++)
        if (model->pieces[i].type == PIECE_USER_DEFINED)
            keys[n++] = (struct trie_key){model->pieces[i].text.data, (uint32_t)model->pieces[i].text.len, 0};
    self->has_user_pieces = n > 0;
    status = n > 0 ? rf__double_array_build(&self->user_pieces, keys, n, err) : RF_OK;
    rf__free(keys);
    return status;
}

rf_status rf__sentencepiece_normalizer(const struct sentencepiece_model *model, const char *name,
                                       struct normalizer **out, rf_error *err)
{
    static const struct normalizer_ops ops = {.apply = sentencepiece_apply, .free = sentencepiece_free};
    struct sentencepiece_normalizer *self = rf__calloc(1, sizeof *self);
    rf_status status;

    if (self == NULL)
        return rf__fail_memory(err);
    self->base.ops = &ops;
    self->prefix = model->add_dummy_prefix && !model->treat_whitespace_as_suffix;
    self->suffix = model->add_dummy_prefix && model->treat_whitespace_as_suffix;
    self->removes = model->remove_extra_whitespaces;
    self->escapes = model->escape_whitespaces;
    status = index_user_pieces(self, model, err);
    if (status == RF_OK && model->charsmap.len > 0) {
        status = rf__charsmap_read(&self->map, (const uint8_t *)model->charsmap.data, model->charsmap.len, name, err);
        self->has_map = status == RF_OK;
    }
    if (status == RF_OK)
        *out = &self->base;
    else
        sentencepiece_free(&self->base);
    return status;
}
