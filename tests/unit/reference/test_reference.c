/*
 * reference: what transformers says of a small model of every architecture, the plain forward pass says too; and what
 * is wrong with a model is named.
 */
#include "golden.h"

#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"
#include "reference/reference.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOLERANCE        2e-5
#define TOLERANCE_GEMMA3 5e-5 /* torch's fp32 is up to 2.8e-5 away from its fp64 there */
#define FOLDER           "tests/golden/architectures"

static rf_status open_golden(const char *name, struct engine **out, rf_error *err)
{
    char folder[1200], config[1300];

    snprintf(folder, sizeof folder, "%s/%s", golden_path(FOLDER), name);
    snprintf(config, sizeof config, "%s/config.json", folder);
    return rf__reference_open(config, folder, out, err);
}

static double distance(const struct engine *engine, const struct golden_ids *texts, size_t i, const float *expected)
{
    const struct engine_batch batch = {
        .ids = texts->ids + texts->begin[i], .n_texts = 1, .n_tokens = texts->n_tokens[i]};
    struct engine_output out;
    double worst = 0;

    assert_ok(rf__engine_run(engine, &batch, &out, err));
    for (size_t k = 0; k < out.n_tokens * out.dim; k++)
        worst = fmax(worst, fabs((double)out.data[k] - (double)expected[k]));
    rf__engine_output_release(&out);
    return worst;
}

static void check_golden(const char *name)
{
    struct engine *engine = NULL;
    struct golden_array expected;
    struct golden_ids texts;
    const double tolerance = strncmp(name, "gemma3", 6) == 0 ? TOLERANCE_GEMMA3 : TOLERANCE;
    char path[256];
    size_t row = 0;

    assert_ok(open_golden(name, &engine, err));
    snprintf(path, sizeof path, FOLDER "/%s/ids.json", name);
    golden_ids_read(path, &texts);
    snprintf(path, sizeof path, FOLDER "/%s/expected.npy", name);
    golden_npy_read(path, &expected);
    for (size_t i = 0; i < texts.n; i++) {
        double worst = distance(engine, &texts, i, expected.values + row * expected.cols);
        if (!(worst <= tolerance))
            fail_msg("%s, text %zu of %zu tokens: %g away", name, i, texts.n_tokens[i], worst);
        row += texts.n_tokens[i];
    }
    assert_int_equal(row, expected.rows);
    golden_array_release(&expected);
    rf__engine_free(engine);
}

/* Every folder of the golden architectures. */
static void hidden_states_are_those_of_transformers(void **state)
{
    char **names = NULL;
    size_t n = 0;

    (void)state;
    assert_ok(rf__os_list_directory(golden_path(FOLDER), &names, &n, err));
    assert_true(n >= 31);
    for (size_t i = 0; i < n; i++)
        check_golden(names[i]);
    rf__free(names);
}

static void what_the_tables_lack_is_refused(void **state)
{
    uint32_t ids[200] = {0};
    struct engine_batch batch = {.ids = ids, .n_texts = 1, .n_tokens = 1};
    struct engine_output out;
    struct engine *engine = NULL;
    rf_error fault;

    (void)state;
    assert_ok(open_golden("bert", &engine, err));
    ids[0] = 48;
    assert_int_equal(rf__engine_run(engine, &batch, &out, &fault), RF_ENGINE);
    assert_non_null(strstr(fault.message, "id 48"));
    ids[0] = 0;
    batch.n_tokens = 200;
    assert_int_equal(rf__engine_run(engine, &batch, &out, &fault), RF_ENGINE);
    assert_non_null(strstr(fault.message, "200 tokens"));
    rf__engine_free(engine);
}

/* config.json says other than the weights. */
static void a_model_that_does_not_fit_is_named(void **state)
{
    static const struct {
        const char *config, *words[3];
    } cases[] = {
        {"{\"model_type\":\"perceiver\"}", {"config.json", "perceiver", "bert"}},
        {"[1]", {"config.json", "an array", "an object"}},
        {"{\"model_type\":\"bert\",\"hidden_size\":0}", {"config.json", "hidden_size", "at least 1"}},
        {"{\"model_type\":\"bert\",\"hidden_size\":24,\"num_attention_heads\":7}", {"config.json", "24", "7"}},
        {"{\"model_type\":\"bert\",\"vocab_size\":49,\"hidden_size\":16,\"num_attention_heads\":4}",
         {"model.safetensors", "embeddings.word_embeddings.weight", "[49, 16]"}},
        {"{\"model_type\":\"bert\",\"hidden_act\":\"selu\"}", {"config.json", "hidden_act", "selu"}},
        {"{\"model_type\":\"t5\"}", {"model.safetensors", "encoder.final_layer_norm.weight", "t5"}},
    };
    const char *folder = scratch_directory("reference");
    char config[1200];
    struct engine *engine = NULL;

    (void)state;
    snprintf(config, sizeof config, "%s/config.json", folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rf_error fault = {0};
        write_file(config, cases[i].config, strlen(cases[i].config));
        assert_int_not_equal(rf__reference_open(config, golden_path(FOLDER "/bert"), &engine, &fault), RF_OK);
        for (size_t j = 0; j < 3; j++)
            if (strstr(fault.message, cases[i].words[j]) == NULL)
                fail_msg("'%s' does not name '%s'", fault.message, cases[i].words[j]);
    }
}

/* Each allocation fails once: while it opens, then while it runs. */
static void out_of_memory_is_told(void **state)
{
    static const uint32_t ids[] = {1, 2, 3};
    const struct engine_batch batch = {.ids = ids, .n_texts = 1, .n_tokens = 3};
    struct engine_output out;
    struct engine *engine = NULL;
    rf_status status = RF_NO_MEMORY;
    rf_error fault = {0};

    (void)state;
    for (uint64_t n = 1; status != RF_OK && n < 10000; n++) {
        rf__alloc_fail_at(n);
        status = open_golden("albert", &engine, &fault);
        rf__alloc_fail_at(0);
        if (status != RF_OK)
            assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_int_equal(status, RF_OK);
    status = RF_NO_MEMORY;
    for (uint64_t n = 1; status != RF_OK && n < 1000; n++) {
        rf__alloc_fail_at(n);
        status = rf__engine_run(engine, &batch, &out, &fault);
        rf__alloc_fail_at(0);
        if (status != RF_OK)
            assert_int_equal(status, RF_NO_MEMORY);
    }
    assert_int_equal(status, RF_OK);
    rf__engine_output_release(&out);
    rf__engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_states_are_those_of_transformers),
        cmocka_unit_test(what_the_tables_lack_is_refused),
        cmocka_unit_test(a_model_that_does_not_fit_is_named),
        cmocka_unit_test(out_of_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
