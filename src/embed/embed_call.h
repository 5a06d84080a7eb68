/*
 * embed_call: one call of rf__pipeline_embed. It is cut into windows of texts, so that its memory does not grow with
 * their number. In each window all workers first tokenize, taking texts by turns, then compute, taking batches by
 * turns:
 *
 *     window ─ workers: tokenize → arenas of ids ─ rf__make_batches ─ workers: run, pool, modules → rows of `out`
 *
 * Static embeddings have no second part: a worker looks up what it tokenized. Between the two, texts that are longer
 * than the limit may be cut into parts, see long_text.h.
 *
 * Which worker does what changes from run to run; what is done for a text does not, so the bits stay the same.
 */
#ifndef RF_EMBED_EMBED_CALL_H
#define RF_EMBED_EMBED_CALL_H

#include "embed/batcher.h"
#include "embed/pipeline.h"
#include "os/os.h"

/* A text that is embedded in parts, which are the worker's parts [first_part, first_part + n_parts). */
struct long_text {
    size_t index; /* in the call */
    size_t first_part, n_parts;
    size_t n_around; /* tokens of each part that are not the text's */
};

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

    struct long_text *long_texts; /* of this window */
    size_t n_long_texts;
    struct tokenized *parts; /* of all of them */
    size_t n_parts, cap_parts;
    size_t first_row; /* of the first part, in call->part_rows */
};

struct call {
    const struct pipeline *pipeline;
    const rf_text *texts;
    size_t n;
    const rf_embed_options *options; /* never NULL */
    float *out;
    const char *prompt; /* "": none */
    size_t prompt_len;
    uint32_t task;    /* where the engine has tasks */
    size_t n_skipped; /* tokens of the prompt that pooling leaves out */

    struct worker *workers;
    size_t n_workers;
    struct tokenized *tokenized; /* [n_items]: of the window */
    struct batch *batches;
    size_t cap_items;                              /* of both */
    size_t window_begin, window_n;                 /* texts */
    size_t n_items, n_batches;                     /* what is computed: texts, or parts of them */
    float *part_rows;                              /* [parts, dim] */
    atomic_size_t next;                            /* text or batch that is not yet taken */
    atomic_size_t n_truncated, n_tokens, n_parted; /* the last: texts in parts */
    atomic_size_t n_parts;
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

/* Room for so many more ids in the worker's arena. */
rf_status rf__worker_reserve(struct worker *worker, size_t more, rf_error *err);

/* Counts texts and asks the caller whether to go on. */
void rf__call_report(struct call *call, size_t n);

#endif
