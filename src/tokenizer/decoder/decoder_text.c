/*
 * decoder_text: the kinds that change the pieces as text: Fuse joins them, Metaspace puts spaces back, Strip takes a
 * character off the ends, BPEDecoder turns the end of a word into a space, CTC drops what is repeated.
 */
#include "tokenizer/decoder/decoder.h"

#include "base/mem.h"
#include "base/utf8.h"

struct text_decoder {
    struct decoder base;
    rf_text pattern; /* of Metaspace and Strip the character, of BPEDecoder the suffix, of CTC the pad token */
    rf_text other;   /* of CTC: the word delimiter */
    bool flag;       /* of Metaspace: the first piece loses its characters; of CTC: cleanup */
    size_t start, stop;
    char bytes[]; /* the two strings */
};

static void text_decoder_free(struct decoder *self)
{
    rf__free(self);
}

static rf_status make(const struct decoder_ops *ops, rf_text pattern, rf_text other, struct text_decoder **out,
                      rf_error *err)
{
    struct text_decoder *decoder = rf__calloc(1, sizeof *decoder + pattern.len + other.len);

    if (decoder == NULL)
        return rf__fail_memory(err);
    decoder->base.ops = ops;
    memcpy(decoder->bytes, pattern.data, pattern.len);
    memcpy(decoder->bytes + pattern.len, other.data, other.len);
    decoder->pattern = (rf_text){decoder->bytes, pattern.len};
    decoder->other = (rf_text){decoder->bytes + pattern.len, other.len};
    *out = decoder;
    return RF_OK;
}

static bool starts_with(rf_text text, rf_text with)
{
    return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

static const char *find(rf_text text, size_t at, rf_text pattern)
{
    for (; text.len - at >= pattern.len; at++) {
        const char *found = memchr(text.data + at, pattern.data[0], text.len - at - pattern.len + 1);
        if (found == NULL)
            return NULL;
        if (memcmp(found, pattern.data, pattern.len) == 0)
            return found;
        at = (size_t)(found - text.data);
    }
    return NULL;
}

/* Puts `content` before each character and at the end. */
static rf_status extend_between(struct strings *out, rf_text text, rf_text content, rf_error *err)
{
    rf_status status = rf__strings_extend(out, content.data, content.len, err);

    for (size_t at = 0; at < text.len && status == RF_OK;) {
        uint32_t c;
        size_t n = rf__utf8_decode(text.data + at, text.len - at, &c);
        status = rf__strings_extend(out, text.data + at, n, err);
        if (status == RF_OK)
            status = rf__strings_extend(out, content.data, content.len, err);
        at += n;
    }
    return status;
}

rf_status rf__strings_extend_replaced(struct strings *out, rf_text text, rf_text pattern, rf_text content,
                                      rf_error *err)
{
    size_t at = 0;
    const char *found;
    rf_status status = RF_OK;

    if (pattern.len == 0)
        return extend_between(out, text, content, err);
    while (status == RF_OK && (found = find(text, at, pattern)) != NULL) {
        status = rf__strings_extend(out, text.data + at, (size_t)(found - text.data) - at, err);
        if (status == RF_OK)
            status = rf__strings_extend(out, content.data, content.len, err);
        at = (size_t)(found - text.data) + pattern.len;
    }
    return status == RF_OK ? rf__strings_extend(out, text.data + at, text.len - at, err) : status;
}

static rf_status append_replaced(struct strings *out, rf_text text, rf_text pattern, rf_text content, rf_error *err)
{
    rf_status status = rf__strings_append(out, "", 0, err);

    return status == RF_OK ? rf__strings_extend_replaced(out, text, pattern, content, err) : status;
}

/* ---- Fuse --------------------------------------------------------------------------------------------------- */

static rf_status fuse_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                             bool is_end, struct strings *out, rf_error *err)
{
    (void)self;
    out->continues = state->count > 0; /* whether something was given out before */
    out->is_open = !is_end;
    state->count = 1;
    return rf__strings_append(out, in->bytes.data != NULL ? in->bytes.data : "", in->bytes.len, err);
}

