/*
 * architectures: what transformers says of a small model of every architecture, ours says too: the graph is built from
 * its weights, with ONNX Runtime's operators and with the standard's alone, and run by ONNX Runtime, each text alone
 * and among others as long, with the same bits. tests/oracle/check_onnx looks at the portable files that are left
 * behind.
 */
#include "golden.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "onnx/onnx.h"
#include "os/os.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOLERANCE 2e-5
#define FOLDER    "tests/golden/architectures"

static const char *const names[] = {
    "bert",
    "roberta",
    "roberta-padding-5",
    "xlm-roberta",
    "camembert",
    "electra",
    "electra-as-wide",
    "distilbert",
    "distilbert-relu",
    "mpnet",
    "mpnet-far",
    "albert",
    "albert-groups",
    "t5",
    "t5-far",
    "mt5",
    "deberta-v3",
    "deberta-v2",
    "deberta-plain",
    "jina",
    "gemma3-both-ways",
    "gemma3",
    "qwen3-biases",
    "qwen3",
    "qwen2-both-ways",
    "qwen2-sliding",
    "qwen2",
    "new-ntk",
    "gte-no-types",
    "gte",
    "nomic",
    "modernbert-biases",
    "modernbert",
};

/* What of the golden states kernels of a precision may be away; that of these models, of 16 channels with large random
 * weights, which have little to average over. Real ones are measured by bench/precisions. */
static const struct form {
    const char *name;
    enum onnx_precision precision;
    bool is_portable;
    double tolerance;
} fused = {"fused", ONNX_OPERATORS, false, TOLERANCE}, portable = {"portable", ONNX_OPERATORS, true, TOLERANCE},
  fp32 = {"kernels", ONNX_KERNELS_FP32, false, TOLERANCE}, int16 = {"int16", ONNX_KERNELS_INT16, false, 5e-2};

static bool is_for_the_kernels(const char *name)
{
    return strncmp(name, "deberta", strlen("deberta")) != 0;
}

static struct engine *open_model(const char *name, const struct form *form)
{
    const struct engine_options options = {.threads = 1};
    struct weights *weights = NULL;
    struct engine *engine = NULL;
    char config[256], out[2200];
    struct onnx_build build = {.config_path = config,
                               .out_path = out,
                               .source = name,
                               .is_portable = form->is_portable,
                               .precision = form->precision};

    snprintf(config, sizeof config, FOLDER "/%s", name);
    assert_ok(rf__weights_open(golden_path(config), &weights, err));
    snprintf(config, sizeof config, FOLDER "/%s/config.json", name);
    build.config_path = golden_path(config);
    build.weights = weights;
    snprintf(config, sizeof config, "%s-%s", form->name, name);
    snprintf(out, sizeof out, "%s/model.onnx", scratch_directory(config));
    assert_ok(rf__onnx_build(&build, err));
    rf__weights_free(weights);
    assert_ok(rf__engine_open_file(out, &options, &engine, err));
    return engine;
}

/* The greatest difference from the golden states of text i, which are `expected`; the same bits in a batch. */
static double distance(const struct engine *engine, const struct golden_ids *texts, size_t i, const float *expected)
{
    uint32_t ids[3 * 512];
    const size_t n = texts->n_tokens[i];
    struct engine_batch batch = {.ids = texts->ids + texts->begin[i], .n_texts = 1, .n_tokens = n};
    struct engine_output alone, among;
    double worst = 0;

    assert_true(n <= 512);
    assert_ok(rf__engine_run(engine, &batch, &alone, err));
    for (size_t k = 0; k < n; k++) {
        ids[k] = ids[2 * n + k] = batch.ids[n - 1 - k];
        ids[n + k] = batch.ids[k];
    }
    batch.ids = ids;
    batch.n_texts = 3;
    assert_ok(rf__engine_run(engine, &batch, &among, err));
    assert_memory_equal(alone.data, among.data + n * among.dim, n * alone.dim * sizeof *alone.data);
    for (size_t k = 0; k < n * alone.dim; k++)
        worst = fmax(worst, fabs((double)alone.data[k] - (double)expected[k]));
    rf__engine_output_release(&alone);
    rf__engine_output_release(&among);
    return worst;
}

static void check_all(const struct form *form)
{
    for (size_t m = 0; m < sizeof names / sizeof names[0]; m++) {
        struct engine *engine;
        struct golden_array expected;
        struct golden_ids texts;
        char path[256];
        size_t row = 0;
        snprintf(path, sizeof path, FOLDER "/%s/ids.json", names[m]);
        if (form->precision != ONNX_OPERATORS && !is_for_the_kernels(names[m]))
            continue;
        engine = open_model(names[m], form);
        golden_ids_read(path, &texts);
        snprintf(path, sizeof path, FOLDER "/%s/expected.npy", names[m]);
        golden_npy_read(path, &expected);
        for (size_t i = 0; i < texts.n; i++) {
            double worst = distance(engine, &texts, i, expected.values + row * expected.cols);
            if (!(worst <= form->tolerance))
                fail_msg("%s, %s, text %zu of %zu tokens: %g away", names[m], form->name, i, texts.n_tokens[i], worst);
            row += texts.n_tokens[i];
        }
        assert_int_equal(row, expected.rows);
        golden_array_release(&expected);
        rf__engine_free(engine);
    }
}

static void hidden_states_are_those_of_transformers(void **state)
{
    (void)state;
    check_all(&fused);
}

static void so_are_those_of_portable_graphs(void **state)
{
    (void)state;
    check_all(&portable);
}

static void so_are_those_of_the_kernels(void **state)
{
    (void)state;
    check_all(&fp32);
    check_all(&int16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hidden_states_are_those_of_transformers),
                                       cmocka_unit_test(so_are_those_of_portable_graphs),
                                       cmocka_unit_test(so_are_those_of_the_kernels)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
