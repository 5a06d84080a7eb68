/* api_tokenizer: the entry points of rag_factory.h for tokenizers. */
#include "api/options.h"
#include "base/log.h"
#include "base/mem.h"
#include "tokenizer/tokenizer.h"

rf_status rf_tokenizer_open(const char *path, rf_tokenizer **out, rf_error *err)
{
    return rf_tokenizer_open_logged(path, NULL, NULL, out, err);
}

rf_status rf_tokenizer_open_logged(const char *path, rf_log_fn log, void *log_user, rf_tokenizer **out, rf_error *err)
{
    struct logger logger = {log, log_user};

    if (path == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_tokenizer_open: %s is NULL", path == NULL ? "path" : "out");
    return rf__tokenizer_open(path, false, &logger, out, err);
}

void rf_tokenizer_free(rf_tokenizer *tokenizer)
{
    rf__tokenizer_free(tokenizer);
}

size_t rf_tokenizer_vocab_size(const rf_tokenizer *tokenizer)
{
    return tokenizer != NULL ? rf__tokenizer_vocab_size(tokenizer) : 0;
}

const char *rf_tokenizer_piece(const rf_tokenizer *tokenizer, uint32_t id, size_t *len)
{
    size_t ignored;

    return tokenizer != NULL ? rf__tokenizer_piece(tokenizer, id, len != NULL ? len : &ignored) : NULL;
}

void rf_encode_options_init(rf_encode_options *options, size_t size)
{
    rf__options_init(options, size);
}

/* ---- Encoding ----------------------------------------------------------------------------------------------- */

/* What rf_encoding points into. The first of an array of these has the caller's pointer; the overflow follows. */
struct owned_encoding {
    rf_encoding shown; /* first: the caller's pointer is this one */
    struct encoding kept;
    struct owned_encoding *overflow; /* [n_overflow]; theirs is kept by the first */
    const rf_encoding **overflow_list;
};

static void show(const struct encoding *kept, rf_encoding *shown)
{
    *shown = (rf_encoding){.n = kept->n,
                           .ids = kept->ids,
                           .type_ids = kept->type_ids,
                           .begin = kept->begin,
                           .end = kept->end,
                           .special = kept->special,
                           .truncated = kept->truncated,
                           .words = kept->words,
                           .sequence = kept->sequence,
                           .begin_char = kept->begin_char,
                           .end_char = kept->end_char};
}

/* Makes owned->shown of owned->kept. */
static rf_status show_all(struct owned_encoding *owned, rf_error *err)
{
    size_t n = owned->kept.n_overflow;

    show(&owned->kept, &owned->shown);
    if (n == 0)
        return RF_OK;
    owned->overflow = rf__calloc(n, sizeof *owned->overflow);
    owned->overflow_list = rf__alloc_array(n, sizeof *owned->overflow_list);
    if (owned->overflow == NULL || owned->overflow_list == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        show(&owned->kept.overflow[i], &owned->overflow[i].shown);
        owned->overflow_list[i] = &owned->overflow[i].shown;
    }
    owned->shown.n_overflow = n;
    owned->shown.overflow = owned->overflow_list;
    return RF_OK;
}

void rf_encoding_free(rf_encoding *encoding)
{
    struct owned_encoding *owned = (struct owned_encoding *)encoding;

    if (owned == NULL)
        return;
    rf__encoding_release(&owned->kept);
    rf__free(owned->overflow);
    rf__free(owned->overflow_list);
    rf__free(owned);
}

/* Number of the first text that is NULL; n: none is. */
static size_t find_null(const rf_text *texts, size_t n)
{
    size_t i = 0;

    while (texts != NULL && i < n && (texts[i].data != NULL || texts[i].len == 0))
        i++;
    return texts != NULL ? i : n;
}

static rf_status refuse_null(const char *function, const rf_text *texts, const rf_text *pairs, size_t n, rf_error *err)
{
    size_t text = find_null(texts, n), pair = find_null(pairs, n);

    if (n == 1 && (text < n || pair < n))
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: the %s is NULL", function, text < n ? "text" : "second text");
    if (text < n)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: text %zu is NULL", function, text);
    if (pair < n)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: the second text of %zu is NULL", function, pair);
    return RF_OK;
}

/* Checks the arguments of a call with n texts and puts them together. */
static rf_status texts_of(const char *function, const rf_tokenizer *tokenizer, const rf_text *texts,
                          const rf_text *pairs, size_t n, const rf_encode_options *options, const void *out,
                          struct encode_texts *result, rf_error *err)
{
    rf_encode_options own;
    rf_status status = rf__options_copy(options, &own, sizeof own, "rf_encode_options", err);
    const char *null = tokenizer == NULL ? "tokenizer" : out == NULL ? "out" : texts == NULL && n > 0 ? "texts" : NULL;

    if (status != RF_OK)
        return status;
    if (null != NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: %s is NULL", function, null);
    status = refuse_null(function, texts, pairs, n, err);
    if (status != RF_OK)
        return status;
    if ((unsigned)own.truncate > RF_TRUNCATE_ERROR || (unsigned)own.strategy > RF_STRATEGY_ONLY_SECOND)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_encode_options: truncate is %d, strategy is %d",
                        (int)own.truncate, (int)own.strategy);
    *result = (struct encode_texts){.texts = texts, .pairs = pairs, .n = n, .threads = own.threads};
    result->like = (struct encode_request){.no_special_tokens = own.no_special_tokens,
                                           .max_tokens = own.max_tokens,
                                           .truncate = own.truncate,
                                           .strategy = own.strategy,
                                           .overflow = own.overflow,
                                           .stride = own.stride,
                                           .characters = own.characters};
    return RF_OK;
}

rf_status rf_tokenizer_encode(const rf_tokenizer *tokenizer, rf_text text, const rf_text *pair,
                              const rf_encode_options *options, rf_encoding **out, rf_error *err)
{
    struct owned_encoding *owned;
    struct encode_scratch *scratch;
    struct encode_texts texts;
    rf_status status = texts_of("rf_tokenizer_encode", tokenizer, &text, pair, 1, options, out, &texts, err);

    if (status != RF_OK)
        return status;
    texts.like.text = text;
    texts.like.pair = pair;
    owned = rf__calloc(1, sizeof *owned);
    scratch = rf__scratch_take(tokenizer);
    status = owned == NULL || scratch == NULL ? rf__fail_memory(err)
                                              : rf__encode(tokenizer, &texts.like, scratch, &owned->kept, err);
    rf__scratch_give(tokenizer, scratch);
    if (status == RF_OK)
        status = show_all(owned, err);
    if (status == RF_OK)
        *out = &owned->shown;
    else if (owned != NULL)
        rf_encoding_free(&owned->shown);
    return status;
}

/* Moves encodings into objects of the caller's. */
static rf_status hand_over(struct encoding *encodings, size_t n, rf_encoding **out, rf_error *err)
{
    rf_status status = RF_OK;
    size_t done = 0;

    for (; done < n && status == RF_OK; done++) {
        struct owned_encoding *owned = rf__calloc(1, sizeof *owned);
        if (owned == NULL) {
            status = rf__fail_memory(err);
            break;
        }
        owned->kept = encodings[done];
        encodings[done] = (struct encoding){0};
        status = show_all(owned, err);
        out[done] = &owned->shown;
    }
    for (; status != RF_OK && done > 0; done--)
        rf_encoding_free(out[done - 1]);
    return status;
}

rf_status rf_tokenizer_encode_batch(const rf_tokenizer *tokenizer, const rf_text *texts, const rf_text *pairs, size_t n,
                                    const rf_encode_options *options, rf_encoding **out, rf_error *err)
{
    struct encoding *encodings;
    struct encode_texts call;
    rf_status status = texts_of("rf_tokenizer_encode_batch", tokenizer, texts, pairs, n, options, out, &call, err);

    if (status != RF_OK)
        return status;
    encodings = rf__calloc(n, sizeof *encodings);
    status = encodings == NULL ? rf__fail_memory(err) : rf__encode_all(tokenizer, &call, encodings, err);
    if (status == RF_OK)
        status = hand_over(encodings, n, out, err);
    for (size_t i = 0; encodings != NULL && i < n; i++)
        rf__encoding_release(&encodings[i]);
    rf__free(encodings);
    return status;
}

/* ---- Ids alone, counts -------------------------------------------------------------------------------------- */

struct owned_ids {
    rf_ids shown; /* first: the caller's pointer is this one */
    struct flat_ids kept;
};

rf_status rf_tokenizer_encode_ids(const rf_tokenizer *tokenizer, const rf_text *texts, const rf_text *pairs, size_t n,
                                  const rf_encode_options *options, rf_ids **out, rf_error *err)
{
    struct owned_ids *owned;
    struct encode_texts call;
    rf_status status = texts_of("rf_tokenizer_encode_ids", tokenizer, texts, pairs, n, options, out, &call, err);

    if (out != NULL && *out != NULL)
        **out = (rf_ids){0}; /* whatever comes of it */
    if (status != RF_OK)
        return status;
    call.like.overflow = call.like.characters = false;
    call.like.no_alignment = true;
    owned = *out != NULL ? (struct owned_ids *)*out : rf__calloc(1, sizeof *owned);
    if (owned == NULL)
        return rf__fail_memory(err);
    status = rf__encode_flat(tokenizer, &call, &owned->kept, err);
    if (status == RF_OK) {
        owned->shown = (rf_ids){owned->kept.n, owned->kept.ids, owned->kept.first, owned->kept.n_truncated};
        *out = &owned->shown;
    } else if (*out == NULL) {
        rf_ids_free(&owned->shown);
    }
    return status;
}

void rf_ids_free(rf_ids *ids)
{
    struct owned_ids *owned = (struct owned_ids *)ids;

    if (owned == NULL)
        return;
    rf__flat_ids_release(&owned->kept);
    rf__free(owned);
}

rf_status rf_tokenizer_count(const rf_tokenizer *tokenizer, rf_text text, bool no_special_tokens, size_t at_most,
                             size_t *count, rf_error *err)
{
    struct encode_scratch *scratch;
    rf_status status;

    if (tokenizer == NULL || count == NULL || find_null(&text, 1) == 0)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_tokenizer_count: %s is NULL",
                        tokenizer == NULL ? "tokenizer"
                        : count == NULL   ? "count"
                                          : "the text");
    scratch = rf__scratch_take(tokenizer);
    if (scratch == NULL)
        return rf__fail_memory(err);
    status =
        rf__count_tokens(tokenizer, text, no_special_tokens, at_most > 0 ? at_most : SIZE_MAX, scratch, count, err);
    rf__scratch_give(tokenizer, scratch);
    return status;
}

