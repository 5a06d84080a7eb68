/*
 * decoder: from pieces back to text. A kind turns a list of strings into another; the last list, joined, is the text.
 * WordPiece puts a space before every piece but the first and those that begin with the prefix, which it takes off, and
 * cleans up what English had before it was split.
 */
#include "tokenizer/tokenizer_parts.h"

#include "base/mem.h"

#define STAGE "decoder"

/* ---- WordPiece ---------------------------------------------------------------------------------------------- */

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

/* One rule after the other, as cleanup() of `tokenizers` does. */
static size_t clean_up(char *text, size_t len)
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
        out->bytes.len = before + clean_up(out->bytes.data + before, out->bytes.len - before);
    out->bytes.data[out->bytes.len] = '\0';
    out->end[out->n - 1] = out->bytes.len;
    return RF_OK;
}

static rf_status wordpiece_decode(const struct decoder *self, const struct strings *in, struct strings *out,
                                  rf_error *err)
{
    size_t begin = 0;

    for (size_t i = 0; i < in->n; i++) {
        rf_status status = decode_piece((const struct wordpiece_decoder *)self, in->bytes.data + begin,
                                        in->end[i] - begin, i == 0, out, err);
        if (status != RF_OK)
            return status;
        begin = in->end[i];
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
    decoder->base.ops = &ops;
    decoder->cleanup = cleanup;
    decoder->prefix_len = prefix_len;
    memcpy(decoder->prefix, prefix, prefix_len);
    return &decoder->base;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static rf_status read_wordpiece(const struct stage_source *source, struct decoder **out, rf_error *err)
{
    const char *prefix;
    bool cleanup;
    rf_status status = rf__json_get_str(source->json, source->value, "prefix", "##", &prefix, err);

    if (status == RF_OK)
        status = rf__json_get_bool(source->json, source->value, "cleanup", true, &cleanup, err);
    if (status != RF_OK)
        return status;
    *out = rf__wordpiece_decoder_new(prefix, strlen(prefix), cleanup);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static const struct {
    const char *type;
    rf_status (*read)(const struct stage_source *source, struct decoder **out, rf_error *err);
} kinds[] = {
    {"WordPiece", read_wordpiece},
};

static rf_status read_one(void *chain, const struct stage_source *source, const char *type, rf_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct decoder *decoder;
        rf_status status;
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        status = kinds[i].read(source, &decoder, err);
        if (status != RF_OK)
            return status;
        status = rf__decoders_add(chain, decoder, err);
        return status != RF_OK ? rf__fail_prefix(err, status, "%s", source->json->name) : RF_OK;
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__decoders_read(struct decoders *chain, const struct stage_source *source, rf_error *err)
{
    return rf__stage_each(source, STAGE, "decoders", read_one, chain, err);
}

rf_status rf__decoders_add(struct decoders *chain, struct decoder *decoder, rf_error *err)
{
    if (chain->n == RF_MAX_CHAIN) {
        decoder->ops->free(decoder);
        return rf__fail(err, RF_UNSUPPORTED, "more than %d decoders in a row", RF_MAX_CHAIN);
    }
    chain->items[chain->n++] = decoder;
    return RF_OK;
}

void rf__decoders_release(struct decoders *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        chain->items[i]->ops->free(chain->items[i]);
    chain->n = 0;
}

/* ---- Decoding ----------------------------------------------------------------------------------------------- */

/* Gathers the pieces of the ids. */
static rf_status gather(const struct rf_tokenizer *tokenizer, const uint32_t *ids, size_t n, bool skip_special_tokens,
                        struct strings *out, rf_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct added_token *token = rf__added_token_of_id(&tokenizer->added, ids[i]);
        const char *piece;
        size_t len;
        rf_status status;
        if (token != NULL && token->normal != NULL) {
            piece = token->normal;
            len = token->normal_len;
        } else if ((piece = rf__tokenizer_piece(tokenizer, ids[i], &len)) == NULL) {
            return rf__fail(err, RF_INVALID_ARGUMENT, "the id %u names no piece; the vocabulary has %u", ids[i],
                            tokenizer->vocab_size);
        }
        if (skip_special_tokens) {
            token = rf__added_token_of_content(&tokenizer->added, piece, len);
            if (token != NULL && token->is_named_special)
                continue;
        }
        status = rf__strings_append(out, piece, len, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static rf_status join_with_spaces(const struct strings *in, struct strings *out, rf_error *err)
{
    size_t begin = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        if (i > 0)
            status = rf__strings_append(out, " ", 1, err);
        if (status == RF_OK)
            status = rf__strings_append(out, in->bytes.data + begin, in->end[i] - begin, err);
        begin = in->end[i];
    }
    return status;
}

static void swap(struct strings *a, struct strings *b)
{
    struct strings old = *a;

    *a = *b;
    *b = old;
}

rf_status rf__decode_strings(const struct decoders *chain, struct strings *tokens, struct strings *spare, rf_error *err)
{
    rf_status status = RF_OK;

    if (chain->n == 0) {
        status = join_with_spaces(tokens, spare, err);
        swap(tokens, spare);
    }
    for (size_t i = 0; i < chain->n && status == RF_OK; i++) {
        rf__strings_clear(spare);
        status = chain->items[i]->ops->decode(chain->items[i], tokens, spare, err);
        swap(tokens, spare);
    }
    return status;
}

rf_status rf__decode(const struct rf_tokenizer *tokenizer, const uint32_t *ids, size_t n, bool skip_special_tokens,
                     char **out, size_t *out_len, rf_error *err)
{
    struct strings tokens, spare;
    rf_status status;

    rf__strings_init(&tokens);
    rf__strings_init(&spare);
    status = gather(tokenizer, ids, n, skip_special_tokens, &tokens, err);
    if (status == RF_OK)
        status = rf__decode_strings(&tokenizer->decoders, &tokens, &spare, err);
    if (status == RF_OK) {
        *out_len = tokens.bytes.len;
        *out = rf__buf_detach(&tokens.bytes);
        if (*out == NULL)
            status = rf__fail_memory(err);
    }
    rf__strings_release(&tokens);
    rf__strings_release(&spare);
    return status;
}
