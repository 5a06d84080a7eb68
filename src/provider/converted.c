/*
 * converted: see converted.h. The key holds path, size and time of the weights rather than their hash, which would take
 * longer than opening the model; in the hub's cache the path is named after the hash anyway.
 *
 * An ONNX file is made into one for the kernels in two steps: in fp32 first, which must compute what the file computes,
 * and then in the precision that is wanted.
 */
#include "provider/converted.h"

#include "base/buf.h"
#include "base/mem.h"
#include "hash/hash.h"
#include "os/os.h"
#include "provider/layer_inputs.h"
#include "provider/rebuilt.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)
#define KEY_LEN          (2 * SHA256_BYTES)

static rf_status describe_file(const char *path, struct buf *out, rf_error *err)
{
    struct os_stat stat = rf__os_stat(path);
    char *real_path = rf__os_real_path(path);
    rf_status status = rf__buf_printf(out, err, "%s %llu %lld\n", real_path != NULL ? real_path : path,
                                      (unsigned long long)stat.size, (long long)stat.mtime_ns);

    rf__free(real_path);
    return status;
}

/* All that the ONNX file depends on: weights, config.json (NULL: an ONNX file, with what lies beside it), and what
 * builds it. */
static rf_status make_key(const char *made_of, const char *config_file, char out[KEY_LEN + 1], rf_error *err)
{
    uint8_t hash[SHA256_BYTES];
    struct buf text;
    rf_status status;

    rf__buf_init(&text, CONFIG_MAX_BYTES + (64 << 10));
    status = rf__buf_printf(&text, err, "rag_factory onnx %d\n", RF_ONNX_BUILDER_VERSION);
    if (status == RF_OK)
        status = describe_file(made_of, &text, err);
    if (status == RF_OK && config_file != NULL)
        status = rf__os_read_file(config_file, &text, err);
    if (status == RF_OK && config_file == NULL)
        status = rf__buf_printf(&text, err, "%llu\n", (unsigned long long)rf__hub_onnx_size(made_of));
    if (status == RF_OK && !rf__sha256(text.data, text.len, hash))
        status = rf__fail_memory(err);
    if (status == RF_OK)
        rf__hash_hex(hash, sizeof hash, out);
    rf__buf_release(&text);
    return status;
}

/* What is asked for, and where it goes. */
struct conversion {
    const char *made_of;     /* weights, or an ONNX file */
    const char *config_file; /* NULL: made_of is an ONNX file */
    const char *folder, *onnx_file;
    const char *measured; /* of int8: the int16 file */
    const struct model_config *config;
    enum onnx_precision precision;
    const struct logger *logger;
    rf_progress_fn progress;
    void *progress_user;
};

static rf_status build(const struct conversion *c, struct onnx_limits *limits, rf_error *err)
{
    struct weights *weights = NULL;
    struct statistics *statistics = NULL;
    const struct fit_inputs *inputs = NULL;
    size_t n_inputs = 0;
    rf_status status = c->config_file != NULL ? rf__weights_open(c->made_of, &weights, err) : RF_OK;

    if (status == RF_OK && c->measured != NULL)
        status = rf__layer_inputs(c->measured, c->config, c->logger, &statistics, &inputs, &n_inputs, err);
    if (status == RF_OK) {
        const struct onnx_build request = {.config_path = c->config_file,
                                           .weights = weights,
                                           .onnx_path = c->config_file == NULL ? c->made_of : NULL,
                                           .out_path = c->onnx_file,
                                           .source = c->made_of,
                                           .precision = c->precision,
                                           .inputs = inputs,
                                           .n_inputs = n_inputs,
                                           .limits = limits,
                                           .logger = c->logger,
                                           .progress = c->progress,
                                           .progress_user = c->progress_user};
        status = rf__onnx_build(&request, err);
    }
    rf__statistics_free(statistics);
    rf__weights_free(weights);
    return status;
}

/* ---- Of an ONNX file --------------------------------------------------------------------------------------------- */

#define REASON_MAX ((size_t)4096)

/* Whether what is wrong is the file's nature, which the next attempt finds again. */
static bool is_lasting(rf_status status)
{
    return status == RF_UNSUPPORTED || status == RF_BAD_FORMAT || status == RF_ENGINE;
}

/* Builds it in fp32 and compares; leaves a note of what came out, and no fp32 file unless that is what is wanted. */
static rf_status prove(const struct conversion *c, const char *same, const char *left_alone, rf_error *err)
{
    char *onnx_file = rf__format("%s/model-fp32.onnx", c->folder),
         *data = rf__format("%s/model-fp32.onnx.data", c->folder);
    struct conversion first = *c;
    struct onnx_limits limits = {0};
    double difference = 0;
    char text[64];
    rf_status status = onnx_file == NULL || data == NULL ? rf__fail_memory(err) : RF_OK;

    first.precision = ONNX_KERNELS_FP32;
    first.onnx_file = onnx_file;
    first.measured = NULL;
    if (status == RF_OK)
        status = build(&first, &limits, err);
    if (status == RF_OK)
        rf__log(c->logger, RF_LOG_INFO, "comparing the kernels with %s, once", c->made_of);
    if (status == RF_OK)
        status = rf__rebuilt_check(c->made_of, onnx_file, &limits, &difference, err);
    if (onnx_file != NULL && data != NULL && (status != RF_OK || c->precision != ONNX_KERNELS_FP32)) {
        (void)rf__os_remove(onnx_file, NULL);
        (void)rf__os_remove(data, NULL);
    }
    if (status == RF_OK) {
        snprintf(text, sizeof text, "%.3g\n", difference);
        status = rf__os_write_file(same, text, strlen(text), err);
        rf__log(c->logger, RF_LOG_DEBUG, "%s: the kernels compute the same, to %.3g of a vector's length", c->made_of,
                difference);
    } else if (is_lasting(status)) {
        (void)rf__os_write_file(left_alone, err->message, strlen(err->message), NULL);
        status = RF_UNSUPPORTED;
        err->status = status;
    }
    rf__free(onnx_file);
    rf__free(data);
    return status;
}

