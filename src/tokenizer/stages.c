/* stages: reading descriptions, and the carriers of stages.h. */
#include "tokenizer/stages.h"

#include "base/mem.h"

#include <stdatomic.h>

rf_status rf__fail_stage(const struct json *json, const char *stage, const char *type, rf_error *err)
{
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: %s '%s'; a newer rag_factory may know it", json->name, stage,
                    type);
}

rf_status rf__stage_type(const struct stage_source *source, const char *stage, const char **type, rf_error *err)
{
    rf_status status;

    if (!yyjson_is_obj(source->value))
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is %s, expected an object", source->json->name, stage,
                        rf__json_type_name(source->value));
    status = rf__json_get_str(source->json, source->value, "type", NULL, type, err);
    if (status == RF_OK && *type == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' has no 'type'", source->json->name, stage);
    return status;
}

rf_status rf__stage_pattern(const struct stage_source *source, const char *stage, const char *type, rf_text *out,
                            bool *is_regex, rf_error *err)
{
    yyjson_val *pattern = yyjson_obj_get(source->value, "pattern"), *text = yyjson_obj_get(pattern, "Regex");

    *is_regex = text != NULL;
    if (!*is_regex)
        text = yyjson_obj_get(pattern, "String");
    if (!yyjson_is_str(text) || yyjson_obj_size(pattern) != 1)
        return rf__fail(err, RF_BAD_FORMAT, "%s: %s '%s' has no pattern with one 'String' or 'Regex'",
                        source->json->name, stage, type);
    *out = (rf_text){yyjson_get_str(text), yyjson_get_len(text)};
    return RF_OK;
}

/* Recursion ends with the nesting of the file, RF_JSON_MAX_DEPTH. */
rf_status rf__stage_each(const struct stage_source *source, const char *stage, const char *key, rf_stage_reader read,
                         void *chain, rf_error *err)
{
    const char *type;
    yyjson_val *members, *member;
    size_t i, n;
    rf_status status;

    if (source->value == NULL || yyjson_is_null(source->value))
        return RF_OK;
    status = rf__stage_type(source, stage, &type, err);
    if (status != RF_OK)
        return status;
    if (strcmp(type, "Sequence") != 0)
        return read(chain, source, type, err);
    status = rf__json_get_array(source->json, source->value, key, &members, err);
    if (status == RF_OK && members == NULL)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: %s 'Sequence' has no '%s'", source->json->name, stage, key);
    if (status != RF_OK)
        return status;
    yyjson_arr_foreach(members, i, n, member)
    {
        struct stage_source inner = {source->json, member};
        status = rf__stage_each(&inner, stage, key, read, chain, err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

uint64_t rf__stage_serial(void)
{
    static atomic_uint_least64_t last;

    return atomic_fetch_add(&last, 1) + 1;
}

/* ---- Carriers ----------------------------------------------------------------------------------------------- */

/* The capacity for n + more elements; false when it cannot be counted. Doubles, so that appending stays linear. */
static bool next_cap(size_t cap, size_t n, size_t more, size_t *out)
{
    size_t need;

    if (!rf__add(n, more, &need) || need > SIZE_MAX / 2)
        return false;
    *out = cap < 64 ? 64 : cap;
    while (*out < need)
        *out *= 2;
    return true;
}

/* Grows one array; false when out of memory, the array is unchanged then. */
static bool grow(void *array, size_t cap, size_t size)
{
    void *old, *new_array;
    size_t bytes;

    memcpy(&old, array, sizeof old);
    if (!rf__mul(cap, size, &bytes) || (new_array = rf__realloc(old, bytes)) == NULL)
        return false;
    memcpy(array, &new_array, sizeof new_array);
    return true;
}

rf_status rf__pieces_reserve(struct pieces *pieces, size_t more, rf_error *err)
{
    size_t cap;

    if (pieces->cap - pieces->n >= more)
        return RF_OK;
    if (!next_cap(pieces->cap, pieces->n, more, &cap) || !grow(&pieces->items, cap, sizeof *pieces->items))
        return rf__fail_memory(err);
    pieces->cap = cap;
    return RF_OK;
}

void rf__pieces_release(struct pieces *pieces)
{
    rf__free(pieces->items);
    rf__text_buf_release(&pieces->own);
    *pieces = (struct pieces){0};
}

rf_status rf__tokens_reserve(struct tokens *tokens, size_t more, rf_error *err)
{
    size_t cap;

    if (tokens->cap - tokens->n >= more)
        return RF_OK;
    if (!next_cap(tokens->cap, tokens->n, more, &cap) || !grow(&tokens->ids, cap, sizeof *tokens->ids) ||
        !grow(&tokens->words, cap, sizeof *tokens->words) || !grow(&tokens->begin, cap, sizeof *tokens->begin) ||
        !grow(&tokens->end, cap, sizeof *tokens->end))
        return rf__fail_memory(err);
    tokens->cap = cap;
    return RF_OK;
}

void rf__tokens_release(struct tokens *tokens)
{
    rf__free(tokens->ids);
    rf__free(tokens->words);
    rf__free(tokens->begin);
    rf__free(tokens->end);
    *tokens = (struct tokens){0};
}

#define STRINGS_MAX_BYTES (SIZE_MAX > UINT32_MAX ? (size_t)(UINT64_C(1) << 40) : SIZE_MAX - 1)

void rf__strings_init(struct strings *strings)
{
    *strings = (struct strings){0};
    rf__buf_init(&strings->bytes, STRINGS_MAX_BYTES);
}

void rf__strings_release(struct strings *strings)
{
    rf__buf_release(&strings->bytes);
    rf__free(strings->end);
    rf__strings_init(strings);
}

void rf__strings_clear(struct strings *strings)
{
    rf__buf_clear(&strings->bytes);
    strings->n = 0;
    strings->continues = strings->is_open = false;
}

/* Whether so many more bytes are too many. */
static bool is_too_long(const struct strings *strings, size_t more)
{
    return strings->max > 0 && (strings->bytes.len > strings->max || more > strings->max - strings->bytes.len);
}

rf_status rf__strings_append(struct strings *strings, const char *data, size_t len, rf_error *err)
{
    size_t cap;
    rf_status status;

    if (is_too_long(strings, len))
        return rf__fail_ceiling(err);
    if (strings->n == strings->cap) {
        if (!next_cap(strings->cap, strings->n, 1, &cap) || !grow(&strings->end, cap, sizeof *strings->end))
            return rf__fail_memory(err);
        strings->cap = cap;
    }
    status = rf__buf_append(&strings->bytes, data, len, err);
    if (status == RF_OK)
        strings->end[strings->n++] = strings->bytes.len;
    return status;
}

rf_status rf__strings_extend(struct strings *strings, const char *data, size_t len, rf_error *err)
{
    rf_status status =
        is_too_long(strings, len) ? rf__fail_ceiling(err) : rf__buf_append(&strings->bytes, data, len, err);

    if (status == RF_OK)
        strings->end[strings->n - 1] = strings->bytes.len;
    return status;
}

void rf__decode_state_init(struct decode_state *state)
{
    *state = (struct decode_state){0};
    rf__buf_init(&state->held, STRINGS_MAX_BYTES);
    rf__buf_init(&state->open, STRINGS_MAX_BYTES);
}

void rf__decode_state_release(struct decode_state *state)
{
    rf__buf_release(&state->held);
    rf__buf_release(&state->open);
    if (state->memory != NULL)
        state->free(state->memory);
    state->memory = NULL;
}
