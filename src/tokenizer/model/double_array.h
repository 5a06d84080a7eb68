/*
 * double_array: a trie of byte strings in one array. A node has a base, and its child by byte c, where there is one,
 * is unit base ^ c: one load for each byte, and the unit says whether it is that child and which value ends there.
 *
 *     unit    used 1 | value 24 | has value 1 | base 28 | byte 8        (high to low; 62 bits)
 *
 * Laws:
 *   - unit 0 is the root; no node but those without children has base 0, and no two nodes with children have the same;
 *   - the array is in blocks of 256, so that base ^ c always lies in it.
 */
#ifndef RF_TOKENIZER_DOUBLE_ARRAY_H
#define RF_TOKENIZER_DOUBLE_ARRAY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_DOUBLE_ARRAY_MAX_VALUES (1u << 24) /* every value is below */

struct double_array {
    uint64_t *units; /* [n_units] */
    size_t n_units;
};

struct trie_key {
    const char *bytes;
    uint32_t len, value;
};

/* Builds the trie of n different strings, none of them empty, and sorts them; time and memory are linear in their
 * bytes. RF_BAD_FORMAT: two are the same. Zero-initialise before. */
rf_status rf__double_array_build(struct double_array *out, struct trie_key *keys, size_t n, rf_error *err);
void rf__double_array_release(struct double_array *array); /* fine on a zeroed one */

/* ---- Walking, inline for the models ------------------------------------------------------------------------- */

#define RF_UNIT_USED  ((uint64_t)1 << 61)
#define RF_UNIT_VALUE ((uint64_t)1 << 36)

/* Goes from a node, by its unit, to the child by a byte; false when there is none. */
static inline bool rf__double_array_step(const struct double_array *array, uint64_t *unit, uint8_t byte)
{
    uint64_t child = array->units[(*unit >> 8 & 0x0FFFFFFFu) ^ byte];

    *unit = child;
    return (child & (RF_UNIT_USED | 0xFF)) == (RF_UNIT_USED | byte);
}

static inline bool rf__unit_has_value(uint64_t unit)
{
    return (unit & RF_UNIT_VALUE) != 0;
}

static inline uint32_t rf__unit_value(uint64_t unit)
{
    return (uint32_t)(unit >> 37) & 0xFFFFFFu;
}

/* Where the longest of the strings ends that text[at, stop) begins with, and its value; `at` when there is none. *steps
 * grows by the nodes that were passed, the root among them. */
static inline size_t rf__double_array_longest(const struct double_array *array, const char *text, size_t at,
                                              size_t stop, uint32_t *value, uint64_t *steps)
{
    uint64_t unit = array->units[0], found = 0;
    size_t end = at, to = at;

    while (to < stop && rf__double_array_step(array, &unit, (uint8_t)text[to])) {
        to++;
        if (rf__unit_has_value(unit)) {
            found = unit;
            end = to;
        }
    }
    *steps += to - at + 1;
    *value = rf__unit_value(found);
    return end;
}

/* The value of exactly this string; false when it is none of the strings. */
bool rf__double_array_find(const struct double_array *array, const char *bytes, size_t len, uint32_t *value);

#endif
