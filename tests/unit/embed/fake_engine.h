/* fake_engine: an engine whose vectors a test can foresee, behind the same interface as ONNX Runtime. The vector of
 * token t of a text, [dim], is id + (t + 1) * d / 100 for d = 0 … dim - 1; pooled engines give that of the first token.
 */
#ifndef RF_TESTS_FAKE_ENGINE_H
#define RF_TESTS_FAKE_ENGINE_H

#include "base/mem.h"
#include "engine/engine.h"

#include <stdatomic.h>

struct fake_engine {
    struct engine base;
    uint32_t dim;
    uint32_t vocab_size;    /* a higher id fails, as a lookup in a table does */
    atomic_uint fail_after; /* runs until one fails; 0: never */
    atomic_size_t n_runs, n_texts, max_batch_tokens;
    atomic_uint task; /* of the last run */
};

static void fake_release(void *owner)
{
    rf__free(owner);
}

static rf_status fake_run(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                          rf_error *err)
{
    struct fake_engine *fake = (struct fake_engine *)(uintptr_t)engine;
    size_t n_tokens = engine->info.rank == 3 ? batch->n_tokens : 1, tokens = batch->n_texts * batch->n_tokens;
    float *data;

    if (atomic_fetch_add(&fake->n_runs, 1) + 1 == fake->fail_after)
        return rf__fail(err, RF_ENGINE, "fake: failed as told");
    atomic_fetch_add(&fake->n_texts, batch->n_texts);
    atomic_store(&fake->task, batch->task);
    if (tokens > fake->max_batch_tokens)
        fake->max_batch_tokens = tokens;
    for (size_t i = 0; i < tokens; i++)
        if (batch->ids[i] >= fake->vocab_size)
            return rf__fail(err, RF_ENGINE, "fake: indices element out of data bounds");
    data = rf__alloc_array(batch->n_texts * n_tokens * fake->dim, sizeof *data);
    if (data == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < batch->n_texts * n_tokens; i++)
        for (size_t d = 0; d < fake->dim; d++)
            data[i * fake->dim + d] = (float)batch->ids[i / n_tokens * batch->n_tokens + i % n_tokens] +
                                      (float)(i % n_tokens + 1) * (float)d / 100;
    *out = (struct engine_output){.data = data,
                                  .rank = engine->info.rank,
                                  .n_texts = batch->n_texts,
                                  .n_tokens = n_tokens,
                                  .dim = fake->dim,
                                  .owner = data,
                                  .release = fake_release};
    return RF_OK;
}

static void fake_free(struct engine *engine)
{
    rf__free(engine);
}

static struct fake_engine *fake_engine_new(uint32_t rank, uint32_t dim, uint32_t vocab_size)
{
    static const struct engine_ops ops = {fake_run, fake_free, NULL};
    struct fake_engine *fake = rf__calloc(1, sizeof *fake);

    if (fake == NULL)
        return NULL;
    fake->base.ops = &ops;
    fake->base.info = (struct engine_info){
        .path = "fake.onnx", .output = "last_hidden_state", .precision = "fp32", .rank = rank, .has_type_ids = true};
    fake->dim = dim;
    fake->vocab_size = vocab_size;
    return fake;
}

#endif
