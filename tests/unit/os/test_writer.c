/*
 * writer: whole or not at all. Whatever happens - abort, a full disk, no permission, memory running out - the old file
 * is as it was and no temporary file is left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static const char *in(const char *dir, const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static bool has_content(const char *path, const char *data, size_t len)
{
    struct buf buf;
    bool same;

    rf__buf_init(&buf, 1 << 24);
    same = rf__os_read_file(path, &buf, NULL) == RF_OK && buf.len == len && memcmp(buf.data, data, len) == 0;
    rf__buf_release(&buf);
    return same;
}

static size_t n_names(const char *dir)
{
    char **names = NULL;
    size_t n = SIZE_MAX;

    (void)rf__os_list_directory(dir, &names, &n, NULL);
    rf__free(names);
    return n;
}

static void writer_replaces_in_one_step(void **state)
{
    const char *dir = scratch_directory("writer-replace");
    struct os_writer *writer = NULL;
    (void)state;

    write_file(in(dir, "f"), "old", 3);
    assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
    assert_ok(rf__os_writer_write(writer, "new ", 4, err));
    assert_ok(rf__os_writer_write(writer, NULL, 0, err));
    assert_ok(rf__os_writer_write(writer, "file", 4, err));
    assert_true(has_content(in(dir, "f"), "old", 3));
    assert_int_equal(n_names(dir), 2);
    assert_ok(rf__os_writer_commit(writer, err));
    assert_true(has_content(in(dir, "f"), "new file", 8));
    assert_int_equal(n_names(dir), 1);
}

static void writer_pieces_of_every_size(void **state)
{
    static const size_t sizes[] = {1, 7, 1000, 65535, 65536, 65537, 300000};
    const char *dir = scratch_directory("writer-pieces");
    size_t total = 300000;
    char *data = rf__alloc(total);
    (void)state;

    for (size_t i = 0; i < total; i++)
        data[i] = (char)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct os_writer *writer = NULL;
        assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
        for (size_t at = 0; at < total; at += sizes[i])
            assert_ok(rf__os_writer_write(writer, data + at, total - at < sizes[i] ? total - at : sizes[i], err));
        assert_ok(rf__os_writer_commit(writer, err));
        assert_true(has_content(in(dir, "f"), data, total));
    }
    rf__free(data);
}

static void writer_goes_back(void **state)
{
    const char *dir = scratch_directory("writer-back");
    struct os_writer *writer = NULL;
    (void)state;

    assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
    assert_ok(rf__os_writer_write(writer, "0000 rows, ", 11, err));
    assert_ok(rf__os_writer_write_at(writer, 0, "0042", 4, err));
    assert_ok(rf__os_writer_write(writer, "rest", 4, err));
    assert_ok(rf__os_writer_write_at(writer, 11, "R", 1, err));
    assert_ok(rf__os_writer_write_at(writer, 15, "", 0, err));
    assert_ok(rf__os_writer_commit(writer, err));
    assert_true(has_content(in(dir, "f"), "0042 rows, Rest", 15));
}

static void writer_abort_leaves_nothing(void **state)
{
    const char *dir = scratch_directory("writer-abort");
    struct os_writer *writer = NULL;
    (void)state;

    rf__os_writer_abort(NULL);
    assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
    assert_ok(rf__os_writer_write(writer, "x", 1, err));
    rf__os_writer_abort(writer);
    assert_int_equal(n_names(dir), 0);
    write_file(in(dir, "f"), "old", 3);
    assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
    rf__os_writer_abort(writer);
    assert_int_equal(n_names(dir), 1);
    assert_true(has_content(in(dir, "f"), "old", 3));
}

static void writer_resumes(void **state)
{
    const char *dir = scratch_directory("writer-resume");
    struct os_writer *writer = NULL;
    (void)state;

    write_file(in(dir, "f"), "old", 3);
    assert_ok(rf__os_writer_resume(in(dir, "f"), in(dir, "f.partial"), 0, &writer, err));
    assert_ok(rf__os_writer_write(writer, "0000 one two thr", 16, err));
    assert_ok(rf__os_writer_sync(writer, err));
    assert_true(has_content(in(dir, "f.partial"), "0000 one two thr", 16));
    rf__os_writer_abort(writer);
    assert_true(has_content(in(dir, "f.partial"), "0000 one two thr", 16));
    assert_true(has_content(in(dir, "f"), "old", 3));

    assert_ok(rf__os_writer_resume(in(dir, "f"), in(dir, "f.partial"), 13, &writer, err));
    assert_ok(rf__os_writer_write(writer, "three", 5, err));
    assert_ok(rf__os_writer_write_at(writer, 0, "0003", 4, err));
    assert_ok(rf__os_writer_commit(writer, err));
    assert_true(has_content(in(dir, "f"), "0003 one two three", 18));
    assert_int_equal(n_names(dir), 1);
}

static void writer_resume_refuses(void **state)
{
    const char *dir = scratch_directory("writer-resume-refuse");
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    (void)state;

    write_file(in(dir, "f.partial"), "four", 4);
    assert_int_equal(rf__os_writer_resume(in(dir, "f"), in(dir, "f.partial"), 5, &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "f.partial: has 4 bytes of 5 that were written"));
    assert_true(has_content(in(dir, "f.partial"), "four", 4));
    assert_int_equal(rf__os_writer_resume(in(dir, "none/f"), in(dir, "none/f.partial"), 0, &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "folder does not exist"));
    assert_int_equal(rf__os_writer_resume(in(dir, "f"), dir, 0, &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "is no file"));
    assert_int_equal(rf__os_writer_resume("/dev/null", in(dir, "g.partial"), 0, &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "a device or a pipe"));
    assert_int_equal(n_names(dir), 1);
}

/* A commit that fails, here onto a folder, keeps what was made. */
static void writer_resume_keeps_after_a_failed_commit(void **state)
{
    const char *dir = scratch_directory("writer-resume-keep");
    struct os_writer *writer = NULL;
    (void)state;

    assert_ok(rf__os_writer_resume(in(dir, "f"), in(dir, "f.partial"), 0, &writer, err));
    assert_ok(rf__os_writer_write(writer, "all", 3, err));
    assert_ok(rf__os_make_directories(in(dir, "f/g"), err));
    assert_int_equal(rf__os_writer_commit(writer, NULL), RF_IO);
    assert_true(has_content(in(dir, "f.partial"), "all", 3));
}

