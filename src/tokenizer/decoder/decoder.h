/* decoder: what the kinds of decoders share; decoder.c puts them together. */
#ifndef RF_TOKENIZER_DECODER_H
#define RF_TOKENIZER_DECODER_H

#include "tokenizer/stages.h"

typedef rf_status (*rf_decoder_reader)(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__wordpiece_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__byte_level_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__byte_fallback_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__fuse_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__metaspace_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__strip_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__bpe_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__ctc_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);
rf_status rf__replace_decoder_read(const struct stage_source *source, struct decoder **out, rf_error *err);

/* A string of a description, borrowed, NULs allowed. `fallback` may be NULL: the file must have it. */
rf_status rf__decoder_text(const struct stage_source *source, const char *key, const char *fallback, rf_text *out,
                           rf_error *err);
/* The same, of exactly one character. */
rf_status rf__decoder_char(const struct stage_source *source, const char *key, uint32_t *out, rf_error *err);

/* String number i of a list. */
static inline rf_text rf__string_at(const struct strings *strings, size_t i)
{
    size_t begin = i == 0 ? 0 : strings->end[i - 1];

    return (rf_text){strings->bytes.data + begin, strings->end[i] - begin};
}

/* Makes the last string of `out` longer by `text`, each `pattern` in it, from left to right, replaced. An empty pattern
 * is found before each character and at the end, as Rust's str::replace has it. */
rf_status rf__strings_extend_replaced(struct strings *out, rf_text text, rf_text pattern, rf_text content,
                                      rf_error *err);

/* Mends English that was split, in place, as cleanup() of `tokenizers` does; returns the new length. */
size_t rf__clean_up(char *text, size_t len);

#endif
