/* embed_worker: what the workers of a call do with texts and batches; see embed_call.h. */
#include "embed/embed_call.h"

#include "base/mem.h"
#include "embed/long_text.h"
#include "embed/pooling.h"

#include <string.h>

#define TOKENIZE_BLOCK 16 /* texts that a worker takes at once */

static void fail_call(struct call *call, rf_status status, const rf_error *reason)
{
    rf__os_mutex_lock(call->mutex);
    if (!atomic_exchange(&call->failed, true)) {
        call->status = status;
        if (call->err != NULL)
            *call->err = *reason;
    }
    rf__os_mutex_unlock(call->mutex);
}

void rf__call_report(struct call *call, size_t n)
{
    rf_error reason;
    bool go_on = true;

    rf__os_mutex_lock(call->mutex);
    call->n_done += n;
    if (call->options->progress != NULL && !atomic_load(&call->failed))
        go_on = call->options->progress(call->options->progress_user, call->n_done, call->n);
    rf__os_mutex_unlock(call->mutex);
    if (!go_on)
        fail_call(call, rf__fail(&reason, RF_CANCELLED, "cancelled"), &reason);
}

rf_status rf__worker_reserve(struct worker *worker, size_t more, rf_error *err)
{
    size_t need, cap = worker->cap ? worker->cap : 4096;
    uint32_t *ids, *type_ids;

    if (!rf__add(worker->n_ids, more, &need))
        return rf__fail_memory(err);
    if (need <= worker->cap)
        return RF_OK;
    while (cap < need)
        cap *= 2;
    ids = rf__realloc(worker->ids, cap * sizeof *ids);
    if (ids == NULL)
        return rf__fail_memory(err);
    worker->ids = ids;
    type_ids = rf__realloc(worker->type_ids, cap * sizeof *type_ids);
    if (type_ids == NULL)
        return rf__fail_memory(err);
    worker->type_ids = type_ids;
    worker->cap = cap;
    return RF_OK;
}

/* Keeps the ids in the worker's arena until a batch is made of them. */
static rf_status keep_ids(struct call *call, size_t worker_index, size_t i, rf_error *err)
{
    struct worker *worker = &call->workers[worker_index];
    const struct encoding *encoding = &worker->encoding;
    rf_status status = rf__worker_reserve(worker, encoding->n, err);

    if (status != RF_OK)
        return status;
    call->tokenized[i] = (struct tokenized){.index = call->window_begin + i,
                                            .begin = worker->n_ids,
                                            .n_tokens = (uint32_t)encoding->n,
                                            .worker = (uint32_t)worker_index};
    if (encoding->n > 0) {
        memcpy(worker->ids + worker->n_ids, encoding->ids, encoding->n * sizeof *worker->ids);
        memcpy(worker->type_ids + worker->n_ids, encoding->type_ids, encoding->n * sizeof *worker->type_ids);
    }
    worker->n_ids += encoding->n;
    return RF_OK;
}

/* Where the vector of a text, or of a part of one, goes to. */
static float *row_of(const struct call *call, size_t index)
{
    return index < call->n ? call->out + index * call->pipeline->info.dim
                           : call->part_rows + (index - call->n) * call->pipeline->info.dim;
}

/* Runs the modules on worker->vector, which becomes row `index`. */
static void finish_vector(const struct call *call, struct worker *worker, size_t index)
{
    const struct pipeline *p = call->pipeline;

    rf__modules_run(p->modules, worker->vector, worker->vector + rf__modules_width(p->modules));
    if (p->l2_again)
        rf__l2_normalize(worker->vector, p->info.dim);
    memcpy(row_of(call, index), worker->vector, p->info.dim * sizeof *call->out);
}

/* The text with the prompt in front of it. */
static rf_status put_prompt(const struct call *call, struct worker *worker, rf_text *text, rf_error *err)
{
    size_t len;

    if (call->prompt_len == 0)
        return RF_OK;
    if (!rf__add(call->prompt_len, text->len, &len))
        return rf__fail_memory(err);
    if (len > worker->text_cap) {
        rf__free(worker->text);
        worker->text_cap = 0;
        worker->text = rf__alloc(len);
        if (worker->text == NULL)
            return rf__fail_memory(err);
        worker->text_cap = len;
    }
    memcpy(worker->text, call->prompt, call->prompt_len);
    if (text->len > 0)
        memcpy(worker->text + call->prompt_len, text->data, text->len);
    *text = (rf_text){worker->text, len};
    return RF_OK;
}

