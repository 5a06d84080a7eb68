/*
 * hub_fetch: the hub folder as a program, for the check_*.py beside it.
 *
 *     hub_fetch resolve NAME [options]   the model source, one "key=value" a line
 *     hub_fetch torture NAME [options]   resolve again and again into an empty --cache-dir, the Nth allocation failing,
 *                                        and each --every further one, until it succeeds; the number of rounds
 *     hub_fetch list [options]           a model a line: name, revision, refs, bytes, complete, directory; by tabs
 *     hub_fetch verify [NAME] [options]  a file a line: status, whether it was removed, path, message; by tabs
 *     hub_fetch repair [NAME] [options]  the number of files that were downloaded again
 *     hub_fetch remove NAME [options]    the bytes that were freed
 *     hub_fetch check [options]          the endpoint
 *     hub_fetch folder [options]         where new models go
 *
 * Options: --cache-dir DIR, --revision REV, --onnx-file FILE, --onnx-only, --update, --offline, and
 *     --cancel-at N     progress says no once N bytes are done
 *     --cancel-after N  progress says no N milliseconds after the start
 *     --progress        each "done total" on standard error
 *     --die-at N        the process kills itself once N bytes are done
 *     --remove          verify removes what is damaged
 * The log goes to standard error as "level: message", a failure as "error: STATUS: message" with exit status 1. Two
 * callbacks at once end the process, and so does progress on another thread than the first.
 */
#include "hub/hub.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state {
    uint64_t cancel_at, die_at; /* UINT64_MAX: never */
    uint64_t cancel_after_ns;
    uint64_t begun_ns;
    uint64_t every;
    bool tell, remove;
    const char *thread; /* the first */
};

static _Thread_local char this_thread; /* its address tells them apart */

static atomic_flag in_callback = ATOMIC_FLAG_INIT;

static void enter(void)
{
    if (!atomic_flag_test_and_set(&in_callback))
        return;
    fprintf(stderr, "error: two callbacks at once\n");
    abort();
}

static void leave(void)
{
    atomic_flag_clear(&in_callback);
}

static void on_log(void *user, rf_log_level level, const char *message)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};

    (void)user;
    enter();
    fprintf(stderr, "%s: %s\n", names[level], message);
    leave();
}

static bool on_progress(void *user, uint64_t done, uint64_t total)
{
    struct state *state = user;

    enter();
    if (state->thread != &this_thread) {
        fprintf(stderr, "error: progress on another thread\n");
        abort();
    }
    if (state->tell)
        fprintf(stderr, "progress: %llu %llu\n", (unsigned long long)done, (unsigned long long)total);
    if (done >= state->die_at)
        abort();
    leave();
    return done < state->cancel_at && rf__os_now_ns() - state->begun_ns < state->cancel_after_ns;
}

static bool on_model(void *user, const rf_cached_model *model)
{
    (void)user;
    printf("%s\t%s\t%s\t%llu\t%s\t%s\n", model->name, model->revision, model->refs, (unsigned long long)model->bytes,
           model->complete ? "complete" : "incomplete", model->directory);
    return true;
}

static bool on_verified(void *user, const rf_verified_file *file)
{
    (void)user;
    printf("%s\t%s\t%s\t%s\n", file->status == RF_OK ? "whole" : rf_status_name(file->status),
           file->removed ? "removed" : "kept", file->path, file->message);
    return true;
}

static int fail(const rf_error *err)
{
    fprintf(stderr, "error: %s: %s\n", rf_status_name(err->status), err->message);
    return 1;
}

static int resolve(const char *name, const struct hub_options *options)
{
    struct model_source source;
    rf_error err;

    if (rf__hub_resolve(name, options, &source, &err) != RF_OK)
        return fail(&err);
    printf("directory=%s\nonnx_file=%s\nweights_file=%s\nrevision=%s\ncache_dir=%s\n", source.directory,
           source.onnx_file != NULL ? source.onnx_file : "", source.weights_file != NULL ? source.weights_file : "",
           source.revision, source.cache_dir);
    rf__model_source_release(&source);
    return 0;
}

static int torture(const char *name, const struct hub_options *options, uint64_t every)
{
    uint64_t n = 1, rounds = 0;
    rf_status status;

    do {
        struct model_source source = {0};
        rf_error err = {RF_OK, ""};
        if (rf__os_remove_tree(options->cache_dir, &err) != RF_OK)
            return fail(&err);
        rf__alloc_fail_at(n);
        status = rf__hub_resolve(name, options, &source, &err);
        rf__alloc_fail_at(0);
        rf__model_source_release(&source);
        if (status != RF_OK && status != RF_NO_MEMORY) {
            fprintf(stderr, "allocation %llu failed:\n", (unsigned long long)n);
            return fail(&err);
        }
        n += every;
        rounds++;
    } while (status != RF_OK);
    printf("%llu\n", (unsigned long long)rounds);
    return 0;
}

