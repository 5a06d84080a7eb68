/* config_json: one JSON file of a model directory. */
#ifndef RF_EMBED_CONFIG_JSON_H
#define RF_EMBED_CONFIG_JSON_H

#include "base/json.h"
#include "base/log.h"

/* Reads DIRECTORY/NAME; a file that does not exist leaves json->root NULL. `logger` is told either. */
rf_status rf__config_read_json(const char *directory, const char *name, const struct logger *logger, struct json *json,
                               rf_error *err);

#endif
