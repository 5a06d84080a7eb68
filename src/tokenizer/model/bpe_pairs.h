/*
 * bpe_pairs: which two symbols merge, and with which rank: a hash table of eight bytes a slot, and a filter in front of
 * it, small enough for the near caches, that knows most of the pairs that are none.
 *
 *     slot    of the pair's hash what its place does not say | distance from that place 10 | rank      (high to low)
 *
 * The hash turns the two ids, as one number, into another of as many bits, each into one of its own: so the place and
 * the rest say exactly which pair it is. The table is filled to two thirds at most and probed linearly.
 */
#ifndef RF_TOKENIZER_BPE_PAIRS_H
#define RF_TOKENIZER_BPE_PAIRS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define RF_BPE_NONE      UINT32_MAX /* no id, no rank */
#define RF_PAIR_RUN_BITS 10         /* of a distance */
#define RF_PAIR_EMPTY    UINT64_MAX /* a slot; no full one has all of its bits set */

/* Two symbols that merge. */
struct bpe_pair {
    uint32_t left, right;
    uint32_t rank;
    uint32_t id; /* of what they become */
};

struct bpe_pairs {
    uint64_t *slots;  /* [slot_mask + 1] */
    uint64_t *filter; /* a bit for each value of the hash's upper bits */
    uint64_t seed, hash_mask, rest_mask, rank_mask;
    size_t n; /* different ones */
    uint32_t slot_mask;
    uint8_t id_bits, slot_shift, filter_shift, rank_bits;
};

/* The table of n pairs with ids below n_ids and ranks below n_ranks; of two that have the same symbols the later
 * counts. Zero-initialise before. RF_BAD_FORMAT: they collide as no real ones do. */
rf_status rf__bpe_pairs_build(struct bpe_pairs *out, const struct bpe_pair *pairs, size_t n, uint32_t n_ids,
                              size_t n_ranks, rf_error *err);
void rf__bpe_pairs_release(struct bpe_pairs *pairs); /* fine on a zeroed one */

static inline uint64_t rf__bpe_pair_hash(const struct bpe_pairs *pairs, uint32_t left, uint32_t right)
{
    uint64_t x = ((uint64_t)left << pairs->id_bits | right) ^ pairs->seed;

    /* Odd factors and shifts to the right lose nothing of the bits that the mask leaves. */
    x = x * 0x9E3779B97F4A7C15u & pairs->hash_mask;
    x ^= x >> pairs->id_bits;
    return x * 0xD6E8FEB86659FD93u & pairs->hash_mask;
}

/* RF_BPE_NONE when the two, both below n_ids, don't merge. */
static inline uint32_t rf__bpe_rank(const struct bpe_pairs *pairs, uint32_t left, uint32_t right)
{
    uint64_t hash = rf__bpe_pair_hash(pairs, left, right), bit = hash >> pairs->filter_shift, wanted, slot;
    uint32_t i;

    if ((pairs->filter[bit / 64] >> bit % 64 & 1) == 0)
        return RF_BPE_NONE;
    i = (uint32_t)(hash >> pairs->slot_shift);
    wanted = (hash & pairs->rest_mask) << RF_PAIR_RUN_BITS << pairs->rank_bits;
    while ((slot = pairs->slots[i]) != RF_PAIR_EMPTY) {
        if ((slot ^ wanted) <= pairs->rank_mask)
            return (uint32_t)(slot & pairs->rank_mask);
        i = (i + 1) & pairs->slot_mask;
        wanted += pairs->rank_mask + 1;
    }
    return RF_BPE_NONE;
}

#endif
