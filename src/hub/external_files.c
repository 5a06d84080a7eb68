/* external_files: see external_files.h. */
#include "hub/external_files.h"

#include "base/mem.h"
#include "hub/hub.h"
#include "os/os.h"

#include <string.h>

rf_status rf__external_files(const char *onnx_file, const char *named, struct external_data *out, bool *is_known,
                             rf_error *err)
{
    struct os_map file = {0};

    *out = (struct external_data){0};
    *is_known = rf__os_is_file(onnx_file) && rf__os_map_file(onnx_file, &file, NULL) == RF_OK;
    if (*is_known)
        *is_known = rf__external_data_read(file.data, file.size, out, NULL) == RF_OK;
    rf__os_unmap(&file);
    for (size_t i = 0; i < out->n; i++) {
        char *path = rf__format("%.*s%s", (int)rf__os_folder_len(named), named, out->locations[i]);
        if (path == NULL) {
            rf__external_data_release(out);
            return rf__fail_memory(err);
        }
        rf__free(out->locations[i]);
        out->locations[i] = path;
    }
    return RF_OK;
}

uint64_t rf__hub_onnx_size(const char *onnx_file)
{
    struct external_data files;
    uint64_t bytes = rf__os_stat(onnx_file).size;
    bool is_known;

    if (rf__external_files(onnx_file, onnx_file, &files, &is_known, NULL) != RF_OK)
        return bytes;
    for (size_t i = 0; i < files.n; i++)
        bytes += rf__os_stat(files.locations[i]).size;
    rf__external_data_release(&files);
    return bytes;
}
