/* database: see database.h. */
#include "vector_cache/database.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "os/os.h"

#include <string.h>

#define APPLICATION_ID   0x52467663 /* "RFvc", at byte 68 of the file */
#define FORMAT_VERSION   1
#define HEADER_BYTES     100 /* sqlite.org/fileformat2.html, 1.3 */
#define OPEN_PATIENCE_MS 10000
#define MAX_ENTRY_BYTES  (16 << 20)
#define SCHEMA_MAX_BYTES 4096

#define ENTRIES          "CREATE TABLE entries (seq INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, entry BLOB NOT NULL)"
#define FIGURES          "CREATE TABLE figures (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"

static const char *const sql[SQL_N_STATEMENTS] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_GET] = "SELECT seq, entry FROM entries WHERE id = ?1",
    [SQL_PUT] = "INSERT OR REPLACE INTO entries (id, entry) VALUES (?1, ?2)",
    [SQL_REMOVE] = "DELETE FROM entries WHERE id = ?1",
    [SQL_PROMOTE] = "UPDATE entries SET seq = (SELECT max(seq) + 1 FROM entries) WHERE id = ?1",
    [SQL_EVICT] = "DELETE FROM entries WHERE seq IN (SELECT seq FROM entries ORDER BY seq LIMIT ?1)",
    [SQL_RANGE] = "SELECT (SELECT min(seq) FROM entries), (SELECT max(seq) FROM entries)",
    [SQL_PAGES] = "PRAGMA page_count",
    [SQL_FREE_PAGES] = "PRAGMA freelist_count",
    [SQL_COUNT] = "SELECT count(*) FROM entries",
    [SQL_FIGURE] = "INSERT INTO figures VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
};

bool rf__database_is_damage(int code)
{
    code &= 0xFF; /* the rest tells more of the same */
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_TOOBIG || code == SQLITE_ERROR ||
           code == SQLITE_MISMATCH || code == SQLITE_CONSTRAINT || code == SQLITE_FORMAT;
}

/* ---- Statements -------------------------------------------------------------------------------------------------- */

