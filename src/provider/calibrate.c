/* calibrate: see calibrate.h. */
#include "provider/calibrate.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/calibration_texts.h"

#include <math.h>
#include <string.h>

#define MAX_TOKENS   512               /* of a text: what stands out does so in its first tokens */
#define MOST_AT_ONCE ((size_t)1 << 24) /* numbers that one run brings, unless a single group is more */

/* What is measured of one file. */
struct measuring {
    const struct onnx_rewrite *rewrite;
    const struct calibration *calibration;
    char *probe, *probe_data; /* the model that measures */
    char *products_file;      /* the products of all groups, end to end */
    float *maxima;
    size_t n_maxima;
    struct os_map products;
};

static size_t count_texts(const struct calibration *calibration)
{
    return calibration->texts != NULL ? calibration->n : rf__n_calibration_texts;
}

/* Each text counts twice: for the maxima, and for the products of all groups. */
static rf_status report(const struct measuring *m, double done, rf_error *err)
{
    const struct onnx_rewrite *rewrite = m->rewrite;

    if (rewrite->progress != NULL &&
        !rewrite->progress(rewrite->progress_user, (uint64_t)done, 2 * (uint64_t)count_texts(m->calibration)))
        return rf__fail(err, RF_CANCELLED, "making %s was cancelled", rewrite->out_path);
    return RF_OK;
}

/* Adds what one text gives, or raises the numbers to it. */
static rf_status measure_text(const struct engine *engine, const struct encoding *encoding,
                              const struct onnx_probe *probe, float *numbers, rf_error *err)
{
    const struct engine_batch batch = {
        .ids = encoding->ids, .type_ids = encoding->type_ids, .n_texts = 1, .n_tokens = encoding->n};
    struct engine_output output = {0};
    const size_t n = probe->n_numbers;
    rf_status status;

    if (encoding->n == 0)
        return RF_OK;
    status = rf__engine_run(engine, &batch, &output, err);
    if (status == RF_OK && output.dim != n)
        status = rf__fail(err, RF_ENGINE, "%s: gives %zu numbers, expected %zu", engine->info.path, output.dim, n);
    for (size_t i = 0; status == RF_OK && probe->is_products && i < n; i++)
        numbers[i] += output.data[i];
    for (size_t i = 0; status == RF_OK && !probe->is_products && i < n; i++)
        numbers[i] = output.data[i] > numbers[i] ? output.data[i] : numbers[i];
    rf__engine_output_release(&output);
    return status;
}

static rf_status measure_texts(const struct measuring *m, const struct engine *engine, const struct onnx_probe *probe,
                               float *numbers, rf_error *err)
{
    const struct calibration *calibration = m->calibration;
    const size_t n_texts = count_texts(calibration);
    const double of_groups = probe->n_groups > 0 ? 1 / (double)probe->n_groups : 1;
    const double share = probe->is_products ? (double)(probe->next - probe->first) * of_groups : 1;
    const double before = probe->is_products ? (1 + (double)probe->first * of_groups) * (double)n_texts : 0;
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
            status = measure_text(engine, &encoding, probe, numbers, err);
        if (status == RF_OK)
            status = report(m, before + share * (double)(i + 1), err);
    }
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    return status;
}

static uint32_t n_threads(const struct calibration *calibration)
{
    return calibration->threads > 0 ? calibration->threads : rf__os_cpu_count();
}

/* Writes, runs and removes one probe. *out: [probe->n_numbers], in new memory; NULL where there are none. */
static rf_status run_probe(const struct measuring *m, struct onnx_probe *probe, float **out, rf_error *err)
{
    const struct engine_options options = {.threads = n_threads(m->calibration)};
    struct engine *engine = NULL;
    float *numbers = NULL;
    rf_status status = rf__onnx_probe(m->rewrite->in_path, m->probe, probe, err);

    if (status == RF_OK && probe->n_numbers > 0) {
        status = rf__engine_open_file(m->probe, &options, &engine, err);
        if (status == RF_OK && (numbers = rf__calloc(probe->n_numbers, sizeof *numbers)) == NULL)
            status = rf__fail_memory(err);
        if (status == RF_OK)
            status = measure_texts(m, engine, probe, numbers, err);
        rf__engine_free(engine);
        (void)rf__os_remove(m->probe, NULL);
        (void)rf__os_remove(m->probe_data, NULL);
    }
    if (status != RF_OK) {
        rf__free(numbers);
        return status;
    }
    *out = numbers;
    return RF_OK;
}

