/*
 * embed_texts: our worker of bench/peers, which talks as worker.py does for the others.
 *
 *     embed_texts MODEL fp32|int16|int8 THREADS FOLDER
 *
 * reads FOLDER/SET.txt, a text a line, when a set is first named. Its first line says how many seconds opening the model
 * and the first vector took. Then a line is read and one is answered:
 *
 *     vectors SET FILE   writes the vectors of the set to FILE, float32, row by row; "N DIM"
 *     embed SET          seconds that embedding the set took
 *     latency SET N      N times, the seconds of one text of the set alone, which goes round
 */
#include "rag_factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SETS 8
#define MAX_NAME 64

struct set {
    char name[MAX_NAME];
    char *data;
    rf_text *texts;
    size_t n;
};

static void die(const char *what, const char *message)
{
    fprintf(stderr, "embed_texts: %s: %s\n", what, message);
    exit(1);
}

static void *need(void *memory)
{
    if (memory == NULL)
        die("memory", "not enough of it");
    return memory;
}

static double now(void)
{
    struct timespec t;

    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_set(struct set *set, const char *folder)
{
    char path[4096];
    FILE *file;
    long size;
    size_t n_lines = 0;

    snprintf(path, sizeof path, "%s/%s.txt", folder, set->name);
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        die(path, "cannot be read");
    set->data = need(malloc((size_t)size + 1));
    if (fread(set->data, 1, (size_t)size, file) != (size_t)size)
        die(path, "cannot be read");
    fclose(file);
    set->data[size] = '\0';
    for (const char *p = set->data; (p = strchr(p, '\n')) != NULL; p++)
        n_lines++;
    set->texts = need(malloc((n_lines + 1) * sizeof *set->texts));
    for (char *p = set->data, *end; (end = strchr(p, '\n')) != NULL; p = end + 1)
        set->texts[set->n++] = (rf_text){p, (size_t)(end - p)};
}

static struct set *find_set(struct set *sets, const char *name, const char *folder)
{
    for (int i = 0; i < MAX_SETS; i++) {
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
        if (sets[i].name[0] != '\0')
            continue;
        snprintf(sets[i].name, sizeof sets[i].name, "%s", name);
        read_set(&sets[i], folder);
        return &sets[i];
    }
    die(name, "one set too many");
    return NULL;
}

/* Embeds n texts into memory of its own; seconds. */
static double embed(const rf_model *model, const rf_text *texts, size_t n, float **out)
{
    size_t len = n * rf_model_dim(model);
    float *vectors = need(malloc((len + 1) * sizeof *vectors));
    rf_error err;
    double began = now(), ended;

    if (rf_embed(model, texts, n, NULL, vectors, len, &err) != RF_OK)
        die("rf_embed", err.message);
    ended = now();
    if (out != NULL)
        *out = vectors;
    else
        free(vectors);
    return ended - began;
}

static void write_vectors(const rf_model *model, const struct set *set, const char *path)
{
    size_t dim = rf_model_dim(model);
    FILE *file = fopen(path, "wb");
    float *vectors;

    embed(model, set->texts, set->n, &vectors);
    if (file == NULL || fwrite(vectors, sizeof *vectors * dim, set->n, file) != set->n || fclose(file) != 0)
        die(path, "cannot be written");
    free(vectors);
    printf("%zu %zu\n", set->n, dim);
}

static void answer(const rf_model *model, struct set *sets, const char *folder, const char *question)
{
    char verb[16], name[MAX_NAME], rest[4096] = "";
    const struct set *set;

    if (sscanf(question, "%15s %63s %4095s", verb, name, rest) < 2)
        die(question, "is no question");
    set = find_set(sets, name, folder);
    if (strcmp(verb, "vectors") == 0) {
        write_vectors(model, set, rest);
    } else if (strcmp(verb, "embed") == 0) {
        printf("%.9f\n", embed(model, set->texts, set->n, NULL));
    } else if (strcmp(verb, "latency") == 0) {
        for (long i = 0, n = strtol(rest, NULL, 10); i < n; i++)
            printf("%s%.9f", i > 0 ? " " : "", embed(model, &set->texts[(size_t)i % set->n], 1, NULL));
        printf("\n");
    } else {
        die(question, "is no question");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct set sets[MAX_SETS];
    static const rf_text first = {"how do I reset my password?", 27};
    rf_model_options options;
    rf_model *model = NULL;
    rf_error err;
    char line[8192];
    double began = now();

    if (argc != 5)
        die("usage", "embed_texts MODEL fp32|int16|int8 THREADS FOLDER");
    rf_model_options_init(&options, sizeof options);
    options.precision = rf_precision_from_name(argv[2]);
    options.threads = (uint32_t)strtoul(argv[3], NULL, 10);
    options.offline = true;
    if (rf_model_open(argv[1], &options, &model, &err) != RF_OK)
        die(argv[1], err.message);
    embed(model, &first, 1, NULL);
    printf("%.6f\n", now() - began);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL)
        answer(model, sets, argv[4], line);
    rf_model_free(model);
    return 0;
}
