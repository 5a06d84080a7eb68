/*
 * output: where results go: standard output; a file, which appears whole or not at all; or a device or pipe that has a
 * path. Buffered. The first failure is kept and nothing more is written then, so that what prints need not look: ask
 * rf__output_status() from time to time, and the end tells.
 */
#ifndef RF_PROGRAM_OUTPUT_H
#define RF_PROGRAM_OUTPUT_H

#include "base/buf.h"

#include <stdio.h>

struct os_writer;

struct output {
    struct buf pending;       /* written when full */
    struct os_writer *writer; /* a file; NULL otherwise */
    FILE *stream;             /* standard output or a device; NULL otherwise */
    char *name;
    uint64_t n_flushed; /* bytes before those that are pending */
    bool is_stdout;
    rf_status status; /* the first failure */
    rf_error err;
};

/* `path` NULL or "-": standard output. */
rf_status rf__output_open(struct output *output, const char *path, rf_error *err);

/* A file that is made over several runs: until it is closed whole, `partial` has it, of which the first `keep` bytes
 * are there already. See rf__os_writer_resume(). */
rf_status rf__output_resume(struct output *output, const char *path, const char *partial, uint64_t keep, rf_error *err);
uint64_t rf__output_size(const struct output *output); /* bytes written so far */
/* Brings what was written so far to the disk itself. Only for such a file. */
rf_status rf__output_sync(struct output *output, rf_error *err);

/* Writes what is left and, where `status` is RF_OK, lets the file appear; otherwise the file is as it was. Releases the
 * output. Returns `status`, or the first failure. A reader that went away (`| head`) is RF_IO with an empty message. */
rf_status rf__output_close(struct output *output, rf_status status, rf_error *err);

void rf__output_write(struct output *output, const void *data, size_t len);
void rf__output_text(struct output *output, const char *text);
void rf__output_printf(struct output *output, const char *format, ...) RF_PRINTF(2, 3);
void rf__output_vprintf(struct output *output, const char *format, va_list args) RF_PRINTF(2, 0);
void rf__output_json(struct output *output, const char *text, size_t len); /* as a JSON string */
void rf__output_float(struct output *output, float value);                 /* RF_ENGINE where it is not finite */

/* Lets a reader see what was written so far; of a file, nothing before its end. */
void rf__output_flush(struct output *output);
/* The first failure so far. */
rf_status rf__output_status(const struct output *output, rf_error *err);
/* Makes `err`, of something else that the output depends on, the first failure. */
void rf__output_fail(struct output *output, const rf_error *err);

/* Whether bytes that were written can be overwritten: in files alone. */
bool rf__output_can_patch(const struct output *output);
void rf__output_patch(struct output *output, uint64_t offset, const void *data, size_t len);

#endif
