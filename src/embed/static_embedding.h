/*
 * static_embedding: a text's vector is the mean of its tokens' rows in a table, as sentence-transformers'
 * StaticEmbedding and model2vec's StaticModel have it. The rows stay in the file, memory-mapped.
 */
#ifndef RF_EMBED_STATIC_EMBEDDING_H
#define RF_EMBED_STATIC_EMBEDDING_H

#include "embed/embed.h"

struct static_info {
    const char *path; /* of the weights file */
    uint32_t dim;
    uint32_t n_ids; /* ids that have a row */
    uint32_t
        max_tokens; /* 0: none. tokenizer.json's truncation, which the reference leaves on; model2vec's max_length */
    bool truncates_left; /* that truncation cuts off the beginning */
};

/* Belongs to the table. */
const struct static_info *rf__static_info(const struct static_table *table);

/* model2vec cuts a text at its max_length times the median length of its pieces, in characters. */
void rf__static_cut(const struct static_table *table, rf_text *text, bool *was_cut);

/* ids: [n], each below n_ids; out: [dim]. No token at all gives 0. */
void rf__static_mean(const struct static_table *table, const uint32_t *ids, size_t n, float *out);

/* Where the rows lie. */
void rf__static_bytes(const struct static_table *table, const uint8_t **data, size_t *size);

/* What depends on the tokenizer; called once, before the first text. */
rf_status rf__static_bind(struct static_table *table, const struct rf_tokenizer *tokenizer, rf_error *err);

#endif
