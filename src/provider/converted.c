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
#include "provider/calibration.h"
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
    const struct converted *wanted;
    enum onnx_precision precision;
    const char *made_of; /* weights, or an ONNX file */
    char *config_file;   /* NULL: made_of is an ONNX file */
    char *folder, *onnx_file;
    char *measured; /* of int8: the int16 file */
};

static rf_status build(const struct conversion *c, struct onnx_limits *limits, rf_error *err)
{
    struct weights *weights = NULL;
    struct statistics *statistics = NULL;
    const struct fit_inputs *inputs = NULL;
    size_t n_inputs = 0;
    rf_status status = c->config_file != NULL ? rf__weights_open(c->made_of, &weights, err) : RF_OK;

    if (status == RF_OK && c->measured != NULL)
        status =
            rf__layer_inputs(c->measured, c->wanted->config, c->wanted->logger, &statistics, &inputs, &n_inputs, err);
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
                                           .logger = c->wanted->logger,
                                           .progress = c->wanted->progress,
                                           .progress_user = c->wanted->progress_user};
        status = rf__onnx_build(&request, err);
    }
    rf__statistics_free(statistics);
    rf__weights_free(weights);
    return status;
}

static char *file_of(const char *folder, enum onnx_precision precision)
{
    return precision == ONNX_OPERATORS ? rf__path_join(folder, "model.onnx")
                                       : rf__format("%s/model-%s.onnx", folder, rf__precision_name(precision));
}

/* With the tensors beside it. */
static void remove_onnx(const char *onnx_file)
{
    char *data = rf__format("%s.data", onnx_file);

    (void)rf__os_remove(onnx_file, NULL);
    if (data != NULL)
        (void)rf__os_remove(data, NULL);
    rf__free(data);
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
    char *onnx_file = file_of(c->folder, ONNX_KERNELS_FP32);
    struct conversion first = *c;
    struct onnx_limits limits = {0};
    double difference = 0;
    char text[64];
    rf_status status = onnx_file == NULL ? rf__fail_memory(err) : RF_OK;

    first.precision = ONNX_KERNELS_FP32;
    first.onnx_file = onnx_file;
    first.measured = NULL;
    if (status == RF_OK)
        status = build(&first, &limits, err);
    if (status == RF_OK)
        rf__log(c->wanted->logger, RF_LOG_INFO, "comparing the kernels with %s, once", c->made_of);
    if (status == RF_OK)
        status = rf__rebuilt_check(c->made_of, onnx_file, &limits, &difference, err);
    if (onnx_file != NULL && (status != RF_OK || c->precision != ONNX_KERNELS_FP32))
        remove_onnx(onnx_file);
    if (status == RF_OK) {
        snprintf(text, sizeof text, "%.3g\n", difference);
        status = rf__os_write_file(same, text, strlen(text), err);
        rf__log(c->wanted->logger, RF_LOG_DEBUG, "%s: the kernels compute the same, to %.3g of a vector's length",
                c->made_of, difference);
    } else if (is_lasting(status)) {
        (void)rf__os_write_file(left_alone, err->message, strlen(err->message), NULL);
        status = RF_UNSUPPORTED;
        err->status = status;
    }
    rf__free(onnx_file);
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
    rf__log(c->wanted->logger, RF_LOG_INFO, "making %s out of %s, once", c->onnx_file, c->made_of);
    return build(c, NULL, err);
}

/* The lock under which files are made in the folder, which it makes. */
static rf_status lock_folder(const struct conversion *c, struct os_lock **lock, rf_error *err)
{
    char *lock_file = rf__path_join(c->folder, ".lock");
    rf_status status = lock_file == NULL ? rf__fail_memory(err) : rf__os_make_directories(c->folder, err);

    if (status == RF_OK)
        status = rf__os_lock(lock_file, NULL, NULL, lock, err);
    if (status == RF_IO)
        rf__fail_prefix(err, status, "the ONNX file made of %s cannot be kept (choose another --cache-dir)",
                        c->made_of);
    rf__free(lock_file);
    return status;
}

