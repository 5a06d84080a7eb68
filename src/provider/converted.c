/* converted: see converted.h. The key holds path, size and time of the weights rather than their hash, which would take
 * longer than opening the model; in the hub's cache the path is named after the hash anyway. */
#include "provider/converted.h"

#include "base/buf.h"
#include "base/mem.h"
#include "os/os.h"
#include "provider/layer_inputs.h"

#include <openssl/evp.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)

static rf_status describe_file(const char *path, struct buf *out, rf_error *err)
{
    struct os_stat stat = rf__os_stat(path);
    char *real_path = rf__os_real_path(path);
    rf_status status = rf__buf_printf(out, err, "%s %llu %lld\n", real_path != NULL ? real_path : path,
                                      (unsigned long long)stat.size, (long long)stat.mtime_ns);

    rf__free(real_path);
    return status;
}

static rf_status hex_sha256(const struct buf *text, char out[65], rf_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (EVP_Digest(text->data, text->len, digest, &len, EVP_sha256(), NULL) != 1 || len != 32)
        return rf__fail_memory(err);
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[64] = '\0';
    return RF_OK;
}

/* All that the ONNX file depends on: weights, config.json, and what builds it. */
static rf_status make_key(const char *weights_file, const char *config_file, char out[65], rf_error *err)
{
    struct buf text;
    rf_status status;

    rf__buf_init(&text, CONFIG_MAX_BYTES + (64 << 10));
    status = rf__buf_printf(&text, err, "rag_factory onnx %d\n", RF_ONNX_BUILDER_VERSION);
    if (status == RF_OK)
        status = describe_file(weights_file, &text, err);
    if (status == RF_OK)
        status = rf__os_read_file(config_file, &text, err);
    if (status == RF_OK)
        status = hex_sha256(&text, out, err);
    rf__buf_release(&text);
    return status;
}

/* What is asked for, and where it goes. */
struct conversion {
    const char *weights_file, *config_file, *onnx_file;
    const char *measured; /* of int8: the int16 file */
    const struct model_config *config;
    enum onnx_precision precision;
    const struct logger *logger;
    rf_progress_fn progress;
    void *progress_user;
};

static rf_status build(const struct conversion *c, rf_error *err)
{
    struct weights *weights = NULL;
    struct statistics *statistics = NULL;
    const struct fit_inputs *inputs = NULL;
    size_t n_inputs = 0;
    rf_status status = rf__weights_open(c->weights_file, &weights, err);

    if (status == RF_OK && c->measured != NULL)
        status = rf__layer_inputs(c->measured, c->config, c->logger, &statistics, &inputs, &n_inputs, err);
    if (status == RF_OK) {
        const struct onnx_build request = {.config_path = c->config_file,
                                           .weights = weights,
                                           .out_path = c->onnx_file,
                                           .source = c->weights_file,
                                           .precision = c->precision,
                                           .inputs = inputs,
                                           .n_inputs = n_inputs,
                                           .logger = c->logger,
                                           .progress = c->progress,
                                           .progress_user = c->progress_user};
        rf__log(c->logger, RF_LOG_INFO, "making %s out of %s, once", c->onnx_file, c->weights_file);
        status = rf__onnx_build(&request, err);
    }
    rf__statistics_free(statistics);
    rf__weights_free(weights);
    return status;
}

/* Removes what a process that was killed while it wrote has left. The lock is held: nobody else writes here. */
static rf_status remove_leftovers(const char *folder, rf_error *err)
{
    char **names = NULL;
    size_t n = 0;
    rf_status status = rf__os_list_directory(folder, &names, &n, err);

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        char *path = rf__ends_with(names[i], ".tmp") ? rf__path_join(folder, names[i]) : NULL;
        if (path != NULL)
            (void)rf__os_remove(path, NULL);
        else if (rf__ends_with(names[i], ".tmp"))
            status = rf__fail_memory(err);
        rf__free(path);
    }
    rf__free(names);
    return status;
}

/* Builds under a lock, unless another process did so while we waited for it. */
static rf_status build_once(const char *folder, const struct conversion *c, rf_error *err)
{
    char *lock_file = rf__path_join(folder, ".lock");
    struct os_lock *lock = NULL;
    rf_status status = lock_file == NULL ? rf__fail_memory(err) : rf__os_make_directories(folder, err);

    if (status == RF_OK)
        status = rf__os_lock(lock_file, NULL, NULL, &lock, err);
    if (status == RF_IO)
        rf__fail_prefix(err, status, "the ONNX file made of %s cannot be kept (choose another --cache-dir)",
                        c->weights_file);
    if (status == RF_OK && !rf__os_is_file(c->onnx_file)) {
        status = remove_leftovers(folder, err);
        if (status == RF_OK)
            status = build(c, err);
    }
    rf__os_unlock(lock);
    rf__free(lock_file);
    return status;
}

static char *file_of(const char *folder, enum onnx_precision precision)
{
    return precision == ONNX_OPERATORS ? rf__path_join(folder, "model.onnx")
                                       : rf__format("%s/model-%s.onnx", folder, rf__precision_name(precision));
}

rf_status rf__converted_onnx(const struct model_source *source, const struct model_config *config,
                             enum onnx_precision precision, const struct logger *logger, rf_progress_fn progress,
                             void *progress_user, char **out, rf_error *err)
{
    struct conversion c = {.weights_file = source->weights_file,
                           .config = config,
                           .precision = precision,
                           .logger = logger,
                           .progress = progress,
                           .progress_user = progress_user};
    char *config_file = rf__path_join(source->directory, "config.json"), *folder = NULL, *onnx = NULL, *measured = NULL;
    char key[65];
    rf_status status;

    if (config_file == NULL)
        return rf__fail_memory(err);
    if (!rf__os_is_file(config_file)) {
        status = rf__fail(err, RF_NOT_FOUND, "%s: is missing; %s cannot be turned into an ONNX file without it",
                          config_file, c.weights_file);
        goto out;
    }
    status = make_key(c.weights_file, config_file, key, err);
    if (status != RF_OK)
        goto out;
    folder = rf__format("%s/onnx/%s", source->cache_dir, key);
    onnx = folder == NULL ? NULL : file_of(folder, precision);
    if (onnx == NULL) {
        status = rf__fail_memory(err);
    } else if (rf__os_is_file(onnx)) {
        rf__log(logger, RF_LOG_DEBUG, "%s: made of these weights before", onnx);
    } else {
        if (precision == ONNX_KERNELS_INT8)
            status =
                rf__converted_onnx(source, config, ONNX_KERNELS_INT16, logger, progress, progress_user, &measured, err);
        c.config_file = config_file;
        c.onnx_file = onnx;
        c.measured = measured;
        if (status == RF_OK)
            status = build_once(folder, &c, err);
    }
out:
    rf__free(folder);
    rf__free(config_file);
    rf__free(measured);
    if (status == RF_OK)
        *out = onnx;
    else
        rf__free(onnx);
    return status;
}
