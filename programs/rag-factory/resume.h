/*
 * resume: an output that is made over several runs, each of which may end at any moment. Beside the output OUT are then
 *
 *     OUT.partial        what will be OUT
 *     OUT.partial.json   how far it reaches: of the input, texts, bytes and a hash of these; bytes of OUT.partial;
 *                        model, options and format, which must be the same in the run that goes on
 *     OUT.partial.lock   held by the run that writes
 *
 * What holds: the note is written after what it tells of is on the disk, so that the first bytes of OUT.partial, as
 * many as it says, are those that an uninterrupted run writes; what is behind them is cut off and made again.
 */
#ifndef RF_PROGRAM_RESUME_H
#define RF_PROGRAM_RESUME_H

#include "input.h"
#include "output.h"
#include "vector_writer.h"

struct resume;

/* Takes the lock of `path`, RF_IO where another process has it, reads the note of an earlier run, if there is one, and
 * opens the output behind what it tells of. The output is to be closed by rf__resume_close(). */
rf_status rf__resume_open(const char *path, struct output *output, struct resume **out, rf_error *err);

/* What decides the bytes of the output. */
struct resume_plan {
    const char *fingerprint; /* of the model's vectors */
    const char *model;       /* its source, which some formats tell */
    int format, type;
    const float *ranges; /* [n_ranges], or NULL */
    size_t n_ranges;
};

/* RF_INVALID_ARGUMENT where the earlier run had another plan; else moves the input to where that run came. */
rf_status rf__resume_check(struct resume *resume, const struct resume_plan *plan, struct input *input, rf_error *err);

/* Of the texts that are done. */
uint64_t rf__resume_n_texts(const struct resume *resume);
uint64_t rf__resume_n_truncated(const struct resume *resume);

/* After the rows of a chunk were written: they are done. Notes it every few seconds. */
rf_status rf__resume_step(struct resume *resume, const struct chunk *chunk, const struct vector_rows *rows,
                          rf_error *err);

/* Closes the output as rf__output_close() does. After a failure what is done is noted, and told. Frees `resume`. */
rf_status rf__resume_close(struct resume *resume, rf_status status, rf_error *err);

#endif
