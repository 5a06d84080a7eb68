/* test_static_embedding: tables as sentence-transformers and model2vec write them, damaged ones, and every allocation
 * failing in turn. */
#include "golden.h"

#include "small_weights.h"

#include "base/mem.h"
#include "embed/static_embedding.h"

static const float rows[6] = {1, 2, 3, 4, 5, 6}; /* [3, 2] */
static const uint16_t halves[4] = {0x3C00, 0xC000, 0x3800, 0x0000};
static const int8_t bytes[4] = {1, -2, 100, -128};
static const int64_t mapping[4] = {2, 0, 0, 1};
static const int64_t bad_mapping[4] = {2, 0, -1, 1};
static const int32_t high_mapping[2] = {0, 3};
static const float factors[4] = {1, 2, 3, 4};

#define END                                                                                                            \
    {                                                                                                                  \
        NULL, NULL, NULL, NULL, 0                                                                                      \
    }
#define ROWS                                                                                                           \
    {                                                                                                                  \
        "embeddings", "F32", "[3,2]", rows, sizeof rows                                                                \
    }

static rf_status open_with(const struct small_tensor *tensors, const char *tokenizer, enum encoder_kind encoder,
                           struct static_table **out, rf_error *err)
{
    const char *folder = scratch_directory("static");
    const struct model_config config = {
        .encoder = encoder, .folder = (char *)(uintptr_t)folder, .max_tokens = encoder == ENCODER_MODEL2VEC ? 3 : 0};
    char path[1200];

    if (tokenizer != NULL) {
        snprintf(path, sizeof path, "%s/tokenizer.json", folder);
        write_file(path, tokenizer, strlen(tokenizer));
    }
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    write_safetensors(path, tensors);
    return rf__static_open(&config, path, out, err);
}

