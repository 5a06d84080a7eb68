/* log: see log.h. */
#include "base/log.h"

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
