/* pipeline: opening; see embed.h. Everything that a model declares, and the options change, is decided here, once. */
#include "embed/pipeline.h"

#include "base/mem.h"
#include "embed/pooling.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

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
    if (p->table != NULL && p->info.long_text == RF_LONG_TEXT_MEAN)
        return; /* the mean of all tokens: no limit */
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

/* Runs one id through the model, which gives token_dim. */
static rf_status run_id(struct pipeline *p, uint32_t id, rf_error *reason)
{
    struct engine_batch batch = {.ids = &id, .n_texts = 1, .n_tokens = 1};
    struct engine_output output;
    rf_status status = rf__engine_run(p->engine, &batch, &output, reason);

    if (status == RF_OK) {
        p->token_dim = (uint32_t)output.dim;
        rf__engine_output_release(&output);
    }
    return status;
}

/* The number of ids that the model has a row for, where it has none for p->n_ids - 1 but one for 0. */
static rf_status count_ids(struct pipeline *p, rf_error *err)
{
    uint32_t good = 0, bad = p->n_ids - 1;
    rf_error reason = {0};

    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        rf_status status = run_id(p, middle, &reason);
        if (status == RF_NO_MEMORY)
            return rf__fail_memory(err);
        if (status == RF_OK)
            good = middle;
        else
            bad = middle;
    }
    p->n_ids = bad;
    return RF_OK;
}

/* Finds out how many ids and numbers the model has. A tokenizer with more ids than the model is no fault by itself:
 * there are such models, whose texts never yield those ids. */
static rf_status probe(struct pipeline *p, const struct model_config *config, rf_error *err)
{
    uint64_t begin = rf__os_now_ns();
    rf_error reason = {0};
    rf_status status;

    p->n_ids = p->info.vocab_size;
    if (config->vocab_size > 0 && config->vocab_size < p->n_ids)
        p->n_ids = config->vocab_size;
    status = run_id(p, p->n_ids - 1, &reason);
    if (status != RF_OK && status != RF_NO_MEMORY && p->n_ids > 1 && run_id(p, 0, NULL) == RF_OK)
        status = count_ids(p, &reason);
    if (status == RF_NO_MEMORY)
        return rf__fail_memory(err);
    if (status != RF_OK)
        return rf__fail(err, status, "the model cannot embed a token: %s", reason.message);
    if (config->hidden_size > 0 && !p->info.pooled_by_graph && p->token_dim != config->hidden_size)
        return rf__fail(err, RF_BAD_FORMAT,
                        "%s: gives vectors of %u numbers, config.json says %u (hidden_size): do they belong together?",
                        p->engine->info.path, p->token_dim, config->hidden_size);
    rf__log(&p->logger, RF_LOG_DEBUG, "the first run, of one token: %u numbers, ids up to %u have a row; %.1f ms",
            p->token_dim, p->n_ids - 1, (double)(rf__os_now_ns() - begin) / 1e6);
    return RF_OK;
}

static void warn_of_ids(const struct pipeline *p)
{
    if (p->n_ids < p->info.vocab_size)
        rf__log(
            &p->logger, RF_LOG_WARNING,
            "the tokenizer has ids up to %u, but the model's vocabulary has %u: texts with an id above are refused; "
            "does this tokenizer belong to the model?",
            p->info.vocab_size - 1, p->n_ids);
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

/* A graph that computes by a task needs the names of its tasks. */
static rf_status check_tasks(struct pipeline *p, const struct model_config *config, rf_error *err)
{
    static const rf_embed_options none = {0};
    const struct prompt *task;
    const char *text;
    rf_status status;

    if (p->table != NULL || !p->engine->info.has_tasks)
        return RF_OK;
    if (!config->prompts.has_tasks)
        return rf__fail(
            err, RF_UNSUPPORTED,
            "%s: asks for an input 'task_id', but config.json has no 'lora_adaptations', which name the tasks",
            p->engine->info.path);
    status = rf__prompts_choose(&config->prompts, &none, &text, &task, err);
    if (status == RF_OK && task == NULL) {
        append(p->assumed, sizeof p->assumed, "where no prompt is named, the task: ", "; ");
        append(p->assumed, sizeof p->assumed, rf__prompts_assumed_task(&config->prompts)->name, "");
    }
    return status;
}

static rf_status open_parts(struct pipeline *p, const struct model_config *config,
                            const struct pipeline_options *options, rf_error *err)
{
    uint32_t dim;
    rf_status status = choose_pooling(p, config, options, err);

    if (status == RF_OK)
        status = check_tasks(p, config, err);

    if (status == RF_OK)
        status = check_limit(p, err);
    if (status == RF_OK && p->table != NULL) {
        status = rf__static_bind(p->table, p->tokenizer, err);
        p->token_dim = rf__static_info(p->table)->dim;
        p->n_ids = rf__static_info(p->table)->n_ids;
    } else if (status == RF_OK) {
        status = probe(p, config, err);
    }
    dim = p->token_dim * (p->table != NULL || p->info.pooled_by_graph ? 1 : p->pooling.n);
    if (status == RF_OK)
        status = choose_modules(p, config, options, dim, err);
    if (status == RF_OK)
        status = choose_dim(p, config, options, err);
    if (status == RF_OK)
        status = rf__prompts_copy(&config->prompts, &p->prompts, err);
    return status == RF_OK ? rf__prompts_override(&p->prompts, options->prompts, err) : status;
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
    p->info.long_text = options->long_text;
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
    rf__log(&p->logger, RF_LOG_DEBUG, "%s; vectors of %u numbers%s, out of %u for a token, texts up to %u tokens%s",
            p->description, p->info.dim, p->info.l2 ? " and length 1" : "", p->token_dim, p->info.max_tokens,
            p->info.max_tokens == 0           ? " (0: any)"
            : p->truncate == RF_TRUNCATE_LEFT ? ", cut on the left"
                                              : "");
    warn_of_ids(p);
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

const struct engine_info *rf__pipeline_engine(const struct pipeline *pipeline)
{
    return pipeline->engine == NULL ? NULL : &pipeline->engine->info;
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
    out->long_texts = atomic_load(&c->long_texts);
    out->windows = atomic_load(&c->windows);
    out->tokenize_ns = atomic_load(&c->tokenize_ns);
    out->compute_ns = atomic_load(&c->compute_ns);
}

rf_status rf__pipeline_trim(const struct pipeline *pipeline, rf_error *err)
{
    rf__tokenizer_trim(pipeline->tokenizer);
    return pipeline->engine != NULL ? rf__engine_trim(pipeline->engine, err) : RF_OK;
}
