/* embed_call: windows, and what a call owns; see embed_call.h. */
#include "embed/embed_call.h"

#include "base/mem.h"
#include "embed/long_text.h"

#include <string.h>

#define WINDOW_TEXTS     4096
#define WINDOW_TOKENS    (1u << 20) /* a window closes once its texts may have so many tokens */
#define THREAD_MIN_BYTES 4096       /* fewer bytes of text are tokenized without a second thread */

/* How many texts from window_begin on belong to the window, and their bytes, or THREAD_MIN_BYTES and more. Where long
 * texts are read to their end, bytes stand for tokens, of which there are seldom more. */
static size_t measure_window(const struct call *call, size_t *n_bytes)
{
    const struct pipeline *p = call->pipeline;
    bool by_bytes = p->info.long_text == RF_LONG_TEXT_MEAN;
    size_t most = by_bytes || p->table != NULL ? WINDOW_TEXTS : WINDOW_TOKENS / p->info.max_tokens, n = 0;
    size_t enough = by_bytes ? WINDOW_TOKENS : SIZE_MAX;

    if (most == 0)
        most = 1;
    if (most > WINDOW_TEXTS)
        most = WINDOW_TEXTS;
    if (most > call->n - call->window_begin)
        most = call->n - call->window_begin;
    for (*n_bytes = 0; n < most && *n_bytes < enough; n++)
        *n_bytes += call->texts[call->window_begin + n].len;
    return n;
}

static void compute(struct call *call)
{
    struct batch_limits limits;
    size_t n_workers, n_parted = 0;

    call->n_items = call->window_n;
    for (size_t w = 0; w < call->n_workers; w++)
        n_parted += call->workers[w].n_long_texts;
    if (n_parted > 0) {
        rf_status status = rf__long_text_collect(call, call->err);
        if (status != RF_OK) {
            call->status = status;
            atomic_store(&call->failed, true);
            return;
        }
    }
    limits = rf__batch_limits(&call->pipeline->engine->info, call->tokenized, call->n_items, call->n_workers);
    call->n_batches = rf__make_batches(call->tokenized, call->n_items, &limits, call->batches);
    atomic_store(&call->next, 0);
    n_workers = call->n_batches < call->n_workers ? call->n_batches : call->n_workers;
    rf__os_parallel(n_workers, rf__worker_compute, call);
    if (n_parted > 0 && !atomic_load(&call->failed)) {
        rf__long_text_mean(call);
        rf__call_report(call, n_parted);
    }
}

static void run_window(struct call *call)
{
    size_t n_bytes;
    uint64_t begin = rf__os_now_ns(), tokenized;

    call->window_n = measure_window(call, &n_bytes);
    for (size_t w = 0; w < call->n_workers; w++)
        call->workers[w].n_ids = call->workers[w].n_parts = call->workers[w].n_long_texts = 0;
    atomic_store(&call->next, 0);
    rf__os_parallel(n_bytes < THREAD_MIN_BYTES ? 1 : call->n_workers, rf__worker_tokenize, call);
    tokenized = rf__os_now_ns();
    call->tokenize_ns += tokenized - begin;
    if (atomic_load(&call->failed) || call->pipeline->table != NULL)
        return;
    compute(call);
    call->compute_ns += rf__os_now_ns() - tokenized;
}

/* Adds what a call did to what the pipeline did. */
static void count_call(const struct call *call)
{
    struct counters *c = &((struct pipeline *)(uintptr_t)call->pipeline)->counters;

    atomic_fetch_add(&c->calls, 1);
    atomic_fetch_add(&c->texts, call->n);
    atomic_fetch_add(&c->tokens, call->n_tokens);
    atomic_fetch_add(&c->truncated, call->n_truncated);
    atomic_fetch_add(&c->long_texts, call->n_parted);
    atomic_fetch_add(&c->windows, call->n_parts);
    atomic_fetch_add(&c->tokenize_ns, call->tokenize_ns);
    atomic_fetch_add(&c->compute_ns, call->compute_ns);
    if (call->options->stats == NULL)
        return;
    call->options->stats->tokens += call->n_tokens;
    call->options->stats->truncated += call->n_truncated;
    call->options->stats->windows += call->n - call->n_parted + call->n_parts;
    call->options->stats->tokenize_ns += call->tokenize_ns;
    call->options->stats->compute_ns += call->compute_ns;
}

static void release_call(struct call *call)
{
    for (size_t w = 0; call->workers != NULL && w < call->n_workers; w++) {
        struct worker *worker = &call->workers[w];
        rf__scratch_give(call->pipeline->tokenizer, worker->scratch);
        rf__encoding_release(&worker->encoding);
        rf__free(worker->ids);
        rf__free(worker->type_ids);
        rf__free(worker->batch);
        rf__free(worker->vector);
        rf__free(worker->text);
        rf__free(worker->long_texts);
        rf__free(worker->parts);
    }
    rf__free(call->workers);
    rf__free(call->tokenized);
    rf__free(call->batches);
    rf__free(call->part_rows);
    rf__os_mutex_free(call->mutex);
}

