/* bpe_pairs: see bpe_pairs.h. */
#include "tokenizer/model/bpe_pairs.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

#define FETCHED 16  /* pairs ahead of the one that is put in, their memory is asked for */
#define MAX_RUN 512 /* full buckets in a row; chance gives some tens in a table that is filled to two thirds */

static const uint64_t seeds[] = {0, 0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u};
#define N_SEEDS (sizeof seeds / sizeof seeds[0])

void rf__bpe_pairs_release(struct bpe_pairs *pairs)
{
    rf__free(pairs->slots);
    *pairs = (struct bpe_pairs){0};
}

/* How many bits the numbers below n need. */
static unsigned bits_of(uint64_t n)
{
    unsigned bits = 0;

    while (bits < 63 && (uint64_t)1 << bits < n)
        bits++;
    return bits;
}

/* Chooses the sizes, so that a slot has room for all that it says, and a bit more. */
static rf_status init(struct bpe_pairs *pairs, size_t n, uint32_t n_ids, size_t n_ranks, rf_error *err)
{
    unsigned id_bits = bits_of(n_ids) > 2 ? bits_of(n_ids) : 2, rank_bits = bits_of((uint64_t)n_ranks + 1);
    unsigned bucket_bits = 1, hash_bits;

    while (bucket_bits < 31 && (((uint64_t)2 << bucket_bits) / 3 * 2 < n ||
                                2 * id_bits + RF_PAIR_RUN_BITS + rank_bits + 1 > 63 + bucket_bits))
        bucket_bits++;
    if (bucket_bits == 31)
        return rf__fail_memory(err);
    hash_bits = 2 * id_bits > bucket_bits ? 2 * id_bits : bucket_bits;
    pairs->id_bits = (uint8_t)id_bits;
    pairs->bucket_shift = (uint8_t)(hash_bits - bucket_bits);
    pairs->run_shift = (uint8_t)(rank_bits + 1);
    pairs->hash_mask = ((uint64_t)1 << hash_bits) - 1;
    pairs->rest_mask = ((uint64_t)1 << pairs->bucket_shift) - 1;
    pairs->rank_mask = ((uint64_t)1 << pairs->run_shift) - 1;
    pairs->bucket_mask = (uint32_t)(((uint64_t)1 << bucket_bits) - 1);
    pairs->slots = rf__alloc_array((size_t)2 << bucket_bits, sizeof *pairs->slots);
    return pairs->slots == NULL ? rf__fail_memory(err) : RF_OK;
}

/* Whether a slot holds the pair that a wanted slot names, or none. */
static bool is_for(const struct bpe_pairs *pairs, uint64_t slot, uint64_t wanted)
{
    return (slot | RF_PAIR_MORE) == (RF_PAIR_EMPTY | RF_PAIR_MORE) || (slot ^ wanted) <= pairs->rank_mask;
}

static bool put(struct bpe_pairs *pairs, const struct bpe_pair *pair)
{
    uint64_t hash = rf__bpe_pair_hash(pairs, pair->left, pair->right);
    uint64_t wanted = (hash & pairs->rest_mask) << RF_PAIR_RUN_BITS << pairs->run_shift;
    uint32_t bucket = (uint32_t)(hash >> pairs->bucket_shift);

    for (int run = 0; run < MAX_RUN; run++) {
        uint64_t *slots = &pairs->slots[2 * (size_t)bucket];
        for (int i = 0; i < 2; i++)
            if (is_for(pairs, slots[i], wanted)) {
                uint64_t more = slots[i] == RF_PAIR_EMPTY ? 0 : slots[i] & RF_PAIR_MORE;
                pairs->n += slots[i] == RF_PAIR_EMPTY;
                slots[i] = wanted | (uint64_t)pair->rank << 1 | more;
                return true;
            }
        slots[0] |= RF_PAIR_MORE;
        bucket = (bucket + 1) & pairs->bucket_mask;
        wanted += (uint64_t)1 << pairs->run_shift;
    }
    return false;
}

/* False when a run becomes too long. */
static bool fill(struct bpe_pairs *out, const struct bpe_pair *pairs, size_t n)
{
    for (size_t i = 0; i < 2 * ((size_t)out->bucket_mask + 1); i++)
        out->slots[i] = RF_PAIR_EMPTY;
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct bpe_pair *later = &pairs[i + FETCHED < n ? i + FETCHED : i];
        rf__bpe_pair_fetch(out, rf__bpe_pair_hash(out, later->left, later->right));
        if (!put(out, &pairs[i]))
            return false;
    }
    return true;
}

rf_status rf__bpe_pairs_build(struct bpe_pairs *out, const struct bpe_pair *pairs, size_t n, uint32_t n_ids,
                              size_t n_ranks, rf_error *err)
{
    rf_status status = init(out, n, n_ids, n_ranks, err);

    for (size_t i = 0; i < N_SEEDS && status == RF_OK; i++) {
        out->seed = seeds[i] & out->hash_mask;
        if (fill(out, pairs, n))
            return RF_OK;
    }
    rf__bpe_pairs_release(out);
    return status != RF_OK ? status
                           : rf__fail(err, RF_BAD_FORMAT, "the merges of the model collide as no real ones do");
}
