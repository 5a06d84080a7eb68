/* output: see output.h. */
#include "output.h"

#include "base/mem.h"
#include "float_text.h"
#include "os/os.h"
#include "say.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define FLUSH_BYTES   ((size_t)256 << 10)
#define PENDING_BYTES ((size_t)2 << 30) /* far above one write of any command */

static rf_status open_target(struct output *output, const char *path, rf_error *err)
{
    enum os_kind kind;

    if (output->is_stdout) {
        output->stream = stdout;
        rf__os_binary_mode(stdout);
        return RF_OK;
    }
    kind = rf__os_stat(path).kind;
    if (kind == OS_DIRECTORY)
        return rf__fail(err, RF_IO, "%s: is a folder, expected the name of a file to write", path);
    if (kind != OS_OTHER)
        return rf__os_writer_open(path, &output->writer, err);
    /* Renaming a file over /dev/null would replace the device. */
    output->stream = rf__os_fopen(path, "wb");
    if (output->stream == NULL)
        return rf__fail(err, RF_IO, "%s: cannot be written: %s", path, strerror(errno));
    return RF_OK;
}

rf_status rf__output_open(struct output *output, const char *path, rf_error *err)
{
    rf_status status;

    *output = (struct output){.is_stdout = path == NULL || strcmp(path, "-") == 0};
    rf__buf_init(&output->pending, PENDING_BYTES);
    output->name = rf__strdup(output->is_stdout ? "standard output" : path);
    if (output->name == NULL)
        return rf__fail_memory(err);
    status = open_target(output, path, err);
    if (status != RF_OK)
        rf__free(output->name);
    return status;
}

rf_status rf__output_resume(struct output *output, const char *path, const char *partial, uint64_t keep, rf_error *err)
{
    rf_status status;

    *output = (struct output){.n_flushed = keep};
    rf__buf_init(&output->pending, PENDING_BYTES);
    output->name = rf__strdup(path);
    if (output->name == NULL)
        return rf__fail_memory(err);
    status = rf__os_writer_resume(path, partial, keep, &output->writer, err);
    if (status != RF_OK)
        rf__free(output->name);
    return status;
}

void rf__output_fail(struct output *output, const rf_error *err)
{
    if (output->status != RF_OK)
        return;
    output->status = err->status;
    output->err = *err;
}

rf_status rf__output_status(const struct output *output, rf_error *err)
{
    if (output->status != RF_OK && err != NULL)
        *err = output->err;
    return output->status;
}

static void stream_failed(struct output *output)
{
    int code = errno;
    rf_error err;

    if (code == EINTR && rf__say_interrupted())
        rf__say_cancelled(&err);
    else if (code == EPIPE)
        rf__fail(&err, RF_IO, "%s", "");
    else
        rf__fail(&err, RF_IO, "%s: cannot be written: %s", output->name, strerror(code));
    rf__output_fail(output, &err);
}

static void flush_pending(struct output *output)
{
    const struct buf *pending = &output->pending;
    rf_error err;

    if (pending->len == 0 || output->status != RF_OK)
        return;
    if (output->writer != NULL) {
        if (rf__os_writer_write(output->writer, pending->data, pending->len, &err) != RF_OK)
            rf__output_fail(output, &err);
    } else {
        rf__say_has_written();
        if (fwrite(pending->data, 1, pending->len, output->stream) != pending->len)
            stream_failed(output);
    }
    output->n_flushed += pending->len;
    rf__buf_clear(&output->pending);
}

void rf__output_flush(struct output *output)
{
    flush_pending(output);
    if (output->stream != NULL && output->status == RF_OK && fflush(output->stream) != 0)
        stream_failed(output);
}

uint64_t rf__output_size(const struct output *output)
{
    return output->n_flushed + output->pending.len;
}

rf_status rf__output_sync(struct output *output, rf_error *err)
{
    rf_error own;

    flush_pending(output);
    if (output->status == RF_OK && rf__os_writer_sync(output->writer, &own) != RF_OK)
        rf__output_fail(output, &own);
    return rf__output_status(output, err);
}

/* After every append: keeps its failure, or makes room. */
static void appended(struct output *output, rf_status status, const rf_error *err)
{
    if (status != RF_OK)
        rf__output_fail(output, err);
    if (output->pending.len >= FLUSH_BYTES)
        flush_pending(output);
}

void rf__output_write(struct output *output, const void *data, size_t len)
{
    rf_error err;

    if (output->status == RF_OK)
        appended(output, rf__buf_append(&output->pending, data, len, &err), &err);
}

void rf__output_text(struct output *output, const char *text)
{
    rf__output_write(output, text, strlen(text));
}

void rf__output_vprintf(struct output *output, const char *format, va_list args)
{
    va_list again;
    rf_error err;
    rf_status status;
    int len;

    if (output->status != RF_OK)
        return;
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    status = rf__buf_reserve(&output->pending, (size_t)len, &err);
    if (status == RF_OK) {
        vsnprintf(output->pending.data + output->pending.len, (size_t)len + 1, format, args);
        output->pending.len += (size_t)len;
    }
    appended(output, status, &err);
}

void rf__output_printf(struct output *output, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    rf__output_vprintf(output, format, args);
    va_end(args);
}

void rf__output_json(struct output *output, const char *text, size_t len)
{
    rf_error err;

    if (output->status == RF_OK)
        appended(output, rf__buf_append_json(&output->pending, text, len, &err), &err);
}

void rf__output_float(struct output *output, float value)
{
    rf_error err;
    rf_status status;

    if (output->status != RF_OK)
        return;
    status = rf__buf_reserve(&output->pending, RF_FLOAT_TEXT, &err);
    if (status == RF_OK && !isfinite(value))
        status = rf__fail(&err, RF_ENGINE,
                          "the model gave a vector with a number that is not finite; its file is damaged, or its "
                          "precision too low");
    if (status == RF_OK)
        output->pending.len += rf__float_text(value, output->pending.data + output->pending.len);
    appended(output, status, &err);
}

bool rf__output_can_patch(const struct output *output)
{
    return output->writer != NULL;
}

void rf__output_patch(struct output *output, uint64_t offset, const void *data, size_t len)
{
    rf_error err;

    flush_pending(output);
    if (output->status == RF_OK && rf__os_writer_write_at(output->writer, offset, data, len, &err) != RF_OK)
        rf__output_fail(output, &err);
}

rf_status rf__output_close(struct output *output, rf_status status, rf_error *err)
{
    if (status == RF_OK)
        flush_pending(output);
    if (output->stream != NULL && (output->is_stdout ? fflush(output->stream) : fclose(output->stream)) != 0)
        stream_failed(output);
    if (status == RF_OK)
        status = rf__output_status(output, err);
    if (status == RF_OK && output->writer != NULL)
        status = rf__os_writer_commit(output->writer, err);
    else
        rf__os_writer_abort(output->writer);
    rf__buf_release(&output->pending);
    rf__free(output->name);
    return status;
}