size_t rf_estimate_tokens(rf_text text)
{
    return rf__estimate_tokens(text);
}

/* ---- Questions ---------------------------------------------------------------------------------------------- */

uint32_t rf_tokenizer_n_special(const rf_tokenizer *tokenizer, bool pair)
{
    return tokenizer != NULL ? rf__tokenizer_n_added(tokenizer, pair) : 0;
}

bool rf_tokenizer_id(const rf_tokenizer *tokenizer, const char *piece, size_t len, uint32_t *id)
{
    uint32_t ignored;

    return tokenizer != NULL && piece != NULL && rf__tokenizer_id(tokenizer, piece, len, id != NULL ? id : &ignored);
}

rf_token_kind rf_tokenizer_kind(const rf_tokenizer *tokenizer, uint32_t id)
{
    return tokenizer != NULL ? rf__tokenizer_kind(tokenizer, id) : RF_TOKEN_NONE;
}

/* ---- Decoding ----------------------------------------------------------------------------------------------- */

rf_status rf_tokenizer_decode(const rf_tokenizer *tokenizer, const uint32_t *ids, size_t n, bool skip_special_tokens,
                              char **out, size_t *out_len, rf_error *err)
{
    size_t ignored;

    if (tokenizer == NULL || out == NULL || (ids == NULL && n > 0))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_tokenizer_decode: %s is NULL",
                        tokenizer == NULL ? "tokenizer"
                        : out == NULL     ? "out"
                                          : "ids");
    return rf__decode(tokenizer, ids, n, skip_special_tokens, out, out_len != NULL ? out_len : &ignored, err);
}

