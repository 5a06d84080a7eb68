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

size_t rf__make_batches(struct tokenized *texts, size_t n, struct batch *batches)
{
    size_t n_batches = 0;

    qsort(texts, n, sizeof *texts, longest_first);
    for (size_t i = 0; i < n;) {
        size_t begin = i, length = texts[i].n_tokens;
        while (i < n && texts[i].n_tokens == length && (i == begin || (i - begin + 1) * length <= BATCH_TOKENS))
            i++;
        batches[n_batches++] = (struct batch){begin, i - begin};
    }
    return n_batches;
}
