/* base64: RFC 4648, section 4: the standard alphabet, padded. */
#ifndef RF_BASE_BASE64_H
#define RF_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes that a text of this length decodes to. */
static inline size_t rf__base64_room(size_t len)
{
    return len / 4 * 3;
}

/* Decodes to `out`, which has that room. False when the text is no base64: other characters, no or wrong padding, bits
 * behind the end. */
bool rf__base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len);

#endif
