/* test_real_models: the library as a user calls it, on real models, held against sentence-transformers' vectors (see
 * tests/golden/README.md); the story's integration tests among them. The models are brought by scripts/fetch-models. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "rag_factory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Cosine with sentence-transformers: the least of every text, and on average. */
struct likeness {
    double worst, mean;
};
static const struct likeness exact = {0.99999, 0.99999}, near_lossless = {0.999, 0.9997};

/* Texts of which one is taken: instrumented code is ten times as slow. */
#ifdef RF_SANITIZED
#define EVERY 10
#else
#define EVERY 1
#endif

static const char *model_path(const char *name)
{
    static char path[1024];
    const char *folder = rf__os_env("RF_MODELS_DIR");

    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : golden_path(".deps/models"), name);
    return path;
}

static rf_model *open_model(const char *path, const rf_model_options *given)
{
    rf_model_options options;
    rf_model *model = NULL;

    rf_model_options_init(&options, sizeof options);
    if (given != NULL)
        options = *given;
    options.size = sizeof options;
    options.offline = true;
    options.cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open(path, &options, &model, err));
    return model;
}

static rf_model *open_minilm_as(rf_precision precision, uint32_t threads)
{
    const rf_model_options options = {.threads = threads, .precision = precision};

    return open_model(model_path("all-MiniLM-L6-v2"), &options);
}

static rf_model *open_minilm(uint32_t threads)
{
    return open_minilm_as(RF_PRECISION_AUTO, threads);
}

static rf_text text_of(const char *s)
{
    return (rf_text){s, strlen(s)};
}

static double cosine_of(const rf_model *model, const char *a, const char *b)
{
    const rf_text texts[2] = {text_of(a), text_of(b)};
    static float out[2 * 384];

    assert_ok(rf_embed_documents(model, texts, 2, out, 2 * 384, err));
    return cosine(out, out + 384, 384);
}

/* ---- Against the reference ----------------------------------------------------------------------------- */

/* subset: NULL, or the file that says which texts the golden vectors are of. */
static void compare(const rf_model *model, const char *vectors, const char *subset, const struct likeness *least)
{
    struct golden_texts all;
    struct golden_array golden;
    struct buf index;
    rf_text *texts;
    float *out;
    double worst = 1, sum = 0;
    size_t n = 0;

    golden_texts_read("tests/golden/texts.bin", &all);
    golden_npy_read(vectors, &golden);
    rf__buf_init(&index, 1 << 20);
    if (subset != NULL)
        assert_ok(rf__os_read_file(golden_path(subset), &index, err));
    texts = rf__alloc_array(golden.rows, sizeof *texts);
    out = rf__alloc_array(golden.rows * golden.cols, sizeof *out);
    for (size_t row = 0; row < golden.rows; row += EVERY) {
        uint32_t which = (uint32_t)row;
        if (subset != NULL)
            memcpy(&which, index.data + 4 + 4 * row, sizeof which);
        texts[n++] = all.texts[which];
    }
    assert_int_equal(rf_model_dim(model), golden.cols);
    assert_ok(rf_embed_documents(model, texts, n, out, n * golden.cols, err));
    for (size_t i = 0; i < n; i++) {
        double c = cosine(out + i * golden.cols, golden.values + i * EVERY * golden.cols, golden.cols);
        if (!(c >= least->worst))
            fail_msg("%s: row %zu has cosine %.7f", vectors, i * EVERY, c);
        worst = c < worst ? c : worst;
        sum += c;
    }
    print_message("%s: %zu texts, cosine worst %.8f, mean %.8f\n", vectors, n, worst, sum / (double)n);
    assert_true(sum / (double)n >= least->mean);
    rf__free(texts);
    rf__free(out);
    rf__buf_release(&index);
    golden_array_release(&golden);
    golden_texts_release(&all);
}

/* Each precision, and ONNX Runtime's own operators. */
static void test_minilm_in_every_precision(void **state)
{
    static const rf_precision precisions[] = {RF_PRECISION_FP32, RF_PRECISION_INT16, RF_PRECISION_INT8};
    static const char *const names[] = {"fp32", "int16", "int8"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const rf_model_options options = {.threads = 2, .precision = precisions[i]};
        rf_model *model = open_model(model_path("all-MiniLM-L6-v2"), &options);
        rf_model_info info = {.size = sizeof info};
        rf_model_get_info(model, &info);
        assert_string_equal(info.precision, names[i]);
        compare(model, "tests/golden/all-MiniLM-L6-v2.npy", NULL, i < 2 ? &exact : &near_lossless);
        rf_model_free(model);
    }
}

