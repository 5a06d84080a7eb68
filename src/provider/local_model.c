/*
 * local_model: a model that runs here. It joins the flows of src/README.md: a model source is resolved to a model
 * directory, weights without an ONNX file are turned into one, and a pipeline is opened on it.
 */
#include "provider/provider.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/converted.h"
#include "reference/reference.h"
#include "weights/weights.h"

#include <string.h>

#define CARD_MAX_BYTES ((size_t)4 << 20)

struct local_model {
    struct rf_model base; /* first: a struct rf_model of this provider is one of these */
    struct pipeline *pipeline;
    struct model_source source;
    char *name, *onnx_file, *architecture, *license, *precision, *similarity;
    uint64_t n_parameters, memory_tokenizer, memory_engine;
    const char *kernels, *why; /* static */
    bool is_rebuilt;           /* onnx_file is made of source.onnx_file */
};

/* Whether our kernels are faster than ONNX Runtime's, which they are on every kind but "plain". */
static bool kernels_are_fast(void)
{
    const char *kernels = rf__engine_kernels();

    return kernels[0] != '\0' && strcmp(kernels, "plain") != 0;
}

/* What only our kernels have. */
static bool is_of_integers(rf_precision precision)
{
    return precision == RF_PRECISION_INT16 || precision == RF_PRECISION_INT8;
}

/* The kernels' files are made of weights: these come first where that pays or is asked for. */
struct hub_options rf__hub_options(const rf_model_options *options)
{
    return (struct hub_options){.cache_dir = options->cache_dir,
                                .revision = options->revision,
                                .onnx_file = options->onnx_file,
                                .weights_first = options->onnx_file == NULL &&
                                                 options->precision != RF_PRECISION_FILE &&
                                                 (is_of_integers(options->precision) ||
                                                  options->precision == RF_PRECISION_REFERENCE || kernels_are_fast()),
                                .offline = options->offline,
                                .logger = {options->log, options->log_user},
                                .progress = options->progress,
                                .progress_user = options->progress_user};
}

/* "license: mit" of the block between two lines of "---" at the beginning of README.md, or "". */
static char *read_license(const char *directory)
{
    char *path = rf__path_join(directory, "README.md"), *license = NULL;
    struct buf card;

    rf__buf_init(&card, CARD_MAX_BYTES);
    if (path != NULL && rf__os_is_file(path) && rf__os_read_file(path, &card, NULL) == RF_OK && card.len > 4 &&
        strncmp(card.data, "---", 3) == 0) {
        char *end = strstr(card.data + 3, "\n---"), *at = strstr(card.data, "\nlicense:");
        if (end != NULL && at != NULL && at < end) {
            at += strlen("\nlicense:");
            at += strspn(at, " \t\"'");
            license = rf__strndup(at, strcspn(at, "\r\n\"'"));
        }
    }
    rf__buf_release(&card);
    rf__free(path);
    return license != NULL ? license : rf__strdup("");
}

/* What the weights are turned into, and why. */
struct choice {
    enum onnx_precision precision;
    const char *why;
};

/* ONNX Runtime's own fp32 is faster than our kernels in plain C, which are there for the precisions that it has not. On
 * every kind of vectors int16 is faster than fp32. */
static struct choice choose(rf_precision wanted)
{
    bool are_fast = kernels_are_fast();

    if (wanted == RF_PRECISION_INT8)
        return (struct choice){ONNX_KERNELS_INT8, "asked for"};
    if (wanted == RF_PRECISION_INT16)
        return (struct choice){ONNX_KERNELS_INT16, "asked for"};
    if (wanted == RF_PRECISION_FILE)
        return (struct choice){ONNX_OPERATORS, "asked for"};
    if (wanted == RF_PRECISION_AUTO && are_fast)
        return (struct choice){ONNX_KERNELS_INT16, "auto: the fastest here that keeps a cosine of 0.99999"};
    if (!are_fast)
        return (struct choice){ONNX_OPERATORS, "the fastest on this processor"};
    return (struct choice){ONNX_KERNELS_FP32, "asked for"};
}

