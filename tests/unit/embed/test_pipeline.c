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
    bool has_tasks;             /* said before it is opened */
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
    out->engine->base.info.has_tasks = out->has_tasks;
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
        {8, 0, 0, 0, 0, 3, "the model cannot embed a token: fake: indices element out of data bounds"},
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

static void keep_warning(void *user, rf_log_level level, const char *message)
{
    if (level == RF_LOG_WARNING)
        snprintf(user, 256, "%s", message);
}

/* Of 16 ids of the tokenizer the model has 10, by config.json or, where that is silent, by its table. */
static void test_a_tokenizer_with_more_ids_than_the_model(void **state)
{
    static const struct {
        uint32_t config_vocab, engine_vocab;
    } cases[] = {{10, 16}, {10, 10}, {0, 10}, {12, 10}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char warning[256] = "";
        const struct pipeline_options options = {.threads = 1, .logger = {keep_warning, warning}};
        const rf_text good = text_of("a document b"), texts[2] = {good, text_of("a test b")};
        struct model_config config = plain;
        struct fixture f = {0};
        rf_error fault = {0};
        float out[2 * 8];
        config.hidden_size = 8;
        config.vocab_size = cases[i].config_vocab;
        assert_ok(open_with(&config, &options, 3, 8, cases[i].engine_vocab, &f, err));
        assert_non_null(strstr(warning, "has ids up to 15, but the model's vocabulary has 10"));
        assert_ok(rf__pipeline_embed(f.pipeline, &good, 1, NULL, out, err));
        assert_int_equal(rf__pipeline_embed(f.pipeline, texts, 2, NULL, out, &fault), RF_BAD_FORMAT);
        assert_non_null(strstr(fault.message, "text 1: its token 'test' has the id 11, the model's vocabulary has 10"));
        rf__pipeline_free(f.pipeline);
    }
}

/* As jina-embeddings-v3 has them: a prompt's name, or what the texts are, is the task; none is told once. */
static void test_a_task_for_each_prompt(void **state)
{
    struct prompt prompts[] = {{(char *)(uintptr_t) "x", (char *)(uintptr_t) "a ", false, 0},
                               {(char *)(uintptr_t) "retrieval.passage", (char *)(uintptr_t) "b ", true, 1},
                               {(char *)(uintptr_t) "text-matching", (char *)(uintptr_t) "", true, 2},
                               {(char *)(uintptr_t) "retrieval.query", (char *)(uintptr_t) "c ", true, 0}};
    static const struct {
        rf_embed_options options;
        unsigned task;
        const char *prompt;
    } cases[] = {
        {{.role = RF_ROLE_QUERY}, 0, "c "},
        {{.role = RF_ROLE_DOCUMENT}, 1, "b "},
        {{.role = RF_ROLE_NONE}, 2, ""},
        {{.role = RF_ROLE_QUERY, .prompt_name = "retrieval.passage"}, 1, "b "},
        {{.role = RF_ROLE_DOCUMENT, .prompt = "d "}, 1, "d "},
        {{.prompt = "d "}, 2, "d "},
        {{.prompt_name = "x"}, 2, "a "},
    };
    char warning[256] = "";
    const struct pipeline_options options = {.threads = 1, .l2 = RF_L2_OFF, .logger = {keep_warning, warning}};
    struct model_config config = plain;
    struct fixture f = {.has_tasks = true};
    const rf_text text = text_of("test 1");
    rf_error fault = {0};

    (void)state;
    config.hidden_size = 8;
    assert_int_equal(open_with(&config, &options, 3, 8, VOCAB_SIZE, &f, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "'task_id', but config.json has no 'lora_adaptations'"));
    config.prompts = (struct prompts){prompts, 4, NULL, prompts[0].name, true};
    assert_ok(open_with(&config, &options, 3, 8, VOCAB_SIZE, &f, err));
    assert_string_equal(rf__pipeline_info(f.pipeline)->assumed, "where no prompt is named, the task: text-matching");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rf_embed_options by_hand = {.role = RF_ROLE_QUERY, .prompt = cases[i].prompt};
        float out[8], expected[8];
        warning[0] = '\0';
        assert_ok(rf__pipeline_embed(f.pipeline, &text, 1, &cases[i].options, out, err));
        assert_int_equal(f.engine->task, cases[i].task);
        assert_true((strstr(warning, "'text-matching' is assumed") != NULL) == (i == 2));
        assert_ok(rf__pipeline_embed(f.pipeline, &text, 1, &by_hand, expected, err));
        assert_memory_equal(out, expected, sizeof out);
    }
    rf__pipeline_free(f.pipeline);
    config.prompts.default_name = prompts[1].name;
    assert_ok(open_with(&config, &options, 3, 8, VOCAB_SIZE, &f, err));
    assert_string_equal(rf__pipeline_info(f.pipeline)->assumed, "");
    rf__pipeline_free(f.pipeline);
}

