/* buckets: the bias that T5's and MPNet's attention adds to the score of two tokens by how far apart they are. */
#ifndef RF_ONNX_BUCKETS_H
#define RF_ONNX_BUCKETS_H

#include "onnx/arch.h"
#include "onnx/blocks.h"

/* transformers' relative_position_bucket() of both directions: half of the buckets are for either side; of those the
 * first half are single distances, the others grow with the logarithm up to `max_distance`.
 * The graph's value is [1, heads, sequence, sequence], out of `table` [n_buckets, heads]. */
value rf__bucket_bias(struct arch *arch, const char *name, const struct encoder_inputs *in, value table,
                      uint64_t n_buckets, uint64_t max_distance);

/* The same for the kernels' operator: float [heads, 2 max_distance + 1] by distance, out of NAME, [all, heads];
 * n_buckets of `all` are used. */
value rf__bucket_table(struct arch *arch, const char *name, const struct arch_size *all, const struct arch_size *heads,
                       uint64_t n_buckets, uint64_t max_distance);

#endif