static struct decode_stream *inner(rf_decode_stream *stream)
{
    return (struct decode_stream *)stream;
}

rf_status rf_decode_stream_new(const rf_tokenizer *tokenizer, bool skip_special_tokens, rf_decode_stream **out,
                               rf_error *err)
{
    struct decode_stream *stream;

    if (tokenizer == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_decode_stream_new: %s is NULL",
                        tokenizer == NULL ? "tokenizer" : "out");
    stream = rf__decode_stream_new(tokenizer, skip_special_tokens);
    if (stream == NULL)
        return rf__fail_memory(err);
    *out = (rf_decode_stream *)stream;
    return RF_OK;
}

void rf_decode_stream_free(rf_decode_stream *stream)
{
    rf__decode_stream_free(inner(stream));
}

static rf_status step(const char *function, rf_decode_stream *stream, const uint32_t *ids, size_t n, bool is_end,
                      const char **text, size_t *len, rf_error *err)
{
    rf_text part;
    rf_status status;

    if (stream == NULL || text == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: %s is NULL", function, stream == NULL ? "stream" : "text");
    status = rf__decode_stream_step(inner(stream), ids, n, is_end, &part, err);
    if (status != RF_OK)
        return status;
    *text = part.data;
    if (len != NULL)
        *len = part.len;
    return RF_OK;
}

rf_status rf_decode_stream_step(rf_decode_stream *stream, uint32_t id, const char **text, size_t *len, rf_error *err)
{
    return step("rf_decode_stream_step", stream, &id, 1, false, text, len, err);
}

rf_status rf_decode_stream_finish(rf_decode_stream *stream, const char **text, size_t *len, rf_error *err)
{
    return step("rf_decode_stream_finish", stream, NULL, 0, true, text, len, err);
}