static void writer_two_at_once(void **state)
{
    const char *dir = scratch_directory("writer-two");
    struct os_writer *a = NULL, *b = NULL;
    (void)state;

    assert_ok(rf__os_writer_open(in(dir, "f"), &a, err));
    assert_ok(rf__os_writer_open(in(dir, "f"), &b, err));
    assert_ok(rf__os_writer_write(a, "aaaa", 4, err));
    assert_ok(rf__os_writer_write(b, "bb", 2, err));
    assert_ok(rf__os_writer_commit(b, err));
    assert_true(has_content(in(dir, "f"), "bb", 2));
    assert_ok(rf__os_writer_commit(a, err));
    assert_true(has_content(in(dir, "f"), "aaaa", 4));
    assert_int_equal(n_names(dir), 1);
}

static void writer_refuses_what_is_no_place_for_a_file(void **state)
{
    const char *dir = scratch_directory("writer-refuse");
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    (void)state;

    assert_int_equal(rf__os_writer_open(dir, &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "folder"));
    assert_int_equal(rf__os_writer_open(in(dir, "none/f"), &writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, in(dir, "none/f")));
    assert_non_null(strstr(fault.message, "folder does not exist"));
    write_file(in(dir, "f"), "", 0);
    assert_int_equal(rf__os_writer_open(in(dir, "f/g"), &writer, &fault), RF_IO);
    assert_int_equal(rf__os_writer_open("", &writer, &fault), RF_IO);
    assert_int_equal(rf__os_writer_open(in(dir, "g/"), &writer, &fault), RF_IO);
    assert_int_equal(n_names(dir), 1);
}

