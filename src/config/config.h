/*
 * config: what a user has settled once: a file, RAG_FACTORY_* variables, and options, the later ones over the earlier.
 * The table of keys (config_keys.c) is the only place that knows them: how each is read, checked, shown, and which
 * member of the options of a model it sets.
 *
 *     file (config_file.c) ─┐
 *     variables ────────────┼─ rf__config_set ─ settings ─ rf__config_find ─ value, and where it came from
 *     options ──────────────┘
 */
#ifndef RF_CONFIG_CONFIG_H
#define RF_CONFIG_CONFIG_H

#include "base/error.h"

/* ---- Keys ------------------------------------------------------------------------------------------------------ */

/* Where a key may stand in the file. */
enum config_scope {
    CONFIG_TOP = 1,     /* at the top: for every model, unless its own entry says otherwise */
    CONFIG_MODEL = 2,   /* in models.NAME */
    CONFIG_PROVIDER = 4 /* in providers.NAME */
};

enum config_flag {
    CONFIG_PATH = 1,   /* relative to the file's folder; ~/ is the home folder */
    CONFIG_SOURCE = 2, /* a model source, or an entry of models; a path where it begins with ./, ../ or ~/ */
    CONFIG_MAP = 4,    /* names with a text each, handed on as an array of "name=text" */
    CONFIG_SECRET = 8, /* never shown */
    CONFIG_LOCAL = 16, /* of models that run here alone. What the top of the file or a variable says of it for all
                         models is left out for one that a server computes, which may refuse it */
    CONFIG_NONE = 32   /* a number whose 0 is "none at all" and no default: handed on as RF_NO_RETRIES */
};

struct config_key {
    const char *name;
    unsigned scopes;
    rf_config_kind kind;
    unsigned flags;
    const char *choices; /* "a|b", in the order of the enumeration that the option has */
    uint64_t max;        /* of a number */
    const char *value;   /* the default, as it is shown */
    const char *help;
    size_t member; /* its place in rf_model_options; CONFIG_NO_MEMBER for none */
};

#define CONFIG_NO_MEMBER ((size_t)-1)

/* Whether that is a provider of models that a server computes: what stands in front of the ':' of their sources. */
bool rf__config_is_provider(const char *name, size_t len);

/* Ended by one without a name. */
extern const struct config_key rf__config_keys[];

/* NULL where there is none of that name, `len` bytes long. */
const struct config_key *rf__config_key(const char *name, size_t len);

/* What a value of the key may be, in words: "a whole number up to 1024". */
void rf__config_expected(const struct config_key *key, char *out, size_t size);

/* ---- Settings -------------------------------------------------------------------------------------------------- */

/* Later ones win. */
enum config_layer { CONFIG_FILE, CONFIG_VARIABLE, CONFIG_OPTION };

#define CONFIG_MAX_SETTINGS 10000

struct config_setting {
    enum config_layer layer;
    char *scope; /* "", "models.NAME" or "providers.NAME" */
    const struct config_key *key;
    char *name; /* of a map's member; NULL elsewhere */
    char *value;
    char *origin; /* "FILE:LINE", "RAG_FACTORY_THREADS", "--threads" */
};

struct rf_config {
    char *file; /* NULL: none was read */
    struct config_setting *settings;
    size_t n, cap;
    void **blocks; /* what strings handed out point to */
    size_t n_blocks;
};

/* Adds a setting, checked against its key; a later one of the same layer replaces an earlier one. `name` as in struct
 * config_setting. RF_INVALID_ARGUMENT: "ORIGIN is 'VALUE', expected …", or where `what` is not NULL "ORIGIN: WHAT is
 * …". */
rf_status rf__config_set(struct rf_config *config, enum config_layer layer, const char *scope,
                         const struct config_key *key, const char *name, const char *value, const char *origin,
                         const char *what, rf_error *err);

/* The setting that holds for a model of that source (`model`: the name of its entry, or NULL): that of the latest
 * layer, within the file of the model's entry before its provider's before the top. NULL: the default. */
const struct config_setting *rf__config_find(const struct rf_config *config, const char *model, const char *source,
                                             const struct config_key *key, const char *name);

/* Whether models has an entry of that name. */
bool rf__config_has_model(const struct rf_config *config, const char *name);

/* ---- The file ---------------------------------------------------------------------------------------------------- */

#define CONFIG_FILE_MAX ((size_t)256 << 10)

/* Reads YAML, of which mappings and texts are used. RF_BAD_FORMAT: "FILE:LINE: …". */
rf_status rf__config_read(struct rf_config *config, const char *text, size_t len, const char *file, rf_error *err);

/* ---- As rag_factory.h has it ------------------------------------------------------------------------------------- */

rf_status rf__config_open(const char *file, struct rf_config **out, rf_error *err);
void rf__config_free(struct rf_config *config);
rf_status rf__config_set_option(struct rf_config *config, const char *key, const char *value, const char *origin,
                                rf_error *err);
void rf__config_list(const struct rf_config *config, const char *model, rf_config_value_fn fn, void *user);
rf_status rf__config_model_options(struct rf_config *config, const char *model, const char **source,
                                   rf_model_options *options, rf_error *err);

#endif
