/*
 * bpe: byte pair encoding, as `tokenizers` does it. A word becomes its characters, each a symbol; then, as long as two
 * neighbours are a pair that merges, the pair of the lowest rank is merged, of equal ones the leftmost.
 *
 *     bpe_read.c   a tokenizer.json's model -> pieces and merges
 *     bpe_build.c  pieces and merges -> the tables below
 *     bpe_pairs.c  the table of pairs
 *     bpe_reduce.c which pairs can be left out of it; how each piece comes about
 *     bpe_merge.c  a word -> symbols, merged
 *     bpe_few.c    words of few symbols, several at a time
 *     bpe_longest.c longer words -> tokens, without merging
 *     bpe.c        pieces of a text -> tokens; the cache of words
 *
 * Two ways lead from a text of bytes ("byte-level") to symbols. The reference writes each byte as a printable character
 * first, in the pre-tokenizer ByteLevel. Where the vocabulary has a symbol for each byte that text can have, the model
 * reads the bytes themselves (model_ops' use_bytes): the same symbols, with tables of 256 instead of characters.
 */
#ifndef RF_TOKENIZER_BPE_H
#define RF_TOKENIZER_BPE_H

#include "tokenizer/model/bpe_pairs.h"
#include "tokenizer/model/double_array.h"
#include "tokenizer/stages.h"

/* The id of each character; code points in pages of 256, page 0 is empty. */
struct bpe_chars {
    uint16_t page_of[0x1100];
    uint32_t *ids; /* [n_pages][256] */
    size_t n_pages;
};

/* Which characters can stand side by side in a piece that a merge makes: a bit for each two of them. Two characters
 * above the first RF_BPE_LOW share theirs with others, so that a set bit may lie; one that is not set does not. */
#define RF_BPE_LOW        512u
#define RF_BPE_JOINS_BITS (2u * RF_BPE_LOW * RF_BPE_LOW)

#define RF_BPE_FEW_RANKS  (1u << 25) /* above, a word is merged in the slower way */

struct bpe_bytes {
    uint32_t ids[256];       /* RF_BPE_NONE: no UTF-8 has it */
    uint32_t ranks[65536];   /* of the pair of two bytes */
    uint64_t joins[1024];    /* as struct bpe's, a bit for each two bytes */
    struct vocabulary words; /* with ignore_merges: the pieces that need not come of merges, as bytes */
};

enum { BPE_PREFIXED = 1, BPE_SUFFIXED = 2, BPE_N_FORMS = 4 };

struct bpe {
    struct model base;
    uint64_t serial;
    struct bpe_pairs pairs;
    uint32_t *id_of_rank; /* [n_ranks]; NULL: a rank is the id of what the pair becomes */
    size_t n_ranks;
    struct bpe_pair *added; /* [n_ranks], until the table of them is built */
    size_t n_added;
    struct bpe_chars
        *forms[BPE_N_FORMS]; /* [0] as it is, with the prefix, the suffix, both; NULL where there is none */
    uint64_t *joins;         /* [RF_BPE_JOINS_BITS / 64] */
    struct bpe_bytes *bytes; /* NULL: reads characters */
    uint32_t fallback[256];  /* with byte_fallback: the ids of "<0x00>" and so on */
    char *prefix, *suffix;   /* "" where there is none */
    size_t prefix_len, suffix_len;
    size_t max_len; /* of a piece */
    bool has_unk, fuse_unk, byte_fallback, ignore_merges;
    uint32_t unk_id;       /* RF_BPE_NONE: not in the vocabulary */
    char *unk_token;       /* NULL unless has_unk */
    char *name;            /* of the file, for messages */
    bool is_plain;         /* a symbol has the same piece however it was made: see bpe_merge.c */
    uint8_t *is_made;      /* [n_ids], of a piece: that a text which is this piece becomes it; NULL: not known */
    struct bpe_pair *made; /* [n_ids], of a piece of characters: the merge that makes it, where all that it is made of
                            * has lower ranks; left: RF_BPE_NONE for the others; NULL: not known */
    struct double_array trie; /* those pieces and the characters themselves, as texts are read; empty: not known */
    bool parts_before_bar;    /* no merge reaches over the place between another character and U+2581 behind it */
};

extern const struct model_ops rf__bpe_ops;

/* ---- Building ----------------------------------------------------------------------------------------------- */

struct bpe_settings {
    const char *unk_token; /* NULL: none */
    const char *prefix, *suffix;
    size_t unk_token_len, prefix_len, suffix_len;
    bool fuse_unk, byte_fallback, ignore_merges;
    const char *name;
};

