/*
 * bpe_merge: a word's characters become symbols, and neighbours merge.
 *
 * Where no piece made by a merge has two certain characters side by side, the word parts between them: either side
 * merges as if the other was not there. So a long word is merged a part at a time.
 *
 * In a short part the lowest rank is looked for among all (bpe_few.c); in a long one a heap knows it. The heap is the
 * reference's, with what is outdated in it: an entry counts when its place has, when its turn comes, some pair that
 * becomes the same piece. The search among all looks at current pairs only, which is the same when the model is
 * `plain`: when different pairs at one place cannot become the same piece unless they are of the same length. They
 * cannot if an id is one string, and a merge's string the two others end to end.
 */
#include "tokenizer/model/bpe.h"

#include "base/mem.h"
#include "base/utf8.h"

#define N_CHILDREN 4

void rf__bpe_word_release(struct bpe_word *word)
{
    rf__free(word->symbols);
    rf__free(word->queue);
    *word = (struct bpe_word){0};
}

rf_status rf__bpe_word_reserve(struct bpe_word *word, size_t more, rf_error *err)
{
    size_t cap = word->cap + word->cap / 2 + more + 64, size;
    struct bpe_symbol *symbols;

    if (word->cap - word->n >= more)
        return RF_OK;
    if (cap >= UINT32_MAX || !rf__mul(cap, sizeof *symbols, &size))
        return rf__fail_memory(err);
    symbols = rf__realloc(word->symbols, size);
    if (symbols == NULL)
        return rf__fail_memory(err);
    word->symbols = symbols;
    word->cap = cap;
    return RF_OK;
}

/* ---- Symbols of bytes --------------------------------------------------------------------------------------- */

/* Bytes up to `to`, or to a place over which no merge reaches. */
static rf_status read_bytes(const struct bpe *bpe, const char *text, size_t at, size_t to, struct bpe_word *word,
                            size_t *next, rf_error *err)
{
    const struct bpe_bytes *bytes = bpe->bytes;
    size_t begin = at;

    while (at < to) {
        size_t stop = to - at > RF_BPE_FEW ? at + RF_BPE_FEW : to;
        rf_status status = rf__bpe_word_reserve(word, RF_BPE_FEW, err);
        if (status != RF_OK)
            return status;
        for (; at < stop; at++) {
            if (bpe->is_plain && at - begin >= RF_BPE_PART_MIN &&
                !rf__bpe_bytes_join(bytes, (uint8_t)text[at - 1], (uint8_t)text[at]))
                goto out;
            rf__bpe_word_add(word, bytes->ids[(uint8_t)text[at]], 1);
        }
    }
out:
    *next = at;
    return RF_OK;
}

/* ---- Symbols of characters ---------------------------------------------------------------------------------- */

/* What is unknown waits here: with fuse_unk, more of it may follow. */
struct unknown {
    bool is_there;
    uint32_t len;
};

static void flush_unknown(const struct bpe *bpe, struct unknown *unknown, struct bpe_word *word)
{
    if (unknown->is_there)
        rf__bpe_word_add(word, bpe->unk_id, unknown->len);
    unknown->is_there = false;
}

/* Adds the bytes of the character, with its prefix and suffix, as symbols; false when one of them has none. As in the
 * reference, what is unknown before stays behind. */
static bool add_fallback(const struct bpe *bpe, const char *c, size_t len, unsigned form, struct bpe_word *word)
{
    const struct {
        const char *bytes;
        size_t len;
    } parts[] = {{bpe->prefix, (form & BPE_PREFIXED) != 0 ? bpe->prefix_len : 0},
                 {c, len},
                 {bpe->suffix, (form & BPE_SUFFIXED) != 0 ? bpe->suffix_len : 0}};
    size_t n = word->n;

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < parts[i].len; k++) {
            uint32_t id = bpe->fallback[(uint8_t)parts[i].bytes[k]];
            if (id == RF_BPE_NONE) {
                word->n = n;
                return false;
            }
            rf__bpe_word_add(word, id, 1);
        }
    return true;
}

static rf_status add_unknown(const struct bpe *bpe, uint32_t len, struct unknown *unknown, struct bpe_word *word,
                             rf_error *err)
{
    if (!bpe->has_unk)
        return RF_OK; /* the reference leaves it out */
    if (bpe->unk_id == RF_BPE_NONE)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: the text has a character without a piece, and unk_token '%s' is not in the vocabulary",
                        bpe->name, bpe->unk_token);
    if (!bpe->fuse_unk)
        flush_unknown(bpe, unknown, word);
    unknown->len = unknown->is_there ? unknown->len + len : len;
    unknown->is_there = true;
    return RF_OK;
}

/* Characters up to `to`, or to a place over which no merge reaches: one between two known ones. */
static rf_status read_chars(const struct bpe *bpe, const char *text, size_t len, size_t at, size_t to,
                            struct bpe_word *word, size_t *next, rf_error *err)
{
    size_t most = bpe->prefix_len + bpe->suffix_len + RF_UTF8_MAX + 1; /* symbols that one character adds */
    struct unknown unknown = {0};
    uint32_t before = RF_BPE_NONE; /* the last character, if known */

