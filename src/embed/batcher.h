/*
 * batcher: texts go through the engine together, texts of the same length where it does not pack; there is no padding,
 * so a text's vector cannot depend on its company. A batch is filled up to about BATCH_TOKENS tokens: beyond that
 * nothing is gained and working memory grows.
 */
#ifndef RF_EMBED_BATCHER_H
#define RF_EMBED_BATCHER_H

#include "base/error.h"
#include "engine/engine.h"

#include <stdbool.h>

#define BATCH_TOKENS 256

/* A text that was tokenized: its ids lie in a worker's arena. */
struct tokenized {
    size_t index; /* of the text in the call */
    size_t begin; /* of its ids in the arena */
    uint32_t n_tokens;
    uint32_t worker; /* whose arena */
};

/* Texts [begin, begin + n) of the sorted ones. */
struct batch {
    size_t begin, n;
};

struct batch_limits {
    bool one_text;      /* a batch has a single text */
    bool packs;         /* texts of different lengths may be together (but none without tokens with others) */
    size_t most_tokens; /* of a batch with more than one text */
};

/* Limits for such an engine that give each of so many workers something to do. */
struct batch_limits rf__batch_limits(const struct engine_info *engine, const struct tokenized *texts, size_t n,
                                     size_t n_workers);

/* Sorts the texts by length, longest first (so that the last batches, which the workers finish alone, are the short
 * ones), and cuts them into batches. `batches` has room for n. Returns their number. The order is a function of the
 * lengths and indices alone. */
size_t rf__make_batches(struct tokenized *texts, size_t n, const struct batch_limits *limits, struct batch *batches);

#endif
