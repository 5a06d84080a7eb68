/* model_files: see model_files.h. Files are told by the ends of their names: a repository has many that are no part of
 * the model. */
#include "convert/model_files.h"

#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"

#include <string.h>

#define MAX_MODULES_JSON ((size_t)1 << 20)
#define MAX_FILE_BYTES   ((uint64_t)1 << 32)
#define MAX_MODULES      32

static bool ends_with_one_of(const char *name, const char *const *ends)
{
    for (; *ends != NULL; ends++)
        if (rf__ends_with(name, *ends))
            return true;
    return false;
}

/* Of the model directory itself: configuration, tokenizers of all kinds, the model card. */
static bool is_wanted(const char *name)
{
    static const char *const ends[] = {".json", ".txt", ".model", ".md", ".tiktoken", NULL};
    static const char *const others[] = {".index.json", "conversion.json", NULL};

    if (name[0] == '.' || ends_with_one_of(name, others))
        return false;
    return ends_with_one_of(name, ends) || strncmp(name, "LICENSE", 7) == 0 || strncmp(name, "NOTICE", 6) == 0;
}

static bool is_weights(const char *name)
{
    static const char *const ends[] = {".safetensors", ".bin",     ".pt",   ".pth", ".ckpt",       ".h5",
                                       ".ot",          ".msgpack", ".onnx", ".ort", ".index.json", NULL};

    return ends_with_one_of(name, ends);
}

static rf_status copy_file(const char *from, const char *to, rf_error *err)
{
    if (rf__os_stat(from).size > MAX_FILE_BYTES)
        return rf__fail(err, RF_UNSUPPORTED, "%s: is larger than 4 GB, which no file of a model's configuration is",
                        from);
    return rf__os_copy_file(from, to, err);
}

/* The files of one folder, not those in folders of it. */
static rf_status copy_folder(const char *from, const char *to, bool (*wanted)(const char *name), rf_error *err)
{
    char **names = NULL;
    size_t n = 0;
    rf_status status = rf__os_list_directory(from, &names, &n, err);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *source = rf__path_join(from, names[i]), *target = rf__path_join(to, names[i]);
        if (source == NULL || target == NULL)
            status = rf__fail_memory(err);
        else if (wanted(names[i]) && rf__os_is_file(source))
            status = copy_file(source, target, err);
        rf__free(source);
        rf__free(target);
    }
    rf__free(names);
    return status;
}

static bool is_any_file(const char *name)
{
    return name[0] != '.';
}

static bool is_no_weights(const char *name)
{
    return name[0] != '.' && !is_weights(name);
}

/* A folder of the model directory, not one elsewhere. */
static bool is_inside(const char *path)
{
    return path[0] != '/' && strchr(path, '\\') == NULL && strchr(path, ':') == NULL && strstr(path, "..") == NULL;
}

static rf_status copy_module(const char *from, const char *to, const char *path, const char *weights_folder,
                             rf_error *err)
{
    char *source = rf__path_join(from, path), *target = rf__path_join(to, path);
    rf_status status = source == NULL || target == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && rf__os_is_directory(source)) {
        bool has_weights = strcmp(source, weights_folder) == 0;
        status = rf__os_make_directories(target, err);
        if (status == RF_OK)
            status = copy_folder(source, target, has_weights ? is_no_weights : is_any_file, err);
    }
    rf__free(source);
    rf__free(target);
    return status;
}

static rf_status copy_modules(const struct json *modules, const char *from, const char *to, const char *weights_folder,
                              rf_error *err)
{
    yyjson_val *module;
    size_t i, n;
    rf_status status = RF_OK;

    yyjson_arr_foreach(modules->root, i, n, module)
    {
        const char *path = "";
        status = rf__json_get_str(modules, module, "path", "", &path, err);
        if (status == RF_OK && (i >= MAX_MODULES || !is_inside(path)))
            status = rf__fail(err, RF_BAD_FORMAT, "%s: module %zu has the path '%.64s', expected a folder beside it",
                              modules->name, i, path);
        if (status == RF_OK && path[0] != '\0')
            status = copy_module(from, to, path, weights_folder, err);
        if (status != RF_OK)
            break;
    }
    return status;
}

rf_status rf__model_files_copy(const char *from, const char *to, const char *weights_folder, rf_error *err)
{
    char *path = rf__path_join(from, "modules.json");
    struct json modules = {0};
    struct buf text;
    rf_status status = path == NULL ? rf__fail_memory(err) : copy_folder(from, to, is_wanted, err);

    rf__buf_init(&text, MAX_MODULES_JSON);
    if (status == RF_OK && rf__os_is_file(path)) {
        status = rf__os_read_file(path, &text, err);
        if (status == RF_OK)
            status = rf__json_parse(&modules, text.data != NULL ? text.data : "", text.len, path, err);
        if (status == RF_OK)
            status = copy_modules(&modules, from, to, weights_folder, err);
    }
    rf__json_release(&modules);
    rf__buf_release(&text);
    rf__free(path);
    return status;
}
