/*
 * writer: a file that appears whole or not at all.
 *
 * Bytes go through a buffer into a temporary file beside the place; commit flushes it to the disk and renames it, which
 * replaces the old file in one step. Whatever fails or stops before that leaves the old file as it was. A device or a
 * pipe has no place to rename to: it is written straight, without the buffer, so that a reader sees each piece at once.
 * What is made over several runs has a temporary file whose name they share, which stays until one of them commits.
 *
 * Invariant: `temporary` is NULL exactly when the writer is straight; after a failed write nothing is renamed.
 */

#include "base/mem.h"
#include "os/fail.h"
#include "os/names.h"
#include "os/os.h"
#include "os/raw.h"

#include <assert.h>
#include <string.h>

#define BUFFER_SIZE ((size_t)64 << 10)
#define MAX_TRIES   1000 /* temporary names that a dead process with our id may have left behind */

struct os_writer {
    intptr_t file;
    char *path;      /* as the caller named it; for messages */
    char *place;     /* where the file appears */
    char *temporary; /* NULL: written straight */
    uint64_t size;   /* bytes handed to us so far */
    bool failed;
    bool is_kept; /* the temporary file outlives a writer that does not commit */
    size_t n_buffered;
    uint8_t buffer[BUFFER_SIZE];
};

static void free_writer(struct os_writer *writer)
{
    rf__free(writer->path);
    rf__free(writer->place);
    rf__free(writer->temporary);
    rf__free(writer);
}

static rf_status create_temporary(struct os_writer *writer, rf_error *err)
{
    for (int i = 0; i < MAX_TRIES; i++) {
        bool exists = false;
        rf_status status;
        rf__free(writer->temporary);
        writer->temporary = rf__names_temporary(writer->place, rf__raw_process_id());
        if (writer->temporary == NULL)
            return rf__fail_memory(err);
        status = rf__raw_create(writer->temporary, writer->place, &writer->file, &exists, err);
        if (status != RF_OK || !exists)
            return status;
    }
    return rf__fail(err, RF_IO, "%s: its folder is full of temporary files: remove its .tmp files", writer->path);
}

