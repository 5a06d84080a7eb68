/* text_property: what holds for any bytes that a tokenizer is given. The ids are those of the same text made
 * well-formed; the offsets lie in the text, between characters; a limit gives the first of the ids, and counting their
 * number; the ids can be decoded. The first byte of the input chooses the tokenizer, the second the limit. */
#ifndef RF_FUZZ_TEXT_PROPERTY_H
#define RF_FUZZ_TEXT_PROPERTY_H

#include "fuzz.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/files/files.h"

#include <string.h>

static bool is_boundary(const struct text *repaired, size_t at)
{
    for (size_t i = 0; i < repaired->n_runs; i++)
        if (repaired->runs[i].begin == at || (repaired->runs[i].end != RF_RUN_LINEAR && repaired->runs[i].end == at))
            return true;
    return false;
}

static void check_offsets(const struct encoding *e, const struct text *repaired, const char *text, size_t len)
{
    for (size_t i = 0; i < e->n; i++) {
        size_t ends[] = {e->begin[i], e->end[i]};
        check(e->begin[i] <= e->end[i] && e->end[i] <= len);
        for (int k = 0; k < 2; k++) {
            bool continues = ends[k] < len && ((uint8_t)text[ends[k]] & 0xC0) == 0x80;
            check(!continues || is_boundary(repaired, ends[k]));
        }
    }
}

static void check_prefix(const struct encoding *whole, const struct encoding *cut, size_t limit)
{
    check(cut->n == (whole->n < limit ? whole->n : limit) && cut->truncated == (whole->n > limit));
    check(cut->n == 0 || memcmp(cut->ids, whole->ids, cut->n * sizeof *cut->ids) == 0);
    check(cut->n == 0 || memcmp(cut->end, whole->end, cut->n * sizeof *cut->end) == 0);
}

static void check_decoding(const struct rf_tokenizer *tokenizer, const struct encoding *e)
{
    rf_error err;
    char *text;
    size_t len;

    check(rf__decode(tokenizer, e->ids, e->n, true, &text, &len, &err) == RF_OK);
    check(rf__utf8_valid(text, len));
    rf__free(text);
}

static void check_text(const struct rf_tokenizer *tokenizer, const uint8_t *data, size_t size)
{
    struct encode_request request = {.no_special_tokens = true, .max_tokens = 0};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding whole = {0}, other = {0};
    struct text_buf repaired = {0};
    struct text in;
    rf_error err;
    uint32_t limit = size > 1 ? data[1] % 40u + 1 : 1;
    size_t count;

    request.text = (rf_text){(const char *)data + (size < 2 ? size : 2), size < 2 ? 0 : size - 2};
    in = rf__text_of_caller(request.text);
    check(rf__encode(tokenizer, &request, scratch, &whole, &err) == RF_OK);
    check(rf__text_buf_copy(&repaired, &in, 0, in.len, &err) == RF_OK);
    check_offsets(&whole, &repaired.text, in.data, in.len);
    check_decoding(tokenizer, &whole);
    check(rf__count_tokens(tokenizer, request.text, true, SIZE_MAX, scratch, &count, &err) == RF_OK &&
          count == whole.n);
    request.max_tokens = limit;
    check(rf__encode(tokenizer, &request, scratch, &other, &err) == RF_OK);
    check_prefix(&whole, &other, limit);
    request.max_tokens = 0;
    request.text = (rf_text){repaired.text.data, repaired.text.len};
    check(rf__encode(tokenizer, &request, scratch, &other, &err) == RF_OK);
    check(other.n == whole.n && (whole.n == 0 || memcmp(other.ids, whole.ids, whole.n * sizeof *whole.ids) == 0));
    rf__text_buf_release(&repaired);
    rf__encoding_release(&whole);
    rf__encoding_release(&other);
    rf__encode_scratch_free(scratch);
}

/* Reads the file that `data` chooses, once. */
static const struct rf_tokenizer *choose(const char *const *files, struct rf_tokenizer *all, bool *is_read, size_t n,
                                         const uint8_t *data, size_t size)
{
    size_t i = size > 0 ? data[0] % n : 0;
    rf_error err;

    if (!is_read[i])
        check(rf__tokenizer_read_json(&all[i], files[i], strlen(files[i]), "file", false, NULL, &err) == RF_OK);
    is_read[i] = true;
    return &all[i];
}

#endif
