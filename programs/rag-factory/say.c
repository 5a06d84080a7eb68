/* say: see say.h. One process talks to one terminal: the only state of the program that is global. */
#include "say.h"

#include "os/os.h"

static struct {
    bool quiet;
    int verbosity;
    void (*erase)(void *bar);
    void *bar;
    volatile int interrupted;
} say;

void rf__say_set_level(bool quiet, int verbosity)
{
    say.quiet = quiet;
    say.verbosity = verbosity;
}

bool rf__say_is_quiet(void)
{
    return say.quiet;
}

static void print_line(const char *prefix, const char *message)
{
    if (say.erase != NULL)
        say.erase(say.bar);
    fprintf(stderr, "%s%s\n", prefix, message);
}

void rf__say_error(const char *format, ...)
{
    rf_error line;
    va_list args;

    va_start(args, format);
    rf__fail_v(&line, RF_IO, format, args);
    va_end(args);
    print_line("rag-factory: ", line.message);
}

void rf__say_warning(const char *format, ...)
{
    rf_error line;
    va_list args;

    if (say.quiet)
        return;
    va_start(args, format);
    rf__fail_v(&line, RF_IO, format, args);
    va_end(args);
    print_line("warning: ", line.message);
}

void rf__say_log(void *user, rf_log_level level, const char *message)
{
    (void)user;
    if (level >= RF_LOG_WARNING && !say.quiet)
        print_line("warning: ", message);
    else if (level == RF_LOG_INFO && say.verbosity >= 1)
        print_line("info: ", message);
    else if (level == RF_LOG_DEBUG && say.verbosity >= 2)
        print_line("debug: ", message);
}

int rf__say_failure(const rf_error *err)
{
    if (err->status == RF_CANCELLED)
        rf__say_error("interrupted; nothing was left half-written");
    else if (err->message[0] != '\0')
        rf__say_error("%s", err->message);
    return err->status == RF_INVALID_ARGUMENT ? EXIT_WRONG_USAGE : EXIT_FAILED;
}

void rf__say_set_bar(void (*erase)(void *bar), void *bar)
{
    say.erase = erase;
    say.bar = bar;
}

void rf__say_catch_interrupt(void)
{
    rf__os_on_interrupt(&say.interrupted);
}

bool rf__say_interrupted(void)
{
    return say.interrupted != 0;
}

rf_status rf__say_cancelled(rf_error *err)
{
    return rf__fail(err, RF_CANCELLED, "interrupted");
}
