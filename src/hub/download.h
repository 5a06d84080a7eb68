/*
 * download: answers and files from the hub, with retries. A file arrives in blobs/ETAG.incomplete under the blob's
 * lock, is continued where an earlier attempt or process stopped, and is renamed once size and hash are right.
 */
#ifndef RF_HUB_DOWNLOAD_H
#define RF_HUB_DOWNLOAD_H

#include "base/log.h"
#include "hub/hub_env.h"
#include "hub/repo.h"
#include "net/net.h"

#define DOWNLOAD_ATTEMPTS             5
#define DOWNLOAD_ATTEMPTS_UNREACHABLE 2     /* nobody there: it says so at once, and a moment later again */
#define DOWNLOAD_MAX_WAIT_MS          60000 /* ceiling of what Retry-After can ask for */

/* Everything that the requests for one model share. */
struct download {
    const struct hub_env *env;
    const struct logger *logger;
    const char *name;     /* org/name */
    const char *revision; /* what was asked for, for messages */
    const char *cache;    /* the cache's folder, and the model's in it; NULL until known */
    const char *model_folder;
    rf_progress_fn progress; /* NULL: none */
    void *progress_user;
    uint64_t done, total; /* bytes; `done` without the file under way */
    uint64_t done_now;    /* of the file under way */
    uint64_t reported_ns; /* when progress was told last */
    struct net *net;
};

/* Opens the connection; the other members are set. Nothing has to be closed after a failure. */
rf_status rf__download_open(struct download *download, rf_error *err);
void rf__download_close(struct download *download);

/* The answer of GET ENDPOINT`path`. *is_missing tells, with RF_NOT_FOUND, that the revision alone is missing. With
 * `is_hasty` there is one attempt. */
rf_status rf__download_api(struct download *download, const char *path, bool is_hasty, struct buf *out,
                           bool *is_missing, rf_error *err);

/* Asks the hub for size and ETag of a file, when one of them is not known. */
rf_status rf__download_head(struct download *download, const char *commit, struct repo_file *file, rf_error *err);

/* Brings a file whose ETag is known into the snapshot: as a link when its blob is there, else by a download. */
rf_status rf__download_file(struct download *download, const char *commit, const struct repo_file *file, rf_error *err);

/* Tells progress; RF_CANCELLED when it says so. Without `force` at most some twenty times a second. */
rf_status rf__download_report(struct download *download, bool force, rf_error *err);

#endif
