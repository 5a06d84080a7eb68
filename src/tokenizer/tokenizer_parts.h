/* tokenizer_parts: what an rf_tokenizer is made of, and who fills it in. */
#ifndef RF_TOKENIZER_TOKENIZER_PARTS_H
#define RF_TOKENIZER_TOKENIZER_PARTS_H

#include "tokenizer/added_tokens.h"
#include "tokenizer/stages.h"
#include "tokenizer/tokenizer.h"

struct scratch_pool;

struct rf_tokenizer {
    struct normalizers normalizers;
    struct added_tokens added;
    struct pretokenizers pretokenizers;
    struct model *model;
    struct postprocessor postprocessor;
    struct decoders decoders;
    uint32_t vocab_size;
    struct scratch_pool *pool; /* has a lock of its own */
};

/* They fill a zeroed tokenizer; what they leave behind when they fail must still be released. */

/* The text of a tokenizer.json; `name` is its path. */
rf_status rf__tokenizer_read_json(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                  bool lower_case, const struct logger *logger, rf_error *err);

/* The same, and of the tokenizer_config.json beside it what changes ids: see tokenizer_config.h. `config` may have no
 * document. */
rf_status rf__tokenizer_read_json_and_config(struct rf_tokenizer *tokenizer, const char *text, size_t len,
                                             const char *name, const struct json *config, bool lower_case,
                                             const struct logger *logger, rf_error *err);

/* The files beside a vocabulary or a model of sentencepiece that say more; a json without a document where there is
 * none. */
struct vocab_companions {
    struct json config;             /* tokenizer_config.json */
    struct json special_tokens_map; /* special_tokens_map.json */
    struct json added_tokens;       /* added_tokens.json */
    struct json model_config;       /* config.json, where it is asked */
};
/* The text of a vocab.txt; `name` is its path. */
rf_status rf__tokenizer_read_vocab(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                   const struct vocab_companions *companions, bool lower_case,
                                   const struct logger *logger, rf_error *err);

/* A model of sentencepiece; `name` is its path. */
rf_status rf__tokenizer_read_sentencepiece(struct rf_tokenizer *tokenizer, const char *data, size_t len,
                                           const char *name, const struct vocab_companions *companions, bool lower_case,
                                           const struct logger *logger, rf_error *err);

/* A vocab.json and its merges.txt. */
struct vocab_json_files {
    struct json vocab;
    rf_text merges;
    const char *merges_name; /* path */
};
rf_status rf__tokenizer_read_vocab_json(struct rf_tokenizer *tokenizer, const struct vocab_json_files *files,
                                        const struct vocab_companions *companions, bool lower_case,
                                        const struct logger *logger, rf_error *err);

/* The ranks of a tiktoken encoding; `name` is their path. */
rf_status rf__tokenizer_read_tiktoken(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                      const struct logger *logger, rf_error *err);
/* Whether a file begins as one of them does. */
bool rf__is_tiktoken(const char *text, size_t len);

/* Fills in the stages that a description in our own words has, as a tokenizer.json has them: pre_tokenizer,
 * post_processor, decoder. */
rf_status rf__tokenizer_read_stages(struct rf_tokenizer *tokenizer, const char *json, const char *name, rf_error *err);

/* The last step of all: the tokenizer is complete. */
rf_status rf__tokenizer_finish(struct rf_tokenizer *tokenizer, const struct logger *logger, rf_error *err);

struct scratch_pool *rf__scratch_pool_new(void);       /* NULL when out of memory */
void rf__scratch_pool_free(struct scratch_pool *pool); /* NULL is fine */

void rf__tokenizer_release(struct rf_tokenizer *tokenizer); /* fine on a zeroed one */

#endif
