/* nearest: see nearest.h. */
#include "base/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MAX_NAME 64 /* bytes of a word that is looked at */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance, one row of its matrix at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1], len_a = strlen(a), len_b = strlen(b);

    if (len_a > MAX_NAME || len_b > MAX_NAME)
        return SIZE_MAX;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len_b];
}

const char *rf__nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1;

    for (size_t i = 0; i < n; i++) {
        bool is_beginning = strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0;
        size_t d = is_beginning ? 1 : distance(word, candidates[i]);
        if (d < best_distance || (d == best_distance && best == NULL)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
