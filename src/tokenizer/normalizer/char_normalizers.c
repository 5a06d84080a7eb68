/*
 * char_normalizers: the normalizers of `tokenizers` that take each character alone, wherever it stands: Lowercase, Nmt,
 * StripAccents and ByteLevel. All that a character becomes stands for what it stood for.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"

#define BLOCK     4096 /* bytes for which room is made at once */
#define MAX_BYTES 8    /* of what one character becomes */
#define OTHER     0xFF /* not one ASCII character for another */

struct char_normalizer {
    struct normalizer base;
    bool (*changes)(uint32_t c);
    /* Writes what a character becomes and returns how many bytes that are. */
    size_t (*expand)(uint32_t c, char out[MAX_BYTES]);
    uint8_t ascii[256];     /* what each ASCII character becomes, or OTHER */
    bool keeps_ascii;       /* each stays what it is */
    uint8_t other_len[128]; /* what the others become */
    char other[128][MAX_BYTES];
};

/* ---- The kinds ---------------------------------------------------------------------------------------------- */

static bool lowercase_changes(uint32_t c)
{
    return (rf__unicode_properties_of(c) & RF_UNICODE_HAS_LOWER) != 0;
}

static size_t lowercase(uint32_t c, char out[MAX_BYTES])
{
    size_t len = rf__utf8_encode(rf__unicode_lower(c), out);

    if (c == RF_UNICODE_CAPITAL_I_WITH_DOT)
        len += rf__utf8_encode(RF_UNICODE_DOT_ABOVE, out + len);
    return len;
}

static bool nmt_removes(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

static bool nmt_is_space(uint32_t c)
{
    return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == RF_UTF8_REPLACEMENT;
}

static bool nmt_changes(uint32_t c)
{
    return nmt_removes(c) || nmt_is_space(c);
}

static size_t nmt(uint32_t c, char out[MAX_BYTES])
{
    return nmt_removes(c) ? 0 : rf__utf8_encode(nmt_is_space(c) ? ' ' : c, out);
}

static bool strip_accents_changes(uint32_t c)
{
    return (rf__unicode_forms_of(c) & RF_UNICODE_MARK) != 0;
}

static size_t strip_accents(uint32_t c, char out[MAX_BYTES])
{
    return strip_accents_changes(c) ? 0 : rf__utf8_encode(c, out);
}

static bool byte_level_changes(uint32_t c)
{
    return c < 0x21 || c > 0x7E;
}

static size_t byte_level(uint32_t c, char out[MAX_BYTES])
{
    char bytes[RF_UTF8_MAX];
    size_t n = rf__utf8_encode(c, bytes), len = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t v = rf__char_of_byte((uint8_t)bytes[i]);
        if (v >= 0x80)
            out[len++] = (char)(0xC0 | v >> 6);
        out[len++] = (char)(v >= 0x80 ? 0x80 | (v & 0x3F) : v);
    }
    return len;
}

/* ---- The pass ----------------------------------------------------------------------------------------------- */

/* Appends what the ASCII characters from `at` on become, as long as each stands for one byte, and returns where they
 * end. Room has been made. */
static size_t put_ascii(const struct char_normalizer *self, struct align *align, size_t at, size_t stop,
                        struct text_buf *out)
{
    const uint8_t *data = (const uint8_t *)align->text->data;
    size_t begin, from = at;

    if (data[at] >= 0x80 || !rf__align_linear(align, at, &begin, &stop))
        return at;
    if (self->keeps_ascii) {
        size_t n = rf__text_ascii(align->text->data, at, stop);
        rf__text_put_linear(out, align->text->data + at, n, begin);
        return at + n;
    }
    while (at < stop && data[at] < 0x80) {
        size_t position = begin + (at - from);
        if (self->ascii[data[at]] == OTHER) {
            if (self->other_len[data[at]] > 0)
                rf__text_put_all(out, self->other[data[at]], self->other_len[data[at]], position, position + 1);
            at++;
        } else {
            char *to;
            rf__text_go_linear(out, position);
            to = out->bytes + out->text.len;
            while (at < stop && self->ascii[data[at]] != OTHER)
                *to++ = (char)self->ascii[data[at++]];
            out->text.len = (size_t)(to - out->bytes);
        }
    }
    return at;
}

