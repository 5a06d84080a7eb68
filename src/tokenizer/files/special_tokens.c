/* special_tokens: see special_tokens.h. */
#include "tokenizer/files/special_tokens.h"

#include "base/mem.h"

#include <stdlib.h>

const char *const rf__special_token_keys[N_SPECIALS] = {
    [SPECIAL_BOS] = "bos_token",   [SPECIAL_EOS] = "eos_token", [SPECIAL_UNK] = "unk_token",
    [SPECIAL_SEP] = "sep_token",   [SPECIAL_PAD] = "pad_token", [SPECIAL_CLS] = "cls_token",
    [SPECIAL_MASK] = "mask_token",
};

yyjson_val *rf__token_content(yyjson_val *token)
{
    yyjson_val *content = yyjson_is_obj(token) ? yyjson_obj_get(token, "content") : token;

    return yyjson_is_str(content) ? content : NULL;
}

/* A token as these files have it: its content, or an object with its flags. Without a flag it is special in
 * special_tokens_map.json, and not elsewhere. */
static rf_status read_token(const struct json *json, yyjson_val *value, bool is_map, struct listed_token *out,
                            rf_error *err)
{
    yyjson_val *content = rf__token_content(value);

    if (content == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: a special token is %s, expected a string or an object with 'content'",
                        json->name, rf__json_type_name(value));
    *out = (struct listed_token){.spec = {yyjson_get_str(content), yyjson_get_len(content), {.special = true}},
                                 .is_said_early = true};
    if (!yyjson_is_obj(value))
        return RF_OK;
    out->is_object = true;
    out->is_said_early = is_map;
    out->says_normalized = yyjson_obj_get(value, "normalized") != NULL;
    return rf__added_flags_read(json, value, is_map, &out->spec.flags, err);
}

static bool is_same(const struct added_spec *a, const struct added_spec *b)
{
    return a->content != NULL && b->content != NULL && a->len == b->len && memcmp(a->content, b->content, a->len) == 0;
}

static void list_token(struct special_tokens *list, const struct listed_token *token)
{
    assert(list->n < list->cap);
    list->items[list->n] = *token;
    list->items[list->n].number = list->n;
    list->n++;
}

/* {"103": {"content": "[MASK]", …}, …} */
static rf_status list_decoder(const struct json *json, yyjson_val *decoder, struct special_tokens *list, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    yyjson_obj_foreach(decoder, i, n, key, value)
    {
        struct listed_token token;
        const char *digits = yyjson_get_str(key);
        rf_status status;
        if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0' || !yyjson_is_obj(value))
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'added_tokens_decoder' has '%s', expected an id and an object",
                            json->name, digits);
        status = read_token(json, value, false, &token, err);
        if (status != RF_OK)
            return status;
        token.order = strtoull(digits, NULL, 10);
        list_token(list, &token);
    }
    return RF_OK;
}

/* The special tokens that have a name, as the files have them. */
struct named_tokens {
    struct listed_token tokens[N_SPECIALS]; /* content NULL: none */
    bool is_said[N_SPECIALS];               /* be it that there is none */
};

/* The special tokens that have no name. */
struct extra_lists {
    yyjson_val *of_config, *of_map; /* lists; others count as empty */
    yyjson_val *named_otherwise;    /* {"image_token": "<image>", …}, or NULL */
    bool are_given;                 /* be they empty */
};

/* additional_special_tokens is the older name of extra_special_tokens, which in turn may be an object. */
static struct extra_lists find_extra(const struct json *config)
{
    yyjson_val *extra = yyjson_obj_get(config->root, "extra_special_tokens");
    yyjson_val *additional = yyjson_obj_get(config->root, "additional_special_tokens");
    struct extra_lists lists = {.named_otherwise = yyjson_is_obj(extra) ? extra : NULL};

    if (additional != NULL && yyjson_arr_size(extra) == 0 && yyjson_obj_size(extra) == 0)
        lists.of_config = additional;
    else if (!yyjson_is_obj(extra))
        lists.of_config = extra;
    lists.are_given = lists.of_config != NULL;
    return lists;
}

/* A list of special_tokens_map.json comes after that of the configuration, something else takes its place. */
static void find_extra_of_map(const struct json *map, struct extra_lists *lists)
{
    yyjson_val *extra = yyjson_obj_get(map->root, "extra_special_tokens");

    if (extra == NULL)
        return;
    lists->are_given = !yyjson_is_obj(extra);
    if (yyjson_is_arr(extra))
        lists->of_map = extra;
    else
        lists->of_config = NULL;
    if (yyjson_is_obj(extra))
        lists->named_otherwise = extra;
}

/* {"content": id, …} */
static rf_status list_added(const struct json *json, struct special_tokens *list, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    if (json->root == NULL)
        return RF_OK;
    yyjson_obj_foreach(json->root, i, n, key, value)
    {
        struct listed_token token = {.spec = {.content = yyjson_get_str(key), .len = yyjson_get_len(key)},
                                     .is_added = true};
        if (!yyjson_is_uint(value))
            return rf__fail(err, RF_BAD_FORMAT, "%s: the id of '%s' is %s, expected a number", json->name,
                            token.spec.content, rf__json_type_name(value));
        token.order = yyjson_get_uint(value);
        list_token(list, &token);
    }
    return RF_OK;
}

