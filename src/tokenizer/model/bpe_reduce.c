/*
 * bpe_reduce: leaves out the pairs that never merge. Ranks, and merges that were made of them, cut a piece in all ways
 * that give two pieces; but a piece comes about in one way only, whatever stands around it: by the merges that make it
 * of its own characters alone, since as long as none reaches over its ends nobody else has a say in it. Of the pairs of
 * which a piece could be made, the last of these merges is the one that counts.
 *
 * Two pieces end up side by side when no merge reaches over the place between them while they come about. Where all
 * that a piece is made of has higher ranks than its own two parts, merges happen in the order of ranks, so that one can
 * go back from two pieces to their characters, always undoing the later merge, and look at each pair that stood on both
 * sides of the place: it must not have had its turn before that merge. Of other pieces all pairs stay about which that
 * says nothing, if merging shows that they come about at all.
 */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"

#include <stdlib.h>

#define FETCHED 16 /* pairs ahead of the one that is looked at, memory is asked for */

/* Of a piece: a symbol that text gives; made of two with lower ranks; perhaps of one with a higher; really so; made of
 * characters alone, not of bytes that have symbols of their own. */
enum { IS_FIRST = 1, IS_MADE = 2, IS_IN_DOUBT = 4, IS_LATE = 8, IS_OF_CHARS = 16 };

struct reduction {
    const struct bpe_pairs *pairs; /* all of them */
    struct bpe_pair *of;           /* [n_ids], of a piece that is made; left: RF_BPE_NONE of others */
    uint8_t *marks;                /* [n_ids] */
};

/* The symbols that text gives, before merges. */
static void mark_chars(const struct bpe_chars *chars, uint8_t *marks)
{
    for (size_t i = 0; chars != NULL && i < chars->n_pages * 256; i++)
        if (chars->ids[i] != RF_BPE_NONE)
            marks[chars->ids[i]] |= IS_FIRST | IS_OF_CHARS;
}

static void mark_first(const struct bpe *bpe, uint8_t *marks)
{
    for (unsigned form = 0; form < BPE_N_FORMS; form++)
        mark_chars(bpe->forms[form], marks);
    for (unsigned b = 0; b < 256 && bpe->byte_fallback; b++)
        if (bpe->fallback[b] != RF_BPE_NONE)
            marks[bpe->fallback[b]] |= IS_FIRST;
    if (bpe->has_unk && bpe->unk_id != RF_BPE_NONE)
        marks[bpe->unk_id] |= IS_FIRST;
}

/* Asks for the memory of the pair that rf__bpe_stay_apart() looks for first. */
static void fetch_first(const struct reduction *r, const struct bpe_pair *pair)
{
    uint32_t left = pair->left, right = pair->right, limit;

    rf__bpe_undo(r->of, &left, &right, &limit);
    rf__bpe_pair_fetch(r->pairs, rf__bpe_pair_hash(r->pairs, left, right));
}

static bool is_there(const struct reduction *r, uint32_t id, uint32_t rank)
{
    return (r->marks[id] & IS_FIRST) != 0 || ((r->marks[id] & IS_MADE) != 0 && r->of[id].rank < rank);
}

/* Whether one of the two is not known to be there when the pair would merge. */
static bool is_in_doubt(const struct reduction *r, const struct bpe_pair *pair)
{
    return !is_there(r, pair->left, pair->rank) || !is_there(r, pair->right, pair->rank);
}

/* Whether the merges make a piece of its own characters. Not those of which one has no piece. */
static rf_status comes_about(const struct bpe *bpe, uint32_t id, struct bpe_word *word, bool *out, rf_error *err)
{
    size_t len, next;
    const char *piece = rf__vocabulary_piece(&bpe->base.vocabulary, id, &len);
    rf_error why;
    rf_status status = rf__bpe_merge_part(bpe, piece, len, 0, word, &next, &why);

    *out = status == RF_OK && next == len && word->n == 1;
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    return RF_OK;
}

/* Finds how each piece is made of two with lower ranks. */
static void find_made(struct reduction *r, const struct bpe_pair *pairs, size_t n)
{
    uint64_t steps = 0;

    for (size_t i = 0; i < n; i++) {
        const struct bpe_pair *pair = &pairs[i], *later = &pairs[i + FETCHED < n ? i + FETCHED : i];
        rf__prefetch(&r->of[later->left]);
        rf__prefetch(&r->of[later->right]);
        rf__prefetch(&r->of[later->id]);
        fetch_first(r, &pairs[i + FETCHED / 2 < n ? i + FETCHED / 2 : i]);
        if ((r->marks[pair->id] & IS_MADE) != 0)
            continue;
        if (is_in_doubt(r, pair)) {
            r->marks[pair->id] |= IS_IN_DOUBT;
        } else if (rf__bpe_stay_apart(r->pairs, r->of, pair->left, pair->right, &steps)) {
            r->marks[pair->id] |= IS_MADE;
            r->of[pair->id] = *pair;
        }
    }
}

