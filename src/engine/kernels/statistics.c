/* statistics: see statistics.h and engine.h. Rows are gathered until there are enough for a product of matrices, which
 * is a linear layer again: x^T x with x^T in the place of both rows and weights. */
#include "engine/kernels/statistics.h"

#include "base/mem.h"
#include "engine/engine.h"

#include <math.h>
#include <string.h>

#define AT_ONCE      256 /* rows of one product; a multiple of PACK_LANES */
#define MOST_SAMPLES 256
#define SAMPLE_EVERY 12 /* rows */

struct entry {
    const struct linear *w;
    struct fit_inputs inputs;
    float *products, *largest, *samples;
    float *columns; /* [k, AT_ONCE]: the rows that wait, as columns */
    size_t n_waiting, n_rows;
};

struct statistics {
    struct entry *entries;
    struct fit_inputs *inputs; /* [n], once finished */
    size_t n, cap;
    bool is_out_of_memory;
};

struct statistics *rf__statistics_new(void)
{
    return rf__calloc(1, sizeof(struct statistics));
}

void rf__statistics_free(struct statistics *statistics)
{
    if (statistics == NULL)
        return;
    for (size_t i = 0; i < statistics->n; i++) {
        struct entry *entry = &statistics->entries[i];
        rf__free(entry->products);
        rf__free(entry->largest);
        rf__free(entry->samples);
        rf__free(entry->columns);
    }
    rf__free(statistics->entries);
    rf__free(statistics->inputs);
    rf__free(statistics);
}

/* A new entry in zeroed memory; NULL without memory. */
static struct entry *new_entry(struct statistics *statistics, const struct linear *w)
{
    struct entry *entry;
    size_t n, k = w->k;

    if (statistics->n == statistics->cap) {
        size_t cap = statistics->cap == 0 ? 64 : 2 * statistics->cap;
        struct entry *entries = rf__realloc(statistics->entries, cap * sizeof *entries);
        if (entries == NULL)
            return NULL;
        statistics->entries = entries;
        statistics->cap = cap;
    }
    entry = &statistics->entries[statistics->n++];
    *entry = (struct entry){.w = w,
                            .products = rf__mul(k, k, &n) ? rf__calloc(n, sizeof(float)) : NULL,
                            .largest = rf__calloc(k, sizeof(float)),
                            .samples = rf__calloc(MOST_SAMPLES, k * sizeof(float)),
                            .columns = rf__calloc(AT_ONCE, k * sizeof(float))};
    entry->inputs =
        (struct fit_inputs){.k = k, .products = entry->products, .largest = entry->largest, .samples = entry->samples};
    if (entry->products == NULL || entry->largest == NULL || entry->samples == NULL || entry->columns == NULL)
        return NULL;
    return entry;
}

static struct entry *find_entry(struct statistics *statistics, const struct linear *w)
{
    for (size_t i = 0; i < statistics->n; i++)
        if (statistics->entries[i].w == w)
            return &statistics->entries[i];
    return new_entry(statistics, w);
}

/* Adds the product of the rows that wait; false without memory. */
static bool add_products(struct entry *entry)
{
    const size_t k = entry->inputs.k;
    float *panels = rf__alloc_array(k, AT_ONCE * sizeof *panels), *bias = rf__calloc(k, sizeof *bias);
    const struct linear w = {.panels = panels, .bias = bias, .n = k, .k = AT_ONCE};
    bool is_done = panels != NULL && bias != NULL;

    if (is_done) {
        rf__pack_f32(entry->columns, k, AT_ONCE, panels);
        rf__kernels_best()->linear_f32(&(struct linear_job){.w = &w,
                                                            .x = entry->columns,
                                                            .residual = entry->products,
                                                            .y = entry->products,
                                                            .rows = k,
                                                            .ldy = k,
                                                            .last = k / PACK_LANES});
        memset(entry->columns, 0, k * AT_ONCE * sizeof *entry->columns);
        entry->n_waiting = 0;
    }
    rf__free(panels);
    rf__free(bias);
    return is_done;
}

static bool add_row(struct entry *entry, const float *x, float weight)
{
    struct fit_inputs *inputs = &entry->inputs;
    const size_t k = inputs->k;
    const float root = sqrtf(weight);

    inputs->weight += weight;
    if (entry->n_rows++ % SAMPLE_EVERY == 0 && inputs->n_samples < MOST_SAMPLES)
        memcpy(entry->samples + inputs->n_samples++ * k, x, k * sizeof *x);
    for (size_t i = 0; i < k; i++) {
        entry->largest[i] = fmaxf(entry->largest[i], fabsf(x[i]));
        entry->columns[i * AT_ONCE + entry->n_waiting] = x[i] * root;
    }
    return ++entry->n_waiting < AT_ONCE || add_products(entry);
}

void rf__statistics_add(struct statistics *statistics, const struct linear *w, const float *x, const float *weights,
                        size_t rows)
{
    struct entry *entry = find_entry(statistics, w);

    if (entry == NULL)
        statistics->is_out_of_memory = true;
    for (size_t row = 0; row < rows && !statistics->is_out_of_memory; row++)
        statistics->is_out_of_memory = !add_row(entry, x + row * w->k, weights[row]);
}

rf_status rf__statistics_finish(struct statistics *statistics, const struct fit_inputs **out, size_t *n, rf_error *err)
{
    for (size_t i = 0; i < statistics->n && !statistics->is_out_of_memory; i++)
        statistics->is_out_of_memory = !add_products(&statistics->entries[i]);
    statistics->inputs = rf__alloc_array(statistics->n, sizeof *statistics->inputs);
    if (statistics->is_out_of_memory || statistics->inputs == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < statistics->n; i++) {
        statistics->inputs[i] = statistics->entries[i].inputs;
        rf__free(statistics->entries[i].columns);
        statistics->entries[i].columns = NULL;
    }
    *out = statistics->inputs;
    *n = statistics->n;
    return RF_OK;
}
