/*
 * opt: see opt.h. Each option gets its place in one table, the command's own first; popt is asked for places alone and
 * hands out every value as a string, which is read here, so that all messages are ours.
 */
#include "opt.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS 64
#define MAX_NAME    64 /* bytes of an option's name that suggestions look at */
#define HELP_COLUMN 30
#define HELP_WIDTH  100
#define SESSION_MAX 256

/* What an options struct keeps alive. */
struct owned {
    struct poptOption rows[MAX_OPTIONS + 1]; /* the context refers to them */
    poptContext context;                     /* keeps the arguments that are no options */
    char **values;                           /* the options' values */
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
    const struct opt model[] = {
        {"model", 'm', OPT_TEXT, &c->model, "MODEL",
         "a model directory, an .onnx file, or org/name[@revision] on the hub (default: RAG_FACTORY_MODEL, "
         "else " RF_DEFAULT_MODEL ")"},
        {"revision", 0, OPT_TEXT, &c->revision, "REV", "branch, tag or commit on the hub (default: main)"},
        {"cache-dir", 0, OPT_TEXT, &c->cache_dir, "DIR",
         "where models are downloaded to (default: HF_HUB_CACHE, HF_HOME, else ~/.cache/rag_factory/onnx_models)"},
        {"offline", 0, OPT_FLAG, &c->offline, NULL, "use only what is on this machine; open no socket"},
        {"onnx-file", 0, OPT_TEXT, &c->onnx_file, "FILE",
         "which ONNX file of the model (default: onnx/model.onnx, else model.onnx)"},
        {"fallback", 0, OPT_TEXT, &c->fallback, "MODEL",
         "the model to use, with a warning, where the other cannot be opened (default: none: that fails)"},
        OPT_END,
    };
    const struct opt limit[] = {
        {"max-tokens", 0, OPT_NUMBER, &c->max_tokens, "N", "limit of a text in tokens (default: the model's own)"},
        {"truncate", 0, OPT_CHOICE, &c->truncate, "right|left|error",
         "which end of a longer text is cut off, or fail (default: right)"},
        OPT_END,
    };
    const struct opt run[] = {
        {"pooling", 0, OPT_CHOICE, &c->pooling, "model|mean|cls|max|last|mean-sqrt-len|weighted-mean",
         "how token vectors become one vector (default: what the model declares)"},
        {"precision", 0, OPT_CHOICE, &c->precision, "auto|fp32|int16|int8",
         "arithmetic of a model made of weights: auto is the fastest with a cosine of 0.99999 (default: auto)"},
        {"long-text", 0, OPT_CHOICE, &c->long_text, "cut|mean",
         "a text longer than the limit is cut, or embedded in windows of the limit, whose mean it gets (default: cut)"},
        {"no-normalize", 0, OPT_FLAG, &c->no_normalize, NULL, "do not scale vectors to length 1"},
        {"dimensions", 0, OPT_NUMBER, &c->dimensions, "N",
         "only the first N numbers of a vector, scaled again: for models trained so (Matryoshka)"},
        {"threads", 0, OPT_NUMBER, &c->threads, "N",
         "threads to compute with (default: one for each processor this process may use)"},
        {"session", 0, OPT_LIST, &c->session, "KEY=VALUE", "an option of ONNX Runtime's session; repeatable"},
        OPT_END,
    };
    const struct opt prompt[] = {
        {"query", 0, OPT_FLAG, &c->is_query, NULL, "the texts are queries: put the model's prompt for them in front"},
        {"document", 0, OPT_FLAG, &c->is_document, NULL, "the texts are documents, likewise"},
        {"prompt", 0, OPT_TEXT, &c->prompt_name, "NAME", "put this one of the model's prompts in front"},
        {"prompt-text", 0, OPT_TEXT, &c->prompt, "TEXT", "put TEXT in front of every text; '' for none"},
        OPT_END,
    };
    const struct opt talk[] = {
        {"quiet", 'q', OPT_FLAG, &c->quiet, NULL, "no warnings, no progress bar"},
        {"verbose", 'v', OPT_COUNT, &c->verbosity, NULL, "say what is done; twice: every step"},
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
    if (groups & OPT_RUN)
        add_rows(table, run);
    if (groups & OPT_PROMPT)
        add_rows(table, prompt);
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
        rf__opt_print_wrapped(rows[i].help, HELP_COLUMN, HELP_WIDTH);
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

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's distance, one row of its matrix at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1], len_a = strlen(a), len_b = strlen(b);

    if (len_a > MAX_NAME || len_b > MAX_NAME)
        return SIZE_MAX;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len_b];
}