/* A tokenizer may have more ids than the model, which then cannot look them up: the reference fails there as well. */
static rf_status check_ids(const struct call *call, const struct encoding *encoding, size_t index, rf_error *err)
{
    const struct pipeline *p = call->pipeline;

    for (size_t i = 0; i < encoding->n && p->n_ids < p->info.vocab_size; i++) {
        size_t len = 0;
        const char *piece;
        if (encoding->ids[i] < p->n_ids)
            continue;
        piece = rf__tokenizer_piece(p->tokenizer, encoding->ids[i], &len);
        return rf__fail(err, RF_BAD_FORMAT,
                        "text %zu: its token '%.*s' has the id %u, the model's vocabulary has %u: does this tokenizer "
                        "belong to the model?",
                        index, len < 100 ? (int)len : 100, piece != NULL ? piece : "", encoding->ids[i], p->n_ids);
    }
    return RF_OK;
}

static void note_text(struct call *call, size_t index, size_t n_tokens, bool was_cut, size_t n_windows)
{
    atomic_fetch_add(&call->n_tokens, n_tokens);
    if (call->options->n_tokens != NULL)
        call->options->n_tokens[index] = (uint32_t)n_tokens;
    if (call->options->truncated != NULL)
        call->options->truncated[index] = was_cut;
    if (call->options->n_windows != NULL)
        call->options->n_windows[index] = (uint32_t)n_windows;
    if (was_cut)
        atomic_fetch_add(&call->n_truncated, 1);
    if (n_windows > 1) {
        atomic_fetch_add(&call->n_parted, 1);
        atomic_fetch_add(&call->n_parts, n_windows);
    }
}

static rf_status look_up(struct call *call, struct worker *worker, rf_text text, size_t index, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct encode_request request = {.text = text,
                                     .no_special_tokens = true,
                                     .max_tokens = p->info.max_tokens,
                                     .truncate = p->truncate,
                                     .no_alignment = true};
    bool was_cut = false;
    rf_status status;

    if (p->info.long_text != RF_LONG_TEXT_MEAN) /* a mean of tokens needs no windows */
        rf__static_cut(p->table, &request.text, &was_cut);
    if (was_cut && p->truncate == RF_TRUNCATE_ERROR)
        status = rf__fail(err, RF_TRUNCATED, "is longer than the model reads");
    else
        status = rf__encode(p->tokenizer, &request, worker->scratch, &worker->encoding, err);
    if (status == RF_OK)
        status = check_ids(call, &worker->encoding, index, err);
    if (status != RF_OK)
        return status;
    rf__static_mean(p->table, worker->encoding.ids, worker->encoding.n, worker->vector);
    finish_vector(call, worker, index);
    note_text(call, index, worker->encoding.n, was_cut || worker->encoding.truncated, 1);
    return RF_OK;
}

/* A text with more tokens than the limit, all of which are read. */
static rf_status keep_parts(struct call *call, size_t worker_index, rf_text text, size_t i, rf_error *err)
{
    struct worker *worker = &call->workers[worker_index];
    const struct encode_request request = {.text = text};
    size_t index = call->window_begin + i, n_read = 0;
    rf_status status = rf__encode(call->pipeline->tokenizer, &request, worker->scratch, &worker->encoding, err);

    if (status == RF_OK)
        status = check_ids(call, &worker->encoding, index, err);
    if (status == RF_OK)
        status = rf__long_text_split(call, worker_index, i, &n_read, err);
    if (status == RF_OK)
        note_text(call, index, n_read, false, worker->long_texts[worker->n_long_texts - 1].n_parts);
    return status;
}

static rf_status tokenize_text(struct call *call, size_t worker_index, size_t i, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct worker *worker = &call->workers[worker_index];
    size_t index = call->window_begin + i;
    bool in_parts = p->info.long_text == RF_LONG_TEXT_MEAN;
    struct encode_request request = {.text = call->texts[index],
                                     .max_tokens = p->info.max_tokens,
                                     .truncate = in_parts ? RF_TRUNCATE_RIGHT : p->truncate,
                                     .no_alignment = true};
    rf_status status = put_prompt(call, worker, &request.text, err);

    if (status == RF_OK && p->table != NULL)
        return look_up(call, worker, request.text, index, err);
    if (status == RF_OK)
        status = rf__encode(p->tokenizer, &request, worker->scratch, &worker->encoding, err);
    if (status == RF_OK && in_parts && worker->encoding.truncated)
        return keep_parts(call, worker_index, request.text, i, err);
    if (status == RF_OK)
        status = check_ids(call, &worker->encoding, index, err);
    if (status == RF_OK)
        status = keep_ids(call, worker_index, i, err);
    if (status == RF_OK)
        note_text(call, index, worker->encoding.n, worker->encoding.truncated, 1);
    return status;
}