/* A model without merges, which come next. Takes the vocabulary, finished, over, also when it fails. Makes room for
 * n_pairs; ranks are below that. */
rf_status rf__bpe_new(struct vocabulary *vocabulary, const struct bpe_settings *settings, size_t n_pairs,
                      struct bpe **out, rf_error *err);
/* Within what was announced, ranks too; the later of two merges of one pair counts. */
void rf__bpe_add_pair(struct bpe *bpe, const struct bpe_pair *pair);
/* Notes that a merge puts the end of one string before the beginning of another. */
void rf__bpe_note_join(struct bpe *bpe, const char *left, size_t left_len, const char *right, size_t right_len);
/* After the last pair. `is_regular`: every right side of a merge begins with the prefix and is longer. */
rf_status rf__bpe_finish(struct bpe *bpe, bool is_regular, rf_error *err);
/* Where that is possible, leaves the pairs out that never merge, and sets is_made and made. */
rf_status rf__bpe_reduce(struct bpe *bpe, rf_error *err);
void rf__bpe_free(struct model *self);

/* model_ops' use_bytes. */
bool rf__bpe_use_bytes(struct model *self);
/* The characters that ByteLevel writes for bytes (all below RF_BPE_LOW), in UTF-8; `out` has room for two for each.
 * Returns the length. */
size_t rf__bpe_chars_of_bytes(const char *bytes, size_t len, char *out);
/* The way back; `out` has room for len bytes. False when a character stands for no byte. */
bool rf__bpe_bytes_of_chars(const char *chars, size_t len, char *out, size_t *out_len);

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* Merges, one after the other: their two sides. */
struct bpe_merges {
    rf_status (*next)(struct bpe_merges *self, rf_text *left, rf_text *right, bool *is_end, rf_error *err);
    size_t n; /* at most so many */
};
/* "left right"; false when it is not that. */
bool rf__bpe_split_merge(rf_text line, rf_text *left, rf_text *right);
/* A model of pieces and merges; takes the vocabulary over always. */
rf_status rf__bpe_from_merges(struct vocabulary *vocabulary, const struct bpe_settings *settings,
                              struct bpe_merges *merges, struct model **out, rf_error *err);

/* ---- Questions ---------------------------------------------------------------------------------------------- */

static inline uint32_t rf__bpe_char_id(const struct bpe_chars *chars, uint32_t c)
{
    return chars->ids[(size_t)chars->page_of[c >> 8] * 256 + (c & 0xFF)];
}

static inline uint32_t rf__bpe_id_of(const struct bpe *bpe, uint32_t rank)
{
    return bpe->id_of_rank == NULL ? rank : bpe->id_of_rank[rank];
}

static inline uint32_t rf__bpe_join_bit(uint32_t left, uint32_t right)
{
    if ((left | right) < RF_BPE_LOW)
        return left * RF_BPE_LOW + right;
    return RF_BPE_LOW * RF_BPE_LOW +
           (uint32_t)(((uint64_t)left << 21 | right) * 0x9E3779B97F4A7C15u >> 40) % (RF_BPE_LOW * RF_BPE_LOW);
}

static inline bool rf__bpe_joins(const struct bpe *bpe, uint32_t left, uint32_t right)
{
    uint32_t bit = rf__bpe_join_bit(left, right);

    return (bpe->joins[bit / 64] >> bit % 64 & 1) != 0;
}

static inline bool rf__bpe_bytes_join(const struct bpe_bytes *bytes, uint8_t left, uint8_t right)
{
    uint32_t bit = (uint32_t)left << 8 | right;

    return (bytes->joins[bit / 64] >> bit % 64 & 1) != 0;
}

/* ---- Merging ------------------------------------------------------------------------------------------------ */

/* A symbol of a word that is being merged. Those that are merged into the one before have no length. */
struct bpe_symbol {
    uint32_t id, len; /* bytes of the word */
    uint32_t before, after;
};

/* Working memory. Zero-initialise before first use. */
struct bpe_word {
    struct bpe_symbol *symbols;
    size_t n, cap;
    uint64_t *queue; /* rank << 32 | place */
    size_t n_queue, cap_queue;
    bool is_pure; /* as read: each symbol is a character of the text, or a byte where bytes are read */
    bool is_cut;  /* as read: the text goes on, and merges may reach over its end */
};
void rf__bpe_word_release(struct bpe_word *word);
rf_status rf__bpe_word_reserve(struct bpe_word *word, size_t more, rf_error *err); /* symbols */
static inline void rf__bpe_word_add(struct bpe_word *word, uint32_t id, uint32_t len)
{
    word->symbols[word->n].id = id;
    word->symbols[word->n++].len = len;
}

