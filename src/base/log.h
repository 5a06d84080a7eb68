/*
 * log: what happens, told to the caller's rf_log_fn. Silent when there is none; a NULL logger is allowed everywhere.
 * Use debug for every step of loading, info for what took a decision, warning for what deviates from the reference.
 */
#ifndef RF_BASE_LOG_H
#define RF_BASE_LOG_H

#include "base/error.h"

struct logger {
    rf_log_fn fn; /* NULL: silent */
    void *user;
};

void rf__log(const struct logger *logger, rf_log_level level, const char *format, ...) RF_PRINTF(3, 4);

/* The warning of every kind of model that texts were cut. */
void rf__log_truncated(const struct logger *logger, uint64_t n_truncated, uint64_t n, uint32_t max_tokens);

#endif
