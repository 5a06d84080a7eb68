/*
 * sentencepiece: a tokenizer from a model of sentencepiece, where a directory has no tokenizer.json.
 *
 *     sentencepiece_model.c        the file
 *     sentencepiece.c              which tokenizer it is for, and its stages
 *     sentencepiece_vocab.c        its vocabulary and merges
 *     sentencepiece_normalizer.c   the normalizer of the sentencepiece library itself
 *
 * Which ids a model stands for depends on the class of `transformers` that reads it (tokenizer_config.json's
 * tokenizer_class, else config.json's model_type): XLMRobertaTokenizer moves all ids, T5Tokenizer adds a hundred. A
 * class that is not known is refused; where none is named, the ids are those of the sentencepiece library, and the log
 * says so.
 */
#ifndef RF_TOKENIZER_SENTENCEPIECE_H
#define RF_TOKENIZER_SENTENCEPIECE_H

#include "tokenizer/files/sentencepiece_model.h"
#include "tokenizer/files/special_tokens.h"

/* How a class lays the pieces out as a vocabulary. */
enum piece_layout {
    PIECES_PLAIN,     /* as they are */
    PIECES_FAIRSEQ,   /* <s> <pad> </s> <unk>, the pieces from the fourth on, <mask> */
    PIECES_CAMEMBERT, /* five, the pieces from the second on, <mask> */
    PIECES_EXTRA_IDS  /* as they are, then <extra_id_99> to <extra_id_0> */
};

struct vocab_recipe {
    enum piece_layout layout;
    size_t n_extra_ids;
    uint32_t unk_id;
    const struct added_spec *named; /* [N_SPECIALS] */
    const char *name;               /* of the file */
};

/* The Unigram model as `transformers` makes it. */
rf_status rf__sentencepiece_unigram(const struct sentencepiece_model *pieces, const struct vocab_recipe *recipe,
                                    struct model **out, rf_error *err);
/* The BPE model as `transformers` makes it: every way to put two pieces together that gives a piece is a merge.
 * `unk_token`: NULL is none. */
rf_status rf__sentencepiece_bpe(const struct sentencepiece_model *pieces, const char *unk_token, const char *name,
                                struct model **out, rf_error *err);

/* The models as the sentencepiece library has them. */
rf_status rf__sentencepiece_plain_unigram(const struct sentencepiece_model *pieces, const char *name,
                                          struct model **out, rf_error *err);
rf_status rf__sentencepiece_plain_bpe(const struct sentencepiece_model *pieces, const char *name, struct model **out,
                                      rf_error *err);

/* The normalizer as the sentencepiece library has it. RF_BAD_FORMAT where the map of characters is broken. */
rf_status rf__sentencepiece_normalizer(const struct sentencepiece_model *pieces, const char *name,
                                       struct normalizer **out, rf_error *err);

#endif
