/* parallel: the same function on several threads at once, for the length of one call. No thread outlives it: nothing
 * spins or sleeps between calls, and a process may fork at any time. */
#ifndef RF_EMBED_PARALLEL_H
#define RF_EMBED_PARALLEL_H

#include "base/error.h"

/* Calls fn(arg, worker) for worker 0 … n - 1, worker 0 in the calling thread, and returns when all have returned. Where
 * a thread cannot be started fewer workers run, worker 0 always: they must share the work, not own parts of it. */
void rf__parallel(size_t n, void (*fn)(void *arg, size_t worker), void *arg);

#endif
