/* vocabulary: see vocabulary.h. */
#include "tokenizer/vocabulary.h"

#include "base/mem.h"

#include <stdio.h>

#define RECORD_EXTRA 9   /* bytes of a record beside its string */
#define TOGETHER     32  /* records whose slots are fetched at a time */
#define MAX_RUN      256 /* full slots in a row; chance gives some tens at most in a table that is half full */

static const uint64_t seeds[] = {0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u, 0x082EFA98EC4E6C89u};
#define N_SEEDS (sizeof seeds / sizeof seeds[0])

void rf__string_table_release(struct string_table *table)
{
    rf__free(table->slots);
    *table = (struct string_table){0};
}

void rf__vocabulary_release(struct vocabulary *vocabulary)
{
    rf__free(vocabulary->pool);
    rf__free(vocabulary->record_of_id);
    rf__string_table_release(&vocabulary->table);
    *vocabulary = (struct vocabulary){0};
}

rf_status rf__vocabulary_init(struct vocabulary *vocabulary, size_t n, size_t n_bytes, uint32_t n_ids, rf_error *err)
{
    size_t size;

    assert(n_ids <= RF_VOCABULARY_MAX_IDS);
    if (!rf__mul(n, RECORD_EXTRA, &size) || !rf__add(size, n_bytes, &size) || !rf__add(size, 1 + RF_TEXT_PAD, &size) ||
        size > UINT32_MAX)
        return rf__fail_memory(err);
    vocabulary->pool = rf__calloc(size, 1);
    vocabulary->record_of_id = rf__calloc(n_ids, sizeof *vocabulary->record_of_id);
    if (vocabulary->pool == NULL || vocabulary->record_of_id == NULL) {
        rf__vocabulary_release(vocabulary);
        return rf__fail_memory(err);
    }
    vocabulary->pool_len = 1; /* 0 is no record */
    vocabulary->pool_cap = size - RF_TEXT_PAD;
    vocabulary->n_ids = n_ids;
    return RF_OK;
}

void rf__vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t len, uint32_t id)
{
    char *record = vocabulary->pool + vocabulary->pool_len;
    uint32_t short_len = (uint32_t)len;

    assert(id < vocabulary->n_ids && vocabulary->pool_cap - vocabulary->pool_len >= len + RECORD_EXTRA);
    memcpy(record, &id, 4);
    memcpy(record + 4, &short_len, 4);
    memcpy(record + 8, piece, len);
    vocabulary->pool_len += len + RECORD_EXTRA;
}

/* ---- Tables ------------------------------------------------------------------------------------------------- */

/* A table for up to n strings, empty. */
static rf_status table_init(struct string_table *table, size_t n, rf_error *err)
{
    size_t n_slots = 16;

    while (n_slots < 2 * n)
        n_slots *= 2;
    if (n_slots > UINT32_MAX)
        return rf__fail_memory(err);
    table->slots = rf__calloc(n_slots, sizeof *table->slots);
    if (table->slots == NULL)
        return rf__fail_memory(err);
    table->mask = (uint32_t)(n_slots - 1);
    return RF_OK;
}

enum put_result { PUT_NEW, PUT_AGAIN, PUT_TOO_FAR };

static uint64_t hash_of(const struct string_table *table, const char *record, size_t skip)
{
    return rf__hash_padded(rf__record_bytes(record) + skip, rf__record_len(record) - skip, table->seed);
}

/* Puts a record in by its string without the first `skip` bytes, of this hash. When that is there already, *slot is
 * where. */
