/*
 * pipeline: see embed.h. A call is cut into windows of texts, so that its memory does not grow with their number. In
 * each window all workers first tokenize, taking texts by turns, then compute, taking batches by turns:
 *
 *     window ─ workers: tokenize → arenas of ids ─ rf__make_batches ─ workers: run, pool, modules → rows of `out`
 *
 * Static embeddings have no second part: a worker looks up what it tokenized.
 *
 * Which worker does what changes from run to run; what is done for a text does not, so the bits stay the same.
 */
#include "base/mem.h"
#include "embed/batcher.h"
#include "embed/embed.h"
#include "embed/modules.h"
#include "embed/pooling.h"
#include "embed/prompts.h"
#include "embed/static_embedding.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_TEXTS     4096
#define WINDOW_TOKENS    (1u << 20) /* a window closes once its texts may have so many tokens */
#define TOKENIZE_BLOCK   16         /* texts that a worker takes at once */
#define THREAD_MIN_BYTES 4096       /* fewer bytes of text are tokenized without a second thread */
#define SHARE_TOKENS     128 /* one text of fewer is computed by one thread: on a busy machine, waiting costs more */

struct pipeline {
    struct rf_tokenizer *tokenizer;
    struct engine *engine;      /* or */
    struct static_table *table; /* the other is NULL */
    struct pooling_spec pooling;
    struct modules *modules;
    struct prompts prompts;
    atomic_bool prompts_noted; /* that there are prompts and none was used was said */
    bool l2_again;             /* after a vector was cut to info.dim */
    struct counters {
        atomic_uint_least64_t calls, texts, tokens, truncated, tokenize_ns, compute_ns;
    } counters;
    uint32_t token_dim; /* of the vectors that come out of the engine or the table */
    struct pipeline_info info;
    rf_truncate truncate;
    struct logger logger;
    char description[512], assumed[256];
};

/* ---- Opening ------------------------------------------------------------------------------------------- */

static void append(char *text, size_t size, const char *more, const char *separator)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s", len ? separator : "", more);
}

static void assume(struct pipeline *p, const char *what)
{
    append(p->assumed, sizeof p->assumed, what, "; ");
}

#define ASSUMED_LIMIT 512

static void choose_limit(struct pipeline *p, const struct model_config *config, const struct pipeline_options *options)
{
    p->info.max_tokens = p->table != NULL ? rf__static_info(p->table)->max_tokens : config->max_tokens;
    if (p->info.max_tokens == 0 && p->table == NULL) {
        p->info.max_tokens = ASSUMED_LIMIT;
        if (options->max_tokens == 0 || options->max_tokens > ASSUMED_LIMIT)
            assume(p, "no limit declared: 512 tokens");
    }
    if (options->max_tokens > 0 && (p->info.max_tokens == 0 || options->max_tokens < p->info.max_tokens))
        p->info.max_tokens = options->max_tokens;
    if (p->table != NULL && rf__static_info(p->table)->truncates_left && p->truncate == RF_TRUNCATE_RIGHT)
        p->truncate = RF_TRUNCATE_LEFT;
}

static rf_status refuse_pooling(const struct pipeline *p, rf_error *err)
{
    if (p->table != NULL)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: holds static embeddings, whose mean is the vector; leave the option pooling out",
                        rf__static_info(p->table)->path);
    return rf__fail(err, RF_UNSUPPORTED,
                    "%s: gives one vector a text (output '%s'): there is nothing left to pool; leave the option "
                    "pooling out",
                    p->engine->info.path, p->engine->info.output);
}

static rf_status choose_pooling(struct pipeline *p, const struct model_config *config,
                                const struct pipeline_options *options, rf_error *err)
{
    p->info.pooled_by_graph = p->table == NULL && p->engine->info.rank == 2;
    p->pooling = config->pooling;
    if (options->pooling != RF_POOLING_DEFAULT) {
        if (p->table != NULL || p->info.pooled_by_graph)
            return refuse_pooling(p, err);
        p->pooling.modes[0] = options->pooling;
        p->pooling.n = 1;
    }
    if (p->pooling.n == 0) {
        p->pooling.modes[0] = config->is_causal ? RF_POOLING_LAST : RF_POOLING_MEAN;
        p->pooling.n = 1;
        if (p->table == NULL && !p->info.pooled_by_graph)
            assume(p, config->is_causal ? "no pooling declared: last, as for any causal model"
                                        : "no pooling declared: mean");
    }
    p->info.pooling = p->pooling.n == 1 ? p->pooling.modes[0] : RF_POOLING_SEVERAL;
    return RF_OK;
}

