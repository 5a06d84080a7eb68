/*
 * cgroup: see cgroup.h. Two lists lead to a group's files (man 7 cgroups, man 5 proc):
 *
 *     /proc/self/cgroup     "0::/a/b" in version 2; "4:cpu,cpuacct:/a/b" in version 1
 *     /proc/self/mountinfo  "36 35 0:30 /a /sys/fs/cgroup rw,… - cgroup2 cgroup rw"
 *
 * The group /a/b is then the folder /sys/fs/cgroup/b: the mount shows the hierarchy from its root (/a) down. In a
 * container the group's path may lie outside of what is mounted; the mount itself is the best known then. Limits hold
 * for everything below, so that each folder from the group's up to the mount counts.
 */
#include "os/unix/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 8192 /* longer ones, of overlay mounts with many layers, are of no interest */
#define MAX_PATH 4096

/* Reads a line without its newline. One that is too long is given empty. False at the end. */
static bool read_line(FILE *file, char line[MAX_LINE])
{
    size_t len;
    int c;

    if (fgets(line, MAX_LINE, file) == NULL)
        return false;
    len = strlen(line);
    if (len > 0 && line[len - 1] == '\n') {
        line[len - 1] = '\0';
    } else if (len == MAX_LINE - 1) {
        line[0] = '\0';
        while ((c = getc(file)) != EOF && c != '\n')
            continue;
    }
    return true;
}

/* Whether `word` is one of the words in a list "a,b,c". */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, len) == 0 && (at[len] == '\0' || at[len] == ','))
            return true;
    }
    return false;
}

/* The path of our group: in the hierarchy of a controller of version 1, or in version 2 where it is NULL. */
static bool find_group(const char *root, const char *controller, char group[MAX_PATH])
{
    char line[MAX_LINE];
    bool found = false;
    FILE *file;

    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    file = fopen(line, "re");
    if (file == NULL)
        return false;
    while (!found && read_line(file, line)) {
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (path == NULL || path[1] != '/')
            continue;
        *path++ = '\0';
        controllers++;
        found = controller == NULL ? controllers[0] == '\0' : has_word(controllers, controller);
        if (found)
            found = snprintf(group, MAX_PATH, "%s", path) < MAX_PATH;
    }
    fclose(file);
    return found;
}

/* Cuts the next word off a line whose words are separated by single spaces; "" at its end. */
static char *next_word(char **at)
{
    char *word = *at;
    char *space = strchr(word, ' ');

    if (space == NULL) {
        *at = word + strlen(word);
    } else {
        *space = '\0';
        *at = space + 1;
    }
    return word;
}

/* One line of mountinfo; whether it mounts the hierarchy. Its words stay in `line`. */
static bool parse_mount(char *line, const char *controller, const char **mount_root, const char **mount_point)
{
    char *rest = strstr(line, " - "), *at = line;
    const char *type, *options;

    if (rest == NULL)
        return false;
    *rest = '\0';
    rest += 3;
    for (int i = 0; i < 3; i++)
        (void)next_word(&at);
    *mount_root = next_word(&at);
    *mount_point = next_word(&at);
    type = next_word(&rest);
    (void)next_word(&rest);
    options = rest;
    if (controller == NULL)
        return strcmp(type, "cgroup2") == 0;
    return strcmp(type, "cgroup") == 0 && has_word(options, controller);
}

/* The part of `group` below `above`, with its leading '/'; "" where it does not lie there. */
static const char *path_below(const char *group, const char *above)
{
    size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

    if (strncmp(group, above, len) != 0 || group[len] != '/' || strcmp(group + len, "/") == 0 ||
        strstr(group + len, "/..") != NULL)
        return "";
    return group + len;
}

/* The folder of our group; *top is the length of its part that is the mount. */
static bool find_folder(const char *root, const char *controller, char folder[MAX_PATH], size_t *top)
{
    char group[MAX_PATH], line[MAX_LINE];
    const char *mount_root, *mount_point;
    bool found = false;
    FILE *file;

    if (!find_group(root, controller, group))
        return false;
    snprintf(line, sizeof line, "%s/proc/self/mountinfo", root);
    file = fopen(line, "re");
    if (file == NULL)
        return false;
    while (!found && read_line(file, line)) {
        if (!parse_mount(line, controller, &mount_root, &mount_point))
            continue;
        found = snprintf(folder, MAX_PATH, "%s%s%s", root, mount_point, path_below(group, mount_root)) < MAX_PATH;
        *top = strlen(root) + strlen(mount_point);
    }
    fclose(file);
    return found;
}

/* The first line of a file in a folder. */
static bool read_value(const char *folder, const char *name, char *out, size_t size)
{
    char path[MAX_PATH + 64];
    FILE *file;
    bool got;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    got = fgets(out, (int)size, file) != NULL;
    fclose(file);
    return got;
}

static void lower_cpus(struct cgroup_limits *limits, double quota, double period)
{
    if (quota > 0 && period > 0 && (limits->cpus == 0 || quota / period < limits->cpus))
        limits->cpus = quota / period;
}

/* A number of bytes, or "max" in version 2 and one near 2^63 in version 1. */
static void lower_memory(struct cgroup_limits *limits, const char *value)
{
    char *end;
    unsigned long long bytes = strtoull(value, &end, 10);

    if (end != value && bytes > 0 && bytes < limits->memory)
        limits->memory = bytes;
}

/* cpu.max is "QUOTA PERIOD", or "max PERIOD". */
static void read_v2(const char *folder, struct cgroup_limits *limits)
{
    char value[128], *end;

    if (read_value(folder, "cpu.max", value, sizeof value)) {
        double quota = strtod(value, &end);
        lower_cpus(limits, quota, strtod(end, NULL));
    }
    if (read_value(folder, "memory.max", value, sizeof value))
        lower_memory(limits, value);
}

static void read_v1_cpu(const char *folder, struct cgroup_limits *limits)
{
    char quota[64], period[64];

    if (read_value(folder, "cpu.cfs_quota_us", quota, sizeof quota) &&
        read_value(folder, "cpu.cfs_period_us", period, sizeof period))
        lower_cpus(limits, strtod(quota, NULL), strtod(period, NULL));
}

static void read_v1_memory(const char *folder, struct cgroup_limits *limits)
{
    char value[64];

    if (read_value(folder, "memory.limit_in_bytes", value, sizeof value))
        lower_memory(limits, value);
}

struct cgroup_limits rf__cgroup_limits(const char *root)
{
    static const struct {
        const char *controller;
        void (*read)(const char *folder, struct cgroup_limits *limits);
    } kinds[] = {{NULL, read_v2}, {"cpu", read_v1_cpu}, {"memory", read_v1_memory}};
    struct cgroup_limits limits = {0, UINT64_MAX};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char folder[MAX_PATH];
        size_t top;
        if (!find_folder(root, kinds[i].controller, folder, &top))
            continue;
        for (;;) {
            kinds[i].read(folder, &limits);
            if (strlen(folder) <= top)
                break;
            *strrchr(folder, '/') = '\0';
        }
    }
    return limits;
}
