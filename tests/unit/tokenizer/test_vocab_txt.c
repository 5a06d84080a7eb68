/* vocab.txt and the files beside it. That the ids are those of `transformers` is shown by the golden model directories
 * and tests/oracle/vocab_txt_oracle.py. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#define VOCAB "[PAD]\n[UNK]\r\n[CLS] \n[SEP]\xe3\x80\x80\n[MASK]\nhello\n##s\nworld\n\u00e9\nhello\nE\ne"

/* Opens a fresh folder with a vocab.txt and, where they are not NULL, the files beside it. */
static rf_status open_with(const char *vocab, const char *config, const char *map, const char *added,
                           struct rf_tokenizer **out, rf_error *err)
{
    const char *folder = scratch_directory("vocab");
    const char *names[] = {"vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"};
    const char *contents[] = {vocab, config, map, added};

    for (int i = 0; i < 4; i++) {
        char *path = rf__path_join(folder, names[i]);
        if (contents[i] != NULL)
            write_file(path, contents[i], strlen(contents[i]));
        rf__free(path);
    }
    return rf__tokenizer_open(folder, false, NULL, out, err);
}

static const struct {
    const char *config, *map, *added, *text;
    size_t n;
    uint32_t ids[8];
} cases[] = {
    {NULL, NULL, NULL, "Hello worlds \u00c9", 6, {2, 9, 7, 6, 11, 3}},
    {"{}", NULL, NULL, "hello[MASK]", 4, {2, 9, 4, 3}},
    {"{\"do_lower_case\":false}", NULL, NULL, "hello E \u00e9", 5, {2, 9, 10, 8, 3}},
    {"{\"do_lower_case\":false,\"strip_accents\":true}", NULL, NULL, "E \u00e9", 4, {2, 10, 11, 3}},
    {"{\"strip_accents\":false}", NULL, NULL, "\u00c9", 3, {2, 8, 3}},
    {"{\"cls_token\":\"world\",\"sep_token\":{\"content\":\"e\"},\"unk_token\":\"E\"}",
     NULL,
     NULL,
     "zz",
     3,
     {7, 10, 11}},
    {"{\"cls_token\":\"new\"}", NULL, NULL, "hello", 3, {11, 9, 3}}, /* eleven different lines: a new id */
    {"{}", "{\"cls_token\":\"world\"}", NULL, "hello", 3, {7, 9, 3}},
    {"{\"added_tokens_decoder\":{}}", "{\"cls_token\":\"world\"}", NULL, "hello", 3, {2, 9, 3}},
    {"{\"added_tokens_decoder\":{}}", "{", "[", "hello", 3, {2, 9, 3}}, /* broken, and not needed */
    {"{}", NULL, "{\"<a>\":50,\"<b>\":40}", "<a><b>", 4, {2, 12, 11, 3}},
    {"{\"added_tokens_decoder\":{\"90\":{\"content\":\"<a>\"},\"80\":{\"content\":\"<b>\"}}}",
     NULL,
     NULL,
     "<a><b>",
     4,
     {2, 12, 11, 3}},
    {"{\"additional_special_tokens\":[\"<x>\"]}", NULL, NULL, "<x>", 3, {2, 11, 3}},
};

static void ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer *t = NULL;
        struct fixture_call call = {0};
        struct encode_request request = {.text = text_of(cases[i].text)};
        assert_ok(open_with(VOCAB, cases[i].config, cases[i].map, cases[i].added, &t, err));
        fixture_encode(t, &call, &request);
        assert_ids(&call.encoding, cases[i].ids, cases[i].n);
        fixture_release(&call);
        rf__tokenizer_free(t);
    }
}

static void faults(void **state)
{
    static const struct {
        const char *vocab, *config, *map, *added, *message;
    } wrong[] = {
        {"", NULL, NULL, NULL, "vocab.txt: is empty"},
        {"a\n\xff\n", NULL, NULL, NULL, "vocab.txt: line 2 is not valid UTF-8"},
        {VOCAB, "[]", NULL, NULL, "tokenizer_config.json: is an array, expected an object"},
        {VOCAB, "{", NULL, NULL, "tokenizer_config.json: is not JSON"},
        {VOCAB, "{\"do_lower_case\":1}", NULL, NULL, "'do_lower_case' is a number"},
        {VOCAB, "{\"cls_token\":7}", NULL, NULL, "a special token is a number"},
        {VOCAB, "{\"cls_token\":{}}", NULL, NULL, "a special token is an object"},
        {VOCAB, "{\"added_tokens_decoder\":[]}", NULL, NULL, "'added_tokens_decoder' is an array"},
        {VOCAB, "{\"added_tokens_decoder\":{\"x\":{}}}", NULL, NULL, "'added_tokens_decoder' has 'x'"},
        {VOCAB, "{\"added_tokens_decoder\":{\"1\":7}}", NULL, NULL, "'added_tokens_decoder' has '1'"},
        {VOCAB, "{\"additional_special_tokens\":[7]}", NULL, NULL, "a special token is a number"},
        {VOCAB, NULL, "7", NULL, "special_tokens_map.json: is a number"},
        {VOCAB, NULL, NULL, "{\"x\":\"y\"}", "added_tokens.json: the id of 'x' is a string"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct rf_tokenizer *t = NULL;
        rf_error err = {0};
        assert_int_equal(open_with(wrong[i].vocab, wrong[i].config, wrong[i].map, wrong[i].added, &t, &err),
                         RF_BAD_FORMAT);
        if (strstr(err.message, wrong[i].message) == NULL)
            fail_msg("expected '%s' in '%s'", wrong[i].message, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