/* A graph that gives one vector a text has run all modules, unless that vector is what its first Dense takes, not what
 * the last gives. The place of the first module that is left to do. */
static size_t first_module(const struct pipeline *p, const struct model_config *config, uint32_t dim)
{
    uint32_t n_in = 0, n_out = 0;

    if (!p->info.pooled_by_graph)
        return 0;
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct module_config *module = &config->modules[i];
        if (module->kind == MODULE_NORMALIZE)
            continue;
        if (n_in == 0)
            n_in = module->n_in;
        n_out = module->n_out;
    }
    return n_in == dim && n_out != dim ? 0 : config->n_modules;
}

/* Whether vectors are to be scaled at the end; `last_is_l2`: the modules end with that. */
static bool choose_l2(struct pipeline *p, const struct model_config *config, const struct pipeline_options *options,
                      bool last_is_l2)
{
    if (options->l2 != RF_L2_DEFAULT)
        return options->l2 == RF_L2_ON;
    if (config->has_modules || config->encoder != ENCODER_TRANSFORMER)
        return last_is_l2;
    assume(p, "no modules.json: vectors are scaled to length 1");
    return true;
}

/* The modules that are left to do for vectors of `dim` numbers, with the option l2 in the place of a last Normalize. */
static rf_status choose_modules(struct pipeline *p, const struct model_config *config,
                                const struct pipeline_options *options, uint32_t dim, rf_error *err)
{
    struct model_config own = *config;
    size_t first = first_module(p, config, dim);
    bool last_is_l2 = own.n_modules > 0 && own.modules[own.n_modules - 1].kind == MODULE_NORMALIZE;

    p->info.l2 = choose_l2(p, config, options, last_is_l2);
    own.n_modules -= last_is_l2;
    if (first > own.n_modules)
        first = own.n_modules;
    if (p->info.l2) {
        if (own.n_modules == CONFIG_MAX_MODULES)
            return rf__fail(err, RF_UNSUPPORTED, "unsupported: more than %d modules", CONFIG_MAX_MODULES - 1);
        own.modules[own.n_modules++] = (struct module_config){.kind = MODULE_NORMALIZE};
    }
    return rf__modules_open(&own, first, dim, &p->modules, err);
}

/* A dimension that the model declares is cut to as sentence-transformers does it, which leaves the vector shorter than
 * 1; one that was asked for is scaled again. */
static rf_status choose_dim(struct pipeline *p, const struct model_config *config,
                            const struct pipeline_options *options, rf_error *err)
{
    uint32_t dim = rf__modules_dim(p->modules);

    p->info.dim = p->info.full_dim = dim;
    if (options->dimensions > dim)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%u dimensions are asked for, the model has %u", options->dimensions,
                        dim);
    if (options->dimensions > 0)
        p->info.dim = options->dimensions;
    else if (config->truncate_dim > 0 && config->truncate_dim < dim)
        p->info.dim = config->truncate_dim;
    if (p->info.dim < dim) {
        p->info.l2 = p->info.l2 && (options->dimensions > 0 || options->l2 == RF_L2_ON);
        p->l2_again = p->info.l2;
    }
    return RF_OK;
}

static void describe_modules(struct pipeline *p)
{
    append(p->description, sizeof p->description, p->table != NULL ? "StaticEmbedding" : "Transformer", "");
    if (p->table == NULL && !p->info.pooled_by_graph) {
        for (uint32_t i = 0; i < p->pooling.n; i++) {
            append(p->description, sizeof p->description, i == 0 ? ", Pooling(" : " + ", "");
            append(p->description, sizeof p->description, rf__pooling_name(p->pooling.modes[i]), "");
        }
        append(p->description, sizeof p->description, p->pooling.exclude_prompt ? ", without the prompt)" : ")", "");
    }
    rf__modules_describe(p->modules, p->description, sizeof p->description);
    if (p->info.dim < p->info.full_dim) {
        size_t len = strlen(p->description);
        snprintf(p->description + len, sizeof p->description - len, ", first %u of %u%s", p->info.dim, p->info.full_dim,
                 p->l2_again ? ", Normalize" : "");
    }
}

