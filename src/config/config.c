/* config: where the file is, what the variables say, and what a model is opened with; see config.h. */
#include "config/config.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define MAX_VARIABLE 64
#define MAX_KEY      512
#define MAX_EXPECTED 160

/* ---- Opening --------------------------------------------------------------------------------------------------- */

/* The file of this user, in new memory; NULL where there is no folder for it, or no memory. */
static char *user_file(void)
{
    char *folder = rf__os_config_dir();
    char *path = folder == NULL ? NULL : rf__path_join(folder, "rag_factory/config.yaml");

    rf__free(folder);
    return path;
}

static rf_status read_file(struct rf_config *config, const char *file, rf_error *err)
{
    const char *named = file != NULL ? file : rf__os_env("RAG_FACTORY_CONFIG");
    struct buf text;
    rf_status status;

    config->file = named != NULL ? rf__strdup(named) : user_file();
    if (config->file == NULL)
        return named != NULL ? rf__fail_memory(err) : RF_OK;
    rf__buf_init(&text, CONFIG_FILE_MAX);
    status = rf__os_read_file(config->file, &text, err);
    if (status == RF_NOT_FOUND && named == NULL) {
        rf__free(config->file);
        config->file = NULL;
        return RF_OK;
    }
    if (status == RF_NOT_FOUND)
        status = rf__fail_prefix(err, status, "%s", file != NULL ? "the configuration" : "RAG_FACTORY_CONFIG");
    if (status == RF_OK)
        status = rf__config_read(config, text.data != NULL ? text.data : "", text.len, config->file, err);
    rf__buf_release(&text);
    return status;
}

