/* test_pipeline: the story's unit tests (initialization, embed_documents, embed_query, normalization, empty input) and
 * what a pipeline promises beside them, on a fake engine and a small vocabulary. */
#include "golden.h"

#include "fake_engine.h"

#include "embed/embed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ndocument\nquery\ntest\n1\n2\n##s\n.\n";
#define VOCAB_SIZE 16

struct fixture {
    struct pipeline *pipeline;
    struct fake_engine *engine; /* belongs to the pipeline */
};

static struct rf_tokenizer *open_tokenizer(rf_error *err)
{
    static char path[1024];
    struct rf_tokenizer *tokenizer = NULL;

    if (path[0] == '\0') {
        snprintf(path, sizeof path, "%s/vocab.txt", scratch_directory("pipeline-vocab"));
        write_file(path, vocab, strlen(vocab));
    }
    return rf__tokenizer_open(path, false, NULL, &tokenizer, err) == RF_OK ? tokenizer : NULL;
}

static rf_status open_with(const struct model_config *config, const struct pipeline_options *options, uint32_t rank,
                           uint32_t dim, uint32_t vocab_size, struct fixture *out, rf_error *err)
{
    struct rf_tokenizer *tokenizer = open_tokenizer(err);

    out->engine = tokenizer == NULL ? NULL : fake_engine_new(rank, dim, vocab_size);
    if (out->engine == NULL) {
        rf__tokenizer_free(tokenizer);
        return RF_NO_MEMORY;
    }
    return rf__pipeline_open(config, tokenizer, &out->engine->base, NULL, options, &out->pipeline, err);
}

static const struct model_config plain = {.architecture = "bert",
                                          .hidden_size = 384,
                                          .max_tokens = 16,
                                          .has_modules = true,
                                          .pooling = {.modes = {RF_POOLING_MEAN}, .n = 1},
                                          .modules = {{.kind = MODULE_NORMALIZE}},
                                          .n_modules = 1};
static const struct pipeline_options one_thread = {.threads = 1}, three_threads = {.threads = 3};

static struct fixture open_plain(const struct pipeline_options *options)
{
    struct fixture f = {0};

    assert_ok(open_with(&plain, options, 3, 384, VOCAB_SIZE, &f, err));
    return f;
}

static rf_text text_of(const char *s)
{
    return (rf_text){s, strlen(s)};
}

/* ---- The story's
 * ----------------------------------------------------------------------------------------------------- */

static void test_initialization(void **state)
{
    struct fixture f = open_plain(&one_thread);
    const struct pipeline_info *info = rf__pipeline_info(f.pipeline);

    (void)state;
    assert_int_equal(info->dim, 384);
    assert_int_equal(info->max_tokens, 16);
    assert_int_equal(info->vocab_size, VOCAB_SIZE);
    assert_string_equal(info->modules, "Transformer, Pooling(mean), Normalize");
    assert_string_equal(info->assumed, "");
    rf__pipeline_free(f.pipeline);
}

static void test_embed_documents(void **state)
{
    struct fixture f = open_plain(&one_thread);
    const rf_text texts[2] = {text_of("Document 1"), text_of("Document 2")};
    static float out[2 * 384];

    (void)state;
    assert_ok(rf__pipeline_embed(f.pipeline, texts, 2, NULL, out, err));
    for (size_t i = 0; i < 2; i++) {
        double length = 0;
        for (size_t d = 0; d < 384; d++)
            length += (double)out[i * 384 + d] * out[i * 384 + d];
        assert_float_equal(sqrt(length), 1, 1e-6);
    }
    assert_int_equal(f.engine->n_texts, 3); /* the probe and ours, which share a run */
    assert_int_equal(f.engine->n_runs, 2);
    rf__pipeline_free(f.pipeline);
}

