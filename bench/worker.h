/* worker: what the workers of the benchmarks share: the texts of a file ([u32 length][bytes] repeated, little-endian),
 * clocks, and an end that says why. */
#ifndef RF_BENCH_WORKER_H
#define RF_BENCH_WORKER_H

#include "rag_factory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct texts {
    rf_text *items;
    size_t n;
};

static inline void die(const char *message)
{
    fprintf(stderr, "worker: %s\n", message);
    exit(1);
}

static inline double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void *grow(void *items, size_t n, size_t size)
{
    void *bigger = realloc(items, n * size);

    if (bigger == NULL)
        die("out of memory");
    return bigger;
}

static inline struct texts read_texts(const char *path)
{
    struct texts texts = {0};
    FILE *file = fopen(path, "rb");
    uint32_t len;

    if (file == NULL)
        die(strerror(errno));
    while (fread(&len, sizeof len, 1, file) == 1) {
        char *data = grow(NULL, (size_t)len + 1, 1);
        if (fread(data, 1, len, file) != len)
            die("a text is cut off");
        if ((texts.n & (texts.n - 1)) == 0)
            texts.items = grow(texts.items, texts.n == 0 ? 1 : 2 * texts.n, sizeof *texts.items);
        texts.items[texts.n++] = (rf_text){data, len};
    }
    fclose(file);
    return texts;
}

static inline void free_texts(struct texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        free((void *)(uintptr_t)texts->items[i].data);
    free(texts->items);
}

#endif
