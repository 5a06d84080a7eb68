/*
 * vector_writer: vectors to a file or a stream, in one of six formats, a chunk at a time. Their numbers are of one of
 * the library's output types; with bits, eight dimensions share a number.
 *
 *     json   {"model": …, "revision": …, "dim": 384, "max_tokens": 256, "pooling": "mean", "normalized": true,
 *             "embeddings": [{"index": 0, "n_tokens": 4, "truncated": false, "embedding": [0.1, …]}, …]}
 *     jsonl  {"index": 0, "n_tokens": 4, "truncated": false, "embedding": [0.1, …]}   one line a text
 *            with --long-text mean also "windows": 1
 *     csv    index,n_tokens,truncated,d0,d1,…                                         with that header line
 *     npy    NumPy's format 1.0, [n, dim], of float32, float16, int8 or uint8
 *     f32    the bare floats, little-endian, [n, dim]; no other type
 *     raw    the bare numbers of any type
 */
#ifndef RF_PROGRAM_VECTOR_WRITER_H
#define RF_PROGRAM_VECTOR_WRITER_H

#include "output.h"

#define RF_VECTOR_FORMATS "json|jsonl|csv|npy|f32|raw"

/* In the order of RF_VECTOR_FORMATS. */
enum vector_format { VECTOR_JSON = 0, VECTOR_JSONL, VECTOR_CSV, VECTOR_NPY, VECTOR_F32, VECTOR_RAW };

/* What the ending of a file's name says; -1 where it says nothing. */
int rf__vector_format_of(const char *path);
bool rf__vector_format_is_binary(enum vector_format format);

struct vector_rows {
    uint64_t first; /* index of the first one */
    size_t n;
    const float *vectors;      /* [n, dim] */
    const uint32_t *n_tokens;  /* [n] */
    const bool *truncated;     /* [n] */
    const uint32_t *n_windows; /* [n] */
};

struct vector_writer;

/* In the order of rf_output_type. */
#define RF_OUTPUT_TYPES "fp32|fp16|int8|uint8|binary|ubinary"

/* Writes the head, unless an earlier run wrote it and `n_before` rows. `info`, `ranges` (of int8 and uint8) and
 * `output` are borrowed until the writer is freed. */
rf_status rf__vector_writer_open(struct output *output, enum vector_format format, const rf_model_info *info,
                                 rf_output_type type, const float *ranges, uint64_t n_before,
                                 struct vector_writer **out, rf_error *err);
rf_status rf__vector_writer_rows(struct vector_writer *writer, const struct vector_rows *rows, rf_error *err);
/* Writes the tail; the output still has to be closed. */
rf_status rf__vector_writer_finish(struct vector_writer *writer, rf_error *err);
void rf__vector_writer_free(struct vector_writer *writer); /* NULL is fine */

/* "mean", "cls" … as --pooling has it. */
const char *rf__pooling_word(rf_pooling pooling);

#endif
