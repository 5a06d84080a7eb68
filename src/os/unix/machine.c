/* machine: time, processors, memory, libraries; see os/os.h. */
#define _GNU_SOURCE /* sched_getaffinity, dl_iterate_phdr */

#include "os/cpu_x86.h"
#include "os/os.h"
#include "os/unix/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <link.h>
#include <sched.h>
#include <sys/auxv.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __APPLE__
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <malloc/malloc.h>
#include <sys/sysctl.h>
#endif

/* ---- Time ------------------------------------------------------------------------------------------------------ */

uint64_t rf__os_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t rf__os_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rf__os_sleep_ms(uint32_t ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

uint64_t rf__os_process_id(void)
{
    return (uint64_t)getpid();
}

/* ---- Processors ------------------------------------------------------------------------------------------------ */

/* Those that the scheduler may run us on. */
static uint32_t allowed_cpus(void)
{
    long online;

#ifdef __linux__
    cpu_set_t sets[16]; /* 16384 processors: the call fails where the machine has more than fit */
    if (sched_getaffinity(0, sizeof sets, sets) == 0) {
        int n = CPU_COUNT_S(sizeof sets, sets);
        if (n > 0)
            return (uint32_t)n;
    }
#endif
    online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

uint32_t rf__os_cpu_count(void)
{
    uint32_t n = allowed_cpus();
    double quota = rf__cgroup_limits("").cpus;

    if (quota > 0 && quota < n) {
        uint32_t whole = (uint32_t)quota;
        n = whole < quota ? whole + 1 : whole;
    }
    return n > 0 ? n : 1;
}

#ifdef __APPLE__

static bool sysctl_text(const char *name, char *out, size_t size)
{
    return sysctlbyname(name, out, &size, NULL, 0) == 0;
}

static bool sysctl_flag(const char *name)
{
    int value = 0;
    size_t size = sizeof value;

    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

#endif

/* A line "KEY : VALUE" of /proc/cpuinfo. */
static bool cpuinfo(const char *key, char *out, size_t size)
{
    char line[512];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");

    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, ':');
        if (value == NULL || strncmp(line, key, strlen(key)) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = '\0';
        snprintf(out, size, "%s", value);
        found = true;
    }
    fclose(file);
    return found;
}

void rf__os_cpu_name(char *out, size_t size)
{
    struct utsname names;

    if (size == 0 || rf__x86_name(out, size))
        return;
#ifdef __APPLE__
    if (sysctl_text("machdep.cpu.brand_string", out, size))
        return;
#endif
    if (cpuinfo("model name", out, size) || cpuinfo("Model", out, size))
        return;
    snprintf(out, size, "%s", uname(&names) == 0 ? names.machine : "unknown");
}

#if defined(__aarch64__) && defined(__APPLE__)

static void arm_features(char *out, size_t size)
{
    rf__cpu_append(out, size, "NEON");
    if (sysctl_flag("hw.optional.arm.FEAT_DotProd"))
        rf__cpu_append(out, size, "dotprod");
    if (sysctl_flag("hw.optional.arm.FEAT_I8MM"))
        rf__cpu_append(out, size, "i8mm");
    if (sysctl_flag("hw.optional.arm.FEAT_SME"))
        rf__cpu_append(out, size, "SME");
}

#elif defined(__aarch64__) && defined(__linux__)

/* Bits of the kernel's interface, Documentation/arch/arm64/elf_hwcaps.rst. */
static void arm_features(char *out, size_t size)
{
    unsigned long caps = getauxval(AT_HWCAP), more = getauxval(AT_HWCAP2);

    rf__cpu_append(out, size, "NEON");
    if (caps & (1ul << 20))
        rf__cpu_append(out, size, "dotprod");
    if (more & (1ul << 13))
        rf__cpu_append(out, size, "i8mm");
    if (caps & (1ul << 22))
        rf__cpu_append(out, size, "SVE");
}

#else

static void arm_features(char *out, size_t size)
{
    (void)out;
    (void)size;
}

#endif

void rf__os_cpu_features(char *out, size_t size)
{
    if (size == 0 || rf__x86_features(out, size))
        return;
    out[0] = '\0';
    arm_features(out, size);
}

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

static uint64_t page_size(void)
{
    long size = sysconf(_SC_PAGESIZE);

    return size > 0 ? (uint64_t)size : 4096;
}

uint64_t rf__os_memory_now(void)
{
#ifdef __APPLE__
    struct mach_task_basic_info info;
    mach_msg_type_number_t n = MACH_TASK_BASIC_INFO_COUNT;
    if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&info, &n) == KERN_SUCCESS)
        return info.resident_size;
    return 0;
#else
    unsigned long long total, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    int n;
    if (file == NULL)
        return 0;
    n = fscanf(file, "%llu %llu", &total, &resident);
    fclose(file);
    return n == 2 ? resident * page_size() : 0;
#endif
}

