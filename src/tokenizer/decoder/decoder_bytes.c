/*
 * decoder_bytes: the kinds that make text of bytes.
 *
 * ByteLevel joins the bytes that the printable characters of its alphabet stand for; a piece with any other character
 * is taken as it is. What is not UTF-8 becomes U+FFFD, one for each maximal ill-formed part.
 *
 * ByteFallback turns each run of pieces like "<0xE4>" into the text that the bytes are, or, where they are none, into
 * as many U+FFFD. Which it is is known at the end of the run, so that a stream waits for that.
 */
#include "tokenizer/decoder/decoder.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static void free_plain(struct decoder *self)
{
    rf__free(self);
}

static rf_status make(const struct decoder_ops *ops, struct decoder **out, rf_error *err)
{
    *out = rf__alloc(sizeof **out);
    if (*out == NULL)
        return rf__fail_memory(err);
    **out = (struct decoder){.ops = ops};
    return RF_OK;
}

/* ---- ByteLevel ---------------------------------------------------------------------------------------------- */

static rf_status append_bytes(rf_text piece, struct buf *out, rf_error *err)
{
    size_t before = out->len;
    rf_status status = rf__buf_reserve(out, piece.len, err);

    for (size_t at = 0; at < piece.len && status == RF_OK;) {
        uint32_t c;
        int byte;
        at += rf__utf8_decode(piece.data + at, piece.len - at, &c);
        byte = rf__byte_of_char(c);
        if (byte < 0) {
            rf__buf_truncate(out, before);
            return rf__buf_append(out, piece.data, piece.len, err);
        }
        status = rf__buf_append_byte(out, (char)byte, err);
    }
    return status;
}

/* Whether these last bytes of a text may be the beginning of a character. */
static bool may_go_on(const char *bytes, size_t len)
{
    const uint8_t *b = (const uint8_t *)bytes;
    size_t need = b[0] >= 0xF0 && b[0] <= 0xF4  ? 4
                  : b[0] >= 0xE0 && b[0] < 0xF0 ? 3
                  : b[0] >= 0xC2 && b[0] < 0xE0 ? 2
                                                : 0;
    uint32_t c;

    return len < need && rf__utf8_decode(bytes, len, &c) == len;
}

/* Extends the string with what is known of the bytes, and drops it from them. */
static rf_status give_out(struct buf *bytes, bool is_end, struct strings *out, rf_error *err)
{
    size_t at = 0;
    rf_status status = RF_OK;

    while (at < bytes->len && status == RF_OK) {
        uint32_t c;
        size_t begin = at, n;
        while (at < bytes->len) { /* what is well-formed goes in one piece */
            n = rf__utf8_decode(bytes->data + at, bytes->len - at, &c);
            if (c == RF_UTF8_REPLACEMENT)
                break;
            at += n;
        }
        status = rf__strings_extend(out, bytes->data + begin, at - begin, err);
        if (status != RF_OK || at == bytes->len || (!is_end && may_go_on(bytes->data + at, bytes->len - at)))
            break;
        at += rf__utf8_decode(bytes->data + at, bytes->len - at, &c);
        status = rf__strings_extend(out, REPLACEMENT, 3, err);
    }
    if (status == RF_OK && at > 0) {
        memmove(bytes->data, bytes->data + at, bytes->len - at);
        rf__buf_truncate(bytes, bytes->len - at);
    }
    return status;
}

static rf_status byte_level_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                   bool is_end, struct strings *out, rf_error *err)
{
    rf_status status = rf__strings_append(out, "", 0, err);

    (void)self;
    out->continues = state->count > 0; /* whether something was given out before */
    out->is_open = !is_end;
    state->count = 1;
    for (size_t i = 0; i < in->n && status == RF_OK; i++)
        status = append_bytes(rf__string_at(in, i), &state->held, err);
    return status == RF_OK ? give_out(&state->held, is_end, out, err) : status;
}

rf_status rf__byte_level_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {byte_level_decode, free_plain};

    (void)source;
    return make(&ops, out, err);
}

/* ---- ByteFallback ------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of a piece such as "<0x0A>"; -1 when it is none. "<0x+A>" is one: Rust reads numbers so. */
static int fallback_byte(rf_text piece)
{
    int high, low;

    if (piece.len != 6 || memcmp(piece.data, "<0x", 3) != 0 || piece.data[5] != '>')
        return -1;
    high = piece.data[3] == '+' ? 0 : hex_digit(piece.data[3]);
    low = hex_digit(piece.data[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static rf_status end_run(struct buf *run, struct strings *out, rf_error *err)
{
    rf_status status = RF_OK;

    if (run->len == 0)
        return RF_OK;
    if (rf__utf8_valid(run->data, run->len))
        status = rf__strings_append(out, run->data, run->len, err);
    else
        for (size_t i = 0; i < run->len && status == RF_OK; i++)
            status = rf__strings_append(out, REPLACEMENT, 3, err);
    rf__buf_clear(run);
    return status;
}

static rf_status byte_fallback_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                      bool is_end, struct strings *out, rf_error *err)
{
    rf_status status = RF_OK;

    (void)self;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text piece = rf__string_at(in, i);
        int byte = fallback_byte(piece);
        if (byte >= 0) {
            status = rf__buf_append_byte(&state->held, (char)byte, err);
            continue;
        }
        status = end_run(&state->held, out, err);
        if (status == RF_OK)
            status = rf__strings_append(out, piece.data, piece.len, err);
    }
    return status == RF_OK && is_end ? end_run(&state->held, out, err) : status;
}

rf_status rf__byte_fallback_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {byte_fallback_decode, free_plain};

    (void)source;
    return make(&ops, out, err);
}
