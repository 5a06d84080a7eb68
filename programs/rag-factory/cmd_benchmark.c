/*
 * benchmark: how fast a model runs here: single texts of three lengths, batches of five sizes, loading, memory, and
 * throughput on texts of mixed length. Before any number it checks that the answers are right: a fast wrong vector is
 * worth nothing.
 */
#include "benchmark.h"
#include "commands.h"
#include "open.h"
#include "progress.h"
#include "vector_writer.h"

#include "base/cosine.h"
#include "base/mem.h"
#include "os/os.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNS    100000
#define MIXED_TEXTS 96 /* of the throughput: as many of each length */
#define MIXED_RUNS  3
#define LOAD_RUNS   3
#define MAX_TEXT    4096

static const size_t batch_sizes[N_BATCHES] = {1, 4, 8, 16, 32};
static const char batch_text[] = "This is a test document for batch processing.";

static const struct {
    const char *name, *text;
    int times;
} lengths[N_LENGTHS] = {
    {"short", "Short document.", 1},
    {"medium", "This is a medium length document. ", 10},
    {"long", "This is a longer document with more content. ", 50},
};

struct bench {
    const rf_model *model;
    size_t dim;
    rf_text texts[N_LENGTHS];
    char storage[N_LENGTHS][MAX_TEXT];
    float *vectors; /* [MIXED_TEXTS, dim] */
    uint32_t n_tokens[MIXED_TEXTS];
    bool truncated[MIXED_TEXTS];
    double *times; /* [runs], ms */
    struct progress progress;
    uint64_t done, total; /* texts, for the bar */
    struct benchmark result;
};

static double ms_since(uint64_t start_ns)
{
    return (double)(rf__os_now_ns() - start_ns) / 1e6;
}

static void make_texts(struct bench *bench)
{
    for (size_t i = 0; i < N_LENGTHS; i++) {
        size_t len = strlen(lengths[i].text);
        for (int k = 0; k < lengths[i].times; k++)
            memcpy(bench->storage[i] + (size_t)k * len, lengths[i].text, len);
        bench->texts[i] = (rf_text){bench->storage[i], len * (size_t)lengths[i].times};
    }
}

/* Vectors to `out`, and their texts' tokens to bench->n_tokens. The long text is cut at the limit of many models;
 * asking what was cut keeps the library from warning each time. */
static rf_status embed(struct bench *bench, const rf_text *texts, size_t n, float *out, rf_error *err)
{
    rf_embed_options options;

    rf_embed_options_init(&options, sizeof options);
    options.n_tokens = bench->n_tokens;
    options.truncated = bench->truncated;
    options.prompt = "";
    return rf_embed(bench->model, texts, n, &options, out, n * bench->dim, err);
}

/* Between measurements, never inside of one. */
static rf_status step(struct bench *bench, uint64_t n_texts, rf_error *err)
{
    bench->done += n_texts;
    rf__progress_show(&bench->progress, (double)bench->done / (double)bench->total, bench->done);
    return rf__say_interrupted() ? rf__say_cancelled(err) : RF_OK;
}

/* ---- Checks -------------------------------------------------------------------------------------------------- */

static rf_status check_alone(struct bench *bench, const rf_text *texts, size_t n, rf_error *err)
{
    float *alone = rf__alloc_array(bench->dim, sizeof *alone);
    rf_status status = RF_OK;

    if (alone == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        status = embed(bench, &texts[i], 1, alone, err);
        if (status == RF_OK && memcmp(alone, bench->vectors + i * bench->dim, bench->dim * sizeof *alone) != 0)
            status =
                rf__fail(err, RF_ENGINE,
                         "check failed: text %zu alone and among %zu gives different vectors; please report it", i, n);
    }
    rf__free(alone);
    return status;
}

