/*
 * module_config: modules.json, as sentence-transformers reads it (base/model.py, version 6.2):
 *
 *     [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, {…, "path":
 * "1_Pooling", "type": "…Pooling"}, …]
 *
 * The class at the end of `type` says what a module is, PATH/config.json how it is set. What is not known here is
 * refused by name: a module left out would give other vectors.
 */
#include "embed/module_config.h"

#include "base/mem.h"
#include "embed/config_json.h"
#include "os/os.h"

#include <string.h>

#define MAX_DIM 65536u /* of a vector in a module */

/* ---- Pooling ------------------------------------------------------------------------------------------- */

/* The modes of 1_Pooling/config.json: older files have a flag for each, and join those that are on in this order; newer
 * ones have "pooling_mode", a name or a list of names in the order in which they are joined. */
static const struct {
    const char *flag, *name;
    rf_pooling pooling;
} pooling_modes[] = {
    {"pooling_mode_cls_token", "cls", RF_POOLING_CLS},
    {"pooling_mode_max_tokens", "max", RF_POOLING_MAX},
    {"pooling_mode_mean_tokens", "mean", RF_POOLING_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", RF_POOLING_MEAN_SQRT_LEN},
    {"pooling_mode_weightedmean_tokens", "weightedmean", RF_POOLING_WEIGHTED_MEAN},
    {"pooling_mode_lasttoken", "lasttoken", RF_POOLING_LAST},
};
#define N_MODES (sizeof pooling_modes / sizeof pooling_modes[0])

static rf_status add_named_mode(const struct json *json, yyjson_val *name, struct pooling_spec *spec, rf_error *err)
{
    if (spec->n == POOLING_MAX_MODES)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: more than %d pooling modes", json->name,
                        POOLING_MAX_MODES);
    for (size_t i = 0; i < N_MODES; i++) {
        if (yyjson_equals_str(name, pooling_modes[i].name)) {
            spec->modes[spec->n++] = pooling_modes[i].pooling;
            return RF_OK;
        }
    }
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: pooling_mode '%s'", json->name,
                    yyjson_is_str(name) ? yyjson_get_str(name) : rf__json_type_name(name));
}

static rf_status read_flags(const struct json *json, struct pooling_spec *spec, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < N_MODES && status == RF_OK; i++) {
        bool is_on;
        status = rf__json_get_bool(json, json->root, pooling_modes[i].flag, false, &is_on, err);
        if (status == RF_OK && is_on)
            spec->modes[spec->n++] = pooling_modes[i].pooling;
    }
    return status;
}

static rf_status read_modes(const struct json *json, struct pooling_spec *spec, rf_error *err)
{
    yyjson_val *mode = yyjson_obj_get(json->root, "pooling_mode"), *name;
    yyjson_arr_iter each = yyjson_arr_iter_with(mode);
    rf_status status = RF_OK;

    spec->n = 0;
    if (mode == NULL || yyjson_is_null(mode))
        status = read_flags(json, spec, err);
    else if (!yyjson_is_arr(mode))
        status = add_named_mode(json, mode, spec, err);
    while (status == RF_OK && (name = yyjson_arr_iter_next(&each)) != NULL)
        status = add_named_mode(json, name, spec, err);
    if (status == RF_OK && spec->n == 0)
        spec->modes[spec->n++] = RF_POOLING_MEAN; /* as the class does by default */
    return status;
}

static rf_status read_pooling(const struct json *json, struct model_config *config, rf_error *err)
{
    bool includes_prompt = true;
    rf_status status = read_modes(json, &config->pooling, err);

    if (status == RF_OK)
        status = rf__json_get_bool(json, json->root, "include_prompt", true, &includes_prompt, err);
    config->pooling.exclude_prompt = !includes_prompt;
    return status;
}

/* ---- What follows it ----------------------------------------------------------------------------------- */

static const struct {
    const char *class_name; /* in torch.nn.modules */
    enum activation activation;
} activations[] = {
    {"Identity", ACTIVATION_IDENTITY}, {"Tanh", ACTIVATION_TANH},   {"Sigmoid", ACTIVATION_SIGMOID},
    {"ReLU", ACTIVATION_RELU},         {"ReLU6", ACTIVATION_RELU6}, {"LeakyReLU", ACTIVATION_LEAKY_RELU},
    {"ELU", ACTIVATION_ELU},           {"GELU", ACTIVATION_GELU},   {"SiLU", ACTIVATION_SILU},
};

