/*
 * ranges: the least and the greatest number of each dimension, between which int8 and uint8 count. Kept beside the
 * vectors, so that those of a later run fit:
 *
 *     {"model": …, "revision": …, "dim": 384, "n_texts": 1000, "min": [-0.1, …], "max": [0.1, …]}
 */
#ifndef RF_PROGRAM_RANGES_H
#define RF_PROGRAM_RANGES_H

#include "input.h"

struct ranges {
    float *values; /* [2, dim]; NULL: none */
};
void rf__ranges_release(struct ranges *ranges); /* fine on a zeroed one */

/* Reads a file; warns where it is of another model. RF_BAD_FORMAT where its length is another than the model's. */
rf_status rf__ranges_read(const char *path, const rf_model_info *info, struct ranges *out, rf_error *err);

/* Takes them from the texts of a file, read as `common` says of the input. */
rf_status rf__ranges_calibrate(const rf_model *model, const struct opt_common *common, const char *path,
                               uint64_t *n_texts, struct ranges *out, rf_error *err);

/* Writes PATH.ranges.json, whole or not at all. */
rf_status rf__ranges_write(const char *path, const rf_model_info *info, uint64_t n_texts, const struct ranges *ranges,
                           rf_error *err);

#endif
