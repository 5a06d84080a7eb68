/* texts: all texts of an input at once, where they are compared or measured on. */
#ifndef RF_PROGRAM_TEXTS_H
#define RF_PROGRAM_TEXTS_H

#include "input.h"

struct texts {
    rf_text *items; /* NULL: no input was named */
    size_t n;
    struct buf bytes; /* one after the other */
};
void rf__texts_release(struct texts *texts);

/* What the arguments or -i name, at most 100,000; nothing where neither is there. Fine to release after a failure. */
rf_status rf__texts_read(const struct opt_common *common, const char *const *args, size_t n_args, struct texts *out,
                         rf_error *err);

#endif
