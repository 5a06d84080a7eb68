/*
 * opt: see opt.h. Each option gets its place in one table, the command's own first; popt is asked for places alone and
 * hands out every value as a string, which is read here, so that all messages are ours.
 */
#include "opt.h"

#include "base/mem.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "os/os.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 64
#define MAX_NAME    64 /* bytes of an option's name that suggestions look at */
#define HELP_COLUMN 30
#define HELP_WIDTH  100
#define MAX_KEY     128

/* An option as it was given. */
struct given {
    struct opt opt;
    char *value; /* NULL for flags */
};

/* What an options struct keeps alive. */
struct owned {
    struct poptOption rows[MAX_OPTIONS + 1]; /* the context refers to them */
    poptContext context;                     /* keeps the arguments that are no options */
    struct given *given;
    size_t n, cap;
};

struct table {
    struct opt rows[MAX_OPTIONS];
    size_t n;
    size_t n_own; /* the command's own come first */
};

static void add_rows(struct table *table, const struct opt *rows)
{
    for (; rows->name != NULL && table->n < MAX_OPTIONS; rows++)
        table->rows[table->n++] = *rows;
}

static void fill_table(struct table *table, unsigned groups, const struct opt *own, struct opt_common *common)
{
    struct opt_common *c = common;
    const struct opt input[] = {
        {"input", 'i', OPT_TEXT, &c->input, "FILE", "read texts from FILE, one a line; '-' is standard input"},
        {"null", '0', OPT_FLAG, &c->null, NULL, "texts end with a NUL byte instead of a newline"},
        {"jsonl", 0, OPT_TEXT, &c->jsonl, "FIELD", "lines are JSON objects; the text is the string FIELD"},
        OPT_END,
    };
    static const struct opt model[] = {
        {"model", 'm', OPT_KEY, NULL, "MODEL",
         "a model directory, an .onnx file, org/name[@revision] on the hub, openai:MODEL, cohere:MODEL, or a name "
         "of the configuration's"},
        {"revision", 0, OPT_KEY, NULL, "REV", NULL},
        {"cache-dir", 0, OPT_KEY, NULL, "DIR",
         "where models are downloaded to (default: HF_HUB_CACHE, HF_HOME, else ~/.cache/rag_factory/onnx_models)"},
        {"offline", 0, OPT_KEY, NULL, NULL, NULL},
        {"onnx-file", 0, OPT_KEY, NULL, "FILE",
         "which ONNX file of the model (default: onnx/model.onnx, else model.onnx)"},
        OPT_END,
    };
    static const struct opt limit[] = {
        {"max-tokens", 0, OPT_KEY, NULL, "N", NULL},
        {"truncate", 0, OPT_KEY, NULL, "right|left|error", NULL},
        OPT_END,
    };
    static const struct opt run[] = {
        {"fallback", 0, OPT_KEY, NULL, "MODEL", NULL},
        {"pooling", 0, OPT_KEY, NULL, "model|mean|cls|max|last|mean-sqrt-len|weighted-mean", NULL},
        {"precision", 0, OPT_KEY, NULL, "auto|fp32|int16|int8|file",
         "arithmetic: auto is the fastest with a cosine of 0.99999, file an ONNX file's as it is (default: auto)"},
        {"long-text", 0, OPT_KEY, NULL, "cut|mean", NULL},
        {"no-normalize", 0, OPT_KEY, NULL, NULL, "do not scale vectors to length 1"},
        {"dimensions", 0, OPT_KEY, NULL, "N",
         "only the first N numbers of a vector, scaled again: for models trained so (Matryoshka)"},
        {"threads", 0, OPT_KEY, NULL, "N", NULL},
        {"session", 0, OPT_MEMBER, NULL, "KEY=VALUE", "an option of ONNX Runtime's session; repeatable"},
        OPT_END,
    };
    static const struct opt remote[] = {
        {"base-url", 0, OPT_KEY, NULL, "URL",
         "openai:MODEL, cohere:MODEL: the server (default: OPENAI_BASE_URL, CO_API_URL)"},
        {"count-with", 0, OPT_KEY, NULL, "FILE", NULL},
        {"timeout", 0, OPT_KEY, NULL, "SECONDS", NULL},
        {"max-retries", 0, OPT_KEY, NULL, "N", NULL},
        {"max-requests", 0, OPT_KEY, NULL, "N", NULL},
        {"max-batch", 0, OPT_KEY, NULL, "N", NULL},
        OPT_END,
    };
    const struct opt prompt[] = {
        {"query", 0, OPT_FLAG, &c->is_query, NULL, "the texts are queries: put the model's prompt for them in front"},
        {"document", 0, OPT_FLAG, &c->is_document, NULL, "the texts are documents, likewise"},
        {"prompt", 0, OPT_TEXT, &c->prompt_name, "NAME", "put this one of the model's prompts in front"},
        {"prompt-text", 0, OPT_TEXT, &c->prompt, "TEXT", "put TEXT in front of every text; '' for none"},
        OPT_END,
    };
    static const struct opt cache[] = {
        {"cache", 0, OPT_KEY, NULL, "FILE", NULL},
        {"cache-mb", 0, OPT_KEY, NULL, "N", NULL},
        {"cache-memory-mb", 0, OPT_KEY, NULL, "N", NULL},
        {"cache-fp16", 0, OPT_KEY, NULL, NULL, NULL},
        OPT_END,
    };
    const struct opt talk[] = {
        {"quiet", 'q', OPT_FLAG, &c->quiet, NULL, "no warnings, no progress bar"},
        {"verbose", 'v', OPT_COUNT, &c->verbosity, NULL, "say what is done; twice: every step"},
        {"log-level", 0, OPT_KEY, NULL, "debug|info|warning|error", "the least that is told (default: warning)"},
        {"log-format", 0, OPT_KEY, NULL, "text|json", "messages as text, or as JSON lines (default: text)"},
        {"config", 0, OPT_TEXT, &c->config_file, "FILE",
         "the configuration (default: RAG_FACTORY_CONFIG, else rag_factory/config.yaml in ~/.config)"},
        {"help", 'h', OPT_FLAG, &c->help, NULL, "show this"},
        OPT_END,
    };

    *table = (struct table){.n = 0};
    if (own != NULL)
        add_rows(table, own);
    if (groups & OPT_INPUT)
        add_rows(table, input);
    table->n_own = table->n;
    if (groups & OPT_MODEL)
        add_rows(table, model);
    if (groups & OPT_LIMIT)
        add_rows(table, limit);
    if (groups & OPT_RUN) {
        add_rows(table, run);
        add_rows(table, remote);
    }
    if (groups & OPT_PROMPT)
        add_rows(table, prompt);
    if (groups & OPT_CACHE)
        add_rows(table, cache);
    add_rows(table, talk);
}

