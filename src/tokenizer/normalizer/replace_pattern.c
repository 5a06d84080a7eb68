/* replace_pattern: see replace_pattern.h. The syntax is Oniguruma's for Ruby. */
#include "tokenizer/normalizer/replace_pattern.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

/* The expression, from left to right. */
struct reader {
    const char *text;
    size_t len, at;
};

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static char escaped(char c)
{
    static const char names[] = "ntrfv", values[] = "\n\t\r\f\v";
    const char *found = c == '\0' ? NULL : strchr(names, c);

    if (found != NULL)
        return values[found - names];
    return is_one_of(c, "\\.+*?()|[]{}^$#&-~/ ") ? c : '\0';
}

/* A character that stands for itself, escaped or not. False when there is none; nothing is read then. */
static bool read_char(struct reader *reader, uint32_t *c)
{
    const char *text = reader->text + reader->at;
    size_t len = reader->len - reader->at;

    if (len == 0 || is_one_of(*text, ".+*?()|[]{}^$"))
        return false;
    if (*text != '\\') {
        reader->at += rf__utf8_decode(text, len, c);
        return true;
    }
    if (len == 1 || escaped(text[1]) == '\0')
        return false;
    *c = (uint8_t)escaped(text[1]);
    reader->at += 2;
    return true;
}

/* What is left of an expression behind its one character: nothing, `+` or `{min,}`. */
static bool read_repeat(const struct reader *reader, size_t *min)
{
    const char *text = reader->text + reader->at;
    size_t len = reader->len - reader->at, i = 1;

    *min = 1;
    if (len == 1 && text[0] == '+')
        return true;
    if (len < 4 || len > 8 || text[0] != '{' || text[len - 2] != ',' || text[len - 1] != '}')
        return false;
    for (*min = 0; text[i] >= '0' && text[i] <= '9'; i++)
        *min = *min * 10 + (size_t)(text[i] - '0');
    return i == len - 2 && *min > 0;
}

/* Whether the expression is one class, such as [!-/:-@] or \d. */
static bool is_class(const char *text, size_t len)
{
    size_t i;

    if (len == 2 && text[0] == '\\')
        return is_one_of(text[1], "sSdDwW");
    if (len < 3 || text[0] != '[' || text[1] == ']')
        return false;
    for (i = 1; i < len && text[i] != ']'; i++) {
        if (text[i] == '[' || (text[i] == '&' && i + 1 < len && text[i + 1] == '&'))
            return false; /* classes in it */
        if (text[i] == '\\')
            i++;
    }
    return i == len - 1;
}

static rf_status keep(struct replace_pattern *pattern, int kind, const char *text, size_t len, rf_error *err)
{
    pattern->kind = kind;
    pattern->literal = rf__strndup(text, len);
    pattern->len = len;
    return pattern->literal == NULL ? rf__fail_memory(err) : RF_OK;
}

rf_status rf__replace_pattern_literal(struct replace_pattern *pattern, const char *text, size_t len, rf_error *err)
{
    *pattern = (struct replace_pattern){0};
    /* Nothing is found between any two characters. */
    return keep(pattern, len == 0 ? PATTERN_REGEX : PATTERN_LITERAL, text, len, err);
}

/* A string of characters that stand for themselves. False when the expression is something else. */
static bool unescape(const char *text, size_t len, char *out, size_t *out_len)
{
    struct reader reader = {text, len, 0};
    uint32_t c;

    *out_len = 0;
    while (read_char(&reader, &c))
        *out_len += rf__utf8_encode(c, out + *out_len);
    return len > 0 && reader.at == len;
}

rf_status rf__replace_pattern_regex(struct replace_pattern *pattern, const char *text, size_t len, rf_error *err)
{
    struct reader reader = {text, len, 0};
    bool is_white = len >= 2 && text[0] == '\\' && text[1] == 's';
    char *literal;
    size_t literal_len;
    rf_status status;

    *pattern = (struct replace_pattern){0};
    if (is_white)
        reader.at = 2;
    if ((is_white || read_char(&reader, &pattern->c)) &&
        (read_repeat(&reader, &pattern->min) || (is_white && len == 2))) {
        pattern->kind = reader.at == len ? PATTERN_EACH : PATTERN_RUN;
        if (is_white)
            pattern->c = RF_PATTERN_WHITE;
        return RF_OK;
    }
    if (is_class(text, len))
        return keep(pattern, PATTERN_CLASS, text, len, err);
    literal = rf__alloc(len);
    if (literal == NULL)
        return rf__fail_memory(err);
    if (unescape(text, len, literal, &literal_len))
        status = keep(pattern, PATTERN_LITERAL, literal, literal_len, err);
    else
        status = keep(pattern, PATTERN_REGEX, text, len, err);
    rf__free(literal);
    return status;
}

void rf__replace_pattern_release(struct replace_pattern *pattern)
{
    rf__free(pattern->literal);
    *pattern = (struct replace_pattern){0};
}
