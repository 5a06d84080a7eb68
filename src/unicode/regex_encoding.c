/*
 * regex_encoding: an encoding is a struct of functions, so ours is a copy of Oniguruma's with three of them replaced:
 * from the name of a property to its number, whether a character has it, and all characters that have it.
 *
 * The numbers are Oniguruma's own, so that every alias of a name is known; those of names that a linked version does
 * not know begin at FIRST_OWN. General categories and their groups, scripts and the standard classes (\w, \d, \s,
 * [[:alpha:]] …) are answered from regex_tables.h. The rest (blocks, ages, Emoji, grapheme clusters, folding of case)
 * stays with the linked version.
 */
#include "unicode/regex_encoding.h"

#include "unicode/unicode.h"

#include <assert.h>
#include <string.h>

#define FIRST_OWN      4096 /* above every number of Oniguruma's, which has some 600 */
#define MAX_PROPERTIES 320
#define MAX_NAME       64
#define NO_PROPERTY    UINT16_MAX

struct property {
    const char *name;
    enum { CATEGORIES, SCRIPT, STANDARD } kind;
    uint32_t value; /* bits of categories; number of a script or a standard class */
};

static struct property properties[MAX_PROPERTIES];
static size_t n_properties;
static uint16_t of_number[FIRST_OWN]; /* index of properties, or NO_PROPERTY */

/* What get_ctype_code_range gives: the number of ranges, then their ends. Read before the next question. */
static OnigCodePoint found_ranges[1 + 2 * 4096];

/* ---- Which property --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *categories; /* those that begin with one of its letters */
} groups[] = {{"C", "C"}, {"L", "L"}, {"M", "M"},         {"N", "N"},         {"P", "P"},
              {"S", "S"}, {"Z", "Z"}, {"Any", "CLMNPSZ"}, {"Assigned", NULL}, {"LC", NULL}};

static const struct {
    const char *name;
    OnigEncCtype number;
} aliases[] = {
    {"Alphabetic", ONIGENC_CTYPE_ALPHA},  {"Lowercase", ONIGENC_CTYPE_LOWER},        {"Uppercase", ONIGENC_CTYPE_UPPER},
    {"White_Space", ONIGENC_CTYPE_SPACE}, {"ASCII_Hex_Digit", ONIGENC_CTYPE_XDIGIT},
};

static uint32_t category_bits(const char *first_letters)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < RF_REGEX_N_CATEGORIES; i++)
        if (strchr(first_letters, rf__regex_categories[i][0]) != NULL)
            bits |= UINT32_C(1) << i;
    return bits;
}

static uint32_t category_bit(const char *name)
{
    size_t i = 0;

    while (strcmp(rf__regex_categories[i], name) != 0)
        i++;
    return UINT32_C(1) << i;
}

static uint32_t group_bits(size_t i)
{
    if (groups[i].categories != NULL)
        return category_bits(groups[i].categories);
    if (strcmp(groups[i].name, "LC") == 0)
        return category_bit("Lu") | category_bit("Ll") | category_bit("Lt");
    return category_bits("CLMNPSZ") & ~category_bit("Cn");
}

static void put(int number, const struct property *property)
{
    assert(n_properties < MAX_PROPERTIES);
    if (number >= 0 && number < FIRST_OWN)
        of_number[number] = (uint16_t)n_properties;
    properties[n_properties++] = *property;
}

static void put_name(const struct property *property)
{
    OnigUChar *name = (OnigUChar *)(uintptr_t)property->name;

    put(OnigEncodingUTF8.property_name_to_ctype(&OnigEncodingUTF8, name, name + strlen(property->name)), property);
}

static void fill_properties(void)
{
    memset(of_number, 0xFF, sizeof of_number);
    for (int number = ONIGENC_CTYPE_ALPHA; number <= ONIGENC_CTYPE_ASCII; number++)
        put(number, &(struct property){"", STANDARD, (uint32_t)number});
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        put_name(&(struct property){aliases[i].name, STANDARD, aliases[i].number});
    for (size_t i = 0; i < RF_REGEX_N_CATEGORIES; i++)
        put_name(&(struct property){rf__regex_categories[i], CATEGORIES, UINT32_C(1) << i});
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        put_name(&(struct property){groups[i].name, CATEGORIES, group_bits(i)});
    for (size_t i = 0; i < rf__regex_n_scripts; i++)
        put_name(&(struct property){rf__regex_scripts[i], SCRIPT, (uint32_t)i});
}

