/* weight_places: see weight_places.h. */
#include "engine/weight_places.h"

#include "base/mem.h"
#include "os/os.h"

#include <string.h>

/* `location` beside `onnx_file`, without links; NULL in *out where nothing is there. */
static rf_status look_beside(const char *onnx_file, const char *location, char **out, rf_error *err)
{
    char *path = rf__format("%.*s%s", (int)rf__os_folder_len(onnx_file), onnx_file, location);

    *out = NULL;
    if (path == NULL)
        return rf__fail_memory(err);
    if (rf__os_is_file(path) && (*out = rf__os_real_path(path)) == NULL) {
        rf__free(path);
        return rf__fail_memory(err);
    }
    rf__free(path);
    return RF_OK;
}

/* Beside the name that was asked for, where a cache has a link for each; else beside what that is a link to. */
static rf_status find_file(const char *path, const char *real_path, const char *location, char **out, rf_error *err)
{
    rf_status status;

    if (!rf__external_is_inside(location))
        return rf__fail(err, RF_BAD_FORMAT, "%s: keeps tensors in '%.200s', which is not in its folder: not read", path,
                        location);
    status = look_beside(path, location, out, err);
    if (status == RF_OK && *out == NULL)
        status = look_beside(real_path, location, out, err);
    if (status == RF_OK && *out == NULL)
        status = rf__fail(err, RF_NOT_FOUND,
                          "%s: keeps its tensors in '%.200s', which is not beside it: the two belong together; copy or "
                          "download that file as well",
                          path, location);
    return status;
}

/* Shortens `*len`, the length of a folder, so that `file` lies in it too. */
static void share_folder(const char *folder, const char *file, size_t *len)
{
    size_t same = 0;

    while (same < *len && file[same] == folder[same])
        same++;
    while (same > 0 && folder[same - 1] != '/')
        same--;
    *len = same;
}

rf_status rf__weight_places_find(const uint8_t *model, size_t len, const char *path, const char *real_path,
                                 struct weight_places *out, rf_error *err)
{
    size_t folder_len = rf__os_folder_len(real_path);
    rf_error fault = {RF_OK, ""};
    rf_status status;

    *out = (struct weight_places){0};
    status = rf__external_data_read(model, len, &out->data, &fault);
    if (status == RF_UNSUPPORTED)
        return rf__fail(err, status, "%s: %s", path, fault.message);
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    status = RF_OK; /* what is no ONNX model keeps nothing elsewhere */
    out->places = rf__calloc(out->data.n + 1, sizeof *out->places);
    if (out->places == NULL)
        status = rf__fail_memory(err);
    for (size_t i = 0; i < out->data.n && status == RF_OK; i++) {
        status = find_file(path, real_path, out->data.locations[i], &out->places[i], err);
        if (status == RF_OK)
            share_folder(real_path, out->places[i], &folder_len);
    }
    if (status == RF_OK) {
        out->folder = rf__strndup(real_path, folder_len);
        out->own = rf__strdup(real_path + folder_len);
        if (out->folder == NULL || out->own == NULL)
            status = rf__fail_memory(err);
    }
    for (size_t i = 0; i < out->data.n && status == RF_OK; i++)
        memmove(out->places[i], out->places[i] + folder_len, strlen(out->places[i] + folder_len) + 1);
    if (status != RF_OK)
        rf__weight_places_release(out);
    return status;
}

void rf__weight_places_release(struct weight_places *places)
{
    for (size_t i = 0; places->places != NULL && i < places->data.n; i++)
        rf__free(places->places[i]);
    rf__free(places->places);
    rf__free(places->folder);
    rf__free(places->own);
    rf__external_data_release(&places->data);
    *places = (struct weight_places){0};
}
