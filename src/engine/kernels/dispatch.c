/* dispatch: which kernels this processor runs; see kernels.h. */
#include "engine/kernels/kernels.h"

#include "os/os.h"

#include <string.h>

/* What a kind needs, as rf__os_cpu_features() names it. Every processor with AVX512-VNNI has the rest of AVX-512 that
 * the file is compiled for. */
static const struct kind {
    const struct kernels *const *kernels;
    const char *features[2]; /* NULL: none */
    const char *why;
} kinds[] = {
    {&rf__kernels_avx512, {"AVX512-VNNI", "FMA"}, "the processor has AVX512-VNNI and FMA"},
    {&rf__kernels_avx2, {"AVX2", "FMA"}, "the processor has AVX2 and FMA, and no AVX512-VNNI"},
    {&rf__kernels_neon, {"dotprod", NULL}, "the processor has dotprod"},
    {&rf__kernels_plain, {NULL, NULL}, "the processor has none of AVX512-VNNI, AVX2 with FMA, dotprod"},
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static bool is_usable(const struct kind *kind)
{
    for (int i = 0; i < 2; i++)
        if (kind->features[i] != NULL && !rf__os_cpu_has(kind->features[i]))
            return false;
    return *kind->kernels != NULL;
}

const struct kernels *rf__kernels_at(size_t i)
{
    for (size_t k = 0; k < N_KINDS; k++)
        if (is_usable(&kinds[k]) && i-- == 0)
            return *kinds[k].kernels;
    return NULL;
}

const struct kernels *rf__kernels_best(void)
{
    const char *wanted = rf__os_env("RF_CPU");
    const struct kernels *kernels;

    for (size_t i = 0; wanted != NULL && (kernels = rf__kernels_at(i)) != NULL; i++)
        if (strcmp(kernels->name, wanted) == 0)
            return kernels;
    return rf__kernels_at(0);
}

const char *rf__kernels_need(const struct kernels *kernels)
{
    for (size_t k = 0; k < N_KINDS; k++)
        if (*kinds[k].kernels == kernels)
            return kinds[k].why;
    return "";
}

/* As struct head and struct head_i16 of kernels_body.h lay it out, for the highest tile of all kinds. */
size_t rf__attention_scratch(size_t n, size_t width)
{
    const size_t rows = 6, n_all = rf__pack_lanes(n), width_all = rf__pack_lanes(width);
    const size_t scales = n_all * (1 + rf__pack_groups(width, PACK_GROUP_I16)) +
                          (width_all + rows) * rf__pack_groups(n + 1, PACK_GROUP_I16);

    return n_all * width + n_all * width_all + rf__pack_lanes(n * width) + 2 * rows * (n_all + width_all) + scales;
}
