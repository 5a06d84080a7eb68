/*
 * grapheme: extended grapheme clusters, what a reader takes for one character (Unicode Standard Annex 29), as the crate
 * unicode-segmentation splits a text into them.
 */
#ifndef RF_UNICODE_GRAPHEME_H
#define RF_UNICODE_GRAPHEME_H

#include "unicode/unicode_tables.h"

/* The classes of Grapheme_Cluster_Break that characters have, and those of rule GB9c, which may come on top. */
enum grapheme_class {
    RF_GRAPHEME_ANY,
    RF_GRAPHEME_CR,
    RF_GRAPHEME_LF,
    RF_GRAPHEME_CONTROL,
    RF_GRAPHEME_EXTEND,
    RF_GRAPHEME_ZWJ,
    RF_GRAPHEME_SPACING_MARK,
    RF_GRAPHEME_PREPEND,
    RF_GRAPHEME_REGIONAL,
    RF_GRAPHEME_L,
    RF_GRAPHEME_V,
    RF_GRAPHEME_T,
    RF_GRAPHEME_LV,
    RF_GRAPHEME_LVT,
    RF_GRAPHEME_PICTOGRAPHIC,
    RF_GRAPHEME_CONSONANT, /* InCB=Consonant */
    RF_GRAPHEME_CLASS = 15,
    RF_GRAPHEME_INDIC_EXTEND = 16, /* InCB=Extend, beside the class */
    RF_GRAPHEME_INDIC_LINKER = 32  /* InCB=Linker */
};

static inline unsigned rf__grapheme_of(uint32_t c)
{
    size_t block = rf__unicode_grapheme_block[c >> RF_UNICODE_SHIFT];

    return rf__unicode_grapheme[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];
}

/* What is known of a cluster so far. */
struct grapheme {
    unsigned last;         /* rf__grapheme_of() its last character */
    unsigned n_regional;   /* how many regional indicators it ends with */
    bool has_consonant;    /* it ends with a consonant and what extends it, */
    bool has_linker;       /* a linker among that */
    bool has_pictographic; /* it ends with a pictograph and what extends it, */
    bool has_zwj;          /* the last of it a ZWJ */
};

/* Begins a cluster with a character. */
void rf__grapheme_begin(struct grapheme *grapheme, uint32_t c);
/* Whether the next character belongs to the cluster; it is taken in then. */
bool rf__grapheme_joins(struct grapheme *grapheme, uint32_t c);

/* Whether a cluster ends between two characters, whatever stands around them. False also when that depends on it. */
bool rf__grapheme_always_breaks(uint32_t before, uint32_t after);

#endif
