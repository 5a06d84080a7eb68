/* benchmark: what cmd_benchmark.c measures and benchmark_plot.c draws. */
#ifndef RF_PROGRAM_BENCHMARK_H
#define RF_PROGRAM_BENCHMARK_H

#include "output.h"

#define N_LENGTHS 3
#define N_BATCHES 5

struct benchmark_length {
    const char *name; /* "short" */
    uint32_t n_tokens;
    double mean, std, p50, p95, p99; /* ms */
};

struct benchmark_batch {
    size_t n_texts;
    double total_ms, per_text_ms;
};

struct benchmark {
    uint32_t runs, batch_runs;
    struct benchmark_length lengths[N_LENGTHS];
    struct benchmark_batch batches[N_BATCHES];
    double first_load_ms; /* first open of this process to the first vector */
    double load_ms;       /* the same, opened again: median */
    uint64_t memory_now, memory_peak, model_bytes;
    double tokens_per_s, texts_per_s; /* texts of mixed length */
    double similar, unrelated;        /* cosines of the check */
    char model[256], machine[512], versions[128];
};

/* Draws both tables as one SVG picture. */
void rf__benchmark_plot(const struct benchmark *benchmark, struct output *out);

#endif