/* Runs the highest id of the tokenizer through the model: it must have a row in the embedding table. */
static rf_status probe(struct pipeline *p, const struct model_config *config, rf_error *err)
{
    uint32_t id = p->info.vocab_size - 1;
    struct engine_batch batch = {.ids = &id, .n_texts = 1, .n_tokens = 1};
    struct engine_output output;
    rf_error reason = {0};
    rf_status status;

    if (config->vocab_size > 0 && p->info.vocab_size > config->vocab_size)
        return rf__fail(
            err, RF_BAD_FORMAT,
            "the tokenizer has ids up to %u, but the model's vocabulary has %u (vocab_size of config.json): "
            "does this tokenizer belong to the model?",
            id, config->vocab_size);
    status = rf__engine_run(p->engine, &batch, &output, &reason);
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (status != RF_OK)
        return rf__fail(err, status,
                        "the model cannot embed the tokenizer's highest id, %u: does this tokenizer belong to the "
                        "model? (%s)",
                        id, reason.message);
    p->token_dim = (uint32_t)output.dim;
    rf__engine_output_release(&output);
    if (config->hidden_size > 0 && !p->info.pooled_by_graph && p->token_dim != config->hidden_size)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: gives vectors of %u numbers, config.json says %u (hidden_size): do they belong together?",
                        p->engine->info.path, p->token_dim, config->hidden_size);
    return RF_OK;
}

static rf_status check_limit(const struct pipeline *p, rf_error *err)
{
    uint32_t n_added = rf__tokenizer_n_added(p->tokenizer, false);

    if (p->table == NULL && p->info.max_tokens <= n_added)
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "a limit of %u tokens leaves no room for text beside the %u special tokens of this model",
                        p->info.max_tokens, n_added);
    return RF_OK;
}

static rf_status open_parts(struct pipeline *p, const struct model_config *config,
                            const struct pipeline_options *options, rf_error *err)
{
    uint32_t dim;
    rf_status status = choose_pooling(p, config, options, err);

    if (status == RF_OK)
        status = check_limit(p, err);
    if (status == RF_OK && p->table != NULL) {
        status = rf__static_bind(p->table, p->tokenizer, err);
        p->token_dim = rf__static_info(p->table)->dim;
    } else if (status == RF_OK) {
        status = probe(p, config, err);
    }
    dim = p->token_dim * (p->table != NULL || p->info.pooled_by_graph ? 1 : p->pooling.n);
    if (status == RF_OK)
        status = choose_modules(p, config, options, dim, err);
    if (status == RF_OK)
        status = choose_dim(p, config, options, err);
    return status == RF_OK ? rf__prompts_copy(&config->prompts, &p->prompts, err) : status;
}

rf_status rf__pipeline_open(const struct model_config *config, struct rf_tokenizer *tokenizer, struct engine *engine,
                            struct static_table *table, const struct pipeline_options *options, struct pipeline **out,
                            rf_error *err)
{
    struct pipeline *p = rf__calloc(1, sizeof *p);
    rf_status status;

    if (p == NULL) {
        rf__tokenizer_free(tokenizer);
        rf__engine_free(engine);
        rf__static_free(table);
        return rf__fail_memory(err);
    }
    p->tokenizer = tokenizer;
    p->engine = engine;
    p->table = table;
    p->truncate = options->truncate;
    p->logger = options->logger;
    p->info.threads = options->threads > 0 ? options->threads : 1;
    p->info.vocab_size = rf__tokenizer_vocab_size(tokenizer);
    p->info.modules = p->description;
    p->info.assumed = p->assumed;
    choose_limit(p, config, options);
    status = p->info.vocab_size > 0 ? open_parts(p, config, options, err)
                                    : rf__fail(err, RF_BAD_FORMAT, "the tokenizer's vocabulary is empty");
    if (status != RF_OK) {
        rf__pipeline_free(p);
        return status;
    }
    describe_modules(p);
    if (p->assumed[0] != '\0')
        rf__log(&p->logger, RF_LOG_INFO, "assumed: %s", p->assumed);
    *out = p;
    return RF_OK;
}

