/* prompts: see prompts.h. The reference is SentenceTransformer.encode_query, encode_document and _resolve_prompt. */
#include "embed/prompts.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

#define MAX_PROMPTS 1000
#define MAX_NAMES   4096 /* bytes of all names in a row */

/* Every model has these two in the reference: empty where the file has none. */
static const char *const roles[] = {NULL, "query", "document"};

static rf_status add_prompt(struct prompts *prompts, const struct json *json, yyjson_val *key, yyjson_val *value,
                            rf_error *err)
{
    struct prompt *prompt;

    if (!yyjson_is_str(value) && !yyjson_is_null(value))
        return rf__fail(err, RF_BAD_FORMAT, "%s: prompt '%s' is %s, expected a string", json->name, yyjson_get_str(key),
                        rf__json_type_name(value));
    if (yyjson_is_str(value) && strlen(yyjson_get_str(value)) != yyjson_get_len(value))
        return rf__fail(err, RF_UNSUPPORTED, "%s: prompt '%s' has a NUL in it", json->name, yyjson_get_str(key));
    prompt = &prompts->items[prompts->n++];
    prompt->name = rf__strdup(yyjson_get_str(key));
    prompt->text = rf__strdup(yyjson_is_str(value) ? yyjson_get_str(value) : "");
    return prompt->name == NULL || prompt->text == NULL ? rf__fail_memory(err) : RF_OK;
}

static const struct prompt *find(const struct prompts *prompts, const char *name)
{
    for (size_t i = 0; i < prompts->n; i++)
        if (strcmp(prompts->items[i].name, name) == 0)
            return &prompts->items[i];
    return NULL;
}

/* "query, document": those that are not empty. */
static rf_status join_names(struct prompts *prompts, rf_error *err)
{
    struct buf names;
    rf_status status = RF_OK;

    rf__buf_init(&names, (size_t)MAX_PROMPTS * MAX_NAMES);
    for (size_t i = 0; i < prompts->n && status == RF_OK; i++)
        if (prompts->items[i].text[0] != '\0')
            status = rf__buf_printf(&names, err, "%s%s", names.len > 0 ? ", " : "", prompts->items[i].name);
    if (status == RF_OK && (prompts->names = rf__buf_detach(&names)) == NULL)
        status = rf__fail_memory(err);
    rf__buf_release(&names);
    return status;
}

static rf_status check_default(const struct json *json, const struct prompts *prompts, rf_error *err)
{
    const char *name = prompts->default_name;

    if (name == NULL || find(prompts, name) != NULL || strcmp(name, roles[1]) == 0 || strcmp(name, roles[2]) == 0)
        return RF_OK;
    return rf__fail(err, RF_BAD_FORMAT, "%s: default_prompt_name '%s' is none of the prompts", json->name, name);
}

