/* reference: see reference.h. The engine around the families: checks ids, runs one text after the other. */
#include "reference/reference.h"

#include "base/mem.h"
#include "os/os.h"
#include "reference/ref.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)16 << 20)

struct reference {
    struct engine base; /* first: engines point to it */
    char *path;         /* of the weights */
    struct weights *weights;
    struct ref_pool pool; /* the model's */
    const struct ref_family *family;
    struct ref_model *model;
};

/* ---- Running ------------------------------------------------------------------------------------------------- */

/* What ONNX Runtime's Gather would refuse. */
static rf_status check_text(const struct reference *r, const struct ref_text *text, rf_error *err)
{
    const struct ref_model *model = r->model;

    if (model->n_positions > 0 && (text->n > model->n_positions - model->first_position))
        return rf__fail(err, RF_ENGINE, "%s: a text has %zu tokens, the model positions for %zu", r->path, text->n,
                        model->n_positions - model->first_position);
    for (size_t i = 0; i < text->n; i++) {
        if (text->ids[i] >= model->vocabulary)
            return rf__fail(err, RF_ENGINE, "%s: id %u is not in the vocabulary of %zu", r->path, text->ids[i],
                            model->vocabulary);
        if (model->n_types > 0 && text->types != NULL && text->types[i] >= model->n_types)
            return rf__fail(err, RF_ENGINE, "%s: token type %u is not among the %zu of the model", r->path,
                            text->types[i], model->n_types);
    }
    return RF_OK;
}

static void release_output(void *owner)
{
    rf__free(owner);
}

static rf_status run(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                     rf_error *err)
{
    const struct reference *r = (const struct reference *)engine;
    const size_t n = batch->n_tokens, hidden = r->model->hidden;
    size_t n_all;
    float *x = rf__mul(batch->n_texts * n, hidden, &n_all) ? rf__alloc_array(n_all, sizeof *x) : NULL;
    rf_status status = x == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; i < batch->n_texts && status == RF_OK; i++) {
        struct ref_pool pool = {0};
        const struct ref_text text = {.ids = batch->ids + i * n,
                                      .types = batch->type_ids == NULL ? NULL : batch->type_ids + i * n,
                                      .n = n,
                                      .pool = &pool};
        status = check_text(r, &text, err);
        if (status == RF_OK && !r->family->forward(r->model, &text, x + i * n * hidden))
            status = rf__fail_memory(err);
        rf__ref_pool_release(&pool);
    }
    if (status != RF_OK) {
        rf__free(x);
        return status;
    }
    *out = (struct engine_output){.data = x,
                                  .rank = 3,
                                  .n_texts = batch->n_texts,
                                  .n_tokens = n,
                                  .dim = hidden,
                                  .owner = x,
                                  .release = release_output};
    return RF_OK;
}

static void free_reference(struct engine *engine)
{
    struct reference *r = (struct reference *)engine;

    rf__ref_pool_release(&r->pool);
    rf__weights_free(r->weights);
    rf__free(r->path);
    rf__free(r);
}

static const struct engine_ops ops = {run, free_reference, NULL};

/* ---- Opening ------------------------------------------------------------------------------------------------- */

static const struct ref_family *const families[] = {rf__ref_postnorm, rf__ref_rotary, rf__ref_t5, rf__ref_deberta};
#define N_FAMILIES (sizeof families / sizeof families[0])

static const struct ref_family *find_family(struct ref_loader *loader)
{
    const char *model_type = rf__ref_str(loader, "model_type", "");
    char known[320] = "";
    size_t len = 0;

    for (size_t i = 0; i < N_FAMILIES; i++)
        for (const struct ref_family *family = families[i]; family->model_type != NULL; family++) {
            if (strcmp(family->model_type, model_type) == 0)
                return family;
            if (len < sizeof known)
                len +=
                    (size_t)snprintf(known + len, sizeof known - len, "%s%s", len > 0 ? ", " : "", family->model_type);
        }
    rf__ref_refuse(loader, RF_UNSUPPORTED, "'model_type' is '%.64s', which is not computed in plain C; known: %s",
                   model_type, known);
    return NULL;
}

static void find_prefix(struct ref_loader *loader, const struct ref_family *family)
{
    loader->prefix = rf__weights_prefix(loader->weights, family->first_tensor, family->prefixes);
    if (loader->prefix != NULL)
        return;
    loader->status =
        rf__fail(loader->err, RF_BAD_FORMAT, "%s: has no tensor '%s', which every model of model_type '%s' has",
                 rf__weights_path(loader->weights), family->first_tensor, family->model_type);
}

static rf_status read_config(const struct buf *text, const char *path, struct json *out, rf_error *err)
{
    rf_status status = rf__json_parse(out, text->data != NULL ? text->data : "", text->len, path, err);

    if (status == RF_OK && !yyjson_is_obj(out->root)) {
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", path, rf__json_type_name(out->root));
        rf__json_release(out);
    }
    return status;
}

static rf_status load(struct reference *r, const struct buf *config, const char *config_path, rf_error *err)
{
    struct ref_loader loader = {.weights = r->weights, .prefix = "", .pool = &r->pool, .err = err};

    loader.status = read_config(config, config_path, &loader.config, err);
    if (loader.status == RF_OK)
        r->family = find_family(&loader);
    if (loader.status == RF_OK)
        find_prefix(&loader, r->family);
    if (loader.status == RF_OK)
        r->model = r->family->load(&loader);
    if (loader.status == RF_OK && r->pool.failed)
        loader.status = rf__fail_memory(err);
    if (loader.status == RF_OK && r->model->n_positions > 0 && r->model->first_position >= r->model->n_positions)
        rf__ref_refuse(&loader, RF_BAD_FORMAT, "'pad_token_id' leaves no room in 'max_position_embeddings', %zu",
                       r->model->n_positions);
    rf__json_release(&loader.config);
    return loader.status;
}

rf_status rf__reference_open_config(const struct buf *config, const char *config_path, const char *weights_path,
                                    struct engine **out, rf_error *err)
{
    struct reference *r = rf__calloc(1, sizeof *r);
    rf_error unused;
    rf_status status;

    if (r == NULL)
        return rf__fail_memory(err);
    r->base.ops = &ops;
    r->path = rf__strdup(weights_path);
    status = r->path == NULL ? rf__fail_memory(err) : rf__weights_open(weights_path, &r->weights, err);
    if (status == RF_OK)
        status = load(r, config, config_path, err != NULL ? err : &unused);
    if (status != RF_OK) {
        free_reference(&r->base);
        return status;
    }
    r->base.info = (struct engine_info){.path = r->path,
                                        .inputs = "input_ids",
                                        .output = "last_hidden_state",
                                        .precision = "fp32",
                                        .kernels = "reference",
                                        .rank = 3,
                                        .dim = (uint32_t)r->model->hidden,
                                        .has_mask = true,
                                        .has_type_ids = r->model->n_types > 0};
    *out = &r->base;
    return RF_OK;
}

rf_status rf__reference_open(const char *config_path, const char *weights_path, struct engine **out, rf_error *err)
{
    struct buf config;
    rf_status status;

    rf__buf_init(&config, CONFIG_MAX_BYTES);
    status = rf__os_read_file(config_path, &config, err);
    if (status == RF_OK)
        status = rf__reference_open_config(&config, config_path, weights_path, out, err);
    rf__buf_release(&config);
    return status;
}