static rf_status check_answers(struct bench *bench, const rf_model_info *info, rf_error *err)
{
    static const char cat[] = "The cat sits on the mat.", like[] = "A cat is sitting on a mat.",
                      other[] = "Python is a programming language.";
    const rf_text texts[] = {{cat, sizeof cat - 1}, {like, sizeof like - 1}, {other, sizeof other - 1},
                             bench->texts[0],       bench->texts[1],         bench->texts[2]};
    const size_t n = sizeof texts / sizeof texts[0], dim = bench->dim;
    const float *v = bench->vectors;
    rf_status status = embed(bench, texts, n, bench->vectors, err);

    for (size_t i = 0; i < n && status == RF_OK && info->l2; i++) {
        double length = sqrt(rf__dot(v + i * dim, v + i * dim, dim));
        if (!(fabs(length - 1) < 1e-4))
            status = rf__fail(err, RF_ENGINE, "check failed: vector %zu has length %g, expected 1", i, length);
    }
    if (status == RF_OK)
        status = check_alone(bench, texts, n, err);
    if (status != RF_OK)
        return status;
    bench->result.similar = rf__cosine(v, v + dim, dim);
    bench->result.unrelated = rf__cosine(v, v + 2 * dim, dim);
    if (!(bench->result.similar > 0.7 && bench->result.similar > bench->result.unrelated))
        return rf__fail(err, RF_ENGINE,
                        "check failed: two sentences about a cat on a mat have cosine %.4f, one of them and one about "
                        "Python %.4f; expected above 0.7, and more than the second. Is this an embedding model?",
                        bench->result.similar, bench->result.unrelated);
    return RF_OK;
}

/* ---- Measurements -------------------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Between two values it lies on the line between them, as numpy.percentile has it. `times` is sorted. */
static double percentile(const double *times, size_t n, double percent)
{
    double place = percent / 100 * (double)(n - 1);
    size_t below = (size_t)place, above = below + 1 < n ? below + 1 : below;

    return times[below] + (times[above] - times[below]) * (place - (double)below);
}

static double mean_of(const double *times, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += times[i];
    return sum / (double)n;
}

static void summarize(double *times, size_t n, struct benchmark_length *out)
{
    double squares = 0;

    out->mean = mean_of(times, n);
    for (size_t i = 0; i < n; i++)
        squares += (times[i] - out->mean) * (times[i] - out->mean);
    out->std = sqrt(squares / (double)n);
    qsort(times, n, sizeof *times, compare_doubles);
    out->p50 = percentile(times, n, 50);
    out->p95 = percentile(times, n, 95);
    out->p99 = percentile(times, n, 99);
}

static rf_status measure_length(struct bench *bench, size_t which, rf_error *err)
{
    struct benchmark_length *out = &bench->result.lengths[which];
    size_t runs = bench->result.runs;
    rf_status status = embed(bench, &bench->texts[which], 1, bench->vectors, err); /* the warm-up */

    out->name = lengths[which].name;
    out->n_tokens = bench->n_tokens[0];
    for (size_t i = 0; i < runs && status == RF_OK; i++) {
        uint64_t start = rf__os_now_ns();
        status = embed(bench, &bench->texts[which], 1, bench->vectors, err);
        bench->times[i] = ms_since(start);
        if (status == RF_OK)
            status = step(bench, 1, err);
    }
    if (status == RF_OK)
        summarize(bench->times, runs, out);
    return status;
}

static rf_status measure_batch(struct bench *bench, size_t which, rf_error *err)
{
    struct benchmark_batch *out = &bench->result.batches[which];
    size_t n = batch_sizes[which], runs = bench->result.batch_runs;
    rf_text texts[32];
    rf_status status;

    for (size_t i = 0; i < n; i++)
        texts[i] = (rf_text){batch_text, sizeof batch_text - 1};
    status = embed(bench, texts, n, bench->vectors, err);
    for (size_t i = 0; i < runs && status == RF_OK; i++) {
        uint64_t start = rf__os_now_ns();
        status = embed(bench, texts, n, bench->vectors, err);
        bench->times[i] = ms_since(start);
        if (status == RF_OK)
            status = step(bench, n, err);
    }
    if (status == RF_OK) {
        out->n_texts = n;
        out->total_ms = mean_of(bench->times, runs);
        out->per_text_ms = out->total_ms / (double)n;
    }
    return status;
}

