/*
 * postprocessor: what is put around and between the texts. TemplateProcessing says it as two lists:
 *
 *     "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, …]
 *     "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, …}
 *
 * BertProcessing and RobertaProcessing have them fixed; RobertaProcessing and ByteLevel take the white space of a token
 * out of its offsets. layout.c puts a chain of them together.
 */
#include "tokenizer/layout.h"

#include "base/mem.h"

#define STAGE "post_processor"

void rf__postprocessor_release(struct postprocessor *processor)
{
    for (int i = 0; i < 4; i++)
        rf__free(processor->layouts[i / 2][i % 2].items);
    *processor = (struct postprocessor){0};
}

rf_status rf__postprocessor_bert(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err)
{
    struct post_steps steps = {.items = {{.kind = POST_BERT, .cls = cls, .sep = sep}}, .n = 1};

    return rf__layouts_make(processor, &steps, "BERT", err);
}

rf_status rf__postprocessor_roberta(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err)
{
    struct post_steps steps = {.items = {{.kind = POST_ROBERTA, .cls = cls, .sep = sep, .trim_offsets = true}}, .n = 1};

    return rf__layouts_make(processor, &steps, "RoBERTa", err);
}

/* ---- BertProcessing, RobertaProcessing: "cls": ["[CLS]", 101]; ByteLevel ------------------------------------ */

static rf_status read_named_id(const struct stage_source *source, const char *key, uint32_t *id, rf_error *err)
{
    yyjson_val *pair, *number;
    rf_status status = rf__json_get_array(source->json, source->value, key, &pair, err);

    if (status != RF_OK)
        return status;
    number = pair == NULL ? NULL : yyjson_arr_get(pair, 1);
    if (!yyjson_is_uint(number) || yyjson_get_uint(number) >= RF_VOCABULARY_MAX_IDS)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.%s' names no id, expected [\"TOKEN\", id]", source->json->name,
                        STAGE, key);
    *id = (uint32_t)yyjson_get_uint(number);
    return RF_OK;
}

static rf_status read_bert(struct post_step *step, const struct stage_source *source, rf_error *err)
{
    rf_status status = read_named_id(source, "cls", &step->cls, err);

    return status != RF_OK ? status : read_named_id(source, "sep", &step->sep, err);
}

static rf_status read_byte_level(struct post_step *step, const struct stage_source *source, rf_error *err)
{
    rf_status status = rf__json_get_bool(source->json, source->value, "trim_offsets", true, &step->trim_offsets, err);

    if (status != RF_OK)
        return status;
    return rf__json_get_bool(source->json, source->value, "add_prefix_space", true, &step->keeps_one_space, err);
}

static rf_status read_roberta(struct post_step *step, const struct stage_source *source, rf_error *err)
{
    rf_status status = read_bert(step, source, err);

    return status != RF_OK ? status : read_byte_level(step, source, err);
}

/* ---- TemplateProcessing ------------------------------------------------------------------------------------- */

/* Where one of the two templates is being read to. */
struct reading {
    const struct stage_source *source;
    const char *key; /* "single" or "pair" */
    yyjson_val *special_tokens;
    struct template_item items[RF_LAYOUT_MAX_ITEMS];
    size_t n;
};

static rf_status add_item(struct reading *reading, struct template_item item, rf_error *err)
{
    if (reading->n == RF_LAYOUT_MAX_ITEMS)
        return rf__fail(err, RF_UNSUPPORTED, "%s: '%s.%s' has more than %d items", reading->source->json->name, STAGE,
                        reading->key, RF_LAYOUT_MAX_ITEMS);
    reading->items[reading->n++] = item;
    return RF_OK;
}

static rf_status read_sequence(struct reading *reading, const char *id, uint32_t type_id, rf_error *err)
{
    bool is_first = id != NULL && strcmp(id, "A") == 0;

    if (!is_first && (id == NULL || strcmp(id, "B") != 0))
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.%s' has the sequence '%s', expected 'A' or 'B'",
                        reading->source->json->name, STAGE, reading->key, id == NULL ? "" : id);
    if (!is_first && strcmp(reading->key, "single") == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.single' has the sequence 'B', but there is one text only",
                        reading->source->json->name, STAGE);
    return add_item(
        reading, (struct template_item){.kind = is_first ? TEMPLATE_FIRST : TEMPLATE_SECOND, .type_id = type_id}, err);
}

