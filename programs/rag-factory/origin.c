/* origin: see origin.h. */
#include "origin.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"

#define MAX_BYTES ((size_t)1 << 20)

static char *file_beside(const char *model)
{
    char *folder, *path;

    if (rf__os_is_directory(model))
        return rf__path_join(model, "conversion.json");
    folder = rf__strndup(model, rf__os_folder_len(model));
    path = folder == NULL ? NULL : rf__format("%sconversion.json", folder);
    rf__free(folder);
    return path;
}

static rf_status read_file(const char *path, struct origin *out, rf_error *err)
{
    struct json json = {0};
    struct buf text;
    const char *source = NULL, *revision = NULL;
    rf_status status;

    rf__buf_init(&text, MAX_BYTES);
    status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data != NULL ? text.data : "", text.len, path, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "source", NULL, &source, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "revision", "", &revision, err);
    if (status == RF_OK && source != NULL) {
        out->source = rf__strdup(source);
        out->revision = rf__strdup(revision);
        if (out->source == NULL || out->revision == NULL)
            status = rf__fail_memory(err);
    }
    rf__json_release(&json);
    rf__buf_release(&text);
    return status;
}

rf_status rf__origin_read(const char *model, struct origin *out, rf_error *err)
{
    char *path = rf__os_stat(model).kind == OS_NOTHING ? NULL : file_beside(model);
    rf_status status = RF_OK;

    *out = (struct origin){0};
    if (path != NULL && rf__os_is_file(path))
        status = read_file(path, out, err);
    if (status != RF_OK)
        rf__origin_release(out);
    rf__free(path);
    return status;
}

void rf__origin_release(struct origin *origin)
{
    rf__free(origin->source);
    rf__free(origin->revision);
    *origin = (struct origin){0};
}
