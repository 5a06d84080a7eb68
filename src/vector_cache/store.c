/* store: see store.h. */
#include "vector_cache/store.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "os/os.h"
#include "vector_cache/database.h"

#include <string.h>

#define READ_PATIENCE_MS  200  /* a text that takes longer to find is computed */
#define WRITE_PATIENCE_MS 2000 /* then it is not kept */
#define PUT_AT_ONCE       256  /* in one transaction, during whose end nobody reads */
#define MAX_NOTED         256  /* ids that wait for a transaction that writes */
#define PEEK_READS        256  /* then it looks at the file anew */
#define ROW_BYTES         64   /* that a row takes beside its entry, and its part of the index, at most */

struct id_list {
    int64_t ids[MAX_NOTED];
    size_t n;
};

struct store {
    struct database database, peek; /* peek: without locks */
    char *path;
    uint64_t process; /* that opened the database */
    uint64_t max_bytes;
    uint32_t dim;
    bool fp16, failed;    /* failed: it was told, and is told no more */
    uint8_t *entry;       /* room for one */
    unsigned n_reads;     /* look-ups */
    int64_t low, high;    /* of seq, when it was last looked at */
    int64_t written_high; /* of seq, when this process last wrote */
    struct id_list used, damaged;
    uint64_t hits, misses, n_damaged; /* not yet written; the last since it was opened */
    uint64_t unwritten_damaged;
};

