/* embed: texts -> vectors, in five formats. */
#include "commands.h"
#include "open.h"
#include "stream.h"

#include "os/os.h"

#include <string.h>

static rf_status write_rows(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err)
{
    (void)chunk;
    return rf__vector_writer_rows(user, rows, err);
}

static rf_status embed(const struct opt_common *common, struct input *input, struct output *output,
                       enum vector_format format, rf_error *err)
{
    rf_model_info info = {.size = sizeof info};
    struct vector_writer *writer = NULL;
    rf_embed_options how = {.size = sizeof how};
    rf_model *model = NULL;
    rf_status status = rf__open_model(common, &model, err);

    if (status != RF_OK)
        goto out;
    rf_model_get_info(model, &info);
    rf__opt_prompt(common, &how);
    status = rf__vector_writer_open(output, format, &info, &writer, err);
    if (status == RF_OK)
        status = rf__stream_embed(model, &how, input, write_rows, writer, NULL, err);
    if (status == RF_OK)
        status = rf__vector_writer_finish(writer, err);
out:
    rf__vector_writer_free(writer);
    rf_model_free(model);
    return status;
}

static bool is_stdout(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

/* What --format says, else the name given to -o; -1 where neither does. */
static int choose_format(int format, const char *path)
{
    if (format >= 0)
        return format;
    return is_stdout(path) ? VECTOR_JSON : rf__vector_format_of(path);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *path = NULL;
    int format = -1, code;
    const struct opt own[] = {
        {"output", 'o', OPT_TEXT, &path, "FILE", "write to FILE, whole or not at all (default: standard output)"},
        {"format", 0, OPT_CHOICE, &format, RF_VECTOR_FORMATS, "(default: as FILE ends, else json)"},
        OPT_END,
    };
    struct options options;
    struct input *input = NULL;
    struct output output;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT | OPT_RUN | OPT_PROMPT, own, argc, argv, &options);
    if (code != OPT_GO_ON)
        goto out;
    code = rf__command_check_input(command, &options);
    if (code != OPT_GO_ON)
        goto out;
    format = choose_format(format, path);
    if (format < 0) {
        code = rf__opt_wrong(command, "'%s' does not tell the format; name one with --format " RF_VECTOR_FORMATS, path);
        goto out;
    }
    if (is_stdout(path) && rf__vector_format_is_binary((enum vector_format)format) && rf__os_is_terminal(stdout)) {
        code = rf__opt_wrong(command, "this format is binary and standard output a terminal; name a file with -o");
        goto out;
    }
    status = rf__input_open(&options.common, options.args, options.n_args, &input, &err);
    if (status == RF_OK && input == NULL) {
        code = rf__opt_wrong(command, "nothing to embed; give texts, or a file with -i");
        goto out;
    }
    if (status == RF_OK)
        status = rf__output_open(&output, path, &err);
    if (status == RF_OK) {
        status = embed(&options.common, input, &output, (enum vector_format)format, &err);
        status = rf__output_close(&output, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__input_free(input);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_embed = {
    "embed",
    "texts -> vectors: json, jsonl, csv, npy, f32",
    "Turns texts into vectors. Texts are the arguments, the lines of a file, or those of standard input.",
    "[TEXT...] [-i FILE] [-o FILE] [options]",
    "  rag-factory embed \"hello world\"\n"
    "  rag-factory embed -i corpus.txt -o corpus.npy",
    "Formats: json, one object with the model, its dimension and \"embeddings\"; jsonl, one object a line;\n"
    "csv with a header line; npy for numpy.load(); f32, bare little-endian floats.\n"
    "A text longer than the model reads is cut and counted: \"truncated\" in the output, a warning at the end.",
    run,
};
