/* terminal: environment, home, width, and what a first and a second signal do. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void terminal_width_of_what_is_none(void **state)
{
    FILE *file = rf__os_fopen(golden_path("include/rag_factory.h"), "rb");
    (void)state;

    assert_non_null(file);
    assert_false(rf__os_is_terminal(file));
    assert_int_equal(rf__os_terminal_width(file), 80);
    rf__os_binary_mode(file);
    fclose(file);
}

#ifndef _WIN32

#include "child.h"

#include <signal.h>

static void terminal_environment(void **state)
{
    char *home;
    (void)state;

    setenv("RF_TEST_VARIABLE", "value", 1);
    assert_string_equal(rf__os_env("RF_TEST_VARIABLE"), "value");
    setenv("RF_TEST_VARIABLE", "", 1);
    assert_null(rf__os_env("RF_TEST_VARIABLE"));
    unsetenv("RF_TEST_VARIABLE");
    assert_null(rf__os_env("RF_TEST_VARIABLE"));
    setenv("HOME", "/somewhere/else", 1);
    home = rf__os_home();
    assert_string_equal(home, "/somewhere/else");
    rf__free(home);
    unsetenv("HOME");
    home = rf__os_home(); /* from the user database, where it has this user */
    assert_true(home == NULL || home[0] != '\0');
    rf__free(home);
    rf__alloc_fail_at(1);
    assert_null(rf__os_home());
    rf__alloc_fail_at(0);
}

static volatile int interrupted;

static int first_signal_sets_the_flag(const char *folder)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    (void)folder;
    for (size_t i = 0; i < 3; i++) {
        interrupted = 0;
        rf__os_on_interrupt(&interrupted);
        EXPECT(raise(signals[i]) == 0);
        EXPECT(interrupted == 1);
    }
    return 0;
}

static int second_signal_ends(const char *folder)
{
    (void)folder;
    rf__os_on_interrupt(&interrupted);
    EXPECT(raise(SIGTERM) == 0);
    EXPECT(interrupted == 1);
    raise(SIGINT); /* another one ends it as well */
    return 0;
}

static int ignored_stays_ignored(const char *folder)
{
    (void)folder;
    signal(SIGHUP, SIG_IGN);
    rf__os_on_interrupt(&interrupted);
    EXPECT(raise(SIGHUP) == 0);
    EXPECT(interrupted == 0);
    return 0;
}

/* A read that waits comes back, so that the flag is seen. */
static int read_is_interrupted(const char *folder)
{
    int ends[2];
    char c;

    (void)folder;
    EXPECT(pipe(ends) == 0);
    rf__os_on_interrupt(&interrupted);
    alarm(20);
    if (fork() == 0) {
        rf__os_sleep_ms(100);
        kill(getppid(), SIGINT);
        _exit(0);
    }
    EXPECT(read(ends[0], &c, 1) < 0 && errno == EINTR);
    EXPECT(interrupted == 1);
    return 0;
}

static void terminal_interruption(void **state)
{
    int status;
    (void)state;

    child_run(first_signal_sets_the_flag, "");
    child_run(ignored_stays_ignored, "");
    child_run(read_is_interrupted, "");
    status = child_wait(child_start(second_signal_ends, ""));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminal_width_of_what_is_none),
#ifndef _WIN32
        cmocka_unit_test(terminal_environment),
        cmocka_unit_test(terminal_interruption),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
