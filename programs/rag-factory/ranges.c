/* ranges: see ranges.h. */
#include "ranges.h"

#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"
#include "output.h"
#include "stream.h"

#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)

void rf__ranges_release(struct ranges *ranges)
{
    rf__free(ranges->values);
    ranges->values = NULL;
}

static rf_status allocate(size_t dim, struct ranges *out, rf_error *err)
{
    out->values = rf__alloc_array(2 * dim, sizeof *out->values);
    return out->values == NULL ? rf__fail_memory(err) : RF_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

static rf_status read_ends(const struct json *json, const char *key, size_t dim, float *out, rf_error *err)
{
    yyjson_val *array, *value;
    yyjson_arr_iter each;
    size_t n = 0;
    rf_status status = rf__json_get_array(json, json->root, key, &array, err);

    if (status != RF_OK)
        return status;
    each = yyjson_arr_iter_with(array);
    while (n < dim && (value = yyjson_arr_iter_next(&each)) != NULL && yyjson_is_num(value))
        out[n++] = (float)yyjson_get_num(value);
    if (n != dim || yyjson_arr_size(array) != dim)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is no list of %zu numbers, one for each dimension of the model",
                        json->name, key, dim);
    return RF_OK;
}

static rf_status check_model(const struct json *json, const rf_model_info *info, rf_error *err)
{
    const char *model, *revision;
    rf_status status = rf__json_get_str(json, json->root, "model", "", &model, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, json->root, "revision", "", &revision, err);
    if (status == RF_OK && (strcmp(model, info->source) != 0 || strcmp(revision, info->revision) != 0))
        rf__say_warning("%s: the ranges are those of '%s' %s", json->name, model, revision);
    return status;
}

rf_status rf__ranges_read(const char *path, const rf_model_info *info, struct ranges *out, rf_error *err)
{
    struct json json = {0};
    struct buf text;
    rf_status status = allocate(info->dim, out, err);

    rf__buf_init(&text, MAX_BYTES);
    if (status == RF_OK)
        status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(&json, text.data != NULL ? text.data : "", text.len, path, err);
    if (status == RF_OK)
        status = read_ends(&json, "min", info->dim, out->values, err);
    if (status == RF_OK)
        status = read_ends(&json, "max", info->dim, out->values + info->dim, err);
    if (status == RF_OK)
        status = check_model(&json, info, err);
    rf__json_release(&json);
    rf__buf_release(&text);
    return status;
}

/* ---- Calibrating --------------------------------------------------------------------------------------------- */

struct calibration {
    struct ranges *ranges;
    size_t dim;
};

static rf_status take_rows(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err)
{
    struct calibration *calibration = user;

    (void)chunk;
    return rf_calibrate(rows->vectors, rows->n, calibration->dim, rows->first == 0, calibration->ranges->values, err);
}

rf_status rf__ranges_calibrate(const rf_model *model, const struct opt_common *common, const char *path,
                               uint64_t *n_texts, struct ranges *out, rf_error *err)
{
    struct calibration calibration = {out, rf_model_dim(model)};
    struct opt_common own = *common;
    rf_embed_options how = {.size = sizeof how};
    struct input *input = NULL;
    rf_status status = allocate(calibration.dim, out, err);

    own.input = path;
    rf__opt_prompt(common, &how);
    if (status == RF_OK)
        status = rf__input_open(&own, NULL, 0, &input, err);
    if (status == RF_OK)
        status = rf__stream_embed(model, &how, input, take_rows, &calibration, n_texts, err);
    if (status == RF_OK && *n_texts < 2)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: has %llu texts; ranges need many, such as a thousand of the corpus",
                          path, (unsigned long long)*n_texts);
    rf__input_free(input);
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------------------------- */

static void print_ends(const char *key, const float *values, size_t dim, struct output *out)
{
    rf__output_printf(out, ",\n \"%s\":[", key);
    for (size_t i = 0; i < dim; i++) {
        if (i > 0)
            rf__output_text(out, ",");
        rf__output_float(out, values[i]);
    }
    rf__output_text(out, "]");
}

rf_status rf__ranges_write(const char *path, const rf_model_info *info, uint64_t n_texts, const struct ranges *ranges,
                           rf_error *err)
{
    char *file = rf__format("%s.ranges.json", path);
    struct output out;
    rf_status status = file == NULL ? rf__fail_memory(err) : rf__output_open(&out, file, err);

    if (status == RF_OK) {
        rf__output_text(&out, "{\"model\":");
        rf__output_json(&out, info->source, strlen(info->source));
        rf__output_text(&out, ",\"revision\":");
        rf__output_json(&out, info->revision, strlen(info->revision));
        rf__output_printf(&out, ",\"dim\":%u,\"n_texts\":%llu", info->dim, (unsigned long long)n_texts);
        print_ends("min", ranges->values, info->dim, &out);
        print_ends("max", ranges->values + info->dim, info->dim, &out);
        rf__output_text(&out, "}\n");
        status = rf__output_close(&out, status, err);
    }
    rf__free(file);
    return status;
}
