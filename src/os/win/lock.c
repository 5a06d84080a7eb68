/*
 * lock: a lock between processes; see os/os.h. It is LockFileEx() on a file that is kept. The file is opened without
 * FILE_SHARE_DELETE: nobody can remove it under those who hold it or wait for it.
 */
#include "base/mem.h"
#include "os/fail.h"
#include "os/os.h"
#include "os/win/wide.h"

#define WAIT_MS 100

struct os_lock {
    HANDLE file;
};

/* Takes the lock without waiting: *out is INVALID_HANDLE_VALUE where another has it. */
static rf_status try_lock(const char *path, HANDLE *out, rf_error *err)
{
    struct wide wide;
    OVERLAPPED whole = {0};
    HANDLE file;
    DWORD code;

    *out = INVALID_HANDLE_VALUE;
    if (!rf__wide_init(&wide, path))
        return rf__fail_memory(err);
    file = CreateFileW(wide.text, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS,
                       FILE_ATTRIBUTE_NORMAL, NULL);
    code = GetLastError();
    rf__wide_release(&wide);
    if (file == INVALID_HANDLE_VALUE)
        return rf__os_fail(err, path, "locked", code);
    if (LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &whole)) {
        *out = file;
        return RF_OK;
    }
    code = GetLastError();
    CloseHandle(file);
    return code == ERROR_LOCK_VIOLATION || code == ERROR_IO_PENDING ? RF_OK : rf__os_fail(err, path, "locked", code);
}

rf_status rf__os_lock(const char *path, bool (*waiting)(void *user), void *user, struct os_lock **out, rf_error *err)
{
    struct os_lock *lock = rf__alloc(sizeof *lock);
    rf_status status;

    if (lock == NULL)
        return rf__fail_memory(err);
    for (;;) {
        status = try_lock(path, &lock->file, err);
        if (status != RF_OK || lock->file != INVALID_HANDLE_VALUE)
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
    OVERLAPPED whole = {0};

    if (lock == NULL)
        return;
    (void)UnlockFileEx(lock->file, 0, 1, 0, &whole); /* closing alone would release it some time later */
    CloseHandle(lock->file);
    rf__free(lock);
}