rf_status rf__prompts_read(const struct json *json, struct prompts *out, rf_error *err)
{
    yyjson_val *object = NULL, *key;
    yyjson_obj_iter each;
    const char *name = NULL;
    rf_status status = rf__json_get_object(json, json->root, "prompts", &object, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, json->root, "default_prompt_name", NULL, &name, err);
    if (status == RF_OK && yyjson_obj_size(object) > MAX_PROMPTS)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: more than %d prompts", json->name, MAX_PROMPTS);
    if (status == RF_OK && yyjson_obj_size(object) > 0 &&
        (out->items = rf__calloc(yyjson_obj_size(object), sizeof *out->items)) == NULL)
        status = rf__fail_memory(err);
    each = yyjson_obj_iter_with(object);
    while (status == RF_OK && (key = yyjson_obj_iter_next(&each)) != NULL)
        status = add_prompt(out, json, key, yyjson_obj_iter_get_val(key), err);
    if (status == RF_OK && name != NULL && (out->default_name = rf__strdup(name)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = check_default(json, out, err);
    return status == RF_OK ? join_names(out, err) : status;
}

void rf__prompts_release(struct prompts *prompts)
{
    for (size_t i = 0; i < prompts->n; i++) {
        rf__free(prompts->items[i].name);
        rf__free(prompts->items[i].text);
    }
    rf__free(prompts->items);
    rf__free(prompts->default_name);
    rf__free(prompts->names);
    *prompts = (struct prompts){0};
}

rf_status rf__prompts_copy(const struct prompts *prompts, struct prompts *out, rf_error *err)
{
    *out = (struct prompts){.names = rf__strdup(prompts->names != NULL ? prompts->names : "")};
    if (out->names == NULL)
        return rf__fail_memory(err);
    if (prompts->default_name != NULL && (out->default_name = rf__strdup(prompts->default_name)) == NULL)
        return rf__fail_memory(err);
    if (prompts->n > 0 && (out->items = rf__calloc(prompts->n, sizeof *out->items)) == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < prompts->n; i++) {
        struct prompt *prompt = &out->items[out->n++];
        prompt->name = rf__strdup(prompts->items[i].name);
        prompt->text = rf__strdup(prompts->items[i].text);
        if (prompt->name == NULL || prompt->text == NULL)
            return rf__fail_memory(err);
    }
    return RF_OK;
}

static rf_status override_one(struct prompts *prompts, const char *given, rf_error *err)
{
    const char *text = strchr(given, '=');
    size_t i = 0;
    char *copy;

    if (text == NULL || text == given)
        return rf__fail(err, RF_INVALID_ARGUMENT, "prompt '%.80s' is not NAME=TEXT", given);
    while (i < prompts->n && (strncmp(prompts->items[i].name, given, (size_t)(text - given)) != 0 ||
                              prompts->items[i].name[text - given] != '\0'))
        i++;
    if (i == MAX_PROMPTS)
        return rf__fail(err, RF_INVALID_ARGUMENT, "more than %d prompts", MAX_PROMPTS);
    copy = rf__strdup(text + 1);
    if (copy == NULL)
        return rf__fail_memory(err);
    if (i == prompts->n) {
        struct prompt *items = rf__realloc(prompts->items, (prompts->n + 1) * sizeof *items);
        if (items != NULL)
            prompts->items = items;
        if (items == NULL || (items[i].name = rf__strndup(given, (size_t)(text - given))) == NULL) {
            rf__free(copy);
            return rf__fail_memory(err);
        }
        items[i].text = NULL;
        prompts->n++;
    }
    rf__free(prompts->items[i].text);
    prompts->items[i].text = copy;
    return RF_OK;
}

rf_status rf__prompts_override(struct prompts *prompts, const char *const *given, rf_error *err)
{
    rf_status status = RF_OK;

    if (given == NULL || given[0] == NULL)
        return RF_OK;
    for (; status == RF_OK && *given != NULL; given++)
        status = override_one(prompts, *given, err);
    rf__free(prompts->names);
    prompts->names = NULL;
    return status == RF_OK ? join_names(prompts, err) : status;
}

rf_status rf__prompts_choose(const struct prompts *prompts, const rf_embed_options *options, const char **out,
                             rf_error *err)
{
    const char *name = options->prompt_name;
    const struct prompt *found;

    *out = "";
    if (options->prompt != NULL && name != NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "both a prompt's name, '%s', and its text are given: say one", name);
    if (options->prompt != NULL) {
        *out = options->prompt;
        return RF_OK;
    }
    if (name == NULL)
        name = options->role != RF_ROLE_NONE ? roles[options->role] : prompts->default_name;
    if (name == NULL)
        return RF_OK;
    found = find(prompts, name);
    if (found != NULL)
        *out = found->text;
    else if (strcmp(name, roles[1]) != 0 && strcmp(name, roles[2]) != 0)
        return rf__fail(err, RF_INVALID_ARGUMENT, "the model has no prompt '%s'; it has %s", name,
                        prompts->names[0] != '\0' ? prompts->names : "none");
    return RF_OK;
}
