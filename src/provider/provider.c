/* provider: see provider.h. Which provider a source is for, and what stands in where it cannot be opened. */
#include "provider/provider.h"

#include "base/mem.h"
#ifdef RF_HAS_REMOTE
#include "provider/remote/remote.h"
#endif

#include <string.h>

#ifdef RF_HAS_REMOTE
/* NULL: the source is no server's. */
static const struct remote_api *api_of(const char *source)
{
    static const struct remote_api *const apis[] = {&rf__openai, &rf__cohere};

    for (size_t i = 0; i < sizeof apis / sizeof apis[0]; i++) {
        size_t len = strlen(apis[i]->name);
        if (strncmp(source, apis[i]->name, len) == 0 && source[len] == ':')
            return apis[i];
    }
    return NULL;
}

rf_status rf__provider_need_files(const char *source, rf_error *err)
{
    if (api_of(source) == NULL)
        return RF_OK;
    return rf__fail(err, RF_UNSUPPORTED,
                    "%s: a server computes it; there are no files of it to be had; for its tokens, "
                    "name a tokenizer's file, such as cl100k_base.tiktoken",
                    source);
}

static rf_status open_source(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err)
{
    const struct remote_api *api = api_of(source);

    return api != NULL ? rf__remote_open(api, source, options, out, err) : rf__local_open(source, options, out, err);
}
#else
rf_status rf__provider_need_files(const char *source, rf_error *err)
{
    (void)source;
    (void)err;
    return RF_OK;
}

static rf_status open_source(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err)
{
    return rf__local_open(source, options, out, err);
}
#endif

/* Not for what another model does not cure: no memory, a call that is wrong, a user who stopped it. */
static bool may_fall_back(rf_status status)
{
    return status != RF_OK && status != RF_NO_MEMORY && status != RF_INVALID_ARGUMENT && status != RF_CANCELLED;
}

/* Opens the fallback in the place of `source`, which could not be for that reason. */
static rf_status open_fallback(const char *source, const rf_error *reason, const rf_model_options *options,
                               struct rf_model **out, rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    rf_model_options own = *options;
    rf_error fault = {RF_OK, ""};
    rf_status status;

    own.revision = own.onnx_file = NULL;
    own.prompts = NULL;
    own.max_tokens = own.dimensions = 0;
    own.pooling = RF_POOLING_DEFAULT;
    own.precision = 0;
    status = open_source(options->fallback, &own, out, &fault);
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (status != RF_OK)
        return rf__fail(err, reason->status, "%.320s (nor can the fallback '%.60s' be opened: %.100s)", reason->message,
                        options->fallback, fault.message);
    (*out)->replaces = rf__strdup(source);
    if ((*out)->replaces == NULL) {
        rf__provider_free(*out);
        *out = NULL;
        return rf__fail_memory(err);
    }
    (*out)->info.replaces = (*out)->replaces;
    rf__log(&logger, RF_LOG_WARNING, "'%s' cannot be opened, '%s' is used instead, whose vectors are others: %s",
            source, options->fallback, reason->message);
    return RF_OK;
}

static rf_status open_one(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err)
{
    rf_error reason = {RF_OK, ""};
    rf_status status = open_source(source, options, out, &reason);

    if (options->fallback != NULL && strcmp(options->fallback, source) != 0 && may_fall_back(status))
        return open_fallback(source, &reason, options, out, err);
    if (status != RF_OK && err != NULL)
        *err = reason;
    return status;
}

rf_status rf__provider_open(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err)
{
    struct rf_model *model = NULL;
    rf_status status = open_one(source, options, &model, err);

    if (status == RF_OK)
        status = rf__cached_open(options, &model, err);
    if (status == RF_OK)
        *out = model;
    else
        rf__provider_free(model);
    return status;
}

void rf__provider_free(struct rf_model *model)
{
    if (model == NULL)
        return;
    rf__free(model->replaces);
    model->provider->free(model);
}

rf_status rf__provider_need_local(const struct rf_model *model, const char *what, rf_error *err)
{
    if (model->pipeline != NULL)
        return RF_OK;
    return rf__fail(err, RF_UNSUPPORTED, "%s: a server computes it (%s); %s needs a model that runs on this machine",
                    model->info.source, model->info.provider, what);
}
