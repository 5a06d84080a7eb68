/* vocabulary_read: the {"piece": id, …} of a tokenizer.json or a vocab.json becomes a vocabulary. */
#include "tokenizer/stages.h"

/* How much room the vocabulary needs; refuses ids that are none. */
static rf_status measure(const struct json *json, const char *what, yyjson_val *pieces, size_t *n_bytes,
                         uint32_t *n_ids, rf_error *err)
{
    yyjson_val *key, *id;
    size_t i, n;

    *n_bytes = 0;
    *n_ids = 0;
    yyjson_obj_foreach(pieces, i, n, key, id)
    {
        *n_bytes += yyjson_get_len(key); /* each is a part of the file: no overflow */
        if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= RF_VOCABULARY_MAX_IDS)
            return rf__fail(err, RF_BAD_FORMAT, "%s: the id of '%s' in '%s' is %s, expected 0 to %u", json->name,
                            yyjson_get_str(key), what, yyjson_is_num(id) ? "out of range" : rf__json_type_name(id),
                            RF_VOCABULARY_MAX_IDS - 1);
        if (yyjson_get_uint(id) >= *n_ids)
            *n_ids = (uint32_t)yyjson_get_uint(id) + 1;
    }
    return RF_OK;
}

rf_status rf__vocabulary_read_object(const struct json *json, const char *what, yyjson_val *pieces,
                                     struct vocabulary *out, rf_error *err)
{
    yyjson_val *key, *id;
    size_t i, n, n_bytes;
    uint32_t n_ids;
    rf_status status = measure(json, what, pieces, &n_bytes, &n_ids, err);

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
    return rf__fail_prefix(err, status, "%s: '%s'", json->name, what);
}

rf_status rf__vocabulary_read(const struct stage_source *source, struct vocabulary *out, rf_error *err)
{
    yyjson_val *pieces;
    rf_status status = rf__json_get_object(source->json, source->value, "vocab", &pieces, err);

    if (status == RF_OK && pieces == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: 'model' has no 'vocab'", source->json->name);
    return status != RF_OK ? status : rf__vocabulary_read_object(source->json, "model.vocab", pieces, out, err);
}
