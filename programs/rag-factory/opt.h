/*
 * opt: the command line. A command brings a table of its own options and names the groups of common ones that it takes;
 * popt reads the arguments, the same tables give the help. Common options mean the same in every command.
 */
#ifndef RF_PROGRAM_OPT_H
#define RF_PROGRAM_OPT_H

#include "base/error.h"
#include "say.h"

#define RF_DEFAULT_MODEL "sentence-transformers/all-MiniLM-L6-v2"

struct command {
    const char *name;     /* "embed", "models pull" */
    const char *in_short; /* a few words, for the overview */
    const char *summary;  /* a sentence or two, for the help */
    const char *usage;    /* what follows the name */
    const char *example;  /* command lines, shown first in the help */
    const char *notes;    /* shown last, or NULL */
    /* `argv[0]` is skipped; returns an exit code. Options have not been read. */
    int (*run)(const struct command *command, int argc, char **argv);
};

enum opt_kind {
    OPT_FLAG,         /* bool: set to true */
    OPT_COUNT,        /* int: one more each time */
    OPT_TEXT,         /* const char * */
    OPT_NUMBER,       /* uint32_t */
    OPT_CHOICE,       /* int: the index in `arg`, which lists the choices: "right|left|error" */
    OPT_MAYBE_CHOICE, /* int: 1 and the index; 1 without a value, which has to be the last or before another option */
    OPT_LIST          /* struct opt_list */
};

/* Ended by an entry without a name. */
struct opt {
    const char *name; /* long name, without "--" */
    char letter;      /* 0: none */
    enum opt_kind kind;
    void *target;
    const char *arg; /* what the value is called in the help; NULL for flags */
    const char *help;
};

#define OPT_END                                                                                                        \
    {                                                                                                                  \
        NULL, 0, OPT_FLAG, NULL, NULL, NULL                                                                            \
    }

struct opt_list {
    const char **items; /* NULL-terminated; NULL when there are none */
    size_t n;
};

/* Which common options a command takes; -q, -v and --help belong to all. */
enum opt_group {
    OPT_MODEL = 1,  /* which model, and where it comes from */
    OPT_LIMIT = 2,  /* --max-tokens, --truncate */
    OPT_RUN = 4,    /* how it is run: pooling, threads … */
    OPT_INPUT = 8,  /* where texts come from */
    OPT_PROMPT = 16 /* what is put in front of them */
};

struct opt_common {
    const char *model; /* never NULL after reading */
    const char *revision, *cache_dir, *onnx_file, *fallback;
    bool offline;
    uint32_t max_tokens;
    int truncate;  /* rf_truncate */
    int long_text; /* rf_long_text */
    int pooling;   /* rf_pooling */
    int precision; /* rf_precision */
    bool no_normalize;
    uint32_t dimensions;
    bool is_query, is_document;
    const char *prompt_name, *prompt; /* NULL: not given */
    uint32_t threads;
    struct opt_list session;
    const char *input; /* NULL: not given */
    bool null;
    const char *jsonl; /* NULL: plain lines */
    bool quiet, help;
    int verbosity;
    bool model_given; /* by -m */
};

struct options {
    struct opt_common common;
    const char **args; /* what is not an option; [n_args] */
    size_t n_args;
    void *owned; /* what keeps all strings above alive */
};

#define OPT_GO_ON (-1)

/* Reads the arguments. OPT_GO_ON, or the exit code to leave with: after --help, and after wrong usage, which it has
 * told. Release the options in either case. */
int rf__opt_read(const struct command *command, unsigned groups, const struct opt *own, int argc, char **argv,
                 struct options *options);
void rf__opt_release(struct options *options);

/* Tells what is wrong and where the help is; gives EXIT_WRONG_USAGE. */
int rf__opt_wrong(const struct command *command, const char *format, ...) RF_PRINTF(2, 3);

/* The options of the model, logging included; borrows from `common`. */
void rf__opt_model_options(const struct opt_common *common, rf_model_options *out);

/* What the options say of the prompt, in options whose other members are not touched. Give it options that
 * rf_embed_options_init() set. */
void rf__opt_prompt(const struct opt_common *common, rf_embed_options *out);

/* The candidate closest to `word` where one is close enough to be meant; NULL otherwise. */
const char *rf__opt_nearest(const char *word, const char *const *candidates, size_t n);

/* Prints `text` with lines of at most `width` columns, `indent` spaces before every line but the first. */
void rf__opt_print_wrapped(const char *text, int indent, int width);

#endif
