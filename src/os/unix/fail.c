/* fail: see os/fail.h. */
#include "os/fail.h"

#include "os/names.h"

#include <errno.h>
#include <string.h>

struct reason {
    int code;
    const char *text; /* the reason and the remedy */
};

static const struct reason reasons[] = {
    {ENOENT, "no such file or folder: check the path"},
    {ENOTDIR, "a part of the path is a file and no folder: check the path"},
    {EISDIR, "it is a folder: name a file"},
    {EACCES, "permission denied: check owner and mode of it and of its folder, or choose another place"},
    {EPERM, "permission denied: check owner and attributes of it and of its folder, or choose another place"},
    {EROFS, "the file system is read-only: choose another folder"},
    {ENOSPC, "no space left on the device: free some or choose another folder"},
    {EDQUOT, "disk quota exceeded: free some space or choose another folder"},
    {EFBIG, "larger than a file may be here: check 'ulimit -f' and the file system, or choose another folder"},
    {ENAMETOOLONG, "the name is too long: choose a shorter one"},
    {ELOOP, "its links go round in a circle: remove them"},
    {EMFILE, "too many open files: raise the limit ('ulimit -n')"},
    {ENFILE, "too many open files on this machine: close some programs"},
    {EXDEV, "it is on another file system: choose a place on the same one"},
    {ENOTEMPTY, "the folder is not empty: is another program writing to it?"},
    {EBUSY, "it is in use: close the program that uses it"},
    {ENOLCK, "the file system has no locks to give: choose a folder on a local disk"},
    {EOPNOTSUPP, "the file system cannot do that: choose a folder on a local disk"},
    {ESPIPE, "it is a pipe, and this format goes back in what is written: name a file"},
    {EIO, "the device failed: check the disk (the system's log says more)"},
    {ESTALE, "the network file system lost it: try again, or choose a folder on a local disk"},
};

rf_status rf__os_fail(rf_error *err, const char *path, const char *what, unsigned long code)
{
    char shown[RF_NAMES_SHOWN], other[128] = "unknown reason";

    if (code == ENOMEM)
        return rf__fail(err, RF_NO_MEMORY, "%s: cannot be %s: out of memory", rf__names_shown(path, shown), what);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if ((unsigned long)reasons[i].code == code)
            return rf__fail(err, RF_IO, "%s: cannot be %s: %s", rf__names_shown(path, shown), what, reasons[i].text);
    (void)!strerror_r((int)code, other, sizeof other);
    return rf__fail(err, RF_IO, "%s: cannot be %s: %s (errno %lu)", rf__names_shown(path, shown), what, other, code);
}

rf_status rf__os_fail_reading(rf_error *err, const char *path, const char *what, unsigned long code)
{
    rf_status status = rf__os_fail(err, path, what, code);

    if (code != ENOENT && code != ENOTDIR)
        return status;
    if (err != NULL)
        err->status = RF_NOT_FOUND;
    return RF_NOT_FOUND;
}
