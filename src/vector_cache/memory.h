/*
 * memory: vectors in memory, up to a number of bytes; the least recently used make room for others. A table of buckets
 * finds them, a list has them in the order of their use. One thread at a time.
 *
 *     buckets ─ kept ─ kept          newest ⇄ kept ⇄ kept ⇄ oldest
 */
#ifndef RF_VECTOR_CACHE_MEMORY_H
#define RF_VECTOR_CACHE_MEMORY_H

#include "vector_cache/vector_cache.h"

struct memory;

/* NULL when out of memory. `max_bytes` too small for one vector: nothing is ever kept. */
struct memory *rf__memory_new(uint64_t max_bytes, uint32_t dim, bool fp16);
void rf__memory_free(struct memory *memory); /* NULL is fine */

/* Whether it is there; then `out`, [dim], and `text` are set, and it is the most recently used. */
bool rf__memory_get(struct memory *memory, const struct vector_key *key, float *out, struct kept_text *text);

/* Keeps a vector where it is not there yet. Nothing happens when out of memory. */
void rf__memory_put(struct memory *memory, const struct vector_key *key, const float *vector,
                    const struct kept_text *text);

uint64_t rf__memory_bytes(const struct memory *memory); /* that it takes */

#endif