static bool is_other_token_key(const char *key)
{
    size_t len = strlen(key);

    if (len < 6 || strcmp(key + len - 6, "_token") != 0)
        return false;
    for (int i = 0; i < N_SPECIALS; i++)
        if (strcmp(key, rf__special_token_keys[i]) == 0)
            return false;
    return true;
}

enum { TEXTS = 1, OBJECTS = 2 };

/* "image_token": "…": special tokens with names of their own, in a file or in an object of one. `kinds`: as TEXTS or
 * OBJECTS. */
static rf_status list_other(const struct json *json, yyjson_val *object, unsigned kinds, bool is_map,
                            struct special_tokens *list, rf_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    if (!yyjson_is_obj(object))
        return RF_OK;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        struct listed_token token;
        unsigned kind = yyjson_is_str(value) ? TEXTS : yyjson_is_obj(value) ? OBJECTS : 0;
        rf_status status;
        if ((kinds & kind) == 0 || (object == json->root && !is_other_token_key(yyjson_get_str(key))))
            continue;
        status = read_token(json, value, is_map, &token, err);
        if (status != RF_OK)
            return status;
        token.has_name = true;
        token.is_said_early = false;
        list_token(list, &token);
    }
    return RF_OK;
}

static rf_status list_extra(const struct json *json, yyjson_val *extra, bool is_map, bool is_late,
                            struct special_tokens *list, rf_error *err)
{
    yyjson_val *value;
    size_t i, n;

    yyjson_arr_foreach(extra, i, n, value)
    {
        struct listed_token token;
        rf_status status = read_token(json, value, is_map, &token, err);
        if (status != RF_OK)
            return status;
        token.is_said_early &= !is_late;
        list_token(list, &token);
    }
    return RF_OK;
}

