/*
 * entry: a vector as bytes. In the store:
 *
 *     0  version, kind (0: fp32, 1: fp16), flags (1: truncated), 0
 *     4  dim, n_tokens, n_windows: 4 bytes each
 *    16  key: 32 bytes
 *    48  row: dim numbers of 4 or 2 bytes
 *     …  the sum of all before: 8 bytes
 *
 * Numbers are little-endian on every machine.
 */
#ifndef RF_VECTOR_CACHE_ENTRY_H
#define RF_VECTOR_CACHE_ENTRY_H

#include "vector_cache/vector_cache.h"

enum row_kind { ROW_FP32 = 0, ROW_FP16 = 1 };

/* The kind that a vector is kept in: fp16 where that is wanted and no number is beyond its range. */
enum row_kind rf__row_kind(const float *vector, size_t dim, bool fp16);
size_t rf__row_size(enum row_kind kind, size_t dim); /* bytes */
void rf__row_write(enum row_kind kind, const float *vector, size_t dim, uint8_t *out);
void rf__row_read(enum row_kind kind, const uint8_t *row, size_t dim, float *out);

/* Makes of a vector what it will be after it was kept with fp16. */
void rf__row_round(float *vector, size_t dim);

size_t rf__entry_size(enum row_kind kind, size_t dim);

/* The sum of bytes. It finds every change within eight bytes that stand at a multiple of eight, and any other but for
 * one in 2^64. */
uint64_t rf__entry_sum(const uint8_t *bytes, size_t len);

/* Writes rf__entry_size() bytes. */
void rf__entry_write(const struct vector_key *key, const struct kept_text *text, enum row_kind kind,
                     const float *vector, uint32_t dim, uint8_t *out);

/* Whether the bytes are an entry, whole, whosever it is; any bytes. */
bool rf__entry_is_whole(const uint8_t *entry, size_t len);

/* Reads the entry of that key and dimension into `out`, [dim]. False, with nothing written, where it is not whole or
 * another's; any bytes. */
bool rf__entry_read(const uint8_t *entry, size_t len, const struct vector_key *key, uint32_t dim, float *out,
                    struct kept_text *text);

#endif
