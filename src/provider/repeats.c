/*
 * repeats: texts that occur several times in a call are computed once; see rf__provider_embed(). The different ones
 * move to the front, in their order, and so do their vectors in `out`, which then go to all places where the text
 * stands:
 *
 *     texts  a b a c b     first  0 1 0 2 1     out  A B C - -  →  A B A C B
 */
#include "provider/provider.h"

#include "base/mem.h"
#include "provider/answers.h"
#include "provider/relay.h"

#include <string.h>

#define MAX_PROBES 32 /* texts made to collide are computed again instead */

struct repeats {
    uint32_t *first;    /* [n]: which of the different texts it is */
    rf_text *different; /* [n_different] */
    size_t n_different;
    const size_t *place; /* NULL, or [n]: where each is in the call, which has others too */
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9E3779B97F4A7C15u;
    return a ^ a >> 32;
}

static uint64_t hash(rf_text text)
{
    uint64_t h = mix(text.len, 1), word;
    size_t i = 0;

    for (; i + 8 <= text.len; i += 8) {
        memcpy(&word, text.data + i, 8);
        h = mix(h, word);
    }
    word = 0;
    if (i < text.len)
        memcpy(&word, text.data + i, text.len - i);
    return mix(mix(h, word), 2);
}

static bool same(rf_text a, rf_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* False when out of memory. */
static bool find_repeats(const rf_text *texts, size_t n, struct repeats *out)
{
    size_t size = 16;
    uint32_t *table; /* which of the different texts, plus 1; 0: none */

    while (size < 2 * n)
        size *= 2;
    table = rf__calloc(size, sizeof *table);
    out->first = rf__alloc_array(n, sizeof *out->first);
    out->different = rf__alloc_array(n, sizeof *out->different);
    for (size_t i = 0; i < n && table != NULL && out->first != NULL && out->different != NULL; i++) {
        size_t at = (size_t)hash(texts[i]) & (size - 1), n_probes = 0;
        while (table[at] != 0 && n_probes < MAX_PROBES && !same(out->different[table[at] - 1], texts[i])) {
            at = (at + 1) & (size - 1);
            n_probes++;
        }
        if (table[at] == 0 || n_probes == MAX_PROBES) {
            out->different[out->n_different++] = texts[i];
            if (table[at] == 0)
                table[at] = (uint32_t)out->n_different;
            out->first[i] = (uint32_t)out->n_different - 1;
        } else {
            out->first[i] = table[at] - 1;
        }
    }
    rf__free(table);
    return table != NULL && out->first != NULL && out->different != NULL;
}

/* From the last to the first: a text's row is never before the row that it comes from. */
static void spread(const struct repeats *repeats, size_t n, size_t dim, const rf_embed_options *options, float *out)
{
    for (size_t i = n; i-- > 0;) {
        size_t from = repeats->first[i];
        memmove(out + i * dim, out + from * dim, dim * sizeof *out);
        if (options->n_tokens != NULL)
            options->n_tokens[i] = options->n_tokens[from];
        if (options->truncated != NULL)
            options->truncated[i] = options->truncated[from];
        if (options->n_windows != NULL)
            options->n_windows[i] = options->n_windows[from];
    }
}

/* The message of a failure with the number that the text has in the call. */
static rf_status renumber(const struct repeats *repeats, size_t n, rf_status status, rf_error *reason, rf_error *err)
{
    rf_error own = *reason;
    size_t number, i = 0;
    const char *rest;

    if (err == NULL)
        return status;
    *err = own;
    if (!rf__names_a_text(&own, &number, &rest))
        return status;
    while (i < n && repeats->first[i] != number)
        i++;
    if (i == n)
        return status;
    return rf__fail(err, status, "text %zu%s", repeats->place != NULL ? repeats->place[i] : i, rest);
}

static rf_status embed_different(const struct rf_model *model, const struct repeats *repeats, size_t n,
                                 const rf_embed_options *options, float *out, rf_error *err)
{
    struct relay relay = {options->progress, options->progress_user, n - repeats->n_different, n};
    rf_embed_options own = *options;
    rf_error reason = {RF_OK, ""};
    rf_status status;

    if (options->progress != NULL) {
        own.progress = rf__relay;
        own.progress_user = &relay;
    }
    status = model->provider->embed(model, repeats->different, repeats->n_different, &own, out, &reason);
    if (status != RF_OK)
        return renumber(repeats, n, status, &reason, err);
    spread(repeats, n, model->info.dim, options, out);
    atomic_fetch_add(&((struct rf_model *)(uintptr_t)model)->n_repeated, n - repeats->n_different);
    return RF_OK;
}

/* The answer to each missing text, of those that came. */
static void spread_answers(const struct repeats *repeats, size_t n, size_t dim, const struct answers *answers, bool all,
                           const rf_embed_options *options, float *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = repeats->first[i], to = repeats->place[i];
        if (!all && !answers->done[from])
            continue;
        memcpy(out + to * dim, answers->vectors + from * dim, dim * sizeof *out);
        if (options->n_tokens != NULL)
            options->n_tokens[to] = answers->n_tokens[from];
        if (options->truncated != NULL)
            options->truncated[to] = answers->truncated[from];
        if (options->n_windows != NULL)
            options->n_windows[to] = answers->n_windows[from];
        options->done[to] = true;
    }
}

