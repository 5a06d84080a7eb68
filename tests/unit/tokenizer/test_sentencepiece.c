/* Models of sentencepiece: what `transformers` and `sentencepiece` said of committed texts, and files that are none. */
#include "tokenizer_fixture.h"

#include "os/os.h"
#include "tokenizer/files/sentencepiece_model.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    "xlm-roberta", "camembert",     "t5",           "albert",       "deberta-v2", "llama-legacy",   "llama-new",
    "gemma",       "plain-unigram", "plain-suffix", "plain-spaces", "plain-bpe",  "plain-bpe-user", "xlnet",
    "big_bird",    "random-62",
};
#define N_NAMES (sizeof names / sizeof names[0])

static const char *path_of(size_t i, const char *file)
{
    static char path[200];

    (void)snprintf(path, sizeof path, "tests/golden/sentencepiece/%s%s", names[i], file);
    return golden_path(path);
}

static void check_line(const struct rf_tokenizer *t, struct fixture_call *call, const char *line, size_t len)
{
    struct json json;
    uint32_t ids[512];
    yyjson_val *text, *expected;
    struct encode_request request = {0};

    assert_ok(rf__json_parse(&json, line, len, "cases.jsonl", err));
    text = yyjson_obj_get(json.root, "text");
    expected = yyjson_obj_get(json.root, "ids");
    request.text = (rf_text){yyjson_get_str(text), yyjson_get_len(text)};
    assert_in_range(yyjson_arr_size(expected), 0, 512);
    for (size_t i = 0; i < yyjson_arr_size(expected); i++)
        ids[i] = (uint32_t)yyjson_get_uint(yyjson_arr_get(expected, i));
    fixture_encode(t, call, &request);
    assert_ids(&call->encoding, ids, yyjson_arr_size(expected));
    for (size_t i = 0; i < call->encoding.n; i++)
        assert_true(call->encoding.begin[i] <= call->encoding.end[i] && call->encoding.end[i] <= request.text.len);
    rf__json_release(&json);
}

static void as_the_references(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_NAMES; i++) {
        struct rf_tokenizer *t;
        struct fixture_call call = {0};
        struct buf lines;
        size_t n = 0;
        assert_ok(rf__tokenizer_open(path_of(i, ""), false, NULL, &t, err));
        rf__buf_init(&lines, RF_JSON_MAX_BYTES);
        assert_ok(rf__os_read_file(path_of(i, "/cases.jsonl"), &lines, err));
        for (const char *at = lines.data, *end; (end = strchr(at, '\n')) != NULL; at = end + 1, n++)
            check_line(t, &call, at, (size_t)(end - at));
        assert_in_range(n, 40, 1000);
        rf__buf_release(&lines);
        fixture_release(&call);
        rf__tokenizer_free(t);
    }
}

/* ---- Files that are none ------------------------------------------------------------------------------------ */