/* Builds, unless another process did so while we waited for it. */
static rf_status build_once(const struct conversion *c, rf_error *err)
{
    struct os_lock *lock = NULL;
    rf_status status = lock_folder(c, &lock, err);

    if (status == RF_OK && !rf__os_is_file(c->onnx_file))
        status = make(c, err);
    rf__os_unlock(lock);
    return status;
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

/* Finds where files go; release_places() is due after a failure too. */
static rf_status find_places(const struct converted *wanted, enum onnx_precision precision, struct conversion *c,
                             rf_error *err)
{
    const struct model_source *source = wanted->source;
    char key[KEY_LEN + 1];
    rf_status status;

    *c = (struct conversion){.wanted = wanted,
                             .made_of = source->weights_file != NULL ? source->weights_file : source->onnx_file,
                             .precision = precision};
    status = find_config(source, &c->config_file, err);
    if (status == RF_OK)
        status = make_key(c->made_of, c->config_file, key, err);
    if (status != RF_OK)
        return status;
    c->folder = rf__format("%s/onnx/%s", source->cache_dir, key);
    c->onnx_file = c->folder == NULL ? NULL : file_of(c->folder, precision);
    return c->onnx_file == NULL ? rf__fail_memory(err) : RF_OK;
}

static void release_places(struct conversion *c)
{
    rf__free(c->config_file);
    rf__free(c->folder);
    rf__free(c->onnx_file);
    rf__free(c->measured);
}

rf_status rf__converted_onnx(const struct converted *wanted, enum onnx_precision precision, char **out, rf_error *err)
{
    struct conversion c;
    rf_status status = find_places(wanted, precision, &c, err);

    if (status == RF_OK && rf__os_is_file(c.onnx_file)) {
        rf__log(wanted->logger, RF_LOG_DEBUG, "%s: made of %s before", c.onnx_file, c.made_of);
    } else if (status == RF_OK) {
        status = judge(&c, false, err);
        if (status == RF_OK && precision == ONNX_KERNELS_INT8)
            status = rf__converted_onnx(wanted, ONNX_KERNELS_INT16, &c.measured, err);
        if (status == RF_OK)
            status = build_once(&c, err);
    }
    if (status == RF_OK) {
        *out = c.onnx_file;
        c.onnx_file = NULL;
    }
    release_places(&c);
    return status;
}

/* ---- How near it comes ------------------------------------------------------------------------------------------- */

/* A number that a note holds; false: there is no note. */
static bool read_note(const char *note, double *number)
{
    struct buf text;
    bool is_read;

    rf__buf_init(&text, REASON_MAX);
    is_read = rf__os_is_file(note) && rf__os_read_file(note, &text, NULL) == RF_OK && text.len > 0 &&
              sscanf(text.data, "%lf", number) == 1;
    rf__buf_release(&text);
    return is_read;
}

/* Builds fp32, unless it is there, and compares. */
static rf_status measure(const struct conversion *c, const char *note, double *lowest, rf_error *err)
{
    struct conversion exact = *c;
    char *onnx_file = file_of(c->folder, ONNX_KERNELS_FP32), text[64];
    const bool is_there = onnx_file != NULL && rf__os_is_file(onnx_file);
    rf_status status = onnx_file == NULL ? rf__fail_memory(err) : RF_OK;

    exact.precision = ONNX_KERNELS_FP32;
    exact.onnx_file = onnx_file;
    rf__log(c->wanted->logger, RF_LOG_INFO, "comparing %s with fp32, once", rf__precision_name(c->precision));
    if (status == RF_OK && !is_there)
        status = build(&exact, NULL, err);
    if (status == RF_OK)
        status = rf__lowest_cosine(onnx_file, c->onnx_file, c->wanted->config, c->wanted->logger, lowest, err);
    if (status == RF_OK) {
        snprintf(text, sizeof text, "%.9f\n", *lowest);
        status = rf__os_write_file(note, text, strlen(text), err);
    }
    /* Where int16 will not do, fp32 is what will be used. */
    if (onnx_file != NULL && !is_there && (status != RF_OK || *lowest >= CONVERTED_FAITHFUL))
        remove_onnx(onnx_file);
    rf__free(onnx_file);
    return status;
}

rf_status rf__converted_cosine(const struct converted *wanted, enum onnx_precision precision, double *lowest,
                               rf_error *err)
{
    struct conversion c;
    struct os_lock *lock = NULL;
    char *note = NULL;
    rf_status status = find_places(wanted, precision, &c, err);

    if (status == RF_OK && (note = rf__format("%s.cosine", c.onnx_file)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK && !read_note(note, lowest)) {
        status = lock_folder(&c, &lock, err);
        if (status == RF_OK && !read_note(note, lowest))
            status = measure(&c, note, lowest, err);
        rf__os_unlock(lock);
    }
    rf__free(note);
    release_places(&c);
    return status;
}
