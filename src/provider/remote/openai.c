/*
 * openai: POST BASE/embeddings, as OpenAI and the many servers that follow it have it.
 *
 *     {"model", "input": [text …], "encoding_format", "dimensions", "user"}
 *     {"data": [{"index", "embedding": base64 or numbers} …], "usage": {"prompt_tokens"}}
 *
 * Limits: 2,048 texts and 300,000 tokens a request, 8,192 tokens a text; no text may be empty.
 */
#include "provider/remote/remote.h"

#include "base/mem.h"

#include <string.h>

static rf_status openai_write(const struct remote_model *model, const struct remote_batch *batch, struct buf *body,
                              rf_error *err)
{
    rf_status status = rf__buf_append_str(body, "{\"model\":", err);

    if (status == RF_OK)
        status = rf__buf_append_json(body, model->model, strlen(model->model), err);
    if (status == RF_OK)
        status = rf__buf_printf(body, err, ",\"encoding_format\":\"%s\"", batch->as_numbers ? "float" : "base64");
    if (status == RF_OK && model->dimensions > 0)
        status = rf__buf_printf(body, err, ",\"dimensions\":%u", model->dimensions);
    if (status == RF_OK && model->api_user != NULL) {
        status = rf__buf_append_str(body, ",\"user\":", err);
        if (status == RF_OK)
            status = rf__buf_append_json(body, model->api_user, strlen(model->api_user), err);
    }
    if (status == RF_OK)
        status = rf__buf_append_str(body, ",\"input\":", err);
    if (status == RF_OK)
        status = rf__remote_write_texts(batch, body, err);
    return status == RF_OK ? rf__buf_append_byte(body, '}', err) : status;
}

/* Items come in any order; one without an index stands at its place. */
static rf_status read_item(const struct json *json, yyjson_val *item, size_t at, size_t n, bool *have,
                           struct remote_reply *reply, rf_error *err)
{
    uint64_t row;
    rf_status status;

    if (!yyjson_is_obj(item))
        return rf__fail(err, RF_BAD_FORMAT, "item %zu of 'data' is %s, expected an object", at,
                        rf__json_type_name(item));
    status = rf__json_get_u64(json, item, "index", at, UINT32_MAX, &row, err);
    if (status != RF_OK)
        return status;
    if (row >= n || have[row])
        return rf__fail(err, RF_BAD_FORMAT, "the index of item %zu of 'data' is %llu, %s", at, (unsigned long long)row,
                        row >= n ? "which no text has" : "for the second time");
    have[row] = true;
    return rf__remote_read_vector(yyjson_obj_get(item, "embedding"), (size_t)row, reply, err);
}

static rf_status openai_read(const struct json *json, size_t n, struct remote_reply *reply, rf_error *err)
{
    yyjson_val *data = yyjson_obj_get(json->root, "data"), *item;
    bool *have;
    size_t i, n_items;
    rf_status status = RF_OK;

    if (!yyjson_is_arr(data) || yyjson_arr_size(data) != n)
        return rf__fail(err, RF_BAD_FORMAT, "'data' has %zu vectors, expected %zu", yyjson_arr_size(data), n);
    have = rf__calloc(n, sizeof *have);
    if (have == NULL)
        return rf__fail_memory(err);
    yyjson_arr_foreach(data, i, n_items, item)
    {
        status = read_item(json, item, i, n, have, reply, err);
        if (status != RF_OK)
            break;
    }
    rf__free(have);
    reply->tokens = rf__remote_read_count(yyjson_obj_get(yyjson_obj_get(json->root, "usage"), "prompt_tokens"));
    return status;
}

static const char *const key_names[] = {"OPENAI_API_KEY", NULL};
static const char *const url_names[] = {"OPENAI_BASE_URL", NULL};
static const struct remote_known known[] = {{"text-embedding-3-small", 1536, 8192},
                                            {"text-embedding-3-large", 3072, 8192},
                                            {"text-embedding-ada-002", 1536, 8192},
                                            {NULL, 0, 0}};

const struct remote_api rf__openai = {.name = "openai",
                                      .default_url = "https://api.openai.com/v1",
                                      .path = "/embeddings",
                                      .key_names = key_names,
                                      .url_names = url_names,
                                      .known = known,
                                      .max_texts = 2048,
                                      .max_tokens = 300000,
                                      .has_accounts = true,
                                      .write = openai_write,
                                      .read = openai_read};