static rf_status measure_throughput(struct bench *bench, rf_error *err)
{
    rf_text texts[MIXED_TEXTS];
    double seconds = 0, tokens = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < MIXED_TEXTS; i++)
        texts[i] = bench->texts[i % N_LENGTHS];
    for (size_t run = 0; run < MIXED_RUNS && status == RF_OK; run++) {
        uint64_t start = rf__os_now_ns();
        status = embed(bench, texts, MIXED_TEXTS, bench->vectors, err);
        seconds += ms_since(start) / 1e3;
        for (size_t i = 0; i < MIXED_TEXTS && status == RF_OK; i++)
            tokens += bench->n_tokens[i];
        if (status == RF_OK)
            status = step(bench, MIXED_TEXTS, err);
    }
    bench->result.tokens_per_s = tokens / seconds;
    bench->result.texts_per_s = MIXED_TEXTS * MIXED_RUNS / seconds;
    return status;
}

/* From files to the first vector. */
static rf_status timed_open(const struct opt_common *common, rf_model **out, double *ms, rf_error *err)
{
    static const char text[] = "hello world";
    uint64_t start = rf__os_now_ns();
    rf_model *model = NULL;
    float *vector = NULL;
    rf_status status = rf__open_model(common, &model, err);

    if (status == RF_OK) {
        vector = rf__alloc_array(rf_model_dim(model), sizeof *vector);
        status = vector == NULL
                     ? rf__fail_memory(err)
                     : rf_embed_query(model, (rf_text){text, sizeof text - 1}, vector, rf_model_dim(model), err);
    }
    *ms = ms_since(start);
    rf__free(vector);
    if (status != RF_OK) {
        rf_model_free(model);
        return status;
    }
    *out = model;
    return RF_OK;
}

static rf_status measure_load(const struct opt_common *common, double *median, rf_error *err)
{
    double times[LOAD_RUNS];
    rf_status status = RF_OK;

    for (size_t i = 0; i < LOAD_RUNS && status == RF_OK; i++) {
        rf_model *model = NULL;
        status = timed_open(common, &model, &times[i], err);
        rf_model_free(model);
    }
    if (status == RF_OK) {
        qsort(times, LOAD_RUNS, sizeof times[0], compare_doubles);
        *median = times[LOAD_RUNS / 2];
    }
    return status;
}

static void describe(const rf_model *model, struct benchmark *out)
{
    rf_model_info info = {.size = sizeof info};
    char cpu[160], features[160];

    rf_model_get_info(model, &info);
    rf__os_cpu_name(cpu, sizeof cpu);
    rf__os_cpu_features(features, sizeof features);
    snprintf(out->model, sizeof out->model, "%s (%s, %u dimensions, %u tokens, %s pooling)", info.source,
             info.precision, info.dim, info.max_tokens,
             info.pooled_by_graph ? "graph" : rf__pooling_word(info.pooling));
    snprintf(out->machine, sizeof out->machine, "%s, %s (%s), %u thread%s", rf__os_name(), cpu, features, info.threads,
             info.threads == 1 ? "" : "s");
    snprintf(out->versions, sizeof out->versions, "rag-factory %s, ONNX Runtime %s", rf_version(),
             rf_onnxruntime_version());
    out->model_bytes = info.file_size;
}

static rf_status measure(struct bench *bench, rf_error *err)
{
    rf_model_info info = {.size = sizeof info};
    rf_status status;

    rf_model_get_info(bench->model, &info);
    describe(bench->model, &bench->result);
    bench->total = (uint64_t)N_LENGTHS * bench->result.runs + (uint64_t)MIXED_RUNS * MIXED_TEXTS;
    for (size_t i = 0; i < N_BATCHES; i++)
        bench->total += (uint64_t)batch_sizes[i] * bench->result.batch_runs;
    rf__progress_start(&bench->progress, "Measuring", PROGRESS_TEXTS);
    status = rf_model_warm_up(bench->model, err);
    if (status == RF_OK)
        status = check_answers(bench, &info, err);
    for (size_t i = 0; i < N_LENGTHS && status == RF_OK; i++)
        status = measure_length(bench, i, err);
    for (size_t i = 0; i < N_BATCHES && status == RF_OK; i++)
        status = measure_batch(bench, i, err);
    if (status == RF_OK)
        status = measure_throughput(bench, err);
    rf__progress_end(&bench->progress);
    bench->result.memory_now = rf__os_memory_now();
    bench->result.memory_peak = rf__os_memory_peak();
    return status;
}