void rf__worker_tokenize(void *arg, size_t worker)
{
    struct call *call = arg;
    rf_error reason;

    while (!atomic_load(&call->failed)) {
        size_t begin = atomic_fetch_add(&call->next, TOKENIZE_BLOCK), i = begin;
        if (begin >= call->window_n)
            return;
        for (; i < begin + TOKENIZE_BLOCK && i < call->window_n; i++) {
            rf_status status = tokenize_text(call, worker, i, &reason);
            if (status == RF_TRUNCATED)
                rf__fail_prefix(&reason, status, "text %zu", call->window_begin + i);
            if (status != RF_OK) {
                fail_call(call, status, &reason);
                return;
            }
        }
        if (call->pipeline->table != NULL)
            rf__call_report(call, i - begin);
    }
}

/* Gathers the ids of a batch, behind each other. */
static rf_status gather(struct call *call, struct worker *worker, const struct batch *batch, struct engine_batch *out,
                        rf_error *err)
{
    const struct tokenized *texts = call->tokenized + batch->begin;
    const bool packs = call->pipeline->engine->info.packs;
    size_t n = 0, need;
    uint32_t *ids, *type_ids, *begins;

    for (size_t i = 0; i < batch->n; i++)
        n += texts[i].n_tokens;
    need = n > batch->n ? n + 1 : batch->n + 1;
    if (need > worker->batch_cap) {
        rf__free(worker->batch);
        worker->batch_cap = 0;
        worker->batch = rf__alloc_array(3 * need, sizeof *worker->batch);
        if (worker->batch == NULL)
            return rf__fail_memory(err);
        worker->batch_cap = need;
    }
    ids = worker->batch;
    type_ids = ids + worker->batch_cap;
    begins = type_ids + worker->batch_cap;
    n = 0;
    for (size_t i = 0; i < batch->n; n += texts[i++].n_tokens) {
        const struct worker *owner = &call->workers[texts[i].worker];
        memcpy(ids + n, owner->ids + texts[i].begin, texts[i].n_tokens * sizeof *ids);
        memcpy(type_ids + n, owner->type_ids + texts[i].begin, texts[i].n_tokens * sizeof *ids);
        begins[i] = (uint32_t)n;
    }
    begins[batch->n] = (uint32_t)n;
    *out = (struct engine_batch){.ids = ids,
                                 .type_ids = type_ids,
                                 .begins = packs ? begins : NULL,
                                 .n_texts = batch->n,
                                 .n_tokens = packs ? n : texts[0].n_tokens,
                                 .task = call->task,
                                 .threads = call->n_batches == 1 ? call->pipeline->info.threads : 1};
    return RF_OK;
}

static void write_vectors(const struct call *call, struct worker *worker, const struct batch *batch,
                          const struct engine_output *output)
{
    const struct pipeline *p = call->pipeline;
    const struct tokenized *texts = call->tokenized + batch->begin;
    size_t dim = output->dim, row = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (output->rank == 2)
            memcpy(worker->vector, output->data + i * dim, dim * sizeof *worker->vector);
        else
            rf__pool_all(&p->pooling, output->data + row * dim, texts[i].n_tokens, call->n_skipped, dim,
                         worker->vector);
        row += texts[i].n_tokens;
        finish_vector(call, worker, texts[i].index);
    }
}

static rf_status compute_batch(struct call *call, struct worker *worker, const struct batch *batch, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct engine_batch input;
    struct engine_output output;
    rf_status status;

    if (call->tokenized[batch->begin].n_tokens == 0) { /* a tokenizer without special tokens, and no text: no token */
        for (size_t i = 0; i < batch->n; i++)
            memset(row_of(call, call->tokenized[batch->begin + i].index), 0, p->info.dim * sizeof *call->out);
        return RF_OK;
    }
    status = gather(call, worker, batch, &input, err);
    if (status == RF_OK)
        status = rf__engine_run(p->engine, &input, &output, err);
    if (status != RF_OK)
        return status;
    if (output.dim != p->token_dim)
        status = rf__fail(err, RF_ENGINE, "%s: gave vectors of %zu numbers after %u before", p->engine->info.path,
                          output.dim, p->token_dim);
    else
        write_vectors(call, worker, batch, &output);
    rf__engine_output_release(&output);
    return status;
}

/* Texts of the batch, without parts of texts. */
static size_t count_texts(const struct call *call, const struct batch *batch)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->n; i++)
        n += call->tokenized[batch->begin + i].index < call->n;
    return n;
}

void rf__worker_compute(void *arg, size_t worker)
{
    struct call *call = arg;
    rf_error reason;

    while (!atomic_load(&call->failed)) {
        size_t i = atomic_fetch_add(&call->next, 1);
        rf_status status;
        if (i >= call->n_batches)
            return;
        status = compute_batch(call, &call->workers[worker], &call->batches[i], &reason);
        if (status != RF_OK)
            fail_call(call, status, &reason);
        else
            rf__call_report(call, count_texts(call, &call->batches[i]));
    }
}
