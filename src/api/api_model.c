/* api_model: the entry points of rag_factory.h for models, embedding and the cache. Arguments are checked, then one
 * call down. */
#include "api/options.h"
#include "base/mem.h"
#include "os/os.h"
#include "provider/provider.h"
#include "vector_cache/vector_cache.h"

#include <string.h>

const char *rf_version(void)
{
    return RF_VERSION;
}

const char *rf_onnxruntime_version(void)
{
    return rf__engine_runtime_version();
}

void rf_free(void *memory)
{
    rf__free(memory);
}

/* ---- Models -------------------------------------------------------------------------------------------- */

void rf_model_options_init(rf_model_options *options, size_t size)
{
    rf__options_init(options, size);
}

static rf_status check_options(const rf_model_options *given, rf_model_options *own, rf_error *err)
{
    rf_status status = rf__options_copy(given, own, sizeof *own, "rf_model_options", err);

    if (status != RF_OK)
        return status;
    if ((unsigned)own->pooling >= RF_POOLING_SEVERAL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: pooling is %d", (int)own->pooling);
    if ((unsigned)own->l2 > RF_L2_OFF)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: l2 is %d", (int)own->l2);
    if ((unsigned)own->truncate > RF_TRUNCATE_ERROR)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: truncate is %d", (int)own->truncate);
    if ((unsigned)own->long_text > RF_LONG_TEXT_MEAN)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: long_text is %d", (int)own->long_text);
    if ((unsigned)own->precision > RF_PRECISION_FILE && own->precision != RF_PRECISION_REFERENCE)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: precision is %d", (int)own->precision);
    if (own->vector_cache != NULL && own->vector_cache[0] == '\0')
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: vector_cache is empty: name a file");
    return RF_OK;
}

rf_status rf_model_open(const char *source, const rf_model_options *options, rf_model **out, rf_error *err)
{
    rf_model_options own;
    rf_status status;

    if (source == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_open: %s is NULL", source == NULL ? "source" : "out");
    status = check_options(options, &own, err);
    if (status == RF_OK)
        status = rf__provider_open(source, &own, out, err);
    if (status == RF_OK)
        (*out)->memory_open = rf__os_memory_now();
    return status;
}

void rf_model_free(rf_model *model)
{
    rf__provider_free(model);
}

size_t rf_model_dim(const rf_model *model)
{
    return model->info.dim;
}

void rf_model_get_info(const rf_model *model, rf_model_info *info)
{
    rf__options_give(&model->info, sizeof model->info, info);
}

const rf_tokenizer *rf_model_tokenizer(const rf_model *model)
{
    return model->pipeline != NULL ? rf__pipeline_tokenizer(model->pipeline) : NULL;
}

rf_status rf_model_pull(const char *source, const rf_model_options *options, char **directory, rf_error *err)
{
    struct hub_options hub_options;
    struct model_source found = {0};
    rf_model_options own;
    rf_status status;

    if (source == NULL || directory == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_pull: %s is NULL", source == NULL ? "source" : "directory");
    status = check_options(options, &own, err);
    if (status == RF_OK)
        status = rf__provider_need_files(source, err);
    if (status != RF_OK)
        return status;
    hub_options = rf__hub_options(&own);
    hub_options.update = true;
    status = rf__hub_resolve(source, &hub_options, &found, err);
    if (status == RF_OK) {
        *directory = found.directory;
        found.directory = NULL;
    }
    rf__model_source_release(&found);
    return status;
}

rf_status rf_model_variants(const rf_model *model, rf_variant_fn fn, void *user, rf_error *err)
{
    rf_status status;

    if (fn == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_variants: fn is NULL");
    status = rf__provider_need_local(model, "choosing an ONNX file", err);
    return status == RF_OK ? rf__local_variants(model->info.directory, fn, user, err) : status;
}

void rf_model_get_stats(const rf_model *model, rf_model_stats *stats)
{
    const uint64_t now = rf__os_memory_now();
    rf_model_stats own = {.open_ns = model->open_ns,
                          .memory_now = now,
                          .memory_peak = rf__os_memory_peak(),
                          .memory_calls = now > model->memory_open ? now - model->memory_open : 0,
                          .memory_files = rf__os_memory_files(),
                          .memory_limit = rf__os_memory_total()};

    model->provider->stats(model, &own);
    own.repeated = model->n_repeated;
    own.texts += own.repeated;
    rf__options_give(&own, sizeof own, stats);
}

rf_status rf_model_warm_up(const rf_model *model, rf_error *err)
{
    return model->provider->warm_up != NULL ? model->provider->warm_up(model, err) : RF_OK;
}

rf_status rf_model_trim(rf_model *model, rf_error *err)
{
    rf_status status = model->provider->trim != NULL ? model->provider->trim(model, err) : RF_OK;

    rf__os_trim_memory();
    return status;
}

const char *rf_model_prompt(const rf_model *model, const char *name)
{
    return model->provider->prompt != NULL ? model->provider->prompt(model, name) : NULL;
}

/* ---- Embedding ----------------------------------------------------------------------------------------- */

void rf_embed_options_init(rf_embed_options *options, size_t size)
{
    rf__options_init(options, size);
}

static rf_status embed(const rf_model *model, const rf_text *texts, size_t n, const rf_embed_options *options,
                       float *out, rf_error *err)
{
    rf_call_stats *asked = options->stats, own = {.size = sizeof own, .texts = n};
    rf_embed_options measured = *options;
    const uint64_t begin = rf__os_now_ns();
    rf_status status = RF_OK;

    measured.stats = &own;
    if (n > 0)
        status = rf__provider_embed(model, texts, n, &measured, out, err);
    if (status != RF_OK || asked == NULL)
        return status;
    own.total_ns = rf__os_now_ns() - begin;
    rf__options_give(&own, sizeof own, asked);
    return RF_OK;
}

static rf_status check_embed_options(const rf_embed_options *given, rf_embed_options *own, rf_error *err)
{
    rf_status status = rf__options_copy(given, own, sizeof *own, "rf_embed_options", err);

    if (status == RF_OK && (unsigned)own->role > RF_ROLE_DOCUMENT)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_embed_options: role is %d", (int)own->role);
    return status;
}

rf_status rf_model_fingerprint(const rf_model *model, const rf_model_options *options, const rf_embed_options *how,
                               char out[RF_FINGERPRINT], rf_error *err)
{
    rf_model_options own;
    rf_embed_options call;
    rf_status status;

    if (model == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_fingerprint: %s is NULL", model == NULL ? "model" : "out");
    status = check_options(options, &own, err);
    if (status == RF_OK)
        status = check_embed_options(how, &call, err);
    return status == RF_OK ? rf__provider_fingerprint(model, &own, &call, out, err) : status;
}

rf_status rf_embed(const rf_model *model, const rf_text *texts, size_t n, const rf_embed_options *options, float *out,
                   size_t out_len, rf_error *err)
{
    rf_embed_options own;
    size_t need;
    rf_status status = check_embed_options(options, &own, err);

    if (status != RF_OK)
        return status;
    if (model == NULL || (n > 0 && (texts == NULL || out == NULL)))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_embed: %s is NULL",
                        model == NULL   ? "model"
                        : texts == NULL ? "texts"
                                        : "out");
    if (!rf__mul(n, model->info.dim, &need) || out_len < need)
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "rf_embed: out_len is %zu, %zu vectors of %u floats need n * rf_model_dim()", out_len, n,
                        model->info.dim);
    status = rf__texts_check("rf_embed", texts, n, err);
    if (status == RF_OK)
        status = embed(model, texts, n, &own, out, err);
    for (size_t i = 0; own.done != NULL && status == RF_OK && i < n; i++)
        own.done[i] = true;
    return status;
}

rf_status rf_embed_documents(const rf_model *model, const rf_text *texts, size_t n, float *out, size_t out_len,
                             rf_error *err)
{
    const rf_embed_options options = {.size = sizeof options, .role = RF_ROLE_DOCUMENT};

    return rf_embed(model, texts, n, &options, out, out_len, err);
}

rf_status rf_embed_query(const rf_model *model, rf_text text, float *out, size_t out_len, rf_error *err)
{
    const rf_embed_options options = {.size = sizeof options, .role = RF_ROLE_QUERY};

    return rf_embed(model, &text, 1, &options, out, out_len, err);
}

/* ---- Cache and hub ------------------------------------------------------------------------------------- */

rf_status rf_cache_list(const char *cache_dir, rf_cached_model_fn fn, void *user, rf_error *err)
{
    if (fn == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_cache_list: fn is NULL");
    return rf__hub_list(cache_dir, fn, user, err);
}

rf_status rf_cache_verify(const char *cache_dir, const char *name, bool repair, rf_verified_fn fn, void *user,
                          rf_error *err)
{
    if (fn == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_cache_verify: fn is NULL");
    return rf__hub_verify(cache_dir, name, repair, fn, user, err);
}

rf_status rf_cache_repair(const char *name, const rf_model_options *options, uint64_t *n, rf_error *err)
{
    struct hub_options hub_options;
    rf_model_options own;
    rf_status status = check_options(options, &own, err);

    if (status != RF_OK)
        return status;
    hub_options = rf__hub_options(&own);
    return rf__hub_repair(name, &hub_options, n, err);
}

rf_status rf_cache_remove(const char *cache_dir, const char *name, uint64_t *bytes, rf_error *err)
{
    if (name == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_cache_remove: name is NULL");
    return rf__hub_remove(cache_dir, name, NULL, bytes, err);
}

rf_status rf_cache_default_dir(const char *cache_dir, char **out, rf_error *err)
{
    if (out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_cache_default_dir: out is NULL");
    return rf__hub_cache_dir(cache_dir, out, err);
}

rf_status rf_hub_check(bool offline, char **endpoint, rf_error *err)
{
    return rf__hub_check(offline, endpoint, err);
}

/* ---- Vectors of texts that were embedded before --------------------------------------------------------- */

rf_status rf_vector_cache_stats(const char *path, rf_vector_cache_info *info, rf_error *err)
{
    rf_vector_cache_info own = {0};
    rf_status status;

    if (path == NULL || info == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_vector_cache_stats: %s is NULL", path == NULL ? "path" : "info");
    status = rf__store_info(path, &own, err);
    if (status == RF_OK)
        rf__options_give(&own, sizeof own, info);
    return status;
}

rf_status rf_vector_cache_clear(const char *path, rf_error *err)
{
    if (path == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_vector_cache_clear: path is NULL");
    return rf__store_clear(path, err);
}

rf_status rf_vector_cache_compact(const char *path, rf_error *err)
{
    if (path == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_vector_cache_compact: path is NULL");
    return rf__store_compact(path, err);
}