/* With the path and the stream behind it, if it is one; no file is made yet. */
static rf_status new_writer(const char *path, struct os_writer **out, rf_error *err)
{
    struct os_writer *writer;
    rf_status status = RF_OK;

    if (path[rf__names_folder_len(path)] == '\0' && !rf__os_is_directory(path))
        return rf__fail(err, RF_IO, "%s: cannot be written: no name of a file is given", path);
    writer = rf__alloc(sizeof *writer);
    if (writer == NULL)
        return rf__fail_memory(err);
    memset(writer, 0, offsetof(struct os_writer, buffer));
    writer->file = RF_RAW_NONE;
    writer->path = rf__strdup(path);
    writer->place = rf__raw_place(path);
    if (writer->path == NULL || writer->place == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = rf__raw_open_stream(path, &writer->file, err);
    if (status != RF_OK) {
        free_writer(writer);
        return status;
    }
    *out = writer;
    return RF_OK;
}

rf_status rf__os_writer_open(const char *path, struct os_writer **out, rf_error *err)
{
    struct os_writer *writer = NULL;
    rf_status status = new_writer(path, &writer, err);

    if (status != RF_OK)
        return status;
    if (writer->file == RF_RAW_NONE)
        status = create_temporary(writer, err);
    if (status != RF_OK) {
        free_writer(writer);
        return status;
    }
    *out = writer;
    return RF_OK;
}

static rf_status open_partial(struct os_writer *writer, const char *partial, uint64_t keep, rf_error *err)
{
    struct os_stat there = rf__os_stat(partial);

    if (writer->file != RF_RAW_NONE)
        return rf__fail(err, RF_IO, "%s: is a device or a pipe, which cannot be gone on with", writer->path);
    if (there.kind != OS_NOTHING && there.kind != OS_FILE)
        return rf__fail(err, RF_IO, "%s: is no file: remove it first", partial);
    if (there.size < keep)
        return rf__fail(err, RF_IO, "%s: has %llu bytes of %llu that were written: remove it to begin anew", partial,
                        (unsigned long long)there.size, (unsigned long long)keep);
    writer->temporary = rf__strdup(partial);
    if (writer->temporary == NULL)
        return rf__fail_memory(err);
    writer->is_kept = true;
    writer->size = keep;
    return rf__raw_open_behind(partial, writer->place, keep, &writer->file, err);
}

rf_status rf__os_writer_resume(const char *path, const char *partial, uint64_t keep, struct os_writer **out,
                               rf_error *err)
{
    struct os_writer *writer = NULL;
    rf_status status = new_writer(path, &writer, err);

    if (status != RF_OK)
        return status;
    status = open_partial(writer, partial, keep, err);
    if (status != RF_OK) {
        if (writer->file != RF_RAW_NONE)
            (void)rf__raw_close(writer->file, path, NULL);
        free_writer(writer);
        return status;
    }
    *out = writer;
    return RF_OK;
}

static rf_status write_now(struct os_writer *writer, const void *data, size_t len, rf_error *err)
{
    rf_status status = len == 0 ? RF_OK : rf__raw_write(writer->file, writer->path, data, len, err);

    if (status != RF_OK)
        writer->failed = true;
    return status;
}

static rf_status flush(struct os_writer *writer, rf_error *err)
{
    size_t n = writer->n_buffered;

    writer->n_buffered = 0;
    return write_now(writer, writer->buffer, n, err);
}

rf_status rf__os_writer_write(struct os_writer *writer, const void *data, size_t len, rf_error *err)
{
    rf_status status;

    writer->size += len;
    if (writer->temporary == NULL)
        return write_now(writer, data, len, err);
    if (len > BUFFER_SIZE - writer->n_buffered) {
        status = flush(writer, err);
        if (status != RF_OK)
            return status;
        if (len >= BUFFER_SIZE)
            return write_now(writer, data, len, err);
    }
    if (len > 0)
        memcpy(writer->buffer + writer->n_buffered, data, len);
    writer->n_buffered += len;
    return RF_OK;
}

rf_status rf__os_writer_write_at(struct os_writer *writer, uint64_t offset, const void *data, size_t len, rf_error *err)
{
    rf_status status;

    assert(offset <= writer->size && len <= writer->size - offset);
    status = flush(writer, err);
    if (status == RF_OK && len > 0)
        status = rf__raw_write_at(writer->file, writer->path, offset, data, len, err);
    if (status != RF_OK)
        writer->failed = true;
    return status;
}

rf_status rf__os_writer_sync(struct os_writer *writer, rf_error *err)
{
    rf_status status = flush(writer, err);

    if (status == RF_OK && writer->temporary != NULL)
        status = rf__raw_sync(writer->file, writer->path, err);
    if (status != RF_OK)
        writer->failed = true;
    return status;
}

rf_status rf__os_writer_commit(struct os_writer *writer, rf_error *err)
{
    rf_status status, closed;

    if (writer->failed)
        status = rf__fail(err, RF_IO, "%s: not written: an earlier write to it failed", writer->path);
    else
        status = flush(writer, err);
    if (status == RF_OK && writer->temporary != NULL)
        status = rf__raw_sync(writer->file, writer->path, err);
    closed = rf__raw_close(writer->file, writer->path, status == RF_OK ? err : NULL);
    if (status == RF_OK)
        status = closed;
    if (status == RF_OK && writer->temporary != NULL)
        status = rf__os_rename(writer->temporary, writer->place, err);
    if (status != RF_OK && writer->temporary != NULL && !writer->is_kept)
        (void)rf__os_remove(writer->temporary, NULL);
    free_writer(writer);
    return status;
}

void rf__os_writer_abort(struct os_writer *writer)
{
    if (writer == NULL)
        return;
    (void)rf__raw_close(writer->file, writer->path, NULL);
    if (writer->temporary != NULL && !writer->is_kept)
        (void)rf__os_remove(writer->temporary, NULL);
    free_writer(writer);
}

rf_status rf__os_write_file(const char *path, const void *data, size_t len, rf_error *err)
{
    struct os_writer *writer = NULL;
    rf_status status = rf__os_writer_open(path, &writer, err);

    if (status == RF_OK)
        status = rf__os_writer_write(writer, data, len, err);
    if (status == RF_OK)
        return rf__os_writer_commit(writer, err);
    rf__os_writer_abort(writer);
    return status;
}

/* Appends what is left of `from` to the writer. */
static rf_status copy_rest(FILE *from, const char *from_path, struct os_writer *writer, void *piece, size_t size,
                           rf_error *err)
{
    rf_status status = RF_OK;
    size_t n;

    while (status == RF_OK && (n = fread(piece, 1, size, from)) > 0)
        status = rf__os_writer_write(writer, piece, n, err);
    if (status == RF_OK && ferror(from))
        return rf__fail(err, RF_IO, "%s: cannot be read to its end: check the disk that it is on", from_path);
    return status;
}

rf_status rf__os_copy_file(const char *from_path, const char *to_path, rf_error *err)
{
    struct os_writer *writer = NULL;
    void *piece = rf__alloc(BUFFER_SIZE);
    FILE *from = rf__os_fopen(from_path, "rb");
    rf_status status;

    if (piece == NULL)
        status = rf__fail_memory(err);
    else if (from == NULL)
        status = rf__fail(err, RF_NOT_FOUND,
                          "%s: cannot be opened to be copied to %s: check that it exists and may "
                          "be read",
                          from_path, to_path);
    else
        status = rf__os_writer_open(to_path, &writer, err);
    if (status == RF_OK)
        status = copy_rest(from, from_path, writer, piece, BUFFER_SIZE, err);
    if (status == RF_OK) {
        status = rf__os_writer_commit(writer, err);
        writer = NULL;
    }
    rf__os_writer_abort(writer);
    if (from != NULL)
        fclose(from);
    rf__free(piece);
    return status;
}
