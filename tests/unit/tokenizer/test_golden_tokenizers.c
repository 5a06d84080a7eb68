/* What `tokenizers` and sentence-transformers said of committed texts (tests/golden/README.md), and what we say. */
#include "tokenizer_fixture.h"

#include "base/json.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

static void read_json_file(const char *path, struct json *json)
{
    struct buf text;

    rf__buf_init(&text, RF_JSON_MAX_BYTES);
    assert_ok(rf__os_read_file(path, &text, err));
    assert_ok(rf__json_parse(json, text.data, text.len, path, err));
    rf__buf_release(&text);
}

static rf_text member_text(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    assert_true(yyjson_is_str(value));
    return (rf_text){yyjson_get_str(value), yyjson_get_len(value)};
}

/* ---- tokenizers/NAME/cases.jsonl ---------------------------------------------------------------------------- */

static rf_strategy strategy_of(const char *name)
{
    return strcmp(name, "longest_first") == 0 ? RF_STRATEGY_LONGEST_FIRST
           : strcmp(name, "only_first") == 0  ? RF_STRATEGY_ONLY_FIRST
                                              : RF_STRATEGY_ONLY_SECOND;
}

static struct encode_request request_of(yyjson_val *line, rf_text *pair)
{
    yyjson_val *truncation = yyjson_obj_get(line, "truncation");
    struct encode_request request = {.text = member_text(line, "text")};

    if (yyjson_obj_get(line, "pair") != NULL) {
        *pair = member_text(line, "pair");
        request.pair = pair;
    }
    request.no_special_tokens = yyjson_is_false(yyjson_obj_get(line, "add_special_tokens"));
    if (truncation != NULL) {
        request.max_tokens = (uint32_t)yyjson_get_uint(yyjson_obj_get(truncation, "max_length"));
        if (strcmp(yyjson_get_str(yyjson_obj_get(truncation, "direction")), "left") == 0)
            request.truncate = RF_TRUNCATE_LEFT;
        request.stride = (uint32_t)yyjson_get_uint(yyjson_obj_get(truncation, "stride"));
        request.strategy = strategy_of(yyjson_get_str(yyjson_obj_get(truncation, "strategy")));
        request.overflow = true;
    }
    return request;
}

static uint64_t number(yyjson_val *array, size_t i)
{
    return yyjson_get_uint(yyjson_arr_get(array, i));
}

static bool agrees(const struct encoding *e, yyjson_val *line)
{
    yyjson_val *ids = yyjson_obj_get(line, "ids"), *types = yyjson_obj_get(line, "type_ids"),
               *offsets = yyjson_obj_get(line, "offsets"), *special = yyjson_obj_get(line, "special_tokens_mask");

    if (e->n != yyjson_arr_size(ids))
        return false;
    for (size_t i = 0; i < e->n; i++) {
        yyjson_val *span = yyjson_arr_get(offsets, i);
        if (e->ids[i] != number(ids, i) || e->type_ids[i] != number(types, i) || e->special[i] != number(special, i) ||
            e->begin[i] != number(span, 0) || e->end[i] != number(span, 1))
            return false;
    }
    return true;
}

/* "overflowing" has the ids alone. */
static bool overflow_agrees(const struct encoding *e, yyjson_val *overflowing)
{
    if (e->n_overflow != yyjson_arr_size(overflowing))
        return false;
    for (size_t i = 0; i < e->n_overflow; i++) {
        yyjson_val *ids = yyjson_arr_get(overflowing, i);
        if (e->overflow[i].n != yyjson_arr_size(ids))
            return false;
        for (size_t k = 0; k < e->overflow[i].n; k++)
            if (e->overflow[i].ids[k] != number(ids, k))
                return false;
    }
    return true;
}

static void check_case(const struct rf_tokenizer *tokenizer, struct fixture_call *call, const char *name,
                       yyjson_val *line)
{
    rf_text pair;
    struct encode_request request = request_of(line, &pair);
    char *decoded;
    size_t len;

    if (yyjson_obj_get(line, "error") != NULL) {
        rf_error error;
        rf_status status = rf__encode(tokenizer, &request, call->scratch, &call->encoding, &error);
        if (status != RF_INVALID_ARGUMENT && status != RF_TRUNCATED)
            fail_msg("%s: no error where the reference has one: %s", name, yyjson_val_write(line, 0, NULL));
        return;
    }
    fixture_encode(tokenizer, call, &request);
    if (!agrees(&call->encoding, line) || !overflow_agrees(&call->encoding, yyjson_obj_get(line, "overflowing"))) {
        char *text = yyjson_val_write(line, 0, NULL);
        fail_msg("%s: other ids, types, offsets or mask than: %s", name, text);
    }
    if (yyjson_obj_get(line, "decoded") == NULL)
        return;
    assert_ok(rf__decode(tokenizer, call->encoding.ids, call->encoding.n, true, &decoded, &len, err));
    if (len != member_text(line, "decoded").len || memcmp(decoded, member_text(line, "decoded").data, len) != 0)
        fail_msg("%s: decodes to '%s', expected '%s'", name, decoded, member_text(line, "decoded").data);
    rf__free(decoded);
}

