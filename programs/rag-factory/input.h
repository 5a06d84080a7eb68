/*
 * input: texts out of a file, standard input or the arguments, read in chunks so that memory does not grow with the
 * input. How texts are told apart:
 *
 *     lines   end with a newline, or a carriage return and a newline; the last one may do without. An empty line is an
 *             empty text. A byte order mark at the start is skipped. NUL bytes are part of the text.
 *     NUL     end with a NUL byte; everything else is part of the text.
 *     JSON    lines, each an object with the text as a string in a named field; empty lines are skipped.
 */
#ifndef RF_PROGRAM_INPUT_H
#define RF_PROGRAM_INPUT_H

#include "base/buf.h"
#include "opt.h"

#define RF_TEXT_MAX ((size_t)256 << 20) /* bytes of one text */

/* How far an input was read, at the end of a text. */
struct input_mark {
    uint64_t n_texts, n_lines, n_bytes;
    uint64_t hash; /* of these bytes */
};

/* Some texts that follow each other in the input. */
struct chunk {
    rf_text *texts; /* [n]; NUL-terminated, point into `bytes` */
    uint64_t *line; /* [n]: number of its line (or record), from 1 */
    size_t n, cap;
    uint64_t first;        /* how many texts came before texts[0] */
    struct input_mark end; /* behind the last one */
    struct buf bytes;
};
void rf__chunk_init(struct chunk *chunk);
void rf__chunk_release(struct chunk *chunk);

struct input;

/* What `options` ask for: the texts in args[0 … n_args), else the file that was named, else standard input; a terminal
 * counts as nothing unless it was named. NULL in *out where there is nothing to read. */
rf_status rf__input_open(const struct opt_common *options, const char *const *args, size_t n_args, struct input **out,
                         rf_error *err);
void rf__input_free(struct input *input); /* NULL is fine */

/* Overwrites `chunk` with the next texts: at most `max_texts`, and no further one once they have `max_bytes`. n is 0 at
 * the end. */
rf_status rf__input_read(struct input *input, size_t max_texts, size_t max_bytes, struct chunk *chunk, rf_error *err);

struct input_mark rf__input_at(const struct input *input);
/* Reads, at the beginning, on to a mark of an earlier run. RF_BAD_FORMAT where other bytes come before it than then. */
rf_status rf__input_skip(struct input *input, const struct input_mark *mark, rf_error *err);

/* How its texts are told apart: "lines", "null", "json FIELD". */
#define RF_FORM_TEXT 300
const char *rf__input_form(const struct input *input, char out[RF_FORM_TEXT]);

/* Size of the input in bytes; 0 where that is not known. */
uint64_t rf__input_size(const struct input *input);

/* From now on a line is handed out when it comes, for one who types or waits. */
void rf__input_be_prompt(struct input *input);

/* "corpus.txt", "standard input", "the arguments". */
const char *rf__input_name(const struct input *input);

/* "corpus.txt, line 12", "text 2". */
#define RF_PLACE_TEXT 300
const char *rf__input_place(const struct input *input, const struct chunk *chunk, size_t i, char out[RF_PLACE_TEXT]);

#endif
