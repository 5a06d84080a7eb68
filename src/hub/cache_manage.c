/* cache_manage: every blob's hash checked again, and models removed; see rf_cache_verify() and rf_cache_remove(). */
#include "hub/hub.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/hub_env.h"
#include "hub/source.h"
#include "os/os.h"

#include <string.h>

struct check {
    const char *name; /* NULL: every model */
    bool repair;
    rf_verified_fn fn;
    void *user;
    bool stopped;
    const char *model, *cache; /* under way */
};

/* ---- Walking the caches --------------------------------------------------------------------------------------- */

/* Calls `fn` for the folder of each model of that name (NULL: any) in each cache, no folder twice. */
static rf_status each_model(const char *cache_dir, const char *name,
                            rf_status (*fn)(void *user, const char *cache, const char *model, const char *folder,
                                            rf_error *err),
                            void *user, rf_error *err)
{
    struct hub_caches caches;
    rf_status status = rf__hub_caches_find(cache_dir, &caches, err);

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < caches.n && status == RF_OK && (cache_dir == NULL || i == 0); i++) {
        char **folders = NULL;
        size_t n = 0;
        if (!rf__os_is_directory(caches.dirs[i]))
            continue;
        status = rf__os_list_directory(caches.dirs[i], &folders, &n, NULL);
        status = status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK; /* what cannot be listed has no models */
        for (size_t k = 0; k < n && status == RF_OK; k++) {
            char *model = NULL, *path = rf__path_join(caches.dirs[i], folders[k]);
            status = path == NULL ? rf__fail_memory(err) : rf__cache_name_of_folder(folders[k], &model, err);
            if (status == RF_OK && model != NULL && (name == NULL || strcmp(name, model) == 0) &&
                rf__os_is_directory(path))
                status = fn(user, caches.dirs[i], model, path, err);
            rf__free(model);
            rf__free(path);
        }
        rf__free(folders);
    }
    rf__hub_caches_release(&caches);
    return status;
}

/* ---- Verifying ------------------------------------------------------------------------------------------------ */

/* Whether a file is named after its hash, which therefore can be checked. */
static bool is_hash(const char *name)
{
    return rf__source_is_hex(name, SOURCE_COMMIT_LEN) || rf__source_is_hex(name, SOURCE_SHA256_LEN);
}

/* Tells the outcome for one file; a damaged one is removed where that was asked for. */
static rf_status tell(struct check *check, const char *path, const char *etag, uint64_t size, rf_error *err)
{
    rf_error reason = {RF_OK, ""};
    rf_verified_file file = {.model = check->model, .cache_dir = check->cache, .path = path};

    file.bytes = rf__os_stat(path).size;
    file.status = rf__cache_verify(path, etag, size, &reason);
    file.message = reason.message;
    if (file.status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (file.status != RF_OK && check->repair)
        file.removed = rf__os_remove(path, NULL) == RF_OK;
    check->stopped = !check->fn(check->user, &file);
    return RF_OK;
}

static rf_status verify_blobs(struct check *check, const char *folder, rf_error *err)
{
    char *blobs = rf__path_join(folder, "blobs"), **names = NULL;
    size_t n = 0;
    rf_status status = blobs == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && rf__os_is_directory(blobs))
        status = rf__os_list_directory(blobs, &names, &n, err);
    for (size_t i = 0; i < n && status == RF_OK && !check->stopped; i++) {
        char *path = rf__path_join(blobs, names[i]);
        if (path == NULL)
            status = rf__fail_memory(err);
        else if (is_hash(names[i]))
            status = tell(check, path, names[i], REPO_UNKNOWN_SIZE, err);
        rf__free(path);
    }
    rf__free(names);
    rf__free(blobs);
    return status;
}

/* Files of a snapshot that are copies, as where the file system has no links, against the listing of the repository. */
static rf_status verify_copies(struct check *check, const char *folder, const char *commit, rf_error *err)
{
    struct repo repo = {0};
    char *blobs = rf__path_join(folder, "blobs"), *real_blobs = blobs == NULL ? NULL : rf__os_real_path(blobs);
    size_t len = real_blobs == NULL ? 0 : strlen(real_blobs);
    rf_status status = blobs == NULL ? RF_NO_MEMORY : rf__cache_read_tree(folder, commit, &repo, NULL);

    for (size_t i = 0; i < repo.n && status == RF_OK && !check->stopped; i++) {
        char *path = rf__format("%s/snapshots/%s/%s", folder, commit, repo.files[i].path);
        char *real = path == NULL ? NULL : rf__os_real_path(path);
        bool is_link = real != NULL && len > 0 && strncmp(real, real_blobs, len) == 0 && real[len] == '/';
        if (path == NULL)
            status = RF_NO_MEMORY;
        else if (real != NULL && !is_link && rf__os_is_file(path))
            status = tell(check, path, repo.files[i].etag, repo.files[i].size, err);
        rf__free(real);
        rf__free(path);
    }
    rf__repo_release(&repo);
    rf__free(real_blobs);
    rf__free(blobs);
    /* Without a listing nothing is known of them. */
    return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
}

