/* convert: see convert.h. */
#include "convert/convert.h"

#include "base/mem.h"
#include "convert/make_onnx.h"
#include "convert/model_files.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define MAX_NAME 200 /* bytes of a model directory's name */
#define MARK     "conversion.json"

struct report {
    rf_convert_report shown; /* first: the caller's pointer is this one */
    char *directory, *onnx_file, *made_of, *revision;
};

struct conversion {
    const char *source;
    const rf_convert_options *options;
    struct logger logger;
    struct model_source found;
    struct model_config config;
    enum onnx_precision precision;
    char *directory;      /* where the model directory appears */
    char *partial;        /* where it is made */
    char *onnx_file;      /* in `partial` */
    const char *original; /* the ONNX file that is rewritten; NULL: the weights are converted */
    rf_validate_report *validation;
    uint64_t convert_ns, validate_ns;
    uint64_t bytes; /* of the ONNX file */
};

static void begin(const struct conversion *c, const char *part)
{
    if (c->options->part != NULL)
        c->options->part(c->options->progress_user, part);
}

/* The file that is rewritten or converted. */
static const char *made_of(const struct conversion *c)
{
    return c->original != NULL ? c->original : c->found.weights_file;
}

/* ---- Where it comes from and where it goes ------------------------------------------------------------------- */

static rf_status find_original(struct conversion *c, rf_error *err)
{
    const rf_convert_options *o = c->options;
    const struct hub_options hub_options = {.cache_dir = o->cache_dir,
                                            .revision = o->revision,
                                            .onnx_file = o->onnx_file,
                                            .weights_first = o->onnx_file == NULL,
                                            .offline = o->offline,
                                            .logger = c->logger,
                                            .progress = o->progress,
                                            .progress_user = o->progress_user};
    rf_status status = rf__provider_need_files(c->source, err);

    begin(c, "Downloading");
    if (status == RF_OK)
        status = rf__hub_resolve(c->source, &hub_options, &c->found, err);
    if (status != RF_OK)
        return status;
    c->original = c->found.onnx_file;
    if (c->original != NULL && o->quantization == RF_QUANTIZE_NONE && !o->optimize)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: is an ONNX file already, and there are no weights (model.safetensors, pytorch_model.bin) "
                        "beside it to convert; it can be optimized or quantized",
                        c->original);
    status = rf__model_config_read(c->found.directory, &c->logger, &c->config, err);
    if (status == RF_OK && c->config.encoder != ENCODER_TRANSFORMER)
        return rf__fail(err, RF_UNSUPPORTED, "%s: holds static embeddings, which are looked up and need no ONNX file",
                        c->found.directory);
    return status;
}

/* "org/name@revision" becomes "org_name", a path the name of its folder. In new memory; NULL when out of memory. */
static char *make_name(const char *source, const char *found_directory)
{
    bool is_path = rf__os_stat(source).kind != OS_NOTHING;
    char *real = is_path ? rf__os_real_path(found_directory) : NULL, *name;

    if (real != NULL)
        name = rf__strdup(real + rf__os_folder_len(real));
    else
        name = rf__strndup(source, strcspn(source, "@"));
    for (char *at = name; at != NULL && *at != '\0'; at++)
        if (*at == '/')
            *at = '_';
    rf__free(real);
    return name;
}

static rf_status check_name(const char *name, rf_error *err)
{
    if (name[0] != '\0' && name[0] != '.' && strlen(name) <= MAX_NAME && strpbrk(name, "/\\:") == NULL)
        return RF_OK;
    return rf__fail(err, RF_INVALID_ARGUMENT,
                    "'%.64s' cannot be the name of a model directory: expected 1 to %d bytes that do not begin with "
                    "'.' and hold no '/', '\\' or ':'",
                    name, MAX_NAME);
}

/* Nothing, an empty folder, or what an earlier conversion made. */
static rf_status check_place(const char *directory, rf_error *err)
{
    enum os_kind kind = rf__os_stat(directory).kind;
    char *mark, **names = NULL;
    size_t n = 1;
    bool is_ours;

    if (kind == OS_NOTHING)
        return RF_OK;
    mark = rf__path_join(directory, MARK);
    if (mark == NULL)
        return rf__fail_memory(err);
    is_ours = rf__os_is_file(mark);
    rf__free(mark);
    if (kind == OS_DIRECTORY && !is_ours && rf__os_list_directory(directory, &names, &n, NULL) == RF_OK)
        rf__free(names);
    if (kind == OS_DIRECTORY && (is_ours || n == 0))
        return RF_OK;
    return rf__fail(err, RF_INVALID_ARGUMENT,
                    "%s: is there already and was not made by a conversion (it has no " MARK "): remove it or choose "
                    "another place",
                    directory);
}

