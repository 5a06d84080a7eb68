/*
 * stream: the texts of an input through a model, a chunk at a time, so that memory does not grow with the input. The
 * next chunk is read while the current one is computed. Shows a progress bar, ends at Ctrl-C, counts the texts that
 * were cut and warns once at the end.
 */
#ifndef RF_PROGRAM_STREAM_H
#define RF_PROGRAM_STREAM_H

#include "input.h"
#include "vector_writer.h"

/* Takes the vectors of a chunk: row i belongs to chunk->texts[i]. */
typedef rf_status (*stream_fn)(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err);

/* Of `how` the role and the prompt are taken; NULL: none. `input` may be NULL: as if empty. `n_texts` may be NULL. */
rf_status rf__stream_embed(const rf_model *model, const rf_embed_options *how, struct input *input, stream_fn fn,
                           void *user, uint64_t *n_texts, rf_error *err);

/* The same for a run that may be interrupted and go on: in steps of about two seconds, from where the input stands,
 * where *n_truncated of the texts before were cut. NULL: as above. */
rf_status rf__stream_embed_from(const rf_model *model, const rf_embed_options *how, struct input *input,
                                const uint64_t *n_truncated, stream_fn fn, void *user, uint64_t *n_texts,
                                rf_error *err);

#endif
