/* cached_model, repeats: in front of a provider that counts what it is asked for, and of a small local model. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/provider.h"
#include "vector_cache/vector_cache.h"

#include <stdio.h>
#include <string.h>

/* ---- A provider whose vectors can be foreseen -------------------------------------------------------------------- */

#define DIM 5

struct fake {
    struct rf_model base;
    const char *identity;
    size_t n_asked;    /* texts, of all calls */
    size_t fail_after; /* texts of a call; 0: never */
};

/* Of number d of a text's vector; not exact in fp16. */
static float number_of(rf_text text, size_t d, rf_role role)
{
    float sum = (float)d / 7 + (float)role;

    for (size_t i = 0; i < text.len; i++)
        sum += (float)(unsigned char)text.data[i] * (float)(i + 1);
    return sum / 1024;
}

static rf_status fake_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                            const rf_embed_options *options, float *out, rf_error *err)
{
    struct fake *fake = (struct fake *)(uintptr_t)model;

    for (size_t i = 0; i < n; i++) {
        if (texts[i].len >= 5 && memcmp(texts[i].data, "long!", 5) == 0)
            return rf__fail(err, RF_TRUNCATED, "text %zu is too long", i);
        if (fake->fail_after > 0 && fake->n_asked == fake->fail_after)
            return rf__fail(err, RF_NETWORK, "gone");
        for (size_t d = 0; d < DIM; d++)
            out[i * DIM + d] = number_of(texts[i], d, options->role);
        if (options->n_tokens != NULL)
            options->n_tokens[i] = (uint32_t)texts[i].len;
        if (options->truncated != NULL)
            options->truncated[i] = texts[i].len > 8;
        if (options->n_windows != NULL)
            options->n_windows[i] = 1 + (uint32_t)texts[i].len % 3;
        if (options->done != NULL)
            options->done[i] = true;
        fake->n_asked++;
        if (options->progress != NULL && !options->progress(options->progress_user, i + 1, n))
            return rf__fail(err, RF_CANCELLED, "cancelled");
    }
    return RF_OK;
}

static void fake_stats(const struct rf_model *model, rf_model_stats *stats)
{
    stats->calls = 1000; /* the cache counts calls and texts itself */
    stats->texts = stats->tokens = ((const struct fake *)model)->n_asked;
}

static rf_status fake_identity(const struct rf_model *model, const rf_model_options *options, struct buf *out,
                               rf_error *err)
{
    (void)options;
    return rf__buf_append_str(out, ((const struct fake *)model)->identity, err);
}

static rf_status fake_call_identity(const struct rf_model *model, const rf_embed_options *options, struct buf *out,
                                    rf_error *err)
{
    (void)model;
    return rf__buf_printf(out, err, "%d", (int)options->role);
}

static void fake_free(struct rf_model *model)
{
    rf__free(model);
}

static const struct provider fake_provider = {.embed = fake_embed,
                                              .stats = fake_stats,
                                              .identity = fake_identity,
                                              .call_identity = fake_call_identity,
                                              .free = fake_free};

/* A fake, with a cache in front of it where the options ask for one. *fake is what counts. */
static struct rf_model *open_fake(const char *identity, const rf_model_options *options, struct fake **fake)
{
    struct fake *own = rf__calloc(1, sizeof *own);
    struct rf_model *model = &own->base;

    own->base.provider = &fake_provider;
    own->base.info = (rf_model_info){.dim = DIM, .max_tokens = 8, .provider = "fake"};
    own->identity = identity;
    *fake = own;
    assert_ok(rf__cached_open(options, &model, err));
    return model;
}

static rf_text text_of(const char *text)
{
    return (rf_text){text, strlen(text)};
}

static void assert_vectors(const float *out, const rf_text *texts, size_t n, rf_role role)
{
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < DIM; d++)
            if (out[i * DIM + d] != number_of(texts[i], d, role))
                fail_msg("text %zu, number %zu: %g", i, d, (double)out[i * DIM + d]);
}

/* ---- Repeated texts ---------------------------------------------------------------------------------------------- */

