/*
 * encode_batch: many texts in one call, on several threads. The texts are dealt out in jobs of neighbours; a worker
 * takes the next one when it is done with the last.
 */
#include "tokenizer/encode.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdatomic.h>

#define JOBS_PER_WORKER 16 /* so that the last one is short */
#define MAX_JOB_TEXTS   64
#define MAX_WORKERS     1024 /* whatever is asked for: each has memory of its own */

/* Where a job's ids lie until all are known. */
struct job {
    size_t worker, begin;
};

struct worker {
    struct encode_scratch *scratch;
    struct encoding encoding;
    uint32_t *ids; /* end to end, those of the jobs that it did */
    size_t n, cap;
};

struct call {
    const struct rf_tokenizer *tokenizer;
    const struct encode_texts *texts;
    struct encoding *encodings; /* [n]; NULL: ids alone are asked for */
    struct flat_ids *flat;
    struct worker *workers;
    size_t n_workers;
    struct job *jobs;
    size_t n_jobs, job_texts;
    atomic_size_t next; /* job */
    atomic_size_t n_truncated;
    atomic_bool failed;
    struct os_mutex *mutex;
    rf_status status; /* under the mutex: the failure of the first text that failed */
    size_t failed_text;
    rf_error *err;
};

static void fail_call(struct call *call, size_t text, rf_status status, rf_error *reason)
{
    if (call->texts->n > 1)
        rf__fail_prefix(reason, status, "text %zu", text);
    rf__os_mutex_lock(call->mutex);
    if (!atomic_exchange(&call->failed, true) || text < call->failed_text) {
        call->status = status;
        call->failed_text = text;
        if (call->err != NULL)
            *call->err = *reason;
    }
    rf__os_mutex_unlock(call->mutex);
}

static struct encode_request request_of(const struct encode_texts *texts, size_t i)
{
    struct encode_request request = texts->like;

    request.text = texts->texts[i];
    request.pair = texts->pairs != NULL ? &texts->pairs[i] : NULL;
    return request;
}

static rf_status append_ids(struct worker *worker, const struct encoding *encoding, rf_error *err)
{
    size_t need, cap = worker->cap < 4096 ? 4096 : worker->cap;
    uint32_t *ids;

    if (!rf__add(worker->n, encoding->n, &need) || need > SIZE_MAX / 8)
        return rf__fail_memory(err);
    if (need > worker->cap) {
        while (cap < need)
            cap *= 2;
        ids = rf__realloc(worker->ids, cap * sizeof *ids);
        if (ids == NULL)
            return rf__fail_memory(err);
        worker->ids = ids;
        worker->cap = cap;
    }
    if (encoding->n > 0)
        memcpy(worker->ids + worker->n, encoding->ids, encoding->n * sizeof *worker->ids);
    worker->n = need;
    return RF_OK;
}

static rf_status encode_text(struct call *call, struct worker *worker, size_t i, rf_error *err)
{
    struct encode_request request = request_of(call->texts, i);
    struct encoding *encoding = call->encodings != NULL ? &call->encodings[i] : &worker->encoding;
    rf_status status = rf__encode(call->tokenizer, &request, worker->scratch, encoding, err);

    if (status != RF_OK || call->encodings != NULL)
        return status;
    call->flat->first[i + 1] = encoding->n;
    if (encoding->truncated)
        atomic_fetch_add_explicit(&call->n_truncated, 1, memory_order_relaxed);
    return append_ids(worker, encoding, err);
}

static void run_worker(void *arg, size_t index)
{
    struct call *call = arg;
    struct worker *worker = &call->workers[index];
    size_t job;

    while (!atomic_load(&call->failed) && (job = atomic_fetch_add(&call->next, 1)) < call->n_jobs) {
        size_t begin = job * call->job_texts, end = begin + call->job_texts;
        call->jobs[job] = (struct job){index, worker->n};
        for (size_t i = begin; i < end && i < call->texts->n; i++) {
            rf_error reason;
            rf_status status = encode_text(call, worker, i, &reason);
            if (status != RF_OK) {
                fail_call(call, i, status, &reason);
                return;
            }
        }
    }
}

static rf_status init_call(struct call *call, rf_error *err)
{
    size_t n = call->texts->n, n_workers = call->texts->threads > 0 ? call->texts->threads : rf__os_cpu_count();

    if (n_workers > MAX_WORKERS)
        n_workers = MAX_WORKERS;
    call->job_texts = n / n_workers / JOBS_PER_WORKER;
    if (call->job_texts == 0)
        call->job_texts = 1;
    if (call->job_texts > MAX_JOB_TEXTS)
        call->job_texts = MAX_JOB_TEXTS;
    call->n_jobs = (n - 1) / call->job_texts + 1;
    call->n_workers = n_workers < call->n_jobs ? n_workers : call->n_jobs;
    call->workers = rf__calloc(call->n_workers, sizeof *call->workers);
    call->jobs = rf__alloc_array(call->n_jobs, sizeof *call->jobs);
    call->mutex = rf__os_mutex_new();
    if (call->workers == NULL || call->jobs == NULL || call->mutex == NULL)
        return rf__fail_memory(err);
    for (size_t w = 0; w < call->n_workers; w++)
        if ((call->workers[w].scratch = rf__scratch_take(call->tokenizer)) == NULL)
            return rf__fail_memory(err);
    return RF_OK;
}

