/* Every allocation fails once: the call reports it, nothing leaks, and what was there before still works. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#define TRIMMING                                                                                                       \
    "{\"version\":\"1.0\"," FIXTURE_ADDED "," FIXTURE_NORMALIZER "," FIXTURE_PRETOKENIZER                              \
    ",\"post_processor\":{\"type\":"                                                                                   \
    "\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\",\"trim_offsets\":true,\"add_prefix_space\":true},{\"type\":" \
    "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":"    \
    "\"A\","                                                                                                           \
    "\"type_id\":0}}],\"pair\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":"  \
    "1}}],"                                                                                                            \
    "\"special_tokens\":{\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2],\"tokens\":[\"[CLS]\"]}}}]}," FIXTURE_MODEL "}"
#define WITH_DECODERS                                                                                                  \
    "{\"version\":\"1.0\"," FIXTURE_ADDED                                                                              \
    ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":"                             \
    "{\"String\":\"a\"},\"content\":\"<0xE4>\"},{\"type\":\"ByteFallback\"},{\"type\":\"CTC\",\"pad_token\":\"[PAD]"   \
    "\","                                                                                                              \
    "\"word_delimiter_token\":\"|\",\"cleanup\":true},{\"type\":\"BPEDecoder\",\"suffix\":\"b\"},{\"type\":"           \
    "\"Metaspace\","                                                                                                   \
    "\"replacement\":\"[\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" "                                   \
    "\",\"start\":1,\"stop\":1},{\"type\":"                                                                            \
    "\"ByteLevel\"}]}," FIXTURE_MODEL "}"

#define OFTEN 100000

#define BIG                                                                                                            \
    "{\"added_tokens\":[" FIXTURE_SPECIAL(                                                                             \
        1,                                                                                                             \
        "[UNK]") ",{\"content\":\"NEW\",\"normalized\":true}],\"normalizer\":"                                         \
                 "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"BertNormalizer\"}]},"   \
                 "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"BertPreTokenizer\"},{"       \
                 "\"type\":"                                                                                           \
                 "\"BertPreTokenizer\"}]},\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"           \
                 "\"SpecialToken\":"                                                                                   \
                 "{\"id\":\"x\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"pair\":[{\"Sequence\":" \
                 "{\"id\":"                                                                                            \
                 "\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}],\"special_tokens\":{\"x\":{"      \
                 "\"ids\":[2]}}}," FIXTURE_DECODER "," FIXTURE_MODEL "}"

static void reading(void **state)
{
    uint64_t n = 1;

    (void)state;
    for (; n < OFTEN; n++) {
        struct rf_tokenizer t = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__tokenizer_read_json(&t, BIG, strlen(BIG), "tokenizer.json", true, NULL, &fault);
        rf__alloc_fail_at(0);
        rf__tokenizer_release(&t);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
        assert_non_null(strstr(fault.message, "out of memory"));
    }
    assert_in_range(n, 20, OFTEN - 1);
}

static void opening_vocab(void **state)
{
    const char *folder = scratch_directory("oom-vocab");
    static const char config[] = "{\"added_tokens_decoder\":{\"5\":{\"content\":\"New\",\"normalized\":true}}}";
    char *vocab = rf__path_join(folder, "vocab.txt"), *beside = rf__path_join(folder, "tokenizer_config.json");
    uint64_t n = 1;

    (void)state;
    write_file(vocab, "[UNK]\na\n##b\n", 12);
    write_file(beside, config, sizeof config - 1);
    for (; n < OFTEN; n++) {
        struct rf_tokenizer *t = NULL;
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__tokenizer_open(folder, false, NULL, &t, &fault);
        rf__alloc_fail_at(0);
        rf__tokenizer_free(t);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
        assert_null(t);
    }
    assert_in_range(n, 20, OFTEN - 1);
    rf__free(vocab);
    rf__free(beside);
}

/* Text that needs every kind of room: marks in runs, added tokens, more tokens than the first capacity. */
static size_t fill(char *out)
{
    static const char unit[] = "unaffable caf\u00c9 new [UNK] .,. x\u302e\u0323\U0001d165 \u4e2d ";
    size_t len = 0;

    for (int i = 0; i < 40; i++, len += sizeof unit - 1)
        memcpy(out + len, unit, sizeof unit - 1);
    for (int i = 0; i < 400; i++, len += 6)
        memcpy(out + len, "\u302e\u302f", 6);
    return len;
}

