/* blob_cache: see blob_cache.h. The layout is huggingface_hub's ("Understand caching" in its documentation). */
#include "hub/blob_cache.h"

#include "base/mem.h"
#include "hash/hash.h"
#include "os/os.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PREFIX  "models--"
#define MAX_REF 256 /* bytes of a ref's file */

/* ---- Paths ---------------------------------------------------------------------------------------------------- */

char *rf__cache_folder_name(const char *name)
{
    const char *slash = strchr(name, '/');

    if (slash == NULL)
        return rf__format(PREFIX "%s", name);
    return rf__format(PREFIX "%.*s--%s", (int)(slash - name), name, slash + 1);
}

rf_status rf__cache_name_of_folder(const char *folder, char **out, rf_error *err)
{
    const char *name = folder + strlen(PREFIX), *gap;

    *out = NULL;
    if (strncmp(folder, PREFIX, strlen(PREFIX)) != 0 || name[0] == '\0')
        return RF_OK;
    gap = strstr(name, "--");
    *out = gap == NULL ? rf__strdup(name) : rf__format("%.*s/%s", (int)(gap - name), name, gap + 2);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

char *rf__cache_model_folder(const char *cache, const char *name)
{
    char *folder = rf__cache_folder_name(name);
    char *path = folder == NULL ? NULL : rf__path_join(cache, folder);

    rf__free(folder);
    return path;
}

char *rf__cache_snapshot(const char *model_folder, const char *commit)
{
    return rf__format("%s/snapshots/%s", model_folder, commit);
}

char *rf__cache_derived(const char *model_folder)
{
    return rf__path_join(model_folder, ".rag_factory");
}

/* ---- Refs and trees ------------------------------------------------------------------------------------------- */

rf_status rf__cache_read_ref(const char *model_folder, const char *revision, char commit[SOURCE_COMMIT_LEN + 1],
                             rf_error *err)
{
    char *path;
    struct buf text;
    rf_status status = RF_OK;

    commit[0] = '\0';
    if (rf__source_is_hex(revision, SOURCE_COMMIT_LEN)) {
        memcpy(commit, revision, SOURCE_COMMIT_LEN + 1);
        return RF_OK;
    }
    path = rf__format("%s/refs/%s", model_folder, revision);
    if (path == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&text, MAX_REF);
    if (rf__os_is_file(path))
        status = rf__os_read_file(path, &text, NULL);
    if (status == RF_OK && text.data != NULL) {
        text.len = strcspn(text.data, "\r\n ");
        text.data[text.len] = '\0';
        if (rf__source_is_hex(text.data, SOURCE_COMMIT_LEN))
            memcpy(commit, text.data, SOURCE_COMMIT_LEN + 1);
    }
    rf__buf_release(&text);
    rf__free(path);
    /* One that cannot be read is none. */
    return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
}

/* Writes a small file that appears whole, with the folders on the way. */
static rf_status write_whole(const char *path, const void *data, size_t len, rf_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder;
    rf_status status;

    assert(slash != NULL);
    folder = rf__strndup(path, (size_t)(slash - path));
    if (folder == NULL)
        return rf__fail_memory(err);
    status = rf__os_make_directories(folder, err);
    rf__free(folder);
    return status == RF_OK ? rf__os_write_file(path, data, len, err) : status;
}

rf_status rf__cache_write_ref(const char *model_folder, const char *revision, const char *commit, rf_error *err)
{
    char there[SOURCE_COMMIT_LEN + 1], *path;
    rf_status status;

    status = rf__cache_read_ref(model_folder, revision, there, err);
    if (status != RF_OK || strcmp(there, commit) == 0)
        return status;
    path = rf__format("%s/refs/%s", model_folder, revision);
    if (path == NULL)
        return rf__fail_memory(err);
    status = write_whole(path, commit, strlen(commit), err);
    rf__free(path);
    return status;
}

static char *tree_path(const char *model_folder, const char *commit)
{
    return rf__format("%s/trees/%s.json", model_folder, commit);
}

rf_status rf__cache_read_tree(const char *model_folder, const char *commit, struct repo *out, rf_error *err)
{
    char *path = tree_path(model_folder, commit);
    struct buf text;
    rf_status status;

    *out = (struct repo){0};
    if (path == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&text, REPO_MAX_JSON);
    status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__repo_read_tree(text.data != NULL ? text.data : "", text.len, path, commit, out, err);
    if (status != RF_OK && status != RF_NO_MEMORY)
        status = RF_NOT_FOUND;
    rf__buf_release(&text);
    rf__free(path);
    return status;
}

rf_status rf__cache_write_tree(const char *model_folder, const struct repo *repo, rf_error *err)
{
    char *path;
    struct buf text;
    rf_status status;

    if (!rf__repo_is_known(repo))
        return RF_OK;
    path = tree_path(model_folder, repo->commit);
    if (path == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&text, REPO_MAX_JSON);
    status = rf__os_is_file(path) ? RF_OK : rf__repo_write_tree(repo, &text, err);
    if (status == RF_OK && text.len > 0)
        status = write_whole(path, text.data, text.len, err);
    rf__buf_release(&text);
    rf__free(path);
    return status;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

static struct os_stat look_at(struct cache_view *view, const char *folder, const char *path)
{
    char *full = rf__format("%s/%s/%s/%s", view->model_folder, folder, view->commit, path);
    struct os_stat stat = {.kind = OS_NOTHING};

    if (full == NULL)
        view->out_of_memory = true;
    else
        stat = rf__os_stat(full);
    rf__free(full);
    return stat;
}

bool rf__cache_has_file(void *view, const struct repo_file *file)
{
    struct os_stat stat = look_at(view, "snapshots", file->path);

    return stat.kind == OS_FILE && (file->size == REPO_UNKNOWN_SIZE || stat.size == file->size);
}

bool rf__cache_is_absent(struct cache_view *view, const char *path)
{
    return look_at(view, ".no_exist", path).kind == OS_FILE;
}

/* "../../" for each folder of the snapshot above the file, then "blobs/ETAG". */
static rf_status link_target(const char *path, const char *etag, struct buf *out, rf_error *err)
{
    rf_status status = rf__buf_append_str(out, "../../", err);

    for (const char *slash = strchr(path, '/'); slash != NULL && status == RF_OK; slash = strchr(slash + 1, '/'))
        status = rf__buf_append_str(out, "../", err);
    return status == RF_OK ? rf__buf_printf(out, err, "blobs/%s", etag) : status;
}

rf_status rf__cache_link(const char *model_folder, const char *commit, const char *path, const char *etag, bool is_new,
                         rf_error *err)
{
    char *link = rf__format("%s/snapshots/%s/%s", model_folder, commit, path), *folder = NULL;
    struct buf target;
    rf_status status;

    rf__buf_init(&target, SOURCE_MAX_PATH * 4);
    status = link == NULL ? rf__fail_memory(err) : link_target(path, etag, &target, err);
    if (status == RF_OK) {
        folder = rf__strndup(link, (size_t)(strrchr(link, '/') - link));
        status = folder == NULL ? rf__fail_memory(err) : rf__os_make_directories(folder, err);
    }
    if (status == RF_OK)
        status = rf__os_link(target.data, link, is_new, err);
    rf__buf_release(&target);
    rf__free(folder);
    rf__free(link);
    return status;
}

/* ---- Hashes --------------------------------------------------------------------------------------------------- */

/* git's hash begins with the size. */
static rf_status hash_file(const char *path, bool is_git, uint64_t size, char hex[2 * SHA256_BYTES + 1], rf_error *err)
{
    struct hash *hash = rf__hash_new(is_git ? HASH_SHA1 : HASH_SHA256);
    char head[32];
    size_t head_len = (size_t)snprintf(head, sizeof head, "blob %llu", (unsigned long long)size) + 1; /* with its NUL */
    uint8_t bytes[SHA256_BYTES];
    uint64_t n_bytes = 0;
    rf_status status = hash == NULL || (is_git && !rf__hash_add(hash, head, head_len)) ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = rf__hash_add_file(hash, path, &n_bytes, err);
    if (status == RF_OK && n_bytes != size)
        status = rf__fail(err, RF_BAD_FORMAT, "changed while it was read");
    if (status == RF_OK && !rf__hash_finish(hash, bytes))
        status = rf__fail_memory(err);
    if (status == RF_OK)
        rf__hash_hex(bytes, is_git ? SHA1_BYTES : SHA256_BYTES, hex);
    rf__hash_free(hash);
    return status;
}

rf_status rf__cache_verify(const char *path, const char *etag, uint64_t size, rf_error *err)
{
    bool is_git = rf__source_is_hex(etag, SOURCE_COMMIT_LEN);
    struct os_stat stat = rf__os_stat(path);
    char hex[2 * SHA256_BYTES + 1] = "";
    rf_status status;

    if (stat.kind != OS_FILE)
        return rf__fail(err, RF_IO, "%s: is no file", path);
    if (size != REPO_UNKNOWN_SIZE && stat.size != size)
        return rf__fail(err, RF_BAD_FORMAT, "has %llu bytes, expected %llu", (unsigned long long)stat.size,
                        (unsigned long long)size);
    if (!is_git && !rf__source_is_hex(etag, SOURCE_SHA256_LEN))
        return RF_OK;
    status = hash_file(path, is_git, stat.size, hex, err);
    if (status == RF_OK && strcmp(hex, etag) != 0)
        status = rf__fail(err, RF_BAD_FORMAT, "has the %s %s, expected %s", is_git ? "git hash" : "sha256", hex, etag);
    return status;
}
