/* api_tokenizer: the entry points of rag_factory.h for tokenizers. */
#include "api/options.h"
#include "base/mem.h"
#include "tokenizer/tokenizer.h"

rf_status rf_tokenizer_open(const char *path, rf_tokenizer **out, rf_error *err)
{
    if (path == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_tokenizer_open: %s is NULL", path == NULL ? "path" : "out");
    return rf__tokenizer_open(path, false, NULL, out, err);
}

void rf_tokenizer_free(rf_tokenizer *tokenizer)
{
    rf__tokenizer_free(tokenizer);
}

size_t rf_tokenizer_vocab_size(const rf_tokenizer *tokenizer)
{
    return rf__tokenizer_vocab_size(tokenizer);
}

const char *rf_tokenizer_piece(const rf_tokenizer *tokenizer, uint32_t id, size_t *len)
{
    size_t ignored;

    return rf__tokenizer_piece(tokenizer, id, len != NULL ? len : &ignored);
}

void rf_encode_options_init(rf_encode_options *options, size_t size)
{
    rf__options_init(options, size);
}

/* What rf_encoding points into. */
struct owned_encoding {
    rf_encoding shown; /* first: the caller's pointer is this one */
    struct encoding kept;
};

rf_status rf_tokenizer_encode(const rf_tokenizer *tokenizer, rf_text text, const rf_text *pair,
                              const rf_encode_options *options, rf_encoding **out, rf_error *err)
{
    struct owned_encoding *owned = NULL;
    struct encode_scratch *scratch = NULL;
    rf_encode_options own;
    rf_status status = rf__options_copy(options, &own, sizeof own, "rf_encode_options", err);
    struct encode_request request;

    if (status != RF_OK)
        return status;
    if (tokenizer == NULL || out == NULL || (text.data == NULL && text.len > 0) ||
        (pair != NULL && pair->data == NULL && pair->len > 0))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_tokenizer_encode: %s is NULL",
                        tokenizer == NULL ? "tokenizer"
                        : out == NULL     ? "out"
                                          : "a text");
    if ((unsigned)own.truncate > RF_TRUNCATE_ERROR)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_encode_options: truncate is %d", (int)own.truncate);
    request = (struct encode_request){.text = text,
                                      .pair = pair,
                                      .no_special_tokens = own.no_special_tokens,
                                      .max_tokens = own.max_tokens,
                                      .truncate = own.truncate};
    owned = rf__calloc(1, sizeof *owned);
    scratch = rf__encode_scratch_new();
    status = owned == NULL || scratch == NULL ? rf__fail_memory(err)
                                              : rf__encode(tokenizer, &request, scratch, &owned->kept, err);
    rf__encode_scratch_free(scratch);
    if (status != RF_OK) {
        rf_encoding_free(owned != NULL ? &owned->shown : NULL);
        return status;
    }
    owned->shown = (rf_encoding){.n = owned->kept.n,
                                 .ids = owned->kept.ids,
                                 .type_ids = owned->kept.type_ids,
                                 .begin = owned->kept.begin,
                                 .end = owned->kept.end,
                                 .special = owned->kept.special,
                                 .truncated = owned->kept.truncated};
    *out = &owned->shown;
    return RF_OK;
}

void rf_encoding_free(rf_encoding *encoding)
{
    struct owned_encoding *owned = (struct owned_encoding *)encoding;

    if (owned == NULL)
        return;
    rf__encoding_release(&owned->kept);
    rf__free(owned);
}

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
