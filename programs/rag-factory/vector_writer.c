/*
 * vector_writer: see vector_writer.h. The number of rows stands at the front of a npy file and is known at the end: in
 * a file the header is written with room to spare and overwritten; what goes to a pipe waits in a temporary file.
 */
#include "vector_writer.h"

#include "base/mem.h"
#include "os/os.h"

#include <errno.h>
#include <string.h>

#define NPY_HEADER 128 /* a multiple of 64, as the format asks */

struct row {
    uint64_t index;
    const float *vector; /* [dim] */
    uint32_t n_tokens;
    bool truncated;
};

struct vector_writer {
    const struct format *format;
    struct output *output;
    const rf_model_info *info;
    uint64_t n;  /* rows so far */
    FILE *spool; /* npy into a pipe: the rows; NULL otherwise */
};

/* How one format is written; failures are the output's. */
struct format {
    const char *endings; /* of file names, separated by '|' */
    bool is_binary;
    void (*begin)(struct vector_writer *writer);
    void (*row)(struct vector_writer *writer, const struct row *row);
    void (*end)(struct vector_writer *writer);
};

const char *rf__pooling_word(rf_pooling pooling)
{
    static const char *const names[] = {"model", "mean",          "cls",           "max",
                                        "last",  "mean-sqrt-len", "weighted-mean", "several"};

    return (size_t)pooling < sizeof names / sizeof names[0] ? names[pooling] : "unknown";
}

/* ---- Text formats -------------------------------------------------------------------------------------------- */

static void nothing(struct vector_writer *writer)
{
    (void)writer;
}

static void write_floats(struct vector_writer *writer, const float *vector)
{
    for (size_t i = 0; i < writer->info->dim; i++) {
        if (i > 0)
            rf__output_write(writer->output, ",", 1);
        rf__output_float(writer->output, vector[i]);
    }
}

static void json_begin(struct vector_writer *writer)
{
    const rf_model_info *info = writer->info;

    rf__output_text(writer->output, "{\"model\":");
    rf__output_json(writer->output, info->source, strlen(info->source));
    rf__output_text(writer->output, ",\"revision\":");
    rf__output_json(writer->output, info->revision, strlen(info->revision));
    rf__output_printf(writer->output,
                      ",\"dim\":%u,\"max_tokens\":%u,\"pooling\":\"%s\",\"normalized\":%s,\"embeddings\":[", info->dim,
                      info->max_tokens, info->pooled_by_graph ? "graph" : rf__pooling_word(info->pooling),
                      info->l2 ? "true" : "false");
}

static void json_object(struct vector_writer *writer, const struct row *row)
{
    rf__output_printf(writer->output, "{\"index\":%llu,\"n_tokens\":%u,\"truncated\":%s,\"embedding\":[",
                      (unsigned long long)row->index, row->n_tokens, row->truncated ? "true" : "false");
    write_floats(writer, row->vector);
    rf__output_text(writer->output, "]}");
}

static void json_row(struct vector_writer *writer, const struct row *row)
{
    rf__output_text(writer->output, row->index == 0 ? "\n" : ",\n");
    json_object(writer, row);
}

static void json_end(struct vector_writer *writer)
{
    rf__output_text(writer->output, writer->n > 0 ? "\n]}\n" : "]}\n");
}

static void jsonl_row(struct vector_writer *writer, const struct row *row)
{
    json_object(writer, row);
    rf__output_text(writer->output, "\n");
}

static void csv_begin(struct vector_writer *writer)
{
    rf__output_text(writer->output, "index,n_tokens,truncated");
    for (uint32_t i = 0; i < writer->info->dim; i++)
        rf__output_printf(writer->output, ",d%u", i);
    rf__output_text(writer->output, "\n");
}

static void csv_row(struct vector_writer *writer, const struct row *row)
{
    rf__output_printf(writer->output, "%llu,%u,%s,", (unsigned long long)row->index, row->n_tokens,
                      row->truncated ? "true" : "false");
    write_floats(writer, row->vector);
    rf__output_text(writer->output, "\n");
}

/* ---- Binary formats ------------------------------------------------------------------------------------------ */

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    char first;

    memcpy(&first, &one, 1);
    return first == 1;
}

static void f32_row(struct vector_writer *writer, const struct row *row)
{
    if (is_little_endian()) {
        rf__output_write(writer->output, row->vector, writer->info->dim * sizeof *row->vector);
        return;
    }
    for (size_t i = 0; i < writer->info->dim; i++) {
        uint32_t bits;
        char bytes[4];
        memcpy(&bits, &row->vector[i], sizeof bits);
        for (int k = 0; k < 4; k++)
            bytes[k] = (char)(bits >> 8 * k & 0xFF);
        rf__output_write(writer->output, bytes, sizeof bytes);
    }
}