/* A call whose vectors may be there in part, before it and after it failed: the missing ones go through memory of their
 * own. */
static rf_status embed_missing(const struct rf_model *model, const rf_text *texts, size_t n,
                               const rf_embed_options *options, struct repeats *repeats, float *out, rf_error *err)
{
    size_t n_missing = 0, *place = rf__alloc_array(n, sizeof *place);
    rf_text *missing = rf__alloc_array(n, sizeof *missing);
    struct answers answers = {0}; /* of the different texts */
    struct relay relay = {options->progress, options->progress_user, 0, n};
    rf_embed_options own = *options;
    rf_error reason = {RF_OK, ""};
    rf_status status = RF_OK;

    for (size_t i = 0; i < n && missing != NULL && place != NULL; i++)
        if (!options->done[i]) {
            missing[n_missing] = texts[i];
            place[n_missing++] = i;
        }
    repeats->place = place;
    if (missing == NULL || place == NULL || !find_repeats(missing, n_missing, repeats) ||
        !rf__answers_allocate(&answers, repeats->n_different, model->info.dim))
        status = rf__fail_memory(err);
    if (status == RF_OK && n_missing > 0) {
        relay.before = n - repeats->n_different;
        own.progress = options->progress != NULL ? rf__relay : NULL;
        own.progress_user = &relay;
        own.n_tokens = options->n_tokens != NULL ? answers.n_tokens : NULL;
        own.truncated = options->truncated != NULL ? answers.truncated : NULL;
        own.n_windows = options->n_windows != NULL ? answers.n_windows : NULL;
        own.done = answers.done;
        status =
            model->provider->embed(model, repeats->different, repeats->n_different, &own, answers.vectors, &reason);
        spread_answers(repeats, n_missing, model->info.dim, &answers, status == RF_OK, options, out);
        if (status != RF_OK)
            status = renumber(repeats, n_missing, status, &reason, err);
    }
    if (status == RF_OK)
        atomic_fetch_add(&((struct rf_model *)(uintptr_t)model)->n_repeated, n - repeats->n_different);
    rf__answers_release(&answers);
    repeats->place = NULL;
    rf__free(place);
    rf__free(missing);
    return status;
}

rf_status rf__provider_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err)
{
    struct repeats repeats = {0};
    rf_status status;

    if (n < 2 || n >= UINT32_MAX)
        return model->provider->embed(model, texts, n, options, out, err);
    if (options->done != NULL)
        status = embed_missing(model, texts, n, options, &repeats, out, err);
    else if (!find_repeats(texts, n, &repeats))
        status = rf__fail_memory(err);
    else if (repeats.n_different == n)
        status = model->provider->embed(model, texts, n, options, out, err);
    else
        status = embed_different(model, &repeats, n, options, out, err);
    rf__free(repeats.first);
    rf__free(repeats.different);
    return status;
}
