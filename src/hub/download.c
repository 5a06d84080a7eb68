/* download: see download.h. */
#include "hub/download.h"

#include "base/mem.h"
#include "hub/blob_cache.h"
#include "hub/hub_fault.h"
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SLEEP_PIECE_MS   100
#define MAX_BACKOFF_MS   8000
#define REAL_PROGRESS    ((uint64_t)64 << 10) /* bytes: an attempt that brought as many starts the count anew */
#define MAX_MESSAGE_PATH 100                  /* of a file's path in a message */

/* ---- Progress and patience ------------------------------------------------------------------------------------ */

rf_status rf__download_report(struct download *download, bool force, rf_error *err)
{
    if (download->is_helper ? !rf__tally_is_stopped(download->tally) : rf__tally_report(download->tally, force))
        return RF_OK;
    return rf__fail(err, RF_CANCELLED, "the download of '%s' was cancelled; what arrived is kept and will be continued",
                    download->name);
}

static bool keep_going(void *user)
{
    return rf__download_report(user, false, NULL) == RF_OK;
}

/* Sleeps, asking in between whether to go on. */
static rf_status wait_ms(struct download *download, uint32_t ms, rf_error *err)
{
    rf_status status = RF_OK;

    while (ms > 0 && status == RF_OK) {
        uint32_t piece = ms < SLEEP_PIECE_MS ? ms : SLEEP_PIECE_MS;
        rf__os_sleep_ms(piece);
        ms -= piece;
        status = rf__download_report(download, true, err);
    }
    return status;
}

rf_status rf__download_open(struct download *download, rf_error *err)
{
    return rf__net_open(download->logger, keep_going, download, &download->net, err);
}

void rf__download_close(struct download *download)
{
    rf__net_close(download->net);
    download->net = NULL;
}

static bool is_passing(long status)
{
    return status == 408 || status == 429 || (status >= 500 && status <= 599 && status != 501);
}

/* How often a request that ended so is made. */
static int attempts_for(const struct net_response *response)
{
    switch (response->outcome) {
    case NET_BROKEN:
        return DOWNLOAD_ATTEMPTS;
    case NET_UNREACHABLE:
        return DOWNLOAD_ATTEMPTS_UNREACHABLE;
    case NET_ANSWERED:
        return is_passing(response->status) ? DOWNLOAD_ATTEMPTS : 1;
    default:
        return 1;
    }
}

/* After attempt number `attempt` ended as `response` and `why` say: waits for the next. `why` is NULL when an answer
 * came. */
static rf_status wait_for_retry(struct download *download, int attempt, const struct net_response *response,
                                const rf_error *why, rf_error *err)
{
    uint64_t ms = (uint64_t)download->env->backoff_ms << (attempt - 1);

    if (ms > MAX_BACKOFF_MS)
        ms = MAX_BACKOFF_MS;
    if ((uint64_t)response->retry_after_s * 1000 > ms)
        ms = (uint64_t)response->retry_after_s * 1000;
    if (ms > DOWNLOAD_MAX_WAIT_MS)
        ms = DOWNLOAD_MAX_WAIT_MS;
    if (why != NULL)
        rf__log(download->logger, RF_LOG_INFO, "%s; trying again in %.1f s", why->message, (double)ms / 1000);
    else
        rf__log(download->logger, RF_LOG_INFO, "%s answered %ld; trying again in %.1f s",
                response->host != NULL ? response->host : "the hub", response->status, (double)ms / 1000);
    return wait_ms(download, (uint32_t)ms, err);
}

/* Makes a request that puts nothing on the disk, again where that may help. */
static rf_status fetch(struct download *download, const struct net_request *request, bool is_hasty,
                       struct net_response *response, int *attempts, rf_error *err)
{
    rf_error why = {RF_OK, ""};
    rf_status status;

    for (int attempt = 1;; attempt++) {
        status = rf__net_fetch(download->net, request, response, &why);
        *attempts = attempt;
        if ((status == RF_OK && !is_passing(response->status)) || is_hasty || attempt >= attempts_for(response))
            break;
        status = wait_for_retry(download, attempt, response, status == RF_OK ? NULL : &why, &why);
        rf__net_response_release(response);
        if (status != RF_OK)
            break;
    }
    return status == RF_OK ? RF_OK : rf__fail(err, status, "%s", why.message);
}

/* ---- Small answers -------------------------------------------------------------------------------------------- */