static rf_status verify_model(void *user, const char *cache, const char *model, const char *folder, rf_error *err)
{
    struct check *check = user;
    char *snapshots = rf__path_join(folder, "snapshots"), **commits = NULL;
    size_t n = 0;
    rf_status status = snapshots == NULL ? rf__fail_memory(err) : RF_OK;

    check->model = model;
    check->cache = cache;
    if (status == RF_OK && !check->stopped)
        status = verify_blobs(check, folder, err);
    if (status == RF_OK && rf__os_is_directory(snapshots))
        status = rf__os_list_directory(snapshots, &commits, &n, err);
    for (size_t i = 0; i < n && status == RF_OK && !check->stopped; i++)
        if (rf__source_is_hex(commits[i], SOURCE_COMMIT_LEN))
            status = verify_copies(check, folder, commits[i], err);
    rf__free(commits);
    rf__free(snapshots);
    return status;
}

/* "org/name" of what names a model on the hub; RF_INVALID_ARGUMENT for a path or a revision. *out is NULL for NULL. */
static rf_status read_name(const char *text, struct source *source, rf_error *err)
{
    rf_status status;

    *source = (struct source){0};
    if (text == NULL)
        return RF_OK;
    if (strchr(text, '@') != NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "'%s': a model is checked or removed with all its revisions", text);
    status = rf__source_read(text, NULL, NULL, source, err);
    if (status == RF_OK && source->kind != SOURCE_HUB) {
        status =
            rf__fail(err, RF_INVALID_ARGUMENT, "%s: is a path on this machine, not the name of a cached model", text);
        rf__source_release(source);
    }
    return status;
}

rf_status rf__hub_verify(const char *cache_dir, const char *name, bool repair, rf_verified_fn fn, void *user,
                         rf_error *err)
{
    struct source source;
    struct check check = {.repair = repair, .fn = fn, .user = user};
    rf_status status = read_name(name, &source, err);

    check.name = source.name;
    if (status == RF_OK)
        status = each_model(cache_dir, source.name, verify_model, &check, err);
    if (status == RF_OK && name != NULL && check.model == NULL)
        status = rf__fail(err, RF_NOT_FOUND, "'%s' is in no cache; 'models list' shows what is", source.name);
    rf__source_release(&source);
    return status;
}

/* ---- Removing ------------------------------------------------------------------------------------------------- */

struct removal {
    uint64_t bytes;
    size_t n;
    const struct logger *logger;
};

/* Bytes of the blobs, and of files of snapshots that are no links. */
static rf_status measure(const char *path, int depth, uint64_t *bytes, rf_error *err)
{
    char **names = NULL;
    size_t n = 0;
    rf_status status = rf__os_list_directory(path, &names, &n, NULL);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *inside = rf__path_join(path, names[i]);
        struct os_stat stat;
        if (inside == NULL) {
            status = RF_NO_MEMORY;
            break;
        }
        stat = rf__os_stat(inside);
        if (stat.kind == OS_DIRECTORY && depth > 0)
            status = measure(inside, depth - 1, bytes, err);
        else if (stat.kind == OS_FILE)
            *bytes += stat.size;
        rf__free(inside);
    }
    rf__free(names);
    return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
}

static rf_status remove_model(void *user, const char *cache, const char *model, const char *folder, rf_error *err)
{
    struct removal *removal = user;
    const char *slash = strrchr(folder, '/');
    char *locks = rf__format("%s/.locks/%s", cache, slash == NULL ? folder : slash + 1);
    char *blobs = rf__path_join(folder, "blobs");
    rf_status status = locks == NULL || blobs == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = measure(rf__os_is_directory(blobs) ? blobs : folder, 1, &removal->bytes, err);
    if (status == RF_OK)
        status = rf__os_remove_tree(folder, err);
    if (status == RF_OK) {
        removal->n++;
        rf__log(removal->logger, RF_LOG_INFO, "removed '%s': %s", model, folder);
        (void)rf__os_remove_tree(locks, NULL);
    }
    rf__free(blobs);
    rf__free(locks);
    return status;
}

rf_status rf__hub_remove(const char *cache_dir, const char *name, const struct logger *logger, uint64_t *bytes,
                         rf_error *err)
{
    struct source source;
    struct removal removal = {.logger = logger};
    rf_status status = read_name(name, &source, err);

    if (status == RF_OK)
        status = each_model(cache_dir, source.name, remove_model, &removal, err);
    if (status == RF_OK && removal.n == 0)
        status = rf__fail(err, RF_NOT_FOUND, "'%s' is in no cache; 'models list' shows what is", source.name);
    if (status == RF_OK && bytes != NULL)
        *bytes = removal.bytes;
    rf__source_release(&source);
    return status;
}
