/* models: pull, info, list, verify and remove: what is on the hub and in the caches. */
#include "commands.h"
#include "display.h"
#include "open.h"
#include "progress.h"
#include "vector_writer.h"

#include "base/mem.h"
#include "os/os.h"

#include <string.h>
#include <time.h>

/* A model may be named as an argument as well as with -m. OPT_GO_ON, or wrong usage, told. */
static int take_name(const struct command *command, struct options *options)
{
    if (options->n_args > 1)
        return rf__opt_wrong(command, "more than one model named");
    if (options->n_args == 1 && options->common.model_given)
        return rf__opt_wrong(command, "the model is named twice: '%s' and -m '%s'", options->args[0],
                             options->common.model);
    return options->n_args == 1 ? rf__opt_take_model(options, options->args[0]) : OPT_GO_ON;
}

/* ---- pull ---------------------------------------------------------------------------------------------------- */

static int run_pull(const struct command *command, int argc, char **argv)
{
    struct options options;
    char *directory = NULL;
    rf_status status;
    rf_error err;
    int code = rf__opt_read(command, OPT_MODEL, NULL, argc, argv, &options);

    if (code == OPT_GO_ON)
        code = take_name(command, &options);
    if (code == OPT_GO_ON) {
        status = rf__open_pull(&options.common, &directory, &err);
        if (status == RF_OK)
            printf("%s\n", directory);
        code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    }
    rf_free(directory);
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_pull = {
    "models pull",
    "download a model",
    "Brings a model into the cache and prints the folder where it lies. What is there already is not fetched again.",
    "[NAME] [options]",
    "  rag-factory models pull sentence-transformers/all-MiniLM-L6-v2",
    "NAME is org/name or org/name@revision. HF_ENDPOINT names another hub, HF_TOKEN lets in to private models,\n"
    "HTTPS_PROXY and NO_PROXY are followed.",
    run_pull,
    NULL,
};

/* ---- info ---------------------------------------------------------------------------------------------------- */

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOL, FIELD_SIZE };

struct field {
    const char *key;   /* in JSON */
    const char *label; /* in text */
    enum field_kind kind;
    const char *text;
    uint64_t number;
};

#define N_FIELDS 29

static void fill_fields(const rf_model_info *info, struct field *fields)
{
    const char *pooling = info->pooled_by_graph ? "graph" : rf__pooling_word(info->pooling);
    const bool here = strcmp(info->provider, "local") == 0; /* else a server computes, which does not tell these */
    const struct field all[N_FIELDS] = {
        {"source", "source", FIELD_TEXT, info->source, 0},
        {"replaces", "in place of", FIELD_TEXT, info->replaces, 0},
        {"directory", "directory", FIELD_TEXT, info->directory, 0},
        {"revision", "revision", FIELD_TEXT, info->revision, 0},
        {"provider", NULL, FIELD_TEXT, info->provider, 0},
        {"onnx_file", "ONNX file", FIELD_TEXT, info->onnx_file, 0},
        {"weights_file", "made of", FIELD_TEXT, info->weights_file, 0},
        {"file_size", here ? "file size" : NULL, FIELD_SIZE, NULL, info->file_size},
        {"architecture", "architecture", FIELD_TEXT, info->architecture, 0},
        {"parameters", info->n_parameters > 0 ? "parameters" : NULL, FIELD_NUMBER, NULL, info->n_parameters},
        {"precision", "precision", FIELD_TEXT, info->precision, 0},
        {"precision_why", "because", FIELD_TEXT, info->precision_why, 0},
        {"kernels", "computed by", FIELD_TEXT, info->kernels, 0},
        {"modules", "modules", FIELD_TEXT, info->modules, 0},
        {"pooling", here ? "pooling" : NULL, FIELD_TEXT, pooling, 0},
        {"pooled_by_graph", NULL, FIELD_BOOL, NULL, info->pooled_by_graph},
        {"normalized", here || info->l2 ? "l2-normalized" : NULL, FIELD_BOOL, NULL, info->l2},
        {"similarity", "similarity", FIELD_TEXT, info->similarity, 0},
        {"assumed", "assumed", FIELD_TEXT, info->assumed, 0},
        {"dim", "dimension", FIELD_NUMBER, NULL, info->dim},
        {"max_tokens", here || info->max_tokens > 0 ? "max tokens" : NULL, FIELD_NUMBER, NULL, info->max_tokens},
        {"long_text", info->long_text == RF_LONG_TEXT_MEAN ? "long texts" : NULL, FIELD_TEXT,
         info->long_text == RF_LONG_TEXT_MEAN ? "mean of windows" : "cut", 0},
        {"vocab_size", here ? "vocabulary" : NULL, FIELD_NUMBER, NULL, info->vocab_size},
        {"full_dim", info->full_dim != info->dim ? "of dimensions" : NULL, FIELD_NUMBER, NULL, info->full_dim},
        {"prompts", "prompts", FIELD_TEXT, info->prompts, 0},
        {"default_prompt", "default prompt", FIELD_TEXT, info->default_prompt, 0},
        {"license", "licence", FIELD_TEXT, info->license, 0},
        {"threads", here ? "threads" : NULL, FIELD_NUMBER, NULL, info->threads},
        {"onnxruntime", here ? "ONNX Runtime" : NULL, FIELD_TEXT, rf_onnxruntime_version(), 0},
    };

    memcpy(fields, all, sizeof all);
}