static rf_status choose_place(struct conversion *c, const char *output_dir, rf_error *err)
{
    char *name = c->options->name != NULL ? rf__strdup(c->options->name) : make_name(c->source, c->found.directory);
    rf_status status = name == NULL ? rf__fail_memory(err) : check_name(name, err);

    if (status == RF_OK) {
        c->directory = rf__path_join(output_dir, name);
        c->partial = rf__format("%s/.%s.%llx.partial", output_dir, name, (unsigned long long)rf__os_now_ns());
        c->onnx_file = c->partial == NULL ? NULL : rf__path_join(c->partial, "model.onnx");
        if (c->directory == NULL || c->onnx_file == NULL)
            status = rf__fail_memory(err);
    }
    rf__free(name);
    return status == RF_OK ? check_place(c->directory, err) : status;
}

/* ---- Making it ----------------------------------------------------------------------------------------------- */

static rf_status make_onnx(struct conversion *c, rf_error *err)
{
    const struct onnx_wish wish = {.options = c->options,
                                   .source = c->source,
                                   .found = &c->found,
                                   .config = &c->config,
                                   .onnx_file = c->original,
                                   .out_path = c->onnx_file,
                                   .precision = c->precision,
                                   .logger = &c->logger};

    return rf__make_onnx(&wish, err);
}

static rf_status copy_files(const struct conversion *c, rf_error *err)
{
    const char *file = made_of(c);
    const size_t len = rf__os_folder_len(file); /* with the slash */
    char *folder = rf__strndup(file, len > 0 ? len - 1 : 0);
    rf_status status;

    if (folder == NULL)
        return rf__fail_memory(err);
    status = rf__model_files_copy(c->found.directory, c->partial, folder, err);
    rf__free(folder);
    return status;
}

/* The report names the file where it will be. */
static rf_status compare(struct conversion *c, const struct rf_model *model, const struct rf_model *reference,
                         rf_error *err)
{
    const rf_convert_options *o = c->options;
    const rf_validate_options how = {
        .size = sizeof how, .threshold = o->threshold, .progress = o->progress, .progress_user = o->progress_user};
    char *file = rf__path_join(c->directory, "model.onnx");
    rf_status status;

    if (file == NULL)
        return rf__fail_memory(err);
    begin(c, "Comparing");
    status = rf__validate(model, reference, file, &how, &c->validation, err);
    rf__free(file);
    return status;
}

/* The new file against the weights, computed by what shares nothing with it; or against the ONNX file that it is of. */
static rf_status validate(struct conversion *c, rf_error *err)
{
    const rf_convert_options *o = c->options;
    const rf_model_options ours = {.size = sizeof ours,
                                   .offline = true,
                                   .cache_dir = o->cache_dir,
                                   .threads = o->threads,
                                   .precision = RF_PRECISION_FILE};
    rf_model_options theirs = ours;
    struct rf_model *model = NULL, *reference = NULL;
    rf_status status = rf__local_open(c->partial, &ours, &model, err);

    if (c->original == NULL)
        theirs.precision = RF_PRECISION_REFERENCE;
    if (status == RF_OK)
        status = rf__local_open(c->original != NULL ? c->original : c->found.directory, &theirs, &reference, err);
    if (status == RF_OK)
        status = compare(c, model, reference, err);
    rf__provider_free(model);
    rf__provider_free(reference);
    return status;
}

static rf_status append_pair(struct buf *text, const char *key, const char *value, rf_error *err)
{
    rf_status status = rf__buf_printf(text, err, " \"%s\": ", key);

    if (status == RF_OK)
        status = rf__buf_append_json(text, value, strlen(value), err);
    return status == RF_OK ? rf__buf_append_str(text, ",\n", err) : status;
}

static rf_status append_validation(struct buf *text, const rf_validate_report *v, rf_error *err)
{
    if (v == NULL)
        return rf__buf_append_str(text, " \"validation\": null\n}\n", err);
    return rf__buf_printf(text, err,
                          " \"validation\": {\"passed\": %s, \"threshold\": %g, \"n_texts\": %zu, \"min\": %.9f, "
                          "\"mean\": %.9f, \"p1\": %.9f}\n}\n",
                          v->passed ? "true" : "false", v->threshold, v->n_texts, v->min, v->mean, v->p1);
}

/* What was done, for who finds the directory later, and the sign that it is ours. */
static rf_status write_mark(const struct conversion *c, rf_error *err)
{
    const char *file = made_of(c);
    const char *const pairs[][2] = {
        {"tool", "rag_factory " RF_VERSION},
        {"source", c->source},
        {"revision", c->found.revision},
        {"made_of", file + rf__os_folder_len(file)},
        {"architecture", c->config.architecture},
        {"onnx_file", "model.onnx"},
        {"precision", rf__made_precision(c->options, c->precision)},
    };
    char *path = rf__path_join(c->partial, MARK);
    struct buf text;
    rf_status status = path == NULL ? rf__fail_memory(err) : RF_OK;

    rf__buf_init(&text, 1 << 16);
    if (status == RF_OK)
        status = rf__buf_append_str(&text, "{\n", err);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0] && status == RF_OK; i++)
        status = append_pair(&text, pairs[i][0], pairs[i][1], err);
    if (status == RF_OK)
        status = append_validation(&text, c->validation, err);
    if (status == RF_OK)
        status = rf__os_write_file(path, text.data, text.len, err);
    rf__buf_release(&text);
    rf__free(path);
    return status;
}

