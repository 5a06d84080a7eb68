/* options: what callers give: structs whose size says which version of the header the caller was built with; texts. */
#ifndef RF_API_OPTIONS_H
#define RF_API_OPTIONS_H

#include "base/error.h"

/* Copies a caller's options, whose first member is their size, into `own` of our size: what the caller's version lacks
 * is zero. RF_INVALID_ARGUMENT when it was not initialised, or has something set that this library does not know. NULL
 * gives all zero. `name` is that of the type, for messages. */
rf_status rf__options_copy(const void *given, void *own, size_t own_size, const char *name, rf_error *err);

/* Zeroes `size` bytes and stores the size in the first member. */
void rf__options_init(void *options, size_t size);

/* Gives a struct of ours to the caller's, whose size says how much of it the caller knows and stays as it is. */
void rf__options_give(const void *own, size_t own_size, void *out);

/* RF_INVALID_ARGUMENT for a text without bytes that has a length; `call` is the function's name, for messages. */
rf_status rf__texts_check(const char *call, const rf_text *texts, size_t n, rf_error *err);

#endif
