/*
 * tokenizer_json: reading tokenizer.json, the one file of `tokenizers`:
 *
 *     {"version": "1.0", "truncation": …, "padding": …, "added_tokens": […], "normalizer": {…}, "pre_tokenizer": {…},
 *      "post_processor": {…}, "decoder": {…}, "model": {…}}
 *
 * `truncation` and `padding` are left out: they are the habits of whoever saved the file, and the limit is the
 * caller's.
 */
#include "tokenizer/files/tokenizer_config.h"

#define VERSION "1.0"

static rf_status check_root(const struct json *json, rf_error *err)
{
    const char *version;
    rf_status status;

    if (!yyjson_is_obj(json->root))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", json->name,
                        rf__json_type_name(json->root));
    status = rf__json_get_str(json, json->root, "version", VERSION, &version, err);
    if (status == RF_OK && strcmp(version, VERSION) != 0)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: version '%s', expected '%s'", json->name, version,
                        VERSION);
    return status;
}

static struct stage_source stage(const struct json *json, const char *key)
{
    return (struct stage_source){json, yyjson_obj_get(json->root, key)};
}

/* False where it is no id; *said stays as it is where there is none. */
static bool read_said_id(yyjson_val *id, uint64_t *said)
{
    if (id == NULL || yyjson_is_null(id))
        return true;
    *said = yyjson_get_uint(id);
    return yyjson_is_uint(id) && *said <= UINT32_MAX;
}

static rf_status read_added_token(struct rf_tokenizer *tokenizer, const struct json *json, yyjson_val *token,
                                  const struct logger *logger, rf_error *err)
{
    struct added_spec spec;
    uint64_t said = UINT64_MAX;
    uint32_t id = 0;
    rf_status status;

    if (!yyjson_is_obj(token) || !yyjson_is_str(yyjson_obj_get(token, "content")))
        return rf__fail(err, RF_BAD_FORMAT, "%s: 'added_tokens' has an element without 'content'", json->name);
    spec.content = yyjson_get_str(yyjson_obj_get(token, "content"));
    spec.len = yyjson_get_len(yyjson_obj_get(token, "content"));
    if (!read_said_id(yyjson_obj_get(token, "id"), &said))
        return rf__fail(err, RF_BAD_FORMAT, "%s: added token '%.100s' has an 'id' that is no whole number up to %u",
                        json->name, spec.content, UINT32_MAX);
    status = rf__added_flags_read(json, token, false, &spec.flags, err);
    if (status != RF_OK)
        return status;
    status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &tokenizer->normalizers, &spec, &id,
                                  err);
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s", json->name);
    if (spec.len > 0 && said != id && said != UINT64_MAX)
        rf__log(logger, RF_LOG_WARNING, "%s: added token '%s' has the id %u, not %llu as the file says", json->name,
                spec.content, id, (unsigned long long)said);
    return RF_OK;
}

static rf_status read_added_tokens(struct rf_tokenizer *tokenizer, const struct json *json,
                                   const struct vocab_companions *companions, const struct logger *logger,
                                   rf_error *err)
{
    yyjson_val *tokens, *token;
    size_t i, n;
    rf_status status = rf__json_get_array(json, json->root, "added_tokens", &tokens, err);

    if (status != RF_OK)
        return status;
    status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary,
                                   yyjson_arr_size(tokens) + rf__config_count_tokens(companions), err);
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s: 'added_tokens'", json->name);
    yyjson_arr_foreach(tokens, i, n, token)
    {
        status = read_added_token(tokenizer, json, token, logger, err);
        if (status != RF_OK)
            return status;
    }
    return rf__config_added_tokens(tokenizer, companions, logger, err);
}

static rf_status read_stages(struct rf_tokenizer *tokenizer, const struct json *json,
                             const struct vocab_companions *companions, bool lower_case, const struct logger *logger,
                             rf_error *err)
{
    struct stage_source source = stage(json, "normalizer");
    rf_status status = rf__normalizers_read(&tokenizer->normalizers, &source, err);

    if (status == RF_OK)
        status = rf__config_normalizer(tokenizer, companions, &source, logger, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status != RF_OK)
        return status;
    source = stage(json, "pre_tokenizer");
    status = rf__pretokenizers_read(&tokenizer->pretokenizers, &source, err);
    if (status != RF_OK)
        return status;
    source = stage(json, "model");
    if (source.value == NULL)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: has no 'model', so it is no tokenizer.json; expected one, or a model directory",
                        json->name);
    status = rf__model_read(&source, &tokenizer->model, err);
    if (status == RF_OK)
        status = read_added_tokens(tokenizer, json, companions, logger, err);
    if (status != RF_OK)
        return status;
    source = stage(json, "post_processor");
    status = rf__postprocessor_read(&tokenizer->postprocessor, &source, err);
    if (status == RF_OK)
        status = rf__config_postprocessor(tokenizer, &companions->config, logger, err);
    if (status != RF_OK)
        return status;
    source = stage(json, "decoder");
    return rf__decoders_read(&tokenizer->decoders, &source, err);
}

rf_status rf__tokenizer_read_stages(struct rf_tokenizer *tokenizer, const char *text, const char *name, rf_error *err)
{
    struct json json;
    struct stage_source source;
    rf_status status = rf__json_parse(&json, text, strlen(text), name, err);

    if (status != RF_OK)
        return status;
    source = stage(&json, "pre_tokenizer");
    status = rf__pretokenizers_read(&tokenizer->pretokenizers, &source, err);
    source = stage(&json, "post_processor");
    if (status == RF_OK)
        status = rf__postprocessor_read(&tokenizer->postprocessor, &source, err);
    source = stage(&json, "decoder");
    if (status == RF_OK)
        status = rf__decoders_read(&tokenizer->decoders, &source, err);
    rf__json_release(&json);
    return status;
}

rf_status rf__tokenizer_read_json_and_config(struct rf_tokenizer *tokenizer, const char *text, size_t len,
                                             const char *name, const struct vocab_companions *companions,
                                             bool lower_case, const struct logger *logger, rf_error *err)
{
    struct json json;
    rf_status status = rf__json_parse(&json, text, len, name, err);

    if (status != RF_OK)
        return status;
    status = check_root(&json, err);
    if (status == RF_OK)
        status = read_stages(tokenizer, &json, companions, lower_case, logger, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__json_release(&json);
    return status;
}

rf_status rf__tokenizer_read_json(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                  bool lower_case, const struct logger *logger, rf_error *err)
{
    const struct vocab_companions none = {0};

    return rf__tokenizer_read_json_and_config(tokenizer, text, len, name, &none, lower_case, logger, err);
}
