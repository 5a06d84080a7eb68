/*
 * validate: see rf_validate(). Texts go through in chunks, so that memory does not grow with their number: in each
 * chunk the model's vectors are compared with the reference's, and those of the first chunk with what each text alone
 * gives.
 */
#include "convert/convert.h"

#include "base/cosine.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "convert/validation_texts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK         64
#define SLOW_CHUNK    8 /* texts between two calls of progress */
#define MAX_CHECKS    8
#define DETAIL        240
#define WORST_TEXT    96
#define MAX_DEVIATION 1e-3 /* of a length from 1 */

struct report {
    rf_validate_report shown; /* first: the caller's pointer is this one */
    rf_check checks[MAX_CHECKS];
    char details[MAX_CHECKS][DETAIL], worst_text[WORST_TEXT + 1];
    char *model, *reference;
    double *cosines; /* [n_texts] */
};

/* What is known while texts go through. */
struct validation {
    const struct rf_model *model, *reference; /* reference: NULL where there are vectors, or nothing */
    const char *file;                         /* to name in the report; NULL: the model's own */
    const rf_validate_options *options;
    const rf_text *texts;
    size_t n_texts, dim;
    struct report *report;
    float *ours, *theirs;         /* [CHUNK, dim] */
    double shortest, longest;     /* of the model's vectors */
    double alone_min;             /* cosine of a text alone and among others */
    size_t n_alone, n_alone_same; /* of how many texts that is, and of how many the same bits */
    size_t n_not_finite;
    double sum;
};

static bool is_compared(const struct validation *v)
{
    return v->reference != NULL || v->options->vectors != NULL;
}

/* ---- Checks -------------------------------------------------------------------------------------------------- */

static void add_check(struct report *report, const char *name, bool passed, const char *format, ...) RF_PRINTF(4, 5);

static void add_check(struct report *report, const char *name, bool passed, const char *format, ...)
{
    size_t i = report->shown.n_checks++;
    va_list args;

    va_start(args, format);
    vsnprintf(report->details[i], DETAIL, format, args);
    va_end(args);
    report->checks[i] = (rf_check){name, passed, report->details[i]};
}

/* Other programs pad: without a mask their vectors would depend on it. */
static void check_inputs(struct report *report, const struct engine_info *engine)
{
    bool has_mask = engine->has_mask || engine->packs;

    add_check(report, "inputs", has_mask, "%s%s", engine->inputs,
              has_mask ? "" : "; expected attention_mask among them, or padding changes vectors");
}

static rf_status check_output(struct report *report, const struct rf_model *model, const struct engine_info *engine,
                              rf_error *err)
{
    struct model_config config = {0};
    rf_status status = rf__model_config_read(model->info.directory, NULL, &config, err);
    uint32_t hidden = config.hidden_size;

    if (status != RF_OK)
        return status;
    if (engine->rank == 2)
        add_check(report, "output", true, "%s, one vector a text", engine->output);
    else if (hidden > 0 && engine->dim > 0 && engine->dim != hidden)
        add_check(report, "output", false, "%s of %u numbers a token, expected %u (hidden_size of config.json)",
                  engine->output, engine->dim, hidden);
    else
        add_check(report, "output", true, "%s, one vector a token", engine->output);
    rf__model_config_release(&config);
    return RF_OK;
}

static void check_dimension(struct validation *v)
{
    const uint32_t dim = v->model->info.dim;

    if (v->reference != NULL && v->reference->info.dim != dim)
        add_check(v->report, "dimension", false, "%u, expected %u as the reference has", dim, v->reference->info.dim);
    else
        add_check(v->report, "dimension", true, "%u", dim);
}

/* Texts that are cut at another place have other vectors. */
static void check_limit(struct validation *v)
{
    const uint32_t limit = v->model->info.max_tokens;

    if (v->reference != NULL && v->reference->pipeline != NULL && v->reference->info.max_tokens != limit)
        add_check(v->report, "limit", false, "%u tokens, expected %u as the reference has (sentence_bert_config.json)",
                  limit, v->reference->info.max_tokens);
    else if (limit > 0)
        add_check(v->report, "limit", true, "%u tokens", limit);
    else
        add_check(v->report, "limit", true, "none");
}

/* What the vectors themselves show. */
static void check_vectors(struct validation *v)
{
    const bool is_l2 = v->model->info.l2;
    const bool has_length =
        is_l2 ? fabs(v->shortest - 1) <= MAX_DEVIATION && fabs(v->longest - 1) <= MAX_DEVIATION : v->shortest > 0;
    const double threshold = v->options->threshold;

    add_check(v->report, "numbers", v->n_not_finite == 0,
              v->n_not_finite == 0 ? "all finite" : "%zu are NaN or infinite", v->n_not_finite);
    add_check(v->report, "normalization", has_length, "lengths from %.6f to %.6f%s", v->shortest, v->longest,
              !is_l2       ? ""
              : has_length ? ", declared: 1"
                           : ", expected 1 as the model declares");
    if (v->n_alone == 0)
        return;
    if (v->n_alone_same == v->n_alone)
        add_check(v->report, "batches", true, "%zu texts alone and among others: the same bits", v->n_alone);
    else
        add_check(v->report, "batches", v->alone_min >= threshold,
                  "%zu of %zu texts alone and among others: the same bits; lowest cosine %.6f%s", v->n_alone_same,
                  v->n_alone, v->alone_min, v->alone_min >= threshold ? "" : ", below the threshold");
}

