/* nearest: which of several names a mistyped one was meant to be. */
#ifndef RF_BASE_NEAREST_H
#define RF_BASE_NEAREST_H

#include <stddef.h>

/* The candidate closest to `word` where one is close enough to be meant; NULL otherwise. */
const char *rf__nearest(const char *word, const char *const *candidates, size_t n);

#endif