/* Where the characters from `at` on end that stay what they are. */
static size_t same_until(const struct char_normalizer *self, const char *data, size_t at, size_t to)
{
    while (at < to) {
        uint32_t c = (uint8_t)data[at];
        if (c < 0x80) {
            if (self->ascii[c] != c)
                break;
            at++;
        } else {
            size_t len = rf__utf8_next(data + at, &c);
            if (self->changes(c))
                break;
            at += len;
        }
    }
    return at;
}

static void put_expanded(const struct char_normalizer *self, const struct text_char *c, struct text_buf *out)
{
    char bytes[MAX_BYTES];
    size_t len = self->expand(c->c, bytes);

    if (len == c->len)
        rf__text_put(out, bytes, len, c->begin, c->end); /* one character: it keeps its length */
    else if (len > 0)
        rf__text_put_all(out, bytes, len, c->begin, c->end);
}

static rf_status char_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                            struct normalize_scratch *scratch, rf_error *err)
{
    const struct char_normalizer *kind = (const struct char_normalizer *)self;
    struct align align = rf__align_of(in->text);
    size_t at = in->from;
    rf_status status = RF_OK;

    (void)scratch;
    while (at < in->to && status == RF_OK) {
        size_t stop = in->to - at > BLOCK ? at + BLOCK : in->to, after;
        struct text_char c;
        status = rf__text_buf_reserve(out, (stop - at) * MAX_BYTES, stop - at + 1, err);
        if (status != RF_OK)
            break;
        after = put_ascii(kind, &align, at, stop, out);
        if (after == at) {
            after = same_until(kind, in->text->data, at, in->to);
            status = rf__text_buf_append(out, &align, at, after, err);
        }
        if (after == at) {
            c = rf__align_char(&align, at);
            put_expanded(kind, &c, out);
            after += c.len;
        }
        at = after;
    }
    return status;
}

static bool char_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before, uint32_t after)
{
    (void)self;
    (void)in;
    (void)before;
    (void)after;
    return true;
}

static void char_free(struct normalizer *self)
{
    rf__free(self);
}

static struct normalizer *char_normalizer_new(bool (*changes)(uint32_t c),
                                              size_t (*expand)(uint32_t c, char out[MAX_BYTES]))
{
    static const struct normalizer_ops ops = {char_apply, char_can_cut, char_free};
    struct char_normalizer *kind = rf__alloc(sizeof *kind);

    if (kind == NULL)
        return NULL;
    *kind = (struct char_normalizer){
        .base = {.ops = &ops},
        .changes = changes,
        .expand = expand,
        .keeps_ascii = true,
    };
    memset(kind->ascii, OTHER, sizeof kind->ascii);
    for (uint32_t c = 0; c < 128; c++) {
        kind->other_len[c] = (uint8_t)expand(c, kind->other[c]);
        if (kind->other_len[c] == 1)
            kind->ascii[c] = (uint8_t)kind->other[c][0];
        kind->keeps_ascii = kind->keeps_ascii && kind->ascii[c] == c;
    }
    return &kind->base;
}

struct normalizer *rf__lowercase_normalizer_new(void)
{
    struct normalizer *normalizer = char_normalizer_new(lowercase_changes, lowercase);

    if (normalizer != NULL)
        normalizer->lowers = true;
    return normalizer;
}

struct normalizer *rf__nmt_normalizer_new(void)
{
    return char_normalizer_new(nmt_changes, nmt);
}

struct normalizer *rf__strip_accents_normalizer_new(void)
{
    return char_normalizer_new(strip_accents_changes, strip_accents);
}

struct normalizer *rf__byte_level_normalizer_new(void)
{
    return char_normalizer_new(byte_level_changes, byte_level);
}