/* An older directory steps aside first: a folder cannot be replaced by a rename. It comes back where that fails. */
static rf_status put_in_place(const struct conversion *c, rf_error *err)
{
    char *old = rf__format("%s.old", c->partial);
    bool is_there = rf__os_stat(c->directory).kind != OS_NOTHING;
    rf_status status = old == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && is_there)
        status = rf__os_rename(c->directory, old, err);
    if (status == RF_OK) {
        status = rf__os_rename(c->partial, c->directory, err);
        if (status != RF_OK && is_there)
            (void)rf__os_rename(old, c->directory, NULL);
        else if (is_there && rf__os_remove_tree(old, NULL) != RF_OK)
            rf__log(&c->logger, RF_LOG_WARNING, "%s: is the model that was replaced, and could not be removed", old);
    }
    rf__free(old);
    return status;
}

/* Everything that happens in `partial`. */
static rf_status make(struct conversion *c, rf_error *err)
{
    uint64_t begin = rf__os_now_ns(), between;
    rf_status status = rf__os_make_directories(c->partial, err);

    if (status == RF_OK)
        status = make_onnx(c, err);
    if (status == RF_OK)
        status = copy_files(c, err);
    c->bytes = rf__hub_onnx_size(c->onnx_file);
    between = rf__os_now_ns();
    c->convert_ns = between - begin;
    if (status == RF_OK && !c->options->no_validation)
        status = validate(c, err);
    c->validate_ns = rf__os_now_ns() - between;
    if (status == RF_OK)
        status = write_mark(c, err);
    return status;
}

/* ---- The report ---------------------------------------------------------------------------------------------- */

/* Takes what the conversion holds. */
static rf_status make_report(struct conversion *c, bool is_there, rf_convert_report **out, rf_error *err)
{
    struct report *report = rf__calloc(1, sizeof *report);

    if (report == NULL)
        return rf__fail_memory(err);
    report->directory = rf__strdup(is_there ? c->directory : "");
    report->onnx_file = is_there ? rf__path_join(c->directory, "model.onnx") : rf__strdup("");
    report->made_of = rf__strdup(made_of(c));
    report->revision = rf__strdup(c->found.revision);
    report->shown = (rf_convert_report){.directory = report->directory,
                                        .onnx_file = report->onnx_file,
                                        .made_of = report->made_of,
                                        .revision = report->revision,
                                        .bytes = c->bytes,
                                        .convert_ns = c->convert_ns,
                                        .validate_ns = c->validate_ns,
                                        .validation = c->validation};
    c->validation = NULL;
    if (report->directory == NULL || report->onnx_file == NULL || report->made_of == NULL || report->revision == NULL) {
        rf__convert_report_free(&report->shown);
        return rf__fail_memory(err);
    }
    *out = &report->shown;
    return RF_OK;
}

static void release(struct conversion *c)
{
    rf__validate_report_free(c->validation);
    rf__model_config_release(&c->config);
    rf__model_source_release(&c->found);
    rf__free(c->directory);
    rf__free(c->partial);
    rf__free(c->onnx_file);
}

/* The folder that was to hold the directory goes as well, where it was made for that. */
static void clean_up(const struct conversion *c, const char *output_dir, bool was_there)
{
    char **names = NULL;
    size_t n = 1;

    (void)rf__os_remove_tree(c->partial, NULL);
    if (!was_there && rf__os_list_directory(output_dir, &names, &n, NULL) == RF_OK && n == 0)
        (void)rf__os_remove_tree(output_dir, NULL);
    rf__free(names);
}

rf_status rf__convert(const char *source, const char *output_dir, const rf_convert_options *options,
                      rf_convert_report **out, rf_error *err)
{
    struct conversion c = {.source = source,
                           .options = options,
                           .logger = {options->log, options->log_user},
                           .precision = options->precision == RF_PRECISION_INT16 ? ONNX_KERNELS_INT16 : ONNX_OPERATORS};
    bool was_there = rf__os_stat(output_dir).kind != OS_NOTHING, passed;
    rf_status status = find_original(&c, err);

    if (status == RF_OK)
        status = choose_place(&c, output_dir, err);
    if (status != RF_OK) {
        release(&c);
        return status;
    }
    status = make(&c, err);
    passed = status == RF_OK && (c.validation == NULL || c.validation->passed);
    if (passed)
        status = put_in_place(&c, err);
    if (status == RF_OK)
        status = make_report(&c, passed, out, err);
    if (status != RF_OK || !passed)
        clean_up(&c, output_dir, was_there);
    release(&c);
    return status;
}

void rf__convert_report_free(rf_convert_report *shown)
{
    struct report *report = (struct report *)shown;

    if (report == NULL)
        return;
    rf__validate_report_free((rf_validate_report *)(uintptr_t)report->shown.validation);
    rf__free(report->directory);
    rf__free(report->onnx_file);
    rf__free(report->made_of);
    rf__free(report->revision);
    rf__free(report);
}