rf_status rf__fuse_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {fuse_decode, text_decoder_free};
    const rf_text none = {"", 0};
    struct text_decoder *decoder;
    rf_status status = make(&ops, none, none, &decoder, err);

    (void)source;
    if (status != RF_OK)
        return status;
    decoder->base.takes_parts = true;
    *out = &decoder->base;
    return RF_OK;
}

/* ---- Metaspace ---------------------------------------------------------------------------------------------- */

static rf_status metaspace_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                  bool is_end, struct strings *out, rf_error *err)
{
    const struct text_decoder *decoder = (const struct text_decoder *)self;
    rf_status status = RF_OK;

    (void)is_end;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        bool drops = decoder->flag && state->n_seen + i == 0;
        status = append_replaced(out, rf__string_at(in, i), decoder->pattern, (rf_text){" ", drops ? 0 : 1}, err);
    }
    return status;
}

/* "prepend_scheme", or its older form "add_prefix_space". */
static rf_status read_scheme(const struct stage_source *source, bool *never, rf_error *err)
{
    const char *scheme;
    bool adds;
    rf_status status = rf__json_get_str(source->json, source->value, "prepend_scheme", "always", &scheme, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "add_prefix_space", true, &adds, err);
    if (status != RF_OK)
        return status;
    if (strcmp(scheme, "never") != 0 && strcmp(scheme, "first") != 0 && strcmp(scheme, "always") != 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'decoder.prepend_scheme' is '%s', expected first, never or always",
                        source->json->name, scheme);
    *never = !adds || strcmp(scheme, "never") == 0;
    return RF_OK;
}

rf_status rf__metaspace_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {metaspace_decode, text_decoder_free};
    const rf_text none = {"", 0};
    struct text_decoder *decoder;
    uint32_t c;
    char bytes[RF_UTF8_MAX];
    bool never = false;
    rf_status status = rf__decoder_char(source, "replacement", &c, err);

    if (status == RF_OK)
        status = read_scheme(source, &never, err);
    if (status == RF_OK)
        status = make(&ops, (rf_text){bytes, rf__utf8_encode(c, bytes)}, none, &decoder, err);
    if (status != RF_OK)
        return status;
    decoder->flag = !never;
    *out = &decoder->base;
    return RF_OK;
}

/* ---- Strip -------------------------------------------------------------------------------------------------- */

/* Takes up to `start` characters off the beginning and up to `stop` off the end. Of a string in parts (`stop` is 0
 * then), state->count characters are gone, and SIZE_MAX says that another one came. */
static rf_text strip(const struct text_decoder *decoder, rf_text text, size_t *count)
{
    rf_text c = decoder->pattern;

    while (*count < decoder->start && starts_with(text, c)) {
        text.data += c.len;
        text.len -= c.len;
        ++*count;
    }
    if (text.len > 0)
        *count = SIZE_MAX;
    for (size_t i = 0; i < decoder->stop && text.len >= c.len; i++) {
        if (memcmp(text.data + text.len - c.len, c.data, c.len) != 0)
            break;
        text.len -= c.len;
    }
    return text;
}

static rf_status strip_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                              bool is_end, struct strings *out, rf_error *err)
{
    const struct text_decoder *decoder = (const struct text_decoder *)self;
    rf_status status = RF_OK;

    (void)is_end;
    out->continues = in->continues;
    out->is_open = in->is_open;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text text;
        if (i > 0 || !in->continues)
            state->count = 0;
        text = strip(decoder, rf__string_at(in, i), &state->count);
        status = rf__strings_append(out, text.data, text.len, err);
    }
    return status;
}

rf_status rf__strip_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {strip_decode, text_decoder_free};
    const rf_text none = {"", 0};
    struct text_decoder *decoder;
    uint64_t start, stop;
    uint32_t c;
    char bytes[RF_UTF8_MAX];
    rf_status status = rf__decoder_char(source, "content", &c, err);

    if (status == RF_OK)
        status = rf__json_get_u64(source->json, source->value, "start", 0, UINT32_MAX, &start, err);
    if (status == RF_OK)
        status = rf__json_get_u64(source->json, source->value, "stop", 0, UINT32_MAX, &stop, err);
    if (status == RF_OK)
        status = make(&ops, (rf_text){bytes, rf__utf8_encode(c, bytes)}, none, &decoder, err);
    if (status != RF_OK)
        return status;
    decoder->start = (size_t)start;
    decoder->stop = (size_t)stop;
    decoder->base.takes_parts = stop == 0;
    *out = &decoder->base;
    return RF_OK;
}

