/*
 * config_file: the file, in the part of YAML that a configuration needs: mappings and texts. libyaml gives events with
 * their lines; the depth is that of the functions here, whatever the file has. Anchors, aliases, tags and lists are
 * refused, so that a value is what stands in its line.
 *
 *     KEY: VALUE
 *     models:                       providers:
 *       NAME: {KEY: VALUE, …}         NAME: {KEY: VALUE, …}
 *
 * A key that is a map (session, prompts) has {NAME: TEXT, …} for its value.
 */
#include "config/config.h"

#include "base/mem.h"
#include "base/nearest.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define MAX_NAME   64
#define MAX_SCOPE  (MAX_NAME + 16)
#define MAX_ORIGIN 1024

struct reader {
    yaml_parser_t parser;
    struct rf_config *config;
    const char *file;
    yaml_event_t event; /* the current one */
    rf_error *err;
};

/* What a mapping is. */
struct place {
    const char *scope; /* of its keys */
    unsigned kind;     /* enum config_scope */
};

/* ---- Events ---------------------------------------------------------------------------------------------------- */

static size_t line(const struct reader *reader)
{
    return reader->event.start_mark.line + 1;
}

static rf_status fail(struct reader *reader, size_t at, const char *format, ...) RF_PRINTF(3, 4);
static rf_status fail(struct reader *reader, size_t at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)rf__fail_v(reader->err, RF_BAD_FORMAT, format, args);
    va_end(args);
    return rf__fail_prefix(reader->err, RF_BAD_FORMAT, "%.200s:%zu", reader->file, at);
}

static rf_status next(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;

    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return RF_OK;
    memset(&reader->event, 0, sizeof reader->event);
    if (parser->error == YAML_MEMORY_ERROR)
        return rf__fail_memory(reader->err);
    if (parser->error == YAML_READER_ERROR)
        return fail(reader, parser->mark.line + 1, "%s at byte %zu", parser->problem != NULL ? parser->problem : "",
                    parser->problem_offset);
    return fail(reader, parser->problem_mark.line + 1, "%s; a value with ':' or '#' in it needs quotes",
                parser->problem != NULL ? parser->problem : "is no YAML");
}

static bool has_extras(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    default:
        return false;
    }
}

/* The next event, without what a configuration has no use for. */
static rf_status next_plain(struct reader *reader)
{
    rf_status status = next(reader);

    if (status == RF_OK && has_extras(&reader->event))
        status = fail(reader, line(reader), "anchors, aliases and tags are no part of a configuration");
    return status;
}

static const char *text(const struct reader *reader)
{
    return (const char *)reader->event.data.scalar.value;
}

/* Nothing, ~ or null, without quotes: as if it were not there. */
static bool is_null(const struct reader *reader)
{
    const yaml_event_t *e = &reader->event;

    return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (e->data.scalar.length == 0 || strcmp(text(reader), "~") == 0 || strcmp(text(reader), "null") == 0);
}

static rf_status check_scalar(struct reader *reader, const char *what)
{
    const yaml_event_t *e = &reader->event;

    if (e->type != YAML_SCALAR_EVENT)
        return fail(reader, line(reader), "%.80s is %s, expected a text", what,
                    e->type == YAML_SEQUENCE_START_EVENT ? "a list" : "a group of keys");
    if (strlen(text(reader)) != e->data.scalar.length)
        return fail(reader, line(reader), "%.80s has a NUL in it", what);
    return RF_OK;
}

/* ---- Mappings -------------------------------------------------------------------------------------------------- */

/* Called with the value's event being the current one; leaves the last event of the value as the current one. `key` is
 * the caller's and `at` its line. */
typedef rf_status (*member_fn)(struct reader *reader, const struct place *place, const char *key, size_t at);

