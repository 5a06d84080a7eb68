/*
 * normal_form: decomposition, canonical order and composition (Unicode Standard Annex 15; Hangul: chapter 3.12 of the
 * standard). A text is in NFD when every character is decomposed and every run of nonstarters, between two characters
 * of combining class 0, is sorted by class.
 */
#include "unicode/unicode.h"

#include <string.h>

#define S_BASE  0xAC00u
#define L_BASE  0x1100u
#define V_BASE  0x1161u
#define T_BASE  0x11A7u
#define L_COUNT 19u
#define V_COUNT 21u
#define T_COUNT 28u
#define N_COUNT (V_COUNT * T_COUNT)

static size_t decompose_hangul(uint32_t c, uint32_t *out)
{
    uint32_t syllable = c - S_BASE, trailing = syllable % T_COUNT;

    out[0] = L_BASE + syllable / N_COUNT;
    out[1] = V_BASE + syllable % N_COUNT / T_COUNT;
    out[2] = T_BASE + trailing;
    return trailing == 0 ? 2 : 3;
}

/* `position` in the pool; 0: no decomposition. */
static size_t take_decomposition(uint32_t c, size_t position, uint32_t *out)
{
    uint32_t n;

    if (position == 0) {
        out[0] = c;
        return 1;
    }
    n = rf__unicode_nfd_pool[position];
    memcpy(out, &rf__unicode_nfd_pool[position + 1], n * sizeof *out);
    return n;
}

size_t rf__unicode_decompose(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFD])
{
    size_t block;

    if (rf__unicode_is_hangul_syllable(c))
        return decompose_hangul(c, out);
    block = rf__unicode_nfd_at_block[c >> RF_UNICODE_SHIFT];
    return take_decomposition(c, rf__unicode_nfd_at[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)], out);
}

size_t rf__unicode_decompose_compatible(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFKD])
{
    size_t block = rf__unicode_nfkd_at_block[c >> RF_UNICODE_SHIFT];
    size_t position = rf__unicode_nfkd_at[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];

    return position == 0 ? rf__unicode_decompose(c, out) : take_decomposition(c, position, out);
}

uint32_t rf__unicode_compose(uint32_t first, uint32_t second)
{
    size_t block = rf__unicode_composed_at_block[first >> RF_UNICODE_SHIFT];
    size_t position = rf__unicode_composed_at[block << RF_UNICODE_SHIFT | (first & RF_UNICODE_MASK)];

    if (position != 0) {
        uint32_t n = rf__unicode_composed_pool[position];
        const uint32_t *pair = &rf__unicode_composed_pool[position + 1];
        while (n > 0 && pair[0] < second)
            n--, pair += 2;
        return n > 0 && pair[0] == second ? pair[1] : 0;
    }
    if (first - L_BASE < L_COUNT && second - V_BASE < V_COUNT)
        return S_BASE + (first - L_BASE) * N_COUNT + (second - V_BASE) * T_COUNT;
    if (rf__unicode_is_hangul_syllable(first) && (first - S_BASE) % T_COUNT == 0 && second > T_BASE &&
        second - T_BASE < T_COUNT)
        return first + (second - T_BASE);
    return 0;
}

/* Few pieces, as nearly always: insertion sort, which is stable. */
static void order_few(struct nfd_piece *pieces, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct nfd_piece piece = pieces[i];
        size_t k = i;
        for (; k > 0 && pieces[k - 1].ccc > piece.ccc; k--)
            pieces[k] = pieces[k - 1];
        pieces[k] = piece;
    }
}

void rf__nfd_order(struct nfd_piece *pieces, struct nfd_piece *spare, size_t n)
{
    size_t begin[256] = {0}, at = 0;

    if (n <= 16) {
        order_few(pieces, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        begin[pieces[i].ccc]++;
    for (size_t class = 0; class < 256; class ++) {
        size_t count = begin[class];
        begin[class] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++)
        spare[begin[pieces[i].ccc]++] = pieces[i];
    memcpy(pieces, spare, n * sizeof *pieces);
}
