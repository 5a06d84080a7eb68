/*
 * regex_loops: a pattern with a callout in each of its loops, so that whoever searches can count how often they go
 * round, and stop it. Oniguruma itself counts the steps back alone: `a++b` runs through a text of n letters a from each
 * of them, which is n * n / 2 rounds, without one step back more than n.
 */
#ifndef RF_UNICODE_REGEX_LOOPS_H
#define RF_UNICODE_REGEX_LOOPS_H

#include "base/buf.h"

#include <stdbool.h>

#define RF_REGEX_MAX_LOOPS 1000

/* Appends a pattern that Oniguruma accepts, in its own syntax, with "(?{n})" at the beginning of all that is repeated:
 * a[bc]+ becomes a(?:(?{n})[bc])+. It matches what the pattern matches. *n_loops is how many there are. RF_UNSUPPORTED
 * for what is not understood here and no tokenizer has; the message says what. */
rf_status rf__regex_mark_loops(const char *pattern, size_t len, struct buf *out, size_t *n_loops, rf_error *err);

#endif