static void release_call(struct call *call)
{
    for (size_t w = 0; call->workers != NULL && w < call->n_workers; w++) {
        rf__scratch_give(call->tokenizer, call->workers[w].scratch);
        rf__encoding_release(&call->workers[w].encoding);
        rf__free(call->workers[w].ids);
    }
    rf__free(call->workers);
    rf__free(call->jobs);
    rf__os_mutex_free(call->mutex);
}

static rf_status run_call(struct call *call, rf_error *err)
{
    rf_status status = init_call(call, err);

    if (status != RF_OK)
        return status;
    rf__os_parallel(call->n_workers, run_worker, call);
    return atomic_load(&call->failed) ? call->status : RF_OK;
}

rf_status rf__encode_all(const struct rf_tokenizer *tokenizer, const struct encode_texts *texts, struct encoding *out,
                         rf_error *err)
{
    struct call call = {.tokenizer = tokenizer, .texts = texts, .encodings = out, .err = err};
    rf_status status;

    if (texts->n == 0)
        return RF_OK;
    status = run_call(&call, err);
    release_call(&call);
    return status;
}

/* ---- Ids alone ---------------------------------------------------------------------------------------------- */

void rf__flat_ids_release(struct flat_ids *ids)
{
    rf__free(ids->ids);
    rf__free(ids->first);
    *ids = (struct flat_ids){0};
}

static rf_status room_for_texts(struct flat_ids *flat, size_t n, rf_error *err)
{
    size_t *first;

    if (flat->first != NULL && n <= flat->cap_texts)
        return RF_OK;
    if (n == SIZE_MAX || (first = rf__alloc_array(n + 1, sizeof *first)) == NULL)
        return rf__fail_memory(err);
    rf__free(flat->first);
    flat->first = first;
    flat->cap_texts = n;
    return RF_OK;
}

static rf_status room_for_ids(struct flat_ids *flat, size_t n, rf_error *err)
{
    uint32_t *ids;

    if (n <= flat->cap_ids)
        return RF_OK;
    ids = rf__alloc_array(n, sizeof *ids);
    if (ids == NULL)
        return rf__fail_memory(err);
    rf__free(flat->ids);
    flat->ids = ids;
    flat->cap_ids = n;
    return RF_OK;
}

/* One worker did all jobs, in order: its ids are the result. */
static void take_ids(struct flat_ids *flat, struct worker *worker)
{
    uint32_t *ids = flat->ids;
    size_t cap = flat->cap_ids;

    flat->ids = worker->ids;
    flat->cap_ids = worker->cap;
    worker->ids = ids;
    worker->cap = cap;
}

/* Puts the ids of the jobs behind each other; first[i + 1] has the number of ids of text i. */
static rf_status gather(struct call *call, rf_error *err)
{
    struct flat_ids *flat = call->flat;
    size_t n = 0, at = 0;
    rf_status status;

    for (size_t i = 0; i < call->texts->n; i++)
        flat->first[i + 1] = n += flat->first[i + 1];
    if (call->n_workers == 1) {
        take_ids(flat, &call->workers[0]);
        return RF_OK;
    }
    status = room_for_ids(flat, n, err);
    for (size_t job = 0; job < call->n_jobs && status == RF_OK; job++) {
        size_t end = (job + 1) * call->job_texts;
        size_t more = flat->first[end < call->texts->n ? end : call->texts->n] - at;
        if (more > 0)
            memcpy(flat->ids + at, call->workers[call->jobs[job].worker].ids + call->jobs[job].begin,
                   more * sizeof *flat->ids);
        at += more;
    }
    return status;
}

/* A single worker writes into the result's own memory. */
static void lend_ids(struct call *call)
{
    if (call->n_workers == 1)
        take_ids(call->flat, &call->workers[0]);
}

rf_status rf__encode_flat(const struct rf_tokenizer *tokenizer, const struct encode_texts *texts, struct flat_ids *out,
                          rf_error *err)
{
    struct call call = {.tokenizer = tokenizer, .texts = texts, .flat = out, .err = err};
    rf_status status = room_for_texts(out, texts->n, err);

    out->n = 0;
    if (status != RF_OK)
        return status;
    out->first[0] = 0;
    if (texts->n > 0)
        status = init_call(&call, err);
    if (texts->n > 0 && status == RF_OK) {
        lend_ids(&call);
        rf__os_parallel(call.n_workers, run_worker, &call);
        status = atomic_load(&call.failed) ? call.status : gather(&call, err);
    }
    if (texts->n > 0)
        release_call(&call);
    out->n = status == RF_OK ? texts->n : 0;
    out->n_truncated = atomic_load(&call.n_truncated);
    return status;
}
