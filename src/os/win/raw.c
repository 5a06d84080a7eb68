/* raw: see os/raw.h. */
#include "os/raw.h"

#include "base/mem.h"
#include "os/fail.h"
#include "os/os.h"
#include "os/win/wide.h"

#include <string.h>

#define MAX_PIECE ((size_t)1 << 30) /* of one WriteFile() */

static HANDLE handle_of(intptr_t file)
{
    return (HANDLE)file;
}

/* Another handle to a standard stream. */
static HANDLE duplicate_standard(DWORD which)
{
    HANDLE process = GetCurrentProcess(), copy = INVALID_HANDLE_VALUE;

    if (!DuplicateHandle(process, GetStdHandle(which), process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        return INVALID_HANDLE_VALUE;
    return copy;
}

static bool is_device(const char *path)
{
    return _stricmp(path, "NUL") == 0 || _stricmp(path, "CON") == 0 || _stricmp(path, "CONOUT$") == 0 ||
           strncmp(path, "\\\\.\\", 4) == 0 || strncmp(path, "//./", 4) == 0;
}

static HANDLE open_device(const char *path)
{
    struct wide wide;
    HANDLE file;

    if (!rf__wide_init(&wide, path)) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return INVALID_HANDLE_VALUE;
    }
    file = CreateFileW(wide.text, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    rf__wide_release(&wide);
    return file;
}

rf_status rf__raw_open_stream(const char *path, intptr_t *out, rf_error *err)
{
    HANDLE file;

    *out = RF_RAW_NONE;
    if (strcmp(path, "/dev/stdout") == 0)
        file = duplicate_standard(STD_OUTPUT_HANDLE);
    else if (strcmp(path, "/dev/stderr") == 0)
        file = duplicate_standard(STD_ERROR_HANDLE);
    else if (strcmp(path, "/dev/null") == 0)
        file = open_device("NUL");
    else if (is_device(path))
        file = open_device(path);
    else if (rf__os_is_directory(path))
        return rf__os_fail(err, path, "written", ERROR_DIRECTORY_NOT_SUPPORTED);
    else
        return RF_OK;
    if (file == INVALID_HANDLE_VALUE)
        return rf__os_fail(err, path, "written", GetLastError());
    *out = (intptr_t)file;
    return RF_OK;
}

char *rf__raw_place(const char *path)
{
    struct wide wide;
    char *place = NULL;
    DWORD attributes;

    if (!rf__wide_init(&wide, path))
        return NULL;
    attributes = GetFileAttributesW(wide.text);
    rf__wide_release(&wide);
    if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0)
        place = rf__os_real_path(path);
    return place != NULL ? place : rf__strdup(path);
}

rf_status rf__raw_create(const char *temporary, const char *place, intptr_t *out, bool *exists, rf_error *err)
{
    struct wide wide;
    DWORD code;
    HANDLE file;

    if (!rf__wide_init(&wide, temporary))
        return rf__fail_memory(err);
    file = CreateFileW(wide.text, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    code = GetLastError();
    rf__wide_release(&wide);
    *exists = file == INVALID_HANDLE_VALUE && (code == ERROR_FILE_EXISTS || code == ERROR_ALREADY_EXISTS);
    *out = file == INVALID_HANDLE_VALUE ? RF_RAW_NONE : (intptr_t)file;
    if (*exists || file != INVALID_HANDLE_VALUE)
        return RF_OK;
    if (code == ERROR_PATH_NOT_FOUND)
        return rf__fail(err, RF_IO, "%s: cannot be written: its folder does not exist: make it first", place);
    return rf__os_fail(err, place, "written", code);
}

rf_status rf__raw_open_behind(const char *partial, const char *place, uint64_t keep, intptr_t *out, rf_error *err)
{
    LARGE_INTEGER there = {.QuadPart = (LONGLONG)keep};
    struct wide wide;
    DWORD code;
    HANDLE file;

    (void)place;
    if (keep > INT64_MAX)
        return rf__os_fail(err, partial, "written", ERROR_FILE_TOO_LARGE);
    if (!rf__wide_init(&wide, partial))
        return rf__fail_memory(err);
    file = CreateFileW(wide.text, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    code = GetLastError();
    rf__wide_release(&wide);
    if (file == INVALID_HANDLE_VALUE)
        return rf__os_fail(err, partial, "written", code);
    if (!SetFilePointerEx(file, there, NULL, FILE_BEGIN) || !SetEndOfFile(file)) {
        code = GetLastError();
        CloseHandle(file);
        return rf__os_fail(err, partial, "written", code);
    }
    *out = (intptr_t)file;
    return RF_OK;
}

rf_status rf__raw_write(intptr_t file, const char *path, const void *data, size_t len, rf_error *err)
{
    const uint8_t *at = data;

    while (len > 0) {
        DWORD n = 0;
        if (!WriteFile(handle_of(file), at, (DWORD)(len < MAX_PIECE ? len : MAX_PIECE), &n, NULL))
            return rf__os_fail(err, path, "written", GetLastError());
        if (n == 0)
            return rf__os_fail(err, path, "written", ERROR_HANDLE_DISK_FULL);
        at += n;
        len -= n;
    }
    return RF_OK;
}

rf_status rf__raw_write_at(intptr_t file, const char *path, uint64_t offset, const void *data, size_t len,
                           rf_error *err)
{
    LARGE_INTEGER zero = {.QuadPart = 0}, there = {.QuadPart = (LONGLONG)offset}, here;
    rf_status status;

    if (GetFileType(handle_of(file)) != FILE_TYPE_DISK)
        return rf__os_fail(err, path, "written", ERROR_SEEK_ON_DEVICE);
    if (offset > INT64_MAX)
        return rf__os_fail(err, path, "written", ERROR_FILE_TOO_LARGE);
    if (!SetFilePointerEx(handle_of(file), zero, &here, FILE_CURRENT) ||
        !SetFilePointerEx(handle_of(file), there, NULL, FILE_BEGIN))
        return rf__os_fail(err, path, "written", GetLastError());
    status = rf__raw_write(file, path, data, len, err);
    if (!SetFilePointerEx(handle_of(file), here, NULL, FILE_BEGIN) && status == RF_OK)
        status = rf__os_fail(err, path, "written", GetLastError());
    return status;
}

rf_status rf__raw_sync(intptr_t file, const char *path, rf_error *err)
{
    if (FlushFileBuffers(handle_of(file)) || GetLastError() == ERROR_INVALID_FUNCTION)
        return RF_OK;
    return rf__os_fail(err, path, "written", GetLastError());
}

rf_status rf__raw_close(intptr_t file, const char *path, rf_error *err)
{
    return CloseHandle(handle_of(file)) ? RF_OK : rf__os_fail(err, path, "written", GetLastError());
}

unsigned long rf__raw_process_id(void)
{
    return GetCurrentProcessId();
}
