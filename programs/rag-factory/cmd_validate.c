/* validate: whether a model has what it must have, and gives the vectors of a reference. */
#include "commands.h"
#include "npy.h"
#include "open.h"
#include "origin.h"
#include "progress.h"
#include "texts.h"
#include "validation.h"

#include "base/mem.h"

#include <string.h>

struct own_options {
    const char *against, *threshold, *report;
    int format;
};

/* The weights of a model computed in plain C, or the model as it is where it has none. */
static rf_status open_against(const struct opt_common *common, const char *against, const char *revision,
                              rf_model **out, rf_error *err)
{
    struct opt_common own = *common;
    rf_status status;

    own.run.fallback = own.run.onnx_file = NULL;
    own.model = against;
    own.run.revision = revision;
    own.run.precision = RF_PRECISION_REFERENCE;
    status = rf__open_model(&own, out, err);
    if (status != RF_UNSUPPORTED)
        return status;
    own.run.precision = RF_PRECISION_FILE;
    return rf__open_model(&own, out, err);
}

/* What the model was converted from, where that is on this machine: a file that was brought from elsewhere does not
 * decide what is downloaded. */
static rf_status open_origin(const struct opt_common *common, const char *without, rf_model **out, rf_error *err)
{
    struct opt_common own = *common;
    struct origin origin;
    rf_error reason;
    rf_status status = rf__origin_read(common->model, &origin, err);

    if (status != RF_OK)
        return status;
    own.run.offline = true;
    if (origin.source == NULL)
        rf__say_warning("compared with nothing: %s; name a model or vectors with --against", without);
    else if (open_against(&own, origin.source, *origin.revision != '\0' ? origin.revision : NULL, out, &reason) !=
             RF_OK)
        rf__say_warning("compared with nothing: made of '%s', which cannot be opened here: %s; name a model or vectors "
                        "with --against",
                        origin.source, reason.message);
    rf__origin_release(&origin);
    return RF_OK;
}

/* NULL in *out, told as a warning, where there is nothing to compare with. */
static rf_status open_reference(const struct opt_common *common, const char *against, rf_model **out, rf_error *err)
{
    struct opt_common own = *common;
    rf_status status;

    if (against != NULL)
        return open_against(common, against, NULL, out, err);
    own.run.precision = RF_PRECISION_REFERENCE;
    own.run.fallback = own.run.onnx_file = NULL;
    status = rf__open_model(&own, out, err);
    return status == RF_UNSUPPORTED ? open_origin(common, err->message, out, err) : status;
}

static rf_status compare(const struct opt_common *common, const struct own_options *own, rf_validate_options *how,
                         rf_validate_report **report, rf_error *err)
{
    const bool is_npy = own->against != NULL && rf__ends_with(own->against, ".npy");
    struct progress progress;
    struct npy npy = {0};
    rf_model *model = NULL, *reference = NULL;
    rf_status status = rf__open_model(common, &model, err);

    if (status == RF_OK && is_npy) {
        status = rf__npy_read(own->against, &npy, err);
        how->vectors = npy.values;
        how->vectors_len = npy.rows * npy.cols;
        if (status == RF_OK && (npy.rows != how->n_texts || npy.cols != rf_model_dim(model)))
            status = rf__fail(err, RF_INVALID_ARGUMENT, "%s: has %zu rows of %zu numbers, expected %zu texts of %zu",
                              own->against, npy.rows, npy.cols, how->n_texts, rf_model_dim(model));
    } else if (status == RF_OK) {
        status = open_reference(common, own->against, &reference, err);
    }
    rf__progress_start(&progress, "Comparing", PROGRESS_TEXTS);
    how->progress = rf__progress_step;
    how->progress_user = &progress;
    if (status == RF_OK)
        status = rf_validate(model, reference, how, report, err);
    rf__progress_end(&progress);
    how->progress_user = NULL;
    rf__npy_release(&npy);
    rf_model_free(reference);
    rf_model_free(model);
    return status;
}

static rf_status show(const rf_validate_report *report, const struct own_options *own, rf_error *err)
{
    struct output out;
    rf_status status = own->report == NULL ? RF_OK : rf__validation_write(report, own->report, err);

    if (status == RF_OK)
        status = rf__output_open(&out, NULL, err);
    if (status != RF_OK)
        return status;
    if (own->format == 1) {
        rf__validation_json(report, &out);
        rf__output_text(&out, "\n");
    } else {
        rf__validation_text(report, &out);
    }
    return rf__output_close(&out, RF_OK, err);
}

static int validate(const struct options *options, const struct own_options *own, double threshold)
{
    rf_validate_options how = {.size = sizeof how, .threshold = threshold};
    rf_validate_report *report = NULL;
    struct texts texts;
    bool passed = false;
    rf_error err;
    rf_status status = rf__texts_read(&options->common, options->args, options->n_args, &texts, &err);

    how.texts = texts.items;
    how.n_texts = texts.n;
    if (status == RF_OK)
        status = compare(&options->common, own, &how, &report, &err);
    if (status == RF_OK) {
        passed = report->passed;
        status = show(report, own, &err);
    }
    rf_validate_report_free(report);
    rf__texts_release(&texts);
    if (status != RF_OK)
        return rf__say_failure(&err);
    return passed ? EXIT_DONE : EXIT_FAILED;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct own_options own = {0};
    const struct opt rows[] = {
        {"against", 0, OPT_TEXT, &own.against, "MODEL|FILE.npy",
         "what the vectors should be: those of another model, from its weights where it has some, or given ones "
         "(default: the model's own weights, or what it was converted from)"},
        {"threshold", 0, OPT_TEXT, &own.threshold, "COSINE", "the least that passes, for every text (default: 0.99)"},
        {"report", 0, OPT_TEXT, &own.report, "FILE", "write a report too: .md (with a picture), .json or .svg"},
        {"format", 0, OPT_CHOICE, &own.format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    double threshold = 0;
    int code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT | OPT_RUN, rows, argc, argv, &options);

    if (code == OPT_GO_ON)
        code = rf__command_check_input(command, &options);
    if (code == OPT_GO_ON)
        code = rf__validation_threshold(command, own.threshold, &threshold);
    if (code == OPT_GO_ON && own.report != NULL && !rf__validation_knows(own.report))
        code =
            rf__opt_wrong(command, "--report is '%s', expected a name that ends with .md, .json or .svg", own.report);
    if (code == OPT_GO_ON && own.against != NULL && rf__ends_with(own.against, ".npy") && options.n_args == 0 &&
        options.common.input == NULL)
        code = rf__opt_wrong(command, "--against '%s' needs the texts of its vectors; give them with -i", own.against);
    if (code == OPT_GO_ON)
        code = validate(&options, &own, threshold);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_validate = {
    "validate",
    "whether a model gives the vectors that it should",
    "Checks a model by itself - inputs, output, dimension, lengths of vectors, a text alone and among others - and "
    "compares its vectors with a reference: the model's weights computed in plain C without ONNX Runtime, another "
    "model, "
    "or given vectors.",
    "[TEXT...] [options]",
    "  rag-factory validate -m onnx_models/sentence-transformers_all-MiniLM-L6-v2 \\\n"
    "      --against sentence-transformers/all-MiniLM-L6-v2 --report report.md",
    "Without TEXT and -i, texts of many languages and lengths are compared. Exit code 1: the model did not pass.",
    run,
    NULL,
};
