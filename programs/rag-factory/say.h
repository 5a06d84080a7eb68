/*
 * say: what the program tells the person at it, all of it on standard error: errors, warnings, and with -v what the
 * library logs. Standard output is for results alone. Also knows whether Ctrl-C was pressed, and which progress bar
 * has to make room for a line.
 */
#ifndef RF_PROGRAM_SAY_H
#define RF_PROGRAM_SAY_H

#include "base/error.h"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG_USAGE = 2 };

/* `least`: what is less than that is not told. `json`: a JSON object a line, {"time", "level", "message"}, in place of
 * text. `quiet`: no progress bars; there are none among JSON lines either. */
void rf__say_set(rf_log_level least, bool json, bool quiet);
bool rf__say_is_quiet(void);

void rf__say_error(const char *format, ...) RF_PRINTF(1, 2);
void rf__say_warning(const char *format, ...) RF_PRINTF(1, 2);

/* An rf_log_fn; `user` is ignored. */
void rf__say_log(void *user, rf_log_level level, const char *message);

/* Prints the error, unless nobody is left to read it, and gives the exit code that belongs to it. */
int rf__say_failure(const rf_error *err);

/* Called before a line is printed while a bar is shown; NULL: there is none. */
void rf__say_set_bar(void (*erase)(void *bar), void *bar);

/* From now on Ctrl-C only sets what rf__say_interrupted() returns. */
void rf__say_catch_interrupt(void);
bool rf__say_interrupted(void);

/* Results are where they cannot be taken back from, standard output for one: whoever stops the program now is told. */
void rf__say_has_written(void);

/* RF_CANCELLED, as the error of whoever sees that Ctrl-C was pressed. */
rf_status rf__say_cancelled(rf_error *err);

#endif
