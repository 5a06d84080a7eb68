/*
 * vector_cache_stress: a store under everything that may happen to it. `n` processes look texts up, check what they
 * find bit for bit, and keep what they do not find, in a file that is always full, while this one kills them with
 * SIGKILL, flips bytes of the file, cuts it, empties it and compacts it.
 *
 *     vector_cache_stress FOLDER SECONDS PROCESSES KILLS FLIPS
 *
 * Prints figures; exits 1 where a vector was wrong, a process ended by anything but our signal, or the store is of no
 * use afterwards. Unix only.
 */
#include "vector_cache/vector_cache.h"

#include "os/os.h"
#include "../unit/vector_cache/vectors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIM           384
#define NUMBERS       6000 /* texts; a third of them has room */
#define MAX_BATCH     32
#define MAX_BYTES     ((uint64_t)4 << 20)
#define MAX_PROCESSES 64

struct figures {
    atomic_ullong lookups, hits, kept, wrong;
};

static struct figures *figures; /* shared with the children */

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

/* Small numbers more often. */
static uint32_t pick(uint32_t *random)
{
    uint32_t a = next_random(random) % NUMBERS, b = next_random(random) % NUMBERS;

    return a < b ? a : b;
}

static struct vector_cache *open_cache(const char *path, bool fp16)
{
    const struct vector_cache_options options = {
        .path = path, .max_bytes = MAX_BYTES, .memory_bytes = 64 << 10, .dim = DIM, .fp16 = fp16};
    struct vector_cache *cache = NULL;
    rf_error err;

    if (rf__vector_cache_open(&options, &cache, &err) != RF_OK)
        fprintf(stderr, "%s\n", err.message);
    return cache;
}

/* One batch of texts: all that is found has to be right. */
static void work(struct vector_cache *cache, bool fp16, uint32_t *random)
{
    uint32_t numbers[MAX_BATCH];
    struct vector_key keys[MAX_BATCH];
    struct kept_text kept[MAX_BATCH];
    float vectors[MAX_BATCH * DIM], expected[DIM];
    bool found[MAX_BATCH] = {false};
    size_t n = 1 + next_random(random) % MAX_BATCH, n_missing = 0;

    for (size_t i = 0; i < n; i++) {
        numbers[i] = pick(random);
        if (!key_of(fp16 ? "half" : "full", numbers[i], &keys[i]))
            _exit(2);
    }
    atomic_fetch_add(&figures->lookups, n);
    atomic_fetch_add(&figures->hits, rf__vector_cache_get(cache, keys, n, vectors, kept, found));
    for (size_t i = 0; i < n; i++) {
        vector_of(numbers[i], DIM, expected);
        rf__vector_cache_round(cache, expected, 1);
        if (found[i] && (memcmp(vectors + i * DIM, expected, sizeof expected) != 0 || !kept_is(&kept[i], numbers[i])))
            atomic_fetch_add(&figures->wrong, 1);
        if (!found[i]) {
            keys[n_missing] = keys[i];
            kept[n_missing] = kept_of(numbers[i]);
            memcpy(vectors + n_missing++ * DIM, expected, sizeof expected); /* at most i: that was checked */
        }
    }
    rf__vector_cache_put(cache, keys, n_missing, vectors, kept);
    atomic_fetch_add(&figures->kept, n_missing);
}

static pid_t start(const char *path, uint32_t seed, uint64_t end_ns)
{
    pid_t pid = fork();

    if (pid == 0) {
        bool fp16 = seed % 3 == 0;
        uint32_t random = seed * 2654435761u;
        struct vector_cache *cache = open_cache(path, fp16);
        while (cache != NULL && rf__os_now_ns() < end_ns)
            work(cache, fp16, &random);
        rf__vector_cache_free(cache);
        _exit(0); /* a file that cannot be opened is no wrong vector */
    }
    return pid;
}

