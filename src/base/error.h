/*
 * error: how a failure is reported. Every function that can fail returns an rf_status and takes an `rf_error *err`
 * last, which may be NULL. The lowest layer that knows the name of the thing (path, tensor, URL, offset) writes the
 * message, with the remedy; upper layers pass it on.
 */
#ifndef RF_BASE_ERROR_H
#define RF_BASE_ERROR_H

#include "rag_factory.h"

#include <stdarg.h>

#if defined(__MINGW32__) && !defined(__clang__)
#define RF_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args))) /* "printf" would mean Windows' old one */
#elif defined(__GNUC__) || defined(__clang__)
#define RF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RF_PRINTF(fmt, args)
#endif

/* Fills `err` and returns `status`, which must not be RF_OK. Bytes that are not valid UTF-8 become '?', control
 * characters a space; what is longer than the message is cut at a character. */
rf_status rf__fail(rf_error *err, rf_status status, const char *format, ...) RF_PRINTF(3, 4);
rf_status rf__fail_v(rf_error *err, rf_status status, const char *format, va_list args);

/* Puts "`format`: " in front of the message that is already there, keeping the status. Returns err's status, or
 * `status` where err is NULL. */
rf_status rf__fail_prefix(rf_error *err, rf_status status, const char *format, ...) RF_PRINTF(3, 4);

/* RF_NO_MEMORY with the standard message. In the header, so that a checker of the caller sees what it returns. */
static inline rf_status rf__fail_memory(rf_error *err)
{
    (void)rf__fail(err, RF_NO_MEMORY, "out of memory");
    return RF_NO_MEMORY;
}

#endif
