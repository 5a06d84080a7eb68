/*
 * tokenizer_config: the fields of tokenizer_config.json that change the ids of a model directory that has a
 * tokenizer.json as well. Nothing else is taken from it. transformers 4 and 5 agree on these, but for
 * tokenize_chinese_chars of MPNet's class, which 4 does not look at, and some lists of special tokens in
 * special_tokens_map.json, which are here as 4 has them:
 *
 *   - do_lower_case, strip_accents, tokenize_chinese_chars of MPNet's class and BERT's and those like it, whose
 *     defaults count where a field is missing: they win over the file's BertNormalizer. The class is that of the file,
 *     else of config.json, by its tokenizer_class or model_type;
 *   - the tokens of added_tokens_decoder, else of special_tokens_map.json and added_tokens.json, and the named special
 *     ones, that tokenizer.json does not add;
 *   - add_bos_token, add_eos_token of the classes of Llama and Gemma, where one is there: they replace the
 *     post-processor.
 *
 * What differs is logged. Files may be missing (have no document).
 */
#ifndef RF_TOKENIZER_TOKENIZER_CONFIG_H
#define RF_TOKENIZER_TOKENIZER_CONFIG_H

#include "tokenizer/files/files.h"

/* After the normalizers were read from `source`. */
rf_status rf__config_normalizer(struct rf_tokenizer *tokenizer, const struct vocab_companions *companions,
                                const struct stage_source *source, const struct logger *logger, rf_error *err);
/* The most tokens that the next one may add. */
size_t rf__config_count_tokens(const struct vocab_companions *companions);
/* After the file's own added tokens. */
rf_status rf__config_added_tokens(struct rf_tokenizer *tokenizer, const struct vocab_companions *companions,
                                  const struct logger *logger, rf_error *err);
/* After the file's own post-processor. */
rf_status rf__config_postprocessor(struct rf_tokenizer *tokenizer, const struct json *config,
                                   const struct logger *logger, rf_error *err);

#endif
