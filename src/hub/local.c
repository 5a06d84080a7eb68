/* local: see local.h. */
#include "hub/local.h"

#include "base/mem.h"
#include "hub/external_files.h"
#include "hub/hub_env.h"
#include "hub/snapshot.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define MODULES_MAX_BYTES ((size_t)1 << 20)
#define LFS_POINTER       "version https://git-lfs" /* how one begins (git-lfs docs/spec.md) */
#define LFS_MAX_POINTER   1024                      /* bytes */

/* ---- git-lfs pointers ----------------------------------------------------------------------------------------- */

/* The folder of a path, in new memory: "." for a bare name. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return rf__strdup(".");
    return slash == path ? rf__strdup("/") : rf__strndup(path, (size_t)(slash - path));
}

rf_status rf__hub_check_lfs_pointer(const char *path, rf_error *err)
{
    struct os_stat stat = rf__os_stat(path);
    char head[sizeof LFS_POINTER] = "", *folder;
    FILE *file;
    bool is_pointer;

    if (stat.kind != OS_FILE || stat.size > LFS_MAX_POINTER || stat.size < strlen(LFS_POINTER))
        return RF_OK;
    file = rf__os_fopen(path, "rb");
    if (file == NULL)
        return RF_OK;
    is_pointer = fread(head, 1, strlen(LFS_POINTER), file) == strlen(LFS_POINTER) && strcmp(head, LFS_POINTER) == 0;
    fclose(file);
    if (!is_pointer)
        return RF_OK;
    folder = folder_of(path);
    rf__fail(err, RF_BAD_FORMAT, "%s: is a git-lfs pointer, not the file: run 'git lfs pull' in %s", path,
             folder != NULL ? folder : "its folder");
    rf__free(folder);
    return RF_BAD_FORMAT;
}

/* `name` is a file of the directory, or NULL. */
static rf_status check_pointer_in(const char *directory, const char *name, rf_error *err)
{
    char *path = rf__path_join(directory, name);
    rf_status status;

    if (path == NULL)
        return rf__fail_memory(err);
    status = rf__hub_check_lfs_pointer(path, err);
    rf__free(path);
    return status;
}

rf_status rf__local_check_pointers(const struct model_source *source, rf_error *err)
{
    static const char *const others[] = {"merges.txt", "config.json", "modules.json"};
    struct external_data files;
    rf_status status = RF_OK;
    bool is_known;

    for (const char *const *name = rf__snapshot_tokenizers; *name != NULL && status == RF_OK; name++)
        status = check_pointer_in(source->directory, *name, err);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && status == RF_OK; i++)
        status = check_pointer_in(source->directory, others[i], err);
    if (status == RF_OK && source->weights_file != NULL)
        status = rf__hub_check_lfs_pointer(source->weights_file, err);
    if (status != RF_OK || source->onnx_file == NULL)
        return status;
    status = rf__hub_check_lfs_pointer(source->onnx_file, err);
    if (status != RF_OK)
        return status;
    status = rf__external_files(source->onnx_file, source->onnx_file, &files, &is_known, err);
    for (size_t i = 0; i < files.n && status == RF_OK; i++)
        status = rf__hub_check_lfs_pointer(files.locations[i], err);
    rf__external_data_release(&files);
    return status;
}

/* ---- What a path means ---------------------------------------------------------------------------------------- */

/* Whether the directory has one of the files; `names` is ended by NULL. */
static rf_status has_one_of(const char *directory, const char *const *names, bool *out, rf_error *err)
{
    *out = false;
    for (; *names != NULL && !*out; names++) {
        char *path = rf__path_join(directory, *names);
        if (path == NULL)
            return rf__fail_memory(err);
        *out = rf__os_is_file(path);
        rf__free(path);
    }
    return RF_OK;
}

static rf_status has_tokenizer(const char *directory, bool *out, rf_error *err)
{
    char **names;
    size_t n;
    rf_status status = has_one_of(directory, rf__snapshot_tokenizers, out, err);

    if (status != RF_OK || *out)
        return status;
    status = rf__os_list_directory(directory, &names, &n, NULL);
    if (status != RF_OK) /* a folder that may not be listed: it has the files of known names that it has */
        return status == RF_NO_MEMORY ? rf__fail_memory(err) : RF_OK;
    for (size_t i = 0; i < n && !*out; i++)
        *out = rf__snapshot_is_ranks(names[i]);
    rf__free(names);
    return RF_OK;
}

static rf_status is_model_directory(const char *directory, bool *out, rf_error *err)
{
    static const char *const names[] = {"modules.json", "config.json", NULL};
    rf_status status = has_one_of(directory, names, out, err);

    return status == RF_OK && !*out ? has_tokenizer(directory, out, err) : status;
}

/* The model directory of an ONNX file: its own folder, unless the one above is rather it: the file lies in onnx/, or
 * has no tokenizer beside it. */
static rf_status directory_of_onnx(const char *path, char **out, rf_error *err)
{
    char *folder = folder_of(path), *above = NULL;
    bool is_onnx_folder, is_beside, above_is_model = false;
    rf_status status;

    if (folder != NULL)
        above = strcmp(folder, ".") == 0 ? rf__strdup("..") : folder_of(folder);
    if (above == NULL) {
        rf__free(folder);
        return rf__fail_memory(err);
    }
    is_onnx_folder = strcmp(folder, "onnx") == 0 || rf__ends_with(folder, "/onnx");
    status = has_tokenizer(folder, &is_beside, err);
    if (status == RF_OK && (is_onnx_folder || !is_beside))
        status = is_model_directory(above, &above_is_model, err);
    if (status == RF_OK)
        *out = above_is_model ? above : folder;
    if (status != RF_OK || above_is_model)
        rf__free(folder);
    if (status != RF_OK || !above_is_model)
        rf__free(above);
    return status;
}