/* All of it; the model is opened and freed here. */
static rf_status benchmark(const struct opt_common *common, struct bench *bench, rf_error *err)
{
    rf_model *model = NULL;
    rf_status status = timed_open(common, &model, &bench->result.first_load_ms, err);

    if (status != RF_OK)
        return status;
    bench->model = model;
    bench->dim = rf_model_dim(model);
    make_texts(bench);
    bench->vectors = rf__alloc_array(MIXED_TEXTS * bench->dim, sizeof *bench->vectors);
    bench->times = rf__alloc_array(bench->result.runs, sizeof *bench->times);
    status = bench->vectors == NULL || bench->times == NULL ? rf__fail_memory(err) : measure(bench, err);
    rf__free(bench->vectors);
    rf__free(bench->times);
    rf_model_free(model);
    return status == RF_OK ? measure_load(common, &bench->result.load_ms, err) : status;
}

/* ---- Output -------------------------------------------------------------------------------------------------- */

static void print_text(const struct benchmark *b, struct output *out)
{
    char now[RF_SIZE_TEXT], peak[RF_SIZE_TEXT], model[RF_SIZE_TEXT], tokens[RF_SIZE_TEXT], texts[RF_SIZE_TEXT];

    rf__output_printf(out, "Model       %s\nMachine     %s\nVersions    %s\n", b->model, b->machine, b->versions);
    rf__output_printf(out,
                      "Checks      ok: a text alone and in a batch gives the same bits; cat and mat %.4f, unrelated "
                      "%.4f\n",
                      b->similar, b->unrelated);
    rf__output_printf(out, "\nEmbedding speed: one text, %u runs, ms\n", b->runs);
    rf__output_printf(out, "%-8s %7s %9s %9s %9s %9s %9s\n", "text", "tokens", "mean", "std", "p50", "p95", "p99");
    for (size_t i = 0; i < N_LENGTHS; i++) {
        const struct benchmark_length *l = &b->lengths[i];
        rf__output_printf(out, "%-8s %7u %9.2f %9.2f %9.2f %9.2f %9.2f\n", l->name, l->n_tokens, l->mean, l->std,
                          l->p50, l->p95, l->p99);
    }
    rf__output_printf(out, "\nBatch processing: %u runs, ms\n", b->batch_runs);
    rf__output_printf(out, "%-8s %9s %9s %9s\n", "batch", "total", "per text", "texts/s");
    for (size_t i = 0; i < N_BATCHES; i++)
        rf__output_printf(out, "%-8zu %9.2f %9.2f %9.1f\n", b->batches[i].n_texts, b->batches[i].total_ms,
                          b->batches[i].per_text_ms, 1000 / b->batches[i].per_text_ms);
    rf__output_printf(out, "\nLoad        %.0f ms from files to the first vector (%.0f ms the first time)\n",
                      b->load_ms, b->first_load_ms);
    rf__output_printf(out, "Memory      %s now, %s at the peak; the model's file has %s\n",
                      rf__size_text(b->memory_now, now), rf__size_text(b->memory_peak, peak),
                      rf__size_text(b->model_bytes, model));
    rf__output_printf(out, "Throughput  %s tokens/s, %s texts/s on texts of mixed length\n",
                      rf__count_text((uint64_t)(b->tokens_per_s + 0.5), tokens),
                      rf__count_text((uint64_t)(b->texts_per_s + 0.5), texts));
}

static void print_json_string(struct output *out, const char *key, const char *value)
{
    rf__output_printf(out, "\"%s\":", key);
    rf__output_json(out, value, strlen(value));
    rf__output_text(out, ",\n ");
}

