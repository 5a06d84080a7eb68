/* onnx_build: config.json and weights -> graph -> file. See onnx.h. */
#include "onnx/onnx.h"

#include "onnx/arch.h"
#include "onnx/onnx_file.h"
#include "onnx/recognize.h"

#include "os/os.h"

#define CONFIG_MAX_BYTES ((size_t)16 << 20)

const char *rf__precision_name(enum onnx_precision precision)
{
    static const char *const names[] = {"fp32", "fp32", "int16", "int8"};

    return names[precision];
}

static rf_status read_config(const char *path, struct json *out, rf_error *err)
{
    struct buf text;
    rf_status status;

    rf__buf_init(&text, CONFIG_MAX_BYTES);
    status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(out, text.data != NULL ? text.data : "", text.len, path, err);
    rf__buf_release(&text);
    return status;
}

static rf_status find_kind(const struct json *config, const struct arch_kind **out, rf_error *err)
{
    const char *model_type = NULL;
    rf_status status;

    if (!yyjson_is_obj(config->root))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", config->name,
                        rf__json_type_name(config->root));
    status = rf__json_get_str(config, config->root, "model_type", NULL, &model_type, err);
    if (status != RF_OK)
        return status;
    if (model_type == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has no 'model_type', which says what the weights are", config->name);
    *out = rf__arch_find(model_type);
    if (*out == NULL)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: 'model_type' is '%.64s', whose weights cannot be turned into an ONNX file; supported: %s. "
                        "A model directory with an ONNX file of it can be used",
                        config->name, model_type, rf__arch_names());
    return RF_OK;
}

static rf_status build_graph(const struct onnx_build *build, const struct json *config, const struct weights *weights,
                             struct graph **out, rf_error *err)
{
    const struct arch_kind *kind = NULL;
    const struct tensor *left_out;
    struct arch arch = {.config = config,
                        .weights = weights,
                        .prefix = "",
                        .precision = build->precision,
                        .inputs = build->inputs,
                        .n_inputs = build->n_inputs};
    rf_status status = find_kind(config, &kind, err);

    if (status != RF_OK)
        return status;
    arch.graph = rf__graph_new(kind->model_type, err);
    if (arch.graph == NULL)
        return rf__fail_memory(err);
    rf__graph_set_portable(arch.graph, build->is_portable);
    status = rf__arch_build(&arch, kind);
    if (status != RF_OK) {
        rf__graph_free(arch.graph);
        return status;
    }
    rf__log(build->logger, RF_LOG_DEBUG, "%s: a graph of %s, names of tensors begin with '%s'", build->out_path,
            kind->model_type, arch.prefix);
    left_out = rf__arch_left_out(&arch);
    if (left_out != NULL)
        rf__log(build->logger, RF_LOG_WARNING,
                "%s: tensor '%s' is not used: %s says that there are fewer layers. Do the two belong together?",
                rf__weights_path(weights), left_out->name, config->name);
    *out = arch.graph;
    return RF_OK;
}

/* The newest ONNX Runtime that cannot read these is 1.16; the portable ones are from 2022. */
static rf_status write_file(struct graph *graph, const struct onnx_build *build, const struct weights *weights,
                            rf_error *err)
{
    static const struct onnx_opset opsets[] = {{"", 20}, {GRAPH_MICROSOFT, 1}, {GRAPH_OURS, 1}},
                                   portable[] = {{"", 17}};
    const struct onnx_entry metadata[] = {{"rag_factory.source", build->source != NULL ? build->source : ""},
                                          {"rag_factory.version", RF_VERSION},
                                          {"rag_factory.builder", rf__graph_name(graph, "%d", RF_ONNX_BUILDER_VERSION)},
                                          {"rag_factory.precision", rf__precision_name(build->precision)},
                                          {"rag_factory.revision", build->revision},
                                          {"rag_factory.options", build->options}};
    const struct onnx_target target = {.path = build->out_path,
                                       .inline_limit = build->inline_limit,
                                       .weights_path = rf__weights_path(weights),
                                       .ir_version = build->is_portable ? 8 : 9,
                                       .opsets = build->is_portable ? portable : opsets,
                                       .n_opsets = build->is_portable                   ? 1
                                                   : build->precision == ONNX_OPERATORS ? 2
                                                                                        : 3,
                                       .metadata = metadata,
                                       .n_metadata = sizeof metadata / sizeof metadata[0],
                                       .progress = build->progress,
                                       .progress_user = build->progress_user};

    return rf__graph_status(graph) != RF_OK ? rf__graph_status(graph) : rf__onnx_file_write(graph, &target, err);
}

static rf_status build_of(const struct onnx_build *build, const struct json *config, const struct weights *weights,
                          rf_error *err)
{
    struct graph *graph = NULL;
    rf_status status = build_graph(build, config, weights, &graph, err);

    if (status == RF_OK)
        status = write_file(graph, build, weights, err);
    rf__graph_free(graph);
    return status;
}

static rf_status build_of_onnx(const struct onnx_build *build, rf_error *err)
{
    struct onnx_file *file = NULL;
    struct recognized found = {0};
    struct json config = {0};
    rf_status status = rf__onnx_file_read(build->onnx_path, &file, err);

    if (status == RF_OK)
        status = rf__recognize(file, build->onnx_path, &found, err);
    if (status == RF_OK)
        rf__log(build->logger, RF_LOG_DEBUG, "%s: is understood: %s", build->onnx_path, found.config.data);
    if (status == RF_OK && build->limits != NULL)
        *build->limits = found.limits;
    if (status == RF_OK)
        status = rf__json_parse(&config, found.config.data, found.config.len, build->onnx_path, err);
    if (status == RF_OK)
        status = build_of(build, &config, found.weights, err);
    rf__json_release(&config);
    rf__recognized_release(&found);
    rf__onnx_file_free(file);
    return status;
}

rf_status rf__onnx_build(const struct onnx_build *build, rf_error *err)
{
    struct json config = {0};
    rf_status status;

    if (build->onnx_path != NULL)
        return build_of_onnx(build, err);
    status = read_config(build->config_path, &config, err);
    if (status == RF_OK)
        status = build_of(build, &config, build->weights, err);
    rf__json_release(&config);
    return status;
}
