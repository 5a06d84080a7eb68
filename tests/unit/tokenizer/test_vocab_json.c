/* vocab.json and merges.txt: which family they become, what is refused, allocations that fail. The ids are held against
 * transformers' GPT2Tokenizer and RobertaTokenizer. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#define VOCAB  "{\"<s>\":0,\"</s>\":1,\"<unk>\":2,\"a\":3,\"b\":4,\"ab\":5,\"\\u0120\":6,\"\\u0120ab\":7}"
#define MERGES "#version: 0.2\na b\r\n\n\xC4\xA0 ab\n"

static void make(const char *folder, const char *name, const char *text)
{
    char *path = rf__path_join(folder, name);

    write_file(path, text, strlen(text));
    rf__free(path);
}

static const struct {
    const char *vocab, *merges, *config;
    uint32_t ids[8];
    size_t n;
} cases[] = {
    {VOCAB, MERGES, "{}", {0, 5, 7, 1}, 4},
    {VOCAB, MERGES, "{\"tokenizer_class\":\"RobertaTokenizerFast\",\"add_prefix_space\":true}", {0, 7, 7, 1}, 4},
    {VOCAB, MERGES, "{\"tokenizer_class\":\"GPT2Tokenizer\"}", {5, 7}, 2},
    {VOCAB,
     MERGES,
     "{\"tokenizer_class\":\"GPT2Tokenizer\",\"add_bos_token\":true,\"bos_token\":\"<s>\"}",
     {0, 5, 7},
     3},
    {"{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3}", "a b", "{}", {2, 3, 2}, 3},
};

static void families(void **state)
{
    const char *folder = scratch_directory("vocab-json");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer *tokenizer = NULL;
        struct fixture_call call = {0};
        struct encode_request request = {.text = text_of("ab ab")};
        make(folder, "vocab.json", cases[i].vocab);
        make(folder, "merges.txt", cases[i].merges);
        make(folder, "tokenizer_config.json", cases[i].config);
        assert_ok(rf__tokenizer_open(folder, false, NULL, &tokenizer, err));
        fixture_encode(tokenizer, &call, &request);
        assert_ids(&call.encoding, cases[i].ids, cases[i].n);
        fixture_release(&call);
        rf__tokenizer_free(tokenizer);
    }
}

static const struct {
    const char *vocab, *merges, *config;
    rf_status status;
    const char *message;
} faults[] = {
    {"[]", "", "{}", RF_BAD_FORMAT, "vocab.json: is an array, expected an object"},
    {"{\"a\":-1}", "", "{}", RF_BAD_FORMAT, "the id of 'a' in 'vocab' is out of range"},
    {"{\"a\":0}", "a", "{}", RF_BAD_FORMAT, "merges.txt: line 1 is not two pieces with a space between"},
    {"{\"a\":0}", "#version\n\na a a", "{}", RF_BAD_FORMAT, "merges.txt: line 3 is not two pieces"},
    {"{\"a\":0}", "a a", "{}", RF_BAD_FORMAT, "the merges need the piece 'aa'"},
    {"{\"a\":0}", "\xFF a", "{}", RF_BAD_FORMAT, "merges.txt: is not valid UTF-8"},
    {"{\"a\":0}", "", "[]", RF_BAD_FORMAT, "tokenizer_config.json: is an array"},
    {"{\"a\":0}", "", "{\"tokenizer_class\":\"CLIPTokenizer\"}", RF_UNSUPPORTED,
     "vocab.json: unsupported: the class 'CLIPTokenizer'"},
    {"{\"a\":0}", "", "{\"tokenizer_class\":\"GPT2TokenizerX\"}", RF_UNSUPPORTED,
     "the class 'GPT2TokenizerX' on such a file; a tokenizer.json is needed"},
};

static void refused(void **state)
{
    const char *folder = scratch_directory("vocab-json-faults");
    struct rf_tokenizer *tokenizer = NULL;
    rf_error fault = {0};

    (void)state;
    make(folder, "vocab.json", "{}");
    assert_int_equal(rf__tokenizer_open(folder, false, NULL, &tokenizer, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, "has no merges.txt beside it"));
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        make(folder, "vocab.json", faults[i].vocab);
        make(folder, "merges.txt", faults[i].merges);
        make(folder, "tokenizer_config.json", faults[i].config);
        assert_int_equal(rf__tokenizer_open(folder, false, NULL, &tokenizer, &fault), faults[i].status);
        if (strstr(fault.message, faults[i].message) == NULL)
            fail_msg("expected '%s' in '%s'", faults[i].message, fault.message);
    }
}

static void out_of_memory(void **state)
{
    const char *folder = scratch_directory("vocab-json-oom");
    uint64_t n = 1;

    (void)state;
    make(folder, "vocab.json", VOCAB);
    make(folder, "merges.txt", MERGES);
    make(folder, "tokenizer_config.json", "{}");
    for (; n < 1000; n++) {
        struct rf_tokenizer *tokenizer = NULL;
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__tokenizer_open(folder, false, NULL, &tokenizer, &fault);
        rf__alloc_fail_at(0);
        rf__tokenizer_free(tokenizer);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 20, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families),
        cmocka_unit_test(refused),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
