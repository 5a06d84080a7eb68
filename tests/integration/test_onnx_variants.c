/* test_onnx_variants: every kind of ONNX file that repositories hold opens, runs, and gives vectors as near to fp32 as
 * its precision allows, the same bits alone and in company: a small random model in the files that onnxruntime's own
 * tools make (tools/oracle/onnx_variants.py), and real models with their quantized files (scripts/fetch-models). */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "rag_factory.h"

#include <stdio.h>
#include <string.h>

static rf_model *open_file(const char *source, const char *onnx_file, rf_model_options options)
{
    rf_model *model = NULL;

    options.size = sizeof options;
    options.offline = true;
    options.threads = 2;
    options.onnx_file = onnx_file;
    options.precision = RF_PRECISION_FILE;
    assert_ok(rf_model_open(source, &options, &model, err));
    return model;
}

/* Embeds the texts together, and some of them alone, which must give the same bits. */
static float *embed_all(const rf_model *model, const rf_text *texts, size_t n, const char *name)
{
    size_t dim = rf_model_dim(model);
    float *out = rf__alloc_array(n * dim, sizeof *out), *alone = rf__alloc_array(dim, sizeof *alone);

    assert_ok(rf_embed_documents(model, texts, n, out, n * dim, err));
    for (size_t i = 0; i < n; i += n / 12 + 1) {
        assert_ok(rf_embed_documents(model, &texts[i], 1, alone, dim, err));
        if (memcmp(alone, out + i * dim, dim * sizeof *alone) != 0)
            fail_msg("%s: text %zu has other bits alone", name, i);
    }
    rf__free(alone);
    return out;
}

/* ---- The small model ----------------------------------------------------------------------------------- */

/* Bounds a little below what the tool printed, since int8's arithmetic is not the same on every processor. */
static const struct {
    const char *file, *precision;
    double least;
} files[] = {
    {"model.onnx", "fp32", 0.99999},
    {"model.ort", "", 0.99999},
    {"model_O1.onnx", "fp32", 0.99999},
    {"model_O2.onnx", "fp32", 0.99999},
    {"model_O3.onnx", "fp32", 0.99999},
    {"model_O4.onnx", "fp16", 0.9999},
    {"model_fp16.onnx", "fp16", 0.9999},
    {"model_qint8_arm64.onnx", "int8", 0.99},
    {"model_quint8_avx2.onnx", "int8", 0.99},
    {"model_qint8_avx512.onnx", "int8", 0.99},
    {"model_qint8_avx512_vnni.onnx", "int8", 0.99},
    {"model_uint8.onnx", "int8", 0.99},
    {"model_q4.onnx", "q4", 0.95},
    {"model_q4f16.onnx", "q4 with fp16", 0.95},
    {"model_bnb4.onnx", "q4", 0.95},
};
#define N_FILES (sizeof files / sizeof files[0])

static void test_every_file_of_a_small_model(void **state)
{
    struct golden_array golden;
    struct golden_tiny tiny;

    (void)state;
    golden_npy_read("tests/golden/onnx-variants/expected.npy", &golden);
    golden_tiny_read("tests/golden/onnx-variants/texts.json", &tiny);
    assert_int_equal(tiny.n, golden.rows);
    for (size_t i = 0; i < N_FILES; i++) {
        rf_model *model = open_file(golden_path("tests/golden/onnx-variants"), files[i].file, (rf_model_options){0});
        rf_model_info info = {.size = sizeof info};
        double worst = 1;
        float *out = embed_all(model, tiny.texts, tiny.n, files[i].file);
        for (size_t t = 0; t < tiny.n; t++) {
            double c = cosine(out + t * golden.cols, golden.values + t * golden.cols, golden.cols);
            worst = c < worst ? c : worst;
        }
        rf_model_get_info(model, &info);
        print_message("%s: %s, worst cosine %.6f\n", files[i].file, info.precision, worst);
        assert_string_equal(info.precision, files[i].precision);
        assert_true(rf__ends_with(info.onnx_file, files[i].file));
        if (!(worst >= files[i].least))
            fail_msg("%s: cosine %.6f, at least %.6f is expected", files[i].file, worst, files[i].least);
        rf__free(out);
        rf_model_free(model);
    }
    golden_array_release(&golden);
    golden_tiny_release(&tiny);
}

/* A file in fewer bits is not passed off as fp32; one in ONNX Runtime's own format, which tells nothing, is taken at
 * its word. */
