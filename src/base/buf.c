/* buf: see buf.h. */
#include "base/buf.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void check(const struct buf *buf)
{
    assert(buf->len <= buf->cap && buf->cap <= buf->max);
    assert(buf->data == NULL || buf->data[buf->len] == '\0');
    (void)buf;
}

void rf__buf_init(struct buf *buf, size_t max)
{
    assert(max < SIZE_MAX);
    *buf = (struct buf){.max = max};
}

void rf__buf_release(struct buf *buf)
{
    rf__free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void rf__buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void rf__buf_truncate(struct buf *buf, size_t len)
{
    check(buf);
    assert(len <= buf->len);
    buf->len = len;
    if (buf->data != NULL)
        buf->data[len] = '\0';
}

rf_status rf__buf_reserve(struct buf *buf, size_t more, rf_error *err)
{
    size_t need, cap;
    char *data;

    check(buf);
    if (!rf__add(buf->len, more, &need) || need > buf->max)
        return rf__fail(err, RF_NO_MEMORY, "%zu bytes and %zu more are over the ceiling of %zu", buf->len, more,
                        buf->max);
    if (need <= buf->cap && buf->data != NULL)
        return RF_OK;
    cap = buf->cap < 32 ? 64 : buf->cap;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > buf->max)
        cap = buf->max;
    data = rf__realloc(buf->data, cap + 1);
    if (data == NULL)
        return rf__fail_memory(err);
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return RF_OK;
}

rf_status rf__buf_append(struct buf *buf, const void *data, size_t len, rf_error *err)
{
    rf_status status = rf__buf_reserve(buf, len, err);

    if (status != RF_OK)
        return status;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return RF_OK;
}

rf_status rf__buf_append_str(struct buf *buf, const char *s, rf_error *err)
{
    return rf__buf_append(buf, s, strlen(s), err);
}

rf_status rf__buf_append_byte(struct buf *buf, char byte, rf_error *err)
{
    return rf__buf_append(buf, &byte, 1, err);
}

rf_status rf__buf_printf(struct buf *buf, rf_error *err, const char *format, ...)
{
    va_list args;
    int len;
    rf_status status;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    status = rf__buf_reserve(buf, (size_t)len, err);
    if (status != RF_OK)
        return status;
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return RF_OK;
}

rf_status rf__buf_append_json(struct buf *buf, const char *s, size_t len, rf_error *err)
{
    size_t most, before = buf->len;
    rf_status status;
    char *out;

    /* The longest that a byte can become is six: \u0001. Reserving once keeps the loop free of failures. */
    if (!rf__mul(len, 6, &most) || !rf__add(most, 2, &most))
        return rf__fail_memory(err);
    status = rf__buf_reserve(buf, most, err);
    if (status != RF_OK)
        return status;
    out = buf->data + before;
    *out++ = '"';
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = rf__utf8_decode(s + i, len - i, &c);
        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c == '\n') {
            *out++ = '\\';
            *out++ = 'n';
        } else if (c == '\t') {
            *out++ = '\\';
            *out++ = 't';
        } else if (c < 0x20 || c == 0x7f) {
            out += snprintf(out, 7, "\\u%04x", (unsigned)c);
        } else {
            out += rf__utf8_encode(c, out);
        }
        i += n;
    }
    *out++ = '"';
    *out = '\0';
    buf->len = (size_t)(out - buf->data);
    return RF_OK;
}

char *rf__buf_detach(struct buf *buf)
{
    char *data = buf->data;

    if (data == NULL)
        return rf__strdup("");
    *buf = (struct buf){.max = buf->max};
    return data;
}
