/*
 * buf: bytes that grow, up to a ceiling that is set when the buffer is born.
 *
 * Invariant: data is NULL or cap + 1 bytes long with data[len] == 0, so that text in it is a C string; len <= cap <=
 * max.
 */
#ifndef RF_BASE_BUF_H
#define RF_BASE_BUF_H

#include "base/error.h"

struct buf {
    char *data; /* NULL while empty */
    size_t len, cap, max;
};

/* `max` is the most bytes that it will ever hold. */
void rf__buf_init(struct buf *buf, size_t max);
void rf__buf_release(struct buf *buf); /* back to what rf__buf_init() left */
void rf__buf_clear(struct buf *buf);   /* len = 0; keeps the memory */

void rf__buf_truncate(struct buf *buf, size_t len); /* `len` is at most buf->len */

/* RF_NO_MEMORY, also at the ceiling; nothing changed then. */
rf_status rf__buf_reserve(struct buf *buf, size_t more, rf_error *err);
rf_status rf__buf_append(struct buf *buf, const void *data, size_t len, rf_error *err);
rf_status rf__buf_append_str(struct buf *buf, const char *s, rf_error *err);
rf_status rf__buf_append_byte(struct buf *buf, char byte, rf_error *err);
rf_status rf__buf_printf(struct buf *buf, rf_error *err, const char *format, ...) RF_PRINTF(3, 4);

/* Appends `s` as a JSON string, quotes included; what is not valid UTF-8 becomes U+FFFD. */
rf_status rf__buf_append_json(struct buf *buf, const char *s, size_t len, rf_error *err);

/* The contents, which become the caller's (rf__free); never NULL on success: an empty buffer gives "". NULL when out of
 * memory. The buffer is empty afterwards. */
char *rf__buf_detach(struct buf *buf);

#endif