/* The file of the choice; of `auto`, where int16 loses too much in this model, that of fp32. */
static rf_status make_choice(struct local_model *model, const struct model_config *config,
                             const rf_model_options *options, struct choice choice, rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    const struct converted wanted = {&model->source, config, &logger, options->progress, options->progress_user};
    double lowest = 1;
    rf_status status;

    rf__free(model->onnx_file);
    model->onnx_file = NULL;
    status = rf__converted_onnx(&wanted, choice.precision, &model->onnx_file, err);
    if (status == RF_OK && options->precision == RF_PRECISION_AUTO && choice.precision == ONNX_KERNELS_INT16)
        status = rf__converted_cosine(&wanted, choice.precision, &lowest, err);
    model->why = choice.why;
    if (status != RF_OK || lowest >= CONVERTED_FAITHFUL)
        return status;
    rf__log(&logger, RF_LOG_DEBUG, "int16 keeps a cosine of %.6f in this model: fp32 computes", lowest);
    model->why = "auto: int16 does not keep a cosine of 0.99999 in this model";
    rf__free(model->onnx_file);
    model->onnx_file = NULL;
    return rf__converted_onnx(&wanted, ONNX_KERNELS_FP32, &model->onnx_file, err);
}

static rf_status convert(struct local_model *model, const struct model_config *config, const rf_model_options *options,
                         rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    const struct choice choice = choose(options->precision),
                        whole = {ONNX_OPERATORS, "the kernels do not know this architecture"};
    rf_error reason = {0};
    rf_status status = make_choice(model, config, options, choice, &reason);

    if (status == RF_UNSUPPORTED && choice.precision != ONNX_OPERATORS && !is_of_integers(options->precision)) {
        rf__log(&logger, RF_LOG_DEBUG, "ONNX Runtime's operators compute: %s", reason.message);
        return make_choice(model, config, options, whole, err);
    }
    if (status != RF_OK && err != NULL)
        *err = reason;
    return status;
}

/* The weights themselves compute. */
static rf_status need_no_onnx(struct local_model *model, rf_error *err)
{
    if (model->source.weights_file == NULL)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: the reference is computed from weights (model.safetensors, pytorch_model.bin), of which "
                        "there are none beside it",
                        model->source.onnx_file);
    model->why = "asked for";
    model->onnx_file = rf__strdup("");
    return model->onnx_file == NULL ? rf__fail_memory(err) : RF_OK;
}

