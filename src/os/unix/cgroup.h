/* cgroup: the limits that a container sets on this process. Private to os/; a system without them has none. */
#ifndef RF_OS_UNIX_CGROUP_H
#define RF_OS_UNIX_CGROUP_H

#include <stdint.h>

struct cgroup_limits {
    double cpus;     /* processors' worth of time; 0 where there is no limit */
    uint64_t memory; /* bytes; UINT64_MAX where there is no limit */
};

/* The tightest limits of the process's own groups and all above them. `root` comes before /proc and /sys: "" but for
 * tests. Never fails: what cannot be read limits nothing. */
struct cgroup_limits rf__cgroup_limits(const char *root);

#endif
