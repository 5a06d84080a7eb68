/* identity: what decides the vectors of a local model, see struct provider: the bytes of its files, whatever they are
 * called and however old they are; its settings; and what computes. Our kernels give the same bits on every processor,
 * ONNX Runtime does not: what the processor can is part of it. */
#include "provider/provider.h"

#include "base/external_data.h"
#include "base/mem.h"
#include "hash/hash.h"
#include "os/os.h"

#include <string.h>

/* `notes`: where hashes of large files are noted. */
static rf_status add_file(const char *path, const char *name, const char *notes, struct buf *out, rf_error *err)
{
    uint8_t hash[SHA256_BYTES];
    rf_status status = rf__sha256_noted(path, notes, hash, err);

    if (status == RF_OK)
        status = rf__buf_printf(out, err, "%s ", name);
    if (status == RF_OK)
        status = rf__buf_append(out, hash, sizeof hash, err);
    return status;
}

static bool ends_with_any(const char *name, const char *const *ends)
{
    for (; *ends != NULL; ends++)
        if (rf__ends_with(name, *ends))
            return true;
    return false;
}

/* The files of a folder that configure, that tokenize, and with `with_weights` those of modules, or of all. */
static rf_status add_folder(const char *folder, bool with_weights, bool with_folders, const char *notes,
                            struct buf *out, rf_error *err)
{
    static const char *const small[] = {".json", ".txt", ".model", ".tiktoken", ".spm", NULL}, *const large[] = {
                                                                                                   ".safetensors",
                                                                                                   ".bin", ".npz",
                                                                                                   NULL};
    char **names = NULL;
    size_t n = 0;
    rf_status status = rf__os_list_directory(folder, &names, &n, err);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *path = rf__path_join(folder, names[i]);
        if (path == NULL)
            status = rf__fail_memory(err);
        else if (rf__os_is_directory(path) && with_folders && names[i][0] != '.')
            status = add_folder(path, true, false, notes, out, err);
        else if (rf__os_is_file(path) &&
                 (ends_with_any(names[i], small) || (with_weights && ends_with_any(names[i], large))))
            status = add_file(path, names[i], notes, out, err);
        rf__free(path);
    }
    rf__free(names);
    return status;
}

/* The files that an ONNX file keeps its tensors in. */
static rf_status add_external(const char *onnx_file, const char *notes, struct buf *out, rf_error *err)
{
    struct external_data external = {0};
    struct os_map map = {0};
    char *folder = rf__strndup(onnx_file, rf__os_folder_len(onnx_file));
    rf_status status = folder == NULL ? rf__fail_memory(err) : rf__os_map_file(onnx_file, &map, err);

    if (status == RF_OK && rf__external_data_read(map.data, map.size, &external, NULL) == RF_OK)
        for (size_t i = 0; i < external.n && status == RF_OK; i++) {
            char *path = rf__format("%s%s", folder, external.locations[i]);
            status = path == NULL ? rf__fail_memory(err) : add_file(path, external.locations[i], notes, out, err);
            rf__free(path);
        }
    rf__external_data_release(&external);
    rf__os_unmap(&map);
    rf__free(folder);
    return status;
}

static rf_status add_settings(const rf_model_info *info, const rf_model_options *options, struct buf *out,
                              rf_error *err)
{
    char features[256];
    rf_status status;

    rf__os_cpu_features(features, sizeof features);
    status = rf__buf_printf(out, err,
                            "rag_factory %s\nONNX Runtime %s\nkernels %s\nprocessor %s, %s\nprecision %s\nmodules %s\n"
                            "pooling %d\nl2 %d\ndim %u of %u\nmax_tokens %u\ntruncate %d\nlong_text %d\n",
                            RF_VERSION, rf__engine_runtime_version(), info->kernels, rf__os_name(), features,
                            info->precision, info->modules, (int)info->pooling, (int)info->l2, info->dim,
                            info->full_dim, info->max_tokens, (int)options->truncate, (int)info->long_text);
    for (const char *const *o = options->session_options; o != NULL && *o != NULL && status == RF_OK; o++)
        status = rf__buf_printf(out, err, "session %s\n", *o);
    return status;
}

rf_status rf__local_identity(const rf_model_info *info, const rf_model_options *options, struct buf *out, rf_error *err)
{
    bool has_onnx = info->onnx_file[0] != '\0';
    char *cache = NULL, *notes = NULL;
    rf_status status = add_settings(info, options, out, err);

    if (status == RF_OK && rf__hub_cache_dir(options->cache_dir, &cache, NULL) == RF_OK)
        notes = rf__path_join(cache, ".rag_factory/hashes");
    if (status == RF_OK)
        status = add_folder(info->directory, !has_onnx, true, notes, out, err);
    if (status == RF_OK && has_onnx)
        status = add_file(info->onnx_file, "", notes, out, err);
    if (status == RF_OK && has_onnx)
        status = add_external(info->onnx_file, notes, out, err);
    rf__free(cache);
    rf__free(notes);
    return status;
}
