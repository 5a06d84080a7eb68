/* remote_model: opening a model that a server computes, and what is known of it; see remote.h. */
#include "provider/remote/remote.h"

#include "base/mem.h"
#include "vector_cache/vector_cache.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S  120
#define DEFAULT_RETRIES    5
#define DEFAULT_REQUESTS   4
#define DEFAULT_BACKOFF_MS 500
#define MAX_HEADER         1024

/* ---- Options ----------------------------------------------------------------------------------------------------- */

/* What only a local model has must not be passed over in silence. */
static rf_status check_options(const struct remote_api *api, const char *source, const rf_model_options *o,
                               rf_error *err)
{
    const struct {
        const char *name;
        bool is_set;
    } local[] = {{"revision", o->revision != NULL},
                 {"onnx_file", o->onnx_file != NULL},
                 {"pooling", o->pooling != RF_POOLING_DEFAULT},
                 {"precision", o->precision != RF_PRECISION_AUTO},
                 {"long_text", o->long_text != RF_LONG_TEXT_CUT},
                 {"prompts", o->prompts != NULL && o->prompts[0] != NULL},
                 {"session_options", o->session_options != NULL && o->session_options[0] != NULL}};

    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (local[i].is_set)
            return rf__fail(err, RF_UNSUPPORTED, "%s: a server computes it; the option %s is for models that run here",
                            source, local[i].name);
    if (!api->cuts && o->count_with == NULL && (o->max_tokens > 0 || o->truncate == RF_TRUNCATE_LEFT))
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "%s: its server does not cut texts; give a tokenizer to cut them with (count_with), such as "
                        "cl100k_base.tiktoken",
                        source);
    if (o->dimensions > REMOTE_MAX_DIM || o->max_requests > REMOTE_MAX_REQUESTS)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_model_options: %s is %u, expected at most %u",
                        o->dimensions > REMOTE_MAX_DIM ? "dimensions" : "max_requests",
                        o->dimensions > REMOTE_MAX_DIM ? o->dimensions : o->max_requests,
                        o->dimensions > REMOTE_MAX_DIM ? REMOTE_MAX_DIM : REMOTE_MAX_REQUESTS);
    return RF_OK;
}

/* What is given, else the first of the variables that is set; `name` (may be NULL) receives which. NULL: none. */
static const char *from_environment(const char *given, const char *const *names, const char **name)
{
    for (; given == NULL && *names != NULL; names++) {
        if (name != NULL)
            *name = *names;
        given = rf__os_env(*names);
    }
    return given;
}

/* A copy without white space around it, fit for a header. `what` is for the message, which never shows the value. */
static rf_status take_header(const char *value, const char *what, char **out, rf_error *err)
{
    size_t len;

    while (*value == ' ' || *value == '\t' || *value == '\r' || *value == '\n')
        value++;
    len = strlen(value);
    while (len > 0 &&
           (value[len - 1] == ' ' || value[len - 1] == '\t' || value[len - 1] == '\r' || value[len - 1] == '\n'))
        len--;
    if (len == 0)
        return RF_OK;
    for (size_t i = 0; i < len; i++)
        if (value[i] <= ' ' || value[i] == 0x7F || len > MAX_HEADER)
            return rf__fail(err, RF_INVALID_ARGUMENT,
                            "%s has a blank, a control character or too many characters; set it anew", what);
    *out = rf__strndup(value, len);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status take_key(struct remote_model *model, const rf_model_options *options, bool is_needed, rf_error *err)
{
    const char *name = "the key", *key = from_environment(options->api_key, model->api->key_names, &name);
    rf_status status = RF_OK;

    if (key != NULL)
        status = take_header(key, options->api_key != NULL ? "the option api_key" : name, &model->api_key, err);
    if (status == RF_OK && model->api_key == NULL && is_needed)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: there is no key; set %s", model->source,
                        model->api->key_names[0]);
    return status;
}