static void flip(const char *path, uint32_t *random)
{
    int file = open(path, O_RDWR);
    off_t size = file >= 0 ? lseek(file, 0, SEEK_END) : 0;

    for (uint32_t i = 1 + next_random(random) % 20; i > 0 && size > 200; i--) {
        off_t at = next_random(random) % 8 == 0 ? 100 + (off_t)(next_random(random) % 16000)
                                                : (off_t)(next_random(random) % (uint32_t)size);
        uint8_t byte;
        if ((at < 68 || at > 71) && pread(file, &byte, 1, at) == 1) { /* not where it says that it is ours */
            byte ^= (uint8_t)(1 << next_random(random) % 8);
            if (pwrite(file, &byte, 1, at) != 1)
                perror(path);
        }
    }
    if (next_random(random) % 20 == 0 && size > 20000 && ftruncate(file, size / 2) != 0)
        perror(path);
    if (file >= 0)
        close(file);
}

/* Whether a store can be filled and read after all that. */
static bool is_of_use(const char *path)
{
    struct vector_cache *cache = open_cache(path, false);
    float vector[DIM];
    bool all = cache != NULL;

    for (uint32_t i = 0; i < 50 && cache != NULL; i++) {
        struct vector_key key;
        struct kept_text kept = kept_of(i), read;
        bool found = false;
        vector_of(i, DIM, vector);
        all = all && key_of("full", i, &key);
        rf__vector_cache_put(cache, &key, 1, vector, &kept);
        all = all && rf__vector_cache_get(cache, &key, 1, vector, &read, &found) == 1;
    }
    rf__vector_cache_free(cache);
    return all;
}

int main(int argc, char **argv)
{
    char path[1200];
    pid_t pids[MAX_PROCESSES];
    uint32_t n_processes, n_kills, n_flips, random = 12345, seed = 0, killed = 0, flipped = 0, cleared = 0, crashed = 0;
    uint64_t begin = rf__os_now_ns(), end;
    bool of_use;

    if (argc != 6)
        return fprintf(stderr, "usage: vector_cache_stress FOLDER SECONDS PROCESSES KILLS FLIPS\n"), 2;
    snprintf(path, sizeof path, "%s/vectors", argv[1]);
    (void)rf__os_make_directories(argv[1], NULL);
    (void)rf__os_remove(path, NULL);
    end = begin + (uint64_t)atoi(argv[2]) * 1000000000u;
    n_processes = (uint32_t)atoi(argv[3]) % (MAX_PROCESSES + 1);
    n_kills = (uint32_t)atoi(argv[4]);
    n_flips = (uint32_t)atoi(argv[5]);
    figures = mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (figures == MAP_FAILED)
        return 2;

    for (uint32_t i = 0; i < n_processes; i++)
        pids[i] = start(path, seed++, end);
    while (rf__os_now_ns() < end) { /* kills and flips are spread over the time, at random moments */
        double part = (double)(rf__os_now_ns() - begin) / (double)(end - begin);
        rf__os_sleep_ms(next_random(&random) % 20);
        if (killed < part * n_kills) {
            uint32_t which = next_random(&random) % n_processes;
            int status;
            kill(pids[which], SIGKILL);
            if (waitpid(pids[which], &status, 0) == pids[which] && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
                killed++;
            else
                crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
            pids[which] = start(path, seed++, end);
        }
        if (flipped < part * n_flips) {
            flip(path, &random);
            flipped++;
            if (flipped % 50 == 0)
                cleared += rf__store_clear(path, NULL) == RF_OK;
            else if (flipped % 50 == 25)
                (void)rf__store_compact(path, NULL);
        }
    }
    for (uint32_t i = 0; i < n_processes; i++) {
        int status = 0;
        while (waitpid(pids[i], &status, 0) < 0 && errno == EINTR)
            continue;
        crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    of_use = is_of_use(path);
    printf("%u processes for %s s: %llu texts looked up, %llu found (%.1f %%), %llu kept; %u killed, bytes flipped %u "
           "times, emptied %u times; wrong vectors: %llu; crashed: %u; file %.1f MiB, of use afterwards: %s\n",
           n_processes, argv[2], figures->lookups, figures->hits,
           100.0 * (double)figures->hits / (double)(figures->lookups + 1), figures->kept, killed, flipped, cleared,
           figures->wrong, crashed, (double)rf__os_stat(path).size / (1 << 20), of_use ? "yes" : "no");
    return figures->wrong == 0 && crashed == 0 && of_use && figures->hits > 0 && killed >= n_kills * 9 / 10 ? 0 : 1;
}