/* A name without case, spaces, hyphens and underscores; false when it is too long for any of ours. */
static bool fold_name(const OnigUChar *p, const OnigUChar *end, char out[MAX_NAME])
{
    size_t n = 0;

    for (; p < end; p++) {
        if (*p == ' ' || *p == '-' || *p == '_')
            continue;
        if (n + 1 == MAX_NAME)
            return false;
        out[n++] = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    }
    out[n] = 0;
    return n > 0;
}

static int property_name_to_ctype(struct OnigEncodingTypeST *enc, OnigUChar *p, OnigUChar *end)
{
    int number = OnigEncodingUTF8.property_name_to_ctype(enc, p, end);
    char asked[MAX_NAME], known[MAX_NAME];

    if (number >= 0 || !fold_name(p, end, asked))
        return number;
    for (size_t i = 0; i < n_properties; i++) {
        const OnigUChar *name = (const OnigUChar *)properties[i].name;
        if (fold_name(name, name + strlen(properties[i].name), known) && strcmp(asked, known) == 0)
            return FIRST_OWN + (int)i;
    }
    return number;
}

/* ---- Which characters ------------------------------------------------------------------------------------------- */

static const struct property *property_of(OnigCtype number)
{
    size_t i;

    if (number >= FIRST_OWN)
        return number - FIRST_OWN < n_properties ? &properties[number - FIRST_OWN] : NULL;
    i = of_number[number];
    return i == NO_PROPERTY ? NULL : &properties[i];
}

static bool has(uint32_t c, const struct property *property)
{
    uint32_t record = rf__regex_record(c);

    switch (property->kind) {
    case CATEGORIES:
        return (property->value >> (record & RF_REGEX_CATEGORY_MASK) & 1) != 0;
    case SCRIPT:
        return (record >> RF_REGEX_SCRIPT_SHIFT & RF_REGEX_SCRIPT_MASK) == property->value;
    case STANDARD:
        break;
    }
    return (record >> (RF_REGEX_STANDARD_SHIFT + property->value) & 1) != 0;
}

/* Below U+0100 Oniguruma has a table of its own for the standard classes, which never changed. */
static int is_code_ctype(OnigCodePoint code, OnigCtype number)
{
    const struct property *property = property_of(number);

    if (property == NULL || code >= RF_UNICODE_LIMIT || (code < 0x100 && number <= ONIGENC_MAX_STD_CTYPE))
        return OnigEncodingUTF8.is_code_ctype(code, number);
    return has(code, property);
}

static int get_ctype_code_range(OnigCtype number, OnigCodePoint *sb_out, const OnigCodePoint *ranges[])
{
    const struct property *property = property_of(number);
    OnigCodePoint n = 0;
    bool inside = false;

    if (property == NULL)
        return OnigEncodingUTF8.get_ctype_code_range(number, sb_out, ranges);
    for (uint32_t c = 0; c <= RF_UNICODE_LIMIT; c++) {
        bool is = c < RF_UNICODE_LIMIT && has(c, property);
        if (is == inside)
            continue;
        inside = is;
        if (is) {
            assert(n < (sizeof found_ranges / sizeof found_ranges[0] - 1) / 2);
            found_ranges[1 + 2 * n] = c;
        } else {
            found_ranges[2 + 2 * n++] = c - 1;
        }
    }
    found_ranges[0] = n;
    *sb_out = 0x80;
    *ranges = found_ranges;
    return 0;
}

OnigEncoding rf__regex_encoding(void)
{
    static OnigEncodingType encoding;

    if (n_properties == 0) {
        fill_properties();
        encoding = OnigEncodingUTF8;
        encoding.property_name_to_ctype = property_name_to_ctype;
        encoding.is_code_ctype = is_code_ctype;
        encoding.get_ctype_code_range = get_ctype_code_range;
    }
    return &encoding;
}
