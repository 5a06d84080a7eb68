/*
 * calibrate: models of every kind of graph, built from weights, quantized to every form and run: how far their vectors
 * are from those of fp32 may be no more than the form's own coarseness, and what is written in fewer bits is smaller.
 */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/calibrate.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FOLDER       "tests/golden/architectures"
#define TINY         "tests/golden/bert-tiny-mean-gelu"
#define MAX_STATE    4096
#define MAX_PRODUCTS ((size_t)1 << 17)

static const char *const names[] = {"bert",       "distilbert", "mpnet", "albert", "t5",
                                    "deberta-v3", "modernbert", "gte",   "qwen3",  "gemma3"};

/* Worst cosine of one token's state: what these models come to, of 16 channels with large random weights, which have
 * little to average over. Real ones are measured by bench/conversion. */
static const struct {
    enum onnx_form form;
    double worst;
} forms[] = {{ONNX_FORM_INT8, 0.99}, {ONNX_FORM_INT8_DYNAMIC, 0.98}, {ONNX_FORM_INT4, 0.4}, {ONNX_FORM_FP16, 0.99999}};

static const uint32_t ids[] = {1, 7, 19, 33, 2, 40, 11, 5, 28, 3};
#define N_IDS (sizeof ids / sizeof ids[0])

static void build(const char *model, bool is_portable, const char *out)
{
    struct weights *weights = NULL;
    char config[512];

    snprintf(config, sizeof config, "%s/config.json", model);
    assert_ok(rf__weights_open(golden_path(model), &weights, err));
    const struct onnx_build build = {.config_path = golden_path(config),
                                     .weights = weights,
                                     .out_path = out,
                                     .source = model,
                                     .is_portable = is_portable,
                                     .inline_limit = 1 << 20};
    assert_ok(rf__onnx_build(&build, err));
    rf__weights_free(weights);
}

/* Runs the file on `n` tokens; returns the width of the states. */
static size_t run(const char *path, const uint32_t *tokens, size_t n, float *states)
{
    const struct engine_options options = {.threads = 1};
    const struct engine_batch batch = {.ids = tokens, .n_texts = 1, .n_tokens = n};
    struct engine *engine = NULL;
    struct engine_output output = {0};
    size_t dim;

    assert_ok(rf__engine_open_file(path, &options, &engine, err));
    assert_ok(rf__engine_run(engine, &batch, &output, err));
    dim = output.dim;
    assert_true((output.rank == 2 ? 1 : n) * dim <= (output.rank == 2 ? MAX_PRODUCTS : MAX_STATE));
    memcpy(states, output.data, (output.rank == 2 ? 1 : n) * dim * sizeof *states);
    rf__engine_output_release(&output);
    rf__engine_free(engine);
    return dim;
}

static double worst_cosine(const float *a, const float *b, size_t n, size_t dim)
{
    double worst = 1;

    for (size_t i = 0; i < n; i++)
        worst = fmin(worst, cosine(a + i * dim, b + i * dim, dim));
    return worst;
}

static void check_forms(const char *name, bool is_portable)
{
    static float expected[MAX_STATE], states[MAX_STATE], maxima[MAX_STATE], products[MAX_PRODUCTS];
    char dir[1024], model[2048], probe[2048], out[2048], golden[512];
    struct onnx_probe of_maxima = {.most = SIZE_MAX}, of_products = {.is_products = true, .most = SIZE_MAX};
    size_t dim;

    snprintf(golden, sizeof golden, FOLDER "/%s", name);
    snprintf(dir, sizeof dir, "%s", scratch_directory(is_portable ? "quantized-portable" : "quantized"));
    snprintf(model, sizeof model, "%s/%s.onnx", dir, name);
    snprintf(probe, sizeof probe, "%s/%s.probe.onnx", dir, name);
    build(golden, is_portable, model);
    dim = run(model, ids, N_IDS, expected);
    assert_ok(rf__onnx_probe(model, probe, &of_maxima, err));
    assert_int_equal(run(probe, ids, N_IDS, maxima), of_maxima.n_numbers);
    assert_ok(rf__onnx_probe(model, probe, &of_products, err));
    assert_int_equal(of_products.next, of_products.n_groups);
    assert_int_equal(run(probe, ids, N_IDS, products), of_products.n_numbers);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct onnx_rewrite rewrite = {.in_path = model, .out_path = out, .inline_limit = 1 << 20};
        const struct onnx_quantize how = {.form = forms[i].form,
                                          .maxima = maxima,
                                          .n_maxima = of_maxima.n_numbers,
                                          .products = products,
                                          .n_products = of_products.n_numbers,
                                          .threads = 2};
        double worst;
        snprintf(out, sizeof out, "%s/%s.%s.onnx", dir, name, rf__onnx_form_name(forms[i].form));
        assert_ok(rf__onnx_quantize(&rewrite, &how, err));
        assert_int_equal(run(out, ids, N_IDS, states), dim);
        worst = worst_cosine(expected, states, N_IDS, dim);
        if (!(worst >= forms[i].worst))
            fail_msg("%s%s, %s: a cosine of %.6f", name, is_portable ? ", portable" : "",
                     rf__onnx_form_name(forms[i].form), worst);
    }
}

