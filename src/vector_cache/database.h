/*
 * database: the SQLite file of a store: opening it, knowing it from other files, emptying a damaged one, and its
 * statements. What SQLite answers is one of its result codes; store.c decides what that means.
 */
#ifndef RF_VECTOR_CACHE_DATABASE_H
#define RF_VECTOR_CACHE_DATABASE_H

#include "base/log.h"

#include <sqlite3.h>

enum statement {
    SQL_BEGIN_READ,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_GET,
    SQL_PUT,
    SQL_REMOVE,
    SQL_PROMOTE,
    SQL_EVICT,
    SQL_RANGE,
    SQL_PAGES,
    SQL_FREE_PAGES,
    SQL_COUNT,
    SQL_FIGURE,
    SQL_N_STATEMENTS
};

struct database {
    const char *path; /* the caller's */
    struct logger logger;
    sqlite3 *db; /* NULL: closed */
    sqlite3_stmt *statements[SQL_N_STATEMENTS];
    uint64_t waiting_since, patience_ns; /* how long another process may keep us waiting, see rf__database_patience() */
    uint64_t max_bytes;                  /* 0: no limit */
    uint64_t page_bytes;                 /* of the file */
    bool read_only;                      /* the file cannot be written */
    bool is_new;                         /* may be made where there is none */
};

/* Opens the file; the members path, logger, max_bytes and is_new are set. A damaged one is
 * emptied, with a warning. Close it in either case. */
rf_status rf__database_open(struct database *database, rf_error *err);
void rf__database_close(struct database *database);

/* Opens the file as it is now for SQL_GET alone, with no lock and, once a page was read, no system call at all. What it
 * finds may be old or half written, or not found though it is there; the member path is set. Close it in either case.
 */
bool rf__database_peek(struct database *database);

/* Leaves the connection to the process that it was made in: a child of fork() must not touch it. */
void rf__database_abandon(struct database *database);

/* From now on a lock of another process is waited for so long. */
void rf__database_patience(struct database *database, uint32_t ms);

/* Empties it, damaged as it may be, under SQLite's own locks. */
rf_status rf__database_reset(struct database *database, rf_error *err);

/* Runs a statement to its end; its result code, SQLITE_OK for SQLITE_DONE. */
int rf__database_run(struct database *database, enum statement statement);

/* The first number of the first row, 0 without one. */
int rf__database_number(struct database *database, enum statement statement, int64_t *out);

/* Whether a result code means that the file's content is not what it should be. */
bool rf__database_is_damage(int code);

#endif