static void print_field_json(const struct field *field, struct output *out)
{
    if (field->kind == FIELD_TEXT)
        rf__output_json(out, field->text, strlen(field->text));
    else if (field->kind == FIELD_BOOL)
        rf__output_text(out, field->number ? "true" : "false");
    else
        rf__output_printf(out, "%llu", (unsigned long long)field->number);
}

static void print_field_text(const struct field *field, struct output *out)
{
    char number[RF_SIZE_TEXT];
    const char *value = field->text;

    if (field->kind == FIELD_BOOL)
        value = field->number ? "yes" : "no";
    else if (field->kind == FIELD_SIZE)
        value = rf__size_text(field->number, number);
    else if (field->kind == FIELD_NUMBER)
        value =
            field->number > 0 || strcmp(field->key, "max_tokens") != 0 ? rf__count_text(field->number, number) : "none";
    rf__output_printf(out, "%-14s %s\n", field->label, value);
}

/* "query: " of each prompt that has a text. */
static void print_prompts(const rf_model *model, const char *names, bool json, struct output *out)
{
    size_t n = 0;

    for (const char *at = names; *at != '\0'; n++) {
        const char *end = strstr(at, ", "), *text;
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        char *name = rf__strndup(at, len);
        text = name == NULL ? NULL : rf_model_prompt(model, name);
        if (text != NULL && json) {
            rf__output_text(out, n > 0 ? ",\n  " : "\n  ");
            rf__output_json(out, name, len);
            rf__output_text(out, ":");
            rf__output_json(out, text, strlen(text));
        } else if (text != NULL) {
            rf__output_printf(out, "%-14s %s: ", n == 0 ? "prompt texts" : "", name);
            rf__output_json(out, text, strlen(text));
            rf__output_text(out, "\n");
        }
        rf__free(name);
        at += len + (end != NULL ? 2 : 0);
    }
}

struct variants {
    struct output *out;
    bool json;
    size_t n;
};

