/* encode: what the files of encoding share: encode.c, text -> tokens; truncation.c, which of them stay; encoding.c,
 * tokens -> encoding, with characters.c; scratch_pool.c, memory between calls; encode_batch.c, many texts. */
#ifndef RF_TOKENIZER_ENCODE_H
#define RF_TOKENIZER_ENCODE_H

#include "tokenizer/tokenizer_parts.h"

/* White space at the two ends of a token that is found as something else than its piece: an added one, of which it is
 * part with lstrip and rstrip, and an unknown one (model_ops' is_text). Post-processors that trim take it off. In
 * characters. */
struct found_spaces {
    size_t token; /* which of the text's tokens */
    size_t lead, trail;
};
struct space_list {
    struct found_spaces *items; /* in order; those without white space as well */
    size_t n, cap;
};
rf_status rf__spaces_of_found(struct space_list *list, size_t token, const char *found, size_t len, rf_error *err);

/* The characters of a text: see characters.c. Zero-initialise before first use; the memory is used again. */
struct characters {
    rf_text text;
    size_t *marks; /* [n_marks]: where some of them begin */
    size_t n_marks, cap;
};
/* A place between two of them: n characters end at or before byte `at`. All zero is the beginning. */
struct character_place {
    size_t at, n;
};
void rf__characters_begin(struct characters *characters, rf_text text); /* another text, which must stay */
void rf__characters_release(struct characters *characters);
/* Moves a place of the text to the last one that is not behind byte `at`. */
rf_status rf__characters_go(struct characters *characters, struct character_place *place, size_t at, rf_error *err);
/* At which byte character number n begins, of which there are n before the end; `near`: any place of the text. */
rf_status rf__characters_find(struct characters *characters, struct character_place near, size_t n, size_t *at,
                              rf_error *err);

struct encode_scratch {
    struct text_buf repaired;   /* the text made well-formed, where an added token asks for that */
    struct text_buf normalized; /* the plain text at hand */
    struct normalize_scratch normalize;
    struct pieces lists[2];
    struct model_scratch model;
    struct tokens tokens[2]; /* of the first and the second text */
    struct space_list spaces[2];
    struct characters characters[2];
};

/* Tokenizes a text into scratch->tokens[which] until it has `limit` tokens or more. `no_alignment`: the positions
 * mean nothing. */
rf_status rf__tokenize_text(const struct rf_tokenizer *tokenizer, rf_text text, size_t limit, bool no_alignment,
                            struct encode_scratch *scratch, int which, rf_error *err);

/* ---- Truncation --------------------------------------------------------------------------------------------- */

/* A text of `n` tokens in pieces of `keep`, each of which has `stride` tokens of the one before; the first is what
 * stays, the others are its overflow. */
struct cutting {
    size_t n, keep;
    size_t n_pieces; /* 1: with no overflow, or none asked for */
    size_t stride;
    bool is_left; /* pieces are counted from the end */
};
struct token_range {
    size_t begin, n;
};
struct token_range rf__cutting_piece(const struct cutting *cutting, size_t i);

/* How many tokens of each text tokenizing must give so that the cut is right. */
size_t rf__truncation_limit(const struct encode_request *request, size_t room);

/* Cuts one or two texts of n[0] and n[1] tokens so that at most `room` stay. *truncated: something was cut. */
rf_status rf__truncate(const struct encode_request *request, const size_t n[2], size_t room, struct cutting out[2],
                       bool *truncated, rf_error *err);

/* Whether the cut depends on which of the two texts is longer, which cannot be told from these `limit` tokens. */
bool rf__truncation_needs_lengths(const struct encode_request *request, const size_t n[2], size_t limit, size_t room);

#endif
