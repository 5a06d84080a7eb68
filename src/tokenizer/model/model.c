/* model: the kinds of models. */
#include "tokenizer/stages.h"

#include "base/mem.h"

#define STAGE "model"

static const struct {
    const char *type;
    rf_status (*read)(const struct stage_source *source, struct model **out, rf_error *err);
} kinds[] = {
    {"BPE", rf__bpe_read},
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

void rf__model_scratch_release(struct model_scratch *scratch)
{
    if (scratch->free != NULL)
        scratch->free(scratch->memory);
    *scratch = (struct model_scratch){0};
}

void rf__model_free(struct model *model)
{
    if (model != NULL)
        model->ops->free(model);
}
