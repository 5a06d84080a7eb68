/* cache_list: what lies in the caches; see rf_cache_list(). */
#include "hub/hub.h"

#include "base/buf.h"
#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/hub_env.h"
#include "hub/snapshot.h"
#include "os/os.h"

#include <string.h>

#define MAX_REFS      1000 /* of one model */
#define MAX_REF_DEPTH 4    /* refs/refs/pr/1 */

struct listing {
    rf_cached_model_fn fn;
    void *user;
    bool stopped;
};

/* One model in one cache. */
struct entry {
    struct listing *listing;
    const char *cache;
    char *name, *folder;
    char **refs; /* names of branches and tags, with the commit that each points to */
    char (*commits)[SOURCE_COMMIT_LEN + 1];
    size_t n_refs;
};

static void release_entry(struct entry *entry)
{
    for (size_t i = 0; i < entry->n_refs; i++)
        rf__free(entry->refs[i]);
    rf__free(entry->refs);
    rf__free(entry->commits);
    rf__free(entry->name);
    rf__free(entry->folder);
}

/* The names in a folder; none when it cannot be listed. */
static rf_status list_quietly(const char *path, char ***out, size_t *n, rf_error *err)
{
    rf_status status;

    *out = NULL;
    *n = 0;
    if (!rf__os_is_directory(path))
        return RF_OK;
    status = rf__os_list_directory(path, out, n, NULL);
    return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
}

/* ---- Refs ----------------------------------------------------------------------------------------------------- */

static rf_status add_ref(struct entry *entry, const char *ref, rf_error *err)
{
    char commit[SOURCE_COMMIT_LEN + 1], *name;
    rf_status status = rf__cache_read_ref(entry->folder, ref, commit, err);

    if (status != RF_OK || commit[0] == '\0')
        return status;
    name = rf__strdup(ref);
    if (name == NULL)
        return rf__fail_memory(err);
    memcpy(entry->commits[entry->n_refs], commit, sizeof commit);
    entry->refs[entry->n_refs++] = name;
    return RF_OK;
}

/* Reads the refs below `prefix` ("" or "refs/pr"). */
static rf_status read_refs(struct entry *entry, const char *prefix, int depth, rf_error *err)
{
    char *path = rf__format("%s/refs/%s", entry->folder, prefix), **names = NULL;
    size_t n = 0;
    rf_status status = path == NULL ? rf__fail_memory(err) : list_quietly(path, &names, &n, err);

    for (size_t i = 0; i < n && status == RF_OK && entry->n_refs < MAX_REFS; i++) {
        char *ref = rf__format("%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", names[i]);
        char *full = ref == NULL ? NULL : rf__format("%s/refs/%s", entry->folder, ref);
        if (full == NULL)
            status = rf__fail_memory(err);
        else if (!rf__os_is_directory(full))
            status = add_ref(entry, ref, err);
        else if (depth < MAX_REF_DEPTH)
            status = read_refs(entry, ref, depth + 1, err);
        rf__free(full);
        rf__free(ref);
    }
    rf__free(names);
    rf__free(path);
    return status;
}

/* The refs that point to a commit, separated by ", ". */
static rf_status refs_of(const struct entry *entry, const char *commit, struct buf *out, rf_error *err)
{
    rf_status status = rf__buf_append_str(out, "", err);
    for (size_t i = 0; i < entry->n_refs && status == RF_OK; i++) {
        if (strcmp(entry->commits[i], commit) != 0)
            continue;
        status = rf__buf_printf(out, err, "%s%s", out->len == 0 ? "" : ", ", entry->refs[i]);
    }
    return status;
}

/* ---- Sizes ---------------------------------------------------------------------------------------------------- */

/* Bytes of the files in a folder, to the levels that rf__repo_read_folder() looks, and when one was last read (may be
 * NULL). */
static rf_status folder_bytes(const char *path, uint64_t *out, int64_t *last_used, rf_error *err)
{
    struct repo files = {0};
    uint64_t bytes = 0;
    rf_status status = rf__repo_read_folder(path, &files, NULL);

    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    for (size_t i = 0; i < files.n; i++) {
        char *file = last_used == NULL ? NULL : rf__path_join(path, files.files[i].path);
        int64_t used = file == NULL ? 0 : rf__os_stat(file).atime_s;
        if (files.files[i].size != REPO_UNKNOWN_SIZE)
            bytes += files.files[i].size;
        if (last_used != NULL && used > *last_used)
            *last_used = used;
        rf__free(file);
    }
    rf__repo_release(&files);
    *out = bytes;
    return RF_OK;
}

/* ---- Models --------------------------------------------------------------------------------------------------- */

