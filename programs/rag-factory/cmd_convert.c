/* convert: weights -> a model directory with an ONNX file, validated. */
#include "commands.h"
#include "progress.h"
#include "texts.h"
#include "validation.h"

#include <string.h>

#define DEFAULT_DIRECTORY "onnx_models"

struct own_options {
    const char *model_name, *output_dir, *name, *threshold, *report;
    int precision, format, quantize; /* quantize: an rf_quantization */
    bool optimize, portable, no_validate, quantize_embeddings;
};

/* A bar of its own for each part. */
static void begin_part(void *user, const char *part)
{
    struct progress *progress = user;

    rf__progress_end(progress);
    rf__progress_start(progress, part,
                       strcmp(part, "Comparing") == 0 || strcmp(part, "Calibrating") == 0 ? PROGRESS_TEXTS
                                                                                          : PROGRESS_BYTES);
}

static rf_status convert(const struct opt_common *common, const struct own_options *own, double threshold,
                         const struct texts *texts, rf_convert_report **report, rf_error *err)
{
    struct progress progress = {.shown = false};
    rf_convert_options how = {.size = sizeof how,
                              .name = own->name,
                              .cache_dir = common->run.cache_dir,
                              .revision = common->run.revision,
                              .offline = common->run.offline,
                              .precision = own->precision == 1 ? RF_PRECISION_INT16 : RF_PRECISION_FP32,
                              .portable = own->portable,
                              .quantization = (rf_quantization)own->quantize,
                              .quantize_embeddings = own->quantize_embeddings,
                              .texts = texts->items,
                              .n_texts = texts->n,
                              .onnx_file = common->run.onnx_file,
                              .no_validation = own->no_validate,
                              .threshold = threshold,
                              .threads = common->run.threads,
                              .log = rf__say_log,
                              .progress = rf__progress_step,
                              .part = begin_part,
                              .progress_user = &progress,
                              .optimize = own->optimize};
    rf_status status = rf_convert(common->model, own->output_dir, &how, report, err);

    rf__progress_end(&progress);
    return status;
}

static void print_text(const rf_convert_report *report, struct output *out)
{
    char size[RF_SIZE_TEXT];

    if (report->directory[0] != '\0')
        rf__output_printf(out, "Directory      %s\n", report->directory);
    rf__output_printf(out, "Made of        %s\n", report->made_of);
    if (report->revision[0] != '\0')
        rf__output_printf(out, "Revision       %s\n", report->revision);
    rf__output_printf(out, "Size           %s\n", rf__size_text(report->bytes, size));
    rf__output_printf(out, "Time           %.2f s to convert, %.2f s to validate\n", (double)report->convert_ns / 1e9,
                      (double)report->validate_ns / 1e9);
    if (report->validation == NULL) {
        rf__output_text(out, "\nNot validated.\n");
        return;
    }
    rf__validation_text(report->validation, out);
    if (report->directory[0] == '\0')
        rf__output_text(out, "Nothing was written. --threshold asks for less, --no-validate for nothing.\n");
}

static void print_json(const rf_convert_report *report, struct output *out)
{
    const char *const pairs[][2] = {{"directory", report->directory},
                                    {"onnx_file", report->onnx_file},
                                    {"made_of", report->made_of},
                                    {"revision", report->revision}};

    rf__output_text(out, "{");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        rf__output_printf(out, "\"%s\":", pairs[i][0]);
        rf__output_json(out, pairs[i][1], strlen(pairs[i][1]));
        rf__output_text(out, ",");
    }
    rf__output_printf(out, "\n \"bytes\":%llu,\"convert_ms\":%.1f,\"validate_ms\":%.1f,\n \"validation\":",
                      (unsigned long long)report->bytes, (double)report->convert_ns / 1e6,
                      (double)report->validate_ns / 1e6);
    if (report->validation == NULL)
        rf__output_text(out, "null");
    else
        rf__validation_json(report->validation, out);
    rf__output_text(out, "}\n");
}

static rf_status show(const rf_convert_report *report, const struct own_options *own, rf_error *err)
{
    struct output out;
    rf_status status = RF_OK;

    if (own->report != NULL && report->validation != NULL)
        status = rf__validation_write(report->validation, own->report, err);
    if (status == RF_OK)
        status = rf__output_open(&out, NULL, err);
    if (status != RF_OK)
        return status;
    if (own->format == 1)
        print_json(report, &out);
    else
        print_text(report, &out);
    return rf__output_close(&out, RF_OK, err);
}

