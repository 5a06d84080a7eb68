/* blob_cache: names, refs, links and hashes of the cache. */
#include "golden.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "os/os.h"

#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void folder_names(void **state)
{
    static const struct {
        const char *name, *folder;
    } cases[] = {{"org/name", "models--org--name"}, {"name", "models--name"}, {"a-b/c-d_e.f", "models--a-b--c-d_e.f"}};
    static const char *const others[] = {"models--", "datasets--org--name", "models", "", ".locks"};
    char *text;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text = rf__cache_folder_name(cases[i].name);
        assert_string_equal(text, cases[i].folder);
        rf__free(text);
        assert_ok(rf__cache_name_of_folder(cases[i].folder, &text, err));
        assert_string_equal(text, cases[i].name);
        rf__free(text);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_ok(rf__cache_name_of_folder(others[i], &text, err));
        assert_null(text);
    }
}

static void refs(void **state)
{
    const char *dir = scratch_directory("test_blob_cache");
    static const char *const bad[] = {"", "main", COMMIT "0", "../../../../etc/passwd"};
    char commit[SOURCE_COMMIT_LEN + 1], *path;

    (void)state;
    assert_ok(rf__cache_read_ref(dir, "main", commit, err));
    assert_string_equal(commit, "");
    assert_ok(rf__cache_read_ref(dir, COMMIT, commit, err));
    assert_string_equal(commit, COMMIT);
    assert_ok(rf__cache_write_ref(dir, COMMIT, COMMIT, err));
    assert_ok(rf__cache_write_ref(dir, "refs/pr/1", COMMIT, err));
    assert_ok(rf__cache_read_ref(dir, "refs/pr/1", commit, err));
    assert_string_equal(commit, COMMIT);
    path = rf__path_join(dir, "refs/main");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_file(path, bad[i], strlen(bad[i]));
        assert_ok(rf__cache_read_ref(dir, "main", commit, err));
        assert_string_equal(commit, "");
    }
    write_file(path, COMMIT "\n", SOURCE_COMMIT_LEN + 1);
    assert_ok(rf__cache_read_ref(dir, "main", commit, err));
    assert_string_equal(commit, COMMIT);
    rf__free(path);
}

static void hashes(void **state)
{
    const char *dir = scratch_directory("test_blob_cache");
    char *path = rf__path_join(dir, "file");
    rf_error err;

    (void)state;
    write_file(path, "hello\n", 6);
    /* git hash-object; sha256sum */
    assert_int_equal(rf__cache_verify(path, "ce013625030ba8dba906f756967f9e9ca394464a", 6, &err), RF_OK);
    assert_int_equal(rf__cache_verify(path, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
                                      REPO_UNKNOWN_SIZE, &err),
                     RF_OK);
    assert_int_equal(rf__cache_verify(path, "some-etag", 6, &err), RF_OK);
    assert_int_equal(rf__cache_verify(path, "some-etag", 7, &err), RF_BAD_FORMAT);
    assert_string_equal(err.message, "has 6 bytes, expected 7");
    assert_int_equal(rf__cache_verify(path, COMMIT, 6, &err), RF_BAD_FORMAT);
    assert_string_equal(err.message, "has the git hash ce013625030ba8dba906f756967f9e9ca394464a, expected " COMMIT);
    write_file(path, "", 0);
    assert_int_equal(rf__cache_verify(path, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 0, &err), RF_OK);
    assert_int_equal(rf__cache_verify(dir, COMMIT, 0, &err), RF_IO);
    rf__free(path);
}

static void links_lead_to_the_blob(void **state)
{
    const char *dir = scratch_directory("test_blob_cache");
    static const char *const paths[] = {"config.json", "1_Pooling/config.json", "a/b/c/d.txt"};
    struct cache_view view = {dir, COMMIT, false};
    char *blobs = rf__path_join(dir, "blobs");

    (void)state;
    assert_ok(rf__os_make_directories(blobs, err));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct repo_file file = {.path = (char *)(uintptr_t)paths[i], .size = 5};
        char *blob = rf__path_join(dir, "blobs/" COMMIT);
        assert_ok(rf__os_remove(blob, err));
        assert_ok(rf__cache_link(dir, COMMIT, paths[i], COMMIT, false, err));
        assert_false(rf__cache_has_file(&view, &file));
        write_file(blob, "hello", 5);
        assert_true(rf__cache_has_file(&view, &file));
        file.size = 6;
        assert_false(rf__cache_has_file(&view, &file));
        file.size = REPO_UNKNOWN_SIZE;
        assert_true(rf__cache_has_file(&view, &file));
        assert_ok(rf__cache_link(dir, COMMIT, paths[i], COMMIT, false, err));
        rf__free(blob);
    }
    rf__free(blobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_names),
        cmocka_unit_test(refs),
        cmocka_unit_test(hashes),
        cmocka_unit_test(links_lead_to_the_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
