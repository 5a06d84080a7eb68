/* sentencepiece_model: see sentencepiece_model.h. */
#include "tokenizer/files/sentencepiece_model.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/wire.h"
#include "tokenizer/vocabulary.h"

#include <math.h>
#include <string.h>

/* ---- The messages ------------------------------------------------------------------------------------------- */

static bool is_bool(const struct field *field, uint64_t number, bool *out)
{
    if (field->number != number || field->wire != WIRE_VARINT)
        return false;
    *out = field->value != 0;
    return true;
}

static bool is_id(const struct field *field, uint64_t number, int32_t *out)
{
    if (field->number != number || field->wire != WIRE_VARINT)
        return false;
    *out = field->value > INT32_MAX ? -1 : (int32_t)field->value; /* a negative one has all 64 bits */
    return true;
}

static bool is_text(const uint8_t *data, const struct field *field, uint64_t number, rf_text *out)
{
    if (field->number != number || field->wire != WIRE_BYTES)
        return false;
    *out = (rf_text){(const char *)data + field->body, field->end - field->body};
    return true;
}

static bool read_piece(const uint8_t *data, const struct field *message, struct sentencepiece *out)
{
    struct field field;

    *out = (struct sentencepiece){.text = {"", 0}, .type = PIECE_NORMAL};
    for (size_t at = message->body; at < message->end; at = field.end) {
        if (!rf__wire_field(data, at, message->end, &field))
            return false;
        if (is_text(data, &field, 1, &out->text))
            continue;
        if (field.number == 2 && field.wire == WIRE_32) {
            uint32_t bits = rf__u32_at(data + field.body);
            memcpy(&out->score, &bits, sizeof bits);
        } else if (field.number == 3 && field.wire == WIRE_VARINT && field.value >= PIECE_NORMAL &&
                   field.value <= PIECE_BYTE) {
            out->type = (enum piece_type)field.value;
        }
    }
    return true;
}

static bool read_trainer_spec(const uint8_t *data, const struct field *message, struct sentencepiece_model *model,
                              uint64_t *algorithm)
{
    struct field field;

    for (size_t at = message->body; at < message->end; at = field.end) {
        if (!rf__wire_field(data, at, message->end, &field))
            return false;
        if (field.number == 3 && field.wire == WIRE_VARINT)
            *algorithm = field.value;
        else
            (void)(is_bool(&field, 24, &model->treat_whitespace_as_suffix) ||
                   is_bool(&field, 35, &model->byte_fallback) || is_id(&field, 40, &model->unk_id) ||
                   is_id(&field, 41, &model->bos_id) || is_id(&field, 42, &model->eos_id) ||
                   is_text(data, &field, 45, &model->unk_piece) || is_text(data, &field, 46, &model->bos_piece) ||
                   is_text(data, &field, 47, &model->eos_piece));
    }
    return true;
}

static bool read_normalizer_spec(const uint8_t *data, const struct field *message, struct sentencepiece_model *model)
{
    struct field field;

    for (size_t at = message->body; at < message->end; at = field.end) {
        if (!rf__wire_field(data, at, message->end, &field))
            return false;
        (void)(is_text(data, &field, 2, &model->charsmap) || is_bool(&field, 3, &model->add_dummy_prefix) ||
               is_bool(&field, 4, &model->remove_extra_whitespaces) || is_bool(&field, 5, &model->escape_whitespaces));
    }
    return true;
}

/* ---- The file ----------------------------------------------------------------------------------------------- */

static bool count_pieces(const uint8_t *data, size_t len, size_t *n)
{
    struct field field;

    *n = 0;
    for (size_t at = 0; at < len; at = field.end) {
        if (!rf__wire_field(data, at, len, &field))
            return false;
        *n += field.number == 1 && field.wire == WIRE_BYTES;
    }
    return true;
}

