/* source: what the user typed, as a path or as a name on the hub. */
#include "golden.h"

#include "base/mem.h"
#include "hub/source.h"

#include <string.h>

static void names(void **state)
{
    static const struct {
        const char *text, *revision_option;
        rf_status status;
        const char *name, *revision;
        bool prefixed;
    } cases[] = {
        {"org/name", NULL, RF_OK, "org/name", "main", false},
        {"org/name@v1.0", NULL, RF_OK, "org/name", "v1.0", false},
        {"org/name", "refs/pr/1", RF_OK, "org/name", "refs/pr/1", false},
        {"org/name@v1", "v1", RF_OK, "org/name", "v1", false},
        {"a_b/C.d-9", NULL, RF_OK, "a_b/C.d-9", "main", false},
        {"all-MiniLM-L6-v2", NULL, RF_OK, "sentence-transformers/all-MiniLM-L6-v2", "main", true},
        {"minilm@v1", NULL, RF_OK, "sentence-transformers/minilm", "v1", true},
        {"bert-base-uncased", NULL, RF_OK, "bert-base-uncased", "main", false},
        {"xlnet-large-cased", NULL, RF_OK, "xlnet-large-cased", "main", false},
        {"org/name@v1", "v2", RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name@", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name@a@b", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name@../../x", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name", "/etc", RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name", "a\nb", RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/na--me", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name.git", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"-org/name", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/name.", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"org/n\xC3\xA4me", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"/org", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"org/name/", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"org/name/more", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"model.onnx", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"tokenizer.json", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"my/vocab.txt", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"cl100k_base.tiktoken", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"my/spiece.model", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"org/name.model@main", NULL, RF_OK, "org/name.model", "main", false},
        {"org/name.model", "main", RF_OK, "org/name.model", "main", false},
        {"org/json", NULL, RF_OK, "org/json", "main", false},
        {"a\\b", NULL, RF_NOT_FOUND, NULL, NULL, false},
        {"https://hub.example/org/name", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
        {"", NULL, RF_INVALID_ARGUMENT, NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source source;
        rf_error err = {RF_OK, ""};
        rf_status status = rf__source_read(cases[i].text, cases[i].revision_option, NULL, &source, &err);
        if (status != cases[i].status)
            fail_msg("'%s': %s: %s", cases[i].text, rf_status_name(status), err.message);
        assert_true(status == RF_OK || err.message[0] != '\0');
        if (status != RF_OK)
            continue;
        assert_int_equal(source.kind, SOURCE_HUB);
        assert_string_equal(source.name, cases[i].name);
        assert_string_equal(source.revision, cases[i].revision);
        assert_int_equal(source.prefixed, cases[i].prefixed);
        rf__source_release(&source);
    }
}

static void a_name_may_have_96_bytes(void **state)
{
    char name[SOURCE_MAX_NAME + 2] = "org/";
    struct source source;

    (void)state;
    memset(name + 4, 'x', SOURCE_MAX_NAME - 4);
    assert_ok(rf__source_read(name, NULL, NULL, &source, err));
    rf__source_release(&source);
    name[SOURCE_MAX_NAME] = 'x';
    assert_int_equal(rf__source_read(name, NULL, NULL, &source, NULL), RF_INVALID_ARGUMENT);
}

static void paths(void **state)
{
    const char *dir = scratch_directory("test_source");
    static const struct {
        const char *name;
        enum source_kind kind;
        rf_status status;
    } cases[] = {
        {"", SOURCE_DIRECTORY, RF_OK},
        {"a.onnx", SOURCE_ONNX_FILE, RF_OK},
        {"a.safetensors", SOURCE_WEIGHTS_FILE, RF_OK},
        {"a.safetensors.index.json", SOURCE_WEIGHTS_FILE, RF_OK},
        {"a.bin", SOURCE_WEIGHTS_FILE, RF_OK},
        {"a.bin.index.json", SOURCE_WEIGHTS_FILE, RF_OK},
        {"a.h5", SOURCE_DIRECTORY, RF_INVALID_ARGUMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = rf__path_join(dir, cases[i].name);
        struct source source;
        if (cases[i].name[0] != '\0')
            write_file(path, "x", 1);
        assert_int_equal(rf__source_read(path, NULL, NULL, &source, NULL), cases[i].status);
        if (cases[i].status == RF_OK) {
            assert_int_equal(source.kind, cases[i].kind);
            assert_true(source.path[strlen(source.path) - 1] != '/');
            rf__source_release(&source);
        }
        rf__free(path);
    }
}

static void safe_paths(void **state)
{
    static const char *const good[] = {"a", "a/b.c", ".hidden/x", "a..b", "refs/pr/1", "\xC3\xA4/b"};
    static const char *const bad[] = {"",     "/a",  "a/",     "a//b", ".",    "..",   "a/..",
                                      "../a", "./a", "a/../b", "a\\b", "C:/a", "a\nb", "a\x7f"};
    char long_name[300];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(rf__source_is_safe_path(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rf__source_is_safe_path(bad[i]));
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = '\0';
    assert_false(rf__source_is_safe_path(long_name));
    long_name[255] = '\0';
    assert_true(rf__source_is_safe_path(long_name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(a_name_may_have_96_bytes),
        cmocka_unit_test(paths),
        cmocka_unit_test(safe_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
