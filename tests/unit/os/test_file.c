/* file: reading, mapping, links, and what their errors say. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

/* "DIR/name"; static memory, good until the next eighth call. */
static const char *in(const char *dir, const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void assert_message(const rf_error *error, const char *path, const char *part)
{
    if (strstr(error->message, path) == NULL || strstr(error->message, part) == NULL)
        fail_msg("'%s' names neither '%s' nor '%s'", error->message, path, part);
}

static void assert_content(const char *path, const char *data, size_t len)
{
    struct buf buf;

    rf__buf_init(&buf, 1 << 24);
    assert_ok(rf__os_read_file(path, &buf, err));
    assert_int_equal(buf.len, len);
    if (len > 0)
        assert_memory_equal(buf.data, data, len);
    rf__buf_release(&buf);
}

static void file_stat_tells_what_is_there(void **state)
{
    const char *dir = scratch_directory("file-stat");
    struct os_stat st;
    (void)state;

    write_file(in(dir, "f"), "12345", 5);
    st = rf__os_stat(in(dir, "f"));
    assert_int_equal(st.kind, OS_FILE);
    assert_int_equal(st.size, 5);
    assert_true(st.mtime_ns > (int64_t)1700000000 * 1000000000);
    assert_int_equal(rf__os_stat(dir).kind, OS_DIRECTORY);
    assert_int_equal(rf__os_stat(in(dir, "none")).kind, OS_NOTHING);
    assert_int_equal(rf__os_stat(in(dir, "f/below")).kind, OS_NOTHING);
    assert_int_equal(rf__os_stat("").kind, OS_NOTHING);
    assert_true(rf__os_is_file(in(dir, "f")));
    assert_false(rf__os_is_file(dir));
    assert_true(rf__os_is_directory(dir));
    assert_false(rf__os_is_directory(in(dir, "f")));
}

static void file_read_of_many_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 31, 63, 64, 65, 4096, 65535, 65536, 65537, 200000};
    const char *dir = scratch_directory("file-read");
    char *data = rf__calloc(1, 200000);
    (void)state;

    for (size_t i = 0; i < 200000; i++)
        data[i] = (char)(i * 31 + i / 256);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf buf;
        write_file(in(dir, "f"), data, sizes[i]);
        assert_content(in(dir, "f"), data, sizes[i]);
        rf__buf_init(&buf, sizes[i] + 2); /* appended, with the ceiling met to the byte */
        assert_ok(rf__buf_append_str(&buf, "ab", err));
        assert_ok(rf__os_read_file(in(dir, "f"), &buf, err));
        assert_int_equal(buf.len, sizes[i] + 2);
        assert_memory_equal(buf.data + 2, data, sizes[i]);
        rf__buf_release(&buf);
    }
    rf__free(data);
}

static void file_read_respects_the_ceiling(void **state)
{
    const char *dir = scratch_directory("file-ceiling");
    struct buf buf;
    rf_error fault = {0};
    (void)state;

    write_file(in(dir, "f"), "0123456789", 10);
    rf__buf_init(&buf, 11);
    assert_ok(rf__buf_append_str(&buf, "ab", err));
    assert_int_equal(rf__os_read_file(in(dir, "f"), &buf, &fault), RF_IO);
    assert_message(&fault, in(dir, "f"), "9 bytes");
    assert_string_equal(buf.data, "ab"); /* nothing changed */
    rf__buf_release(&buf);
}

static void file_read_errors(void **state)
{
    const char *dir = scratch_directory("file-errors");
    struct buf buf;
    rf_error fault = {0};
    char long_name[400];
    (void)state;

    rf__buf_init(&buf, 100);
    assert_int_equal(rf__os_read_file(in(dir, "none"), &buf, &fault), RF_NOT_FOUND);
    assert_int_equal(fault.status, RF_NOT_FOUND);
    assert_message(&fault, in(dir, "none"), "no such file");
    assert_int_equal(rf__os_read_file(dir, &buf, &fault), RF_IO);
    assert_message(&fault, dir, "folder");
    assert_int_equal(rf__os_read_file("", &buf, &fault), RF_NOT_FOUND);
    assert_int_equal(rf__os_read_file(in(dir, "none"), &buf, NULL), RF_NOT_FOUND);
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_not_equal(rf__os_read_file(in(dir, long_name), &buf, &fault), RF_OK);
    assert_message(&fault, "...xxx", ": ");
    assert_null(buf.data);
    rf__buf_release(&buf);
}

