/*
 * cached_texts: what a kept vector costs beside a computed one, a text a call and many texts a call. Every vector that
 * comes from memory or from the file is first compared, bit for bit, with the one that was computed without a cache.
 *
 *     cached_texts MODEL FILE     FILE is made anew
 */
#include "rag_factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_TEXTS   400
#define STRIDE    149 /* between texts that are embedded one after the other, alone: neighbours in no order */
#define MAX_BYTES 4096
#define N_ROUNDS  5

struct bench {
    const char *model, *file;
    size_t n_words; /* of a text */
    rf_text texts[N_TEXTS];
    char *bytes; /* [N_TEXTS, MAX_BYTES] */
    float *computed, *found;
    size_t dim;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int failed(const char *what, const rf_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

static void make_texts(struct bench *b)
{
    static const char *const words[] = {"cache", "vector", "river", "red",  "machine", "winter", "seven", "paper",
                                        "light", "garden", "music", "iron", "market",  "ocean",  "quiet", "stone"};
    uint32_t random = (uint32_t)b->n_words;

    for (size_t i = 0; i < N_TEXTS; i++) {
        char *text = b->bytes + i * MAX_BYTES;
        size_t len = (size_t)snprintf(text, MAX_BYTES, "%zu", i);
        for (size_t w = 1; w < b->n_words && len + 20 < MAX_BYTES; w++) {
            random = random * 1664525u + 1013904223u;
            len += (size_t)snprintf(text + len, MAX_BYTES - len, " %s", words[random >> 28]);
        }
        b->texts[i] = (rf_text){text, len};
    }
}

/* Nanoseconds a text; -1 where it failed or, with `expected`, a vector was another. */
static double embed(const rf_model *model, struct bench *b, bool one_by_one, float *out, const float *expected)
{
    rf_error err = {RF_OK, ""};
    rf_status status = RF_OK;
    uint64_t begin = now_ns(), ns;

    if (one_by_one)
        for (size_t i = 0; i < N_TEXTS && status == RF_OK; i++) {
            size_t at = i * STRIDE % N_TEXTS;
            status = rf_embed_documents(model, &b->texts[at], 1, out + at * b->dim, b->dim, &err);
        }
    else
        status = rf_embed_documents(model, b->texts, N_TEXTS, out, N_TEXTS * b->dim, &err);
    ns = now_ns() - begin;
    if (status != RF_OK) {
        failed("embedding", &err);
        return -1;
    }
    if (expected != NULL && memcmp(out, expected, N_TEXTS * b->dim * sizeof *out) != 0) {
        fprintf(stderr, "a kept vector is not the one that was computed\n");
        return -1;
    }
    return (double)ns / N_TEXTS;
}

static rf_model *open_model(const struct bench *b, bool with_file)
{
    rf_model_options options;
    rf_model *model = NULL;
    rf_error err;

    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.vector_cache = with_file ? b->file : NULL;
    if (rf_model_open(b->model, &options, &model, &err) != RF_OK)
        failed(b->model, &err);
    return model;
}

/* Of a model that is warm, into b->computed. */
static double compute(struct bench *b, bool one_by_one)
{
    rf_model *model = open_model(b, false);
    double ns = -1;

    if (model != NULL && rf_model_warm_up(model, NULL) == RF_OK)
        ns = embed(model, b, one_by_one, b->computed, NULL);
    rf_model_free(model);
    return ns;
}

/* Twice in a model opened anew, each time: from the file, and then from memory. The least of the times, to which what
 * else runs on the machine only adds. */
static bool find(struct bench *b, bool one_by_one, double *from_file, double *from_memory)
{
    for (int round = 0; round < N_ROUNDS; round++) {
        rf_model *model = open_model(b, true);
        double first = model == NULL ? -1 : embed(model, b, one_by_one, b->found, b->computed);
        double second = first < 0 ? -1 : embed(model, b, one_by_one, b->found, b->computed);
        rf_model_free(model);
        if (second < 0)
            return false;
        *from_file = round == 0 || first < *from_file ? first : *from_file;
        *from_memory = round == 0 || second < *from_memory ? second : *from_memory;
    }
    return true;
}

/* A row of the table. */
static int run(struct bench *b, bool one_by_one)
{
    double computed = compute(b, one_by_one), kept, from_file, from_memory;
    rf_model *model = computed < 0 ? NULL : open_model(b, true);

    kept = model == NULL ? -1 : embed(model, b, one_by_one, b->found, b->computed);
    rf_model_free(model);
    if (kept < 0 || !find(b, one_by_one, &from_file, &from_memory))
        return 1;
    printf("| %zu | %d | %.0f | %.0f | %.2f | %.2f | %.0f | %.0f |\n", b->n_words, one_by_one ? 1 : N_TEXTS,
           computed / 1000, kept / 1000, from_file / 1000, from_memory / 1000, computed / from_file,
           computed / from_memory);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = {8, 40, 200};
    struct bench b = {0};
    rf_model *model;

    if (argc != 3)
        return fprintf(stderr, "usage: cached_texts MODEL FILE\n"), 2;
    b.model = argv[1];
    b.file = argv[2];
    model = open_model(&b, false);
    if (model == NULL)
        return 1;
    b.dim = rf_model_dim(model);
    rf_model_free(model);
    b.bytes = calloc(N_TEXTS, MAX_BYTES);
    b.computed = calloc(N_TEXTS * b.dim, sizeof *b.computed);
    b.found = calloc(N_TEXTS * b.dim, sizeof *b.found);
    if (b.bytes == NULL || b.computed == NULL || b.found == NULL)
        return 1;
    printf("Microseconds a text, %d texts.\n"
           "| words | texts a call | computed | computed and kept | from the file | from memory | file: times faster | "
           "memory: times faster |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n",
           N_TEXTS);
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
        for (int one_by_one = 1; one_by_one >= 0; one_by_one--) {
            b.n_words = lengths[l];
            make_texts(&b);
            (void)remove(b.file);
            if (run(&b, one_by_one != 0) != 0)
                return 1;
        }
    free(b.bytes);
    free(b.computed);
    free(b.found);
    return 0;
}
