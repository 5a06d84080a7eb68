/* say: see say.h. One process talks to one terminal: the only state of the program that is global. */
#include "say.h"

#include "base/buf.h"
#include "os/os.h"

#include <string.h>
#include <time.h>

#define MAX_TIME 32

static struct {
    rf_log_level least;
    bool json, quiet;
    void (*erase)(void *bar);
    void *bar;
    volatile int interrupted;
    bool has_written;
} say = {.least = RF_LOG_WARNING};

void rf__say_set(rf_log_level least, bool json, bool quiet)
{
    say.least = least;
    say.json = json;
    say.quiet = quiet || json;
}

bool rf__say_is_quiet(void)
{
    return say.quiet;
}

/* "2025-01-31T23:59:59.123Z". */
static void time_text(int64_t ms, char out[MAX_TIME])
{
    const time_t seconds = (time_t)(ms / 1000);
    const struct tm *utc = gmtime(&seconds);
    char whole[MAX_TIME - 8] = "";

    if (utc != NULL)
        strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", utc);
    snprintf(out, MAX_TIME, "%s.%03dZ", whole, (int)(ms % 1000));
}

static void print_json(rf_log_level level, const char *message)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    struct buf line;
    char when[MAX_TIME];

    time_text(rf__os_wall_ms(), when);
    rf__buf_init(&line, sizeof(rf_error) * 8);
    if (rf__buf_printf(&line, NULL, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", when, names[level]) == RF_OK &&
        rf__buf_append_json(&line, message, strlen(message), NULL) == RF_OK)
        fprintf(stderr, "%s}\n", line.data);
    rf__buf_release(&line);
}

static void print_line(rf_log_level level, const char *message)
{
    static const char *const prefixes[] = {"debug: ", "info: ", "warning: ", "rag-factory: "};

    if (level < say.least)
        return;
    if (say.json) {
        print_json(level, message);
        return;
    }
    if (say.erase != NULL)
        say.erase(say.bar);
    fprintf(stderr, "%s%s\n", prefixes[level], message);
}

void rf__say_error(const char *format, ...)
{
    rf_error line;
    va_list args;

    va_start(args, format);
    rf__fail_v(&line, RF_IO, format, args);
    va_end(args);
    print_line(RF_LOG_ERROR, line.message);
}

void rf__say_warning(const char *format, ...)
{
    rf_error line;
    va_list args;

    va_start(args, format);
    rf__fail_v(&line, RF_IO, format, args);
    va_end(args);
    print_line(RF_LOG_WARNING, line.message);
}

/* What the library calls an error is none of ours yet: its call may still succeed. */
void rf__say_log(void *user, rf_log_level level, const char *message)
{
    (void)user;
    print_line(level > RF_LOG_WARNING ? RF_LOG_WARNING : level, message);
}

int rf__say_failure(const rf_error *err)
{
    if (err->status == RF_CANCELLED)
        rf__say_error(say.has_written ? "interrupted; a part of the results was written"
                                      : "interrupted; nothing was left half-written");
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

void rf__say_has_written(void)
{
    say.has_written = true;
}

rf_status rf__say_cancelled(rf_error *err)
{
    return rf__fail(err, RF_CANCELLED, "interrupted");
}
