/*
 * progress: one line on standard error with a bar, the rate and the time that is left. Shown on a terminal only and
 * never with -q; drawn at most ten times a second, erased at the end. Everything works the same when it is not shown.
 */
#ifndef RF_PROGRAM_PROGRESS_H
#define RF_PROGRAM_PROGRESS_H

#include "base/error.h"

enum progress_unit { PROGRESS_BYTES, PROGRESS_TEXTS };

struct progress {
    const char *label; /* such as "Downloading" */
    enum progress_unit unit;
    bool shown;    /* whether there is a terminal to show it on */
    bool is_drawn; /* whether the line is there now */
    uint64_t start_ns, drawn_ns;
    double fraction_before; /* of the work, done before it started */
    uint64_t count_before;
};

void rf__progress_start(struct progress *progress, const char *label, enum progress_unit unit);

/* `count` of units are done, which is `fraction` of the work; below 0 when that is not known. */
void rf__progress_show(struct progress *progress, double fraction, uint64_t count);

/* An rf_progress_fn for a `struct progress *`: shows, and cancels after Ctrl-C. */
bool rf__progress_step(void *progress, uint64_t done, uint64_t total);

void rf__progress_end(struct progress *progress);

/* "41.2 MB", "812 B": decimal units, as disks and networks count. */
#define RF_SIZE_TEXT 32
const char *rf__size_text(uint64_t bytes, char out[RF_SIZE_TEXT]);

/* "12,345". */
const char *rf__count_text(uint64_t count, char out[RF_SIZE_TEXT]);

#endif
