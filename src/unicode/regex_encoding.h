/* regex_encoding: Oniguruma's UTF-8, in which properties of characters are those of regex_tables.h instead of those of
 * whatever Oniguruma a system has. */
#ifndef RF_UNICODE_REGEX_ENCODING_H
#define RF_UNICODE_REGEX_ENCODING_H

#include <oniguruma.h>

/* Not for several threads at once: call it, and compile with it, under one lock. Searching needs none. */
OnigEncoding rf__regex_encoding(void);

#endif
