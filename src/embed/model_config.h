/* model_config: what model_config.c and module_config.c share; see embed.h for what they read. */
#ifndef RF_EMBED_MODEL_CONFIG_H
#define RF_EMBED_MODEL_CONFIG_H

#include "base/json.h"
#include "embed/embed.h"

/* Reads DIRECTORY/NAME; a file that does not exist leaves json->root NULL. `logger` is told either. */
rf_status rf__config_read_json(const char *directory, const char *name, const struct logger *logger, struct json *json,
                               rf_error *err);

/* Reads modules.json and the config.json of each module behind the first: encoder, folder, pooling and modules of
 * *config. Without a modules.json, folder is the directory. */
rf_status rf__modules_read(const char *directory, struct model_config *config, rf_error *err);

#endif
