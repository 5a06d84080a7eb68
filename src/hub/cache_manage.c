/*
 * cache_manage: every blob's hash checked again, what is missing brought again, models removed; see rf_cache_verify(),
 * rf_cache_repair() and rf_cache_remove().
 */
#include "hub/hub.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/bring.h"
#include "hub/hub_env.h"
#include "hub/source.h"
#include "os/os.h"

#include <string.h>

#define MAX_DEPTH 8 /* of folders in a model's folder */

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

static void tell(struct check *check, rf_verified_file *file)
{
    file->model = check->model;
    file->cache_dir = check->cache;
    check->stopped = !check->fn(check->user, file);
}

/* Empties a file. Its size then tells that it is damaged, as the link to a blob that is gone does. */
static bool empty(const char *path)
{
    struct os_writer *writer = NULL;

    return rf__os_writer_open(path, &writer, NULL) == RF_OK && rf__os_writer_commit(writer, NULL) == RF_OK;
}

/* Checks one file; a damaged one is removed where that was asked for, or emptied where nothing else tells that the
 * snapshot had it. */
static rf_status check_file(struct check *check, const char *path, const char *etag, uint64_t size, bool is_copy,
                            rf_error *err)
{
    rf_error reason = {RF_OK, ""};
    rf_verified_file file = {.path = path, .bytes = rf__os_stat(path).size};

    file.status = rf__cache_verify(path, etag, size, &reason);
    file.message = reason.message;
    if (file.status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (file.status != RF_OK && check->repair)
        file.removed = is_copy ? empty(path) : rf__os_remove(path, NULL) == RF_OK;
    tell(check, &file);
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
            status = check_file(check, path, names[i], REPO_UNKNOWN_SIZE, false, err);
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
            status = check_file(check, path, repo.files[i].etag, repo.files[i].size, true, err);
        rf__free(real);
        rf__free(path);
    }
    rf__repo_release(&repo);
    rf__free(real_blobs);
    rf__free(blobs);
    /* Without a listing nothing is known of them. */
    return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
}

/* Links whose blob is gone. */
static rf_status verify_links(struct check *check, const char *folder, const char *commit, rf_error *err)
{
    char *snapshot = rf__cache_snapshot(folder, commit);
    struct repo broken = {0};
    rf_status status = snapshot == NULL ? rf__fail_memory(err) : rf__repo_read_broken(snapshot, &broken, err);

    for (size_t i = 0; i < broken.n && status == RF_OK && !check->stopped; i++) {
        char *path = rf__path_join(snapshot, broken.files[i].path);
        rf_verified_file file = {.path = path,
                                 .status = RF_NOT_FOUND,
                                 .message = "is missing: the cache no longer has the file it links to"};
        if (path != NULL)
            tell(check, &file);
        else
            status = rf__fail_memory(err);
        rf__free(path);
    }
    rf__repo_release(&broken);
    rf__free(snapshot);
    return status;
}

/* Calls `fn` for each snapshot of the model. */
static rf_status each_snapshot(const char *folder,
                               rf_status (*fn)(void *user, const char *folder, const char *commit, rf_error *err),
                               void *user, rf_error *err)
{
    char *snapshots = rf__path_join(folder, "snapshots"), **commits = NULL;
    size_t n = 0;
    rf_status status = snapshots == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && rf__os_is_directory(snapshots))
        status = rf__os_list_directory(snapshots, &commits, &n, err);
    for (size_t i = 0; i < n && status == RF_OK; i++)
        if (rf__source_is_hex(commits[i], SOURCE_COMMIT_LEN))
            status = fn(user, folder, commits[i], err);
    rf__free(commits);
    rf__free(snapshots);
    return status;
}

static rf_status verify_snapshot(void *user, const char *folder, const char *commit, rf_error *err)
{
    struct check *check = user;
    rf_status status = check->stopped ? RF_OK : verify_links(check, folder, commit, err);

    return status == RF_OK && !check->stopped ? verify_copies(check, folder, commit, err) : status;
}

