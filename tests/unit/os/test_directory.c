/* directory: making, listing and removing folders; removal never leaves its tree. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static const char *in(const char *dir, const char *name)
{
    static char paths[8][4096];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void directory_made_with_its_parents(void **state)
{
    const char *dir = scratch_directory("directory-make");
    rf_error fault = {0};
    (void)state;

    assert_ok(rf__os_make_directories(in(dir, "a/b//c/"), err));
    assert_true(rf__os_is_directory(in(dir, "a/b/c")));
    assert_ok(rf__os_make_directories(in(dir, "a/b/c"), err));
    assert_ok(rf__os_make_directories("/", err));
    assert_ok(rf__os_make_directories(".", err));
    assert_true(rf__os_is_writable(in(dir, "a")));
    assert_false(rf__os_is_writable(in(dir, "none")));
    write_file(in(dir, "f"), "", 0);
    assert_false(rf__os_is_writable(in(dir, "f")));
    assert_int_equal(rf__os_make_directories(in(dir, "f"), &fault), RF_IO);
    assert_non_null(strstr(fault.message, "no folder is there"));
    assert_int_equal(rf__os_make_directories(in(dir, "f/g/h"), &fault), RF_IO);
    assert_non_null(strstr(fault.message, in(dir, "f: ")));
}

static void directory_listed_in_order(void **state)
{
    static const char *const expected[] = {".hidden", "B", "a", "a.b", "sub", "\xC3\xA9"};
    const char *dir = scratch_directory("directory-list");
    char **names = NULL;
    size_t n = 99;
    rf_error fault = {0};
    (void)state;

    assert_ok(rf__os_list_directory(dir, &names, &n, err));
    assert_int_equal(n, 0);
    assert_null(names[0]);
    rf__free(names);
    for (size_t i = 0; i < 6; i++) {
        size_t which = (i * 5 + 3) % 6; /* in another order */
        if (which == 4)
            assert_ok(rf__os_make_directories(in(dir, "sub"), err));
        else
            write_file(in(dir, expected[which]), "", 0);
    }
    assert_ok(rf__os_list_directory(dir, &names, &n, err));
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(names[i], expected[i]);
    assert_null(names[n]);
    rf__free(names);
    assert_int_equal(rf__os_list_directory(in(dir, "none"), &names, &n, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, in(dir, "none")));
    assert_int_not_equal(rf__os_list_directory(in(dir, "a"), &names, &n, &fault), RF_OK);
}

static void directory_tree_removed(void **state)
{
    const char *dir = scratch_directory("directory-remove");
    char path[4096], name[32];
    (void)state;

    assert_ok(rf__os_remove_tree(in(dir, "none"), err));
    snprintf(path, sizeof path, "%s", in(dir, "tree"));
    for (int depth = 0; depth < 60; depth++) { /* a comb: at each level files, an empty folder, and one to go into */
        snprintf(name, sizeof name, "/%d", depth);
        strcat(path, name);
        assert_ok(rf__os_make_directories(in(path, "empty"), err));
        write_file(in(path, "f"), "x", 1);
        write_file(in(path, ".g"), "x", 1);
    }
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "tree/many/%d/sub", i);
        assert_ok(rf__os_make_directories(in(dir, name), err));
    }
    assert_ok(rf__os_remove_tree(in(dir, "tree/"), err));
    assert_int_equal(rf__os_stat(in(dir, "tree")).kind, OS_NOTHING);
    write_file(in(dir, "f"), "x", 1);
    assert_ok(rf__os_remove_tree(in(dir, "f"), err));
    assert_false(rf__os_is_file(in(dir, "f")));
}

static void directory_too_deep_is_refused(void **state)
{
    const char *dir = scratch_directory("directory-deep");
    char path[4096];
    rf_error fault = {0};
    (void)state;

    snprintf(path, sizeof path, "%s", in(dir, "tree"));
    for (int depth = 0; depth < 140; depth++)
        strcat(path, "/d");
    assert_ok(rf__os_make_directories(path, err));
    assert_int_equal(rf__os_remove_tree(in(dir, "tree"), &fault), RF_IO);
    assert_non_null(strstr(fault.message, "deeper than 128"));
    assert_true(rf__os_is_directory(path));
    for (int depth = 140; depth > 0; depth--) { /* by hand, from within */
        assert_ok(rf__os_remove_tree(path, err));
        path[strlen(path) - 2] = '\0';
    }
}

