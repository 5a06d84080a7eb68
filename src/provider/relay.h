/* relay: the progress of a part of a call, told as that of the whole. */
#ifndef RF_PROVIDER_RELAY_H
#define RF_PROVIDER_RELAY_H

#include "base/error.h"

#include <string.h>

struct relay {
    rf_progress_fn fn; /* the caller's */
    void *user;
    uint64_t before, total; /* texts that are done without the part, and all */
};

static inline bool rf__relay(void *user, uint64_t done, uint64_t total)
{
    const struct relay *relay = (const struct relay *)user;

    (void)total;
    return relay->fn(relay->user, relay->before + done, relay->total);
}

/* Whether the message of a failed part begins with "text N": *number is N, *rest what follows. In the whole call the
 * text has another number. */
static inline bool rf__names_a_text(const rf_error *err, size_t *number, const char **rest)
{
    const char *p = err->message + 5;

    if (strncmp(err->message, "text ", 5) != 0 || *p < '0' || *p > '9')
        return false;
    for (*number = 0; *p >= '0' && *p <= '9'; p++)
        *number = *number * 10 + (size_t)(*p - '0');
    *rest = p;
    return true;
}

#endif