/* The links first: the blobs that are removed after them are told already. */
static rf_status verify_model(void *user, const char *cache, const char *model, const char *folder, rf_error *err)
{
    struct check *check = user;
    rf_status status;

    check->model = model;
    check->cache = cache;
    status = each_snapshot(folder, verify_snapshot, check, err);
    return status == RF_OK && !check->stopped ? verify_blobs(check, folder, err) : status;
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
    status = rf__source_read(text, SOURCE_DEFAULT_REVISION, NULL, source, err);
    if (status == RF_OK && source->kind != SOURCE_HUB) {
        status =
            rf__fail(err, RF_INVALID_ARGUMENT, "%s: is a path on this machine, not the name of a cached model", text);
        rf__source_release(source);
    }
    return status;
}

static rf_status is_in_no_cache(const char *cache_dir, const char *name, rf_error *err)
{
    if (cache_dir != NULL)
        return rf__fail(err, RF_NOT_FOUND,
                        "'%s' is not in %s; 'models list' shows what is where, and --cache-dir names another cache",
                        name, cache_dir);
    return rf__fail(err, RF_NOT_FOUND, "'%s' is in no cache; 'models list' shows what is", name);
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
        status = is_in_no_cache(cache_dir, source.name, err);
    rf__source_release(&source);
    return status;
}

/* ---- Repairing ------------------------------------------------------------------------------------------------ */

struct repair {
    const struct hub_options *options;
    const struct hub_env *env;
    const char *cache, *model; /* under way */
    uint64_t n;
    bool is_found; /* a cache has the model */
};

/* Adds the files of the listing that are there with another size, such as those that verifying emptied. */
static rf_status add_wrong_sizes(const char *folder, const struct repo *repo, size_t *places, size_t *n, rf_error *err)
{
    struct cache_view view = {folder, repo->commit, false};

    for (size_t i = 0; i < repo->n; i++) {
        struct repo_file any_size = repo->files[i];
        any_size.size = REPO_UNKNOWN_SIZE;
        if (rf__cache_has_file(&view, &any_size) && !rf__cache_has_file(&view, &repo->files[i]))
            places[(*n)++] = i;
    }
    return view.out_of_memory ? rf__fail_memory(err) : RF_OK;
}

/* What the snapshot lacks of the files that it had: places in `repo`, which is the listing where the cache has one,
 * else just the files that are missing. `places` is an array in new memory. */
static rf_status find_missing(const char *folder, const char *commit, struct repo *repo, size_t **places, size_t *n,
                              rf_error *err)
{
    char *snapshot = rf__cache_snapshot(folder, commit);
    struct repo broken = {0};
    bool has_tree = false;
    rf_status status = snapshot == NULL ? rf__fail_memory(err) : rf__repo_read_broken(snapshot, &broken, err);

    if (status == RF_OK) {
        status = rf__cache_read_tree(folder, commit, repo, NULL);
        has_tree = status == RF_OK;
        status = status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
    }
    for (size_t i = 0; i < broken.n && has_tree; i++)
        has_tree = rf__repo_find(repo, broken.files[i].path) != NULL;
    if (status == RF_OK && !has_tree) {
        rf__repo_release(repo);
        *repo = broken;
        memcpy(repo->commit, commit, sizeof repo->commit);
        broken = (struct repo){0};
    }
    *places = status != RF_OK || repo->n == 0 ? NULL : rf__alloc_array(repo->n + broken.n, sizeof **places);
    if (status == RF_OK && repo->n > 0 && *places == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK && has_tree)
        status = add_wrong_sizes(folder, repo, *places, n, err);
    for (size_t i = 0; i < (has_tree ? broken.n : repo->n) && status == RF_OK; i++)
        (*places)[(*n)++] = has_tree ? (size_t)(rf__repo_find(repo, broken.files[i].path) - repo->files) : i;
    rf__repo_release(&broken);
    rf__free(snapshot);
    return status;
}

