/*
 * os: the one contract with the operating system; unix/ and win/ hold its twins. Nothing outside this folder includes a
 * system header or asks which platform it is. Paths are UTF-8 with '/' between names, on every system.
 */
#ifndef RF_OS_OS_H
#define RF_OS_OS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdio.h>

/* ---- Files --------------------------------------------------------------------------------------------------- */

enum os_kind { OS_NOTHING = 0, OS_FILE, OS_DIRECTORY, OS_OTHER };

struct os_stat {
    enum os_kind kind; /* symbolic links are followed */
    uint64_t size;
    int64_t mtime_ns; /* since 1970 */
    int64_t ctime_ns; /* of the last change of any kind, which no program can set; 0 where the system does not tell */
    int64_t blocks_bytes; /* what it takes on the disk */
    int64_t atime_s;      /* when it was last read, since 1970, as far as the file system keeps it */
};

/* What lies at a path; kind OS_NOTHING when nothing does or it cannot be reached. Never fails. */
struct os_stat rf__os_stat(const char *path);
bool rf__os_is_file(const char *path);
bool rf__os_is_directory(const char *path);

/* Appends the whole file. RF_NOT_FOUND when there is none; RF_IO otherwise, also when it is larger than the buffer's
 * ceiling; the message names path, reason and remedy. */
rf_status rf__os_read_file(const char *path, struct buf *out, rf_error *err);

/* A file mapped read-only. */
struct os_map {
    const uint8_t *data; /* NULL when size is 0 */
    size_t size;
};
rf_status rf__os_map_file(const char *path, struct os_map *out, rf_error *err);
void rf__os_unmap(struct os_map *map); /* fine on a zeroed one */

/* A file that appears whole or not at all: written beside its place under a temporary name, moved there by commit. A
 * link is followed, and a replaced file's mode kept. A device, a pipe or /dev/stdout is written straight, piece by
 * piece; write_at fails where it cannot go back. After a failed write the writer is still to be aborted (or committed,
 * which fails too). */
struct os_writer;
rf_status rf__os_writer_open(const char *path, struct os_writer **out, rf_error *err);
rf_status rf__os_writer_write(struct os_writer *writer, const void *data, size_t len, rf_error *err);
/* Overwrites bytes that were written before. */
rf_status rf__os_writer_write_at(struct os_writer *writer, uint64_t offset, const void *data, size_t len,
                                 rf_error *err);
/* Flushes to disk, renames, frees. On failure the temporary file is gone and the writer freed as well. */
rf_status rf__os_writer_commit(struct os_writer *writer, rf_error *err);
void rf__os_writer_abort(struct os_writer *writer); /* removes the temporary file; NULL is fine */
/* A writer that goes on where an earlier one stopped: its temporary file is `partial`, on the file system of `path`,
 * made where it is not there and cut to its first `keep` bytes, which it must have. Neither abort nor a commit that
 * fails removes it. RF_IO also where `path` is a device or pipe. */
rf_status rf__os_writer_resume(const char *path, const char *partial, uint64_t keep, struct os_writer **out,
                               rf_error *err);
rf_status rf__os_writer_sync(struct os_writer *writer, rf_error *err); /* all that was written, to the disk itself */
/* All of it in one call. */
rf_status rf__os_write_file(const char *path, const void *data, size_t len, rf_error *err);

/* Opens for appending, creating it; for downloads that resume. RF_IO. The FILE is closed with fclose(). */
rf_status rf__os_open_append(const char *path, FILE **out, rf_error *err);
FILE *rf__os_fopen(const char *path, const char *mode); /* as fopen, with a UTF-8 path */
rf_status rf__os_sync_file(FILE *file, const char *path, rf_error *err);

rf_status rf__os_rename(const char *from, const char *to, rf_error *err);    /* replaces `to` */
rf_status rf__os_copy_file(const char *from, const char *to, rf_error *err); /* likewise; whole or not at all */
rf_status rf__os_remove(const char *path, rf_error *err);                    /* a file; RF_OK when there is none */
rf_status rf__os_remove_tree(const char *path, rf_error *err);      /* a folder with all in it, links not followed */
rf_status rf__os_make_directories(const char *path, rf_error *err); /* with its parents; RF_OK when it exists */
bool rf__os_is_writable(const char *path);                          /* a folder that files can be made in */

/* Makes `link` a relative symbolic link to `target` (a path relative to link's folder), replacing what is there; where
 * the file system has no links, a copy, or with `may_move` the file itself, moved. */
rf_status rf__os_link(const char *target, const char *link, bool may_move, rf_error *err);

/* Names in a folder, without "." and "..", sorted by bytes. NULL-terminated array in one piece (rf__free). */
rf_status rf__os_list_directory(const char *path, char ***out, size_t *n, rf_error *err);

