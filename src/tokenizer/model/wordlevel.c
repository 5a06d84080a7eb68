/* wordlevel: the WordLevel model: a word is a piece, or unknown. */
#include "tokenizer/stages.h"

#include "base/mem.h"

struct wordlevel {
    struct model base;
    size_t max_len; /* of a piece */
    uint32_t unk_id;
    bool has_unk;
    char *unk_token, *name; /* for messages */
};

static rf_status find_word(const struct wordlevel *model, const char *bytes, size_t len, uint32_t *id, rf_error *err)
{
    const struct vocabulary *vocabulary = &model->base.vocabulary;
    const char *record = NULL;

    if (len <= model->max_len)
        record = rf__string_table_find(&vocabulary->table, vocabulary->pool, 0, bytes, len);
    if (record == NULL && !model->has_unk)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: the text has a word that is not in the vocabulary, and neither is unk_token '%s'",
                        model->name, model->unk_token);
    *id = record == NULL ? model->unk_id : rf__record_id(record);
    return RF_OK;
}

static rf_status wordlevel_tokenize(const struct model *self, const struct pieces *pieces, size_t limit,
                                    uint32_t first_word, struct model_scratch *scratch, struct tokens *out,
                                    rf_error *err)
{
    rf_status status = rf__tokens_reserve(out, pieces->n, err);

    (void)scratch;
    for (size_t i = 0; i < pieces->n && status == RF_OK; i++) {
        struct span span = pieces->items[i];
        uint32_t id = 0;
        status =
            find_word((const struct wordlevel *)self, pieces->text->data + span.begin, span.end - span.begin, &id, err);
        if (status != RF_OK)
            break;
        rf__tokens_put(out, id, first_word + (uint32_t)i, span.begin, span.end);
        if (out->n >= limit)
            break;
    }
    return status;
}

static void wordlevel_free(struct model *self)
{
    struct wordlevel *model = (struct wordlevel *)self;

    rf__vocabulary_release(&self->vocabulary);
    rf__free(model->unk_token);
    rf__free(model->name);
    rf__free(model);
}

static void find_longest(struct wordlevel *model)
{
    const struct vocabulary *vocabulary = &model->base.vocabulary;

    for (size_t i = 0; i <= vocabulary->table.mask; i++) {
        const char *record = vocabulary->pool + vocabulary->table.slots[i].record;
        if (record != vocabulary->pool && rf__record_len(record) > model->max_len)
            model->max_len = rf__record_len(record);
    }
}

rf_status rf__wordlevel_read(const struct stage_source *source, struct model **out, rf_error *err)
{
    static const struct model_ops ops = {.type = "WordLevel", .tokenize = wordlevel_tokenize, .free = wordlevel_free};
    struct wordlevel *model;
    const char *unk_token;
    size_t len;
    rf_status status = rf__json_get_str(source->json, source->value, "unk_token", NULL, &unk_token, err);

    if (status == RF_OK && unk_token == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: 'model' has no 'unk_token'", source->json->name);
    if (status != RF_OK)
        return status;
    len = yyjson_get_len(yyjson_obj_get(source->value, "unk_token"));
    model = rf__calloc(1, sizeof *model);
    if (model == NULL)
        return rf__fail_memory(err);
    model->base.ops = &ops;
    model->unk_token = rf__strndup(unk_token, len);
    model->name = rf__strdup(source->json->name);
    if (model->unk_token == NULL || model->name == NULL)
        status = rf__fail_memory(err);
    else
        status = rf__vocabulary_read(source, &model->base.vocabulary, err);
    if (status != RF_OK) {
        wordlevel_free(&model->base);
        return status;
    }
    model->has_unk = rf__vocabulary_find(&model->base.vocabulary, unk_token, len, &model->unk_id);
    find_longest(model);
    *out = &model->base;
    return RF_OK;
}