/* A folder that took the file's place meanwhile: commit fails and cleans up. */
static void writer_commit_onto_a_folder(void **state)
{
    const char *dir = scratch_directory("writer-onto");
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    (void)state;

    assert_ok(rf__os_writer_open(in(dir, "f"), &writer, err));
    assert_ok(rf__os_writer_write(writer, "x", 1, err));
    assert_ok(rf__os_make_directories(in(dir, "f/g"), err));
    assert_int_equal(rf__os_writer_commit(writer, &fault), RF_IO);
    assert_non_null(strstr(fault.message, in(dir, "f")));
    assert_int_equal(n_names(dir), 1);
}

static void writer_of_a_name_as_long_as_names_may_be(void **state)
{
    const char *dir = scratch_directory("writer-long");
    char name[256];
    (void)state;

    for (size_t i = 0; i < 255; i++) /* é: the cut of the temporary name must not split one */
        name[i] = "\xC3\xA9"[i % 2];
    name[254] = 'x';
    name[255] = '\0';
    write_file(in(dir, name), "x", 1);
    assert_true(has_content(in(dir, name), "x", 1));
}

static rf_status write_one(const char *path)
{
    static char piece[100000];
    struct os_writer *writer = NULL;
    rf_status status = rf__os_writer_open(path, &writer, NULL);

    if (status == RF_OK && (status = rf__os_writer_write(writer, piece, sizeof piece, NULL)) != RF_OK)
        rf__os_writer_abort(writer);
    return status == RF_OK ? rf__os_writer_commit(writer, NULL) : status;
}

static void writer_every_allocation_fails_once(void **state)
{
    const char *dir = scratch_directory("writer-oom");
    rf_status status = RF_NO_MEMORY;
    (void)state;

    write_file(in(dir, "f"), "old", 3);
    for (uint64_t n = 1; status != RF_OK; n++) {
        rf__alloc_fail_at(n);
        status = write_one(in(dir, "f"));
        rf__alloc_fail_at(0);
        if (status != RF_OK) {
            assert_int_equal(status, RF_NO_MEMORY);
            assert_true(has_content(in(dir, "f"), "old", 3));
        }
        assert_int_equal(n_names(dir), 1);
    }
}

#ifndef _WIN32

#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

/* Writes megabytes over "f" where there is no room for them; the error must have `reason` in it. */
static int write_too_much(const char *folder, const char *reason)
{
    static char piece[10000];
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    rf_status status;

    EXPECT(rf__os_writer_open(in(folder, "f"), &writer, &fault) == RF_OK);
    status = RF_OK;
    for (int i = 0; i < 200 && status == RF_OK; i++)
        status = rf__os_writer_write(writer, piece, sizeof piece, &fault);
    EXPECT(status == RF_IO);
    EXPECT(strstr(fault.message, reason) != NULL && strstr(fault.message, "/f: ") != NULL);
    EXPECT(n_names(folder) == 2);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_IO); /* does not put half a file in its place */
    EXPECT(n_names(folder) == 1);
    EXPECT(has_content(in(folder, "f"), "old", 3));

    EXPECT(rf__os_writer_open(in(folder, "f"), &writer, &fault) == RF_OK);
    for (int i = 0; i < 200 && rf__os_writer_write(writer, piece, sizeof piece, &fault) == RF_OK; i++)
        continue;
    rf__os_writer_abort(writer);
    EXPECT(n_names(folder) == 1);
    EXPECT(has_content(in(folder, "f"), "old", 3));
    return 0;
}

static int file_size_limit(const char *folder)
{
    struct rlimit limit = {500000, 500000};

    signal(SIGXFSZ, SIG_IGN);
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    return write_too_much(folder, "larger than a file may be");
}

static void writer_beyond_the_file_size_limit(void **state)
{
    const char *dir = scratch_directory("writer-limit");
    (void)state;

    write_file(in(dir, "f"), "old", 3);
    child_run(file_size_limit, dir);
}

#ifdef __linux__

