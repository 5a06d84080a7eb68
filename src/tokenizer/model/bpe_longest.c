/*
 * bpe_longest: what merging gives, without merging. A piece comes about in one way only, whatever stands around it
 * (bpe_reduce.c), so a word becomes the one row of pieces in which no two neighbours have parts that would have merged
 * across the place between them. That row is looked for: at each place the longest piece that the text has there; a
 * shorter one where that and its left neighbour don't stay apart; another left neighbour where none is left. What is
 * found is right. In most texts it is found at once; where it takes long, merging is as good.
 */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"
#include "base/utf8.h"

/* A word is merged after so many steps for each byte that was reached, and START more; most texts take two to four. */
#define EFFORT 8
#define START  128

/* ---- The trie ----------------------------------------------------------------------------------------------- */

/* Writes the text of a piece, which its characters have room for; false when text does not become it in order. */
static bool write_text(const struct bpe *bpe, uint32_t id, char *out, size_t *len)
{
    const char *piece = rf__vocabulary_piece(&bpe->base.vocabulary, id, len);
    uint32_t c;

    if (piece == NULL || *len == 0)
        return false;
    if (bpe->bytes == NULL)
        memcpy(out, piece, *len);
    else if (!rf__bpe_bytes_of_chars(piece, *len, out, len))
        return false;
    if (bpe->made[id].left != RF_BPE_NONE)
        return true;
    if (bpe->bytes != NULL)
        return *len == 1 && bpe->bytes->ids[(uint8_t)*out] == id;
    return rf__utf8_decode(out, *len, &c) == *len && rf__bpe_char_id(bpe->forms[0], c) == id;
}

/* Each string once: of two ids with the same one, only one is a character or made. */
static rf_status build(const struct bpe *bpe, struct trie_key *keys, char *texts, struct double_array *out,
                       rf_error *err)
{
    size_t n = 0;

    for (uint32_t id = 0; id < bpe->base.vocabulary.n_ids; id++) {
        size_t len;
        if (!write_text(bpe, id, texts, &len))
            continue;
        keys[n++] = (struct trie_key){texts, (uint32_t)len, id};
        texts += len;
    }
    return rf__double_array_build(out, keys, n, err);
}

rf_status rf__bpe_prepare(struct model *self, rf_error *err)
{
    struct bpe *bpe = (struct bpe *)self;
    struct trie_key *keys;
    char *texts;
    rf_status status;

    rf__double_array_release(&bpe->trie);
    if (bpe->made == NULL)
        return RF_OK;
    keys = rf__alloc_array(self->vocabulary.n_pieces, sizeof *keys);
    texts = rf__alloc(self->vocabulary.pool_len);
    status = keys == NULL || texts == NULL ? rf__fail_memory(err) : build(bpe, keys, texts, &bpe->trie, err);
    rf__free(keys);
    rf__free(texts);
    return status;
}

/* ---- Looking ------------------------------------------------------------------------------------------------ */

/* Whether some merge puts the two characters at text[at] side by side. Of bytes, nearly each two are. */
static bool is_joined(const struct bpe *bpe, const char *text, size_t len, size_t at)
{
    size_t last;
    uint32_t before, after;

    if (bpe->bytes != NULL)
        return true;
    last = rf__text_before(text, at);
    rf__utf8_decode(text + last, at - last, &before);
    rf__utf8_decode(text + at, len - at, &after);
    return rf__bpe_joins(bpe, before, after);
}

/* Whether two pieces, one before text[at] and one from there on, are neighbours in the end. */
static bool are_neighbours(const struct bpe *bpe, const char *text, size_t len, size_t at, uint32_t left,
                           uint32_t right, uint64_t *effort)
{
    ++*effort;
    if (!is_joined(bpe, text, len, at))
        return true;
    return rf__bpe_rank(&bpe->pairs, left, right) == RF_BPE_NONE &&
           rf__bpe_stay_apart(&bpe->pairs, bpe->made, left, right, effort);
}

rf_status rf__bpe_longest(const struct bpe *bpe, const char *text, size_t len, struct bpe_word *word, bool *is_found,
                          rf_error *err)
{
    size_t at = 0, stop = len, reached = 0;
    uint64_t effort = 0;
    rf_status status = RF_OK;

    word->n = 0;
    while (at < len && status == RF_OK) {
        uint32_t id;
        size_t end = rf__double_array_longest(&bpe->trie, text, at, stop, &id, &effort);
        if (end > reached)
            reached = end;
        if (effort / EFFORT > reached + START / EFFORT || (end == at && (stop == len || word->n == 0)))
            break; /* if at all: the text has a character without a piece */
        if (end == at) {
            stop = at - 1;
            at -= word->symbols[--word->n].len;
        } else if (word->n > 0 && !are_neighbours(bpe, text, len, at, word->symbols[word->n - 1].id, id, &effort)) {
            stop = end - 1;
        } else if ((status = rf__bpe_word_reserve(word, 1, err)) == RF_OK) {
            rf__bpe_word_add(word, id, (uint32_t)(end - at));
            at = end;
            stop = len;
        }
    }
    *is_found = at == len;
    return status;
}
