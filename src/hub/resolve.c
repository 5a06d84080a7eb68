/*
 * resolve: name -> model directory.
 *
 * A complete copy in any cache is used as it is. Otherwise the hub lists the repository at one commit, what is missing
 * is downloaded, and the listing and the ref are written, so that the next time needs no network. Where the hub cannot
 * be asked, a copy that is probably complete is used, and the log says what is not known about it.
 */
#include "hub/hub.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/bring.h"
#include "hub/download.h"
#include "hub/hub_env.h"
#include "hub/local.h"
#include "hub/snapshot.h"
#include "hub/source.h"
#include "os/os.h"

#include <string.h>

/* One resolution of a hub name. */
struct resolution {
    const struct hub_options *options;
    const struct logger *logger;
    struct source source;
    struct snapshot_wish wish;
    struct hub_caches caches;
    struct snapshot found; /* the best, */
    size_t best;           /* which lies in caches.dirs[best], */
    bool is_writable;      /* where we may write or not */
};

/* ---- The caches ----------------------------------------------------------------------------------------------- */

/* Whether a snapshot that is not complete is worth being completed where it lies: an explicit --cache-dir is where the
 * user wants the model, and elsewhere one must be able to write. */
static bool can_complete(const struct resolution *resolution, size_t cache, bool is_writable)
{
    return is_writable && (resolution->options->cache_dir == NULL || cache == resolution->caches.fresh);
}

static rf_status look_into(struct resolution *resolution, size_t cache, rf_error *err)
{
    static const char *const states[] = {"nothing", "a part", "probably all", "all"};
    char *folder = rf__cache_model_folder(resolution->caches.dirs[cache], resolution->source.name);
    struct snapshot snapshot = {0};
    rf_status status;
    bool is_better, is_writable;

    if (folder == NULL)
        return rf__fail_memory(err);
    status = rf__snapshot_inspect(folder, resolution->source.revision, &resolution->wish, &snapshot, err);
    is_writable = rf__os_is_writable(resolution->caches.dirs[cache]) && rf__os_is_writable(folder);
    rf__free(folder);
    if (status != RF_OK)
        return status;
    rf__log(resolution->logger, RF_LOG_DEBUG, "cache %s: %s%s%s%s", resolution->caches.dirs[cache],
            states[snapshot.state], snapshot.commit[0] != '\0' ? " of commit " : "", snapshot.commit,
            snapshot.state == SNAPSHOT_NONE || is_writable ? "" : ", read-only");
    is_better = snapshot.state > resolution->found.state &&
                (snapshot.state >= SNAPSHOT_PROBABLE || can_complete(resolution, cache, is_writable));
    if (is_better) {
        rf__snapshot_release(&resolution->found);
        resolution->found = snapshot;
        resolution->best = cache;
        resolution->is_writable = is_writable;
    } else {
        rf__snapshot_release(&snapshot);
    }
    return RF_OK;
}

static rf_status look_into_caches(struct resolution *resolution, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < resolution->caches.n && status == RF_OK; i++) {
        if (resolution->found.state == SNAPSHOT_COMPLETE)
            break;
        status = look_into(resolution, i, err);
    }
    return status;
}

/* ---- The result ----------------------------------------------------------------------------------------------- */

/* Derived files go beside the snapshot, or, where that cannot be written, to the same place in the cache for new
 * models. */
static char *derived_folder(const struct resolution *resolution, size_t cache)
{
    bool is_read_only =
        resolution->found.state != SNAPSHOT_NONE && cache == resolution->best && !resolution->is_writable;
    const char *place = resolution->caches.dirs[is_read_only ? resolution->caches.fresh : cache];
    char *folder = rf__cache_model_folder(place, resolution->source.name), *derived = NULL;

    if (folder != NULL)
        derived = rf__cache_derived(folder);
    rf__free(folder);
    return derived;
}

static rf_status fill(const struct resolution *resolution, const struct snapshot *snapshot, size_t cache,
                      struct model_source *out, rf_error *err)
{
    char *model = rf__path_join(snapshot->directory, snapshot->model);
    rf_status status = RF_OK;