/* An ONNX file that is there: for the kernels, where they are wanted and it is understood, else as it is. */
static rf_status use_onnx(struct local_model *model, const struct model_config *config, const rf_model_options *options,
                          rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    struct choice choice = choose(options->precision);
    rf_error reason = {0};
    rf_status status;

    model->why = "the ONNX file's own";
    if (choice.precision != ONNX_OPERATORS) {
        status = make_choice(model, config, options, choice, &reason);
        if (status == RF_OK) {
            model->is_rebuilt = true;
            return RF_OK;
        }
        if (is_of_integers(options->precision))
            return rf__fail(err, status, "int16 and int8 are for encoders that are understood, or made of weights: %s",
                            reason.message);
        if (status == RF_NO_MEMORY || status == RF_CANCELLED)
            return rf__fail(err, status, "%s", reason.message);
        rf__log(&logger, RF_LOG_DEBUG, "the ONNX file runs as it is: %s", reason.message);
        model->why = "the ONNX file's own: the kernels do not know this graph";
    }
    rf__free(model->onnx_file);
    model->onnx_file = rf__strdup(model->source.onnx_file);
    return model->onnx_file == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status find_onnx(struct local_model *model, const struct model_config *config,
                           const rf_model_options *options, rf_error *err)
{
    if (options->precision == RF_PRECISION_REFERENCE)
        return need_no_onnx(model, err);
    return model->source.onnx_file == NULL ? convert(model, config, options, err)
                                           : use_onnx(model, config, options, err);
}

/* Weights that no graph can be built for: the repository or directory that they are from may have an ONNX file all the
 * same, which was not asked for while there were weights. Where it has none, the first reason stands. */
static rf_status find_onnx_instead(struct local_model *model, const char *source, const struct model_config *config,
                                   const rf_model_options *options, rf_error *err)
{
    struct hub_options hub_options = rf__hub_options(options);
    struct model_source found = {0};
    rf_error reason;

    hub_options.onnx_only = true;
    if (rf__hub_resolve(source, &hub_options, &found, &reason) != RF_OK) {
        rf__log(&hub_options.logger, RF_LOG_DEBUG, "%s", reason.message);
        return RF_UNSUPPORTED;
    }
    rf__model_source_release(&model->source);
    model->source = found;
    return find_onnx(model, config, options, err);
}

/* The engine that owes nothing to ONNX Runtime. */
static rf_status open_reference(const struct local_model *model, const struct model_config *config,
                                struct engine **engine, rf_error *err)
{
    char *path = rf__path_join(config->folder, "config.json");
    rf_status status;

    if (path == NULL)
        return rf__fail_memory(err);
    status = rf__reference_open(path, model->source.weights_file, engine, err);
    rf__free(path);
    return status;
}

/* What is known not to be fp32 is not passed off as that. */
static rf_status check_fp32(const struct engine_info *engine, rf_error *err)
{
    if (engine->precision[0] == '\0' || strcmp(engine->precision, "fp32") == 0)
        return RF_OK;
    return rf__fail(err, RF_UNSUPPORTED,
                    "%s: is %s, not the fp32 that is asked for, and an ONNX file runs as it is; choose another one, or "
                    "leave the option precision out",
                    engine->path, engine->precision);
}

/* The engine, or the table of static embeddings. */
static rf_status open_encoder(struct local_model *model, const rf_model_options *options,
                              const struct model_config *config, struct engine **engine, struct static_table **table,
                              rf_error *err)
{
    const struct engine_options engine_options = {
        .session_options = options->session_options, .threads = 1, .logger = {options->log, options->log_user}};
    rf_status status;

    if (config->encoder != ENCODER_TRANSFORMER) {
        status = rf__static_open(config, model->source.weights_file, table, err);
        model->precision = rf__strdup(status == RF_OK ? rf__static_precision(*table) : "");
        model->kernels = "";
        model->why = "the table's own";
        model->onnx_file = rf__strdup("");
    } else {
        status = options->precision == RF_PRECISION_REFERENCE
                     ? open_reference(model, config, engine, err)
                     : rf__engine_open_file(model->onnx_file, &engine_options, engine, err);
        if (status == RF_OK && options->precision == RF_PRECISION_FP32) {
            status = check_fp32(&(*engine)->info, err);
            if (status != RF_OK)
                rf__engine_free(*engine);
        }
        model->precision = rf__strdup(status == RF_OK ? (*engine)->info.precision : "");
        model->n_parameters = status == RF_OK ? (*engine)->info.n_parameters : 0;
        model->kernels =
            status == RF_OK && (*engine)->info.kernels[0] != '\0' ? (*engine)->info.kernels : "ONNX Runtime";
    }
    return status;
}

/* By how much this process is larger than *then, which becomes now. */
static uint64_t grown_since(uint64_t *then)
{
    const uint64_t now = rf__os_memory_now(), grown = now > *then ? now - *then : 0;

    *then = now;
    return grown;
}

static rf_status open_pipeline(struct local_model *model, const rf_model_options *options, struct model_config *config,
                               rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    const struct pipeline_options pipeline_options = {.threads =
                                                          options->threads > 0 ? options->threads : rf__os_cpu_count(),
                                                      .max_tokens = options->max_tokens,
                                                      .pooling = options->pooling,
                                                      .l2 = options->l2,
                                                      .dimensions = options->dimensions,
                                                      .truncate = options->truncate,
                                                      .long_text = options->long_text,
                                                      .prompts = options->prompts,
                                                      .logger = logger};
    struct rf_tokenizer *tokenizer = NULL;
    struct engine *engine = NULL;
    struct static_table *table = NULL;
    uint64_t begin = rf__os_memory_now();
    rf_status status = rf__tokenizer_open(config->folder, config->lower_case, &logger, &tokenizer, err);

    model->memory_tokenizer = grown_since(&begin);
    if (status == RF_OK)
        status = open_encoder(model, options, config, &engine, &table, err);
    if (status == RF_OK)
        status = rf__pipeline_open(config, tokenizer, engine, table, &pipeline_options, &model->pipeline, err);
    else
        rf__tokenizer_free(tokenizer);
    model->memory_engine = grown_since(&begin);
    if (status == RF_OK) {
        model->architecture = config->architecture;
        model->similarity = config->similarity;
        config->architecture = config->similarity = NULL;
    }
    return status;
}

/* Finds the file that computes, and joins everything. */
static rf_status open_model(struct local_model *model, const char *source, const rf_model_options *options,
                            rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    struct model_config config = {0};
    rf_status status = rf__model_config_read(model->source.directory, &logger, &config, err);

    if (status == RF_OK && config.encoder != ENCODER_TRANSFORMER && model->source.weights_file == NULL)
        status = rf__fail(err, RF_UNSUPPORTED,
                          "%s: holds static embeddings, which are looked up in model.safetensors; %s cannot be run",
                          model->source.directory, model->source.onnx_file);
    if (status == RF_OK && config.encoder == ENCODER_TRANSFORMER) {
        status = find_onnx(model, &config, options, err);
        if (status == RF_UNSUPPORTED && model->source.onnx_file == NULL && options->precision != RF_PRECISION_REFERENCE)
            status = find_onnx_instead(model, source, &config, options, err);
    }
    if (status == RF_OK) {
        if (model->why != NULL)
            rf__log(&logger, RF_LOG_DEBUG, "%s computes (%s)",
                    model->onnx_file[0] != '\0' ? model->onnx_file : model->source.weights_file, model->why);
        status = open_pipeline(model, options, &config, err);
    }
    rf__model_config_release(&config);
    return status;
}

/* Numbers in a file of weights; 0 where it cannot be read. */
static uint64_t count_weights(const char *weights_file)
{
    struct weights *weights = NULL;
    uint64_t n = 0;

    if (rf__weights_open(weights_file, &weights, NULL) != RF_OK)
        return 0;
    for (size_t i = 0; i < rf__weights_count(weights); i++) {
        const struct tensor *tensor = rf__weights_at(weights, i);
        if ((rf__dtype_is_float(tensor->dtype) || tensor->dtype == DTYPE_I8) && tensor->rank > 0)
            n += tensor->n_elements;
    }
    rf__weights_free(weights);
    return n;
}

static rf_status describe(struct local_model *model, const char *source, rf_error *err)
{
    const struct pipeline_info *p = rf__pipeline_info(model->pipeline);
    const struct prompts *prompts = rf__pipeline_prompts(model->pipeline);

    model->name = rf__strdup(source);
    model->license = read_license(model->source.directory);
    if (model->name == NULL || model->license == NULL || model->precision == NULL || model->onnx_file == NULL)
        return rf__fail_memory(err);
    model->base.info =
        (rf_model_info){.size = sizeof model->base.info,
                        .source = model->name,
                        .directory = model->source.directory,
                        .onnx_file = model->onnx_file,
                        .weights_file = model->is_rebuilt                    ? model->source.onnx_file
                                        : model->source.weights_file != NULL ? model->source.weights_file
                                                                             : "",
                        .revision = model->source.revision,
                        .architecture = model->architecture,
                        .precision = model->precision,
                        .modules = p->modules,
                        .assumed = p->assumed,
                        .license = model->license,
                        .pooling = p->pooling,
                        .pooled_by_graph = p->pooled_by_graph,
                        .l2 = p->l2,
                        .dim = p->dim,
                        .max_tokens = p->max_tokens,
                        .vocab_size = p->vocab_size,
                        .threads = p->threads,
                        .full_dim = p->full_dim,
                        .replaces = "",
                        .provider = "local",
                        .long_text = p->long_text,
                        .prompts = prompts->names,
                        .default_prompt = prompts->default_name != NULL ? prompts->default_name : "",
                        .file_size = model->onnx_file[0] != '\0' ? rf__hub_onnx_size(model->onnx_file)
                                                                 : rf__os_stat(model->source.weights_file).size,
                        .kernels = model->kernels,
                        .precision_why = model->why,
                        .n_parameters = model->source.weights_file != NULL ? count_weights(model->source.weights_file)
                                                                           : model->n_parameters,
                        .similarity = model->similarity};
    return RF_OK;
}

/* ---- The provider ------------------------------------------------------------------------------------------------ */

static rf_status local_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err)
{
    return rf__pipeline_embed(model->pipeline, texts, n, options, out, err);
}

