/* file: files by their paths; see os/os.h. What is written whole or not at all is in os/writer.c. */
#include "base/mem.h"
#include "os/fail.h"
#include "os/names.h"
#include "os/os.h"
#include "os/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_READ ((size_t)64 << 10) /* of a file that does not tell its size: a pipe, /proc */

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct os_stat rf__os_stat(const char *path)
{
    struct os_stat out = {0};
    struct stat st;

    if (stat(path, &st) != 0)
        return out;
    out.kind = S_ISREG(st.st_mode) ? OS_FILE : S_ISDIR(st.st_mode) ? OS_DIRECTORY : OS_OTHER;
    out.size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
    out.mtime_ns = nanoseconds(st.st_mtim);
    out.ctime_ns = nanoseconds(st.st_ctim);
    out.blocks_bytes = (int64_t)st.st_blocks * 512;
    out.atime_s = (int64_t)st.st_atime;
    return out;
}

bool rf__os_is_file(const char *path)
{
    return rf__os_stat(path).kind == OS_FILE;
}

bool rf__os_is_directory(const char *path)
{
    return rf__os_stat(path).kind == OS_DIRECTORY;
}

/* Opens for reading; a folder is refused. */
static rf_status open_to_read(const char *path, int *out, struct stat *st, rf_error *err)
{
    int file, code;

    do
        file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return rf__os_fail_reading(err, path, "read", (unsigned long)errno);
    code = fstat(file, st) != 0 ? errno : S_ISDIR(st->st_mode) ? EISDIR : 0;
    if (code != 0) {
        close(file);
        return rf__os_fail(err, path, "read", (unsigned long)code);
    }
    *out = file;
    return RF_OK;
}

static rf_status fail_ceiling(rf_error *err, const char *path, size_t max)
{
    char shown[RF_NAMES_SHOWN];

    return rf__fail(err, RF_IO, "%s: is larger than the %zu bytes that are read of such a file: is it the right one?",
                    rf__names_shown(path, shown), max);
}

/* Reads once into the buffer's spare memory, at its ceiling into a single byte that tells whether there is more. */
static rf_status read_piece(int file, const char *path, struct buf *out, size_t max, bool *end, rf_error *err)
{
    char one;
    size_t spare = out->cap - out->len;
    ssize_t n;

    do
        n = spare > 0 ? read(file, out->data + out->len, spare < INT32_MAX ? spare : INT32_MAX) : read(file, &one, 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return rf__os_fail(err, path, "read", (unsigned long)errno);
    if (n > 0 && spare == 0)
        return fail_ceiling(err, path, max);
    out->len += (size_t)n;
    out->data[out->len] = '\0';
    *end = n == 0;
    return RF_OK;
}

static rf_status read_to_end(int file, const char *path, uint64_t size, struct buf *out, rf_error *err)
{
    size_t max = out->max - out->len;
    rf_status status;
    bool end = false;

    if (size > max)
        return fail_ceiling(err, path, max);
    /* One byte more than the size shows the end without growing. */
    status = rf__buf_reserve(out, size > 0 && size < max ? (size_t)size + 1 : max < FIRST_READ ? max : FIRST_READ, err);
    while (status == RF_OK && !end) {
        if (out->len == out->cap && out->cap < out->max)
            status = rf__buf_reserve(out, 1, err);
        if (status == RF_OK)
            status = read_piece(file, path, out, max, &end, err);
    }
    return status;
}

rf_status rf__os_read_file(const char *path, struct buf *out, rf_error *err)
{
    struct stat st = {0};
    size_t before = out->len;
    int file = -1;
    rf_status status = open_to_read(path, &file, &st, err);

    if (status != RF_OK)
        return status;
    status = read_to_end(file, path, S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0, out, err);
    close(file);
    if (status != RF_OK && out->data != NULL) {
        out->len = before;
        out->data[before] = '\0';
    }
    return status == RF_NO_MEMORY ? rf__fail_prefix(err, status, "%s", path) : status;
}

rf_status rf__os_map_file(const char *path, struct os_map *out, rf_error *err)
{
    struct stat st = {0};
    int file = -1;
    void *data = NULL;
    rf_status status = open_to_read(path, &file, &st, err);

    if (status != RF_OK)
        return status;
    if (!S_ISREG(st.st_mode))
        status = rf__fail(err, RF_IO, "%s: is no regular file: copy it into one first", path);
    else if ((uint64_t)st.st_size > SIZE_MAX)
        status = rf__os_fail(err, path, "read", EFBIG);
    else if (st.st_size > 0 && (data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0)) == MAP_FAILED)
        status = rf__os_fail(err, path, "mapped into memory", (unsigned long)errno);
    close(file);
    if (status == RF_OK)
        *out = (struct os_map){data, (size_t)st.st_size};
    return status;
}

