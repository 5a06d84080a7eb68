/* tokenizer_config: see tokenizer_config.h. */
#include "tokenizer/files/tokenizer_config.h"

#include "base/mem.h"
#include "tokenizer/files/special_tokens.h"
#include "tokenizer/layout.h"

#include <stdlib.h>

/* Whether tokenizer_class is one of the names, ended by NULL. */
static bool is_class_of(const struct json *config, const char *const *names)
{
    const char *class = yyjson_get_str(yyjson_obj_get(config->root, "tokenizer_class"));

    return class != NULL && rf__is_class_of(class, names);
}

/* ---- Normalizer --------------------------------------------------------------------------------------------- */

static rf_status read_flags(const struct json *json, yyjson_val *object, const char *lower, const char *chinese,
                            struct bert_normalizer_flags *flags, rf_error *err)
{
    rf_status status = rf__json_get_bool(json, object, lower, true, &flags->lowercase, err);

    if (status == RF_OK)
        status = rf__json_get_bool(json, object, "strip_accents", flags->lowercase, &flags->strip_accents, err);
    return status != RF_OK ? status : rf__json_get_bool(json, object, chinese, true, &flags->handle_chinese_chars, err);
}

rf_status rf__config_normalizer(struct rf_tokenizer *tokenizer, const struct vocab_companions *companions,
                                const struct stage_source *source, const struct logger *logger, rf_error *err)
{
    const struct json *config = &companions->config;
    struct bert_normalizer_flags said, asked;
    struct normalizer *normalizer;
    struct class_name class;
    rf_status status = rf__companions_class(companions, &class, err);

    if (status != RF_OK ||
        rf__find_family(&class, rf__wordpiece_families, N_WORDPIECE_FAMILIES) == N_WORDPIECE_FAMILIES)
        return status;
    if (!yyjson_equals_str(yyjson_obj_get(source->value, "type"), "BertNormalizer"))
        return RF_OK;
    status = rf__json_get_bool(source->json, source->value, "clean_text", true, &said.clean_text, err);
    if (status == RF_OK)
        status = read_flags(source->json, source->value, "lowercase", "handle_chinese_chars", &said, err);
    if (status == RF_OK)
        status = read_flags(config, config->root, "do_lower_case", "tokenize_chinese_chars", &asked, err);
    if (status != RF_OK)
        return status;
    asked.clean_text = said.clean_text;
    if (asked.lowercase == said.lowercase && asked.strip_accents == said.strip_accents &&
        asked.handle_chinese_chars == said.handle_chinese_chars)
        return RF_OK;
    rf__log(logger, RF_LOG_INFO, "%s: lower case %s, accents %s, Chinese characters %s, other than %s says; followed",
            config->root != NULL ? config->name : companions->model_config.name, asked.lowercase ? "on" : "off",
            asked.strip_accents ? "stripped" : "kept", asked.handle_chinese_chars ? "apart" : "as they are",
            source->json->name);
    normalizer = rf__bert_normalizer_new(asked);
    if (normalizer == NULL)
        return rf__fail_memory(err);
    rf__normalizers_release(&tokenizer->normalizers);
    return rf__normalizers_add(&tokenizer->normalizers, normalizer, err);
}

/* ---- Added tokens ------------------------------------------------------------------------------------------- */

#define MORE_NAMED "additional_special_tokens"
#define EXTRA      "extra_special_tokens" /* {"image_token": "<image>", …} */
#define ADDED      "added_tokens_decoder"
#define MAX_ADDED  ((size_t)1 << 20)

static size_t count_named(const struct vocab_companions *files)
{
    return N_SPECIALS + yyjson_arr_size(yyjson_obj_get(files->config.root, MORE_NAMED)) +
           yyjson_arr_size(yyjson_obj_get(files->special_tokens_map.root, MORE_NAMED)) +
           yyjson_obj_size(yyjson_obj_get(files->config.root, EXTRA));
}