static const char *local_prompt(const struct rf_model *model, const char *name)
{
    const struct prompts *prompts = rf__pipeline_prompts(model->pipeline);

    for (size_t i = 0; i < prompts->n; i++)
        if (strcmp(prompts->items[i].name, name) == 0)
            return prompts->items[i].text;
    return NULL;
}

static void local_stats(const struct rf_model *model, rf_model_stats *stats)
{
    const struct local_model *local = (const struct local_model *)model;

    rf__pipeline_stats(model->pipeline, stats);
    stats->memory_tokenizer = local->memory_tokenizer;
    stats->memory_engine = local->memory_engine;
}

static rf_status local_warm_up(const struct rf_model *model, rf_error *err)
{
    return rf__pipeline_warm_up(model->pipeline, err);
}

static rf_status local_trim(struct rf_model *model, rf_error *err)
{
    return rf__pipeline_trim(model->pipeline, err);
}

static rf_status local_identity(const struct rf_model *model, const rf_model_options *options, struct buf *out,
                                rf_error *err)
{
    return rf__local_identity(&model->info, options, out, err);
}

static rf_status local_call_identity(const struct rf_model *model, const rf_embed_options *options, struct buf *out,
                                     rf_error *err)
{
    const char *prompt;
    uint32_t task;
    rf_status status = rf__pipeline_prompt(model->pipeline, options, &prompt, &task, err);

    return status == RF_OK ? rf__buf_printf(out, err, "%u\n%s", task, prompt) : status;
}

