/* sentencepiece: see sentencepiece.h. */
#include "tokenizer/files/sentencepiece.h"

#include "base/mem.h"

#include <stdio.h>

/* Such a piece is matched whole before the model sees the text. */
static bool is_listed(const struct sentencepiece *piece)
{
    return piece->type == PIECE_CONTROL || piece->type == PIECE_USER_DEFINED;
}

/* Those that are matched whole, special when no text was to become them, and the extra ids. */
static void list_own(struct sentencepiece_source *source, char (*extra)[32])
{
    for (size_t i = 0; i < source->model.n_pieces; i++) {
        const struct sentencepiece *piece = &source->model.pieces[i];
        struct added_spec spec = {piece->text.data, piece->text.len, {.special = piece->type == PIECE_CONTROL}};
        if (is_listed(piece))
            rf__special_tokens_append(&source->tokens, &spec);
    }
    for (size_t i = 0; i < source->n_extra_ids; i++) {
        struct added_spec spec = {extra[i], 0, {.special = true}};
        spec.len = (size_t)snprintf(extra[i], sizeof extra[i], "<extra_id_%zu>", i);
        rf__special_tokens_append(&source->tokens, &spec);
    }
}

static size_t count_listed_pieces(const struct sentencepiece_model *model)
{
    size_t n = 0;

    for (size_t i = 0; i < model->n_pieces; i++)
        n += is_listed(&model->pieces[i]);
    return n;
}

/* As a class of transformers. `extra`: room for the names of the extra ids, [n_extra_ids]. */
static rf_status build_class(struct rf_tokenizer *tokenizer, struct sentencepiece_source *source, char (*extra)[32],
                             bool lower_case, rf_error *err)
{
    rf_status status = rf__special_tokens_list(&source->tokens, source->companions, source->class->named, true,
                                               count_listed_pieces(&source->model) + source->n_extra_ids, err);

    if (status == RF_OK)
        status =
            rf__special_tokens_require(&source->tokens, rf__sentencepiece_needed(source->class), source->name, err);
    if (status != RF_OK)
        return status;
    if (source->tokens.takes_own)
        list_own(source, extra);
    status = rf__sentencepiece_read_normalizers(source, &tokenizer->normalizers, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status == RF_OK)
        status = rf__sentencepiece_build_model(source, &tokenizer->model, err);
    if (status == RF_OK)
        status = rf__special_tokens_add(&source->tokens, tokenizer, err);
    return status == RF_OK ? rf__sentencepiece_read_stages(source, tokenizer, err) : status;
}

static void name_piece(struct sentencepiece_source *source, int which, int32_t id)
{
    if (id < 0 || (size_t)id >= source->model.n_pieces)
        return;
    source->tokens.named[which].content = source->model.pieces[id].text.data;
    source->tokens.named[which].len = source->model.pieces[id].text.len;
    source->tokens.ids[which] = (uint32_t)id;
}

/* BPE takes the pieces of the user out of the normalized text before it merges the rest, as added tokens are. (They are
 * not normalized themselves.) Unigram gives them a score that wins. */
static rf_status add_user_defined(struct rf_tokenizer *tokenizer, const struct sentencepiece_source *source,
                                  rf_error *err)
{
    static const struct normalizers none;
    const struct sentencepiece_model *model = &source->model;
    bool are_added = model->algorithm == SENTENCEPIECE_BPE;
    rf_status status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary,
                                             are_added ? count_listed_pieces(model) : 0, err);

    for (size_t i = 0; i < model->n_pieces && status == RF_OK && are_added; i++) {
        const struct sentencepiece *piece = &model->pieces[i];
        struct added_spec spec = {piece->text.data, piece->text.len, {.normalized = true}};
        uint32_t id;
        if (piece->type == PIECE_USER_DEFINED)
            status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &none, &spec, &id, err);
    }
    return status;
}

/* As the library has it, with its own normalizer. */
static rf_status build_plain(struct rf_tokenizer *tokenizer, struct sentencepiece_source *source, bool lower_case,
                             rf_error *err)
{
    struct normalizer *normalizer;
    rf_status status = rf__sentencepiece_build_model(source, &tokenizer->model, err);

    if (status == RF_OK)
        status = rf__sentencepiece_normalizer(&source->model, source->name, &normalizer, err);
    if (status == RF_OK)
        status = rf__normalizers_add(&tokenizer->normalizers, normalizer, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status == RF_OK)
        status = add_user_defined(tokenizer, source, err);
    if (status != RF_OK)
        return status;
    name_piece(source, SPECIAL_BOS, source->model.bos_id);
    name_piece(source, SPECIAL_EOS, source->model.eos_id);
    return rf__sentencepiece_read_stages(source, tokenizer, err);
}

static rf_status build(struct rf_tokenizer *tokenizer, struct sentencepiece_source *source, bool lower_case,
                       const struct logger *logger, rf_error *err)
{
    char(*extra)[32] = NULL;
    rf_status status = rf__sentencepiece_choose_class(source, logger, err);

    if (status == RF_OK && source->class == NULL)
        return build_plain(tokenizer, source, lower_case, err);
    if (status == RF_OK && source->n_extra_ids > 0) {
        extra = rf__alloc_array(source->n_extra_ids, sizeof *extra);
        status = extra == NULL ? rf__fail_memory(err) : RF_OK;
    }
    if (status == RF_OK)
        status = build_class(tokenizer, source, extra, lower_case, err);
    rf__free(extra);
    return status;
}

rf_status rf__tokenizer_read_sentencepiece(struct rf_tokenizer *tokenizer, const char *data, size_t len,
                                           const char *name, const struct vocab_companions *companions, bool lower_case,
                                           const struct logger *logger, rf_error *err)
{
    struct sentencepiece_source source = {.companions = companions, .name = name};
    rf_status status = rf__sentencepiece_model_read(&source.model, data, len, name, err);

    if (status != RF_OK)
        return status;
    status = build(tokenizer, &source, lower_case, logger, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__special_tokens_release(&source.tokens);
    rf__sentencepiece_model_release(&source.model);
    return status;
}
