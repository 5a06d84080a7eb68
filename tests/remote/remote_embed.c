/*
 * remote_embed: rf_embed() of a model that a server computes, as a program, for check_remote.py.
 *
 *     remote_embed MODEL OUT [name=value …] <TEXTS
 *
 * TEXTS are lines, OUT receives the vectors, [n, dim] fp32. Names are those of rf_model_options and rf_embed_options
 * (role=query …), and
 *     calls=N           calls again, with the same vectors and `done`, up to N times while it fails
 *     cancel_after=MS   progress says no then
 *     threads=N         so many calls at once, each with all of the texts; the first one's vectors are written
 * Standard output gets "name=value" lines: dim, status, message, done (a digit for each text), n_tokens, truncated and
 * what rf_model_get_stats() counts; standard error the log, "level: message", and "progress: done total". Two callbacks
 * at once end the process, and so does progress on another thread than the one that calls.
 */
#include "base/mem.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXTS   100000
#define MAX_THREADS 8

struct run {
    rf_model *model;
    rf_text texts[MAX_TEXTS];
    size_t n, dim;
    rf_embed_options options;
    unsigned long calls, cancel_after, threads;
    uint64_t begun_ns;
    const char *out;
};

static _Thread_local char this_thread; /* its address tells threads apart */
static atomic_flag in_callback = ATOMIC_FLAG_INIT;

static void enter(void)
{
    if (atomic_flag_test_and_set(&in_callback)) {
        fprintf(stderr, "two callbacks at once\n");
        abort();
    }
}

static void on_log(void *user, rf_log_level level, const char *message)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};

    (void)user;
    enter();
    fprintf(stderr, "%s: %s\n", names[level], message);
    atomic_flag_clear(&in_callback);
}

/* One call, of one thread. */
struct call {
    struct run *run;
    const char *thread;
    float *vectors;
    bool *done;
    rf_status status;
    rf_error err;
};

static bool on_progress(void *user, uint64_t done, uint64_t total)
{
    struct call *call = user;

    if (call->thread != &this_thread) {
        fprintf(stderr, "progress on another thread\n");
        abort();
    }
    enter();
    fprintf(stderr, "progress: %llu %llu\n", (unsigned long long)done, (unsigned long long)total);
    atomic_flag_clear(&in_callback);
    return call->run->cancel_after == 0 || (rf__os_now_ns() - call->run->begun_ns) / 1000000 < call->run->cancel_after;
}

static bool on_open_progress(void *user, uint64_t done, uint64_t total)
{
    const struct run *run = user;

    (void)done;
    (void)total;
    return run->cancel_after == 0 || (rf__os_now_ns() - run->begun_ns) / 1000000 < run->cancel_after;
}

static void embed(void *arg)
{
    struct call *call = arg;
    struct run *run = call->run;
    rf_embed_options options = run->options;

    call->thread = &this_thread;
    call->vectors = calloc(run->n * run->dim + 1, sizeof(float));
    call->done = calloc(run->n + 1, sizeof(bool));
    options.progress = on_progress;
    options.progress_user = call;
    options.done = call->done;
    for (unsigned long i = 0; i < run->calls; i++) {
        call->status = rf_embed(run->model, run->texts, run->n, &options, call->vectors, run->n * run->dim, &call->err);
        if (call->status == RF_OK)
            break;
    }
}

/* ---- Arguments --------------------------------------------------------------------------------------------------- */

#define MODEL_TEXT(name)                                                                                               \
    {                                                                                                                  \
#name, offsetof(rf_model_options, name), true                                                                  \
    }
#define MODEL_NUMBER(name)                                                                                             \
    {                                                                                                                  \
#name, offsetof(rf_model_options, name), false                                                                 \
    }

static const struct field {
    const char *name;
    size_t offset;
    bool is_text;
} fields[] = {MODEL_TEXT(api_key),      MODEL_TEXT(base_url),      MODEL_TEXT(organization),   MODEL_TEXT(project),
              MODEL_TEXT(api_user),     MODEL_TEXT(count_with),    MODEL_TEXT(revision),       MODEL_TEXT(fallback),
              MODEL_NUMBER(timeout_s),  MODEL_NUMBER(max_retries), MODEL_NUMBER(max_requests), MODEL_NUMBER(max_batch),
              MODEL_NUMBER(dimensions), MODEL_NUMBER(max_tokens)};

static bool set_model_option(rf_model_options *options, const char *name, size_t len, const char *value)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        void *at = (char *)options + fields[i].offset;
        if (strlen(fields[i].name) != len || strncmp(fields[i].name, name, len) != 0)
            continue;
        if (fields[i].is_text)
            *(const char **)at = value;
        else
            *(uint32_t *)at = (uint32_t)strtoul(value, NULL, 10);
        return true;
    }
    return false;
}

static bool is(const char *name, size_t len, const char *wanted)
{
    return strlen(wanted) == len && strncmp(name, wanted, len) == 0;
}

