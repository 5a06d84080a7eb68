/*
 * cached_model: a provider in front of any other's model. Texts whose vectors are kept (vector_cache/) are not
 * computed; what was computed is kept.
 *
 *     texts ─ keys ─ rf__vector_cache_get ─┬─ rows of `out`
 *                                          └─ the others ─ the model behind ─ rf__vector_cache_put ─ rows of `out`
 *
 * A call goes through in parts, so that its memory does not grow with its texts and what was computed before a failure
 * is kept.
 */
#include "provider/provider.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/answers.h"
#include "provider/relay.h"
#include "vector_cache/vector_cache.h"

#include <string.h>

#define DEFAULT_STORE_MB  1024
#define DEFAULT_MEMORY_MB 32
#define PART_TEXTS        4096

struct cached_model {
    struct rf_model base; /* first: a struct rf_model of this provider is one of these */
    struct rf_model *inner;
    struct vector_cache *cache;
    struct vector_key identity;
    struct logger logger;
    atomic_uint_least64_t n_calls, n_texts;
};

/* One call. The arrays are of a part. */
struct cached_call {
    const struct cached_model *model;
    const rf_embed_options *options;
    struct key_maker *maker;
    struct vector_key *keys;
    struct kept_text *kept;
    bool *found;
    size_t cap;
    size_t n, done; /* texts of the call, and of those before this part */
    size_t n_truncated, n_long, n_windows;
};

/* What is not kept, gathered. */
struct missing {
    size_t n;
    rf_text *texts;
    struct vector_key *keys;
    struct kept_text *kept;
    size_t *rows; /* of the part */
    struct answers answers;
};

/* ---- A part of a call -------------------------------------------------------------------------------------------- */

static bool allocate_missing(struct missing *missing, size_t n, size_t dim)
{
    missing->texts = rf__alloc_array(n, sizeof *missing->texts);
    missing->keys = rf__alloc_array(n, sizeof *missing->keys);
    missing->kept = rf__alloc_array(n, sizeof *missing->kept);
    missing->rows = rf__alloc_array(n, sizeof *missing->rows);
    return rf__answers_allocate(&missing->answers, n, dim) && missing->texts != NULL && missing->keys != NULL &&
           missing->kept != NULL && missing->rows != NULL;
}

static void release_missing(struct missing *missing)
{
    rf__free(missing->texts);
    rf__free(missing->keys);
    rf__free(missing->kept);
    rf__free(missing->rows);
    rf__answers_release(&missing->answers);
}

static void gather(const struct cached_call *call, const rf_text *texts, size_t n, struct missing *missing)
{
    for (size_t i = 0; i < n; i++)
        if (!call->found[i]) {
            missing->texts[missing->n] = texts[i];
            missing->rows[missing->n] = i;
            missing->keys[missing->n++] = call->keys[i];
        }
}

/* Keeps what was computed, and brings it to its rows. After a failure that is what is done. */
static void keep(struct cached_call *call, struct missing *missing, bool all, float *out)
{
    const struct cached_model *model = call->model;
    const struct answers *a = &missing->answers;
    size_t dim = model->base.info.dim, n = 0;

    for (size_t i = 0; i < missing->n; i++)
        if (all || a->done[i]) { /* moves to the front: n is at most i */
            float *vector = memmove(a->vectors + n * dim, a->vectors + i * dim, dim * sizeof *out);
            rf__vector_cache_round(model->cache, vector, 1);
            memcpy(out + missing->rows[i] * dim, vector, dim * sizeof *out);
            missing->keys[n] = missing->keys[i];
            missing->kept[n] = (struct kept_text){a->n_tokens[i], a->n_windows[i], a->truncated[i]};
            call->kept[missing->rows[i]] = missing->kept[n++];
            call->found[missing->rows[i]] = true;
        }
    rf__vector_cache_put(model->cache, missing->keys, n, a->vectors, missing->kept);
}

/* The message of a failure with the number that the text has in the call. */
static rf_status renumber(const struct cached_call *call, const struct missing *missing, rf_status status,
                          const rf_error *reason, rf_error *err)
{
    size_t number;
    const char *rest;

    if (err == NULL)
        return status;
    if (rf__names_a_text(reason, &number, &rest) && number < missing->n)
        return rf__fail(err, status, "text %zu%s", call->done + missing->rows[number], rest);
    *err = *reason;
    return status;
}

