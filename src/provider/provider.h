/*
 * provider: an opened model, whoever computes its vectors. A provider is a struct of functions; a model is a struct
 * that begins with a struct rf_model and names its provider, so that one provider may stand in front of another's
 * model.
 *
 *     rf_model_open ─ rf__provider_open ─┬─ local_model.c: a model directory, a path, a name on the hub
 *                                        └─ remote/: "openai:MODEL", "cohere:MODEL"
 *     rf_embed ─ rf__provider_embed: repeated texts once ─ cached_model.c: kept vectors, where that is asked for ─ one
 * of these
 */
#ifndef RF_PROVIDER_PROVIDER_H
#define RF_PROVIDER_PROVIDER_H

#include "base/buf.h"
#include "embed/embed.h"
#include "hub/hub.h"
#include "provider/calibrate.h"

#include <stdatomic.h>

/* What a provider does. A `const struct rf_model *` may come from several threads at once. */
struct provider {
    /* See rf_embed(). Arguments are checked, n is at least 1, `options` complete, `out` is [n, dim]. options->stats is
     * whole where it is not NULL: tokens, truncated, windows and the times of parts are added to it. */
    rf_status (*embed)(const struct rf_model *model, const rf_text *texts, size_t n, const rf_embed_options *options,
                       float *out, rf_error *err);

    /* See rf_model_prompt(). NULL: its models have no prompts. */
    const char *(*prompt)(const struct rf_model *model, const char *name);

    /* See rf_model_get_stats(): sets what it knows; size, open_ns and memory are set already, the rest is 0. */
    void (*stats)(const struct rf_model *model, rf_model_stats *stats);

    /* See rf_model_warm_up(). NULL: the first call is like any other. */
    rf_status (*warm_up)(const struct rf_model *model, rf_error *err);

    /* See rf_model_trim(). NULL: holds nothing that it could give back. */
    rf_status (*trim)(struct rf_model *model, rf_error *err);

    /* What decides the model's vectors, whatever the text, as any bytes: its files, its settings, what computes.
     * `options` are those that it was opened with. NULL: its vectors are not to be kept. */
    rf_status (*identity)(const struct rf_model *model, const rf_model_options *options, struct buf *out,
                          rf_error *err);

    /* What the options of a call add to that: the prompt. There where `identity` is. */
    rf_status (*call_identity)(const struct rf_model *model, const rf_embed_options *options, struct buf *out,
                               rf_error *err);

    /* Frees the model, not its `replaces`. */
    void (*free)(struct rf_model *model);
};

/* Immutable once open. */
struct rf_model {
    const struct provider *provider;
    const struct pipeline *pipeline; /* what computes in this process; NULL: a server does. What only a local model can
                                        do (tokenizer, variants, validation) asks for it. */
    rf_model_info info;              /* complete; its strings live as long as the model */
    uint64_t open_ns;
    uint64_t memory_open;             /* resident bytes of the process when the model was open */
    char *replaces;                   /* NULL, or what info.replaces points to */
    const struct rf_model *behind;    /* NULL, or the model that computes what is not kept */
    atomic_uint_least64_t n_repeated; /* texts, for the statistics */
};

/* See rf_model_open(); `options` is complete and checked. Opens the fallback where the source cannot be. */
rf_status rf__provider_open(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err);
void rf__provider_free(struct rf_model *model); /* of any provider; NULL is fine */

/* As the provider's embed, repeated texts computed once. */
rf_status rf__provider_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err);

/* Puts a cache in front of the model where the options ask for one; *model is then the cache's, which frees the other.
 * After a failure *model is as it was. */
rf_status rf__cached_open(const rf_model_options *options, struct rf_model **model, rf_error *err);

#define RF_IDENTITY_MAX_BYTES ((size_t)64 << 20) /* of an identity, with that of a call */

/* Appends all that decides the vectors of `inner`, a model that tells it, whatever the call: its identity, and whether
 * a cache in front of it rounds them. */
rf_status rf__provider_identity(const struct rf_model *inner, bool is_rounded, const rf_model_options *options,
                                struct buf *out, rf_error *err);

/* See rf_model_fingerprint(); both options are complete. */
rf_status rf__provider_fingerprint(const struct rf_model *model, const rf_model_options *options,
                                   const rf_embed_options *call, char out[RF_FINGERPRINT], rf_error *err);

/* RF_UNSUPPORTED where a server computes what the source names: its files cannot be had. */
rf_status rf__provider_need_files(const char *source, rf_error *err);

/* RF_UNSUPPORTED for a model that a server computes: `what`, for the message, needs one that is here. */
rf_status rf__provider_need_local(const struct rf_model *model, const char *what, rf_error *err);

/* ---- The local provider ------------------------------------------------------------------------------------------ */

/* As rf__provider_open(), without a fallback. */
rf_status rf__local_open(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err);

/* See struct provider. */
rf_status rf__local_identity(const rf_model_info *info, const rf_model_options *options, struct buf *out,
                             rf_error *err);

/* See rf_model_variants(). */
rf_status rf__local_variants(const char *directory, rf_variant_fn fn, void *user, rf_error *err);

/* What the hub needs of the options. */
struct hub_options rf__hub_options(const rf_model_options *options);

#endif
