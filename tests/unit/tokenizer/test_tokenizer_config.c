/* What tokenizer_config.json changes of a tokenizer.json beside it, as transformers 4 and 5 have it. */
#include "tokenizer_fixture.h"

#define NEW_TOKEN(ID, CONTENT, SPECIAL)                                                                                \
    "\"" #ID "\":{\"content\":\"" CONTENT                                                                              \
    "\",\"lstrip\":false,\"rstrip\":false,\"single_word\":false,\"normalized\":false,"                                 \
    "\"special\":" SPECIAL "}"

/* The files beside a tokenizer.json; NULL: not there. */
struct beside {
    const char *config, *map, *added, *model_config;
};

static rf_status read_beside(struct rf_tokenizer *t, const struct beside *beside, rf_error *error)
{
    struct vocab_companions companions = {0};
    const struct {
        const char *text, *name;
        struct json *json;
    } files[] = {{beside->config, "tokenizer_config.json", &companions.config},
                 {beside->map, "special_tokens_map.json", &companions.special_tokens_map},
                 {beside->added, "added_tokens.json", &companions.added_tokens},
                 {beside->model_config, "config.json", &companions.model_config}};
    rf_status status;

    *t = (struct rf_tokenizer){0};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i].text != NULL && (i % 3 == 0 || !rf__config_says_all_tokens(&companions.config)))
            assert_ok(rf__json_parse(files[i].json, files[i].text, strlen(files[i].text), files[i].name, err));
    status = rf__tokenizer_read_json_and_config(t, FIXTURE_JSON, strlen(FIXTURE_JSON), "tokenizer.json", &companions,
                                                false, NULL, error);
    rf__companions_release(&companions);
    return status;
}

