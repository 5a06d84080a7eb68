/* regex_loops: see regex_loops.h. The syntax is doc/RE of Oniguruma, where it is ONIG_SYNTAX_ONIGURUMA. */
#include "unicode/regex_loops.h"

#include "unicode/regex.h"

#include <string.h>

#define NOTHING SIZE_MAX /* there is nothing that a quantifier could repeat */
#define MARK    "(?:(?{n})"

/* The pattern, from left to right. */
struct walk {
    const char *text;
    size_t len, at;
    struct buf *out;
    size_t atom; /* where in `out` what a quantifier would repeat begins, or NOTHING */
    size_t n_loops;
    struct {
        size_t begin; /* in `out` */
        bool is_atom;
    } groups[RF_REGEX_MAX_DEPTH];
    size_t n_groups;
    rf_error *err;
};

static rf_status fail(const struct walk *walk, const char *what)
{
    return rf__fail(walk->err, RF_UNSUPPORTED, "unsupported: %s at byte %zu", what, walk->at);
}

static char peek(const struct walk *walk, size_t ahead)
{
    return walk->len - walk->at > ahead ? walk->text[walk->at + ahead] : '\0';
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copies the next bytes. */
static rf_status copy(struct walk *walk, size_t len)
{
    rf_status status = rf__buf_append(walk->out, walk->text + walk->at, len, walk->err);

    walk->at += len;
    return status;
}

/* Copies the next bytes, which are one thing that can be repeated. */
static rf_status copy_atom(struct walk *walk, size_t len)
{
    walk->atom = walk->out->len;
    return copy(walk, len);
}

/* How many bytes from here on end with the first `end` at or behind `from`; 0 when there is none. `allowed`: what may
 * come before it; NULL: anything. */
static size_t through(const struct walk *walk, size_t from, char end, const char *allowed)
{
    for (size_t i = walk->at + from; i < walk->len; i++) {
        if (walk->text[i] == end)
            return i + 1 - walk->at;
        if (allowed != NULL && !is_one_of(walk->text[i], allowed))
            break;
    }
    return 0;
}

/* ---- Things that can be repeated -------------------------------------------------------------------------------- */

static size_t char_len(const struct walk *walk, size_t ahead)
{
    size_t n = 1;

    while (((uint8_t)peek(walk, ahead + n) & 0xC0) == 0x80)
        n++;
    return n;
}

static bool is_hex(char c)
{
    return is_one_of(c, "0123456789abcdefABCDEF");
}

static rf_status copy_escape(struct walk *walk)
{
    char c = peek(walk, 1), next = peek(walk, 2);
    size_t len = 2;

    if (is_one_of(c, "bBAZzGKyY")) {
        walk->atom = NOTHING;
        return copy(walk, 2);
    }
    if (c == '\0' || is_one_of(c, "cCMQER")) /* \R* is not (?:\R)*, by a fault of Oniguruma */
        return fail(walk, "an escape");
    if (is_one_of(c, "pP"))
        len = next == '{' ? through(walk, 3, '}', NULL) : 0;
    else if (is_one_of(c, "xo") && next == '{')
        len = through(walk, 3, '}', "0123456789abcdefABCDEF");
    else if (c == 'x')
        len = 2 + is_hex(next) + (is_hex(next) && is_hex(peek(walk, 3)));
    else if (c == 'u')
        len = 6;
    else if (is_one_of(c, "kg") && is_one_of(next, "<'"))
        len = through(walk, 3, next == '<' ? '>' : '\'', NULL);
    else if (is_digit(c) && is_digit(next))
        len = 0;
    else
        len = 1 + char_len(walk, 1);
    if (len == 0 || len > walk->len - walk->at)
        return fail(walk, "an escape");
    return copy_atom(walk, len);
}

/* [a-z], [^]], [[:alpha:]&&[^x]] … */
static rf_status copy_class(struct walk *walk)
{
    size_t depth = 0, i = walk->at;

    while (i < walk->len) {
        char c = walk->text[i++];
        if (c == '[') {
            depth++;
            if (i < walk->len && walk->text[i] == '^')
                i++;
            if (i < walk->len && walk->text[i] == ']')
                i++; /* as the first one it stands for itself */
        } else if (c == '\\') {
            if (i < walk->len && is_one_of(walk->text[i], "cCMQE"))
                return fail(walk, "an escape");
            i++;
        } else if (c == ']' && --depth == 0) {
            return copy_atom(walk, i - walk->at);
        }
    }
    return fail(walk, "a class");
}

/* ---- Groups ----------------------------------------------------------------------------------------------------- */

/* How many bytes a group begins with; 0 when it is of an unknown sort. */
static size_t group_begin(const struct walk *walk, bool *is_atom)
{
    char c = peek(walk, 2);

    *is_atom = true;
    if (peek(walk, 1) == '*')
        return 0;
    if (peek(walk, 1) != '?')
        return 1;
    if (c == ':' || c == '>')
        return 3;
    *is_atom = c == '<' && !is_one_of(peek(walk, 3), "=!");
    if (c == '=' || c == '!')
        return 3;
    if (c == '<' && !*is_atom)
        return 4;
    return c == '<' ? through(walk, 3, '>', NULL) : 0;
}

static rf_status open_group(struct walk *walk)
{
    size_t flags = peek(walk, 1) == '?' ? 2 : 0, len;
    bool is_atom;

    while (flags > 0 && is_one_of(peek(walk, flags), "imDSWP-"))
        flags++;
    if (flags > 2 && peek(walk, flags) == ')') { /* (?i): to the end of the group that it is in */
        walk->atom = NOTHING;
        return copy(walk, flags + 1);
    }
    len = group_begin(walk, &is_atom);
    if (flags > 2 && peek(walk, flags) == ':') {
        len = flags + 1;
        is_atom = true;
    }
    if (len == 0)
        return fail(walk, "a group");
    if (walk->n_groups == RF_REGEX_MAX_DEPTH)
        return fail(walk, "a group as deep as that");
    walk->groups[walk->n_groups].begin = walk->out->len;
    walk->groups[walk->n_groups++].is_atom = is_atom;
    walk->atom = NOTHING;
    return copy(walk, len);
}

static rf_status close_group(struct walk *walk)
{
    if (walk->n_groups == 0)
        return fail(walk, "a parenthesis");
    walk->n_groups--;
    walk->atom = walk->groups[walk->n_groups].is_atom ? walk->groups[walk->n_groups].begin : NOTHING;
    return copy(walk, 1);
}

/* ---- Quantifiers ------------------------------------------------------------------------------------------------ */

/* The length of {n}, {n,}, {,m} or {n,m}, which begins so far ahead; 0 when it stands for itself. *repeats: more than
 * once. */
static size_t interval_len(const struct walk *walk, size_t ahead, bool *repeats)
{
    size_t i = ahead + 1, least = 0, most, n_digits = 0;
    bool has_comma = false, has_most = false;

    for (; is_digit(peek(walk, i)); i++, n_digits++)
        least = least < 10 ? least * 10 + (size_t)(peek(walk, i) - '0') : 10;
    most = least;
    if (peek(walk, i) == ',') {
        has_comma = true;
        for (i++, most = 0; is_digit(peek(walk, i)); i++, n_digits++, has_most = true)
            most = most < 10 ? most * 10 + (size_t)(peek(walk, i) - '0') : 10;
    }
    *repeats = least > 1 || most > 1 || (has_comma && !has_most);
    return peek(walk, i) == '}' && n_digits > 0 ? i + 1 - ahead : 0;
}

/* The length of one quantifier, without what may make it lazy or possessive; 0 when there is none. */
static size_t quantifier_len(const struct walk *walk, size_t ahead, bool *repeats)
{
    char c = peek(walk, ahead);

    *repeats = c == '*' || c == '+';
    if (is_one_of(c, "*+?"))
        return 1;
    return c == '{' ? interval_len(walk, ahead, repeats) : 0;
}

/* All quantifiers here, of which those behind the first may be quantifiers of the repetition, or say how it is done. */
static rf_status copy_quantifiers(struct walk *walk, size_t len, bool repeats)
{
    size_t first = len, next;
    bool next_repeats;
    rf_status status = RF_OK;

    while ((next = quantifier_len(walk, len, &next_repeats)) > 0) {
        repeats |= next_repeats && peek(walk, len) != '+';
        len += next;
    }
    /* a? and a?? and a?+ do not repeat, all else that is longer may. */
    repeats |= len > first + 1 || (len > first && peek(walk, 0) == '{');
    if (repeats && walk->atom != NOTHING) {
        size_t n = sizeof MARK - 1, moved = walk->out->len - walk->atom;
        if (++walk->n_loops > RF_REGEX_MAX_LOOPS)
            return fail(walk, "more than 1000 loops");
        status = rf__buf_append_str(walk->out, MARK ")", walk->err);
        if (status != RF_OK)
            return status;
        memmove(walk->out->data + walk->atom + n, walk->out->data + walk->atom, moved);
        memcpy(walk->out->data + walk->atom, MARK, n);
        walk->out->data[walk->atom + n + moved] = ')';
    }
    walk->atom = NOTHING;
    return copy(walk, len);
}

static rf_status copy_next(struct walk *walk)
{
    bool repeats;
    size_t len = quantifier_len(walk, 0, &repeats);

    if (len > 0)
        return copy_quantifiers(walk, len, repeats);
    switch (peek(walk, 0)) {
    case '\\':
        return copy_escape(walk);
    case '[':
        return copy_class(walk);
    case '(':
        return open_group(walk);
    case ')':
        return close_group(walk);
    case '|':
    case '^':
    case '$':
        walk->atom = NOTHING;
        return copy(walk, 1);
    default:
        return copy_atom(walk, char_len(walk, 0));
    }
}

rf_status rf__regex_mark_loops(const char *pattern, size_t len, struct buf *out, size_t *n_loops, rf_error *err)
{
    struct walk walk = {.text = pattern, .len = len, .out = out, .atom = NOTHING, .err = err};
    rf_status status = RF_OK;

    while (walk.at < len && status == RF_OK)
        status = copy_next(&walk);
    *n_loops = walk.n_loops;
    return status;
}
