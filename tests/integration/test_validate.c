/* test_validate: rf_validate() and rf_convert() as a user calls them: the plain forward pass of a real model gives the
 * vectors of sentence-transformers, and wrong calls are refused. */
#include "golden.h"

#include "os/os.h"
#include "rag_factory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIM   384
#define FIRST 300 /* of the golden texts; behind the edge cases, texts in many languages */

#ifdef RF_SANITIZED
#define N_TEXTS 2
#else
#define N_TEXTS 8
#endif

static const char *model_path(const char *name)
{
    static char path[1024];
    const char *folder = rf__os_env("RF_MODELS_DIR");

    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : golden_path(".deps/models"), name);
    return path;
}

static rf_model *open_with(const char *path, rf_precision precision)
{
    rf_model_options options;
    rf_model *model = NULL;

    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.precision = precision;
    options.cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open(path, &options, &model, err));
    return model;
}

static void test_the_reference_is_sentence_transformers(void **state)
{
    rf_model *model = open_with(model_path("all-MiniLM-L6-v2"), RF_PRECISION_REFERENCE);
    rf_model_info info = {.size = sizeof info};
    rf_validate_options options;
    rf_validate_report *report = NULL;
    struct golden_texts texts;
    struct golden_array expected;

    (void)state;
    rf_model_get_info(model, &info);
    assert_string_equal(info.kernels, "reference");
    assert_string_equal(info.onnx_file, "");
    golden_texts_read("tests/golden/texts.bin", &texts);
    golden_npy_read("tests/golden/all-MiniLM-L6-v2.npy", &expected);
    rf_validate_options_init(&options, sizeof options);
    options.threshold = 0.99999;
    options.texts = texts.texts + FIRST;
    options.n_texts = N_TEXTS;
    options.vectors = expected.values + (size_t)FIRST * DIM;
    options.vectors_len = (size_t)N_TEXTS * DIM;
    assert_ok(rf_validate(model, NULL, &options, &report, err));
    if (!report->passed)
        fail_msg("lowest cosine %.7f: %s", report->min, report->worst_text);
    assert_int_equal(report->n_texts, N_TEXTS);
    rf_validate_report_free(report);
    golden_array_release(&expected);
    golden_texts_release(&texts);
    rf_model_free(model);
}

static void test_an_onnx_file_is_no_reference(void **state)
{
    rf_model_options options;
    rf_model *model = NULL;
    rf_error fault = {0};

    (void)state;
    rf_model_options_init(&options, sizeof options);
    options.precision = RF_PRECISION_REFERENCE;
    options.offline = true;
    assert_int_equal(rf_model_open(golden_path("tests/golden/matrix-bert"), &options, &model, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "weights"));
}

static void test_wrong_calls_are_refused(void **state)
{
    static const rf_text texts[] = {{"a", 1}, {NULL, 3}};
    static const float vectors[DIM] = {0};
    rf_model *model = open_with(golden_path("tests/golden/bert-tiny-mean-gelu"), RF_PRECISION_AUTO);
    rf_validate_report *report = NULL;
    rf_convert_report *converted = NULL;
    rf_validate_options how;
    rf_convert_options what;

    (void)state;
    rf_validate_options_init(&how, sizeof how);
    assert_int_equal(rf_validate(NULL, NULL, &how, &report, NULL), RF_INVALID_ARGUMENT);
    how.threshold = 2;
    assert_int_equal(rf_validate(model, NULL, &how, &report, NULL), RF_INVALID_ARGUMENT);
    how.threshold = 0;
    how.vectors = vectors;
    assert_int_equal(rf_validate(model, NULL, &how, &report, NULL), RF_INVALID_ARGUMENT); /* of which texts? */
    how.texts = texts;
    assert_int_equal(rf_validate(model, NULL, &how, &report, NULL), RF_INVALID_ARGUMENT); /* none of them */
    how.n_texts = 1;
    how.vectors_len = 23;
    assert_int_equal(rf_validate(model, NULL, &how, &report, NULL), RF_INVALID_ARGUMENT);
    how.vectors_len = 24;
    assert_int_equal(rf_validate(model, model, &how, &report, NULL), RF_INVALID_ARGUMENT); /* two references */
    how.n_texts = 2;
    how.vectors = NULL;
    assert_int_equal(rf_validate(model, model, &how, &report, NULL), RF_INVALID_ARGUMENT); /* a NULL text of 3 bytes */
    assert_null(report);

    rf_convert_options_init(&what, sizeof what);
    assert_int_equal(rf_convert(NULL, "x", &what, &converted, NULL), RF_INVALID_ARGUMENT);
    what.precision = RF_PRECISION_REFERENCE;
    assert_int_equal(rf_convert("a/b", "x", &what, &converted, NULL), RF_INVALID_ARGUMENT);
    what.precision = RF_PRECISION_AUTO;
    what.quantization = RF_QUANTIZE_INT8;
    what.texts = texts;
    what.n_texts = 2;
    assert_int_equal(rf_convert("a/b", "x", &what, &converted, NULL), RF_INVALID_ARGUMENT); /* the NULL text */
    what.quantization = RF_QUANTIZE_NONE;
    what.texts = NULL;
    what.precision = RF_PRECISION_INT16;
    what.portable = true;
    assert_int_equal(rf_convert("a/b", "x", &what, &converted, NULL), RF_INVALID_ARGUMENT);
    assert_null(converted);
    rf_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reference_is_sentence_transformers),
        cmocka_unit_test(test_an_onnx_file_is_no_reference),
        cmocka_unit_test(test_wrong_calls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
