/* repo: see repo.h. */
#include "hub/repo.h"

#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

#define TREE_FORMAT      1 /* of trees/COMMIT.json */
#define MAX_FOLDER_FILES 4096
#define MAX_FOLDERS      256
#define FOLDER_LEVELS    3 /* the folder itself, the folders in it, and those in them */

/* ---- Building ------------------------------------------------------------------------------------------------- */

/* Adds a file; one whose path is not safe is left out: nothing of ours is called like that. The new entry is *out, or
 * NULL then. */
static rf_status add_file(struct repo *repo, const char *path, struct repo_file **out, rf_error *err)
{
    struct repo_file *file;

    *out = NULL;
    if (!rf__source_is_safe_path(path))
        return RF_OK;
    if (repo->n == repo->cap) {
        size_t cap = repo->cap == 0 ? 32 : repo->cap * 2;
        struct repo_file *files = repo->n >= REPO_MAX_FILES ? NULL : rf__realloc(repo->files, cap * sizeof *files);
        if (files == NULL)
            return repo->n >= REPO_MAX_FILES
                       ? rf__fail(err, RF_BAD_FORMAT, "more than %d files are listed", REPO_MAX_FILES)
                       : rf__fail_memory(err);
        repo->files = files;
        repo->cap = cap;
    }
    file = &repo->files[repo->n];
    *file = (struct repo_file){.path = rf__strdup(path), .size = REPO_UNKNOWN_SIZE};
    if (file->path == NULL)
        return rf__fail_memory(err);
    repo->n++;
    *out = file;
    return RF_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct repo_file *)a)->path, ((const struct repo_file *)b)->path);
}

/* Sorts, and of files with the same path keeps one. */
static void finish(struct repo *repo)
{
    size_t kept = 0;

    if (repo->n == 0)
        return;
    qsort(repo->files, repo->n, sizeof *repo->files, by_path);
    for (size_t i = 1; i < repo->n; i++) {
        if (strcmp(repo->files[kept].path, repo->files[i].path) == 0)
            rf__free(repo->files[i].path);
        else
            repo->files[++kept] = repo->files[i];
    }
    repo->n = kept + 1;
}

void rf__repo_release(struct repo *repo)
{
    for (size_t i = 0; i < repo->n; i++)
        rf__free(repo->files[i].path);
    rf__free(repo->files);
    *repo = (struct repo){0};
}

struct repo_file *rf__repo_find(const struct repo *repo, const char *path)
{
    struct repo_file key = {.path = (char *)(uintptr_t)path}; /* only compared */

    return repo->n == 0 ? NULL : bsearch(&key, repo->files, repo->n, sizeof *repo->files, by_path);
}

