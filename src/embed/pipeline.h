/*
 * pipeline: what pipeline.c opens and what embed_call.c and embed_worker.c run; see embed.h. Immutable once open but
 * for its atomics.
 */
#ifndef RF_EMBED_PIPELINE_H
#define RF_EMBED_PIPELINE_H

#include "embed/embed.h"
#include "embed/modules.h"
#include "embed/prompts.h"
#include "embed/static_embedding.h"

#include <stdatomic.h>

struct pipeline {
    struct rf_tokenizer *tokenizer;
    struct engine *engine;      /* or */
    struct static_table *table; /* the other is NULL */
    struct pooling_spec pooling;
    struct modules *modules;
    struct prompts prompts;
    atomic_bool prompts_noted; /* that there are prompts and none was used was said */
    bool l2_again;             /* after a vector was cut to info.dim */
    struct counters {
        atomic_uint_least64_t calls, texts, tokens, truncated, long_texts, windows, tokenize_ns, compute_ns;
    } counters;
    uint32_t n_ids;     /* that the model has a row for: info.vocab_size, or fewer */
    uint32_t token_dim; /* of the vectors that come out of the engine or the table */
    struct pipeline_info info;
    rf_truncate truncate;
    struct logger logger;
    char description[512], assumed[256];
};

#endif
