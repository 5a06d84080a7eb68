/*
 * lock: a lock between processes; see os/os.h. It is flock() on a file that is kept: the system releases it when the
 * process ends. Should somebody remove the file, waiting ones hold a lock on a file that nobody finds any more, so
 * that after locking it is compared with what lies at the path, and taken again where they differ.
 */
#include "base/mem.h"
#include "os/fail.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 100

struct os_lock {
    int file;
};

static bool is_at_path(int file, const char *path)
{
    struct stat ours, there;

    return fstat(file, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

/* Takes the lock without waiting: *out is -1 where another has it. */
static rf_status try_lock(const char *path, int *out, rf_error *err)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    int code;

    *out = -1;
    if (file < 0)
        return errno == EINTR ? RF_OK : rf__os_fail(err, path, "locked", (unsigned long)errno);
    code = flock(file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (code == 0 && is_at_path(file, path)) {
        *out = file;
        return RF_OK;
    }
    close(file);
    if (code == 0 || code == EWOULDBLOCK || code == EINTR)
        return RF_OK;
    return rf__os_fail(err, path, "locked", (unsigned long)code);
}

rf_status rf__os_lock(const char *path, bool (*waiting)(void *user), void *user, struct os_lock **out, rf_error *err)
{
    struct os_lock *lock = rf__alloc(sizeof *lock);
    rf_status status;

    if (lock == NULL)
        return rf__fail_memory(err);
    for (;;) {
        status = try_lock(path, &lock->file, err);
        if (status != RF_OK || lock->file >= 0)
            break;
        if (waiting != NULL && !waiting(user)) {
            status = rf__fail(err, RF_CANCELLED, "%s: cancelled while waiting for another process", path);
            break;
        }
        rf__os_sleep_ms(WAIT_MS);
    }
    if (status != RF_OK) {
        rf__free(lock);
        return status;
    }
    *out = lock;
    return RF_OK;
}

void rf__os_unlock(struct os_lock *lock)
{
    if (lock == NULL)
        return;
    close(lock->file);
    rf__free(lock);
}
