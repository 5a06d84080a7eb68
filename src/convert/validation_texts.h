/* validation_texts: what models are compared on where the caller brings no texts. */
#ifndef RF_CONVERT_VALIDATION_TEXTS_H
#define RF_CONVERT_VALIDATION_TEXTS_H

#include "base/error.h"

/* Texts in many languages and scripts, from nothing to more than most models read at once. `*n` receives their number;
 * NULL when out of memory. To be released with rf__free(); the texts themselves are static, or in the same memory. */
rf_text *rf__validation_texts(size_t *n);

#endif