static void test_embed_query(void **state)
{
    struct fixture f = open_plain(&one_thread);
    const rf_text text = text_of("Test query");
    static float out[384];
    /* [CLS] test query [SEP] = 2 11 10 3; the mean of token t, dimension d is mean(id) + mean(t + 1) * d / 100 */
    double length = 0, first = 26.0 / 4, last = first + 2.5 * 383 / 100;

    (void)state;
    assert_ok(rf__pipeline_embed(f.pipeline, &text, 1, NULL, out, err));
    for (size_t d = 0; d < 384; d++)
        length += pow(first + 2.5 * (double)d / 100, 2);
    assert_float_equal(out[0], first / sqrt(length), 1e-6);
    assert_float_equal(out[383], last / sqrt(length), 1e-6);
    rf__pipeline_free(f.pipeline);
}

static void test_empty_input(void **state)
{
    struct fixture f = open_plain(&one_thread);
    const rf_text empty = {NULL, 0};
    static float out[384];

    (void)state;
    assert_ok(rf__pipeline_embed(f.pipeline, NULL, 0, NULL, NULL, err));
    assert_int_equal(f.engine->n_runs, 1); /* the probe */
    assert_ok(rf__pipeline_embed(f.pipeline, &empty, 1, NULL, out, err));
    assert_true(out[0] > 0); /* [CLS] [SEP] have a vector too */
    rf__pipeline_free(f.pipeline);
}

/* ---- Ours
 * -------------------------------------------------------------------------------------------------------------- */

/* Texts of 0 to 20 words: some are longer than the limit of 16 tokens. */
static void make_texts(rf_text *texts, size_t n, char (*memory)[64])
{
    uint32_t random = 7;

    for (size_t i = 0; i < n; i++) {
        size_t n_words;
        random = random * 1664525u + 1013904223u;
        n_words = (random >> 16) % 21;
        for (size_t w = 0; w < n_words; w++) {
            random = random * 1664525u + 1013904223u;
            memory[i][2 * w] = (char)('a' + (random >> 20) % 4);
            memory[i][2 * w + 1] = ' ';
        }
        texts[i] = (rf_text){memory[i], 2 * n_words};
    }
}

static void test_same_bits_alone_in_any_company_and_order(void **state)
{
    enum { N = 700 };
    static char memory[N][64];
    static rf_text texts[N], reversed[N];
    static float together[N * 8], backwards[N * 8], alone[8];
    struct fixture one = {0}, three = {0};
    struct model_config config = plain;

    (void)state;
    config.hidden_size = 8;
    make_texts(texts, N, memory);
    for (size_t i = 0; i < N; i++)
        reversed[N - 1 - i] = texts[i];
    assert_ok(open_with(&config, &one_thread, 3, 8, VOCAB_SIZE, &one, err));
    assert_ok(open_with(&config, &three_threads, 3, 8, VOCAB_SIZE, &three, err));
    assert_ok(rf__pipeline_embed(three.pipeline, texts, N, NULL, together, err));
    assert_ok(rf__pipeline_embed(one.pipeline, reversed, N, NULL, backwards, err));
    for (size_t i = 0; i < N; i++) {
        assert_memory_equal(together + i * 8, backwards + (N - 1 - i) * 8, 8 * sizeof(float));
        assert_ok(rf__pipeline_embed(one.pipeline, &texts[i], 1, NULL, alone, err));
        assert_memory_equal(together + i * 8, alone, sizeof alone);
    }
    assert_true(three.engine->max_batch_tokens <= 256);
    assert_true(three.engine->n_runs < N / 4);
    rf__pipeline_free(one.pipeline);
    rf__pipeline_free(three.pipeline);
}

static void test_truncation_is_reported(void **state)
{
    struct fixture f = open_plain(&three_threads);
    const rf_text texts[2] = {text_of("a b c"), text_of("a b c d a b c d a b c d a b c d a b c d")};
    static float out[2 * 384];
    uint32_t n_tokens[2];
    bool truncated[2];
    const rf_embed_options options = {.size = sizeof options, .n_tokens = n_tokens, .truncated = truncated};

    (void)state;
    assert_ok(rf__pipeline_embed(f.pipeline, texts, 2, &options, out, err));
    assert_int_equal(n_tokens[0], 5);
    assert_int_equal(n_tokens[1], 16);
    assert_false(truncated[0]);
    assert_true(truncated[1]);
    rf__pipeline_free(f.pipeline);
}

