/*
 * convert: a model directory appears whole, with vectors that are those of the weights; where a file lies, where
 * something is in the way and where validation fails, nothing is written; and what validation says.
 */
#include "golden.h"

#include "base/mem.h"
#include "convert/convert.h"
#include "convert/validation_texts.h"
#include "os/os.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MODEL "tests/golden/bert-tiny-mean-gelu"
enum { DIM = 24 };

static const char *const model_files[] = {"config.json",           "model.safetensors",         "tokenizer.json",
                                          "tokenizer_config.json", "sentence_bert_config.json", "modules.json",
                                          "1_Pooling/config.json"};

static void read_file(const char *path, struct buf *out)
{
    rf__buf_init(out, 16 << 20);
    assert_ok(rf__os_read_file(path, out, err));
}

/* A copy of the model in a folder of its own. */
static const char *copy_model(const char *name)
{
    const char *folder = scratch_directory(name);
    char path[1300];

    snprintf(path, sizeof path, "%s/1_Pooling", folder);
    assert_ok(rf__os_make_directories(path, err));
    for (size_t i = 0; i < sizeof model_files / sizeof model_files[0]; i++) {
        struct buf file;
        snprintf(path, sizeof path, "%s/%s", golden_path(MODEL), model_files[i]);
        read_file(path, &file);
        snprintf(path, sizeof path, "%s/%s", folder, model_files[i]);
        write_file(path, file.data, file.len);
        rf__buf_release(&file);
    }
    return folder;
}

static bool is_there(const char *folder, const char *name)
{
    char path[1400];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return rf__os_is_file(path);
}

static size_t count_files(const char *folder)
{
    char **names = NULL;
    size_t n = 0;

    if (rf__os_is_directory(folder))
        assert_ok(rf__os_list_directory(folder, &names, &n, err));
    rf__free(names);
    return n;
}

static rf_convert_options defaults(void)
{
    return (rf_convert_options){.size = sizeof(rf_convert_options), .threshold = 0.99, .offline = true, .threads = 1};
}

static rf_status convert(const char *source, const char *output, rf_convert_report **out, rf_error *err)
{
    const rf_convert_options options = defaults();

    return rf__convert(source, output, &options, out, err);
}

static struct rf_model *open_model(const char *source, rf_precision precision)
{
    const rf_model_options options = {.size = sizeof options, .offline = true, .threads = 1, .precision = precision};
    struct rf_model *model = NULL;

    assert_ok(rf__local_open(source, &options, &model, err));
    return model;
}

/* ---- Converting ---------------------------------------------------------------------------------------------- */

static void test_a_model_directory_appears(void **state)
{
    const char *source = copy_model("convert-source"), *output = scratch_directory("convert-output");
    rf_convert_report *report = NULL;
    struct rf_model *model;
    struct buf mark;
    char path[1300];

    (void)state;
    assert_ok(convert(source, output, &report, err));
    assert_int_equal(count_files(output), 1);
    snprintf(path, sizeof path, "%s/convert-source", output);
    assert_string_equal(report->directory, path);
    for (size_t i = 0; i < sizeof model_files / sizeof model_files[0]; i++)
        assert_int_equal(is_there(path, model_files[i]), strcmp(model_files[i], "model.safetensors") != 0);
    assert_true(is_there(path, "model.onnx"));
    assert_true(report->bytes > 1000);
    assert_true(report->validation->passed);
    assert_true(report->validation->min > 0.999999);
    assert_non_null(strstr(report->validation->model, report->onnx_file));
    assert_non_null(strstr(report->validation->reference, "reference"));

    strcat(path, "/conversion.json");
    read_file(path, &mark);
    assert_non_null(strstr(mark.data, "\"made_of\": \"model.safetensors\""));
    rf__buf_release(&mark);
    model = open_model(report->directory, RF_PRECISION_AUTO);
    assert_int_equal(model->info.dim, DIM);
    assert_string_equal(model->info.onnx_file, report->onnx_file);
    rf__provider_free(model);
    rf__convert_report_free(report);
}

static void test_what_a_conversion_made_is_replaced(void **state)
{
    const char *source = copy_model("convert-source"), *output = scratch_directory("convert-output");
    rf_convert_report *report = NULL;
    rf_error fault = {0};
    char path[1300];

    (void)state;
    assert_ok(convert(source, output, &report, err));
    snprintf(path, sizeof path, "%s/stale", report->directory);
    write_file(path, "x", 1);
    rf__convert_report_free(report);
    assert_ok(convert(source, output, &report, err));
    assert_false(rf__os_is_file(path));
    assert_int_equal(count_files(output), 1);

    /* Without its mark it may be anybody's. */
    snprintf(path, sizeof path, "%s/conversion.json", report->directory);
    assert_ok(rf__os_remove(path, err));
    rf__convert_report_free(report);
    assert_int_equal(convert(source, output, &report, &fault), RF_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, "convert-source: is there already"));
    assert_int_equal(count_files(output), 1);
}

