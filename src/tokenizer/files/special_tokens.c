/* special_tokens: see special_tokens.h. */
#include "tokenizer/files/special_tokens.h"

#include "base/mem.h"

#include <stdlib.h>

static const char *const keys[N_SPECIALS] = {
    [SPECIAL_BOS] = "bos_token",   [SPECIAL_EOS] = "eos_token", [SPECIAL_UNK] = "unk_token",
    [SPECIAL_SEP] = "sep_token",   [SPECIAL_PAD] = "pad_token", [SPECIAL_CLS] = "cls_token",
    [SPECIAL_MASK] = "mask_token",
};

/* A token as these files have it: its content, or an object with its flags. */
static rf_status read_token(const struct json *json, yyjson_val *value, bool special, struct added_spec *out,
                            rf_error *err)
{
    yyjson_val *content = yyjson_is_obj(value) ? yyjson_obj_get(value, "content") : value;
    rf_status status = RF_OK;

    if (!yyjson_is_str(content))
        return rf__fail(err, RF_BAD_FORMAT, "%s: a special token is %s, expected a string or an object with 'content'",
                        json->name, rf__json_type_name(value));
    *out = (struct added_spec){yyjson_get_str(content), yyjson_get_len(content), {.special = special}};
    if (!yyjson_is_obj(value)) {
        out->flags.normalized = !special;
        return RF_OK;
    }
    status = rf__json_get_bool(json, value, "single_word", false, &out->flags.single_word, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, value, "lstrip", false, &out->flags.lstrip, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, value, "rstrip", false, &out->flags.rstrip, err);
    if (status == RF_OK && !special)
        status = rf__json_get_bool(json, value, "special", false, &out->flags.special, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, value, "normalized", !out->flags.special, &out->flags.normalized, err);
    return status;
}

static bool is_same(const struct added_spec *a, const struct added_spec *b)
{
    return a->len == b->len && memcmp(a->content, b->content, a->len) == 0;
}

static struct listed_token *find_listed(const struct special_tokens *list, const struct added_spec *spec)
{
    for (size_t i = 0; i < list->n; i++)
        if (is_same(&list->items[i].spec, spec))
            return &list->items[i];
    return NULL;
}

static void list_token(struct special_tokens *list, const struct added_spec *spec, uint64_t order)
{
    assert(list->n < list->cap);
    list->items[list->n++] = (struct listed_token){*spec, order};
}

static int by_order(const void *a, const void *b)
{
    const struct listed_token *x = a, *y = b;

    return x->order < y->order ? -1 : x->order > y->order;
}

/* {"103": {"content": "[MASK]", …}, …} */
static rf_status list_decoder(const struct json *json, yyjson_val *decoder, struct special_tokens *list, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    yyjson_obj_foreach(decoder, i, n, key, value)
    {
        struct added_spec spec;
        char *end;
        unsigned long long order = strtoull(yyjson_get_str(key), &end, 10);
        rf_status status;
        if (*yyjson_get_str(key) == '\0' || *end != '\0' || !yyjson_is_obj(value))
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'added_tokens_decoder' has '%s', expected an id and an object",
                            json->name, yyjson_get_str(key));
        status = read_token(json, value, false, &spec, err);
        if (status != RF_OK)
            return status;
        list_token(list, &spec, order);
    }
    return RF_OK;
}

/* The list of special tokens that have no name. */
static yyjson_val *extra_of(const struct json *json)
{
    yyjson_val *extra = yyjson_obj_get(json->root, "extra_special_tokens");

    return yyjson_arr_size(extra) > 0 ? extra : yyjson_obj_get(json->root, "additional_special_tokens");
}

static bool is_extra(const struct json *json, const struct added_spec *spec)
{
    yyjson_val *value;
    size_t i, n;

    yyjson_arr_foreach(extra_of(json), i, n, value)
    {
        yyjson_val *content = yyjson_is_obj(value) ? yyjson_obj_get(value, "content") : value;
        if (yyjson_equals_strn(content, spec->content, spec->len))
            return true;
    }
    return false;
}

/* {"content": id, …}: special where the files name it as a special token. */
static rf_status list_added(const struct vocab_companions *companions, const struct added_spec specials[N_SPECIALS],
                            struct special_tokens *list, rf_error *err)
{
    const struct json *json = &companions->added_tokens;
    yyjson_val *key, *value;
    size_t i, n;

    if (json->root == NULL)
        return RF_OK;
    yyjson_obj_foreach(json->root, i, n, key, value)
    {
        struct added_spec spec = {.content = yyjson_get_str(key), .len = yyjson_get_len(key)};
        if (!yyjson_is_uint(value))
            return rf__fail(err, RF_BAD_FORMAT, "%s: the id of '%s' is %s, expected a number", json->name, spec.content,
                            rf__json_type_name(value));
        for (int k = 0; k < N_SPECIALS; k++)
            spec.flags.special |= specials[k].content != NULL && is_same(&specials[k], &spec);
        spec.flags.special |= is_extra(&companions->config, &spec) || is_extra(&companions->special_tokens_map, &spec);
        spec.flags.normalized = !spec.flags.special;
        list_token(list, &spec, yyjson_get_uint(value));
    }
    return RF_OK;
}

/* Appends a special token unless its content is there already, which then is special. */
static void list_special(struct special_tokens *list, const struct added_spec *spec)
{
    struct listed_token *listed = find_listed(list, spec);

    if (listed != NULL)
        listed->spec.flags.special = true;
    else
        list_token(list, spec, 0);
}