/* Reads text[at, to) of a word into symbols: up to the end, or up to a place over which no merge reaches, or up to a
 * character that ends behind `to`. Returns that place in *next. */
rf_status rf__bpe_read_part(const struct bpe *bpe, const char *text, size_t len, size_t at, size_t to,
                            struct bpe_word *word, size_t *next, rf_error *err);
/* A part of text[at, len), merged: up to its end, or to a place over which no merge reaches. Long ones are merged in
 * windows, so that memory is 16 bytes a token; where that cannot be, 32 a symbol. */
rf_status rf__bpe_merge_part(const struct bpe *bpe, const char *text, size_t len, size_t at, struct bpe_word *word,
                             size_t *next, rf_error *err);

#define RF_BPE_PART_MIN 8  /* symbols of which a part is made up at least, if it is not the last */
#define RF_BPE_FEW      48 /* symbols of a part that is merged without a queue */
#define RF_BPE_BESIDE   24 /* parts that are merged at a time */

/* A part of few symbols. A place is the number of a symbol before anything merged; a pair is at the place of its left
 * symbol, and its key is its rank and the place: the least one is the next to merge. */
struct bpe_few {
    uint32_t ids[RF_BPE_FEW], keys[RF_BPE_FEW + 1];
    uint32_t ends[RF_BPE_FEW]; /* of the symbols before anything merged, in bytes of the part */
    uint8_t before[RF_BPE_FEW + 1], after[RF_BPE_FEW + 1];
    uint64_t left, right; /* hashes of the pairs at both ends of what merged last, at `at` */
    uint8_t n, at, awaits;
};
/* Of the symbols of a part of a plain model, 1 to RF_BPE_FEW; `bytes` are the part's. */
void rf__bpe_few_begin(const struct bpe *bpe, const char *bytes, const struct bpe_word *word, struct bpe_few *few);
/* The same of bytes: reads text[at, len), where the model reads bytes and is plain, as rf__bpe_read_part() does. False
 * when the part has more than RF_BPE_FEW. */
bool rf__bpe_few_read_bytes(const struct bpe *bpe, const char *text, size_t len, size_t at, struct bpe_few *few,
                            size_t *next);
/* Merges n parts. Of each, ids[i] are the tokens then, for i = 0, after[0], after[after[0]] … while i < n. */
void rf__bpe_few_merge(const struct bpe *bpe, struct bpe_few *few, size_t n);
/* Where the token at a place ends. */
static inline size_t rf__bpe_few_end(const struct bpe_few *few, size_t place)
{
    return few->ends[few->after[place] - 1];
}

/* ---- Without merging ---------------------------------------------------------------------------------------- */

#define RF_BPE_SHORT 24 /* bytes; words of no more merge sooner */

/* Undoes the later of the merges by which two neighbouring pieces came about. The pair that stands at the place between
 * them before it must not have a rank below *limit: it would have merged first. False when neither was made. */
static inline bool rf__bpe_undo(const struct bpe_pair *made, uint32_t *left, uint32_t *right, uint32_t *limit)
{
    const struct bpe_pair *l = &made[*left], *r = &made[*right];
    bool left_made = l->left != RF_BPE_NONE, right_made = r->left != RF_BPE_NONE;

    if (!left_made && !right_made)
        return false;
    if (left_made && (!right_made || l->rank > r->rank)) {
        *limit = l->rank;
        *left = l->right;
    } else { /* of equal ranks, the leftmost comes first: that of the pair in between */
        *limit = r->rank + 1;
        *right = r->left;
    }
    return true;
}

/* Whether two pieces end up side by side, before they merge themselves: whether nothing merges across the place between
 * them while they come about. Adds to *steps. */
static inline bool rf__bpe_stay_apart(const struct bpe_pairs *pairs, const struct bpe_pair *made, uint32_t left,
                                      uint32_t right, uint64_t *steps)
{
    uint32_t limit;

    while (rf__bpe_undo(made, &left, &right, &limit)) {
        ++*steps;
        if (rf__bpe_rank(pairs, left, right) < limit)
            return false;
    }
    return true;
}

/* model_ops' prepare: makes the trie. */
rf_status rf__bpe_prepare(struct model *self, rf_error *err);
/* Whether the tokens of a word of so many bytes are to be looked for. */
static inline bool rf__bpe_looks(const struct bpe *bpe, size_t len)
{
    return len > RF_BPE_SHORT && bpe->trie.n_units > 0;
}
/* Looks for the tokens of such a word, as symbols; *is_found is false when it is to be merged. */
rf_status rf__bpe_longest(const struct bpe *bpe, const char *text, size_t len, struct bpe_word *word, bool *is_found,
                          rf_error *err);

#endif
