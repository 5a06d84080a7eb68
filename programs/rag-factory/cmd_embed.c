/* embed: texts -> vectors, in six formats. */
#include "commands.h"
#include "open.h"
#include "ranges.h"
#include "resume.h"
#include "stream.h"

#include "os/os.h"

#include <string.h>

/* Where rows go. */
struct sink {
    struct vector_writer *writer;
    struct resume *resume; /* NULL: a run that does not go on */
};

static rf_status write_rows(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err)
{
    struct sink *sink = user;
    rf_status status = rf__vector_writer_rows(sink->writer, rows, err);

    return status == RF_OK && sink->resume != NULL ? rf__resume_step(sink->resume, chunk, rows, err) : status;
}

/* What the command's own options say. */
struct wish {
    const char *path; /* -o; NULL: standard output */
    int format;
    int type;
    const char *ranges, *calibration; /* files; NULL: not given */
    bool resume;
};

static rf_status find_ranges(const struct wish *wish, const rf_model *model, const rf_model_info *info,
                             const struct opt_common *common, struct ranges *ranges, rf_error *err)
{
    uint64_t n_texts;
    rf_status status;

    if (wish->ranges != NULL)
        return rf__ranges_read(wish->ranges, info, ranges, err);
    if (wish->calibration == NULL)
        return RF_OK;
    status = rf__ranges_calibrate(model, common, wish->calibration, &n_texts, ranges, err);
    return status == RF_OK ? rf__ranges_write(wish->path, info, n_texts, ranges, err) : status;
}

/* Moves the input to where an earlier run came, if it was one of the same kind. */
static rf_status go_on(struct resume *resume, const struct opt_common *common, const rf_embed_options *how,
                       const struct wish *wish, const rf_model *model, const float *ranges, struct input *input,
                       rf_error *err)
{
    rf_model_info info = {.size = sizeof info};
    char fingerprint[RF_FINGERPRINT];
    struct resume_plan plan = {.fingerprint = fingerprint,
                               .format = wish->format,
                               .type = wish->type,
                               .ranges = ranges,
                               .n_ranges = ranges != NULL ? 2 * rf_model_dim(model) : 0};
    rf_status status = rf_model_fingerprint(model, &common->run, how, fingerprint, err);

    rf_model_get_info(model, &info);
    plan.model = info.source;
    return status == RF_OK ? rf__resume_check(resume, &plan, input, err) : status;
}

/* `resume` is NULL where the run does not go on. */
static rf_status embed(const struct opt_common *common, const struct wish *wish, struct input *input,
                       struct output *output, struct resume *resume, rf_error *err)
{
    rf_model_info info = {.size = sizeof info};
    struct sink sink = {NULL, resume};
    struct ranges ranges = {NULL};
    rf_embed_options how = {.size = sizeof how};
    uint64_t n_before = 0, n_truncated = 0;
    rf_model *model = NULL;
    rf_status status = rf__open_cached_model(common, &model, err);

