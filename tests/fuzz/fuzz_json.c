/*
 * Property: any bytes either parse or fail with RF_BAD_FORMAT and a message of one line; what parses is nested no
 * deeper than the limit and its strings are valid UTF-8; the getters accept every value of the root.
 */
#include "fuzz.h"

#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

static void try_getters(const struct json *json, yyjson_val *object, const char *key)
{
    bool b;
    uint64_t u;
    double d;
    const char *s;
    yyjson_val *v;

    (void)rf__json_get_bool(json, object, key, false, &b, NULL);
    (void)rf__json_get_u64(json, object, key, 0, 1000, &u, NULL);
    (void)rf__json_get_double(json, object, key, 0, &d, NULL);
    (void)rf__json_get_str(json, object, key, NULL, &s, NULL);
    (void)rf__json_get_object(json, object, key, &v, NULL);
    (void)rf__json_get_array(json, object, key, &v, NULL);
}

static void check_value(yyjson_val *value, int depth)
{
    size_t i, n;
    yyjson_val *key, *inner;

    check(depth <= RF_JSON_MAX_DEPTH);
    if (yyjson_is_str(value))
        check(rf__utf8_valid(yyjson_get_str(value), yyjson_get_len(value)));
    yyjson_arr_foreach(value, i, n, inner)
    {
        check_value(inner, depth + 1);
    }
    yyjson_obj_foreach(value, i, n, key, inner)
    {
        check(rf__utf8_valid(yyjson_get_str(key), yyjson_get_len(key)));
        check_value(inner, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json json;
    rf_error err = {0};
    size_t i, n;
    yyjson_val *key, *value;
    rf_status status = rf__json_parse(&json, (const char *)data, size, "input", &err);

    if (status != RF_OK) {
        check(status == RF_BAD_FORMAT && strncmp(err.message, "input: ", 7) == 0);
        check(strchr(err.message, '\n') == NULL);
        return 0;
    }
    check_value(json.root, 0);
    try_getters(&json, json.root, "a");
    yyjson_obj_foreach(json.root, i, n, key, value)
    {
        try_getters(&json, json.root, yyjson_get_str(key));
    }
    rf__json_release(&json);
    return 0;
}
