/*
 * hash: SHA-256, and SHA-1, which git names its files by; the only folder to include OpenSSL's headers. What returns
 * false failed for want of memory.
 */
#ifndef RF_HASH_HASH_H
#define RF_HASH_HASH_H

#include "base/error.h"

#define SHA256_BYTES   32
#define HASH_HEX_BYTES (2 * SHA256_BYTES + 1) /* of the digits of any kind, with a NUL */

enum hash_kind { HASH_SHA256, HASH_SHA1 };

/* Bytes that come one after the other. */
struct hash;
struct hash *rf__hash_new(enum hash_kind kind); /* NULL when out of memory */
void rf__hash_free(struct hash *hash);          /* NULL is fine */
bool rf__hash_add(struct hash *hash, const void *data, size_t len);
bool rf__hash_copy(struct hash *hash, const struct hash *from); /* both of one kind */

/* Writes the hash, of SHA256_BYTES or 20 bytes, and begins anew. */
bool rf__hash_finish(struct hash *hash, uint8_t *out);
bool rf__hash_finish_hex(struct hash *hash, char out[HASH_HEX_BYTES]);

/* Adds what is in a file, read piece by piece, and its number of bytes to *n_bytes, which may be NULL. RF_IO names the
 * path. */
rf_status rf__hash_add_file(struct hash *hash, const char *path, uint64_t *n_bytes, rf_error *err);

bool rf__sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
rf_status rf__sha256_file(const char *path, uint8_t out[SHA256_BYTES], rf_error *err);

#endif
