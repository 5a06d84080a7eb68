/*
 * hash: SHA-256, and SHA-1, which git names its files by; the only folder to include OpenSSL's headers. What returns
 * false failed for want of memory.
 */
#ifndef RF_HASH_HASH_H
#define RF_HASH_HASH_H

#include "base/error.h"

#define SHA256_BYTES 32
#define SHA1_BYTES   20

enum hash_kind { HASH_SHA256, HASH_SHA1 };

/* Bytes that come one after the other. */
struct hash;
struct hash *rf__hash_new(enum hash_kind kind); /* NULL when out of memory */
void rf__hash_free(struct hash *hash);          /* NULL is fine */
bool rf__hash_add(struct hash *hash, const void *data, size_t len);
bool rf__hash_copy(struct hash *hash, const struct hash *from); /* both of one kind */

bool rf__hash_finish(struct hash *hash, uint8_t *out); /* writes the hash of its kind, and begins anew */

/* Adds what is in a file, read piece by piece, and its number of bytes to *n_bytes, which may be NULL. RF_IO names the
 * path. */
rf_status rf__hash_add_file(struct hash *hash, const char *path, uint64_t *n_bytes, rf_error *err);

/* Writes two digits for each of n bytes, and a NUL. */
void rf__hash_hex(const uint8_t *bytes, size_t n, char *out);

bool rf__sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
rf_status rf__sha256_file(const char *path, uint8_t out[SHA256_BYTES], rf_error *err);

/* The same, noted in `folder` (NULL: nowhere) for a large file, which is read again when it was changed or moved: a
 * note holds for a path, a size and the time of the last change. */
rf_status rf__sha256_noted(const char *path, const char *folder, uint8_t out[SHA256_BYTES], rf_error *err);

#endif
