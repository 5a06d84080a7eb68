/* api_config: the entry points of rag_factory.h for the configuration. */
#include "api/options.h"
#include "config/config.h"

rf_status rf_config_open(const char *file, rf_config **out, rf_error *err)
{
    if (out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_config_open: out is NULL");
    return rf__config_open(file, out, err);
}

void rf_config_free(rf_config *config)
{
    rf__config_free(config);
}

const char *rf_config_file(const rf_config *config)
{
    return config->file != NULL ? config->file : "";
}

rf_status rf_config_set(rf_config *config, const char *key, const char *value, const char *origin, rf_error *err)
{
    if (config == NULL || key == NULL || value == NULL || origin == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_config_set: %s is NULL",
                        config == NULL  ? "config"
                        : key == NULL   ? "key"
                        : value == NULL ? "value"
                                        : "origin");
    return rf__config_set_option(config, key, value, origin, err);
}

void rf_config_list(const rf_config *config, const char *model, rf_config_value_fn fn, void *user)
{
    rf__config_list(config, model, fn, user);
}

rf_status rf_config_model_options(rf_config *config, const char *model, const char **source, rf_model_options *options,
                                  rf_error *err)
{
    rf_model_options own;
    rf_status status;

    if (config == NULL || source == NULL || options == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_config_model_options: %s is NULL",
                        config == NULL   ? "config"
                        : source == NULL ? "source"
                                         : "options");
    status = rf__options_copy(options, &own, sizeof own, "rf_model_options", err);
    if (status != RF_OK)
        return status;
    status = rf__config_model_options(config, model, source, &own, err);
    if (status == RF_OK)
        rf__options_give(&own, sizeof own, options);
    return status;
}