/* The commit when the directory is a snapshot in a hub cache (…/snapshots/COMMIT), else "". */
static char *revision_of(const char *directory)
{
    char *real = rf__os_real_path(directory), *last, *revision = NULL;

    if (real == NULL)
        return rf__strdup("");
    last = strrchr(real, '/');
    if (last != NULL && rf__source_is_hex(last + 1, SOURCE_COMMIT_LEN)) {
        *last = '\0';
        if (rf__ends_with(real, "/snapshots"))
            revision = rf__strdup(last + 1);
    }
    rf__free(real);
    return revision != NULL ? revision : rf__strdup("");
}

/* Derived files of a directory that is in no cache: in the cache for new models; without a home, in the directory. */
static rf_status derived_folder(const char *directory, const char *cache_dir, char **out, rf_error *err)
{
    char *cache = NULL;
    rf_status status = rf__hub_cache_dir(cache_dir, &cache, NULL);

    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    *out = rf__path_join(status == RF_OK ? cache : directory, ".rag_factory");
    rf__free(cache);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

/* An ONNX file that was named with its whole path, or deeper in the directory than it is searched. */
static rf_status find_named_onnx(const char *directory, const char *named, char **out, rf_error *err)
{
    char *inside = rf__path_join(directory, named);

    *out = NULL;
    if (inside == NULL)
        return rf__fail_memory(err);
    if (named[0] != '/' && rf__os_is_file(inside)) {
        *out = inside;
        return RF_OK;
    }
    rf__free(inside);
    if (named[0] == '/' && rf__os_is_file(named))
        *out = rf__strdup(named);
    return named[0] == '/' && rf__os_is_file(named) && *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status find_model_file(const struct hub_options *options, struct model_source *out, rf_error *err)
{
    struct snapshot_wish wish = {options->onnx_file, options->onnx_only, options->weights_first};
    struct snapshot_plan plan = {0};
    struct repo repo = {0};
    struct buf modules;
    char *path = NULL;
    rf_status status = RF_OK;

    rf__buf_init(&modules, MODULES_MAX_BYTES);
    if (options->onnx_file != NULL)
        status = find_named_onnx(out->directory, options->onnx_file, &out->onnx_file, err);
    if (status != RF_OK || out->onnx_file != NULL)
        return status;
    status = rf__repo_read_folder(out->directory, &repo, err);
    if (status == RF_OK && repo.n == 0)
        status =
            rf__fail(err, RF_NOT_FOUND,
                     "%s: is empty; expected a model directory: an ONNX file (onnx/model.onnx) or model.safetensors "
                     "with config.json, and a tokenizer",
                     out->directory);
    if (status == RF_OK && rf__repo_find(&repo, "modules.json") != NULL) {
        path = rf__path_join(out->directory, "modules.json");
        status = path == NULL ? rf__fail_memory(err) : rf__os_read_file(path, &modules, err);
        rf__free(path);
    }
    if (status == RF_OK)
        status = rf__snapshot_plan(&repo, &wish, modules.data, modules.len, NULL, out->directory, &plan, err);
    if (status == RF_OK) {
        path = rf__path_join(out->directory, plan.model->path);
        if (path == NULL)
            status = rf__fail_memory(err);
        else if (plan.is_onnx)
            out->onnx_file = path;
        else
            out->weights_file = path;
    }
    rf__snapshot_plan_release(&plan);
    rf__repo_release(&repo);
    rf__buf_release(&modules);
    return status;
}

static rf_status copy(const char *s, char **out, rf_error *err)
{
    *out = rf__strdup(s);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

rf_status rf__local_resolve(const struct source *source, const struct hub_options *options, struct model_source *out,
                            rf_error *err)
{
    rf_status status = RF_OK;

    *out = (struct model_source){0};
    if (options->revision != NULL)
        status = rf__fail(err, RF_INVALID_ARGUMENT, "%s: is on this machine, where there is no revision '%s' to choose",
                          source->path, options->revision);
    else if (source->kind != SOURCE_DIRECTORY && options->onnx_file != NULL)
        status = rf__fail(err, RF_INVALID_ARGUMENT,
                          "%s: is a file already, so that --onnx-file cannot choose another; name its directory",
                          source->path);
    else if (source->kind == SOURCE_DIRECTORY)
        status = copy(source->path, &out->directory, err);
    else if (source->kind == SOURCE_ONNX_FILE)
        status = directory_of_onnx(source->path, &out->directory, err);
    else if ((out->directory = folder_of(source->path)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK) {
        if (source->kind == SOURCE_DIRECTORY)
            status = find_model_file(options, out, err);
        else
            status = copy(source->path, source->kind == SOURCE_ONNX_FILE ? &out->onnx_file : &out->weights_file, err);
    }
    if (status == RF_OK) {
        out->revision = revision_of(out->directory);
        status = out->revision == NULL ? rf__fail_memory(err)
                                       : derived_folder(out->directory, options->cache_dir, &out->cache_dir, err);
    }
    if (status == RF_OK)
        status = rf__local_check_pointers(out, err);
    if (status != RF_OK)
        rf__model_source_release(out);
    return status;
}

void rf__model_source_release(struct model_source *source)
{
    rf__free(source->directory);
    rf__free(source->onnx_file);
    rf__free(source->weights_file);
    rf__free(source->revision);
    rf__free(source->cache_dir);
    *source = (struct model_source){0};
}