static bool is_other_token_key(const char *key)
{
    size_t len = strlen(key);

    if (len < 6 || strcmp(key + len - 6, "_token") != 0)
        return false;
    for (int i = 0; i < N_SPECIALS; i++)
        if (strcmp(key, keys[i]) == 0)
            return false;
    return true;
}

/* Special tokens beyond those with a name of their own: "image_token": "…", and the list of more. */
static rf_status list_extra(const struct json *json, struct special_tokens *list, rf_error *err)
{
    yyjson_val *key, *value, *extra = extra_of(json);
    struct added_spec spec;
    size_t i, n;
    rf_status status;

    if (json->root == NULL)
        return RF_OK;
    yyjson_obj_foreach(json->root, i, n, key, value)
    {
        if (!is_other_token_key(yyjson_get_str(key)) || !yyjson_is_str(value))
            continue;
        status = read_token(json, value, true, &spec, err);
        if (status != RF_OK)
            return status;
        list_special(list, &spec);
    }
    yyjson_arr_foreach(extra, i, n, value)
    {
        status = read_token(json, value, true, &spec, err);
        if (status != RF_OK)
            return status;
        list_special(list, &spec);
    }
    return RF_OK;
}

static rf_status read_named(const struct json *json, struct added_spec specials[N_SPECIALS], rf_error *err)
{
    for (int i = 0; i < N_SPECIALS; i++) {
        yyjson_val *value = yyjson_obj_get(json->root, keys[i]);
        rf_status status;
        if (value == NULL || yyjson_is_null(value))
            continue;
        status = read_token(json, value, true, &specials[i], err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

/* All tokens of the files, in order. */
static rf_status list_files(struct special_tokens *list, const struct vocab_companions *companions,
                            const struct added_spec fallbacks[N_SPECIALS], rf_error *err)
{
    const struct json *config = &companions->config, *map = &companions->special_tokens_map;
    yyjson_val *decoder;
    rf_status status;

    status = rf__json_get_object(config, config->root, "added_tokens_decoder", &decoder, err);
    if (status == RF_OK)
        status = read_named(config, list->named, err);
    if (status == RF_OK && decoder != NULL)
        status = list_decoder(config, decoder, list, err);
    if (status == RF_OK && decoder == NULL)
        status = read_named(map, list->named, err);
    if (status == RF_OK && decoder == NULL)
        status = list_added(companions, list->named, list, err);
    if (status != RF_OK)
        return status;
    for (int i = 0; i < N_SPECIALS; i++)
        if (list->named[i].content == NULL)
            list->named[i] = fallbacks[i];
    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, by_order);
    for (int i = 0; i < N_SPECIALS; i++)
        if (list->named[i].content != NULL)
            list_special(list, &list->named[i]);
    status = list_extra(config, list, err);
    return status == RF_OK && decoder == NULL ? list_extra(map, list, err) : status;
}

static size_t count_members(yyjson_val *object)
{
    yyjson_val *decoder = yyjson_obj_get(object, "added_tokens_decoder");

    return yyjson_obj_size(object) + yyjson_obj_size(decoder) +
           yyjson_arr_size(yyjson_obj_get(object, "extra_special_tokens")) +
           yyjson_arr_size(yyjson_obj_get(object, "additional_special_tokens"));
}

static rf_status check_objects(const struct vocab_companions *companions, rf_error *err)
{
    const struct json *all[] = {&companions->config, &companions->special_tokens_map, &companions->added_tokens};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->root != NULL && !yyjson_is_obj(all[i]->root))
            return rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", all[i]->name,
                            rf__json_type_name(all[i]->root));
    return RF_OK;
}

rf_status rf__special_tokens_list(struct special_tokens *tokens, const struct vocab_companions *companions,
                                  const struct added_spec fallbacks[N_SPECIALS], size_t room, rf_error *err)
{
    rf_status status = check_objects(companions, err);

    if (status != RF_OK)
        return status;
    tokens->cap = N_SPECIALS + count_members(companions->config.root) +
                  count_members(companions->special_tokens_map.root) + count_members(companions->added_tokens.root) +
                  room;
    tokens->items = rf__alloc_array(tokens->cap, sizeof *tokens->items);
    return tokens->items == NULL ? rf__fail_memory(err) : list_files(tokens, companions, fallbacks, err);
}

void rf__special_tokens_release(struct special_tokens *tokens)
{
    rf__free(tokens->items);
    *tokens = (struct special_tokens){0};
}

void rf__special_tokens_append(struct special_tokens *tokens, const struct added_spec *spec)
{
    if (find_listed(tokens, spec) == NULL)
        list_token(tokens, spec, 0);
}

rf_status rf__special_tokens_add(struct special_tokens *tokens, struct rf_tokenizer *tokenizer, rf_error *err)
{
    rf_status status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary, tokens->n, err);

    for (size_t i = 0; i < tokens->n && status == RF_OK; i++) {
        uint32_t id = 0;
        status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &tokenizer->normalizers,
                                      &tokens->items[i].spec, &id, err);
        for (int k = 0; k < N_SPECIALS; k++)
            if (tokens->named[k].content != NULL && is_same(&tokens->named[k], &tokens->items[i].spec))
                tokens->ids[k] = id;
    }
    return status;
}
