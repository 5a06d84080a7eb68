/* api_convert: the entry points of rag_factory.h for converting and validating. Arguments are checked, then one call
 * down. */
#include "api/options.h"
#include "base/mem.h"
#include "convert/convert.h"
#include "provider/provider.h"

#include <math.h>

#define MAX_TEXTS         100000
#define DEFAULT_THRESHOLD 0.99

/* 0 becomes the default. */
static rf_status check_threshold(const char *type, double *threshold, rf_error *err)
{
    if (!(*threshold >= -1 && *threshold <= 1))
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: threshold is %g, expected a cosine", type, *threshold);
    if (fpclassify(*threshold) == FP_ZERO)
        *threshold = DEFAULT_THRESHOLD;
    return RF_OK;
}

/* ---- Validating ---------------------------------------------------------------------------------------------- */

void rf_validate_options_init(rf_validate_options *options, size_t size)
{
    rf__options_init(options, size);
}

static rf_status check_texts(const rf_model *model, const rf_validate_options *own, rf_error *err)
{
    size_t need;
    rf_status status;

    if (own->texts == NULL && own->vectors == NULL)
        return RF_OK;
    if (own->texts == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_validate_options: vectors are given without their texts");
    if (own->n_texts < 1 || own->n_texts > MAX_TEXTS)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_validate_options: n_texts is %zu, expected 1 to %d", own->n_texts,
                        MAX_TEXTS);
    status = rf__texts_check("rf_validate", own->texts, own->n_texts, err);
    if (status != RF_OK)
        return status;
    if (own->vectors != NULL && (!rf__mul(own->n_texts, model->info.dim, &need) || own->vectors_len != need))
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "rf_validate_options: vectors_len is %zu, expected n_texts * rf_model_dim(), %zu * %u",
                        own->vectors_len, own->n_texts, model->info.dim);
    return RF_OK;
}

rf_status rf_validate(const rf_model *model, const rf_model *reference, const rf_validate_options *options,
                      rf_validate_report **out, rf_error *err)
{
    rf_validate_options own;
    rf_status status = rf__options_copy(options, &own, sizeof own, "rf_validate_options", err);

    if (status != RF_OK)
        return status;
    if (model == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_validate: %s is NULL", model == NULL ? "model" : "out");
    if (reference != NULL && own.vectors != NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_validate: there are a reference and vectors; give one of them");
    status = rf__provider_need_local(model, "validation", err);
    if (status == RF_OK)
        status = check_threshold("rf_validate_options", &own.threshold, err);
    if (status == RF_OK)
        status = check_texts(model, &own, err);
    return status == RF_OK ? rf__validate(model, reference, NULL, &own, out, err) : status;
}

void rf_validate_report_free(rf_validate_report *report)
{
    rf__validate_report_free(report);
}

/* ---- Converting ---------------------------------------------------------------------------------------------- */

void rf_convert_options_init(rf_convert_options *options, size_t size)
{
    rf__options_init(options, size);
}

static rf_status check_quantization(const rf_convert_options *own, rf_error *err)
{
    const bool needs_onnxruntime = own->quantization == RF_QUANTIZE_INT8 || own->quantization == RF_QUANTIZE_INT4;

    if ((unsigned)own->quantization > RF_QUANTIZE_FP16)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: quantization is %d", (int)own->quantization);
    if (own->quantization == RF_QUANTIZE_NONE && (own->quantize_embeddings || own->texts != NULL))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: %s needs a quantization",
                        own->quantize_embeddings ? "quantize_embeddings" : "texts");
    if (own->quantization == RF_QUANTIZE_NONE && own->onnx_file != NULL && !own->optimize)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: onnx_file needs optimize or a quantization");
    if (own->quantization != RF_QUANTIZE_NONE && own->precision == RF_PRECISION_INT16)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: int16 weights are not quantized further");
    if (own->portable && needs_onnxruntime)
        return rf__fail(
            err, RF_INVALID_ARGUMENT,
            "rf_convert_options: int8 and int4 are in an operator of ONNX Runtime's, which is not portable; "
            "int8-dynamic and fp16 are");
    if (own->texts != NULL && (own->n_texts < 1 || own->n_texts > MAX_TEXTS))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: n_texts is %zu, expected 1 to %d", own->n_texts,
                        MAX_TEXTS);
    return own->texts == NULL ? RF_OK : rf__texts_check("rf_convert", own->texts, own->n_texts, err);
}

rf_status rf_convert(const char *source, const char *output_dir, const rf_convert_options *options,
                     rf_convert_report **out, rf_error *err)
{
    rf_convert_options own;
    rf_status status = rf__options_copy(options, &own, sizeof own, "rf_convert_options", err);

    if (status != RF_OK)
        return status;
    if (source == NULL || output_dir == NULL || out == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert: %s is NULL",
                        source == NULL       ? "source"
                        : output_dir == NULL ? "output_dir"
                                             : "out");
    if (own.precision != RF_PRECISION_AUTO && own.precision != RF_PRECISION_FP32 && own.precision != RF_PRECISION_INT16)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_convert_options: precision is %d", (int)own.precision);
    if (own.portable && own.precision == RF_PRECISION_INT16)
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "rf_convert_options: int16 is for this library alone, which is the opposite of portable");
    status = check_quantization(&own, err);
    if (status != RF_OK)
        return status;
    status = check_threshold("rf_convert_options", &own.threshold, err);
    return status == RF_OK ? rf__convert(source, output_dir, &own, out, err) : status;
}

void rf_convert_report_free(rf_convert_report *report)
{
    rf__convert_report_free(report);
}