/* Returns how many cases were run. */
static size_t check_folder(const char *folder, const char *name)
{
    struct rf_tokenizer *tokenizer = NULL;
    struct fixture_call call = {0};
    struct buf cases;
    char *path = rf__path_join(folder, "cases.jsonl");
    size_t n = 0;

    assert_ok(rf__tokenizer_open(folder, false, NULL, &tokenizer, err));
    rf__buf_init(&cases, (size_t)64 << 20);
    assert_ok(rf__os_read_file(path, &cases, err));
    for (size_t at = 0; at < cases.len;) {
        const char *end = memchr(cases.data + at, '\n', cases.len - at);
        size_t len = (end == NULL ? cases.len : (size_t)(end - cases.data)) - at;
        struct json line;
        assert_ok(rf__json_parse(&line, cases.data + at, len, path, err));
        check_case(tokenizer, &call, name, line.root);
        n++;
        rf__json_release(&line);
        at += len + 1;
    }
    fixture_release(&call);
    rf__buf_release(&cases);
    rf__tokenizer_free(tokenizer);
    rf__free(path);
    return n;
}

static void variants_of_tokenizer_json(void **state)
{
    char **names;
    size_t n_names, n_cases = 0;

    (void)state;
    assert_ok(rf__os_list_directory(golden_path("tests/golden/tokenizers"), &names, &n_names, err));
    for (size_t i = 0; i < n_names; i++) {
        char *folder = rf__path_join(golden_path("tests/golden/tokenizers"), names[i]);
        n_cases += check_folder(folder, names[i]);
        rf__free(folder);
    }
    rf__free(names);
    print_message("%zu cases in %zu folders\n", n_cases, n_names);
    assert_true(n_cases > 3500);
}

/* ---- bert-tiny-NAME/texts.json: what sentence-transformers feeds to its model ------------------------------- */

static bool lowers(const char *folder)
{
    char *path = rf__path_join(folder, "sentence_bert_config.json");
    struct json json = {0};
    bool lower = false;

    if (rf__os_is_file(path)) {
        read_json_file(path, &json);
        lower = yyjson_is_true(yyjson_obj_get(json.root, "do_lower_case"));
        rf__json_release(&json);
    }
    rf__free(path);
    return lower;
}

static void check_tiny(const char *folder)
{
    struct rf_tokenizer *tokenizer = NULL;
    struct fixture_call call = {0};
    struct encode_request request = {0};
    char *path = rf__path_join(folder, "texts.json");
    struct json json;
    yyjson_val *texts, *ids;

    read_json_file(path, &json);
    assert_ok(rf__tokenizer_open(folder, lowers(folder), NULL, &tokenizer, err));
    request.max_tokens = (uint32_t)yyjson_get_uint(yyjson_obj_get(json.root, "max_tokens"));
    texts = yyjson_obj_get(json.root, "texts");
    ids = yyjson_obj_get(json.root, "ids");
    assert_true(yyjson_arr_size(texts) > 0);
    for (size_t i = 0; i < yyjson_arr_size(texts); i++) {
        yyjson_val *expected = yyjson_arr_get(ids, i), *text = yyjson_arr_get(texts, i);
        request.text = (rf_text){yyjson_get_str(text), yyjson_get_len(text)};
        fixture_encode(tokenizer, &call, &request);
        if (call.encoding.n != yyjson_arr_size(expected))
            fail_msg("%s: text %zu has %zu tokens, expected %zu", path, i, call.encoding.n, yyjson_arr_size(expected));
        for (size_t k = 0; k < call.encoding.n; k++)
            if (call.encoding.ids[k] != number(expected, k))
                fail_msg("%s: text %zu, token %zu is %u", path, i, k, call.encoding.ids[k]);
    }
    fixture_release(&call);
    rf__tokenizer_free(tokenizer);
    rf__json_release(&json);
    rf__free(path);
}

