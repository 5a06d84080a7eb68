/*
 * open: models and tokenizers as the common options name them, with a bar while something is downloaded and the end at
 * Ctrl-C.
 */
#ifndef RF_PROGRAM_OPEN_H
#define RF_PROGRAM_OPEN_H

#include "opt.h"

/* Without a cache of vectors, for who wants to know what the model computes. */
rf_status rf__open_model(const struct opt_common *common, rf_model **out, rf_error *err);

/* With the cache of vectors that the options name; closing it says with -v what was found there. */
rf_status rf__open_cached_model(const struct opt_common *common, rf_model **out, rf_error *err);
void rf__close_cached_model(rf_model *model); /* NULL is fine */

/* Brings the model into the cache; *directory is to be released with rf_free(). */
rf_status rf__open_pull(const struct opt_common *common, char **directory, rf_error *err);

/* Downloads again what the cached revisions of a model lack; see rf_cache_repair(). */
rf_status rf__open_repair(const struct opt_common *common, const char *name, uint64_t *n, rf_error *err);

/* The tokenizer alone: a path that exists is opened as it is, a name on the hub is brought into the cache first. */
rf_status rf__open_tokenizer(const struct opt_common *common, rf_tokenizer **out, rf_error *err);

#endif