static void set_option(struct run *run, rf_model_options *options, const char *argument)
{
    const char *equals = strchr(argument, '='), *value = equals == NULL ? "" : equals + 1;
    size_t len = equals == NULL ? strlen(argument) : (size_t)(equals - argument);

    if (is(argument, len, "calls"))
        run->calls = strtoul(value, NULL, 10);
    else if (is(argument, len, "cancel_after"))
        run->cancel_after = strtoul(value, NULL, 10);
    else if (is(argument, len, "threads"))
        run->threads = strtoul(value, NULL, 10);
    else if (is(argument, len, "role"))
        run->options.role = strcmp(value, "query") == 0 ? RF_ROLE_QUERY : RF_ROLE_DOCUMENT;
    else if (is(argument, len, "prompt"))
        run->options.prompt = value;
    else if (is(argument, len, "prompt_name"))
        run->options.prompt_name = value;
    else if (is(argument, len, "truncate"))
        options->truncate = strcmp(value, "left") == 0    ? RF_TRUNCATE_LEFT
                            : strcmp(value, "error") == 0 ? RF_TRUNCATE_ERROR
                                                          : RF_TRUNCATE_RIGHT;
    else if (is(argument, len, "l2"))
        options->l2 = RF_L2_ON;
    else if (is(argument, len, "offline"))
        options->offline = true;
    else if (!set_model_option(options, argument, len, value))
        fprintf(stderr, "no such option: %s\n", argument), exit(2);
}

static void read_texts(struct run *run)
{
    static char line[1 << 20];

    while (run->n < MAX_TEXTS && fgets(line, sizeof line, stdin) != NULL) {
        size_t len = strcspn(line, "\n");
        run->texts[run->n++] = (rf_text){rf__strndup(line, len), len};
    }
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

static void print_stats(const struct run *run)
{
    rf_model_stats stats = {.size = sizeof stats};

    rf_model_get_stats(run->model, &stats);
    printf("calls=%llu\ntexts=%llu\ntokens=%llu\nn_truncated=%llu\nrequests=%llu\nretries=%llu\n",
           (unsigned long long)stats.calls, (unsigned long long)stats.texts, (unsigned long long)stats.tokens,
           (unsigned long long)stats.truncated, (unsigned long long)stats.requests, (unsigned long long)stats.retries);
}

static void print_call(const struct run *run, const struct call *call)
{
    FILE *file = fopen(run->out, "wb");

    printf("status=%s\nmessage=%s\ndone=", rf_status_name(call->status),
           call->status == RF_OK ? "" : call->err.message);
    for (size_t i = 0; i < run->n; i++)
        putchar('0' + call->done[i]);
    printf("\nn_tokens=");
    for (size_t i = 0; i < run->n; i++)
        printf("%u ", run->options.n_tokens[i]);
    printf("\ntruncated=");
    for (size_t i = 0; i < run->n; i++)
        putchar('0' + run->options.truncated[i]);
    putchar('\n');
    if (file != NULL) {
        fwrite(call->vectors, sizeof(float), run->n * run->dim, file);
        fclose(file);
    }
}

static void run_calls(struct run *run)
{
    static struct call calls[MAX_THREADS];
    struct os_thread *threads[MAX_THREADS] = {NULL};

    for (unsigned long i = 0; i < run->threads && i < MAX_THREADS; i++) {
        calls[i].run = run;
        if (i > 0 && rf__os_thread_start(embed, &calls[i], &threads[i], NULL) != RF_OK)
            exit(2);
    }
    embed(&calls[0]);
    for (unsigned long i = 0; i < run->threads && i < MAX_THREADS; i++) {
        rf__os_thread_join(threads[i]);
        if (calls[i].status != calls[0].status ||
            (calls[0].status == RF_OK &&
             memcmp(calls[i].vectors, calls[0].vectors, run->n * run->dim * sizeof(float)) != 0))
            printf("differs=%lu\n", i);
    }
    print_call(run, &calls[0]);
    for (unsigned long i = 0; i < run->threads && i < MAX_THREADS; i++) {
        free(calls[i].vectors);
        free(calls[i].done);
    }
}

int main(int argc, char **argv)
{
    static struct run run = {.calls = 1, .threads = 1};
    rf_model_options options;
    rf_model_info info = {.size = sizeof info};
    rf_status status;
    rf_error err = {RF_OK, ""};

    if (argc < 3)
        return 2;
    rf_model_options_init(&options, sizeof options);
    rf_embed_options_init(&run.options, sizeof run.options);
    options.log = on_log;
    options.progress = on_open_progress;
    options.progress_user = &run;
    run.out = argv[2];
    for (int i = 3; i < argc; i++)
        set_option(&run, &options, argv[i]);
    read_texts(&run);
    run.begun_ns = rf__os_now_ns();
    status = rf_model_open(argv[1], &options, &run.model, &err);
    if (status != RF_OK) {
        printf("status=%s\nmessage=%s\n", rf_status_name(status), err.message);
    } else {
        run.dim = rf_model_dim(run.model);
        run.options.n_tokens = calloc(run.n + 1, sizeof *run.options.n_tokens);
        run.options.truncated = calloc(run.n + 1, sizeof *run.options.truncated);
        rf_model_get_info(run.model, &info);
        printf("dim=%zu\nprovider=%s\nkernels=%s\nsource=%s\n", run.dim, info.provider, info.kernels, info.source);
        run_calls(&run);
        print_stats(&run);
        free(run.options.n_tokens);
        free(run.options.truncated);
    }
    for (size_t i = 0; i < run.n; i++)
        rf__free((char *)(uintptr_t)run.texts[i].data);
    rf_model_free(run.model);
    return 0;
}
