/* directory: folders; see os/os.h. */
#include "base/mem.h"
#include "os/fail.h"
#include "os/names.h"
#include "os/os.h"
#include "os/raw.h"
#include "os/win/wide.h"

#include <string.h>

#define MAX_NAMES_BYTES ((size_t)256 << 20) /* of the names in one folder */
#define MAX_PATH_BYTES  ((size_t)128 << 10) /* Windows allows 32767 characters */
#define MAX_DEPTH       128                 /* of folders in folders that are removed; each costs a handle */

/* CreateDirectory of one folder; fine when it is there. */
static rf_status make_one(const char *path, rf_error *err)
{
    struct wide wide;
    DWORD code;

    if (!rf__wide_init(&wide, path))
        return rf__fail_memory(err);
    code = CreateDirectoryW(wide.text, NULL) ? 0 : GetLastError();
    rf__wide_release(&wide);
    if (code == 0 || rf__os_is_directory(path))
        return RF_OK;
    if (code == ERROR_ALREADY_EXISTS)
        return rf__fail(err, RF_IO,
                        "%s: cannot be made: something that is no folder is there: remove it or choose another path",
                        path);
    return rf__os_fail(err, path, "made", code);
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

rf_status rf__os_make_directories(const char *path, rf_error *err)
{
    char *copy;
    rf_status status = RF_OK;

    if (rf__os_is_directory(path))
        return RF_OK;
    copy = rf__strdup(path);
    if (copy == NULL)
        return rf__fail_memory(err);
    for (char *at = copy; status == RF_OK && *at != '\0'; at++) {
        char separator = *at;
        if (!is_separator(separator) || at == copy || is_separator(at[-1]) || at[-1] == ':')
            continue;
        *at = '\0';
        status = make_one(copy, err);
        *at = separator;
    }
    if (status == RF_OK)
        status = make_one(path, err);
    rf__free(copy);
    return status;
}

/* Rights of Windows say little before the attempt: a file that vanishes when it is closed. */
bool rf__os_is_writable(const char *path)
{
    char *inside = rf__path_join(path, "probe");
    char *temporary = inside == NULL ? NULL : rf__names_temporary(inside, rf__raw_process_id());
    struct wide wide;
    HANDLE file = INVALID_HANDLE_VALUE;

    if (temporary != NULL && rf__wide_init(&wide, temporary)) {
        file = CreateFileW(wide.text, GENERIC_WRITE | DELETE, 0, NULL, CREATE_NEW, FILE_FLAG_DELETE_ON_CLOSE, NULL);
        rf__wide_release(&wide);
    }
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    rf__free(temporary);
    rf__free(inside);
    return file != INVALID_HANDLE_VALUE;
}

/* A search through a folder. The first entry comes with its beginning. */
struct search {
    HANDLE handle;
    WIN32_FIND_DATAW entry;
    bool started;
};

static DWORD search_begin(struct search *search, const char *path)
{
    char *pattern = rf__path_join(path, "*");
    struct wide wide;
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;

    search->started = false;
    search->handle = INVALID_HANDLE_VALUE;
    if (pattern != NULL && rf__wide_init(&wide, pattern)) {
        search->handle = FindFirstFileW(wide.text, &search->entry);
        code = search->handle == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        rf__wide_release(&wide);
    }
    rf__free(pattern);
    return code;
}

static bool is_dots(const wchar_t *name)
{
    return wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0;
}

/* The next entry that is not "." or ".."; NULL at the end. */
static const WIN32_FIND_DATAW *search_next(struct search *search)
{
    do {
        if (search->started && !FindNextFileW(search->handle, &search->entry))
            return NULL;
        search->started = true;
    } while (is_dots(search->entry.cFileName));
    return &search->entry;
}

static rf_status append_name(struct buf *names, const WIN32_FIND_DATAW *entry, rf_error *err)
{
    char *name = rf__wide_to_utf8(entry->cFileName);
    rf_status status = name == NULL ? rf__fail_memory(err) : rf__buf_append(names, name, strlen(name) + 1, err);

    rf__free(name);
    return status;
}

rf_status rf__os_list_directory(const char *path, char ***out, size_t *n, rf_error *err)
{
    struct search search;
    struct buf names;
    const WIN32_FIND_DATAW *entry;
    char **sorted;
    rf_status status = RF_OK;
    size_t count = 0;
    DWORD code = search_begin(&search, path);

    if (code == ERROR_FILE_NOT_FOUND && rf__os_is_directory(path)) /* the root of an empty drive has no "." */
        code = ERROR_NO_MORE_FILES;
    if (code != 0 && code != ERROR_NO_MORE_FILES)
        return rf__os_fail_reading(err, path, "listed", code);
    rf__buf_init(&names, MAX_NAMES_BYTES);
    while (code == 0 && status == RF_OK && (entry = search_next(&search)) != NULL) {
        status = append_name(&names, entry, err);
        count++;
    }
    if (status == RF_OK) {
        sorted = rf__names_sorted(&names, count);
        if (sorted == NULL) {
            status = rf__fail_memory(err);
        } else {
            *out = sorted;
            *n = count;
        }
    }
    rf__buf_release(&names);
    if (search.handle != INVALID_HANDLE_VALUE)
        FindClose(search.handle);
    return status;
}

/*
 * Removing a tree: a stack of searches and the path of the innermost folder. A file is deleted, a link (a reparse
 * point) and an empty folder removed; any other folder is entered, removed once empty, and the search above goes on.
 */
struct removal {
    struct buf path;
    size_t lens[MAX_DEPTH]; /* of the path at each level */
    struct search *levels;  /* [MAX_DEPTH] */
    size_t depth;
};

static rf_status enter(struct removal *removal, rf_error *err)
{
    DWORD code;

    if (removal->depth == MAX_DEPTH)
        return rf__fail(err, RF_IO, "%s: cannot be removed: its folders are nested deeper than %d: remove it by hand",
                        removal->path.data, MAX_DEPTH);
    code = search_begin(&removal->levels[removal->depth], removal->path.data);
    if (code != 0)
        return rf__os_fail(err, removal->path.data, "removed", code);
    removal->lens[removal->depth++] = removal->path.len;
    return RF_OK;
}

static void cut(struct buf *path, size_t len)
{
    path->len = len;
    path->data[len] = '\0';
}

/* RemoveDirectory of a folder or of a link to one. 0, or the error. */
static DWORD remove_directory(const char *path)
{
    struct wide wide;
    DWORD code;

    if (!rf__wide_init(&wide, path))
        return ERROR_NOT_ENOUGH_MEMORY;
    code = RemoveDirectoryW(wide.text) ? 0 : GetLastError();
    rf__wide_release(&wide);
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND ? 0 : code;
}

static rf_status remove_entry(struct removal *removal, const WIN32_FIND_DATAW *entry, rf_error *err)
{
    size_t len = removal->path.len;
    char *name = rf__wide_to_utf8(entry->cFileName);
    rf_status status = name == NULL ? rf__fail_memory(err) : rf__buf_printf(&removal->path, err, "/%s", name);

    rf__free(name);
    if (status != RF_OK)
        return status;
    if ((entry->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
        status = rf__os_remove(removal->path.data, err);
    } else {
        DWORD code = remove_directory(removal->path.data);
        if (code == ERROR_DIR_NOT_EMPTY && (entry->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0)
            return enter(removal, err);
        if (code != 0)
            status = rf__os_fail(err, removal->path.data, "removed", code);
    }
    cut(&removal->path, len);
    return status;
}

/* One step: the next entry of the innermost folder, or out of it at its end. */
static rf_status step(struct removal *removal, rf_error *err)
{
    struct search *search = &removal->levels[removal->depth - 1];
    const WIN32_FIND_DATAW *entry = search_next(search);
    DWORD code;

    if (entry != NULL)
        return remove_entry(removal, entry, err);
    FindClose(search->handle);
    removal->depth--;
    code = remove_directory(removal->path.data);
    if (code != 0)
        return rf__os_fail(err, removal->path.data, "removed", code);
    if (removal->depth > 0)
        cut(&removal->path, removal->lens[removal->depth - 1]);
    return RF_OK;
}

static rf_status remove_below(const char *path, rf_error *err)
{
    struct removal *removal = rf__calloc(1, sizeof *removal);
    struct search *levels = rf__calloc(MAX_DEPTH, sizeof *levels);
    rf_status status;

    if (removal == NULL || levels == NULL) {
        rf__free(removal);
        rf__free(levels);
        return rf__fail_memory(err);
    }
    removal->levels = levels;
    rf__buf_init(&removal->path, MAX_PATH_BYTES);
    status = rf__buf_append_str(&removal->path, path, err);
    while (status == RF_OK && removal->path.len > 1 && is_separator(removal->path.data[removal->path.len - 1]))
        cut(&removal->path, removal->path.len - 1);
    if (status == RF_OK)
        status = enter(removal, err);
    while (status == RF_OK && removal->depth > 0)
        status = step(removal, err);
    while (removal->depth > 0)
        FindClose(levels[--removal->depth].handle);
    rf__buf_release(&removal->path);
    rf__free(removal);
    rf__free(levels);
    return status;
}

rf_status rf__os_remove_tree(const char *path, rf_error *err)
{
    struct wide wide;
    DWORD attributes, code;

    if (!rf__wide_init(&wide, path))
        return rf__fail_memory(err);
    attributes = GetFileAttributesW(wide.text);
    rf__wide_release(&wide);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return RF_OK;
    if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
        return rf__os_remove(path, err);
    code = remove_directory(path);
    if (code == ERROR_DIR_NOT_EMPTY && (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0)
        return remove_below(path, err);
    return code == 0 ? RF_OK : rf__os_fail(err, path, "removed", code);
}