static bool print_variant(void *user, const rf_variant *v)
{
    struct variants *variants = user;
    char size[RF_SIZE_TEXT];

    if (variants->json) {
        rf__output_text(variants->out, variants->n > 0 ? ",\n  {\"path\":" : "\n  {\"path\":");
        rf__output_json(variants->out, v->path, strlen(v->path));
        rf__output_printf(
            variants->out,
            ",\"precision\":\"%s\",\"made_for\":\"%s\",\"bytes\":%llu,\"fits\":%s,\"here\":%s,\"proposed\":%s}",
            v->precision, v->made_for, (unsigned long long)v->bytes, v->fits ? "true" : "false",
            v->is_here ? "true" : "false", v->proposed ? "true" : "false");
    } else {
        rf__output_printf(
            variants->out, "%-14s %s: %s%s%s%s, %s%s%s\n", variants->n == 0 ? "ONNX files" : "", v->path, v->precision,
            v->made_for[0] != '\0' ? ", for " : "", v->made_for, v->fits ? "" : " (this machine has not)",
            v->bytes > 0 ? rf__size_text(v->bytes, size) : "?", v->is_here ? "" : ", not downloaded",
            v->proposed ? "; proposed for this machine: --onnx-file takes it, its vectors are others" : "");
    }
    variants->n++;
    return true;
}

/* The ONNX files to choose from; nothing where there is no choice. */
static void print_variants(const rf_model *model, bool json, struct output *out)
{
    struct variants variants = {out, json, 0};
    rf_error err;

    if (json)
        rf__output_text(out, ",\n \"onnx_files\":[");
    if (rf_model_tokenizer(model) != NULL && /* else a server computes, which has no files for us */
        rf_model_variants(model, print_variant, &variants, &err) != RF_OK)
        rf__output_fail(out, &err);
    if (json)
        rf__output_text(out, "]");
}

static void print_info(const rf_model *model, bool json, struct output *out)
{
    rf_model_info info = {.size = sizeof info};
    struct field fields[N_FIELDS];

    rf_model_get_info(model, &info);
    fill_fields(&info, fields);
    for (size_t i = 0; i < N_FIELDS; i++) {
        bool is_unknown = fields[i].kind == FIELD_TEXT && fields[i].text[0] == '\0';
        if (json) {
            rf__output_printf(out, "%s\"%s\":", i > 0 ? ",\n " : "{", fields[i].key);
            print_field_json(&fields[i], out);
        } else if (fields[i].label != NULL && !is_unknown) {
            print_field_text(&fields[i], out);
        }
    }
    if (json)
        rf__output_text(out, ",\n \"prompt_texts\":{");
    print_prompts(model, info.prompts, json, out);
    if (json)
        rf__output_text(out, "}");
    print_variants(model, json, out);
    rf__output_text(out, json ? "}\n" : "");
}

static int run_info(const struct command *command, int argc, char **argv)
{
    int format = 0, code;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    struct output output;
    rf_model *model = NULL;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_MODEL | OPT_LIMIT | OPT_RUN, own, argc, argv, &options);
    if (code == OPT_GO_ON)
        code = take_name(command, &options);
    if (code != OPT_GO_ON)
        goto out;
    status = rf__open_model(&options.common, &model, &err);
    if (status == RF_OK)
        status = rf__output_open(&output, NULL, &err);
    if (status == RF_OK) {
        print_info(model, format == 1, &output);
        status = rf__output_close(&output, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf_model_free(model);
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_info = {
    "models info",
    "what exactly a model applies",
    "Opens a model and shows what exactly would be applied: file, precision, modules, pooling, limits, licence, "
    "revision.",
    "[NAME] [options]",
    "  rag-factory models info BAAI/bge-small-en-v1.5",
    NULL,
    run_info,
    NULL,
};

/* ---- list ---------------------------------------------------------------------------------------------------- */

#define SHORT_REVISION 12

/* One row; strings are our own copies. */
struct cached {
    char *name, *revision, *refs, *directory, *cache_dir;
    uint64_t bytes;
    bool complete;
    int64_t last_used;
};

struct cached_list {
    struct cached *rows;
    size_t n, cap;
    bool out_of_memory;
};

static bool add_cached(void *user, const rf_cached_model *model)
{
    struct cached_list *list = user;
    struct cached *row;

    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        struct cached *rows = rf__realloc(list->rows, cap * sizeof *rows);
        list->out_of_memory = rows == NULL;
        if (rows == NULL)
            return false;
        list->rows = rows;
        list->cap = cap;
    }
    row = &list->rows[list->n++];
    *row = (struct cached){rf__strdup(model->name),
                           rf__strdup(model->revision),
                           rf__strdup(model->refs),
                           rf__strdup(model->directory),
                           rf__strdup(model->cache_dir),
                           model->bytes,
                           model->complete,
                           model->last_used};
    list->out_of_memory = row->name == NULL || row->revision == NULL || row->refs == NULL || row->directory == NULL ||
                          row->cache_dir == NULL;
    return !list->out_of_memory;
}

static void release_list(struct cached_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        rf__free(list->rows[i].name);
        rf__free(list->rows[i].revision);
        rf__free(list->rows[i].refs);
        rf__free(list->rows[i].directory);
        rf__free(list->rows[i].cache_dir);
    }
    rf__free(list->rows);
}

