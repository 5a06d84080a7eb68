/*
 * utf8: reading and writing UTF-8. What is ill-formed reads as U+FFFD, one for each maximal part of an ill-formed
 * sequence (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts"), as Python and Rust do.
 */
#ifndef RF_BASE_UTF8_H
#define RF_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_UTF8_REPLACEMENT 0xFFFDu
#define RF_UTF8_MAX         4 /* bytes of one code point */

/* Decodes the code point at `text`; `len` must be at least 1. Returns the number of bytes used, 1 to 4. */
size_t rf__utf8_decode(const char *text, size_t len, uint32_t *code_point);

/* As rf__utf8_decode(), of text that is known to be well formed. */
static inline size_t rf__utf8_next(const char *text, uint32_t *code_point)
{
    const uint8_t *s = (const uint8_t *)text;

    if (s[0] < 0x80) {
        *code_point = s[0];
        return 1;
    }
    if (s[0] < 0xE0) {
        *code_point = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
        return 2;
    }
    if (s[0] < 0xF0) {
        *code_point = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
        return 3;
    }
    *code_point = (s[0] & 0x07u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
    return 4;
}

/* Writes a code point (not a surrogate, at most U+10FFFF) to `out` and returns its length, 1 to 4. */
size_t rf__utf8_encode(uint32_t code_point, char out[RF_UTF8_MAX]);

/* How many bytes at the beginning are well formed: all, or up to a sequence that is ill-formed or cut off. */
size_t rf__utf8_well_formed(const char *text, size_t len);
bool rf__utf8_valid(const char *text, size_t len);

#endif
