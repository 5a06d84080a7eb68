/*
 * sentencepiece: a tokenizer from a model of sentencepiece, where a directory has no tokenizer.json.
 *
 *     sentencepiece.c              opening one: puts together what the others make
 *     sentencepiece_model.c        the file
 *     sentencepiece_classes.c      which class of `transformers` it is for
 *     sentencepiece_vocab.c        its vocabulary with scores or merges: the model
 *     sentencepiece_stages.c       the stages around that
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

/* The stages that classes share. */
enum sentencepiece_family {
    FAMILY_METASPACE,
    FAMILY_ALBERT,
    FAMILY_XLNET,
    FAMILY_BIGBIRD,
    FAMILY_DEBERTA,
    FAMILY_LLAMA,
    FAMILY_GEMMA
};

/* A class of `transformers`. */
struct sentencepiece_class {
    const char *name, *model_type;
    enum sentencepiece_family family;
    enum piece_layout layout;
    int unk_id;                /* -1: looked for in the model */
    const char *single, *pair; /* templates, as in sentencepiece_stages.c; NULL: by add_bos_token and add_eos_token */
    struct added_spec named[N_SPECIALS];
};

/* What the classes read of tokenizer_config.json. */
struct sentencepiece_flags {
    bool add_prefix_space, do_lower_case, keep_accents, split_by_punct, legacy, add_bos, add_eos;
};

/* What a tokenizer is made from. */
struct sentencepiece_source {
    struct sentencepiece_model model;
    const struct vocab_companions *companions;
    const char *name;                        /* of the file */
    const struct sentencepiece_class *class; /* NULL: none is named; as the library reads it */
    struct sentencepiece_flags flags;
    size_t n_extra_ids;
    struct special_tokens tokens; /* have their ids once they are added, which the model comes before */
};

/* Fills in the class, and what it reads of its configuration. RF_UNSUPPORTED where one is named that is not known. */
rf_status rf__sentencepiece_choose_class(struct sentencepiece_source *source, const struct logger *logger,
                                         rf_error *err);

/* The Unigram or BPE model, as the class makes it, or as the library has it. */
rf_status rf__sentencepiece_build_model(const struct sentencepiece_source *source, struct model **out, rf_error *err);

/* The normalizers of the class. */
rf_status rf__sentencepiece_read_normalizers(const struct sentencepiece_source *source, struct normalizers *out,
                                             rf_error *err);
/* The other stages, of the class or of none, once the special tokens have their ids. */
rf_status rf__sentencepiece_read_stages(const struct sentencepiece_source *source, struct rf_tokenizer *tokenizer,
                                        rf_error *err);
/* The special tokens that they name in any case, as a set (1 << SPECIAL_…). */
unsigned rf__sentencepiece_needed(const struct sentencepiece_class *class);

/* The normalizer as the sentencepiece library has it. RF_BAD_FORMAT where the map of characters is broken. */
rf_status rf__sentencepiece_normalizer(const struct sentencepiece_model *model, const char *name,
                                       struct normalizer **out, rf_error *err);

#endif
