/* calibration: see calibration.h. */
#include "provider/calibration.h"

#include "base/cosine.h"
#include "base/mem.h"
#include "os/os.h"
#include "provider/calibration_texts.h"

#include <string.h>

#define EVERY 4 /* of the texts, for a cosine */

static rf_status open_pipeline(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                               struct statistics *statistics, uint32_t threads, struct pipeline **out, rf_error *err)
{
    const struct engine_options engine_options = {.threads = threads, .logger = *logger, .statistics = statistics};
    const struct pipeline_options options = {.threads = threads};
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

/* The vectors of each `every`-th text, in new memory. */
static rf_status embed_texts(const struct pipeline *pipeline, size_t every, float **out, size_t *n_texts, rf_error *err)
{
    const size_t n = (rf__n_calibration_texts + every - 1) / every, dim = rf__pipeline_info(pipeline)->dim;
    rf_text *texts = rf__alloc_array(n, sizeof *texts);
    float *vectors = rf__alloc_array(n, dim * sizeof *vectors);
    const rf_embed_options options = {.size = sizeof options, .prompt = ""};
    rf_status status = RF_OK;

    for (size_t i = 0; texts != NULL && i < n; i++) {
        const char *text = rf__calibration_texts[i * every];
        texts[i] = (rf_text){text, strlen(text)};
    }
    if (texts == NULL || vectors == NULL)
        status = rf__fail_memory(err);
    else
        status = rf__pipeline_embed(pipeline, texts, n, &options, vectors, err);
    rf__free(texts);
    if (status == RF_OK) {
        *out = vectors;
        *n_texts = n;
    } else {
        rf__free(vectors);
    }
    return status;
}

rf_status rf__layer_inputs(const char *onnx_file, const struct model_config *config, const struct logger *logger,
                           struct statistics **out, const struct fit_inputs **inputs, size_t *n_inputs, rf_error *err)
{
    struct statistics *statistics = rf__statistics_new();
    struct pipeline *pipeline = NULL;
    float *vectors = NULL;
    size_t n_texts;
    rf_status status = statistics == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK)
        status = open_pipeline(onnx_file, config, logger, statistics, 1, &pipeline, err);
    if (status == RF_OK)
        status = embed_texts(pipeline, 1, &vectors, &n_texts, err);
    rf__pipeline_free(pipeline);
    rf__free(vectors);
    if (status == RF_OK)
        status = rf__statistics_finish(statistics, inputs, n_inputs, err);
    if (status == RF_OK)
        *out = statistics;
    else
        rf__statistics_free(statistics);
    return status;
}

rf_status rf__lowest_cosine(const char *onnx_file, const char *other, const struct model_config *config,
                            const struct logger *logger, double *lowest, rf_error *err)
{
    const char *const files[] = {onnx_file, other};
    float *vectors[2] = {NULL};
    size_t n_texts = 0, dim = 0;
    rf_status status = RF_OK;

    for (int i = 0; i < 2 && status == RF_OK; i++) { /* the two are never in memory together */
        struct pipeline *pipeline = NULL;
        status = open_pipeline(files[i], config, logger, NULL, rf__os_cpu_count(), &pipeline, err);
        if (status == RF_OK)
            status = embed_texts(pipeline, EVERY, &vectors[i], &n_texts, err);
        if (status == RF_OK)
            dim = rf__pipeline_info(pipeline)->dim;
        rf__pipeline_free(pipeline);
        rf__os_trim_memory();
    }
    *lowest = 1;
    for (size_t i = 0; i < n_texts && status == RF_OK; i++) {
        const double of_text = rf__cosine(vectors[0] + i * dim, vectors[1] + i * dim, dim);
        if (of_text < *lowest)
            *lowest = of_text;
    }
    rf__free(vectors[0]);
    rf__free(vectors[1]);
    return status;
}
