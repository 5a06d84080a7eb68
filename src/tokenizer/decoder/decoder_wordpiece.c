/*
 * decoder_wordpiece: a space before every piece but the first and those that begin with the prefix, which is taken off,
 * and a clean-up of what English had before it was split.
 */
#include "tokenizer/decoder/decoder.h"

#include "base/mem.h"

struct wordpiece_decoder {
    struct decoder base;
    bool cleanup;
    size_t prefix_len;
    char prefix[]; /* [prefix_len] */
};

/* Replaces `from` by `to`, which is not longer, from left to right; returns the new length. */
static size_t replace(char *text, size_t len, const char *from, const char *to)
{
    size_t from_len = strlen(from), to_len = strlen(to), out = 0, at = 0;

    while (at < len) {
        if (len - at >= from_len && memcmp(text + at, from, from_len) == 0) {
            memcpy(text + out, to, to_len);
            out += to_len;
            at += from_len;
        } else {
            text[out++] = text[at++];
        }
    }
    return out;
}

/* One rule after the other. */
size_t rf__clean_up(char *text, size_t len)
{
    static const char *const rules[][2] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        len = replace(text, len, rules[i][0], rules[i][1]);
    return len;
}

static rf_status decode_piece(const struct wordpiece_decoder *decoder, const char *piece, size_t len, bool is_first,
                              struct strings *out, rf_error *err)
{
    size_t before = out->bytes.len;
    bool continues = len >= decoder->prefix_len &&
                     (decoder->prefix_len == 0 || memcmp(piece, decoder->prefix, decoder->prefix_len) == 0);
    rf_status status;

    status = rf__strings_append(out, " ", is_first || continues ? 0 : 1, err);
    if (status != RF_OK)
        return status;
    if (!is_first && continues) {
        piece += decoder->prefix_len;
        len -= decoder->prefix_len;
    }
    status = rf__buf_append(&out->bytes, piece, len, err);
    if (status != RF_OK)
        return status;
    if (decoder->cleanup)
        out->bytes.len = before + rf__clean_up(out->bytes.data + before, out->bytes.len - before);
    out->bytes.data[out->bytes.len] = '\0';
    out->end[out->n - 1] = out->bytes.len;
    return RF_OK;
}

static rf_status wordpiece_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                  bool is_end, struct strings *out, rf_error *err)
{
    (void)is_end;
    for (size_t i = 0; i < in->n; i++) {
        rf_text piece = rf__string_at(in, i);
        rf_status status = decode_piece((const struct wordpiece_decoder *)self, piece.data, piece.len,
                                        state->n_seen + i == 0, out, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static void wordpiece_free(struct decoder *self)
{
    rf__free(self);
}

struct decoder *rf__wordpiece_decoder_new(const char *prefix, size_t prefix_len, bool cleanup)
{
    static const struct decoder_ops ops = {wordpiece_decode, wordpiece_free};
    struct wordpiece_decoder *decoder = rf__alloc(sizeof *decoder + prefix_len);

    if (decoder == NULL)
        return NULL;
    decoder->base = (struct decoder){.ops = &ops};
    decoder->cleanup = cleanup;
    decoder->prefix_len = prefix_len;
    memcpy(decoder->prefix, prefix, prefix_len);
    return &decoder->base;
}

rf_status rf__wordpiece_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    rf_text prefix;
    bool cleanup;
    rf_status status = rf__decoder_text(source, "prefix", "##", &prefix, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "cleanup", true, &cleanup, err);
    if (status != RF_OK)
        return status;
    *out = rf__wordpiece_decoder_new(prefix.data, prefix.len, cleanup);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}
