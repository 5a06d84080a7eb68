/*
 * bpe_pairs: which two symbols merge, and with which rank: a hash table of buckets of two slots, eight bytes each.
 *
 *     slot    of the pair's hash what its bucket does not say | buckets between 10 | rank | more 1     (high to low)
 *
 * The hash turns the two ids, as one number, into another of as many bits, each into one of its own: so the bucket and
 * the rest say exactly which pair it is. A pair that finds its bucket full goes on to the next one; `more`, in the
 * first slot, says that some did. The table is filled to two thirds at most, so that two slots nearly always tell.
 */
#ifndef RF_TOKENIZER_BPE_PAIRS_H
#define RF_TOKENIZER_BPE_PAIRS_H

#include "base/error.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

#define RF_BPE_NONE      UINT32_MAX       /* no id, no rank */
#define RF_PAIR_RUN_BITS 10               /* of a distance */
#define RF_PAIR_EMPTY    (UINT64_MAX - 1) /* a slot; no full one has all of these bits set */
#define RF_PAIR_MORE     1u

/* Two symbols that merge. */
struct bpe_pair {
    uint32_t left, right;
    uint32_t rank;
    uint32_t id; /* of what they become */
};

struct bpe_pairs {
    uint64_t *slots;                                /* [2 * (bucket_mask + 1)] */
    uint64_t seed, hash_mask, rest_mask, rank_mask; /* rank_mask: in a slot, with `more` */
    size_t n;                                       /* different ones */
    uint32_t bucket_mask;
    uint8_t id_bits, bucket_shift, run_shift;
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

/* Asks for the memory that rf__bpe_rank_of() is going to read. */
static inline void rf__bpe_pair_fetch(const struct bpe_pairs *pairs, uint64_t hash)
{
    rf__prefetch(&pairs->slots[2 * (hash >> pairs->bucket_shift)]);
}

/* The rank of the pair with this hash; RF_BPE_NONE when the two, both below n_ids, don't merge. */
static inline uint32_t rf__bpe_rank_of(const struct bpe_pairs *pairs, uint64_t hash)
{
    uint64_t wanted = (hash & pairs->rest_mask) << RF_PAIR_RUN_BITS << pairs->run_shift;
    uint32_t bucket = (uint32_t)(hash >> pairs->bucket_shift);

    for (;;) {
        const uint64_t *slots = &pairs->slots[2 * (size_t)bucket];
        uint64_t first = slots[0] ^ wanted, second = slots[1] ^ wanted, found = first < second ? first : second;
        if (found <= pairs->rank_mask)
            return (uint32_t)(found >> 1);
        if ((slots[0] & RF_PAIR_MORE) == 0)
            return RF_BPE_NONE;
        bucket = (bucket + 1) & pairs->bucket_mask;
        wanted += (uint64_t)1 << pairs->run_shift;
    }
}

static inline uint32_t rf__bpe_rank(const struct bpe_pairs *pairs, uint32_t left, uint32_t right)
{
    return rf__bpe_rank_of(pairs, rf__bpe_pair_hash(pairs, left, right));
}

#endif