static void repeated_texts_are_computed_once(void **state)
{
    const rf_model_options options = {.size = sizeof options};
    const rf_text texts[] = {text_of("aa"), text_of("b"),         text_of("aa"), text_of("ccc"), text_of("b"),
                             text_of(""),   text_of("aaaaaaaaa"), text_of("a"),  text_of(""),    text_of("aa")};
    enum { N = 10, DIFFERENT = 6 };
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    float out[N * DIM];
    uint32_t n_tokens[N], n_windows[N];
    bool truncated[N];
    const rf_embed_options embed = {
        .size = sizeof embed, .n_tokens = n_tokens, .truncated = truncated, .n_windows = n_windows};

    (void)state;
    assert_ptr_equal(model, &fake->base); /* no cache was asked for */
    assert_ok(rf__provider_embed(model, texts, N, &embed, out, err));
    assert_vectors(out, texts, N, RF_ROLE_NONE);
    assert_int_equal(fake->n_asked, DIFFERENT);
    assert_int_equal(model->n_repeated, N - DIFFERENT);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(n_tokens[i], texts[i].len);
        assert_int_equal(truncated[i], texts[i].len > 8);
        assert_int_equal(n_windows[i], 1 + texts[i].len % 3);
    }
    rf__provider_free(model);
}

/* Many texts, as a plain search would find them; a table that is crowded. */
static void repeats_of_many(void **state)
{
    const rf_model_options options = {.size = sizeof options};
    enum { N = 20000, KINDS = 5000 };
    static char names[KINDS][16];
    static rf_text texts[N];
    static float out[N * DIM];
    const rf_embed_options embed = {.size = sizeof embed};
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    bool seen[KINDS] = {false};
    uint32_t random = 3;
    size_t n_different = 0;

    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        snprintf(names[i], sizeof names[i], "text %zu", i);
    for (size_t i = 0; i < N; i++) {
        random = random * 1664525u + 1013904223u;
        texts[i] = text_of(names[(random >> 8) % KINDS]);
        n_different += !seen[(random >> 8) % KINDS];
        seen[(random >> 8) % KINDS] = true;
    }
    assert_ok(rf__provider_embed(model, texts, N, &embed, out, err));
    assert_vectors(out, texts, N, RF_ROLE_NONE);
    assert_int_equal(fake->n_asked, n_different);
    rf__provider_free(model);
}

/* ---- The cache --------------------------------------------------------------------------------------------------- */

static const char *cache_path(const char *folder)
{
    static char path[1200];

    snprintf(path, sizeof path, "%s/vectors", scratch_directory(folder));
    return path;
}

/* Every way of a text: computed, from memory, from the file of a process before. */
static void found_again(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_cache = cache_path("cached-again")};
    const rf_text texts[] = {text_of("one"), text_of("two"), text_of("three and more"), text_of("four"),
                             text_of("one")};
    enum { N = 5 };
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    rf_model_stats stats = {0};
    float out[N * DIM];

    (void)state;
    for (int round = 0; round < 4; round++) {
        uint32_t n_tokens[N] = {0}, n_windows[N] = {0};
        bool truncated[N] = {0};
        rf_call_stats call = {.size = sizeof call};
        const rf_embed_options embed = {
            .size = sizeof embed, .n_tokens = n_tokens, .truncated = truncated, .n_windows = n_windows, .stats = &call};
        size_t n = round == 0 ? 2 : N, expected = round == 0 ? 2 : round == 1 ? 4 : round == 2 ? 4 : 0;
        if (round == 3) { /* another process */
            rf__provider_free(model);
            model = open_fake("m", &options, &fake);
        }
        memset(out, 0xFF, sizeof out);
        assert_ok(rf__provider_embed(model, texts, n, &embed, out, err));
        assert_vectors(out, texts, n, RF_ROLE_NONE);
        assert_int_equal(fake->n_asked, expected);
        assert_int_equal(call.found, round == 0 ? 0 : round == 1 ? 2 : 4);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(n_tokens[i], texts[i].len);
            assert_int_equal(truncated[i], texts[i].len > 8);
            assert_int_equal(n_windows[i], 1 + texts[i].len % 3);
        }
        if (round == 2) {
            model->provider->stats(model, &stats);
            assert_int_equal(stats.calls, 3);
            assert_int_equal(stats.texts, 2 + 4 + 4); /* and two repeated ones */
            assert_int_equal(stats.tokens, 4);        /* of what was computed */
            assert_int_equal(stats.cache_hits, 2 + 4);
            assert_int_equal(stats.cache_memory_hits, 2 + 4);
            assert_int_equal(stats.cache_misses, 4);
            assert_true(stats.cache_bytes > 0 && stats.cache_memory_bytes > 0);
        }
    }
    memset(&stats, 0, sizeof stats);
    model->provider->stats(model, &stats);
    assert_int_equal(stats.cache_hits, 4);
    assert_int_equal(stats.cache_memory_hits, 0);
    rf__provider_free(model);
}

