/*
 * hub: name -> model directory. Hugging Face's hub and its cache layout, shared with the Python tools:
 *
 *     CACHE/models--ORG--NAME/blobs/ETAG                      the bytes; ETAG.incomplete while they arrive
 *                            /snapshots/COMMIT/PATH -> blob   the model directory
 *                            /refs/main                       a commit
 *                            /trees/COMMIT.json               what the repository holds at that commit
 *                            /.rag_factory/                   what is made from the model: goes when the model goes
 *           .locks/models--ORG--NAME/ETAG.lock                held by whoever writes the blob
 *
 * What always holds:
 *  - A blob is whole and its hash is right, or it is not there under its name.
 *  - A ref is written after the last file of its snapshot.
 *  - What is complete in a cache is used from there, without a socket.
 *
 * A model directory on the disk passes through unchanged. This is the only header that other folders include.
 */
#ifndef RF_HUB_HUB_H
#define RF_HUB_HUB_H

#include "base/error.h"
#include "base/log.h"

struct hub_options {
    const char *cache_dir; /* NULL: see rf_model_options */
    const char *revision;  /* NULL: "main", or what follows '@' in the source */
    const char *onnx_file; /* NULL: onnx/model.onnx, else model.onnx, else the weights */
    bool onnx_only;        /* weights alone do not do: the architecture is none that a graph can be built for */
    bool weights_first;    /* model.safetensors with a config.json is preferred to an ONNX file */
    bool update;           /* ask the hub for the newest commit, even if a complete copy is cached */
    bool offline;
    struct logger logger;
    rf_progress_fn progress; /* bytes of all wanted files, those that are there already included; NULL: none */
    void *progress_user;
};

struct model_source {
    char *directory;    /* the model directory */
    char *onnx_file;    /* the ONNX file to run, a path; NULL: there are only weights */
    char *weights_file; /* without an ONNX file: the weights, the index of their shards, or the file named; else NULL */
    char *revision;     /* commit; "" for a directory that is no snapshot of the hub's */
    char *cache_dir;    /* where files made from this model may be kept; it need not exist yet */
};
void rf__model_source_release(struct model_source *source); /* fine on a zeroed one */

/* Finds, and where needed downloads, a model: see rf_model_open() for what `name` may be. */
rf_status rf__hub_resolve(const char *name, const struct hub_options *options, struct model_source *out, rf_error *err);

/* See rf_cache_list(), rf_cache_default_dir(), rf_hub_check(). Strings in new memory (rf__free). */
rf_status rf__hub_list(const char *cache_dir, rf_cached_model_fn fn, void *user, rf_error *err);
/* See rf_model_variants(). */
rf_status rf__hub_variants(const char *directory, rf_variant_fn fn, void *user, rf_error *err);

/* See rf_cache_verify(), rf_cache_repair(), rf_cache_remove(); `name` of the first two may be NULL: all models. Of the
 * options those that rf_cache_repair() names apply. */
rf_status rf__hub_verify(const char *cache_dir, const char *name, bool repair, rf_verified_fn fn, void *user,
                         rf_error *err);
rf_status rf__hub_repair(const char *name, const struct hub_options *options, uint64_t *n, rf_error *err);
rf_status rf__hub_remove(const char *cache_dir, const char *name, const struct logger *logger, uint64_t *bytes,
                         rf_error *err);
rf_status rf__hub_cache_dir(const char *cache_dir, char **out, rf_error *err);
rf_status rf__hub_check(bool offline, char **endpoint, rf_error *err);

/* Whether no socket may be opened: asked for, HF_HUB_OFFLINE, or TRANSFORMERS_OFFLINE. */
bool rf__hub_is_offline(bool asked);

/* RF_BAD_FORMAT when the file is a git-lfs pointer, left by a clone without git-lfs, in place of the file itself. A
 * file that cannot be read passes: whoever opens it will say so. */
rf_status rf__hub_check_lfs_pointer(const char *path, rf_error *err);

/* Bytes of an ONNX file with its external data; 0 where it cannot be read. */
uint64_t rf__hub_onnx_size(const char *onnx_file);

#endif
