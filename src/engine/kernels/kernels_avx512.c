/* kernels_avx512: see kernels.h; AVX-512 with VNNI, as all of Intel since Ice Lake and AMD since Zen 4 have. */
#include "engine/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512VNNI__) && defined(__GNUC__)

#include "engine/kernels/vec_avx512.h"

#define KERNELS_NAME "avx512"
#include "engine/kernels/kernels_body.h"

const struct kernels *const rf__kernels_avx512 = &table;

#else

const struct kernels *const rf__kernels_avx512 = NULL;

#endif