const char *rf__opt_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1;

    for (size_t i = 0; i < n; i++) {
        bool is_beginning = strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0;
        size_t d = is_beginning ? 1 : distance(word, candidates[i]);
        if (d < best_distance || (d == best_distance && best == NULL)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

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
    nearest = rf__opt_nearest(word, names, table->n);
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

static bool add_to_list(struct opt_list *list, const char *value)
{
    const char **items = rf__realloc(list->items, (list->n + 2) * sizeof *items);

    if (items == NULL)
        return false;
    items[list->n++] = value;
    items[list->n] = NULL;
    list->items = items;
    return true;
}

/* Takes `value`, which may be NULL for flags. */
static bool keep(struct owned *owned, char *value)
{
    if (owned->n == owned->cap) {
        size_t cap = owned->cap ? owned->cap * 2 : 16;
        char **values = rf__realloc(owned->values, cap * sizeof *values);
        if (values == NULL)
            return false;
        owned->values = values;
        owned->cap = cap;
    }
    owned->values[owned->n++] = value;
    return true;
}

static int store(const struct command *command, const struct opt *opt, const char *value)
{
    struct opt_list *list = opt->target;

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
    case OPT_LIST:
        if (list->n >= SESSION_MAX)
            return rf__opt_wrong(command, "--%s is given more than %d times", opt->name, SESSION_MAX);
        if (!add_to_list(list, value))
            return rf__opt_wrong(command, "out of memory");
        break;
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
        if (!keep(owned, value)) {
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
        bool is_flag = table->rows[i].kind == OPT_FLAG || table->rows[i].kind == OPT_COUNT;
        rows[i].longName = table->rows[i].name;
        rows[i].shortName = table->rows[i].letter;
        rows[i].argInfo = is_flag ? POPT_ARG_NONE : POPT_ARG_STRING;
        if (table->rows[i].kind == OPT_MAYBE_CHOICE)
            rows[i].argInfo |= POPT_ARGFLAG_OPTIONAL;
        rows[i].val = (int)i + 1;
    }
}

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
    common->model_given = common->model != NULL;
    if (common->model == NULL)
        common->model = rf__os_env("RAG_FACTORY_MODEL");
    if (common->model == NULL)
        common->model = RF_DEFAULT_MODEL;
    rf__say_set_level(common->quiet, common->verbosity);
    take_arguments(options, owned);
    return code;
}

void rf__opt_release(struct options *options)
{
    struct owned *owned = options->owned;

    rf__free(options->common.session.items);
    if (owned != NULL) {
        poptFreeContext(owned->context);
        for (size_t i = 0; i < owned->n; i++)
            free(owned->values[i]);
        rf__free(owned->values);
        rf__free(owned);
    }
    *options = (struct options){.n_args = 0};
}

void rf__opt_model_options(const struct opt_common *common, rf_model_options *out)
{
    rf_model_options_init(out, sizeof *out);
    out->threads = common->threads;
    out->max_tokens = common->max_tokens;
    out->pooling = (rf_pooling)common->pooling;
    out->precision = (rf_precision)common->precision;
    out->l2 = common->no_normalize ? RF_L2_OFF : RF_L2_DEFAULT;
    out->truncate = (rf_truncate)common->truncate;
    out->long_text = (rf_long_text)common->long_text;
    out->dimensions = common->dimensions;
    out->fallback = common->fallback;
    out->offline = common->offline;
    out->cache_dir = common->cache_dir;
    out->revision = common->revision;
    out->onnx_file = common->onnx_file;
    out->session_options = common->session.items;
    out->log = rf__say_log;
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