static void test_fp32_that_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FILES; i++) {
        const rf_model_options options = {
            .size = sizeof options, .offline = true, .precision = RF_PRECISION_FP32, .onnx_file = files[i].file};
        bool is_fp32 = files[i].precision[0] == '\0' || strcmp(files[i].precision, "fp32") == 0;
        rf_model *model = NULL;
        rf_error fault = {0};
        assert_int_equal(rf_model_open(golden_path("tests/golden/onnx-variants"), &options, &model, &fault),
                         is_fp32 ? RF_OK : RF_UNSUPPORTED);
        assert_true(is_fp32 || strstr(fault.message, "not the fp32 that is asked for") != NULL);
        rf_model_free(model);
    }
}

static bool compare_variant(void *user, const rf_variant *variant)
{
    size_t *n = user;

    for (size_t i = 0; i < N_FILES; i++) {
        if (!rf__ends_with(variant->path, files[i].file) || variant->path[strlen("onnx/")] != files[i].file[0] ||
            strlen(variant->path) != strlen("onnx/") + strlen(files[i].file))
            continue;
        assert_string_equal(variant->precision, files[i].precision[0] != '\0' ? files[i].precision : "fp32");
        assert_true(variant->is_here);
        ++*n;
    }
    return true;
}

/* The listing says of each what opening it says; of ONNX Runtime's own format, what its name says. */
static void test_listing(void **state)
{
    rf_model *model = open_file(golden_path("tests/golden/onnx-variants"), NULL, (rf_model_options){0});
    size_t n = 0;

    (void)state;
    assert_ok(rf_model_variants(model, compare_variant, &n, err));
    assert_int_equal(n, N_FILES);
    rf_model_free(model);
}

/* ---- Real models --------------------------------------------------------------------------------------- */

/* Every tenth of the 300 texts of subset.bin. */
static size_t read_texts(struct golden_texts *all, rf_text *texts)
{
    struct buf index;
    uint32_t n;

    golden_texts_read("tests/golden/texts.bin", all);
    rf__buf_init(&index, 1 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/subset.bin"), &index, err));
    memcpy(&n, index.data, sizeof n);
    for (uint32_t i = 0; i < n; i += 10) {
        uint32_t which;
        memcpy(&which, index.data + 4 + 4 * (size_t)i, sizeof which);
        texts[i / 10] = all->texts[which];
    }
    rf__buf_release(&index);
    return (n + 9) / 10;
}

static void model_file(const char *name, const char *ending, char *out, size_t size)
{
    const char *folder = rf__os_env("RF_MODELS_DIR");

    snprintf(out, size, "%s/%s%s/model.onnx", folder != NULL ? folder : golden_path(".deps/models"), name, ending);
}

/* The quantized file beside the fp32 one; docs/models.md has the figures of all 300 texts. */
static void test_real_models_and_their_quantized_files(void **state)
{
    static const struct {
        const char *name;
        rf_pooling pooling;
    } models[] = {
        {"all-MiniLM-L6-v2", RF_POOLING_MEAN},
        {"bge-small-en-v1.5", RF_POOLING_CLS},
        {"bge-small-zh-v1.5", RF_POOLING_CLS},
        {"e5-small-v2", RF_POOLING_MEAN},
    };
    struct golden_texts all;
    rf_text texts[64];
    size_t n = read_texts(&all, texts);

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const rf_model_options options = {.pooling = models[i].pooling, .max_tokens = 256};
        char path[1024];
        float *vectors[2];
        double worst = 1, sum = 0;
        size_t dim = 0;
        for (int q = 0; q < 2; q++) {
            rf_model *model;
            rf_model_info info = {.size = sizeof info};
            model_file(models[i].name, q ? "-onnx-q" : "-onnx", path, sizeof path);
            model = open_file(path, NULL, options);
            rf_model_get_info(model, &info);
            assert_string_equal(info.precision, q ? "int8" : "fp32");
            assert_true(info.n_parameters > 20000000 && info.n_parameters < 35000000);
            dim = info.dim;
            vectors[q] = embed_all(model, texts, n, path);
            rf_model_free(model);
        }
        for (size_t t = 0; t < n; t++) {
            double c = cosine(vectors[0] + t * dim, vectors[1] + t * dim, dim);
            worst = c < worst ? c : worst;
            sum += c;
        }
        print_message("%s: int8 beside fp32, %zu texts: cosine worst %.5f, mean %.5f\n", models[i].name, n, worst,
                      sum / (double)n);
        assert_true(worst > 0.9 && sum / (double)n > 0.98);
        rf__free(vectors[0]);
        rf__free(vectors[1]);
    }
    golden_texts_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_of_a_small_model),
        cmocka_unit_test(test_fp32_that_is_none),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_real_models_and_their_quantized_files),
    };

    return cmocka_run_group_tests_name("ONNX variants", tests, NULL, NULL);
}