static rf_status measure_maxima(struct measuring *m, rf_error *err)
{
    struct onnx_probe probe = {.most = SIZE_MAX};
    rf_status status = run_probe(m, &probe, &m->maxima, err);

    m->n_maxima = probe.n_numbers;
    return status;
}

static rf_status check_finite(const char *path, const float *numbers, size_t n, rf_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i]))
            return rf__fail(err, RF_BAD_FORMAT,
                            "%s: comes to NaN or infinity for the texts that it is calibrated on: the file is damaged",
                            path);
    }
    return RF_OK;
}

/* They may be larger than the model, so they go through a file, some groups at a time. */
static rf_status measure_products(struct measuring *m, rf_error *err)
{
    struct onnx_probe probe = {.is_products = true, .most = MOST_AT_ONCE};
    struct os_writer *writer = NULL;
    rf_status status = rf__os_writer_open(m->products_file, &writer, err);

    do {
        float *numbers = NULL;
        probe.first = probe.next;
        if (status == RF_OK)
            status = run_probe(m, &probe, &numbers, err);
        if (status == RF_OK)
            status = check_finite(m->rewrite->in_path, numbers, probe.n_numbers, err);
        if (status == RF_OK && probe.n_numbers > 0)
            status = rf__os_writer_write(writer, numbers, probe.n_numbers * sizeof *numbers, err);
        rf__free(numbers);
    } while (status == RF_OK && probe.next < probe.n_groups);
    if (status != RF_OK) {
        rf__os_writer_abort(writer);
        return status;
    }
    status = rf__os_writer_commit(writer, err);
    return status == RF_OK ? rf__os_map_file(m->products_file, &m->products, err) : status;
}

static rf_status measure(struct measuring *m, rf_error *err)
{
    const char *out = m->rewrite->out_path;
    rf_status status = RF_OK;

    m->probe = rf__format("%s.probe", out);
    m->probe_data = rf__format("%s.probe.data", out);
    m->products_file = rf__format("%s.products", out);
    if (m->probe == NULL || m->probe_data == NULL || m->products_file == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = measure_maxima(m, err);
    return status == RF_OK ? measure_products(m, err) : status;
}

static void release(struct measuring *m)
{
    rf__os_unmap(&m->products);
    if (m->products_file != NULL)
        (void)rf__os_remove(m->products_file, NULL);
    rf__free(m->probe);
    rf__free(m->probe_data);
    rf__free(m->products_file);
    rf__free(m->maxima);
}

static void begin(const struct measuring *m, const char *part)
{
    if (m->calibration->part != NULL)
        m->calibration->part(m->rewrite->progress_user, part);
}

rf_status rf__calibrated_quantize(const struct onnx_rewrite *rewrite, const struct onnx_quantize *how,
                                  const struct calibration *calibration, rf_error *err)
{
    struct onnx_quantize measured = *how;
    struct measuring m = {.rewrite = rewrite, .calibration = calibration};
    rf_status status = RF_OK;

    if (how->form == ONNX_FORM_INT8 || how->form == ONNX_FORM_INT4) {
        begin(&m, "Calibrating");
        status = measure(&m, err);
    }
    if (status == RF_OK)
        begin(&m, "Quantizing");
    measured.maxima = m.maxima;
    measured.n_maxima = m.n_maxima;
    measured.products = (const float *)(const void *)m.products.data; /* a mapped page is aligned */
    measured.n_products = m.products.size / sizeof(float);
    measured.threads = n_threads(calibration);
    if (status == RF_OK)
        status = rf__onnx_quantize(rewrite, &measured, err);
    release(&m);
    return status;
}