/* "sentence_transformers.models.Pooling" -> "Pooling" */
static const char *class_name(const char *type)
{
    const char *dot = strrchr(type, '.');

    return dot == NULL ? type : dot + 1;
}

static rf_status read_activation(const struct json *json, enum activation *out, rf_error *err)
{
    const char *name;
    rf_status status =
        rf__json_get_str(json, json->root, "activation_function", "torch.nn.modules.activation.Tanh", &name, err);

    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        if (strncmp(name, "torch.nn.", 9) == 0 && strcmp(class_name(name), activations[i].class_name) == 0) {
            *out = activations[i].activation;
            return RF_OK;
        }
    }
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: activation_function '%s'", json->name, name);
}

static rf_status read_dim(const struct json *json, const char *key, uint32_t *out, rf_error *err)
{
    uint64_t value;
    rf_status status = rf__json_get_u64(json, json->root, key, 0, UINT64_MAX, &value, err);

    if (status == RF_OK && (value == 0 || value > MAX_DIM))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: '%s' is %llu, expected 1 to %u", json->name, key,
                          (unsigned long long)value, MAX_DIM);
    if (status == RF_OK)
        *out = (uint32_t)value;
    return status;
}

/* A module may be told to read or write something other than the vector of the text. */
static rf_status check_key(const struct json *json, const char *key, rf_error *err)
{
    const char *value;
    rf_status status = rf__json_get_str(json, json->root, key, "sentence_embedding", &value, err);

    if (status == RF_OK && strcmp(value, "sentence_embedding") != 0)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: %s '%s'", json->name, key, value);
    return status;
}

static rf_status read_dense(const struct json *json, struct module_config *module, rf_error *err)
{
    rf_status status = read_dim(json, "in_features", &module->n_in, err);

    if (status == RF_OK)
        status = read_dim(json, "out_features", &module->n_out, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, json->root, "bias", true, &module->has_bias, err);
    if (status == RF_OK)
        status = rf__json_get_bool(json, json->root, "use_residual", false, &module->has_residual, err);
    return status == RF_OK ? read_activation(json, &module->activation, err) : status;
}

static rf_status read_layer_norm(const struct json *json, struct module_config *module, rf_error *err)
{
    rf_status status = read_dim(json, "dimension", &module->n_in, err);

    module->n_out = module->n_in;
    return status;
}

/* Appends a module; its folder becomes the config's. */
static rf_status add_module(enum module_kind kind, const struct json *json, char *folder, struct model_config *config,
                            rf_error *err)
{
    struct module_config *module = &config->modules[config->n_modules];
    rf_status status = RF_OK;

    if (config->n_modules == CONFIG_MAX_MODULES) {
        rf__free(folder);
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: more than %d modules", json->name, CONFIG_MAX_MODULES);
    }
    config->n_modules++;
    *module = (struct module_config){.kind = kind, .folder = folder};
    if (json->root != NULL)
        status = check_key(json, "module_input_name", err);
    if (status == RF_OK && json->root != NULL)
        status = check_key(json, "module_output_name", err);
    if (status == RF_OK && kind == MODULE_DENSE)
        status = read_dense(json, module, err);
    else if (status == RF_OK && kind == MODULE_LAYER_NORM)
        status = read_layer_norm(json, module, err);
    return status;
}

/* ---- modules.json -------------------------------------------------------------------------------------- */

/* Classes that may follow the first module. Where `needs_config`, a missing config.json is a fault. */
static const struct {
    const char *name;
    enum { POOLING, AFTER, DROPOUT } place;
    enum module_kind kind;
    bool needs_config;
} classes[] = {
    {"Pooling", POOLING, 0, true},        {"Normalize", AFTER, MODULE_NORMALIZE, false},
    {"Dense", AFTER, MODULE_DENSE, true}, {"LayerNorm", AFTER, MODULE_LAYER_NORM, true},
    {"Dropout", DROPOUT, 0, false}, /* does nothing but in training */
};
#define N_CLASSES (sizeof classes / sizeof classes[0])

