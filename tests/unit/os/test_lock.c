/* lock: one holder at a time, among threads and processes; gone with its process; a removed file fools nobody. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static const char *in(const char *dir, const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static bool count_to_two(void *user)
{
    return ++*(int *)user < 2;
}

static void lock_excludes_and_can_be_cancelled(void **state)
{
    const char *dir = scratch_directory("lock-exclude");
    struct os_lock *lock = NULL, *second = NULL;
    rf_error fault = {0};
    int n_waits = 0;
    uint64_t begin;
    (void)state;

    rf__os_unlock(NULL);
    assert_ok(rf__os_lock(in(dir, "l"), NULL, NULL, &lock, err));
    begin = rf__os_now_ns();
    assert_int_equal(rf__os_lock(in(dir, "l"), count_to_two, &n_waits, &second, &fault), RF_CANCELLED);
    assert_true(rf__os_now_ns() - begin >= 50 * (uint64_t)1000000);
    assert_int_equal(n_waits, 2);
    assert_non_null(strstr(fault.message, in(dir, "l")));
    assert_ok(rf__os_lock(in(dir, "other"), NULL, NULL, &second, err));
    rf__os_unlock(second);
    rf__os_unlock(lock);
    assert_true(rf__os_is_file(in(dir, "l"))); /* kept */
    assert_ok(rf__os_lock(in(dir, "l"), count_to_two, &n_waits, &lock, err));
    assert_int_equal(n_waits, 2);
    rf__os_unlock(lock);
}

static void lock_errors(void **state)
{
    const char *dir = scratch_directory("lock-errors");
    struct os_lock *lock = NULL;
    rf_error fault = {0};
    (void)state;

    assert_int_equal(rf__os_lock(in(dir, "none/l"), NULL, NULL, &lock, &fault), RF_IO);
    assert_non_null(strstr(fault.message, in(dir, "none/l")));
    assert_int_equal(rf__os_lock(dir, NULL, NULL, &lock, &fault), RF_IO);
    rf__alloc_fail_at(1);
    assert_int_equal(rf__os_lock(in(dir, "l"), NULL, NULL, &lock, NULL), RF_NO_MEMORY);
    rf__alloc_fail_at(0);
}

struct counter {
    const char *path;
    _Atomic int value; /* the lock orders processes; a thread sanitizer does not see it */
};

static void count_under_lock(void *arg)
{
    struct counter *counter = arg;

    for (int i = 0; i < 3; i++) {
        struct os_lock *lock = NULL;
        int seen;
        if (rf__os_lock(counter->path, NULL, NULL, &lock, NULL) != RF_OK)
            return;
        seen = counter->value;
        rf__os_sleep_ms(1);
        counter->value = seen + 1;
        rf__os_unlock(lock);
    }
}

static void lock_among_threads(void **state)
{
    struct counter counter = {in(scratch_directory("lock-threads"), "l"), 0};
    struct os_thread *threads[3];
    (void)state;

    for (size_t i = 0; i < 3; i++)
        assert_ok(rf__os_thread_start(count_under_lock, &counter, &threads[i], err));
    for (size_t i = 0; i < 3; i++)
        rf__os_thread_join(threads[i]);
    assert_int_equal(counter.value, 9);
}

#ifndef _WIN32

#include "child.h"

#include <signal.h>

static int hold_for_ever(const char *folder)
{
    struct os_lock *lock = NULL;
    struct os_writer *ready = NULL;

    EXPECT(rf__os_lock(in(folder, "l"), NULL, NULL, &lock, NULL) == RF_OK);
    EXPECT(rf__os_writer_open(in(folder, "ready"), &ready, NULL) == RF_OK);
    EXPECT(rf__os_writer_commit(ready, NULL) == RF_OK);
    rf__os_sleep_ms(60000);
    return 0;
}

/* Kills the holder at the first wait. */
static bool kill_holder(void *user)
{
    pid_t *pid = user;

    if (*pid != 0)
        kill(*pid, SIGKILL);
    *pid = 0;
    return true;
}

static void lock_ends_with_its_process(void **state)
{
    const char *dir = scratch_directory("lock-killed");
    pid_t pid = child_start(hold_for_ever, dir), holder = pid;
    struct os_lock *lock = NULL;
    (void)state;

    while (!rf__os_is_file(in(dir, "ready")))
        rf__os_sleep_ms(5);
    assert_ok(rf__os_lock(in(dir, "l"), kill_holder, &holder, &lock, err));
    assert_int_equal(holder, 0); /* it had to wait */
    assert_true(WIFSIGNALED(child_wait(pid)));
    rf__os_unlock(lock);
}

struct removal {
    const char *path;
    struct os_lock *held;
    int n;
};

/* While we wait, the file is removed, a new one made and locked, and both released one after the other. */
static bool remove_while_waiting(void *user)
{
    struct removal *removal = user;

    if (removal->n++ == 0) {
        unlink(removal->path);
        rf__os_unlock(removal->held);
        if (rf__os_lock(removal->path, NULL, NULL, &removal->held, NULL) != RF_OK)
            return false;
    } else if (removal->n == 3) {
        rf__os_unlock(removal->held);
        removal->held = NULL;
    }
    return removal->n < 50;
}

static void lock_of_a_file_that_was_removed(void **state)
{
    struct removal removal = {in(scratch_directory("lock-removed"), "l"), NULL, 0};
    struct os_lock *lock = NULL;
    (void)state;

    assert_ok(rf__os_lock(removal.path, NULL, NULL, &removal.held, err));
    assert_ok(rf__os_lock(removal.path, remove_while_waiting, &removal, &lock, err));
    assert_null(removal.held); /* never two holders */
    assert_int_equal(removal.n, 3);
    assert_true(rf__os_is_file(removal.path));
    rf__os_unlock(lock);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_excludes_and_can_be_cancelled),
        cmocka_unit_test(lock_errors),
        cmocka_unit_test(lock_among_threads),
#ifndef _WIN32
        cmocka_unit_test(lock_ends_with_its_process),
        cmocka_unit_test(lock_of_a_file_that_was_removed),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
