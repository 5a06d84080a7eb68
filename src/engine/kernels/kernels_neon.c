/* kernels_neon: see kernels.h; arm64 with the dot product of bytes, as of ARMv8.2. */
#include "engine/kernels/kernels.h"

#if defined(__ARM_NEON) && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include "engine/kernels/vec_neon.h"

#define KERNELS_NAME "neon"
#include "engine/kernels/kernels_body.h"

const struct kernels *const rf__kernels_neon = &table;

#else

const struct kernels *const rf__kernels_neon = NULL;

#endif