static void test_names(void **state)
{
    static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a\\b", "c:d"};
    const char *source = copy_model("convert-source"), *output = scratch_directory("convert-output");
    rf_convert_options options = defaults();
    rf_convert_report *report = NULL;
    rf_error fault = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.name = bad[i];
        assert_int_equal(rf__convert(source, output, &options, &report, &fault), RF_INVALID_ARGUMENT);
        assert_non_null(strstr(fault.message, "name of a model directory"));
    }
    options.name = "mine";
    assert_ok(rf__convert(source, output, &options, &report, err));
    assert_true(rf__ends_with(report->directory, "/mine"));
    rf__convert_report_free(report);
    assert_int_equal(count_files(output), 1);
}

/* ---- Bad input ----------------------------------------------------------------------------------------------- */

/* Replaces the first `from` in a file by `to`, as long; or by a longer one in config.json. */
static void edit(const char *folder, const char *name, const char *from, const char *to)
{
    char path[1300];
    struct buf file, edited;
    size_t at, len = strlen(from);

    snprintf(path, sizeof path, "%s/%s", folder, name);
    read_file(path, &file);
    for (at = 0; at + len <= file.len && memcmp(file.data + at, from, len) != 0; at++)
        ;
    if (at + len > file.len)
        fail_msg("%s has no '%s'", name, from);
    rf__buf_init(&edited, 16 << 20);
    assert_ok(rf__buf_append(&edited, file.data, at, err));
    assert_ok(rf__buf_append_str(&edited, to, err));
    assert_ok(rf__buf_append(&edited, file.data + at + len, file.len - at - len, err));
    write_file(path, edited.data, edited.len);
    rf__buf_release(&file);
    rf__buf_release(&edited);
}

/* The last number of the weights becomes NaN. */
static void put_nan(const char *folder)
{
    const float nan = NAN;
    char path[1300];
    struct buf file;

    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    read_file(path, &file);
    memcpy(file.data + file.len - sizeof nan, &nan, sizeof nan);
    write_file(path, file.data, file.len);
    rf__buf_release(&file);
}