/* How many bytes of a path are its folder, with the separator behind it; 0: it names none. */
size_t rf__os_folder_len(const char *path);

/* The absolute path without links; in new memory, NULL when it cannot be had. */
char *rf__os_real_path(const char *path);

/* Bytes free for this user on the file system of `path`; UINT64_MAX when not known. */
uint64_t rf__os_free_space(const char *path);

/* A lock between processes, released by unlock or by the end of the process, however that comes. Waits until it is
 * free, calling `waiting` (may be NULL) about every 100 ms; when it returns false: RF_CANCELLED. */
struct os_lock;
rf_status rf__os_lock(const char *path, bool (*waiting)(void *user), void *user, struct os_lock **out, rf_error *err);
void rf__os_unlock(struct os_lock *lock); /* NULL is fine */

/* ---- Environment --------------------------------------------------------------------------------------------- */

/* An environment variable; NULL when it is not set or empty. */
const char *rf__os_env(const char *name);

/* The user's home folder in new memory; NULL when not known. */
char *rf__os_home(void);

/* The user's folder for the configuration of programs, in new memory; NULL when not known. It need not exist. */
char *rf__os_config_dir(void);

bool rf__os_is_terminal(FILE *stream);
int rf__os_terminal_width(FILE *stream); /* columns; 80 when not known */
void rf__os_binary_mode(FILE *stream);   /* no newline translation */

/* After this, Ctrl-C and termination set *flag to 1 (a second one ends the process at once). */
void rf__os_on_interrupt(volatile int *flag);

/* ---- Time, processors, memory --------------------------------------------------------------------------------- */

uint64_t rf__os_now_ns(void); /* monotonic */
int64_t rf__os_wall_ms(void); /* since 1970, UTC */
void rf__os_sleep_ms(uint32_t ms);

/* Processors that this process may use: affinity and cgroup quota (rounded up) respected; at least 1. */
uint32_t rf__os_cpu_count(void);
/* The processor's name and the instruction sets that matter here ("AVX2, AVX-512, VNNI"); written to `out`, cut to fit.
 */
void rf__os_cpu_name(char *out, size_t size);
void rf__os_cpu_features(char *out, size_t size);
bool rf__os_cpu_has(const char *feature); /* whether it is one of them */

uint64_t rf__os_memory_now(void);   /* resident bytes of this process; 0 when not known */
uint64_t rf__os_memory_peak(void);  /* the most so far */
uint64_t rf__os_memory_files(void); /* of these, pages of files, which the system may drop; 0 when not known */
uint64_t rf__os_memory_total(void); /* of the machine, or the cgroup's limit when lower */
void rf__os_trim_memory(void);      /* gives freed memory back to the system where that is possible */
const char *rf__os_name(void);      /* "Linux x86-64" … */

uint64_t rf__os_process_id(void); /* another one in a child of fork() */

/* Calls `fn` with the path of each shared library in this process until it returns false. */
void rf__os_each_library(bool (*fn)(void *user, const char *path), void *user);

/* ---- Threads --------------------------------------------------------------------------------------------------- */

struct os_thread;
rf_status rf__os_thread_start(void (*fn)(void *arg), void *arg, struct os_thread **out, rf_error *err);
void rf__os_thread_join(struct os_thread *thread); /* waits and frees; NULL is fine */
/* The processor that the calling thread runs on, and a hint that another one is to run elsewhere, for where the system
 * can: it may wake a thread on the processor of the one that woke it, though others idle. -1 when not known. */
int rf__os_cpu_now(void);
void rf__os_thread_keep_off(struct os_thread *thread, int cpu);

/* Calls fn(arg, worker) for worker 0 … n - 1, worker 0 in the calling thread, and returns when all have returned: no
 * thread outlives the call, nothing spins or sleeps between calls, and a process may fork at any time. Where a thread
 * cannot be started fewer workers run, worker 0 always: they must share the work, not own parts of it. */
void rf__os_parallel(size_t n, void (*fn)(void *arg, size_t worker), void *arg);

struct os_mutex;
struct os_mutex *rf__os_mutex_new(void); /* NULL when out of memory */
void rf__os_mutex_free(struct os_mutex *mutex);
void rf__os_mutex_lock(struct os_mutex *mutex);
void rf__os_mutex_unlock(struct os_mutex *mutex);

struct os_condition;
struct os_condition *rf__os_condition_new(void); /* NULL when out of memory */
void rf__os_condition_free(struct os_condition *condition);
/* Gives the mutex, which the caller holds, away until it is woken; it may return earlier. */
void rf__os_condition_wait(struct os_condition *condition, struct os_mutex *mutex);
void rf__os_condition_wake_all(struct os_condition *condition);

#endif
