/*
 * encode_cases: our half of the oracle. Opens the tokenizer named by the first argument (a second one, "lower", is
 * sentence_bert_config.json's do_lower_case) and answers what comes on standard input, until it ends. Little-endian:
 *
 *     question  u8 flags (1 a pair follows, 2 no special tokens, 4 decode as well, 8 only ids), u8 truncate,
 *               u8 strategy, u32 max_tokens, u32 stride, u32 length, text[, u32 length, text]
 *     answer    u32 bytes that follow, u32 status, then for RF_OK: u32 n_pieces, the encoding and its overflow, each as
 *                   u32 n, u32 ids[n], u32 types[n], u32 words[n], u32 begin and end[2n] in characters, u8 special[n]
 *               [, u32 length, text without and with special tokens]; with flag 8: u32 n, u32 ids[n]
 *               else: the message
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_PAIR = 1, FLAG_NO_SPECIAL = 2, FLAG_DECODE = 4, FLAG_IDS = 8 };

static struct buf answer; /* of one question */

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

static void put_bytes(const void *data, size_t len)
{
    rf_error err;

    if (rf__buf_append(&answer, data, len, &err) != RF_OK)
        die(err.message);
}

static void put_u32(uint32_t x)
{
    uint8_t b[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), (uint8_t)(x >> 24)};

    put_bytes(b, 4);
}

static void put_array(const uint32_t *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_u32(items[i]);
}

static void put_decoded(const struct rf_tokenizer *tokenizer, const struct encoding *encoding, bool skip)
{
    rf_error err = {0};
    char *text;
    size_t len;

    if (rf__decode(tokenizer, encoding->ids, encoding->n, skip, &text, &len, &err) != RF_OK)
        die(err.message);
    put_u32((uint32_t)len);
    put_bytes(text, len);
    rf__free(text);
}

static void put_encoding(const struct encoding *e)
{
    put_u32((uint32_t)e->n);
    put_array(e->ids, e->n);
    put_array(e->type_ids, e->n);
    put_array(e->words, e->n);
    for (size_t i = 0; i < e->n; i++) {
        put_u32((uint32_t)e->begin_char[i]);
        put_u32((uint32_t)e->end_char[i]);
    }
    put_bytes(e->special, e->n);
}

static void put_answer(const struct rf_tokenizer *tokenizer, const struct encoding *e, uint8_t flags)
{
    put_u32(RF_OK);
    if (flags & FLAG_IDS) {
        put_u32((uint32_t)e->n);
        put_array(e->ids, e->n);
        return;
    }
    put_u32(1 + (uint32_t)e->n_overflow);
    put_encoding(e);
    for (size_t i = 0; i < e->n_overflow; i++)
        put_encoding(&e->overflow[i]);
    if (flags & FLAG_DECODE) {
        put_decoded(tokenizer, e, true);
        put_decoded(tokenizer, e, false);
    }
}

/* The ways that give less must give the same of it: ids without alignment, and their number. */
static void check_short_ways(const struct rf_tokenizer *tokenizer, struct encode_request request,
                             struct encode_scratch *scratch, const struct encoding *full)
{
    static struct encoding ids;
    rf_error err = {0};
    size_t count;

    request.no_alignment = true;
    request.overflow = request.characters = false;
    if (rf__encode(tokenizer, &request, scratch, &ids, &err) != RF_OK)
        die(err.message);
    if (ids.n != full->n || (ids.n > 0 && memcmp(ids.ids, full->ids, ids.n * sizeof *ids.ids) != 0))
        die("other ids without alignment");
    if (request.pair != NULL || request.max_tokens > 0)
        return;
    if (rf__count_tokens(tokenizer, request.text, request.no_special_tokens, SIZE_MAX, scratch, &count, &err) != RF_OK)
        die(err.message);
    if (count != full->n)
        die("another number of tokens when they are counted");
}

/* The byte at which each character of a text begins, and the text's length. */
static size_t *bytes_of_chars(rf_text text)
{
    size_t *begins = rf__alloc_array(text.len + 1, sizeof *begins), n = 0;

    if (begins == NULL)
        die("out of memory");
    for (size_t at = 0; at < text.len;) {
        uint32_t c;
        begins[n++] = at;
        at += rf__utf8_decode(text.data + at, text.len - at, &c);
    }
    begins[n] = text.len;
    return begins;
}

/* The bytes of a token are those of its characters, which are compared with the reference's: they slice the text. */
static void check_slices(const struct encode_request *request, const struct encoding *e)
{
    size_t *begins[2] = {bytes_of_chars(request->text), request->pair == NULL ? NULL : bytes_of_chars(*request->pair)};

    for (size_t piece = 0; piece <= e->n_overflow; piece++) {
        const struct encoding *part = piece == 0 ? e : &e->overflow[piece - 1];
        for (size_t i = 0; i < part->n; i++) {
            const size_t *of = part->sequence[i] < 0 ? NULL : begins[part->sequence[i]];
            if (part->special[i] || of == NULL
                    ? part->begin[i] != 0 || part->end[i] != 0
                    : part->begin[i] != of[part->begin_char[i]] || part->end[i] != of[part->end_char[i]])
                die("a token's bytes are not those of its characters");
        }
    }
    rf__free(begins[0]);
    rf__free(begins[1]);
}

static void send_answer(void)
{
    uint32_t n = (uint32_t)answer.len;
    uint8_t b[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};

    fwrite(b, 1, 4, stdout);
    fwrite(answer.data, 1, answer.len, stdout);
    rf__buf_clear(&answer);
}

static void answer_question(const struct rf_tokenizer *tokenizer, struct encode_scratch *scratch,
                            struct encoding *encoding, uint8_t flags)
{
    struct encode_request request = {.no_special_tokens = (flags & FLAG_NO_SPECIAL) != 0};
    uint8_t how[2];
    rf_text pair;
    rf_error err = {0};
    rf_status status;

    if (!read_bytes(how, 2))
        die("a question is cut off");
    request.truncate = (rf_truncate)how[0];
    request.strategy = (rf_strategy)how[1];
    request.max_tokens = read_u32();
    request.stride = read_u32();
    request.overflow = request.max_tokens > 0 && !(flags & FLAG_IDS);
    request.characters = true;
    request.no_alignment = (flags & FLAG_IDS) != 0;
    request.text = read_text();
    if (flags & FLAG_PAIR) {
        pair = read_text();
        request.pair = &pair;
    }
    status = rf__encode(tokenizer, &request, scratch, encoding, &err);
    if (status == RF_OK) {
        put_answer(tokenizer, encoding, flags);
        if (!request.no_alignment) {
            check_slices(&request, encoding);
            check_short_ways(tokenizer, request, scratch, encoding);
        }
    } else {
        put_u32(status);
        put_bytes(err.message, strlen(err.message));
    }
    send_answer();
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

    rf__buf_init(&answer, (size_t)1 << 31);
    if (argc < 2 || scratch == NULL)
        die("usage: encode_cases TOKENIZER [lower]");
    if (rf__tokenizer_open(argv[1], argc > 2, NULL, &tokenizer, &err) != RF_OK)
        die(err.message);
    while (read_bytes(&flags, 1))
        answer_question(tokenizer, scratch, &encoding, flags);
    rf__buf_release(&answer);
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    rf__tokenizer_free(tokenizer);
    return 0;
}
