/* json: see json.h. */
#include "base/json.h"

#include "base/mem.h"

#include <string.h>

static void *json_malloc(void *ctx, size_t size)
{
    (void)ctx;
    return rf__alloc(size);
}

static void *json_realloc(void *ctx, void *memory, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    return rf__realloc(memory, size);
}

static void json_free(void *ctx, void *memory)
{
    (void)ctx;
    rf__free(memory);
}

static const yyjson_alc allocator = {json_malloc, json_realloc, json_free, NULL};

/* Whether no value lies deeper than the limit, found without parsing: brackets outside strings, counted. */
static bool is_shallow(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > RF_JSON_MAX_DEPTH)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

rf_status rf__json_parse(struct json *json, const char *text, size_t len, const char *name, rf_error *err)
{
    yyjson_read_err fault = {0};

    *json = (struct json){0};
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (len == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is empty, expected JSON; get it anew", name);
    if (len > RF_JSON_MAX_BYTES)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes, more than the %zu that JSON may have here", name, len,
                        RF_JSON_MAX_BYTES);
    if (!is_shallow(text, len))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is nested deeper than %d levels", name, RF_JSON_MAX_DEPTH);
    json->name = rf__strdup(name);
    if (json->name == NULL)
        return rf__fail_memory(err);
    /* Without YYJSON_READ_INSITU the text is not written to, whatever the missing const says. */
    json->doc = yyjson_read_opts((char *)(uintptr_t)text, len, YYJSON_READ_NOFLAG, &allocator, &fault);
    if (json->doc == NULL) {
        rf__json_release(json);
        if (fault.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
            return rf__fail_memory(err);
        return rf__fail(err, RF_BAD_FORMAT, "%s: is not JSON: %s at byte %zu%s", name, fault.msg, fault.pos,
                        fault.code == YYJSON_READ_ERROR_UNEXPECTED_END ? "; it is cut short, get it anew" : "");
    }
    json->root = yyjson_doc_get_root(json->doc);
    return RF_OK;
}

void rf__json_release(struct json *json)
{
    yyjson_doc_free(json->doc);
    rf__free(json->name);
    *json = (struct json){0};
}

rf_status rf__json_text(yyjson_val *value, char **out, size_t *len, rf_error *err)
{
    *out = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, &allocator, len, NULL);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

const char *rf__json_type_name(yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return "a boolean";
    case YYJSON_TYPE_NUM:
        return "a number";
    case YYJSON_TYPE_STR:
        return "a string";
    case YYJSON_TYPE_ARR:
        return "an array";
    case YYJSON_TYPE_OBJ:
        return "an object";
    default:
        return "missing";
    }
}

static yyjson_val *member(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return yyjson_is_null(value) ? NULL : value;
}

static rf_status wrong_type(const struct json *json, const char *key, yyjson_val *value, const char *expected,
                            rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is %s, expected %s", json->name, key, rf__json_type_name(value),
                    expected);
}

rf_status rf__json_get_bool(const struct json *json, yyjson_val *object, const char *key, bool fallback, bool *out,
                            rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value != NULL && !yyjson_is_bool(value))
        return wrong_type(json, key, value, "true or false", err);
    *out = value == NULL ? fallback : yyjson_get_bool(value);
    return RF_OK;
}

rf_status rf__json_get_u64(const struct json *json, yyjson_val *object, const char *key, uint64_t fallback,
                           uint64_t max, uint64_t *out, rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value == NULL) {
        *out = fallback;
        return RF_OK;
    }
    if (!yyjson_is_uint(value))
        return wrong_type(json, key, value, "a whole number", err);
    if (yyjson_get_uint(value) > max)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is %llu, expected at most %llu", json->name, key,
                        (unsigned long long)yyjson_get_uint(value), (unsigned long long)max);
    *out = yyjson_get_uint(value);
    return RF_OK;
}

rf_status rf__json_get_double(const struct json *json, yyjson_val *object, const char *key, double fallback,
                              double *out, rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value != NULL && !yyjson_is_num(value))
        return wrong_type(json, key, value, "a number", err);
    *out = value == NULL ? fallback : yyjson_get_num(value);
    return RF_OK;
}

rf_status rf__json_get_str(const struct json *json, yyjson_val *object, const char *key, const char *fallback,
                           const char **out, rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value != NULL && !yyjson_is_str(value))
        return wrong_type(json, key, value, "a string", err);
    *out = value == NULL ? fallback : yyjson_get_str(value);
    return RF_OK;
}

rf_status rf__json_get_object(const struct json *json, yyjson_val *object, const char *key, yyjson_val **out,
                              rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value != NULL && !yyjson_is_obj(value))
        return wrong_type(json, key, value, "an object", err);
    *out = value;
    return RF_OK;
}

rf_status rf__json_get_array(const struct json *json, yyjson_val *object, const char *key, yyjson_val **out,
                             rf_error *err)
{
    yyjson_val *value = member(object, key);

    if (value != NULL && !yyjson_is_arr(value))
        return wrong_type(json, key, value, "an array", err);
    *out = value;
    return RF_OK;
}