static void print_json(const struct benchmark *b, struct output *out)
{
    rf__output_text(out, "{");
    print_json_string(out, "model", b->model);
    print_json_string(out, "machine", b->machine);
    print_json_string(out, "versions", b->versions);
    rf__output_printf(out, "\"similar\":%.6f,\"unrelated\":%.6f,\n \"runs\":%u,\"lengths\":[", b->similar, b->unrelated,
                      b->runs);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        const struct benchmark_length *l = &b->lengths[i];
        rf__output_printf(out,
                          "%s\n  {\"text\":\"%s\",\"n_tokens\":%u,\"mean_ms\":%.4f,\"std_ms\":%.4f,\"p50_ms\":%.4f,"
                          "\"p95_ms\":%.4f,\"p99_ms\":%.4f}",
                          i > 0 ? "," : "", l->name, l->n_tokens, l->mean, l->std, l->p50, l->p95, l->p99);
    }
    rf__output_printf(out, "],\n \"batch_runs\":%u,\"batches\":[", b->batch_runs);
    for (size_t i = 0; i < N_BATCHES; i++)
        rf__output_printf(out, "%s\n  {\"batch\":%zu,\"total_ms\":%.4f,\"per_text_ms\":%.4f}", i > 0 ? "," : "",
                          b->batches[i].n_texts, b->batches[i].total_ms, b->batches[i].per_text_ms);
    rf__output_printf(out,
                      "],\n \"load_ms\":%.2f,\"first_load_ms\":%.2f,\n \"memory_now\":%llu,\"memory_peak\":%llu,"
                      "\"model_bytes\":%llu,\n \"tokens_per_s\":%.1f,\"texts_per_s\":%.2f}\n",
                      b->load_ms, b->first_load_ms, (unsigned long long)b->memory_now,
                      (unsigned long long)b->memory_peak, (unsigned long long)b->model_bytes, b->tokens_per_s,
                      b->texts_per_s);
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

static rf_status run_all(const struct opt_common *common, struct bench *bench, bool json, const char *plot,
                         rf_error *err)
{
    struct output picture, output;
    rf_status status = RF_OK;

    /* Opened first: a path that cannot be written is told before the minutes of measuring. */
    if (plot != NULL)
        status = rf__output_open(&picture, plot, err);
    if (status != RF_OK)
        return status;
    status = benchmark(common, bench, err);
    if (plot != NULL) {
        if (status == RF_OK)
            rf__benchmark_plot(&bench->result, &picture);
        status = rf__output_close(&picture, status, err);
    }
    if (status == RF_OK)
        status = rf__output_open(&output, NULL, err);
    if (status != RF_OK)
        return status;
    if (json)
        print_json(&bench->result, &output);
    else
        print_text(&bench->result, &output);
    return rf__output_close(&output, RF_OK, err);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *plot = NULL;
    uint32_t runs = 100;
    int format = 0, code;
    const struct opt own[] = {
        {"runs", 0, OPT_NUMBER, &runs, "N", "measure each text N times, each batch half as often (default: 100)"},
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        {"plot", 0, OPT_TEXT, &plot, "FILE.svg", "draw the tables as a picture, too"},
        OPT_END,
    };
    struct bench *bench = NULL;
    struct options options;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_MODEL | OPT_LIMIT | OPT_RUN, own, argc, argv, &options);
    if (code == OPT_GO_ON && options.n_args > 0)
        code = rf__opt_wrong(command, "unexpected argument '%s'; name the model with -m", options.args[0]);
    if (code == OPT_GO_ON && (runs < 1 || runs > MAX_RUNS))
        code = rf__opt_wrong(command, "--runs is %u, expected 1 to %d", runs, MAX_RUNS);
    if (code != OPT_GO_ON)
        goto out;
    bench = rf__calloc(1, sizeof *bench);
    if (bench == NULL) {
        status = rf__fail_memory(&err);
    } else {
        bench->result.runs = runs;
        bench->result.batch_runs = runs > 1 ? runs / 2 : 1;
        status = run_all(&options.common, bench, format == 1, plot, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__free(bench);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_benchmark = {
    "benchmark",
    "how fast a model runs on this machine",
    "Measures a model on this machine: single texts, batches, loading, memory and throughput. First checks that the "
    "answers are right, and fails where they are not.",
    "[options]",
    "  rag-factory benchmark --plot benchmark.svg",
    "Close what else runs on the machine; --threads 1 shows one processor alone.",
    run,
    NULL,
};
