/* raw: see os/raw.h. */
#include "os/raw.h"

#include "base/mem.h"
#include "os/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PIECE ((size_t)1 << 30) /* of one write(): systems cut or refuse what is near 2 GiB */

/* The descriptor that a path like /dev/stdout names; -1 where it names none. Such a path is not opened anew: a file
 * behind it would be written from its beginning, and a socket cannot be opened at all. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t len = strlen(folders[i]);
        char *end;
        long number;
        if (strncmp(path, folders[i], len) != 0 || path[len] < '0' || path[len] > '9')
            continue;
        number = strtol(path + len, &end, 10);
        if (*end == '\0' && number >= 0 && number <= INT32_MAX)
            return (int)number;
    }
    return -1;
}

rf_status rf__raw_open_stream(const char *path, intptr_t *out, rf_error *err)
{
    int descriptor = named_descriptor(path);
    int file;
    struct stat st;

    *out = RF_RAW_NONE;
    if (descriptor >= 0) {
        file = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    } else {
        if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
            return RF_OK;
        do
            file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY); /* fails with EISDIR on a folder */
        while (file < 0 && errno == EINTR);
    }
    if (file < 0)
        return rf__os_fail(err, path, "written", (unsigned long)errno);
    *out = file;
    return RF_OK;
}

char *rf__raw_place(const char *path)
{
    struct stat st;
    char *real = NULL, *place;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        real = realpath(path, NULL);
    place = rf__strdup(real != NULL ? real : path);
    free(real);
    return place;
}

static rf_status fail_making(rf_error *err, const char *path, int code)
{
    if (code == ENOENT)
        return rf__fail(err, RF_IO, "%s: cannot be written: its folder does not exist: make it first", path);
    return rf__os_fail(err, path, "written", (unsigned long)code);
}

/* Who may read the old file may read the new one, and nobody else. */
static void take_mode(int file, const char *place)
{
    struct stat st;

    if (stat(place, &st) == 0)
        (void)!fchmod(file, st.st_mode & 0777);
}

rf_status rf__raw_create(const char *temporary, const char *place, intptr_t *out, bool *exists, rf_error *err)
{
    int file;

    do
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    while (file < 0 && errno == EINTR);
    *exists = file < 0 && errno == EEXIST;
    *out = file;
    if (*exists)
        return RF_OK;
    if (file < 0)
        return fail_making(err, place, errno);
    take_mode(file, place);
    return RF_OK;
}

rf_status rf__raw_open_behind(const char *partial, const char *place, uint64_t keep, intptr_t *out, rf_error *err)
{
    int file, code;

    if (keep > INT64_MAX)
        return rf__os_fail(err, partial, "written", EFBIG);
    do
        file = open(partial, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return fail_making(err, partial, errno);
    if (ftruncate(file, (off_t)keep) != 0 || lseek(file, (off_t)keep, SEEK_SET) < 0) {
        code = errno;
        close(file);
        return rf__os_fail(err, partial, "written", (unsigned long)code);
    }
    take_mode(file, place);
    *out = file;
    return RF_OK;
}

/* One write() of a piece; 0 where it has to be tried again, -1 with errno. */
static ssize_t write_piece(int file, const uint8_t *data, size_t len)
{
    struct pollfd ready = {.fd = file, .events = POLLOUT};
    ssize_t n = write(file, data, len < MAX_PIECE ? len : MAX_PIECE);

    if (n >= 0 || errno == EINTR)
        return n >= 0 ? n : 0;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return -1;
    (void)poll(&ready, 1, -1);
    return 0;
}

rf_status rf__raw_write(intptr_t file, const char *path, const void *data, size_t len, rf_error *err)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t n = write_piece((int)file, at, len);
        if (n < 0)
            return rf__os_fail(err, path, "written", (unsigned long)errno);
        at += n;
        len -= (size_t)n;
    }
    return RF_OK;
}

rf_status rf__raw_write_at(intptr_t file, const char *path, uint64_t offset, const void *data, size_t len,
                           rf_error *err)
{
    const uint8_t *at = data;

    if (offset > INT64_MAX - len)
        return rf__os_fail(err, path, "written", EFBIG);
    while (len > 0) {
        ssize_t n = pwrite((int)file, at, len < MAX_PIECE ? len : MAX_PIECE, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rf__os_fail(err, path, "written", (unsigned long)errno);
        at += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return RF_OK;
}

rf_status rf__raw_sync(intptr_t file, const char *path, rf_error *err)
{
    int result;

    do
        result = fsync((int)file);
    while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EINVAL || errno == ENOSYS ||
        errno == ENOTSUP) /* some file systems have no such thing */
        return RF_OK;
    return rf__os_fail(err, path, "written", (unsigned long)errno);
}

rf_status rf__raw_close(intptr_t file, const char *path, rf_error *err)
{
    if (close((int)file) == 0 || errno == EINTR || errno == EINPROGRESS)
        return RF_OK;
    return rf__os_fail(err, path, "written", (unsigned long)errno);
}

unsigned long rf__raw_process_id(void)
{
    return (unsigned long)getpid();
}