static void test_truncation_can_be_an_error(void **state)
{
    const struct pipeline_options strict = {.threads = 1, .truncate = RF_TRUNCATE_ERROR};
    struct fixture f = open_plain(&strict);
    const rf_text texts[2] = {text_of("a"), text_of("a b c d a b c d a b c d a b c d a b c d")};
    static float out[2 * 384];
    rf_error fault = {0};

    (void)state;
    assert_int_equal(rf__pipeline_embed(f.pipeline, texts, 2, NULL, out, &fault), RF_TRUNCATED);
    assert_non_null(strstr(fault.message, "text 1"));
    assert_non_null(strstr(fault.message, "16"));
    rf__pipeline_free(f.pipeline);
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total)
{
    ++*(int *)user;
    assert_true(done <= total);
    return false;
}

static void test_progress_can_cancel(void **state)
{
    enum { N = 700 };
    static char memory[N][64];
    static rf_text texts[N];
    static float out[N * 384];
    struct fixture f = open_plain(&three_threads);
    int n_calls = 0;
    const rf_embed_options options = {.size = sizeof options, .progress = stop_at_once, .progress_user = &n_calls};
    rf_error fault = {0};

    (void)state;
    make_texts(texts, N, memory);
    assert_int_equal(rf__pipeline_embed(f.pipeline, texts, N, &options, out, &fault), RF_CANCELLED);
    assert_int_equal(n_calls, 1);
    rf__pipeline_free(f.pipeline);
}

static void test_a_failing_run_fails_the_call(void **state)
{
    enum { N = 300 };
    static char memory[N][64];
    static rf_text texts[N];
    static float out[N * 384];
    struct fixture f = open_plain(&three_threads);
    rf_error fault = {0};

    (void)state;
    make_texts(texts, N, memory);
    f.engine->fail_after = 5;
    assert_int_equal(rf__pipeline_embed(f.pipeline, texts, N, NULL, out, &fault), RF_ENGINE);
    assert_string_equal(fault.message, "fake: failed as told");
    rf__pipeline_free(f.pipeline);
}

#define NORMALIZE .modules = {{.kind = MODULE_NORMALIZE}}, .n_modules = 1

