/* blob_cache: the cache's layout on the disk (hub.h draws it). Paths are in new memory, NULL when out of memory. */
#ifndef RF_HUB_BLOB_CACHE_H
#define RF_HUB_BLOB_CACHE_H

#include "base/error.h"
#include "hub/repo.h"

/* "models--ORG--NAME" */
char *rf__cache_folder_name(const char *name);
/* "org/name" out of "models--ORG--NAME"; *out is NULL when the folder is no model's. */
rf_status rf__cache_name_of_folder(const char *folder, char **out, rf_error *err);

/* The folder of one model in one cache, and what lies in it. */
char *rf__cache_model_folder(const char *cache, const char *name);
char *rf__cache_snapshot(const char *model_folder, const char *commit);
char *rf__cache_derived(const char *model_folder); /* where files made from the model may be kept */

/* The commit that a branch or tag pointed to when it was last fetched, or `revision` itself where that is one. `commit`
 * is "" when there is none. RF_NO_MEMORY alone can fail. */
rf_status rf__cache_read_ref(const char *model_folder, const char *revision, char commit[SOURCE_COMMIT_LEN + 1],
                             rf_error *err);
/* Does nothing when the ref says so already: the cache may be read-only. */
rf_status rf__cache_write_ref(const char *model_folder, const char *revision, const char *commit, rf_error *err);

/* trees/COMMIT.json; RF_NOT_FOUND when there is none that can be read. */
rf_status rf__cache_read_tree(const char *model_folder, const char *commit, struct repo *out, rf_error *err);
/* Only a listing that is known in full is kept. */
rf_status rf__cache_write_tree(const char *model_folder, const struct repo *repo, rf_error *err);

/* A look at one snapshot. Its questions have the form that rf__snapshot_plan() asks them in; who has asked the last one
 * checks `out_of_memory`, which makes the answers worthless. */
struct cache_view {
    const char *model_folder, *commit;
    bool out_of_memory;
};

/* Whether the snapshot has the file, of that size where the size is known. `view` is a struct cache_view. */
bool rf__cache_has_file(void *view, const struct repo_file *file);

/* Whether the Python tools found that the repository has no such file at that commit (.no_exist/COMMIT/PATH). */
bool rf__cache_is_absent(struct cache_view *view, const char *path);

/* Puts the blob into the snapshot under the file's path: as a link; where the file system has none, a blob that
 * `is_new`, which no other snapshot needs, is moved there, and another copied, as the Python tools do. */
rf_status rf__cache_link(const char *model_folder, const char *commit, const char *path, const char *etag, bool is_new,
                         rf_error *err);

/* Whether the file has that size (unless REPO_UNKNOWN_SIZE) and the hash that is its name: git's sha1 of 40 digits or
 * sha256 of 64; another name is no hash and says nothing. RF_BAD_FORMAT tells what was found, without the path: "has
 * the sha256 …, expected …"; RF_IO. */
rf_status rf__cache_verify(const char *path, const char *etag, uint64_t size, rf_error *err);

#endif
