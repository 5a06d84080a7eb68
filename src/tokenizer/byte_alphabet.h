/*
 * byte_alphabet: the printable characters that ByteLevel writes for bytes (GPT-2's bytes_to_unicode): printable Latin-1
 * stands for itself, the 68 other bytes are U+0100 and up, in order.
 */
#ifndef RF_TOKENIZER_BYTE_ALPHABET_H
#define RF_TOKENIZER_BYTE_ALPHABET_H

#include <stdint.h>

static inline uint32_t rf__char_of_byte(uint8_t byte)
{
    if ((byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE)
        return byte;
    if (byte <= ' ')
        return 0x100u + byte;
    return byte == 0xAD ? 0x100u + 67 : 0x100u + 33 + (byte - 0x7Fu);
}

/* -1: the character stands for none. */
static inline int rf__byte_of_char(uint32_t c)
{
    if ((c >= '!' && c <= '~') || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF))
        return (int)c;
    if (c < 0x100 || c >= 0x100 + 68)
        return -1;
    c -= 0x100;
    return (int)(c < 33 ? c : c < 67 ? c - 33 + 0x7F : 0xAD);
}

#endif
