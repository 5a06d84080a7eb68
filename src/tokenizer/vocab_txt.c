/*
 * vocab_txt: a BERT tokenizer from a vocab.txt, one piece a line, its id the number of the line, with what
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json add: as the BertTokenizer of `transformers`
 * builds it. Every stage is fixed; the files choose flags and tokens:
 *
 *     tokenizer_config.json    do_lower_case, strip_accents, tokenize_chinese_chars, the names of the special tokens,
 *                              added_tokens_decoder: {"id": token}
 *     special_tokens_map.json  the names of the special tokens, unless there is an added_tokens_decoder
 *     added_tokens.json        {"content": id}, unless there is an added_tokens_decoder
 *
 * The ids in these files order the tokens, no more: a token has its line's, a new one the next that is free.
 */
#include "tokenizer/tokenizer_parts.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>

/* The special tokens that have a name, in the order in which they are added. */
enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, N_NAMED };
static const struct {
    const char *key, *fallback;
} named[N_NAMED] = {
    [BOS] = {"bos_token", NULL},       [EOS] = {"eos_token", NULL},    [UNK] = {"unk_token", "[UNK]"},
    [SEP] = {"sep_token", "[SEP]"},    [PAD] = {"pad_token", "[PAD]"}, [CLS] = {"cls_token", "[CLS]"},
    [MASK] = {"mask_token", "[MASK]"},
};

struct listed_token {
    struct added_spec spec; /* content NULL: none */
    uint64_t order;
};

struct token_list {
    struct listed_token *items;
    size_t n, cap;
};

/* ---- The lines ---------------------------------------------------------------------------------------------- */

/* The length of text[0, len) without the whitespace at its end. */
static size_t trim_end(const char *text, size_t len)
{
    while (len > 0) {
        size_t before = rf__text_before(text, len);
        uint32_t c;
        rf__utf8_decode(text + before, len - before, &c);
        if ((rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) == 0)
            break;
        len = before;
    }
    return len;
}

/* The end of the line that begins at `at`. */
static size_t line_end(const char *text, size_t len, size_t at)
{
    const char *found = memchr(text + at, '\n', len - at);

    return found == NULL ? len : (size_t)(found - text);
}

static rf_status count_lines(const char *text, size_t len, const char *name, uint32_t *n, rf_error *err)
{
    *n = 0;
    for (size_t at = 0; at < len;) {
        size_t end = line_end(text, len, at);
        if (!rf__utf8_valid(text + at, end - at))
            return rf__fail(err, RF_BAD_FORMAT, "%s: line %u is not valid UTF-8", name, *n + 1);
        if (++*n == RF_VOCABULARY_MAX_IDS)
            return rf__fail(err, RF_BAD_FORMAT, "%s: has more than %u lines", name, RF_VOCABULARY_MAX_IDS - 1);
        at = end + 1;
    }
    if (*n == 0)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is empty, expected one piece a line", name);
    return RF_OK;
}

static rf_status read_lines(const char *text, size_t len, const char *name, struct vocabulary *out, rf_error *err)
{
    uint32_t n, id = 0;
    rf_status status = count_lines(text, len, name, &n, err);

    if (status == RF_OK)
        status = rf__vocabulary_init(out, n, len, n, err);
    if (status != RF_OK)
        return status;
    for (size_t at = 0; at < len; id++) {
        size_t end = line_end(text, len, at);
        rf__vocabulary_add(out, text + at, trim_end(text + at, end - at), id);
        at = end + 1;
    }
    status = rf__vocabulary_finish(out, err);
    if (status == RF_OK)
        return RF_OK;
    rf__vocabulary_release(out);
    return rf__fail_prefix(err, status, "%s", name);
}

/* ---- The tokens --------------------------------------------------------------------------------------------- */

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

static struct listed_token *find_listed(const struct token_list *list, const struct added_spec *spec)
{
    for (size_t i = 0; i < list->n; i++)
        if (is_same(&list->items[i].spec, spec))
            return &list->items[i];
    return NULL;
}

static void list_token(struct token_list *list, const struct added_spec *spec, uint64_t order)
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
static rf_status list_decoder(const struct json *json, yyjson_val *decoder, struct token_list *list, rf_error *err)
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
static rf_status list_added(const struct vocab_companions *companions, const struct added_spec specials[N_NAMED],
                            struct token_list *list, rf_error *err)
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
        for (int k = 0; k < N_NAMED; k++)
            spec.flags.special |= specials[k].content != NULL && is_same(&specials[k], &spec);
        spec.flags.special |= is_extra(&companions->config, &spec) || is_extra(&companions->special_tokens_map, &spec);
        spec.flags.normalized = !spec.flags.special;
        list_token(list, &spec, yyjson_get_uint(value));
    }
    return RF_OK;
}

/* Appends a special token unless its content is there already, which then is special. */
static void list_special(struct token_list *list, const struct added_spec *spec)
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
    for (int i = 0; i < N_NAMED; i++)
        if (strcmp(key, named[i].key) == 0)
            return false;
    return true;
}

/* Special tokens beyond those with a name of their own: "image_token": "…", and the list of more. */
static rf_status list_extra(const struct json *json, struct token_list *list, rf_error *err)
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

