/*
 * store: vectors in a file, an SQLite database of two tables, that several processes use at once:
 *
 *     entries   seq, id, entry     id: the first 8 bytes of the key; entry: see entry.h; seq: grows with each one put
 * in figures   name, value        hits, misses, evicted, damaged
 *
 * What is used least goes first: the entries with the lowest seq do, and one of the oldest quarter that is found again
 * gets a new seq, like one that was just put in. Both ends of the table are then written in order, never its middle.
 *
 * An entry proves itself, so that it is looked for without a lock first; a lock takes ten system calls, three times as
 * long as the rest. What is not found so is looked for once more under a lock.
 *
 * Why a rollback journal and no write-ahead log: that log grew to four times the file while eight processes wrote and
 * read, its index is memory that a fork() shares and that another process may cut, and it is not for network drives.
 * Why nothing is flushed to the disk: a process that is killed loses nothing by that. A power cut may leave a damaged
 * file, whose entries are checked one by one as ever.
 */
#ifndef RF_VECTOR_CACHE_STORE_H
#define RF_VECTOR_CACHE_STORE_H

#include "vector_cache/entry.h"

struct store_options {
    const char *path;
    uint64_t max_bytes;
    uint32_t dim;
    bool fp16;
    struct logger logger;
};

struct store; /* one thread at a time */

/* See rf__vector_cache_open(). */
rf_status rf__store_open(const struct store_options *options, struct store **out, rf_error *err);
void rf__store_close(struct store *store); /* NULL is fine */

/* As rf__vector_cache_get() and _put(). */
size_t rf__store_get(struct store *store, const struct vector_key *keys, size_t n, float *out, struct kept_text *texts,
                     bool *found);
void rf__store_put(struct store *store, const struct vector_key *keys, size_t n, const float *vectors,
                   const struct kept_text *texts);

/* Adds to the figures of the file, with what is written next. */
void rf__store_count(struct store *store, uint64_t hits, uint64_t misses);

uint64_t rf__store_damaged(const struct store *store); /* entries dropped since it was opened */
uint64_t rf__store_bytes(const struct store *store);   /* of the file */

#endif