    while (at < to) {
        uint32_t c, id;
        size_t n = rf__utf8_decode(text + at, len - at, &c);
        unsigned form = (at > 0 && bpe->prefix_len > 0 ? BPE_PREFIXED : 0) |
                        (at + n == len && bpe->suffix_len > 0 ? BPE_SUFFIXED : 0);
        rf_status status = rf__bpe_word_reserve(word, most, err);
        if (status != RF_OK)
            return status;
        id = rf__bpe_char_id(bpe->forms[form], c);
        if (id != RF_BPE_NONE) {
            if (bpe->is_plain && word->n >= RF_BPE_PART_MIN && before != RF_BPE_NONE && !rf__bpe_joins(bpe, before, c))
                break;
            flush_unknown(bpe, &unknown, word);
            rf__bpe_word_add(word, id, (uint32_t)n);
        } else {
            word->is_pure = false;
            if (!bpe->byte_fallback || !add_fallback(bpe, text + at, n, form, word))
                status = add_unknown(bpe, (uint32_t)n, &unknown, word, err);
            if (status != RF_OK)
                return status;
        }
        before = id == RF_BPE_NONE ? RF_BPE_NONE : c;
        at += n;
    }
    flush_unknown(bpe, &unknown, word);
    *next = at;
    return RF_OK;
}

/* ---- Merging many ------------------------------------------------------------------------------------------- */

static void sift_down(uint64_t *queue, size_t n, size_t i)
{
    uint64_t entry = queue[i];

    for (;;) {
        size_t first = N_CHILDREN * i + 1, least = first;
        if (first >= n)
            break;
        for (size_t k = first + 1; k < first + N_CHILDREN && k < n; k++)
            if (queue[k] < queue[least])
                least = k;
        if (queue[least] >= entry)
            break;
        queue[i] = queue[least];
        i = least;
    }
    queue[i] = entry;
}

static uint64_t pop(struct bpe_word *word)
{
    uint64_t top = word->queue[0];

    word->queue[0] = word->queue[--word->n_queue];
    if (word->n_queue > 0)
        sift_down(word->queue, word->n_queue, 0);
    return top;
}

static void push(struct bpe_word *word, uint64_t entry)
{
    size_t i = word->n_queue++;

    while (i > 0 && word->queue[(i - 1) / N_CHILDREN] > entry) {
        word->queue[i] = word->queue[(i - 1) / N_CHILDREN];
        i = (i - 1) / N_CHILDREN;
    }
    word->queue[i] = entry;
}

/* Room for one entry more in front of each symbol and one for each merge. */
static rf_status make_queue(struct bpe_word *word, rf_error *err)
{
    size_t cap = 2 * word->n, size;
    uint64_t *queue;

    word->n_queue = 0;
    if (word->cap_queue >= cap)
        return RF_OK;
    if (!rf__mul(cap, sizeof *queue, &size))
        return rf__fail_memory(err);
    queue = rf__realloc(word->queue, size);
    if (queue == NULL)
        return rf__fail_memory(err);
    word->queue = queue;
    word->cap_queue = cap;
    return RF_OK;
}

static void offer(const struct bpe *bpe, struct bpe_word *word, uint32_t at, uint32_t after)
{
    uint32_t rank = rf__bpe_rank(&bpe->pairs, word->symbols[at].id, word->symbols[after].id);

    if (rank != RF_BPE_NONE)
        push(word, (uint64_t)rank << 32 | at);
}

/* Merges the symbol at `at` with the next, if an entry of this rank still stands for that. */
static void merge_at(const struct bpe *bpe, struct bpe_word *word, uint32_t at, uint32_t rank)
{
    struct bpe_symbol *symbols = word->symbols, *left = &symbols[at], *right;
    uint32_t found;

    if (left->len == 0 || left->after == RF_BPE_NONE)
        return;
    right = &symbols[left->after];
    found = rf__bpe_rank(&bpe->pairs, left->id, right->id);
    if (found == RF_BPE_NONE || rf__bpe_id_of(bpe, found) != rf__bpe_id_of(bpe, rank))
        return;
    left->id = rf__bpe_id_of(bpe, found);
    left->len += right->len;
    left->after = right->after;
    right->len = 0;
    if (left->after != RF_BPE_NONE)
        symbols[left->after].before = at;
    if (left->before != RF_BPE_NONE)
        offer(bpe, word, left->before, at);
    if (left->after != RF_BPE_NONE)
        offer(bpe, word, at, left->after);
}

