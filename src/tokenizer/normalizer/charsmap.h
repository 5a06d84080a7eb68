/*
 * charsmap: sentencepiece's precompiled map of characters, and of short sequences of them, to strings:
 *
 *     u32 size of the trie in bytes, the trie, strings each with a NUL behind it      (little-endian)
 *
 * The trie is a double array of the Darts library, over the bytes of the keys; a value is the position of a string.
 * Looking up is done as the crate spm_precompiled does it: the shortest key that a text begins with decides.
 */
#ifndef RF_TOKENIZER_CHARSMAP_H
#define RF_TOKENIZER_CHARSMAP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_CHARSMAP_SHIFT 7
#define RF_CHARSMAP_MASK  127u

/* What rf__charsmap_of() says of a character. */
#define RF_CHARSMAP_KEY     1u /* it is a key */
#define RF_CHARSMAP_STARTS  2u /* it is none, but keys begin with it */
#define RF_CHARSMAP_REMOVED 4u /* its string, or perhaps that of a key that begins with it, is empty */

struct charsmap {
    uint32_t *units;
    size_t n_units;
    char *strings;
    size_t strings_len;
    uint16_t *blocks; /* two stages, as in unicode_tables.h */
    uint8_t *flags;
};

/* RF_BAD_FORMAT with a message that begins with `name`. On failure nothing has to be released. */
rf_status rf__charsmap_read(struct charsmap *map, const uint8_t *data, size_t len, const char *name, rf_error *err);
void rf__charsmap_release(struct charsmap *map);

/* The string of the shortest key that key[0, len), well-formed UTF-8, begins with; false when there is none. */
bool rf__charsmap_find(const struct charsmap *map, const char *key, size_t len, const char **string,
                       size_t *string_len);

/* The string of the longest key that a text begins with, as the sentencepiece library has it; false when there is none.
 */
bool rf__charsmap_longest(const struct charsmap *map, const char *text, size_t len, size_t *key_len,
                          const char **string, size_t *string_len);

static inline unsigned rf__charsmap_of(const struct charsmap *map, uint32_t c)
{
    size_t block = map->blocks[c >> RF_CHARSMAP_SHIFT];

    return map->flags[block << RF_CHARSMAP_SHIFT | (c & RF_CHARSMAP_MASK)];
}

#endif