static int full_disk(const char *folder)
{
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    char *huge;
    int line;

    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=512k") != 0)
        return CHILD_SKIP;
    EXPECT(rf__os_writer_open(in(folder, "f"), &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, "old", 3, &fault) == RF_OK);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_OK);
    EXPECT(rf__os_free_space(folder) < 512 * 1024);
    line = write_too_much(folder, "no space left on the device");
    if (line != 0)
        return line;
    /* Filled to the last page, what is still in the buffer fails at the commit. */
    huge = rf__calloc(1, 1 << 20);
    EXPECT(huge != NULL);
    EXPECT(rf__os_writer_open(in(folder, "filler"), &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, huge, rf__os_free_space(folder) & ~(uint64_t)4095, &fault) == RF_OK);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_open(in(folder, "f"), &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, huge, 10000, &fault) == RF_OK);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_IO);
    EXPECT(strstr(fault.message, "no space left") != NULL);
    EXPECT(n_names(folder) == 2);
    EXPECT(has_content(in(folder, "f"), "old", 3));
    rf__free(huge);
    return 0;
}

static void writer_on_a_full_disk(void **state)
{
    (void)state;
    child_run(full_disk, scratch_directory("writer-full"));
}

#endif

static int permission(const char *folder)
{
    struct os_writer *writer = NULL;
    rf_error fault = {0};

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return CHILD_SKIP;
    if (!rf__os_is_directory(folder))
        return CHILD_SKIP; /* the build folder itself is closed to that user */
    EXPECT(!rf__os_is_writable(folder));
    EXPECT(rf__os_writer_open(in(folder, "f"), &writer, &fault) == RF_IO);
    EXPECT(strstr(fault.message, "permission denied: ") != NULL && strstr(fault.message, "/f: ") != NULL);
    EXPECT(has_content(in(folder, "f"), "old", 3));
    EXPECT(rf__os_remove(in(folder, "f"), &fault) == RF_IO);
    EXPECT(rf__os_make_directories(in(folder, "a/b"), &fault) == RF_IO);
    EXPECT(strstr(fault.message, "/a: ") != NULL);
    return 0;
}

