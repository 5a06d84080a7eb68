/*
 * A service's hour, as fast as the machine goes: requests of one query, of a few documents or of many, random pieces of
 * texts of 8 to 3,000 bytes in many languages, two in five of them seen before; and the memory of the process
 * meanwhile. Fails where the process was ever above the limit, or where the last quarter of the requests takes more
 * memory than the second did.
 *
 *     build/release/bench/service/serve_texts MODEL [REQUESTS [KEY=VALUE…]]
 *
 * 36,000 requests (the default) are ten a second for an hour. KEY=VALUE are keys of the configuration, such as
 * threads=2.
 */
#include "../worker.h"

#define LIMIT    ((uint64_t)500 * 1000 * 1000)
#define MAX_N    64
#define MAX_LEN  3000
#define N_HOT    2000 /* texts that come again and again */
#define N_ROUNDS 40   /* how often memory is looked at */
#define GROWTH   1.03 /* of the last quarter over the second: what the allocator scatters, not what leaks */

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(state >> 8) * below) >> 24);
}

/* A piece of `whole`; short ones are the most. It may begin or end within a character: a service gets such texts. */
static rf_text piece(const rf_text *whole)
{
    static const size_t lengths[] = {8, 20, 40, 60, 100, 200, 400, MAX_LEN / 2};
    size_t len = lengths[draw(8)];

    len = len / 2 + draw((uint32_t)len);
    return (rf_text){whole->data + draw((uint32_t)(whole->len - len)), len};
}

static rf_text join(const struct texts *texts)
{
    size_t len = 0;
    char *data;

    for (size_t i = 0; i < texts->n; i++)
        len += texts->items[i].len;
    data = grow(NULL, len, 1);
    len = 0;
    for (size_t i = 0; i < texts->n; i++) {
        memcpy(data + len, texts->items[i].data, texts->items[i].len);
        len += texts->items[i].len;
    }
    return (rf_text){data, len};
}

static rf_model *open_model(const char *name, char **settings, int n)
{
    rf_model_options options;
    rf_model *model = NULL;
    rf_config *config = NULL;
    const char *source;
    rf_error err;
    rf_status status = rf_config_open("/dev/null", &config, &err);

    for (int i = 0; i < n && status == RF_OK; i++) {
        char *value = strchr(settings[i], '=');
        if (value == NULL)
            die("what follows the number of requests is KEY=VALUE");
        *value = '\0';
        status = rf_config_set(config, settings[i], value + 1, settings[i], &err);
    }
    rf_model_options_init(&options, sizeof options);
    if (status == RF_OK)
        status = rf_config_model_options(config, name, &source, &options, &err);
    if (status == RF_OK)
        status = rf_model_open(source, &options, &model, &err);
    if (status != RF_OK)
        die(err.message);
    rf_config_free(config);
    return model;
}

static void serve(const rf_model *model, const rf_text *whole, const rf_text *hot, float *out, size_t out_len)
{
    const uint32_t kind = draw(20);
    const size_t n = kind < 14 ? 1 : kind < 19 ? 2 + draw(15) : MAX_N;
    rf_text texts[MAX_N];
    rf_error err;

    for (size_t i = 0; i < n; i++)
        texts[i] = draw(5) < 2 ? hot[draw(N_HOT)] : piece(whole);
    if ((n == 1 ? rf_embed_query(model, texts[0], out, out_len, &err)
                : rf_embed_documents(model, texts, n, out, out_len, &err)) != RF_OK)
        die(err.message);
}

static double mean(const uint64_t *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)values[i];
    return sum / (double)n;
}

int main(int argc, char **argv)
{
    const long n_requests = argc > 2 ? atol(argv[2]) : 36000;
    struct texts texts;
    rf_text whole, hot[N_HOT];
    rf_model_stats stats = {.size = sizeof stats};
    uint64_t memory[N_ROUNDS];
    double begin, second, last;
    size_t out_len;
    rf_model *model;
    float *out;

    if (argc < 2 || n_requests < N_ROUNDS)
        die("serve_texts MODEL [REQUESTS, at least 40 [KEY=VALUE…]]");
    texts = read_texts(RF_GOLDEN_TEXTS);
    whole = join(&texts);
    for (size_t i = 0; i < N_HOT; i++)
        hot[i] = piece(&whole);
    model = open_model(argv[1], argv + 3, argc > 3 ? argc - 3 : 0);
    out_len = MAX_N * rf_model_dim(model);
    out = grow(NULL, out_len, sizeof *out);
    begin = seconds(CLOCK_MONOTONIC);
    puts("| requests | texts | tokens | seconds | MB now | of files | of calls |\n|---|---|---|---|---|---|---|");
    for (size_t round = 0; round < N_ROUNDS; round++) {
        for (long i = 0; i < n_requests / N_ROUNDS; i++)
            serve(model, &whole, hot, out, out_len);
        rf_model_get_stats(model, &stats);
        memory[round] = stats.memory_now;
        if (round % 4 == 3)
            printf("| %ld | %llu | %llu | %.0f | %.1f | %.1f | %.1f |\n", n_requests / N_ROUNDS * (long)(round + 1),
                   (unsigned long long)stats.texts, (unsigned long long)stats.tokens, seconds(CLOCK_MONOTONIC) - begin,
                   (double)stats.memory_now / 1e6, (double)stats.memory_files / 1e6, (double)stats.memory_calls / 1e6);
        fflush(stdout);
    }
    second = mean(memory + N_ROUNDS / 4, N_ROUNDS / 4);
    last = mean(memory + 3 * N_ROUNDS / 4, N_ROUNDS / 4);
    printf("peak %.1f MB; the last quarter takes %.3f times the second\n", (double)stats.memory_peak / 1e6,
           last / second);
    rf_model_free(model);
    free(out);
    free((void *)(uintptr_t)whole.data);
    free_texts(&texts);
    if (stats.memory_peak >= LIMIT)
        die("more than 500 MB");
    if (last > GROWTH * second)
        die("memory grows");
    return 0;
}
