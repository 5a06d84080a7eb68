/* machine: time, processors, memory, libraries; see os/os.h. */
#include "base/mem.h"
#include "os/cpu_x86.h"
#include "os/os.h"
#include "os/win/wide.h"

#include <malloc.h>
#include <psapi.h>
#include <stdlib.h>

/* ---- Time ------------------------------------------------------------------------------------------------------ */

uint64_t rf__os_now_ns(void)
{
    LARGE_INTEGER frequency, count;
    uint64_t seconds, rest;

    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    seconds = (uint64_t)(count.QuadPart / frequency.QuadPart);
    rest = (uint64_t)(count.QuadPart % frequency.QuadPart);
    return seconds * 1000000000u + rest * 1000000000u / (uint64_t)frequency.QuadPart;
}

int64_t rf__os_wall_ms(void)
{
    FILETIME now; /* tenths of microseconds since 1601 */

    GetSystemTimeAsFileTime(&now);
    return (int64_t)(((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) / 10000) - 11644473600000;
}

void rf__os_sleep_ms(uint32_t ms)
{
    Sleep(ms);
}

uint64_t rf__os_process_id(void)
{
    return GetCurrentProcessId();
}

/* ---- Processors ------------------------------------------------------------------------------------------------ */

/* The mask is 0 where the process runs in several groups of 64 processors. */
uint32_t rf__os_cpu_count(void)
{
    DWORD_PTR ours = 0, all = 0;
    uint32_t n = 0;

    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all))
        for (; ours != 0; ours &= ours - 1)
            n++;
    if (n == 0)
        n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return n > 0 ? n : 1;
}

void rf__os_cpu_name(char *out, size_t size)
{
    const char *name;

    if (size == 0 || rf__x86_name(out, size))
        return;
    name = rf__os_env("PROCESSOR_IDENTIFIER");
    snprintf(out, size, "%s", name == NULL ? "unknown" : name);
}

/* winnt.h's PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE, which older headers lack. */
#define ARM_DOTPROD 43

void rf__os_cpu_features(char *out, size_t size)
{
    if (size == 0 || rf__x86_features(out, size))
        return;
    out[0] = '\0';
    rf__cpu_append(out, size, "NEON");
    if (IsProcessorFeaturePresent(ARM_DOTPROD))
        rf__cpu_append(out, size, "dotprod");
}

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

uint64_t rf__os_memory_now(void)
{
    PROCESS_MEMORY_COUNTERS counters;

    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.WorkingSetSize : 0;
}

uint64_t rf__os_memory_peak(void)
{
    PROCESS_MEMORY_COUNTERS counters;

    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters) ? counters.PeakWorkingSetSize : 0;
}

uint64_t rf__os_memory_files(void)
{
    return 0;
}

uint64_t rf__os_memory_total(void)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};

    return GlobalMemoryStatusEx(&memory) ? memory.ullTotalPhys : 0;
}

void rf__os_trim_memory(void)
{
    (void)_heapmin();
}

/* ---- What this is ---------------------------------------------------------------------------------------------- */

const char *rf__os_name(void)
{
#if defined(_M_ARM64) || defined(__aarch64__)
    return "Windows arm64";
#elif defined(_M_X64) || defined(__x86_64__)
    return "Windows x86-64";
#else
    return "Windows x86";
#endif
}

#define MAX_MODULES 2048

void rf__os_each_library(bool (*fn)(void *user, const char *path), void *user)
{
    HMODULE *modules = rf__alloc_array(MAX_MODULES, sizeof *modules);
    wchar_t *wide = rf__alloc_array(32768, sizeof *wide);
    DWORD bytes = 0, n;
    bool go_on = true;

    if (modules != NULL && wide != NULL)
        (void)K32EnumProcessModules(GetCurrentProcess(), modules, MAX_MODULES * sizeof *modules, &bytes);
    n = bytes / sizeof *modules < MAX_MODULES ? (DWORD)(bytes / sizeof *modules) : MAX_MODULES;
    for (DWORD i = 1; i < n && go_on; i++) { /* the first is the program */
        char *path = NULL;
        if (GetModuleFileNameW(modules[i], wide, 32768) > 0)
            path = rf__wide_to_utf8(wide);
        if (path != NULL)
            go_on = fn(user, path);
        rf__free(path);
    }
    rf__free(modules);
    rf__free(wide);
}
