/* Chains of stages that make a text longer and longer, and patterns that take more and more steps: stopped at the
 * ceilings of text.h and regex.h, by name, in little memory. */
#include "tokenizer_fixture.h"

#include "base/buf.h"
#include "tokenizer/encode.h"

#define DOUBLE              "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}"
#define DOUBLES_5           DOUBLE "," DOUBLE "," DOUBLE "," DOUBLE "," DOUBLE
#define DOUBLES_30          DOUBLES_5 "," DOUBLES_5 "," DOUBLES_5 "," DOUBLES_5 "," DOUBLES_5 "," DOUBLES_5
#define BYTES               "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}"
#define BYTES_5             BYTES "," BYTES "," BYTES "," BYTES "," BYTES
#define BYTES_30            BYTES_5 "," BYTES_5 "," BYTES_5 "," BYTES_5 "," BYTES_5 "," BYTES_5
#define TEN                 "0123456789"
#define HUNDRED             TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

#define NORMALIZERS(LIST)   "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" LIST "]}"
#define PRETOKENIZERS(LIST) "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" LIST "]}"
#define DECODERS(LIST)      "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[" LIST "]}"
#define REASON              "makes a text more than 64 times as long, which no real tokenizer does"

/* The model knows a and aa, and nothing else. */
static void read_with(struct rf_tokenizer *tokenizer, const char *stage)
{
    struct buf json;

    rf__buf_init(&json, (size_t)1 << 20);
    assert_ok(rf__buf_printf(&json, err,
                             "{%s,\"model\":{\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{\"?\":0,\"a\":1,\"aa\":2},"
                             "\"merges\":[[\"a\",\"a\"]]}}",
                             stage));
    fixture_read(tokenizer, json.data);
    rf__buf_release(&json);
}

/* `unit` again and again. */
static rf_text repeat(struct buf *out, const char *unit, size_t times)
{
    rf__buf_init(out, (size_t)64 << 20);
    for (size_t i = 0; i < times; i++)
        assert_ok(rf__buf_append_str(out, unit, err));
    return (rf_text){out->data, out->len};
}