static rf_status read_named(const struct json *json, bool is_map, struct named_tokens *named, rf_error *err)
{
    for (int i = 0; i < N_SPECIALS; i++) {
        yyjson_val *value = yyjson_obj_get(json->root, rf__special_token_keys[i]);
        rf_status status;
        if (value == NULL)
            continue;
        named->is_said[i] = true;
        named->tokens[i] = (struct listed_token){0};
        if (yyjson_is_null(value))
            continue;
        status = read_token(json, value, is_map, &named->tokens[i], err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static void list_named(struct special_tokens *list, struct named_tokens *named,
                       const struct added_spec fallbacks[N_SPECIALS])
{
    for (int i = 0; i < N_SPECIALS; i++) {
        struct listed_token *token = &named->tokens[i];
        if (!named->is_said[i])
            token->spec = fallbacks[i];
        if (!token->is_object && fallbacks[i].content != NULL) {
            const struct added_flags *flags = &fallbacks[i].flags;
            token->spec.flags = *flags;
            token->is_object = flags->lstrip || !flags->special;
        }
        token->has_name = true;
        list->named[i] = token->spec;
        if (token->spec.content != NULL)
            list_token(list, token);
    }
}

/* All tokens of the files, in order. */
static rf_status list_files(struct special_tokens *list, const struct vocab_companions *companions,
                            const struct added_spec fallbacks[N_SPECIALS], bool has_own, rf_error *err)
{
    const struct json *config = &companions->config;
    const struct json *map = &companions->special_tokens_map;
    struct named_tokens named = {0};
    struct extra_lists extra = find_extra(config);
    yyjson_val *decoder = NULL, *additional;
    rf_status status = rf__json_get_object(config, config->root, "added_tokens_decoder", &decoder, err);

    find_extra_of_map(map, &extra);
    if (status == RF_OK)
        status = read_named(config, false, &named, err);
    if (status == RF_OK)
        status = read_named(map, true, &named, err);
    if (status == RF_OK && decoder != NULL)
        status = list_decoder(config, decoder, list, err);
    if (status == RF_OK)
        status = list_added(&companions->added_tokens, list, err);
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < list->n; i++)
        list->items[i].is_first = true;
    list_named(list, &named, fallbacks);
    status = list_other(config, config->root, OBJECTS, false, list, err);
    if (status == RF_OK)
        status = list_other(map, map->root, TEXTS | OBJECTS, true, list, err);
    if (status == RF_OK)
        status = list_other(config, config->root, TEXTS, false, list, err);
    if (status == RF_OK)
        status = list_other(config, extra.named_otherwise, TEXTS, false, list, err);
    if (status == RF_OK)
        status = list_extra(config, extra.of_config, false, false, list, err);
    if (status == RF_OK)
        status = list_extra(map, extra.of_map, true, false, list, err);
    list->takes_own = !extra.are_given && has_own;
    if (status != RF_OK || extra.are_given || has_own)
        return status;
    additional = yyjson_obj_get(map->root, "additional_special_tokens");
    if (additional == NULL)
        additional = yyjson_obj_get(config->root, "additional_special_tokens");
    return list_extra(config, additional, false, true, list, err);
}

static size_t count_members(yyjson_val *object)
{
    yyjson_val *decoder = yyjson_obj_get(object, "added_tokens_decoder");
    yyjson_val *extra = yyjson_obj_get(object, "extra_special_tokens");

    return yyjson_obj_size(object) + yyjson_obj_size(decoder) + yyjson_arr_size(extra) + yyjson_obj_size(extra) +
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
                                  const struct added_spec fallbacks[N_SPECIALS], bool has_own, size_t room,
                                  rf_error *err)
{
    rf_status status = check_objects(companions, err);

    if (status != RF_OK)
        return status;
    tokens->cap = N_SPECIALS + count_members(companions->config.root) +
                  count_members(companions->special_tokens_map.root) + count_members(companions->added_tokens.root) +
                  room;
    tokens->items = rf__alloc_array(tokens->cap, sizeof *tokens->items);
    return tokens->items == NULL ? rf__fail_memory(err) : list_files(tokens, companions, fallbacks, has_own, err);
}

void rf__special_tokens_release(struct special_tokens *tokens)
{
    rf__free(tokens->items);
    *tokens = (struct special_tokens){0};
}

rf_status rf__special_tokens_require(const struct special_tokens *tokens, unsigned set, const char *name, rf_error *err)
{
    for (int i = 0; i < N_SPECIALS; i++)
        if ((set >> i & 1) != 0 && tokens->named[i].content == NULL)
            return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is null in the files beside it, but its class needs one",
                            name, rf__special_token_keys[i]);
    return RF_OK;
}

void rf__special_tokens_append(struct special_tokens *tokens, const struct added_spec *spec)
{
    const struct listed_token token = {.spec = *spec, .is_object = true, .says_normalized = true};

    list_token(tokens, &token);
}

/* Those of added_tokens_decoder or added_tokens.json first, by their ids, then in the order of being listed. */
static int by_place(const void *a, const void *b)
{
    const struct listed_token *x = a, *y = b;

    if (x->is_first != y->is_first)
        return x->is_first ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Of the same content side by side, each content in the order of by_place(). */
static int by_content(const void *a, const void *b)
{
    const struct listed_token *x = a, *y = b;
    size_t n = x->spec.len < y->spec.len ? x->spec.len : y->spec.len;
    int order = memcmp(x->spec.content, y->spec.content, n);

    if (order != 0)
        return order;
    if (x->spec.len != y->spec.len)
        return x->spec.len < y->spec.len ? -1 : 1;
    return by_place(a, b);
}

/* Of items[0, n), all with one content: leaves out what is there already, those of the first kind or the same string or
 * object, and makes special what has a name, or was said to be before added_tokens.json was read. Of those left, each
 * changes the flags of the one before. */
static void settle(struct listed_token *items, size_t n)
{
    bool has_name = false, has_text = false, is_said_early = false;
    uint32_t objects = 0; /* a bit for each set of flags */

    for (size_t i = 0; i < n; i++) {
        struct listed_token *token = &items[i];
        const struct added_flags *flags = &token->spec.flags;
        uint32_t object = (uint32_t)1 << (flags->single_word | flags->lstrip << 1 | flags->rstrip << 2 |
                                          flags->normalized << 3 | flags->special << 4);
        token->is_left_out =
            !token->is_first && (items[0].is_first || (token->is_object ? (objects & object) != 0 : has_text));
        has_name |= token->has_name;
        is_said_early |= token->is_said_early;
        has_text |= !token->is_object;
        objects |= token->is_object ? object : 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct added_flags *flags = &items[i].spec.flags;
        if (items[i].is_added)
            flags->normalized = !is_said_early;
        flags->special |= has_name || (items[i].is_added && is_said_early);
        if (!items[i].says_normalized && !items[i].is_added)
            flags->normalized = !flags->special;
    }
}

rf_status rf__special_tokens_add(struct special_tokens *tokens, struct rf_tokenizer *tokenizer, rf_error *err)
{
    struct listed_token *items = tokens->items;
    rf_status status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary, tokens->n, err);

    qsort(items, tokens->n, sizeof *items, by_content);
    for (size_t i = 0, n; i < tokens->n; i += n) {
        for (n = 1; i + n < tokens->n && is_same(&items[i].spec, &items[i + n].spec);)
            n++;
        settle(items + i, n);
    }
    qsort(items, tokens->n, sizeof *items, by_place);
    for (size_t i = 0; i < tokens->n && status == RF_OK; i++) {
        uint32_t id = 0;
        if (items[i].is_left_out)
            continue;
        status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &tokenizer->normalizers,
                                      &items[i].spec, &id, err);
        for (int k = 0; k < N_SPECIALS; k++)
            if (items[i].spec.len > 0 && is_same(&tokens->named[k], &items[i].spec))
                tokens->ids[k] = id;
    }
    for (int k = 0; k < N_SPECIALS; k++)
        if (tokens->named[k].content != NULL && tokens->named[k].len == 0 &&
            !rf__vocabulary_find(&tokenizer->model->vocabulary, "", 0, &tokens->ids[k]))
            tokens->ids[k] = tokens->ids[SPECIAL_UNK]; /* as any name of nothing */
    return status;
}
