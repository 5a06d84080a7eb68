/*
 * unigram: the Unigram model, from whatever file it comes: tokenizer.json (unigram_json.c) or a model of sentencepiece
 * (files/sentencepiece_vocab.c). The parts:
 *
 *     unigram.c       the best path through a word, and its tokens
 *     word_cache.h    words that came before
 */
#ifndef RF_TOKENIZER_UNIGRAM_H
#define RF_TOKENIZER_UNIGRAM_H

#include "tokenizer/stages.h"

#define RF_UNIGRAM_NO_ID UINT32_MAX

struct unigram_settings {
    double unk_score;         /* of a character that is no piece */
    uint32_t unk_id;          /* RF_UNIGRAM_NO_ID: such a character is an error */
    bool fuse_unk;            /* unknown neighbours are one token */
    bool byte_fallback;       /* what is unknown is a token for each byte, where all of them have one */
    bool single_precision;    /* sums are kept as float, as sentencepiece does; false: as double */
    const bool *is_unmatched; /* [n_ids]: pieces that no text becomes; NULL: none */
    const char *name;         /* of the file, for messages */
};

/* Takes the vocabulary, finished, and `scores`, an array of the length vocabulary->n_ids (rf__free), over, also when it
 * fails. */
rf_status rf__unigram_new(struct vocabulary *vocabulary, double *scores, const struct unigram_settings *settings,
                          struct model **out, rf_error *err);

#endif
