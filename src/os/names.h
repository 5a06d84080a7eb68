/*
 * names: what paths and folders have in common on every system. Private to os/.
 */
#ifndef RF_OS_NAMES_H
#define RF_OS_NAMES_H

#include "base/buf.h"
#include "base/error.h"

/* A name for a temporary file beside `path`, another at each call: "DIR/.NAME.PID-COUNTER.tmp", NAME cut where the
 * whole would be longer than names may be. In new memory; NULL when out of memory. */
char *rf__names_temporary(const char *path, unsigned long pid);

/* The folder of a path, with its last '/'; its length, 0 where the path has no folder. */
size_t rf__names_folder_len(const char *path);

/* Turns `names`, n names each ended by NUL, into the sorted array that rf__os_list_directory() gives. NULL when out of
 * memory. */
char **rf__names_sorted(const struct buf *names, size_t n);

/* The path as messages show it: one that is too long to leave room for the reason loses its beginning. `out` is for
 * the callee to use. */
#define RF_NAMES_SHOWN 300
const char *rf__names_shown(const char *path, char out[RF_NAMES_SHOWN]);

#endif
