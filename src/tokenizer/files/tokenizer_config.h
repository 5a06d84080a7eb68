/*
 * tokenizer_config: the fields of tokenizer_config.json that change the ids of a model directory that has a
 * tokenizer.json as well. transformers 4 and 5 agree on these, and nothing else is taken from it:
 *
 *   - do_lower_case, strip_accents, tokenize_chinese_chars of the classes of BERT, DistilBERT, ELECTRA and MPNet, whose
 *     defaults count where a field is missing: they win over the file's BertNormalizer;
 *   - the tokens of added_tokens_decoder, and the named special ones, that tokenizer.json does not add;
 *   - add_bos_token, add_eos_token of the classes of Llama and Gemma, where one is there: they replace the
 *     post-processor.
 *
 * What differs is logged. `config` may have no document: then nothing is done.
 */
#ifndef RF_TOKENIZER_TOKENIZER_CONFIG_H
#define RF_TOKENIZER_TOKENIZER_CONFIG_H

#include "tokenizer/files/files.h"

/* After the normalizers were read from `source`. */
rf_status rf__config_normalizer(struct rf_tokenizer *tokenizer, const struct json *config,
                                const struct stage_source *source, const struct logger *logger, rf_error *err);
/* The most tokens that the next one may add. */
size_t rf__config_count_tokens(const struct json *config);
/* After the file's own added tokens. */
rf_status rf__config_added_tokens(struct rf_tokenizer *tokenizer, const struct json *config,
                                  const struct logger *logger, rf_error *err);
/* After the file's own post-processor. */
rf_status rf__config_postprocessor(struct rf_tokenizer *tokenizer, const struct json *config,
                                   const struct logger *logger, rf_error *err);

#endif