static rf_status tell_snapshot(const struct entry *entry, const char *commit, rf_error *err)
{
    struct snapshot_wish wish = {.onnx_file = NULL};
    struct snapshot snapshot = {0};
    struct buf refs;
    uint64_t bytes = 0;
    int64_t last_used = 0;
    rf_status status;

    rf__buf_init(&refs, (size_t)1 << 20);
    status = refs_of(entry, commit, &refs, err);
    if (status == RF_OK)
        status = rf__snapshot_inspect(entry->folder, commit, &wish, &snapshot, err);
    if (status == RF_OK && snapshot.directory != NULL)
        status = folder_bytes(snapshot.directory, &bytes, &last_used, err);
    if (status == RF_OK && snapshot.directory != NULL) {
        rf_cached_model model = {
            .name = entry->name,
            .revision = commit,
            .refs = refs.data,
            .directory = snapshot.directory,
            .cache_dir = entry->cache,
            .bytes = bytes,
            .complete = snapshot.state >= SNAPSHOT_PROBABLE,
            .last_used = last_used,
        };
        entry->listing->stopped = !entry->listing->fn(entry->listing->user, &model);
    }
    rf__snapshot_release(&snapshot);
    rf__buf_release(&refs);
    return status;
}

/* A download that stopped before its first file was whole. */
static rf_status tell_fragment(const struct entry *entry, rf_error *err)
{
    char *blobs = rf__path_join(entry->folder, "blobs");
    rf_cached_model model = {
        .name = entry->name,
        .revision = "",
        .refs = "",
        .directory = entry->folder,
        .cache_dir = entry->cache,
    };

    rf_status status = blobs == NULL ? rf__fail_memory(err) : folder_bytes(blobs, &model.bytes, NULL, err);

    if (status == RF_OK)
        entry->listing->stopped = !entry->listing->fn(entry->listing->user, &model);
    rf__free(blobs);
    return status;
}

static rf_status tell_model(struct entry *entry, rf_error *err)
{
    char *snapshots = rf__path_join(entry->folder, "snapshots"), **commits = NULL;
    size_t n = 0, told = 0;
    rf_status status = snapshots == NULL ? rf__fail_memory(err) : list_quietly(snapshots, &commits, &n, err);

    for (size_t i = 0; i < n && status == RF_OK && !entry->listing->stopped; i++) {
        if (!rf__source_is_hex(commits[i], SOURCE_COMMIT_LEN))
            continue;
        told++;
        status = tell_snapshot(entry, commits[i], err);
    }
    if (status == RF_OK && told == 0)
        status = tell_fragment(entry, err);
    rf__free(commits);
    rf__free(snapshots);
    return status;
}

static rf_status list_model(struct listing *listing, const char *cache, const char *folder, rf_error *err)
{
    struct entry entry = {.listing = listing, .cache = cache};
    rf_status status = rf__cache_name_of_folder(folder, &entry.name, err);

    if (status != RF_OK || entry.name == NULL)
        return status;
    entry.folder = rf__path_join(cache, folder);
    entry.refs = rf__alloc_array(MAX_REFS, sizeof *entry.refs);
    entry.commits = rf__alloc_array(MAX_REFS, sizeof *entry.commits);
    if (entry.folder == NULL || entry.refs == NULL || entry.commits == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK && rf__os_is_directory(entry.folder))
        status = read_refs(&entry, "", 1, err);
    if (status == RF_OK && rf__os_is_directory(entry.folder))
        status = tell_model(&entry, err);
    release_entry(&entry);
    return status;
}

static rf_status list_cache(struct listing *listing, const char *cache, rf_error *err)
{
    char **folders = NULL;
    size_t n = 0;
    rf_status status = list_quietly(cache, &folders, &n, err);

    for (size_t i = 0; i < n && status == RF_OK && !listing->stopped; i++)
        status = list_model(listing, cache, folders[i], err);
    rf__free(folders);
    return status;
}

/* Whether an earlier cache is the same folder under another name. */
static bool is_listed(char *const *real, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (real[i] != NULL && real[n] != NULL && strcmp(real[i], real[n]) == 0)
            return true;
    }
    return false;
}

rf_status rf__hub_list(const char *cache_dir, rf_cached_model_fn fn, void *user, rf_error *err)
{
    struct listing listing = {fn, user, false};
    struct hub_caches caches;
    char *real[HUB_MAX_CACHES] = {NULL};
    rf_status status = rf__hub_caches_find(cache_dir, &caches, err);

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < caches.n && status == RF_OK && !listing.stopped; i++) {
        real[i] = rf__os_real_path(caches.dirs[i]);
        if (!is_listed(real, i))
            status = list_cache(&listing, caches.dirs[i], err);
    }
    for (size_t i = 0; i < HUB_MAX_CACHES; i++)
        rf__free(real[i]);
    rf__hub_caches_release(&caches);
    return status;
}