static rf_status check_module_path(const struct json *json, const char *path, rf_error *err)
{
    if (path[0] == '/' || strstr(path, "..") != NULL || strpbrk(path, "\\:") != NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: the path '%s' leaves the model directory", json->name, path);
    return RF_OK;
}

static char *module_folder(const char *directory, const char *path)
{
    return path[0] == '\0' || strcmp(path, ".") == 0 ? rf__strdup(directory) : rf__path_join(directory, path);
}

static rf_status unsupported(const struct json *json, const char *type, size_t i, rf_error *err)
{
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: module '%s' in place %zu", json->name, type, i);
}

static rf_status read_first(const char *directory, const struct json *json, const char *type, const char *path,
                            struct model_config *config, rf_error *err)
{
    if (strcmp(class_name(type), "StaticEmbedding") == 0)
        config->encoder = ENCODER_STATIC;
    else if (strcmp(class_name(type), "Transformer") != 0)
        return unsupported(json, type, 0, err);
    config->folder = module_folder(directory, path);
    return config->folder == NULL ? rf__fail_memory(err) : RF_OK;
}

/* Pooling comes once, second, and never behind a static encoder, whose vectors are pooled. */
static bool may_pool(const struct model_config *config)
{
    return config->encoder == ENCODER_TRANSFORMER && config->pooling.n == 0 && config->n_modules == 0;
}

static rf_status read_later(const char *directory, const struct json *list, const char *type, const char *path,
                            size_t i, struct model_config *config, rf_error *err)
{
    struct json json = {0};
    char *folder;
    size_t k = 0;
    rf_status status;

    while (k < N_CLASSES && strcmp(classes[k].name, class_name(type)) != 0)
        k++;
    if (k == N_CLASSES || (classes[k].place == POOLING && !may_pool(config)))
        return unsupported(list, type, i, err);
    folder = module_folder(directory, path);
    if (folder == NULL)
        return rf__fail_memory(err);
    status = rf__config_read_json(folder, "config.json", config->logger, &json, err);
    if (status == RF_OK && json.root == NULL && classes[k].needs_config)
        status = rf__fail(err, RF_NOT_FOUND, "%s/config.json: is missing; modules.json names it", folder);
    if (status == RF_OK && classes[k].place == POOLING)
        status = read_pooling(&json, config, err);
    if (status == RF_OK && classes[k].place == AFTER) {
        status = add_module(classes[k].kind, &json, folder, config, err);
        folder = NULL;
    }
    rf__json_release(&json);
    rf__free(folder);
    return status;
}

static rf_status read_module(const char *directory, const struct json *json, yyjson_val *module, size_t i,
                             struct model_config *config, rf_error *err)
{
    const char *type, *path;
    rf_status status = rf__json_get_str(json, module, "type", "", &type, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, module, "path", "", &path, err);
    if (status == RF_OK)
        status = check_module_path(json, path, err);
    if (status != RF_OK)
        return status;
    return i == 0 ? read_first(directory, json, type, path, config, err)
                  : read_later(directory, json, type, path, i, config, err);
}

rf_status rf__modules_read(const char *directory, struct model_config *config, rf_error *err)
{
    struct json json;
    yyjson_arr_iter each;
    yyjson_val *module;
    rf_status status = rf__config_read_json(directory, "modules.json", config->logger, &json, err);

    if (status == RF_OK && json.root != NULL) {
        config->has_modules = true;
        if (!yyjson_is_arr(json.root) || yyjson_arr_size(json.root) == 0)
            status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an array of modules", json.name,
                              rf__json_type_name(json.root));
        each = yyjson_arr_iter_with(json.root);
        for (size_t i = 0; status == RF_OK && (module = yyjson_arr_iter_next(&each)) != NULL; i++)
            status = read_module(directory, &json, module, i, config, err);
    }
    rf__json_release(&json);
    if (status == RF_OK && config->folder == NULL && (config->folder = rf__strdup(directory)) == NULL)
        status = rf__fail_memory(err);
    return status;
}
