/* calibrate: see calibrate.h. */
#include "provider/calibrate.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/calibration_texts.h"

#include <string.h>

#define MAX_TOKENS 512 /* of a text: what stands out does so in its first tokens */

/* Raises `maxima` to what one text gives. */
static rf_status measure_text(const struct engine *engine, const struct encoding *encoding, float *maxima, size_t n,
                              rf_error *err)
{
    const struct engine_batch batch = {
        .ids = encoding->ids, .type_ids = encoding->type_ids, .n_texts = 1, .n_tokens = encoding->n};
    struct engine_output output = {0};
    rf_status status;

    if (encoding->n == 0)
        return RF_OK;
    status = rf__engine_run(engine, &batch, &output, err);
    if (status == RF_OK && output.dim != n)
        status = rf__fail(err, RF_ENGINE, "%s: gives %zu channels, expected %zu", engine->info.path, output.dim, n);
    for (size_t i = 0; status == RF_OK && i < n; i++)
        maxima[i] = output.data[i] > maxima[i] ? output.data[i] : maxima[i];
    rf__engine_output_release(&output);
    return status;
}

static rf_status measure_texts(const struct engine *engine, const struct calibration *calibration, float *maxima,
                               size_t n, rf_error *err)
{
    const size_t n_texts = calibration->texts != NULL ? calibration->n : rf__n_calibration_texts;
    const uint32_t limit = calibration->max_tokens;
    struct encode_request request = {.max_tokens = limit > 0 && limit < MAX_TOKENS ? limit : MAX_TOKENS,
                                     .no_alignment = true};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    rf_status status = scratch == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; i < n_texts && status == RF_OK; i++) {
        const char *text = calibration->texts == NULL ? rf__calibration_texts[i] : NULL;
        request.text = text == NULL ? calibration->texts[i] : (rf_text){text, strlen(text)};
        status = rf__encode(calibration->tokenizer, &request, scratch, &encoding, err);
        if (status == RF_OK)
            status = measure_text(engine, &encoding, maxima, n, err);
    }
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    return status;
}

/* Writes, runs and removes the model that measures. */
static rf_status measure(const struct onnx_rewrite *rewrite, const struct calibration *calibration, float **maxima,
                         size_t *n, rf_error *err)
{
    const struct engine_options options = {.threads =
                                               calibration->threads > 0 ? calibration->threads : rf__os_cpu_count()};
    char *probe = rf__format("%s.probe", rewrite->out_path), *data = rf__format("%s.probe.data", rewrite->out_path);
    struct engine *engine = NULL;
    rf_status status = probe == NULL || data == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = rf__onnx_probe(rewrite->in_path, probe, n, err);
    if (status == RF_OK)
        status = rf__engine_open_file(probe, &options, &engine, err);
    if (status == RF_OK && (*maxima = rf__calloc(*n, sizeof **maxima)) == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = measure_texts(engine, calibration, *maxima, *n, err);
    rf__engine_free(engine);
    if (probe != NULL && data != NULL) {
        (void)rf__os_remove(probe, NULL);
        (void)rf__os_remove(data, NULL);
    }
    rf__free(probe);
    rf__free(data);
    return status;
}

rf_status rf__calibrated_quantize(const struct onnx_rewrite *rewrite, const struct onnx_quantize *how,
                                  const struct calibration *calibration, rf_error *err)
{
    struct onnx_quantize measured = *how;
    float *maxima = NULL;
    rf_status status = RF_OK;

    if (how->form == ONNX_FORM_INT8 || how->form == ONNX_FORM_INT4)
        status = measure(rewrite, calibration, &maxima, &measured.n_maxima, err);
    measured.maxima = maxima;
    if (status == RF_OK)
        status = rf__onnx_quantize(rewrite, &measured, err);
    rf__free(maxima);
    return status;
}