rf_status rf__download_api(struct download *download, const char *path, bool is_hasty, struct buf *out,
                           bool *is_missing, rf_error *err)
{
    char *url = rf__format("%s%s", download->env->endpoint, path);
    struct net_request request = {
        .url = url,
        .follow = NET_FOLLOW_ALL,
        .token = download->env->token,
        .stall_timeout_s = download->env->metadata_timeout_s,
        .max_body = out->max,
    };
    struct net_response response = {0};
    int attempts = 0;
    rf_status status;

    *is_missing = false;
    if (url == NULL)
        return rf__fail_memory(err);
    status = fetch(download, &request, is_hasty, &response, &attempts, err);
    if (status == RF_OK && response.status == 200 && response.is_html) {
        status = rf__hub_fault_html(&response, err);
    } else if (status == RF_OK && response.status == 200) {
        rf__buf_release(out);
        *out = response.body;
        response.body = (struct buf){0};
    } else if (status == RF_OK) {
        *is_missing = response.error_code != NULL && strcmp(response.error_code, "RevisionNotFound") == 0;
        status = rf__hub_fault(download, NULL, &response, attempts, err);
    }
    rf__net_response_release(&response);
    rf__free(url);
    return status;
}

/* ENDPOINT/NAME/resolve/COMMIT/PATH; NULL when out of memory. */
static char *file_url(const struct download *download, const char *commit, const char *path)
{
    char *escaped = rf__net_escape(path, true), *url = NULL;

    if (escaped != NULL)
        url = rf__format("%s/%s/resolve/%s/%s", download->env->endpoint, download->name, commit, escaped);
    rf__free(escaped);
    return url;
}

rf_status rf__download_head(struct download *download, const char *commit, struct repo_file *file, rf_error *err)
{
    char *url = file_url(download, commit, file->path);
    struct net_request request = {
        .url = url,
        .head = true,
        .follow = NET_FOLLOW_SAME_ORIGIN,
        .token = download->env->token,
        .stall_timeout_s = download->env->metadata_timeout_s,
    };
    struct net_response response = {0};
    int attempts = 0;
    rf_status status;

    if (url == NULL)
        return rf__fail_memory(err);
    status = fetch(download, &request, false, &response, &attempts, err);
    if (status == RF_OK && (response.status >= 400 || response.status < 200)) {
        status = rf__hub_fault(download, file->path, &response, attempts, err);
    } else if (status == RF_OK) {
        const char *etag = response.linked_etag != NULL ? response.linked_etag : response.etag;
        bool is_redirect = response.status >= 300;
        if (etag == NULL || !rf__repo_is_etag(etag)) {
            status = rf__fail(err, RF_NETWORK,
                              "%s gives no ETag for '%s' that could name the file in the cache. Please ensure that "
                              "HF_ENDPOINT is a hub",
                              response.host != NULL ? response.host : "the hub", file->path);
        } else {
            memcpy(file->etag, etag, strlen(etag) + 1);
            file->size = response.linked_size != NET_UNKNOWN ? response.linked_size
                         : is_redirect                       ? REPO_UNKNOWN_SIZE
                                                             : response.content_length;
        }
    }
    rf__net_response_release(&response);
    rf__free(url);
    return status;
}

/* ---- One file ------------------------------------------------------------------------------------------------- */

/* A file on its way into blobs/ETAG.incomplete.
 * Invariant: `have` bytes are in the file, or on their way into it through the stream. */
struct incoming {
    struct download *download;
    const struct repo_file *file;
    char *blobs, *blob, *partial; /* paths */
    FILE *stream;                 /* open during an attempt */
    uint64_t have;
    bool must_restart; /* what is there does not fit what the server has */
};

static void set_have(struct incoming *incoming, uint64_t have)
{
    rf__tally_move(incoming->download->tally, incoming->have, have);
    incoming->have = have;
}

static rf_status close_stream(struct incoming *incoming)
{
    int code = incoming->stream == NULL ? 0 : fclose(incoming->stream);

    incoming->stream = NULL;
    return code == 0 ? RF_OK : RF_IO;
}

/* Begins anew: the file is emptied and stays open. */
static rf_status restart(struct incoming *incoming, rf_error *err)
{
    rf_status status;

    (void)close_stream(incoming);
    set_have(incoming, 0);
    status = rf__os_remove(incoming->partial, err);
    if (status == RF_OK)
        status = rf__os_open_append(incoming->partial, &incoming->stream, err);
    return status;
}

static rf_status disk_fault(const struct incoming *incoming, rf_error *err)
{
    if (errno == ENOSPC)
        return rf__fail(
            err, RF_IO,
            "no space left on the disk of %s. Please ensure that there is room, or name another folder with "
            "--cache-dir; what arrived is kept and will be continued",
            incoming->download->cache);
    return rf__fail(err, RF_IO,
                    "%s: cannot be written: %s. Please ensure that it can, or name another folder with "
                    "--cache-dir",
                    incoming->partial, strerror(errno));
}