/* Finds which of the pieces in doubt come about. Where text can give other symbols than its characters, bytes and what
 * is unknown, a piece's own characters do not settle that, and the doubt stays. */
static rf_status find_late(const struct bpe *bpe, struct reduction *r, rf_error *err)
{
    struct bpe_word word = {0};
    uint8_t otherwise = bpe->byte_fallback || bpe->has_unk ? IS_IN_DOUBT : 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < bpe->n_added && status == RF_OK; i++) {
        uint32_t id = bpe->added[i].id;
        bool is_late;
        if ((r->marks[id] & (IS_IN_DOUBT | IS_MADE)) != IS_IN_DOUBT)
            continue;
        status = comes_about(bpe, id, &word, &is_late, err);
        r->marks[id] = is_late ? IS_LATE : otherwise;
    }
    rf__bpe_word_release(&word);
    return status;
}

static bool makes_first(const struct reduction *r, const struct bpe_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((r->marks[pairs[i].id] & IS_FIRST) != 0)
            return true;
    return false;
}

/* Moves the pairs that merge to the front; returns their number. */
static size_t keep_made(const struct reduction *r, struct bpe_pair *pairs, size_t n)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        const struct bpe_pair *pair = &pairs[i], *of = &r->of[pair->id];
        bool is_kept = false;
        if ((r->marks[pair->id] & IS_MADE) != 0)
            is_kept = of->left == pair->left && of->right == pair->right;
        else if ((r->marks[pair->id] & (IS_LATE | IS_IN_DOUBT)) != 0)
            is_kept = is_in_doubt(r, pair);
        if (is_kept)
            pairs[n_kept++] = *pair;
    }
    return n_kept;
}

/* Leaves what is made of characters in `of`, with the ranks that pairs have now. */
static void keep_of_chars(struct reduction *r, const struct bpe_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct bpe_pair *pair = &pairs[i];
        struct bpe_pair *of = &r->of[pair->id];
        if ((r->marks[pair->id] & IS_MADE) == 0)
            continue;
        of->rank = pair->rank;
        if ((r->marks[pair->left] & r->marks[pair->right] & IS_OF_CHARS) != 0)
            r->marks[pair->id] |= IS_OF_CHARS;
        else
            of->left = RF_BPE_NONE;
    }
}

/* Where pieces have ids in the order of their merges, the id can be the rank: one look-up less for each merge. */
static bool number_by_id(struct bpe *bpe)
{
    for (size_t i = 0; i < bpe->n_added; i++)
        if (bpe->added[i].id >= RF_BPE_FEW_RANKS || (i > 0 && bpe->added[i].id <= bpe->added[i - 1].id))
            return false;
    for (size_t i = 0; i < bpe->n_added; i++)
        bpe->added[i].rank = bpe->added[i].id;
    return true;
}

static int by_rank(const void *a, const void *b)
{
    const struct bpe_pair *x = a, *y = b;

    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void sort(struct bpe_pair *pairs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (pairs[i].rank < pairs[i - 1].rank) {
            qsort(pairs, n, sizeof *pairs, by_rank);
            return;
        }
}

rf_status rf__bpe_reduce(struct bpe *bpe, rf_error *err)
{
    uint32_t n_ids = bpe->base.vocabulary.n_ids;
    struct reduction r = {&bpe->pairs, rf__alloc_array(n_ids, sizeof *r.of), rf__calloc(n_ids, 1)};
    struct bpe_pairs reduced = {0};
    bool by_id;
    rf_status status = r.of == NULL || r.marks == NULL ? rf__fail_memory(err) : RF_OK;

    if (status != RF_OK || bpe->pairs.n < bpe->n_added || bpe->prefix_len + bpe->suffix_len > 0)
        goto out;
    for (uint32_t id = 0; id < n_ids; id++)
        r.of[id].left = RF_BPE_NONE;
    mark_first(bpe, r.marks);
    if (makes_first(&r, bpe->added, bpe->n_added))
        goto out;
    sort(bpe->added, bpe->n_added);
    find_made(&r, bpe->added, bpe->n_added);
    status = find_late(bpe, &r, err);
    if (status != RF_OK)
        goto out;
    bpe->n_added = keep_made(&r, bpe->added, bpe->n_added);
    by_id = number_by_id(bpe);
    status = rf__bpe_pairs_build(&reduced, bpe->added, bpe->n_added, n_ids, by_id ? n_ids : bpe->n_ranks, err);
    if (status != RF_OK)
        goto out;
    if (by_id) {
        rf__free(bpe->id_of_rank);
        bpe->id_of_rank = NULL;
    }
    rf__bpe_pairs_release(&bpe->pairs);
    bpe->pairs = reduced;
    keep_of_chars(&r, bpe->added, bpe->n_added);
    for (uint32_t id = 0; id < n_ids; id++)
        r.marks[id] = (r.marks[id] & (IS_FIRST | IS_MADE | IS_LATE)) != 0;
    bpe->is_made = r.marks;
    bpe->made = r.of;
    r.marks = NULL;
    r.of = NULL;
out:
    rf__free(r.of);
    rf__free(r.marks);
    return status;
}