void rf__pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    rf__tokenizer_free(pipeline->tokenizer);
    rf__engine_free(pipeline->engine);
    rf__static_free(pipeline->table);
    rf__modules_free(pipeline->modules);
    rf__prompts_release(&pipeline->prompts);
    rf__free(pipeline);
}

const struct pipeline_info *rf__pipeline_info(const struct pipeline *pipeline)
{
    return &pipeline->info;
}

const struct rf_tokenizer *rf__pipeline_tokenizer(const struct pipeline *pipeline)
{
    return pipeline->tokenizer;
}

const struct prompts *rf__pipeline_prompts(const struct pipeline *pipeline)
{
    return &pipeline->prompts;
}

void rf__pipeline_stats(const struct pipeline *pipeline, rf_model_stats *out)
{
    struct counters *c = &((struct pipeline *)(uintptr_t)pipeline)->counters; /* atomics are read */

    out->calls = atomic_load(&c->calls);
    out->texts = atomic_load(&c->texts);
    out->tokens = atomic_load(&c->tokens);
    out->truncated = atomic_load(&c->truncated);
    out->tokenize_ns = atomic_load(&c->tokenize_ns);
    out->compute_ns = atomic_load(&c->compute_ns);
}

rf_status rf__pipeline_trim(const struct pipeline *pipeline, rf_error *err)
{
    return pipeline->engine != NULL ? rf__engine_trim(pipeline->engine, err) : RF_OK;
}

/* ---- A call -------------------------------------------------------------------------------------------- */

/* What a worker owns: the ids that it tokenized in this window, and room to gather a batch. */
struct worker {
    struct encode_scratch *scratch;
    struct encoding encoding;
    uint32_t *ids, *type_ids; /* arena */
    size_t n_ids, cap;
    uint32_t *batch; /* [3, batch_cap]: ids and type ids of a batch, and where its texts begin */
    size_t batch_cap;
    float *vector; /* [2, width]: a vector on its way through the modules, and their scratch */
    char *text;    /* [text_cap]: the prompt and a text */
    size_t text_cap;
};

struct call {
    const struct pipeline *pipeline;
    const rf_text *texts;
    size_t n;
    const rf_embed_options *options; /* never NULL */
    float *out;
    const char *prompt; /* "": none */
    size_t prompt_len;
    size_t n_skipped; /* tokens of the prompt that pooling leaves out */

    struct worker *workers;
    size_t n_workers;
    struct tokenized *tokenized; /* of the window */
    struct batch *batches;
    size_t window_begin, window_n, n_batches;
    atomic_size_t next; /* text or batch that is not yet taken */
    atomic_size_t n_truncated, n_tokens;
    uint64_t tokenize_ns, compute_ns;

    atomic_bool failed; /* the workers stop */
    struct os_mutex *mutex;
    rf_status status; /* under the mutex: the first failure */
    rf_error *err;
    size_t n_done; /* under the mutex */
};

static void fail_call(struct call *call, rf_status status, const rf_error *reason)
{
    rf__os_mutex_lock(call->mutex);
    if (!atomic_exchange(&call->failed, true)) {
        call->status = status;
        if (call->err != NULL)
            *call->err = *reason;
    }
    rf__os_mutex_unlock(call->mutex);
}

/* Counts texts and asks the caller whether to go on. */
static void report_done(struct call *call, size_t n)
{
    rf_error reason;
    bool go_on = true;

    rf__os_mutex_lock(call->mutex);
    call->n_done += n;
    if (call->options->progress != NULL && !atomic_load(&call->failed))
        go_on = call->options->progress(call->options->progress_user, call->n_done, call->n);
    rf__os_mutex_unlock(call->mutex);
    if (!go_on)
        fail_call(call, rf__fail(&reason, RF_CANCELLED, "cancelled"), &reason);
}

