/*
 * normal_form: canonical decomposition and canonical order (Unicode Standard Annex 15; Hangul: chapter 3.12 of the
 * standard). A text is in NFD when every character is decomposed and every run of nonstarters, between two characters
 * of combining class 0, is sorted by class.
 */
#include "unicode/unicode.h"

#include <string.h>

#define S_BASE  0xAC00u
#define L_BASE  0x1100u
#define V_BASE  0x1161u
#define T_BASE  0x11A7u
#define T_COUNT 28u
#define N_COUNT (21u * T_COUNT)

static size_t decompose_hangul(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFD])
{
    uint32_t syllable = c - S_BASE, trailing = syllable % T_COUNT;

    out[0] = L_BASE + syllable / N_COUNT;
    out[1] = V_BASE + syllable % N_COUNT / T_COUNT;
    out[2] = T_BASE + trailing;
    return trailing == 0 ? 2 : 3;
}

size_t rf__unicode_decompose(uint32_t c, uint32_t out[RF_UNICODE_MAX_NFD])
{
    size_t block, position;
    uint32_t n;

    if (rf__unicode_is_hangul_syllable(c))
        return decompose_hangul(c, out);
    block = rf__unicode_nfd_at_block[c >> RF_UNICODE_SHIFT];
    position = rf__unicode_nfd_at[block << RF_UNICODE_SHIFT | (c & RF_UNICODE_MASK)];
    if (position == 0) {
        out[0] = c;
        return 1;
    }
    n = rf__unicode_nfd_pool[position];
    memcpy(out, &rf__unicode_nfd_pool[position + 1], n * sizeof *out);
    return n;
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