static void local_free(struct rf_model *base)
{
    struct local_model *model = (struct local_model *)base;

    rf__pipeline_free(model->pipeline);
    rf__model_source_release(&model->source);
    rf__free(model->name);
    rf__free(model->onnx_file);
    rf__free(model->architecture);
    rf__free(model->license);
    rf__free(model->precision);
    rf__free(model->similarity);
    rf__free(model);
}

static const struct provider local_provider = {
    .embed = local_embed,
    .prompt = local_prompt,
    .stats = local_stats,
    .warm_up = local_warm_up,
    .trim = local_trim,
    .identity = local_identity,
    .call_identity = local_call_identity,
    .free = local_free,
};

static double ms_since(uint64_t begin_ns)
{
    return (double)(rf__os_now_ns() - begin_ns) / 1e6;
}

/* Where the model is opened. */
static void log_begin(const struct logger *logger, const char *source)
{
    const char *kernels = rf__engine_kernels();
    char cpu[160], features[160];

    if (logger->fn == NULL)
        return;
    rf__os_cpu_name(cpu, sizeof cpu);
    rf__os_cpu_features(features, sizeof features);
    rf__log(logger, RF_LOG_DEBUG,
            "opening '%s': rag_factory " RF_VERSION ", ONNX Runtime %s, %s, %s (%s), %u processors", source,
            rf__engine_runtime_version(), rf__os_name(), cpu, features, rf__os_cpu_count());
    rf__log(logger, RF_LOG_DEBUG, "kernels: %s (%s)", kernels[0] != '\0' ? kernels : "none of ours",
            rf__engine_kernels_why());
}

rf_status rf__local_open(const char *source, const rf_model_options *options, struct rf_model **out, rf_error *err)
{
    const struct logger logger = {options->log, options->log_user};
    const struct hub_options hub_options = rf__hub_options(options);
    struct local_model *model = rf__calloc(1, sizeof *model);
    const rf_model_info *info;
    uint64_t begin = rf__os_now_ns(), found;
    rf_status status;

    if (model == NULL)
        return rf__fail_memory(err);
    info = &model->base.info;
    model->base.provider = &local_provider;
    log_begin(&logger, source);
    found = rf__os_now_ns();
    status = rf__hub_resolve(source, &hub_options, &model->source, err);
    if (status == RF_OK) {
        rf__log(&logger, RF_LOG_DEBUG, "model directory %s%s%s; found in %.1f ms", model->source.directory,
                model->source.revision[0] != '\0' ? ", commit " : "", model->source.revision, ms_since(found));
        status = open_model(model, source, options, err);
    }
    if (status == RF_OK)
        status = describe(model, source, err);
    if (status != RF_OK) {
        local_free(&model->base);
        return status;
    }
    model->base.pipeline = model->pipeline;
    model->base.open_ns = rf__os_now_ns() - begin;
    rf__log(&logger, RF_LOG_INFO, "%s: %s, %s by %s, dimension %u, limit %u tokens%s, %u threads, opened in %.0f ms",
            source, info->modules, info->precision, info->kernels[0] != '\0' ? info->kernels : "a table", info->dim,
            info->max_tokens, info->max_tokens == 0 ? " (none)" : "", info->threads, (double)model->base.open_ns / 1e6);
    *out = &model->base;
    return RF_OK;
}

/* ---- Variants ---------------------------------------------------------------------------------------------------- */

struct listing {
    const char *directory;
    rf_variant_fn fn;
    void *user;
    bool out_of_memory;
};

/* A file that is here tells its precision better than its name does. */
static bool list_variant(void *user, const rf_variant *variant)
{
    struct listing *listing = user;
    rf_variant own = *variant;
    char *path = variant->is_here ? rf__path_join(listing->directory, variant->path) : NULL;
    const char *precision = path != NULL ? rf__engine_precision_of(path) : "";

    rf__free(path);
    listing->out_of_memory = variant->is_here && path == NULL;
    if (precision[0] != '\0')
        own.precision = precision;
    return !listing->out_of_memory && listing->fn(listing->user, &own);
}

rf_status rf__local_variants(const char *directory, rf_variant_fn fn, void *user, rf_error *err)
{
    struct listing listing = {directory, fn, user, false};
    rf_status status = rf__hub_variants(directory, list_variant, &listing, err);

    return listing.out_of_memory ? rf__fail_memory(err) : status;
}