static rf_status read_special(struct reading *reading, const char *id, uint32_t type_id, rf_error *err)
{
    const struct json *json = reading->source->json;
    yyjson_val *token = id == NULL ? NULL : yyjson_obj_get(reading->special_tokens, id), *ids, *number;
    size_t i, n;
    rf_status status;

    if (token == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.%s' names '%s', which '%s.special_tokens' does not have",
                        json->name, STAGE, reading->key, id == NULL ? "" : id, STAGE);
    if (!yyjson_is_obj(token))
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.special_tokens.%s' is %s, expected an object", json->name, STAGE,
                        id, rf__json_type_name(token));
    status = rf__json_get_array(json, token, "ids", &ids, err);
    if (status != RF_OK)
        return status;
    yyjson_arr_foreach(ids, i, n, number)
    {
        if (!yyjson_is_uint(number) || yyjson_get_uint(number) >= RF_VOCABULARY_MAX_IDS)
            return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.special_tokens.%s.ids' has something that is no id",
                            json->name, STAGE, id);
        status = add_item(
            reading, (struct template_item){TEMPLATE_SPECIAL, type_id, (uint32_t)yyjson_get_uint(number), i > 0}, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static rf_status read_item(struct reading *reading, yyjson_val *item, rf_error *err)
{
    const struct json *json = reading->source->json;
    yyjson_val *special = yyjson_obj_get(item, "SpecialToken"), *body;
    const char *id;
    uint64_t type_id;
    rf_status status;

    body = special != NULL ? special : yyjson_obj_get(item, "Sequence");
    if (!yyjson_is_obj(body))
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s.%s' has an item that is neither 'SpecialToken' nor 'Sequence'",
                        json->name, STAGE, reading->key);
    status = rf__json_get_str(json, body, "id", NULL, &id, err);
    if (status == RF_OK)
        status = rf__json_get_u64(json, body, "type_id", 0, UINT32_MAX, &type_id, err);
    if (status != RF_OK)
        return status;
    return special != NULL ? read_special(reading, id, (uint32_t)type_id, err)
                           : read_sequence(reading, id, (uint32_t)type_id, err);
}

static rf_status read_template(struct reading *reading, const char *key, struct template *out, rf_error *err)
{
    const struct stage_source *source = reading->source;
    yyjson_val *items, *item;
    size_t i, n;
    rf_status status = rf__json_get_array(source->json, source->value, key, &items, err);

    reading->key = key;
    reading->n = 0;
    if (status == RF_OK && items == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: '%s' has no '%s'", source->json->name, STAGE, key);
    if (status != RF_OK)
        return status;
    yyjson_arr_foreach(items, i, n, item)
    {
        status = read_item(reading, item, err);
        if (status != RF_OK)
            return status;
    }
    out->items = rf__alloc_array(reading->n, sizeof *out->items);
    if (out->items == NULL)
        return rf__fail_memory(err);
    memcpy(out->items, reading->items, reading->n * sizeof *out->items);
    out->n = reading->n;
    return RF_OK;
}

static rf_status read_templates(struct post_step *step, const struct stage_source *source, rf_error *err)
{
    struct reading *reading = rf__alloc(sizeof *reading);
    rf_status status;

    if (reading == NULL)
        return rf__fail_memory(err);
    reading->source = source;
    status = rf__json_get_object(source->json, source->value, "special_tokens", &reading->special_tokens, err);
    if (status == RF_OK)
        status = read_template(reading, "single", &step->templates[0], err);
    if (status == RF_OK)
        status = read_template(reading, "pair", &step->templates[1], err);
    rf__free(reading);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *type;
    int kind;
    rf_status (*read)(struct post_step *step, const struct stage_source *source, rf_error *err);
} kinds[] = {
    {"BertProcessing", POST_BERT, read_bert},
    {"ByteLevel", POST_BYTE_LEVEL, read_byte_level},
    {"RobertaProcessing", POST_ROBERTA, read_roberta},
    {"TemplateProcessing", POST_TEMPLATE, read_templates},
};

static rf_status read_one(void *context, const struct stage_source *source, const char *type, rf_error *err)
{
    struct post_steps *steps = context;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct post_step *step;
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        if (steps->n == RF_MAX_CHAIN)
            return rf__fail(err, RF_UNSUPPORTED, "%s: '%s' has more than %d kinds in a row", source->json->name, STAGE,
                            RF_MAX_CHAIN);
        step = &steps->items[steps->n++];
        *step = (struct post_step){.kind = kinds[i].kind};
        return kinds[i].read(step, source, err);
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__postprocessor_read(struct postprocessor *processor, const struct stage_source *source, rf_error *err)
{
    struct post_steps *steps = rf__calloc(1, sizeof *steps);
    rf_status status;

    if (steps == NULL)
        return rf__fail_memory(err);
    status = rf__stage_each(source, STAGE, "processors", read_one, steps, err);
    if (status == RF_OK)
        status = rf__layouts_make(processor, steps, source->json->name, err);
    rf__post_steps_release(steps);
    rf__free(steps);
    return status;
}
