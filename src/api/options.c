/* options: see options.h. */
#include "api/options.h"

#include <string.h>

#define MAX_OPTIONS_SIZE 4096

rf_status rf__options_copy(const void *given, void *own, size_t own_size, const char *name, rf_error *err)
{
    const unsigned char *bytes = given;
    size_t size;

    memset(own, 0, own_size);
    memcpy(own, &own_size, sizeof own_size);
    if (given == NULL)
        return RF_OK;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > MAX_OPTIONS_SIZE)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: size is %zu; call %s_init() first", name, size, name);
    for (size_t i = own_size; i < size; i++)
        if (bytes[i] != 0)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "%s: an option of a newer version than %s is set; update the library", name, RF_VERSION);
    memcpy(own, given, size < own_size ? size : own_size);
    memcpy(own, &own_size, sizeof own_size);
    return RF_OK;
}

void rf__options_init(void *options, size_t size)
{
    memset(options, 0, size);
    memcpy(options, &size, sizeof size);
}

void rf__options_give(const void *own, size_t own_size, void *out)
{
    size_t size;

    memcpy(&size, out, sizeof size);
    memcpy(out, own, size < own_size ? size : own_size);
    memcpy(out, &size, sizeof size);
}

rf_status rf__texts_check(const char *call, const rf_text *texts, size_t n, rf_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (texts[i].data == NULL && texts[i].len > 0)
            return rf__fail(err, RF_INVALID_ARGUMENT, "%s: text %zu is NULL but %zu bytes long", call, i, texts[i].len);
    return RF_OK;
}