static size_t count_tokens(const struct vocab_companions *files)
{
    return count_named(files) + yyjson_obj_size(yyjson_obj_get(files->config.root, ADDED)) +
           yyjson_obj_size(files->added_tokens.root);
}

size_t rf__config_count_tokens(const struct vocab_companions *companions)
{
    size_t n = count_tokens(companions);

    return n < MAX_ADDED ? n : MAX_ADDED;
}

/* The tokens that the files name as special ones. */
struct named_token {
    yyjson_val *token;
    const struct json *file;
};
struct named_tokens {
    struct named_token *tokens; /* [n], in the order of rf__special_token_keys, then of the lists, then of EXTRA */
    size_t n;
    yyjson_val **contents; /* [n_contents], sorted by bytes: of those that are not of EXTRA */
    size_t n_contents;
};

static int compare_contents(const void *a, const void *b)
{
    yyjson_val *x = *(yyjson_val *const *)a, *y = *(yyjson_val *const *)b;
    size_t x_len = yyjson_get_len(x), y_len = yyjson_get_len(y);
    int order = memcmp(yyjson_get_str(x), yyjson_get_str(y), x_len < y_len ? x_len : y_len);

    return order != 0 ? order : (x_len > y_len) - (x_len < y_len);
}

static void name_token(struct named_tokens *tokens, yyjson_val *token, const struct json *file)
{
    if (rf__token_content(token) == NULL)
        return;
    tokens->tokens[tokens->n++] = (struct named_token){token, file};
}

static void name_list(struct named_tokens *tokens, const struct json *file)
{
    yyjson_arr_iter list = yyjson_arr_iter_with(yyjson_obj_get(file->root, MORE_NAMED));
    yyjson_val *token;

    while ((token = yyjson_arr_iter_next(&list)) != NULL)
        name_token(tokens, token, file);
}

static void release_named(struct named_tokens *tokens)
{
    rf__free(tokens->tokens);
    rf__free(tokens->contents);
}

/* To be released, also when it fails. */
static rf_status read_named(const struct vocab_companions *files, struct named_tokens *out, rf_error *err)
{
    const struct json *config = &files->config, *map = &files->special_tokens_map;
    yyjson_obj_iter extra = yyjson_obj_iter_with(yyjson_obj_get(config->root, EXTRA));
    yyjson_val *key, *token;
    size_t n = count_named(files), i;

    *out = (struct named_tokens){.tokens = rf__alloc_array(n, sizeof *out->tokens),
                                 .contents = rf__alloc_array(n, sizeof *out->contents)};
    if (out->tokens == NULL || out->contents == NULL)
        return rf__fail_memory(err);
    for (i = 0; i < N_SPECIALS; i++) {
        token = yyjson_obj_get(map->root, rf__special_token_keys[i]);
        if (token != NULL)
            name_token(out, token, map);
        else
            name_token(out, yyjson_obj_get(config->root, rf__special_token_keys[i]), config);
    }
    name_list(out, config);
    name_list(out, map);
    for (i = 0; i < out->n; i++)
        out->contents[out->n_contents++] = rf__token_content(out->tokens[i].token);
    qsort(out->contents, out->n_contents, sizeof *out->contents, compare_contents);
    while ((key = yyjson_obj_iter_next(&extra)) != NULL)
        name_token(out, yyjson_obj_iter_get_val(key), config);
    return RF_OK;
}

static bool is_named(const struct named_tokens *tokens, yyjson_val *content)
{
    return tokens->n_contents > 0 &&
           bsearch(&content, tokens->contents, tokens->n_contents, sizeof content, compare_contents) != NULL;
}

