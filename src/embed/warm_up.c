/* warm_up: see warm_up.h. */
#include "embed/warm_up.h"

#include "base/external_data.h"
#include "base/mem.h"
#include "os/os.h"

#include <string.h>

#define FEW_TOKENS 8
#define PAGE_BYTES 4096

struct warming {
    const struct pipeline *pipeline;
    uint32_t *ids; /* [n_tokens]: from all over the vocabulary */
    size_t n_tokens;
    struct os_mutex *mutex;
    rf_status status; /* under the mutex: the first failure */
    rf_error *err;
};

/* ---- Files ---------------------------------------------------------------------------------------------- */

static void touch(const uint8_t *data, size_t size)
{
    volatile uint8_t sink;

    for (size_t i = 0; i < size; i += PAGE_BYTES)
        sink = data[i];
    (void)sink;
}

/* A file that cannot be mapped is left to the call that needs it. */
static void touch_file(const char *path)
{
    struct os_map file = {0};

    if (rf__os_is_file(path) && rf__os_map_file(path, &file, NULL) == RF_OK)
        touch(file.data, file.size);
    rf__os_unmap(&file);
}

static rf_status touch_model(const char *onnx_file, rf_error *err)
{
    struct external_data data = {0};
    struct os_map file = {0};
    rf_status status = RF_OK;

    if (!rf__os_is_file(onnx_file) || rf__os_map_file(onnx_file, &file, NULL) != RF_OK)
        return RF_OK;
    touch(file.data, file.size);
    (void)rf__external_data_read(file.data, file.size, &data, NULL);
    rf__os_unmap(&file);
    for (size_t i = 0; i < data.n && status == RF_OK; i++) {
        char *path = rf__format("%.*s%s", (int)rf__os_folder_len(onnx_file), onnx_file, data.locations[i]);
        if (path == NULL)
            status = rf__fail_memory(err);
        else
            touch_file(path);
        rf__free(path);
    }
    rf__external_data_release(&data);
    return status;
}

/* ---- Runs ----------------------------------------------------------------------------------------------- */

static rf_status run(const struct warming *w, size_t n_tokens, uint32_t threads, rf_error *err)
{
    const struct engine_batch batch = {.ids = w->ids, .n_texts = 1, .n_tokens = n_tokens, .threads = threads};
    struct engine_output output;
    rf_status status = rf__engine_run(w->pipeline->engine, &batch, &output, err);

    if (status == RF_OK)
        rf__engine_output_release(&output);
    return status;
}

static rf_status encode(const struct pipeline *p, rf_error *err)
{
    static const char text[] = "A text of a few words.";
    const struct encode_request request = {.text = {text, sizeof text - 1}, .no_alignment = true};
    struct encode_scratch *scratch = rf__scratch_take(p->tokenizer);
    struct encoding encoding = {0};
    rf_status status =
        scratch == NULL ? rf__fail_memory(err) : rf__encode(p->tokenizer, &request, scratch, &encoding, err);

    rf__encoding_release(&encoding);
    rf__scratch_give(p->tokenizer, scratch);
    return status;
}

static void work(void *arg, size_t worker)
{
    struct warming *w = arg;
    rf_error reason = {RF_OK, ""};
    rf_status status = encode(w->pipeline, &reason);

    (void)worker;
    if (status == RF_OK && w->pipeline->engine != NULL)
        status = run(w, w->n_tokens < FEW_TOKENS ? w->n_tokens : FEW_TOKENS, 1, &reason);
    if (status == RF_OK && w->pipeline->engine != NULL)
        status = run(w, w->n_tokens, 1, &reason);
    if (status == RF_OK)
        return;
    rf__os_mutex_lock(w->mutex);
    if (w->status == RF_OK) {
        w->status = status;
        if (w->err != NULL)
            *w->err = reason;
    }
    rf__os_mutex_unlock(w->mutex);
}

static void spread_ids(const struct pipeline *p, uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)((uint64_t)i * p->n_ids / n);
}

rf_status rf__pipeline_warm_up(const struct pipeline *pipeline, rf_error *err)
{
    uint32_t limit = pipeline->info.max_tokens;
    struct warming w = {.pipeline = pipeline, .n_tokens = limit < WARM_UP_TOKENS ? limit : WARM_UP_TOKENS, .err = err};
    const uint8_t *rows;
    size_t size;
    rf_status status = RF_OK;

    if (w.n_tokens == 0)
        w.n_tokens = 1;
    w.ids = rf__alloc_array(w.n_tokens, sizeof *w.ids);
    w.mutex = rf__os_mutex_new();
    if (w.ids == NULL || w.mutex == NULL) {
        status = rf__fail_memory(err);
        goto out;
    }
    spread_ids(pipeline, w.ids, w.n_tokens);
    if (pipeline->engine != NULL) {
        status = touch_model(pipeline->engine->info.path, err);
    } else {
        rf__static_bytes(pipeline->table, &rows, &size);
        touch(rows, size);
    }
    if (status != RF_OK)
        goto out;
    rf__os_parallel(pipeline->info.threads, work, &w);
    status = w.status;
    if (status == RF_OK && pipeline->engine != NULL && pipeline->engine->info.packs && pipeline->info.threads > 1)
        status = run(&w, w.n_tokens, pipeline->info.threads, err); /* one long text is shared out */
out:
    rf__os_mutex_free(w.mutex);
    rf__free(w.ids);
    return status;
}