/* The model may be named by the story's --model-name, by -m or as an argument. OPT_GO_ON, or wrong usage, told. */
static int take_model(const struct command *command, const struct own_options *own, struct options *options)
{
    struct opt_common *common = &options->common;

    if (options->n_args > 1 || (own->model_name != NULL) + common->model_given + (int)options->n_args > 1)
        return rf__opt_wrong(command, "more than one model named");
    if (own->model_name == NULL && options->n_args == 0)
        return OPT_GO_ON;
    return rf__opt_take_model(options, own->model_name != NULL ? own->model_name : options->args[0]);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct own_options own = {.output_dir = DEFAULT_DIRECTORY};
    struct options options;
    const struct opt rows[] = {
        {"model-name", 0, OPT_TEXT, &own.model_name, "MODEL", "the same as -m"},
        {"output-dir", 'o', OPT_TEXT, &own.output_dir, "DIR",
         "the model directory is made in DIR, named as the model with '/' as '_' (default: " DEFAULT_DIRECTORY ")"},
        {"name", 0, OPT_TEXT, &own.name, "NAME", "another name for the model directory"},
        {"precision", 0, OPT_CHOICE, &own.precision, "fp32|int16",
         "fp32 runs in any ONNX Runtime; int16 is for this program alone, and faster (default: fp32)"},
        {"quantize", 0, OPT_MAYBE_CHOICE, &own.quantize, "int8|int8-dynamic|int4|fp16",
         "weights in fewer bits, for any ONNX Runtime: int8 is near-lossless, int8-dynamic the standard form (without "
         "a "
         "value: int8)"},
        {"quantize-embeddings", 0, OPT_FLAG, &own.quantize_embeddings, NULL, "tables of words too, to 8 bits"},
        {"input", 'i', OPT_TEXT, &options.common.input, "FILE",
         "texts, one a line, that int8 and int4 are fitted to (default: some that the program brings)"},
        {"optimize", 0, OPT_FLAG, &own.optimize, NULL,
         "make an ONNX file that is there faster; what is made of weights is so at once"},
        {"portable", 0, OPT_FLAG, &own.portable, NULL,
         "standard operators alone, in one file where it is below 2 GB: for any program that reads ONNX"},
        {"no-validate", 0, OPT_FLAG, &own.no_validate, NULL, "do not compare the result with the weights"},
        {"threshold", 0, OPT_TEXT, &own.threshold, "COSINE",
         "the least that passes, for every text (default: 0.99); below it nothing is written"},
        {"report", 0, OPT_TEXT, &own.report, "FILE",
         "write the validation to a file too: .md (with a picture), .json or .svg"},
        {"format", 0, OPT_CHOICE, &own.format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct texts texts = {.n = 0};
    rf_convert_report *report = NULL;
    double threshold = 0;
    rf_error err;
    rf_status status;
    int code = rf__opt_read(command, OPT_MODEL, rows, argc, argv, &options);

    if (code == OPT_GO_ON)
        code = take_model(command, &own, &options);
    if (code == OPT_GO_ON)
        code = rf__validation_threshold(command, own.threshold, &threshold);
    if (code == OPT_GO_ON && own.report != NULL && !rf__validation_knows(own.report))
        code =
            rf__opt_wrong(command, "--report is '%s', expected a name that ends with .md, .json or .svg", own.report);
    if (code == OPT_GO_ON) {
        status = rf__texts_read(&options.common, NULL, 0, &texts, &err);
        if (status == RF_OK)
            status = convert(&options.common, &own, threshold, &texts, &report, &err);
        if (status == RF_OK)
            status = show(report, &own, &err);
        code = status != RF_OK ? rf__say_failure(&err) : report->directory[0] != '\0' ? EXIT_DONE : EXIT_FAILED;
    }
    rf_convert_report_free(report);
    rf__texts_release(&texts);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_convert = {
    "convert",
    "weights to an ONNX model directory, without PyTorch",
    "Turns the weights of a model into an ONNX file in a model directory of its own, with tokenizer and configuration, "
    "and compares its vectors with those of the weights, computed in plain C without ONNX Runtime, before it is put in "
    "place.",
    "[MODEL] [options]",
    "  rag-factory convert --model-name sentence-transformers/all-MiniLM-L6-v2 --output-dir onnx_models",
    "This program needs no conversion: it makes what it needs of weights by itself. Convert for other programs, for a\n"
    "machine that cannot write a cache, or to know how exact a file is.",
    run,
    NULL,
};