static rf_status wrong_length(const struct net_response *response, const struct repo_file *file, uint64_t found,
                              rf_error *err)
{
    return rf__fail(err, RF_NETWORK,
                    "%s sends %llu bytes for '%.*s', expected %llu%s. Please ensure that no proxy changes what it "
                    "passes on",
                    response->host != NULL ? response->host : "the hub", (unsigned long long)found, MAX_MESSAGE_PATH,
                    file->path, (unsigned long long)file->size, found < 1024 ? " (a git-lfs pointer?)" : "");
}

static rf_status on_headers(void *user, const struct net_response *response, rf_error *err)
{
    struct incoming *incoming = user;
    const struct repo_file *file = incoming->file;

    if (response->is_html && !rf__ends_with(file->path, ".html"))
        return rf__hub_fault_html(response, err);
    if (response->linked_etag != NULL && strcmp(response->linked_etag, file->etag) != 0)
        return rf__fail(err, RF_NETWORK,
                        "%s has other contents for '%.*s' (%.64s) than it listed (%s). Please try again",
                        response->host != NULL ? response->host : "the hub", MAX_MESSAGE_PATH, file->path,
                        response->linked_etag, file->etag);
    if (response->status == 206) {
        if (response->range_from != incoming->have) {
            incoming->must_restart = true;
            return rf__fail(err, RF_NETWORK, "the server sends another part of '%.*s' than asked for", MAX_MESSAGE_PATH,
                            file->path);
        }
        if (file->size != REPO_UNKNOWN_SIZE && response->range_total != NET_UNKNOWN &&
            response->range_total != file->size)
            return wrong_length(response, file, response->range_total, err);
        return RF_OK;
    }
    if (file->size != REPO_UNKNOWN_SIZE && response->content_length != NET_UNKNOWN &&
        response->content_length != file->size)
        return wrong_length(response, file, response->content_length, err);
    /* All of it, although a part was asked for. */
    return incoming->have > 0 ? restart(incoming, err) : RF_OK;
}

static rf_status on_data(void *user, const void *data, size_t len, rf_error *err)
{
    struct incoming *incoming = user;
    const struct repo_file *file = incoming->file;

    if (file->size != REPO_UNKNOWN_SIZE && len > file->size - incoming->have)
        return rf__fail(err, RF_NETWORK, "more arrives for '%.*s' than the %llu bytes that were announced",
                        MAX_MESSAGE_PATH, file->path, (unsigned long long)file->size);
    if (fwrite(data, 1, len, incoming->stream) != len)
        return disk_fault(incoming, err);
    set_have(incoming, incoming->have + len);
    return RF_OK;
}

/* One request for what is missing. What arrived is in the file afterwards, however it ended. */
static rf_status attempt(struct incoming *incoming, const char *url, struct net_response *response, rf_error *err)
{
    struct download *download = incoming->download;
    bool has_hash = rf__source_is_hex(incoming->file->etag, SOURCE_COMMIT_LEN) ||
                    rf__source_is_hex(incoming->file->etag, SOURCE_SHA256_LEN);
    struct net_request request = {
        .url = url,
        .follow = NET_FOLLOW_ALL,
        .token = download->env->token,
        .range_from = incoming->have,
        /* A name that is a hash holds for every server that has the file, whatever its ETag; and is checked. */
        .if_range = has_hash ? NULL : incoming->file->etag,
        .stall_timeout_s = download->env->stall_timeout_s,
        .on_headers = on_headers,
        .on_data = on_data,
        .user = incoming,
    };
    rf_status status = rf__os_open_append(incoming->partial, &incoming->stream, err);

    *response = (struct net_response){0};
    if (status != RF_OK)
        return status;
    status = rf__net_fetch(download->net, &request, response, err);
    if (incoming->stream != NULL && fflush(incoming->stream) != 0 && status == RF_OK)
        status = disk_fault(incoming, err);
    if (status == RF_OK)
        status = rf__os_sync_file(incoming->stream, incoming->partial, err);
    if (close_stream(incoming) != RF_OK && status == RF_OK)
        status = disk_fault(incoming, err);
    set_have(incoming, rf__os_stat(incoming->partial).size);
    return status;
}

static bool is_whole(const struct incoming *incoming, const struct net_response *response)
{
    if (incoming->file->size != REPO_UNKNOWN_SIZE)
        return incoming->have == incoming->file->size;
    return response->outcome == NET_ANSWERED && (response->status == 200 || response->status == 206);
}

