/*
 * remote_call: one rf_embed() whose vectors a server computes; see remote.h. Workers, each with a connection of its
 * own, take the next texts that make a batch, send them, and put the vectors into their rows:
 *
 *     texts ─ next_batch: counted, cut ─ rf__remote_send ─ rows of `out`
 *
 * Worker 0 is the caller's thread: progress is told by it alone, where Python sees Ctrl-C. After a failure nothing new
 * is sent, but what is under way arrives, since it is paid for; after a cancellation it is dropped.
 */
#include "provider/remote/remote.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

#define MAX_BODY_BYTES     ((size_t)64 << 20) /* of a request */
#define BATCH_BYTES        ((size_t)4 << 20)  /* of its texts */
#define ESTIMATE_PERCENT   70                 /* of the limit in tokens that estimates fill, since they err */
#define FEW_TEXTS          256                /* are not shared out to several requests */
#define REPORT_EVERY_NS    ((uint64_t)50 * 1000000)
#define WAIT_FOR_OTHERS_MS 2

struct call {
    struct remote_model *model;
    const rf_text *texts;
    size_t n;
    const rf_embed_options *options;
    float *out;
    const char *prompt, *input_type;
    size_t n_prompt_tokens, n_workers;
    size_t max_batch; /* texts in a request of this call */

    struct os_mutex *mutex; /* for what follows */
    size_t next;            /* the first text that no batch has */
    bool is_counted;        /* that text did not fit; the two below are its own */
    rf_text next_text;
    size_t n_next_tokens;
    struct encode_scratch *scratch;
    struct encoding encoding;
    uint64_t n_truncated, count_ns;
    rf_status status; /* the first failure */
    rf_error reason;

    atomic_size_t n_done;   /* texts */
    atomic_size_t n_active; /* workers but worker 0 */
    atomic_bool failed, cancelled;
    atomic_uint_least64_t n_told; /* tokens, by the server */
    uint64_t reported_ns;         /* worker 0 */
};

/* What a worker holds; texts and rows belong together. */
struct worker {
    struct call *call;
    size_t id;
    rf_text *texts;
    size_t *rows;
    size_t n, n_tokens;
};

/* ---- Stopping ---------------------------------------------------------------------------------------------------- */

static void fail_call(struct call *call, rf_status status, const rf_error *reason)
{
    rf__os_mutex_lock(call->mutex);
    if (call->status == RF_OK) {
        call->status = status;
        call->reason = *reason;
    }
    rf__os_mutex_unlock(call->mutex);
    if (status == RF_CANCELLED)
        atomic_store(&call->cancelled, true);
    atomic_store(&call->failed, true);
}

/* Tells progress; for worker 0. */
static void report(struct call *call, bool force)
{
    const rf_embed_options *options = call->options;
    uint64_t now = rf__os_now_ns();
    bool go_on;

    if (options->progress == NULL || atomic_load(&call->cancelled) ||
        (!force && now - call->reported_ns < REPORT_EVERY_NS))
        return;
    call->reported_ns = now;
    rf__os_mutex_lock(call->model->callback_mutex);
    go_on = options->progress(options->progress_user, atomic_load(&call->n_done), call->n);
    rf__os_mutex_unlock(call->model->callback_mutex);
    if (!go_on) {
        rf_error reason;
        fail_call(call, rf__fail(&reason, RF_CANCELLED, "cancelled"), &reason);
    }
}

static bool keep_going(void *user)
{
    struct worker *worker = user;

    if (worker->id == 0)
        report(worker->call, false);
    return !atomic_load(&worker->call->cancelled);
}

static bool may_retry(void *user)
{
    struct worker *worker = user;

    return !atomic_load(&worker->call->failed);
}

/* ---- Batches ----------------------------------------------------------------------------------------------------- */

/* Where a character begins, from `at` backwards or forwards. */
static size_t at_character(rf_text text, size_t at, bool forwards)
{
    while (at > 0 && at < text.len && ((uint8_t)text.data[at] & 0xC0) == 0x80)
        at = forwards ? at + 1 : at - 1;
    return at;
}

