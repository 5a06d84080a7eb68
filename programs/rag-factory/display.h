/*
 * display: text on a terminal: how many columns it takes, cut to fit, free of what would control the terminal, and
 * coloured where that is wanted.
 */
#ifndef RF_PROGRAM_DISPLAY_H
#define RF_PROGRAM_DISPLAY_H

#include "output.h"

/* Columns that the text takes: 2 for a wide character (CJK, emoji), 0 for a combining one. */
size_t rf__display_width(const char *text, size_t len);

/* Prints the text, cut with "…" to at most `width` columns; control characters become a space, what is not UTF-8
 * U+FFFD. `pad`: filled with spaces up to `width`. */
void rf__display_print(struct output *out, const char *text, size_t len, size_t width, bool pad);

/* Whether standard output takes colours: a terminal, and NO_COLOR (no-color.org) is not set. */
bool rf__display_has_color(void);

/* Columns of standard output; SIZE_MAX where it is no terminal. */
size_t rf__display_columns(void);

#endif
