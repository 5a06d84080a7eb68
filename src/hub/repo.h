/*
 * repo: the files of a repository at one commit, as the hub's API lists them, as a cache remembers them
 * (trees/COMMIT.json), or as they are found in a folder.
 *
 * Invariant: sorted by path, no path twice, every path safe (rf__source_is_safe_path).
 */
#ifndef RF_HUB_REPO_H
#define RF_HUB_REPO_H

#include "base/buf.h"
#include "base/error.h"
#include "hub/source.h"

#define REPO_MAX_FILES    100000
#define REPO_MAX_JSON     ((size_t)64 << 20)
#define REPO_MAX_ETAG     128
#define REPO_UNKNOWN_SIZE UINT64_MAX

struct repo_file {
    char *path;
    uint64_t size;                /* REPO_UNKNOWN_SIZE when not known */
    char etag[REPO_MAX_ETAG + 1]; /* the blob's name: sha256 of an LFS file, else git's sha1; "" when not known */
    char git_sha1[SOURCE_COMMIT_LEN + 1]; /* of what git stores: for an LFS file, its pointer; "" when not known */
};

struct repo {
    char commit[SOURCE_COMMIT_LEN + 1]; /* "" for a folder */
    struct repo_file *files;
    size_t n, cap;
};

/* The answer of GET /api/models/NAME/revision/REVISION?blobs=true; `name` is for messages. */
rf_status rf__repo_read_api(const char *text, size_t len, const char *name, struct repo *out, rf_error *err);

/* trees/COMMIT.json, as huggingface_hub 2 and this write it; `name` is its path. */
rf_status rf__repo_read_tree(const char *text, size_t len, const char *name, const char *commit, struct repo *out,
                             rf_error *err);
rf_status rf__repo_write_tree(const struct repo *repo, struct buf *out, rf_error *err);

/* Whether size and hash of every file are known, so that trees/COMMIT.json can hold the listing without a loss. */
bool rf__repo_is_known(const struct repo *repo);

/* The files of a folder and of the folders in it, to two levels; hidden ones are left out. */
rf_status rf__repo_read_folder(const char *path, struct repo *out, rf_error *err);

/* The names in the same folders that lead nowhere: links to a file that is gone. */
rf_status rf__repo_read_broken(const char *path, struct repo *out, rf_error *err);

void rf__repo_release(struct repo *repo); /* fine on a zeroed one */

/* NULL when there is none. */
struct repo_file *rf__repo_find(const struct repo *repo, const char *path);

/* Whether `etag` can name a blob: a file name without surprises. */
bool rf__repo_is_etag(const char *etag);

/* Appends the paths that `wanted` takes, separated by ", ", at most `most` of them; "nothing" when none. */
rf_status rf__repo_describe(const struct repo *repo, bool (*wanted)(const char *path), size_t most, struct buf *out,
                            rf_error *err);

#endif
