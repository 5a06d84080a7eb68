/* store_manage: a store seen from outside: its figures, emptying it, making it small; see vector_cache.h. */
#include "vector_cache/store.h"

#include "os/os.h"
#include "vector_cache/database.h"

#include <string.h>

/* Opens what is there already. */
static rf_status open_there(const char *path, struct database *database, rf_error *err)
{
    rf_status status;

    *database = (struct database){.path = path};
    if (!rf__os_is_file(path))
        return rf__fail(err, RF_NOT_FOUND, "%s: there is no cache of vectors; embedding with it makes one", path);
    status = rf__database_open(database, err);
    if (status != RF_OK)
        rf__database_close(database);
    return status;
}

static rf_status failed(const char *path, const char *what, int code, rf_error *err)
{
    return rf__fail(err, rf__database_is_damage(code) ? RF_BAD_FORMAT : RF_IO,
                    "%s: the cache of vectors cannot be %s (%s); rag-factory cache clear empties it", path, what,
                    sqlite3_errstr(code));
}

static int read_figures(struct database *database, rf_vector_cache_info *out)
{
    const struct {
        const char *name;
        uint64_t *value;
    } members[] = {
        {"hits", &out->hits}, {"misses", &out->misses}, {"evicted", &out->evicted}, {"damaged", &out->damaged}};
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(database->db, "SELECT name, value FROM figures", -1, &s, NULL);

    if (code == SQLITE_OK)
        while ((code = sqlite3_step(s)) == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(s, 0);
            for (size_t i = 0; name != NULL && i < sizeof members / sizeof members[0]; i++)
                if (strcmp(name, members[i].name) == 0)
                    *members[i].value = (uint64_t)sqlite3_column_int64(s, 1);
        }
    sqlite3_finalize(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

rf_status rf__store_info(const char *path, rf_vector_cache_info *out, rf_error *err)
{
    struct database database;
    int64_t entries = 0, pages = 0, unused = 0;
    rf_status status = open_there(path, &database, err);
    int code;

    if (status != RF_OK)
        return status;
    code = rf__database_number(&database, SQL_COUNT, &entries);
    if (code == SQLITE_OK)
        code = rf__database_number(&database, SQL_PAGES, &pages);
    if (code == SQLITE_OK)
        code = rf__database_number(&database, SQL_FREE_PAGES, &unused);
    if (code == SQLITE_OK)
        code = read_figures(&database, out);
    out->entries = (uint64_t)entries;
    out->bytes = (uint64_t)pages * database.page_bytes;
    out->free_bytes = (uint64_t)unused * database.page_bytes;
    rf__database_close(&database);
    return code == SQLITE_OK ? RF_OK : failed(path, "read", code, err);
}

rf_status rf__store_clear(const char *path, rf_error *err)
{
    struct database database;
    rf_status status = open_there(path, &database, err);

    if (status != RF_OK)
        return status;
    status = rf__database_reset(&database, err);
    rf__database_close(&database);
    return status;
}

/* Removes entries that are not whole; *n receives how many. */
static int remove_damaged(struct database *database, uint64_t *n)
{
    sqlite3_stmt *all = NULL;
    int code = sqlite3_prepare_v2(database->db, "SELECT seq, id, entry FROM entries", -1, &all, NULL);

    if (code == SQLITE_OK)
        while ((code = sqlite3_step(all)) == SQLITE_ROW) {
            const uint8_t *entry = sqlite3_column_blob(all, 2);
            int len = sqlite3_column_bytes(all, 2), removed;
            if (entry != NULL && rf__entry_is_whole(entry, (size_t)len))
                continue;
            sqlite3_bind_int64(database->statements[SQL_REMOVE], 1, sqlite3_column_int64(all, 1));
            removed = rf__database_run(database, SQL_REMOVE);
            if (removed != SQLITE_OK) {
                code = removed;
                break;
            }
            *n += 1;
        }
    sqlite3_finalize(all);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

rf_status rf__store_compact(const char *path, rf_error *err)
{
    struct database database;
    uint64_t n = 0;
    rf_status status = open_there(path, &database, err);
    int code;

    if (status != RF_OK)
        return status;
    code = rf__database_run(&database, SQL_BEGIN_WRITE);
    if (code == SQLITE_OK)
        code = remove_damaged(&database, &n);
    if (code == SQLITE_OK && n > 0) {
        sqlite3_bind_text(database.statements[SQL_FIGURE], 1, "damaged", -1, SQLITE_STATIC);
        sqlite3_bind_int64(database.statements[SQL_FIGURE], 2, (int64_t)n);
        code = rf__database_run(&database, SQL_FIGURE);
    }
    if (code == SQLITE_OK)
        code = rf__database_run(&database, SQL_COMMIT);
    if (code == SQLITE_OK)
        code = sqlite3_exec(database.db, "VACUUM", NULL, NULL, NULL);
    rf__database_close(&database);
    return code == SQLITE_OK ? RF_OK : failed(path, "compacted", code, err);
}
