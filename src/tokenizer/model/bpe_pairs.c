/* bpe_pairs: see bpe_pairs.h. */
#include "tokenizer/model/bpe_pairs.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

#define MAX_RUN     512 /* full slots in a row; chance gives some tens in a table that is filled to two thirds */
#define FILTER_BITS 8   /* of the filter for each pair, at least */

static const uint64_t seeds[] = {0, 0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u};
#define N_SEEDS (sizeof seeds / sizeof seeds[0])

void rf__bpe_pairs_release(struct bpe_pairs *pairs)
{
    rf__free(pairs->slots);
    rf__free(pairs->filter);
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
    unsigned id_bits = bits_of(n_ids) > 2 ? bits_of(n_ids) : 2, rank_bits = bits_of((uint64_t)n_ranks + 1),
             slot_bits = 2;
    unsigned hash_bits, filter_bits;

    while (slot_bits < 32 &&
           (((uint64_t)1 << slot_bits) / 3 * 2 < n || 2 * id_bits + RF_PAIR_RUN_BITS + rank_bits > 63 + slot_bits))
        slot_bits++;
    if (slot_bits == 32)
        return rf__fail_memory(err);
    hash_bits = 2 * id_bits > slot_bits ? 2 * id_bits : slot_bits;
    filter_bits = bits_of((uint64_t)n * FILTER_BITS) > 6 ? bits_of((uint64_t)n * FILTER_BITS) : 6;
    pairs->filter_shift = (uint8_t)(hash_bits > filter_bits ? hash_bits - filter_bits : 0);
    pairs->id_bits = (uint8_t)id_bits;
    pairs->slot_shift = (uint8_t)(hash_bits - slot_bits);
    pairs->rank_bits = (uint8_t)rank_bits;
    pairs->hash_mask = ((uint64_t)1 << hash_bits) - 1;
    pairs->rest_mask = ((uint64_t)1 << pairs->slot_shift) - 1;
    pairs->rank_mask = ((uint64_t)1 << rank_bits) - 1;
    pairs->slot_mask = (uint32_t)(((uint64_t)1 << slot_bits) - 1);
    pairs->slots = rf__alloc_array((size_t)1 << slot_bits, sizeof *pairs->slots);
    pairs->filter = rf__alloc_array(((size_t)1 << filter_bits) / 64, sizeof *pairs->filter);
    if (pairs->slots == NULL || pairs->filter == NULL)
        return rf__fail_memory(err);
    return RF_OK;
}

static bool put(struct bpe_pairs *pairs, const struct bpe_pair *pair)
{
    uint64_t hash = rf__bpe_pair_hash(pairs, pair->left, pair->right), bit = hash >> pairs->filter_shift;
    uint64_t wanted = (hash & pairs->rest_mask) << RF_PAIR_RUN_BITS << pairs->rank_bits;
    uint32_t i = (uint32_t)(hash >> pairs->slot_shift);

    for (int run = 0; run < MAX_RUN; run++, i = (i + 1) & pairs->slot_mask, wanted += pairs->rank_mask + 1) {
        if (pairs->slots[i] != RF_PAIR_EMPTY && (pairs->slots[i] ^ wanted) > pairs->rank_mask)
            continue;
        pairs->n += pairs->slots[i] == RF_PAIR_EMPTY;
        pairs->slots[i] = wanted | pair->rank;
        pairs->filter[bit / 64] |= (uint64_t)1 << bit % 64;
        return true;
    }
    return false;
}

/* False when a run becomes too long. */
static bool fill(struct bpe_pairs *out, const struct bpe_pair *pairs, size_t n)
{
    size_t n_filter = (size_t)((out->hash_mask >> out->filter_shift) / 64 + 1);

    memset(out->slots, 0xFF, ((size_t)out->slot_mask + 1) * sizeof *out->slots);
    memset(out->filter, 0, n_filter * sizeof *out->filter);
    out->n = 0;
    for (size_t i = 0; i < n; i++)
        if (!put(out, &pairs[i]))
            return false;
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
