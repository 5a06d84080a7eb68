/* hub_env: what the environment says about the hub: the variables of the Python tools, with their meaning. */
#ifndef RF_HUB_HUB_ENV_H
#define RF_HUB_HUB_ENV_H

#include "base/error.h"

struct hub_env {
    char *endpoint;              /* HF_ENDPOINT, or the public hub; no slash at its end */
    char *token;                 /* HF_TOKEN, HUGGING_FACE_HUB_TOKEN, or the file that a login left; NULL: none */
    uint32_t metadata_timeout_s; /* HF_HUB_ETAG_TIMEOUT: for small answers */
    uint32_t stall_timeout_s;    /* HF_HUB_DOWNLOAD_TIMEOUT: a download from which nothing arrives for so long broke */
    uint32_t backoff_ms;         /* before the second attempt; doubled for each next one. RF_HUB_BACKOFF_MS shortens it,
                                    for tests alone */
};

rf_status rf__hub_env_read(struct hub_env *out, rf_error *err);
void rf__hub_env_release(struct hub_env *env); /* fine on a zeroed one */

/* The caches to look into, in that order: `cache_dir` (may be NULL), HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
 * XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub, ~/.cache/rag_factory/onnx_models. No folder twice; none
 * need exist. */
#define HUB_MAX_CACHES 7
struct hub_caches {
    char *dirs[HUB_MAX_CACHES];
    size_t n;
    size_t fresh; /* the one that new models go to: the first of `cache_dir` and the HF_ variables that is set, else the
                     last */
};
rf_status rf__hub_caches_find(const char *cache_dir, struct hub_caches *out, rf_error *err);
void rf__hub_caches_release(struct hub_caches *caches); /* fine on a zeroed one */

#endif