static rf_status take_url(struct remote_model *model, const rf_model_options *options, bool *is_default, rf_error *err)
{
    const char *given = from_environment(options->base_url, model->api->url_names, NULL);
    char *base = rf__strdup(given != NULL ? given : model->api->default_url);
    rf_status status = RF_OK;
    size_t len;

    if (base == NULL)
        return rf__fail_memory(err);
    for (len = strlen(base); len > 0 && base[len - 1] == '/'; len--)
        base[len - 1] = '\0';
    *is_default = strcmp(base, model->api->default_url) == 0;
    if (strncmp(base, "http://", 7) != 0 && strncmp(base, "https://", 8) != 0) {
        status = rf__fail(err, RF_INVALID_ARGUMENT, "%s: the base URL is '%.200s', expected one such as %s",
                          model->source, base, model->api->default_url);
    } else {
        model->url = rf__format("%s%s", base, model->api->path);
        model->host = rf__net_printable(base);
        if (model->url == NULL || model->host == NULL)
            status = rf__fail_memory(err);
    }
    rf__free(base);
    return status;
}

/* "Name: value" from an option or a variable. */
static rf_status add_header(struct remote_model *model, const char *name, const char *given, const char *variable,
                            char **line, rf_error *err)
{
    const char *names[] = {variable, NULL}, *value = from_environment(given, names, NULL);
    char *clean = NULL;
    size_t n = 0;
    rf_status status = RF_OK;

    if (value != NULL && model->api->has_accounts)
        status = take_header(value, variable, &clean, err);

    if (status != RF_OK || clean == NULL)
        return status;
    *line = rf__format("%s: %s", name, clean);
    rf__free(clean);
    if (*line == NULL)
        return rf__fail_memory(err);
    while (model->headers[n] != NULL)
        n++;
    model->headers[n] = *line;
    return RF_OK;
}

/* Shortens the time between attempts, for tests alone. */
static uint32_t backoff_ms(void)
{
    const char *value = rf__os_env("RF_REMOTE_BACKOFF_MS");
    unsigned long ms = value != NULL ? strtoul(value, NULL, 10) : DEFAULT_BACKOFF_MS;

    return ms <= DEFAULT_BACKOFF_MS ? (uint32_t)ms : DEFAULT_BACKOFF_MS;
}

static rf_status take_numbers(struct remote_model *model, const rf_model_options *o, rf_error *err)
{
    const struct remote_api *api = model->api;

    model->truncate = o->truncate;
    model->l2 = o->l2 == RF_L2_ON;
    model->dimensions = o->dimensions;
    model->max_tokens = o->max_tokens;
    model->timeout_s = o->timeout_s > 0 ? o->timeout_s : DEFAULT_TIMEOUT_S;
    model->max_retries = o->max_retries == RF_NO_RETRIES ? 0 : o->max_retries > 0 ? o->max_retries : DEFAULT_RETRIES;
    model->max_requests = o->max_requests > 0 ? o->max_requests : DEFAULT_REQUESTS;
    model->max_batch = o->max_batch > 0 && o->max_batch < api->max_texts ? o->max_batch : api->max_texts;
    model->backoff_ms = backoff_ms();
    if (o->api_user != NULL && (model->api_user = rf__strdup(o->api_user)) == NULL)
        return rf__fail_memory(err);
    return RF_OK;
}

/* ---- What is known ----------------------------------------------------------------------------------------------- */

static const struct remote_known *find_known(const struct remote_model *model)
{
    for (const struct remote_known *known = model->api->known; known->name != NULL; known++)
        if (strcmp(known->name, model->model) == 0)
            return known;
    return NULL;
}

static bool always(void *user)
{
    (void)user;
    return true;
}

/* Nothing is downloaded, but whoever waits may give up. */
static bool is_wanted(void *user)
{
    const rf_model_options *options = user;

    return options->progress == NULL || options->progress(options->progress_user, 0, 0);
}

