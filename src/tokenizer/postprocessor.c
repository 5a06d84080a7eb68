/*
 * postprocessor: what is put around and between the texts. TemplateProcessing says it as two lists:
 *
 *     "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, …]
 *     "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, …}
 *
 * BertProcessing has them fixed.
 */
#include "tokenizer/stages.h"

#include "base/mem.h"

#define STAGE     "post_processor"
#define MAX_ITEMS 4096 /* of one template, once names are replaced by ids */

void rf__postprocessor_release(struct postprocessor *processor)
{
    rf__free(processor->single.items);
    rf__free(processor->pair.items);
    *processor = (struct postprocessor){0};
}

static rf_status template_copy(struct template *template, const struct template_item *items, size_t n, rf_error *err)
{
    template->items = rf__alloc_array(n, sizeof *items);
    if (template->items == NULL)
        return rf__fail_memory(err);
    memcpy(template->items, items, n * sizeof *items);
    template->n = n;
    template->n_special = 0;
    for (size_t i = 0; i < n; i++)
        template->n_special += items[i].kind == TEMPLATE_SPECIAL;
    return RF_OK;
}

static rf_status set_templates(struct postprocessor *processor, const struct template_item *single, size_t n_single,
                               const struct template_item *pair, size_t n_pair, rf_error *err)
{
    rf_status status = template_copy(&processor->single, single, n_single, err);

    return status != RF_OK ? status : template_copy(&processor->pair, pair, n_pair, err);
}

rf_status rf__postprocessor_bert(struct postprocessor *processor, uint32_t cls, uint32_t sep, rf_error *err)
{
    const struct template_item items[] = {
        {TEMPLATE_SPECIAL, 0, cls}, {TEMPLATE_FIRST, 0, 0},     {TEMPLATE_SPECIAL, 0, sep},
        {TEMPLATE_SECOND, 1, 0},    {TEMPLATE_SPECIAL, 1, sep},
    };

    return set_templates(processor, items, 3, items, 5, err);
}

static rf_status none(struct postprocessor *processor, rf_error *err)
{
    const struct template_item items[] = {{TEMPLATE_FIRST, 0, 0}, {TEMPLATE_SECOND, 1, 0}};

    return set_templates(processor, items, 1, items, 2, err);
}

/* ---- BertProcessing: "cls": ["[CLS]", 101] ------------------------------------------------------------------ */

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

static rf_status read_bert(struct postprocessor *processor, const struct stage_source *source, rf_error *err)
{
    uint32_t cls = 0, sep = 0;
    rf_status status = read_named_id(source, "cls", &cls, err);

    if (status == RF_OK)
        status = read_named_id(source, "sep", &sep, err);
    return status != RF_OK ? status : rf__postprocessor_bert(processor, cls, sep, err);
}

/* ---- TemplateProcessing ------------------------------------------------------------------------------------- */

/* Where one of the two templates is being read to. */
struct reading {
    const struct stage_source *source;
    const char *key; /* "single" or "pair" */
    yyjson_val *special_tokens;
    struct template_item items[MAX_ITEMS];
    size_t n;
};

static rf_status add_item(struct reading *reading, struct template_item item, rf_error *err)
{
    if (reading->n == MAX_ITEMS)
        return rf__fail(err, RF_UNSUPPORTED, "%s: '%s.%s' has more than %d items", reading->source->json->name, STAGE,
                        reading->key, MAX_ITEMS);
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
    return add_item(reading, (struct template_item){is_first ? TEMPLATE_FIRST : TEMPLATE_SECOND, type_id, 0}, err);
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
        status = add_item(reading, (struct template_item){TEMPLATE_SPECIAL, type_id, (uint32_t)yyjson_get_uint(number)},
                          err);
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
    return template_copy(out, reading->items, reading->n, err);
}

static rf_status read_templates(struct postprocessor *processor, const struct stage_source *source, rf_error *err)
{
    struct reading *reading = rf__alloc(sizeof *reading);
    rf_status status;

    if (reading == NULL)
        return rf__fail_memory(err);
    reading->source = source;
    status = rf__json_get_object(source->json, source->value, "special_tokens", &reading->special_tokens, err);
    if (status == RF_OK)
        status = read_template(reading, "single", &processor->single, err);
    if (status == RF_OK)
        status = read_template(reading, "pair", &processor->pair, err);
    rf__free(reading);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *type;
    rf_status (*read)(struct postprocessor *processor, const struct stage_source *source, rf_error *err);
} kinds[] = {
    {"BertProcessing", read_bert},
    {"TemplateProcessing", read_templates},
};

static rf_status read_one(void *context, const struct stage_source *source, const char *type, rf_error *err)
{
    struct postprocessor *processor = context;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        if (processor->single.items != NULL)
            return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: %s 'Sequence' with more than one of '%s'",
                            source->json->name, STAGE, type);
        return kinds[i].read(processor, source, err);
    }
    return rf__fail_stage(source->json, STAGE, type, err);
}

rf_status rf__postprocessor_read(struct postprocessor *processor, const struct stage_source *source, rf_error *err)
{
    rf_status status = rf__stage_each(source, STAGE, "processors", read_one, processor, err);

    return status == RF_OK && processor->single.items == NULL ? none(processor, err) : status;
}