/* Whether the server says that what is there is longer than what it has. */
static bool is_beyond_end(const struct net_response *response)
{
    return response->outcome == NET_ANSWERED && response->status == 416;
}

/* Brings all bytes, in as many attempts as it takes: one that brought something real starts the count anew. */
static rf_status receive(struct incoming *incoming, const char *url, rf_error *err)
{
    struct net_response response = {0};
    rf_error why = {RF_OK, ""};
    rf_status status = RF_OK;

    for (int n = 1; !is_whole(incoming, &response); n++) {
        uint64_t before = incoming->have;
        rf__net_response_release(&response);
        incoming->must_restart = false;
        status = attempt(incoming, url, &response, &why);
        if (status == RF_OK && is_whole(incoming, &response))
            break;
        if (incoming->have > before && incoming->have - before >= REAL_PROGRESS)
            n = 1;
        if ((incoming->must_restart || is_beyond_end(&response)) && n < DOWNLOAD_ATTEMPTS) {
            status = restart(incoming, &why);
            if (status != RF_OK)
                break;
            (void)close_stream(incoming);
            continue;
        }
        if (status == RF_OK && response.status >= 200 && response.status <= 299) {
            response.outcome = NET_BROKEN;
            status = rf__fail(&why, RF_NETWORK, "the answer for '%.*s' ends after %llu of %llu bytes", MAX_MESSAGE_PATH,
                              incoming->file->path, (unsigned long long)incoming->have,
                              (unsigned long long)incoming->file->size);
        }
        if (n >= attempts_for(&response)) {
            if (status == RF_OK)
                status = rf__hub_fault(incoming->download, incoming->file->path, &response, n, &why);
            break;
        }
        status = wait_for_retry(incoming->download, n, &response, status == RF_OK ? NULL : &why, &why);
        if (status != RF_OK)
            break;
    }
    rf__net_response_release(&response);
    return status == RF_OK ? RF_OK : rf__fail(err, status, "%s", why.message);
}

/* Brings the bytes and checks them. Bytes of an earlier attempt may have been wrong, so that a wrong hash costs one new
 * download before it is an error. */
static rf_status receive_and_check(struct incoming *incoming, const char *url, rf_error *err)
{
    const struct repo_file *file = incoming->file;
    rf_error why = {RF_OK, ""};
    rf_status status;

    for (int n = 1;; n++) {
        status = receive(incoming, url, err);
        if (status != RF_OK)
            return status;
        status = rf__cache_verify(incoming->partial, file->etag, file->size, &why);
        if (status != RF_BAD_FORMAT)
            return status == RF_OK ? RF_OK : rf__fail(err, status, "%s", why.message);
        (void)rf__os_remove(incoming->partial, NULL);
        set_have(incoming, 0);
        if (n == 2)
            return rf__fail(
                err, RF_NETWORK,
                "'%.*s' arrived damaged, twice: it %s. Please ensure that no proxy or virus scanner changes "
                "what it passes on, and that the disk is sound",
                MAX_MESSAGE_PATH, file->path, why.message);
        rf__log(incoming->download->logger, RF_LOG_WARNING, "'%s' arrived damaged: it %s; downloading it anew",
                file->path, why.message);
    }
}

static bool is_right_blob(const struct os_stat *stat, const struct repo_file *file)
{
    return stat->kind == OS_FILE && (file->size == REPO_UNKNOWN_SIZE || stat->size == file->size);
}

/* Makes the blob; the lock is held. */
static rf_status make_blob(struct incoming *incoming, const char *commit, rf_error *err)
{
    const struct repo_file *file = incoming->file;
    char *url;
    rf_status status;

    set_have(incoming, rf__os_stat(incoming->partial).size);
    if (file->size != REPO_UNKNOWN_SIZE && incoming->have > file->size) {
        status = rf__os_remove(incoming->partial, err);
        if (status != RF_OK)
            return status;
        set_have(incoming, 0);
    }
    rf__log(incoming->download->logger, RF_LOG_DEBUG, "%s: downloading from byte %llu of %lld", file->path,
            (unsigned long long)incoming->have, file->size == REPO_UNKNOWN_SIZE ? -1LL : (long long)file->size);
    url = file_url(incoming->download, commit, file->path);
    if (url == NULL)
        return rf__fail_memory(err);
    /* Nothing is asked for an empty file. */
    if (file->size == 0)
        status = restart(incoming, err) != RF_OK ? RF_IO : close_stream(incoming);
    else
        status = receive_and_check(incoming, url, err);
    if (status == RF_OK)
        status = rf__os_rename(incoming->partial, incoming->blob, err);
    rf__free(url);
    return status;
}

/* ---- Locking -------------------------------------------------------------------------------------------------- */