/* ---- Help ---------------------------------------------------------------------------------------------------- */

void rf__opt_print_wrapped(const char *text, int indent, int width)
{
    int column = indent;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column > indent && column + 1 + (int)len > width) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)len, text);
        column += (int)len;
        text += len;
        text += strspn(text, " ");
    }
    putchar('\n');
}

/* The configuration's key of an option: "max_tokens" for "max-tokens", "normalize" for "no-normalize". */
static void key_of(const struct opt *opt, char out[MAX_KEY])
{
    const bool is_negative = opt->arg == NULL && strncmp(opt->name, "no-", 3) == 0;

    snprintf(out, MAX_KEY, "%s", opt->name + (is_negative ? 3 : 0));
    for (char *p = out; *p != '\0'; p++)
        if (*p == '-')
            *p = '_';
}

struct key_help {
    const char *key;
    char text[256];
};

static bool take_help(void *user, const rf_config_value *value)
{
    struct key_help *help = user;
    const bool has_default = value->value[0] != '\0' && strcmp(value->value, "0") != 0 && value->kind != RF_CONFIG_BOOL;

    if (strcmp(value->key, help->key) != 0)
        return true;
    snprintf(help->text, sizeof help->text, has_default ? "%s (default: %s)" : "%s", value->help, value->value);
    return false;
}

