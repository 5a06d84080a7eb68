/* commands: every command of the program, and what several of them check. */
#ifndef RF_PROGRAM_COMMANDS_H
#define RF_PROGRAM_COMMANDS_H

#include "opt.h"

extern const struct command rf__cmd_embed, rf__cmd_similarity, rf__cmd_search, rf__cmd_tokenize, rf__cmd_models,
    rf__cmd_benchmark, rf__cmd_convert, rf__cmd_validate, rf__cmd_doctor, rf__cmd_config, rf__cmd_cache;

/* Texts come from one place, told apart in one way. OPT_GO_ON, or EXIT_WRONG_USAGE, told. */
int rf__command_check_input(const struct command *command, const struct options *options);

/* What runs a command with a group: that one of it which argv[1] names. */
int rf__command_run_group(const struct command *command, int argc, char **argv);

#endif
