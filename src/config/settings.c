/* settings: what was set, checked, and which of several holds; see config.h. */
#include "config/config.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"

#include <string.h>

#define MAX_EXPECTED 160

/* ---- Values ---------------------------------------------------------------------------------------------------- */

static bool is_number(const char *value, uint64_t max)
{
    uint64_t number = 0;
    size_t len = strlen(value);

    if (len == 0 || len > 18 || strspn(value, "0123456789") != len)
        return false;
    for (size_t i = 0; i < len; i++)
        number = number * 10 + (uint64_t)(value[i] - '0');
    return number <= max;
}

/* Whether `value` is one of "a|b|c". */
static bool is_choice(const char *value, const char *choices)
{
    const size_t len = strlen(value);

    for (const char *p = choices; len > 0 && *p != '\0'; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == len && memcmp(p, value, len) == 0)
            return true;
    return false;
}

static bool is_allowed(const struct config_key *key, const char *value)
{
    switch (key->kind) {
    case RF_CONFIG_NUMBER:
        return is_number(value, key->max);
    case RF_CONFIG_BOOL:
        return is_choice(value, "true|false");
    case RF_CONFIG_CHOICE:
        return is_choice(value, key->choices);
    case RF_CONFIG_TEXT:
        break;
    }
    return rf__utf8_valid(value, strlen(value));
}

static bool is_relative_source(const char *value)
{
    return strncmp(value, "./", 2) == 0 || strncmp(value, "../", 3) == 0;
}

static bool is_absolute(const char *path)
{
    return path[0] == '/' || path[0] == '\\' || (path[0] != '\0' && path[1] == ':');
}

/* The value as it is kept: a path of a file is relative to the file's folder. NULL when out of memory. */
static char *kept_value(const struct config_key *key, const char *value, const char *folder)
{
    char *home, *path;

    if ((key->flags & (CONFIG_PATH | CONFIG_SOURCE)) && strncmp(value, "~/", 2) == 0 &&
        (home = rf__os_home()) != NULL) {
        path = rf__path_join(home, value + 2);
        rf__free(home);
        return path;
    }
    if (folder != NULL && ((key->flags & CONFIG_PATH && !is_absolute(value) && value[0] != '\0') ||
                           (key->flags & CONFIG_SOURCE && is_relative_source(value))))
        return rf__format("%s%s", folder, value);
    return rf__strdup(value);
}

/* ---- Setting --------------------------------------------------------------------------------------------------- */

static void release(struct config_setting *setting)
{
    rf__free(setting->scope);
    rf__free(setting->name);
    rf__free(setting->value);
    rf__free(setting->origin);
}

