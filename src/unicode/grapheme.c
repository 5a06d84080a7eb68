/* grapheme: the rules of Unicode Standard Annex 29, in the order of unicode-segmentation's check_pair(). */
#include "unicode/grapheme.h"

enum pair { JOINS, BREAKS, AFTER_LINKER, AFTER_PICTOGRAPHIC_ZWJ, REGIONAL_PAIR };

static bool is_control(unsigned class)
{
    return class == RF_GRAPHEME_CONTROL || class == RF_GRAPHEME_CR || class == RF_GRAPHEME_LF;
}

/* GB6 to GB8 */
static bool is_hangul_pair(unsigned before, unsigned after)
{
    bool is_syllable = after == RF_GRAPHEME_LV || after == RF_GRAPHEME_LVT;

    if (before == RF_GRAPHEME_L)
        return after == RF_GRAPHEME_L || after == RF_GRAPHEME_V || is_syllable;
    if (before == RF_GRAPHEME_LV || before == RF_GRAPHEME_V)
        return after == RF_GRAPHEME_V || after == RF_GRAPHEME_T;
    return (before == RF_GRAPHEME_LVT || before == RF_GRAPHEME_T) && after == RF_GRAPHEME_T;
}

static enum pair pair_of(unsigned before, unsigned after)
{
    if (before == RF_GRAPHEME_CR && after == RF_GRAPHEME_LF)
        return JOINS; /* GB3 */
    if (is_control(before) || is_control(after))
        return BREAKS; /* GB4, GB5 */
    if (is_hangul_pair(before, after) || after == RF_GRAPHEME_EXTEND || after == RF_GRAPHEME_ZWJ ||
        after == RF_GRAPHEME_SPACING_MARK || before == RF_GRAPHEME_PREPEND)
        return JOINS; /* GB6 to GB9b */
    if (after == RF_GRAPHEME_CONSONANT)
        return AFTER_LINKER; /* GB9c */
    if (before == RF_GRAPHEME_ZWJ && after == RF_GRAPHEME_PICTOGRAPHIC)
        return AFTER_PICTOGRAPHIC_ZWJ; /* GB11 */
    if (before == RF_GRAPHEME_REGIONAL && after == RF_GRAPHEME_REGIONAL)
        return REGIONAL_PAIR; /* GB12, GB13 */
    return BREAKS;
}

static void take(struct grapheme *grapheme, unsigned entry)
{
    unsigned class = entry & RF_GRAPHEME_CLASS;

    grapheme->last = entry;
    grapheme->n_regional = class == RF_GRAPHEME_REGIONAL ? grapheme->n_regional + 1 : 0;
    if (class == RF_GRAPHEME_CONSONANT) {
        grapheme->has_consonant = true;
        grapheme->has_linker = false;
    } else if ((entry & RF_GRAPHEME_INDIC_LINKER) != 0) {
        grapheme->has_linker = grapheme->has_consonant;
    } else if ((entry & RF_GRAPHEME_INDIC_EXTEND) == 0) {
        grapheme->has_consonant = grapheme->has_linker = false;
    }
    if (class == RF_GRAPHEME_PICTOGRAPHIC) {
        grapheme->has_pictographic = true;
        grapheme->has_zwj = false;
    } else if (grapheme->has_pictographic && !grapheme->has_zwj && class == RF_GRAPHEME_ZWJ) {
        grapheme->has_zwj = true;
    } else if (grapheme->has_zwj || class != RF_GRAPHEME_EXTEND) {
        grapheme->has_pictographic = grapheme->has_zwj = false;
    }
}

void rf__grapheme_begin(struct grapheme *grapheme, uint32_t c)
{
    *grapheme = (struct grapheme){0};
    take(grapheme, rf__grapheme_of(c));
}

static bool joins(const struct grapheme *grapheme, enum pair pair)
{
    switch (pair) {
    case JOINS:
        return true;
    case AFTER_LINKER:
        return grapheme->has_linker;
    case AFTER_PICTOGRAPHIC_ZWJ:
        return grapheme->has_zwj;
    case REGIONAL_PAIR:
        return grapheme->n_regional % 2 == 1;
    case BREAKS:
        break;
    }
    return false;
}

bool rf__grapheme_joins(struct grapheme *grapheme, uint32_t c)
{
    unsigned entry = rf__grapheme_of(c);

    if (!joins(grapheme, pair_of(grapheme->last & RF_GRAPHEME_CLASS, entry & RF_GRAPHEME_CLASS)))
        return false;
    take(grapheme, entry);
    return true;
}

bool rf__grapheme_always_breaks(uint32_t before, uint32_t after)
{
    unsigned entry = rf__grapheme_of(before);
    enum pair pair = pair_of(entry & RF_GRAPHEME_CLASS, rf__grapheme_of(after) & RF_GRAPHEME_CLASS);

    if (pair == AFTER_LINKER)
        return (entry & (RF_GRAPHEME_INDIC_LINKER | RF_GRAPHEME_INDIC_EXTEND)) == 0;
    return pair == BREAKS;
}
