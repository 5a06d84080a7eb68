/* repo: listings of the hub's API and of a cache. */
#include "golden.h"

#include "hub/repo.h"

#include <stdio.h>
#include <string.h>

#define SHA1   "0123456789abcdef0123456789abcdef01234567"
#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void api(void **state)
{
    static const char text[] = "{\"sha\": \"" SHA1 "\", \"siblings\": ["
                               "{\"rfilename\": \"model.onnx\", \"size\": 7, \"blobId\": \"" SHA1 "\","
                               " \"lfs\": {\"sha256\": \"" SHA256 "\", \"size\": 7, \"pointerSize\": 1}},"
                               "{\"rfilename\": \"config.json\", \"size\": 3, \"blobId\": \"" SHA1 "\", \"lfs\": null},"
                               "{\"rfilename\": \"bare\"}, {\"rfilename\": \"odd\", \"blobId\": \"ABC\"},"
                               "{\"rfilename\": \"../evil\"}, {\"rfilename\": \"config.json\"}]}";
    struct repo repo;
    struct repo_file *file;

    (void)state;
    assert_ok(rf__repo_read_api(text, strlen(text), "text", &repo, err));
    assert_string_equal(repo.commit, SHA1);
    assert_int_equal(repo.n, 4);
    file = rf__repo_find(&repo, "model.onnx");
    assert_non_null(file);
    assert_string_equal(file->etag, SHA256);
    assert_string_equal(file->git_sha1, SHA1);
    assert_true(file->size == 7);
    file = rf__repo_find(&repo, "bare");
    assert_string_equal(file->etag, "");
    assert_true(file->size == REPO_UNKNOWN_SIZE);
    assert_string_equal(rf__repo_find(&repo, "odd")->etag, "");
    assert_null(rf__repo_find(&repo, "../evil"));
    assert_null(rf__repo_find(&repo, "mode"));
    rf__repo_release(&repo);
    rf__repo_release(&repo);
}

static void refused(void **state)
{
    static const char *const api_texts[] = {
        "",
        "3",
        "[]",
        "{}",
        "{\"sha\": null}",
        "{\"sha\": \"main\"}",
        "{\"sha\": \"" SHA1 "0\"}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": {}}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": [null]}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": [{\"rfilename\": []}]}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": [{\"rfilename\": \"a\", \"size\": -1}]}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": [{\"rfilename\": \"a\", \"size\": 1e99}]}",
        "{\"sha\": \"" SHA1 "\", \"siblings\": [{\"rfilename\": \"a\", \"lfs\": 3}]}",
    };
    static const char *const tree_texts[] = {"", "{}", "{\"format_version\": 2, \"files\": {}}",
                                             "{\"format_version\": 1, \"files\": []}",
                                             "{\"format_version\": 1, \"files\": {\"a\": {\"size\": \"x\"}}}"};
    struct repo repo;

    (void)state;
    for (size_t i = 0; i < sizeof api_texts / sizeof api_texts[0]; i++)
        assert_int_equal(rf__repo_read_api(api_texts[i], strlen(api_texts[i]), "text", &repo, NULL), RF_BAD_FORMAT);
    for (size_t i = 0; i < sizeof tree_texts / sizeof tree_texts[0]; i++)
        assert_int_not_equal(rf__repo_read_tree(tree_texts[i], strlen(tree_texts[i]), "text", SHA1, &repo, NULL),
                             RF_OK);
}

/* The form that huggingface_hub 2.4 writes. */
static void tree_of_python_and_back(void **state)
{
    static const char text[] =
        "{\n \"format_version\": 1,\n \"files\": {\n  \"config.json\": {\n   \"size\": 3,\n   \"blob_id\": \"" SHA1
        "\"\n  },\n  \"model \\\"1\\\".onnx\": {\n   \"size\": 9,\n   \"blob_id\": \"" SHA1
        "\",\n   \"lfs_sha256\": \"" SHA256 "\",\n   \"lfs_size\": 9,\n   \"xet_hash\": \"" SHA256 "\"\n  }\n }\n}";
    struct repo first, second;
    struct buf written;

    (void)state;
    assert_ok(rf__repo_read_tree(text, strlen(text), "text", SHA1, &first, err));
    assert_int_equal(first.n, 2);
    rf__buf_init(&written, 10000);
    assert_ok(rf__repo_write_tree(&first, &written, err));
    assert_ok(rf__repo_read_tree(written.data, written.len, "text", SHA1, &second, err));
    assert_int_equal(second.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(first.files[i].path, second.files[i].path);
        assert_string_equal(first.files[i].etag, second.files[i].etag);
        assert_string_equal(first.files[i].git_sha1, second.files[i].git_sha1);
        assert_true(first.files[i].size == second.files[i].size);
    }
    assert_string_equal(second.files[1].etag, SHA256);
    rf__buf_release(&written);
    rf__repo_release(&first);
    rf__repo_release(&second);
}

static void etags(void **state)
{
    char longest[REPO_MAX_ETAG + 2];

    (void)state;
    assert_true(rf__repo_is_etag(SHA1));
    assert_true(rf__repo_is_etag("abc-1_x.y"));
    assert_false(rf__repo_is_etag(""));
    assert_false(rf__repo_is_etag(".."));
    assert_false(rf__repo_is_etag("a/b"));
    assert_false(rf__repo_is_etag("a b"));
    memset(longest, 'a', sizeof longest);
    longest[REPO_MAX_ETAG + 1] = '\0';
    assert_false(rf__repo_is_etag(longest));
    longest[REPO_MAX_ETAG] = '\0';
    assert_true(rf__repo_is_etag(longest));
}

static void many_files_keep_their_order(void **state)
{
    struct buf text;
    struct repo repo;

    (void)state;
    rf__buf_init(&text, 1 << 20);
    assert_ok(rf__buf_append_str(&text, "{\"sha\": \"" SHA1 "\", \"siblings\": [{\"rfilename\": \"z\"}", err));
    for (int i = 999; i >= 0; i--)
        assert_ok(rf__buf_printf(&text, err, ", {\"rfilename\": \"f%03d\"}", i));
    assert_ok(rf__buf_append_str(&text, "]}", err));
    assert_ok(rf__repo_read_api(text.data, text.len, "text", &repo, err));
    assert_int_equal(repo.n, 1001);
    for (size_t i = 1; i < repo.n; i++)
        assert_true(strcmp(repo.files[i - 1].path, repo.files[i].path) < 0);
    for (int i = 0; i < 1000; i++) {
        char path[8];
        snprintf(path, sizeof path, "f%03d", i);
        assert_non_null(rf__repo_find(&repo, path));
    }
    rf__repo_release(&repo);
    rf__buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api),
        cmocka_unit_test(refused),
        cmocka_unit_test(etags),
        cmocka_unit_test(tree_of_python_and_back),
        cmocka_unit_test(many_files_keep_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
