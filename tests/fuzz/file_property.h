/* file_property: what holds for a tokenizer that was made of a hostile file: a text is refused with a message, or its
 * ids are below the vocabulary's size and its offsets lie in the text. */
#ifndef RF_FUZZ_FILE_PROPERTY_H
#define RF_FUZZ_FILE_PROPERTY_H

#include "fuzz.h"

#include "tokenizer/files/files.h"

#include <string.h>

/* The next of several files that lie one behind the other with a NUL between. */
static inline rf_text next_file(const uint8_t *data, size_t size, size_t *at, bool is_last)
{
    const uint8_t *end = *at < size && !is_last ? memchr(data + *at, 0, size - *at) : NULL;
    rf_text file = {(const char *)data + *at, end == NULL ? size - *at : (size_t)(end - data) - *at};

    *at += file.len + (end != NULL);
    return file;
}

/* The rest of the bytes: tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json; an empty one
 * is not there. To be released, also when it fails. */
static inline rf_status read_companions(const uint8_t *data, size_t size, size_t at, struct vocab_companions *out,
                                        rf_error *err)
{
    struct json *files[] = {&out->config, &out->special_tokens_map, &out->added_tokens, &out->model_config};
    rf_status status = RF_OK;

    for (int i = 0; i < 4 && status == RF_OK; i++) {
        rf_text file = next_file(data, size, &at, i == 3);
        bool is_read = i == 0 || i == 3 || !rf__config_says_all_tokens(&out->config);
        if (file.len > 0 && is_read)
            status = rf__json_parse(files[i], file.data, file.len, "fuzz", err);
    }
    return status;
}

static void check_tokenizer(const struct rf_tokenizer *tokenizer, const char *text, size_t len)
{
    struct encode_request request = {.text = {text, len}};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    rf_error err = {0};

    check(scratch != NULL);
    if (rf__encode(tokenizer, &request, scratch, &encoding, &err) == RF_OK)
        for (size_t i = 0; i < encoding.n; i++)
            check(encoding.ids[i] < rf__tokenizer_vocab_size(tokenizer) && encoding.begin[i] <= encoding.end[i] &&
                  encoding.end[i] <= len);
    else
        check(err.message[0] != '\0');
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
}

/* What came of the files. Releases the tokenizer. */
static void check_read(rf_status status, struct rf_tokenizer *tokenizer, const rf_error *err, const char *text,
                       size_t len)
{
    if (status == RF_OK)
        check_tokenizer(tokenizer, text, len);
    else
        check(err->message[0] != '\0');
    rf__tokenizer_release(tokenizer);
}

#endif