static void file_map(void **state)
{
    const char *dir = scratch_directory("file-map");
    struct os_map map = {0};
    rf_error fault = {0};
    (void)state;

    rf__os_unmap(&map);
    write_file(in(dir, "f"), "mapped", 6);
    assert_ok(rf__os_map_file(in(dir, "f"), &map, err));
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.data, "mapped", 6);
    rf__os_unmap(&map);
    assert_null(map.data);
    rf__os_unmap(&map);
    write_file(in(dir, "empty"), "", 0);
    assert_ok(rf__os_map_file(in(dir, "empty"), &map, err));
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    rf__os_unmap(&map);
    assert_int_equal(rf__os_map_file(dir, &map, &fault), RF_IO);
    assert_message(&fault, dir, "folder");
    assert_int_equal(rf__os_map_file(in(dir, "none"), &map, &fault), RF_NOT_FOUND);
    assert_message(&fault, in(dir, "none"), "no such file");
}

static void file_rename_and_remove(void **state)
{
    const char *dir = scratch_directory("file-rename");
    rf_error fault = {0};
    (void)state;

    write_file(in(dir, "a"), "new", 3);
    write_file(in(dir, "b"), "old one", 7);
    assert_ok(rf__os_rename(in(dir, "a"), in(dir, "b"), err));
    assert_content(in(dir, "b"), "new", 3);
    assert_false(rf__os_is_file(in(dir, "a")));
    assert_int_equal(rf__os_rename(in(dir, "a"), in(dir, "b"), &fault), RF_IO);
    assert_message(&fault, in(dir, "b"), "no such file");
    assert_ok(rf__os_remove(in(dir, "b"), err));
    assert_ok(rf__os_remove(in(dir, "b"), err));
    assert_false(rf__os_is_file(in(dir, "b")));
    assert_int_equal(rf__os_remove(dir, &fault), RF_IO);
    assert_message(&fault, dir, "cannot be removed");
}

static void file_append_resumes(void **state)
{
    const char *dir = scratch_directory("file-append");
    rf_error fault = {0};
    FILE *file = NULL;
    (void)state;

    for (int i = 0; i < 2; i++) {
        assert_ok(rf__os_open_append(in(dir, "f"), &file, err));
        assert_true(fputs("part\n", file) >= 0);
        assert_ok(rf__os_sync_file(file, in(dir, "f"), err));
        assert_int_equal(fclose(file), 0);
    }
    assert_content(in(dir, "f"), "part\npart\n", 10);
    assert_int_equal(rf__os_open_append(in(dir, "none/f"), &file, &fault), RF_IO);
    assert_message(&fault, in(dir, "none/f"), "no such file or folder");
    assert_int_equal(rf__os_open_append(dir, &file, &fault), RF_IO);
}

static void file_names_are_utf8(void **state)
{
    const char *dir = scratch_directory("file-\xC3\xA9t\xC3\xA9-\xE4\xB8\xAD\xE6\x96\x87-\xF0\x9F\x98\x80");
    char **names = NULL, *real;
    size_t n = 0;
    FILE *file;
    (void)state;

    write_file(in(dir, "\xC3\xBC \xD0\xB6.txt"), "x", 1);
    assert_content(in(dir, "\xC3\xBC \xD0\xB6.txt"), "x", 1);
    file = rf__os_fopen(in(dir, "\xC3\xBC \xD0\xB6.txt"), "rb");
    assert_non_null(file);
    fclose(file);
    assert_ok(rf__os_list_directory(dir, &names, &n, err));
    assert_int_equal(n, 1);
    assert_string_equal(names[0], "\xC3\xBC \xD0\xB6.txt");
    rf__free(names);
    real = rf__os_real_path(dir);
    assert_non_null(strstr(real, "\xE4\xB8\xAD\xE6\x96\x87"));
    rf__free(real);
    assert_ok(rf__os_remove_tree(dir, err));
}

