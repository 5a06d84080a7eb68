/* models: pull, info and list: what is on the hub and in the caches. */
#include "commands.h"
#include "display.h"
#include "open.h"
#include "progress.h"
#include "vector_writer.h"

#include "base/mem.h"
#include "os/os.h"

#include <string.h>

/* A model may be named as an argument as well as with -m. OPT_GO_ON, or wrong usage, told. */
static int take_name(const struct command *command, struct options *options)
{
    if (options->n_args > 1)
        return rf__opt_wrong(command, "more than one model named");
    if (options->n_args == 1 && options->common.model_given)
        return rf__opt_wrong(command, "the model is named twice: '%s' and -m '%s'", options->args[0],
                             options->common.model);
    if (options->n_args == 1)
        options->common.model = options->args[0];
    return OPT_GO_ON;
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

#define N_FIELDS 24

static void fill_fields(const rf_model_info *info, struct field *fields)
{
    const char *pooling = info->pooled_by_graph ? "graph" : rf__pooling_word(info->pooling);
    const struct field all[N_FIELDS] = {
        {"source", "source", FIELD_TEXT, info->source, 0},
        {"directory", "directory", FIELD_TEXT, info->directory, 0},
        {"revision", "revision", FIELD_TEXT, info->revision, 0},
        {"onnx_file", "ONNX file", FIELD_TEXT, info->onnx_file, 0},
        {"weights_file", "made of", FIELD_TEXT, info->weights_file, 0},
        {"file_size", "file size", FIELD_SIZE, NULL, info->file_size},
        {"architecture", "architecture", FIELD_TEXT, info->architecture, 0},
        {"precision", "precision", FIELD_TEXT, info->precision, 0},
        {"precision_why", "because", FIELD_TEXT, info->precision_why, 0},
        {"kernels", "computed by", FIELD_TEXT, info->kernels, 0},
        {"modules", "modules", FIELD_TEXT, info->modules, 0},
        {"pooling", "pooling", FIELD_TEXT, pooling, 0},
        {"pooled_by_graph", NULL, FIELD_BOOL, NULL, info->pooled_by_graph},
        {"normalized", "l2-normalized", FIELD_BOOL, NULL, info->l2},
        {"assumed", "assumed", FIELD_TEXT, info->assumed, 0},
        {"dim", "dimension", FIELD_NUMBER, NULL, info->dim},
        {"max_tokens", "max tokens", FIELD_NUMBER, NULL, info->max_tokens},
        {"vocab_size", "vocabulary", FIELD_NUMBER, NULL, info->vocab_size},
        {"full_dim", info->full_dim != info->dim ? "of dimensions" : NULL, FIELD_NUMBER, NULL, info->full_dim},
        {"prompts", "prompts", FIELD_TEXT, info->prompts, 0},
        {"default_prompt", "default prompt", FIELD_TEXT, info->default_prompt, 0},
        {"license", "licence", FIELD_TEXT, info->license, 0},
        {"threads", "threads", FIELD_NUMBER, NULL, info->threads},
        {"onnxruntime", "ONNX Runtime", FIELD_TEXT, rf_onnxruntime_version(), 0},
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
};

/* ---- list ---------------------------------------------------------------------------------------------------- */

#define SHORT_REVISION 12

/* One row; strings are our own copies. */
struct cached {
    char *name, *revision, *refs, *directory, *cache_dir;
    uint64_t bytes;
    bool complete;
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
                           model->complete};
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

static void print_list_text(const struct cached_list *list, struct output *out)
{
    size_t name_width = strlen("name"), refs_width = strlen("refs");

    for (size_t i = 0; i < list->n; i++) {
        name_width = wider(name_width, list->rows[i].name);
        refs_width = wider(refs_width, list->rows[i].refs);
    }
    rf__output_printf(out, "%-*s  %-*s  %-*s  %9s  %s\n", (int)name_width, "name", SHORT_REVISION, "revision",
                      (int)refs_width, "refs", "size", "cache");
    for (size_t i = 0; i < list->n; i++) {
        const struct cached *row = &list->rows[i];
        char size[RF_SIZE_TEXT];
        rf__display_print(out, row->name, strlen(row->name), name_width, true);
        rf__output_printf(out, "  %-*.*s  ", SHORT_REVISION, SHORT_REVISION, row->revision);
        rf__display_print(out, row->refs, strlen(row->refs), refs_width, true);
        rf__output_printf(out, "  %9s  ", row->complete ? rf__size_text(row->bytes, size) : "partial");
        rf__display_print(out, row->cache_dir, strlen(row->cache_dir), SIZE_MAX, false);
        rf__output_text(out, "\n");
    }
}

static int run_list(const struct command *command, int argc, char **argv)
{
    int format = 0, code;
    const char *cache_dir = NULL;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        {"cache-dir", 0, OPT_TEXT, &cache_dir, "DIR", "look into DIR as well"},
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
    status = rf_cache_list(cache_dir, add_cached, &list, &err);
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
};

/* ---- Dispatch ------------------------------------------------------------------------------------------------ */

const struct command *const rf__models_commands[] = {&cmd_pull, &cmd_info, &cmd_list, NULL};

static void print_overview(void)
{
    printf("Example:\n%s\n\nUsage: rag-factory models COMMAND [options]\n\nCommands:\n", cmd_pull.example);
    for (size_t i = 0; rf__models_commands[i] != NULL; i++) {
        printf("  %-6s %s\n", rf__models_commands[i]->name + strlen("models "), rf__models_commands[i]->in_short);
    }
    printf("\nrag-factory models COMMAND --help shows its options.\n");
}

static int run_models(const struct command *command, int argc, char **argv)
{
    const struct command *found;

    if (argc < 2)
        return rf__opt_wrong(command, "which one: models pull, info or list?");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview();
        return EXIT_DONE;
    }
    found = rf__command_find(rf__models_commands, "models ", argv[1]);
    return found == NULL ? EXIT_WRONG_USAGE : found->run(found, argc - 1, argv + 1);
}

const struct command rf__cmd_models = {
    "models",
    "pull, info, list: models on the hub and in the cache",
    "Downloads, describes and lists models.",
    "pull|info|list [NAME]",
    "",
    NULL,
    run_models,
};