    *out = (struct model_source){0};
    out->directory = rf__strdup(snapshot->directory);
    out->revision = rf__strdup(snapshot->commit);
    out->cache_dir = derived_folder(resolution, cache);
    if (snapshot->is_onnx)
        out->onnx_file = model;
    else
        out->weights_file = model;
    if (out->directory == NULL || out->revision == NULL || out->cache_dir == NULL || model == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = rf__local_check_pointers(out, err);
    if (status != RF_OK)
        rf__model_source_release(out);
    return status;
}

/* Uses a snapshot although the hub was not asked about it. */
static rf_status fill_unasked(const struct resolution *resolution, const char *why, struct model_source *out,
                              rf_error *err)
{
    const struct snapshot *found = &resolution->found;

    if (found->state == SNAPSHOT_PROBABLE)
        rf__log(resolution->logger, strstr(found->unknown, "modules.json") != NULL ? RF_LOG_WARNING : RF_LOG_INFO,
                "%s: used without %s, which the cache neither has nor knows to be absent (%s)", found->directory,
                found->unknown, why);
    else
        rf__log(resolution->logger, RF_LOG_DEBUG, "%s: used from the cache (%s)", found->directory, why);
    return fill(resolution, found, resolution->best, out, err);
}

static rf_status fail_offline(const struct resolution *resolution, rf_error *err)
{
    struct buf where;
    const struct snapshot *found = &resolution->found;
    rf_status status = RF_OK;

    rf__buf_init(&where, (size_t)1 << 20);
    for (size_t i = 0; i < resolution->caches.n && status == RF_OK; i++)
        status = rf__buf_printf(&where, err, "%s%s", i > 0 ? ", " : "", resolution->caches.dirs[i]);
    if (status == RF_OK && found->state == SNAPSHOT_PARTIAL)
        status = rf__fail(err, RF_NOT_FOUND,
                          "it is offline (--offline or HF_HUB_OFFLINE) and only partly in the cache: %s lacks files. "
                          "Please ensure that it is downloaded once with network",
                          found->directory);
    else if (status == RF_OK)
        status = rf__fail(err, RF_NOT_FOUND,
                          "it is offline (--offline or HF_HUB_OFFLINE) and revision '%s' is in no cache (%s). Please "
                          "ensure that it is downloaded once with network, or name another --cache-dir",
                          resolution->source.revision, where.data);
    rf__buf_release(&where);
    return status;
}

/* ---- The hub -------------------------------------------------------------------------------------------------- */

/* The files of the repository at `revision`. */
static rf_status list_repo(struct download *download, const char *revision, bool is_hasty, struct repo *out,
                           bool *is_missing, rf_error *err)
{
    char *escaped = rf__net_escape(revision, false), *path = NULL, *url_name = NULL;
    struct buf text;
    rf_error why = {RF_OK, ""};
    rf_status status;

    *is_missing = false;
    rf__buf_init(&text, REPO_MAX_JSON);
    if (escaped != NULL)
        path = rf__format("/api/models/%s/revision/%s?blobs=true", download->name, escaped);
    if (path != NULL)
        url_name = rf__format("the hub's answer about '%s'", download->name);
    if (url_name == NULL)
        status = rf__fail_memory(err);
    else
        status = rf__download_api(download, path, is_hasty, &text, is_missing, err);
    if (status == RF_OK) {
        status = rf__repo_read_api(text.data != NULL ? text.data : "", text.len, url_name, out, &why);
        if (status == RF_BAD_FORMAT)
            status = rf__fail(err, RF_NETWORK,
                              "%s. Please ensure that HF_ENDPOINT is a hub and no proxy answers for it", why.message);
        else if (status != RF_OK)
            status = rf__fail_memory(err);
    }
    rf__buf_release(&text);
    rf__free(url_name);
    rf__free(path);
    rf__free(escaped);
    return status;
}

/* The text of the snapshot's modules.json; empty when it is not there. */
static rf_status read_modules(const char *model_folder, const struct repo *repo, struct buf *out, rf_error *err)
{
    char *path = rf__format("%s/snapshots/%s/modules.json", model_folder, repo->commit);
    rf_status status = RF_OK;

    if (path == NULL)
        return rf__fail_memory(err);
    if (rf__os_is_file(path))
        status = rf__os_read_file(path, out, err);
    rf__free(path);
    return status;
}

/* modules.json first: it names the folders that are wanted. */
static rf_status bring_modules(struct download *download, struct repo *repo, struct buf *out, rf_error *err)
{
    struct repo_file *file = rf__repo_find(repo, "modules.json");
    struct cache_view view = {download->model_folder, repo->commit, false};
    rf_status status = RF_OK;

    if (file == NULL)
        return RF_OK;
    if (!rf__cache_has_file(&view, file)) {
        if (view.out_of_memory)
            return rf__fail_memory(err);
        if (file->etag[0] == '\0')
            status = rf__download_head(download, repo->commit, file, err);
        if (status == RF_OK)
            status = rf__download_file(download, repo->commit, file, err);
    }
    return status == RF_OK ? read_modules(download->model_folder, repo, out, err) : status;
}

static bool has_all(const struct repo *repo, const struct snapshot_plan *plan, struct cache_view *view)
{
    for (size_t i = 0; i < plan->n; i++)
        if (!rf__cache_has_file(view, &repo->files[plan->files[i]]))
            return false;
    return true;
}

/* Downloads what is missing of the listed repository. */
static rf_status complete(struct resolution *resolution, struct download *download, struct repo *repo,
                          struct snapshot *out, rf_error *err)
{
    struct snapshot_plan plan = {0};
    struct cache_view view = {download->model_folder, repo->commit, false};
    struct snapshot_here here = {NULL, rf__cache_has_file, &view};
    struct buf modules;
    rf_status status;