/* ---- BPEDecoder --------------------------------------------------------------------------------------------- */

static rf_status give_held(const struct text_decoder *decoder, struct decode_state *state, const char *content,
                           struct strings *out, rf_error *err)
{
    rf_text held = {state->held.data, state->held.len};

    if (state->count == 0)
        return RF_OK;
    state->count = 0;
    return append_replaced(out, held, decoder->pattern, (rf_text){content, strlen(content)}, err);
}

/* The suffix is a space, but nothing in the last piece, so that one is held until it is known which it is. */
static rf_status bpe_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                            bool is_end, struct strings *out, rf_error *err)
{
    const struct text_decoder *decoder = (const struct text_decoder *)self;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text piece = rf__string_at(in, i);
        status = give_held(decoder, state, " ", out, err);
        rf__buf_clear(&state->held);
        if (status == RF_OK)
            status = rf__buf_append(&state->held, piece.data, piece.len, err);
        state->count = 1;
    }
    return status == RF_OK && is_end ? give_held(decoder, state, "", out, err) : status;
}

rf_status rf__bpe_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {bpe_decode, text_decoder_free};
    const rf_text none = {"", 0};
    struct text_decoder *decoder;
    rf_text suffix;
    rf_status status = rf__decoder_text(source, "suffix", NULL, &suffix, err);

    if (status == RF_OK)
        status = make(&ops, suffix, none, &decoder, err);
    if (status == RF_OK)
        *out = &decoder->base;
    return status;
}

/* ---- CTC ---------------------------------------------------------------------------------------------------- */

static bool is_held(const struct decode_state *state, rf_text piece)
{
    return state->count > 0 && state->held.len == piece.len &&
           (piece.len == 0 || memcmp(state->held.data, piece.data, piece.len) == 0);
}

static rf_status put_ctc(const struct text_decoder *decoder, rf_text piece, struct strings *out, rf_error *err)
{
    const rf_text nothing = {"", 0}, space = {" ", 1};
    size_t begin = out->bytes.len;
    struct buf copy;
    rf_status status = append_replaced(out, piece, decoder->pattern, nothing, err);

    if (status == RF_OK && decoder->flag && out->bytes.len > begin) {
        rf__buf_init(&copy, SIZE_MAX - 1);
        status = rf__buf_append(&copy, out->bytes.data + begin, out->bytes.len - begin, err);
        out->end[out->n - 1] = begin;
        rf__buf_truncate(&out->bytes, begin);
        if (status == RF_OK)
            status = rf__strings_extend_replaced(out, (rf_text){copy.data, rf__clean_up(copy.data, copy.len)},
                                                 decoder->other, space, err);
        rf__buf_release(&copy);
    }
    if (status == RF_OK && out->bytes.len == begin)
        out->n--;
    return status;
}

static rf_status ctc_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                            bool is_end, struct strings *out, rf_error *err)
{
    rf_status status = RF_OK;

    (void)is_end;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text piece = rf__string_at(in, i);
        if (is_held(state, piece))
            continue;
        rf__buf_clear(&state->held);
        status = rf__buf_append(&state->held, piece.data, piece.len, err);
        state->count = 1;
        if (status == RF_OK)
            status = put_ctc((const struct text_decoder *)self, piece, out, err);
    }
    return status;
}

rf_status rf__ctc_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {ctc_decode, text_decoder_free};
    struct text_decoder *decoder;
    rf_text pad, delimiter;
    bool cleanup;
    rf_status status = rf__decoder_text(source, "pad_token", NULL, &pad, err);

    if (status == RF_OK)
        status = rf__decoder_text(source, "word_delimiter_token", NULL, &delimiter, err);
    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "cleanup", true, &cleanup, err);
    if (status == RF_OK)
        status = make(&ops, pad, delimiter, &decoder, err);
    if (status != RF_OK)
        return status;
    decoder->flag = cleanup;
    *out = &decoder->base;
    return RF_OK;
}
