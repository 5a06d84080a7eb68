/*
 * special_tokens: the tokens that a model directory without a tokenizer.json adds to its vocabulary, in the order in
 * which `transformers` adds them:
 *
 *     tokenizer_config.json    the names of the special tokens, extra_special_tokens (formerly
 *                              additional_special_tokens): a list, added_tokens_decoder: {"id": token}
 *     special_tokens_map.json  names and lists, unless there is an added_tokens_decoder
 *     added_tokens.json        {"content": id}, unless there is an added_tokens_decoder
 *
 * The ids in these files order the tokens, no more: a token has its id in the vocabulary, a new one the next that is
 * free.
 */
#ifndef RF_TOKENIZER_SPECIAL_TOKENS_H
#define RF_TOKENIZER_SPECIAL_TOKENS_H

#include "tokenizer/files/files.h"

/* The special tokens that have a name, in the order in which they are added. */
enum { SPECIAL_BOS, SPECIAL_EOS, SPECIAL_UNK, SPECIAL_SEP, SPECIAL_PAD, SPECIAL_CLS, SPECIAL_MASK, N_SPECIALS };

extern const char *const rf__special_token_keys[N_SPECIALS]; /* "bos_token" … */

/* The content of a token, a string or an object that has it; NULL where there is none. */
yyjson_val *rf__token_content(yyjson_val *token);

struct listed_token {
    struct added_spec spec; /* borrowed from the files */
    uint64_t order;         /* of those that are first, their id in the files */
    size_t number;
    bool is_first; /* of added_tokens_decoder or added_tokens.json */
    bool is_added; /* of added_tokens.json: special where it is said early or has a name */
    bool has_name;
    bool is_said_early; /* a special token as a string, or of special_tokens_map.json */
    bool is_object,
        says_normalized; /* how the files have it; where they don't say, what is not special is normalized */
    bool is_left_out;
};

struct special_tokens {
    struct added_spec named[N_SPECIALS]; /* content NULL: none */
    uint32_t ids[N_SPECIALS];            /* of those that are there, once they are added */
    struct listed_token *items;
    size_t n, cap;
    bool takes_own; /* the files have no list of special tokens without a name: those of the class come in its place */
};

/* Lists the tokens of the files; `fallbacks` are the named ones that they may leave out, with the flags that the class
 * gives to what the files have as a string: those with lstrip, or not special before they have a name, become objects.
 * `has_own`: the class has special tokens without a name, and appends them where takes_own says so; `room` is made for
 * so many. Zero-initialise before; what it leaves behind must be released, also when it fails. */
rf_status rf__special_tokens_list(struct special_tokens *tokens, const struct vocab_companions *companions,
                                  const struct added_spec fallbacks[N_SPECIALS], bool has_own, size_t room,
                                  rf_error *err);
void rf__special_tokens_release(struct special_tokens *tokens);

/* RF_BAD_FORMAT where one of the set (1 << SPECIAL_…) is not there; `name` is for the message. */
rf_status rf__special_tokens_require(const struct special_tokens *tokens, unsigned set, const char *name,
                                     rf_error *err);

/* Lists one more, within the room. */
void rf__special_tokens_append(struct special_tokens *tokens, const struct added_spec *spec);

/* Adds them to a tokenizer that has its model and its normalizers. */
rf_status rf__special_tokens_add(struct special_tokens *tokens, struct rf_tokenizer *tokenizer, rf_error *err);

#endif
