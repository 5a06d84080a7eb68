/*
 * cohere: POST BASE/v2/embed.
 *
 *     {"model", "texts": [text …], "input_type", "embedding_types": ["float"], "truncate", "output_dimension",
 *      "max_tokens"}
 *     {"embeddings": {"float": [[number …] …]}, "meta": {"billed_units": {"input_tokens"}}}
 *
 * Limit: 96 texts a request.
 */
#include "provider/remote/remote.h"

#include <string.h>

/* Documents are what texts are taken for that nothing is said of. */
static const char *cohere_input_type(rf_role role, const char *name)
{
    static const char *const types[] = {"search_query", "search_document", "classification", "clustering"};

    if (name == NULL)
        return types[role == RF_ROLE_QUERY ? 0 : 1];
    if (strcmp(name, "query") == 0 || strcmp(name, "document") == 0)
        return types[strcmp(name, "query") == 0 ? 0 : 1];
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i]) == 0)
            return types[i];
    return NULL;
}

static rf_status cohere_write(const struct remote_model *model, const struct remote_batch *batch, struct buf *body,
                              rf_error *err)
{
    static const char *const truncations[] = {
        [RF_TRUNCATE_RIGHT] = "END", [RF_TRUNCATE_LEFT] = "START", [RF_TRUNCATE_ERROR] = "NONE"};
    rf_status status = rf__buf_append_str(body, "{\"model\":", err);

    if (status == RF_OK)
        status = rf__buf_append_json(body, model->model, strlen(model->model), err);
    if (status == RF_OK)
        status = rf__buf_printf(body, err, ",\"input_type\":\"%s\",\"embedding_types\":[\"float\"],\"truncate\":\"%s\"",
                                batch->input_type, truncations[model->truncate]);
    if (status == RF_OK && model->dimensions > 0)
        status = rf__buf_printf(body, err, ",\"output_dimension\":%u", model->dimensions);
    if (status == RF_OK && model->max_tokens > 0)
        status = rf__buf_printf(body, err, ",\"max_tokens\":%u", model->max_tokens);
    if (status == RF_OK)
        status = rf__buf_append_str(body, ",\"texts\":", err);
    if (status == RF_OK)
        status = rf__remote_write_texts(batch, body, err);
    return status == RF_OK ? rf__buf_append_byte(body, '}', err) : status;
}

static rf_status cohere_read(const struct json *json, size_t n, struct remote_reply *reply, rf_error *err)
{
    yyjson_val *embeddings = yyjson_obj_get(json->root, "embeddings");
    yyjson_val *rows = yyjson_obj_get(embeddings, "float"), *row;
    yyjson_val *units = yyjson_obj_get(yyjson_obj_get(json->root, "meta"), "billed_units");
    size_t i, n_rows;

    if (!yyjson_is_arr(rows) || yyjson_arr_size(rows) != n)
        return rf__fail(err, RF_BAD_FORMAT, "'embeddings.float' has %zu vectors, expected %zu", yyjson_arr_size(rows),
                        n);
    yyjson_arr_foreach(rows, i, n_rows, row)
    {
        rf_status status = rf__remote_read_vector(row, i, reply, err);
        if (status != RF_OK)
            return status;
    }
    reply->tokens = rf__remote_read_count(yyjson_obj_get(units, "input_tokens"));
    return RF_OK;
}

static const char *const key_names[] = {"CO_API_KEY", "COHERE_API_KEY", NULL};
static const char *const url_names[] = {"CO_API_URL", NULL};
static const struct remote_known known[] = {{"embed-v4.0", 1536, 0},
                                            {"embed-english-v3.0", 1024, 0},
                                            {"embed-multilingual-v3.0", 1024, 0},
                                            {"embed-english-light-v3.0", 384, 0},
                                            {"embed-multilingual-light-v3.0", 384, 0},
                                            {NULL, 0, 0}};

const struct remote_api rf__cohere = {.name = "cohere",
                                      .default_url = "https://api.cohere.com",
                                      .path = "/v2/embed",
                                      .key_names = key_names,
                                      .url_names = url_names,
                                      .known = known,
                                      .max_texts = 96,
                                      .max_tokens = 300000,
                                      .cuts = true,
                                      .input_type = cohere_input_type,
                                      .write = cohere_write,
                                      .read = cohere_read};
