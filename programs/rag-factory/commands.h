/* commands: every command of the program, and what several of them check. */
#ifndef RF_PROGRAM_COMMANDS_H
#define RF_PROGRAM_COMMANDS_H

#include "opt.h"

extern const struct command rf__cmd_embed, rf__cmd_similarity, rf__cmd_search, rf__cmd_tokenize, rf__cmd_models,
    rf__cmd_benchmark, rf__cmd_convert, rf__cmd_validate, rf__cmd_doctor, rf__cmd_config, rf__cmd_cache;

/* Of rf__cmd_models, rf__cmd_config and rf__cmd_cache: dispatched by them, known to `help`. Ended by NULL. */
extern const struct command *const rf__models_commands[];
extern const struct command *const rf__config_commands[];
extern const struct command *const rf__cache_commands[];

/* Texts come from one place, told apart in one way. OPT_GO_ON, or EXIT_WRONG_USAGE, told. */
int rf__command_check_input(const struct command *command, const struct options *options);

/* Runs that one of a command's own commands, ended by NULL, which argv[1] names. */
int rf__command_run_group(const struct command *command, const struct command *const *group, int argc, char **argv);

/* The command called `name`, out of a list ended by NULL; NULL where there is none, and the nearest is suggested. */
const struct command *rf__command_find(const struct command *const *list, const char *parent, const char *name);

#endif
