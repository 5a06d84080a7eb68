/*
 * decoder: from ids back to text. A kind turns a list of strings into another; the last list, joined, is the text.
 *
 *     ids ─ pieces ─ kind ─ … ─ kind ─ text
 *
 * A text may come in several lists, id by id: every kind keeps what it needs of the past, and holds back what the
 * future decides, so that a stream gives what decoding the whole gives.
 */
#include "tokenizer/decoder/decoder.h"
#include "tokenizer/tokenizer_parts.h"

#include "base/mem.h"
#include "base/utf8.h"

#define STAGE "decoder"

/* ---- Reading ------------------------------------------------------------------------------------------------ */

rf_status rf__decoder_text(const struct stage_source *source, const char *key, const char *fallback, rf_text *out,
                           rf_error *err)
{
    const char *text;
    rf_status status = rf__json_get_str(source->json, source->value, key, fallback, &text, err);

    if (status != RF_OK)
        return status;
    if (text == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' has no '%s'", source->json->name, STAGE, key);
    *out = (rf_text){text, text == fallback ? strlen(text) : yyjson_get_len(yyjson_obj_get(source->value, key))};
    if (out->len > RF_MAX_PIECE)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: '%s.%s' has %zu bytes; the limit is %d",
                        source->json->name, STAGE, key, out->len, RF_MAX_PIECE);
    return RF_OK;
}

rf_status rf__decoder_char(const struct stage_source *source, const char *key, uint32_t *out, rf_error *err)
{
    rf_text text = {NULL, 0};
    rf_status status = rf__decoder_text(source, key, NULL, &text, err);

    if (status != RF_OK)
        return status;
    if (text.len == 0 || rf__utf8_decode(text.data, text.len, out) != text.len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.%s' is '%s', expected one character", source->json->name, STAGE,
                        key, text.data);
    return RF_OK;
}

static const struct {
    const char *type;
    rf_decoder_reader read;
} kinds[] = {
    {"BPEDecoder", rf__bpe_decoder_read},
    {"ByteFallback", rf__byte_fallback_decoder_read},
    {"ByteLevel", rf__byte_level_decoder_read},
    {"CTC", rf__ctc_decoder_read},
    {"Fuse", rf__fuse_decoder_read},
    {"Metaspace", rf__metaspace_decoder_read},
    {"Replace", rf__replace_decoder_read},
    {"Strip", rf__strip_decoder_read},
    {"WordPiece", rf__wordpiece_decoder_read},
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
        decoder->type = kinds[i].type;
        status = rf__decoders_add(chain, decoder, err);
        return status != RF_OK ? rf__fail_prefix(err, status, "%s", source->json->name) : RF_OK;
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__decoders_read(struct decoders *chain, const struct stage_source *source, rf_error *err)
{
    rf_status status = rf__stage_each(source, STAGE, "decoders", read_one, chain, err);

    /* An empty Sequence is a decoder that does nothing: no spaces come between the pieces. */
    if (status == RF_OK && chain->n == 0 && yyjson_is_obj(source->value))
        status = read_one(chain, source, "Fuse", err);
    return status;
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

/* ---- A text on its way -------------------------------------------------------------------------------------- */

struct decode_stream {
    const struct rf_tokenizer *tokenizer;
    bool skip_special_tokens;
    size_t n_bytes; /* of pieces so far, one more for each */
    struct strings strings, spare;
    struct decode_state states[]; /* [one for each kind] */
};

/* What is done where there is no decoder. */
static rf_status join_with_spaces(const struct decoder *self, struct decode_state *state, const struct strings *in,
                                  bool is_end, struct strings *out, rf_error *err)
{
    rf_status status = RF_OK;

    (void)self;
    (void)is_end;
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text piece = rf__string_at(in, i);
        status = rf__strings_append(out, " ", state->n_seen + i > 0, err);
        if (status == RF_OK)
            status = rf__strings_extend(out, piece.data, piece.len, err);
    }
    return status;
}

static const struct decoder_ops join_ops = {join_with_spaces, NULL};
static struct decoder join = {.ops = &join_ops};

static struct decoder *const *kinds_of(const struct decoders *chain, size_t *n)
{
    static struct decoder *const none[] = {&join};

    *n = chain->n > 0 ? chain->n : 1;
    return chain->n > 0 ? chain->items : none;
}

static void swap(struct strings *a, struct strings *b)
{
    struct strings old = *a;

    *a = *b;
    *b = old;
}

/* Puts strings that came in parts together; what is not whole yet waits. */
static rf_status make_whole(struct decode_state *state, const struct strings *in, struct strings *out, rf_error *err)
{
    rf_status status = RF_OK;

    rf__strings_clear(out);
    for (size_t i = 0; i < in->n && status == RF_OK; i++) {
        rf_text text = rf__string_at(in, i);
        if (i > 0 || !in->continues)
            rf__buf_clear(&state->open);
        status = rf__buf_append(&state->open, text.data, text.len, err);
        if (status == RF_OK && (i + 1 < in->n || !in->is_open))
            status = rf__strings_append(out, state->open.data, state->open.len, err);
    }
    return status;
}

/* Sends the strings through all kinds; the result is in stream->strings. */
static rf_status run(struct decode_stream *stream, bool is_end, rf_error *err)
{
    size_t n;
    struct decoder *const *items = kinds_of(&stream->tokenizer->decoders, &n);
    rf_status status = RF_OK;

    stream->n_bytes += stream->strings.bytes.len + stream->strings.n;
    stream->strings.max = stream->spare.max = rf__text_ceiling(stream->n_bytes);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        struct decode_state *state = &stream->states[i];
        bool in_parts = stream->strings.continues || stream->strings.is_open;
        if (in_parts && !items[i]->takes_parts) {
            status = make_whole(state, &stream->strings, &stream->spare, err);
            swap(&stream->strings, &stream->spare);
        }
        rf__strings_clear(&stream->spare);
        if (status == RF_OK)
            status = items[i]->ops->decode(items[i], state, &stream->strings, is_end, &stream->spare, err);
        if (status == RF_UNSUPPORTED && items[i]->type != NULL)
            status = rf__fail_prefix(err, status, STAGE " '%s'", items[i]->type);
        state->n_seen += stream->strings.n - (stream->strings.is_open && stream->strings.n > 0);
        swap(&stream->strings, &stream->spare);
    }
    return status;
}

