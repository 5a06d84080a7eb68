/* config_json: see config_json.h. */
#include "embed/config_json.h"

#include "base/buf.h"
#include "base/mem.h"
#include "os/os.h"

#define CONFIG_MAX_BYTES ((size_t)64 << 20) /* tokenizer_config.json of large vocabularies has a few MB */

rf_status rf__config_read_json(const char *directory, const char *name, const struct logger *logger, struct json *json,
                               rf_error *err)
{
    char *path = rf__path_join(directory, name);
    struct buf text;
    rf_status status;

    *json = (struct json){0};
    if (path == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&text, CONFIG_MAX_BYTES);
    if (rf__os_stat(path).kind == OS_NOTHING) {
        rf__log(logger, RF_LOG_DEBUG, "%s: is not there", path);
        rf__free(path);
        return RF_OK;
    }
    status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(json, text.data != NULL ? text.data : "", text.len, path, err);
    if (status == RF_OK && !yyjson_is_obj(json->root) && !yyjson_is_arr(json->root)) {
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", path, rf__json_type_name(json->root));
        rf__json_release(json);
    }
    if (status == RF_OK)
        rf__log(logger, RF_LOG_DEBUG, "%s: read, %zu bytes", path, text.len);
    rf__buf_release(&text);
    rf__free(path);
    return status;
}