/* Tokens that special_tokens_map.json and added_tokens.json have, or extra_special_tokens names. */
static void other_files(void **state)
{
    /* New ids begin at 23; a and b are 10 and 11. */
    static const struct {
        const char *config, *map, *added;
        uint32_t x, y; /* what [X] and [Y] are; 0: text */
        bool is_lower; /* [x] is found too: the token is normalized */
    } cases[] = {
        {NULL, NULL, NULL, 0, 0, false},
        {NULL, "{\"additional_special_tokens\":[\"[X]\",\"[Y]\"]}", NULL, 23, 24, false},
        {"{\"additional_special_tokens\":[\"[Y]\"]}", "{\"additional_special_tokens\":[\"[X]\",\"[Y]\"]}", NULL, 24, 23,
         false},
        {"{\"mask_token\":\"[X]\"}", "{\"mask_token\":{\"content\":\"[Y]\"}}", NULL, 0, 23, false},
        {NULL, NULL, "{\"[Y]\":23,\"[X]\":24}", 24, 23, true},
        {NULL, NULL, "{\"[Y]\":24,\"[X]\":23}", 23, 24, true},
        {"{\"additional_special_tokens\":[\"[X]\"]}", NULL, "{\"[X]\":23}", 23, 0, false},
        {"{\"extra_special_tokens\":{\"image_token\":\"[X]\"}}", NULL, NULL, 23, 0, false},
        {"{\"extra_special_tokens\":{\"image_token\":\"[X]\"}}", NULL, "{\"[X]\":23}", 23, 0, true},
        {"{\"added_tokens_decoder\":{" NEW_TOKEN(23, "[X]", "true") "}}", "{\"additional_special_tokens\":[\"[Y]\"]}",
         "{\"[Y]\":24}", 23, 0, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct beside beside = {cases[i].config, cases[i].map, cases[i].added, NULL};
        struct rf_tokenizer t;
        struct fixture_call call = {0};
        struct encode_request request = {.text = {"[x]", 3}};
        uint32_t id;
        assert_ok(read_beside(&t, &beside, err));
        assert_int_equal(rf__tokenizer_id(&t, "[X]", 3, &id) ? id : 0, cases[i].x);
        assert_int_equal(rf__tokenizer_id(&t, "[Y]", 3, &id) ? id : 0, cases[i].y);
        fixture_encode(&t, &call, &request);
        assert_int_equal(call.encoding.n == 3 && call.encoding.ids[1] == cases[i].x, cases[i].is_lower);
        fixture_release(&call);
        rf__tokenizer_release(&t);
    }
}

static rf_status read_both(struct rf_tokenizer *t, const char *config, rf_error *error)
{
    return read_beside(t, &(struct beside){.config = config}, error);
}

/* Whether "Hello", of which only "hello" is a piece, is lowercased. */
static void the_class_by_config_json(void **state)
{
    static const struct {
        const char *config, *model_config;
        bool is_lowercased;
    } cases[] = {
        {"{\"do_lower_case\":false}", "{\"model_type\":\"bert\"}", false},
        {"{\"do_lower_case\":false}", "{\"model_type\":\"mpnet\"}", false},
        {"{\"do_lower_case\":false}", "{\"model_type\":\"roberta\"}", true},
        {"{\"do_lower_case\":false}", "{\"tokenizer_class\":\"BertTokenizerFast\",\"model_type\":\"roberta\"}", false},
        {"{\"do_lower_case\":false,\"tokenizer_class\":\"PreTrainedTokenizerFast\"}", "{\"model_type\":\"bert\"}",
         true},
        {"{}", "{\"model_type\":\"bert\"}", true},
        {NULL, "{\"model_type\":\"bert\"}", true},
        {NULL, "{\"model_type\":\"electra\",\"do_lower_case\":false}", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t ids[] = {2, cases[i].is_lowercased ? 8 : 1, 3};
        struct encode_request request = {.text = {"Hello", 5}};
        struct fixture_call call = {0};
        struct rf_tokenizer t;
        assert_ok(
            read_beside(&t, &(struct beside){.config = cases[i].config, .model_config = cases[i].model_config}, err));
        fixture_encode(&t, &call, &request);
        assert_ids(&call.encoding, ids, 3);
        fixture_release(&call);
        rf__tokenizer_release(&t);
    }
}

static void fields(void **state)
{
    /* [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, hello 8, world 9, a 10, caf 15, ##e 16; new ids begin at 23. */
    static const struct {
        const char *config, *text;
        uint32_t ids[10];
        size_t n;
    } cases[] = {
        {NULL, "Hello", {2, 8, 3}, 3},
        {"{}", "Hello", {2, 8, 3}, 3},
        {"{\"do_lower_case\":false}", "Hello", {2, 8, 3}, 3},
        {"{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"do_lower_case\":false}", "Hello", {2, 8, 3}, 3},
        {"{\"tokenizer_class\":\"BertTokenizer\",\"do_lower_case\":false}", "Hello hello", {2, 1, 8, 3}, 4},
        {"{\"tokenizer_class\":\"BertTokenizerFast\",\"do_lower_case\":false}", "Hello hello", {2, 1, 8, 3}, 4},
        {"{\"tokenizer_class\":\"BertTokenizerFaster\",\"do_lower_case\":false}", "Hello", {2, 8, 3}, 3},
        {"{\"tokenizer_class\":\"MPNetTokenizer\",\"strip_accents\":false}", "caf\u00e9 Hello", {2, 1, 8, 3}, 4},
        {"{\"tokenizer_class\":\"DistilBertTokenizer\"}", "caf\u00e9 Hello", {2, 15, 16, 8, 3}, 5},
        {"{\"added_tokens_decoder\":{" NEW_TOKEN(24, "[Y]", "true") "," NEW_TOKEN(23, "[X]", "false") "}}",
         "[Y] [X] hello",
         {2, 24, 23, 8, 3},
         5},
        {"{\"added_tokens_decoder\":{" NEW_TOKEN(4, "[MASK]", "true") "}}", "[MASK]", {2, 4, 3}, 3},
        {"{\"eos_token\":\"[E]\",\"additional_special_tokens\":[\"[F]\",{\"content\":\"hello\"}]}",
         "[F]ahello[E]",
         {2, 24, 10, 8, 23, 3},
         6},
        {"{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"hello\"}", "a", {2, 10, 3}, 3},
        {"{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"hello\",\"add_bos_token\":true}", "a", {8, 10}, 2},
        {"{\"tokenizer_class\":\"LlamaTokenizerFast\",\"bos_token\":\"hello\",\"eos_token\":{\"content\":\"world\"},"
         "\"add_eos_token\":true}",
         "a",
         {8, 10, 9},
         3},
        {"{\"tokenizer_class\":\"GemmaTokenizer\",\"eos_token\":\"world\",\"add_bos_token\":false,\"add_eos_token\":"
         "true}",
         "a",
         {10, 9},
         2},
        {"{\"tokenizer_class\":\"GemmaTokenizer\",\"add_bos_token\":true}", "a", {2, 10, 3}, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer t;
        struct fixture_call call = {0};
        struct encode_request request = {.text = text_of(cases[i].text)};
        assert_ok(read_both(&t, cases[i].config, err));
        fixture_encode(&t, &call, &request);
        assert_ids(&call.encoding, cases[i].ids, cases[i].n);
        fixture_release(&call);
        rf__tokenizer_release(&t);
    }
}

static void pairs_and_special_tokens(void **state)
{
    const rf_text b = text_of("b");
    struct encode_request request = {.text = text_of("a"), .pair = &b};
    struct fixture_call call = {0};
    struct rf_tokenizer t;

    (void)state;
    assert_ok(read_both(&t,
                        "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"hello\",\"eos_token\":\"world\","
                        "\"add_eos_token\":true,\"add_bos_token\":true}",
                        err));
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, (const uint32_t[]){8, 10, 9, 8, 11, 9}, 6);
    assert_int_equal(call.encoding.type_ids[2], 0);
    assert_int_equal(call.encoding.type_ids[3], 1);
    assert_int_equal(rf__tokenizer_n_added(&t, true), 4);
    assert_int_equal(rf__tokenizer_kind(&t, 8), RF_TOKEN_SPECIAL); /* named, so it is added */
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

static void faults(void **state)
{
    static const char *const configs[] = {
        "{\"tokenizer_class\":\"BertTokenizer\",\"do_lower_case\":3}",
        "{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":\"yes\"}",
        "{\"tokenizer_class\":7}",
    };
    /* Of other types than they should be, and without harm. */
    static const char *const odd[] = {
        "[]",
        "{\"added_tokens_decoder\":[1]}",
        "{\"added_tokens_decoder\":{\"x\":null,\"-1\":{\"content\":3}},\"additional_special_tokens\":{}}",
        "{\"bos_token\":{}}",
        "{\"bos_token\":\"\"}",
    };
    struct rf_tokenizer t;
    rf_error error;

    (void)state;
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        assert_int_equal(read_both(&t, configs[i], &error), RF_BAD_FORMAT);
        assert_non_null(strstr(error.message, "tokenizer_config.json"));
        rf__tokenizer_release(&t);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_ok(read_both(&t, odd[i], err));
        rf__tokenizer_release(&t);
    }
}

static void out_of_memory(void **state)
{
    static const char config[] =
        "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"hello\",\"add_bos_token\":true,"
        "\"added_tokens_decoder\":{" NEW_TOKEN(23, "[X]", "false") "}}";
    struct vocab_companions companions = {0};
    uint64_t n = 1;

    (void)state;
    assert_ok(rf__json_parse(&companions.config, config, sizeof config - 1, "tokenizer_config.json", err));
    for (; n < 10000; n++) {
        struct rf_tokenizer t = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(n);
        status = rf__tokenizer_read_json_and_config(&t, FIXTURE_JSON, strlen(FIXTURE_JSON), "tokenizer.json",
                                                    &companions, false, NULL, &fault);
        rf__alloc_fail_at(0);
        rf__tokenizer_release(&t);
        if (status == RF_OK)
            break;
        assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_in_range(n, 20, 9999);
    rf__companions_release(&companions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(other_files),
        cmocka_unit_test(the_class_by_config_json),
        cmocka_unit_test(pairs_and_special_tokens),
        cmocka_unit_test(faults),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