/* ---- Long texts ---------------------------------------------------------------------------------------- */

/* The slow twin: windows of n_words words, each a token, cut by hand and embedded as texts of their own. */
static void mean_by_hand(const struct pipeline *pipeline, rf_text text, size_t n_words, const rf_embed_options *options,
                         float out[8])
{
    double sum[8] = {0}, n = 0, length = 0;

    for (size_t at = 0; at < text.len; at += 2 * n_words) {
        const rf_text window = {text.data + at, text.len - at < 2 * n_words ? text.len - at : 2 * n_words};
        float vector[8];
        assert_ok(rf__pipeline_embed(pipeline, &window, 1, options, vector, err));
        for (size_t d = 0; d < 8; d++)
            sum[d] += (double)(window.len / 2) * vector[d];
        n += (double)(window.len / 2);
    }
    for (size_t d = 0; d < 8; d++)
        length += sum[d] / n * (sum[d] / n);
    for (size_t d = 0; d < 8; d++)
        out[d] = (float)(sum[d] / n / (rf__pipeline_info(pipeline)->l2 ? sqrt(length) : 1));
}

/* Texts of 0 to n - 1 words and a space behind each. */
static void fill_words(rf_text *texts, size_t n, char *memory, size_t width)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t w = 0; w < i; w++) {
            memory[i * width + 2 * w] = (char)('a' + (w * 7 + i * w + w * w / 5) % 4);
            memory[i * width + 2 * w + 1] = ' ';
        }
        texts[i] = (rf_text){memory + i * width, 2 * i};
    }
}

static void test_long_texts_get_the_mean_of_their_windows(void **state)
{
    enum { N = 100, WIDTH = 2 * N, LIMIT = 16 };
    static const struct {
        uint32_t rank;
        rf_l2 l2;
        rf_role role; /* its prompt takes two tokens */
        bool exclude_prompt;
        rf_pooling pooling;
    } cases[] = {
        {3, RF_L2_DEFAULT, RF_ROLE_NONE, false, RF_POOLING_MEAN},  {3, RF_L2_OFF, RF_ROLE_NONE, false, RF_POOLING_CLS},
        {3, RF_L2_DEFAULT, RF_ROLE_QUERY, false, RF_POOLING_MEAN}, {3, RF_L2_OFF, RF_ROLE_QUERY, true, RF_POOLING_MEAN},
        {2, RF_L2_DEFAULT, RF_ROLE_NONE, false, RF_POOLING_MEAN},  {3, RF_L2_OFF, RF_ROLE_NONE, false, RF_POOLING_LAST},
    };
    static char memory[N * WIDTH];
    static rf_text texts[N];
    static float one[N * 8], three[N * 8];
    struct prompt query = {.name = (char *)(uintptr_t) "query", .text = (char *)(uintptr_t) "b a "};

    (void)state;
    fill_words(texts, N, memory, WIDTH);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const struct pipeline_options options[2] = {
            {.threads = 1, .long_text = RF_LONG_TEXT_MEAN, .l2 = cases[c].l2},
            {.threads = 3, .long_text = RF_LONG_TEXT_MEAN, .truncate = RF_TRUNCATE_ERROR, .l2 = cases[c].l2}};
        const rf_embed_options role = {.size = sizeof role, .role = cases[c].role};
        size_t room = LIMIT - 2 - (cases[c].role == RF_ROLE_QUERY ? 2 : 0), n_long = 0;
        uint32_t n_tokens[N], n_windows[N];
        bool truncated[N];
        rf_embed_options embed = {.size = sizeof embed,
                                  .role = cases[c].role,
                                  .n_tokens = n_tokens,
                                  .truncated = truncated,
                                  .n_windows = n_windows};
        struct model_config config = plain;
        struct fixture f[2] = {{0}, {0}};
        rf_model_stats stats;
        config.hidden_size = 8;
        config.max_tokens = LIMIT;
        config.pooling = (struct pooling_spec){{cases[c].pooling}, 1, cases[c].exclude_prompt};
        config.prompts = (struct prompts){.items = &query, .n = 1, .names = query.name};
        assert_ok(open_with(&config, &options[0], cases[c].rank, 8, VOCAB_SIZE, &f[0], err));
        assert_ok(open_with(&config, &options[1], cases[c].rank, 8, VOCAB_SIZE, &f[1], err));
        assert_ok(rf__pipeline_embed(f[0].pipeline, texts, N, &role, one, err));
        assert_ok(rf__pipeline_embed(f[1].pipeline, texts, N, &embed, three, err));
        assert_memory_equal(one, three, sizeof one);
        for (size_t i = 0; i < N; i++) {
            size_t n = i == 0 ? 1 : (i + room - 1) / room;
            float twin[8];
            assert_false(truncated[i]);
            assert_int_equal(n_windows[i], n);
            assert_int_equal(n_tokens[i], i + n * (LIMIT - room));
            n_long += n > 1;
            if (i == 0)
                continue;
            mean_by_hand(f[0].pipeline, texts[i], room, &role, twin);
            for (size_t d = 0; d < 8; d++)
                if (!(fabsf(twin[d] - one[i * 8 + d]) <= 2e-6f * (1 + fabsf(twin[d]))))
                    fail_msg("case %zu, text %zu, number %zu: %g, by hand %g", c, i, d, one[i * 8 + d], twin[d]);
        }
        rf__pipeline_stats(f[1].pipeline, &stats);
        assert_int_equal(stats.long_texts, n_long);
        assert_true(stats.windows > 2 * n_long && stats.truncated == 0);
        rf__pipeline_free(f[0].pipeline);
        rf__pipeline_free(f[1].pipeline);
    }
}

