/* files: who fills in a tokenizer, from which file. open_tokenizer.c chooses one of them. */
#ifndef RF_TOKENIZER_FILES_H
#define RF_TOKENIZER_FILES_H

#include "tokenizer/tokenizer_parts.h"

/* They fill a zeroed tokenizer; what they leave behind when they fail must still be released. */

/* The text of a tokenizer.json; `name` is its path. */
rf_status rf__tokenizer_read_json(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                  bool lower_case, const struct logger *logger, rf_error *err);

/* The files beside a tokenizer's that say more; a json without a document where there is none. */
struct vocab_companions {
    struct json config;                           /* tokenizer_config.json */
    struct json special_tokens_map, added_tokens; /* .json; none where the configuration says all tokens */
    struct json model_config;                     /* config.json */
};
void rf__companions_release(struct vocab_companions *companions);
/* Whether the configuration has an added_tokens_decoder: `transformers` reads the other two files of tokens only where
 * it has none. */
bool rf__config_says_all_tokens(const struct json *config);

/* The class of `transformers` that they name, else config.json's model_type. */
struct class_name {
    const char *text; /* theirs; NULL: they name nothing */
    bool is_class;    /* else the model_type */
};
rf_status rf__companions_class(const struct vocab_companions *companions, struct class_name *out, rf_error *err);
/* RF_UNSUPPORTED: it is not known how it reads the file, of which `name` is the path, and any ids would be a guess. */
rf_status rf__refuse_class(const struct class_name *class, const char *name, rf_error *err);
/* "BertTokenizerFast" is "BertTokenizer". */
bool rf__is_class(const char *class, const char *name);
bool rf__is_class_of(const char *class, const char *const *names); /* one of those, ended by NULL */

/* Classes that read a file alike, and the model types that go with them; both ended by NULL. */
struct class_family {
    const char *const *classes, *const *model_types;
};
/* Which of n families it is of; n: none. */
size_t rf__find_family(const struct class_name *class, const struct class_family *families, size_t n);
/* The same of what the companions name; n where they name nothing, and anything else is refused. */
rf_status rf__companions_family(const struct vocab_companions *companions, const struct class_family *families,
                                size_t n, const char *name, size_t *out, rf_error *err);

enum { FAMILY_BERT, FAMILY_MPNET, N_WORDPIECE_FAMILIES };
extern const struct class_family rf__wordpiece_families[N_WORDPIECE_FAMILIES];

/* As rf__tokenizer_read_json(), and of the tokenizer_config.json and config.json beside it what changes ids: see
 * tokenizer_config.h. */
rf_status rf__tokenizer_read_json_and_config(struct rf_tokenizer *tokenizer, const char *text, size_t len,
                                             const char *name, const struct vocab_companions *companions,
                                             bool lower_case, const struct logger *logger, rf_error *err);

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

#endif
