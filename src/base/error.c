/* error: see error.h. */
#include "base/error.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *rf_status_name(rf_status status)
{
    static const char *const names[] = {
        [RF_OK] = "ok",
        [RF_INVALID_ARGUMENT] = "invalid argument",
        [RF_NO_MEMORY] = "out of memory",
        [RF_IO] = "input/output error",
        [RF_NOT_FOUND] = "not found",
        [RF_BAD_FORMAT] = "bad format",
        [RF_UNSUPPORTED] = "unsupported",
        [RF_NETWORK] = "network error",
        [RF_ENGINE] = "ONNX Runtime error",
        [RF_CANCELLED] = "cancelled",
        [RF_TRUNCATED] = "text too long",
    };
    if ((size_t)status >= sizeof names / sizeof names[0])
        return "unknown status";
    return names[status];
}

/* Makes `message` one line of valid UTF-8: what was read from a hostile file ends in messages too. */
static void sanitize(char *message)
{
    size_t len = strlen(message), in = 0;

    while (in < len) {
        uint32_t code_point;
        size_t n = rf__utf8_decode(message + in, len - in, &code_point);
        bool cut_at_end = in + n == len && code_point == RF_UTF8_REPLACEMENT;
        if (cut_at_end) {
            message[in] = '\0';
            return;
        }
        if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0))
            memset(message + in, ' ', n);
        else if (code_point == RF_UTF8_REPLACEMENT)
            memset(message + in, '?', n);
        in += n;
    }
}

rf_status rf__fail_v(rf_error *err, rf_status status, const char *format, va_list args)
{
    assert(status != RF_OK);
    if (err == NULL)
        return status;
    err->status = status;
    vsnprintf(err->message, sizeof err->message, format, args);
    sanitize(err->message);
    return status;
}

rf_status rf__fail(rf_error *err, rf_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    rf__fail_v(err, status, format, args);
    va_end(args);
    return status;
}

rf_status rf__fail_prefix(rf_error *err, rf_status status, const char *format, ...)
{
    char old[sizeof err->message], prefix[sizeof err->message];
    va_list args;

    if (err == NULL)
        return status;
    memcpy(old, err->message, sizeof old);
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    return rf__fail(err, err->status, "%s: %s", prefix, old);
}
