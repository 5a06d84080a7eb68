/*
 * tokenizer: text -> ids, exactly as Hugging Face's `tokenizers` does it. The five stages of a tokenizer.json
 *
 *     text ─ added tokens ─ normalizer ─ pre-tokenizer ─ model ─ post-processor ─ ids
 *
 * each have a file (or, with many kinds, one file a kind); encode.c joins them, decoder.c goes the other way. This
 * is the only header that other folders include.
 */
#ifndef RF_TOKENIZER_TOKENIZER_H
#define RF_TOKENIZER_TOKENIZER_H

#include "base/error.h"
#include "base/log.h"

/* Immutable once open; every function that takes it const may be called from several threads at once. */
struct rf_tokenizer;

/* Opens the tokenizer of a model directory - tokenizer.json, else vocab.txt, else a model of sentencepiece, else
 * vocab.json with merges.txt, these with the tokenizer_config.json and config.json beside them, else ranks of tiktoken,
 * *.tiktoken - or one of these files. `lower_case`: sentence_bert_config.json's do_lower_case, which puts Lowercase in
 * front of the normalizers, as sentence-transformers does: what is added and not normalized is still looked for in the
 * text as it is. */
rf_status rf__tokenizer_open(const char *path, bool lower_case, const struct logger *logger, struct rf_tokenizer **out,
                             rf_error *err);
void rf__tokenizer_free(struct rf_tokenizer *tokenizer); /* NULL is fine */

/* One above the highest id, added tokens included. */
uint32_t rf__tokenizer_vocab_size(const struct rf_tokenizer *tokenizer);
/* NULL when no piece has that id; NUL-terminated as well. */
const char *rf__tokenizer_piece(const struct rf_tokenizer *tokenizer, uint32_t id, size_t *len);
/* False when no piece has that content. */
bool rf__tokenizer_id(const struct rf_tokenizer *tokenizer, const char *piece, size_t len, uint32_t *id);
rf_token_kind rf__tokenizer_kind(const struct rf_tokenizer *tokenizer, uint32_t id);
/* Number of tokens that the post-processor adds to one text, or to two. */
uint32_t rf__tokenizer_n_added(const struct rf_tokenizer *tokenizer, bool pair);

/* What encoding gives; reusable: rf__encode() overwrites it and keeps its memory. Zero-initialise before first use. */
struct encoding {
    size_t n;
    uint32_t *ids, *type_ids;
    uint32_t *words;               /* RF_NO_WORD for special tokens */
    size_t *begin, *end;           /* bytes of the caller's text */
    size_t *begin_char, *end_char; /* its characters; NULL unless asked for */
    uint8_t *special;              /* what the post-processor added */
    int8_t *sequence;              /* 0, 1: which text; -1: none */
    bool truncated;
    struct encoding *overflow;       /* [n_overflow] */
    size_t n_overflow, cap_overflow; /* so many can be used again */
    void *block;                     /* where all arrays lie */
    size_t cap;                      /* bytes */
};
void rf__encoding_release(struct encoding *encoding);

struct encode_request {
    rf_text text;
    const rf_text *pair;    /* NULL: none */
    bool no_special_tokens; /* leave out what the post-processor adds */
    uint32_t max_tokens;    /* 0: no limit; special tokens count */
    rf_truncate truncate;   /* RF_TRUNCATE_ERROR: RF_TRUNCATED */
    rf_strategy strategy;
    bool overflow;     /* give what was cut as well */
    uint32_t stride;   /* tokens that a piece of the overflow has of the piece before */
    bool no_alignment; /* fill in n, ids, type_ids and truncated, and nothing else; no overflow then */
    bool characters;   /* begin_char, end_char */
};

/* Working memory of one thread; no allocation for each text once it has grown. */
struct encode_scratch;
struct encode_scratch *rf__encode_scratch_new(void);          /* NULL when out of memory */
void rf__encode_scratch_free(struct encode_scratch *scratch); /* NULL is fine */

/* A long text is read only as far as the limit needs, with the same ids as cutting at the end. RF_TRUNCATED also where
 * the strategy forbids what the limit needs. */
rf_status rf__encode(const struct rf_tokenizer *tokenizer, const struct encode_request *request,
                     struct encode_scratch *scratch, struct encoding *out, rf_error *err);

/* Working memory that others have used before, and whose memory of words is warm; to be given back. NULL when out of
 * memory. */
struct encode_scratch *rf__scratch_take(const struct rf_tokenizer *tokenizer);
void rf__scratch_give(const struct rf_tokenizer *tokenizer, struct encode_scratch *scratch); /* NULL is fine */
/* Frees what was given back, the memory of words included. */
void rf__tokenizer_trim(const struct rf_tokenizer *tokenizer);

/* Number of tokens of a text, special ones included unless left out; `at_most` when there are more: the text is read no
 * further than that needs. */
rf_status rf__count_tokens(const struct rf_tokenizer *tokenizer, rf_text text, bool no_special_tokens, size_t at_most,
                           struct encode_scratch *scratch, size_t *count, rf_error *err);

/* The texts of a call with several, each with its pair where `pairs` is not NULL. `like` has the rest of the request.
 */
struct encode_texts {
    const rf_text *texts, *pairs; /* [n] */
    size_t n;
    struct encode_request like;
    uint32_t threads; /* 0: one for each processor */
};

/* Encodes texts into out[n], which are zeroed or used before. After a failure some of them are filled. */
rf_status rf__encode_all(const struct rf_tokenizer *tokenizer, const struct encode_texts *texts, struct encoding *out,
                         rf_error *err);

/* The ids of several texts, end to end; reusable. Zero-initialise before first use. */
struct flat_ids {
    size_t n;
    uint32_t *ids;
    size_t *first; /* [n + 1]: text i has ids[first[i]] … ids[first[i + 1] - 1] */
    size_t n_truncated;
    size_t cap_ids, cap_texts;
};
void rf__flat_ids_release(struct flat_ids *ids);
rf_status rf__encode_flat(const struct rf_tokenizer *tokenizer, const struct encode_texts *texts, struct flat_ids *out,
                          rf_error *err);

/* Text out of ids: *out is new memory (rf__free), NUL-terminated. RF_INVALID_ARGUMENT for an id that names no piece. */
rf_status rf__decode(const struct rf_tokenizer *tokenizer, const uint32_t *ids, size_t n, bool skip_special_tokens,
                     char **out, size_t *out_len, rf_error *err);

/* Text out of ids that come a few at a time: the parts, joined, are what decoding all of them at once gives. */
struct decode_stream;
struct decode_stream *rf__decode_stream_new(const struct rf_tokenizer *tokenizer,
                                            bool skip_special_tokens); /* NULL when out of memory */
void rf__decode_stream_free(struct decode_stream *stream);             /* NULL is fine */
/* What is known of the text now and was not before, UTF-8 by itself, valid until the next call; `is_end`: no more ids
 * come. After a failure the stream can only be freed, except after RF_INVALID_ARGUMENT for an id that names no piece:
 * then nothing changed. */
rf_status rf__decode_stream_step(struct decode_stream *stream, const uint32_t *ids, size_t n, bool is_end, rf_text *out,
                                 rf_error *err);

/* About how many tokens a text has for a model of which nothing is known: see estimate.c. */
size_t rf__estimate_tokens(rf_text text);

#endif