/* RF_UNSUPPORTED with the reason where the note says that the file is left alone. */
static rf_status read_verdict(const char *left_alone, rf_error *err)
{
    struct buf text;
    rf_status status = RF_OK;

    rf__buf_init(&text, REASON_MAX);
    if (rf__os_is_file(left_alone) && rf__os_read_file(left_alone, &text, NULL) == RF_OK)
        status = rf__fail(err, RF_UNSUPPORTED, "%s", text.len > 0 ? text.data : "left alone");
    rf__buf_release(&text);
    return status;
}

/* Nothing to do for weights. For an ONNX file: whether it may be built; `may_prove`: finds out where nobody did. */
static rf_status judge(const struct conversion *c, bool may_prove, rf_error *err)
{
    char *same, *left_alone;
    rf_status status;

    if (c->config_file != NULL)
        return RF_OK;
    same = rf__path_join(c->folder, "same");
    left_alone = rf__path_join(c->folder, "left-alone");
    status = same == NULL || left_alone == NULL ? rf__fail_memory(err) : read_verdict(left_alone, err);
    if (status == RF_OK && may_prove && !rf__os_is_file(same))
        status = prove(c, same, left_alone, err);
    rf__free(same);
    rf__free(left_alone);
    return status;
}

/* ---- Once -------------------------------------------------------------------------------------------------------- */

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

static rf_status make(const struct conversion *c, rf_error *err)
{
    rf_status status = remove_leftovers(c->folder, err);

    if (status == RF_OK)
        status = judge(c, true, err);
    if (status != RF_OK || rf__os_is_file(c->onnx_file))
        return status;
    rf__log(c->logger, RF_LOG_INFO, "making %s out of %s, once", c->onnx_file, c->made_of);
    return build(c, NULL, err);
}

/* Builds under a lock, unless another process did so while we waited for it. */
static rf_status build_once(const struct conversion *c, rf_error *err)
{
    char *lock_file = rf__path_join(c->folder, ".lock");
    struct os_lock *lock = NULL;
    rf_status status = lock_file == NULL ? rf__fail_memory(err) : rf__os_make_directories(c->folder, err);

    if (status == RF_OK)
        status = rf__os_lock(lock_file, NULL, NULL, &lock, err);
    if (status == RF_IO)
        rf__fail_prefix(err, status, "the ONNX file made of %s cannot be kept (choose another --cache-dir)",
                        c->made_of);
    if (status == RF_OK && !rf__os_is_file(c->onnx_file))
        status = make(c, err);
    rf__os_unlock(lock);
    rf__free(lock_file);
    return status;
}

static char *file_of(const char *folder, enum onnx_precision precision)
{
    return precision == ONNX_OPERATORS ? rf__path_join(folder, "model.onnx")
                                       : rf__format("%s/model-%s.onnx", folder, rf__precision_name(precision));
}

/* config.json, which weights need; NULL in *out for an ONNX file. */
static rf_status find_config(const struct model_source *source, char **out, rf_error *err)
{
    *out = NULL;
    if (source->weights_file == NULL)
        return RF_OK;
    *out = rf__path_join(source->directory, "config.json");
    if (*out == NULL)
        return rf__fail_memory(err);
    if (!rf__os_is_file(*out))
        return rf__fail(err, RF_NOT_FOUND, "%s: is missing; %s cannot be turned into an ONNX file without it", *out,
                        source->weights_file);
    return RF_OK;
}

rf_status rf__converted_onnx(const struct model_source *source, const struct model_config *config,
                             enum onnx_precision precision, const struct logger *logger, rf_progress_fn progress,
                             void *progress_user, char **out, rf_error *err)
{
    struct conversion c = {.made_of = source->weights_file != NULL ? source->weights_file : source->onnx_file,
                           .config = config,
                           .precision = precision,
                           .logger = logger,
                           .progress = progress,
                           .progress_user = progress_user};
    char *config_file = NULL, *folder = NULL, *onnx = NULL, *measured = NULL;
    char key[KEY_LEN + 1];
    rf_status status = find_config(source, &config_file, err);

    if (status == RF_OK)
        status = make_key(c.made_of, config_file, key, err);
    if (status != RF_OK)
        goto out;
    folder = rf__format("%s/onnx/%s", source->cache_dir, key);
    onnx = folder == NULL ? NULL : file_of(folder, precision);
    c.config_file = config_file;
    c.folder = folder;
    c.onnx_file = onnx;
    if (onnx == NULL) {
        status = rf__fail_memory(err);
    } else if (rf__os_is_file(onnx)) {
        rf__log(logger, RF_LOG_DEBUG, "%s: made of %s before", onnx, c.made_of);
    } else {
        status = judge(&c, false, err);
        if (status == RF_OK && precision == ONNX_KERNELS_INT8)
            status =
                rf__converted_onnx(source, config, ONNX_KERNELS_INT16, logger, progress, progress_user, &measured, err);
        c.measured = measured;
        if (status == RF_OK)
            status = build_once(&c, err);
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
