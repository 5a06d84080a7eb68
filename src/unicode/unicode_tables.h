/*
 * unicode_tables: two-stage tables, read through the functions of unicode.h. For a code point c:
 *
 *     X[X_block[c >> 7] << 7 | (c & 127)]
 *
 * Blocks that are equal are stored once; what is unassigned shares one.
 */
#ifndef RF_UNICODE_UNICODE_TABLES_H
#define RF_UNICODE_UNICODE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_UNICODE_SHIFT 7
#define RF_UNICODE_MASK  127u

extern const uint8_t rf__unicode_properties_block[];
extern const uint16_t rf__unicode_properties[]; /* combining class << 8 | RF_UNICODE_ bits */

extern const uint8_t rf__unicode_nfd_at_block[];
extern const uint16_t rf__unicode_nfd_at[];   /* position in the pool; 0: no decomposition */
extern const uint8_t rf__unicode_nfkd_at_block[];
extern const uint16_t rf__unicode_nfkd_at[];  /* position in the same pool; 0: as the canonical one */
extern const uint32_t rf__unicode_nfd_pool[]; /* length, then the code points */

extern const uint8_t rf__unicode_composed_at_block[];
extern const uint16_t rf__unicode_composed_at[];   /* by the first character, position in its pool; 0: none */
extern const uint32_t rf__unicode_composed_pool[]; /* number, then second character and composite of each, sorted */

extern const uint8_t rf__unicode_forms_block[];
extern const uint8_t rf__unicode_forms[]; /* RF_UNICODE_FORM_ bits, and RF_UNICODE_MARK */

extern const uint8_t rf__unicode_grapheme_block[];
extern const uint8_t rf__unicode_grapheme[]; /* grapheme.h */

extern const uint8_t rf__unicode_lower_index_block[];
extern const uint8_t rf__unicode_lower_index[]; /* index of a delta; 0: no lowercase */
extern const int32_t rf__unicode_lower_delta[];

#endif
