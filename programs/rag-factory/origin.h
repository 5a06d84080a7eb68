/* origin: what a converted model was made of, as its conversion.json says. */
#ifndef RF_PROGRAM_ORIGIN_H
#define RF_PROGRAM_ORIGIN_H

#include "base/error.h"

struct origin {
    char *source, *revision; /* a model source, and "" or a revision of it; NULL: nothing is recorded */
};

/* Of a model directory, or of a file in one. Nothing is recorded where there is no conversion.json; RF_BAD_FORMAT for a
 * damaged one. */
rf_status rf__origin_read(const char *model, struct origin *out, rf_error *err);
void rf__origin_release(struct origin *origin); /* fine on a zeroed one */

#endif
