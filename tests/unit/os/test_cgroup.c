/* cgroup: limits out of file trees as containers show them; data, made below the build folder. */
#include "golden.h"

#include "os/os.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32

int main(void)
{
    return 0;
}

#else

#include "os/unix/cgroup.h"

struct entry {
    const char *path, *text;
};

struct machine {
    const char *name;
    struct entry files[9];
    double cpus;
    uint64_t memory;
};

#define CGROUP    "proc/self/cgroup"
#define MOUNTINFO "proc/self/mountinfo"
#define MOUNT_V2  "36 35 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNTS_V1                                                                                                      \
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"                                      \
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"                                                \
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
#define NONE UINT64_MAX

static const struct machine machines[] = {
    {"no cgroups at all", {{"proc/version", "Linux"}}, 0, NONE},
    {"version 2, root group",
     {{CGROUP, "0::/\n"},
      {MOUNTINFO, MOUNT_V2},
      {"sys/fs/cgroup/cpu.max", "150000 100000\n"},
      {"sys/fs/cgroup/memory.max", "1073741824\n"}},
     1.5,
     1073741824},
    {"version 2, no limit",
     {{CGROUP, "0::/\n"},
      {MOUNTINFO, MOUNT_V2},
      {"sys/fs/cgroup/cpu.max", "max 100000\n"},
      {"sys/fs/cgroup/memory.max", "max\n"}},
     0,
     NONE},
    {"version 2, the tightest of three levels",
     {{CGROUP, "0::/a/b\n"},
      {MOUNTINFO, "1 1 0:1 / / rw - ext4 /dev/x rw\n" MOUNT_V2},
      {"sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"},
      {"sys/fs/cgroup/a/cpu.max", "25000 50000\n"},
      {"sys/fs/cgroup/cpu.max", "max 100000\n"},
      {"sys/fs/cgroup/a/b/memory.max", "3000\n"},
      {"sys/fs/cgroup/a/memory.max", "5000\n"},
      {"sys/fs/cgroup/memory.max", "4000\n"}},
     0.5,
     3000},
    {"version 2, the mount shows a part of the tree",
     {{CGROUP, "0::/docker/abc/inner\n"},
      {MOUNTINFO, "36 35 0:30 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"},
      {"sys/fs/cgroup/inner/cpu.max", "200000 100000\n"},
      {"sys/fs/cgroup/docker/abc/inner/cpu.max", "1000 100000\n"}},
     2,
     NONE},
    {"version 2, the group lies outside of the mount",
     {{CGROUP, "0::/../other\n"},
      {MOUNTINFO, MOUNT_V2},
      {"sys/fs/cgroup/cpu.max", "300000 100000\n"},
      {"sys/fs/other/cpu.max", "1000 100000\n"}},
     3,
     NONE},
    {"version 1",
     {{CGROUP, "4:memory:/x\n3:cpuset:/\n2:cpu,cpuacct:/y/z\n0::/\n"},
      {MOUNTINFO, MOUNTS_V1},
      {"sys/fs/cgroup/cpu,cpuacct/y/z/cpu.cfs_quota_us", "-1\n"},
      {"sys/fs/cgroup/cpu,cpuacct/y/z/cpu.cfs_period_us", "100000\n"},
      {"sys/fs/cgroup/cpu,cpuacct/y/cpu.cfs_quota_us", "250000\n"},
      {"sys/fs/cgroup/cpu,cpuacct/y/cpu.cfs_period_us", "100000\n"},
      {"sys/fs/cgroup/memory/x/memory.limit_in_bytes", "536870912\n"},
      {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     2.5,
     536870912},
    {"both versions, limits in version 1",
     {{CGROUP, "1:cpu:/\n0::/\n"},
      {MOUNTINFO, MOUNTS_V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
      {"sys/fs/cgroup/unified/cgroup.procs", "1\n"},
      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"},
      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}},
     0.5,
     NONE},
    {"nonsense",
     {{CGROUP, "\n:\n::\n0::\n0::relative\nx\n0::/a\n"},
      {MOUNTINFO, "\n - \n1\n1 2 3\n1 2 3 / - cgroup2\n36 35 0:30 / /sys/fs/cgroup rw - cgroup2"},
      {"sys/fs/cgroup/a/cpu.max", "0 0\n"},
      {"sys/fs/cgroup/cpu.max", "\n"},
      {"sys/fs/cgroup/memory.max", "-\n"}},
     0,
     NONE},
};

static void write_tree(const char *root, const struct entry *files)
{
    for (const struct entry *entry = files; entry->path != NULL; entry++) {
        char path[2048], *slash;
        snprintf(path, sizeof path, "%s/%s", root, entry->path);
        slash = strrchr(path, '/');
        *slash = '\0';
        assert_ok(rf__os_make_directories(path, err));
        *slash = '/';
        write_file(path, entry->text, strlen(entry->text));
    }
}

static void cgroup_limits_of_machines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        const char *root = scratch_directory("cgroup");
        struct cgroup_limits limits;
        write_tree(root, machines[i].files);
        limits = rf__cgroup_limits(root);
        if (limits.cpus != machines[i].cpus || limits.memory != machines[i].memory)
            fail_msg("%s: %g processors, %llu bytes", machines[i].name, limits.cpus, (unsigned long long)limits.memory);
    }
}

/* Lines longer than any that matters come before the one that does. */
static void cgroup_mountinfo_with_long_lines(void **state)
{
    const char *root = scratch_directory("cgroup-long");
    static char line[3 * 8192];
    struct buf text;
    struct entry files[] = {
        {CGROUP, "0::/\n"}, {MOUNTINFO, NULL}, {"sys/fs/cgroup/cpu.max", "100000 100000\n"}, {NULL, NULL}};
    (void)state;

    rf__buf_init(&text, 1 << 20);
    for (size_t len = 8189; len < 8195; len++) {
        memset(line, 'x', len);
        line[len] = '\0';
        assert_ok(rf__buf_printf(&text, err, "%s\n", line));
    }
    memset(line, 'y', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    assert_ok(rf__buf_printf(&text, err, "%s\n" MOUNT_V2, line));
    files[1].text = text.data;
    write_tree(root, files);
    assert_true(rf__cgroup_limits(root).cpus == 1);
    rf__buf_release(&text);
}

static void cgroup_of_this_machine(void **state)
{
    struct cgroup_limits limits = rf__cgroup_limits("");
    (void)state;

    assert_true(limits.cpus >= 0);
    assert_true(limits.memory >= (uint64_t)1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cgroup_limits_of_machines),
        cmocka_unit_test(cgroup_mountinfo_with_long_lines),
        cmocka_unit_test(cgroup_of_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