struct waiter {
    struct download *download;
    const char *path;
    bool has_told;
};

static bool while_waiting(void *user)
{
    struct waiter *waiter = user;

    if (!waiter->has_told)
        rf__log(waiter->download->logger, RF_LOG_INFO, "%s: another process is downloading it; waiting", waiter->path);
    waiter->has_told = true;
    return rf__download_report(waiter->download, true, NULL) == RF_OK;
}

/* Takes CACHE/.locks/models--ORG--NAME/ETAG.lock, which the Python tools take as well. */
static rf_status lock_blob(struct download *download, const struct repo_file *file, struct os_lock **out, rf_error *err)
{
    char *folder_name = rf__cache_folder_name(download->name), *folder = NULL, *path = NULL;
    struct waiter waiter = {download, file->path, false};
    rf_status status;

    if (folder_name != NULL)
        folder = rf__format("%s/.locks/%s", download->cache, folder_name);
    if (folder != NULL)
        path = rf__format("%s/%s.lock", folder, file->etag);
    status = path == NULL ? rf__fail_memory(err) : rf__os_make_directories(folder, err);
    if (status == RF_OK)
        status = rf__os_lock(path, while_waiting, &waiter, out, err);
    rf__free(path);
    rf__free(folder);
    rf__free(folder_name);
    return status;
}

static rf_status set_paths(struct incoming *incoming, rf_error *err)
{
    incoming->blobs = rf__path_join(incoming->download->model_folder, "blobs");
    if (incoming->blobs != NULL)
        incoming->blob = rf__path_join(incoming->blobs, incoming->file->etag);
    if (incoming->blob != NULL)
        incoming->partial = rf__format("%s.incomplete", incoming->blob);
    return incoming->partial == NULL ? rf__fail_memory(err) : RF_OK;
}

static void release(struct incoming *incoming)
{
    (void)close_stream(incoming);
    rf__free(incoming->blobs);
    rf__free(incoming->blob);
    rf__free(incoming->partial);
}

/* With the lock held: makes the blob unless it is there, and puts it into the snapshot. */
static rf_status make_file(struct incoming *incoming, const char *commit, rf_error *err)
{
    const struct download *download = incoming->download;
    const struct repo_file *file = incoming->file;
    struct cache_view view = {download->model_folder, commit, false};
    struct os_stat blob = rf__os_stat(incoming->blob);
    bool is_there = is_right_blob(&blob, file);
    rf_status status = RF_OK;

    /* Whoever had the lock before may have brought it, and where there are no links no blob is left of that. */
    if (!is_there && rf__cache_has_file(&view, file)) {
        set_have(incoming, file->size != REPO_UNKNOWN_SIZE ? file->size : 0);
        return RF_OK;
    }
    if (view.out_of_memory)
        return rf__fail_memory(err);
    if (blob.kind == OS_FILE && !is_there)
        rf__log(download->logger, RF_LOG_WARNING, "%s: has %llu bytes, expected %llu; downloading it anew",
                incoming->blob, (unsigned long long)blob.size, (unsigned long long)file->size);
    if (is_there)
        set_have(incoming, blob.size);
    else
        status = make_blob(incoming, commit, err);
    if (status == RF_OK)
        status = rf__cache_link(download->model_folder, commit, file->path, file->etag, !is_there, err);
    return status;
}

rf_status rf__download_file(struct download *download, const char *commit, const struct repo_file *file, rf_error *err)
{
    struct incoming incoming = {.download = download, .file = file};
    struct os_lock *lock = NULL;
    rf_status status = set_paths(&incoming, err);

    if (status == RF_OK)
        status = rf__os_make_directories(incoming.blobs, err);
    if (status == RF_OK)
        status = lock_blob(download, file, &lock, err);
    if (status == RF_OK)
        status = make_file(&incoming, commit, err);
    if (status == RF_OK)
        status = rf__download_report(download, true, err);
    release(&incoming);
    rf__os_unlock(lock);
    return status;
}

rf_status rf__download_missing(struct download *download, const struct repo_file *file, uint64_t *out, rf_error *err)
{
    struct incoming incoming = {.download = download, .file = file};
    rf_status status = set_paths(&incoming, err);
    struct os_stat blob = {0}, partial = {0};

    *out = 0;
    if (status == RF_OK) {
        blob = rf__os_stat(incoming.blob);
        partial = rf__os_stat(incoming.partial);
        if (file->size != REPO_UNKNOWN_SIZE && !is_right_blob(&blob, file))
            *out = partial.size < file->size ? file->size - partial.size : file->size;
    }
    release(&incoming);
    return status;
}
