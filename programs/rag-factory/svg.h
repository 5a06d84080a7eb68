/* svg: what pictures share. */
#ifndef RF_PROGRAM_SVG_H
#define RF_PROGRAM_SVG_H

#include "output.h"

#define RF_SVG_INK   "#1f2937"
#define RF_SVG_FAINT "#6b7280"
#define RF_SVG_GRID  "#e5e7eb"

/* A white picture of that many pixels. */
void rf__svg_begin(struct output *out, int width, int height);
void rf__svg_end(struct output *out);

/* One line of text; `anchor` is start, middle or end, `weight` 400 or 600. */
void rf__svg_label(struct output *out, double x, double y, int size, const char *color, const char *anchor,
                   const char *weight, const char *text);

#endif