static void model_directories(void **state)
{
    char **names;
    size_t n_names, n = 0;

    (void)state;
    assert_ok(rf__os_list_directory(golden_path("tests/golden"), &names, &n_names, err));
    for (size_t i = 0; i < n_names; i++) {
        char *folder;
        if (strncmp(names[i], "bert-tiny-", 10) != 0)
            continue;
        folder = rf__path_join(golden_path("tests/golden"), names[i]);
        check_tiny(folder);
        rf__free(folder);
        n++;
    }
    rf__free(names);
    assert_true(n >= 15);
}

/* ---- minilm-ids.bin, minilm-offsets.bin: the real tokenizer ------------------------------------------------- */

static uint32_t u32_at(const struct buf *file, size_t i)
{
    const uint8_t *b = (const uint8_t *)file->data + 4 * i;

    assert_true(4 * i + 4 <= file->len);
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t u16_at(const struct buf *file, size_t offset, size_t i)
{
    const uint8_t *b = (const uint8_t *)file->data + offset + 2 * i;

    assert_true(offset + 2 * i + 2 <= file->len);
    return b[0] | (uint32_t)b[1] << 8;
}

static struct rf_tokenizer *open_minilm(void)
{
    const char *folder = rf__os_env("RF_MODELS_DIR");
    char *path = folder != NULL ? rf__path_join(folder, "all-MiniLM-L6-v2")
                                : rf__strdup(golden_path(".deps/models/all-MiniLM-L6-v2"));
    struct rf_tokenizer *tokenizer = NULL;

    if (rf__os_is_directory(path))
        assert_ok(rf__tokenizer_open(path, false, NULL, &tokenizer, err));
    rf__free(path);
    return tokenizer;
}

/* Every text of texts.bin, whole, then cut to limits: the ids of cutting at the end. */
static void ids_of_minilm(void **state)
{
    struct rf_tokenizer *tokenizer = open_minilm();
    struct fixture_call call = {0};
    struct golden_texts texts;
    struct buf file;
    size_t at = 0, offset;

    (void)state;
    if (tokenizer == NULL)
        skip();
    golden_texts_read("tests/golden/texts.bin", &texts);
    rf__buf_init(&file, (size_t)64 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/minilm-ids.bin"), &file, err));
    assert_int_equal(u32_at(&file, 0), texts.n);
    offset = 4 * (2 + texts.n);
    for (size_t i = 0; i < texts.n; i++) {
        static const uint32_t limits[] = {0, 2, 3, 16, 128, 256};
        size_t count = u32_at(&file, 2 + i);
        for (size_t l = 0; l < sizeof limits / sizeof limits[0]; l++) {
            struct encode_request request = {.text = texts.texts[i], .max_tokens = limits[l]};
            bool is_cut = limits[l] > 0 && limits[l] < count;
            size_t n = is_cut ? limits[l] : count;
            fixture_encode(tokenizer, &call, &request);
            assert_int_equal(call.encoding.n, n);
            assert_int_equal(call.encoding.truncated, is_cut);
            for (size_t k = 0; k + 1 < n; k++)
                assert_int_equal(call.encoding.ids[k], u16_at(&file, offset, at + k));
            assert_int_equal(call.encoding.ids[n - 1], u16_at(&file, offset, at + count - 1));
        }
        at += count;
    }
    assert_int_equal(at, u32_at(&file, 1));
    fixture_release(&call);
    rf__buf_release(&file);
    golden_texts_release(&texts);
    rf__tokenizer_free(tokenizer);
}

static void offsets_of_minilm(void **state)
{
    struct rf_tokenizer *tokenizer = open_minilm();
    struct fixture_call call = {0};
    struct golden_texts texts;
    struct buf file;
    size_t at = 0, n, offset;

    (void)state;
    if (tokenizer == NULL)
        skip();
    golden_texts_read("tests/golden/texts.bin", &texts);
    rf__buf_init(&file, (size_t)64 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/minilm-offsets.bin"), &file, err));
    n = u32_at(&file, 0);
    offset = 4 * (2 + n);
    for (size_t i = 0; i < n; i++) {
        struct encode_request request = {.text = texts.texts[u32_at(&file, 2 + i)]};
        fixture_encode(tokenizer, &call, &request);
        for (size_t k = 0; k < call.encoding.n; k++, at++) {
            assert_int_equal(call.encoding.begin[k], u16_at(&file, offset, 2 * at));
            assert_int_equal(call.encoding.end[k], u16_at(&file, offset, 2 * at + 1));
        }
    }
    assert_int_equal(at, u32_at(&file, 1));
    fixture_release(&call);
    rf__buf_release(&file);
    golden_texts_release(&texts);
    rf__tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_of_tokenizer_json),
        cmocka_unit_test(model_directories),
        cmocka_unit_test(ids_of_minilm),
        cmocka_unit_test(offsets_of_minilm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