/* https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
static void npy_header(const struct vector_writer *writer, char header[NPY_HEADER])
{
    char text[NPY_HEADER];
    int len = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %u), }",
                       (unsigned long long)writer->n, writer->info->dim);

    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(NPY_HEADER - 10);
    header[9] = 0;
    memset(header + 10, ' ', NPY_HEADER - 10);
    memcpy(header + 10, text, (size_t)len);
    header[NPY_HEADER - 1] = '\n';
}

static void spool_failed(struct vector_writer *writer)
{
    rf_error err;

    rf__fail(&err, RF_IO, "the temporary file for npy cannot be used: %s; write to a file with -o instead",
             strerror(errno));
    rf__output_fail(writer->output, &err);
}

static void npy_begin(struct vector_writer *writer)
{
    char header[NPY_HEADER];

    if (rf__output_can_patch(writer->output)) {
        npy_header(writer, header);
        rf__output_write(writer->output, header, sizeof header);
        return;
    }
    writer->spool = tmpfile();
    if (writer->spool == NULL)
        spool_failed(writer);
}

static void npy_row(struct vector_writer *writer, const struct row *row)
{
    if (rf__output_can_patch(writer->output))
        f32_row(writer, row);
    else if (writer->spool != NULL &&
             fwrite(row->vector, sizeof *row->vector, writer->info->dim, writer->spool) != writer->info->dim)
        spool_failed(writer);
}

/* The spool holds floats as this machine has them. */
static void unspool(struct vector_writer *writer)
{
    float values[2048];
    struct vector_writer piece = *writer;
    rf_model_info info = *writer->info;
    size_t n;

    if (fflush(writer->spool) != 0 || fseek(writer->spool, 0, SEEK_SET) != 0) {
        spool_failed(writer);
        return;
    }
    piece.info = &info;
    while ((n = fread(values, sizeof values[0], sizeof values / sizeof values[0], writer->spool)) > 0) {
        const struct row row = {.vector = values};
        info.dim = (uint32_t)n;
        f32_row(&piece, &row);
    }
    if (ferror(writer->spool))
        spool_failed(writer);
}

static void npy_end(struct vector_writer *writer)
{
    char header[NPY_HEADER];

    npy_header(writer, header);
    if (rf__output_can_patch(writer->output)) {
        rf__output_patch(writer->output, 0, header, sizeof header);
    } else if (writer->spool != NULL) {
        rf__output_write(writer->output, header, sizeof header);
        unspool(writer);
    }
}

/* ---- Formats ------------------------------------------------------------------------------------------------- */

static const struct format formats[] = {
    [VECTOR_JSON] = {"json", false, json_begin, json_row, json_end},
    [VECTOR_JSONL] = {"jsonl|ndjson", false, nothing, jsonl_row, nothing},
    [VECTOR_CSV] = {"csv", false, csv_begin, csv_row, nothing},
    [VECTOR_NPY] = {"npy", true, npy_begin, npy_row, npy_end},
    [VECTOR_F32] = {"f32|bin", true, nothing, f32_row, nothing},
};

int rf__vector_format_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash != NULL ? slash : path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof formats / sizeof formats[0]; i++) {
        for (const char *p = formats[i].endings; *p != '\0';) {
            size_t len = strcspn(p, "|");
            if (strlen(dot + 1) == len && memcmp(dot + 1, p, len) == 0)
                return (int)i;
            p += len + (p[len] == '|');
        }
    }
    return -1;
}

bool rf__vector_format_is_binary(enum vector_format format)
{
    return formats[format].is_binary;
}

rf_status rf__vector_writer_open(struct output *output, enum vector_format format, const rf_model_info *info,
                                 struct vector_writer **out, rf_error *err)
{
    struct vector_writer *writer = rf__calloc(1, sizeof *writer);
    rf_status status;

    if (writer == NULL)
        return rf__fail_memory(err);
    writer->format = &formats[format];
    writer->output = output;
    writer->info = info;
    writer->format->begin(writer);
    status = rf__output_status(output, err);
    if (status != RF_OK) {
        rf__vector_writer_free(writer);
        return status;
    }
    *out = writer;
    return RF_OK;
}

rf_status rf__vector_writer_rows(struct vector_writer *writer, const struct vector_rows *rows, rf_error *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct row row = {rows->first + i, rows->vectors + i * writer->info->dim, rows->n_tokens[i],
                                rows->truncated[i]};
        writer->format->row(writer, &row);
        writer->n++;
    }
    return rf__output_status(writer->output, err);
}

rf_status rf__vector_writer_finish(struct vector_writer *writer, rf_error *err)
{
    writer->format->end(writer);
    return rf__output_status(writer->output, err);
}

void rf__vector_writer_free(struct vector_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->spool != NULL)
        fclose(writer->spool);
    rf__free(writer);
}