/* "RAG_FACTORY_THREADS"; "" for a key that no variable sets. */
static void variable_of(const struct config_key *key, char out[MAX_VARIABLE])
{
    const bool has_one = !(key->flags & CONFIG_MAP) && strcmp(key->name, "source") != 0;

    snprintf(out, MAX_VARIABLE, "%s%s", has_one ? "RAG_FACTORY_" : "", has_one ? key->name : "");
    for (char *p = out; *p != '\0'; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
}

static rf_status read_variables(struct rf_config *config, rf_error *err)
{
    char name[MAX_VARIABLE];
    rf_status status = RF_OK;

    for (const struct config_key *key = rf__config_keys; key->name != NULL && status == RF_OK; key++) {
        const char *value;
        variable_of(key, name);
        value = name[0] != '\0' ? rf__os_env(name) : NULL;
        if (value != NULL)
            status = rf__config_set(config, CONFIG_VARIABLE, "", key, NULL, value, name, NULL, err);
    }
    return status;
}

rf_status rf__config_open(const char *file, struct rf_config **out, rf_error *err)
{
    struct rf_config *config = rf__calloc(1, sizeof *config);
    rf_status status = config == NULL ? rf__fail_memory(err) : read_file(config, file, err);

    if (status == RF_OK)
        status = read_variables(config, err);
    if (status != RF_OK) {
        rf__config_free(config);
        return status;
    }
    *out = config;
    return RF_OK;
}

/* ---- Options --------------------------------------------------------------------------------------------------- */

static rf_status unknown_key(const char *name, const char *origin, rf_error *err)
{
    const char *names[64], *nearest;
    size_t n = 0;

    for (const struct config_key *key = rf__config_keys; key->name != NULL && n < 64; key++)
        names[n++] = key->name;
    nearest = rf__nearest(name, names, n);
    return rf__fail(err, RF_INVALID_ARGUMENT, "%s: unknown key '%.80s'%s%s%s", origin, name,
                    nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                    nearest != NULL ? "'?" : "");
}

rf_status rf__config_set_option(struct rf_config *config, const char *name, const char *value, const char *origin,
                                rf_error *err)
{
    const size_t len = strcspn(name, ".");
    const struct config_key *key = rf__config_key(name, len);
    const char *member = name[len] == '.' ? name + len + 1 : NULL;

    if (key == NULL || (member != NULL) != ((key->flags & CONFIG_MAP) != 0))
        return unknown_key(name, origin, err);
    return rf__config_set(config, CONFIG_OPTION, "", key, member, value, origin, NULL, err);
}

/* ---- What holds for a model ------------------------------------------------------------------------------------ */

/* A model as it was named, the entry that it is, and its source. */
struct choice {
    const char *entry;  /* NULL: none of models */
    const char *source; /* belongs to the configuration, or is the caller's name itself */
    const char *origin; /* of the name */
};

static struct choice choose(const struct rf_config *config, const char *model)
{
    const struct config_key *key = rf__config_key("model", 5);
    const struct config_setting *set = rf__config_find(config, NULL, NULL, key, NULL);
    const char *name = model != NULL ? model : set != NULL ? set->value : key->value;
    const char *origin = model != NULL ? "as named" : set != NULL ? set->origin : "default";

    if (!rf__config_has_model(config, name))
        return (struct choice){NULL, name, origin};
    set = rf__config_find(config, name, NULL, rf__config_key("source", 6), NULL);
    return (struct choice){name, set != NULL ? set->value : name, origin};
}

static const struct config_setting *find(const struct rf_config *config, const struct choice *choice,
                                         const struct config_key *key, const char *name)
{
    return rf__config_find(config, choice->entry, choice->source, key, name);
}

/* Whether an earlier setting of the same map has this member, so that it was seen. */
static bool is_seen(const struct rf_config *config, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (config->settings[k].key == config->settings[i].key && config->settings[k].name != NULL &&
            strcmp(config->settings[k].name, config->settings[i].name) == 0)
            return true;
    return false;
}

/* What holds for the next member of a map, *i counting the settings that were looked at; NULL past the last. */
static const struct config_setting *next_member(const struct rf_config *config, const struct choice *choice,
                                                const struct config_key *key, size_t *i)
{
    while (*i < config->n) {
        const size_t at = (*i)++;
        const struct config_setting *set = NULL;
        if (config->settings[at].key == key && !is_seen(config, at))
            set = find(config, choice, key, config->settings[at].name);
        if (set != NULL)
            return set;
    }
    return NULL;
}

/* ---- Listing --------------------------------------------------------------------------------------------------- */

static const char *where_of(const struct config_key *key)
{
    static const char *const names[] = {"",         "top",           "model",           "top, model",
                                        "provider", "top, provider", "model, provider", "top, model, provider"};

    return names[key->scopes];
}

struct listing {
    const struct rf_config *config;
    struct choice choice;
    rf_config_value_fn fn;
    void *user;
    bool is_reference; /* keys alone are wanted */
    bool go_on;
};

static void tell(struct listing *listing, const char *name, const struct config_key *key,
                 const struct config_setting *set)
{
    char variable[MAX_VARIABLE], expected[MAX_EXPECTED];
    rf_config_value value = {.size = sizeof value,
                             .key = name,
                             .value = set != NULL ? set->value : key->value,
                             .origin = set != NULL ? set->origin : "default",
                             .allowed = expected,
                             .help = key->help,
                             .variable = variable,
                             .where = where_of(key),
                             .kind = key->kind,
                             .is_default = set == NULL};

    if (set != NULL && key->flags & CONFIG_SECRET)
        value.value = "(set)";
    if (set == NULL && !listing->is_reference && strcmp(key->name, "source") == 0) {
        value.value = listing->choice.source;
        value.origin = listing->choice.origin;
    }
    variable_of(key, variable);
    rf__config_expected(key, expected, sizeof expected);
    listing->go_on = listing->go_on && listing->fn(listing->user, &value);
}

/* A map: each member that holds, else the key alone. */
static void tell_map(struct listing *listing, const struct config_key *key)
{
    const struct config_setting *set;
    char name[MAX_KEY];
    bool any = false;

    for (size_t i = 0; (set = next_member(listing->config, &listing->choice, key, &i)) != NULL;) {
        any = true;
        snprintf(name, sizeof name, "%s.%s", key->name, set->name);
        tell(listing, name, key, set);
    }
    if (!any)
        tell(listing, key->name, key, NULL);
}

void rf__config_list(const struct rf_config *config, const char *model, rf_config_value_fn fn, void *user)
{
    static const struct rf_config none = {0};
    struct listing listing = {config != NULL ? config : &none, {NULL, NULL, NULL}, fn, user, config == NULL, true};
    char name[MAX_KEY];

    listing.choice = choose(listing.config, model);
    for (const struct config_key *key = rf__config_keys; key->name != NULL; key++)
        if (key->flags & CONFIG_MAP)
            tell_map(&listing, key);
        else
            tell(&listing, key->name, key, find(listing.config, &listing.choice, key, NULL));
    for (size_t i = 0; i < listing.config->n; i++) {
        const struct config_setting *set = &listing.config->settings[i];
        if (set->scope[0] == '\0')
            continue;
        snprintf(name, sizeof name, "%s.%s%s%s", set->scope, set->key->name, set->name != NULL ? "." : "",
                 set->name != NULL ? set->name : "");
        tell(&listing, name, set->key, set);
    }
}

/* ---- Options of a model ---------------------------------------------------------------------------------------- */

/* Takes `block`, also when it fails. */
static rf_status keep(struct rf_config *config, void *block, rf_error *err)
{
    void **blocks;

    if (block == NULL)
        return rf__fail_memory(err);
    blocks = rf__realloc(config->blocks, (config->n_blocks + 1) * sizeof *blocks);
    if (blocks == NULL) {
        rf__free(block);
        return rf__fail_memory(err);
    }
    config->blocks = blocks;
    blocks[config->n_blocks++] = block;
    return RF_OK;
}

/* "name=text" of each member that holds, ended by NULL; *out stays NULL where there is none. */
static rf_status make_map(struct rf_config *config, const struct choice *choice, const struct config_key *key,
                          const char *const **out, rf_error *err)
{
    const struct config_setting *set;
    const char **items = NULL;
    size_t n = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; status == RF_OK && (set = next_member(config, choice, key, &i)) != NULL;) {
        char *item;
        if (items == NULL) {
            items = rf__calloc(config->n + 1, sizeof *items);
            status = keep(config, items, err);
        }
        item = status == RF_OK ? rf__format("%s=%s", set->name, set->value) : NULL;
        if (status == RF_OK)
            status = keep(config, item, err);
        if (status == RF_OK)
            items[n++] = item;
    }
    if (status == RF_OK)
        *out = items;
    return status;
}