/* Later messages of one field add to earlier ones, as protobuf has it. */
static bool read_file(const uint8_t *data, size_t len, struct sentencepiece_model *model, uint64_t *algorithm)
{
    struct field field = {0};
    bool is_good = true;

    for (size_t at = 0; at < len && is_good; at = field.end) {
        is_good = rf__wire_field(data, at, len, &field);
        if (!is_good || field.wire != WIRE_BYTES)
            continue;
        if (field.number == 1)
            is_good = read_piece(data, &field, &model->pieces[model->n_pieces++]);
        else if (field.number == 2)
            is_good = read_trainer_spec(data, &field, model, algorithm);
        else if (field.number == 3)
            is_good = read_normalizer_spec(data, &field, model);
    }
    return is_good;
}

static rf_status check(const struct sentencepiece_model *model, uint64_t algorithm, const char *name, rf_error *err)
{
    static const char *const others[] = {[3] = "word", [4] = "char"};

    if (algorithm != SENTENCEPIECE_UNIGRAM && algorithm != SENTENCEPIECE_BPE)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: a sentencepiece model of type '%s'", name,
                        algorithm == 3 || algorithm == 4 ? others[algorithm] : "unknown");
    for (size_t i = 0; i < model->n_pieces; i++) {
        const struct sentencepiece *piece = &model->pieces[i];
        if (piece->text.len == 0 || !rf__utf8_valid(piece->text.data, piece->text.len))
            return rf__fail(err, RF_BAD_FORMAT, "%s: piece %zu is %s", name, i,
                            piece->text.len == 0 ? "empty" : "not valid UTF-8");
        if (!isfinite(piece->score))
            return rf__fail(err, RF_BAD_FORMAT, "%s: the score of piece %zu is not a number", name, i);
    }
    if (model->unk_id < 0 || (size_t)model->unk_id >= model->n_pieces)
        return rf__fail(err, RF_BAD_FORMAT, "%s: the unknown piece has the id %d, but there are %zu pieces", name,
                        model->unk_id, model->n_pieces);
    if (!rf__utf8_valid(model->unk_piece.data, model->unk_piece.len) ||
        !rf__utf8_valid(model->bos_piece.data, model->bos_piece.len) ||
        !rf__utf8_valid(model->eos_piece.data, model->eos_piece.len))
        return rf__fail(err, RF_BAD_FORMAT, "%s: the name of a special piece is not valid UTF-8", name);
    return RF_OK;
}

rf_status rf__sentencepiece_model_read(struct sentencepiece_model *model, const char *data, size_t len,
                                       const char *name, rf_error *err)
{
    const uint8_t *bytes = (const uint8_t *)data;
    uint64_t algorithm = SENTENCEPIECE_UNIGRAM;
    size_t n;
    rf_status status;

    *model = (struct sentencepiece_model){
        .unk_id = 0,
        .bos_id = 1,
        .eos_id = 2,
        .unk_piece = {"<unk>", 5},
        .bos_piece = {"<s>", 3},
        .eos_piece = {"</s>", 4},
        .charsmap = {"", 0},
        .add_dummy_prefix = true,
        .remove_extra_whitespaces = true,
        .escape_whitespaces = true,
    };
    if (!count_pieces(bytes, len, &n) || n == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is no model of sentencepiece, or is cut off", name);
    if (n >= RF_VOCABULARY_MAX_IDS / 2)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: %zu pieces", name, n);
    model->pieces = rf__alloc_array(n, sizeof *model->pieces);
    if (model->pieces == NULL)
        return rf__fail_memory(err);
    if (read_file(bytes, len, model, &algorithm))
        status = check(model, algorithm, name, err);
    else
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is no model of sentencepiece, or is damaged", name);
    model->algorithm = (enum sentencepiece_algorithm)algorithm;
    if (status != RF_OK)
        rf__sentencepiece_model_release(model);
    return status;
}

void rf__sentencepiece_model_release(struct sentencepiece_model *model)
{
    rf__free(model->pieces);
    *model = (struct sentencepiece_model){0};
}