static rf_status compute(struct cached_call *call, const rf_text *texts, size_t n, size_t n_missing, float *out,
                         rf_error *err)
{
    const struct rf_model *inner = call->model->inner;
    struct relay relay = {call->options->progress, call->options->progress_user, call->done + n - n_missing, call->n};
    struct missing missing = {0};
    rf_embed_options own = *call->options;
    rf_error reason = {RF_OK, ""};
    rf_status status = RF_OK;

    if (!allocate_missing(&missing, n_missing, inner->info.dim))
        status = rf__fail_memory(err);
    if (status == RF_OK) {
        gather(call, texts, n, &missing);
        own.n_tokens = missing.answers.n_tokens;
        own.truncated = missing.answers.truncated;
        own.n_windows = missing.answers.n_windows;
        own.done = missing.answers.done;
        if (own.progress != NULL) {
            own.progress = rf__relay;
            own.progress_user = &relay;
        }
        status = inner->provider->embed(inner, missing.texts, missing.n, &own, missing.answers.vectors, &reason);
        keep(call, &missing, status == RF_OK, out);
        if (status != RF_OK)
            status = renumber(call, &missing, status, &reason, err);
    }
    release_missing(&missing);
    return status;
}

/* What the caller wants to know of each text, and of all. */
static void report(struct cached_call *call, size_t n)
{
    const rf_embed_options *o = call->options;

    for (size_t i = 0; i < n; i++) {
        const struct kept_text *kept = &call->kept[i];
        if (!call->found[i] || (o->done != NULL && o->done[call->done + i]))
            continue; /* after a failure; or an earlier call told it */
        if (o->n_tokens != NULL)
            o->n_tokens[call->done + i] = kept->n_tokens;
        if (o->truncated != NULL)
            o->truncated[call->done + i] = kept->truncated;
        if (o->n_windows != NULL)
            o->n_windows[call->done + i] = kept->n_windows;
        call->n_truncated += kept->truncated;
        call->n_long += kept->n_windows > 1;
        call->n_windows += kept->n_windows > 1 ? kept->n_windows : 0;
    }
}

static rf_status embed_part(struct cached_call *call, const rf_text *texts, size_t n, float *out, rf_error *err)
{
    bool *done = call->options->done != NULL ? call->options->done + call->done : NULL;
    rf_status status = RF_OK;
    size_t n_found = 0, n_kept;

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        call->found[i] = done != NULL && done[i];
        n_found += call->found[i];
        status = rf__key_make(call->maker, texts[i], &call->keys[i], err);
    }
    if (status != RF_OK)
        return status;
    n_kept = rf__vector_cache_get(call->model->cache, call->keys, n, out, call->kept, call->found);
    n_found += n_kept;
    if (call->options->stats != NULL)
        call->options->stats->found += n_kept;
    if (n_found < n)
        status = compute(call, texts, n, n - n_found, out, err);
    else if (call->options->progress != NULL &&
             !call->options->progress(call->options->progress_user, call->done + n, call->n))
        status = rf__fail(err, RF_CANCELLED, "cancelled");
    report(call, n);
    for (size_t i = 0; i < n && done != NULL; i++)
        done[i] = call->found[i];
    call->done += status == RF_OK ? n : 0;
    return status;
}

/* ---- A call ------------------------------------------------------------------------------------------------------ */

static rf_status begin_call(struct cached_call *call, rf_error *err)
{
    const struct rf_model *inner = call->model->inner;
    struct buf identity;
    rf_status status;

    call->cap = call->n < PART_TEXTS ? call->n : PART_TEXTS;
    call->keys = rf__alloc_array(call->cap, sizeof *call->keys);
    call->kept = rf__alloc_array(call->cap, sizeof *call->kept);
    call->found = rf__alloc_array(call->cap, sizeof *call->found);
    if (call->keys == NULL || call->kept == NULL || call->found == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&identity, RF_IDENTITY_MAX_BYTES);
    status = inner->provider->call_identity(inner, call->options, &identity, err);
    if (status == RF_OK)
        status = rf__key_maker_new(&call->model->identity, identity.data, identity.len, &call->maker, err);
    rf__buf_release(&identity);
    return status;
}

/* As the model behind tells it of its own calls. */
static void tell(const struct cached_call *call)
{
    const struct logger *logger = &call->model->logger;
    uint32_t max_tokens = call->model->base.info.max_tokens;

    if (call->n_truncated > 0 && call->options->truncated == NULL)
        rf__log_truncated(logger, call->n_truncated, call->n, max_tokens);
    if (call->n_long > 0 && call->options->n_windows == NULL)
        rf__log(logger, RF_LOG_INFO, "%zu of %zu texts were longer than %u tokens and were embedded in %zu windows",
                call->n_long, call->n, max_tokens, call->n_windows);
}

