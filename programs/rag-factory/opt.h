/*
 * opt: the command line. A command brings a table of its own options and names the groups of common ones that it takes;
 * popt reads the arguments, the same tables give the help. Common options mean the same in every command.
 */
#ifndef RF_PROGRAM_OPT_H
#define RF_PROGRAM_OPT_H

#include "base/error.h"
#include "say.h"

struct command {
    const char *name;     /* "embed", "models pull" */
    const char *in_short; /* a few words, for the overview */
    const char *summary;  /* a sentence or two, for the help */
    const char *usage;    /* what follows the name */
    const char *example;  /* command lines, shown first in the help */
    const char *notes;    /* shown last, or NULL */
    /* `argv[0]` is skipped; returns an exit code. Options have not been read. */
    int (*run)(const struct command *command, int argc, char **argv);
    /* Those that it has, "models pull" …, ended by NULL; NULL: none. */
    const struct command *const *group;
};

enum opt_kind {
    OPT_FLAG,         /* bool: set to true */
    OPT_COUNT,        /* int: one more each time */
    OPT_TEXT,         /* const char * */
    OPT_NUMBER,       /* uint32_t */
    OPT_CHOICE,       /* int: the index in `arg`, which lists the choices: "right|left|error" */
    OPT_MAYBE_CHOICE, /* int: 1 and the index; 1 without a value, which has to be the last or before another option */
    OPT_KEY,          /* the key of the configuration of that name, with '_' for '-'; without `arg` a flag: true, and
                         false where the name begins with "no-". No target; what holds is in opt_common.run */
    OPT_MEMBER        /* NAME=VALUE: a member of such a key, which is a map */
};

/* Ended by an entry without a name. */
struct opt {
    const char *name; /* long name, without "--" */
    char letter;      /* 0: none */
    enum opt_kind kind;
    void *target;
    const char *arg;  /* what the value is called in the help; NULL for flags */
    const char *help; /* NULL: the key's */
};

#define OPT_END                                                                                                        \
    {                                                                                                                  \
        NULL, 0, OPT_FLAG, NULL, NULL, NULL                                                                            \
    }

/* Which common options a command takes; -q, -v and --help belong to all. */
enum opt_group {
    OPT_MODEL = 1,   /* which model, and where it comes from */
    OPT_LIMIT = 2,   /* --max-tokens, --truncate */
    OPT_RUN = 4,     /* how it is run: pooling, threads … */
    OPT_INPUT = 8,   /* where texts come from */
    OPT_PROMPT = 16, /* what is put in front of them */
    OPT_CACHE = 32   /* where vectors are kept */
};

struct opt_common {
    rf_config *config;
    const char *model;    /* its source; never NULL after reading */
    rf_model_options run; /* what the configuration says for it, the options given here included */
    bool model_given;     /* by -m */
    bool is_query, is_document;
    const char *prompt_name, *prompt; /* NULL: not given */
    const char *input;                /* NULL: not given */
    bool null;
    const char *jsonl;       /* NULL: plain lines */
    const char *config_file; /* NULL: not given */
    bool quiet, help;
    int verbosity;
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

/* Takes another model than -m or the configuration named: an entry of the configuration or a source. OPT_GO_ON, or an
 * exit code, told. */
int rf__opt_take_model(struct options *options, const char *name);

/* Tells what is wrong and where the help is; gives EXIT_WRONG_USAGE. */
int rf__opt_wrong(const struct command *command, const char *format, ...) RF_PRINTF(2, 3);

/* What the options say of the prompt, in options whose other members are not touched. Give it options that
 * rf_embed_options_init() set. */
void rf__opt_prompt(const struct opt_common *common, rf_embed_options *out);

/* Prints `text` with lines of at most `width` columns, `indent` spaces before every line but the first. */
void rf__opt_print_wrapped(const char *text, int indent, int width);

#endif
