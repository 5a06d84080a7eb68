/* long_text: see long_text.h. */
#include "embed/long_text.h"

#include "base/mem.h"
#include "embed/pooling.h"

#include <string.h>

/* What of an encoding stands around its text: the special tokens before and after it, and the prompt. */
struct around {
    size_t before, after, prompt;
};

static struct around measure_around(const struct encoding *encoding, size_t prompt_len)
{
    struct around around = {0, 0, 0};
    size_t n = encoding->n;

    while (around.before < n && encoding->special[around.before])
        around.before++;
    while (around.after < n - around.before && encoding->special[n - 1 - around.after])
        around.after++;
    while (around.before + around.prompt < n - around.after &&
           encoding->begin[around.before + around.prompt] < prompt_len)
        around.prompt++;
    return around;
}

static void put(struct worker *worker, const struct encoding *encoding, size_t begin, size_t n)
{
    if (n == 0)
        return;
    memcpy(worker->ids + worker->n_ids, encoding->ids + begin, n * sizeof *worker->ids);
    memcpy(worker->type_ids + worker->n_ids, encoding->type_ids + begin, n * sizeof *worker->type_ids);
    worker->n_ids += n;
}

/* Room for one more long text and so many parts. */
static rf_status grow(struct worker *worker, size_t n_parts, rf_error *err)
{
    size_t n_texts = worker->n_long_texts + 1, n = worker->n_parts + n_parts;
    struct long_text *texts = rf__realloc(worker->long_texts, n_texts * sizeof *texts);
    struct tokenized *parts;

    if (texts == NULL)
        return rf__fail_memory(err);
    worker->long_texts = texts;
    if (n <= worker->cap_parts)
        return RF_OK;
    if (n < 2 * worker->cap_parts)
        n = 2 * worker->cap_parts;
    parts = rf__realloc(worker->parts, n * sizeof *parts);
    if (parts == NULL)
        return rf__fail_memory(err);
    worker->parts = parts;
    worker->cap_parts = n;
    return RF_OK;
}

rf_status rf__long_text_split(struct call *call, size_t worker_index, size_t i, size_t *n_read, rf_error *err)
{
    struct worker *worker = &call->workers[worker_index];
    const struct encoding *e = &worker->encoding;
    const struct around around = measure_around(e, call->prompt_len);
    size_t limit = call->pipeline->info.max_tokens, n_around = around.before + around.prompt + around.after;
    size_t n = e->n - n_around, room, n_parts, begin = around.before + around.prompt;
    rf_status status;

    if (n_around >= limit)
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "a limit of %zu tokens leaves no room for text beside the %zu tokens of the prompt and the %zu "
                        "special tokens",
                        limit, around.prompt, around.before + around.after);
    room = limit - n_around;
    n_parts = n / room + (n % room > 0);
    *n_read = n + n_parts * n_around;
    status = rf__worker_reserve(worker, *n_read, err);
    if (status == RF_OK)
        status = grow(worker, n_parts, err);
    if (status != RF_OK)
        return status;
    call->tokenized[i].index = SIZE_MAX; /* its parts are computed in its place */
    worker->long_texts[worker->n_long_texts++] = (struct long_text){
        .index = call->window_begin + i, .first_part = worker->n_parts, .n_parts = n_parts, .n_around = n_around};
    for (size_t done = 0; done < n; done += room) {
        size_t more = n - done < room ? n - done : room;
        worker->parts[worker->n_parts++] = (struct tokenized){
            .begin = worker->n_ids, .n_tokens = (uint32_t)(n_around + more), .worker = (uint32_t)worker_index};
        put(worker, e, 0, begin);
        put(worker, e, begin + done, more);
        put(worker, e, e->n - around.after, around.after);
    }
    return RF_OK;
}

/* Room for so many items, and a row for each of so many parts. */
static rf_status grow_call(struct call *call, size_t n_items, size_t n_parts, rf_error *err)
{
    size_t n_floats;

    if (n_items > call->cap_items) {
        struct tokenized *tokenized = rf__realloc(call->tokenized, n_items * sizeof *tokenized);
        struct batch *batches;
        if (tokenized == NULL)
            return rf__fail_memory(err);
        call->tokenized = tokenized;
        batches = rf__realloc(call->batches, n_items * sizeof *batches);
        if (batches == NULL)
            return rf__fail_memory(err);
        call->batches = batches;
        call->cap_items = n_items;
    }
    rf__free(call->part_rows);
    call->part_rows = NULL;
    if (n_parts > 0) {
        if (!rf__mul(n_parts, call->pipeline->info.dim, &n_floats))
            return rf__fail_memory(err);
        call->part_rows = rf__alloc_array(n_floats, sizeof *call->part_rows);
        if (call->part_rows == NULL)
            return rf__fail_memory(err);
    }
    return RF_OK;
}

rf_status rf__long_text_collect(struct call *call, rf_error *err)
{
    size_t n_parts = 0, n = 0;
    rf_status status;

    for (size_t w = 0; w < call->n_workers; w++)
        n_parts += call->workers[w].n_parts;
    status = grow_call(call, call->window_n + n_parts, n_parts, err);
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < call->window_n; i++)
        if (call->tokenized[i].index != SIZE_MAX)
            call->tokenized[n++] = call->tokenized[i];
    n_parts = 0;
    for (size_t w = 0; w < call->n_workers; w++) {
        struct worker *worker = &call->workers[w];
        worker->first_row = n_parts;
        for (size_t k = 0; k < worker->n_parts; k++) {
            worker->parts[k].index = call->n + n_parts++;
            call->tokenized[n++] = worker->parts[k];
        }
    }
    call->n_items = n;
    return RF_OK;
}

static void mean_of(struct call *call, const struct worker *worker, const struct long_text *text)
{
    const struct pipeline *p = call->pipeline;
    const size_t dim = p->info.dim, first = worker->first_row + text->first_part;
    const struct tokenized *parts = worker->parts + text->first_part;
    float *out = call->out + text->index * dim;
    double n_tokens = 0;

    for (size_t k = 0; k < text->n_parts; k++)
        n_tokens += (double)(parts[k].n_tokens - text->n_around);
    for (size_t d = 0; d < dim; d++) {
        double sum = 0;
        for (size_t k = 0; k < text->n_parts; k++)
            sum += (double)(parts[k].n_tokens - text->n_around) * (double)call->part_rows[(first + k) * dim + d];
        out[d] = (float)(sum / n_tokens);
    }
    if (p->info.l2)
        rf__l2_normalize(out, dim);
}

void rf__long_text_mean(struct call *call)
{
    for (size_t w = 0; w < call->n_workers; w++)
        for (size_t k = 0; k < call->workers[w].n_long_texts; k++)
            mean_of(call, &call->workers[w], &call->workers[w].long_texts[k]);
}