static void test_a_fault_is_named_and_nothing_is_written(void **state)
{
    static const struct {
        const char *file, *from, *to; /* from NULL: put_nan() */
        const char *words[2];
    } cases[] = {
        {"config.json", "\"hidden_size\": 24", "\"hidden_size\": 20", {"model.safetensors", "word_embeddings.weight"}},
        {"config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", {"model.safetensors", "layer.2."}},
        {"config.json", "\"intermediate_size\": ", "\"intermediate_size\": 9", {"model.safetensors", "intermediate"}},
        {"config.json", "\"bert\"", "\"perceiver\"", {"config.json", "perceiver"}},
        {"config.json", "\"gelu\"", "\"selu\"", {"config.json", "selu"}},
        {"config.json", "{", "{{", {"config.json", ""}},
        {"model.safetensors",
         "encoder.layer.1.output.dense.weight",
         "encoder.layer.1.output.dense.wrongs",
         {"model.safetensors", "layer.1.output.dense.weight"}},
        {"model.safetensors", "{\"", "[\"", {"model.safetensors", ""}},
        {"modules.json", "\"1_Pooling\"", "\"../Pooling\"", {"modules.json", ""}},
        {NULL, NULL, NULL, {"model.safetensors", "NaN"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *source = copy_model("convert-broken"), *parent = scratch_directory("convert-output");
        rf_convert_report *report = NULL;
        rf_error fault = {0};
        char output[1300];
        snprintf(output, sizeof output, "%s/new", parent);
        if (cases[i].from != NULL)
            edit(source, cases[i].file, cases[i].from, cases[i].to);
        else
            put_nan(source);
        assert_int_not_equal(convert(source, output, &report, &fault), RF_OK);
        for (size_t j = 0; j < 2; j++)
            if (strstr(fault.message, cases[i].words[j]) == NULL)
                fail_msg("case %zu: '%s' does not name '%s'", i, fault.message, cases[i].words[j]);
        if (count_files(parent) != 0)
            fail_msg("case %zu: something was left", i);
    }
}

static void test_what_does_not_pass_is_not_put_in_place(void **state)
{
    const char *source = copy_model("convert-source"), *output = scratch_directory("convert-output");
    rf_convert_options options = defaults();
    rf_convert_report *report = NULL;

    (void)state;
    options.precision = RF_PRECISION_INT16;
    options.threshold = 1;
    assert_ok(rf__convert(source, output, &options, &report, err));
    assert_false(report->validation->passed);
    assert_string_equal(report->directory, "");
    assert_int_equal(count_files(output), 0);
    rf__convert_report_free(report);

    options.no_validation = true;
    assert_ok(rf__convert(source, output, &options, &report, err));
    assert_null(report->validation);
    assert_int_equal(count_files(output), 1);
    rf__convert_report_free(report);
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total)
{
    (void)user, (void)done, (void)total;
    return false;
}

static void test_cancelled(void **state)
{
    const char *source = copy_model("convert-source"), *output = scratch_directory("convert-output");
    rf_convert_options options = defaults();
    rf_convert_report *report = NULL;

    (void)state;
    options.progress = stop_at_once;
    assert_int_equal(rf__convert(source, output, &options, &report, NULL), RF_CANCELLED);
    assert_int_equal(count_files(output), 0);
}

/* ---- Validating ---------------------------------------------------------------------------------------------- */

static const rf_check *find_check(const rf_validate_report *report, const char *name)
{
    for (size_t i = 0; i < report->n_checks; i++)
        if (strcmp(report->checks[i].name, name) == 0)
            return &report->checks[i];
    fail_msg("there is no check '%s'", name);
    return NULL;
}

static void test_given_vectors(void **state)
{
    static const rf_text texts[] = {{"a b", 3}, {"c", 1}, {"", 0}};
    struct rf_model *model = open_model(golden_path(MODEL), RF_PRECISION_REFERENCE);
    float vectors[3 * DIM];
    const rf_embed_options how = {.size = sizeof how, .prompt = ""};
    rf_validate_options options = {.size = sizeof options,
                                   .threshold = 0.99,
                                   .texts = texts,
                                   .n_texts = 3,
                                   .vectors = vectors,
                                   .vectors_len = 3 * DIM};
    rf_validate_report *report = NULL;

    (void)state;
    assert_ok(rf__pipeline_embed(model->pipeline, texts, 3, &how, vectors, err));
    assert_ok(rf__validate(model, NULL, NULL, &options, &report, err));
    assert_true(report->passed);
    assert_int_equal(report->n_texts, 3);
    assert_true(report->min > 0.9999999 && report->max_difference < 1e-9);
    rf__validate_report_free(report);

    for (size_t i = 0; i < DIM; i++)
        vectors[DIM + i] = -vectors[DIM + i];
    assert_ok(rf__validate(model, NULL, NULL, &options, &report, err));
    assert_false(report->passed);
    assert_int_equal(report->worst, 1);
    assert_string_equal(report->worst_text, "c");
    assert_true(report->min < -0.999);
    rf__validate_report_free(report);

    vectors[2 * DIM] = NAN;
    assert_ok(rf__validate(model, NULL, NULL, &options, &report, err));
    assert_false(report->passed);
    assert_true(report->cosines[2] < 0.5);
    rf__validate_report_free(report);
    rf__provider_free(model);
}

static void test_references(void **state)
{
    const rf_validate_options options = {.size = sizeof options, .threshold = 0.999};
    struct rf_model *model = open_model(golden_path("tests/golden/bert-tiny-sqrt-mean"), RF_PRECISION_FP32);
    struct rf_model *other = open_model(golden_path("tests/golden/bert-tiny-weighted-mean"), RF_PRECISION_REFERENCE);
    struct rf_model *dense = open_model(golden_path("tests/golden/bert-tiny-dense"), RF_PRECISION_REFERENCE);
    rf_validate_report *report = NULL;

    (void)state;
    assert_ok(rf__validate(model, NULL, NULL, &options, &report, err));
    assert_true(report->passed);
    assert_int_equal(report->n_texts, 0);
    assert_string_equal(report->reference, "");
    rf__validate_report_free(report);

    assert_ok(rf__validate(model, other, NULL, &options, &report, err));
    assert_false(report->passed);
    assert_true(find_check(report, "normalization")->passed);
    rf__validate_report_free(report);

    assert_int_not_equal(dense->info.dim, model->info.dim);
    assert_ok(rf__validate(model, dense, NULL, &options, &report, err));
    assert_false(report->passed);
    assert_false(find_check(report, "dimension")->passed);
    rf__validate_report_free(report);
    rf__provider_free(dense);
    rf__provider_free(other);
    rf__provider_free(model);
}

static void test_texts_are_of_all_lengths(void **state)
{
    size_t n = 0, longest = 0;
    rf_text *texts = rf__validation_texts(&n);

    (void)state;
    assert_non_null(texts);
    assert_true(n > 50);
    assert_int_equal(texts[0].len, 0);
    for (size_t i = 0; i < n; i++)
        longest = texts[i].len > longest ? texts[i].len : longest;
    assert_true(longest > 4000);
    rf__free(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_directory_appears),
        cmocka_unit_test(test_what_a_conversion_made_is_replaced),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_fault_is_named_and_nothing_is_written),
        cmocka_unit_test(test_what_does_not_pass_is_not_put_in_place),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_given_vectors),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_texts_are_of_all_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
