/* test_memory_growth: memory stays the same however many texts go through a model; bench/growth/run has the figures of
 * a real one. In an instrumented build freed memory stays with the sanitizer, and there is nothing to measure. */
#include "golden.h"

#include "os/os.h"
#include "rag_factory.h"

#include <stdio.h>
#include <string.h>

#ifdef RF_SANITIZED

int main(void)
{
    puts("not measured under the sanitizers");
    return 0;
}

#else

#define N_TEXTS   400
#define MAX_BYTES 1200
#define ROUNDS    60
#define MIB       ((uint64_t)1 << 20)

/* Texts of every length up to MAX_BYTES, other ones each round. */
static void make_texts(uint32_t round, char (*memory)[MAX_BYTES], rf_text *texts)
{
    static const char *const words[] = {"hello ", "world ",     "the ",          "cat ",
                                        "mat ",   "unaffable ", "\xe4\xb8\xad ", ". "};
    uint32_t random = round * 2654435761u + 1;

    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t len = 0, want;
        random = random * 1664525u + 1013904223u;
        want = (random >> 16) % (i % 10 == 0 ? MAX_BYTES - 16 : 60);
        while (len < want) {
            const char *word = words[(random = random * 1664525u + 1013904223u) >> 29];
            memcpy(memory[i] + len, word, strlen(word));
            len += strlen(word);
        }
        texts[i] = (rf_text){memory[i], len};
    }
}

static uint64_t memory_of(const rf_model *model)
{
    rf_model_stats stats = {.size = sizeof stats};

    rf_model_get_stats(model, &stats);
    return stats.memory_now;
}

/* A tenth of the rounds warms everything up; the rest may not add what a leak of a hundred bytes a text would. */
static void stays_flat(const char *directory, rf_long_text long_text)
{
    static char memory[N_TEXTS][MAX_BYTES];
    static float out[N_TEXTS * 64];
    rf_model_options options;
    rf_text texts[N_TEXTS];
    rf_model *model = NULL;
    uint64_t warm = 0, end;

    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.threads = 2;
    options.long_text = long_text;
    options.cache_dir = golden_path("build/test-cache");
    assert_ok(rf_model_open(golden_path(directory), &options, &model, err));
    assert_true(rf_model_dim(model) <= 64);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_texts(round, memory, texts);
        assert_ok(rf_embed_documents(model, texts, N_TEXTS, out, sizeof out / sizeof *out, err));
        if (round == ROUNDS / 10)
            warm = memory_of(model);
    }
    end = memory_of(model);
    print_message("%s: %llu texts, %.1f MiB, after a tenth of them %.1f MiB\n", directory,
                  (unsigned long long)ROUNDS * N_TEXTS, (double)end / (double)MIB, (double)warm / (double)MIB);
    assert_true(warm > 0);
    assert_true(end < warm + 2 * MIB);
    rf_model_free(model);
}

static void test_a_transformer(void **state)
{
    (void)state;
    stays_flat("tests/golden/bert-tiny-mean-gelu", RF_LONG_TEXT_CUT);
    stays_flat("tests/golden/onnx-variants", RF_LONG_TEXT_CUT);
}

static void test_windows_of_long_texts(void **state)
{
    (void)state;
    stays_flat("tests/golden/bert-tiny-mean-gelu", RF_LONG_TEXT_MEAN);
}

static void test_static_embeddings(void **state)
{
    (void)state;
    stays_flat("tests/golden/modules-static", RF_LONG_TEXT_CUT);
}

/* A real model, in our kernels and in ONNX Runtime's: what a large call needed goes back, and the vectors stay. */
static void test_trim_gives_memory_back(void **state)
{
    static const char *const models[] = {"all-MiniLM-L6-v2", "all-MiniLM-L6-v2-onnx"};
    enum { N = 256, DIM = 384 };
    static char text[2000];
    static float before[N * DIM], after[N * DIM];
    const char *folder = rf__os_env("RF_MODELS_DIR");
    rf_text texts[N];

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 7 == 6 ? ' ' : (char)('a' + i * i % 26);
    for (size_t i = 0; i < N; i++)
        texts[i] = (rf_text){text + i, i % 64 == 0 ? sizeof text - i : 12};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        rf_model_options options = {.size = sizeof options, .offline = true, .threads = 2, .max_tokens = 256};
        rf_model *model = NULL;
        uint64_t full, trimmed;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : golden_path(".deps/models"), models[i]);
        assert_ok(rf_model_open(path, &options, &model, err));
        assert_int_equal(rf_model_dim(model), DIM);
        assert_ok(rf_embed_documents(model, texts, N, before, N * DIM, err));
        full = memory_of(model);
        assert_ok(rf_model_trim(model, err));
        trimmed = memory_of(model);
        assert_ok(rf_embed_documents(model, texts, N, after, N * DIM, err));
        assert_memory_equal(before, after, sizeof before);
        print_message("%s: %.1f MiB, trimmed %.1f MiB\n", models[i], (double)full / (double)MIB,
                      (double)trimmed / (double)MIB);
        assert_true(trimmed + 4 * MIB < full);
        rf_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transformer),
        cmocka_unit_test(test_windows_of_long_texts),
        cmocka_unit_test(test_static_embeddings),
        cmocka_unit_test(test_trim_gives_memory_back),
    };

    return cmocka_run_group_tests_name("memory growth", tests, NULL, NULL);
}

#endif