static enum put_result table_put(struct string_table *table, const char *pool, uint32_t position, size_t skip,
                                 uint64_t hash, struct string_slot **slot)
{
    const char *record = pool + position, *bytes = rf__record_bytes(record) + skip;
    size_t len = rf__record_len(record) - skip;
    uint32_t tag = (uint32_t)(hash >> 32), i = (uint32_t)hash & table->mask;

    for (int run = 0; run < MAX_RUN; run++, i = (i + 1) & table->mask) {
        struct string_slot *s = &table->slots[i];
        const char *other = pool + s->record;
        *slot = s;
        if (s->record == 0) {
            *s = (struct string_slot){tag, position};
            return PUT_NEW;
        }
        if (s->tag == tag && rf__record_len(other) == len + skip &&
            rf__equal_padded(rf__record_bytes(other) + skip, bytes, len))
            return PUT_AGAIN;
    }
    return PUT_TOO_FAR;
}

static size_t next_record(const char *pool, size_t position)
{
    return position + rf__record_len(pool + position) + RECORD_EXTRA;
}

/* Puts in some records, of which the first is at *at, after asking for the memory of all their slots. */
static bool fill_some(struct vocabulary *vocabulary, size_t *at)
{
    struct string_table *table = &vocabulary->table;
    struct {
        uint32_t position;
        uint64_t hash;
    } some[TOGETHER];
    size_t n = 0;

    for (; n < TOGETHER && *at < vocabulary->pool_len; *at = next_record(vocabulary->pool, *at)) {
        const char *record = vocabulary->pool + *at;
        if (rf__record_len(record) == 0) {
            vocabulary->n_pieces += vocabulary->empty_record == 0;
            vocabulary->empty_record = (uint32_t)*at;
            continue;
        }
        some[n].position = (uint32_t)*at;
        some[n].hash = hash_of(table, record, 0);
        rf__string_table_fetch(table, some[n++].hash);
    }
    for (size_t i = 0; i < n; i++) {
        struct string_slot *slot;
        switch (table_put(table, vocabulary->pool, some[i].position, 0, some[i].hash, &slot)) {
        case PUT_NEW:
            vocabulary->n_pieces++;
            break;
        case PUT_AGAIN:
            slot->record = some[i].position; /* the later one */
            break;
        case PUT_TOO_FAR:
            return false;
        }
    }
    return true;
}

/* Fills the table with all records; false when a run becomes too long. */
static bool fill(struct vocabulary *vocabulary)
{
    size_t at = 1;
    bool is_done = true;

    vocabulary->n_pieces = 0;
    vocabulary->empty_record = 0;
    while (at < vocabulary->pool_len && is_done)
        is_done = fill_some(vocabulary, &at);
    return is_done;
}

const char *rf__vocabulary_next(const struct vocabulary *vocabulary, const char *record)
{
    size_t at = record == NULL ? 1 : next_record(vocabulary->pool, (size_t)(record - vocabulary->pool));

    return at < vocabulary->pool_len ? vocabulary->pool + at : NULL;
}

static rf_status fail_collisions(rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "the pieces of the vocabulary collide as no real vocabulary does");
}

/* Where two pieces have one id, the first of the file is its name. */
static void name_id(struct vocabulary *vocabulary, uint32_t record)
{
    uint32_t *of_id;

    if (record == 0)
        return;
    of_id = &vocabulary->record_of_id[rf__record_id(vocabulary->pool + record)];
    if (*of_id == 0 || record < *of_id)
        *of_id = record;
}

rf_status rf__vocabulary_finish(struct vocabulary *vocabulary, rf_error *err)
{
    struct string_table *table = &vocabulary->table;
    size_t n = 0;
    bool is_full = false;
    rf_status status;

    for (size_t at = 1; at < vocabulary->pool_len; at = next_record(vocabulary->pool, at), n++) {
        const char *record = vocabulary->pool + at;
        if (rf__record_len(record) > RF_MAX_PIECE)
            return rf__fail(err, RF_UNSUPPORTED, "unsupported: piece %u has %u bytes; the limit is %d",
                            rf__record_id(record), rf__record_len(record), RF_MAX_PIECE);
    }
    status = table_init(table, n, err);
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < N_SEEDS && !is_full; i++) {
        memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof *table->slots);
        table->seed = seeds[i];
        is_full = fill(vocabulary);
    }
    if (!is_full)
        return fail_collisions(err);
    if (vocabulary->n_pieces == n) {
        rf__vocabulary_name_all(vocabulary);
        return RF_OK;
    }
    for (size_t i = 0; i <= table->mask; i++)
        name_id(vocabulary, table->slots[i].record);
    name_id(vocabulary, vocabulary->empty_record);
    return RF_OK;
}

