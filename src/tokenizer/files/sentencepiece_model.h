/*
 * sentencepiece_model: reading a model of sentencepiece (tokenizer.model, spiece.model, sentencepiece.bpe.model), a
 * protobuf message ModelProto (sentencepiece_model.proto of google/sentencepiece):
 *
 *     ModelProto      1 pieces, repeated   2 trainer_spec   3 normalizer_spec
 *     SentencePiece   1 piece   2 score, float   3 type
 *     TrainerSpec     3 model_type   24 treat_whitespace_as_suffix   35 byte_fallback   40 unk_id   41 bos_id
 *                     42 eos_id   45 unk_piece   46 bos_piece   47 eos_piece
 *     NormalizerSpec  2 precompiled_charsmap   3 add_dummy_prefix   4 remove_extra_whitespaces   5 escape_whitespaces
 *
 * Its fields are walked (base/wire.h), not unpacked by protobuf-c, which would allocate each of some 250,000 pieces;
 * nothing is copied but the list of pieces.
 */
#ifndef RF_TOKENIZER_SENTENCEPIECE_MODEL_H
#define RF_TOKENIZER_SENTENCEPIECE_MODEL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum piece_type {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN = 2,
    PIECE_CONTROL = 3, /* no text becomes it */
    PIECE_USER_DEFINED = 4,
    PIECE_UNUSED = 5,
    PIECE_BYTE = 6
};

struct sentencepiece {
    rf_text text; /* well-formed, not empty; the file's */
    float score;  /* a number, finite */
    enum piece_type type;
};

enum sentencepiece_algorithm { SENTENCEPIECE_UNIGRAM = 1, SENTENCEPIECE_BPE = 2 };

struct sentencepiece_model {
    struct sentencepiece *pieces; /* [n_pieces], the index is the id; at least one */
    size_t n_pieces;
    enum sentencepiece_algorithm algorithm;
    bool treat_whitespace_as_suffix, byte_fallback;
    int32_t unk_id, bos_id, eos_id; /* negative: none */
    rf_text unk_piece, bos_piece, eos_piece;
    rf_text charsmap; /* empty: none */
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
};

/* The strings are parts of `data`, which must outlive the model. `name` is for messages. On failure nothing has to be
 * released. */
rf_status rf__sentencepiece_model_read(struct sentencepiece_model *model, const char *data, size_t len,
                                       const char *name, rf_error *err);
void rf__sentencepiece_model_release(struct sentencepiece_model *model);

#endif
