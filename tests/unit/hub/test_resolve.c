/* resolve: sources that need no hub, with each allocation failing in turn. Downloads are tests/hub's. */
#include "golden.h"

#include "base/mem.h"
#include "hub/hub.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT   "0123456789abcdef0123456789abcdef01234567"
#define SNAPSHOT "models--org--name/snapshots/" COMMIT "/"

static char cache[1024];

static void put(const char *path, const char *text)
{
    char *full = rf__path_join(cache, path), *folder = rf__strdup(full);

    *strrchr(folder, '/') = '\0';
    assert_ok(rf__os_make_directories(folder, err));
    write_file(full, text, strlen(text));
    rf__free(folder);
    rf__free(full);
}

/* A snapshot as the Python tools leave it on a system without links. */
static int set_up(void **state)
{
    (void)state;
    snprintf(cache, sizeof cache, "%s", scratch_directory("test_resolve"));
    put("models--org--name/refs/main", COMMIT);
    put(SNAPSHOT "modules.json", "[{\"path\": \"1_Pooling\", \"type\": \"Pooling\"}]");
    put(SNAPSHOT "1_Pooling/config.json", "{}");
    put(SNAPSHOT "config.json", "{}");
    put(SNAPSHOT "config_sentence_transformers.json", "{}");
    put(SNAPSHOT "sentence_bert_config.json", "{}");
    put(SNAPSHOT "tokenizer.json", "{}");
    put(SNAPSHOT "tokenizer_config.json", "{}");
    put(SNAPSHOT "onnx/model.onnx", "onnx");
    return 0;
}

static void from_the_cache(void **state)
{
    struct hub_options options = {.cache_dir = cache, .offline = true};
    struct model_source source;

    (void)state;
    assert_ok(rf__hub_resolve("org/name", &options, &source, err));
    assert_string_equal(source.revision, COMMIT);
    assert_non_null(strstr(source.onnx_file, SNAPSHOT "onnx/model.onnx"));
    assert_null(source.weights_file);
    assert_non_null(strstr(source.cache_dir, "models--org--name/.rag_factory"));
    rf__model_source_release(&source);
    rf__model_source_release(&source);
}

static void nothing_is_made_by_looking(void **state)
{
    struct hub_options options = {.cache_dir = "none/such", .offline = true};
    struct model_source source;
    rf_error err;

    (void)state;
    assert_int_equal(rf__hub_resolve("org/other", &options, &source, &err), RF_NOT_FOUND);
    assert_non_null(strstr(err.message, "Could not download ONNX model 'org/other'"));
    assert_non_null(strstr(err.message, "none/such"));
    assert_false(rf__os_is_directory("none"));
}

/* FOLDER/inner/model.onnx with one file beside it and one above it: whether the model directory is the one above. */
static void the_directory_of_a_file(void **state)
{
    static const struct {
        const char *beside, *above;
        bool is_above;
    } cases[] = {
        {"notes.md", "notes.md", false},           {"notes.md", "config.json", true},
        {"notes.md", "spm.model", true},           {"notes.md", "x.tiktoken", true},
        {"tokenizer.json", "config.json", false},  {"vocab.txt", "config.json", false},
        {"vocab.json", "config.json", false},      {"sentencepiece.bpe.model", "config.json", false},
        {"spiece.model", "config.json", false},    {"spm.model", "config.json", false},
        {"tokenizer.model", "config.json", false}, {"x.tiktoken", "config.json", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hub_options options = {.cache_dir = cache, .offline = true};
        struct model_source source;
        char path[100], *file;
        snprintf(path, sizeof path, "file-%zu/%s", i, cases[i].above);
        put(path, "{}");
        snprintf(path, sizeof path, "file-%zu/inner/%s", i, cases[i].beside);
        put(path, "{}");
        snprintf(path, sizeof path, "file-%zu/inner/model.onnx", i);
        put(path, "onnx");
        file = rf__path_join(cache, path);
        assert_ok(rf__hub_resolve(file, &options, &source, err));
        if (rf__ends_with(source.directory, "/inner") == cases[i].is_above)
            fail_msg("%s beside, %s above: %s", cases[i].beside, cases[i].above, source.directory);
        rf__model_source_release(&source);
        rf__free(file);
    }
}

static void pointers_are_no_tokenizers(void **state)
{
    static const char *const names[] = {"tokenizer.json", "spm.model", "merges.txt", "modules.json"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct hub_options options = {.cache_dir = cache, .offline = true};
        struct model_source source;
        char path[100], *file;
        rf_error fault = {RF_OK, ""};
        snprintf(path, sizeof path, "pointer-%zu/%s", i, names[i]);
        put(path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
        snprintf(path, sizeof path, "pointer-%zu/model.onnx", i);
        put(path, "onnx");
        file = rf__path_join(cache, path);
        assert_int_equal(rf__hub_resolve(file, &options, &source, &fault), RF_BAD_FORMAT);
        if (strstr(fault.message, "is a git-lfs pointer") == NULL || strstr(fault.message, names[i]) == NULL)
            fail_msg("%s: %s", names[i], fault.message);
        rf__free(file);
    }
}

static bool count(void *user, const rf_cached_model *model)
{
    assert_string_equal(model->name, "org/name");
    assert_string_equal(model->refs, "main");
    assert_true(model->complete);
    ++*(int *)user;
    return true;
}

/* Each allocation fails in turn: RF_NO_MEMORY, no leak, no crash, and in the end success. */
static void out_of_memory(void **state)
{
    char *directory = rf__path_join(cache, SNAPSHOT), *file = rf__path_join(directory, "onnx/model.onnx");
    const char *const names[] = {"org/name", "org/name@main", directory, file, NULL};

    (void)state;
    directory[strlen(directory) - 1] = '\0';
    for (size_t i = 0; i < 5; i++) {
        struct hub_options options = {.cache_dir = cache, .offline = true};
        rf_status status = RF_NO_MEMORY;
        for (uint64_t n = 1; status != RF_OK && n < 20000; n++) {
            struct model_source source = {0};
            rf_error err = {RF_OK, ""};
            int found = 0;
            rf__alloc_fail_at(n);
            status = names[i] != NULL ? rf__hub_resolve(names[i], &options, &source, &err)
                                      : rf__hub_list(cache, count, &found, &err);
            rf__alloc_fail_at(0);
            if (status != RF_OK && status != RF_NO_MEMORY)
                fail_msg("%s: allocation %llu: %s", names[i] != NULL ? names[i] : "list", (unsigned long long)n,
                         err.message);
            rf__model_source_release(&source);
        }
        assert_int_equal(status, RF_OK);
    }
    rf__free(file);
    rf__free(directory);
}

int main(void)
{
    static const char *const unset[] = {"HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE", "HF_HOME",
                                        "XDG_CACHE_HOME", "HF_HUB_OFFLINE",        "TRANSFORMERS_OFFLINE"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_cache),          cmocka_unit_test(nothing_is_made_by_looking),
        cmocka_unit_test(the_directory_of_a_file), cmocka_unit_test(pointers_are_no_tokenizers),
        cmocka_unit_test(out_of_memory),
    };

#ifndef _WIN32
    for (size_t i = 0; i < sizeof unset / sizeof unset[0]; i++)
        unsetenv(unset[i]);
    setenv("HOME", "/nonexistent", 1);
#endif
    (void)unset;
    return cmocka_run_group_tests(tests, set_up, NULL);
}
