/* tokenizer: the last step of making one, and what can be asked of it. files/ is where it comes from, encode.c the way
 * from text to ids, decoder.c the way back. */
#include "tokenizer/tokenizer_parts.h"

#include "base/mem.h"

/* ---- Making ------------------------------------------------------------------------------------------------- */

static uint32_t above_layout(const struct layout *layout, uint32_t size)
{
    for (size_t i = 0; i < layout->n; i++)
        if (layout->items[i].kind == LAYOUT_SPECIAL && layout->items[i].id >= size)
            size = layout->items[i].id + 1;
    return size;
}

/* ByteLevel and a model that knows what the printable characters stand for can leave the detour out. */
static void shorten_bytes(const struct pretokenizers *chain, struct model *model)
{
    size_t n_maps = 0;

    for (size_t i = 0; i < chain->n; i++)
        n_maps += chain->items[i]->maps_bytes;
    if (n_maps == 1 && chain->items[chain->n - 1]->maps_bytes && model->ops->use_bytes != NULL)
        chain->items[chain->n - 1]->maps_bytes = !model->ops->use_bytes(model);
}

rf_status rf__tokenizer_finish(struct rf_tokenizer *tokenizer, const struct logger *logger, rf_error *err)
{
    struct model *model = tokenizer->model;
    uint32_t size = model->vocabulary.n_ids;
    rf_status status = RF_OK;

    for (size_t i = 0; i < tokenizer->added.n; i++)
        if (tokenizer->added.items[i].id >= size)
            size = tokenizer->added.items[i].id + 1;
    size = above_layout(&tokenizer->postprocessor.layouts[0][1], size);
    tokenizer->vocab_size = above_layout(&tokenizer->postprocessor.layouts[1][1], size);
    shorten_bytes(&tokenizer->pretokenizers, model);
    if (model->ops->prepare != NULL)
        status = model->ops->prepare(model, err);
    if (status != RF_OK)
        return status;
    if (model->note != NULL)
        rf__log(logger, RF_LOG_WARNING, "%s", model->note);
    tokenizer->pool = rf__scratch_pool_new();
    if (tokenizer->pool == NULL)
        return rf__fail_memory(err);
    return rf__added_tokens_finish(&tokenizer->added, logger, err);
}

void rf__tokenizer_release(struct rf_tokenizer *tokenizer)
{
    rf__normalizers_release(&tokenizer->normalizers);
    rf__added_tokens_release(&tokenizer->added);
    rf__pretokenizers_release(&tokenizer->pretokenizers);
    rf__model_free(tokenizer->model);
    rf__postprocessor_release(&tokenizer->postprocessor);
    rf__decoders_release(&tokenizer->decoders);
    rf__scratch_pool_free(tokenizer->pool);
    *tokenizer = (struct rf_tokenizer){0};
}

void rf__tokenizer_free(struct rf_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    rf__tokenizer_release(tokenizer);
    rf__free(tokenizer);
}

/* ---- Questions ---------------------------------------------------------------------------------------------- */

uint32_t rf__tokenizer_vocab_size(const struct rf_tokenizer *tokenizer)
{
    return tokenizer->vocab_size;
}

const char *rf__tokenizer_piece(const struct rf_tokenizer *tokenizer, uint32_t id, size_t *len)
{
    const struct added_token *token = rf__added_token_of_id(&tokenizer->added, id);

    if (token == NULL)
        return rf__vocabulary_piece(&tokenizer->model->vocabulary, id, len);
    if (len != NULL)
        *len = token->len;
    return token->content;
}

bool rf__tokenizer_id(const struct rf_tokenizer *tokenizer, const char *piece, size_t len, uint32_t *id)
{
    const struct added_token *token = rf__added_token_of_content(&tokenizer->added, piece, len);

    if (token == NULL)
        return rf__vocabulary_find(&tokenizer->model->vocabulary, piece, len, id);
    *id = token->id;
    return true;
}

rf_token_kind rf__tokenizer_kind(const struct rf_tokenizer *tokenizer, uint32_t id)
{
    const struct added_token *token = rf__added_token_of_id(&tokenizer->added, id);
    size_t len;

    if (token != NULL)
        return token->is_named_special ? RF_TOKEN_SPECIAL : RF_TOKEN_ADDED;
    return rf__vocabulary_piece(&tokenizer->model->vocabulary, id, &len) != NULL ? RF_TOKEN_PIECE : RF_TOKEN_NONE;
}

uint32_t rf__tokenizer_n_added(const struct rf_tokenizer *tokenizer, bool pair)
{
    return tokenizer->postprocessor.n_added[pair];
}
