/*
 * encode_cases: our half of tokenizer_oracle.py. Opens the tokenizer named by the first argument (a second one,
 * "lower", is sentence_bert_config.json's do_lower_case) and answers what comes on standard input, until it ends.
 * Little-endian:
 *
 *     question  u8 flags (1 a pair follows, 2 no special tokens, 4 decode as well), u8 truncate, u32 max_tokens,
 *               u32 length, text[, u32 length, text]
 *     answer    u32 status, then for RF_OK: u8 truncated, u32 n, u32 ids[n], u32 types[n], u32 begin[n], u32 end[n],
 *               u8 special[n][, u32 length, text without and with special tokens]
 *               else: u32 length, message
 */
#include "base/buf.h"
#include "base/mem.h"
#include "tokenizer/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_PAIR = 1, FLAG_NO_SPECIAL = 2, FLAG_DECODE = 4 };

static void die(const char *message)
{
    fprintf(stderr, "encode_cases: %s\n", message);
    exit(1);
}

static bool read_bytes(void *out, size_t n)
{
    size_t got = fread(out, 1, n, stdin);

    if (got != n && got != 0)
        die("a question is cut off");
    return got == n;
}

static uint32_t read_u32(void)
{
    uint8_t b[4] = {0};

    if (!read_bytes(b, 4))
        die("a question is cut off");
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* A copy of its own size, so that AddressSanitizer sees a read behind its end. */
static rf_text read_text(void)
{
    size_t len = read_u32();
    char *data = rf__alloc(len);

    if (data == NULL || (len > 0 && !read_bytes(data, len)))
        die("a text is cut off");
    return (rf_text){data, len};
}

static void write_u32(uint32_t x)
{
    uint8_t b[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)};

    fwrite(b, 1, 4, stdout);
}

static void write_text(const char *data, size_t len)
{
    write_u32((uint32_t)len);
    fwrite(data, 1, len, stdout);
}

static void write_decoded(const struct rf_tokenizer *tokenizer, const struct encoding *encoding, bool skip)
{
    rf_error err = {0};
    char *text;
    size_t len;

    if (rf__decode(tokenizer, encoding->ids, encoding->n, skip, &text, &len, &err) != RF_OK)
        die(err.message);
    write_text(text, len);
    rf__free(text);
}

static void write_answer(const struct rf_tokenizer *tokenizer, const struct encoding *e, bool decode)
{
    uint8_t truncated = e->truncated;

    write_u32(RF_OK);
    fwrite(&truncated, 1, 1, stdout);
    write_u32((uint32_t)e->n);
    for (size_t i = 0; i < e->n; i++)
        write_u32(e->ids[i]);
    for (size_t i = 0; i < e->n; i++)
        write_u32(e->type_ids[i]);
    for (size_t i = 0; i < e->n; i++)
        write_u32((uint32_t)e->begin[i]);
    for (size_t i = 0; i < e->n; i++)
        write_u32((uint32_t)e->end[i]);
    fwrite(e->special, 1, e->n, stdout);
    if (decode) {
        write_decoded(tokenizer, e, true);
        write_decoded(tokenizer, e, false);
    }
}

static void answer(const struct rf_tokenizer *tokenizer, struct encode_scratch *scratch, struct encoding *encoding,
                   uint8_t flags)
{
    struct encode_request request = {.no_special_tokens = (flags & FLAG_NO_SPECIAL) != 0};
    uint8_t truncate;
    rf_text pair;
    rf_error err = {0};
    rf_status status;

    if (!read_bytes(&truncate, 1))
        die("a question is cut off");
    request.truncate = (rf_truncate)truncate;
    request.max_tokens = read_u32();
    request.text = read_text();
    if (flags & FLAG_PAIR) {
        pair = read_text();
        request.pair = &pair;
    }
    status = rf__encode(tokenizer, &request, scratch, encoding, &err);
    if (status == RF_OK) {
        write_answer(tokenizer, encoding, (flags & FLAG_DECODE) != 0);
    } else {
        write_u32(status);
        write_text(err.message, strlen(err.message));
    }
    rf__free((void *)(uintptr_t)request.text.data);
    if (request.pair != NULL)
        rf__free((void *)(uintptr_t)pair.data);
}

int main(int argc, char **argv)
{
    struct rf_tokenizer *tokenizer;
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    rf_error err = {0};
    uint8_t flags;

    if (argc < 2 || scratch == NULL)
        die("usage: encode_cases TOKENIZER [lower]");
    if (rf__tokenizer_open(argv[1], argc > 2, NULL, &tokenizer, &err) != RF_OK)
        die(err.message);
    while (read_bytes(&flags, 1))
        answer(tokenizer, scratch, &encoding, flags);
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    rf__tokenizer_free(tokenizer);
    return 0;
}
