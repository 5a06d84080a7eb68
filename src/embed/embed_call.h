/*
 * embed_call: one call of rf__pipeline_embed. It is cut into windows of texts, so that its memory does not grow with
 * their number. In each window all workers first tokenize, taking texts by turns, then compute, taking batches by
 * turns:
 *
 *     window ─ workers: tokenize → arenas of ids ─ rf__make_batches ─ workers: run, pool, modules → rows of `out`
 *
 * Static embeddings have no second part: a worker looks up what it tokenized.
 *
 * Which worker does what changes from run to run; what is done for a text does not, so the bits stay the same.
 */
#ifndef RF_EMBED_EMBED_CALL_H
#define RF_EMBED_EMBED_CALL_H

#include "embed/batcher.h"
#include "embed/pipeline.h"
#include "os/os.h"

/* What a worker owns: the ids that it tokenized in this window, and room to gather a batch. */
struct worker {
    struct encode_scratch *scratch;
    struct encoding encoding;
    uint32_t *ids, *type_ids; /* arena */
    size_t n_ids, cap;
    uint32_t *batch; /* [3, batch_cap]: ids and type ids of a batch, and where its texts begin */
    size_t batch_cap;
    float *vector; /* [2, width]: a vector on its way through the modules, and their scratch */
    char *text;    /* [text_cap]: the prompt and a text */
    size_t text_cap;
};

struct call {
    const struct pipeline *pipeline;
    const rf_text *texts;
    size_t n;
    const rf_embed_options *options; /* never NULL */
    float *out;
    const char *prompt; /* "": none */
    size_t prompt_len;
    size_t n_skipped; /* tokens of the prompt that pooling leaves out */

    struct worker *workers;
    size_t n_workers;
    struct tokenized *tokenized; /* of the window */
    struct batch *batches;
    size_t window_begin, window_n, n_batches;
    atomic_size_t next; /* text or batch that is not yet taken */
    atomic_size_t n_truncated, n_tokens;
    uint64_t tokenize_ns, compute_ns;

    atomic_bool failed; /* the workers stop */
    struct os_mutex *mutex;
    rf_status status; /* under the mutex: the first failure */
    rf_error *err;
    size_t n_done; /* under the mutex */
};

/* What os_parallel() runs on each worker; `arg` is the call. They take from call->next until nothing is left, or a
 * worker failed. */
void rf__worker_tokenize(void *arg, size_t worker);
void rf__worker_compute(void *arg, size_t worker);

#endif
