/* tokenizer_parts: what an rf_tokenizer is made of. files/ fills it in. */
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

/* The last step of all: the tokenizer is complete. */
rf_status rf__tokenizer_finish(struct rf_tokenizer *tokenizer, const struct logger *logger, rf_error *err);

struct scratch_pool *rf__scratch_pool_new(void);       /* NULL when out of memory */
void rf__scratch_pool_free(struct scratch_pool *pool); /* NULL is fine */

void rf__tokenizer_release(struct rf_tokenizer *tokenizer); /* fine on a zeroed one */

#endif
