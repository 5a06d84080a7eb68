/*
 * byte_level_pretokenizer: ByteLevel of `tokenizers`: the pattern of GPT-2 (use_regex), a space in front of a piece
 * that has none (add_prefix_space), and each byte as a printable character (byte_alphabet.h). trim_offsets belongs to
 * the post-processor of the same name.
 *
 * With maps_bytes off the bytes stay, and only a space in front of a piece makes a copy necessary.
 */
#include "tokenizer/pretokenizer/scan.h"
#include "tokenizer/pretokenizer/split.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"

#include <string.h>

#define STEP 4096 /* bytes for which room is made at once */

struct byte_level_pretokenizer {
    struct pretokenizer base;
    bool add_prefix_space, use_regex;
    struct {
        char bytes[2];
        uint8_t len;
    } mapped[256];
};

/* Writes text[at, stop), byte by byte or as it is. All bytes of a character stand for all of it. */
static rf_status put(const struct byte_level_pretokenizer *self, struct text_buf *own, const struct text *text,
                     size_t at, size_t stop, struct align *align, rf_error *err)
{
    while (at < stop) {
        size_t to = stop - at > STEP ? at + STEP : stop;
        rf_status status = rf__text_buf_reserve(own, 2 * (to - at + RF_UTF8_MAX), to - at, err);
        if (status != RF_OK)
            return status;
        while (at < to) {
            struct text_char c = rf__align_char(align, at);
            if (!self->base.maps_bytes)
                rf__text_put(own, text->data + at, c.len, c.begin, c.end);
            for (size_t i = 0; self->base.maps_bytes && i < c.len; i++) {
                uint8_t byte = (uint8_t)text->data[at + i];
                rf__text_put(own, self->mapped[byte].bytes, self->mapped[byte].len, c.begin, c.end);
            }
            at += c.len;
        }
    }
    return RF_OK;
}

/* The same, as a piece of its own; with a space in front where `prefix`. */
static rf_status put_piece(const struct byte_level_pretokenizer *self, const struct text *text, struct span piece,
                           bool prefix, struct align *align, struct pieces *out, rf_error *err)
{
    struct text_buf *own = &out->own;
    size_t begin = own->text.len;
    rf_status status = RF_OK;

    if (prefix) {
        struct text_char c = rf__align_char(align, piece.begin);
        const char *space = self->base.maps_bytes ? self->mapped[' '].bytes : " ";
        status = rf__text_buf_reserve(own, 2, 1, err);
        if (status == RF_OK)
            rf__text_put(own, space, self->base.maps_bytes ? self->mapped[' '].len : 1, c.begin, c.end);
    }
    if (status == RF_OK)
        status = put(self, own, text, piece.begin, piece.end, align, err);
    return status != RF_OK ? status : rf__pieces_push(out, begin, own->text.len, err);
}

/* `copies`: the pieces are of out->own. */
static rf_status split_one(const struct byte_level_pretokenizer *self, const struct text *text, struct span piece,
                           bool prefix, bool copies, struct align *align, struct pieces *out, rf_error *err)
{
    const uint8_t *s = (const uint8_t *)text->data;
    size_t at = piece.begin;

    if (!copies && self->use_regex)
        return rf__scan_whole(&rf__gpt2_scanner, text->data, piece, out, err);
    while (at < piece.end || prefix) {
        size_t begin = at;
        struct span part;
        rf_status status;
        if (!self->use_regex)
            at = piece.end;
        else
            at = prefix ? rf__gpt2_match_spaced(s, at, piece.end)
                        : rf__gpt2_scanner.match(&rf__gpt2_scanner, s, at, piece.end);
        part = (struct span){begin, at};
        status = copies ? put_piece(self, text, part, prefix, align, out, err) : rf__pieces_push(out, begin, at, err);
        if (status != RF_OK)
            return status;
        prefix = false;
    }
    return RF_OK;
}

static bool needs_prefix(const struct byte_level_pretokenizer *self, const struct pieces *in, size_t i)
{
    return self->add_prefix_space && (i > 0 || in->is_begin) && in->text->data[in->items[i].begin] != ' ';
}

static rf_status byte_level_split(const struct pretokenizer *base, const struct pieces *in, struct pieces *out,
                                  rf_error *err)
{
    const struct byte_level_pretokenizer *self = (const struct byte_level_pretokenizer *)base;
    struct align align = rf__align_of(in->text);
    bool copies = base->maps_bytes;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && !copies; i++)
        copies = needs_prefix(self, in, i);
    if (!copies && !self->use_regex) {
        status = rf__pieces_reserve(out, in->n, err);
        if (status == RF_OK && in->n > 0)
            memcpy(out->items, in->items, in->n * sizeof *in->items);
        out->n = status == RF_OK ? in->n : 0;
        return status;
    }
    if (copies)
        out->text = &out->own.text;
    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = split_one(self, in->text, in->items[i], needs_prefix(self, in, i), copies, &align, out, err);
    return status;
}

static size_t byte_level_settled(const struct pretokenizer *base, const struct text *text, size_t from, size_t to)
{
    const struct byte_level_pretokenizer *self = (const struct byte_level_pretokenizer *)base;

    return self->use_regex ? rf__scan_settled(text, from, to) : 0;
}

/* Without the pattern and the space it leaves the pieces as they are. */
static bool byte_level_can_cut(const struct pretokenizer *base, const struct text *text, size_t at)
{
    const struct byte_level_pretokenizer *self = (const struct byte_level_pretokenizer *)base;

    (void)text;
    (void)at;
    return !self->use_regex && !self->add_prefix_space;
}

static void byte_level_free(struct pretokenizer *self)
{
    rf__free(self);
}

static void fill_alphabet(struct byte_level_pretokenizer *self)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char bytes[RF_UTF8_MAX] = {0};
        self->mapped[byte].len = (uint8_t)rf__utf8_encode(rf__char_of_byte((uint8_t)byte), bytes);
        self->mapped[byte].bytes[0] = bytes[0];
        self->mapped[byte].bytes[1] = bytes[1];
    }
}

rf_status rf__byte_level_pretokenizer_read(const struct stage_source *source, struct pretokenizer **out, rf_error *err)
{
    static const struct pretokenizer_ops ops = {byte_level_split, byte_level_settled, byte_level_can_cut,
                                                byte_level_free};
    struct byte_level_pretokenizer *self;
    bool add_prefix_space, trim_offsets, use_regex;
    rf_status status = rf__stage_need_bool(source, "ByteLevel", "add_prefix_space", &add_prefix_space, err);

    if (status == RF_OK)
        status = rf__stage_need_bool(source, "ByteLevel", "trim_offsets", &trim_offsets, err);
    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "use_regex", true, &use_regex, err);
    if (status != RF_OK)
        return status;
    self = rf__calloc(1, sizeof *self);
    if (self == NULL)
        return rf__fail_memory(err);
    self->base = (struct pretokenizer){
        .ops = &ops, .maps_bytes = true, .changes_text = add_prefix_space, .adds_prefix = add_prefix_space};
    self->add_prefix_space = add_prefix_space;
    self->use_regex = use_regex;
    fill_alphabet(self);
    *out = &self->base;
    return RF_OK;
}
