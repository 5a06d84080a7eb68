/* module_config: the modules of a model directory; see embed.h for what is read. */
#ifndef RF_EMBED_MODULE_CONFIG_H
#define RF_EMBED_MODULE_CONFIG_H

#include "embed/embed.h"

/* Reads modules.json and the config.json of each module behind the first: encoder, folder, pooling and modules of
 * *config. Without a modules.json, folder is the directory. */
rf_status rf__modules_read(const char *directory, struct model_config *config, rf_error *err);

#endif
