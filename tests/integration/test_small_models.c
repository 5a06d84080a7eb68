/* test_small_models: every model directory of tests/golden/bert-tiny-* and modules-* against what sentence-transformers
 * (or model2vec) says of it: small models with random weights, each of which tries another corner. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "rag_factory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOLERANCE 2e-5F /* of one number, relative to 1 + its size */

static rf_model *open_model(const char *directory, rf_model_options *options)
{
    rf_model *model = NULL;

    options->size = sizeof *options;
    options->offline = true;
    options->cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open(directory, options, &model, err));
    return model;
}

/* Compares with DIRECTORY/FILE.npy. */
static void compare(const rf_model *model, const char *name, const char *file, const rf_embed_options *options)
{
    char path[512];
    struct golden_tiny tiny;
    struct golden_array golden;
    float *out;

    snprintf(path, sizeof path, "tests/golden/%s/texts.json", name);
    golden_tiny_read(path, &tiny);
    snprintf(path, sizeof path, "tests/golden/%s/%s.npy", name, file);
    golden_npy_read(path, &golden);
    if (rf_model_dim(model) != golden.cols || tiny.n != golden.rows)
        fail_msg("%s: %zu texts, dimension %zu; %s has [%zu, %zu]", name, tiny.n, rf_model_dim(model), file,
                 golden.rows, golden.cols);
    out = rf__alloc_array(golden.rows * golden.cols, sizeof *out);
    assert_ok(rf_embed(model, tiny.texts, tiny.n, options, out, golden.rows * golden.cols, err));
    for (size_t k = 0; k < golden.rows * golden.cols; k++)
        if (!(fabsf(out[k] - golden.values[k]) <= TOLERANCE * (1 + fabsf(golden.values[k]))))
            fail_msg("%s: %s: text %zu, dimension %zu: %g, expected %g", name, file, k / golden.cols, k % golden.cols,
                     (double)out[k], (double)golden.values[k]);
    rf__free(out);
    golden_array_release(&golden);
    golden_tiny_release(&tiny);
}

static const struct {
    const char *name, *modules;
} cases[] = {
    {"bert-tiny-mean-gelu", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-cls-gelu-new", "Transformer, Pooling(cls)"},
    {"bert-tiny-max-relu", "Transformer, Pooling(max), Normalize"},
    {"bert-tiny-last-silu", "Transformer, Pooling(last), Normalize"},
    {"bert-tiny-tanh-gamma", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-fp16", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-bf16", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-max-seq-lower", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-prompts", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-prompts-excluded", "Transformer, Pooling(mean, without the prompt), Normalize"},
    {"bert-tiny-vocab-cased", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-vocab-cased-strip", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-vocab-uncased-keep", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-vocab-default", "Transformer, Pooling(mean), Normalize"},
    {"bert-tiny-sqrt-mean", "Transformer, Pooling(mean-sqrt-len), Normalize"},
    {"bert-tiny-weighted-mean", "Transformer, Pooling(weighted-mean), Normalize"},
    {"bert-tiny-cls-mean-max", "Transformer, Pooling(cls + max + mean), Normalize"},
    {"bert-tiny-dense", "Transformer, Pooling(mean), Dense(16 -> 12, Tanh), Normalize"},
    {"modules-pooling-all", "Transformer, Pooling(cls + max + mean + mean-sqrt-len + weighted-mean + last), Normalize"},
    {"modules-pooling-order", "Transformer, Pooling(last + cls + mean)"},
    {"modules-dense-gelu", "Transformer, Pooling(mean), Dense(16 -> 24, GELU), Normalize"},
    {"modules-dense-residual", "Transformer, Pooling(mean), Dense(16 -> 16, SiLU, residual), Dense(16 -> 8, residual)"},
    {"modules-dense-of-two", "Transformer, Pooling(mean + max), Normalize, Dense(32 -> 7, Sigmoid)"},
    {"modules-dense-acts",
     "Transformer, Pooling(mean), Dense(16 -> 16, ReLU6), Dense(16 -> 16, LeakyReLU), Dense(16 -> 16, ELU), "
     "Dense(16 -> 16, ReLU), Dense(16 -> 16, Tanh), Normalize"},
    {"modules-layer-norm", "Transformer, Pooling(cls), LayerNorm, Normalize"},
    {"modules-static", "StaticEmbedding, Normalize"},
    {"modules-static-dense", "StaticEmbedding, Dense(16 -> 5, Tanh)"},
    {"modules-static-cut", "StaticEmbedding"},
    {"modules-static-cut-left", "StaticEmbedding, Normalize"},
    {"modules-static-fp16", "StaticEmbedding"},
    {"modules-model2vec", "StaticEmbedding, Normalize"},
    {"modules-model2vec-quantized", "StaticEmbedding, Normalize"},
    {"modules-model2vec-bare", "StaticEmbedding, Normalize"},
    {"modules-model2vec-bare-int8", "StaticEmbedding"},
};

static void test_every_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[512];
        rf_model_options options = {.threads = 1 + i % 2};
        rf_model_info info = {.size = sizeof info};
        rf_model *model;
        snprintf(path, sizeof path, "%s/tests/golden/%s", golden_path("."), cases[i].name);
        model = open_model(path, &options);
        rf_model_get_info(model, &info);
        assert_string_equal(info.modules, cases[i].modules);
        compare(model, cases[i].name, "expected", NULL);
        rf_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_directory),
    };

    return cmocka_run_group_tests_name("small models", tests, NULL, NULL);
}
