/* characters: how many characters of a text come before a byte, and where a character begins. Asked from left to right,
 * as mostly, it walks; for anything farther away it marks each STEP-th character, once for a text. */
#include "tokenizer/encode.h"

#include "base/mem.h"
#include "base/utf8.h"

#define STEP 256

void rf__characters_begin(struct characters *characters, rf_text text)
{
    characters->text = text;
    characters->n_marks = 0;
}

void rf__characters_release(struct characters *characters)
{
    rf__free(characters->marks);
    *characters = (struct characters){0};
}

/* Goes on to the last character that begins at or before `at`, but not beyond number n. */
static void walk(rf_text text, struct character_place *place, size_t at, size_t n)
{
    while (place->at < at && place->n < n) {
        uint32_t c;
        size_t len = rf__utf8_decode(text.data + place->at, text.len - place->at, &c);
        if (len > at - place->at)
            break;
        place->at += len;
        place->n++;
    }
}

static rf_status make_marks(struct characters *characters, rf_error *err)
{
    rf_text text = characters->text;
    struct character_place place = {0, 0};
    size_t n = text.len / STEP + 1; /* at most: a character has a byte */

    if (characters->n_marks > 0)
        return RF_OK;
    if (n > characters->cap) {
        rf__free(characters->marks);
        characters->cap = 0;
        characters->marks = rf__alloc_array(n, sizeof *characters->marks);
        if (characters->marks == NULL)
            return rf__fail_memory(err);
        characters->cap = n;
    }
    do {
        characters->marks[characters->n_marks++] = place.at;
        walk(text, &place, text.len, place.n + STEP);
    } while (place.at < text.len);
    return RF_OK;
}

rf_status rf__characters_go(struct characters *characters, struct character_place *place, size_t at, rf_error *err)
{
    if (at < place->at || at - place->at > STEP) {
        size_t low = 0, high;
        rf_status status = make_marks(characters, err);
        if (status != RF_OK)
            return status;
        for (high = characters->n_marks; high - low > 1;) {
            size_t middle = low + (high - low) / 2;
            if (characters->marks[middle] <= at)
                low = middle;
            else
                high = middle;
        }
        *place = (struct character_place){characters->marks[low], low * STEP};
    }
    walk(characters->text, place, at, SIZE_MAX);
    return RF_OK;
}

rf_status rf__characters_find(struct characters *characters, struct character_place near, size_t n, size_t *at,
                              rf_error *err)
{
    if (n < near.n && near.n - n < STEP) {
        for (; near.n > n; near.n--)
            near.at = rf__text_before(characters->text.data, near.at);
    } else if (n < near.n || n - near.n > STEP) {
        rf_status status = make_marks(characters, err);
        size_t mark = n / STEP;
        if (status != RF_OK)
            return status;
        if (mark >= characters->n_marks)
            mark = characters->n_marks - 1;
        near = (struct character_place){characters->marks[mark], mark * STEP};
    }
    walk(characters->text, &near, characters->text.len, n);
    *at = near.at;
    return RF_OK;
}
