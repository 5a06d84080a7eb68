/*
 * unicode: what a character is, and what it becomes, as Hugging Face's `tokenizers` sees it. The tables are asked from
 * the crates that `tokenizers` uses (tools/unicode), so that each has the Unicode version that it has there: a mark
 * that is younger than Unicode 8 is not stripped here because it is not stripped there. Normal forms and marks (M*) are
 * those of Unicode 9, categories those of 8, \w of 16, whitespace, lowercase, alphanumeric and grapheme clusters of 17.
 */
#ifndef RF_UNICODE_UNICODE_H
#define RF_UNICODE_UNICODE_H

#include "base/error.h"
#include "unicode/grapheme.h"
#include "unicode/regex.h"
#include "unicode/regex_tables.h"
#include "unicode/unicode_tables.h"

#define RF_UNICODE_LIMIT 0x110000u /* every code point is below */

/* The bits of rf__unicode_properties_of(). The rest of it, shifted by RF_UNICODE_CCC_SHIFT, is the canonical combining
 * class. A character with none of RF_UNICODE_CHANGES and class 0 goes through every normal form unchanged. */
#define RF_UNICODE_WHITESPACE   0x01u /* White_Space */
#define RF_UNICODE_OTHER        0x02u /* Cc, Cf, Co; not the unassigned ones */
#define RF_UNICODE_PUNCTUATION  0x04u /* P*, and the ASCII symbols */
#define RF_UNICODE_NONSPACING   0x08u /* Mn */
#define RF_UNICODE_WORD         0x10u /* \w of a regular expression */
#define RF_UNICODE_ALPHANUMERIC 0x20u /* Alphabetic, or a number (Nd, Nl, No) */
#define RF_UNICODE_HAS_LOWER    0x40u /* rf__unicode_lower() is another character */
#define RF_UNICODE_HAS_NFD      0x80u /* has a canonical decomposition in the tables; Hangul syllables are computed */
#define RF_UNICODE_CHANGES      (RF_UNICODE_HAS_LOWER | RF_UNICODE_HAS_NFD)
#define RF_UNICODE_CCC_SHIFT    8

/* Latin capital I with dot above: the one character whose lowercase is two, 'i' and U+0307. */
#define RF_UNICODE_CAPITAL_I_WITH_DOT 0x130u
#define RF_UNICODE_DOT_ABOVE          0x307u

#define RF_UNICODE_MAX_NFD            4  /* characters of one full canonical decomposition */
#define RF_UNICODE_MAX_NFKD           18 /* of a compatibility decomposition */

/* The bits of rf__unicode_forms_of(). A character without the STOP bit of a normal form, standing alone, is in that
 * form and, in the composing ones, composes with nothing in front of it. */
#define RF_UNICODE_FORM_NFD_STOP   0x01u
#define RF_UNICODE_FORM_NFC_STOP   0x02u
#define RF_UNICODE_FORM_NFKD_STOP  0x04u
#define RF_UNICODE_FORM_NFKC_STOP  0x08u
#define RF_UNICODE_FORM_NONSTARTER 0x10u /* the combining class is not 0 */
/* The canonical, or also the compatibility, decomposition begins with what may be moved in front of the character
 * before it, or composed with it. What is before any other character has nothing to do with it in a normal form. */
#define RF_UNICODE_FORM_JOINS            0x20u
#define RF_UNICODE_FORM_JOINS_COMPATIBLE 0x40u
#define RF_UNICODE_MARK                  0x80u /* M* */

/* `c` is below RF_UNICODE_LIMIT, here and below. */
static inline unsigned rf__unicode_properties_of(uint32_t c)
{
    size_t block = rf__unicode_properties_block[c >> RF_UNICODE_SHIFT];

    return rf__unicode_properties[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];
}

static inline unsigned rf__unicode_forms_of(uint32_t c)
{
    size_t block = rf__unicode_forms_block[c >> RF_UNICODE_SHIFT];

    return rf__unicode_forms[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];
}

/* Simple lowercase; `c` itself when it has none. Gives 'i' for RF_UNICODE_CAPITAL_I_WITH_DOT. */
static inline uint32_t rf__unicode_lower(uint32_t c)
{
    size_t block = rf__unicode_lower_index_block[c >> RF_UNICODE_SHIFT];
    size_t delta = rf__unicode_lower_index[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];

    return (uint32_t)((int32_t)c + rf__unicode_lower_delta[delta]);
}

static inline bool rf__unicode_is_hangul_syllable(uint32_t c)
{
    return c >= 0xAC00 && c <= 0xD7A3;
}

/* The full canonical decomposition, `c` itself when it has none. Returns the number of characters. Within one
 * decomposition no starter follows a nonstarter. */
size_t rf__unicode_decompose(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFD]);

/* The same of the compatibility decomposition. There, starters may follow nonstarters. */
size_t rf__unicode_decompose_compatible(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFKD]);

/* What two neighbouring characters compose to; 0 when they don't. */
uint32_t rf__unicode_compose(uint32_t first, uint32_t second);

/* One character of a decomposed text that waits to be put in order. */
struct nfd_piece {
    uint32_t c;
    uint8_t ccc;
    bool is_first; /* the first of the character that it was decomposed from */
};

/* Puts a run of nonstarters in canonical order: by class, those of one class as they are. Linear. `spare` has room for
 * as many as `pieces`; the result is in `pieces`. */
void rf__nfd_order(struct nfd_piece *pieces, struct nfd_piece *spare, size_t n);

#endif