static rf_status merge_many(const struct bpe *bpe, struct bpe_word *word, rf_error *err)
{
    rf_status status = make_queue(word, err);
    size_t n = 0;

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < word->n; i++) {
        word->symbols[i].before = i == 0 ? RF_BPE_NONE : (uint32_t)i - 1;
        word->symbols[i].after = i + 1 == word->n ? RF_BPE_NONE : (uint32_t)i + 1;
        if (i + 1 < word->n) {
            uint32_t rank = rf__bpe_rank(&bpe->pairs, word->symbols[i].id, word->symbols[i + 1].id);
            if (rank != RF_BPE_NONE)
                word->queue[word->n_queue++] = (uint64_t)rank << 32 | i;
        }
    }
    for (size_t i = word->n_queue / N_CHILDREN + 1; i-- > 0;)
        if (i < word->n_queue)
            sift_down(word->queue, word->n_queue, i);
    while (word->n_queue > 0) {
        uint64_t top = pop(word);
        merge_at(bpe, word, (uint32_t)top, (uint32_t)(top >> 32));
    }
    for (size_t i = 0; i < word->n; i++)
        if (word->symbols[i].len > 0)
            word->symbols[n++] = word->symbols[i];
    word->n = n;
    return RF_OK;
}

rf_status rf__bpe_read_part(const struct bpe *bpe, const char *text, size_t len, size_t at, size_t to,
                            struct bpe_word *word, size_t *next, rf_error *err)
{
    rf_status status;

    if (to > len)
        to = len;
    word->n = 0;
    word->is_pure = true;
    word->is_cut = false;
    status = bpe->bytes != NULL ? read_bytes(bpe, text, at, to, word, next, err)
                                : read_chars(bpe, text, len, at, to, word, next, err);
    if (status == RF_OK)
        word->is_cut = *next >= to && *next < len;
    return status;
}

/* ---- Long parts --------------------------------------------------------------------------------------------- */

#define WINDOW  4096 /* bytes of a long part that are merged at a time */
#define OVERLAP 32   /* tokens by which a window overlaps the one before */

/* Replaces the last tokens of `word`, which end at `end`, by those of a window that begins with one of them and goes on
 * behind. As each two neighbours stand in one window, all of them are what merging the whole part gives: no merge that
 * reaches over a place between two of them would have waited for it. *joins is false when the two have no token in
 * common where they could be joined. */
static rf_status append_window(const struct bpe *bpe, const char *text, size_t len, size_t end, struct bpe_word *window,
                               struct bpe_word *word, size_t *next, bool *joins, rf_error *err)
{
    *joins = false;
    for (size_t back = OVERLAP; back < word->n; back *= 4) {
        size_t kept = word->n - back, begin = end;
        rf_status status;
        for (size_t i = kept; i < word->n; i++)
            begin -= word->symbols[i].len;
        status = rf__bpe_read_part(bpe, text, len, begin, end + WINDOW, window, next, err);
        if (status == RF_OK && window->is_pure)
            status = merge_many(bpe, window, err);
        if (status != RF_OK || !window->is_pure)
            return status;
        if (window->symbols[0].id != word->symbols[kept].id || window->symbols[0].len != word->symbols[kept].len)
            continue;
        word->n = kept;
        status = rf__bpe_word_reserve(word, window->n, err);
        if (status != RF_OK)
            return status;
        memcpy(word->symbols + kept, window->symbols, window->n * sizeof *word->symbols);
        word->n += window->n;
        *joins = true;
        return RF_OK;
    }
    return RF_OK;
}

/* The first window is read. Where windows don't join, the part is merged as a whole. */
static rf_status merge_long(const struct bpe *bpe, const char *text, size_t len, size_t at, struct bpe_word *word,
                            size_t *next, rf_error *err)
{
    struct bpe_word window = {0};
    bool joins = bpe->is_plain && word->is_pure;
    rf_status status = joins ? merge_many(bpe, word, err) : RF_OK;

    for (bool is_cut = true; is_cut && joins && status == RF_OK; is_cut = window.is_cut)
        status = append_window(bpe, text, len, *next, &window, word, next, &joins, err);
    rf__bpe_word_release(&window);
    if (joins || status != RF_OK)
        return status;
    status = rf__bpe_read_part(bpe, text, len, at, len, word, next, err);
    return status != RF_OK ? status : merge_many(bpe, word, err);
}

rf_status rf__bpe_merge_part(const struct bpe *bpe, const char *text, size_t len, size_t at, struct bpe_word *word,
                             size_t *next, rf_error *err)
{
    rf_status status = rf__bpe_read_part(bpe, text, len, at, at + WINDOW, word, next, err);
    struct bpe_few few;

    if (status == RF_OK && word->is_cut)
        return merge_long(bpe, text, len, at, word, next, err);
    if (status != RF_OK || word->n < 2)
        return status;
    if (word->n > RF_BPE_FEW || !bpe->is_plain)
        return merge_many(bpe, word, err);
    rf__bpe_few_begin(bpe, text + at, word, &few);
    rf__bpe_few_merge(bpe, &few, 1);
    word->n = 0;
    for (size_t i = 0, begin = 0; i < few.n; i = few.after[i]) {
        size_t end = rf__bpe_few_end(&few, i);
        rf__bpe_word_add(word, few.ids[i], (uint32_t)(end - begin));
        begin = end;
    }
    return RF_OK;
}