static int print_text(const char *command, const struct hub_options *options)
{
    char *text = NULL;
    rf_error err = {RF_OK, ""};
    rf_status status = strcmp(command, "check") == 0 ? rf__hub_check(options->offline, &text, &err)
                                                     : rf__hub_cache_dir(options->cache_dir, &text, &err);

    if (status != RF_OK)
        return fail(&err);
    printf("%s\n", text);
    rf__free(text);
    return 0;
}

/* verify, repair, remove */
static int manage(const char *command, const char *name, const struct hub_options *options, bool remove_damaged)
{
    uint64_t n = 0;
    rf_error err = {RF_OK, ""};
    rf_status status;

    if (strcmp(command, "verify") == 0)
        status = rf__hub_verify(options->cache_dir, name, remove_damaged, on_verified, NULL, &err);
    else if (strcmp(command, "repair") == 0)
        status = rf__hub_repair(name, options, &n, &err);
    else
        status = rf__hub_remove(options->cache_dir, name, &options->logger, &n, &err);
    if (status == RF_OK && strcmp(command, "verify") != 0)
        printf("%llu\n", (unsigned long long)n);
    return status == RF_OK ? 0 : fail(&err);
}

/* Reads what follows the command and its argument; false when it makes no sense. */
static bool read_options(int argc, char **argv, struct hub_options *options, struct state *state)
{
    for (int i = 0; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--onnx-only") == 0)
            options->onnx_only = true;
        else if (strcmp(argv[i], "--update") == 0)
            options->update = true;
        else if (strcmp(argv[i], "--offline") == 0)
            options->offline = true;
        else if (strcmp(argv[i], "--progress") == 0)
            state->tell = true;
        else if (strcmp(argv[i], "--remove") == 0)
            state->remove = true;
        else if (i++, strcmp(argv[i - 1], "--cache-dir") == 0)
            options->cache_dir = value;
        else if (strcmp(argv[i - 1], "--revision") == 0)
            options->revision = value;
        else if (strcmp(argv[i - 1], "--onnx-file") == 0)
            options->onnx_file = value;
        else if (strcmp(argv[i - 1], "--cancel-at") == 0)
            state->cancel_at = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--cancel-after") == 0)
            state->cancel_after_ns = strtoull(value, NULL, 10) * 1000000;
        else if (strcmp(argv[i - 1], "--every") == 0)
            state->every = strtoull(value, NULL, 10);
        else if (strcmp(argv[i - 1], "--die-at") == 0)
            state->die_at = strtoull(value, NULL, 10);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct state state = {.cancel_at = UINT64_MAX,
                          .die_at = UINT64_MAX,
                          .cancel_after_ns = UINT64_MAX,
                          .begun_ns = rf__os_now_ns(),
                          .thread = &this_thread};
    struct hub_options options = {
        .logger = {on_log, NULL},
        .progress = on_progress,
        .progress_user = &state,
    };
    const char *command = argc > 1 ? argv[1] : "";
    bool has_name = argc > 2 && argv[2][0] != '-';
    int first = has_name ? 3 : 2;
    rf_error err = {RF_OK, ""};

    if (argc < first || !read_options(argc - first, argv + first, &options, &state)) {
        fprintf(stderr, "usage: hub_fetch resolve|torture|list|verify|repair|remove|check|folder [NAME] [options]\n");
        return 2;
    }
    if (has_name && strcmp(command, "torture") == 0 && options.cache_dir != NULL)
        return torture(argv[2], &options, state.every > 0 ? state.every : 1);
    if (has_name && strcmp(command, "resolve") == 0)
        return resolve(argv[2], &options);
    if (strcmp(command, "verify") == 0 || strcmp(command, "repair") == 0 ||
        (has_name && strcmp(command, "remove") == 0))
        return manage(command, has_name ? argv[2] : NULL, &options, state.remove);
    if (strcmp(command, "list") == 0)
        return rf__hub_list(options.cache_dir, on_model, NULL, &err) == RF_OK ? 0 : fail(&err);
    if (strcmp(command, "check") == 0 || strcmp(command, "folder") == 0)
        return print_text(command, &options);
    fprintf(stderr, "hub_fetch: unknown command '%s'\n", command);
    return 2;
}