    if (status != RF_OK)
        goto out;
    rf_model_get_info(model, &info);
    rf__opt_prompt(common, &how);
    status = find_ranges(wish, model, &info, common, &ranges, err);
    if (status == RF_OK && resume != NULL) {
        status = go_on(resume, common, &how, wish, model, ranges.values, input, err);
        n_before = rf__resume_n_texts(resume);
        n_truncated = rf__resume_n_truncated(resume);
    }
    if (status == RF_OK)
        status = rf__vector_writer_open(output, (enum vector_format)wish->format, &info, (rf_output_type)wish->type,
                                        ranges.values, n_before, &sink.writer, err);
    if (status == RF_OK)
        status = rf__stream_embed_from(model, &how, input, resume != NULL ? &n_truncated : NULL, write_rows, &sink,
                                       NULL, err);
    if (status == RF_OK)
        status = rf__vector_writer_finish(sink.writer, err);
out:
    rf__vector_writer_free(sink.writer);
    rf__ranges_release(&ranges);
    rf__close_cached_model(model);
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

/* Whether type, ranges and format go together. OPT_GO_ON, or wrong usage, told. */
static int check_type(const struct command *command, const struct wish *wish)
{
    bool needs_ranges = wish->type == RF_OUTPUT_INT8 || wish->type == RF_OUTPUT_UINT8;

    if (wish->ranges != NULL && wish->calibration != NULL)
        return rf__opt_wrong(command, "--ranges and --calibrate exclude each other");
    if (!needs_ranges && (wish->ranges != NULL || wish->calibration != NULL))
        return rf__opt_wrong(command, "--%s belongs to --output-type int8 and uint8",
                             wish->ranges != NULL ? "ranges" : "calibrate");
    if (needs_ranges && wish->ranges == NULL && wish->calibration == NULL)
        return rf__opt_wrong(command,
                             "int8 and uint8 need the range of each dimension: --ranges FILE of an earlier run, "
                             "or --calibrate FILE with texts like those of the corpus");
    if (wish->calibration != NULL && is_stdout(wish->path))
        return rf__opt_wrong(command, "--calibrate keeps the ranges beside the output; name a file with -o");
    if (wish->format == VECTOR_F32 && wish->type != RF_OUTPUT_FP32)
        return rf__opt_wrong(command, "the format f32 is fp32; use raw, or npy");
    return OPT_GO_ON;
}

/* Opens the output, embeds and closes it. */
static rf_status run_wish(const struct opt_common *common, const struct wish *wish, struct input *input, rf_error *err)
{
    struct resume *resume = NULL;
    struct output output;
    rf_status status =
        wish->resume ? rf__resume_open(wish->path, &output, &resume, err) : rf__output_open(&output, wish->path, err);

    if (status != RF_OK)
        return status;
    status = embed(common, wish, input, &output, resume, err);
    return resume != NULL ? rf__resume_close(resume, status, err) : rf__output_close(&output, status, err);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct wish wish = {.format = -1};
    int code;
    const struct opt own[] = {
        {"output", 'o', OPT_TEXT, &wish.path, "FILE", "write to FILE, whole or not at all (default: standard output)"},
        {"format", 0, OPT_CHOICE, &wish.format, RF_VECTOR_FORMATS, "(default: as FILE ends, else json)"},
        {"resume", 0, OPT_FLAG, &wish.resume, NULL,
         "a run that ends early keeps what it has in FILE.partial, and the same command goes on from there"},
        {"output-type", 0, OPT_CHOICE, &wish.type, RF_OUTPUT_TYPES, "what a number is stored as (default: fp32)"},
        {"ranges", 0, OPT_TEXT, &wish.ranges, "FILE", "int8 and uint8 between the ranges that FILE has (JSON)"},
        {"calibrate", 0, OPT_TEXT, &wish.calibration, "FILE",
         "int8 and uint8 between those of the texts in FILE; they are kept beside the output, as OUTPUT.ranges.json"},
        OPT_END,
    };
    struct options options;
    struct input *input = NULL;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT | OPT_RUN | OPT_CACHE | OPT_PROMPT, own, argc, argv,
                        &options);
    if (code != OPT_GO_ON)
        goto out;
    code = rf__command_check_input(command, &options);
    if (code != OPT_GO_ON)
        goto out;
    wish.format = choose_format(wish.format, wish.path);
    if (wish.format < 0) {
        code = rf__opt_wrong(command, "'%s' does not tell the format; name one with --format " RF_VECTOR_FORMATS,
                             wish.path);
        goto out;
    }
    if (is_stdout(wish.path) && rf__vector_format_is_binary((enum vector_format)wish.format) &&
        rf__os_is_terminal(stdout)) {
        code = rf__opt_wrong(command, "this format is binary and standard output a terminal; name a file with -o");
        goto out;
    }
    code = check_type(command, &wish);
    if (code == OPT_GO_ON && wish.resume && is_stdout(wish.path))
        code = rf__opt_wrong(command, "--resume keeps what is done beside the output; name a file with -o");
    if (code == OPT_GO_ON && wish.resume && options.n_args > 0)
        code = rf__opt_wrong(command, "--resume is for texts of a file or of standard input, not for arguments");
    if (code != OPT_GO_ON)
        goto out;
    status = rf__input_open(&options.common, options.args, options.n_args, &input, &err);
    if (status == RF_OK && input == NULL) {
        code = rf__opt_wrong(command, "nothing to embed; give texts, or a file with -i");
        goto out;
    }
    if (status == RF_OK)
        status = run_wish(&options.common, &wish, input, &err);
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__input_free(input);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_embed = {
    "embed",
    "texts -> vectors: json, jsonl, csv, npy, raw",
    "Turns texts into vectors. Texts are the arguments, the lines of a file, or those of standard input.",
    "[TEXT...] [-i FILE] [-o FILE] [options]",
    "  rag-factory embed \"hello world\"\n"
    "  rag-factory embed -i corpus.txt -o corpus.npy",
    "Formats: json, one object with the model, its dimension and \"embeddings\"; jsonl, one object a line;\n"
    "csv with a header line; npy for numpy.load(); f32, bare little-endian floats; raw, bare numbers of any type.\n"
    "A text longer than the model reads is cut and counted: \"truncated\" in the output, a warning at the end.\n"
    "With --resume the file is the same, byte for byte, however often the run was ended and begun again.",
    run,
    NULL,
};