/* Memory alone: nothing is written anywhere. */
static void memory_alone(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_memory_mb = 1};
    const rf_embed_options embed = {.size = sizeof embed};
    const rf_text text = text_of("one");
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    float out[DIM];

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_ok(rf__provider_embed(model, &text, 1, &embed, out, err));
        assert_vectors(out, &text, 1, RF_ROLE_NONE);
    }
    assert_int_equal(fake->n_asked, 1);
    rf__provider_free(model);
}

/* Two models, and two roles, in one file. */
static void others_are_not_found(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_cache = cache_path("cached-others")};
    const rf_text text = text_of("one");
    struct fake *a, *b;
    struct rf_model *first = open_fake("a", &options, &a), *second = open_fake("b", &options, &b);
    float out[DIM];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (rf_role role = RF_ROLE_NONE; role <= RF_ROLE_DOCUMENT; role++) {
            const rf_embed_options embed = {.size = sizeof embed, .role = role};
            assert_ok(rf__provider_embed(first, &text, 1, &embed, out, err));
            assert_vectors(out, &text, 1, role);
            assert_ok(rf__provider_embed(second, &text, 1, &embed, out, err));
            assert_vectors(out, &text, 1, role);
        }
    assert_int_equal(a->n_asked, 3);
    assert_int_equal(b->n_asked, 3);
    rf__provider_free(first);
    rf__provider_free(second);
}

/* With fp16 a text has one vector, computed or kept, which is near the other; an fp32 model does not find it. */
static void fp16_is_the_same_computed_or_kept(void **state)
{
    rf_model_options options = {
        .size = sizeof options, .vector_cache = cache_path("cached-fp16"), .vector_cache_fp16 = true};
    const rf_embed_options embed = {.size = sizeof embed};
    const rf_text texts[] = {text_of("one"), text_of("two")};
    struct fake *fake;
    struct rf_model *model;
    float computed[2 * DIM], kept[2 * DIM];
    size_t n_other = 0;

    (void)state;
    for (int round = 0; round < 3; round++) {
        model = open_fake("m", &options, &fake);
        assert_ok(rf__provider_embed(model, texts, 2, &embed, round == 0 ? computed : kept, err));
        assert_int_equal(fake->n_asked, round == 1 ? 0 : 2);
        if (round == 1)
            assert_memory_equal(computed, kept, sizeof kept);
        if (round == 2)
            assert_vectors(kept, texts, 2, RF_ROLE_NONE);
        options.vector_cache_fp16 = round == 0;
        rf__provider_free(model);
    }
    for (size_t i = 0; i < 2 * DIM; i++) {
        n_other += computed[i] != kept[i];
        assert_true(computed[i] - kept[i] < 1e-3f && kept[i] - computed[i] < 1e-3f);
    }
    assert_true(n_other > 0);
}

struct seen {
    uint64_t done, total, stop_at;
};

static bool on_progress(void *user, uint64_t done, uint64_t total)
{
    struct seen *seen = user;

    assert_true(done > seen->done && done <= total);
    *seen = (struct seen){done, total, seen->stop_at};
    return done != seen->stop_at;
}

