/*
 * tally: what the threads of one download share: the bytes that are there, the caller's callbacks, and whether to stop.
 *
 * What always holds: progress is told by the thread alone that began the download, where Python sees Ctrl-C, and never
 * again after it has said no. Log lines come from any thread. No two callbacks run at once.
 */
#ifndef RF_HUB_TALLY_H
#define RF_HUB_TALLY_H

#include "base/error.h"
#include "base/log.h"

struct tally {
    struct os_mutex *mutex;
    struct logger logger; /* for every thread: hands on to the caller's */
    const struct logger *outer;
    rf_progress_fn progress; /* NULL: none */
    void *progress_user;
    uint64_t done, total; /* bytes */
    uint64_t reported_ns; /* when progress was told last */
    bool is_stopped;      /* by the callback, or since another thread failed */
};

/* `logger` must outlive the tally. Nothing has to be released after a failure. */
rf_status rf__tally_init(struct tally *tally, const struct logger *logger, rf_progress_fn progress, void *user,
                         rf_error *err);
void rf__tally_release(struct tally *tally); /* fine on a zeroed one */

/* Begins to count anew. */
void rf__tally_start(struct tally *tally, uint64_t total);

/* A part that was `before` bytes is `now` bytes. */
void rf__tally_move(struct tally *tally, uint64_t before, uint64_t now);

/* For the thread that began: tells progress, without `force` at most some twenty times a second. False: stop. */
bool rf__tally_report(struct tally *tally, bool force);

/* For the others. */
bool rf__tally_is_stopped(struct tally *tally);

/* Lets every thread stop at its next look. */
void rf__tally_stop(struct tally *tally);

#endif
