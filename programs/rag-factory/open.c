/* open: see open.h. */
#include "open.h"

#include "base/mem.h"
#include "os/os.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static void begin(const struct opt_common *common, rf_model_options *options, struct progress *progress)
{
    *options = common->run;
    rf__progress_start(progress, "Downloading", PROGRESS_BYTES);
    options->progress = rf__progress_step;
    options->progress_user = progress;
}

rf_status rf__open_cached_model(const struct opt_common *common, rf_model **out, rf_error *err)
{
    rf_model_options options;
    struct progress progress;
    rf_model *model = NULL;
    rf_status status;

    begin(common, &options, &progress);
    status = rf_model_open(common->model, &options, &model, err);
    rf__progress_end(&progress);
    if (status == RF_OK && rf__say_interrupted())
        status = rf__say_cancelled(err);
    if (status != RF_OK) {
        rf_model_free(model);
        return status;
    }
    *out = model;
    return RF_OK;
}

rf_status rf__open_model(const struct opt_common *common, rf_model **out, rf_error *err)
{
    struct opt_common own = *common;

    own.run.vector_cache = NULL;
    own.run.vector_memory_mb = 0;
    return rf__open_cached_model(&own, out, err);
}

void rf__close_cached_model(rf_model *model)
{
    rf_model_stats stats = {.size = sizeof stats};
    char line[200];

    if (model == NULL)
        return;
    rf_model_get_stats(model, &stats);
    if (stats.cache_hits + stats.cache_misses > 0) {
        snprintf(line, sizeof line, "cache of vectors: %llu found, %llu computed, %llu damaged",
                 (unsigned long long)stats.cache_hits, (unsigned long long)stats.cache_misses,
                 (unsigned long long)stats.cache_damaged);
        rf__say_log(NULL, RF_LOG_INFO, line);
    }
    rf_model_free(model);
}

rf_status rf__open_pull(const struct opt_common *common, char **directory, rf_error *err)
{
    rf_model_options options;
    struct progress progress;
    rf_status status;

    begin(common, &options, &progress);
    status = rf_model_pull(common->model, &options, directory, err);
    rf__progress_end(&progress);
    return status;
}

rf_status rf__open_repair(const struct opt_common *common, const char *name, uint64_t *n, rf_error *err)
{
    rf_model_options options;
    struct progress progress;
    rf_status status;

    begin(common, &options, &progress);
    status = rf_cache_repair(name, &options, n, err);
    rf__progress_end(&progress);
    return status;
}

static rf_status open_tokenizer(const char *path, rf_tokenizer **out, rf_error *err)
{
    return rf_tokenizer_open_logged(path, rf__say_log, NULL, out, err);
}

static bool is_model_file(const char *path)
{
    static const char *const ends[] = {".onnx",          ".ort", ".safetensors", ".bin", ".safetensors.index.json",
                                       ".bin.index.json"};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (rf__ends_with(path, ends[i]))
            return rf__os_is_file(path);
    return false;
}

/* The tokenizer of a model's file lies beside it or one folder above. */
static rf_status open_beside(const char *file, rf_tokenizer **out, rf_error *err)
{
    size_t len = rf__os_folder_len(file);
    char *folder = len == 0 ? rf__strdup(".") : rf__strndup(file, len);
    char *above = folder == NULL ? NULL : rf__path_join(folder, "..");
    rf_status status = above == NULL ? rf__fail_memory(err) : open_tokenizer(folder, out, err);

    if (status == RF_NOT_FOUND && above != NULL)
        status = open_tokenizer(above, out, err);
    rf__free(above);
    rf__free(folder);
    return status;
}

rf_status rf__open_tokenizer(const struct opt_common *common, rf_tokenizer **out, rf_error *err)
{
    char *directory = NULL;
    rf_status status;

    if (is_model_file(common->model))
        return open_beside(common->model, out, err);
    if (rf__os_stat(common->model).kind != OS_NOTHING)
        return open_tokenizer(common->model, out, err);
    status = rf__open_pull(common, &directory, err);
    if (status == RF_OK)
        status = open_tokenizer(directory, out, err);
    rf_free(directory);
    return status;
}
