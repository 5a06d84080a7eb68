/*
 * rag-factory: text -> embedding vectors on the command line. One file for each command (cmd_*.c); here is which one
 * runs. Results go to standard output, everything else to standard error. Exit code 0: done, 1: failed, 2: wrong usage.
 */
#include "commands.h"

#include "base/error.h"
#include "base/nearest.h"
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_COMMANDS 16

static const struct command *const commands[] = {
    &rf__cmd_embed,    &rf__cmd_similarity, &rf__cmd_search, &rf__cmd_tokenize, &rf__cmd_models, &rf__cmd_convert,
    &rf__cmd_validate, &rf__cmd_benchmark,  &rf__cmd_doctor, &rf__cmd_config,   &rf__cmd_cache,  NULL};

int rf__command_check_input(const struct command *command, const struct options *options)
{
    const struct opt_common *common = &options->common;

    if (options->n_args > 0 && common->input != NULL)
        return rf__opt_wrong(command, "texts are given twice: as arguments and by -i '%s'", common->input);
    if (common->null && common->jsonl != NULL)
        return rf__opt_wrong(command, "--null and --jsonl exclude each other");
    return OPT_GO_ON;
}

/* The command called `name`, out of a list ended by NULL; NULL where there is none, and the nearest is suggested. */
static const struct command *find(const struct command *const *list, const char *parent, const char *name)
{
    const char *names[MAX_COMMANDS], *nearest;
    size_t n = 0;

    for (; list[n] != NULL && n < MAX_COMMANDS; n++) {
        names[n] = list[n]->name + strlen(parent);
        if (strcmp(names[n], name) == 0)
            return list[n];
    }
    nearest = rf__nearest(name, names, n);
    if (nearest != NULL)
        rf__say_error("unknown command '%s%.60s'; did you mean '%s%s'?", parent, name, parent, nearest);
    else
        rf__say_error("unknown command '%s%.60s'", parent, name);
    fprintf(stderr, "Try: rag-factory %s--help\n", parent);
    return NULL;
}

/* Of a command's own. */
static const struct command *find_in_group(const struct command *command, const char *name)
{
    char parent[32];

    snprintf(parent, sizeof parent, "%s ", command->name);
    return find(command->group, parent, name);
}

static void print_group(const struct command *command)
{
    const struct command *const *group = command->group;

    printf("Example:\n%s\n\nUsage: rag-factory %s COMMAND [options]\n\nCommands:\n", command->example, command->name);
    for (size_t i = 0; group[i] != NULL; i++)
        printf("  %-8s%s\n", group[i]->name + strlen(command->name) + 1, group[i]->in_short);
    printf("\nrag-factory %s COMMAND --help shows its options.\n", command->name);
}

int rf__command_run_group(const struct command *command, int argc, char **argv)
{
    const struct command *found;

    if (argc < 2)
        return rf__opt_wrong(command, "which one: %.*s?", (int)strcspn(command->usage, " "), command->usage);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_group(command);
        return EXIT_DONE;
    }
    found = find_in_group(command, argv[1]);
    return found == NULL ? EXIT_WRONG_USAGE : found->run(found, argc - 1, argv + 1);
}

static void print_overview(FILE *to)
{
    fprintf(to, "Example:\n  rag-factory embed \"hello world\"\n\n"
                "Usage: rag-factory COMMAND [options]\n"
                "Turns text into embedding vectors on the CPU, with the numbers of sentence-transformers.\n\n"
                "Commands:\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->in_short);
    fprintf(to, "\n  rag-factory help COMMAND   shows a command's options\n"
                "  rag-factory --version      shows the versions\n");
}

/* `help`, `help embed`, `help models pull`: the same as --help there. */
static int help(int argc, char **argv)
{
    const struct command *found;
    char label[] = "help", flag[] = "--help";
    char *args[] = {label, flag, NULL};

    if (argc < 2 || argv[1][0] == '-') {
        print_overview(stdout);
        return EXIT_DONE;
    }
    found = find(commands, "", argv[1]);
    if (found != NULL && found->group != NULL && argc > 2)
        found = find_in_group(found, argv[2]);
    return found == NULL ? EXIT_WRONG_USAGE : found->run(found, 2, args);
}

static int dispatch(int argc, char **argv)
{
    const struct command *found;

    if (argc < 2) {
        print_overview(stderr);
        return EXIT_WRONG_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("rag-factory %s\nONNX Runtime %s\n", rf_version(), rf_onnxruntime_version());
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (argv[1][0] == '-') {
        rf__say_error("the command comes first, found '%.60s'", argv[1]);
        fprintf(stderr, "Try: rag-factory --help\n");
        return EXIT_WRONG_USAGE;
    }
    found = find(commands, "", argv[1]);
    return found == NULL ? EXIT_WRONG_USAGE : found->run(found, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int code;

    rf__say_catch_interrupt();
    code = dispatch(argc, argv);
    if (fflush(stdout) != 0 && code == EXIT_DONE) {
        rf__say_error("standard output: cannot be written: %s", strerror(errno));
        code = EXIT_FAILED;
    }
    return code;
}