static void file_link_points_to_its_target(void **state)
{
    const char *dir = scratch_directory("file-link");
    char **names = NULL;
    size_t n = 0;
    (void)state;

    assert_ok(rf__os_make_directories(in(dir, "blobs"), err));
    assert_ok(rf__os_make_directories(in(dir, "snapshots/abc"), err));
    write_file(in(dir, "blobs/1"), "one", 3);
    write_file(in(dir, "blobs/2"), "two", 3);
    assert_ok(rf__os_link("../../blobs/1", in(dir, "snapshots/abc/f"), false, err));
    assert_content(in(dir, "snapshots/abc/f"), "one", 3);
    assert_ok(rf__os_link("../../blobs/2", in(dir, "snapshots/abc/f"), false, err)); /* replaced */
    assert_content(in(dir, "snapshots/abc/f"), "two", 3);
    assert_content(in(dir, "blobs/1"), "one", 3);
    assert_ok(rf__os_list_directory(in(dir, "snapshots/abc"), &names, &n, err));
    assert_int_equal(n, 1);
    rf__free(names);
    assert_int_not_equal(rf__os_link("x", in(dir, "none/f"), false, NULL), RF_OK);
    assert_int_not_equal(rf__os_link("blobs/1", in(dir, "blobs"), false, NULL), RF_OK); /* a folder is not replaced */
    assert_ok(rf__os_list_directory(dir, &names, &n, err));
    assert_int_equal(n, 2);
    rf__free(names);
}

static void file_real_path_and_free_space(void **state)
{
    const char *dir = scratch_directory("file-real");
    char *real, *again;
    (void)state;

    write_file(in(dir, "f"), "", 0);
    real = rf__os_real_path(in(dir, "f"));
    again = rf__os_real_path(in(dir, "../file-real/./f"));
    assert_string_equal(real, again);
    assert_non_null(strstr(real, "/scratch/file-real/f"));
    rf__free(real);
    rf__free(again);
    assert_null(rf__os_real_path(in(dir, "none")));
    assert_true(rf__os_free_space(dir) > 0 && rf__os_free_space(dir) < UINT64_MAX);
    assert_true(rf__os_free_space(in(dir, "none")) == UINT64_MAX);
}

/* ---- Every allocation failing in turn -------------------------------------------------------------------------- */

static const char *oom_dir;

static rf_status oom_read(rf_error *err)
{
    struct buf buf;
    rf_status status;

    rf__buf_init(&buf, 1 << 20);
    status = rf__os_read_file(in(oom_dir, "f"), &buf, err);
    rf__buf_release(&buf);
    return status;
}

static rf_status oom_map(rf_error *err)
{
    struct os_map map = {0};
    rf_status status = rf__os_map_file(in(oom_dir, "f"), &map, err);

    rf__os_unmap(&map);
    return status;
}

static rf_status oom_link(rf_error *err)
{
    return rf__os_link("f", in(oom_dir, "link"), false, err);
}

static rf_status oom_real_path(rf_error *err)
{
    char *path = rf__os_real_path(in(oom_dir, "link"));
    rf_status status = path == NULL ? rf__fail_memory(err) : RF_OK;

    rf__free(path);
    return status;
}

static rf_status oom_rename(rf_error *err)
{
    rf_status status = rf__os_rename(in(oom_dir, "f"), in(oom_dir, "g"), err);

    return status == RF_OK ? rf__os_rename(in(oom_dir, "g"), in(oom_dir, "f"), err) : status;
}

static void file_every_allocation_fails_once(void **state)
{
    static rf_status (*const calls[])(rf_error *) = {oom_read, oom_map, oom_link, oom_real_path, oom_rename};
    (void)state;

    oom_dir = scratch_directory("file-oom");
    write_file(in(oom_dir, "f"), "content", 7);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        rf_status status = RF_NO_MEMORY;
        for (uint64_t n = 1; status != RF_OK; n++) {
            rf_error fault = {0};
            rf__alloc_fail_at(n);
            status = calls[i](&fault);
            rf__alloc_fail_at(0);
            if (status != RF_OK)
                assert_int_equal(status, RF_NO_MEMORY);
            assert_int_equal(fault.status, status);
        }
    }
    assert_content(in(oom_dir, "f"), "content", 7);
}

#ifndef _WIN32

#include "child.h"

#include <sys/stat.h>

static int write_pipe(const char *folder)
{
    static char piece[3000];
    FILE *file = fopen(in(folder, "pipe"), "wb");

    memset(piece, 'p', sizeof piece);
    EXPECT(file != NULL);
    for (int i = 0; i < 100; i++)
        EXPECT(fwrite(piece, 1, sizeof piece, file) == sizeof piece);
    EXPECT(fclose(file) == 0);
    return 0;
}

