/*
 * child: a piece of a test in a process of its own, where it may change limits, users and mounts, or be killed. A
 * child reports by its exit status alone: the line of the first EXPECT that did not hold. Unix only.
 */
#ifndef RF_TESTS_CHILD_H
#define RF_TESTS_CHILD_H

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SKIP 77 /* what the test needs cannot be had here */

/* Lines above 255 lose their upper bits; that is enough to find them. */
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return (__LINE__ & 0xFF) != 0 && (__LINE__ & 0xFF) != CHILD_SKIP ? __LINE__ & 0xFF : 1;                    \
    } while (0)

static inline pid_t child_start(int (*fn)(const char *folder), const char *folder)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn(folder));
    assert_true(pid > 0);
    return pid;
}

/* Waits; returns waitpid()'s status. */
static inline int child_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

/* Runs to the end; fails the test with the line, or skips it. */
static inline void child_run(int (*fn)(const char *folder), const char *folder)
{
    int status = child_wait(child_start(fn, folder));

    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP)
        skip();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child ended with status %#x: signal %d, line %d", (unsigned)status, WTERMSIG(status),
                 WEXITSTATUS(status));
}

#endif
