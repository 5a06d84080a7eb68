/* cpu_x86: what cpuid says, on every system. Private to os/. */
#ifndef RF_OS_CPU_X86_H
#define RF_OS_CPU_X86_H

#include <stdbool.h>
#include <stddef.h>

/* As rf__os_cpu_name() and rf__os_cpu_features(); false, with `out` untouched, on another kind of processor. */
bool rf__x86_name(char *out, size_t size);
bool rf__x86_features(char *out, size_t size);

/* Appends a name to a list like "AVX2, FMA", cut to fit. */
void rf__cpu_append(char *out, size_t size, const char *name);

#endif