static rf_status add(struct rf_tokenizer *tokenizer, const struct json *file, yyjson_val *token, bool is_special,
                     const struct logger *logger, uint32_t *id, rf_error *err)
{
    yyjson_val *content = rf__token_content(token);
    struct added_spec spec = {.content = yyjson_get_str(content), .len = yyjson_get_len(content)};
    bool is_new = rf__added_token_of_content(&tokenizer->added, spec.content, spec.len) == NULL;
    rf_status status = rf__added_flags_read(file, yyjson_is_obj(token) ? token : NULL, is_special, &spec.flags, err);

    if (status != RF_OK)
        return status;
    status =
        rf__added_tokens_add(&tokenizer->added, &tokenizer->model->vocabulary, &tokenizer->normalizers, &spec, id, err);
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s", file->name);
    if (is_new && spec.len > 0)
        rf__log(logger, RF_LOG_INFO, "%s: adds the token '%s', id %u", file->name, spec.content, *id);
    return RF_OK;
}

/* An entry of added_tokens_decoder, "7": {"content": "[NEW]", …}, or of added_tokens.json, "[NEW]": 7. */
struct entry {
    unsigned long id;
    yyjson_val *token;
    const struct json *file;
};

static int by_id(const void *a, const void *b)
{
    unsigned long x = ((const struct entry *)a)->id, y = ((const struct entry *)b)->id;

    return (x > y) - (x < y);
}

/* The entries by their ids; those without a content are none. */
static size_t sorted_entries(const struct vocab_companions *files, struct entry *entries)
{
    yyjson_obj_iter decoder = yyjson_obj_iter_with(yyjson_obj_get(files->config.root, ADDED));
    yyjson_obj_iter added = yyjson_obj_iter_with(files->added_tokens.root);
    yyjson_val *key, *value;
    size_t n = 0;

    while ((key = yyjson_obj_iter_next(&decoder)) != NULL) {
        value = yyjson_obj_iter_get_val(key);
        if (rf__token_content(value) != NULL)
            entries[n++] = (struct entry){strtoul(yyjson_get_str(key), NULL, 10), value, &files->config};
    }
    while ((key = yyjson_obj_iter_next(&added)) != NULL) {
        value = yyjson_obj_iter_get_val(key);
        if (yyjson_is_uint(value))
            entries[n++] = (struct entry){(unsigned long)yyjson_get_uint(value), key, &files->added_tokens};
    }
    qsort(entries, n, sizeof *entries, by_id);
    return n;
}

static rf_status add_entries(struct rf_tokenizer *tokenizer, const struct vocab_companions *files,
                             const struct named_tokens *specials, const struct logger *logger, rf_error *err)
{
    struct entry *entries = rf__alloc_array(count_tokens(files), sizeof *entries);
    size_t n;
    rf_status status = RF_OK;

    if (entries == NULL)
        return rf__fail_memory(err);
    n = sorted_entries(files, entries);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        yyjson_val *content = rf__token_content(entries[i].token);
        uint32_t id = 0;
        status = add(tokenizer, entries[i].file, entries[i].token, is_named(specials, content), logger, &id, err);
        if (status == RF_OK && entries[i].id != id && yyjson_get_len(content) > 0)
            rf__log(logger, RF_LOG_WARNING, "%s: added token '%s' has the id %u, not %lu as the file says",
                    entries[i].file->name, yyjson_get_str(content), id, entries[i].id);
    }
    rf__free(entries);
    return status;
}

rf_status rf__config_added_tokens(struct rf_tokenizer *tokenizer, const struct vocab_companions *companions,
                                  const struct logger *logger, rf_error *err)
{
    struct named_tokens specials = {0};
    rf_status status;

    if (count_tokens(companions) > MAX_ADDED)
        return rf__fail(err, RF_UNSUPPORTED, "the files beside tokenizer.json name more than %zu tokens", MAX_ADDED);
    status = read_named(companions, &specials, err);
    if (status == RF_OK)
        status = add_entries(tokenizer, companions, &specials, logger, err);
    for (size_t i = 0; i < specials.n && status == RF_OK; i++) {
        const struct named_token *special = &specials.tokens[i];
        yyjson_val *content = rf__token_content(special->token);
        uint32_t id;
        if (rf__added_token_of_content(&tokenizer->added, yyjson_get_str(content), yyjson_get_len(content)) == NULL)
            status = add(tokenizer, special->file, special->token, true, logger, &id, err);
    }
    release_named(&specials);
    return status;
}