/* The index of `word` in "a|b|c", which it is one of. */
static int choice_index(const char *choices, const char *word)
{
    int index = 0;

    for (const char *p = choices; strncmp(p, word, strlen(word)) != 0 || strcspn(p, "|") != strlen(word); index++)
        p += strcspn(p, "|") + 1;
    return index;
}

static uint32_t number(const char *text)
{
    uint64_t value = 0;

    for (; *text != '\0'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return (uint32_t)value;
}

/* Writes the value to its member, which has the type of the key's kind. */
static void write_member(const struct config_key *key, const char *value, rf_model_options *options)
{
    char *member = (char *)options + key->member;
    uint32_t n;

    switch (key->kind) {
    case RF_CONFIG_TEXT:
        memcpy(member, &value, sizeof value);
        break;
    case RF_CONFIG_NUMBER:
        n = number(value);
        if (n == 0 && key->flags & CONFIG_NONE)
            n = RF_NO_RETRIES;
        memcpy(member, &n, sizeof n);
        break;
    case RF_CONFIG_BOOL:
        memcpy(member, &(bool){value[0] == 't'}, sizeof(bool));
        break;
    case RF_CONFIG_CHOICE:
        memcpy(member, &(int){choice_index(key->choices, value)}, sizeof(int));
        break;
    }
}

/* A fallback may be the name of an entry, whose source it then is. Its options cannot be given, so it may have none. */
static rf_status resolve_fallback(const struct rf_config *config, rf_model_options *options, rf_error *err)
{
    struct choice fallback;

    if (options->fallback == NULL)
        return RF_OK;
    fallback = choose(config, options->fallback);
    for (size_t i = 0; fallback.entry != NULL && i < config->n; i++) {
        const struct config_setting *set = &config->settings[i];
        if (strncmp(set->scope, "models.", 7) == 0 && strcmp(set->scope + 7, fallback.entry) == 0 &&
            strcmp(set->key->name, "source") != 0)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "%s: '%s' is the fallback, which has no options of its own: give the entry a source alone",
                            set->origin, fallback.entry);
    }
    options->fallback = fallback.source;
    return RF_OK;
}

rf_status rf__config_model_options(struct rf_config *config, const char *model, const char **source,
                                   rf_model_options *options, rf_error *err)
{
    const struct choice choice = choose(config, model);
    rf_model_options own = {.size = sizeof own};
    rf_status status = RF_OK;

    for (const struct config_key *key = rf__config_keys; key->name != NULL && status == RF_OK; key++) {
        const struct config_setting *set;
        const char *const *items = NULL;
        if (key->member == CONFIG_NO_MEMBER)
            continue;
        if (key->flags & CONFIG_MAP) {
            status = make_map(config, &choice, key, &items, err);
            memcpy((char *)&own + key->member, &items, sizeof items);
        } else if ((set = find(config, &choice, key, NULL)) != NULL && set->value[0] != '\0') {
            write_member(key, set->value, &own);
        }
    }
    if (status == RF_OK)
        status = resolve_fallback(config, &own, err);
    if (status != RF_OK)
        return status;
    *source = choice.source;
    *options = own;
    return RF_OK;
}
