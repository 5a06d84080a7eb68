/* base64: see base64.h. */
#include "base/base64.h"

#define NONE 64u

static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NONE;
}

bool rf__base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
    size_t n = 0;

    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        bool is_last = i + 4 == len;
        size_t pads = !is_last || text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            unsigned value = k >= 4 - pads ? 0 : value_of(text[i + k]);
            if (value == NONE)
                return false;
            bits = bits << 6 | value;
        }
        if ((pads == 1 && (bits & 0xFF) != 0) || (pads == 2 && (bits & 0xFFFF) != 0))
            return false;
        for (size_t k = 0; k < 3 - pads; k++)
            out[n++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    *out_len = n;
    return true;
}
