/* make_onnx: see make_onnx.h. What is quantized is built or optimized first, in a folder of its own beside the result.
 */
#include "convert/make_onnx.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/provider.h"
#include "weights/weights.h"

#define ONE_FILE ((size_t)1900 << 20) /* protobuf ends at 2 GB */

static size_t inline_limit(const struct onnx_wish *wish)
{
    return wish->options->portable ? ONE_FILE : 0;
}

static void begin(const struct onnx_wish *wish, const char *part)
{
    if (wish->options->part != NULL)
        wish->options->part(wish->options->progress_user, part);
}

/* ---- Of weights ---------------------------------------------------------------------------------------------- */

static rf_status build_with(const struct onnx_wish *wish, const char *config_file, const char *notes,
                            const char *out_path, rf_error *err)
{
    struct weights *weights = NULL;
    rf_status status = rf__weights_open(wish->found->weights_file, &weights, err);

    if (status == RF_OK) {
        const struct onnx_build request = {.config_path = config_file,
                                           .weights = weights,
                                           .out_path = out_path,
                                           .source = wish->source,
                                           .revision = wish->found->revision,
                                           .options = notes,
                                           .precision = wish->precision,
                                           .is_portable = wish->options->portable,
                                           .inline_limit = inline_limit(wish),
                                           .logger = wish->logger,
                                           .progress = wish->options->progress,
                                           .progress_user = wish->options->progress_user};
        begin(wish, "Converting");
        status = rf__onnx_build(&request, err);
    }
    rf__weights_free(weights);
    return status;
}

static rf_status build(const struct onnx_wish *wish, const char *notes, const char *out_path, rf_error *err)
{
    char *config_file = rf__path_join(wish->config->folder, "config.json");
    rf_status status;

    if (config_file == NULL)
        return rf__fail_memory(err);
    if (!rf__os_is_file(config_file))
        status = rf__fail(err, RF_NOT_FOUND, "%s: is missing; %s cannot be turned into an ONNX file without it",
                          config_file, wish->found->weights_file);
    else
        status = build_with(wish, config_file, notes, out_path, err);
    rf__free(config_file);
    return status;
}

/* ---- Quantized ----------------------------------------------------------------------------------------------- */

static const enum onnx_form forms[] = {[RF_QUANTIZE_INT8] = ONNX_FORM_INT8,
                                       [RF_QUANTIZE_INT8_DYNAMIC] = ONNX_FORM_INT8_DYNAMIC,
                                       [RF_QUANTIZE_INT4] = ONNX_FORM_INT4,
                                       [RF_QUANTIZE_FP16] = ONNX_FORM_FP16};

static rf_status quantize(const struct onnx_wish *wish, const char *notes, const char *in_path, rf_error *err)
{
    const rf_convert_options *o = wish->options;
    const struct onnx_rewrite rewrite = {.in_path = in_path,
                                         .out_path = wish->out_path,
                                         .inline_limit = inline_limit(wish),
                                         .source = wish->source,
                                         .revision = wish->found->revision,
                                         .options = notes,
                                         .logger = wish->logger,
                                         .progress = o->progress,
                                         .progress_user = o->progress_user};
    const struct onnx_quantize how = {.form = forms[o->quantization], .quantize_embeddings = o->quantize_embeddings};
    struct rf_tokenizer *tokenizer = NULL;
    struct calibration calibration = {.max_tokens = wish->config->max_tokens,
                                      .texts = o->texts,
                                      .n = o->n_texts,
                                      .threads = o->threads,
                                      .part = o->part};
    rf_status status =
        rf__tokenizer_open(wish->config->folder, wish->config->lower_case, wish->logger, &tokenizer, err);

    calibration.tokenizer = tokenizer;
    if (status == RF_OK)
        status = rf__calibrated_quantize(&rewrite, &how, &calibration, err);
    rf__tokenizer_free(tokenizer);
    return status;
}

/* ---- Optimized --------------------------------------------------------------------------------------------------- */

static rf_status optimize(const struct onnx_wish *wish, const char *notes, const char *out_path, rf_error *err)
{
    const struct onnx_rewrite rewrite = {.in_path = wish->onnx_file,
                                         .out_path = out_path,
                                         .inline_limit = inline_limit(wish),
                                         .source = wish->source,
                                         .revision = wish->found->revision,
                                         .options = notes,
                                         .logger = wish->logger,
                                         .progress = wish->options->progress,
                                         .progress_user = wish->options->progress_user};
    struct onnx_optimized made;
    rf_status status;

    begin(wish, "Optimizing");
    status = rf__onnx_optimize(&rewrite, wish->options->portable, &made, err);
    if (status == RF_OK)
        rf__log(wish->logger, RF_LOG_INFO, "%s: %s, %zu nodes, now %zu", wish->onnx_file,
                made.is_rebuilt ? "an encoder that is recognized, built anew" : "what a run does not need is taken out",
                made.n_before, made.n_after);
    return status;
}

/* ---- Both -------------------------------------------------------------------------------------------------------- */

/* Of weights or an ONNX file that is optimized first, by way of an fp32 file. */
static rf_status build_and_quantize(const struct onnx_wish *wish, const char *notes, rf_error *err)
{
    char *folder = rf__format("%s.fp32", wish->out_path);
    char *between = folder == NULL ? NULL : rf__path_join(folder, "model.onnx");
    rf_status status = between == NULL ? rf__fail_memory(err) : rf__os_make_directories(folder, err);

    if (status == RF_OK)
        status = wish->onnx_file != NULL ? optimize(wish, notes, between, err) : build(wish, notes, between, err);
    if (status == RF_OK)
        status = quantize(wish, notes, between, err);
    if (status == RF_OK)
        status = rf__os_remove_tree(folder, err);
    rf__free(between);
    rf__free(folder);
    return status;
}

const char *rf__made_precision(const rf_convert_options *options, enum onnx_precision precision)
{
    return options->quantization != RF_QUANTIZE_NONE ? rf__onnx_form_name(forms[options->quantization])
                                                     : rf__precision_name(precision);
}

rf_status rf__make_onnx(const struct onnx_wish *wish, rf_error *err)
{
    const rf_convert_options *o = wish->options;
    const bool is_optimized = wish->onnx_file != NULL && o->optimize;
    char *notes =
        rf__format("precision=%s%s%s%s", rf__made_precision(o, wish->precision), o->portable ? " portable" : "",
                   o->quantize_embeddings ? " quantize_embeddings" : "", is_optimized ? " optimize" : "");
    rf_status status;

    if (notes == NULL)
        return rf__fail_memory(err);
    if (is_optimized && o->quantization == RF_QUANTIZE_NONE)
        status = optimize(wish, notes, wish->out_path, err);
    else if (wish->onnx_file != NULL && !is_optimized)
        status = quantize(wish, notes, wish->onnx_file, err);
    else if (o->quantization != RF_QUANTIZE_NONE)
        status = build_and_quantize(wish, notes, err);
    else
        status = build(wish, notes, wish->out_path, err);
    rf__free(notes);
    return status;
}