static rf_status cached_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                              const rf_embed_options *options, float *out, rf_error *err)
{
    struct cached_model *own = (struct cached_model *)(uintptr_t)model; /* only its atomics are written */
    struct cached_call call = {.model = own, .options = options, .n = n};
    rf_status status = begin_call(&call, err);

    while (status == RF_OK && call.done < n) {
        size_t part = n - call.done < call.cap ? n - call.done : call.cap;
        status = embed_part(&call, texts + call.done, part, out + call.done * model->info.dim, err);
    }
    if (status == RF_OK) {
        tell(&call);
        atomic_fetch_add(&own->n_calls, 1);
        atomic_fetch_add(&own->n_texts, n);
    }
    rf__key_maker_free(call.maker);
    rf__free(call.keys);
    rf__free(call.kept);
    rf__free(call.found);
    return status;
}

/* ---- The provider ------------------------------------------------------------------------------------------------ */

static struct rf_model *behind(const struct rf_model *model)
{
    return ((const struct cached_model *)model)->inner;
}

static const char *cached_prompt(const struct rf_model *model, const char *name)
{
    const struct rf_model *inner = behind(model);

    return inner->provider->prompt != NULL ? inner->provider->prompt(inner, name) : NULL;
}

static void cached_stats(const struct rf_model *model, rf_model_stats *stats)
{
    const struct cached_model *own = (const struct cached_model *)model;
    struct vector_cache_figures figures;

    own->inner->provider->stats(own->inner, stats);
    rf__vector_cache_figures(own->cache, &figures);
    stats->calls = own->n_calls;
    stats->texts = own->n_texts;
    stats->cache_hits = figures.memory_hits + figures.store_hits;
    stats->cache_memory_hits = figures.memory_hits;
    stats->cache_misses = figures.misses;
    stats->cache_damaged = figures.damaged;
    stats->cache_bytes = figures.store_bytes;
    stats->cache_memory_bytes = figures.memory_bytes;
}

static rf_status cached_warm_up(const struct rf_model *model, rf_error *err)
{
    const struct rf_model *inner = behind(model);

    return inner->provider->warm_up != NULL ? inner->provider->warm_up(inner, err) : RF_OK;
}

static rf_status cached_trim(struct rf_model *model, rf_error *err)
{
    struct rf_model *inner = behind(model);

    return inner->provider->trim != NULL ? inner->provider->trim(inner, err) : RF_OK;
}

static void cached_free(struct rf_model *model)
{
    struct cached_model *own = (struct cached_model *)model;

    rf__vector_cache_free(own->cache);
    rf__provider_free(own->inner);
    rf__free(own);
}

static const struct provider cached_provider = {
    .embed = cached_embed,
    .prompt = cached_prompt,
    .stats = cached_stats,
    .warm_up = cached_warm_up,
    .trim = cached_trim,
    .free = cached_free,
};

/* The key of the model. */
static rf_status identify(struct cached_model *model, const rf_model_options *options, rf_error *err)
{
    struct buf identity;
    rf_status status;

    rf__buf_init(&identity, RF_IDENTITY_MAX_BYTES);
    status = rf__provider_identity(model->inner, options->vector_cache_fp16, options, &identity, err);
    if (status == RF_OK)
        status = rf__vector_key_model(identity.data, identity.len, &model->identity, err);
    rf__buf_release(&identity);
    return status;
}

static rf_status open_cache(struct cached_model *model, const rf_model_options *options, rf_error *err)
{
    const struct vector_cache_options cache_options = {
        .path = options->vector_cache,
        .max_bytes = (uint64_t)(options->vector_cache_mb != 0 ? options->vector_cache_mb : DEFAULT_STORE_MB) << 20,
        .memory_bytes = (uint64_t)(options->vector_memory_mb != 0 ? options->vector_memory_mb : DEFAULT_MEMORY_MB)
                        << 20,
        .dim = model->inner->info.dim,
        .fp16 = options->vector_cache_fp16,
        .logger = {options->log, options->log_user}};

    return rf__vector_cache_open(&cache_options, &model->cache, err);
}

rf_status rf__cached_open(const rf_model_options *options, struct rf_model **model, rf_error *err)
{
    struct rf_model *inner = *model;
    struct cached_model *own;
    uint64_t begin = rf__os_now_ns();
    rf_status status;

    if ((options->vector_cache == NULL && options->vector_memory_mb == 0) || inner->provider->identity == NULL)
        return RF_OK;
    own = rf__calloc(1, sizeof *own);
    if (own == NULL)
        return rf__fail_memory(err);
    own->inner = inner;
    own->logger = (struct logger){options->log, options->log_user};
    status = identify(own, options, err);
    if (status == RF_OK)
        status = open_cache(own, options, err);
    if (status != RF_OK) {
        rf__free(own);
        return status;
    }
    own->base = (struct rf_model){.provider = &cached_provider,
                                  .pipeline = inner->pipeline,
                                  .info = inner->info,
                                  .open_ns = inner->open_ns + rf__os_now_ns() - begin,
                                  .behind = inner};
    *model = &own->base;
    return RF_OK;
}