/* ---- Vectors ------------------------------------------------------------------------------------------------- */

static void look_at(struct validation *v, const float *vector)
{
    double sum = 0;

    for (size_t i = 0; i < v->dim; i++) {
        v->n_not_finite += !isfinite(vector[i]);
        sum += (double)vector[i] * (double)vector[i];
    }
    v->shortest = fmin(v->shortest, sqrt(sum));
    v->longest = fmax(v->longest, sqrt(sum));
}

static void compare(struct validation *v, size_t text, const float *ours, const float *theirs)
{
    rf_validate_report *shown = &v->report->shown;
    double value = rf__cosine(ours, theirs, v->dim);

    v->report->cosines[text] = value;
    v->sum += value;
    if (text == 0 || value < v->report->cosines[shown->worst])
        shown->worst = text;
    for (size_t i = 0; i < v->dim; i++)
        shown->max_difference = fmax(shown->max_difference, fabs((double)ours[i] - (double)theirs[i]));
}

static rf_status embed(const struct rf_model *model, const rf_text *texts, size_t n, float *out, rf_error *err)
{
    bool truncated[CHUNK]; /* asked for, so that none is warned of: both models cut alike */
    const rf_embed_options options = {.size = sizeof options, .truncated = truncated, .prompt = ""};

    if (model->behind != NULL) /* what it computes, not what is kept */
        model = model->behind;
    return model->provider->embed(model, texts, n, &options, out, err);
}

static rf_status embed_alone(struct validation *v, rf_error *err)
{
    size_t n = v->n_texts < CHUNK ? v->n_texts : CHUNK;
    rf_status status = RF_OK;

    v->alone_min = 1;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        status = embed(v->model, &v->texts[i], 1, v->theirs, err);
        if (status != RF_OK)
            break;
        v->n_alone_same += memcmp(v->theirs, v->ours + i * v->dim, v->dim * sizeof *v->ours) == 0;
        v->alone_min = fmin(v->alone_min, rf__cosine(v->theirs, v->ours + i * v->dim, v->dim));
        v->n_alone++;
    }
    return status;
}

/* The reference's vectors of `n` texts from `first` on, a few at a time. */
static rf_status embed_reference(struct validation *v, size_t first, size_t n, rf_error *err)
{
    const rf_validate_options *options = v->options;
    rf_status status = RF_OK;

    if (options->vectors != NULL)
        memcpy(v->theirs, options->vectors + first * v->dim, n * v->dim * sizeof *v->theirs);
    for (size_t i = 0; i < n && status == RF_OK; i += SLOW_CHUNK) {
        size_t few = n - i < SLOW_CHUNK ? n - i : SLOW_CHUNK;
        if (v->reference != NULL)
            status = embed(v->reference, v->texts + first + i, few, v->theirs + i * v->dim, err);
        if (status == RF_OK && options->progress != NULL &&
            !options->progress(options->progress_user, first + i + few, v->n_texts))
            status = rf__fail(err, RF_CANCELLED, "cancelled");
    }
    return status;
}

static rf_status go_through_texts(struct validation *v, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t first = 0; first < v->n_texts && status == RF_OK; first += CHUNK) {
        size_t n = v->n_texts - first < CHUNK ? v->n_texts - first : CHUNK;
        status = embed(v->model, v->texts + first, n, v->ours, err);
        for (size_t i = 0; i < n && status == RF_OK; i++)
            look_at(v, v->ours + i * v->dim);
        if (status == RF_OK && first == 0)
            status = embed_alone(v, err);
        if (status == RF_OK && is_compared(v))
            status = embed_reference(v, first, n, err);
        for (size_t i = 0; i < n && status == RF_OK && is_compared(v); i++)
            compare(v, first + i, v->ours + i * v->dim, v->theirs + i * v->dim);
    }
    return status;
}

/* ---- The report ---------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The beginning of a text on one line. */
static void put_worst_text(struct report *report, rf_text text)
{
    size_t used = 0, at = 0;

    while (at < text.len) {
        char bytes[RF_UTF8_MAX];
        uint32_t code_point;
        size_t n;
        at += rf__utf8_decode(text.data + at, text.len - at, &code_point);
        n = rf__utf8_encode(code_point < 0x20 || code_point == 0x7F ? ' ' : code_point, bytes);
        if (used + n > WORST_TEXT)
            break;
        memcpy(report->worst_text + used, bytes, n);
        used += n;
    }
}