/* Counts the tokens of a text, and cuts it at the limit where there is a tokenizer to cut with. */
static rf_status count_text(struct call *call, size_t row, rf_text *text, size_t *n_tokens, rf_error *err)
{
    const struct remote_model *model = call->model;
    const size_t limit = model->max_tokens > call->n_prompt_tokens ? model->max_tokens - call->n_prompt_tokens : 1;
    const struct encode_request request = {.text = *text,
                                           .no_special_tokens = true,
                                           .truncate = model->truncate,
                                           .max_tokens = model->max_tokens > 0 ? (uint32_t)limit : 0};
    struct encoding *encoding = &call->encoding;
    rf_status status;

    if (model->tokenizer == NULL) {
        *n_tokens = rf__estimate_tokens(*text);
        return RF_OK;
    }
    status = rf__encode(model->tokenizer, &request, call->scratch, encoding, err);
    if (status == RF_TRUNCATED)
        return rf__fail_prefix(err, status, "text %zu", row);
    if (status != RF_OK)
        return status;
    *n_tokens = encoding->n;
    if (encoding->truncated && encoding->n > 0) {
        size_t begin = model->truncate == RF_TRUNCATE_LEFT ? at_character(*text, encoding->begin[0], true) : 0;
        size_t end = model->truncate == RF_TRUNCATE_LEFT ? text->len
                                                         : at_character(*text, encoding->end[encoding->n - 1], false);
        *text = (rf_text){text->data + begin, end > begin ? end - begin : 0};
        call->n_truncated++;
    }
    if (call->options->truncated != NULL)
        call->options->truncated[row] = encoding->truncated;
    return RF_OK;
}

static size_t token_room(const struct remote_model *model)
{
    return model->tokenizer != NULL ? model->api->max_tokens : model->api->max_tokens / 100 * ESTIMATE_PERCENT;
}

/* The next text, counted and cut; false where none is left, or counting failed. */
static bool peek_text(struct call *call, rf_status *status, rf_error *err)
{
    const bool *done = call->options->done;

    *status = RF_OK;
    if (call->is_counted)
        return true;
    while (done != NULL && call->next < call->n && done[call->next])
        call->next++;
    if (call->next == call->n)
        return false;
    call->next_text = call->texts[call->next];
    *status = count_text(call, call->next, &call->next_text, &call->n_next_tokens, err);
    call->n_next_tokens += call->n_prompt_tokens;
    call->is_counted = *status == RF_OK;
    return call->is_counted;
}

static bool fits(const struct call *call, const struct worker *worker, size_t n_bytes)
{
    const struct remote_model *model = call->model;

    return worker->n == 0 ||
           (worker->n < call->max_batch && worker->n_tokens + call->n_next_tokens <= token_room(model) &&
            n_bytes + call->next_text.len <= BATCH_BYTES);
}

/* Fills the worker's batch; n is 0 where nothing is left. */
static rf_status fill_batch(struct call *call, struct worker *worker, rf_error *err)
{
    uint32_t *n_tokens = call->options->n_tokens;
    size_t n_bytes = 0;
    rf_status status;

    worker->n = worker->n_tokens = 0;
    while (peek_text(call, &status, err) && fits(call, worker, n_bytes)) {
        if (n_tokens != NULL)
            n_tokens[call->next] = call->n_next_tokens < UINT32_MAX ? (uint32_t)call->n_next_tokens : UINT32_MAX;
        worker->rows[worker->n] = call->next;
        worker->texts[worker->n++] = call->next_text;
        worker->n_tokens += call->n_next_tokens;
        n_bytes += call->next_text.len;
        call->is_counted = false;
        call->next++;
    }
    return status;
}

static rf_status next_batch(struct call *call, struct worker *worker, rf_error *err)
{
    rf_status status;
    uint64_t begin = rf__os_now_ns();

    rf__os_mutex_lock(call->mutex);
    status = fill_batch(call, worker, err);
    call->count_ns += rf__os_now_ns() - begin;
    rf__os_mutex_unlock(call->mutex);
    return status;
}

/* ---- Vectors ----------------------------------------------------------------------------------------------------- */

static void scale(float *vector, size_t dim)
{
    double sum = 0;

    for (size_t i = 0; i < dim; i++)
        sum += (double)vector[i] * (double)vector[i];
    for (size_t i = 0; i < dim && sum > 0; i++)
        vector[i] = (float)(vector[i] / sqrt(sum));
}

/* The vectors lie in their rows. */
static void take_vectors(struct worker *worker)
{
    struct call *call = worker->call;
    const size_t dim = call->model->base.info.dim;

    for (size_t i = 0; i < worker->n; i++) {
        if (call->model->l2)
            scale(call->out + worker->rows[i] * dim, dim);
        if (call->options->done != NULL)
            call->options->done[worker->rows[i]] = true;
    }
    atomic_fetch_add(&call->n_done, worker->n);
}

