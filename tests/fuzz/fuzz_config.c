/*
 * Property: any bytes either are a configuration or fail with RF_BAD_FORMAT or RF_UNSUPPORTED and a message of one line
 * that names the file; of what is read, every value that is listed is allowed for its key, and the options of every
 * model can be had or are refused with RF_INVALID_ARGUMENT.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "config/config.h"

#include <string.h>

static bool check_value(void *user, const rf_config_value *value)
{
    (void)user;
    check(value->key[0] != '\0' && value->origin[0] != '\0' && value->help[0] != '\0');
    check(value->kind != RF_CONFIG_NUMBER || strspn(value->value, "0123456789") == strlen(value->value));
    check(value->kind != RF_CONFIG_BOOL || strcmp(value->value, "true") == 0 || strcmp(value->value, "false") == 0);
    return true;
}

static void check_options(struct rf_config *config, const char *model)
{
    rf_model_options options;
    const char *source;
    rf_error err = {0};
    rf_status status = rf__config_model_options(config, model, &source, &options, &err);

    check(status == RF_OK || status == RF_INVALID_ARGUMENT);
    check(status != RF_OK || source != NULL);
    rf__config_list(config, model, check_value, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rf_config *config = rf__calloc(1, sizeof *config);
    rf_error err = {0};
    rf_status status = rf__config_read(config, (const char *)data, size, "input", &err);

    if (status != RF_OK) {
        check((status == RF_BAD_FORMAT || status == RF_UNSUPPORTED) && err.status == status);
        check(status != RF_BAD_FORMAT || strncmp(err.message, "input:", 6) == 0);
        check(strchr(err.message, '\n') == NULL);
    } else {
        check_options(config, NULL);
        for (size_t i = 0; i < config->n && i < 8; i++)
            if (strncmp(config->settings[i].scope, "models.", 7) == 0)
                check_options(config, config->settings[i].scope + 7);
    }
    rf__config_free(config);
    return 0;
}