static rf_status summarize(struct validation *v, rf_error *err)
{
    rf_validate_report *shown = &v->report->shown;
    double *sorted = rf__alloc_array(v->n_texts, sizeof *sorted);

    if (sorted == NULL)
        return rf__fail_memory(err);
    memcpy(sorted, v->report->cosines, v->n_texts * sizeof *sorted);
    qsort(sorted, v->n_texts, sizeof *sorted, by_value);
    shown->n_texts = v->n_texts;
    shown->cosines = v->report->cosines;
    shown->min = sorted[0];
    shown->p1 = sorted[(v->n_texts - 1) / 100];
    shown->mean = v->sum / (double)v->n_texts;
    put_worst_text(v->report, v->texts[shown->worst]);
    rf__free(sorted);
    return RF_OK;
}

/* `file` NULL: the model's own. */
static char *describe(const struct rf_model *model, const char *file)
{
    const rf_model_info *info = &model->info;

    if (model->pipeline == NULL)
        return rf__format("%s (computed by a server)", info->source);
    if (file == NULL)
        file = info->onnx_file[0] != '\0' ? info->onnx_file : info->weights_file;
    return rf__format("%s (%s, %s)", file, info->precision, info->kernels);
}

static rf_status make_report(struct validation *v, rf_error *err)
{
    struct report *report = rf__calloc(1, sizeof *report);
    rf_validate_report *shown;

    if (report == NULL)
        return rf__fail_memory(err);
    v->report = report;
    shown = &report->shown;
    report->model = describe(v->model, v->file);
    report->reference = v->reference != NULL ? describe(v->reference, NULL)
                                             : rf__strdup(v->options->vectors != NULL ? "given vectors" : "");
    report->cosines = rf__alloc_array(v->n_texts, sizeof *report->cosines);
    if (report->model == NULL || report->reference == NULL || report->cosines == NULL)
        return rf__fail_memory(err);
    shown->model = report->model;
    shown->reference = report->reference;
    shown->threshold = v->options->threshold;
    shown->checks = report->checks;
    shown->worst_text = report->worst_text;
    return RF_OK;
}

static void decide(struct validation *v)
{
    rf_validate_report *shown = &v->report->shown;

    shown->passed = shown->n_texts == 0 || shown->min >= shown->threshold;
    for (size_t i = 0; i < shown->n_checks; i++)
        shown->passed = shown->passed && shown->checks[i].passed;
}

static rf_status validate(struct validation *v, rf_error *err)
{
    const struct engine_info *engine = rf__pipeline_engine(v->model->pipeline);
    rf_status status = make_report(v, err);

    if (status != RF_OK)
        return status;
    if (engine != NULL && engine->inputs != NULL) {
        check_inputs(v->report, engine);
        status = check_output(v->report, v->model, engine, err);
    }
    check_limit(v);
    check_dimension(v);
    if (status != RF_OK || !v->report->checks[v->report->shown.n_checks - 1].passed)
        return status;
    v->ours = rf__alloc_array(CHUNK * v->dim, sizeof *v->ours);
    v->theirs = rf__alloc_array(CHUNK * v->dim, sizeof *v->theirs);
    status = v->ours == NULL || v->theirs == NULL ? rf__fail_memory(err) : go_through_texts(v, err);
    if (status == RF_OK)
        check_vectors(v);
    return status == RF_OK && is_compared(v) ? summarize(v, err) : status;
}

rf_status rf__validate(const struct rf_model *model, const struct rf_model *reference, const char *file,
                       const rf_validate_options *options, rf_validate_report **out, rf_error *err)
{
    struct validation v = {.model = model,
                           .reference = reference,
                           .file = file,
                           .options = options,
                           .texts = options->texts,
                           .n_texts = options->n_texts,
                           .dim = model->info.dim,
                           .shortest = INFINITY};
    rf_text *own = options->texts == NULL ? rf__validation_texts(&v.n_texts) : NULL;
    rf_status status = RF_OK;

    if (options->texts == NULL) {
        v.texts = own;
        status = own == NULL ? rf__fail_memory(err) : RF_OK;
    }
    if (status == RF_OK)
        status = validate(&v, err);
    rf__free(v.ours);
    rf__free(v.theirs);
    rf__free(own);
    if (status != RF_OK) {
        rf__validate_report_free(v.report != NULL ? &v.report->shown : NULL);
        return status;
    }
    decide(&v);
    *out = &v.report->shown;
    return RF_OK;
}

void rf__validate_report_free(rf_validate_report *shown)
{
    struct report *report = (struct report *)shown;

    if (report == NULL)
        return;
    rf__free(report->model);
    rf__free(report->reference);
    rf__free(report->cosines);
    rf__free(report);
}
