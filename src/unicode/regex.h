/*
 * regex: regular expressions as Hugging Face's `tokenizers` reads them: Oniguruma, in its own syntax, on UTF-8, with
 * the matches that the crate `onig` gives (its find_iter).
 *
 * The text must be well-formed UTF-8 of less than 2 GiB. Patterns come from files that nobody checked: their size and
 * nesting have a ceiling, and so have the steps back, the rounds of loops and the memory that searches may take, in
 * proportion to the text; at the ceiling a search ends with RF_UNSUPPORTED and a message that names the pattern. The
 * ceiling counts steps, not time, so that the same text fails or passes everywhere.
 */
#ifndef RF_UNICODE_REGEX_H
#define RF_UNICODE_REGEX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_REGEX_MAX_BYTES 65536 /* of a pattern */
#define RF_REGEX_MAX_DEPTH 250   /* of its nesting */

/* Immutable: may be used by several threads at once, each with its own finder. */
struct regex;

/* RF_BAD_FORMAT when the pattern is none, the message names it; RF_UNSUPPORTED when it is too long, nested too deep, or
 * has loops in a form that is not counted (regex_loops.h). */
rf_status rf__regex_new(const char *pattern, size_t len, struct regex **out, rf_error *err);
void rf__regex_free(struct regex *regex); /* NULL is fine */

/* What all searches of a text together have taken of their ceiling, whichever patterns they are for. Zero-initialise
 * for each text. */
struct regex_budget {
    uint64_t allowed, taken; /* steps */
};

/* Searches one text after the other; no allocation for each. The regex must outlive it. */
struct regex_finder;
rf_status rf__regex_finder_new(const struct regex *regex, struct regex_finder **out, rf_error *err);
void rf__regex_finder_free(struct regex_finder *finder); /* NULL is fine */

/* The text to search from now on, which must stay as it is meanwhile. Nothing in front of it or behind it is seen. It
 * adds to the budget, which must outlive the search; NULL: one for all texts of the finder. */
rf_status rf__regex_finder_start(struct regex_finder *finder, const char *text, size_t len, struct regex_budget *budget,
                                 rf_error *err);

struct regex_match {
    size_t begin, end; /* bytes; may be empty */
};

/* The next match behind the last one; *found is false when there is none. Matches do not overlap, and an empty one
 * never touches the end of the one before it. */
rf_status rf__regex_finder_next(struct regex_finder *finder, struct regex_match *match, bool *found, rf_error *err);

#endif
