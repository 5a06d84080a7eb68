/* rebuilt: see rebuilt.h. */
#include "provider/rebuilt.h"

#include "base/mem.h"
#include "embed/embed.h"
#include "os/os.h"

#include <math.h>
#include <string.h>

#define MOST_TOKENS 512

/* Both sides are fp32, which rounds alike but not equally: a few times 1e-5 in real models (docs/conversion.md). An
 * activation, a scale or a mask that is another shows in the third digit. */
#define BOUND 1e-4

static const size_t lengths[] = {1, 2, 3, 5, 8, 17, 33, 64, 129, 256, MOST_TOKENS};

#define N_LENGTHS (sizeof lengths / sizeof lengths[0])

/* What the rebuilt one gives is kept until the original is asked: the two are never in memory together. */
struct pair {
    const struct onnx_limits *limits;
    float *rebuilt[N_LENGTHS]; /* [text, dim] */
    size_t dim;
    uint32_t *ids, *types; /* [MOST_TOKENS] */
    double largest;
};

static uint32_t next(uint64_t *random, uint64_t below)
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((*random >> 33) % below);
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

/* Text i: ids of all kinds, the first few of the vocabulary - padding and its like - among them. Returns its length. */
static size_t make_text(const struct pair *pair, size_t i)
{
    const struct onnx_limits *limits = pair->limits;
    const uint64_t few = limits->vocabulary < 8 ? limits->vocabulary : 8;
    const size_t n = lengths[i] < limits->tokens ? lengths[i] : (size_t)limits->tokens;
    uint64_t random = i + 1;

    for (size_t k = 0; k < n; k++) {
        pair->ids[k] = next(&random, k % 7 == 6 ? few : limits->vocabulary);
        pair->types[k] = limits->types > 1 && k > n / 2 ? 1 : 0;
    }
    return n;
}

static rf_status run(struct pair *pair, struct engine *engine, size_t i, struct engine_output *out, rf_error *err)
{
    const size_t n = make_text(pair, i);
    const uint32_t begins[] = {0, (uint32_t)n};
    const struct engine_batch batch = {.ids = pair->ids,
                                       .type_ids = pair->types,
                                       .n_texts = 1,
                                       .n_tokens = n,
                                       .begins = engine->info.packs ? begins : NULL,
                                       .threads = rf__os_cpu_count()};
    rf_status status = rf__engine_run(engine, &batch, out, err);

    if (status == RF_OK && (out->rank != 3 || out->n_tokens != n))
        status = rf__fail(err, RF_UNSUPPORTED, "%s: gives no vector for each token", engine->info.path);
    return status;
}

static rf_status run_rebuilt(struct pair *pair, struct engine *engine, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < N_LENGTHS && status == RF_OK; i++) {
        struct engine_output out = {0};
        status = run(pair, engine, i, &out, err);
        pair->dim = out.dim;
        if (status == RF_OK && (pair->rebuilt[i] = rf__alloc_array(out.n_tokens * out.dim, sizeof(float))) == NULL)
            status = rf__fail_memory(err);
        if (status == RF_OK)
            memcpy(pair->rebuilt[i], out.data, out.n_tokens * out.dim * sizeof(float));
        rf__engine_output_release(&out);
    }
    return status;
}

static rf_status compare(struct pair *pair, struct engine *engine, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < N_LENGTHS && status == RF_OK; i++) {
        struct engine_output out = {0};
        status = run(pair, engine, i, &out, err);
        if (status == RF_OK && out.dim != pair->dim)
            status = rf__fail(err, RF_UNSUPPORTED, "%s: is understood, but gives vectors of another shape",
                              engine->info.path);
        for (size_t k = 0; status == RF_OK && k < out.n_tokens; k++)
            pair->largest =
                fmax(pair->largest, difference(out.data + k * out.dim, pair->rebuilt[i] + k * out.dim, out.dim));
        rf__engine_output_release(&out);
    }
    return status;
}

static rf_status with_engine(struct pair *pair, const char *path,
                             rf_status (*what)(struct pair *pair, struct engine *engine, rf_error *err), rf_error *err)
{
    const struct engine_options options = {.threads = rf__os_cpu_count()};
    struct engine *engine = NULL;
    rf_status status = rf__engine_open_file(path, &options, &engine, err);

    if (status == RF_OK)
        status = what(pair, engine, err);
    rf__engine_free(engine);
    rf__os_trim_memory(); /* what the next step takes is not to come on top */
    return status;
}

rf_status rf__rebuilt_check(const char *original, const char *rebuilt, const struct onnx_limits *limits,
                            double *largest, rf_error *err)
{
    struct pair pair = {.limits = limits,
                        .ids = rf__alloc_array(MOST_TOKENS, sizeof *pair.ids),
                        .types = rf__alloc_array(MOST_TOKENS, sizeof *pair.types)};
    rf_status status = pair.ids == NULL || pair.types == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = with_engine(&pair, rebuilt, run_rebuilt, err);
    if (status == RF_OK)
        status = with_engine(&pair, original, compare, err);
    if (status == RF_OK && !(pair.largest <= BOUND))
        status = rf__fail(err, RF_UNSUPPORTED,
                          "%s: was understood as an encoder that computes something else: a vector differs by %.3g "
                          "of its length, expected at most %.3g",
                          original, pair.largest, BOUND);
    *largest = pair.largest;
    for (size_t i = 0; i < N_LENGTHS; i++)
        rf__free(pair.rebuilt[i]);
    rf__free(pair.ids);
    rf__free(pair.types);
    return status;
}