static void test_onnx_files(void **state)
{
    static const struct {
        const char *model, *vectors, *subset;
        rf_model_options options;
    } cases[] = {
        {"all-MiniLM-L6-v2-onnx", "tests/golden/all-MiniLM-L6-v2.npy", NULL, {.max_tokens = 256}},
        {"bge-small-en-v1.5-onnx",
         "tests/golden/bge-small-en-v1.5.npy",
         "tests/golden/subset.bin",
         {.pooling = RF_POOLING_CLS}},
        {"e5-small-v2-onnx", "tests/golden/e5-small-v2.npy", "tests/golden/subset.bin", {.pooling = RF_POOLING_MEAN}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rf_model *model = open_model(model_path(cases[i].model), &cases[i].options);
        compare(model, cases[i].vectors, cases[i].subset, &exact);
        rf_model_free(model);
    }
}

/* Ids of all 2,000 texts, not truncated, as `tokenizers` gives them. */
static void test_ids(void **state)
{
    struct golden_texts texts;
    rf_tokenizer *tokenizer = NULL;
    struct buf file;
    const char *counts, *ids;
    uint32_t n;

    (void)state;
    golden_texts_read("tests/golden/texts.bin", &texts);
    rf__buf_init(&file, 64 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/minilm-ids.bin"), &file, err));
    memcpy(&n, file.data, 4);
    assert_int_equal(n, texts.n);
    counts = file.data + 8;
    ids = counts + 4 * (size_t)n;
    assert_ok(rf_tokenizer_open(model_path("all-MiniLM-L6-v2"), &tokenizer, err));
    for (uint32_t i = 0; i < n; i++) {
        rf_encoding *encoding = NULL;
        uint32_t count;
        memcpy(&count, counts + 4 * (size_t)i, 4);
        assert_ok(rf_tokenizer_encode(tokenizer, texts.texts[i], NULL, NULL, &encoding, err));
        if (encoding->n != count)
            fail_msg("text %u: %zu ids, expected %u", i, encoding->n, count);
        for (uint32_t k = 0; k < count; k++, ids += 2) {
            uint16_t id;
            memcpy(&id, ids, 2);
            if (encoding->ids[k] != id)
                fail_msg("text %u: id %u is %u, expected %u", i, k, encoding->ids[k], id);
        }
        rf_encoding_free(encoding);
    }
    rf_tokenizer_free(tokenizer);
    rf__buf_release(&file);
    golden_texts_release(&texts);
}

/* ---- The same bits ------------------------------------------------------------------------------------- */

static void check_same_bits(rf_precision precision)
{
    enum { N = EVERY == 1 ? 501 : 51, DIM = 384 };
    struct golden_texts all;
    static rf_text texts[N], reversed[N];
    float *one = rf__alloc_array(N * DIM, sizeof *one), *two = rf__alloc_array(N * DIM, sizeof *two);
    float alone[DIM];
    rf_model *single = open_minilm_as(precision, 1), *dual = open_minilm_as(precision, 2);

    golden_texts_read("tests/golden/texts.bin", &all);
    for (size_t i = 0; i < N; i++) {
        texts[i] = all.texts[i * 3];
        reversed[N - 1 - i] = texts[i];
    }
    assert_ok(rf_embed_documents(single, texts, N, one, N * DIM, err));
    assert_ok(rf_embed_documents(dual, reversed, N, two, N * DIM, err));
    for (size_t i = 0; i < N; i++) {
        if (memcmp(one + i * DIM, two + (N - 1 - i) * DIM, sizeof alone) != 0)
            fail_msg("text %zu: other bits in reversed order with two threads", i);
        assert_ok(rf_embed_query(dual, texts[i], alone, DIM, err));
        if (memcmp(one + i * DIM, alone, sizeof alone) != 0)
            fail_msg("text %zu: other bits alone", i);
    }
    rf_model_free(single);
    rf_model_free(dual);
    rf__free(one);
    rf__free(two);
    golden_texts_release(&all);
}

static void test_same_bits_alone_among_others_in_any_order_and_thread_count(void **state)
{
    (void)state;
    check_same_bits(RF_PRECISION_AUTO);
    check_same_bits(RF_PRECISION_INT8);
}

/* ---- The story's --------------------------------------------------------------------------------------- */

static void test_embed_single_document(void **state)
{
    rf_model *model = open_minilm(0);
    float out[384];
    double length = 0;

    (void)state;
    assert_int_equal(rf_model_dim(model), 384);
    assert_ok(rf_embed_query(model, text_of("This is a test document."), out, 384, err));
    for (size_t d = 0; d < 384; d++)
        length += (double)out[d] * out[d];
    assert_float_equal(sqrt(length), 1, 1e-6);
    rf_model_free(model);
}

static void test_semantic_similarity(void **state)
{
    static const char cat[] = "The cat sits on the mat.", cat_too[] = "A cat is sitting on a mat.",
                      python[] = "Python is a programming language.";
    rf_model *model = open_minilm(0);
    double alike = cosine_of(model, cat, cat_too), unlike = cosine_of(model, cat, python);

    (void)state;
    assert_true(alike > 0.7);
    assert_true(unlike < 0.3);
    assert_true(alike > unlike);
    rf_model_free(model);
}

static void test_batch_consistency(void **state)
{
    const rf_text texts[3] = {text_of("Test 1"), text_of("Test 2"), text_of("Test 3")};
    rf_model *model = open_minilm(0);
    float together[3 * 384], alone[384];

    (void)state;
    assert_ok(rf_embed_documents(model, texts, 3, together, 3 * 384, err));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(rf_embed_query(model, texts[i], alone, 384, err));
        assert_memory_equal(together + i * 384, alone, sizeof alone);
    }
    rf_model_free(model);
}

static void test_performance(void **state)
{
    rf_model *model = open_minilm(0);
    const rf_text text = text_of("This is a performance test document.");
    float out[384];
    uint64_t begin;

    (void)state;
    assert_ok(rf_embed_query(model, text, out, 384, err));
    begin = rf__os_now_ns();
    for (int i = 0; i < 10; i++)
        assert_ok(rf_embed_query(model, text, out, 384, err));
    assert_true((double)(rf__os_now_ns() - begin) / 1e9 / 10 < 0.1);
    rf_model_free(model);
}

static void test_download_failure(void **state)
{
    rf_model_options options;
    rf_model *model = NULL;
    rf_error fault = {0};

    (void)state;
    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.cache_dir = golden_path("build/test-cache");
    assert_int_not_equal(rf_model_open("nobody/nonexistent-model", &options, &model, &fault), RF_OK);
    assert_non_null(strstr(fault.message, "Could not download ONNX model 'nobody/nonexistent-model'"));
    assert_null(model);
}

static void test_information(void **state)
{
    rf_model *model = open_minilm(2);
    rf_model_info info = {.size = sizeof info};

    (void)state;
    rf_model_get_info(model, &info);
    assert_int_equal(info.dim, 384);
    assert_int_equal(info.max_tokens, 256);
    assert_int_equal(info.vocab_size, 30522);
    assert_int_equal(info.threads, 2);
    assert_string_equal(info.architecture, "bert");
    assert_true(strcmp(info.precision, "int16") == 0 || strcmp(info.kernels, "ONNX Runtime") == 0);
    assert_true(info.precision_why[0] != '\0');
    assert_string_equal(info.modules, "Transformer, Pooling(mean), Normalize");
    assert_string_equal(info.assumed, "");
    assert_string_equal(info.license, "apache-2.0");
    assert_true(info.file_size > 60000000);
    assert_true(info.l2 && !info.pooled_by_graph && info.pooling == RF_POOLING_MEAN);
    rf_model_free(model);
}

static void test_wrong_calls(void **state)
{
    rf_model *model = open_minilm(1);
    rf_model_options newer[2];
    rf_model *none = NULL;
    rf_text text = {NULL, 3};
    float out[384];
    rf_error fault = {0};

    (void)state;
    assert_int_equal(rf_embed_query(model, text_of("x"), out, 383, &fault), RF_INVALID_ARGUMENT);
    assert_int_equal(rf_embed_query(model, text, out, 384, &fault), RF_INVALID_ARGUMENT);
    assert_int_equal(rf_embed_documents(model, NULL, 1, out, 384, &fault), RF_INVALID_ARGUMENT);
    assert_ok(rf_embed_documents(model, NULL, 0, NULL, 0, err));
    assert_int_equal(rf_model_open(NULL, NULL, &none, &fault), RF_INVALID_ARGUMENT);
    memset(newer, 0, sizeof newer);
    assert_int_equal(rf_model_open("x", newer, &none, &fault), RF_INVALID_ARGUMENT);
    rf_model_options_init(newer, sizeof newer);
    ((unsigned char *)newer)[sizeof newer - 1] = 1;
    assert_int_equal(rf_model_open("x", newer, &none, &fault), RF_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, "newer version"));
    rf_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minilm_in_every_precision),
        cmocka_unit_test(test_onnx_files),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_same_bits_alone_among_others_in_any_order_and_thread_count),
        cmocka_unit_test(test_embed_single_document),
        cmocka_unit_test(test_semantic_similarity),
        cmocka_unit_test(test_batch_consistency),
        cmocka_unit_test(test_performance),
        cmocka_unit_test(test_download_failure),
        cmocka_unit_test(test_information),
        cmocka_unit_test(test_wrong_calls),
    };

    return cmocka_run_group_tests_name("real models", tests, NULL, NULL);
}
