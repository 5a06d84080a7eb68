/*
 * replace_pattern: what a normalizer of kind Replace looks for. Regular expressions of the common simple shapes are
 * recognised, and searched for without the engine: they are faster then, and a text can be cut between two matches.
 */
#ifndef RF_TOKENIZER_REPLACE_PATTERN_H
#define RF_TOKENIZER_REPLACE_PATTERN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_PATTERN_WHITE UINT32_MAX /* in place of a character: all white space */

struct replace_pattern {
    enum {
        PATTERN_LITERAL, /* a string, not empty */
        PATTERN_RUN,     /* `min` or more of a character in a row, as many as there are */
        PATTERN_EACH,    /* each of a character */
        PATTERN_CLASS,   /* a regular expression that matches one character wherever it stands */
        PATTERN_REGEX    /* any other */
    } kind;
    char *literal; /* the string; of the last two kinds the expression */
    size_t len;
    uint32_t c; /* the character, or RF_PATTERN_WHITE */
    size_t min;
};

/* RF_NO_MEMORY, nothing has to be released then. */
rf_status rf__replace_pattern_literal(struct replace_pattern *pattern, const char *text, size_t len, rf_error *err);
rf_status rf__replace_pattern_regex(struct replace_pattern *pattern, const char *text, size_t len, rf_error *err);
void rf__replace_pattern_release(struct replace_pattern *pattern);

#endif
