/* prompts: see prompts.h. The reference is SentenceTransformer.encode_query, encode_document and _resolve_prompt. */
#include "embed/prompts.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

#define MAX_PROMPTS 1000
#define MAX_NAMES   4096 /* bytes of all names in a row */

/* Every model has these two in the reference: empty where the file has none. */
static const char *const roles[] = {NULL, "query", "document"};
static const char *const task_roles[] = {NULL, "retrieval.query", "retrieval.passage"};

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

static rf_status join_names(struct prompts *prompts, rf_error *err)
{
    struct buf names;
    rf_status status = RF_OK;

    rf__free(prompts->names);
    prompts->names = NULL;
    rf__buf_init(&names, (size_t)MAX_PROMPTS * MAX_NAMES);
    for (size_t i = 0; i < prompts->n && status == RF_OK; i++)
        if (prompts->items[i].text[0] != '\0' || prompts->items[i].has_task)
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

/* Task `i`, of this name. */
static rf_status add_task(const struct json *json, const char *name, uint32_t i, struct prompts *prompts, rf_error *err)
{
    struct prompt *prompt = (struct prompt *)(uintptr_t)find(prompts, name);
    yyjson_val *texts = NULL;
    const char *text = "";
    rf_status status = rf__json_get_object(json, json->root, "task_instructions", &texts, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, texts, name, "", &text, err);
    if (status != RF_OK)
        return status;
    if (prompt == NULL) {
        prompt = &prompts->items[prompts->n++];
        *prompt = (struct prompt){.name = rf__strdup(name), .text = rf__strdup(text)};
        if (prompt->name == NULL || prompt->text == NULL)
            return rf__fail_memory(err);
    }
    prompt->has_task = true;
    prompt->task = i;
    return RF_OK;
}

rf_status rf__prompts_read_tasks(const struct json *json, struct prompts *prompts, rf_error *err)
{
    yyjson_val *tasks = NULL;
    struct prompt *items;
    size_t n;
    rf_status status = rf__json_get_array(json, json->root, "lora_adaptations", &tasks, err);

    n = yyjson_arr_size(tasks);
    if (status != RF_OK || n == 0)
        return status;
    if (n > MAX_PROMPTS)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: more than %d tasks", json->name, MAX_PROMPTS);
    items = rf__calloc(prompts->n + n, sizeof *items);
    if (items == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < prompts->n; i++)
        items[i] = prompts->items[i];
    rf__free(prompts->items);
    prompts->items = items;
    prompts->has_tasks = true;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        yyjson_val *name = yyjson_arr_get(tasks, i);
        if (!yyjson_is_str(name) || strlen(yyjson_get_str(name)) != yyjson_get_len(name))
            return rf__fail(err, RF_BAD_FORMAT, "%s: 'lora_adaptations' has %s in place %zu, expected a name",
                            json->name, rf__json_type_name(name), i);
        status = add_task(json, yyjson_get_str(name), (uint32_t)i, prompts, err);
    }
    return status == RF_OK ? join_names(prompts, err) : status;
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
    *out = (struct prompts){.names = rf__strdup(prompts->names != NULL ? prompts->names : ""),
                            .has_tasks = prompts->has_tasks};
    if (out->names == NULL)
        return rf__fail_memory(err);
    if (prompts->default_name != NULL && (out->default_name = rf__strdup(prompts->default_name)) == NULL)
        return rf__fail_memory(err);
    if (prompts->n > 0 && (out->items = rf__calloc(prompts->n, sizeof *out->items)) == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < prompts->n; i++) {
        struct prompt *prompt = &out->items[out->n++];
        *prompt = prompts->items[i];
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
        items[i].has_task = false;
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

/* The name that a role stands for, or NULL. */
static const char *name_of_role(const struct prompts *prompts, rf_role role)
{
    bool is_task = prompts->has_tasks && task_roles[role] != NULL && find(prompts, task_roles[role]) != NULL;

    return is_task ? task_roles[role] : roles[role];
}

const struct prompt *rf__prompts_assumed_task(const struct prompts *prompts)
{
    const struct prompt *first = NULL, *usual = find(prompts, "text-matching");

    for (size_t i = prompts->n; i-- > 0;)
        if (prompts->items[i].has_task && (first == NULL || prompts->items[i].task <= first->task))
            first = &prompts->items[i];
    return usual != NULL && usual->has_task ? usual : first;
}

rf_status rf__prompts_choose(const struct prompts *prompts, const rf_embed_options *options, const char **out,
                             const struct prompt **task, rf_error *err)
{
    const char *name = options->prompt_name;
    const struct prompt *found;

    *out = "";
    *task = NULL;
    if (options->prompt != NULL && name != NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "both a prompt's name, '%s', and its text are given: say one", name);
    if (name == NULL)
        name = options->role != RF_ROLE_NONE ? name_of_role(prompts, options->role) : prompts->default_name;
    found = name != NULL ? find(prompts, name) : NULL;
    if (found != NULL && found->has_task)
        *task = found;
    if (options->prompt != NULL || found != NULL) {
        *out = options->prompt != NULL ? options->prompt : found->text;
        return RF_OK;
    }
    if (name != NULL && strcmp(name, roles[1]) != 0 && strcmp(name, roles[2]) != 0)
        return rf__fail(err, RF_INVALID_ARGUMENT, "the model has no prompt '%s'; it has %s", name,
                        prompts->names[0] != '\0' ? prompts->names : "none");
    return RF_OK;
}
