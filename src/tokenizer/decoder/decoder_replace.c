/* decoder_replace: each match of a string or a regular expression is replaced in every piece. */
#include "tokenizer/decoder/decoder.h"

#include "base/mem.h"

struct replace_decoder {
    struct decoder base;
    struct regex *regex; /* NULL: a string */
    rf_text pattern, content;
    char bytes[]; /* the two strings */
};

static void replace_free(struct decoder *self)
{
    struct replace_decoder *decoder = (struct replace_decoder *)self;

    rf__regex_free(decoder->regex);
    rf__free(decoder);
}

static void free_finder(void *finder)
{
    rf__regex_finder_free(finder);
}

static rf_status extend_by_regex(const struct replace_decoder *decoder, struct decode_state *state, rf_text text,
                                 struct strings *out, rf_error *err)
{
    struct regex_match match;
    struct regex_finder *finder = state->memory;
    size_t at = 0;
    bool found = true;
    rf_status status = RF_OK;

    if (finder == NULL) {
        status = rf__regex_finder_new(decoder->regex, &finder, err);
        if (status != RF_OK)
            return status;
        state->memory = finder;
        state->free = free_finder;
    }
    status = rf__regex_finder_start(finder, text.data, text.len, NULL, err);
    while (status == RF_OK && (status = rf__regex_finder_next(finder, &match, &found, err)) == RF_OK && found) {
        status = rf__strings_extend(out, text.data + at, match.begin - at, err);
        if (status == RF_OK)
            status = rf__strings_extend(out, decoder->content.data, decoder->content.len, err);
        at = match.end;
    }
    return status == RF_OK ? rf__strings_extend(out, text.data + at, text.len - at, err) : status;
}

static rf_status replace_decode(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                bool is_end, struct strings *out, rf_error *err)
{
    const struct replace_decoder *decoder = (const struct replace_decoder *)self;
    rf_status status = RF_OK;

    (void)is_end;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text text = rf__string_at(in, i);
        status = rf__strings_append(out, "", 0, err);
        if (status != RF_OK || text.len == 0)
            continue;
        if (decoder->regex != NULL)
            status = extend_by_regex(decoder, state, text, out, err);
        else
            status = rf__strings_extend_replaced(out, text, decoder->pattern, decoder->content, err);
    }
    return status;
}

rf_status rf__replace_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    static const struct decoder_ops ops = {replace_decode, replace_free};
    struct replace_decoder *decoder;
    rf_text pattern, content;
    bool is_regex;
    rf_status status = rf__stage_pattern(source, "decoder", "Replace", &pattern, &is_regex, err);

    if (status == RF_OK && pattern.len > RF_MAX_PIECE)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: 'decoder.pattern' has %zu bytes; the limit is %d",
                          source->json->name, pattern.len, RF_MAX_PIECE);
    if (status == RF_OK)
        status = rf__decoder_text(source, "content", NULL, &content, err);
    if (status != RF_OK)
        return status;
    decoder = rf__calloc(1, sizeof *decoder + pattern.len + content.len);
    if (decoder == NULL)
        return rf__fail_memory(err);
    decoder->base.ops = &ops;
    memcpy(decoder->bytes, pattern.data, pattern.len);
    memcpy(decoder->bytes + pattern.len, content.data, content.len);
    decoder->pattern = (rf_text){decoder->bytes, pattern.len};
    decoder->content = (rf_text){decoder->bytes + pattern.len, content.len};
    if (is_regex && (status = rf__regex_new(pattern.data, pattern.len, &decoder->regex, err)) != RF_OK) {
        rf__free(decoder);
        return rf__fail_prefix(err, status, "%s: 'decoder'", source->json->name);
    }
    *out = &decoder->base;
    return RF_OK;
}