int rf__database_run(struct database *database, enum statement statement)
{
    sqlite3_stmt *s = database->statements[statement];
    int code;

    do
        code = sqlite3_step(s);
    while (code == SQLITE_ROW);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int rf__database_number(struct database *database, enum statement statement, int64_t *out)
{
    sqlite3_stmt *s = database->statements[statement];
    int code = sqlite3_step(s);

    *out = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int prepare_all(struct database *database)
{
    int code = SQLITE_OK;

    for (int i = 0; i < SQL_N_STATEMENTS && code == SQLITE_OK; i++)
        if (database->statements[i] == NULL)
            code =
                sqlite3_prepare_v3(database->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &database->statements[i], NULL);
    return code;
}

/* ---- Waiting for other processes --------------------------------------------------------------------------------- */

void rf__database_patience(struct database *database, uint32_t ms)
{
    database->waiting_since = rf__os_now_ns();
    database->patience_ns = (uint64_t)ms * 1000000;
}

/* SQLite's busy handler: whether to try again. */
static int wait_for_others(void *user, int n_tries)
{
    const struct database *database = user;

    if (rf__os_now_ns() - database->waiting_since >= database->patience_ns)
        return 0;
    rf__os_sleep_ms(n_tries < 10 ? 1 : 5);
    return 1;
}

/* ---- Which file it is -------------------------------------------------------------------------------------------- */

enum file_kind { FILE_EMPTY, FILE_OURS, FILE_OURS_DAMAGED, FILE_OTHER };

/* By its first bytes, read through SQLite's own handle: closing another one would release its locks. */
static enum file_kind look_at_file(struct database *database)
{
    uint8_t header[HEADER_BYTES] = {0};
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    bool is_sqlite, has_id;

    if (sqlite3_file_control(database->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
        return FILE_OTHER;
    if (size == 0)
        return FILE_EMPTY;
    if (size < HEADER_BYTES || file->pMethods->xRead(file, header, HEADER_BYTES, 0) != SQLITE_OK)
        return FILE_OTHER;
    is_sqlite = memcmp(header, "SQLite format 3", 16) == 0;
    has_id = header[68] == 'R' && header[69] == 'F' && header[70] == 'v' && header[71] == 'c';
    return !has_id ? FILE_OTHER : is_sqlite ? FILE_OURS : FILE_OURS_DAMAGED;
}

static rf_status not_ours(const struct database *database, rf_error *err)
{
    return rf__fail(err, RF_INVALID_ARGUMENT,
                    "%s: is no cache of vectors, or its beginning is damaged; name another file, or remove this one",
                    database->path);
}

/* Whether the tables are ours and nothing else is there: what a file says may be run is not run. *is_empty: there is
 * nothing at all. */
static int check_schema(struct database *database, bool *is_ours, bool *is_empty)
{
    sqlite3_stmt *s = NULL;
    struct buf found;
    int code = sqlite3_prepare_v2(database->db, "SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name", -1,
                                  &s, NULL);

    rf__buf_init(&found, SCHEMA_MAX_BYTES);
    if (code == SQLITE_OK)
        for (code = sqlite3_step(s); code == SQLITE_ROW; code = sqlite3_step(s)) {
            const char *text = (const char *)sqlite3_column_text(s, 0);
            if (text == NULL || rf__buf_append_str(&found, text, NULL) != RF_OK ||
                rf__buf_append_byte(&found, ';', NULL) != RF_OK)
                break;
        }
    sqlite3_finalize(s);
    *is_empty = found.len == 0;
    *is_ours = found.len > 0 && strcmp(found.data, ENTRIES ";" FIGURES ";") == 0;
    rf__buf_release(&found);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static int run_text(struct database *database, const char *text)
{
    return sqlite3_exec(database->db, text, NULL, NULL, NULL);
}

static int configure(struct database *database)
{
    static const char *const pragmas[] = {
        "PRAGMA page_size = 16384", /* of a file that is made now: few bytes are lost behind entries of any size */
        "PRAGMA mmap_size = 0",     /* a file that another process cuts would end this one */
        "PRAGMA cache_size = -4096",   "PRAGMA temp_store = MEMORY",
        "PRAGMA cell_size_check = ON", "PRAGMA synchronous = OFF"};
    int code = SQLITE_OK;

    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
#ifdef SQLITE_DBCONFIG_ENABLE_VIEW
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
#endif
#ifdef SQLITE_DBCONFIG_TRUSTED_SCHEMA
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
#endif
    sqlite3_limit(database->db, SQLITE_LIMIT_LENGTH, MAX_ENTRY_BYTES);
    sqlite3_busy_handler(database->db, wait_for_others, database);
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0] && code == SQLITE_OK; i++)
        code = run_text(database, pragmas[i]);
    return code;
}

/* The size of a page as the file has it, and the limit in such pages. */
static int set_limit(struct database *database)
{
    sqlite3_stmt *s = NULL;
    char limit[80];
    int code = sqlite3_prepare_v2(database->db, "PRAGMA page_size", -1, &s, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(s);
        database->page_bytes = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    }
    sqlite3_finalize(s);
    if (code != SQLITE_ROW || database->page_bytes == 0)
        return code == SQLITE_ROW || code == SQLITE_DONE || code == SQLITE_OK ? SQLITE_CORRUPT : code;
    if (database->max_bytes == 0)
        return SQLITE_OK;
    sqlite3_snprintf(sizeof limit, limit, "PRAGMA max_page_count = %lld",
                     (sqlite3_int64)(database->max_bytes / database->page_bytes));
    return run_text(database, limit);
}

/* Out of the mode that a damaged byte, or another program, may have put it in, too. */
static int set_journal(struct database *database)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(database->db, "PRAGMA journal_mode = TRUNCATE", -1, &s, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(s);
        if (code == SQLITE_ROW)
            code = strcmp((const char *)sqlite3_column_text(s, 0), "truncate") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(s);
    return code;
}

/* Makes the tables, unless another process was first. */
static int make_tables(struct database *database, bool *is_ours)
{
    bool is_empty;
    int code = run_text(database, "BEGIN IMMEDIATE");

    if (code != SQLITE_OK)
        return code;
    code = check_schema(database, is_ours, &is_empty);
    if (code == SQLITE_OK && is_empty) {
        char identity[80];
        sqlite3_snprintf(sizeof identity, identity, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                         APPLICATION_ID, FORMAT_VERSION);
        code = run_text(database, ENTRIES ";" FIGURES ";");
        if (code == SQLITE_OK)
            code = run_text(database, identity);
        *is_ours = true;
    }
    if (code == SQLITE_OK)
        code = run_text(database, "COMMIT");
    if (code != SQLITE_OK)
        (void)run_text(database, "ROLLBACK");
    return code;
}

/* The connection to a file that is ours, or empty: its journal, its tables, our statements. */
static int set_up(struct database *database)
{
    bool is_ours = false, is_empty = false;
    int code = set_journal(database);

    if (code == SQLITE_OK)
        code = check_schema(database, &is_ours, &is_empty);
    if (code == SQLITE_OK && is_empty)
        code = make_tables(database, &is_ours);
    if (code == SQLITE_OK && !is_ours)
        code = SQLITE_CORRUPT;
    if (code == SQLITE_OK)
        code = set_limit(database);
    if (code == SQLITE_OK)
        code = prepare_all(database);
    if (code == SQLITE_OK)
        database->read_only = sqlite3_db_readonly(database->db, "main") == 1;
    return code;
}

/* ":memory:" and "" are no files to SQLite. NULL when out of memory. */
static char *file_name(const struct database *database)
{
    return rf__format("%s%s", database->path[0] == ':' || database->path[0] == '\0' ? "./" : "", database->path);
}

static rf_status connect(struct database *database, rf_error *err)
{
    char *path = file_name(database);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (database->is_new ? SQLITE_OPEN_CREATE : 0), code;

    if (path == NULL)
        return rf__fail_memory(err);
    code = sqlite3_threadsafe() == 0 ? SQLITE_MISUSE : sqlite3_open_v2(path, &database->db, flags, NULL);
    rf__free(path);
    if (code == SQLITE_OK)
        code = configure(database);
    if (code == SQLITE_OK)
        return RF_OK;
    if (rf__database_is_damage(code)) /* of the file's first page: look_at_file() tells whose it is */
        return RF_OK;
    return rf__fail(err, RF_IO,
                    "%s: the cache of vectors cannot be opened (%s); may the file and its folder be written?",
                    database->path, sqlite3_errstr(code));
}

rf_status rf__database_open(struct database *database, rf_error *err)
{
    enum file_kind kind;
    rf_status status;
    int code;

    rf__database_patience(database, OPEN_PATIENCE_MS);
    status = connect(database, err);
    if (status != RF_OK)
        return status;
    kind = look_at_file(database);
    if (kind == FILE_OTHER)
        return not_ours(database, err);
    code = kind == FILE_OURS_DAMAGED ? SQLITE_NOTADB : set_up(database);
    if (code == SQLITE_OK)
        return RF_OK;
    if (!rf__database_is_damage(code))
        return rf__fail(err, RF_IO,
                        "%s: the cache of vectors cannot be used (%s); does another process keep it locked?",
                        database->path, sqlite3_errstr(code));
    rf__log(&database->logger, RF_LOG_WARNING, "%s: the cache of vectors is damaged (%s) and is emptied",
            database->path, sqlite3_errstr(code));
    return rf__database_reset(database, err);
}

/* The file as one that nobody changes, to SQLite: sqlite.org/uri.html, 3. NULL when out of memory. */
static char *immutable_uri(const struct database *database)
{
    char *path = file_name(database);
    struct buf uri;
    rf_status status = path == NULL ? RF_NO_MEMORY : RF_OK;

    rf__buf_init(&uri, 3 * strlen(database->path) + 64);
    if (status == RF_OK)
        status = rf__buf_append_str(&uri, path[0] == '/' ? "file://" : "file:", NULL);
    for (const char *c = path; status == RF_OK && *c != '\0'; c++)
        status = strchr("%?#", *c) != NULL ? rf__buf_printf(&uri, NULL, "%%%02x", (unsigned)*c)
                                           : rf__buf_append_byte(&uri, *c, NULL);
    if (status == RF_OK)
        status = rf__buf_append_str(&uri, "?immutable=1", NULL);
    rf__free(path);
    if (status == RF_OK)
        return rf__buf_detach(&uri);
    rf__buf_release(&uri);
    return NULL;
}

bool rf__database_peek(struct database *database)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
    char *uri = immutable_uri(database);
    bool opened = uri != NULL && sqlite3_open_v2(uri, &database->db, flags, NULL) == SQLITE_OK &&
                  configure(database) == SQLITE_OK &&
                  sqlite3_prepare_v3(database->db, sql[SQL_GET], -1, SQLITE_PREPARE_PERSISTENT,
                                     &database->statements[SQL_GET], NULL) == SQLITE_OK;

    rf__free(uri);
    return opened;
}

static void finalize_all(struct database *database)
{
    for (int i = 0; i < SQL_N_STATEMENTS; i++) {
        sqlite3_finalize(database->statements[i]);
        database->statements[i] = NULL;
    }
}

/* sqlite.org/c3ref/c_dbconfig_defensive.html, SQLITE_DBCONFIG_RESET_DATABASE. */
rf_status rf__database_reset(struct database *database, rf_error *err)
{
    int code;

    finalize_all(database);
    rf__database_patience(database, OPEN_PATIENCE_MS);
    (void)run_text(database, "ROLLBACK");
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    code = run_text(database, "VACUUM");
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    if (code == SQLITE_OK)
        code = configure(database);
    if (code == SQLITE_OK)
        code = set_up(database);
    if (code == SQLITE_OK)
        return RF_OK;
    return rf__fail(err, RF_IO, "%s: the damaged cache of vectors cannot be emptied (%s); remove the file",
                    database->path, sqlite3_errstr(code));
}

void rf__database_close(struct database *database)
{
    finalize_all(database);
    sqlite3_close(database->db);
    database->db = NULL;
}

void rf__database_abandon(struct database *database)
{
    memset(database->statements, 0, sizeof database->statements);
    database->db = NULL;
}
