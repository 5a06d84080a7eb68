/*
 * added_tokens: the tokens that are found in the text before the model sees it, whole: those that are not `normalized`
 * in the text as it is, the others in the normalized text. A token that the model's vocabulary has too keeps its id
 * there; a new one gets the next free id, whatever the file says, as `tokenizers` does.
 *
 * Of tokens that overlap, the leftmost is taken, of those the longest. `single_word`: only between characters that are
 * not \w. `lstrip`, `rstrip`: with the whitespace before, behind it.
 */
#ifndef RF_TOKENIZER_ADDED_TOKENS_H
#define RF_TOKENIZER_ADDED_TOKENS_H

#include "tokenizer/stages.h"

struct added_flags {
    bool single_word, lstrip, rstrip, normalized, special;
};
/* The flags of a token as all files have them; what is missing is false, but that what is not special is normalized.
 * `is_special`: whatever it says. */
rf_status rf__added_flags_read(const struct json *json, yyjson_val *token, bool is_special, struct added_flags *flags,
                               rf_error *err);

/* One token as a file names it. */
struct added_spec {
    const char *content;
    size_t len;
    struct added_flags flags;
};

struct added_token {
    char *content;
    size_t len;
    char *normal; /* what is searched for and what decoding shows, where normalizing changed the content; else NULL */
    size_t normal_len;
    uint32_t id;
    struct added_flags flags;
    bool is_named_special; /* some token of this content was special */
};

struct pattern {
    const char *bytes; /* of the token */
    size_t len;
    uint32_t token; /* its index */
};

/* Sorted by bytes; different ones, none of them empty. */
struct pattern_set {
    struct pattern *items;
    size_t n;
    bool begins[256]; /* which bytes one begins with */
    int only_begin;   /* the one byte that all begin with, or -1 */
    bool has_lstrip;
    bool finds_replacement; /* some pattern contains U+FFFD: what is ill-formed may be found */
};

struct added_tokens {
    struct added_token *items; /* in the order of the file */
    size_t n, cap;
    uint32_t *by_content; /* hash table of indexes + 1, by content */
    size_t mask;
    uint32_t *by_id; /* [n_ids]: index + 1 of the token that an id names; 0: none */
    uint32_t n_ids;  /* the model's, and one for each token that may be new */
    uint32_t next_id;
    struct pattern_set raw, normalized;
};

/* Makes room for up to n tokens. Zero-initialise before. */
rf_status rf__added_tokens_init(struct added_tokens *added, const struct vocabulary *vocabulary, size_t n,
                                rf_error *err);
void rf__added_tokens_release(struct added_tokens *added); /* fine on a zeroed one */

/* Adds a token; one that is there already changes nothing. *id is its id. An empty one is none: *id stays.
 * RF_UNSUPPORTED when it is longer than RF_MAX_PIECE. */
rf_status rf__added_tokens_add(struct added_tokens *added, const struct vocabulary *vocabulary,
                               const struct normalizers *normalizers, const struct added_spec *spec, uint32_t *id,
                               rf_error *err);
/* After the last token, before the first search. */
rf_status rf__added_tokens_finish(struct added_tokens *added, const struct logger *logger, rf_error *err);

/* NULL when there is none. */
const struct added_token *rf__added_token_of_id(const struct added_tokens *added, uint32_t id);
const struct added_token *rf__added_token_of_content(const struct added_tokens *added, const char *content, size_t len);

/* ---- Searching ---------------------------------------------------------------------------------------------- */

/* How far a text has been searched. Zero-initialise before the first part of a text. */
struct added_cursor {
    size_t begin;  /* everything before was given out */
    size_t search; /* the next token begins here or later */
    bool has_match;
    size_t match_begin, match_end;
    uint32_t match_token;
    size_t space_begin, space_end; /* white space as it was found last, walking back: its beginning need not be looked
                                    * for again */
    size_t open_begin, open_end; /* a match that waits for the end of the white space behind it: [begin, end) was seen.
                                  * end 0: none */
    bool has_before, before_is_word; /* a character was dropped from in front of the text, and what it was */
};

enum added_kind {
    ADDED_DONE,  /* everything was given out */
    ADDED_MORE,  /* nothing is certain before the text goes on */
    ADDED_PLAIN, /* no token */
    ADDED_TOKEN
};

struct added_part {
    enum added_kind kind;
    size_t begin, end;
    bool is_last;   /* of ADDED_PLAIN: a token or the end comes next; else more plain text may */
    uint32_t token; /* of ADDED_TOKEN: index in items */
};

/* The next part of the text, from left to right. `is_whole` says that the text does not go on; without it, only what is
 * certain is given. Plain text comes in parts, so that a long one is not searched to its end at once. */
struct added_part rf__added_next(const struct added_tokens *added, const struct pattern_set *set, const char *data,
                                 size_t len, bool is_whole, struct added_cursor *cursor);

/* The text lost its first n bytes, which were given out. Call it before they go. */
void rf__added_drop(struct added_cursor *cursor, const char *data, size_t n);

#endif