/* The lowest and the highest seq. */
static int look_at_range(struct store *store)
{
    sqlite3_stmt *s = store->database.statements[SQL_RANGE];
    int code = sqlite3_step(s);

    if (code == SQLITE_ROW) {
        store->low = sqlite3_column_int64(s, 0);
        store->high = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* ---- Opening and closing ----------------------------------------------------------------------------------------- */

static rf_status open_database(struct store *store, rf_error *err)
{
    rf_status status;

    store->process = rf__os_process_id();
    status = rf__database_open(&store->database, err);
    if (status != RF_OK) {
        rf__database_close(&store->database);
        return status;
    }
    (void)look_at_range(store);
    store->written_high = store->high;
    return RF_OK;
}

/* The folder that the file is to lie in. */
static rf_status make_folder(const char *path, rf_error *err)
{
    size_t len = rf__os_folder_len(path);
    char *folder = len > 0 ? rf__strndup(path, len) : NULL;
    rf_status status = folder != NULL ? rf__os_make_directories(folder, err) : RF_OK;

    if (len > 0 && folder == NULL)
        status = rf__fail_memory(err);
    rf__free(folder);
    return status;
}

rf_status rf__store_open(const struct store_options *options, struct store **out, rf_error *err)
{
    struct store *store = rf__calloc(1, sizeof *store);
    rf_status status;

    if (store == NULL)
        return rf__fail_memory(err);
    store->path = rf__strdup(options->path);
    store->entry = rf__alloc(rf__entry_size(ROW_FP32, options->dim));
    store->max_bytes = options->max_bytes;
    store->dim = options->dim;
    store->fp16 = options->fp16;
    store->database = (struct database){
        .path = store->path, .logger = options->logger, .max_bytes = options->max_bytes, .is_new = true};
    store->peek = (struct database){.path = store->path};
    status = store->path == NULL || store->entry == NULL ? rf__fail_memory(err) : make_folder(store->path, err);
    if (status == RF_OK)
        status = open_database(store, err);
    if (status == RF_OK) {
        *out = store;
        return RF_OK;
    }
    store->database.db = NULL;
    rf__store_close(store);
    return status;
}

/* ---- What may go wrong ------------------------------------------------------------------------------------------- */

static void tell_once(struct store *store, const char *what, const char *why)
{
    if (!store->failed)
        rf__log(&store->database.logger, RF_LOG_WARNING,
                "%s: the cache of vectors cannot be %s (%s); texts are computed", store->path, what, why);
    store->failed = true;
}

/* After a transaction that went wrong. What is busy will be free again; what is damaged is emptied; for the rest there
 * is nothing to do. */
static void recover(struct store *store, int code, const char *what)
{
    rf_error err = {RF_OK, ""};

    if (sqlite3_get_autocommit(store->database.db) == 0)
        (void)rf__database_run(&store->database, SQL_ROLLBACK);
    if ((code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED)
        return;
    if (!rf__database_is_damage(code) || store->database.read_only) {
        tell_once(store, what, sqlite3_errstr(code));
        return;
    }
    rf__log(&store->database.logger, RF_LOG_WARNING, "%s: the cache of vectors is damaged (%s) and is emptied",
            store->path, sqlite3_errstr(code));
    if (rf__database_reset(&store->database, &err) != RF_OK) {
        tell_once(store, "used", err.message);
        rf__database_close(&store->database);
    }
}

/* Whether the database can be used, in this process. */
static bool is_open(struct store *store)
{
    rf_error err = {RF_OK, ""};

    if (store->database.db != NULL && store->process != rf__os_process_id()) {
        rf__database_abandon(&store->database);
        rf__database_abandon(&store->peek);
        store->used.n = store->damaged.n = 0;
        store->hits = store->misses = 0;
        if (open_database(store, &err) != RF_OK)
            tell_once(store, "opened", err.message);
    }
    return store->database.db != NULL;
}

static void note(struct id_list *list, int64_t id)
{
    if (list->n < MAX_NOTED)
        list->ids[list->n++] = id;
}

static int64_t id_of(const struct vector_key *key)
{
    return (int64_t)rf__u64_at(key->bytes);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static int run_with_id(struct store *store, enum statement statement, int64_t id)
{
    sqlite3_bind_int64(store->database.statements[statement], 1, id);
    return rf__database_run(&store->database, statement);
}

static int add_figure(struct store *store, const char *name, uint64_t value)
{
    sqlite3_stmt *s = store->database.statements[SQL_FIGURE];

    if (value == 0)
        return SQLITE_OK;
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)value);
    return rf__database_run(&store->database, SQL_FIGURE);
}

/* Bytes of the pages that hold something. */
static int used_bytes(struct store *store, uint64_t *out)
{
    int64_t pages = 0, unused = 0;
    int code = rf__database_number(&store->database, SQL_PAGES, &pages);

    if (code == SQLITE_OK)
        code = rf__database_number(&store->database, SQL_FREE_PAGES, &unused);
    *out = pages > unused ? (uint64_t)(pages - unused) * store->database.page_bytes : 0;
    return code;
}

/* Evicts until n entries have room. */
static int make_room(struct store *store, size_t n, uint64_t *n_evicted)
{
    uint64_t need = n * (rf__entry_size(ROW_FP32, store->dim) + ROW_BYTES) + 8 * store->database.page_bytes, used;
    int code = used_bytes(store, &used);

    while (code == SQLITE_OK && used + need > store->max_bytes) {
        int n_gone;
        code = run_with_id(store, SQL_EVICT, (int64_t)n + 16);
        n_gone = sqlite3_changes(store->database.db);
        if (code != SQLITE_OK || n_gone <= 0)
            return code == SQLITE_OK ? SQLITE_FULL : code;
        *n_evicted += (uint64_t)n_gone;
        code = used_bytes(store, &used);
    }
    return code;
}

/* What was noted since the last transaction that wrote. Hits give an entry a new place only where others come in: now,
 * or since then by another process. Without these none is in danger. */
static int write_notes(struct store *store, bool come_in)
{
    int code = look_at_range(store);

    come_in = come_in || store->high != store->written_high;
    for (size_t i = 0; i < store->damaged.n && code == SQLITE_OK; i++)
        code = run_with_id(store, SQL_REMOVE, store->damaged.ids[i]);
    for (size_t i = 0; i < store->used.n && code == SQLITE_OK && come_in; i++)
        code = run_with_id(store, SQL_PROMOTE, store->used.ids[i]);
    if (code == SQLITE_OK)
        code = add_figure(store, "hits", store->hits);
    if (code == SQLITE_OK)
        code = add_figure(store, "misses", store->misses);
    if (code == SQLITE_OK)
        code = add_figure(store, "damaged", store->unwritten_damaged);
    return code;
}

static int put_one(struct store *store, const struct vector_key *key, const float *vector, const struct kept_text *text)
{
    sqlite3_stmt *s = store->database.statements[SQL_PUT];
    enum row_kind kind = rf__row_kind(vector, store->dim, store->fp16);
    int code;

    rf__entry_write(key, text, kind, vector, store->dim, store->entry);
    sqlite3_bind_int64(s, 1, id_of(key));
    sqlite3_bind_blob64(s, 2, store->entry, rf__entry_size(kind, store->dim), SQLITE_STATIC);
    code = rf__database_run(&store->database, SQL_PUT);
    sqlite3_clear_bindings(s);
    return code;
}

/* One transaction: the notes, and n entries. */
static void write(struct store *store, const struct vector_key *keys, size_t n, const float *vectors,
                  const struct kept_text *texts)
{
    uint64_t n_evicted = 0;
    int code;

    rf__database_patience(&store->database, WRITE_PATIENCE_MS);
    code = rf__database_run(&store->database, SQL_BEGIN_WRITE);
    if (code == SQLITE_OK)
        code = write_notes(store, n > 0);
    if (code == SQLITE_OK && n > 0)
        code = make_room(store, n, &n_evicted);
    for (size_t i = 0; i < n && code == SQLITE_OK; i++)
        code = put_one(store, &keys[i], vectors + i * store->dim, &texts[i]);
    if (code == SQLITE_OK)
        code = add_figure(store, "evicted", n_evicted);
    if (code == SQLITE_OK)
        code = look_at_range(store);
    if (code == SQLITE_OK)
        code = rf__database_run(&store->database, SQL_COMMIT);
    if (code != SQLITE_OK) {
        recover(store, code, "written");
        return;
    }
    store->written_high = store->high;
    store->used.n = store->damaged.n = 0;
    store->hits = store->misses = store->unwritten_damaged = 0;
}

void rf__store_put(struct store *store, const struct vector_key *keys, size_t n, const float *vectors,
                   const struct kept_text *texts)
{
    for (size_t i = 0; i < n && is_open(store) && !store->database.read_only; i += PUT_AT_ONCE)
        write(store, keys + i, n - i < PUT_AT_ONCE ? n - i : PUT_AT_ONCE, vectors + i * store->dim, texts + i);
}

void rf__store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->database.db != NULL && store->process != rf__os_process_id()) {
        rf__database_abandon(&store->database);
        rf__database_abandon(&store->peek);
    }
    rf__database_close(&store->peek);
    if (store->database.db != NULL && !store->database.read_only && store->hits + store->misses > 0)
        write(store, NULL, 0, NULL, NULL);
    if (store->database.db != NULL)
        rf__database_close(&store->database);
    rf__free(store->path);
    rf__free(store->entry);
    rf__free(store);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* Looks one up; a result code only where the database failed. What a peek sees damaged may be half written. */
static int get_one(struct store *store, struct database *database, const struct vector_key *key, float *out,
                   struct kept_text *text, bool *found)
{
    sqlite3_stmt *s = database->statements[SQL_GET];
    int64_t id = id_of(key);
    int code;

    sqlite3_bind_int64(s, 1, id);
    code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        const uint8_t *entry = sqlite3_column_blob(s, 1);
        int len = sqlite3_column_bytes(s, 1);
        *found = entry != NULL && rf__entry_read(entry, (size_t)len, key, store->dim, out, text);
        if (*found && sqlite3_column_int64(s, 0) < store->low + (store->high - store->low) / 4)
            note(&store->used, id);
        if (!*found && database != &store->peek && (entry == NULL || !rf__entry_is_whole(entry, (size_t)len))) {
            note(&store->damaged, id);
            store->n_damaged++;
            store->unwritten_damaged++;
        }
        code = SQLITE_DONE;
    }
    sqlite3_reset(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Without a lock, but for the first look-up and now and then, when the other way finds out what became of the file. */
static size_t peek(struct store *store, const struct vector_key *keys, size_t n, float *out, struct kept_text *texts,
                   bool *found)
{
    size_t n_found = 0;

    if (store->n_reads % PEEK_READS == 0 || (store->n_reads % PEEK_READS == 1 && !rf__database_peek(&store->peek)))
        rf__database_close(&store->peek);
    store->n_reads++;
    for (size_t i = 0; i < n && store->peek.db != NULL; i++)
        if (!found[i]) {
            (void)get_one(store, &store->peek, &keys[i], out + i * store->dim, &texts[i], &found[i]);
            n_found += found[i];
        }
    return n_found;
}

static size_t get_locked(struct store *store, const struct vector_key *keys, size_t n, float *out,
                         struct kept_text *texts, bool *found)
{
    size_t n_found = 0;
    int code;

    rf__database_patience(&store->database, READ_PATIENCE_MS);
    code = rf__database_run(&store->database, SQL_BEGIN_READ);
    if (code == SQLITE_OK)
        code = look_at_range(store);
    for (size_t i = 0; i < n && code == SQLITE_OK; i++) {
        if (found[i])
            continue;
        code = get_one(store, &store->database, &keys[i], out + i * store->dim, &texts[i], &found[i]);
        n_found += found[i];
    }
    if (code == SQLITE_OK)
        code = rf__database_run(&store->database, SQL_COMMIT);
    if (code != SQLITE_OK)
        recover(store, code, "read");
    return n_found;
}

size_t rf__store_get(struct store *store, const struct vector_key *keys, size_t n, float *out, struct kept_text *texts,
                     bool *found)
{
    size_t n_wanted = 0, n_found;

    if (!is_open(store))
        return 0;
    for (size_t i = 0; i < n; i++)
        n_wanted += !found[i];
    n_found = peek(store, keys, n, out, texts, found);
    if (n_found < n_wanted)
        n_found += get_locked(store, keys, n, out, texts, found);
    if (is_open(store) && !store->database.read_only && (store->damaged.n > 0 || store->used.n == MAX_NOTED))
        write(store, NULL, 0, NULL, NULL);
    if (store->used.n == MAX_NOTED) /* it could not be written */
        store->used.n = 0;
    return n_found;
}

void rf__store_count(struct store *store, uint64_t hits, uint64_t misses)
{
    store->hits += hits;
    store->misses += misses;
}

uint64_t rf__store_damaged(const struct store *store)
{
    return store->n_damaged;
}

uint64_t rf__store_bytes(const struct store *store)
{
    return rf__os_stat(store->path).size;
}
