/* vector_cache: memory in front of a store; see vector_cache.h. Each has a mutex of its own, so that who waits for the
 * file does not keep others from what is in memory. */
#include "vector_cache/vector_cache.h"

#include "base/mem.h"
#include "os/os.h"
#include "vector_cache/memory.h"
#include "vector_cache/store.h"

struct vector_cache {
    uint32_t dim;
    bool fp16;
    struct os_mutex *memory_mutex, *store_mutex;
    struct memory *memory;                       /* under its mutex; NULL: none */
    struct store *store;                         /* under its mutex; NULL: none */
    uint64_t memory_hits, store_hits, n_lookups; /* under memory_mutex */
};

rf_status rf__vector_cache_open(const struct vector_cache_options *options, struct vector_cache **out, rf_error *err)
{
    const struct store_options store_options = {.path = options->path,
                                                .max_bytes = options->max_bytes,
                                                .dim = options->dim,
                                                .fp16 = options->fp16,
                                                .logger = options->logger};
    struct vector_cache *cache = rf__calloc(1, sizeof *cache);
    rf_status status = RF_OK;

    if (cache == NULL)
        return rf__fail_memory(err);
    cache->dim = options->dim;
    cache->fp16 = options->fp16;
    cache->memory_mutex = rf__os_mutex_new();
    cache->store_mutex = rf__os_mutex_new();
    if (options->memory_bytes > 0)
        cache->memory = rf__memory_new(options->memory_bytes, options->dim, options->fp16);
    if (cache->memory_mutex == NULL || cache->store_mutex == NULL ||
        (options->memory_bytes > 0 && cache->memory == NULL))
        status = rf__fail_memory(err);
    if (status == RF_OK && options->path != NULL)
        status = rf__store_open(&store_options, &cache->store, err);
    if (status != RF_OK) {
        rf__vector_cache_free(cache);
        return status;
    }
    *out = cache;
    return RF_OK;
}

void rf__vector_cache_free(struct vector_cache *cache)
{
    if (cache == NULL)
        return;
    rf__store_close(cache->store);
    rf__memory_free(cache->memory);
    rf__os_mutex_free(cache->memory_mutex);
    rf__os_mutex_free(cache->store_mutex);
    rf__free(cache);
}

/* What the memory has. */
static size_t get_from_memory(struct vector_cache *cache, const struct vector_key *keys, size_t n, float *out,
                              struct kept_text *texts, bool *found)
{
    size_t n_found = 0;

    for (size_t i = 0; i < n && cache->memory != NULL; i++)
        if (!found[i]) {
            found[i] = rf__memory_get(cache->memory, &keys[i], out + i * cache->dim, &texts[i]);
            n_found += found[i];
        }
    return n_found;
}

size_t rf__vector_cache_get(struct vector_cache *cache, const struct vector_key *keys, size_t n, float *out,
                            struct kept_text *texts, bool *found)
{
    size_t n_wanted = 0, in_memory, in_store = 0;

    for (size_t i = 0; i < n; i++)
        n_wanted += !found[i];
    rf__os_mutex_lock(cache->memory_mutex);
    in_memory = get_from_memory(cache, keys, n, out, texts, found);
    rf__os_mutex_unlock(cache->memory_mutex);
    if (cache->store != NULL) {
        rf__os_mutex_lock(cache->store_mutex);
        if (in_memory < n_wanted)
            in_store = rf__store_get(cache->store, keys, n, out, texts, found);
        rf__store_count(cache->store, in_memory + in_store, n_wanted - in_memory - in_store);
        rf__os_mutex_unlock(cache->store_mutex);
    }

    rf__os_mutex_lock(cache->memory_mutex);
    for (size_t i = 0; i < n && in_store > 0 && cache->memory != NULL; i++)
        if (found[i]) /* nothing happens to those that came from there */
            rf__memory_put(cache->memory, &keys[i], out + i * cache->dim, &texts[i]);
    cache->memory_hits += in_memory;
    cache->store_hits += in_store;
    cache->n_lookups += n_wanted;
    rf__os_mutex_unlock(cache->memory_mutex);
    return in_memory + in_store;
}

void rf__vector_cache_round(const struct vector_cache *cache, float *vectors, size_t n)
{
    for (size_t i = 0; i < n && cache->fp16; i++)
        rf__row_round(vectors + i * cache->dim, cache->dim);
}

void rf__vector_cache_put(struct vector_cache *cache, const struct vector_key *keys, size_t n, const float *vectors,
                          const struct kept_text *texts)
{
    rf__os_mutex_lock(cache->memory_mutex);
    for (size_t i = 0; i < n && cache->memory != NULL; i++)
        rf__memory_put(cache->memory, &keys[i], vectors + i * cache->dim, &texts[i]);
    rf__os_mutex_unlock(cache->memory_mutex);
    if (cache->store == NULL)
        return;
    rf__os_mutex_lock(cache->store_mutex);
    rf__store_put(cache->store, keys, n, vectors, texts);
    rf__os_mutex_unlock(cache->store_mutex);
}

void rf__vector_cache_figures(struct vector_cache *cache, struct vector_cache_figures *out)
{
    *out = (struct vector_cache_figures){0};
    rf__os_mutex_lock(cache->memory_mutex);
    out->memory_hits = cache->memory_hits;
    out->store_hits = cache->store_hits;
    out->misses = cache->n_lookups - cache->memory_hits - cache->store_hits;
    out->memory_bytes = cache->memory != NULL ? rf__memory_bytes(cache->memory) : 0;
    rf__os_mutex_unlock(cache->memory_mutex);
    if (cache->store == NULL)
        return;
    rf__os_mutex_lock(cache->store_mutex);
    out->damaged = rf__store_damaged(cache->store);
    out->store_bytes = rf__store_bytes(cache->store);
    rf__os_mutex_unlock(cache->store_mutex);
}