uint64_t rf__os_memory_files(void)
{
    unsigned long long total, resident, files;
    FILE *file = fopen("/proc/self/statm", "re");
    int n;

    if (file == NULL)
        return 0;
    n = fscanf(file, "%llu %llu %llu", &total, &resident, &files);
    fclose(file);
    return n == 3 ? files * page_size() : 0;
}

/* getrusage() alone would report what the program that started this one had used, which Linux keeps over exec(). */
uint64_t rf__os_memory_peak(void)
{
    struct rusage usage;
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");

    if (file != NULL) {
        while (kib == 0 && fgets(line, sizeof line, file) != NULL)
            (void)!sscanf(line, "VmHWM: %llu kB", &kib);
        fclose(file);
    }
    if (kib > 0)
        return kib * 1024;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
#ifdef __APPLE__
    return (uint64_t)usage.ru_maxrss;
#else
    return (uint64_t)usage.ru_maxrss * 1024;
#endif
}

uint64_t rf__os_memory_total(void)
{
    uint64_t total = 0, limit = rf__cgroup_limits("").memory;
#ifdef __APPLE__
    size_t size = sizeof total;
    if (sysctlbyname("hw.memsize", &total, &size, NULL, 0) != 0)
        return 0;
#else
    long pages = sysconf(_SC_PHYS_PAGES);
    if (pages > 0)
        total = (uint64_t)pages * page_size();
#endif
    return total == 0 || limit < total ? (limit == UINT64_MAX ? 0 : limit) : total;
}

void rf__os_trim_memory(void)
{
#if defined(__GLIBC__)
    malloc_trim(0);
#elif defined(__APPLE__)
    malloc_zone_pressure_relief(NULL, 0);
#endif
}

/* ---- What this is ---------------------------------------------------------------------------------------------- */

#if defined(__linux__)
#define SYSTEM "Linux"
#elif defined(__APPLE__)
#define SYSTEM "macOS"
#elif defined(__FreeBSD__)
#define SYSTEM "FreeBSD"
#else
#define SYSTEM "Unix"
#endif

#if defined(__x86_64__)
#define MACHINE "x86-64"
#elif defined(__aarch64__)
#define MACHINE "arm64"
#elif defined(__riscv)
#define MACHINE "RISC-V"
#elif defined(__i386__)
#define MACHINE "x86"
#else
#define MACHINE "other processor"
#endif

const char *rf__os_name(void)
{
    return SYSTEM " " MACHINE;
}

#ifdef __APPLE__

void rf__os_each_library(bool (*fn)(void *user, const char *path), void *user)
{
    uint32_t n = _dyld_image_count();

    for (uint32_t i = 1; i < n; i++) { /* the first is the program */
        const char *path = _dyld_get_image_name(i);
        if (path != NULL && !fn(user, path))
            return;
    }
}

#else

struct library_visit {
    bool (*fn)(void *user, const char *path);
    void *user;
};

/* The program has an empty name, and the kernel's vdso one without a path. */
static int visit_library(struct dl_phdr_info *info, size_t size, void *data)
{
    const struct library_visit *visit = data;

    (void)size;
    if (info->dlpi_name == NULL || strchr(info->dlpi_name, '/') == NULL)
        return 0;
    return visit->fn(visit->user, info->dlpi_name) ? 0 : 1;
}

void rf__os_each_library(bool (*fn)(void *user, const char *path), void *user)
{
    struct library_visit visit = {fn, user};

    dl_iterate_phdr(visit_library, &visit);
}

#endif
