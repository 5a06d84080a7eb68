/* test_memory_growth: memory stays the same however many texts go through a model; bench/growth/run has the figures of
 * a real one. In an instrumented build freed memory stays with the sanitizer, and there is nothing to measure. */
#include "golden.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transformer),
        cmocka_unit_test(test_windows_of_long_texts),
        cmocka_unit_test(test_static_embeddings),
    };

    return cmocka_run_group_tests_name("memory growth", tests, NULL, NULL);
}

#endif
