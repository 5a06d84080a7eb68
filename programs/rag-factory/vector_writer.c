/*
 * vector_writer: see vector_writer.h. The number of rows stands at the front of a npy file and is known at the end: in
 * a file the header is written with room to spare and overwritten; what goes to a pipe waits in a temporary file.
 */
#include "vector_writer.h"

#include "base/half.h"
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
    uint32_t n_windows;
};

struct vector_writer {
    const struct format *format;
    struct output *output;
    const rf_model_info *info;
    rf_output_type type;
    const float *ranges; /* [2, dim], or NULL */
    uint8_t *bytes;      /* [row_size]: a vector as the type has it */
    size_t row_size;
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

/* How the types are called, and what numpy calls their numbers. */
static const struct {
    const char *name, *numpy;
    size_t size; /* bytes of a number */
} types[] = {
    [RF_OUTPUT_FP32] = {"fp32", "<f4", 4},     [RF_OUTPUT_FP16] = {"fp16", "<f2", 2},
    [RF_OUTPUT_INT8] = {"int8", "|i1", 1},     [RF_OUTPUT_UINT8] = {"uint8", "|u1", 1},
    [RF_OUTPUT_BINARY] = {"binary", "|i1", 1}, [RF_OUTPUT_UBINARY] = {"ubinary", "|u1", 1},
};

/* Numbers of a row: with bits, eight dimensions share one. */
static size_t n_columns(const struct vector_writer *writer)
{
    return writer->row_size / types[writer->type].size;
}

/* writer->bytes of the vector; false where that failed, which is the output's failure then. */
static bool convert(struct vector_writer *writer, const float *vector)
{
    rf_error err;

    if (rf_quantize(vector, 1, writer->info->dim, writer->type, writer->ranges, writer->bytes, writer->row_size,
                    &err) == RF_OK)
        return true;
    rf__output_fail(writer->output, &err);
    return false;
}

static void write_number(struct vector_writer *writer, const float *vector, size_t i)
{
    const uint8_t *bytes = writer->bytes;

    if (writer->type == RF_OUTPUT_FP32)
        rf__output_float(writer->output, vector[i]);
    else if (writer->type == RF_OUTPUT_FP16)
        rf__output_float(writer->output, rf__half_to_float((uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8)));
    else if (types[writer->type].numpy[1] == 'i')
        rf__output_printf(writer->output, "%d", (int)(int8_t)bytes[i]);
    else
        rf__output_printf(writer->output, "%u", bytes[i]);
}

static void write_numbers(struct vector_writer *writer, const float *vector)
{
    if (writer->type != RF_OUTPUT_FP32 && !convert(writer, vector))
        return;
    for (size_t i = 0; i < n_columns(writer); i++) {
        if (i > 0)
            rf__output_write(writer->output, ",", 1);
        write_number(writer, vector, i);
    }
}

static bool tells_windows(const struct vector_writer *writer)
{
    return writer->info->long_text == RF_LONG_TEXT_MEAN;
}

/* Where a fallback stands in, each line that may be read alone says whose vector it is. */
static bool tells_model(const struct vector_writer *writer)
{
    return writer->info->replaces[0] != '\0';
}

static void json_begin(struct vector_writer *writer)
{
    const rf_model_info *info = writer->info;

    rf__output_text(writer->output, "{\"model\":");
    rf__output_json(writer->output, info->source, strlen(info->source));
    if (tells_model(writer)) {
        rf__output_text(writer->output, ",\"in_place_of\":");
        rf__output_json(writer->output, info->replaces, strlen(info->replaces));
    }
    rf__output_text(writer->output, ",\"revision\":");
    rf__output_json(writer->output, info->revision, strlen(info->revision));
    rf__output_printf(writer->output, ",\"dim\":%u,\"max_tokens\":%u,\"pooling\":\"%s\",\"normalized\":%s", info->dim,
                      info->max_tokens, info->pooled_by_graph ? "graph" : rf__pooling_word(info->pooling),
                      info->l2 ? "true" : "false");
    if (tells_windows(writer))
        rf__output_text(writer->output, ",\"long_text\":\"mean\"");
    if (writer->type != RF_OUTPUT_FP32)
        rf__output_printf(writer->output, ",\"output_type\":\"%s\"", types[writer->type].name);
    rf__output_text(writer->output, ",\"embeddings\":[");
}

/* What follows the brace. */
static void json_object(struct vector_writer *writer, const struct row *row)
{
    rf__output_printf(writer->output, "\"index\":%llu,\"n_tokens\":%u,\"truncated\":%s,",
                      (unsigned long long)row->index, row->n_tokens, row->truncated ? "true" : "false");
    if (tells_windows(writer))
        rf__output_printf(writer->output, "\"windows\":%u,", row->n_windows);
    rf__output_text(writer->output, "\"embedding\":[");
    write_numbers(writer, row->vector);
    rf__output_text(writer->output, "]}");
}

static void json_row(struct vector_writer *writer, const struct row *row)
{
    rf__output_text(writer->output, row->index == 0 ? "\n{" : ",\n{");
    json_object(writer, row);
}

static void json_end(struct vector_writer *writer)
{
    rf__output_text(writer->output, writer->n > 0 ? "\n]}\n" : "]}\n");
}

static void jsonl_row(struct vector_writer *writer, const struct row *row)
{
    if (tells_model(writer)) {
        rf__output_text(writer->output, "{\"model\":");
        rf__output_json(writer->output, writer->info->source, strlen(writer->info->source));
        rf__output_text(writer->output, ",");
    } else {
        rf__output_text(writer->output, "{");
    }
    json_object(writer, row);
    rf__output_text(writer->output, "\n");
}

/* In quotes, those in it doubled (RFC 4180). */
static void csv_text(struct output *output, const char *text)
{
    rf__output_text(output, "\"");
    for (; *text != '\0'; text++)
        rf__output_write(output, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    rf__output_text(output, "\"");
}

static void csv_begin(struct vector_writer *writer)
{
    rf__output_text(writer->output,
                    tells_model(writer) ? "model,index,n_tokens,truncated" : "index,n_tokens,truncated");
    rf__output_text(writer->output, tells_windows(writer) ? ",windows" : "");
    for (size_t i = 0; i < n_columns(writer); i++)
        rf__output_printf(writer->output, ",d%zu", i);
    rf__output_text(writer->output, "\n");
}

static void csv_row(struct vector_writer *writer, const struct row *row)
{
    if (tells_model(writer)) {
        csv_text(writer->output, writer->info->source);
        rf__output_text(writer->output, ",");
    }
    rf__output_printf(writer->output, "%llu,%u,%s,", (unsigned long long)row->index, row->n_tokens,
                      row->truncated ? "true" : "false");
    if (tells_windows(writer))
        rf__output_printf(writer->output, "%u,", row->n_windows);
    write_numbers(writer, row->vector);
    rf__output_text(writer->output, "\n");
}

/* ---- Binary formats ------------------------------------------------------------------------------------------ */

static void raw_row(struct vector_writer *writer, const struct row *row)
{
    if (convert(writer, row->vector))
        rf__output_write(writer->output, writer->bytes, writer->row_size);
}

/* https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
static void npy_header(const struct vector_writer *writer, char header[NPY_HEADER])
{
    char text[NPY_HEADER];
    int len = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%llu, %zu), }",
                       types[writer->type].numpy, (unsigned long long)writer->n, n_columns(writer));

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
        raw_row(writer, row);
    else if (writer->spool != NULL && convert(writer, row->vector) &&
             fwrite(writer->bytes, 1, writer->row_size, writer->spool) != writer->row_size)
        spool_failed(writer);
}

static void unspool(struct vector_writer *writer)
{
    char piece[8192];
    size_t n;

    if (fflush(writer->spool) != 0 || fseek(writer->spool, 0, SEEK_SET) != 0) {
        spool_failed(writer);
        return;
    }
    while ((n = fread(piece, 1, sizeof piece, writer->spool)) > 0)
        rf__output_write(writer->output, piece, n);
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
    [VECTOR_F32] = {"f32|bin", true, nothing, raw_row, nothing},
    [VECTOR_RAW] = {"raw", true, nothing, raw_row, nothing},
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
                                 rf_output_type type, const float *ranges, uint64_t n_before,
                                 struct vector_writer **out, rf_error *err)
{
    struct vector_writer *writer = rf__calloc(1, sizeof *writer);
    rf_status status;

    if (writer == NULL)
        return rf__fail_memory(err);
    writer->format = &formats[format];
    writer->output = output;
    writer->info = info;
    writer->type = type;
    writer->ranges = ranges;
    writer->n = n_before;
    writer->row_size = rf_output_row_size(type, info->dim);
    writer->bytes = rf__alloc(writer->row_size);
    if (writer->bytes == NULL) {
        rf__vector_writer_free(writer);
        return rf__fail_memory(err);
    }
    if (n_before == 0)
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
                                rows->truncated[i], rows->n_windows[i]};
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
    rf__free(writer->bytes);
    rf__free(writer);
}
