/* scratch_pool: working memory between two calls. A call takes one and gives it back, so that one text after the other
 * finds warm memory, and any number of threads may call at once. */
#include "tokenizer/encode.h"

#include "base/mem.h"
#include "os/os.h"

#define MAX_KEPT       64
#define MAX_KEPT_BYTES ((size_t)16 << 20) /* a scratch that a long text has blown up is not kept */

struct scratch_pool {
    struct os_mutex *mutex;
    struct encode_scratch *kept[MAX_KEPT];
    size_t n;
};

struct scratch_pool *rf__scratch_pool_new(void)
{
    struct scratch_pool *pool = rf__calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->mutex = rf__os_mutex_new();
    if (pool->mutex == NULL) {
        rf__free(pool);
        return NULL;
    }
    return pool;
}

void rf__scratch_pool_free(struct scratch_pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->n; i++)
        rf__encode_scratch_free(pool->kept[i]);
    rf__os_mutex_free(pool->mutex);
    rf__free(pool);
}

struct encode_scratch *rf__scratch_take(const struct rf_tokenizer *tokenizer)
{
    struct scratch_pool *pool = tokenizer->pool;
    struct encode_scratch *scratch = NULL;

    rf__os_mutex_lock(pool->mutex);
    if (pool->n > 0)
        scratch = pool->kept[--pool->n];
    rf__os_mutex_unlock(pool->mutex);
    return scratch != NULL ? scratch : rf__encode_scratch_new();
}

void rf__tokenizer_trim(const struct rf_tokenizer *tokenizer)
{
    struct scratch_pool *pool = tokenizer->pool;

    rf__os_mutex_lock(pool->mutex);
    while (pool->n > 0)
        rf__encode_scratch_free(pool->kept[--pool->n]);
    rf__os_mutex_unlock(pool->mutex);
}

/* All that grows with a text. */
static bool is_small(const struct encode_scratch *scratch, size_t n_normalizers)
{
    const struct normalize_scratch *normalize = &scratch->normalize;
    size_t n = rf__text_buf_bytes(&scratch->repaired) + rf__text_buf_bytes(&scratch->normalized) +
               rf__text_buf_bytes(&normalize->repaired) +
               normalize->cap * (2 * sizeof *normalize->pieces + sizeof *normalize->origins) + scratch->model.n_bytes;

    for (size_t i = 0; i < n_normalizers; i++)
        n += rf__text_buf_bytes(&normalize->queues[i].text);
    for (int i = 0; i < 2; i++) {
        const struct pieces *list = &scratch->lists[i];
        const struct tokens *tokens = &scratch->tokens[i];
        n += rf__text_buf_bytes(&list->own) + list->cap * sizeof *list->items +
             scratch->spaces[i].cap * sizeof *scratch->spaces->items +
             scratch->characters[i].cap * sizeof *scratch->characters->marks +
             tokens->cap * (sizeof *tokens->ids + sizeof *tokens->words + sizeof *tokens->begin + sizeof *tokens->end);
    }
    return n <= MAX_KEPT_BYTES;
}

void rf__scratch_give(const struct rf_tokenizer *tokenizer, struct encode_scratch *scratch)
{
    struct scratch_pool *pool = tokenizer->pool;

    if (scratch == NULL)
        return;
    if (is_small(scratch, tokenizer->normalizers.n)) {
        rf__os_mutex_lock(pool->mutex);
        if (pool->n < MAX_KEPT) {
            pool->kept[pool->n++] = scratch;
            scratch = NULL;
        }
        rf__os_mutex_unlock(pool->mutex);
    }
    rf__encode_scratch_free(scratch);
}
