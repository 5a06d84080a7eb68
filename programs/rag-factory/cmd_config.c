/* config: what is settled, and where each value comes from. */
#include "commands.h"
#include "output.h"

#include <string.h>

/* Prints the values that rf_config_list() gives. */
struct printer {
    struct output *out;
    bool is_json;
    size_t n;
};

static void print_member(struct output *out, const char *before, const char *name, const char *text)
{
    rf__output_printf(out, "%s\"%s\": ", before, name);
    rf__output_json(out, text, strlen(text));
}

static bool print_value(void *user, const rf_config_value *value)
{
    struct printer *printer = user;
    struct output *out = printer->out;

    if (!printer->is_json) {
        rf__output_printf(out, "%-28s %-28s %s\n", value->key, value->value[0] != '\0' ? value->value : "-",
                          value->origin);
        return true;
    }
    print_member(out, printer->n++ > 0 ? ",\n    {" : "\n    {", "key", value->key);
    if (value->kind == RF_CONFIG_BOOL || value->kind == RF_CONFIG_NUMBER)
        rf__output_printf(out, ", \"value\": %s", value->value);
    else
        print_member(out, ", ", "value", value->value);
    print_member(out, ", ", "origin", value->origin);
    rf__output_text(out, "}");
    return true;
}

static bool print_key(void *user, const rf_config_value *value)
{
    struct printer *printer = user;
    struct output *out = printer->out;

    if (!printer->is_json) {
        rf__output_printf(out, "%s\n    %s\n    %s", value->key, value->help, value->allowed);
        if (value->value[0] != '\0')
            rf__output_printf(out, "; default: %s", value->value);
        if (value->variable[0] != '\0')
            rf__output_printf(out, "; %s", value->variable);
        rf__output_text(out, "\n");
        return true;
    }
    print_member(out, printer->n++ > 0 ? ",\n {" : "\n {", "key", value->key);
    print_member(out, ", ", "where", value->where);
    print_member(out, ", ", "help", value->help);
    print_member(out, ", ", "allowed", value->allowed);
    print_member(out, ", ", "default", value->value);
    print_member(out, ", ", "variable", value->variable);
    rf__output_text(out, "}");
    return true;
}

/* ---- show ---------------------------------------------------------------------------------------------------- */

/* `model`: as it was named; NULL for the default. */
static rf_status show(const struct opt_common *common, const char *model, bool is_json, rf_error *err)
{
    const char *file = rf_config_file(common->config);
    struct output out;
    struct printer printer = {&out, is_json, 0};
    rf_status status = rf__output_open(&out, NULL, err);

    if (status != RF_OK)
        return status;
    if (is_json) {
        print_member(&out, "{", "file", file);
        rf__output_text(&out, ", \"values\": [");
    } else {
        rf__output_printf(&out, "%-28s %s\n", "file", file[0] != '\0' ? file : "-");
    }
    rf_config_list(common->config, model, print_value, &printer);
    rf__output_text(&out, is_json ? "]}\n" : "");
    return rf__output_close(&out, RF_OK, err);
}

static int run_show(const struct command *command, int argc, char **argv)
{
    int format = 0;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    rf_error err;
    int code = rf__opt_read(command, OPT_MODEL | OPT_LIMIT | OPT_RUN | OPT_CACHE, own, argc, argv, &options);

    if (code == OPT_GO_ON && options.n_args > 1)
        code = rf__opt_wrong(command, "more than one model named");
    if (code == OPT_GO_ON && options.n_args == 1)
        code = rf__opt_take_model(&options, options.args[0]);
    if (code == OPT_GO_ON)
        code = show(&options.common, options.n_args == 1 ? options.args[0] : NULL, format == 1, &err) == RF_OK
                   ? EXIT_DONE
                   : rf__say_failure(&err);
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_show = {
    "config show",
    "every value, and where it comes from",
    "Shows what holds for a model - the default one, or one that is named - and where each value comes from: the file "
    "with its line, a variable, an option, or the default; then what the entries of models and providers have.",
    "[MODEL] [options]",
    "  rag-factory config show\n"
    "  rag-factory config show notes --threads 2",
    NULL,
    run_show,
    NULL,
};

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static int run_keys(const struct command *command, int argc, char **argv)
{
    int format = 0;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    struct output out;
    struct printer printer = {&out, false, 0};
    rf_error err;
    int code = rf__opt_read(command, 0, own, argc, argv, &options);

    if (code == OPT_GO_ON && options.n_args > 0)
        code = rf__opt_wrong(command, "unexpected argument '%s'", options.args[0]);
    if (code == OPT_GO_ON && rf__output_open(&out, NULL, &err) != RF_OK)
        code = rf__say_failure(&err);
    if (code == OPT_GO_ON) {
        printer.is_json = format == 1;
        rf__output_text(&out, printer.is_json ? "[" : "");
        rf_config_list(NULL, NULL, print_key, &printer);
        rf__output_text(&out, printer.is_json ? "]\n" : "");
        code = rf__output_close(&out, RF_OK, &err) == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    }
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_keys = {
    "config keys",
    "every key, what it may be, its variable",
    "Lists the keys of the configuration: what each is for, what it may be, its default, and the variable that sets "
    "it.",
    "[options]",
    "  rag-factory config keys",
    NULL,
    run_keys,
    NULL,
};

/* ---- Dispatch ------------------------------------------------------------------------------------------------ */

static const struct command *const own_commands[] = {&cmd_show, &cmd_keys, NULL};

const struct command rf__cmd_config = {
    "config",
    "show, keys: what is settled, and where",
    "Shows the configuration.",
    "show|keys",
    "  rag-factory config show",
    NULL,
    rf__command_run_group,
    own_commands,
};
