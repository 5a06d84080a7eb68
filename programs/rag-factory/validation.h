/* validation: what a validation found, as text, JSON, Markdown and a picture. */
#ifndef RF_PROGRAM_VALIDATION_H
#define RF_PROGRAM_VALIDATION_H

#include "opt.h"
#include "output.h"

/* "0.995", a cosine. OPT_GO_ON, or wrong usage, told; NULL: `out` is left. */
int rf__validation_threshold(const struct command *command, const char *text, double *out);

void rf__validation_text(const rf_validate_report *report, struct output *out);
/* An object, without a newline behind it. */
void rf__validation_json(const rf_validate_report *report, struct output *out);
/* How many texts have which cosine. */
void rf__validation_svg(const rf_validate_report *report, struct output *out);

/* Whether `path` ends with .md, .json or .svg. */
bool rf__validation_knows(const char *path);
/* Writes the report in the form that the name's end says, whole or not at all: a .md has its picture in a .svg beside
 * it. */
rf_status rf__validation_write(const rf_validate_report *report, const char *path, rf_error *err);

#endif