static void test_means(void **state)
{
    static const struct {
        struct small_tensor tensors[4];
        const char *precision;
        uint32_t ids[3];
        size_t n;
        float expected[2];
    } cases[] = {
        {{{"embedding.weight", "F32", "[3,2]", rows, sizeof rows}, END}, "fp32", {0, 2, 2}, 3, {11.0F / 3, 14.0F / 3}},
        {{ROWS, END}, "fp32", {1}, 1, {3, 4}},
        {{ROWS, END}, "fp32", {0}, 0, {0, 0}},
        {{{"embeddings", "F16", "[2,2]", halves, sizeof halves}, END}, "fp16", {0, 1}, 2, {0.75F, -1}},
        {{{"embeddings", "I8", "[2,2]", bytes, sizeof bytes}, END}, "int8", {1}, 1, {100, -128}},
        {{ROWS, {"mapping", "I64", "[4]", mapping, sizeof mapping}, END}, "fp32", {0, 3}, 2, {4, 5}},
        {{ROWS,
          {"mapping", "I64", "[4]", mapping, sizeof mapping},
          {"weights", "F32", "[4]", factors, sizeof factors},
          END},
         "fp32",
         {0, 3},
         2,
         {(5 + 12) / 2.0F, (6 + 16) / 2.0F}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct static_table *table = NULL;
        float out[2];
        assert_ok(open_with(cases[i].tensors, NULL, ENCODER_STATIC, &table, err));
        assert_string_equal(rf__static_precision(table), cases[i].precision);
        rf__static_mean(table, cases[i].ids, cases[i].n, out);
        assert_float_equal(out[0], cases[i].expected[0], 1e-6);
        assert_float_equal(out[1], cases[i].expected[1], 1e-6);
        rf__static_free(table);
    }
}

static void test_damaged_tables(void **state)
{
    static const struct {
        struct small_tensor tensors[4];
        const char *message;
    } cases[] = {
        {{{"other", "F32", "[3,2]", rows, sizeof rows}, END}, "has neither 'embedding.weight' nor 'embeddings'"},
        {{{"embeddings", "F32", "[6]", rows, sizeof rows}, END}, "has not the shape of a table of vectors"},
        {{{"embeddings", "F32", "[0,2]", rows, 0}, END}, "has not the shape of a table of vectors"},
        {{{"embeddings", "I64", "[2,2]", mapping, sizeof mapping}, END}, "is of type I64, expected F32"},
        {{ROWS, {"mapping", "I64", "[4]", bad_mapping, sizeof bad_mapping}, END},
         "'mapping' sends id 2 to a row that is not there"},
        {{ROWS, {"mapping", "I32", "[2]", high_mapping, sizeof high_mapping}, END},
         "'mapping' sends id 1 to a row that is not there"},
        {{ROWS, {"mapping", "F32", "[4]", factors, sizeof factors}, END}, "'mapping' is no list of rows"},
        {{ROWS, {"weights", "F32", "[4]", factors, sizeof factors}, END}, "'weights' has not one number for each"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct static_table *table = NULL;
        rf_error fault = {0};
        assert_int_not_equal(open_with(cases[i].tensors, NULL, ENCODER_STATIC, &table, &fault), RF_OK);
        if (strstr(fault.message, cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, fault.message);
    }
}

static const struct small_tensor plain[] = {ROWS, END};

static void test_what_tokenizer_json_says(void **state)
{
    static const char cut[] = "{\"truncation\": {\"max_length\": 7, \"direction\": \"Left\"}, \"model\": {}}";
    struct static_table *table = NULL;

    (void)state;
    assert_ok(open_with(plain, cut, ENCODER_STATIC, &table, err));
    assert_int_equal(rf__static_info(table)->max_tokens, 7);
    assert_true(rf__static_info(table)->truncates_left);
    rf__static_free(table);
    assert_ok(open_with(plain, cut, ENCODER_MODEL2VEC, &table, err)); /* model2vec sets its own */
    assert_int_equal(rf__static_info(table)->max_tokens, 3);
    rf__static_free(table);
}

/* Three tokens at most, pieces of 1, 2 and 6 characters, so that the median is 2: six characters are read. */
static void test_model2vec_cuts_characters_and_drops_the_unknown(void **state)
{
    static const char vocab[] =
        "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"\u00e9\": 0, \"ab\": 1, \"??????\": "
        "2}, \"unk_token\": \"??????\", \"continuing_subword_prefix\": \"##\", "
        "\"max_input_chars_per_word\": 100}, \"added_tokens\": []}";
    static const uint32_t ids[3] = {0, 2, 1};
    struct static_table *table = NULL;
    struct rf_tokenizer *tokenizer = NULL;
    char path[1200];
    rf_text text = {"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9z", 15};
    bool was_cut;
    float out[2];

    (void)state;
    assert_ok(open_with(plain, vocab, ENCODER_MODEL2VEC, &table, err));
    snprintf(path, sizeof path, "%s", rf__static_info(table)->path);
    strcpy(strrchr(path, '/'), "/tokenizer.json");
    assert_ok(rf__tokenizer_open(path, false, NULL, &tokenizer, err));
    assert_ok(rf__static_bind(table, tokenizer, err));
    rf__static_cut(table, &text, &was_cut);
    assert_true(was_cut);
    assert_int_equal(text.len, 12);
    rf__static_cut(table, &text, &was_cut);
    assert_false(was_cut);
    rf__static_mean(table, ids, 3, out);
    assert_float_equal(out[0], 2, 1e-6);
    assert_float_equal(out[1], 3, 1e-6);
    rf__tokenizer_free(tokenizer);
    rf__static_free(table);
}

static void test_out_of_memory(void **state)
{
    static const struct small_tensor all[] = {ROWS,
                                              {"mapping", "I64", "[4]", mapping, sizeof mapping},
                                              {"weights", "F32", "[4]", factors, sizeof factors},
                                              END};
    struct static_table *table = NULL;
    struct model_config config = {.encoder = ENCODER_MODEL2VEC};
    rf_status status = RF_NO_MEMORY;
    char path[1200], folder[1200];
    uint64_t n = 1;

    (void)state;
    assert_ok(open_with(all, "{\"model\": {\"unk_token\": \"x\"}}", ENCODER_MODEL2VEC, &table, err));
    snprintf(path, sizeof path, "%s", rf__static_info(table)->path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    config.folder = folder;
    rf__static_free(table);
    for (; status != RF_OK && n < 1000; n++) {
        rf_error fault = {0};
        table = NULL;
        rf__alloc_fail_at(n);
        status = rf__static_open(&config, path, &table, &fault);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        if (status == RF_OK)
            rf__static_free(table);
    }
    assert_in_range(n, 5, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_damaged_tables),
        cmocka_unit_test(test_what_tokenizer_json_says),
        cmocka_unit_test(test_model2vec_cuts_characters_and_drops_the_unknown),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("embed: static embeddings", tests, NULL, NULL);
}