static void every_graph_is_quantized(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_forms(names[i], false);
        check_forms(names[i], true);
    }
}

static uint64_t quantize_tiny(const struct rf_tokenizer *tokenizer, const struct onnx_quantize *how, const char *model,
                              const char *out, double *likeness)
{
    static float expected[MAX_STATE], states[MAX_STATE];
    const struct onnx_rewrite rewrite = {.in_path = model, .out_path = out, .inline_limit = (size_t)1 << 30};
    const struct calibration calibration = {.tokenizer = tokenizer, .max_tokens = 24, .threads = 1};
    size_t dim = run(model, ids, N_IDS, expected);
    char probe[2048];

    assert_ok(rf__calibrated_quantize(&rewrite, how, &calibration, err));
    snprintf(probe, sizeof probe, "%s.probe", out);
    assert_false(rf__os_is_file(probe));
    snprintf(probe, sizeof probe, "%s.probe.data", out);
    assert_false(rf__os_is_file(probe));
    run(out, ids, N_IDS, states);
    *likeness = worst_cosine(expected, states, N_IDS, dim);
    return rf__os_stat(out).size;
}

static void a_model_is_calibrated_with_its_tokenizer(void **state)
{
    const struct logger logger = {0};
    struct rf_tokenizer *tokenizer = NULL;
    char model[2048], out[2048];
    double likeness, with_tables;
    uint64_t size, less;
    (void)state;

    snprintf(model, sizeof model, "%s/model.onnx", scratch_directory("calibrated"));
    snprintf(out, sizeof out, "%s.int8", model);
    build(TINY, false, model);
    assert_ok(rf__tokenizer_open(golden_path(TINY), false, &logger, &tokenizer, err));
    size = quantize_tiny(tokenizer, &(struct onnx_quantize){.form = ONNX_FORM_INT8}, model, out, &likeness);
    assert_true(likeness > 0.999);
    less = quantize_tiny(tokenizer, &(struct onnx_quantize){.form = ONNX_FORM_INT8, .quantize_embeddings = true}, model,
                         out, &with_tables);
    assert_true(with_tables > 0.998);
    assert_true(less < size && size < rf__os_stat(model).size);
    rf__tokenizer_free(tokenizer);
}

/* What the callbacks hear. */
struct heard {
    const char *part; /* the last */
    uint64_t done, total, cancel_at;
    size_t n;
};

static void hear_part(void *user, const char *part)
{
    *(struct heard *)user = (struct heard){.part = part, .cancel_at = ((struct heard *)user)->cancel_at};
}

static bool hear_progress(void *user, uint64_t done, uint64_t total)
{
    struct heard *heard = user;

    assert_true(done >= heard->done && done <= total);
    heard->done = done;
    heard->total = total;
    heard->n++;
    return strcmp(heard->part, "Calibrating") != 0 || heard->cancel_at == 0 || done < heard->cancel_at;
}