/* Kept, computed and repeated texts count alike; a failure names the text by its place in the call. */
static void progress_and_failures(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_cache = cache_path("cached-progress")};
    enum { N = 9000 }; /* more than goes through at once */
    static char names[N][16];
    static rf_text texts[N];
    static float out[N * DIM];
    struct seen seen = {0};
    rf_embed_options embed = {.size = sizeof embed, .progress = on_progress, .progress_user = &seen};
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    rf_error fault = {0};

    (void)state;
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "text %zu", i % 10 == 9 ? 0 : i);
        texts[i] = text_of(names[i]);
    }
    seen.stop_at = 5000;
    assert_int_equal(rf__provider_embed(model, texts, N, &embed, out, &fault), RF_CANCELLED);
    assert_int_equal(seen.done, 5000);
    seen = (struct seen){0};
    assert_ok(rf__provider_embed(model, texts, N, &embed, out, err));
    assert_vectors(out, texts, N, RF_ROLE_NONE);
    assert_int_equal(seen.done, N);
    assert_int_equal(seen.total, N);
    assert_int_equal(fake->n_asked, N * 9 / 10); /* what was computed before it was cancelled is kept */
    seen = (struct seen){0};
    assert_ok(rf__provider_embed(model, texts, N, &embed, out, err));
    assert_int_equal(seen.done, N);
    seen = (struct seen){0, 0, N}; /* where nothing is computed, too */
    assert_int_equal(rf__provider_embed(model, texts, 1, &embed, out, &fault), RF_OK);
    seen = (struct seen){0, 0, 1};
    assert_int_equal(rf__provider_embed(model, texts, 1, &embed, out, &fault), RF_CANCELLED);

    model->pipeline = (const struct pipeline *)model; /* as if it were local: it may be asked again */
    texts[4321] = text_of("long!");
    embed.progress = NULL;
    assert_int_equal(rf__provider_embed(model, texts, N, &embed, out, &fault), RF_TRUNCATED);
    assert_string_equal(fault.message, "text 4321 is too long");
    rf__provider_free(model);
}

/* A server that fails midway: what arrived is told, kept, and not asked for again, with a cache and without. */
static void resumed(void **state)
{
    (void)state;
    for (int with_cache = 0; with_cache < 2; with_cache++) {
        const rf_model_options options = {.size = sizeof options,
                                          .vector_cache = with_cache ? cache_path("cached-resumed") : NULL};
        const rf_text texts[] = {text_of("a"), text_of("b"), text_of("a"), text_of("c"),
                                 text_of("d"), text_of("c"), text_of("e"), text_of("b")};
        enum { N = 8, DIFFERENT = 5 };
        bool done[N] = {false};
        uint32_t n_tokens[N];
        struct seen seen = {0};
        const rf_embed_options embed = {
            .size = sizeof embed, .done = done, .n_tokens = n_tokens, .progress = on_progress, .progress_user = &seen};
        struct fake *fake;
        struct rf_model *model = open_fake("m", &options, &fake);
        float out[N * DIM] = {0};
        rf_error fault = {0};
        for (size_t arrived = 2; arrived < DIFFERENT; arrived++) {
            fake->fail_after = arrived;
            seen = (struct seen){0};
            assert_int_equal(rf__provider_embed(model, texts, N, &embed, out, &fault), RF_NETWORK);
            assert_string_equal(fault.message, "gone");
            assert_int_equal(fake->n_asked, arrived);
            for (size_t i = 0; i < N; i++)
                assert_int_equal(done[i], (size_t)(texts[i].data[0] - 'a') < arrived);
        }
        fake->fail_after = 0;
        seen = (struct seen){0};
        assert_ok(rf__provider_embed(model, texts, N, &embed, out, err));
        assert_int_equal(seen.done, N);
        assert_vectors(out, texts, N, RF_ROLE_NONE);
        assert_int_equal(fake->n_asked, DIFFERENT);
        for (size_t i = 0; i < N; i++)
            assert_true(done[i] && n_tokens[i] == 1);
        assert_ok(rf__provider_embed(model, texts, N, &embed, out, err)); /* nothing is missing */
        assert_int_equal(fake->n_asked, DIFFERENT);
        rf__provider_free(model);
    }
}

static char last_warning[600];

static void on_log(void *user, rf_log_level level, const char *message)
{
    (void)user;
    if (level == RF_LOG_WARNING)
        snprintf(last_warning, sizeof last_warning, "%s", message);
}

