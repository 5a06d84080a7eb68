/* utf8: see utf8.h. The table of well-formed sequences is Unicode 15's table 3-7. */
#include "base/utf8.h"

#include <string.h>

size_t rf__utf8_decode(const char *text, size_t len, uint32_t *code_point)
{
    const uint8_t *s = (const uint8_t *)text;
    uint8_t first = s[0], low = 0x80, high = 0xBF;
    size_t n;
    uint32_t c;

    if (first < 0x80) {
        *code_point = first;
        return 1;
    }
    *code_point = RF_UTF8_REPLACEMENT;
    if (first >= 0xC2 && first <= 0xDF) {
        n = 2;
        c = first & 0x1Fu;
    } else if (first >= 0xE0 && first <= 0xEF) {
        n = 3;
        c = first & 0x0Fu;
        if (first == 0xE0)
            low = 0xA0;
        if (first == 0xED)
            high = 0x9F; /* no surrogates */
    } else if (first >= 0xF0 && first <= 0xF4) {
        n = 4;
        c = first & 0x07u;
        if (first == 0xF0)
            low = 0x90;
        if (first == 0xF4)
            high = 0x8F;
    } else {
        return 1;
    }
    for (size_t i = 1; i < n; i++) {
        if (i >= len || s[i] < low || s[i] > high)
            return i;
        c = c << 6 | (s[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *code_point = c;
    return n;
}

size_t rf__utf8_encode(uint32_t c, char out[RF_UTF8_MAX])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static bool continues(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The length of the well-formed sequence, not ASCII, at s; 0 when there is none. */
static size_t sequence_at(const uint8_t *s, size_t len)
{
    uint8_t first = s[0];

    if (len < 2 || first < 0xC2 || first > 0xF4 || !continues(s[1]))
        return 0;
    if (first < 0xE0)
        return 2;
    if (len < 3 || !continues(s[2]))
        return 0;
    if (first < 0xF0)
        return (first == 0xE0 && s[1] < 0xA0) || (first == 0xED && s[1] > 0x9F) ? 0 : 3;
    if (len < 4 || !continues(s[3]))
        return 0;
    return (first == 0xF0 && s[1] < 0x90) || (first == 0xF4 && s[1] > 0x8F) ? 0 : 4;
}

size_t rf__utf8_well_formed(const char *text, size_t len)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t i = 0;

    while (i < len) {
        uint64_t eight;
        size_t n;
        if (len - i >= sizeof eight) {
            memcpy(&eight, text + i, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        n = s[i] < 0x80 ? 1 : sequence_at(s + i, len - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

bool rf__utf8_valid(const char *text, size_t len)
{
    return rf__utf8_well_formed(text, len) == len;
}