struct decode_stream *rf__decode_stream_new(const struct rf_tokenizer *tokenizer, bool skip_special_tokens)
{
    size_t n;
    struct decode_stream *stream;

    kinds_of(&tokenizer->decoders, &n);
    stream = rf__alloc(sizeof *stream + n * sizeof stream->states[0]);
    if (stream == NULL)
        return NULL;
    stream->tokenizer = tokenizer;
    stream->skip_special_tokens = skip_special_tokens;
    stream->n_bytes = 0;
    rf__strings_init(&stream->strings);
    rf__strings_init(&stream->spare);
    for (size_t i = 0; i < n; i++)
        rf__decode_state_init(&stream->states[i]);
    return stream;
}

void rf__decode_stream_free(struct decode_stream *stream)
{
    size_t n;

    if (stream == NULL)
        return;
    kinds_of(&stream->tokenizer->decoders, &n);
    for (size_t i = 0; i < n; i++)
        rf__decode_state_release(&stream->states[i]);
    rf__strings_release(&stream->strings);
    rf__strings_release(&stream->spare);
    rf__free(stream);
}

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

rf_status rf__decode_stream_step(struct decode_stream *stream, const uint32_t *ids, size_t n, bool is_end, rf_text *out,
                                 rf_error *err)
{
    rf_status status;

    rf__strings_clear(&stream->strings);
    stream->strings.max = 0;
    status = gather(stream->tokenizer, ids, n, stream->skip_special_tokens, &stream->strings, err);
    if (status == RF_OK)
        status = run(stream, is_end, err);
    if (status == RF_OK)
        *out = (rf_text){stream->strings.bytes.len > 0 ? stream->strings.bytes.data : "", stream->strings.bytes.len};
    return status;
}

rf_status rf__decode(const struct rf_tokenizer *tokenizer, const uint32_t *ids, size_t n, bool skip_special_tokens,
                     char **out, size_t *out_len, rf_error *err)
{
    struct decode_stream *stream = rf__decode_stream_new(tokenizer, skip_special_tokens);
    rf_text text;
    rf_status status = stream == NULL ? rf__fail_memory(err) : rf__decode_stream_step(stream, ids, n, true, &text, err);

    if (status == RF_OK) {
        *out_len = text.len;
        *out = rf__buf_detach(&stream->strings.bytes);
        if (*out == NULL)
            status = rf__fail_memory(err);
    }
    rf__decode_stream_free(stream);
    return status;
}