static void directory_every_allocation_fails_once(void **state)
{
    const char *dir = scratch_directory("directory-oom");
    rf_status status = RF_NO_MEMORY;
    (void)state;

    for (uint64_t n = 1; status != RF_OK; n++) {
        char **names = NULL;
        size_t count;
        rf__alloc_fail_at(n);
        status = rf__os_make_directories(in(dir, "a/b/c"), NULL);
        if (status == RF_OK)
            status = rf__os_list_directory(dir, &names, &count, NULL);
        if (status == RF_OK)
            status = rf__os_remove_tree(in(dir, "a"), NULL);
        rf__alloc_fail_at(0);
        rf__free(names);
        if (status != RF_OK)
            assert_int_equal(status, RF_NO_MEMORY);
    }
}

#ifndef _WIN32

#include "child.h"

#include <sys/stat.h>

static void directory_removal_follows_no_links(void **state)
{
    const char *dir = scratch_directory("directory-links");
    char *real = rf__os_real_path(dir);
    (void)state;

    assert_ok(rf__os_make_directories(in(dir, "outside/kept"), err));
    write_file(in(dir, "outside/f"), "kept", 4);
    assert_ok(rf__os_make_directories(in(dir, "tree/sub"), err));
    assert_int_equal(symlink("../outside", in(dir, "tree/relative")), 0);
    assert_int_equal(symlink(in(real, "outside"), in(dir, "tree/sub/absolute")), 0);
    assert_int_equal(symlink("../../outside/f", in(dir, "tree/sub/file")), 0);
    assert_int_equal(symlink("nowhere", in(dir, "tree/dangling")), 0);
    assert_int_equal(symlink(".", in(dir, "tree/circle")), 0);
    assert_int_equal(mkfifo(in(dir, "tree/pipe"), 0600), 0);
    assert_int_equal(symlink("outside", in(dir, "link")), 0);
    assert_ok(rf__os_remove_tree(in(dir, "tree"), err));
    assert_ok(rf__os_remove_tree(in(dir, "link"), err)); /* the link alone */
    assert_int_equal(rf__os_stat(in(dir, "tree")).kind, OS_NOTHING);
    assert_int_equal(rf__os_stat(in(dir, "link")).kind, OS_NOTHING);
    assert_true(rf__os_is_file(in(dir, "outside/f")));
    assert_true(rf__os_is_directory(in(dir, "outside/kept")));
    rf__free(real);
}

static int remove_denied(const char *folder)
{
    rf_error fault = {0};

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return CHILD_SKIP;
    if (!rf__os_is_directory(folder))
        return CHILD_SKIP; /* the build folder itself is closed to that user */
    EXPECT(rf__os_remove_tree(in(folder, "tree"), &fault) == RF_IO);
    EXPECT(strstr(fault.message, "permission denied") != NULL && strstr(fault.message, "/tree") != NULL);
    EXPECT(rf__os_is_file(in(folder, "tree/sub/f")));
    return 0;
}

static void directory_removal_without_permission(void **state)
{
    const char *dir = scratch_directory("directory-denied");
    (void)state;

    assert_ok(rf__os_make_directories(in(dir, "tree/sub"), err));
    write_file(in(dir, "tree/sub/f"), "x", 1);
    assert_int_equal(chmod(in(dir, "tree/sub"), 0555), 0);
    child_run(remove_denied, dir);
    assert_int_equal(chmod(in(dir, "tree/sub"), 0755), 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_made_with_its_parents),
        cmocka_unit_test(directory_listed_in_order),
        cmocka_unit_test(directory_tree_removed),
        cmocka_unit_test(directory_too_deep_is_refused),
        cmocka_unit_test(directory_every_allocation_fails_once),
#ifndef _WIN32
        cmocka_unit_test(directory_removal_follows_no_links),
        cmocka_unit_test(directory_removal_without_permission),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
