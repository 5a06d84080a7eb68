/*
 * vocabulary: the pieces of a model and their ids, packed: every string lies in one pool, hash tables of eight bytes a
 * slot point into it.
 *
 *     pool    0: unused | id 4 | length 4 | bytes | NUL | id 4 | length 4 | bytes | NUL | … | padding
 *     table   slot: upper half of the hash, position of the record in the pool (0: empty)
 *
 * Tables are at most half full and probed linearly; a run of full slots that is longer than chance allows makes it
 * begin again with another seed, so that no choice of strings makes a table slow.
 */
#ifndef RF_TOKENIZER_VOCABULARY_H
#define RF_TOKENIZER_VOCABULARY_H

#include "base/error.h"
#include "base/mem.h"
#include "tokenizer/text.h"

#include <string.h>

#define RF_VOCABULARY_MAX_IDS (1u << 24) /* every id is below */
#define RF_MAX_PIECE                                                                                                   \
    4096 /* bytes of a piece or an added token; the longest real ones have some hundred.                               \
          * What asks at each place of a text for pieces stays linear by it. */

struct string_slot {
    uint32_t tag;
    uint32_t record;
};

struct string_table {
    struct string_slot *slots; /* [mask + 1] */
    uint32_t mask;
    uint64_t seed;
};

struct vocabulary {
    char *pool;
    size_t pool_len, pool_cap;
    struct string_table table;
    uint32_t *record_of_id; /* [n_ids]; 0: no piece */
    uint32_t n_ids;         /* one above the highest */
    uint32_t n_pieces;      /* different strings */
    uint32_t empty_record;  /* the record of the empty string, which is in no table: no text has it. 0: none */
};

/* Makes room for n strings of n_bytes in all with ids below n_ids. Zero-initialise before. */
rf_status rf__vocabulary_init(struct vocabulary *vocabulary, size_t n, size_t n_bytes, uint32_t n_ids, rf_error *err);
void rf__vocabulary_release(struct vocabulary *vocabulary); /* fine on a zeroed one */

/* Within what was announced. A string that comes again takes the later id. */
void rf__vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t len, uint32_t id);
/* After the last string, before the first question. RF_UNSUPPORTED when one is longer than RF_MAX_PIECE. */
rf_status rf__vocabulary_finish(struct vocabulary *vocabulary, rf_error *err);

/* After that: each string is the name of its id, also where the same string came again with a later one. */
void rf__vocabulary_name_all(struct vocabulary *vocabulary);

bool rf__vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t len, uint32_t *id);
/* NULL when no piece has that id; where several have, one of them. NUL-terminated. */
const char *rf__vocabulary_piece(const struct vocabulary *vocabulary, uint32_t id, size_t *len);

/* The records in the order in which they were added, those of strings that came again included: NULL gives the first,
 * the last gives NULL. */
const char *rf__vocabulary_next(const struct vocabulary *vocabulary, const char *record);

/* The ids of the pieces "<0x00>" … "<0xFF>", by which models fall back to bytes; `none` where there is no such piece.
 */
void rf__vocabulary_find_bytes(const struct vocabulary *vocabulary, uint32_t none, uint32_t ids[256]);

/* A further table over the pieces that begin with `prefix` and are longer, by what follows it. */
rf_status rf__vocabulary_index_suffixes(const struct vocabulary *vocabulary, const char *prefix, size_t prefix_len,
                                        struct string_table *out, rf_error *err);
void rf__string_table_release(struct string_table *table);

/* ---- The inside of a question, inline for the models -------------------------------------------------------- */

static inline uint32_t rf__record_id(const char *record)
{
    uint32_t id;

    memcpy(&id, record, sizeof id);
    return id;
}

static inline uint32_t rf__record_len(const char *record)
{
    uint32_t len;

    memcpy(&len, record + 4, sizeof len);
    return len;
}

static inline const char *rf__record_bytes(const char *record)
{
    return record + 8;
}

/* The first n bytes, 1 to 8, as a number: the same for the same bytes in one process, no more. Reads eight bytes. */
static inline uint64_t rf__load_padded(const char *bytes, size_t n)
{
    uint64_t word = 0;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&word, bytes, sizeof word);
    return word & (UINT64_MAX >> (64 - 8 * n));
#else
    memcpy(&word, bytes, n);
    return word;
#endif
}

static inline uint64_t rf__mix(uint64_t x)
{
    x *= 0x9E3779B97F4A7C15u;
    return x ^ x >> 32;
}

/* The hash of a string that is not empty, of which RF_TEXT_PAD bytes more can be read. */
static inline uint64_t rf__hash_padded(const char *bytes, size_t len, uint64_t seed)
{
    uint64_t h = seed ^ len * 0xD6E8FEB86659FD93u;

    for (; len > 8; bytes += 8, len -= 8)
        h = rf__mix(h ^ rf__load_padded(bytes, 8));
    h = rf__mix(h ^ rf__load_padded(bytes, len));
    return rf__mix(h);
}

/* Whether two strings are equal; RF_TEXT_PAD bytes more of each can be read. */
static inline bool rf__equal_padded(const char *a, const char *b, size_t len)
{
    for (; len > 8; a += 8, b += 8, len -= 8)
        if (rf__load_padded(a, 8) != rf__load_padded(b, 8))
            return false;
    return len == 0 || rf__load_padded(a, len) == rf__load_padded(b, len);
}

/* The record whose string, without its first `skip` bytes, is `bytes`, of this hash with the table's seed; NULL when
 * there is none. len is not 0 and RF_TEXT_PAD bytes more can be read. */
static inline const char *rf__string_table_find_hashed(const struct string_table *table, const char *pool, size_t skip,
                                                       const char *bytes, size_t len, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32), i = (uint32_t)hash & table->mask;

    for (; table->slots[i].record != 0; i = (i + 1) & table->mask) {
        const char *record = pool + table->slots[i].record;
        if (table->slots[i].tag == tag && rf__record_len(record) == len + skip &&
            rf__equal_padded(rf__record_bytes(record) + skip, bytes, len))
            return record;
    }
    return NULL;
}

static inline const char *rf__string_table_find(const struct string_table *table, const char *pool, size_t skip,
                                                const char *bytes, size_t len)
{
    return rf__string_table_find_hashed(table, pool, skip, bytes, len, rf__hash_padded(bytes, len, table->seed));
}

/* Asks for the memory that finding a hash is going to read: for the slot, then, when that is there, for the record. */
static inline void rf__string_table_fetch(const struct string_table *table, uint64_t hash)
{
    rf__prefetch(&table->slots[(uint32_t)hash & table->mask]);
}

static inline void rf__string_table_fetch_record(const struct string_table *table, const char *pool, uint64_t hash)
{
    const struct string_slot *slot = &table->slots[(uint32_t)hash & table->mask];

    if (slot->tag == (uint32_t)(hash >> 32))
        rf__prefetch(pool + slot->record);
}

#endif