/* Learns the length of a vector from that of a word. */
static rf_status probe(struct remote_model *model, const rf_model_options *options, rf_error *err)
{
    const rf_text word = {"dimension", 9};
    struct remote_batch batch = {.texts = &word, .n = 1, .prompt = ""};
    struct remote_reply reply = {.vectors = rf__alloc_array(REMOTE_MAX_DIM, sizeof(float))};
    struct remote_sender sender = {.model = model,
                                   .keep_going = is_wanted,
                                   .may_retry = always,
                                   .user = (void *)(uintptr_t)options,
                                   .n_tokens = 1,
                                   .random = rf__os_now_ns() ^ (uint64_t)(uintptr_t)model};
    rf_status status = reply.vectors == NULL ? rf__fail_memory(err) : RF_OK;

    if (model->api->input_type != NULL)
        batch.input_type = model->api->input_type(RF_ROLE_DOCUMENT, NULL);
    rf__buf_init(&sender.body, 4096);
    rf__buf_init(&sender.reply, RF_JSON_MAX_BYTES);
    if (status == RF_OK)
        status = rf__net_open(&model->logger, is_wanted, sender.user, &sender.net, err);
    if (status == RF_OK)
        status = rf__remote_send(&sender, &batch, &reply, err);
    if (status == RF_OK) {
        rf__net_watch(sender.net, NULL, NULL);
        model->base.info.dim = reply.dim;
        model->nets[model->n_nets++] = sender.net;
    } else {
        rf__net_close(sender.net);
    }
    rf__buf_release(&sender.body);
    rf__buf_release(&sender.reply);
    rf__free(reply.vectors);
    return status;
}

static rf_status describe(struct remote_model *model, const rf_model_options *options, bool is_default, rf_error *err)
{
    const struct remote_known *known = is_default ? find_known(model) : NULL;
    rf_status status = RF_OK;

    if (model->max_tokens == 0 && known != NULL && !model->api->cuts)
        model->max_tokens = known->max_tokens;
    model->base.info = (rf_model_info){.size = sizeof model->base.info,
                                       .source = model->source,
                                       .directory = "",
                                       .onnx_file = "",
                                       .weights_file = "",
                                       .revision = "",
                                       .architecture = "",
                                       .precision = "",
                                       .modules = "",
                                       .assumed = "",
                                       .license = "",
                                       .pooled_by_graph = true,
                                       .l2 = model->l2,
                                       .max_tokens = model->max_tokens,
                                       .threads = model->max_requests,
                                       .prompts = "",
                                       .default_prompt = "",
                                       .kernels = model->host,
                                       .precision_why = "",
                                       .replaces = "",
                                       .similarity = "cosine",
                                       .provider = model->api->name};
    model->base.info.dim = model->dimensions > 0 ? model->dimensions : known != NULL ? known->dim : 0;
    if (model->base.info.dim == 0)
        status = probe(model, options, err);
    model->base.info.full_dim = model->base.info.dim;
    return status;
}

/* ---- The provider ------------------------------------------------------------------------------------------------ */

static void remote_stats(const struct rf_model *base, rf_model_stats *stats)
{
    struct remote_model *model = (struct remote_model *)(uintptr_t)base; /* atomics are read */

    stats->calls = atomic_load(&model->counters.calls);
    stats->texts = atomic_load(&model->counters.texts);
    stats->tokens = atomic_load(&model->counters.tokens);
    stats->truncated = atomic_load(&model->counters.truncated);
    stats->requests = atomic_load(&model->counters.requests);
    stats->retries = atomic_load(&model->counters.retries);
    stats->tokenize_ns = atomic_load(&model->counters.count_ns);
    stats->compute_ns = atomic_load(&model->counters.request_ns);
}

static rf_status remote_trim(struct rf_model *base, rf_error *err)
{
    struct remote_model *model = (struct remote_model *)base;

    (void)err;
    while (model->n_nets > 0)
        rf__net_close(model->nets[--model->n_nets]);
    return RF_OK;
}

static void remote_free(struct rf_model *base)
{
    struct remote_model *model = (struct remote_model *)base;

    (void)remote_trim(base, NULL);
    rf__tokenizer_free(model->tokenizer);
    rf__os_mutex_free(model->callback_mutex);
    rf__os_mutex_free(model->nets_mutex);
    rf__free(model->source);
    rf__free(model->url);
    rf__free(model->host);
    rf__free(model->api_key);
    rf__free(model->api_user);
    rf__free(model->organization);
    rf__free(model->project);
    rf__free(model);
}

