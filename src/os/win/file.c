/* file: files by their paths; see os/os.h. What is written whole or not at all is in os/writer.c. */
#include "base/mem.h"
#include "os/fail.h"
#include "os/names.h"
#include "os/os.h"
#include "os/raw.h"
#include "os/win/wide.h"

#include <fcntl.h>
#include <io.h>
#include <string.h>

#define FIRST_READ     ((size_t)64 << 10) /* of what does not tell its size: a pipe */
#define SHARE_ALL      (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define EPOCH_1970     116444736000000000 /* in the 100 ns since 1601 of a FILETIME */
#define RENAME_TRIES   20                 /* a scanner may hold a new file for a moment */
#define RENAME_WAIT_MS 50

/* INVALID_HANDLE_VALUE with GetLastError(). With FILE_FLAG_BACKUP_SEMANTICS a folder can be opened too. */
static HANDLE open_path(const char *path, DWORD access, DWORD creation, DWORD flags)
{
    struct wide wide;
    HANDLE file;
    DWORD code;

    if (!rf__wide_init(&wide, path)) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return INVALID_HANDLE_VALUE;
    }
    file = CreateFileW(wide.text, access, SHARE_ALL, NULL, creation, flags, NULL);
    code = GetLastError();
    rf__wide_release(&wide);
    SetLastError(code);
    return file;
}

