/*
 * encode_texts: our worker of bench/tokenizers/run. Reads the texts of a file ([u32 length][bytes] repeated, little-
 * endian), then does what comes on standard input, a line each, and answers with a line:
 *
 *     open PATH      seconds, of processor time, that opening took
 *     ids FILE       writes [u32 n][u32 ids] of every text to FILE; the number of ids
 *     encode N       wall seconds and processor seconds that encoding all texts on N threads took
 *     memory         GB/s at which this machine reads, and copies, 256 MB with one thread
 */
#include "../worker.h"

static void encode(const rf_tokenizer *tokenizer, const struct texts *texts, uint32_t threads, rf_ids **out)
{
    rf_encode_options options;
    rf_error err;

    rf_encode_options_init(&options, sizeof options);
    options.threads = threads;
    if (rf_tokenizer_encode_ids(tokenizer, texts->items, NULL, texts->n, &options, out, &err) != RF_OK)
        die(err.message);
}

static void write_ids(const rf_ids *ids, const char *path)
{
    FILE *file = fopen(path, "wb");

    if (file == NULL)
        die(strerror(errno));
    for (size_t i = 0; i < ids->n; i++) {
        uint32_t n = (uint32_t)(ids->first[i + 1] - ids->first[i]);
        fwrite(&n, sizeof n, 1, file);
        fwrite(ids->ids + ids->first[i], sizeof *ids->ids, n, file);
    }
    if (fclose(file) != 0)
        die(strerror(errno));
}

/* The best of five, with memory that is there before the clock starts. */
static void measure_memory(void)
{
    enum { SIZE = 256 << 20 };
    uint64_t *from = grow(NULL, SIZE, 1), *to = grow(NULL, SIZE, 1);
    double read = 1e9, copy = 1e9;
    volatile uint64_t sink;

    memset(from, 1, SIZE);
    memset(to, 2, SIZE);
    for (int round = 0; round < 5; round++) {
        double start = seconds(CLOCK_THREAD_CPUTIME_ID), middle;
        uint64_t sums[8] = {0};
        for (size_t i = 0; i < SIZE / sizeof *from; i += 8)
            for (size_t k = 0; k < 8; k++)
                sums[k] += from[i + k];
        sink = sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
        middle = seconds(CLOCK_THREAD_CPUTIME_ID);
        memcpy(to, from, SIZE);
        from[round] = to[SIZE / sizeof *to - 1];
        if (middle - start < read)
            read = middle - start;
        if (seconds(CLOCK_THREAD_CPUTIME_ID) - middle < copy)
            copy = seconds(CLOCK_THREAD_CPUTIME_ID) - middle;
    }
    (void)sink;
    printf("%.2f %.2f\n", SIZE / read * 1e-9, SIZE / copy * 1e-9);
    free(from);
    free(to);
}

int main(int argc, char **argv)
{
    struct texts texts;
    rf_tokenizer *tokenizer = NULL;
    rf_ids *ids = NULL;
    char line[4096];

    if (argc != 2)
        die("usage: encode_texts FILE");
    texts = read_texts(argv[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        rf_error err;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "open ", 5) == 0) {
            if (rf_tokenizer_open(line + 5, &tokenizer, &err) != RF_OK)
                die(err.message);
            printf("%.6f\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        } else if (strncmp(line, "ids ", 4) == 0) {
            encode(tokenizer, &texts, 1, &ids);
            write_ids(ids, line + 4);
            printf("%zu\n", ids->first[ids->n]);
        } else if (strncmp(line, "encode ", 7) == 0) {
            encode(tokenizer, &texts, (uint32_t)strtoul(line + 7, NULL, 10), &ids);
            printf("%.6f %.6f\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        } else if (strcmp(line, "memory") == 0) {
            measure_memory();
        } else {
            die("what?");
        }
        fflush(stdout);
    }
    rf_ids_free(ids);
    rf_tokenizer_free(tokenizer);
    free_texts(&texts);
    return 0;
}
