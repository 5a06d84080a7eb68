/*
 * modules: what is done with a pooled vector, one module after the other: Dense, LayerNorm, Normalize. The order of the
 * additions is fixed, so that the same vector gives the same bits.
 */
#ifndef RF_EMBED_MODULES_H
#define RF_EMBED_MODULES_H

#include "embed/embed.h"

struct modules; /* immutable: callable from several threads at once */

/* Reads the weights (as fp32) of the config's modules from place `first` on and checks that they fit together and to
 * vectors of n_in numbers. */
rf_status rf__modules_open(const struct model_config *config, size_t first, uint32_t n_in, struct modules **out,
                           rf_error *err);
void rf__modules_free(struct modules *modules); /* NULL is fine */

uint32_t rf__modules_dim(const struct modules *modules);   /* of the vectors that come out */
uint32_t rf__modules_width(const struct modules *modules); /* the largest on the way */

/* vector: [width], of which the first n_in are given and the first dim come out. scratch: [width]. */
void rf__modules_run(const struct modules *modules, float *vector, float *scratch);

/* Appends ", Dense(16 -> 12, Tanh)" for each to a C string of `size` bytes. */
void rf__modules_describe(const struct modules *modules, char *text, size_t size);

#endif
