/* Ranks of tiktoken: what becomes of a small file, which encoding it is taken for, and files that are none.
 * tests/oracle holds the real ones against tiktoken. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#include <stdlib.h>

/* A line of a rank file. */
static size_t put_line(char *out, const char *bytes, size_t len, unsigned rank)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)(uint8_t)bytes[i] << 16 | (i + 1 < len ? (uint32_t)(uint8_t)bytes[i + 1] << 8 : 0) |
                         (i + 2 < len ? (uint8_t)bytes[i + 2] : 0);
        out[n++] = digits[three >> 18];
        out[n++] = digits[three >> 12 & 63];
        out[n++] = i + 1 < len ? digits[three >> 6 & 63] : '=';
        out[n++] = i + 2 < len ? digits[three & 63] : '=';
    }
    return n + (size_t)sprintf(out + n, " %u\n", rank);
}

/* All bytes, then some pieces; `first` bytes are left out. */
static size_t write_ranks(char *out, unsigned first)
{
    static const char *const pieces[] = {"ab", "bc", "abc", " a", "abcd", "\xE4\xB8"};
    size_t len = 0;

    for (unsigned b = first; b < 256; b++) {
        char byte = (char)b;
        len += put_line(out + len, &byte, 1, b);
    }
    for (unsigned i = 0; i < 6; i++)
        len += put_line(out + len, pieces[i], strlen(pieces[i]), 256 + i);
    return len;
}

static void encodes(void **state)
{
    /* A whole piece at once, "abcd", though no merges lead there; the others by rank; special tokens. */
    static const char text[] = "abcd abc<|endoftext|>bcab\xE4\xB8\xAD";
    static const uint32_t ids[] = {260, 32, 258, 100257, 257, 256, 261, 0xAD};
    static const size_t begin[] = {0, 4, 5, 8, 21, 23, 25, 25}, end[] = {4, 5, 8, 21, 23, 25, 28, 28};
    static char ranks[8192];
    struct rf_tokenizer tokenizer = {0};
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of(text)};

    (void)state;
    assert_ok(
        rf__tokenizer_read_tiktoken(&tokenizer, ranks, write_ranks(ranks, 0), "x/cl100k_base.tiktoken", NULL, err));
    fixture_encode(&tokenizer, &call, &request);
    assert_ids(&call.encoding, ids, 8);
    assert_memory_equal(call.encoding.begin, begin, sizeof begin);
    assert_memory_equal(call.encoding.end, end, sizeof end);
    fixture_release(&call);
    rf__tokenizer_release(&tokenizer);
}

/* ---- By ranks alone ----------------------------------------------------------------------------------------- */

#define N_RANDOM 60

static uint32_t rank_of(char pieces[N_RANDOM][16], size_t n, const char *bytes, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(pieces[i]) == len && memcmp(pieces[i], bytes, len) == 0)
            return (uint32_t)(256 + i);
    return len == 1 ? (uint8_t)bytes[0] : UINT32_MAX;
}

/* As tiktoken does it: of all neighbours, those whose bytes are the piece of the lowest rank. */
static size_t merge_by_ranks(char pieces[N_RANDOM][16], const char *text, size_t len, uint32_t *ids)
{
    size_t ends[64], n = len;

    for (size_t i = 0; i < len; i++)
        ends[i] = i + 1;
    for (;;) {
        uint32_t least = UINT32_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            size_t begin = i == 0 ? 0 : ends[i - 1];
            uint32_t rank = rank_of(pieces, N_RANDOM, text + begin, ends[i + 1] - begin);
            if (rank < least) {
                least = rank;
                at = i;
            }
        }
        if (least == UINT32_MAX)
            break;
        memmove(ends + at, ends + at + 1, (n - at - 1) * sizeof *ends);
        n--;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = rank_of(pieces, N_RANDOM, text + (i == 0 ? 0 : ends[i - 1]), ends[i] - (i == 0 ? 0 : ends[i - 1]));
    return n;
}

/* Pieces by chance, in any order of length: whole words at once, others by rank. */
static void merges_by_rank(void **state)
{
    static char ranks[16384], pieces[N_RANDOM][16];

    (void)state;
    srand(5);
    for (int round = 0; round < 60; round++) {
        struct rf_tokenizer tokenizer = {0};
        struct fixture_call call = {0};
        size_t len = 0;
        for (unsigned b = 0; b < 256; b++) {
            char byte = (char)b;
            len += put_line(ranks + len, &byte, 1, b);
        }
        for (unsigned i = 0; i < N_RANDOM; i++) {
            do {
                int n = 2 + rand() % (round % 2 == 0 ? 5 : 2 + (int)i / 8);
                memset(pieces[i], 0, sizeof pieces[i]);
                for (int k = 0; k < n; k++)
                    pieces[i][k] = (char)('a' + rand() % 3);
            } while (rank_of(pieces, i, pieces[i], strlen(pieces[i])) != UINT32_MAX);
            len += put_line(ranks + len, pieces[i], strlen(pieces[i]), 256 + i);
        }
        assert_ok(rf__tokenizer_read_tiktoken(&tokenizer, ranks, len, "cl100k_base", NULL, err));
        for (int k = 0; k < 200; k++) {
            char text[64];
            uint32_t ids[64], whole;
            size_t n = 1 + (size_t)rand() % (k % 4 == 0 ? 63 : 8);
            struct encode_request request = {.text = {text, n}};
            for (size_t i = 0; i < n; i++)
                text[i] = (char)('a' + rand() % 3);
            whole = rank_of(pieces, N_RANDOM, text, n);
            n = merge_by_ranks(pieces, text, n, ids);
            if (whole != UINT32_MAX) {
                ids[0] = whole;
                n = 1;
            }
            fixture_encode(&tokenizer, &call, &request);
            assert_ids(&call.encoding, ids, n);
        }
        fixture_release(&call);
        rf__tokenizer_release(&tokenizer);
    }
}