static rf_status repair_snapshot(void *user, const char *folder, const char *commit, rf_error *err)
{
    struct repair *repair = user;
    struct tally tally = {0};
    struct download download = {
        .env = repair->env,
        .tally = &tally,
        .logger = &tally.logger,
        .name = repair->model,
        .revision = commit,
        .cache = repair->cache,
        .model_folder = folder,
    };
    struct repo repo = {0};
    size_t *places = NULL, n = 0;
    rf_status status = find_missing(folder, commit, &repo, &places, &n, err);

    if (status == RF_OK && n > 0 && rf__hub_is_offline(repair->options->offline))
        status = rf__fail(err, RF_NOT_FOUND,
                          "it is offline (--offline or HF_HUB_OFFLINE), and '%s' lacks %s%s. Please repair it where "
                          "there is a network",
                          repair->model, repo.files[places[0]].path, n > 1 ? " and other files" : "");
    if (status == RF_OK && n > 0)
        status = rf__tally_init(&tally, &repair->options->logger, repair->options->progress,
                                repair->options->progress_user, err);
    if (status == RF_OK && n > 0)
        status = rf__download_open(&download, err);
    if (status == RF_OK && n > 0)
        status = rf__bring(&download, &repo, places, n, err);
    if (status == RF_OK)
        repair->n += n;
    rf__download_close(&download);
    rf__tally_release(&tally);
    rf__repo_release(&repo);
    rf__free(places);
    return status;
}

static rf_status repair_model(void *user, const char *cache, const char *model, const char *folder, rf_error *err)
{
    struct repair *repair = user;

    repair->is_found = true;
    repair->cache = cache;
    repair->model = model;
    return each_snapshot(folder, repair_snapshot, repair, err);
}

rf_status rf__hub_repair(const char *name, const struct hub_options *options, uint64_t *n, rf_error *err)
{
    struct source source;
    struct hub_env env = {0};
    struct repair repair = {.options = options, .env = &env};
    rf_error why = {RF_OK, ""};
    rf_status status = read_name(name, &source, err);

    if (status != RF_OK)
        return status;
    status = rf__hub_env_read(&env, err);
    if (status == RF_OK) {
        status = each_model(options->cache_dir, source.name, repair_model, &repair, &why);
        if (status == RF_OK && !repair.is_found && name != NULL)
            status = is_in_no_cache(options->cache_dir, source.name, &why);
        if (status != RF_OK)
            rf__fail(err, status, "%s", why.message);
    }
    if (status == RF_OK && n != NULL)
        *n = repair.n;
    rf__hub_env_release(&env);
    rf__source_release(&source);
    return status;
}

/* ---- Removing ------------------------------------------------------------------------------------------------- */

struct removal {
    uint64_t bytes;
    size_t n;
    const struct logger *logger;
};

/* Adds the bytes of the files in a folder, which is a path without links; of links nothing. */
static rf_status measure(const char *path, int depth, uint64_t *bytes, rf_error *err)
{
    char **names = NULL;
    size_t n = 0;
    rf_status status = rf__os_list_directory(path, &names, &n, NULL);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *inside = rf__path_join(path, names[i]), *real = inside == NULL ? NULL : rf__os_real_path(inside);
        struct os_stat stat = {.kind = OS_NOTHING};
        if (inside == NULL)
            status = RF_NO_MEMORY;
        else if (real != NULL && strcmp(real, inside) == 0)
            stat = rf__os_stat(inside);
        if (stat.kind == OS_DIRECTORY && depth > 0)
            status = measure(inside, depth - 1, bytes, err);
        else if (stat.kind == OS_FILE)
            *bytes += stat.size;
        rf__free(real);
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
    char *real = rf__os_real_path(folder);
    rf_status status = locks == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && real != NULL)
        status = measure(real, MAX_DEPTH, &removal->bytes, err);
    if (status == RF_OK)
        status = rf__os_remove_tree(folder, err);
    if (status == RF_OK) {
        removal->n++;
        rf__log(removal->logger, RF_LOG_INFO, "removed '%s': %s", model, folder);
        (void)rf__os_remove_tree(locks, NULL);
    }
    rf__free(real);
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
        status = is_in_no_cache(cache_dir, source.name, err);
    if (status == RF_OK && bytes != NULL)
        *bytes = removal.bytes;
    rf__source_release(&source);
    return status;
}