static rf_status send_batch(struct worker *worker, struct remote_sender *sender, rf_error *err)
{
    struct call *call = worker->call;
    struct remote_batch batch = {.texts = worker->texts,
                                 .n = worker->n,
                                 .prompt = call->prompt,
                                 .input_type = call->input_type,
                                 .as_numbers = atomic_load(&call->model->as_numbers)};
    struct remote_reply reply = {.vectors = call->out, .rows = worker->rows, .dim = call->model->base.info.dim};
    rf_status status;

    sender->n_tokens = worker->n_tokens;
    status = rf__remote_send(sender, &batch, &reply, err);
    if (status != RF_OK)
        return status;
    atomic_fetch_add(&call->n_told, reply.tokens > 0 ? reply.tokens : worker->n_tokens);
    take_vectors(worker);
    return RF_OK;
}

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

/* A connection that nobody uses, or a new one. */
static rf_status take_net(struct remote_model *model, struct net **out, rf_error *err)
{
    *out = NULL;
    rf__os_mutex_lock(model->nets_mutex);
    if (model->n_nets > 0)
        *out = model->nets[--model->n_nets];
    rf__os_mutex_unlock(model->nets_mutex);
    return *out != NULL ? RF_OK : rf__net_open(&model->logger, NULL, NULL, out, err);
}

static void give_net(struct remote_model *model, struct net *net)
{
    if (net == NULL)
        return;
    rf__net_watch(net, NULL, NULL);
    rf__os_mutex_lock(model->nets_mutex);
    if (model->n_nets < REMOTE_MAX_REQUESTS) {
        model->nets[model->n_nets++] = net;
        net = NULL;
    }
    rf__os_mutex_unlock(model->nets_mutex);
    rf__net_close(net);
}

static rf_status work(struct worker *worker, struct remote_sender *sender, rf_error *err)
{
    struct call *call = worker->call;
    const size_t most = call->n < call->max_batch ? call->n : call->max_batch;
    rf_status status = RF_OK;

    worker->texts = rf__alloc_array(most, sizeof *worker->texts);
    worker->rows = rf__alloc_array(most, sizeof *worker->rows);
    if (worker->texts == NULL || worker->rows == NULL)
        return rf__fail_memory(err);
    while (status == RF_OK && !atomic_load(&call->failed)) {
        status = next_batch(call, worker, err);
        if (status != RF_OK || worker->n == 0)
            break;
        if (sender->net == NULL) {
            status = take_net(call->model, &sender->net, err);
            if (status == RF_OK)
                rf__net_watch(sender->net, keep_going, worker);
        }
        if (status == RF_OK)
            status = send_batch(worker, sender, err);
        if (worker->id == 0)
            report(call, true);
    }
    return status;
}

static void run_worker(void *arg, size_t id)
{
    struct call *call = arg;
    struct worker worker = {.call = call, .id = id};
    struct remote_sender sender = {.model = call->model,
                                   .keep_going = keep_going,
                                   .may_retry = may_retry,
                                   .user = &worker,
                                   .random = rf__os_now_ns() ^ (uint64_t)(uintptr_t)&worker ^ id << 56};
    rf_error reason = {RF_OK, ""};
    rf_status status;

    if (id > 0)
        atomic_fetch_add(&call->n_active, 1);
    rf__buf_init(&sender.body, MAX_BODY_BYTES);
    rf__buf_init(&sender.reply, RF_JSON_MAX_BYTES);
    status = work(&worker, &sender, &reason);
    if (status != RF_OK)
        fail_call(call, status, &reason);
    give_net(call->model, sender.net);
    rf__buf_release(&sender.body);
    rf__buf_release(&sender.reply);
    rf__free(worker.texts);
    rf__free(worker.rows);
    if (id > 0)
        atomic_fetch_sub(&call->n_active, 1);
    while (id == 0 && atomic_load(&call->n_active) > 0 && !atomic_load(&call->cancelled)) {
        report(call, false);
        rf__os_sleep_ms(WAIT_FOR_OTHERS_MS);
    }
}

/* ---- The call ---------------------------------------------------------------------------------------------------- */