static const struct {
    const char *bytes, *config;
    size_t len;
    rf_status status;
    const char *message;
} faults[] = {
#define FILE_OF(BYTES) BYTES, NULL, sizeof(BYTES) - 1
#define PIECE_A                                                                                                        \
    "\x0a\x03\x0a\x01"                                                                                                 \
    "a"
#define USER_B                                                                                                         \
    "\x0a\x05\x0a\x01"                                                                                                 \
    "b\x18\x04"
    {FILE_OF(""), RF_BAD_FORMAT, "is no model of sentencepiece"},
    {FILE_OF("{\"version\": 1}"), RF_BAD_FORMAT, "is no model of sentencepiece"},
    {FILE_OF("\x0a\x7f\x0a\x01"
             "a"),
     RF_BAD_FORMAT, "is cut off"},
    {FILE_OF("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), RF_BAD_FORMAT, "is cut off"},
    {FILE_OF("\x0a\x02\x0a\x05"), RF_BAD_FORMAT, "is damaged"},
    {FILE_OF(PIECE_A "\x02\x00"), RF_BAD_FORMAT, "is cut off"},                 /* no field has the number 0 */
    {FILE_OF(PIECE_A "\x82\x80\x80\x80\x10\x00"), RF_BAD_FORMAT, "is cut off"}, /* or 2^29 */
    {FILE_OF(PIECE_A PIECE_A "\xfa\xff\xff\xff\x0f\x00"), RF_BAD_FORMAT, "some pieces are the same"},
    {FILE_OF("\x0a\x00"), RF_BAD_FORMAT, "piece 0 is empty"},
    {FILE_OF("\x0a\x03\x0a\x01\xff"), RF_BAD_FORMAT, "piece 0 is not valid UTF-8"},
    {FILE_OF(PIECE_A "\x0a\x08\x0a\x01"
                     "b"
                     "\x15\x00\x00\xc0\x7f"),
     RF_BAD_FORMAT, "the score of piece 1"},
    {FILE_OF(PIECE_A "\x12\x02\x18\x03"), RF_UNSUPPORTED, "of type 'word'"},
    {FILE_OF(PIECE_A "\x12\x02\x18\x04"), RF_UNSUPPORTED, "of type 'char'"},
    {FILE_OF(PIECE_A "\x12\x02\x18\x09"), RF_UNSUPPORTED, "of type 'unknown'"},
    {FILE_OF(PIECE_A "\x12\x03\xc0\x02\x07"), RF_BAD_FORMAT, "has the id 7, but there are 1"},
    {FILE_OF(PIECE_A PIECE_A), RF_BAD_FORMAT, "some pieces are the same"},
    {FILE_OF(PIECE_A USER_B USER_B), RF_BAD_FORMAT, "tokenizer.model: some pieces are the same"},
    {FILE_OF(PIECE_A USER_B USER_B "\x12\x02\x18\x02"), RF_BAD_FORMAT, "tokenizer.model: some pieces are the same"},
    {FILE_OF(PIECE_A "\x0a\x04\x0a\x02"
                     "ab"
                     "\x12\x02\x18\x02"),
     RF_UNSUPPORTED, "whose piece 'ab' has the character 'b', which is no piece"},
    {PIECE_A, "{\"tokenizer_class\":\"MBartTokenizerFast\"}", 5, RF_UNSUPPORTED, "the class 'MBartTokenizerFast'"},
    {PIECE_A, "{\"tokenizer_class\":\"MyTokenizer\"}", 5, RF_UNSUPPORTED,
     "tokenizer.model: unsupported: the class 'MyTokenizer' on such a file; a tokenizer.json is needed"},
    {PIECE_A, "{\"tokenizer_class\":\"LlamaTokenizer\"}", 5, RF_UNSUPPORTED, "a Unigram model of sentencepiece"},
    {PIECE_A, "{\"tokenizer_class\":3}", 5, RF_BAD_FORMAT, "tokenizer_class"},
    {PIECE_A, "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":100000}", 5, RF_BAD_FORMAT, "extra_ids"},
    {PIECE_A, "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":0}", 5, RF_BAD_FORMAT, "has the id 2"},
};

static void unreadable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct vocab_companions companions = {0};
        struct rf_tokenizer t = {0};
        rf_error fault = {0};
        const char *config = faults[i].config;
        if (config != NULL)
            assert_ok(rf__json_parse(&companions.config, config, strlen(config), "tokenizer_config.json", err));
        assert_int_equal(rf__tokenizer_read_sentencepiece(&t, faults[i].bytes, faults[i].len, "tokenizer.model",
                                                          &companions, false, NULL, &fault),
                         faults[i].status);
        if (strstr(fault.message, faults[i].message) == NULL)
            fail_msg("expected '%s' in '%s'", faults[i].message, fault.message);
        rf__tokenizer_release(&t);
        rf__json_release(&companions.config);
    }
}

/* Cut off anywhere, a file is refused or is a model of fewer pieces. */
static void truncated_anywhere(void **state)
{
    struct buf file;

    (void)state;
    rf__buf_init(&file, RF_JSON_MAX_BYTES);
    assert_ok(rf__os_read_file(path_of(0, "/tokenizer.model"), &file, err));
    for (size_t len = 0; len < file.len; len++) {
        struct vocab_companions companions = {0};
        struct rf_tokenizer t = {0};
        rf_error fault = {0};
        char *copy = malloc(len + 1); /* so that a read behind the end is seen */
        memcpy(copy, file.data, len);
        if (rf__tokenizer_read_sentencepiece(&t, copy, len, "m", &companions, false, NULL, &fault) != RF_OK)
            assert_true(fault.message[0] != '\0');
        rf__tokenizer_release(&t);
        free(copy);
    }
    rf__buf_release(&file);
}

/* Every allocation fails once. */
static void out_of_memory(void **state)
{
    static const size_t which[] = {0, 2, 3, 6, 8, 11};

    (void)state;
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        rf_status status = RF_NO_MEMORY;
        for (uint64_t n = 1; status != RF_OK; n++) {
            struct rf_tokenizer *t = NULL;
            rf_error fault = {0};
            const char *path = path_of(which[i], "");
            rf__alloc_fail_at(n);
            status = rf__tokenizer_open(path, true, NULL, &t, &fault);
            rf__alloc_fail_at(0);
            assert_true(status == RF_OK || status == RF_NO_MEMORY);
            rf__tokenizer_free(t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_references),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