/* A kept text that was cut is told of again. */
static void cut_texts_are_told(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_cache = cache_path("cached-cut"), .log = on_log};
    const rf_embed_options embed = {.size = sizeof embed};
    const rf_text texts[] = {text_of("a text that is long"), text_of("two")};
    struct fake *fake;
    struct rf_model *model = open_fake("m", &options, &fake);
    float out[2 * DIM];

    (void)state;
    for (int i = 0; i < 2; i++) {
        last_warning[0] = '\0';
        assert_ok(rf__provider_embed(model, texts, 2, &embed, out, err));
        assert_string_equal(last_warning, "1 of 2 texts was longer than 8 tokens and was cut");
    }
    assert_int_equal(fake->n_asked, 2);
    rf__provider_free(model);
}

static void no_such_file(void **state)
{
    const rf_model_options options = {.size = sizeof options, .vector_cache = "/proc/nowhere/vectors"};
    struct fake *fake = rf__calloc(1, sizeof *fake);
    struct rf_model *model = &fake->base;
    rf_error fault = {0};

    (void)state;
    fake->base.provider = &fake_provider;
    fake->base.info.dim = DIM;
    fake->identity = "m";
    assert_int_equal(rf__cached_open(&options, &model, &fault), RF_IO);
    assert_ptr_equal(model, &fake->base);
    assert_non_null(strstr(fault.message, "/proc/nowhere"));
    rf__provider_free(model);
}

/* ---- A local model ----------------------------------------------------------------------------------------------- */

static const char *const model_files[] = {"config.json",           "model.safetensors",         "tokenizer.json",
                                          "tokenizer_config.json", "sentence_bert_config.json", "modules.json",
                                          "1_Pooling/config.json"};
enum { N_MODEL_FILES = 7 };

static void copy_file(const char *from, const char *to, bool with_a_space)
{
    struct buf file;

    rf__buf_init(&file, 16 << 20);
    assert_ok(rf__os_read_file(from, &file, err));
    if (with_a_space)
        assert_ok(rf__buf_append_byte(&file, ' ', err));
    write_file(to, file.data, file.len);
    rf__buf_release(&file);
}

/* A copy of tests/golden/bert-tiny-mean-gelu; file `changed` has a space more. */
static void copy_model(const char *folder, int changed)
{
    char from[1200], to[1200];

    snprintf(to, sizeof to, "%s/1_Pooling", folder);
    assert_ok(rf__os_make_directories(to, err));
    for (int i = 0; i < N_MODEL_FILES; i++) {
        snprintf(from, sizeof from, "%s/%s", golden_path("tests/golden/bert-tiny-mean-gelu"), model_files[i]);
        snprintf(to, sizeof to, "%s/%s", folder, model_files[i]);
        copy_file(from, to, i == changed);
    }
}

static struct vector_key identity_of(const char *folder, rf_model_options options)
{
    struct rf_model *model = NULL;
    struct vector_key key;
    struct buf identity;

    options.size = sizeof options;
    options.offline = true;
    options.threads = 1;
    options.cache_dir = scratch_directory("cached-converted");
    assert_ok(rf__provider_open(folder, &options, &model, err));
    rf__buf_init(&identity, 1 << 20);
    assert_ok(model->provider->identity(model, &options, &identity, err));
    assert_ok(rf__vector_key_model(identity.data, identity.len, &key, err));
    rf__buf_release(&identity);
    rf__provider_free(model);
    return key;
}

/* The same each time, another with any option or file that decides a vector. The weights are not among those that get a
 * space: it would not be read. */