static void encoding(void **state)
{
    struct rf_tokenizer t;
    static char text[16384];
    rf_text pair = text_of("hello");
    struct encode_request request = {.text = {text, fill(text)}, .pair = &pair};
    struct encoding expected = {0}, reused = {0};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    uint64_t n = 1;

    (void)state;
    fixture_read(&t, BIG);
    assert_ok(rf__encode(&t, &request, scratch, &expected, err));
    rf__encode_scratch_free(scratch);
    for (; n < OFTEN; n++) {
        struct encoding out = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        scratch = rf__encode_scratch_new();
        status = scratch == NULL ? RF_NO_MEMORY : rf__encode(&t, &request, scratch, &out, &fault);
        rf__alloc_fail_at(0);
        /* After the failure, the same scratch serves. */
        if (scratch != NULL) {
            assert_ok(rf__encode(&t, &request, scratch, &reused, err));
            assert_ids(&reused, expected.ids, expected.n);
        }
        rf__encode_scratch_free(scratch);
        rf__encoding_release(&out);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 15, OFTEN - 1);
    rf__encoding_release(&expected);
    rf__encoding_release(&reused);
    rf__tokenizer_release(&t);
}

/* Overflow, characters, trimming; then ids of several texts. */
static void overflow_and_batches(void **state)
{
    struct rf_tokenizer t;
    static char text[16384];
    const rf_text texts[] = {{text, fill(text)}, text_of("hello [MASK] a"), {"", 0}};
    struct encode_request request = {
        .text = texts[0], .pair = &texts[1], .max_tokens = 300, .stride = 7, .overflow = true, .characters = true};
    const struct encode_texts batch = {.texts = texts, .n = 3, .threads = 1, .like = {.no_alignment = true}};
    uint64_t n = 1;

    (void)state;
    fixture_read(&t, TRIMMING);
    for (; n < OFTEN; n++) {
        struct encode_scratch *scratch = rf__encode_scratch_new();
        struct encoding out = {0};
        struct flat_ids flat = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__encode(&t, &request, scratch, &out, &fault);
        if (status == RF_OK)
            status = rf__encode_flat(&t, &batch, &flat, &fault);
        rf__alloc_fail_at(0);
        assert_int_equal(flat.n, status == RF_OK ? 3 : 0);
        rf__encode_scratch_free(scratch);
        rf__encoding_release(&out);
        rf__flat_ids_release(&flat);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 20, OFTEN - 1);
    rf__tokenizer_release(&t);
}

static void decode_until_it_works(const char *json)
{
    struct rf_tokenizer t;
    uint32_t ids[300];
    uint64_t n = 1;

    fixture_read(&t, json);
    for (size_t i = 0; i < 300; i++)
        ids[i] = (uint32_t)(i % 23);
    for (; n < OFTEN; n++) {
        struct decode_stream *stream;
        rf_text text;
        rf_error fault = {0};
        rf_status status = RF_NO_MEMORY;
        rf__alloc_fail_at(n);
        stream = rf__decode_stream_new(&t, false);
        if (stream != NULL)
            status = rf__decode_stream_step(stream, ids, 299, false, &text, &fault);
        if (status == RF_OK)
            status = rf__decode_stream_step(stream, ids + 299, 1, true, &text, &fault);
        rf__alloc_fail_at(0);
        rf__decode_stream_free(stream);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 4, OFTEN - 1);
    rf__tokenizer_release(&t);
}

static void decoding(void **state)
{
    struct rf_tokenizer t;
    char *text = NULL;
    size_t len;
    rf_error fault = {0};

    (void)state;
    decode_until_it_works(BIG);
    decode_until_it_works(WITH_DECODERS);
    fixture_read(&t, BIG);
    rf__alloc_fail_at(1);
    assert_int_equal(rf__decode(&t, NULL, 0, false, &text, &len, &fault), RF_NO_MEMORY);
    rf__alloc_fail_at(0);
    rf__tokenizer_release(&t);
}

/* A tokenizer with many kinds of post-processors and decoders, read with every allocation failing in turn. */
static void reading_stages(void **state)
{
    static const char *const jsons[] = {TRIMMING, WITH_DECODERS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint64_t n = 1;
        for (; n < OFTEN; n++) {
            struct rf_tokenizer t = {0};
            rf_error fault = {0};
            rf_status status;
            rf__alloc_fail_at(n);
            status = rf__tokenizer_read_json(&t, jsons[i], strlen(jsons[i]), "tokenizer.json", false, NULL, &fault);
            rf__alloc_fail_at(0);
            rf__tokenizer_release(&t);
            if (status == RF_OK)
                break;
            assert_int_equal(status, RF_NO_MEMORY);
        }
        assert_in_range(n, 20, OFTEN - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),        cmocka_unit_test(opening_vocab),
        cmocka_unit_test(encoding),       cmocka_unit_test(overflow_and_batches),
        cmocka_unit_test(reading_stages), cmocka_unit_test(decoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
