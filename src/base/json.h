/*
 * json: reading JSON that we did not write. yyjson parses, without recursion; this adds the ceiling, the depth limit,
 * and getters whose errors name the file and the key. Values are walked with yyjson's own iterators.
 */
#ifndef RF_BASE_JSON_H
#define RF_BASE_JSON_H

#include "base/error.h"

#include "yyjson.h"

#define RF_JSON_MAX_BYTES ((size_t)256 << 20)
#define RF_JSON_MAX_DEPTH 64 /* of nested arrays and objects; no file of a model needs ten */

struct json {
    yyjson_doc *doc;
    yyjson_val *root; /* NULL when there is no document */
    char *name;       /* for messages: the file's path */
};

/* Parses; on failure nothing has to be released. `name` is copied. A byte order mark is skipped. RF_BAD_FORMAT says
 * where the fault is. */
rf_status rf__json_parse(struct json *json, const char *text, size_t len, const char *name, rf_error *err);
void rf__json_release(struct json *json); /* fine on a zeroed one */

/* Members of an object. A missing member or a null gives the default and RF_OK; one of another type is RF_BAD_FORMAT,
 * "NAME: 'KEY' is X, expected Y". `object` may be NULL or null: as if empty. Strings are borrowed from the document. */
rf_status rf__json_get_bool(const struct json *json, yyjson_val *object, const char *key, bool fallback, bool *out,
                            rf_error *err);
rf_status rf__json_get_u64(const struct json *json, yyjson_val *object, const char *key, uint64_t fallback,
                           uint64_t max, uint64_t *out, rf_error *err);
rf_status rf__json_get_double(const struct json *json, yyjson_val *object, const char *key, double fallback,
                              double *out, rf_error *err);
rf_status rf__json_get_str(const struct json *json, yyjson_val *object, const char *key, const char *fallback,
                           const char **out, rf_error *err);
/* *out is NULL when missing or null. */
rf_status rf__json_get_object(const struct json *json, yyjson_val *object, const char *key, yyjson_val **out,
                              rf_error *err);
rf_status rf__json_get_array(const struct json *json, yyjson_val *object, const char *key, yyjson_val **out,
                             rf_error *err);

/* The value as JSON text without spaces, each number as short as it can be, in new memory (rf__free). */
rf_status rf__json_text(yyjson_val *value, char **out, size_t *len, rf_error *err);

/* "a string", "an array", … */
const char *rf__json_type_name(yyjson_val *value);

#endif
