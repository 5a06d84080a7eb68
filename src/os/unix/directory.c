/* directory: folders; see os/os.h. */
#include "base/mem.h"
#include "os/fail.h"
#include "os/names.h"
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NAMES_BYTES ((size_t)256 << 20) /* of the names in one folder */
#define MAX_DEPTH       128                 /* of folders in folders that are removed; each costs a descriptor */

/* mkdir of one folder; fine when it is there. */
static rf_status make_one(const char *path, rf_error *err)
{
    int code;

    if (mkdir(path, 0777) == 0)
        return RF_OK;
    code = errno;
    if (rf__os_is_directory(path))
        return RF_OK;
    if (code == EEXIST)
        return rf__fail(err, RF_IO,
                        "%s: cannot be made: something that is no folder is there: remove it or choose "
                        "another path",
                        path);
    return rf__os_fail(err, path, "made", (unsigned long)code);
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
        if (*at != '/' || at == copy || at[-1] == '/')
            continue;
        *at = '\0';
        status = make_one(copy, err);
        *at = '/';
    }
    if (status == RF_OK)
        status = make_one(path, err);
    rf__free(copy);
    return status;
}

bool rf__os_is_writable(const char *path)
{
    return rf__os_is_directory(path) && faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* The next name that is not "." or ".."; NULL at the end, or with errno set. */
static const char *next_name(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry != NULL && is_dots(entry->d_name));
    return entry == NULL ? NULL : entry->d_name;
}

rf_status rf__os_list_directory(const char *path, char ***out, size_t *n, rf_error *err)
{
    struct buf names;
    const char *name;
    rf_status status = RF_OK;
    size_t count = 0;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return rf__os_fail_reading(err, path, "listed", (unsigned long)errno);
    rf__buf_init(&names, MAX_NAMES_BYTES);
    while (status == RF_OK && (name = next_name(dir)) != NULL) {
        status = rf__buf_append(&names, name, strlen(name) + 1, err);
        count++;
    }
    if (status == RF_OK && errno != 0)
        status = rf__os_fail(err, path, "listed", (unsigned long)errno);
    if (status == RF_OK) {
        char **sorted = rf__names_sorted(&names, count);
        if (sorted == NULL) {
            status = rf__fail_memory(err);
        } else {
            *out = sorted;
            *n = count;
        }
    }
    rf__buf_release(&names);
    closedir(dir);
    return status;
}

/*
 * Removing a tree: a stack of open folders. An entry that is no folder is unlinked, an empty folder removed, any other
 * opened and put on the stack; once empty it is left, and the folder above is read again from its start, where it now
 * counts as empty. Folders are opened relative to the one above and never through a link, so that no link put there
 * meanwhile can lead elsewhere.
 */
struct removal {
    const char *path; /* of the tree */
    DIR *levels[MAX_DEPTH];
    size_t depth;
};

static rf_status fail_entry(const struct removal *removal, const char *name, int code, rf_error *err)
{
    char *inside = rf__format("%s/%s", removal->path, name); /* names the folders between as little as it can */
    rf_status status = rf__os_fail(err, inside != NULL ? inside : removal->path, "removed", (unsigned long)code);

    rf__free(inside);
    return status;
}

static rf_status enter(struct removal *removal, int above, const char *name, rf_error *err)
{
    int folder = -1;
    DIR *dir = NULL;

    if (removal->depth == MAX_DEPTH)
        return rf__fail(err, RF_IO, "%s: cannot be removed: its folders are nested deeper than %d: remove it by hand",
                        removal->path, MAX_DEPTH);
    folder = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        dir = fdopendir(folder);
    if (dir == NULL) {
        rf_status status = fail_entry(removal, name, errno, err);
        if (folder >= 0)
            close(folder);
        return status;
    }
    removal->levels[removal->depth++] = dir;
    return RF_OK;
}

static rf_status remove_entry(struct removal *removal, int folder, const char *name, rf_error *err)
{
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? RF_OK : fail_entry(removal, name, errno, err);
    if (unlinkat(folder, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) == 0 || errno == ENOENT)
        return RF_OK;
    if (S_ISDIR(st.st_mode) && (errno == ENOTEMPTY || errno == EEXIST))
        return enter(removal, folder, name, err);
    return fail_entry(removal, name, errno, err);
}

/* One step: the next entry of the innermost folder, or out of it at its end. */
static rf_status step(struct removal *removal, rf_error *err)
{
    DIR *dir = removal->levels[removal->depth - 1];
    const char *name = next_name(dir);

    if (name != NULL)
        return remove_entry(removal, dirfd(dir), name, err);
    if (errno != 0)
        return rf__os_fail(err, removal->path, "removed", (unsigned long)errno);
    closedir(dir);
    if (--removal->depth > 0)
        rewinddir(removal->levels[removal->depth - 1]);
    return RF_OK;
}

rf_status rf__os_remove_tree(const char *path, rf_error *err)
{
    struct removal removal = {.path = path};
    struct stat st;
    rf_status status;

    if (lstat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? RF_OK : rf__os_fail(err, path, "removed", (unsigned long)errno);
    if (!S_ISDIR(st.st_mode))
        return rf__os_remove(path, err);
    if (rmdir(path) == 0)
        return RF_OK;
    removal.levels[0] = opendir(path);
    if (removal.levels[0] == NULL)
        return rf__os_fail(err, path, "removed", (unsigned long)errno);
    removal.depth = 1;
    status = RF_OK;
    while (status == RF_OK && removal.depth > 0)
        status = step(&removal, err);
    while (removal.depth > 0)
        closedir(removal.levels[--removal.depth]);
    if (status == RF_OK && rmdir(path) != 0 && errno != ENOENT)
        status = rf__os_fail(err, path, "removed", (unsigned long)errno);
    return status;
}