/* ---- Post-processor ----------------------------------------------------------------------------------------- */

/* The id of a named token; false when it has none. */
static bool id_of(const struct rf_tokenizer *tokenizer, const struct json *config, const char *key,
                  const char *fallback, uint32_t *id)
{
    yyjson_val *content = rf__token_content(yyjson_obj_get(config->root, key));

    if (content != NULL)
        return rf__tokenizer_id(tokenizer, yyjson_get_str(content), yyjson_get_len(content), id);
    return rf__tokenizer_id(tokenizer, fallback, strlen(fallback), id);
}

/* Each text between the two tokens, where they are asked for. */
static rf_status make_post_processor(struct rf_tokenizer *tokenizer, const struct json *config, bool has_bos,
                                     uint32_t bos, bool has_eos, uint32_t eos, rf_error *err)
{
    struct template_item items[6];
    struct post_step *step;
    struct post_steps *steps = rf__calloc(1, sizeof *steps);
    rf_status status = RF_OK;
    size_t n = 0;

    if (steps == NULL)
        return rf__fail_memory(err);
    step = &steps->items[steps->n++];
    step->kind = POST_TEMPLATE;
    for (uint32_t text = 0; text < 2 && status == RF_OK; text++) {
        struct template *template = &step->templates[text];
        if (has_bos)
            items[n++] = (struct template_item){.kind = TEMPLATE_SPECIAL, .type_id = text, .id = bos};
        items[n++] = (struct template_item){.kind = text == 0 ? TEMPLATE_FIRST : TEMPLATE_SECOND, .type_id = text};
        if (has_eos)
            items[n++] = (struct template_item){.kind = TEMPLATE_SPECIAL, .type_id = text, .id = eos};
        template->items = rf__alloc_array(n, sizeof *items);
        if (template->items == NULL) {
            status = rf__fail_memory(err);
            break;
        }
        memcpy(template->items, items, n * sizeof *items);
        template->n = n;
    }
    if (status == RF_OK) {
        rf__postprocessor_release(&tokenizer->postprocessor);
        status = rf__layouts_make(&tokenizer->postprocessor, steps, config->name, err);
    }
    rf__post_steps_release(steps);
    rf__free(steps);
    return status;
}

rf_status rf__config_postprocessor(struct rf_tokenizer *tokenizer, const struct json *config,
                                   const struct logger *logger, rf_error *err)
{
    static const char *const gemma[] = {"GemmaTokenizer", NULL}, *const llama[] = {"LlamaTokenizer", NULL};
    bool is_gemma = is_class_of(config, gemma), has_bos, has_eos;
    uint32_t bos = 0, eos = 0;
    rf_status status;

    if (!is_gemma && !is_class_of(config, llama))
        return RF_OK;
    if (yyjson_obj_get(config->root, "add_bos_token") == NULL && yyjson_obj_get(config->root, "add_eos_token") == NULL)
        return RF_OK;
    status = rf__json_get_bool(config, config->root, "add_bos_token", true, &has_bos, err);
    if (status == RF_OK)
        status = rf__json_get_bool(config, config->root, "add_eos_token", false, &has_eos, err);
    if (status != RF_OK)
        return status;
    if ((has_bos && !id_of(tokenizer, config, "bos_token", is_gemma ? "<bos>" : "<s>", &bos)) ||
        (has_eos && !id_of(tokenizer, config, "eos_token", is_gemma ? "<eos>" : "</s>", &eos))) {
        rf__log(logger, RF_LOG_WARNING, "%s: a token that is to be put around the text is not in the vocabulary",
                config->name);
        return RF_OK;
    }
    return make_post_processor(tokenizer, config, has_bos, bos, has_eos, eos, err);
}
