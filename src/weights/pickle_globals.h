/* pickle_globals: the Python names that a pickle of tensors may have. */
#ifndef RF_WEIGHTS_PICKLE_GLOBALS_H
#define RF_WEIGHTS_PICKLE_GLOBALS_H

#include "weights/pickle.h"

/* Fills value->as.global; false when the name is none of them. */
bool rf__pickle_global(const char *module, size_t module_len, const char *name, size_t name_len,
                       struct pickle_value *value);

#endif
