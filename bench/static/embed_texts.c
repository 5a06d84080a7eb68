/*
 * embed_texts: our worker of bench/static/run. Opens a model for so many threads and reads the texts of a file, then
 * does what comes on standard input, a line each, and answers with a line:
 *
 *     vectors FILE   writes the vectors, floats row by row, to FILE; their dimension
 *     embed          seconds that embedding all texts took
 */
#include "../worker.h"

static void embed(const rf_model *model, const struct texts *texts, float *out)
{
    rf_error err;

    if (rf_embed(model, texts->items, texts->n, NULL, out, texts->n * rf_model_dim(model), &err) != RF_OK)
        die(err.message);
}

static void write_vectors(const float *vectors, size_t n, const char *path)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL || fwrite(vectors, sizeof *vectors, n, file) != n || fclose(file) != 0)
        die(strerror(errno));
}

int main(int argc, char **argv)
{
    rf_model_options options;
    rf_model *model = NULL;
    struct texts texts;
    float *vectors;
    char line[4096];
    rf_error err;

    if (argc != 4)
        die("usage: embed_texts MODEL TEXTS THREADS");
    rf_model_options_init(&options, sizeof options);
    options.offline = true;
    options.threads = (uint32_t)strtoul(argv[3], NULL, 10);
    if (rf_model_open(argv[1], &options, &model, &err) != RF_OK)
        die(err.message);
    texts = read_texts(argv[2]);
    vectors = grow(NULL, texts.n * rf_model_dim(model), sizeof *vectors);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double start = seconds(CLOCK_MONOTONIC);
        line[strcspn(line, "\n")] = '\0';
        embed(model, &texts, vectors);
        if (strncmp(line, "vectors ", 8) == 0) {
            write_vectors(vectors, texts.n * rf_model_dim(model), line + 8);
            printf("%zu\n", rf_model_dim(model));
        } else if (strcmp(line, "embed") == 0) {
            printf("%.6f\n", seconds(CLOCK_MONOTONIC) - start);
        } else {
            die("what?");
        }
        fflush(stdout);
    }
    free(vectors);
    free_texts(&texts);
    rf_model_free(model);
    return 0;
}
