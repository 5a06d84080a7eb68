/* log: see log.h. */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

void rf__log(const struct logger *logger, rf_log_level level, const char *format, ...)
{
    rf_error line;
    va_list args;

    if (logger == NULL || logger->fn == NULL)
        return;
    /* An error's message has just what a log line needs: one line, valid UTF-8, a limit. */
    va_start(args, format);
    rf__fail_v(&line, RF_IO, format, args);
    va_end(args);
    logger->fn(logger->user, level, line.message);
}

void rf__log_truncated(const struct logger *logger, uint64_t n_truncated, uint64_t n, uint32_t max_tokens)
{
    const char *were = n_truncated == 1 ? "was" : "were";

    rf__log(logger, RF_LOG_WARNING, "%" PRIu64 " of %" PRIu64 " text%s %s longer than %" PRIu32 " token%s and %s cut",
            n_truncated, n, n == 1 ? "" : "s", were, max_tokens, max_tokens == 1 ? "" : "s", were);
}