static void test_what_is_declared_and_what_is_assumed(void **state)
{
    static const struct {
        struct model_config config;
        struct pipeline_options options;
        uint32_t rank;
        const char *modules, *assumed;
    } cases[] = {
        {{.has_modules = true, .pooling = {{RF_POOLING_CLS}, 1, false}, .max_tokens = 9},
         {.threads = 1},
         3,
         "Transformer, Pooling(cls)",
         ""},
        {{.max_tokens = 9},
         {.threads = 1},
         3,
         "Transformer, Pooling(mean), Normalize",
         "no pooling declared: mean; no modules.json: vectors are scaled to length 1"},
        {{.max_tokens = 0},
         {.threads = 1, .pooling = RF_POOLING_LAST, .l2 = RF_L2_OFF},
         3,
         "Transformer, Pooling(last)",
         "no limit declared: 512 tokens"},
        {{.has_modules = true, .pooling = {{RF_POOLING_MEAN}, 1, false}, NORMALIZE, .max_tokens = 9},
         {.threads = 1},
         2,
         "Transformer, Normalize",
         ""},
        {{.max_tokens = 9, .is_causal = true},
         {.threads = 1},
         3,
         "Transformer, Pooling(last), Normalize",
         "no pooling declared: last, as for any causal model; no modules.json: vectors are scaled to length 1"},
        {{.has_modules = true,
          .pooling = {{RF_POOLING_MAX, RF_POOLING_WEIGHTED_MEAN, RF_POOLING_MEAN_SQRT_LEN}, 3, true},
          NORMALIZE,
          .max_tokens = 9},
         {.threads = 1},
         3,
         "Transformer, Pooling(max + weighted-mean + mean-sqrt-len, without the prompt), Normalize",
         ""},
        {{.has_modules = true, .pooling = {{RF_POOLING_MEAN}, 1, false}, NORMALIZE, .max_tokens = 9},
         {.threads = 1, .pooling = RF_POOLING_MAX, .l2 = RF_L2_OFF},
         3,
         "Transformer, Pooling(max)",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config = cases[i].config;
        struct fixture f = {0};
        config.architecture = "";
        assert_ok(open_with(&config, &cases[i].options, cases[i].rank, 8, VOCAB_SIZE, &f, err));
        assert_string_equal(rf__pipeline_info(f.pipeline)->modules, cases[i].modules);
        assert_string_equal(rf__pipeline_info(f.pipeline)->assumed, cases[i].assumed);
        rf__pipeline_free(f.pipeline);
    }
}

static void test_parts_that_do_not_belong_together(void **state)
{
    static const struct {
        uint32_t hidden_size, config_vocab, engine_vocab, max_tokens;
        rf_pooling pooling;
        uint32_t rank;
        const char *message;
    } cases[] = {
        {8, 10, 16, 0, 0, 3, "the tokenizer has ids up to 15, but the model's vocabulary has 10"},
        {8, 0, 15, 0, 0, 3, "cannot embed the tokenizer's highest id, 15"},
        {9, 0, 16, 0, 0, 3, "gives vectors of 8 numbers, config.json says 9"},
        {8, 0, 16, 2, 0, 3, "a limit of 2 tokens leaves no room for text beside the 2 special tokens"},
        {8, 0, 16, 0, RF_POOLING_CLS, 2, "there is nothing left to pool"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config = plain;
        const struct pipeline_options options = {
            .threads = 1, .max_tokens = cases[i].max_tokens, .pooling = cases[i].pooling};
        struct fixture f = {0};
        rf_error fault = {0};
        config.hidden_size = cases[i].hidden_size;
        config.vocab_size = cases[i].config_vocab;
        assert_int_not_equal(open_with(&config, &options, cases[i].rank, 8, cases[i].engine_vocab, &f, &fault), RF_OK);
        if (strstr(fault.message, cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, fault.message);
    }
}

static void test_out_of_memory(void **state)
{
    const rf_text texts[3] = {text_of("a b"), text_of("c"), text_of("d a")};
    struct prompt query = {(char *)(uintptr_t) "query", (char *)(uintptr_t) "a a "};
    const rf_embed_options options = {.size = sizeof options, .role = RF_ROLE_QUERY};
    struct model_config config = plain;
    float out[3 * 8];
    bool done = false;

    (void)state;
    config.hidden_size = 8;
    config.pooling.exclude_prompt = true;
    config.prompts = (struct prompts){&query, 1, query.name, query.name};
    for (uint64_t n = 1; !done; n++) {
        struct fixture f = {0};
        rf_error fault = {0};
        rf__tokenizer_free(open_tokenizer(NULL)); /* makes its file before allocations fail */
        rf__alloc_fail_at(n);
        done = open_with(&config, &one_thread, 3, 8, VOCAB_SIZE, &f, &fault) == RF_OK &&
               rf__pipeline_embed(f.pipeline, texts, 3, &options, out, &fault) == RF_OK;
        rf__alloc_fail_at(0);
        rf__pipeline_free(f.pipeline);
        assert_true(n < 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initialization),
        cmocka_unit_test(test_embed_documents),
        cmocka_unit_test(test_embed_query),
        cmocka_unit_test(test_empty_input),
        cmocka_unit_test(test_same_bits_alone_in_any_company_and_order),
        cmocka_unit_test(test_truncation_is_reported),
        cmocka_unit_test(test_truncation_can_be_an_error),
        cmocka_unit_test(test_progress_can_cancel),
        cmocka_unit_test(test_a_failing_run_fails_the_call),
        cmocka_unit_test(test_what_is_declared_and_what_is_assumed),
        cmocka_unit_test(test_parts_that_do_not_belong_together),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("embed: pipeline", tests, NULL, NULL);
}
