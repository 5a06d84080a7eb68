/* The special tokens of directories without a tokenizer.json: what `transformers` said of some made at random
 * (tests/oracle/special_tokens_random_oracle.py), and files that are none. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#include <stdio.h>

/* Writes a file of the directory. */
static void put(const char *folder, const char *name, const char *content, size_t len)
{
    char *path = rf__path_join(folder, name);

    write_file(path, content, len);
    rf__free(path);
}

/* A fresh directory with the files of a line: texts, and a model by its place in tests/golden. */
static const char *make_directory(yyjson_val *line, size_t number)
{
    const char *folder;
    char name[40];
    yyjson_val *key, *value;
    size_t i, n;

    snprintf(name, sizeof name, "special-tokens-%zu", number);
    folder = scratch_directory(name);
    yyjson_obj_foreach(yyjson_obj_get(line, "files"), i, n, key, value)
    {
        put(folder, yyjson_get_str(key), yyjson_get_str(value), yyjson_get_len(value));
    }
    yyjson_obj_foreach(yyjson_obj_get(line, "model"), i, n, key, value)
    {
        char place[200];
        struct buf model;
        snprintf(place, sizeof place, "tests/golden/%s", yyjson_get_str(value));
        rf__buf_init(&model, RF_JSON_MAX_BYTES);
        assert_ok(rf__os_read_file(golden_path(place), &model, err));
        put(folder, yyjson_get_str(key), model.data, model.len);
        rf__buf_release(&model);
    }
    return folder;
}

static void check_case(const struct rf_tokenizer *t, struct fixture_call *call, yyjson_val *value, size_t line)
{
    yyjson_val *text = yyjson_obj_get(value, "text"), *ids = yyjson_obj_get(value, "ids");
    struct encode_request request = {.text = {yyjson_get_str(text), yyjson_get_len(text)}};
    bool is_same;

    fixture_encode(t, call, &request);
    is_same = call->encoding.n == yyjson_arr_size(ids);
    for (size_t i = 0; is_same && i < call->encoding.n; i++)
        is_same = call->encoding.ids[i] == yyjson_get_uint(yyjson_arr_get(ids, i));
    if (!is_same)
        fail_msg("line %zu, '%s': other ids than those of transformers", line, request.text.data);
}

static void as_transformers(void **state)
{
    struct buf lines;
    size_t n = 0;

    (void)state;
    rf__buf_init(&lines, RF_JSON_MAX_BYTES);
    assert_ok(rf__os_read_file(golden_path("tests/golden/special-tokens.jsonl"), &lines, err));
    for (const char *at = lines.data, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        struct json json;
        struct rf_tokenizer *t;
        struct fixture_call call = {0};
        yyjson_val *value;
        size_t i, count;
        assert_ok(rf__json_parse(&json, at, (size_t)(end - at), "special-tokens.jsonl", err));
        assert_ok(rf__tokenizer_open(make_directory(json.root, ++n), false, NULL, &t, err));
        yyjson_arr_foreach(yyjson_obj_get(json.root, "cases"), i, count, value)
        {
            check_case(t, &call, value, n);
        }
        fixture_release(&call);
        rf__tokenizer_free(t);
        rf__json_release(&json);
    }
    assert_in_range(n, 40, 1000);
    rf__buf_release(&lines);
}

static const struct {
    const char *vocabulary, *config, *model_config;
    rf_status status;
    const char *message;
} faults[] = {
    {"vocab.json", "{\"tokenizer_class\":\"RobertaTokenizer\",\"cls_token\":null}", "{}", RF_BAD_FORMAT,
     "vocab.json: 'cls_token' is null in the files beside it, but its class needs one"},
    {"vocab.json", "{\"extra_special_tokens\":[{\"lstrip\":true}]}", "{}", RF_BAD_FORMAT,
     "expected a string or an object with 'content'"},
    {"vocab.json", "{\"additional_special_tokens\":[3]}", "{}", RF_BAD_FORMAT, "a special token is"},
    {"vocab.txt", "{\"added_tokens_decoder\":{\"5\":{\"content\":\"a\",\"special\":1}}}", "{}", RF_BAD_FORMAT,
     "special"},
    {"vocab.txt", "[]", "{}", RF_BAD_FORMAT, "expected an object"},
    {"vocab.txt", "{\"tokenizer_class\":\"BertJapaneseTokenizer\"}", "{\"model_type\":\"bert\"}", RF_UNSUPPORTED,
     "vocab.txt: unsupported: the class 'BertJapaneseTokenizer' on such a file; a tokenizer.json is needed"},
    {"vocab.txt", "{}", "{\"tokenizer_class\":\"PhobertTokenizer\",\"model_type\":\"roberta\"}", RF_UNSUPPORTED,
     "the class 'PhobertTokenizer'"},
    {"vocab.txt", "{\"tokenizer_class\":\"BertTokenizerFaster\"}", "{}", RF_UNSUPPORTED,
     "the class 'BertTokenizerFaster'"},
    {"vocab.txt", "{}", "{\"model_type\":\"esm\"}", RF_UNSUPPORTED, "the model type 'esm'"},
    {"vocab.json", "{}", "{\"model_type\":\"deberta\"}", RF_UNSUPPORTED, "the model type 'deberta'"},
};

static void unreadable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const char *folder = scratch_directory("special-tokens-faults");
        struct rf_tokenizer *t = NULL;
        rf_error fault = {0};
        put(folder, faults[i].vocabulary, "{\"a\":0,\"b\":1}", 13);
        put(folder, "merges.txt", "", 0);
        put(folder, "tokenizer_config.json", faults[i].config, strlen(faults[i].config));
        put(folder, "config.json", faults[i].model_config, strlen(faults[i].model_config));
        assert_int_equal(rf__tokenizer_open(folder, false, NULL, &t, &fault), faults[i].status);
        if (strstr(fault.message, faults[i].message) == NULL)
            fail_msg("expected '%s' in '%s'", faults[i].message, fault.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_transformers),
        cmocka_unit_test(unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
