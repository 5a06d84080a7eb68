/*
 * statistics: what the linear layers of an encoder read while it runs, for weights that are fitted to it (pack/fit.h).
 */
#ifndef RF_ENGINE_KERNELS_STATISTICS_H
#define RF_ENGINE_KERNELS_STATISTICS_H

#include "engine/kernels/kernels.h"

struct statistics;

/* Notes the rows x [rows, w->k] that `w` reads, each with the weight that it is to have among all: weights [rows]. That
 * memory ran out shows in rf__statistics_finish() (engine.h). */
void rf__statistics_add(struct statistics *statistics, const struct linear *w, const float *x, const float *weights,
                        size_t rows);

#endif