/* Reads the mapping whose start is the current event: each key into memory of its own, then its value by `fn`. */
static rf_status read_mapping(struct reader *reader, const struct place *place, const char *what, member_fn fn)
{
    rf_status status = RF_OK;

    if (reader->event.type != YAML_MAPPING_START_EVENT)
        return fail(reader, line(reader), "%.80s is %s, expected keys with a value each", what,
                    reader->event.type == YAML_SEQUENCE_START_EVENT ? "a list" : "a text");
    while (status == RF_OK && (status = next_plain(reader)) == RF_OK && reader->event.type != YAML_MAPPING_END_EVENT) {
        const size_t at = line(reader);
        char *key = NULL;

        status = check_scalar(reader, "a key");
        if (status == RF_OK && (key = rf__strdup(text(reader))) == NULL)
            status = rf__fail_memory(reader->err);
        if (status == RF_OK)
            status = next_plain(reader);
        if (status == RF_OK)
            status = fn(reader, place, key, at);
        rf__free(key);
    }
    return status;
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

static rf_status set(struct reader *reader, const struct place *place, const struct config_key *key, const char *name,
                     size_t at)
{
    const struct config_setting *s;
    char origin[MAX_ORIGIN], what[2 * MAX_NAME + 2];
    rf_status status;

    snprintf(origin, sizeof origin, "%.1000s:%zu", reader->file, at);
    snprintf(what, sizeof what, "%.64s%s%.64s", key->name, name != NULL ? "." : "", name != NULL ? name : "");
    for (size_t i = 0; i < reader->config->n; i++) {
        s = &reader->config->settings[i];
        if (s->key == key && strcmp(s->scope, place->scope) == 0 &&
            (name == NULL || (s->name != NULL && strcmp(s->name, name) == 0)))
            return fail(reader, at, "'%s' is given twice, first at %.200s", what, s->origin);
    }
    status = check_scalar(reader, what);
    if (status != RF_OK || is_null(reader))
        return status;
    status =
        rf__config_set(reader->config, CONFIG_FILE, place->scope, key, name, text(reader), origin, what, reader->err);
    if (status == RF_INVALID_ARGUMENT)
        status = reader->err->status = RF_BAD_FORMAT;
    return status;
}

/* A member of a map: `place` has the key's name behind its scope. */
struct map_place {
    struct place place; /* first, so that a pointer to it is one to this */
    const struct config_key *key;
};

static rf_status read_map_member(struct reader *reader, const struct place *place, const char *name, size_t at)
{
    const struct config_key *key = ((const struct map_place *)place)->key;

    if (name[0] == '\0' || strlen(name) > MAX_NAME || strchr(name, '=') != NULL)
        return fail(reader, at, "%s: '%.80s' is no name: 1 to %d bytes without '='", key->name, name, MAX_NAME);
    return set(reader, place, key, name, at);
}

static rf_status unknown_key(struct reader *reader, const struct place *place, const char *name, size_t at)
{
    const char *names[64], *nearest;
    size_t n = 0;

    for (const struct config_key *key = rf__config_keys; key->name != NULL && n < 62; key++)
        if (key->scopes & place->kind)
            names[n++] = key->name;
    if (place->kind == CONFIG_TOP) {
        names[n++] = "models";
        names[n++] = "providers";
    }
    if (rf__config_key(name, strlen(name)) != NULL)
        return fail(reader, at, "'%s' has no meaning %s", name,
                    place->kind == CONFIG_TOP     ? "here; it belongs to an entry of models or providers"
                    : place->kind == CONFIG_MODEL ? "for one model"
                                                  : "for a provider");
    nearest = rf__nearest(name, names, n);
    if (nearest != NULL)
        return fail(reader, at, "unknown key '%.80s'; did you mean '%s'?", name, nearest);
    return fail(reader, at, "unknown key '%.80s'; rag-factory config keys lists those that there are", name);
}

static rf_status read_value(struct reader *reader, const struct place *place, const char *name, size_t at)
{
    const struct config_key *key = rf__config_key(name, strlen(name));
    struct map_place map = {*place, key};

    if (key == NULL || !(key->scopes & place->kind))
        return unknown_key(reader, place, name, at);
    if (!(key->flags & CONFIG_MAP))
        return set(reader, place, key, NULL, at);
    return is_null(reader) ? RF_OK : read_mapping(reader, &map.place, name, read_map_member);
}

/* ---- Entries of models and providers --------------------------------------------------------------------------- */

static rf_status read_entry(struct reader *reader, const struct place *group, const char *name, size_t at)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    char scope[MAX_SCOPE];
    const struct place place = {scope, group->kind};
    const size_t before = reader->config->n, len = strlen(name);
    rf_status status;

    if (len == 0 || len > MAX_NAME || strspn(name, allowed) != len)
        return fail(reader, at, "'%.80s' is no name for an entry: 1 to %d letters, digits, '.', '_' and '-'", name,
                    MAX_NAME);
    if (group->kind == CONFIG_PROVIDER && !rf__config_is_provider(name, len))
        return fail(reader, at, "unknown provider '%.80s'; there are openai and cohere", name);
    snprintf(scope, sizeof scope, "%s.%.64s", group->scope, name);
    for (size_t i = 0; i < before; i++)
        if (strcmp(reader->config->settings[i].scope, scope) == 0)
            return fail(reader, at, "'%s' is given twice, first before %.200s", scope,
                        reader->config->settings[i].origin);
    if (!is_null(reader) && (status = read_mapping(reader, &place, scope, read_value)) != RF_OK)
        return status;
    if (place.kind != CONFIG_MODEL)
        return RF_OK;
    for (size_t i = before; i < reader->config->n; i++)
        if (strcmp(reader->config->settings[i].key->name, "source") == 0)
            return RF_OK;
    return fail(reader, at, "'%s' has no source: say which model it is, source: org/name or a path", scope);
}

static rf_status read_top(struct reader *reader, const struct place *place, const char *name, size_t at)
{
    static const struct place models = {"models", CONFIG_MODEL}, providers = {"providers", CONFIG_PROVIDER};
    const struct place *group = strcmp(name, "models") == 0      ? &models
                                : strcmp(name, "providers") == 0 ? &providers
                                                                 : NULL;

    if (group == NULL)
        return read_value(reader, place, name, at);
    return is_null(reader) ? RF_OK : read_mapping(reader, group, name, read_entry);
}

/* ---- Document -------------------------------------------------------------------------------------------------- */

static rf_status read_document(struct reader *reader)
{
    static const struct place top = {"", CONFIG_TOP};
    rf_status status = next_plain(reader); /* the start of the stream */

    if (status == RF_OK)
        status = next_plain(reader);
    if (status != RF_OK || reader->event.type == YAML_STREAM_END_EVENT)
        return status;
    status = next_plain(reader);
    if (status == RF_OK && !is_null(reader))
        status = read_mapping(reader, &top, "the file", read_top);
    if (status == RF_OK)
        status = next_plain(reader); /* the document's end */
    if (status == RF_OK)
        status = next_plain(reader);
    if (status == RF_OK && reader->event.type != YAML_STREAM_END_EVENT)
        status = fail(reader, line(reader), "a second document begins; a configuration is one");
    return status;
}

rf_status rf__config_read(struct rf_config *config, const char *bytes, size_t len, const char *file, rf_error *err)
{
    rf_error own;
    struct reader reader = {.config = config, .file = file, .err = err != NULL ? err : &own};
    rf_status status;

    if (!yaml_parser_initialize(&reader.parser))
        return rf__fail_memory(err);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, len);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    status = read_document(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return status;
}
