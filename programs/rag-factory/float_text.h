/* float_text: a float as decimal text that reads back to the same float. */
#ifndef RF_PROGRAM_FLOAT_TEXT_H
#define RF_PROGRAM_FLOAT_TEXT_H

#include <stddef.h>

#define RF_FLOAT_TEXT 24

/* Writes `value`, which must be finite, with the fewest digits from 6 on that read back to it, trailing zeros dropped,
 * in the notation of "%g"; valid JSON. NUL-terminated; returns the length. */
size_t rf__float_text(float value, char out[RF_FLOAT_TEXT]);

#endif
