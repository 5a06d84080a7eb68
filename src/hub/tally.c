/* tally: see tally.h. */
#include "hub/tally.h"

#include "os/os.h"

#define REPORT_EVERY_NS ((uint64_t)50 * 1000000)

static void log_in_turn(void *user, rf_log_level level, const char *message)
{
    struct tally *tally = user;

    rf__os_mutex_lock(tally->mutex);
    tally->outer->fn(tally->outer->user, level, message);
    rf__os_mutex_unlock(tally->mutex);
}

rf_status rf__tally_init(struct tally *tally, const struct logger *logger, rf_progress_fn progress, void *user,
                         rf_error *err)
{
    *tally = (struct tally){
        .mutex = rf__os_mutex_new(),
        .outer = logger,
        .progress = progress,
        .progress_user = user,
    };
    if (tally->mutex == NULL)
        return rf__fail_memory(err);
    if (logger != NULL && logger->fn != NULL)
        tally->logger = (struct logger){log_in_turn, tally};
    return RF_OK;
}

void rf__tally_release(struct tally *tally)
{
    rf__os_mutex_free(tally->mutex);
    *tally = (struct tally){0};
}

void rf__tally_start(struct tally *tally, uint64_t total)
{
    rf__os_mutex_lock(tally->mutex);
    tally->done = 0;
    tally->total = total;
    rf__os_mutex_unlock(tally->mutex);
}

void rf__tally_move(struct tally *tally, uint64_t before, uint64_t now)
{
    rf__os_mutex_lock(tally->mutex);
    tally->done = tally->done - before + now;
    rf__os_mutex_unlock(tally->mutex);
}

bool rf__tally_report(struct tally *tally, bool force)
{
    uint64_t now;
    bool go_on;

    rf__os_mutex_lock(tally->mutex);
    now = rf__os_now_ns();
    if (tally->progress != NULL && !tally->is_stopped && (force || now - tally->reported_ns >= REPORT_EVERY_NS)) {
        tally->reported_ns = now;
        tally->is_stopped = !tally->progress(tally->progress_user, tally->done, tally->total);
    }
    go_on = !tally->is_stopped;
    rf__os_mutex_unlock(tally->mutex);
    return go_on;
}

bool rf__tally_is_stopped(struct tally *tally)
{
    bool is_stopped;

    rf__os_mutex_lock(tally->mutex);
    is_stopped = tally->is_stopped;
    rf__os_mutex_unlock(tally->mutex);
    return is_stopped;
}

void rf__tally_stop(struct tally *tally)
{
    rf__os_mutex_lock(tally->mutex);
    tally->is_stopped = true;
    rf__os_mutex_unlock(tally->mutex);
}
