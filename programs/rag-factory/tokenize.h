/* tokenize: what the files of the command share: cmd_tokenize.c, tokenize_show.c, tokenize_decode.c. */
#ifndef RF_PROGRAM_TOKENIZE_H
#define RF_PROGRAM_TOKENIZE_H

#include "input.h"
#include "output.h"

enum tokenize_format { FORMAT_TEXT = 0, FORMAT_JSON, FORMAT_JSONL, FORMAT_IDS };

struct tokenize {
    const struct opt_common *common;
    rf_tokenizer *tokenizer; /* NULL with --estimate */
    struct output out;
    int format;
    bool count, no_special, pair, decode, stream, overflow, estimate;
    uint32_t stride, threads;
    int strategy;
    const char *ids; /* of --ids; NULL: not given */

    uint64_t n, n_truncated; /* results so far */
    struct buf first;        /* with --pair: the first text of a pair, while `has_first` */
    bool has_first;
    rf_decode_stream *decoding; /* with --stream */
};

/* ---- Encodings out ------------------------------------------------------------------------------------------ */

void rf__tokenize_show(struct tokenize *t, const rf_encoding *encoding);
void rf__tokenize_show_ids(struct tokenize *t, const uint32_t *ids, size_t n);
void rf__tokenize_show_count(struct tokenize *t, size_t n);
/* The beginning of an element of a JSON list, or of nothing in other formats. */
void rf__tokenize_show_comma(struct tokenize *t);

/* ---- Texts out ---------------------------------------------------------------------------------------------- */

/* A text that is ids: its text is a result; with --stream, it goes on where the one before it ended.
 * RF_INVALID_ARGUMENT: there is something that is no id. */
rf_status rf__tokenize_decode(struct tokenize *t, rf_text text, const char *place, rf_error *err);
/* The arguments, and --ids, are the ids of one text. */
rf_status rf__tokenize_decode_arguments(struct tokenize *t, const char *const *args, size_t n_args, rf_error *err);
/* With --stream: what was still held back. */
rf_status rf__tokenize_decode_end(struct tokenize *t, rf_error *err);

#endif