static void print_row_help(const struct opt *row)
{
    struct key_help help = {.text = ""};
    char key[MAX_KEY];

    if (row->help == NULL) {
        key_of(row, key);
        help.key = key;
        rf_config_list(NULL, NULL, take_help, &help);
    }
    rf__opt_print_wrapped(row->help != NULL ? row->help : help.text, HELP_COLUMN, HELP_WIDTH);
}

static void print_rows(const char *title, const struct opt *rows, size_t n)
{
    if (n == 0)
        return;
    printf("\n%s:\n", title);
    for (size_t i = 0; i < n; i++) {
        char left[96];
        const bool is_optional = rows[i].kind == OPT_MAYBE_CHOICE;
        int len = snprintf(left, sizeof left, "  %c%c%s --%s%s%s%s", rows[i].letter ? '-' : ' ',
                           rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
                           is_optional   ? " ["
                           : rows[i].arg ? " "
                                         : "",
                           rows[i].arg ? rows[i].arg : "", is_optional ? "]" : "");
        if (len + 2 > HELP_COLUMN)
            printf("%s\n%*s", left, HELP_COLUMN, "");
        else
            printf("%-*s", HELP_COLUMN, left);
        print_row_help(&rows[i]);
    }
}

static void print_help(const struct command *command, const struct table *table)
{
    printf("Example:\n%s\n\n", command->example);
    printf("Usage: rag-factory %s %s\n", command->name, command->usage);
    rf__opt_print_wrapped(command->summary, 0, HELP_WIDTH);
    print_rows("Options", table->rows, table->n_own);
    print_rows("Common options", table->rows + table->n_own, table->n - table->n_own);
    if (command->notes != NULL)
        printf("\n%s\n", command->notes);
}

/* ---- Suggestions --------------------------------------------------------------------------------------------- */

int rf__opt_wrong(const struct command *command, const char *format, ...)
{
    rf_error line;
    va_list args;

    va_start(args, format);
    rf__fail_v(&line, RF_INVALID_ARGUMENT, format, args);
    va_end(args);
    rf__say_error("%s", line.message);
    fprintf(stderr, "Try: rag-factory %s --help\n", command->name);
    return EXIT_WRONG_USAGE;
}

