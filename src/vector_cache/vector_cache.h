/*
 * vector_cache: (model, text) -> vector, for texts that were embedded before. Vectors are kept in memory, where the
 * least recently used make room for others, and in a store: a file that several processes use at once and that outlives
 * them.
 *
 *     text ─ key ─ memory.c ─┬─ found
 *                            └─ store.c ─ entry.c: is it whole? ─┬─ found
 *                                                                └─ to be computed
 *
 * What holds: a key is the SHA-256 of all that decides a vector, so that whoever has the key has the vector; an entry
 * of the store carries its key and a checksum, so that a damaged one is not found, never wrong. A store that cannot be
 * read or written finds nothing and keeps nothing: no embedding fails because of it.
 */
#ifndef RF_VECTOR_CACHE_VECTOR_CACHE_H
#define RF_VECTOR_CACHE_VECTOR_CACHE_H

#include "base/error.h"
#include "base/log.h"
#include "hash/hash.h"

#define VECTOR_CACHE_MIN_BYTES ((uint64_t)1 << 20) /* the least that a store may be limited to */

struct vector_key {
    uint8_t bytes[SHA256_BYTES];
};

/* The hash of what decides the vectors of a model, whatever the text; `identity` is any bytes. */
rf_status rf__vector_key_model(const void *identity, size_t len, struct vector_key *out, rf_error *err);

/* Makes the keys of texts in one call on a model; `call` is what the call adds to the model's identity, any bytes. */
struct key_maker;
rf_status rf__key_maker_new(const struct vector_key *model, const void *call, size_t len, struct key_maker **out,
                            rf_error *err);
void rf__key_maker_free(struct key_maker *maker); /* NULL is fine */
rf_status rf__key_make(struct key_maker *maker, rf_text text, struct vector_key *out, rf_error *err);

/* What is kept beside a vector. */
struct kept_text {
    uint32_t n_tokens, n_windows;
    bool truncated;
};

struct vector_cache_options {
    const char *path;      /* NULL: memory alone */
    uint64_t max_bytes;    /* of the store; at least VECTOR_CACHE_MIN_BYTES */
    uint64_t memory_bytes; /* 0: the store alone */
    uint32_t dim;
    bool fp16; /* numbers are kept in half the bytes, rounded */
    struct logger logger;
};

struct vector_cache; /* any thread may use it, at any time; a child of fork() opens the store for itself */

/* Opens the store, and makes it where there is none, with its folder. RF_INVALID_ARGUMENT for a file that is something
 * else; RF_IO for one that can be neither made nor opened; a damaged one is emptied, with a warning. */
rf_status rf__vector_cache_open(const struct vector_cache_options *options, struct vector_cache **out, rf_error *err);
void rf__vector_cache_free(struct vector_cache *cache); /* NULL is fine */

/* For each of n keys whose found[i] is false: looks the vector up, and where it is there sets found[i], row i of `out`,
 * [n, dim], and texts[i]. Returns how many it found. */
size_t rf__vector_cache_get(struct vector_cache *cache, const struct vector_key *keys, size_t n, float *out,
                            struct kept_text *texts, bool *found);

/* Makes of vectors, [n, dim], what rf__vector_cache_get() will give for them: with fp16 they are rounded, those that
 * have a number beyond its range excepted. */
void rf__vector_cache_round(const struct vector_cache *cache, float *vectors, size_t n);

/* Keeps rounded vectors, as far as there is room. */
void rf__vector_cache_put(struct vector_cache *cache, const struct vector_key *keys, size_t n, const float *vectors,
                          const struct kept_text *texts);

struct vector_cache_figures {
    uint64_t memory_hits, store_hits, misses, damaged; /* since it was opened; damaged: entries that were dropped */
    uint64_t memory_bytes, store_bytes;                /* that they take now */
};
void rf__vector_cache_figures(struct vector_cache *cache, struct vector_cache_figures *out);

/* ---- A store that no model has open, or any number of them ------------------------------------------------------- */

/* All fail with RF_NOT_FOUND where there is no file, RF_INVALID_ARGUMENT where it is something else, RF_IO where
 * another process does not let go of it. See rf_vector_cache_info. */
rf_status rf__store_info(const char *path, rf_vector_cache_info *out, rf_error *err);
rf_status rf__store_clear(const char *path, rf_error *err);
rf_status rf__store_compact(const char *path, rf_error *err);

#endif
