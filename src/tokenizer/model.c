/* model: the kinds of models. */
#include "tokenizer/stages.h"

#include "base/mem.h"

#include <stdatomic.h>

#define STAGE "model"

static const struct {
    const char *type;
    rf_status (*read)(const struct stage_source *source, struct model **out, rf_error *err);
} kinds[] = {
    {"Unigram", rf__unigram_read},
    {"WordLevel", rf__wordlevel_read},
    {"WordPiece", rf__wordpiece_read},
};

/* Old files don't say which model they have; `tokenizers` finds out by what it must have. */
static const char *guess_type(yyjson_val *value)
{
    if (yyjson_obj_get(value, "merges") != NULL)
        return "BPE";
    if (yyjson_obj_get(value, "continuing_subword_prefix") != NULL)
        return "WordPiece";
    return yyjson_is_arr(yyjson_obj_get(value, "vocab")) ? "Unigram" : "WordLevel";
}

rf_status rf__model_read(const struct stage_source *source, struct model **out, rf_error *err)
{
    const char *type;

    if (yyjson_is_obj(source->value) && yyjson_obj_get(source->value, "type") == NULL) {
        type = guess_type(source->value);
    } else {
        rf_status status = rf__stage_type(source, STAGE, &type, err);
        if (status != RF_OK)
            return status;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].read(source, out, err);
    return rf__fail_stage(source->json, STAGE, type, err);
}

/* How much room the vocabulary needs; refuses ids that are none. */
static rf_status measure(const struct stage_source *source, yyjson_val *pieces, size_t *n_bytes, uint32_t *n_ids,
                         rf_error *err)
{
    yyjson_val *key, *id;
    size_t i, n;

    *n_bytes = 0;
    *n_ids = 0;
    yyjson_obj_foreach(pieces, i, n, key, id)
    {
        *n_bytes += yyjson_get_len(key); /* each is a part of the file: no overflow */
        if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= RF_VOCABULARY_MAX_IDS)
            return rf__fail(err, RF_BAD_FORMAT, "%s: the id of '%s' in 'model.vocab' is %s, expected 0 to %u",
                            source->json->name, yyjson_get_str(key),
                            yyjson_is_num(id) ? "out of range" : rf__json_type_name(id), RF_VOCABULARY_MAX_IDS - 1);
        if (yyjson_get_uint(id) >= *n_ids)
            *n_ids = (uint32_t)yyjson_get_uint(id) + 1;
    }
    return RF_OK;
}

rf_status rf__vocabulary_read(const struct stage_source *source, struct vocabulary *out, rf_error *err)
{
    yyjson_val *pieces, *key, *id;
    size_t i, n, n_bytes;
    uint32_t n_ids;
    rf_status status;

    status = rf__json_get_object(source->json, source->value, "vocab", &pieces, err);
    if (status == RF_OK && pieces == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: 'model' has no 'vocab'", source->json->name);
    if (status == RF_OK)
        status = measure(source, pieces, &n_bytes, &n_ids, err);
    if (status == RF_OK)
        status = rf__vocabulary_init(out, yyjson_obj_size(pieces), n_bytes, n_ids, err);
    if (status != RF_OK)
        return status;
    yyjson_obj_foreach(pieces, i, n, key, id)
        rf__vocabulary_add(out, yyjson_get_str(key), yyjson_get_len(key), (uint32_t)yyjson_get_uint(id));
    status = rf__vocabulary_finish(out, err);
    if (status == RF_OK)
        return RF_OK;
    rf__vocabulary_release(out);
    return rf__fail_prefix(err, status, "%s: 'model.vocab'", source->json->name);
}

void rf__model_scratch_release(struct model_scratch *scratch)
{
    if (scratch->free != NULL)
        scratch->free(scratch->memory);
    *scratch = (struct model_scratch){0};
}

uint64_t rf__model_serial(void)
{
    static atomic_uint_least64_t last;

    return atomic_fetch_add(&last, 1) + 1;
}

void rf__model_free(struct model *model)
{
    if (model != NULL)
        model->ops->free(model);
}
