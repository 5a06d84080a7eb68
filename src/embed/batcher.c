/* batcher: see batcher.h. */
#include "embed/batcher.h"

#include <stdlib.h>

static int longest_first(const void *a, const void *b)
{
    const struct tokenized *x = a, *y = b;

    if (x->n_tokens != y->n_tokens)
        return x->n_tokens < y->n_tokens ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

struct batch_limits rf__batch_limits(const struct engine_info *engine, const struct tokenized *texts, size_t n,
                                     size_t n_workers)
{
    struct batch_limits limits = {engine->mixes_texts, engine->packs, BATCH_TOKENS};
    size_t n_tokens = 0;

    for (size_t i = 0; i < n && n_tokens < n_workers * BATCH_TOKENS; i++)
        n_tokens += texts[i].n_tokens;
    if (engine->packs && n_tokens < n_workers * BATCH_TOKENS)
        limits.most_tokens = (n_tokens + n_workers - 1) / n_workers;
    return limits;
}

size_t rf__make_batches(struct tokenized *texts, size_t n, const struct batch_limits *limits, struct batch *batches)
{
    size_t n_batches = 0;

    qsort(texts, n, sizeof *texts, longest_first);
    for (size_t i = 0; i < n;) {
        size_t begin = i, length = texts[i].n_tokens, n_tokens = 0;
        while (i < n && (texts[i].n_tokens == length || (limits->packs && texts[i].n_tokens > 0)) &&
               (i == begin || (!limits->one_text && n_tokens + texts[i].n_tokens <= limits->most_tokens)))
            n_tokens += texts[i++].n_tokens;
        batches[n_batches++] = (struct batch){begin, i - begin};
    }
    return n_batches;
}
