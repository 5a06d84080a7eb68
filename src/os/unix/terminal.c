/* terminal: environment, terminal and interruption; see os/os.h. */
#include "base/mem.h"
#include "os/os.h"

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_WIDTH 80

const char *rf__os_env(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

char *rf__os_home(void)
{
    const char *home = rf__os_env("HOME");
    struct passwd entry, *found = NULL;
    char strings[4096];

    if (home == NULL && getpwuid_r(geteuid(), &entry, strings, sizeof strings, &found) == 0 && found != NULL)
        home = entry.pw_dir;
    return home == NULL || home[0] == '\0' ? NULL : rf__strdup(home);
}

char *rf__os_config_dir(void)
{
    const char *named = rf__os_env("XDG_CONFIG_HOME");
    char *home, *folder;

    if (named != NULL && named[0] == '/') /* relative ones are to be ignored, says the specification */
        return rf__strdup(named);
    home = rf__os_home();
#ifdef __APPLE__
    folder = home == NULL ? NULL : rf__path_join(home, "Library/Application Support");
#else
    folder = home == NULL ? NULL : rf__path_join(home, ".config");
#endif
    rf__free(home);
    return folder;
}

bool rf__os_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) != 0;
}

int rf__os_terminal_width(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return DEFAULT_WIDTH;
    return size.ws_col;
}

void rf__os_binary_mode(FILE *stream)
{
    (void)stream;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define N_SIGNALS (sizeof signals / sizeof signals[0])

static volatile int *interrupt_flag;

static void on_signal(int number)
{
    struct sigaction action = {0};

    (void)number;
    *interrupt_flag = 1;
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < N_SIGNALS; i++)
        (void)sigaction(signals[i], &action, NULL);
}

/* Without SA_RESTART: a read of standard input has to come back. What was ignored stays so (nohup, background jobs). */
void rf__os_on_interrupt(volatile int *flag)
{
    struct sigaction action = {0}, old;

    interrupt_flag = flag;
    action.sa_handler = on_signal;
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
}
