/* fail: see os/fail.h. */
#include "os/fail.h"

#include "os/names.h"
#include "os/win/wide.h"

#include <string.h>

struct reason {
    DWORD code;
    const char *text; /* the reason and the remedy */
};

static const struct reason reasons[] = {
    {ERROR_FILE_NOT_FOUND, "no such file or folder: check the path"},
    {ERROR_PATH_NOT_FOUND, "no such file or folder: check the path"},
    {ERROR_INVALID_NAME, "no such file or folder: names may not contain \\ / : * ? \" < > |"},
    {ERROR_BAD_PATHNAME, "no such file or folder: check the path"},
    {ERROR_DIRECTORY_NOT_SUPPORTED, "it is a folder: name a file"},
    {ERROR_DIRECTORY, "it is a file and no folder: check the path"},
    {ERROR_ACCESS_DENIED, "permission denied: check who may use it and its folder, and that no program has it open"},
    {ERROR_SHARING_VIOLATION, "another program has it open: close it"},
    {ERROR_USER_MAPPED_FILE, "another program has it mapped into memory: close it"},
    {ERROR_LOCK_VIOLATION, "another program has locked it: close it"},
    {ERROR_WRITE_PROTECT, "the disk is write-protected: choose another folder"},
    {ERROR_DISK_FULL, "no space left on the device: free some or choose another folder"},
    {ERROR_HANDLE_DISK_FULL, "no space left on the device: free some or choose another folder"},
    {ERROR_DISK_QUOTA_EXCEEDED, "disk quota exceeded: free some space or choose another folder"},
    {ERROR_FILE_TOO_LARGE, "larger than a file may be on this file system: choose another folder"},
    {ERROR_FILENAME_EXCED_RANGE, "the name is too long: choose a shorter one"},
    {ERROR_TOO_MANY_OPEN_FILES, "too many open files: close some programs"},
    {ERROR_NOT_SAME_DEVICE, "it is on another drive: choose a place on the same one"},
    {ERROR_DIR_NOT_EMPTY, "the folder is not empty: is another program writing to it?"},
    {ERROR_SEEK_ON_DEVICE, "it is a pipe, and this format goes back in what is written: name a file"},
    {ERROR_NOT_READY, "the drive is not ready: check it"},
    {ERROR_CRC, "the device failed: check the disk"},
    {ERROR_BAD_NETPATH, "the network share cannot be reached: check the path and the network"},
    {ERROR_NO_DATA, "whoever read from the pipe is gone"},
    {ERROR_BROKEN_PIPE, "whoever read from the pipe is gone"},
};

/* What Windows says, without the full stop and line break at its end. */
static void system_reason(DWORD code, char *out, size_t size)
{
    wchar_t wide[256];
    size_t len;

    out[0] = '\0';
    if (FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code, 0, wide, 256, NULL) != 0)
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, (int)size, NULL, NULL);
    out[size - 1] = '\0';
    len = strlen(out);
    while (len > 0 && strchr("\r\n. ", out[len - 1]) != NULL)
        out[--len] = '\0';
}

rf_status rf__os_fail(rf_error *err, const char *path, const char *what, unsigned long code)
{
    char shown[RF_NAMES_SHOWN], other[256];

    if (code == ERROR_NOT_ENOUGH_MEMORY || code == ERROR_OUTOFMEMORY)
        return rf__fail(err, RF_NO_MEMORY, "%s: cannot be %s: out of memory", rf__names_shown(path, shown), what);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == code)
            return rf__fail(err, RF_IO, "%s: cannot be %s: %s", rf__names_shown(path, shown), what, reasons[i].text);
    system_reason(code, other, sizeof other);
    return rf__fail(err, RF_IO, "%s: cannot be %s: %s (error %lu)", rf__names_shown(path, shown), what, other, code);
}

rf_status rf__os_fail_reading(rf_error *err, const char *path, const char *what, unsigned long code)
{
    rf_status status = rf__os_fail(err, path, what, code);

    if (code != ERROR_FILE_NOT_FOUND && code != ERROR_PATH_NOT_FOUND && code != ERROR_INVALID_NAME &&
        code != ERROR_BAD_PATHNAME)
        return status;
    if (err != NULL)
        err->status = RF_NOT_FOUND;
    return RF_NOT_FOUND;
}