static rf_status grow_arena(struct worker *worker, size_t more, rf_error *err)
{
    size_t need, cap = worker->cap ? worker->cap : 4096;
    uint32_t *ids, *type_ids;

    if (!rf__add(worker->n_ids, more, &need))
        return rf__fail_memory(err);
    if (need <= worker->cap)
        return RF_OK;
    while (cap < need)
        cap *= 2;
    ids = rf__realloc(worker->ids, cap * sizeof *ids);
    if (ids == NULL)
        return rf__fail_memory(err);
    worker->ids = ids;
    type_ids = rf__realloc(worker->type_ids, cap * sizeof *type_ids);
    if (type_ids == NULL)
        return rf__fail_memory(err);
    worker->type_ids = type_ids;
    worker->cap = cap;
    return RF_OK;
}

/* Keeps the ids in the worker's arena until a batch is made of them. */
static rf_status keep_ids(struct call *call, size_t worker_index, size_t i, rf_error *err)
{
    struct worker *worker = &call->workers[worker_index];
    const struct encoding *encoding = &worker->encoding;
    rf_status status = grow_arena(worker, encoding->n, err);

    if (status != RF_OK)
        return status;
    call->tokenized[i] = (struct tokenized){.index = call->window_begin + i,
                                            .begin = worker->n_ids,
                                            .n_tokens = (uint32_t)encoding->n,
                                            .worker = (uint32_t)worker_index};
    if (encoding->n > 0) {
        memcpy(worker->ids + worker->n_ids, encoding->ids, encoding->n * sizeof *worker->ids);
        memcpy(worker->type_ids + worker->n_ids, encoding->type_ids, encoding->n * sizeof *worker->type_ids);
    }
    worker->n_ids += encoding->n;
    return RF_OK;
}

/* Runs the modules on worker->vector, which becomes row `index`. */
static void finish_vector(const struct call *call, struct worker *worker, size_t index)
{
    const struct pipeline *p = call->pipeline;

    rf__modules_run(p->modules, worker->vector, worker->vector + rf__modules_width(p->modules));
    if (p->l2_again)
        rf__l2_normalize(worker->vector, p->info.dim);
    memcpy(call->out + index * p->info.dim, worker->vector, p->info.dim * sizeof *call->out);
}

/* The text with the prompt in front of it. */
static rf_status put_prompt(const struct call *call, struct worker *worker, rf_text *text, rf_error *err)
{
    size_t len;

    if (call->prompt_len == 0)
        return RF_OK;
    if (!rf__add(call->prompt_len, text->len, &len))
        return rf__fail_memory(err);
    if (len > worker->text_cap) {
        rf__free(worker->text);
        worker->text_cap = 0;
        worker->text = rf__alloc(len);
        if (worker->text == NULL)
            return rf__fail_memory(err);
        worker->text_cap = len;
    }
    memcpy(worker->text, call->prompt, call->prompt_len);
    if (text->len > 0)
        memcpy(worker->text + call->prompt_len, text->data, text->len);
    *text = (rf_text){worker->text, len};
    return RF_OK;
}

static rf_status tokenize_text(struct call *call, size_t worker_index, size_t i, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct worker *worker = &call->workers[worker_index];
    size_t index = call->window_begin + i;
    struct encode_request request = {.text = call->texts[index],
                                     .no_special_tokens = p->table != NULL,
                                     .max_tokens = p->info.max_tokens,
                                     .truncate = p->truncate,
                                     .no_alignment = true};
    bool was_cut = false;
    rf_status status = put_prompt(call, worker, &request.text, err);

    if (status != RF_OK)
        return status;
    if (p->table != NULL)
        rf__static_cut(p->table, &request.text, &was_cut);
    if (was_cut && p->truncate == RF_TRUNCATE_ERROR)
        status = rf__fail(err, RF_TRUNCATED, "is longer than the model reads");
    else
        status = rf__encode(p->tokenizer, &request, worker->scratch, &worker->encoding, err);
    if (status == RF_TRUNCATED)
        rf__fail_prefix(err, status, "text %zu", index);
    if (status == RF_OK && p->table == NULL)
        status = keep_ids(call, worker_index, i, err);
    if (status != RF_OK)
        return status;
    if (p->table != NULL) {
        rf__static_mean(p->table, worker->encoding.ids, worker->encoding.n, worker->vector);
        finish_vector(call, worker, index);
    }
    was_cut = was_cut || worker->encoding.truncated;
    atomic_fetch_add(&call->n_tokens, worker->encoding.n);
    if (call->options->n_tokens != NULL)
        call->options->n_tokens[index] = (uint32_t)worker->encoding.n;
    if (call->options->truncated != NULL)
        call->options->truncated[index] = was_cut;
    if (was_cut)
        atomic_fetch_add(&call->n_truncated, 1);
    return RF_OK;
}