static void test_a_limit_without_room_beside_the_prompt(void **state)
{
    const struct pipeline_options options = {.threads = 1, .max_tokens = 4, .long_text = RF_LONG_TEXT_MEAN};
    const rf_embed_options prompt = {.size = sizeof prompt, .prompt = "a b "};
    const rf_text text = text_of("c d");
    struct fixture f = open_plain(&options);
    static float out[384];
    rf_error fault = {0};

    (void)state;
    assert_int_equal(rf__pipeline_embed(f.pipeline, &text, 1, &prompt, out, &fault), RF_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, "no room for text beside the 2 tokens of the prompt"));
    rf__pipeline_free(f.pipeline);
}

static void test_out_of_memory(void **state)
{
    const struct pipeline_options in_parts = {.threads = 1, .long_text = RF_LONG_TEXT_MEAN};
    const rf_text texts[3] = {text_of("a b"), text_of("c"), text_of("d a b c d a b c d a b c d a b c d a b c d a")};
    struct prompt query = {.name = (char *)(uintptr_t) "query", .text = (char *)(uintptr_t) "a a "};
    const rf_embed_options options = {.size = sizeof options, .role = RF_ROLE_QUERY};
    struct model_config config = plain;
    float out[3 * 8];
    bool done = false;

    (void)state;
    config.hidden_size = 8;
    config.pooling.exclude_prompt = true;
    config.prompts = (struct prompts){.items = &query, .n = 1, .default_name = query.name, .names = query.name};
    for (uint64_t n = 1; !done; n++) {
        struct fixture f = {0};
        rf_error fault = {0};
        rf__tokenizer_free(open_tokenizer(NULL)); /* makes its file before allocations fail */
        rf__alloc_fail_at(n);
        done = open_with(&config, &in_parts, 3, 8, VOCAB_SIZE, &f, &fault) == RF_OK &&
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
        cmocka_unit_test(test_a_tokenizer_with_more_ids_than_the_model),
        cmocka_unit_test(test_a_task_for_each_prompt),
        cmocka_unit_test(test_long_texts_get_the_mean_of_their_windows),
        cmocka_unit_test(test_a_limit_without_room_beside_the_prompt),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("embed: pipeline", tests, NULL, NULL);
}