/* What a server may change behind the name of its model, nobody knows. */
static rf_status remote_identity(const struct rf_model *base, const rf_model_options *options, struct buf *out,
                                 rf_error *err)
{
    const struct remote_model *model = (const struct remote_model *)base;
    uint8_t tokenizer[SHA256_BYTES] = {0};
    rf_status status = RF_OK;

    if (options->count_with != NULL && rf__os_is_file(options->count_with))
        status = rf__sha256_file(options->count_with, tokenizer, err);
    if (status == RF_OK)
        status = rf__buf_printf(out, err, "rag_factory %s\n%s\n%s\n%s\n%u %u %d %u %d %s\n", RF_VERSION,
                                model->api->name, model->url, model->model, base->info.dim, model->dimensions,
                                (int)model->l2, model->max_tokens, (int)model->truncate,
                                options->count_with != NULL ? options->count_with : "");
    return status == RF_OK ? rf__buf_append(out, tokenizer, sizeof tokenizer, err) : status;
}

static const struct provider remote_provider = {
    .embed = rf__remote_embed,
    .stats = remote_stats,
    .trim = remote_trim,
    .identity = remote_identity,
    .call_identity = rf__remote_call_identity,
    .free = remote_free,
};

static void log_in_turn(void *user, rf_log_level level, const char *message)
{
    struct remote_model *model = user;

    rf__os_mutex_lock(model->callback_mutex);
    model->outer.fn(model->outer.user, level, message);
    rf__os_mutex_unlock(model->callback_mutex);
}

static rf_status init_model(struct remote_model *model, const char *source, const rf_model_options *options,
                            rf_error *err)
{
    model->base.provider = &remote_provider;
    model->outer = (struct logger){options->log, options->log_user};
    if (options->log != NULL)
        model->logger = (struct logger){log_in_turn, model};
    model->callback_mutex = rf__os_mutex_new();
    model->nets_mutex = rf__os_mutex_new();
    model->source = rf__strdup(source);
    if (model->callback_mutex == NULL || model->nets_mutex == NULL || model->source == NULL)
        return rf__fail_memory(err);
    model->model = model->source + strlen(model->api->name) + 1;
    if (model->model[0] == '\0')
        return rf__fail(err, RF_INVALID_ARGUMENT, "'%s' names no model; expected one such as %s:%s", source,
                        model->api->name, model->api->known[0].name);
    return check_options(model->api, source, options, err);
}

static rf_status open_model(struct remote_model *model, const rf_model_options *options, rf_error *err)
{
    bool is_default = false;
    rf_status status = take_numbers(model, options, err);

    if (status == RF_OK && rf__hub_is_offline(options->offline))
        return rf__fail(err, RF_NETWORK, "%s: it is offline (--offline or HF_HUB_OFFLINE), and a server computes it",
                        model->source);
    if (status == RF_OK)
        status = take_url(model, options, &is_default, err);
    if (status == RF_OK)
        status = take_key(model, options, is_default, err);
    if (status == RF_OK)
        status =
            add_header(model, "OpenAI-Organization", options->organization, "OPENAI_ORG_ID", &model->organization, err);
    if (status == RF_OK)
        status = add_header(model, "OpenAI-Project", options->project, "OPENAI_PROJECT_ID", &model->project, err);
    if (status == RF_OK && options->count_with != NULL)
        status = rf__tokenizer_open(options->count_with, false, &model->logger, &model->tokenizer, err);
    return status == RF_OK ? describe(model, options, is_default, err) : status;
}

rf_status rf__remote_open(const struct remote_api *api, const char *source, const rf_model_options *options,
                          struct rf_model **out, rf_error *err)
{
    struct remote_model *model = rf__calloc(1, sizeof *model);
    uint64_t begin = rf__os_now_ns();
    rf_status status;

    if (model == NULL)
        return rf__fail_memory(err);
    model->api = api;
    status = init_model(model, source, options, err);
    if (status == RF_OK)
        status = open_model(model, options, err);
    if (status != RF_OK) {
        remote_free(&model->base);
        return status;
    }
    model->base.open_ns = rf__os_now_ns() - begin;
    rf__log(&model->logger, RF_LOG_INFO, "%s: by %s, dimension %u, %zu texts a request, %u requests at once", source,
            model->host, model->base.info.dim, model->max_batch, model->max_requests);
    *out = &model->base;
    return RF_OK;
}
