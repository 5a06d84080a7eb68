/* kernels_avx2: see kernels.h; AVX2 with FMA, as x86-64 has since Haswell and Zen. */
#include "engine/kernels/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__GNUC__)

#include "engine/kernels/vec_avx2.h"

#define KERNELS_NAME "avx2"
#include "engine/kernels/kernels_body.h"

const struct kernels *const rf__kernels_avx2 = &table;

#else

const struct kernels *const rf__kernels_avx2 = NULL;

#endif