static void identity_of_a_local_model(void **state)
{
    static const char *const session[] = {"graph_optimization_level=1", NULL};
    const rf_model_options variants[] = {{0},
                                         {.max_tokens = 7},
                                         {.pooling = RF_POOLING_CLS},
                                         {.l2 = RF_L2_OFF},
                                         {.truncate = RF_TRUNCATE_LEFT},
                                         {.truncate = RF_TRUNCATE_ERROR},
                                         {.dimensions = 4},
                                         {.precision = RF_PRECISION_FP32},
                                         {.precision = RF_PRECISION_REFERENCE},
                                         {.long_text = RF_LONG_TEXT_MEAN},
                                         {.session_options = session}};
    enum { N_VARIANTS = sizeof variants / sizeof variants[0] };
    struct vector_key keys[N_VARIANTS + N_MODEL_FILES];
    const char *first = scratch_directory("cached-local-a");
    size_t n = 0;

    (void)state;
    copy_model(first, -1);
    for (; n < N_VARIANTS; n++)
        keys[n] = identity_of(first, variants[n]);
    for (int i = 0; i < N_MODEL_FILES; i++)
        if (strcmp(model_files[i], "model.safetensors") != 0) {
            const char *folder = scratch_directory("cached-local-c");
            copy_model(folder, i);
            keys[n++] = identity_of(folder, variants[0]);
        }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (memcmp(&keys[i], &keys[k], sizeof keys[i]) == 0)
                fail_msg("%zu and %zu have one identity", k, i);
    assert_memory_equal(identity_of(first, variants[0]).bytes, keys[0].bytes, sizeof keys[0].bytes);
}

/* Other weights of the same size and name, as old: nothing of the first is found. */
static void weights_of_the_same_size(void **state)
{
    const char *folder = scratch_directory("cached-weights");
    struct vector_key before, after;
    struct buf weights;
    char path[1200];

    (void)state;
    copy_model(folder, -1);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    before = identity_of(folder, (rf_model_options){0});
    rf__buf_init(&weights, 16 << 20);
    assert_ok(rf__os_read_file(path, &weights, err));
    weights.data[weights.len / 2] ^= 1;
    rf__os_sleep_ms(20);
    write_file(path, weights.data, weights.len);
    rf__buf_release(&weights);
    after = identity_of(folder, (rf_model_options){0});
    assert_memory_not_equal(before.bytes, after.bytes, sizeof after.bytes);
}

/* The same bits without a cache, computed into one, and found in it by the next process, with every prompt. */
static void the_same_bits(void **state)
{
    static const char *const prompts[] = {"", "query: "};
    const char *folder = scratch_directory("cached-bits"), *store = cache_path("cached-bits-store");
    rf_model_options options = {.size = sizeof options, .offline = true, .threads = 2};
    struct golden_tiny tiny;
    float *vectors[3];
    size_t dim = 0;

    (void)state;
    copy_model(folder, -1);
    golden_tiny_read("tests/golden/bert-tiny-mean-gelu/texts.json", &tiny);
    options.cache_dir = scratch_directory("cached-bits-converted");
    for (int round = 0; round < 3; round++) {
        struct rf_model *model = NULL;
        rf_model_stats stats = {0};
        options.vector_cache = round > 0 ? store : NULL;
        assert_ok(rf__provider_open(folder, &options, &model, err));
        dim = model->info.dim;
        vectors[round] = rf__alloc_array(2 * tiny.n * dim, sizeof(float));
        for (size_t p = 0; p < 2; p++) {
            const rf_embed_options embed = {.size = sizeof embed, .prompt = prompts[p]};
            assert_ok(rf__provider_embed(model, tiny.texts, tiny.n, &embed, vectors[round] + p * tiny.n * dim, err));
        }
        model->provider->stats(model, &stats);
        assert_true(round == 1 ? stats.cache_misses > 0 && stats.cache_hits == 0 : stats.cache_misses == 0);
        assert_true(round == 2 ? stats.cache_hits > 0 && stats.tokens == 0 : stats.cache_hits == 0);
        rf__provider_free(model);
    }
    for (int round = 1; round < 3; round++)
        assert_memory_equal(vectors[0], vectors[round], 2 * tiny.n * dim * sizeof(float));
    for (int round = 0; round < 3; round++)
        rf__free(vectors[round]);
    golden_tiny_release(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_texts_are_computed_once),
        cmocka_unit_test(repeats_of_many),
        cmocka_unit_test(found_again),
        cmocka_unit_test(memory_alone),
        cmocka_unit_test(others_are_not_found),
        cmocka_unit_test(fp16_is_the_same_computed_or_kept),
        cmocka_unit_test(progress_and_failures),
        cmocka_unit_test(resumed),
        cmocka_unit_test(cut_texts_are_told),
        cmocka_unit_test(no_such_file),
        cmocka_unit_test(identity_of_a_local_model),
        cmocka_unit_test(weights_of_the_same_size),
        cmocka_unit_test(the_same_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
