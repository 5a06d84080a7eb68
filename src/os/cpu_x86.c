/*
 * cpu_x86: see cpu_x86.h. Leaves and bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * CPUID. A feature counts where the operating system also saves its registers, which XGETBV tells.
 */
#include "os/cpu_x86.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void rf__cpu_append(char *out, size_t size, const char *name)
{
    size_t len = strlen(out);

    if (len < size)
        snprintf(out + len, size - len, "%s%s", len == 0 ? "" : ", ", name);
}

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)

#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif

enum reg { EAX, EBX, ECX, EDX };

/* The four registers; zero where the processor has no such leaf. */
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    memset(regs, 0, 4 * sizeof *regs);
#ifdef _MSC_VER
    int most[4], values[4];
    __cpuid(most, (int)(leaf & 0x80000000u));
    if ((uint32_t)most[0] < leaf)
        return;
    __cpuidex(values, (int)leaf, (int)subleaf);
    memcpy(regs, values, sizeof values);
#else
    (void)__get_cpuid_count(leaf, subleaf, &regs[EAX], &regs[EBX], &regs[ECX], &regs[EDX]);
#endif
}

/* Which register states the operating system saves (XCR0). */
static uint64_t saved_states(void)
{
#ifdef _MSC_VER
    return _xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
#endif
}

#define YMM    0x6u     /* XMM and YMM */
#define ZMM    0xE6u    /* and the mask registers, the upper halves, ZMM16 to ZMM31 */
#define TILES  0x60000u /* AMX */
#define XSAVES (1u << 27)

struct feature {
    uint32_t leaf, subleaf;
    enum reg reg;
    int bit;
    uint64_t states;
    const char *name;
};

static const struct feature features[] = {
    {7, 0, EBX, 5, YMM, "AVX2"},         {1, 0, ECX, 12, YMM, "FMA"},     {7, 0, EBX, 16, ZMM, "AVX-512F"},
    {7, 0, ECX, 11, ZMM, "AVX512-VNNI"}, {7, 1, EAX, 4, YMM, "AVX-VNNI"}, {7, 0, EDX, 25, TILES, "AMX-INT8"},
};

bool rf__x86_features(char *out, size_t size)
{
    uint32_t regs[4];
    uint64_t states;

    if (size == 0)
        return true;
    out[0] = '\0';
    cpuid(1, 0, regs);
    states = regs[ECX] & XSAVES ? saved_states() : 0;
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        const struct feature *f = &features[i];
        cpuid(f->leaf, f->subleaf, regs);
        if ((regs[f->reg] >> f->bit & 1) != 0 && (states & f->states) == f->states)
            rf__cpu_append(out, size, f->name);
    }
    if (out[0] == '\0')
        rf__cpu_append(out, size, "SSE2");
    return true;
}

bool rf__x86_name(char *out, size_t size)
{
    uint32_t regs[4];
    char name[3 * sizeof regs + 1] = "";
    const char *from = name;
    size_t len;

    if (size == 0)
        return true;
    for (uint32_t i = 0; i < 3; i++) {
        cpuid(0x80000002u + i, 0, regs);
        memcpy(name + i * sizeof regs, regs, sizeof regs);
    }
    from += strspn(from, " ");
    len = strlen(from);
    while (len > 0 && from[len - 1] == ' ')
        len--;
    if (len > 0)
        snprintf(out, size, "%.*s", (int)len, from);
    else
        snprintf(out, size, "x86");
    return true;
}

#else

bool rf__x86_name(char *out, size_t size)
{
    (void)out;
    (void)size;
    return false;
}

bool rf__x86_features(char *out, size_t size)
{
    (void)out;
    (void)size;
    return false;
}

#endif