static void tokenize_worker(void *arg, size_t worker)
{
    struct call *call = arg;
    rf_error reason;

    while (!atomic_load(&call->failed)) {
        size_t begin = atomic_fetch_add(&call->next, TOKENIZE_BLOCK), i = begin;
        if (begin >= call->window_n)
            return;
        for (; i < begin + TOKENIZE_BLOCK && i < call->window_n; i++) {
            rf_status status = tokenize_text(call, worker, i, &reason);
            if (status != RF_OK) {
                fail_call(call, status, &reason);
                return;
            }
        }
        if (call->pipeline->table != NULL)
            report_done(call, i - begin);
    }
}

/* Gathers the ids of a batch, behind each other. */
static rf_status gather(struct call *call, struct worker *worker, const struct batch *batch, struct engine_batch *out,
                        rf_error *err)
{
    const struct tokenized *texts = call->tokenized + batch->begin;
    const bool packs = call->pipeline->engine->info.packs;
    size_t n = 0, need;
    uint32_t *ids, *type_ids, *begins;

    for (size_t i = 0; i < batch->n; i++)
        n += texts[i].n_tokens;
    need = n > batch->n ? n + 1 : batch->n + 1;
    if (need > worker->batch_cap) {
        rf__free(worker->batch);
        worker->batch_cap = 0;
        worker->batch = rf__alloc_array(3 * need, sizeof *worker->batch);
        if (worker->batch == NULL)
            return rf__fail_memory(err);
        worker->batch_cap = need;
    }
    ids = worker->batch;
    type_ids = ids + worker->batch_cap;
    begins = type_ids + worker->batch_cap;
    n = 0;
    for (size_t i = 0; i < batch->n; n += texts[i++].n_tokens) {
        const struct worker *owner = &call->workers[texts[i].worker];
        memcpy(ids + n, owner->ids + texts[i].begin, texts[i].n_tokens * sizeof *ids);
        memcpy(type_ids + n, owner->type_ids + texts[i].begin, texts[i].n_tokens * sizeof *ids);
        begins[i] = (uint32_t)n;
    }
    begins[batch->n] = (uint32_t)n;
    *out =
        (struct engine_batch){.ids = ids,
                              .type_ids = type_ids,
                              .begins = packs ? begins : NULL,
                              .n_texts = batch->n,
                              .n_tokens = packs ? n : texts[0].n_tokens,
                              .threads = call->n_batches == 1 && n >= SHARE_TOKENS ? call->pipeline->info.threads : 1};
    return RF_OK;
}

static void write_vectors(const struct call *call, struct worker *worker, const struct batch *batch,
                          const struct engine_output *output)
{
    const struct pipeline *p = call->pipeline;
    const struct tokenized *texts = call->tokenized + batch->begin;
    size_t dim = output->dim, row = 0;

    for (size_t i = 0; i < batch->n; i++) {
        if (output->rank == 2)
            memcpy(worker->vector, output->data + i * dim, dim * sizeof *worker->vector);
        else
            rf__pool_all(&p->pooling, output->data + row * dim, texts[i].n_tokens, call->n_skipped, dim,
                         worker->vector);
        row += texts[i].n_tokens;
        finish_vector(call, worker, texts[i].index);
    }
}