static void print_list_json(const struct cached_list *list, struct output *out)
{
    rf__output_text(out, "[");
    for (size_t i = 0; i < list->n; i++) {
        const struct cached *row = &list->rows[i];
        const struct field fields[] = {
            {"name", NULL, FIELD_TEXT, row->name, 0},
            {"revision", NULL, FIELD_TEXT, row->revision, 0},
            {"refs", NULL, FIELD_TEXT, row->refs, 0},
            {"directory", NULL, FIELD_TEXT, row->directory, 0},
            {"cache", NULL, FIELD_TEXT, row->cache_dir, 0},
            {"bytes", NULL, FIELD_NUMBER, NULL, row->bytes},
            {"complete", NULL, FIELD_BOOL, NULL, row->complete},
            {"last_used", NULL, FIELD_NUMBER, NULL, (uint64_t)row->last_used},
        };
        for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
            rf__output_printf(out, "%s\"%s\":", k > 0 ? "," : i > 0 ? ",\n{" : "{", fields[k].key);
            print_field_json(&fields[k], out);
        }
        rf__output_text(out, "}");
    }
    rf__output_text(out, "]\n");
}

static size_t wider(size_t width, const char *text)
{
    size_t own = rf__display_width(text, strlen(text));

    return own > width ? own : width;
}

/* "2026-11-24", or "-" where it is not known. */
static const char *date_text(int64_t seconds, char text[11])
{
    time_t when = (time_t)seconds;
    const struct tm *day = seconds > 0 ? gmtime(&when) : NULL;

    if (day == NULL || strftime(text, 11, "%Y-%m-%d", day) == 0)
        memcpy(text, "-", sizeof "-");
    return text;
}

static void print_list_text(const struct cached_list *list, struct output *out)
{
    size_t name_width = strlen("name"), refs_width = strlen("refs");

    for (size_t i = 0; i < list->n; i++) {
        name_width = wider(name_width, list->rows[i].name);
        refs_width = wider(refs_width, list->rows[i].refs);
    }
    rf__output_printf(out, "%-*s  %-*s  %-*s  %9s  %-10s  %s\n", (int)name_width, "name", SHORT_REVISION, "revision",
                      (int)refs_width, "refs", "size", "last used", "cache");
    for (size_t i = 0; i < list->n; i++) {
        const struct cached *row = &list->rows[i];
        char size[RF_SIZE_TEXT], date[11];
        rf__display_print(out, row->name, strlen(row->name), name_width, true);
        rf__output_printf(out, "  %-*.*s  ", SHORT_REVISION, SHORT_REVISION, row->revision);
        rf__display_print(out, row->refs, strlen(row->refs), refs_width, true);
        rf__output_printf(out, "  %9s  %-10s  ", row->complete ? rf__size_text(row->bytes, size) : "partial",
                          date_text(row->last_used, date));
        rf__display_print(out, row->cache_dir, strlen(row->cache_dir), SIZE_MAX, false);
        rf__output_text(out, "\n");
    }
}