    rf__buf_init(&modules, (size_t)1 << 20);
    *out = (struct snapshot){.state = SNAPSHOT_COMPLETE};
    memcpy(out->commit, repo->commit, sizeof out->commit);
    out->directory = rf__cache_snapshot(download->model_folder, repo->commit);
    status = out->directory == NULL ? rf__fail_memory(err) : RF_OK;
    /* A first plan without modules.json: a repository without a model file is told before anything is written. */
    if (status == RF_OK)
        status = rf__snapshot_plan(repo, &resolution->wish, NULL, 0, NULL, "the repository", &plan, err);
    rf__snapshot_plan_release(&plan);
    if (status == RF_OK)
        status = rf__os_make_directories(out->directory, err);
    if (status == RF_OK)
        status = bring_modules(download, repo, &modules, err);
    here.directory = out->directory;
    /* Twice where an ONNX file was not there before: only then it says what its external data is. */
    for (int round = 0; round < 2 && status == RF_OK && (round == 0 || plan.is_onnx); round++) {
        rf__snapshot_plan_release(&plan);
        status =
            rf__snapshot_plan(repo, &resolution->wish, modules.data, modules.len, &here, "the repository", &plan, err);
        if (status == RF_OK && view.out_of_memory)
            status = rf__fail_memory(err);
        if (status == RF_OK && (round == 0 || !has_all(repo, &plan, &view)))
            status = rf__bring(download, repo, plan.files, plan.n, err);
    }
    if (status == RF_OK) {
        out->is_onnx = plan.is_onnx;
        out->model = rf__strdup(plan.model->path);
        status = out->model == NULL ? rf__fail_memory(err) : RF_OK;
    }
    if (status == RF_OK)
        status = rf__cache_write_tree(download->model_folder, repo, err);
    if (status == RF_OK)
        status = rf__cache_write_ref(download->model_folder, resolution->source.revision, repo->commit, err);
    rf__snapshot_plan_release(&plan);
    rf__buf_release(&modules);
    if (status != RF_OK)
        rf__snapshot_release(out);
    return status;
}

/* The listing at the commit that the cache began with, so that what is there still fits; else at the revision. */
static rf_status list_for(struct resolution *resolution, struct download *download, struct repo *out, rf_error *err)
{
    const char *revision = resolution->source.revision, *commit = resolution->found.commit;
    bool has_copy = resolution->found.state >= SNAPSHOT_PROBABLE, is_missing = false;
    rf_error why = {RF_OK, ""};
    rf_status status;

    if (!resolution->options->update && resolution->found.state != SNAPSHOT_NONE && strcmp(commit, revision) != 0) {
        status = list_repo(download, commit, has_copy, out, &is_missing, &why);
        if (status == RF_OK || !is_missing)
            return status == RF_OK ? RF_OK : rf__fail(err, status, "%s", why.message);
        rf__log(resolution->logger, RF_LOG_INFO, "the hub no longer has commit %s of '%s'", commit, download->name);
    }
    return list_repo(download, revision, has_copy, out, &is_missing, err);
}

/* Which cache the download goes to: where a part lies that can be completed, else where new models go. */
static size_t choose_cache(const struct resolution *resolution)
{
    bool in_place =
        resolution->found.state != SNAPSHOT_NONE && can_complete(resolution, resolution->best, resolution->is_writable);

    return in_place ? resolution->best : resolution->caches.fresh;
}

/* Whether what was found lacks nothing that the listing has. Then it is used where it lies, and the listing is kept
 * beside it, if that can be written, so that the next time it counts as complete. */
static rf_status is_found_enough(struct resolution *resolution, const struct repo *repo, bool *out, rf_error *err)
{
    const struct snapshot *found = &resolution->found;
    char *folder = rf__cache_model_folder(resolution->caches.dirs[resolution->best], resolution->source.name);
    struct cache_view view = {folder, repo->commit, false};
    const struct snapshot_here here = {found->directory, rf__cache_has_file, &view};
    struct snapshot_plan plan = {0};
    struct buf modules;
    rf_status status;

    *out = false;
    rf__buf_init(&modules, (size_t)1 << 20);
    status = folder == NULL ? rf__fail_memory(err) : read_modules(folder, repo, &modules, err);
    if (status == RF_OK)
        status =
            rf__snapshot_plan(repo, &resolution->wish, modules.data, modules.len, &here, "the repository", &plan, err);
    if (status == RF_OK) {
        *out = strcmp(found->commit, repo->commit) == 0 && strcmp(found->model, plan.model->path) == 0;
        *out = *out && has_all(repo, &plan, &view);
    }
    if (status == RF_OK && view.out_of_memory)
        status = rf__fail_memory(err);
    if (status == RF_OK && *out && rf__cache_write_tree(folder, repo, NULL) == RF_NO_MEMORY)
        status = rf__fail_memory(err);
    rf__snapshot_plan_release(&plan);
    rf__buf_release(&modules);
    rf__free(folder);
    return status;
}

static rf_status ask_hub(struct resolution *resolution, struct download *download, struct model_source *out,
                         rf_error *err)
{
    bool is_enough = false;
    struct repo repo = {0};
    struct snapshot brought = {0};
    rf_error why = {RF_OK, ""};
    bool has_copy = resolution->found.state >= SNAPSHOT_PROBABLE;
    size_t cache = choose_cache(resolution);
    char *folder = rf__cache_model_folder(resolution->caches.dirs[cache], download->name);
    rf_status status;

    if (folder == NULL)
        return rf__fail_memory(err);
    download->cache = resolution->caches.dirs[cache];
    download->model_folder = folder;
    status = list_for(resolution, download, &repo, &why);
    if (status == RF_OK && has_copy)
        status = is_found_enough(resolution, &repo, &is_enough, &why);
    if (status == RF_OK && !is_enough)
        status = complete(resolution, download, &repo, &brought, &why);
    if (status == RF_OK) {
        status = is_enough ? fill(resolution, &resolution->found, resolution->best, out, err)
                           : fill(resolution, &brought, cache, out, err);
    } else if (has_copy && status != RF_CANCELLED && status != RF_NO_MEMORY) {
        if (resolution->options->update)
            rf__log(resolution->logger, RF_LOG_WARNING, "cannot ask for a newer version of '%s': %s", download->name,
                    why.message);
        status = fill_unasked(resolution, why.message, out, err);
    } else {
        rf__fail(err, status, "%s", why.message);
    }
    rf__snapshot_release(&brought);
    rf__repo_release(&repo);
    rf__free(folder);
    return status;
}

static rf_status fetch_from_hub(struct resolution *resolution, struct model_source *out, rf_error *err)
{
    const struct hub_options *options = resolution->options;
    struct hub_env env = {0};
    struct tally tally = {0};
    struct download download = {
        .env = &env,
        .tally = &tally,
        .logger = &tally.logger,
        .name = resolution->source.name,
        .revision = resolution->source.revision,
    };
    rf_status status = rf__hub_env_read(&env, err);

    if (status == RF_OK)
        status = rf__tally_init(&tally, resolution->logger, options->progress, options->progress_user, err);
    if (status == RF_OK)
        status = rf__download_open(&download, err);
    if (status == RF_OK)
        status = ask_hub(resolution, &download, out, err);
    rf__download_close(&download);
    rf__tally_release(&tally);
    rf__hub_env_release(&env);
    return status;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

/* Adds what can be done to a message that does not say it, and puts the story's words in front. */
static rf_status could_not_download(const struct resolution *resolution, rf_status status, rf_error *err)
{
    const char *name = resolution->source.name;
    rf_error reason;

    if (status == RF_NO_MEMORY || err == NULL)
        return status;
    reason = *err;
    if (status == RF_CANCELLED)
        return rf__fail(err, RF_CANCELLED,
                        "the download of '%s' was cancelled; what arrived is kept, and continued the next time", name);
    if (status == RF_NETWORK && strstr(reason.message, "Please ") == NULL)
        rf__fail(
            err, status,
            "%.300s. Please ensure that this machine reaches the hub (HTTPS_PROXY; HF_ENDPOINT for a mirror); or copy "
            "the cache of a machine that ran 'models pull', or give a directory with model.safetensors",
            reason.message);
    else if (status == RF_IO && strstr(reason.message, "--cache-dir") == NULL)
        rf__fail(err, status,
                 "%.340s. Please ensure that the cache can be written, or name another folder with --cache-dir",
                 reason.message);
    else if (status == RF_NOT_FOUND && resolution->source.prefixed)
        rf__fail(err, status,
                 "%.300s. ('%s' is no path here and names no organisation, so that this one was tried; a whole name "
                 "is " SOURCE_DEFAULT_MODEL_HINT ")",
                 reason.message, strchr(name, '/') + 1);
    return rf__fail_prefix(err, status, "Could not download ONNX model '%s'", name);
}

static rf_status resolve_name(struct resolution *resolution, struct model_source *out, rf_error *err)
{
    bool is_offline = rf__hub_is_offline(resolution->options->offline);
    rf_status status = rf__hub_caches_find(resolution->options->cache_dir, &resolution->caches, err);

    if (status == RF_OK)
        status = look_into_caches(resolution, err);
    if (status != RF_OK)
        return status;
    if (resolution->found.state == SNAPSHOT_COMPLETE && (!resolution->options->update || is_offline))
        return fill_unasked(resolution, "complete", out, err);
    if (is_offline && resolution->found.state >= SNAPSHOT_PROBABLE)
        return fill_unasked(resolution, "offline", out, err);
    status = is_offline ? fail_offline(resolution, err) : fetch_from_hub(resolution, out, err);
    return status == RF_OK ? RF_OK : could_not_download(resolution, status, err);
}

/* The model file that was chosen, why, and those that were not. */
static void log_choice(const struct model_source *found, const struct hub_options *options)
{
    const char *chosen = found->onnx_file != NULL ? found->onnx_file : found->weights_file;
    const char *why = options->onnx_file != NULL                       ? "named"
                      : found->onnx_file != NULL && options->onnx_only ? "an ONNX file is needed"
                      : found->onnx_file != NULL                       ? "the first of the usual ONNX files"
                      : options->weights_first                         ? "weights come before ONNX files"
                                                                       : "none of the usual ONNX files is there";
    struct buf others;

    if (options->logger.fn == NULL)
        return;
    rf__buf_init(&others, 1 << 16);
    if (rf__hub_other_files(found, &others, NULL) == RF_OK && others.len > 0)
        rf__log(&options->logger, RF_LOG_DEBUG, "%s: chosen (%s); not: %.200s", chosen, why, others.data);
    else
        rf__log(&options->logger, RF_LOG_DEBUG, "%s: chosen (%s)", chosen, why);
    rf__buf_release(&others);
}

rf_status rf__hub_resolve(const char *name, const struct hub_options *options, struct model_source *out, rf_error *err)
{
    struct resolution resolution = {
        .options = options,
        .logger = &options->logger,
        .wish = {options->onnx_file, options->onnx_only, options->weights_first},
    };
    rf_status status = rf__source_read(name, options->revision, &options->logger, &resolution.source, err);

    *out = (struct model_source){0};
    if (status != RF_OK)
        return status;
    if (resolution.source.kind == SOURCE_HUB)
        status = resolve_name(&resolution, out, err);
    else
        status = rf__local_resolve(&resolution.source, options, out, err);
    if (status == RF_OK)
        log_choice(out, options);
    rf__snapshot_release(&resolution.found);
    rf__hub_caches_release(&resolution.caches);
    rf__source_release(&resolution.source);
    return status;
}

/* One request, one answer. A web page is none: it is a login page in the way. */
rf_status rf__hub_check(bool offline, char **endpoint, rf_error *err)
{
    struct hub_env env = {0};
    struct net *net = NULL;
    struct net_response response = {0};
    char *url = NULL;
    rf_status status = rf__hub_env_read(&env, err);

    *endpoint = NULL;
    if (status != RF_OK)
        return status;
    if (rf__hub_is_offline(offline))
        status = rf__fail(err, RF_NETWORK, "offline (--offline, or HF_HUB_OFFLINE in the environment): not asked");
    if (status == RF_OK && (url = rf__format("%s/api/whoami-v2", env.endpoint)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = rf__net_open(NULL, NULL, NULL, &net, err);
    if (status == RF_OK) {
        struct net_request request = {.url = url, .stall_timeout_s = 5};
        status = rf__net_fetch(net, &request, &response, err);
    }
    if (status == RF_OK && response.is_html && response.status < 400)
        status = rf__fail(err, RF_NETWORK, "%s answers with a web page: log in to the network, or set HTTPS_PROXY",
                          response.host != NULL ? response.host : "the hub");
    if (status == RF_OK && (*endpoint = rf__net_printable(env.endpoint)) == NULL)
        status = rf__fail_memory(err);
    rf__net_response_release(&response);
    rf__net_close(net);
    rf__free(url);
    rf__hub_env_release(&env);
    return status;
}