static rf_status compute_batch(struct call *call, struct worker *worker, const struct batch *batch, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct engine_batch input;
    struct engine_output output;
    rf_status status;

    if (call->tokenized[batch->begin].n_tokens == 0) { /* a tokenizer without special tokens, and no text: no token */
        for (size_t i = 0; i < batch->n; i++)
            memset(call->out + call->tokenized[batch->begin + i].index * p->info.dim, 0,
                   p->info.dim * sizeof *call->out);
        return RF_OK;
    }
    status = gather(call, worker, batch, &input, err);
    if (status == RF_OK)
        status = rf__engine_run(p->engine, &input, &output, err);
    if (status != RF_OK)
        return status;
    if (output.dim != p->token_dim)
        status = rf__fail(err, RF_ENGINE, "%s: gave vectors of %zu numbers after %u before", p->engine->info.path,
                          output.dim, p->token_dim);
    else
        write_vectors(call, worker, batch, &output);
    rf__engine_output_release(&output);
    return status;
}

static void compute_worker(void *arg, size_t worker)
{
    struct call *call = arg;
    rf_error reason;

    while (!atomic_load(&call->failed)) {
        size_t i = atomic_fetch_add(&call->next, 1);
        rf_status status;
        if (i >= call->n_batches)
            return;
        status = compute_batch(call, &call->workers[worker], &call->batches[i], &reason);
        if (status != RF_OK)
            fail_call(call, status, &reason);
        else
            report_done(call, call->batches[i].n);
    }
}

/* How many texts from window_begin on belong to the window, and their bytes. */
static size_t measure_window(const struct call *call, size_t *n_bytes)
{
    uint32_t limit = call->pipeline->table != NULL ? 1 : call->pipeline->info.max_tokens;
    size_t most = WINDOW_TOKENS / limit, n = call->n - call->window_begin;

    if (most == 0)
        most = 1;
    if (n > WINDOW_TEXTS)
        n = WINDOW_TEXTS;
    if (n > most)
        n = most;
    *n_bytes = 0;
    for (size_t i = 0; i < n && *n_bytes < THREAD_MIN_BYTES; i++)
        *n_bytes += call->texts[call->window_begin + i].len;
    return n;
}

static void run_window(struct call *call)
{
    size_t n_bytes, n_workers;
    struct batch_limits limits;
    uint64_t begin = rf__os_now_ns(), tokenized;

    call->window_n = measure_window(call, &n_bytes);
    for (size_t w = 0; w < call->n_workers; w++)
        call->workers[w].n_ids = 0;
    atomic_store(&call->next, 0);
    rf__os_parallel(n_bytes < THREAD_MIN_BYTES ? 1 : call->n_workers, tokenize_worker, call);
    tokenized = rf__os_now_ns();
    call->tokenize_ns += tokenized - begin;
    if (atomic_load(&call->failed) || call->pipeline->table != NULL)
        return;
    limits = rf__batch_limits(call->pipeline->engine->info.packs, call->tokenized, call->window_n, call->n_workers);
    call->n_batches = rf__make_batches(call->tokenized, call->window_n, &limits, call->batches);
    atomic_store(&call->next, 0);
    n_workers = call->n_batches < call->n_workers ? call->n_batches : call->n_workers;
    rf__os_parallel(n_workers, compute_worker, call);
    call->compute_ns += rf__os_now_ns() - tokenized;
}

/* Adds what a call did to what the pipeline did. */
static void count_call(const struct call *call)
{
    struct counters *c = &((struct pipeline *)(uintptr_t)call->pipeline)->counters;

    atomic_fetch_add(&c->calls, 1);
    atomic_fetch_add(&c->texts, call->n);
    atomic_fetch_add(&c->tokens, call->n_tokens);
    atomic_fetch_add(&c->truncated, call->n_truncated);
    atomic_fetch_add(&c->tokenize_ns, call->tokenize_ns);
    atomic_fetch_add(&c->compute_ns, call->compute_ns);
}

static void release_call(struct call *call)
{
    for (size_t w = 0; call->workers != NULL && w < call->n_workers; w++) {
        struct worker *worker = &call->workers[w];
        rf__encode_scratch_free(worker->scratch);
        rf__encoding_release(&worker->encoding);
        rf__free(worker->ids);
        rf__free(worker->type_ids);
        rf__free(worker->batch);
        rf__free(worker->vector);
        rf__free(worker->text);
    }
    rf__free(call->workers);
    rf__free(call->tokenized);
    rf__free(call->batches);
    rf__os_mutex_free(call->mutex);
}