static rf_status init_call(struct call *call, rf_error *err)
{
    call->cap_items = call->n < WINDOW_TEXTS ? call->n : WINDOW_TEXTS;
    call->n_workers = call->n < call->pipeline->info.threads ? call->n : call->pipeline->info.threads;
    call->workers = rf__calloc(call->n_workers, sizeof *call->workers);
    call->tokenized = rf__alloc_array(call->cap_items, sizeof *call->tokenized);
    call->batches = rf__alloc_array(call->cap_items, sizeof *call->batches);
    call->mutex = rf__os_mutex_new();
    if (call->workers == NULL || call->tokenized == NULL || call->batches == NULL || call->mutex == NULL)
        return rf__fail_memory(err);
    for (size_t w = 0; w < call->n_workers; w++) {
        struct worker *worker = &call->workers[w];
        worker->scratch = rf__scratch_take(call->pipeline->tokenizer);
        worker->vector = rf__alloc_array(2 * (size_t)rf__modules_width(call->pipeline->modules), sizeof(float));
        if (worker->scratch == NULL || worker->vector == NULL)
            return rf__fail_memory(err);
    }
    return RF_OK;
}

/* The tokens of the prompt alone, but for the one that the tokenizer puts at its end. */
static rf_status count_prompt(struct call *call, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct worker *worker = &call->workers[0];
    const struct encode_request request = {.text = {call->prompt, call->prompt_len}, .max_tokens = p->info.max_tokens};
    const struct encoding *encoding = &worker->encoding;
    rf_status status;

    if (call->prompt_len == 0 || !p->pooling.exclude_prompt || p->table != NULL)
        return RF_OK;
    status = rf__encode(p->tokenizer, &request, worker->scratch, &worker->encoding, err);
    if (status == RF_OK && encoding->n > 0)
        call->n_skipped = encoding->n - (encoding->special[encoding->n - 1] ? 1 : 0);
    return status;
}

rf_status rf__pipeline_prompt(const struct pipeline *pipeline, const rf_embed_options *options, const char **out,
                              uint32_t *out_task, rf_error *err)
{
    struct pipeline *p = (struct pipeline *)(uintptr_t)pipeline; /* only its atomic is written */
    const struct prompt *task;
    rf_status status = rf__prompts_choose(&p->prompts, options, out, &task, err);

    *out_task = 0;
    if (status != RF_OK)
        return status;
    if (p->engine != NULL && p->engine->info.has_tasks) {
        const struct prompt *used = task != NULL ? task : rf__prompts_assumed_task(&p->prompts);
        *out_task = used->task;
        if (task == NULL && !atomic_exchange(&p->prompts_noted, true))
            rf__log(&p->logger, RF_LOG_WARNING,
                    "the model computes for a task, and none is named: '%s' is assumed; say whether the texts are "
                    "queries or documents, or name a prompt (%s)",
                    used->name, p->prompts.names);
        return RF_OK;
    }
    if ((*out)[0] == '\0' && options->prompt == NULL && options->prompt_name == NULL && options->role == RF_ROLE_NONE &&
        p->prompts.names[0] != '\0' && !atomic_exchange(&p->prompts_noted, true))
        rf__log(&p->logger, RF_LOG_WARNING,
                "the model has prompts (%s) and none is put in front of the texts; say whether they are queries or "
                "documents, or name a prompt",
                p->prompts.names);
    return RF_OK;
}

rf_status rf__pipeline_embed(const struct pipeline *pipeline, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err)
{
    static const rf_embed_options no_options = {0};
    struct call call = {.pipeline = pipeline,
                        .texts = texts,
                        .n = n,
                        .options = options != NULL ? options : &no_options,
                        .out = out,
                        .err = err};
    rf_status status;

    if (n == 0)
        return RF_OK;
    status = rf__pipeline_prompt(pipeline, call.options, &call.prompt, &call.task, err);
    if (status == RF_OK) {
        call.prompt_len = strlen(call.prompt);
        status = init_call(&call, err);
    }
    if (status == RF_OK)
        status = count_prompt(&call, err);
    for (; status == RF_OK && call.window_begin < n; call.window_begin += call.window_n) {
        run_window(&call);
        if (atomic_load(&call.failed))
            status = call.status;
    }
    if (status == RF_OK && call.n_truncated > 0 && call.options->truncated == NULL) /* else the caller sees it there */
        rf__log_truncated(&pipeline->logger, call.n_truncated, n, pipeline->info.max_tokens);
    if (status == RF_OK && call.n_parted > 0 && call.options->n_windows == NULL)
        rf__log(&pipeline->logger, RF_LOG_INFO,
                "%zu of %zu texts were longer than %u tokens and were embedded in %zu windows", (size_t)call.n_parted,
                n, pipeline->info.max_tokens, (size_t)call.n_parts);
    if (status == RF_OK)
        count_call(&call);
    release_call(&call);
    return status;
}