static void encoding_stops(void **state)
{
    static const struct {
        const char *stage, *unit;
        size_t times;      /* of which nothing comes but the message */
        size_t still_good; /* of which ids come */
        const char *message;
    } cases[] = {
        {NORMALIZERS(DOUBLES_30), "a", 1, 0, "normalizer 'Replace': " REASON},
        {NORMALIZERS(DOUBLES_30), "a b", 1000, 0, "normalizer 'Replace': " REASON},
        {NORMALIZERS(DOUBLES_5), "a", SIZE_MAX, 50000, NULL}, /* 32 times as long */
        {NORMALIZERS(DOUBLES_5 "," DOUBLE "," DOUBLE), "a", 100000, 8192, "normalizer 'Replace': " REASON},
        {NORMALIZERS("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a|b\"},\"content\":\"" HUNDRED "\"}"), "a", 40000,
         10000, "normalizer 'Replace': " REASON},
        {NORMALIZERS("{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"" HUNDRED "\"}"), "a", 40000,
         10000, "normalizer 'Replace': " REASON},
        {NORMALIZERS("{\"type\":\"NFKD\"},{\"type\":\"ByteLevel\"}"), "\xEF\xB7\xBA", SIZE_MAX, 20000, NULL},
        {PRETOKENIZERS(BYTES_30), "\xC3\xA9", 1, 0, "pre_tokenizer 'ByteLevel': " REASON},
        {PRETOKENIZERS(BYTES_5), "\xC3\xA9", SIZE_MAX, 20000, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer tokenizer;
        struct fixture_call call = {0};
        struct encode_request request;
        rf_error fault = {0};
        struct buf long_text, good_text;
        read_with(&tokenizer, cases[i].stage);
        request.text = repeat(&good_text, cases[i].unit, cases[i].still_good);
        request = (struct encode_request){.text = request.text};
        fixture_encode(&tokenizer, &call, &request);
        if (cases[i].message != NULL) {
            request.text = repeat(&long_text, cases[i].unit, cases[i].times);
            assert_int_equal(rf__encode(&tokenizer, &request, call.scratch, &call.encoding, &fault), RF_UNSUPPORTED);
            assert_string_equal(fault.message, cases[i].message);
            rf__buf_release(&long_text);
            /* What was left behind does not count for the next text. */
            request.text = (rf_text){good_text.data, good_text.len};
            fixture_encode(&tokenizer, &call, &request);
        }
        fixture_release(&call);
        rf__buf_release(&good_text);
        rf__tokenizer_release(&tokenizer);
    }
}

static void decoding_stops(void **state)
{
    struct rf_tokenizer tokenizer;
    uint32_t ids[1000];
    char *text;
    size_t len;
    rf_error fault = {0};

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        ids[i] = 1;
    read_with(&tokenizer, DECODERS(DOUBLES_30));
    assert_int_equal(rf__decode(&tokenizer, ids, 1, false, &text, &len, &fault), RF_UNSUPPORTED);
    assert_string_equal(fault.message, "decoder 'Replace': " REASON);
    rf__tokenizer_release(&tokenizer);
    read_with(&tokenizer, DECODERS(DOUBLES_5));
    assert_ok(rf__decode(&tokenizer, ids, 1000, false, &text, &len, err));
    assert_int_equal(len, 32000);
    rf__free(text);
    rf__tokenizer_release(&tokenizer);
}

/* Id by id, where a decoder holds all back till the end. */
static void what_is_held_is_no_growth(void **state)
{
    struct rf_tokenizer tokenizer;
    struct decode_stream *stream;
    rf_text part;
    uint32_t id = 1;

    (void)state;
    read_with(&tokenizer, DECODERS("{\"type\":\"CTC\",\"pad_token\":\"?\",\"word_delimiter_token\":\"|\",\"cleanup\":"
                                   "false},{\"type\":\"Fuse\"}," DOUBLE));
    stream = rf__decode_stream_new(&tokenizer, false);
    assert_non_null(stream);
    for (size_t i = 0; i < 20000; i++)
        assert_ok(rf__decode_stream_step(stream, &id, 1, i == 19999, &part, err));
    rf__decode_stream_free(stream);
    rf__tokenizer_release(&tokenizer);
}

#define SPLIT(PATTERN)                                                                                                 \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" PATTERN "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define REPLACE(PATTERN) "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"" PATTERN "\"},\"content\":\"\"}"

/* Steps are counted for a text, not for each of the pieces that a pattern sees. */
static void patterns_stop(void **state)
{
    static const struct {
        const char *stage, *unit, *message;
        size_t times;
    } cases[] = {
        {PRETOKENIZERS(SPLIT("(?:a|a)+(?<!a)")), "a", "pre_tokenizer 'Split': regular expression '(?:a|a)+(?<!a)'", 30},
        {PRETOKENIZERS(SPLIT("a++b")), "a", "pre_tokenizer 'Split': regular expression 'a++b'", 50000},
        {PRETOKENIZERS("{\"type\":\"WhitespaceSplit\"}," SPLIT("(?:a|a)+(?<!a)")), "aaaaaaaaaaaaaaaa ",
         "pre_tokenizer 'Split': regular expression '(?:a|a)+(?<!a)'", 300},
        {NORMALIZERS(REPLACE("(?:a|a)+(?<!a)")), "a", "normalizer 'Replace': regular expression '(?:a|a)+(?<!a)'", 30},
        {NORMALIZERS(REPLACE("[ab]++c")), "ab", "normalizer 'Replace': regular expression '[ab]++c'", 50000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer tokenizer;
        struct fixture_call call = {.scratch = rf__encode_scratch_new()};
        struct buf long_text;
        struct encode_request request = {.text = repeat(&long_text, cases[i].unit, cases[i].times)};
        rf_error fault = {0};
        read_with(&tokenizer, cases[i].stage);
        assert_int_equal(rf__encode(&tokenizer, &request, call.scratch, &call.encoding, &fault), RF_UNSUPPORTED);
        if (strncmp(fault.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("'%s', expected '%s…'", fault.message, cases[i].message);
        request.text = text_of("aaa");
        fixture_encode(&tokenizer, &call, &request);
        rf__buf_release(&long_text);
        fixture_release(&call);
        rf__tokenizer_release(&tokenizer);
    }
}

/* What a long text took is not kept for later ones, also when a short text came in between. */
static void long_texts_leave_nothing(void **state)
{
    static const char *const stages[] = {
        "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}",
        NORMALIZERS("{\"type\":\"NFC\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}"),
        PRETOKENIZERS("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"split\":false}"),
    };
    (void)state;

    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        for (int is_space = 0; is_space < 2; is_space++) {
            struct rf_tokenizer tokenizer;
            struct buf text;
            struct rf_text texts[2] = {repeat(&text, is_space ? "        " : "aaaaaaaa", 2500000), {"a", 1}};
            struct encode_scratch *scratch;
            size_t n;
            read_with(&tokenizer, stages[i]);
            for (int k = 0; k < 2; k++) {
                struct fixture_call call = {.scratch = rf__scratch_take(&tokenizer)};
                struct encode_request request = {.text = texts[k], .max_tokens = 8};
                assert_int_equal(rf__encode(&tokenizer, &request, call.scratch, &call.encoding, &(rf_error){0}), RF_OK);
                rf__encoding_release(&call.encoding);
                rf__scratch_give(&tokenizer, call.scratch);
            }
            scratch = rf__scratch_take(&tokenizer);
            n = rf__text_buf_bytes(&scratch->normalized) + rf__text_buf_bytes(&scratch->lists[0].own) +
                rf__text_buf_bytes(&scratch->lists[1].own);
            for (int k = 0; k < RF_MAX_CHAIN; k++)
                n += rf__text_buf_bytes(&scratch->normalize.queues[k].text);
            assert_true(n <= (size_t)16 << 20);
            rf__encode_scratch_free(scratch);
            rf__buf_release(&text);
            rf__tokenizer_release(&tokenizer);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_stops),
        cmocka_unit_test(decoding_stops),
        cmocka_unit_test(patterns_stop),
        cmocka_unit_test(what_is_held_is_no_growth),
        cmocka_unit_test(long_texts_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