static rf_status init_call(struct call *call, rf_error *err)
{
    size_t most = call->n < WINDOW_TEXTS ? call->n : WINDOW_TEXTS;

    call->n_workers = call->n < call->pipeline->info.threads ? call->n : call->pipeline->info.threads;
    call->workers = rf__calloc(call->n_workers, sizeof *call->workers);
    call->tokenized = rf__alloc_array(most, sizeof *call->tokenized);
    call->batches = rf__alloc_array(most, sizeof *call->batches);
    call->mutex = rf__os_mutex_new();
    if (call->workers == NULL || call->tokenized == NULL || call->batches == NULL || call->mutex == NULL)
        return rf__fail_memory(err);
    for (size_t w = 0; w < call->n_workers; w++) {
        struct worker *worker = &call->workers[w];
        worker->scratch = rf__encode_scratch_new();
        worker->vector = rf__alloc_array(2 * (size_t)rf__modules_width(call->pipeline->modules), sizeof(float));
        if (worker->scratch == NULL || worker->vector == NULL)
            return rf__fail_memory(err);
    }
    return RF_OK;
}

/* The tokens of the prompt alone, but for the one that the tokenizer puts at its end. */
static rf_status count_prompt(struct call *call, rf_error *err)
{
    const struct pipeline *p = call->pipeline;
    struct worker *worker = &call->workers[0];
    const struct encode_request request = {.text = {call->prompt, call->prompt_len}, .max_tokens = p->info.max_tokens};
    const struct encoding *encoding = &worker->encoding;
    rf_status status;

    if (call->prompt_len == 0 || !p->pooling.exclude_prompt || p->table != NULL)
        return RF_OK;
    status = rf__encode(p->tokenizer, &request, worker->scratch, &worker->encoding, err);
    if (status == RF_OK && encoding->n > 0)
        call->n_skipped = encoding->n - (encoding->special[encoding->n - 1] ? 1 : 0);
    return status;
}

static rf_status choose_prompt(struct call *call, rf_error *err)
{
    struct pipeline *p = (struct pipeline *)(uintptr_t)call->pipeline; /* only its atomic is written */
    const rf_embed_options *o = call->options;
    rf_status status = rf__prompts_choose(&p->prompts, o, &call->prompt, err);

    if (status != RF_OK)
        return status;
    call->prompt_len = strlen(call->prompt);
    if (call->prompt_len == 0 && o->prompt == NULL && o->prompt_name == NULL && o->role == RF_ROLE_NONE &&
        p->prompts.names[0] != '\0' && !atomic_exchange(&p->prompts_noted, true))
        rf__log(&p->logger, RF_LOG_WARNING,
                "the model has prompts (%s) and none is put in front of the texts; say whether they are queries or "
                "documents, or name a prompt",
                p->prompts.names);
    return RF_OK;
}

rf_status rf__pipeline_embed(const struct pipeline *pipeline, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err)
{
    static const rf_embed_options no_options = {0};
    struct call call = {.pipeline = pipeline,
                        .texts = texts,
                        .n = n,
                        .options = options != NULL ? options : &no_options,
                        .out = out,
                        .err = err};
    rf_status status;

    if (n == 0)
        return RF_OK;
    status = choose_prompt(&call, err);
    if (status == RF_OK)
        status = init_call(&call, err);
    if (status == RF_OK)
        status = count_prompt(&call, err);
    for (; status == RF_OK && call.window_begin < n; call.window_begin += call.window_n) {
        run_window(&call);
        if (atomic_load(&call.failed))
            status = call.status;
    }
    if (status == RF_OK && call.n_truncated > 0 && call.options->truncated == NULL) /* else the caller sees it there */
        rf__log(&pipeline->logger, RF_LOG_WARNING, "%zu of %zu texts were longer than %u tokens and were cut",
                (size_t)call.n_truncated, n, pipeline->info.max_tokens);
    if (status == RF_OK)
        count_call(&call);
    release_call(&call);
    return status;
}