static bool is_name(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct config_setting *find(const struct rf_config *config, enum config_layer layer, const char *scope,
                                   const struct config_key *key, const char *name)
{
    for (size_t i = 0; i < config->n; i++) {
        struct config_setting *s = &config->settings[i];
        if (s->layer == layer && s->key == key && strcmp(s->scope, scope) == 0 && is_name(s->name, name))
            return s;
    }
    return NULL;
}

/* Room for one more. */
static rf_status make_room(struct rf_config *config, rf_error *err)
{
    const size_t cap = config->cap > 0 ? config->cap * 2 : 32;
    struct config_setting *settings;

    if (config->n >= CONFIG_MAX_SETTINGS)
        return rf__fail(err, RF_UNSUPPORTED, "the configuration has more than %d values", CONFIG_MAX_SETTINGS);
    if (config->n < config->cap)
        return RF_OK;
    settings = rf__realloc(config->settings, cap * sizeof *settings);
    if (settings == NULL)
        return rf__fail_memory(err);
    config->settings = settings;
    config->cap = cap;
    return RF_OK;
}

static rf_status refuse(const struct config_key *key, const char *value, const char *origin, const char *what,
                        rf_error *err)
{
    char expected[MAX_EXPECTED];

    rf__config_expected(key, expected, sizeof expected);
    return rf__fail(err, RF_INVALID_ARGUMENT, "%s%s%s is '%.80s', expected %s", origin, what != NULL ? ": " : "",
                    what != NULL ? what : "", key->flags & CONFIG_SECRET ? "…" : value, expected);
}

rf_status rf__config_set(struct rf_config *config, enum config_layer layer, const char *scope,
                         const struct config_key *key, const char *name, const char *value, const char *origin,
                         const char *what, rf_error *err)
{
    struct config_setting made, *old;
    char *folder = NULL;
    rf_status status;

    if (!is_allowed(key, value))
        return refuse(key, value, origin, what, err);
    status = make_room(config, err);
    if (status != RF_OK)
        return status;
    if (layer == CONFIG_FILE && config->file != NULL &&
        (folder = rf__strndup(config->file, rf__os_folder_len(config->file))) == NULL)
        return rf__fail_memory(err);
    made = (struct config_setting){.layer = layer,
                                   .scope = rf__strdup(scope),
                                   .key = key,
                                   .name = name != NULL ? rf__strdup(name) : NULL,
                                   .value = kept_value(key, value, folder),
                                   .origin = rf__strdup(origin)};
    rf__free(folder);
    if (made.scope == NULL || (name != NULL && made.name == NULL) || made.value == NULL || made.origin == NULL) {
        release(&made);
        return rf__fail_memory(err);
    }
    old = find(config, layer, scope, key, name);
    if (old != NULL)
        release(old);
    else
        old = &config->settings[config->n++];
    *old = made;
    return RF_OK;
}

void rf__config_free(struct rf_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->n; i++)
        release(&config->settings[i]);
    for (size_t i = 0; i < config->n_blocks; i++)
        rf__free(config->blocks[i]);
    rf__free(config->blocks);
    rf__free(config->settings);
    rf__free(config->file);
    rf__free(config);
}

/* ---- Finding --------------------------------------------------------------------------------------------------- */

/* "KIND.NAME" is the scope; NAME is `len` bytes long. */
static bool is_scope(const char *scope, const char *kind, const char *name, size_t len)
{
    const size_t n = strlen(kind);

    return strncmp(scope, kind, n) == 0 && strncmp(scope + n, name, len) == 0 && scope[n + len] == '\0';
}

bool rf__config_has_model(const struct rf_config *config, const char *name)
{
    for (size_t i = 0; i < config->n; i++)
        if (is_scope(config->settings[i].scope, "models.", name, strlen(name)))
            return true;
    return false;
}

static bool is_remote(const char *source)
{
    const size_t len = source != NULL ? strcspn(source, ":") : 0;

    return len > 0 && source[len] == ':' && rf__config_is_provider(source, len);
}

/* How near a setting is to the model: 0 for one of something else. */
static int rank(const struct config_setting *setting, const char *model, const char *source)
{
    const bool is_for_all =
        setting->layer == CONFIG_VARIABLE || (setting->layer == CONFIG_FILE && setting->scope[0] == '\0');

    if (is_for_all && setting->key->flags & CONFIG_LOCAL && is_remote(source))
        return 0;
    if (setting->layer != CONFIG_FILE)
        return 3 + (int)setting->layer;
    if (setting->scope[0] == '\0')
        return 1;
    if (model != NULL && is_scope(setting->scope, "models.", model, strlen(model)))
        return 3;
    if (is_remote(source) && is_scope(setting->scope, "providers.", source, strcspn(source, ":")))
        return 2;
    return 0;
}

const struct config_setting *rf__config_find(const struct rf_config *config, const char *model, const char *source,
                                             const struct config_key *key, const char *name)
{
    const struct config_setting *best = NULL;
    int best_rank = 0;

    for (size_t i = 0; i < config->n; i++) {
        const struct config_setting *s = &config->settings[i];
        int r = s->key == key && is_name(s->name, name) ? rank(s, model, source) : 0;
        if (r > best_rank) {
            best = s;
            best_rank = r;
        }
    }
    return best;
}
