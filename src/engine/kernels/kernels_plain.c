/* kernels_plain: see kernels.h; plain C, for every processor, and the twin that the others are tested against. */
#include "engine/kernels/vec_plain.h"

#define KERNELS_NAME "plain"
#include "engine/kernels/kernels_body.h"

const struct kernels *const rf__kernels_plain = &table;
