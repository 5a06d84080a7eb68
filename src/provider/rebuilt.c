/* rebuilt: see rebuilt.h. */
#include "provider/rebuilt.h"

#include "base/mem.h"
#include "embed/embed.h"
#include "os/os.h"

#include <math.h>

#define MOST_TOKENS 512

/* Both sides are fp32, which rounds alike but not equally: a few times 1e-5 in real models (docs/conversion.md). An
 * activation, a scale or a mask that is another shows in the third digit. */
#define BOUND 1e-4

static const size_t lengths[] = {1, 2, 3, 5, 8, 17, 33, 64, 129, 256, MOST_TOKENS};

struct pair {
    struct engine *original, *rebuilt;
    uint32_t *ids, *types; /* [MOST_TOKENS] */
    uint64_t random;
    double largest;
};

static uint32_t next(struct pair *pair, uint64_t below)
{
    pair->random = pair->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((pair->random >> 33) % below);
}

/* The length of the difference of two vectors, as a part of the first one's. */
static double difference(const float *a, const float *b, size_t n)
{
    double length = 0, by = 0;

    for (size_t i = 0; i < n; i++) {
        length += (double)a[i] * a[i];
        by += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    }
    if (!isfinite(length) || !isfinite(by))
        return INFINITY;
    return by > 0 ? sqrt(by / length) : 0;
}

static rf_status compare(struct pair *pair, size_t n, rf_error *err)
{
    const uint32_t begins[] = {0, (uint32_t)n};
    struct engine_batch batch = {.ids = pair->ids, .type_ids = pair->types, .n_texts = 1, .n_tokens = n};
    struct engine_output a = {0}, b = {0};
    rf_status status = rf__engine_run(pair->original, &batch, &a, err);

    if (pair->rebuilt->info.packs)
        batch.begins = begins;
    batch.threads = rf__os_cpu_count();
    if (status == RF_OK)
        status = rf__engine_run(pair->rebuilt, &batch, &b, err);
    if (status == RF_OK && (a.rank != 3 || b.rank != 3 || a.n_tokens != n || b.n_tokens != n || a.dim != b.dim))
        status = rf__fail(err, RF_UNSUPPORTED, "%s: gives vectors of another shape", pair->rebuilt->info.path);
    for (size_t i = 0; status == RF_OK && i < n; i++)
        pair->largest = fmax(pair->largest, difference(a.data + i * a.dim, b.data + i * b.dim, a.dim));
    rf__engine_output_release(&a);
    rf__engine_output_release(&b);
    return status;
}

/* Ids of all kinds, the first few of the vocabulary - padding and its like - among them. */
static rf_status compare_all(struct pair *pair, const struct onnx_limits *limits, rf_error *err)
{
    const uint64_t few = limits->vocabulary < 8 ? limits->vocabulary : 8;
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] && status == RF_OK; i++) {
        const size_t n = lengths[i] < limits->tokens ? lengths[i] : (size_t)limits->tokens;
        for (size_t k = 0; k < n; k++) {
            pair->ids[k] = next(pair, k % 7 == 6 ? few : limits->vocabulary);
            pair->types[k] = limits->types > 1 && k > n / 2 ? 1 : 0;
        }
        status = compare(pair, n, err);
        if (n < lengths[i])
            break;
    }
    return status;
}

rf_status rf__rebuilt_check(const char *original, const char *rebuilt, const struct onnx_limits *limits,
                            double *largest, rf_error *err)
{
    const struct engine_options options = {.threads = rf__os_cpu_count()};
    struct pair pair = {.ids = rf__alloc_array(MOST_TOKENS, sizeof *pair.ids),
                        .types = rf__alloc_array(MOST_TOKENS, sizeof *pair.types),
                        .random = 1};
    rf_status status = pair.ids == NULL || pair.types == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = rf__engine_open_file(original, &options, &pair.original, err);
    if (status == RF_OK)
        status = rf__engine_open_file(rebuilt, &options, &pair.rebuilt, err);
    if (status == RF_OK)
        status = compare_all(&pair, limits, err);
    if (status == RF_OK && !(pair.largest <= BOUND))
        status = rf__fail(err, RF_UNSUPPORTED,
                          "%s: was understood as an encoder that computes something else: a vector differs by %.3g "
                          "of its length, expected at most %.3g",
                          original, pair.largest, BOUND);
    *largest = pair.largest;
    rf__engine_free(pair.original);
    rf__engine_free(pair.rebuilt);
    rf__free(pair.ids);
    rf__free(pair.types);
    return status;
}
