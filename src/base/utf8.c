/* utf8: see utf8.h. The table of well-formed sequences is Unicode 15's table 3-7. */
#include "base/utf8.h"

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

bool rf__utf8_valid(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint32_t c;
        size_t n = rf__utf8_decode(text + i, len - i, &c);
        bool is_replacement_itself =
            n == 3 && (uint8_t)text[i] == 0xEF && (uint8_t)text[i + 1] == 0xBF && (uint8_t)text[i + 2] == 0xBD;
        if (c == RF_UTF8_REPLACEMENT && !is_replacement_itself)
            return false;
        i += n;
    }
    return true;
}
