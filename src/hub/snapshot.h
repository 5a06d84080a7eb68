/*
 * snapshot: which files of a repository make a model directory, and whether a cache has them.
 *
 * Wanted are the tokenizer and the configuration, every module's folder (modules.json), the model card, and one model
 * file with what belongs to it: the ONNX file (with its external data), else the weights (with their shards), those of
 * pytorch_model.bin where there are no others. Both lie in the folder of the first module, most often the model
 * directory itself; static embeddings have weights alone. A quantized ONNX file that nobody named never is wanted.
 */
#ifndef RF_HUB_SNAPSHOT_H
#define RF_HUB_SNAPSHOT_H

#include "base/error.h"
#include "hub/repo.h"

#define SNAPSHOT_MAX_MODULES 64

/* What is asked of the model file. */
struct snapshot_wish {
    const char *onnx_file; /* NULL: the usual places */
    bool onnx_only;
    bool weights_first; /* model.safetensors with a config.json is preferred to an ONNX file */
};

struct snapshot_plan {
    size_t *files; /* those wanted, each once: places in repo->files */
    size_t n, cap;
    const struct repo_file *model; /* belongs to the repo: the ONNX file, the weights, or the index of their shards */
    bool is_onnx;
};
void rf__snapshot_plan_release(struct snapshot_plan *plan); /* fine on a zeroed one */

/* What is there already of a repository. */
struct snapshot_here {
    const char *directory; /* where its files lie: an ONNX file that is there says itself what its external data is */
    bool (*has)(void *user, const struct repo_file *file);
    void *user;
};

/* Plans for a repository. `modules` is the text of its modules.json, or NULL when it has none. `here` may be NULL, or
 * have NULL in it: a model file that is complete there is preferred to one that is not. `where` begins the messages.
 * RF_NOT_FOUND: no model file; the message lists what there is. */
rf_status rf__snapshot_plan(const struct repo *repo, const struct snapshot_wish *wish, const char *modules,
                            size_t modules_len, const struct snapshot_here *here, const char *where,
                            struct snapshot_plan *out, rf_error *err);

/* How much of a snapshot lies in a cache. */
enum snapshot_state {
    SNAPSHOT_NONE,     /* nothing of it */
    SNAPSHOT_PARTIAL,  /* something is missing */
    SNAPSHOT_PROBABLE, /* it can be used, but whether the repository has more files that matter is not known */
    SNAPSHOT_COMPLETE
};

struct snapshot {
    enum snapshot_state state;
    char commit[SOURCE_COMMIT_LEN + 1]; /* "" when the cache knows none */
    char *directory;                    /* CACHE/…/snapshots/COMMIT; NULL without a commit */
    char *model;                        /* path of the model file in the directory; from SNAPSHOT_PROBABLE on */
    bool is_onnx;
    char *unknown; /* SNAPSHOT_PROBABLE: the files of which nobody knows whether the repository has them */
};

/* Looks at what a cache has of `revision`. RF_OK also when that is nothing. */
rf_status rf__snapshot_inspect(const char *model_folder, const char *revision, const struct snapshot_wish *wish,
                               struct snapshot *out, rf_error *err);
void rf__snapshot_release(struct snapshot *snapshot); /* fine on a zeroed one */

/* The files that are a tokenizer, ended by NULL, the first the one that is taken before the others; vocab.json is one
 * with merges.txt. Ranks of tiktoken are one as well, of any name. */
extern const char *const rf__snapshot_tokenizers[];
bool rf__snapshot_is_ranks(const char *path);
/* An ONNX file, or one in ONNX Runtime's own format (.ort). */
bool rf__snapshot_is_onnx(const char *path);
/* Whether the path is external data of the ONNX file, by its name: as long as that file cannot be asked. */
bool rf__snapshot_is_external_data(const char *path, const char *onnx);
/* Weights of any kind, those included that are not read here. */
bool rf__snapshot_is_weights(const char *path);

#endif
