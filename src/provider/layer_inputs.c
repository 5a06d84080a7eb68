/* layer_inputs: see layer_inputs.h. */
#include "provider/layer_inputs.h"

#include "base/mem.h"
#include "provider/calibration_texts.h"

#include <string.h>

static rf_status open_pipeline(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                               struct statistics *statistics, struct pipeline **out, rf_error *err)
{
    const struct engine_options engine_options = {.threads = 1, .logger = *logger, .statistics = statistics};
    const struct pipeline_options options = {.threads = 1};
    struct rf_tokenizer *tokenizer = NULL;
    struct engine *engine = NULL;
    rf_status status = rf__tokenizer_open(config->folder, config->lower_case, logger, &tokenizer, err);

    if (status == RF_OK)
        status = rf__engine_open_file(onnx_file, &engine_options, &engine, err);
    if (status != RF_OK) {
        rf__tokenizer_free(tokenizer);
        return status;
    }
    return rf__pipeline_open(config, tokenizer, engine, NULL, &options, out, err);
}

static rf_status embed_texts(const struct pipeline *pipeline, rf_error *err)
{
    const size_t n = rf__n_calibration_texts, dim = rf__pipeline_info(pipeline)->dim;
    rf_text *texts = rf__alloc_array(n, sizeof *texts);
    float *vectors = rf__alloc_array(n, dim * sizeof *vectors);
    const rf_embed_options options = {.size = sizeof options, .prompt = ""};
    rf_status status = RF_OK;

    for (size_t i = 0; texts != NULL && i < n; i++)
        texts[i] = (rf_text){rf__calibration_texts[i], strlen(rf__calibration_texts[i])};
    if (texts == NULL || vectors == NULL)
        status = rf__fail_memory(err);
    else
        status = rf__pipeline_embed(pipeline, texts, n, &options, vectors, err);
    rf__free(texts);
    rf__free(vectors);
    return status;
}

rf_status rf__layer_inputs(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                           struct statistics **out, const struct fit_inputs **inputs, size_t *n_inputs, rf_error *err)
{
    struct statistics *statistics = rf__statistics_new();
    struct pipeline *pipeline = NULL;
    rf_status status = statistics == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = open_pipeline(onnx_file, config, logger, statistics, &pipeline, err);
    if (status == RF_OK)
        status = embed_texts(pipeline, err);
    rf__pipeline_free(pipeline);
    if (status == RF_OK)
        status = rf__statistics_finish(statistics, inputs, n_inputs, err);
    if (status == RF_OK)
        *out = statistics;
    else
        rf__statistics_free(statistics);
    return status;
}