static void file_read_of_a_pipe(void **state)
{
    const char *dir = scratch_directory("file-pipe");
    struct os_map map;
    struct buf buf;
    pid_t pid;
    (void)state;

    assert_int_equal(mkfifo(in(dir, "pipe"), 0600), 0);
    assert_int_equal(rf__os_stat(in(dir, "pipe")).kind, OS_OTHER);
    pid = child_start(write_pipe, dir);
    rf__buf_init(&buf, 1 << 20);
    assert_ok(rf__os_read_file(in(dir, "pipe"), &buf, err));
    assert_int_equal(child_wait(pid), 0);
    assert_int_equal(buf.len, 300000);
    assert_int_equal(buf.data[299999], 'p');
    rf__buf_release(&buf);
    assert_int_equal(rf__os_map_file("/dev/null", &map, NULL), RF_IO);
}

static void file_real_path_without_links(void **state)
{
    const char *dir = scratch_directory("file-real-link");
    char *real, *again;
    (void)state;

    write_file(in(dir, "f"), "", 0);
    assert_ok(rf__os_link("f", in(dir, "link"), false, err));
    real = rf__os_real_path(in(dir, "f"));
    again = rf__os_real_path(in(dir, "./link"));
    assert_string_equal(real, again);
    rf__free(real);
    rf__free(again);
}

static void file_read_of_proc(void **state)
{
    struct buf buf;
    rf_error fault = {0};
    (void)state;

    if (!rf__os_is_file("/proc/self/status"))
        skip();
    rf__buf_init(&buf, 1 << 20);
    assert_ok(rf__os_read_file("/proc/self/status", &buf, err));
    assert_non_null(strstr(buf.data, "VmRSS"));
    rf__buf_release(&buf);
    rf__buf_init(&buf, 10);
    assert_int_equal(rf__os_read_file("/proc/self/status", &buf, &fault), RF_IO);
    assert_message(&fault, "/proc/self/status", "10 bytes");
    rf__buf_release(&buf);
}

static int read_denied(const char *folder)
{
    struct buf buf;
    struct os_map map;
    rf_error fault = {0};

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return CHILD_SKIP;
    if (!rf__os_is_directory(folder))
        return CHILD_SKIP; /* the build folder itself is closed to that user */
    rf__buf_init(&buf, 100);
    EXPECT(rf__os_read_file(in(folder, "f"), &buf, &fault) == RF_IO);
    EXPECT(strstr(fault.message, "permission denied") != NULL);
    EXPECT(rf__os_map_file(in(folder, "f"), &map, NULL) == RF_IO);
    return 0;
}

static void file_read_without_permission(void **state)
{
    const char *dir = scratch_directory("file-denied");
    (void)state;

    write_file(in(dir, "f"), "secret", 6);
    assert_int_equal(chmod(in(dir, "f"), 0), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    child_run(read_denied, dir);
}

#endif

static void folder_len(void **state)
{
    (void)state;
    assert_int_equal(rf__os_folder_len("a/b/c"), 4);
    assert_int_equal(rf__os_folder_len("/a"), 1);
    assert_int_equal(rf__os_folder_len("a"), 0);
    assert_int_equal(rf__os_folder_len(""), 0);
    assert_int_equal(rf__os_folder_len("a/"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_len),
        cmocka_unit_test(file_stat_tells_what_is_there),
        cmocka_unit_test(file_read_of_many_sizes),
        cmocka_unit_test(file_read_respects_the_ceiling),
        cmocka_unit_test(file_read_errors),
        cmocka_unit_test(file_map),
        cmocka_unit_test(file_rename_and_remove),
        cmocka_unit_test(file_append_resumes),
        cmocka_unit_test(file_names_are_utf8),
        cmocka_unit_test(file_link_points_to_its_target),
        cmocka_unit_test(file_real_path_and_free_space),
        cmocka_unit_test(file_every_allocation_fails_once),
#ifndef _WIN32
        cmocka_unit_test(file_read_of_a_pipe),
        cmocka_unit_test(file_real_path_without_links),
        cmocka_unit_test(file_read_of_proc),
        cmocka_unit_test(file_read_without_permission),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
