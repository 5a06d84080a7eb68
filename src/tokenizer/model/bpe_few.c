/*
 * bpe_few: merges words of few symbols, several at a time. Where a pair stands in a large table is known long before
 * the memory answers; so each word takes one step, asks for the pairs that it needs next, and the other words have
 * theirs meanwhile.
 */
#include "tokenizer/model/bpe.h"

#define PLACE_BITS 6 /* of a place among a few */
#define NO_PAIR    UINT32_MAX

static_assert(RF_BPE_FEW <= 1 << PLACE_BITS, "a place has its bits");

/* Which keys are still to be looked up: of all places, of those at both ends of what merged. */
enum { UP_TO_DATE, ALL_NEW, MERGED };

static inline uint32_t key_of(uint32_t rank, size_t place)
{
    return rank == RF_BPE_NONE ? NO_PAIR : rank << PLACE_BITS | (uint32_t)place;
}

static inline uint32_t least_of(const uint32_t *keys, size_t n)
{
    uint32_t a = NO_PAIR, b = NO_PAIR;

    for (size_t i = 0; i < n; i += 2) {
        a = keys[i] < a ? keys[i] : a;
        b = keys[i + 1] < b ? keys[i + 1] : b;
    }
    return a < b ? a : b;
}

static inline uint64_t hash_at(const struct bpe *bpe, const struct bpe_few *few, size_t left, size_t right)
{
    uint64_t hash = rf__bpe_pair_hash(&bpe->pairs, few->ids[left], few->ids[right]);

    rf__bpe_pair_fetch(&bpe->pairs, hash);
    return hash;
}

static void chain(struct bpe_few *few, size_t n)
{
    for (size_t i = 0; i <= n; i++) {
        few->before[i] = (uint8_t)(i - 1);
        few->after[i] = (uint8_t)(i + 1);
    }
    few->keys[n - 1] = few->keys[n] = NO_PAIR;
    few->n = (uint8_t)n;
}

static inline uint32_t key_of_bytes(const struct bpe *bpe, const char *bytes, size_t place)
{
    return key_of(bpe->bytes->ranks[(size_t)(uint8_t)bytes[place] << 8 | (uint8_t)bytes[place + 1]], place);
}

bool rf__bpe_few_read_bytes(const struct bpe *bpe, const char *text, size_t len, size_t at, struct bpe_few *few,
                            size_t *next)
{
    const char *bytes = text + at;
    size_t n = 0, most = len - at < RF_BPE_FEW ? len - at : RF_BPE_FEW;

    for (; n < most; n++) {
        if (n >= RF_BPE_PART_MIN && !rf__bpe_bytes_join(bpe->bytes, (uint8_t)bytes[n - 1], (uint8_t)bytes[n]))
            break;
        few->ids[n] = bpe->bytes->ids[(uint8_t)bytes[n]];
        few->ends[n] = (uint32_t)n + 1;
    }
    if (n == RF_BPE_FEW && at + n < len)
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        few->keys[i] = key_of_bytes(bpe, bytes, i);
    chain(few, n);
    few->awaits = UP_TO_DATE;
    *next = at + n;
    return true;
}

void rf__bpe_few_begin(const struct bpe *bpe, const char *bytes, const struct bpe_word *word, struct bpe_few *few)
{
    size_t n = word->n;
    uint32_t end = 0;

    assert(n > 0 && n <= RF_BPE_FEW);
    for (size_t i = 0; i < n; i++) {
        few->ids[i] = word->symbols[i].id;
        few->ends[i] = end += word->symbols[i].len;
    }
    chain(few, n);
    few->awaits = bpe->bytes != NULL ? UP_TO_DATE : ALL_NEW;
    for (size_t i = 0; i + 1 < n; i++)
        if (bpe->bytes != NULL)
            few->keys[i] = key_of_bytes(bpe, bytes, i);
        else
            hash_at(bpe, few, i, i + 1);
}

static void look_up(const struct bpe *bpe, struct bpe_few *few)
{
    size_t at, left;

    if (few->awaits == ALL_NEW)
        for (size_t i = 0; i + 1 < few->n; i++)
            few->keys[i] = key_of(rf__bpe_rank(&bpe->pairs, few->ids[i], few->ids[i + 1]), i);
    if (few->awaits != MERGED)
        return;
    at = few->at;
    few->keys[at] = few->after[at] < few->n ? key_of(rf__bpe_rank_of(&bpe->pairs, few->right), at) : NO_PAIR;
    if (at == 0)
        return;
    left = few->before[at];
    few->keys[left] = key_of(rf__bpe_rank_of(&bpe->pairs, few->left), left);
}

/* Merges the pair of the least key and asks for the ranks of the two that it leaves; false when there is no pair. */
static bool step(const struct bpe *bpe, struct bpe_few *few)
{
    size_t at, right, next;
    uint32_t least;

    look_up(bpe, few);
    least = least_of(few->keys, few->n);
    if (least == NO_PAIR)
        return false;
    at = least & ((1u << PLACE_BITS) - 1);
    right = few->after[at];
    next = few->after[right];
    few->ids[at] = rf__bpe_id_of(bpe, least >> PLACE_BITS);
    few->keys[right] = NO_PAIR;
    few->after[at] = (uint8_t)next;
    few->before[next] = (uint8_t)at;
    few->at = (uint8_t)at;
    few->awaits = MERGED;
    if (next < few->n)
        few->right = hash_at(bpe, few, at, next);
    if (at > 0)
        few->left = hash_at(bpe, few, few->before[at], at);
    return true;
}

void rf__bpe_few_merge(const struct bpe *bpe, struct bpe_few *few, size_t n)
{
    uint8_t going[RF_BPE_BESIDE];
    size_t n_going = n;

    assert(n <= RF_BPE_BESIDE);
    for (size_t i = 0; i < n; i++)
        going[i] = (uint8_t)i;
    while (n_going > 0) {
        size_t n_left = 0;
        for (size_t i = 0; i < n_going; i++) {
            going[n_left] = going[i];
            n_left += step(bpe, &few[going[i]]);
        }
        n_going = n_left;
    }
}