static int run_list(const struct command *command, int argc, char **argv)
{
    int format = 0, code;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        {"cache-dir", 0, OPT_KEY, NULL, "DIR", "look into DIR as well"},
        OPT_END,
    };
    struct cached_list list = {.n = 0};
    struct options options;
    struct output output;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, 0, own, argc, argv, &options);
    if (code == OPT_GO_ON && options.n_args > 0)
        code = rf__opt_wrong(command, "unexpected argument '%s'", options.args[0]);
    if (code != OPT_GO_ON)
        goto out;
    status = rf_cache_list(options.common.run.cache_dir, add_cached, &list, &err);
    if (status == RF_OK && list.out_of_memory)
        status = rf__fail_memory(&err);
    if (status == RF_OK && list.n == 0 && format == 0)
        rf__say_log(NULL, RF_LOG_INFO, "no model in any cache");
    if (status == RF_OK)
        status = rf__output_open(&output, NULL, &err);
    if (status == RF_OK) {
        if (format == 1)
            print_list_json(&list, &output);
        else
            print_list_text(&list, &output);
        status = rf__output_close(&output, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    release_list(&list);
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_list = {
    "models list",
    "what is in the caches",
    "Lists the models in every cache of this machine: this program's, and the hub's that the Python tools use.",
    "[options]",
    "  rag-factory models list",
    NULL,
    run_list,
    NULL,
};

/* ---- verify -------------------------------------------------------------------------------------------------- */

struct verification {
    uint64_t n, bytes, n_damaged;
    struct {
        const char **items;
        size_t n;
    } damaged; /* names of models with a damaged file, in our own memory */
    bool is_cancelled, out_of_memory;
};

static bool note_damaged(struct verification *v, const char *model)
{
    const char **items;

    if (v->damaged.n > 0 && strcmp(v->damaged.items[v->damaged.n - 1], model) == 0)
        return true;
    items = rf__realloc(v->damaged.items, (v->damaged.n + 1) * sizeof *items);
    if (items == NULL)
        return false;
    v->damaged.items = items;
    items[v->damaged.n] = rf__strdup(model);
    return items[v->damaged.n++] != NULL;
}

static bool take_verified(void *user, const rf_verified_file *file)
{
    struct verification *v = user;

    v->n++;
    v->bytes += file->bytes;
    if (file->status != RF_OK) {
        v->n_damaged++;
        rf__say_error("%s: %s: %s%s", file->model, file->path, file->message, file->removed ? "; removed" : "");
        v->out_of_memory = !note_damaged(v, file->model);
    }
    v->is_cancelled = rf__say_interrupted();
    return !v->is_cancelled && !v->out_of_memory;
}

/* Downloads what was removed, or was missing. */
static rf_status fetch_again(const struct opt_common *common, const struct verification *v, rf_error *err)
{
    uint64_t all = 0, n = 0;
    char count[RF_SIZE_TEXT];
    rf_status status = RF_OK;

    for (size_t i = 0; i < v->damaged.n && status == RF_OK; i++) {
        status = rf__open_repair(common, v->damaged.items[i], &n, err);
        all += n;
    }
    if (status == RF_OK && v->n_damaged > 0)
        printf("repaired: %s file%s downloaded again\n", rf__count_text(all, count), all == 1 ? "" : "s");
    return status;
}

static void release_verification(struct verification *v)
{
    for (size_t i = 0; i < v->damaged.n; i++)
        rf__free((char *)(uintptr_t)v->damaged.items[i]);
    rf__free(v->damaged.items);
}

static rf_status verify(const struct opt_common *common, const char *name, bool repair, struct verification *v,
                        rf_error *err)
{
    rf_status status = rf_cache_verify(common->run.cache_dir, name, repair, take_verified, v, err);
    char count[RF_SIZE_TEXT], size[RF_SIZE_TEXT];

    if (status == RF_OK && v->out_of_memory)
        status = rf__fail_memory(err);
    if (status == RF_OK && v->is_cancelled)
        status = rf__say_cancelled(err);
    if (status != RF_OK)
        return status;
    printf("%s file%s, %s: %s\n", rf__count_text(v->n, count), v->n == 1 ? "" : "s", rf__size_text(v->bytes, size),
           v->n_damaged == 0 ? "all whole" : "not all whole");
    if (v->n_damaged > 0 && !repair)
        return rf__fail(err, RF_BAD_FORMAT, "%llu damaged or missing; --repair downloads them again",
                        (unsigned long long)v->n_damaged);
    return fetch_again(common, v, err);
}

static int run_verify(const struct command *command, int argc, char **argv)
{
    bool repair = false;
    const struct opt own[] = {
        {"repair", 0, OPT_FLAG, &repair, NULL, "remove damaged files, and download them and missing ones again"},
        {"cache-dir", 0, OPT_KEY, NULL, "DIR", "look into DIR alone (default: every cache)"},
        {"offline", 0, OPT_KEY, NULL, NULL, "open no socket, so that nothing is downloaded again"},
        OPT_END,
    };
    struct options options;
    struct verification v = {.n = 0};
    rf_status status;
    rf_error err;
    int code;

    code = rf__opt_read(command, 0, own, argc, argv, &options);
    if (code == OPT_GO_ON && options.n_args > 1)
        code = rf__opt_wrong(command, "more than one model named");
    if (code == OPT_GO_ON) {
        status = verify(&options.common, options.n_args == 1 ? options.args[0] : NULL, repair, &v, &err);
        code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    }
    release_verification(&v);
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_verify = {
    "models verify",
    "check the files in the caches",
    "Reads every file of a model, or of all models, and compares its hash with the one that the hub gave. Opens no "
    "socket "
    "unless something is to be repaired.",
    "[NAME] [options]",
    "  rag-factory models verify\n"
    "  rag-factory models verify BAAI/bge-small-en-v1.5 --repair",
    NULL,
    run_verify,
    NULL,
};

/* ---- remove -------------------------------------------------------------------------------------------------- */

static int run_remove(const struct command *command, int argc, char **argv)
{
    const struct opt own[] = {
        {"cache-dir", 0, OPT_KEY, NULL, "DIR", "remove from DIR alone (default: from every cache)"},
        OPT_END,
    };
    struct options options;
    uint64_t bytes = 0;
    char size[RF_SIZE_TEXT];
    rf_status status;
    rf_error err;
    int code;

    code = rf__opt_read(command, 0, own, argc, argv, &options);
    if (code == OPT_GO_ON && options.n_args != 1)
        code = rf__opt_wrong(command, options.n_args == 0 ? "which model?" : "more than one model named");
    if (code == OPT_GO_ON) {
        status = rf_cache_remove(options.common.run.cache_dir, options.args[0], &bytes, &err);
        if (status == RF_OK)
            printf("%s freed\n", rf__size_text(bytes, size));
        code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    }
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_remove = {
    "models remove",
    "remove a model from the caches",
    "Removes a model with all its revisions, and the ONNX files made of it, from every cache of this machine, "
    "that of the Python tools included.",
    "NAME [options]",
    "  rag-factory models remove sentence-transformers/all-MiniLM-L6-v2",
    NULL,
    run_remove,
    NULL,
};

/* ---- Dispatch ------------------------------------------------------------------------------------------------ */

static const struct command *const own_commands[] = {&cmd_pull, &cmd_info, &cmd_list, &cmd_verify, &cmd_remove, NULL};

const struct command rf__cmd_models = {
    "models",
    "pull, info, list, verify, remove: models on the hub and in the cache",
    "Downloads, describes, lists, checks and removes models.",
    "pull|info|list|verify|remove [NAME]",
    "  rag-factory models pull sentence-transformers/all-MiniLM-L6-v2",
    NULL,
    rf__command_run_group,
    own_commands,
};
