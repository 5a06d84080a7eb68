/*
 * download: answers and files from the hub, with retries. A file arrives in blobs/ETAG.incomplete under the blob's
 * lock, is continued where an earlier attempt or process stopped, and is renamed once size and hash are right.
 */
#ifndef RF_HUB_DOWNLOAD_H
#define RF_HUB_DOWNLOAD_H

#include "base/log.h"
#include "hub/hub_env.h"
#include "hub/repo.h"
#include "hub/tally.h"
#include "net/net.h"

#define DOWNLOAD_ATTEMPTS             5
#define DOWNLOAD_ATTEMPTS_UNREACHABLE 2     /* nobody there: it says so at once, and a moment later again */
#define DOWNLOAD_MAX_WAIT_MS          60000 /* ceiling of what Retry-After can ask for */

/* Everything that the requests for one model share. A copy with a connection of its own is for another thread. */
struct download {
    const struct hub_env *env;
    struct tally *tally;
    const struct logger *logger; /* the tally's, where other threads are about */
    const char *name;            /* org/name */
    const char *revision;        /* what was asked for, for messages */
    const char *cache;           /* the cache's folder, and the model's in it; NULL until known */
    const char *model_folder;
    struct net *net;
    bool is_helper; /* used by a thread that did not begin the download */
};

/* Opens the connection; the other members are set, and `download` stays where it is. Nothing has to be closed after a
 * failure. */
rf_status rf__download_open(struct download *download, rf_error *err);
void rf__download_close(struct download *download);

/* The answer of GET ENDPOINT`path`. *is_missing tells, with RF_NOT_FOUND, that the revision alone is missing. With
 * `is_hasty` there is one attempt. */
rf_status rf__download_api(struct download *download, const char *path, bool is_hasty, struct buf *out,
                           bool *is_missing, rf_error *err);

/* Asks the hub for size and ETag of a file, when one of them is not known. */
rf_status rf__download_head(struct download *download, const char *commit, struct repo_file *file, rf_error *err);

/* Brings a file whose ETag is known into the snapshot: as a link when its blob is there, else by a download. Its bytes
 * are counted. */
rf_status rf__download_file(struct download *download, const char *commit, const struct repo_file *file, rf_error *err);

/* How many bytes rf__download_file() would write; 0 where the size is not known. RF_NO_MEMORY alone can fail. */
rf_status rf__download_missing(struct download *download, const struct repo_file *file, uint64_t *out, rf_error *err);

/* Tells progress where that is this thread's to do; RF_CANCELLED: stop. */
rf_status rf__download_report(struct download *download, bool force, rf_error *err);

#endif
