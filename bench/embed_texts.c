/*
 * embed_texts: our worker of bench/peers and bench/static. Opens a model and embeds the texts of one file, then says
 * how many seconds both took, and from then on does what comes on standard input, a line each, and answers with a line.
 * SET counts the files of texts from 0.
 *
 *     embed SET            seconds that embedding all its texts took
 *     vectors SET FILE     writes their vectors, floats row by row, to FILE; says the dimension
 *     latency SET TIMES    embeds one text of it after the other, TIMES texts; the seconds of each in one line
 */
#include "worker.h"

struct bench {
    rf_model *model;
    struct texts *sets;
    size_t n_sets;
    float *vectors; /* room for the largest set */
};

static void embed(struct bench *bench, const rf_text *texts, size_t n)
{
    rf_error err;

    if (rf_embed(bench->model, texts, n, NULL, bench->vectors, n * rf_model_dim(bench->model), &err) != RF_OK)
        die(err.message);
}

static void write_vectors(const struct bench *bench, size_t n, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t n_floats = n * rf_model_dim(bench->model);

    if (file == NULL || fwrite(bench->vectors, sizeof(float), n_floats, file) != n_floats || fclose(file) != 0)
        die(strerror(errno));
}

static void latency(struct bench *bench, const struct texts *set, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        embed(bench, &set->items[i % set->n], 1);
        printf("%s%.7f", i == 0 ? "" : " ", seconds(CLOCK_MONOTONIC) - start);
    }
    printf("\n");
}

static void answer(struct bench *bench, char *line)
{
    char what[16], rest[4096] = "";
    size_t number;

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%15s %zu %4095[^\n]", what, &number, rest) < 2 || number >= bench->n_sets)
        die("what?");
    const struct texts *set = &bench->sets[number];
    if (strcmp(what, "latency") == 0) {
        latency(bench, set, strtoul(rest, NULL, 10));
        return;
    }
    double start = seconds(CLOCK_MONOTONIC);
    embed(bench, set->items, set->n);
    if (strcmp(what, "vectors") == 0) {
        write_vectors(bench, set->n, rest);
        printf("%zu\n", rf_model_dim(bench->model));
    } else if (strcmp(what, "embed") == 0) {
        printf("%.6f\n", seconds(CLOCK_MONOTONIC) - start);
    } else {
        die("what?");
    }
}

static rf_precision precision_of(const char *name)
{
    static const struct {
        const char *name;
        rf_precision precision;
    } known[] = {{"auto", RF_PRECISION_AUTO},
                 {"fp32", RF_PRECISION_FP32},
                 {"int16", RF_PRECISION_INT16},
                 {"int8", RF_PRECISION_INT8},
                 {"file", RF_PRECISION_FILE}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].precision;
    die("PRECISION is auto, fp32, int16, int8 or file");
    return RF_PRECISION_AUTO;
}

static void open_model(struct bench *bench, const char *source, const char *threads, const char *precision)
{
    rf_model_options options;
    rf_error err;

    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.threads = (uint32_t)strtoul(threads, NULL, 10);
    options.precision = precision_of(precision);
    if (rf_model_open(source, &options, &bench->model, &err) != RF_OK)
        die(err.message);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    char line[4200];
    size_t most = 0;

    if (argc < 5)
        die("usage: embed_texts MODEL THREADS PRECISION TEXTS...");
    bench.n_sets = (size_t)argc - 4;
    bench.sets = grow(NULL, bench.n_sets, sizeof *bench.sets);
    for (size_t i = 0; i < bench.n_sets; i++) {
        bench.sets[i] = read_texts(argv[4 + i]);
        most = bench.sets[i].n > most ? bench.sets[i].n : most;
    }
    double start = seconds(CLOCK_MONOTONIC);
    open_model(&bench, argv[1], argv[2], argv[3]);
    bench.vectors = grow(NULL, most * rf_model_dim(bench.model), sizeof *bench.vectors);
    embed(&bench, bench.sets[0].items, 1);
    printf("%.6f\n", seconds(CLOCK_MONOTONIC) - start);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        answer(&bench, line);
        fflush(stdout);
    }
    free(bench.vectors);
    for (size_t i = 0; i < bench.n_sets; i++)
        free_texts(&bench.sets[i]);
    free(bench.sets);
    rf_model_free(bench.model);
    return 0;
}