static void keep_warning(void *user, rf_log_level level, const char *message)
{
    rf_error *kept = user;

    if (level == RF_LOG_WARNING)
        snprintf(kept->message, sizeof kept->message, "%s", message);
}

static void found_in_directory(void **state)
{
    const char *folder = scratch_directory("tiktoken");
    char *path = rf__path_join(folder, "r50k_base.tiktoken"), *plain = rf__path_join(folder, "p50k_base"),
         *second = rf__path_join(folder, "cl100k_base.tiktoken");
    static char ranks[8192];
    size_t len = write_ranks(ranks, 0);
    struct rf_tokenizer *tokenizer = NULL;
    rf_error warning = {0}, fault = {0};
    struct logger logger = {keep_warning, &warning};

    (void)state;
    write_file(path, ranks, len);
    assert_ok(rf__tokenizer_open(folder, false, &logger, &tokenizer, err));
    assert_non_null(strstr(warning.message, "r50k_base.tiktoken: has 262 ranks, where r50k_base has 50256"));
    rf__tokenizer_free(tokenizer);
    write_file(second, ranks, len);
    assert_int_equal(rf__tokenizer_open(folder, false, NULL, &tokenizer, &fault), RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "has several files *.tiktoken, the last of them r50k_base.tiktoken; name"));
    write_file(plain, ranks, len);
    assert_ok(rf__tokenizer_open(plain, false, NULL, &tokenizer, err));
    assert_int_equal(rf__tokenizer_vocab_size(tokenizer), 50257);
    rf__tokenizer_free(tokenizer);
    rf__free(path);
    rf__free(second);
    rf__free(plain);
}

static const struct {
    const char *text;
    rf_status status;
    const char *message;
} faults[] = {
    {"", RF_UNSUPPORTED, "unknown tiktoken encoding"},
    {"IQ== 0\n", RF_UNSUPPORTED, "ranks of 1 pieces of an unknown tiktoken encoding"},
    {"IQ== 16777214\n", RF_BAD_FORMAT, "rank 16777214 among 1 ranks; ranks follow each other"},
    {"IQ==0\n", RF_BAD_FORMAT, "line 1 is not 'BASE64 RANK'"},
    {"IQ== 0\n\nIQ= 1\n", RF_BAD_FORMAT, "line 3 is not 'BASE64 RANK'"},
    {"IQ== 0\nIg== x\n", RF_BAD_FORMAT, "line 2 is not"},
    {"IQ== 0\nIg== -1\n", RF_BAD_FORMAT, "line 2 is not"},
    {"IQ== 16777216\n", RF_BAD_FORMAT, "line 1 is not"},
    {"IQ== 99999999999999999999999\n", RF_BAD_FORMAT, "line 1 is not"},
    {" 0\n", RF_BAD_FORMAT, "line 1 is not"},
    {"IQ== ", RF_BAD_FORMAT, "line 1 is not"},
};

static void refused(void **state)
{
    static char ranks[8192];
    struct rf_tokenizer tokenizer = {0};
    rf_error fault = {0};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        fault = (rf_error){0};
        assert_int_equal(
            rf__tokenizer_read_tiktoken(&tokenizer, faults[i].text, strlen(faults[i].text), "x", NULL, &fault),
            faults[i].status);
        if (strstr(fault.message, faults[i].message) == NULL)
            fail_msg("expected '%s' in '%s'", faults[i].message, fault.message);
        rf__tokenizer_release(&tokenizer);
    }
    assert_int_equal(rf__tokenizer_read_tiktoken(&tokenizer, ranks, write_ranks(ranks, 1), "cl100k_base", NULL, &fault),
                     RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "has no rank of the byte 0x00"));
    rf__tokenizer_release(&tokenizer);
}

static void out_of_memory(void **state)
{
    static char ranks[8192];
    size_t len = write_ranks(ranks, 0);
    uint64_t n = 1;

    (void)state;
    for (; n < 1000; n++) {
        struct rf_tokenizer tokenizer = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__tokenizer_read_tiktoken(&tokenizer, ranks, len, "cl100k_base", NULL, &fault);
        rf__alloc_fail_at(0);
        rf__tokenizer_release(&tokenizer);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 15, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes), cmocka_unit_test(merges_by_rank), cmocka_unit_test(found_in_directory),
        cmocka_unit_test(refused), cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