static void writer_without_permission(void **state)
{
    const char *dir = scratch_directory("writer-denied");
    (void)state;

    write_file(in(dir, "f"), "old", 3);
    assert_int_equal(chmod(in(dir, "f"), 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    child_run(permission, dir);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(n_names(dir), 1);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void writer_modes(void **state)
{
    const char *dir = scratch_directory("writer-modes");
    mode_t old = umask(027);
    (void)state;

    write_file(in(dir, "f"), "x", 1);
    umask(old);
    assert_int_equal(mode_of(in(dir, "f")), 0640);
    assert_int_equal(chmod(in(dir, "f"), 0600), 0);
    write_file(in(dir, "f"), "y", 1);
    assert_int_equal(mode_of(in(dir, "f")), 0600); /* kept */
}

static void writer_through_a_link(void **state)
{
    const char *dir = scratch_directory("writer-link");
    (void)state;

    assert_ok(rf__os_make_directories(in(dir, "elsewhere"), err));
    write_file(in(dir, "elsewhere/f"), "old", 3);
    assert_int_equal(symlink("elsewhere/f", in(dir, "link")), 0);
    write_file(in(dir, "link"), "new", 3);
    assert_true(has_content(in(dir, "elsewhere/f"), "new", 3));
    assert_int_equal(n_names(in(dir, "elsewhere")), 1);
    assert_int_equal(readlink(in(dir, "link"), (char[64]){0}, 64), 11);
}

static int to_devices(const char *folder)
{
    static char piece[300000];
    struct os_writer *writer = NULL;
    rf_error fault = {0};
    int ends[2], output;
    char read_back[8];

    EXPECT(rf__os_writer_open("/dev/null", &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, piece, sizeof piece, &fault) == RF_OK);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_OK);
    EXPECT(rf__os_stat("/dev/null").kind == OS_OTHER);

    if (rf__os_stat("/dev/full").kind == OS_OTHER) {
        EXPECT(rf__os_writer_open("/dev/full", &writer, &fault) == RF_OK);
        EXPECT(rf__os_writer_write(writer, piece, 1, &fault) == RF_IO);
        EXPECT(strstr(fault.message, "no space left") != NULL);
        rf__os_writer_abort(writer);
    }

    EXPECT(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    EXPECT(rf__os_writer_open("/dev/stdout", &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, "piped", 5, &fault) == RF_OK);
    EXPECT(read(ends[0], read_back, sizeof read_back) == 5); /* at once */
    EXPECT(rf__os_writer_write_at(writer, 0, "P", 1, &fault) == RF_IO);
    EXPECT(strstr(fault.message, "it is a pipe") != NULL);
    rf__os_writer_abort(writer);

    /* Standard output that is a file already begun: what is written comes after. */
    output = open(in(folder, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT(output >= 0 && write(output, "begun ", 6) == 6 && dup2(output, STDOUT_FILENO) == STDOUT_FILENO);
    EXPECT(rf__os_writer_open("/dev/stdout", &writer, &fault) == RF_OK);
    EXPECT(rf__os_writer_write(writer, "more", 4, &fault) == RF_OK);
    EXPECT(rf__os_writer_commit(writer, &fault) == RF_OK);
    EXPECT(has_content(in(folder, "out"), "begun more", 10));
    EXPECT(rf__os_writer_open("/dev/fd/1", &writer, &fault) == RF_OK);
    rf__os_writer_abort(writer);
    EXPECT(rf__os_writer_open("/dev/fd/99", &writer, &fault) == RF_IO);
    EXPECT(n_names(folder) == 1);
    return 0;
}

static void writer_straight_to_devices(void **state)
{
    (void)state;
    child_run(to_devices, scratch_directory("writer-devices"));
}

/* A pipe that takes less at a time than is written, and answers EAGAIN. */
static int read_slowly(const char *folder)
{
    static char piece[4096];
    size_t total = 0;
    ssize_t n;
    int file = open(in(folder, "pipe"), O_RDONLY);

    EXPECT(file >= 0);
    while ((n = read(file, piece, sizeof piece)) > 0) {
        total += (size_t)n;
        usleep(500);
    }
    EXPECT(total == 1000000);
    return 0;
}

static void writer_to_a_slow_pipe(void **state)
{
    const char *dir = scratch_directory("writer-pipe");
    char *data = rf__calloc(1, 1000000), number[64];
    struct os_writer *writer = NULL;
    pid_t pid;
    int file;
    (void)state;

    assert_int_equal(mkfifo(in(dir, "pipe"), 0600), 0);
    pid = child_start(read_slowly, dir);
    file = open(in(dir, "pipe"), O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(fcntl(file, F_SETFL, O_NONBLOCK), 0);
    snprintf(number, sizeof number, "/dev/fd/%d", file);
    assert_ok(rf__os_writer_open(number, &writer, err));
    assert_ok(rf__os_writer_write(writer, data, 1000000, err));
    assert_ok(rf__os_writer_commit(writer, err));
    close(file);
    assert_int_equal(child_wait(pid), 0);
    rf__free(data);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_replaces_in_one_step),
        cmocka_unit_test(writer_pieces_of_every_size),
        cmocka_unit_test(writer_goes_back),
        cmocka_unit_test(writer_abort_leaves_nothing),
        cmocka_unit_test(writer_resumes),
        cmocka_unit_test(writer_resume_refuses),
        cmocka_unit_test(writer_resume_keeps_after_a_failed_commit),
        cmocka_unit_test(writer_two_at_once),
        cmocka_unit_test(writer_refuses_what_is_no_place_for_a_file),
        cmocka_unit_test(writer_commit_onto_a_folder),
        cmocka_unit_test(writer_of_a_name_as_long_as_names_may_be),
        cmocka_unit_test(writer_every_allocation_fails_once),
#ifndef _WIN32
        cmocka_unit_test(writer_beyond_the_file_size_limit),
#ifdef __linux__
        cmocka_unit_test(writer_on_a_full_disk),
#endif
        cmocka_unit_test(writer_without_permission),
        cmocka_unit_test(writer_modes),
        cmocka_unit_test(writer_through_a_link),
        cmocka_unit_test(writer_straight_to_devices),
        cmocka_unit_test(writer_to_a_slow_pipe),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
