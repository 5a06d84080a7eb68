/* test_small_models: every model directory of tests/golden/bert-tiny-*, modules-* and matrix-* against what
 * sentence-transformers (or model2vec) says of it: small models with random weights, each of which tries another
 * corner. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "rag_factory.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIKENESS  0.99999 /* the least cosine of an exported file, whose operators add up in another order */
#define TOLERANCE 2e-5F   /* of one number, relative to 1 + its size */

static rf_model *open_model(const char *directory, rf_model_options *options)
{
    rf_model *model = NULL;

    options->size = sizeof *options;
    options->offline = true;
    options->precision = RF_PRECISION_FP32;
    options->cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open(directory, options, &model, err));
    return model;
}

static void compare_numbers(const float *ours, const struct golden_array *golden, const char *name, const char *file)
{
    for (size_t k = 0; k < golden->rows * golden->cols; k++)
        if (!(fabsf(ours[k] - golden->values[k]) <= TOLERANCE * (1 + fabsf(golden->values[k]))))
            fail_msg("%s: %s: text %zu, dimension %zu: %g, expected %g", name, file, k / golden->cols, k % golden->cols,
                     (double)ours[k], (double)golden->values[k]);
}

static void compare_cosines(const float *ours, const struct golden_array *golden, const char *name, const char *file)
{
    double worst = 1;

    for (size_t i = 0; i < golden->rows; i++) {
        double c = cosine(ours + i * golden->cols, golden->values + i * golden->cols, golden->cols);
        if (!(c >= LIKENESS))
            fail_msg("%s: %s: text %zu has cosine %.7f", name, file, i, c);
        worst = c < worst ? c : worst;
    }
    print_message("%s: %s: %zu texts, worst cosine %.8f\n", name, file, golden->rows, worst);
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
    if (strncmp(name, "matrix-", 7) == 0)
        compare_cosines(out, &golden, name, file);
    else
        compare_numbers(out, &golden, name, file);
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

/* encode, encode_query, encode_document and encode(prompt_name=…), with and without a default prompt. */
static void test_prompts(void **state)
{
    static const char *const names[] = {"bert-tiny-prompts",   "bert-tiny-prompts-excluded", "modules-prompts",
                                        "modules-prompts-all", "modules-prompts-default",    "modules-static"};
    static const struct {
        const char *file;
        rf_embed_options options;
    } calls[] = {
        {"expected", {.role = RF_ROLE_NONE}},
        {"expected_query", {.role = RF_ROLE_QUERY}},
        {"expected_document", {.role = RF_ROLE_DOCUMENT}},
        {"expected_long", {.role = RF_ROLE_QUERY, .prompt_name = "long"}},
        {"expected_long", {.prompt = "the quick brown fox: "}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        rf_model_options options = {.threads = 2};
        rf_model *model;
        bool has_long;
        snprintf(path, sizeof path, "%s/tests/golden/%s", golden_path("."), names[i]);
        model = open_model(path, &options);
        has_long = rf_model_prompt(model, "long") != NULL;
        for (size_t k = 0; k < (has_long ? 5 : 3); k++) {
            rf_embed_options call = calls[k].options;
            call.size = sizeof call;
            compare(model, names[i], calls[k].file, &call);
        }
        rf_model_free(model);
    }
}

/* encode, encode_query and encode_document, which are one without prompts. */
static void compare_exported(const char *name, const char *onnx_file, bool has_prompts)
{
    const rf_embed_options query = {.size = sizeof query, .role = RF_ROLE_QUERY},
                           document = {.size = sizeof document, .role = RF_ROLE_DOCUMENT};
    rf_model_options options = {.threads = 2, .onnx_file = onnx_file};
    char path[512];
    rf_model *model;

    snprintf(path, sizeof path, "%s/tests/golden/%s", golden_path("."), name);
    model = open_model(path, &options);
    compare(model, name, "expected", NULL);
    compare(model, name, has_prompts ? "expected_query" : "expected", &query);
    compare(model, name, has_prompts ? "expected_document" : "expected", &document);
    rf_model_free(model);
}

/* ONNX files exported by torch and by optimum, of every architecture, with tokenizers of every kind. */
static void test_exported_architectures(void **state)
{
    static const struct {
        const char *name;
        bool has_prompts, is_torch_alone;
    } exported[] = {
        {"matrix-bert", false, false},       {"matrix-distilbert", false, false}, {"matrix-electra", false, false},
        {"matrix-mpnet", false, false},      {"matrix-roberta", true, false},     {"matrix-camembert", false, false},
        {"matrix-xlm-roberta", true, false}, {"matrix-albert", false, false},     {"matrix-deberta-v2", false, false},
        {"matrix-modernbert", false, false}, {"matrix-t5", false, true},          {"matrix-qwen2", true, false},
        {"matrix-qwen3", true, false},       {"matrix-gemma3", true, false},      {"matrix-mistral", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof exported / sizeof exported[0]; i++) {
        compare_exported(exported[i].name, "onnx/model.onnx", exported[i].has_prompts);
        if (!exported[i].is_torch_alone)
            compare_exported(exported[i].name, "onnx/model_optimum.onnx", exported[i].has_prompts);
    }
}

/* Small models of the shape of well-known ones, their files in the form in which these were published. */
static void test_known_models(void **state)
{
    static const struct {
        const char *name, *modules;
        uint32_t max_tokens;
    } known[] = {
        {"known/LaBSE", "Transformer, Pooling(cls), Dense(24 -> 24, Tanh), Normalize", 256},
        {"known/nomic-embed-text-v1.5", "Transformer, Pooling(mean)", 8192},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const rf_embed_options query = {.size = sizeof query, .role = RF_ROLE_QUERY},
                               document = {.size = sizeof document, .role = RF_ROLE_DOCUMENT};
        char path[512];
        rf_model_options options = {.threads = 1 + i % 2};
        rf_model_info info = {.size = sizeof info};
        rf_model *model;
        snprintf(path, sizeof path, "%s/tests/golden/%s", golden_path("."), known[i].name);
        model = open_model(path, &options);
        rf_model_get_info(model, &info);
        assert_string_equal(info.modules, known[i].modules);
        assert_int_equal(info.max_tokens, known[i].max_tokens);
        compare(model, known[i].name, "expected", NULL);
        compare(model, known[i].name, "expected_query", &query);
        compare(model, known[i].name, "expected_document", &document);
        rf_model_free(model);
    }
}

/* jina-embeddings-v3's kind: the prompt's name, or what the texts are, is the graph's task. */
static void test_tasks(void **state)
{
    static const struct {
        const char *file;
        rf_embed_options options;
    } calls[] = {
        {"expected", {.role = RF_ROLE_NONE}}, /* text-matching, which is assumed */
        {"expected", {.prompt_name = "text-matching"}},
        {"expected_separation", {.prompt_name = "separation"}},
        {"expected_classification", {.role = RF_ROLE_QUERY, .prompt_name = "classification"}},
        {"expected_retrieval_query", {.role = RF_ROLE_QUERY}},
        {"expected_retrieval_query", {.prompt_name = "retrieval.query"}},
        {"expected_retrieval_passage", {.role = RF_ROLE_DOCUMENT}},
    };
    char path[512];
    rf_model_options options = {.threads = 2};
    rf_model_info info = {.size = sizeof info};
    rf_model *model;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/matrix-tasks", golden_path("."));
    model = open_model(path, &options);
    rf_model_get_info(model, &info);
    assert_string_equal(info.prompts, "retrieval.query, retrieval.passage, separation, classification, text-matching");
    assert_string_equal(info.assumed, "where no prompt is named, the task: text-matching");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        rf_embed_options call = calls[i].options;
        call.size = sizeof call;
        compare(model, "matrix-tasks", calls[i].file, &call);
    }
    rf_model_free(model);
}

/* The model's own dimension, and one that was asked for. */
static void test_dimensions(void **state)
{
    char path[512];
    rf_model_options own = {.threads = 1}, five = {.threads = 1, .dimensions = 5},
                     all = {.threads = 1, .dimensions = 16},
                     many = {.size = sizeof many, .offline = true, .dimensions = 17};
    rf_model_info info = {.size = sizeof info};
    rf_error fault = {0};
    rf_model *model;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/modules-matryoshka", golden_path("."));
    model = open_model(path, &own);
    compare(model, "modules-matryoshka", "expected", NULL);
    rf_model_get_info(model, &info);
    assert_string_equal(info.modules, "Transformer, Pooling(mean), Normalize, first 12 of 16");
    assert_int_equal(info.full_dim, 16);
    assert_false(info.l2);
    rf_model_free(model);
    model = open_model(path, &five);
    compare(model, "modules-matryoshka", "expected_5", NULL);
    rf_model_get_info(model, &info);
    assert_string_equal(info.modules, "Transformer, Pooling(mean), Normalize, first 5 of 16, Normalize");
    assert_true(info.l2);
    rf_model_free(model);
    model = open_model(path, &all);
    assert_int_equal(rf_model_dim(model), 16);
    rf_model_free(model);
    many.cache_dir = golden_path("build/test-cache");
    assert_int_equal(rf_model_open(path, &many, &model, &fault), RF_INVALID_ARGUMENT);
    assert_string_equal(fault.message, "17 dimensions are asked for, the model has 16");
}

static void note(void *user, rf_log_level level, const char *message)
{
    if (level == RF_LOG_WARNING && strstr(message, "has prompts (query, document)") != NULL)
        ++*(int *)user;
}

static void test_prompts_that_are_not_used_are_told_once(void **state)
{
    char path[512];
    int n_told = 0;
    rf_model_options options = {.threads = 1, .log = note, .log_user = &n_told};
    const rf_embed_options none = {.size = sizeof none, .prompt = ""},
                           unknown = {.size = sizeof unknown, .prompt_name = "doc"};
    const rf_text text = {"hello", 5};
    float out[16];
    rf_error fault = {0};
    rf_model *model;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/bert-tiny-prompts", golden_path("."));
    model = open_model(path, &options);
    assert_ok(rf_embed_query(model, text, out, 16, err));
    assert_ok(rf_embed(model, &text, 1, &none, out, 16, err));
    assert_int_equal(n_told, 0);
    assert_ok(rf_embed(model, &text, 1, NULL, out, 16, err));
    assert_ok(rf_embed(model, &text, 1, NULL, out, 16, err));
    assert_int_equal(n_told, 1);
    assert_int_equal(rf_embed(model, &text, 1, &unknown, out, 16, &fault), RF_INVALID_ARGUMENT);
    assert_string_equal(fault.message, "the model has no prompt 'doc'; it has query, document");
    rf_model_free(model);
}

static void keep_warning(void *user, rf_log_level level, const char *message)
{
    if (level == RF_LOG_WARNING)
        snprintf(user, 512, "%s", message);
}

static void test_fallback(void **state)
{
    char good[512], warning[512] = "";
    rf_model_options options = {.size = sizeof options,
                                .threads = 1,
                                .fallback = good,
                                .log = keep_warning,
                                .log_user = warning,
                                .offline = true,
                                .onnx_file = "none.onnx",
                                .dimensions = 99};
    rf_model_info info = {.size = sizeof info};
    rf_error fault = {0};
    rf_model *model = NULL;

    (void)state;
    snprintf(good, sizeof good, "%s/tests/golden/modules-static", golden_path("."));
    options.cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open("./nowhere", &options, &model, err));
    rf_model_get_info(model, &info);
    assert_string_equal(info.source, good);
    assert_string_equal(info.replaces, "./nowhere");
    assert_int_equal(info.dim, 16);
    assert_non_null(strstr(warning, "'./nowhere' cannot be opened"));
    assert_non_null(strstr(warning, "modules-static' is used instead, whose vectors are others: ./nowhere: no such"));
    rf_model_free(model);
    options.fallback = "./nothing";
    assert_int_equal(rf_model_open("./nowhere", &options, &model, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, "./nowhere: no such file"));
    assert_non_null(strstr(fault.message, "nor can the fallback './nothing' be opened: ./nothing: no such"));
    options = (rf_model_options){.size = sizeof options, .threads = 1, .fallback = good, .pooling = RF_POOLING_MAX};
    assert_int_equal(rf_model_open("", &options, &model, &fault), RF_INVALID_ARGUMENT); /* a wrong call stays one */
}

static void test_statistics_and_trim(void **state)
{
    char path[512];
    rf_model_options options = {.threads = 1};
    rf_model_stats stats = {.size = sizeof stats}, older = {.size = offsetof(rf_model_stats, texts)};
    static char text[1000];
    const rf_text texts[2] = {{"hello world", 11}, {text, sizeof text}};
    float before[2 * 24], after[2 * 24];
    rf_model *model;

    (void)state;
    memset(text, '.', sizeof text);
    snprintf(path, sizeof path, "%s/tests/golden/bert-tiny-mean-gelu", golden_path("."));
    model = open_model(path, &options);
    assert_ok(rf_model_warm_up(model, err)); /* is not counted */
    assert_ok(rf_embed_documents(model, texts, 2, before, 48, err));
    assert_ok(rf_model_trim(model, err));
    assert_ok(rf_embed_documents(model, texts, 2, after, 48, err));
    assert_memory_equal(before, after, sizeof before);
    rf_model_get_stats(model, &stats);
    assert_int_equal(stats.calls, 2);
    assert_int_equal(stats.texts, 4);
    assert_int_equal(stats.tokens, 2 * (4 + 48));
    assert_int_equal(stats.truncated, 2);
    assert_true(stats.tokenize_ns > 0 && stats.compute_ns > 0 && stats.open_ns > 0);
    assert_true(stats.memory_now > 0 && stats.memory_peak >= stats.memory_now);
    assert_true(stats.memory_tokenizer + stats.memory_engine + stats.memory_calls <= stats.memory_peak);
    assert_true(stats.memory_files < stats.memory_now && stats.memory_limit > stats.memory_now);
    older.texts = 77;
    rf_model_get_stats(model, &older);
    assert_int_equal(older.texts, 77);
    assert_int_equal(older.calls, 2);
    rf_model_free(model);
}

/* The same for the same vectors, another for others. */
static void test_fingerprints(void **state)
{
    char path[512], first[RF_FINGERPRINT], other[RF_FINGERPRINT];
    const rf_embed_options query = {.size = sizeof query, .prompt = "query: "}, no_prompt = {.size = sizeof no_prompt};
    rf_model_options options = {.size = sizeof options, .threads = 1};
    rf_error fault;
    rf_model *model;

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/bert-tiny-mean-gelu", golden_path("."));
    model = open_model(path, &options);
    assert_ok(rf_model_fingerprint(model, &options, NULL, first, err));
    assert_int_equal(strlen(first), 64);
    assert_ok(rf_model_fingerprint(model, &options, &no_prompt, other, err));
    assert_string_equal(first, other);
    assert_ok(rf_model_fingerprint(model, &options, &query, other, err));
    assert_string_not_equal(first, other);
    assert_int_equal(rf_model_fingerprint(NULL, &options, NULL, other, &fault), RF_INVALID_ARGUMENT);
    rf_model_free(model);

    options.threads = 2;
    options.vector_memory_mb = 1; /* kept vectors are the same, unless they are rounded */
    model = open_model(path, &options);
    assert_ok(rf_model_fingerprint(model, &options, NULL, other, err));
    assert_string_equal(first, other);
    options.vector_cache_fp16 = true;
    assert_ok(rf_model_fingerprint(model, &options, NULL, other, err));
    assert_string_not_equal(first, other);
    rf_model_free(model);

    options = (rf_model_options){.size = sizeof options, .max_tokens = 9};
    model = open_model(path, &options);
    assert_ok(rf_model_fingerprint(model, &options, NULL, other, err));
    assert_string_not_equal(first, other);
    rf_model_free(model);
}

static void test_statistics_of_a_call(void **state)
{
    char path[512];
    static char text[1000];
    const rf_text texts[2] = {{"hello world", 11}, {text, sizeof text}};
    rf_call_stats stats = {.size = sizeof stats}, older = {.size = offsetof(rf_call_stats, tokens), .tokens = 77};
    rf_embed_options options = {.size = sizeof options, .stats = &stats};
    float out[2 * 24];
    rf_model *model;

    (void)state;
    memset(text, '.', sizeof text);
    snprintf(path, sizeof path, "%s/tests/golden/bert-tiny-mean-gelu", golden_path("."));
    model = open_model(path, &(rf_model_options){.threads = 1});
    for (int i = 0; i < 2; i++) { /* the second is not added to the first */
        assert_ok(rf_embed(model, texts, 2, &options, out, 48, err));
        assert_int_equal(stats.texts, 2);
        assert_int_equal(stats.tokens, 4 + 48);
        assert_int_equal(stats.truncated, 1);
        assert_int_equal(stats.windows, 2);
        assert_true(stats.tokenize_ns > 0 && stats.compute_ns > 0);
        assert_true(stats.total_ns >= stats.tokenize_ns + stats.compute_ns);
    }
    options.stats = &older;
    assert_ok(rf_embed(model, texts, 1, &options, out, 48, err));
    assert_int_equal(older.texts, 1);
    assert_int_equal(older.tokens, 77);
    options.stats = &stats;
    assert_ok(rf_embed(model, NULL, 0, &options, NULL, 0, err));
    assert_int_equal(stats.texts, 0);
    assert_int_equal(stats.tokens, 0);
    rf_model_free(model);
}

/* Windows by hand: the tokenizer says where they lie in the text, each is embedded as a text, and their mean is taken.
 */
static void test_long_texts(void **state)
{
    enum { DIM = 24, LIMIT = 48, WORDS = 120 };
    static const char words[] = "hello world ";
    char text[6 * WORDS], path[512];
    const rf_text whole = {text, sizeof text};
    const rf_encode_options windows = {.size = sizeof windows, .max_tokens = LIMIT, .overflow = true};
    rf_model_options options = {.threads = 1};
    rf_model_stats stats = {.size = sizeof stats};
    rf_embed_options embed = {.size = sizeof embed};
    rf_encoding *first = NULL;
    rf_model *cuts, *reads;
    float ours[DIM], part[DIM];
    double sum[DIM] = {0}, length = 0;
    uint32_t n_windows = 0;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = words[i % 12];
    snprintf(path, sizeof path, "%s/tests/golden/bert-tiny-mean-gelu", golden_path("."));
    cuts = open_model(path, &options);
    options.long_text = RF_LONG_TEXT_MEAN;
    reads = open_model(path, &options);
    embed.n_windows = &n_windows;
    assert_ok(rf_embed(reads, &whole, 1, &embed, ours, DIM, err));
    assert_ok(rf_tokenizer_encode(rf_model_tokenizer(cuts), whole, NULL, &windows, &first, err));
    assert_int_equal(n_windows, 3);
    assert_int_equal(first->n_overflow, 2);
    for (size_t w = 0; w < 3; w++) {
        const rf_encoding *window = w == 0 ? first : first->overflow[w - 1];
        const rf_text piece = {text + window->begin[1], window->end[window->n - 2] - window->begin[1]};
        assert_ok(rf_embed_documents(cuts, &piece, 1, part, DIM, err));
        for (size_t d = 0; d < DIM; d++)
            sum[d] += (double)(window->n - 2) * part[d];
    }
    for (size_t d = 0; d < DIM; d++)
        length += sum[d] * sum[d];
    for (size_t d = 0; d < DIM; d++)
        assert_float_equal(ours[d], sum[d] / sqrt(length), 1e-6);
    rf_model_get_stats(reads, &stats);
    assert_int_equal(stats.long_texts, 1);
    assert_int_equal(stats.windows, 3);
    assert_int_equal(stats.truncated, 0);
    rf_encoding_free(first);
    rf_model_free(cuts);
    rf_model_free(reads);
}

/* A static model that cuts texts at six tokens reads them whole. */
static void test_long_texts_of_static_embeddings(void **state)
{
    const rf_text text = {"the cat sits on the mat and the dog sits on the log", 51};
    char path[512];
    rf_model_options options = {.threads = 1};
    rf_model *cuts, *reads;
    float cut[64], whole[64];
    uint32_t n_cut, n_whole;
    bool truncated;
    rf_embed_options embed = {.size = sizeof embed, .truncated = &truncated};

    (void)state;
    snprintf(path, sizeof path, "%s/tests/golden/modules-static-cut", golden_path("."));
    cuts = open_model(path, &options);
    options.long_text = RF_LONG_TEXT_MEAN;
    reads = open_model(path, &options);
    assert_true(rf_model_dim(cuts) <= 64);
    embed.n_tokens = &n_cut;
    assert_ok(rf_embed(cuts, &text, 1, &embed, cut, 64, err));
    assert_true(truncated);
    embed.n_tokens = &n_whole;
    assert_ok(rf_embed(reads, &text, 1, &embed, whole, 64, err));
    assert_false(truncated);
    assert_true(n_whole > n_cut);
    assert_memory_not_equal(cut, whole, rf_model_dim(cuts) * sizeof *cut);
    rf_model_free(cuts);
    rf_model_free(reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_directory),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_exported_architectures),
        cmocka_unit_test(test_known_models),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_fallback),
        cmocka_unit_test(test_statistics_and_trim),
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_statistics_of_a_call),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_long_texts_of_static_embeddings),
        cmocka_unit_test(test_prompts_that_are_not_used_are_told_once),
    };

    return cmocka_run_group_tests_name("small models", tests, NULL, NULL);
}