static HANDLE open_existing(const char *path, DWORD access)
{
    return open_path(path, access, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
}

struct os_stat rf__os_stat(const char *path)
{
    struct os_stat out = {0};
    BY_HANDLE_FILE_INFORMATION info;
    FILE_STANDARD_INFO standard;
    HANDLE file = open_existing(path, FILE_READ_ATTRIBUTES);

    if (file == INVALID_HANDLE_VALUE)
        return out;
    if (GetFileType(file) != FILE_TYPE_DISK) {
        out.kind = OS_OTHER;
    } else if (GetFileInformationByHandle(file, &info)) {
        uint64_t time = (uint64_t)info.ftLastWriteTime.dwHighDateTime << 32 | info.ftLastWriteTime.dwLowDateTime;
        out.kind = info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? OS_DIRECTORY : OS_FILE;
        out.size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
        out.mtime_ns = ((int64_t)time - EPOCH_1970) * 100;
        time = (uint64_t)info.ftLastAccessTime.dwHighDateTime << 32 | info.ftLastAccessTime.dwLowDateTime;
        out.atime_s = ((int64_t)time - EPOCH_1970) / 10000000;
        out.blocks_bytes = (int64_t)out.size;
        if (GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard))
            out.blocks_bytes = standard.AllocationSize.QuadPart;
    }
    CloseHandle(file);
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

/* Opens for reading; a folder is refused. *size is 0 for what is no file on a disk. */
static rf_status open_to_read(const char *path, HANDLE *out, uint64_t *size, bool *is_disk, rf_error *err)
{
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE file = open_existing(path, GENERIC_READ);
    DWORD code = 0;

    if (file == INVALID_HANDLE_VALUE)
        return rf__os_fail_reading(err, path, "read", path[0] == '\0' ? ERROR_FILE_NOT_FOUND : GetLastError());
    *size = 0;
    *is_disk = GetFileType(file) == FILE_TYPE_DISK;
    if (*is_disk) {
        if (!GetFileInformationByHandle(file, &info))
            code = GetLastError();
        else if (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            code = ERROR_DIRECTORY_NOT_SUPPORTED;
        else
            *size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    }
    if (code != 0) {
        CloseHandle(file);
        return rf__os_fail(err, path, "read", code);
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
static rf_status read_piece(HANDLE file, const char *path, struct buf *out, size_t max, bool *end, rf_error *err)
{
    char one;
    size_t spare = out->cap - out->len;
    DWORD n = 0;
    BOOL good = spare > 0 ? ReadFile(file, out->data + out->len, spare < INT32_MAX ? (DWORD)spare : INT32_MAX, &n, NULL)
                          : ReadFile(file, &one, 1, &n, NULL);

    if (!good && GetLastError() != ERROR_BROKEN_PIPE && GetLastError() != ERROR_HANDLE_EOF)
        return rf__os_fail(err, path, "read", GetLastError());
    if (n > 0 && spare == 0)
        return fail_ceiling(err, path, max);
    out->len += n;
    out->data[out->len] = '\0';
    *end = n == 0;
    return RF_OK;
}

static rf_status read_to_end(HANDLE file, const char *path, uint64_t size, struct buf *out, rf_error *err)
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
    size_t before = out->len;
    uint64_t size;
    bool is_disk;
    HANDLE file;
    rf_status status = open_to_read(path, &file, &size, &is_disk, err);

    if (status != RF_OK)
        return status;
    status = read_to_end(file, path, size, out, err);
    CloseHandle(file);
    if (status != RF_OK && out->data != NULL) {
        out->len = before;
        out->data[before] = '\0';
    }
    return status == RF_NO_MEMORY ? rf__fail_prefix(err, status, "%s", path) : status;
}

/* The mapping and the view outlive their handles. */
static void *map_view(HANDLE file)
{
    HANDLE mapping = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
    void *data;
    DWORD code;

    if (mapping == NULL)
        return NULL;
    data = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
    code = GetLastError();
    CloseHandle(mapping);
    SetLastError(code);
    return data;
}

rf_status rf__os_map_file(const char *path, struct os_map *out, rf_error *err)
{
    uint64_t size;
    bool is_disk;
    void *data = NULL;
    HANDLE file;
    rf_status status = open_to_read(path, &file, &size, &is_disk, err);

    if (status != RF_OK)
        return status;
    if (!is_disk)
        status = rf__fail(err, RF_IO, "%s: is no regular file: copy it into one first", path);
    else if (size > SIZE_MAX)
        status = rf__os_fail(err, path, "read", ERROR_FILE_TOO_LARGE);
    else if (size > 0 && (data = map_view(file)) == NULL)
        status = rf__os_fail(err, path, "mapped into memory", GetLastError());
    CloseHandle(file);
    if (status == RF_OK)
        *out = (struct os_map){data, (size_t)size};
    return status;
}

void rf__os_unmap(struct os_map *map)
{
    if (map->data != NULL)
        UnmapViewOfFile(map->data);
    *map = (struct os_map){0};
}

rf_status rf__os_open_append(const char *path, FILE **out, rf_error *err)
{
    HANDLE file = open_path(path, FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL);
    int descriptor;

    if (file == INVALID_HANDLE_VALUE)
        return rf__os_fail(err, path, "written", GetLastError());
    descriptor = _open_osfhandle((intptr_t)file, _O_APPEND | _O_BINARY);
    if (descriptor < 0) {
        CloseHandle(file);
        return rf__os_fail(err, path, "written", ERROR_TOO_MANY_OPEN_FILES);
    }
    *out = _fdopen(descriptor, "ab");
    if (*out != NULL)
        return RF_OK;
    _close(descriptor);
    return rf__os_fail(err, path, "written", ERROR_TOO_MANY_OPEN_FILES);
}

FILE *rf__os_fopen(const char *path, const char *mode)
{
    struct wide wide;
    wchar_t wide_mode[16];
    FILE *file;

    if (MultiByteToWideChar(CP_UTF8, 0, mode, -1, wide_mode, 16) <= 0 || !rf__wide_init(&wide, path))
        return NULL;
    file = _wfopen(wide.text, wide_mode);
    rf__wide_release(&wide);
    return file;
}

rf_status rf__os_sync_file(FILE *file, const char *path, rf_error *err)
{
    if (fflush(file) != 0)
        return rf__os_fail(err, path, "written", ERROR_DISK_FULL);
    return rf__raw_sync(_get_osfhandle(_fileno(file)), path, err);
}

static bool may_pass(DWORD code)
{
    return code == ERROR_ACCESS_DENIED || code == ERROR_SHARING_VIOLATION;
}

/* MoveFileEx, tried again while that may help. 0, or the error. */
static DWORD move_file(const wchar_t *from, const wchar_t *to, bool onto_folder)
{
    for (int i = 0;; i++) {
        DWORD code;
        if (MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            return 0;
        code = GetLastError();
        if (!may_pass(code) || i == RENAME_TRIES || onto_folder)
            return code;
        Sleep(RENAME_WAIT_MS);
    }
}

rf_status rf__os_rename(const char *from, const char *to, rf_error *err)
{
    struct wide wide_from, wide_to;
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;

    if (!rf__wide_init(&wide_from, from))
        return rf__fail_memory(err);
    if (rf__wide_init(&wide_to, to)) {
        code = move_file(wide_from.text, wide_to.text, rf__os_is_directory(to));
        rf__wide_release(&wide_to);
    }
    rf__wide_release(&wide_from);
    return code == 0 ? RF_OK : rf__os_fail(err, to, "put in its place", code);
}

/* DeleteFileW, also of a file that is marked read-only. 0, or the error. */
static DWORD delete_file(const wchar_t *wide)
{
    DWORD code, attributes;

    if (DeleteFileW(wide))
        return 0;
    code = GetLastError();
    if (code != ERROR_ACCESS_DENIED)
        return code;
    attributes = GetFileAttributesW(wide);
    if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_READONLY) == 0)
        return code;
    if (!SetFileAttributesW(wide, attributes & ~(DWORD)FILE_ATTRIBUTE_READONLY))
        return code;
    return DeleteFileW(wide) ? 0 : GetLastError();
}

rf_status rf__os_remove(const char *path, rf_error *err)
{
    struct wide wide;
    DWORD code;

    if (!rf__wide_init(&wide, path))
        return rf__fail_memory(err);
    code = delete_file(wide.text);
    rf__wide_release(&wide);
    if (code == 0 || code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND)
        return RF_OK;
    return rf__os_fail(err, path, "removed", code);
}

/* What the link will lead to, as seen from here; in new memory. */
static char *resolve_target(const char *target, const char *link)
{
    bool is_absolute = target[0] == '/' || target[0] == '\\' || (target[0] != '\0' && target[1] == ':');
    size_t folder_len = is_absolute ? 0 : rf__names_folder_len(link);

    return rf__format("%.*s%s", (int)folder_len, link, target);
}

/* Whether the link was made: some systems (Wine) say so and do nothing. */
static bool make_link(const char *target, const char *source, const char *link)
{
    wchar_t *wide_target = rf__wide_text(target);
    DWORD flags = SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE;
    struct wide wide;
    bool made = false;

    if (rf__os_is_directory(source))
        flags |= SYMBOLIC_LINK_FLAG_DIRECTORY;
    if (wide_target != NULL && rf__wide_init(&wide, link)) {
        made = CreateSymbolicLinkW(wide.text, wide_target, flags) &&
               GetFileAttributesW(wide.text) != INVALID_FILE_ATTRIBUTES;
        rf__wide_release(&wide);
    }
    rf__free(wide_target);
    return made;
}

/* Links need a right, or Windows' developer mode. */
rf_status rf__os_link(const char *target, const char *link, bool may_move, rf_error *err)
{
    char *temporary = rf__names_temporary(link, rf__raw_process_id());
    char *source = resolve_target(target, link);
    rf_status status;

    if (temporary == NULL || source == NULL) {
        status = rf__fail_memory(err);
    } else if (make_link(target, source, temporary)) {
        status = rf__os_rename(temporary, link, err);
        if (status != RF_OK)
            (void)rf__os_remove(temporary, NULL);
    } else {
        status = may_move ? rf__os_rename(source, link, err) : rf__os_copy_file(source, link, err);
    }
    rf__free(temporary);
    rf__free(source);
    return status;
}

size_t rf__os_folder_len(const char *path)
{
    size_t len = strlen(path);

    while (len > 0 && strchr("/\\:", path[len - 1]) == NULL)
        len--;
    return len;
}

char *rf__os_real_path(const char *path)
{
    HANDLE file = open_existing(path, FILE_READ_ATTRIBUTES);
    wchar_t *wide = NULL;
    char *real = NULL;
    DWORD len;

    if (file == INVALID_HANDLE_VALUE)
        return NULL;
    len = GetFinalPathNameByHandleW(file, NULL, 0, FILE_NAME_NORMALIZED);
    if (len > 0)
        wide = rf__alloc_array((size_t)len + 1, sizeof *wide);
    if (wide != NULL && GetFinalPathNameByHandleW(file, wide, len + 1, FILE_NAME_NORMALIZED) > 0)
        real = rf__wide_to_utf8(wide);
    rf__free(wide);
    CloseHandle(file);
    return real;
}

uint64_t rf__os_free_space(const char *path)
{
    struct wide wide;
    ULARGE_INTEGER bytes;
    BOOL known;

    if (!rf__wide_init(&wide, path))
        return UINT64_MAX;
    known = GetDiskFreeSpaceExW(wide.text, &bytes, NULL, NULL);
    rf__wide_release(&wide);
    return known ? bytes.QuadPart : UINT64_MAX;
}