static rf_status choose_prompt(struct call *call, rf_error *err)
{
    const rf_embed_options *options = call->options;
    struct remote_model *model = call->model;

    call->prompt = options->prompt != NULL ? options->prompt : "";
    if (model->api->input_type != NULL) {
        call->input_type = model->api->input_type(options->role, options->prompt_name);
        if (call->input_type == NULL)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "%s: '%s' is no kind of text; there are query, document, classification and clustering",
                            model->source, options->prompt_name);
        if (options->role == RF_ROLE_NONE && options->prompt_name == NULL && !atomic_exchange(&model->role_noted, true))
            rf__log(&model->logger, RF_LOG_WARNING,
                    "%s: texts are embedded as documents; say whether they are queries or documents", model->source);
    } else if (options->prompt_name != NULL) {
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: has no prompt '%s', nor any other; give the prompt itself",
                        model->source, options->prompt_name);
    }
    if (call->prompt[0] != '\0') {
        rf_text prompt = {call->prompt, strlen(call->prompt)};
        if (model->tokenizer == NULL)
            call->n_prompt_tokens = rf__estimate_tokens(prompt);
        else
            return rf__count_tokens(model->tokenizer, prompt, true, SIZE_MAX, call->scratch, &call->n_prompt_tokens,
                                    err);
    }
    return RF_OK;
}

/* So many that the requests that may be under way at once share the texts. */
static size_t choose_batch(const struct call *call)
{
    const struct remote_model *model = call->model;
    size_t share = call->n / model->max_requests + (call->n % model->max_requests != 0);

    if (share < FEW_TEXTS)
        share = FEW_TEXTS;
    return share < model->max_batch ? share : model->max_batch;
}

static rf_status init_call(struct call *call, rf_error *err)
{
    const rf_embed_options *options = call->options;
    size_t n_done = 0;

    call->mutex = rf__os_mutex_new();
    call->scratch = call->model->tokenizer != NULL ? rf__scratch_take(call->model->tokenizer) : NULL;
    if (call->mutex == NULL || (call->model->tokenizer != NULL && call->scratch == NULL))
        return rf__fail_memory(err);
    for (size_t i = 0; i < call->n; i++) {
        n_done += options->done != NULL && options->done[i];
        if (options->truncated != NULL)
            options->truncated[i] = false;
        if (options->n_windows != NULL)
            options->n_windows[i] = 1;
    }
    atomic_init(&call->n_done, n_done);
    call->max_batch = choose_batch(call);
    call->n_workers = call->n < call->model->max_requests ? call->n : call->model->max_requests;
    return choose_prompt(call, err);
}

static void count_call(struct call *call, uint64_t ns)
{
    struct remote_model *model = call->model;

    atomic_fetch_add(&model->counters.calls, 1);
    atomic_fetch_add(&model->counters.texts, call->n);
    atomic_fetch_add(&model->counters.truncated, call->n_truncated);
    atomic_fetch_add(&model->counters.count_ns, call->count_ns);
    atomic_fetch_add(&model->counters.request_ns, ns);
    if (call->options->stats != NULL) {
        call->options->stats->tokens += atomic_load(&call->n_told);
        call->options->stats->truncated += call->n_truncated;
        call->options->stats->windows += call->n;
        call->options->stats->tokenize_ns += call->count_ns;
        call->options->stats->compute_ns += ns;
    }
    if (call->n_truncated > 0 && call->options->truncated == NULL)
        rf__log_truncated(&model->logger, call->n_truncated, call->n, model->max_tokens);
}

rf_status rf__remote_embed(const struct rf_model *base, const rf_text *texts, size_t n, const rf_embed_options *options,
                           float *out, rf_error *err)
{
    struct remote_model *model = (struct remote_model *)(uintptr_t)base; /* what is written is locked or atomic */
    struct call call = {.model = model, .texts = texts, .n = n, .options = options, .out = out};
    uint64_t begin = rf__os_now_ns();
    rf_status status = init_call(&call, err);

    if (status == RF_OK) {
        rf__os_parallel(call.n_workers, run_worker, &call);
        status = call.status;
        if (status != RF_OK && err != NULL)
            *err = call.reason;
        atomic_fetch_add(&model->counters.tokens, atomic_load(&call.n_told)); /* paid, also after a failure */
        if (status == RF_OK)
            count_call(&call, rf__os_now_ns() - begin);
    }
    if (call.scratch != NULL)
        rf__scratch_give(model->tokenizer, call.scratch);
    rf__encoding_release(&call.encoding);
    rf__os_mutex_free(call.mutex);
    return status;
}

rf_status rf__remote_call_identity(const struct rf_model *model, const rf_embed_options *options, struct buf *out,
                                   rf_error *err)
{
    (void)model;
    return rf__buf_printf(out, err, "%d\n%s\n%s", (int)options->role,
                          options->prompt_name != NULL ? options->prompt_name : "",
                          options->prompt != NULL ? options->prompt : "");
}
