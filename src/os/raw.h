/*
 * raw: an open file as the system has it, a descriptor or a HANDLE; what writer.c stands on. Private to os/. `path` is
 * for messages where there is a file already.
 */
#ifndef RF_OS_RAW_H
#define RF_OS_RAW_H

#include "base/error.h"

#define RF_RAW_NONE ((intptr_t)-1)

/* Where `path` names a device, a pipe or an open descriptor of this process (/dev/null, /dev/stdout): opens it for
 * writing straight into it. RF_RAW_NONE where the path is a place for a file; a folder there is a failure. */
rf_status rf__raw_open_stream(const char *path, intptr_t *out, rf_error *err);

/* The place that a file written to `path` takes: what the path links to where it is a link, else the path itself. In
 * new memory; NULL when out of memory. */
char *rf__raw_place(const char *path);

/* Creates `temporary`, for the use of this user alone until it is in its `place`. Sets *exists, with RF_OK and
 * RF_RAW_NONE, where the name is taken. */
rf_status rf__raw_create(const char *temporary, const char *place, intptr_t *out, bool *exists, rf_error *err);

/* Opens `partial`, made where it is not there, cuts it to `keep` bytes, which it has, and stands behind them. */
rf_status rf__raw_open_behind(const char *partial, const char *place, uint64_t keep, intptr_t *out, rf_error *err);

rf_status rf__raw_write(intptr_t file, const char *path, const void *data, size_t len, rf_error *err);
rf_status rf__raw_write_at(intptr_t file, const char *path, uint64_t offset, const void *data, size_t len,
                           rf_error *err);
rf_status rf__raw_sync(intptr_t file, const char *path, rf_error *err);  /* to the disk itself */
rf_status rf__raw_close(intptr_t file, const char *path, rf_error *err); /* closed whatever it returns */

unsigned long rf__raw_process_id(void);

#endif