void rf__vocabulary_name_all(struct vocabulary *vocabulary)
{
    for (size_t at = 1; at < vocabulary->pool_len; at = next_record(vocabulary->pool, at))
        name_id(vocabulary, (uint32_t)at);
}

static bool has_suffix(const char *record, const char *prefix, size_t prefix_len)
{
    return rf__record_len(record) > prefix_len && memcmp(rf__record_bytes(record), prefix, prefix_len) == 0;
}

static bool fill_suffixes(const struct vocabulary *vocabulary, const char *prefix, size_t prefix_len,
                          struct string_table *out)
{
    const struct string_table *table = &vocabulary->table;

    for (size_t i = 0; i <= table->mask; i++) {
        uint32_t at = table->slots[i].record;
        struct string_slot *slot;
        if (at != 0 && has_suffix(vocabulary->pool + at, prefix, prefix_len) &&
            table_put(out, vocabulary->pool, at, prefix_len, hash_of(out, vocabulary->pool + at, prefix_len), &slot) ==
                PUT_TOO_FAR)
            return false;
    }
    return true;
}

rf_status rf__vocabulary_index_suffixes(const struct vocabulary *vocabulary, const char *prefix, size_t prefix_len,
                                        struct string_table *out, rf_error *err)
{
    const struct string_table *table = &vocabulary->table;
    size_t n = 0;
    rf_status status;

    for (size_t i = 0; i <= table->mask; i++)
        n += table->slots[i].record != 0 && has_suffix(vocabulary->pool + table->slots[i].record, prefix, prefix_len);
    status = table_init(out, n, err);
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < N_SEEDS; i++) {
        memset(out->slots, 0, ((size_t)out->mask + 1) * sizeof *out->slots);
        out->seed = seeds[N_SEEDS - 1 - i];
        if (fill_suffixes(vocabulary, prefix, prefix_len, out))
            return RF_OK;
    }
    rf__string_table_release(out);
    return fail_collisions(err);
}

/* ---- Questions ---------------------------------------------------------------------------------------------- */

static const char *find(const struct vocabulary *vocabulary, const char *piece, size_t len)
{
    char padded[RF_MAX_PIECE + RF_TEXT_PAD];

    if (len == 0)
        return vocabulary->empty_record == 0 ? NULL : vocabulary->pool + vocabulary->empty_record;
    if (len > RF_MAX_PIECE)
        return NULL;
    memcpy(padded, piece, len);
    memset(padded + len, 0, RF_TEXT_PAD);
    return rf__string_table_find(&vocabulary->table, vocabulary->pool, 0, padded, len);
}

bool rf__vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t len, uint32_t *id)
{
    const char *record = find(vocabulary, piece, len);

    if (record == NULL)
        return false;
    *id = rf__record_id(record);
    return true;
}

void rf__vocabulary_find_bytes(const struct vocabulary *vocabulary, uint32_t none, uint32_t ids[256])
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char piece[8];
        int len = snprintf(piece, sizeof piece, "<0x%02X>", byte);
        if (!rf__vocabulary_find(vocabulary, piece, (size_t)len, &ids[byte]))
            ids[byte] = none;
    }
}

const char *rf__vocabulary_piece(const struct vocabulary *vocabulary, uint32_t id, size_t *len)
{
    const char *record;

    if (id >= vocabulary->n_ids || vocabulary->record_of_id[id] == 0)
        return NULL;
    record = vocabulary->pool + vocabulary->record_of_id[id];
    if (len != NULL)
        *len = rf__record_len(record);
    return rf__record_bytes(record);
}