static int unknown_option(const struct command *command, const struct table *table, const char *given)
{
    const char *names[MAX_OPTIONS], *nearest;
    char word[MAX_NAME + 1];
    size_t len = strcspn(given, "=");

    if (strncmp(given, "--", 2) != 0)
        return rf__opt_wrong(command, "unknown option '%.40s'; a text that begins with '-' goes after '--'", given);
    for (size_t i = 0; i < table->n; i++)
        names[i] = table->rows[i].name;
    snprintf(word, sizeof word, "%.*s", (int)(len > MAX_NAME ? MAX_NAME : len) - 2, given + 2);
    nearest = rf__nearest(word, names, table->n);
    if (nearest == NULL)
        return rf__opt_wrong(command, "unknown option '--%s'", word);
    return rf__opt_wrong(command, "unknown option '--%s'; did you mean '--%s'?", word, nearest);
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

static bool read_number(const char *text, uint32_t *out)
{
    uint64_t value = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
        return false;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (uint64_t)(text[i] - '0');
    if (value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* The index of `word` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *word)
{
    int index = 0;

    for (const char *p = choices; *p != '\0'; index++) {
        size_t len = strcspn(p, "|");
        if (strlen(word) == len && memcmp(p, word, len) == 0)
            return index;
        p += len + (p[len] == '|');
    }
    return -1;
}

/* Takes `value`. */
static bool keep(struct owned *owned, const struct opt *opt, char *value)
{
    if (owned->n == owned->cap) {
        size_t cap = owned->cap ? owned->cap * 2 : 16;
        struct given *given = rf__realloc(owned->given, cap * sizeof *given);
        if (given == NULL)
            return false;
        owned->given = given;
        owned->cap = cap;
    }
    owned->given[owned->n++] = (struct given){*opt, value};
    return true;
}

static int store(const struct command *command, const struct opt *opt, const char *value)
{
    switch (opt->kind) {
    case OPT_FLAG:
        *(bool *)opt->target = true;
        break;
    case OPT_COUNT:
        ++*(int *)opt->target;
        break;
    case OPT_TEXT:
        *(const char **)opt->target = value;
        break;
    case OPT_NUMBER:
        if (!read_number(value, opt->target))
            return rf__opt_wrong(command, "--%s is '%s', expected a whole number", opt->name, value);
        break;
    case OPT_CHOICE:
        *(int *)opt->target = choice_index(opt->arg, value);
        if (*(int *)opt->target < 0)
            return rf__opt_wrong(command, "--%s is '%s', expected one of %s", opt->name, value, opt->arg);
        break;
    case OPT_MAYBE_CHOICE:
        *(int *)opt->target = value == NULL ? 1 : choice_index(opt->arg, value) + 1;
        if (*(int *)opt->target == 0)
            return rf__opt_wrong(command, "--%s is '%s', expected nothing or one of %s", opt->name, value, opt->arg);
        break;
    case OPT_KEY:
    case OPT_MEMBER:
        break; /* once the configuration is read */
    }
    return OPT_GO_ON;
}

static int bad_option(const struct command *command, const struct table *table, poptContext context, int code)
{
    const char *given = poptBadOption(context, POPT_BADOPTION_NOALIAS);

    if (code == POPT_ERROR_BADOPT)
        return unknown_option(command, table, given);
    if (code == POPT_ERROR_NOARG)
        return rf__opt_wrong(command, "%s needs a value", given);
    return rf__opt_wrong(command, "%s: %s", given, poptStrerror(code));
}

static int read_options(const struct command *command, const struct table *table, struct owned *owned)
{
    int place, code = OPT_GO_ON;

    while (code == OPT_GO_ON && (place = poptGetNextOpt(owned->context)) > 0) {
        const struct opt *opt = &table->rows[place - 1];
        char *value = poptGetOptArg(owned->context);
        if (!keep(owned, opt, value)) {
            free(value);
            return rf__opt_wrong(command, "out of memory");
        }
        code = store(command, opt, value);
    }
    if (code == OPT_GO_ON && place < -1)
        code = bad_option(command, table, owned->context, place);
    return code;
}

static void take_arguments(struct options *options, struct owned *owned)
{
    options->args = poptGetArgs(owned->context);
    while (options->args != NULL && options->args[options->n_args] != NULL)
        options->n_args++;
}

/* `rows` is zeroed, which ends it. */
static void fill_popt(const struct table *table, struct poptOption *rows)
{
    for (size_t i = 0; i < table->n; i++) {
        const enum opt_kind kind = table->rows[i].kind;
        bool is_flag = kind == OPT_FLAG || kind == OPT_COUNT || (kind == OPT_KEY && table->rows[i].arg == NULL);
        rows[i].longName = table->rows[i].name;
        rows[i].shortName = table->rows[i].letter;
        rows[i].argInfo = is_flag ? POPT_ARG_NONE : POPT_ARG_STRING;
        if (kind == OPT_MAYBE_CHOICE)
            rows[i].argInfo |= POPT_ARGFLAG_OPTIONAL;
        rows[i].val = (int)i + 1;
    }
}

/* ---- Configuration --------------------------------------------------------------------------------------------- */

/* One option over what the file and the variables say. */
static rf_status set_key(rf_config *config, const struct given *given, rf_error *err)
{
    const struct opt *opt = &given->opt;
    const char *value = given->value, *equals;
    char key[MAX_KEY], origin[MAX_KEY], member[2 * MAX_KEY];

    key_of(opt, key);
    snprintf(origin, sizeof origin, "--%s", opt->name);
    if (opt->kind == OPT_KEY) {
        if (opt->arg == NULL)
            value = strncmp(opt->name, "no-", 3) == 0 ? "false" : "true";
        return rf_config_set(config, key, value, origin, err);
    }
    equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals - value >= MAX_KEY)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s is '%.80s', expected NAME=VALUE", origin, value);
    snprintf(member, sizeof member, "%s.%.*s", key, (int)(equals - value), value);
    return rf_config_set(config, member, equals + 1, origin, err);
}

/* What the program itself takes from the configuration. */
struct talk {
    rf_log_level level;
    bool is_json;
};

static bool take_talk(void *user, const rf_config_value *value)
{
    static const char levels[] = "debug|info|warning|error";
    struct talk *talk = user;

    if (strcmp(value->key, "log_level") == 0)
        talk->level = (rf_log_level)choice_index(levels, value->value);
    if (strcmp(value->key, "log_format") == 0)
        talk->is_json = strcmp(value->value, "json") == 0;
    return true;
}

/* -q and -v say more than what is settled for all runs. */
static void set_talk(const struct opt_common *common)
{
    struct talk talk = {RF_LOG_WARNING, false};

    rf_config_list(common->config, NULL, take_talk, &talk);
    if (common->verbosity > 0)
        talk.level = common->verbosity > 1 ? RF_LOG_DEBUG : RF_LOG_INFO;
    if (common->quiet)
        talk.level = RF_LOG_ERROR;
    rf__say_set(talk.level, talk.is_json, common->quiet);
}

static int read_config(const struct command *command, struct owned *owned, struct options *options)
{
    struct opt_common *common = &options->common;
    rf_error err;

    if (rf_config_open(common->config_file, &common->config, &err) != RF_OK)
        return rf__say_failure(&err);
    for (size_t i = 0; i < owned->n; i++) {
        const struct given *given = &owned->given[i];
        if (given->opt.kind != OPT_KEY && given->opt.kind != OPT_MEMBER)
            continue;
        if (set_key(common->config, given, &err) != RF_OK)
            return rf__opt_wrong(command, "%s", err.message);
        common->model_given |= strcmp(given->opt.name, "model") == 0;
    }
    set_talk(common);
    return rf__opt_take_model(options, NULL);
}

int rf__opt_take_model(struct options *options, const char *name)
{
    struct opt_common *common = &options->common;
    rf_error err;

    rf_model_options_init(&common->run, sizeof common->run);
    if (rf_config_model_options(common->config, name, &common->model, &common->run, &err) != RF_OK)
        return rf__say_failure(&err);
    common->run.log = rf__say_log;
    return OPT_GO_ON;
}

/* ---- Reading the command line ---------------------------------------------------------------------------------- */

int rf__opt_read(const struct command *command, unsigned groups, const struct opt *own, int argc, char **argv,
                 struct options *options)
{
    struct opt_common *common = &options->common;
    struct table table;
    struct owned *owned;
    int code;

    *options = (struct options){.n_args = 0};
    fill_table(&table, groups, own, common);
    owned = rf__calloc(1, sizeof *owned);
    if (owned == NULL)
        return rf__opt_wrong(command, "out of memory");
    options->owned = owned;
    fill_popt(&table, owned->rows);
    owned->context = poptGetContext(NULL, argc, (const char **)argv, owned->rows, 0);
    if (owned->context == NULL)
        return rf__opt_wrong(command, "out of memory");
    code = read_options(command, &table, owned);
    if (code == OPT_GO_ON && common->help) {
        print_help(command, &table);
        code = EXIT_DONE;
    }
    if (code == OPT_GO_ON &&
        common->is_query + common->is_document + (common->prompt_name != NULL) + (common->prompt != NULL) > 1)
        code = rf__opt_wrong(command, "--query, --document, --prompt and --prompt-text exclude each other");
    if (code == OPT_GO_ON)
        code = read_config(command, owned, options);
    take_arguments(options, owned);
    return code;
}

void rf__opt_release(struct options *options)
{
    struct owned *owned = options->owned;

    rf_config_free(options->common.config);
    if (owned != NULL) {
        poptFreeContext(owned->context);
        for (size_t i = 0; i < owned->n; i++)
            free(owned->given[i].value);
        rf__free(owned->given);
        rf__free(owned);
    }
    *options = (struct options){.n_args = 0};
}

void rf__opt_prompt(const struct opt_common *common, rf_embed_options *out)
{
    if (common->is_query)
        out->role = RF_ROLE_QUERY;
    if (common->is_document)
        out->role = RF_ROLE_DOCUMENT;
    out->prompt_name = common->prompt_name;
    out->prompt = common->prompt;
}