void rf__os_unmap(struct os_map *map)
{
    if (map->data != NULL)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct os_map){0};
}

rf_status rf__os_open_append(const char *path, FILE **out, rf_error *err)
{
    int file, code;

    do
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return rf__os_fail(err, path, "written", (unsigned long)errno);
    *out = fdopen(file, "ab");
    if (*out != NULL)
        return RF_OK;
    code = errno;
    close(file);
    return rf__os_fail(err, path, "written", (unsigned long)code);
}

FILE *rf__os_fopen(const char *path, const char *mode)
{
    return fopen(path, mode);
}

rf_status rf__os_sync_file(FILE *file, const char *path, rf_error *err)
{
    if (fflush(file) != 0)
        return rf__os_fail(err, path, "written", (unsigned long)errno);
    return rf__raw_sync(fileno(file), path, err);
}

rf_status rf__os_rename(const char *from, const char *to, rf_error *err)
{
    return rename(from, to) == 0 ? RF_OK : rf__os_fail(err, to, "put in its place", (unsigned long)errno);
}

rf_status rf__os_remove(const char *path, rf_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return RF_OK;
    return rf__os_fail(err, path, "removed", (unsigned long)errno);
}

/* Whether symlink() failed because the file system has no links. */
static bool has_no_links(int code)
{
    return code == EPERM || code == ENOSYS || code == EOPNOTSUPP || code == EINVAL;
}

static rf_status do_without_link(const char *target, const char *link, bool may_move, rf_error *err)
{
    size_t folder_len = target[0] == '/' ? 0 : rf__names_folder_len(link);
    char *from = rf__format("%.*s%s", (int)folder_len, link, target);
    rf_status status;

    if (from == NULL)
        return rf__fail_memory(err);
    status = may_move ? rf__os_rename(from, link, err) : rf__os_copy_file(from, link, err);
    rf__free(from);
    return status;
}

/* Puts a link into the place of what is at `link`; a process that dies between the two steps leaves `temporary`. */
static rf_status replace_by_link(const char *target, const char *link, bool may_move, rf_error *err)
{
    char *temporary = rf__names_temporary(link, rf__raw_process_id());
    rf_status status;

    if (temporary == NULL)
        return rf__fail_memory(err);
    (void)unlink(temporary); /* of a dead process that had our id */
    if (symlink(target, temporary) == 0) {
        status = rf__os_rename(temporary, link, err);
        if (status != RF_OK)
            (void)unlink(temporary);
    } else if (has_no_links(errno)) {
        status = do_without_link(target, link, may_move, err);
    } else {
        status = rf__os_fail(err, link, "made", (unsigned long)errno);
    }
    rf__free(temporary);
    return status;
}

rf_status rf__os_link(const char *target, const char *link, bool may_move, rf_error *err)
{
    if (symlink(target, link) == 0)
        return RF_OK;
    if (errno == EEXIST)
        return replace_by_link(target, link, may_move, err);
    if (has_no_links(errno))
        return do_without_link(target, link, may_move, err);
    return rf__os_fail(err, link, "made", (unsigned long)errno);
}

size_t rf__os_folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

char *rf__os_real_path(const char *path)
{
    char *real = realpath(path, NULL);
    char *copy = real == NULL ? NULL : rf__strdup(real);

    free(real);
    return copy;
}

uint64_t rf__os_free_space(const char *path)
{
    struct statvfs fs;

    if (statvfs(path, &fs) != 0 || fs.f_frsize == 0)
        return UINT64_MAX;
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}
