/* display: see display.h. Widths follow Unicode's East Asian Width and general categories, by blocks. */
#include "display.h"

#include "base/utf8.h"
#include "os/os.h"

#include <string.h>

struct range {
    uint32_t first, last;
};

/* Combining marks, joiners and other format characters of scripts in use. */
static const struct range zero_width[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x0610, 0x061A},   {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x0900, 0x0902},   {0x093C, 0x093C},   {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0981, 0x0981}, {0x09BC, 0x09BC}, {0x09C1, 0x09C4},   {0x0A01, 0x0A02},   {0x0A3C, 0x0A51}, {0x0ABC, 0x0ABC},
    {0x0AC1, 0x0AC8}, {0x0B3C, 0x0B3C}, {0x0BC0, 0x0BC0},   {0x0BCD, 0x0BCD},   {0x0C3E, 0x0C40}, {0x0C46, 0x0C56},
    {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},   {0x0EB1, 0x0EB1},   {0x0EB4, 0x0EBC}, {0x0EC8, 0x0ECD},
    {0x0F71, 0x0F7E}, {0x102D, 0x1030}, {0x1032, 0x1037},   {0x1160, 0x11FF},   {0x135D, 0x135F}, {0x17B4, 0x17B5},
    {0x17B7, 0x17BD}, {0x17C6, 0x17C6}, {0x17C9, 0x17D3},   {0x1AB0, 0x1ACE},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20F0},   {0x302A, 0x302D},   {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF}, {0xE0001, 0xE01EF},
};

static const struct range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x2614, 0x2615},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x2705, 0x2705},   {0x274C, 0x274C},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},   {0x3041, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1B000, 0x1B2FB}, {0x1F18E, 0x1F18E},
    {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F567}, {0x1F57A, 0x1F57A},
    {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC},
    {0x1F6D0, 0x1F6D2}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC}, {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && c >= ranges[low].first;
}

static bool is_control(uint32_t c)
{
    /* The last two move text about on a terminal that knows bidirectional writing. */
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static size_t width_of(uint32_t c)
{
    if (is_control(c))
        return 1;
    if (c < 0x300)
        return 1;
    if (is_in(zero_width, sizeof zero_width / sizeof zero_width[0], c))
        return 0;
    return is_in(wide, sizeof wide / sizeof wide[0], c) ? 2 : 1;
}

size_t rf__display_width(const char *text, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len;) {
        uint32_t c;
        i += rf__utf8_decode(text + i, len - i, &c);
        width += width_of(c);
    }
    return width;
}

/* Bytes at the front of the text that take at most `width` columns, which go to *used. */
static size_t prefix_within(const char *text, size_t len, size_t width, size_t *used)
{
    size_t i = 0;

    *used = 0;
    while (i < len) {
        uint32_t c;
        size_t n = rf__utf8_decode(text + i, len - i, &c), columns = width_of(c);
        if (columns > width - *used)
            break;
        *used += columns;
        i += n;
    }
    return i;
}

static void print_clean(struct output *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        char bytes[RF_UTF8_MAX];
        uint32_t c;
        i += rf__utf8_decode(text + i, len - i, &c);
        rf__output_write(out, bytes, rf__utf8_encode(is_control(c) ? ' ' : c, bytes));
    }
}

void rf__display_print(struct output *out, const char *text, size_t len, size_t width, bool pad)
{
    size_t used, n = prefix_within(text, len, width, &used);
    bool is_cut = n < len && width > 0;

    if (is_cut)
        n = prefix_within(text, len, width - 1, &used);
    print_clean(out, text, n);
    if (is_cut)
        rf__output_text(out, "…");
    for (used += is_cut; pad && used < width; used++)
        rf__output_write(out, " ", 1);
}

bool rf__display_has_color(void)
{
    return rf__os_is_terminal(stdout) && rf__os_env("NO_COLOR") == NULL;
}

size_t rf__display_columns(void)
{
    return rf__os_is_terminal(stdout) ? (size_t)rf__os_terminal_width(stdout) : SIZE_MAX;
}