static rf_status read_named(const struct json *json, struct added_spec specials[N_NAMED], rf_error *err)
{
    for (int i = 0; i < N_NAMED; i++) {
        yyjson_val *value = yyjson_obj_get(json->root, named[i].key);
        rf_status status;
        if (value == NULL || yyjson_is_null(value))
            continue;
        status = read_token(json, value, true, &specials[i], err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

/* All tokens to add, in order; `specials` are the named ones. */
static rf_status list_tokens(const struct vocab_companions *companions, struct added_spec specials[N_NAMED],
                             struct token_list *list, rf_error *err)
{
    const struct json *config = &companions->config, *map = &companions->special_tokens_map;
    yyjson_val *decoder;
    rf_status status;

    status = rf__json_get_object(config, config->root, "added_tokens_decoder", &decoder, err);
    if (status == RF_OK)
        status = read_named(config, specials, err);
    if (status == RF_OK && decoder != NULL)
        status = list_decoder(config, decoder, list, err);
    if (status == RF_OK && decoder == NULL)
        status = read_named(map, specials, err);
    if (status == RF_OK && decoder == NULL)
        status = list_added(companions, specials, list, err);
    if (status != RF_OK)
        return status;
    for (int i = 0; i < N_NAMED; i++)
        if (specials[i].content == NULL && named[i].fallback != NULL)
            specials[i] = (struct added_spec){named[i].fallback, strlen(named[i].fallback), {.special = true}};
    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, by_order);
    for (int i = 0; i < N_NAMED; i++)
        if (specials[i].content != NULL)
            list_special(list, &specials[i]);
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

/* Adds the tokens; the ids of the named ones are given back. */
static rf_status add_tokens(struct rf_tokenizer *tokenizer, const struct token_list *list,
                            const struct added_spec specials[N_NAMED], uint32_t ids[N_NAMED], rf_error *err)
{
    rf_status status = rf__added_tokens_init(&tokenizer->added, &tokenizer->model->vocabulary, list->n, err);

    for (size_t i = 0; i < list->n && status == RF_OK; i++) {
        uint32_t id = 0;
        status = rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &tokenizer->normalizers,
                                      &list->items[i].spec, &id, err);
        for (int k = 0; k < N_NAMED; k++)
            if (specials[k].content != NULL && is_same(&specials[k], &list->items[i].spec))
                ids[k] = id;
    }
    return status;
}

/* ---- The stages --------------------------------------------------------------------------------------------- */

static rf_status build_stages(struct rf_tokenizer *tokenizer, const struct json *config, bool lower_case, rf_error *err)
{
    struct bert_normalizer_flags flags = {.clean_text = true};
    struct normalizer *normalizer;
    struct pretokenizer *pretokenizer;
    struct decoder *decoder;
    rf_status status;

    status = rf__json_get_bool(config, config->root, "do_lower_case", true, &flags.lowercase, err);
    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "strip_accents", flags.lowercase, &flags.strip_accents, err);
    if (status == RF_OK)
        status =
            rf__json_get_bool(config, config->root, "tokenize_chinese_chars", true, &flags.handle_chinese_chars, err);
    if (status != RF_OK)
        return status;
    normalizer = rf__bert_normalizer_new(flags);
    status = normalizer == NULL ? rf__fail_memory(err) : rf__normalizers_add(&tokenizer->normalizers, normalizer, err);
    if (status == RF_OK && lower_case)
        status = rf__normalizers_lower_first(&tokenizer->normalizers, err);
    if (status != RF_OK)
        return status;
    pretokenizer = rf__bert_pretokenizer_new();
    status = pretokenizer == NULL ? rf__fail_memory(err)
                                  : rf__pretokenizers_add(&tokenizer->pretokenizers, pretokenizer, err);
    if (status != RF_OK)
        return status;
    decoder = rf__wordpiece_decoder_new("##", 2, true);
    return decoder == NULL ? rf__fail_memory(err) : rf__decoders_add(&tokenizer->decoders, decoder, err);
}

static rf_status build(struct rf_tokenizer *tokenizer, struct vocabulary *vocabulary, const char *name,
                       const struct added_spec specials[N_NAMED], const struct token_list *list, rf_error *err)
{
    struct wordpiece_settings settings = {
        .unk_token = specials[UNK].content,
        .unk_token_len = specials[UNK].len,
        .prefix = "##",
        .prefix_len = 2,
        .max_chars = 100,
        .name = name,
    };
    uint32_t ids[N_NAMED] = {0};
    rf_status status = rf__wordpiece_new(vocabulary, &settings, &tokenizer->model, err);

    if (status == RF_OK)
        status = add_tokens(tokenizer, list, specials, ids, err);
    return status != RF_OK ? status : rf__postprocessor_bert(&tokenizer->postprocessor, ids[CLS], ids[SEP], err);
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

rf_status rf__tokenizer_read_vocab(struct rf_tokenizer *tokenizer, const char *text, size_t len, const char *name,
                                   const struct vocab_companions *companions, bool lower_case,
                                   const struct logger *logger, rf_error *err)
{
    struct added_spec specials[N_NAMED] = {{0}};
    struct token_list list = {0};
    struct vocabulary vocabulary = {0};
    rf_status status = check_objects(companions, err);

    if (status != RF_OK)
        return status;
    list.cap = N_NAMED + count_members(companions->config.root) + count_members(companions->special_tokens_map.root) +
               count_members(companions->added_tokens.root);
    list.items = rf__alloc_array(list.cap, sizeof *list.items);
    status = list.items == NULL ? rf__fail_memory(err) : list_tokens(companions, specials, &list, err);
    if (status == RF_OK)
        status = build_stages(tokenizer, &companions->config, lower_case, err);
    if (status == RF_OK)
        status = read_lines(text, len, name, &vocabulary, err);
    if (status == RF_OK)
        status = build(tokenizer, &vocabulary, name, specials, &list, err);
    if (status == RF_OK)
        status = rf__tokenizer_finish(tokenizer, logger, err);
    rf__free(list.items);
    return status;
}