/* Every text is counted twice, and work ends where the callback says so. */
static void calibrating_is_heard_and_cancelled(void **state)
{
    const struct logger logger = {0};
    const rf_text texts[] = {{"one text", 8}, {"and another", 11}, {"a third", 7}};
    struct heard heard = {.cancel_at = 5};
    struct rf_tokenizer *tokenizer = NULL;
    char model[2048], out[2048];
    struct onnx_rewrite rewrite = {
        .in_path = model, .out_path = out, .inline_limit = 1 << 30, .progress = hear_progress, .progress_user = &heard};
    const struct onnx_quantize how = {.form = ONNX_FORM_INT8};
    struct calibration calibration = {.max_tokens = 24, .texts = texts, .n = 3, .threads = 1, .part = hear_part};
    rf_error fault = {0};
    (void)state;

    snprintf(model, sizeof model, "%s/model.onnx", scratch_directory("heard"));
    snprintf(out, sizeof out, "%s.int8", model);
    build(TINY, false, model);
    assert_ok(rf__tokenizer_open(golden_path(TINY), false, &logger, &tokenizer, err));
    calibration.tokenizer = tokenizer;
    assert_int_equal(rf__calibrated_quantize(&rewrite, &how, &calibration, &fault), RF_CANCELLED);
    assert_string_equal(heard.part, "Calibrating");
    assert_int_equal(heard.done, 5);
    assert_int_equal(heard.total, 6);
    assert_int_equal(heard.n, 5);
    assert_false(rf__os_is_file(out));
    heard.cancel_at = 0;
    assert_ok(rf__calibrated_quantize(&rewrite, &how, &calibration, err));
    assert_string_equal(heard.part, "Quantizing");
    assert_true(rf__os_is_file(out));
    rf__tokenizer_free(tokenizer);
}

static void what_cannot_be_quantized_is_refused(void **state)
{
    const float maxima[1] = {1};
    char model[2048], out[2048];
    struct onnx_rewrite rewrite = {.in_path = model, .out_path = out};
    struct onnx_quantize how = {.form = ONNX_FORM_INT8, .maxima = maxima, .n_maxima = 1};
    rf_error fault = {0};
    (void)state;

    snprintf(model, sizeof model, "%s/model.onnx", scratch_directory("refused"));
    snprintf(out, sizeof out, "%s.int8", model);
    build(FOLDER "/bert", false, model);
    assert_int_equal(rf__onnx_quantize(&rewrite, &how, &fault), RF_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, "1 channels were measured"));
    assert_false(rf__os_is_file(out));
    how.maxima = NULL;
    assert_ok(rf__onnx_quantize(&rewrite, &how, err));
    snprintf(model, sizeof model, "%s", out);
    snprintf(out, sizeof out, "%s.again", model);
    assert_int_equal(rf__onnx_quantize(&rewrite, &how, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "is it quantized already"));
    assert_false(rf__os_is_file(out));
}

static void a_damaged_matrix_is_named(void **state)
{
    static const enum onnx_form all[] = {ONNX_FORM_INT8, ONNX_FORM_INT8_DYNAMIC, ONNX_FORM_INT4};
    const struct logger logger = {0};
    static const char name[] = "encoder.layer.1.output.dense.weight";
    const float weight = NAN;
    struct rf_tokenizer *tokenizer = NULL;
    char model[2048], out[2048];
    struct buf file;
    size_t at;
    (void)state;

    snprintf(model, sizeof model, "%s/model.onnx", scratch_directory("damaged"));
    snprintf(out, sizeof out, "%s.int8", model);
    build(TINY, false, model);
    rf__buf_init(&file, 1 << 24);
    assert_ok(rf__os_read_file(model, &file, err));
    at = file.len - strlen(name); /* where it is written last its numbers follow, behind their key and length */
    while (at > 0 && memcmp(file.data + at, name, strlen(name)) != 0)
        at--;
    memcpy(file.data + at + strlen(name) + 3, &weight, sizeof weight);
    write_file(model, file.data, file.len);
    rf__buf_release(&file);
    assert_ok(rf__tokenizer_open(golden_path(TINY), false, &logger, &tokenizer, err));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct onnx_rewrite rewrite = {.in_path = model, .out_path = out};
        const struct calibration calibration = {.tokenizer = tokenizer, .threads = 1};
        rf_error fault = {0};
        assert_int_equal(
            rf__calibrated_quantize(&rewrite, &(struct onnx_quantize){.form = all[i]}, &calibration, &fault),
            RF_BAD_FORMAT);
        assert_non_null(strstr(fault.message, "model.onnx: tensor 'encoder.layer.1.output.dense.weight' holds NaN"));
        assert_false(rf__os_is_file(out));
    }
    rf__tokenizer_free(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_graph_is_quantized),
        cmocka_unit_test(a_model_is_calibrated_with_its_tokenizer),
        cmocka_unit_test(calibrating_is_heard_and_cancelled),
        cmocka_unit_test(what_cannot_be_quantized_is_refused),
        cmocka_unit_test(a_damaged_matrix_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