bool rf__repo_is_etag(const char *etag)
{
    size_t len = strlen(etag);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return len > 0 && len <= REPO_MAX_ETAG && etag[0] != '.' && strspn(etag, allowed) == len;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------- */

static void set_hex(char *out, const char *hex, size_t len)
{
    if (hex != NULL && rf__source_is_hex(hex, len))
        memcpy(out, hex, len + 1);
}

/* Size and names of one file. Both forms say the same with other keys: sha256 and size of an LFS file in an object of
 * their own, or beside the others. What is missing or odd stays unknown; the headers of the file will say it. */
static rf_status read_file(const struct json *json, yyjson_val *entry, bool is_tree, struct repo_file *file,
                           rf_error *err)
{
    yyjson_val *lfs = NULL;
    const char *blob_id, *sha256 = NULL;
    uint64_t size, lfs_size = REPO_UNKNOWN_SIZE;
    rf_status status = rf__json_get_u64(json, entry, "size", REPO_UNKNOWN_SIZE, REPO_UNKNOWN_SIZE, &size, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, entry, is_tree ? "blob_id" : "blobId", NULL, &blob_id, err);
    if (status == RF_OK && !is_tree)
        status = rf__json_get_object(json, entry, "lfs", &lfs, err);
    if (status == RF_OK)
        status = rf__json_get_str(json, is_tree ? entry : lfs, is_tree ? "lfs_sha256" : "sha256", NULL, &sha256, err);
    if (status == RF_OK)
        status = rf__json_get_u64(json, is_tree ? entry : lfs, is_tree ? "lfs_size" : "size", size, REPO_UNKNOWN_SIZE,
                                  &lfs_size, err);
    if (status != RF_OK)
        return status;
    file->size = sha256 != NULL ? lfs_size : size;
    set_hex(file->git_sha1, blob_id, SOURCE_COMMIT_LEN);
    if (sha256 != NULL)
        set_hex(file->etag, sha256, SOURCE_SHA256_LEN);
    else
        memcpy(file->etag, file->git_sha1, sizeof file->git_sha1);
    return RF_OK;
}

static rf_status read_siblings(const struct json *json, yyjson_val *siblings, struct repo *repo, rf_error *err)
{
    yyjson_arr_iter each = yyjson_arr_iter_with(siblings);
    yyjson_val *entry;

    while ((entry = yyjson_arr_iter_next(&each)) != NULL) {
        const char *path;
        struct repo_file *file;
        rf_status status;
        if (!yyjson_is_obj(entry))
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'siblings' holds %s, expected objects", json->name,
                            rf__json_type_name(entry));
        status = rf__json_get_str(json, entry, "rfilename", "", &path, err);
        if (status == RF_OK)
            status = add_file(repo, path, &file, err);
        if (status == RF_OK && file != NULL)
            status = read_file(json, entry, false, file, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

rf_status rf__repo_read_api(const char *text, size_t len, const char *name, struct repo *out, rf_error *err)
{
    struct json json;
    yyjson_val *siblings;
    const char *sha;
    rf_status status = rf__json_parse(&json, text, len, name, err);

    *out = (struct repo){0};
    if (status != RF_OK)
        return status;
    if (!yyjson_is_obj(json.root))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", name, rf__json_type_name(json.root));
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "sha", "", &sha, err);
    if (status == RF_OK && !rf__source_is_hex(sha, SOURCE_COMMIT_LEN))
        status =
            rf__fail(err, RF_BAD_FORMAT, "%s: 'sha' is '%.64s', expected a commit of 40 hexadecimal digits", name, sha);
    if (status == RF_OK) {
        memcpy(out->commit, sha, sizeof out->commit);
        status = rf__json_get_array(&json, json.root, "siblings", &siblings, err);
    }
    if (status == RF_OK)
        status = read_siblings(&json, siblings, out, err);
    rf__json_release(&json);
    if (status != RF_OK)
        rf__repo_release(out);
    else
        finish(out);
    return status;
}

rf_status rf__repo_read_tree(const char *text, size_t len, const char *name, const char *commit, struct repo *out,
                             rf_error *err)
{
    struct json json;
    yyjson_val *files = NULL, *key;
    uint64_t format = 0;
    rf_status status = rf__json_parse(&json, text, len, name, err);

    *out = (struct repo){0};
    if (status != RF_OK)
        return status;
    if (!yyjson_is_obj(json.root))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", name, rf__json_type_name(json.root));
    if (status == RF_OK)
        status = rf__json_get_u64(&json, json.root, "format_version", 0, UINT64_MAX, &format, err);
    if (status == RF_OK && format != TREE_FORMAT)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: has format %llu, expected %d", name, (unsigned long long)format,
                          TREE_FORMAT);
    if (status == RF_OK)
        status = rf__json_get_object(&json, json.root, "files", &files, err);
    yyjson_obj_iter each = yyjson_obj_iter_with(files);
    while (status == RF_OK && (key = yyjson_obj_iter_next(&each)) != NULL) {
        struct repo_file *file;
        status = add_file(out, yyjson_get_str(key), &file, err);
        if (status == RF_OK && file != NULL && yyjson_is_obj(yyjson_obj_iter_get_val(key)))
            status = read_file(&json, yyjson_obj_iter_get_val(key), true, file, err);
    }
    rf__json_release(&json);
    if (status != RF_OK) {
        rf__repo_release(out);
        return status;
    }
    memcpy(out->commit, commit, sizeof out->commit);
    finish(out);
    return RF_OK;
}

bool rf__repo_is_known(const struct repo *repo)
{
    for (size_t i = 0; i < repo->n; i++) {
        const struct repo_file *file = &repo->files[i];
        bool has_hash = file->git_sha1[0] != '\0' &&
                        (rf__source_is_hex(file->etag, SOURCE_SHA256_LEN) || strcmp(file->etag, file->git_sha1) == 0);
        if (!has_hash || file->size == REPO_UNKNOWN_SIZE)
            return false;
    }
    return true;
}

static rf_status write_file(const struct repo_file *file, struct buf *out, rf_error *err)
{
    rf_status status = rf__buf_append_json(out, file->path, strlen(file->path), err);

    if (status == RF_OK)
        status = rf__buf_printf(out, err, ": {\"size\": %llu, \"blob_id\": \"%s\"", (unsigned long long)file->size,
                                file->git_sha1);
    if (status == RF_OK && rf__source_is_hex(file->etag, SOURCE_SHA256_LEN))
        status = rf__buf_printf(out, err, ", \"lfs_sha256\": \"%s\", \"lfs_size\": %llu", file->etag,
                                (unsigned long long)file->size);
    return status == RF_OK ? rf__buf_append_str(out, "}", err) : status;
}

rf_status rf__repo_write_tree(const struct repo *repo, struct buf *out, rf_error *err)
{
    rf_status status = rf__buf_printf(out, err, "{\n \"format_version\": %d,\n \"files\": {", TREE_FORMAT);

    for (size_t i = 0; i < repo->n && status == RF_OK; i++) {
        status = rf__buf_append_str(out, i == 0 ? "\n  " : ",\n  ", err);
        if (status == RF_OK)
            status = write_file(&repo->files[i], out, err);
    }
    return status == RF_OK ? rf__buf_append_str(out, "\n }\n}\n", err) : status;
}

/* ---- Folders -------------------------------------------------------------------------------------------------- */

/* Adds what lies in the folder at `path`, which is `prefix` below the first, and is of that kind. Folders below are
 * left to the caller: their prefixes go to `below`. */
static rf_status read_level(const char *path, const char *prefix, enum os_kind kind, struct repo *repo, char ***below,
                            size_t *n_below, rf_error *err)
{
    char **names = NULL, **longer;
    size_t n = 0;
    rf_status status = rf__os_list_directory(path, &names, &n, err);

    for (size_t i = 0; i < n && status == RF_OK && repo->n < MAX_FOLDER_FILES; i++) {
        char *relative = names[i][0] == '.' ? NULL : rf__format("%s%s", prefix, names[i]);
        char *full = relative == NULL ? NULL : rf__path_join(path, names[i]);
        struct os_stat stat = {.kind = OS_OTHER};
        struct repo_file *file;
        if (names[i][0] == '.')
            continue;
        if (full == NULL)
            status = rf__fail_memory(err);
        else
            stat = rf__os_stat(full);
        if (status == RF_OK && stat.kind == kind) {
            status = add_file(repo, relative, &file, err);
            if (status == RF_OK && file != NULL && kind == OS_FILE)
                file->size = stat.size;
        } else if (stat.kind == OS_DIRECTORY && *n_below < MAX_FOLDERS) {
            longer = rf__realloc(*below, (*n_below + 1) * sizeof *longer);
            if (longer == NULL) {
                status = rf__fail_memory(err);
            } else {
                *below = longer;
                longer[(*n_below)++] = relative;
                relative = NULL;
            }
        }
        rf__free(relative);
        rf__free(full);
    }
    rf__free(names);
    return status;
}

static rf_status read_folder(const char *path, enum os_kind kind, struct repo *out, rf_error *err)
{
    char **folders = NULL; /* prefixes without the slash, found so far; read in order */
    size_t n = 0, end_of_level = 0;
    int level = 1;
    rf_error inner;
    rf_status status;

    *out = (struct repo){0};
    status = read_level(path, "", kind, out, &folders, &n, err);
    end_of_level = n;
    for (size_t i = 0; i < n && status == RF_OK && level < FOLDER_LEVELS; i++) {
        char *full = rf__path_join(path, folders[i]), *prefix = rf__format("%s/", folders[i]);
        if (full == NULL || prefix == NULL)
            status = rf__fail_memory(err);
        else
            status = read_level(full, prefix, kind, out, &folders, &n, &inner);
        /* One that may not be read holds nothing of ours. */
        if (status == RF_IO || status == RF_NOT_FOUND)
            status = RF_OK;
        else if (status != RF_OK)
            rf__fail_memory(err);
        rf__free(full);
        rf__free(prefix);
        if (i + 1 == end_of_level) {
            end_of_level = n;
            level++;
        }
    }
    for (size_t i = 0; i < n; i++)
        rf__free(folders[i]);
    rf__free(folders);
    if (status != RF_OK)
        rf__repo_release(out);
    else
        finish(out);
    return status;
}

rf_status rf__repo_read_folder(const char *path, struct repo *out, rf_error *err)
{
    return read_folder(path, OS_FILE, out, err);
}

rf_status rf__repo_read_broken(const char *path, struct repo *out, rf_error *err)
{
    return read_folder(path, OS_NOTHING, out, err);
}

rf_status rf__repo_describe(const struct repo *repo, bool (*wanted)(const char *path), size_t most, struct buf *out,
                            rf_error *err)
{
    size_t found = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < repo->n && status == RF_OK; i++) {
        if (!wanted(repo->files[i].path))
            continue;
        if (found < most)
            status = rf__buf_printf(out, err, "%s%s", found == 0 ? "" : ", ", repo->files[i].path);
        found++;
    }
    if (status == RF_OK && found > most)
        status = rf__buf_printf(out, err, " and %zu more", found - most);
    if (status == RF_OK && found == 0)
        status = rf__buf_append_str(out, "nothing", err);
    return status;
}
