/*
 * model_config: what the files of a model directory declare, read as sentence-transformers reads them:
 * modules.json (the modules in order), PATH/config.json of each, sentence_bert_config.json, and of the transformers
 * library config.json and tokenizer_config.json.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "os/os.h"

#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)64 << 20) /* tokenizer_config.json of large vocabularies has a few MB */
#define MAX_LIMIT        1000000u           /* a model_max_length above means "none": transformers writes 1e30 */

/* Reads DIRECTORY/NAME; a file that does not exist leaves json->root NULL. */
static rf_status read_json(const char *directory, const char *name, struct json *json, rf_error *err)
{
    char *path = rf__path_join(directory, name);
    struct buf text;
    rf_status status;

    *json = (struct json){0};
    if (path == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&text, CONFIG_MAX_BYTES);
    if (rf__os_stat(path).kind == OS_NOTHING) {
        rf__free(path);
        return RF_OK;
    }
    status = rf__os_read_file(path, &text, err);
    if (status == RF_OK)
        status = rf__json_parse(json, text.data != NULL ? text.data : "", text.len, path, err);
    if (status == RF_OK && !yyjson_is_obj(json->root) && !yyjson_is_arr(json->root)) {
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object", path, rf__json_type_name(json->root));
        rf__json_release(json);
    }
    rf__buf_release(&text);
    rf__free(path);
    return status;
}

static rf_status set_string(char **out, const char *value, rf_error *err)
{
    char *copy = rf__strdup(value);

    if (copy == NULL)
        return rf__fail_memory(err);
    rf__free(*out);
    *out = copy;
    return RF_OK;
}

static rf_status get_u32(const struct json *json, const char *key, uint32_t *out, rf_error *err)
{
    uint64_t value;
    rf_status status = rf__json_get_u64(json, json->root, key, 0, UINT32_MAX, &value, err);

    if (status == RF_OK)
        *out = (uint32_t)value;
    return status;
}

/* Families whose positions begin after the padding id: max_position_embeddings is larger than what a text may have. */
static bool positions_have_offset(const char *model_type)
{
    static const char *const types[] = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert",
                                        "mpnet",   "xmod",        "data2vec-text"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], model_type) == 0)
            return true;
    return false;
}

static rf_status read_transformer_config(const char *directory, struct model_config *config, rf_error *err)
{
    struct json json;
    const char *model_type = "";
    uint64_t padding_id = 1;
    rf_status status = read_json(directory, "config.json", &json, err);

    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "model_type", "", &model_type, err);
    if (status == RF_OK)
        status = set_string(&config->architecture, model_type, err);
    if (status == RF_OK)
        status = get_u32(&json, "hidden_size", &config->hidden_size, err);
    if (status == RF_OK)
        status = get_u32(&json, "vocab_size", &config->vocab_size, err);
    if (status == RF_OK)
        status = get_u32(&json, "max_position_embeddings", &config->max_positions, err);
    if (status == RF_OK)
        status = rf__json_get_u64(&json, json.root, "pad_token_id", 1, UINT32_MAX, &padding_id, err);
    if (status == RF_OK && positions_have_offset(model_type) && config->max_positions > padding_id + 1)
        config->max_positions -= (uint32_t)padding_id + 1;
    rf__json_release(&json);
    return status;
}

/* model_max_length may be a number of any kind and size. */
static rf_status read_tokenizer_limit(const char *directory, uint32_t *limit, rf_error *err)
{
    struct json json;
    double value = 0;
    rf_status status = read_json(directory, "tokenizer_config.json", &json, err);

    *limit = 0;
    if (status == RF_OK)
        status = rf__json_get_double(&json, json.root, "model_max_length", 0, &value, err);
    if (status == RF_OK && value >= 1 && value <= MAX_LIMIT)
        *limit = (uint32_t)value;
    rf__json_release(&json);
    return status;
}

static rf_status read_limit(const char *directory, const char *module_path, struct model_config *config, rf_error *err)
{
    static const char *const names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                        "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                        "sentence_xlnet_config.json"};
    char *folder = module_path[0] ? rf__path_join(directory, module_path) : rf__strdup(directory);
    struct json json = {0};
    uint32_t from_tokenizer = 0;
    rf_status status = folder == NULL ? rf__fail_memory(err) : RF_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == RF_OK && json.root == NULL; i++)
        status = read_json(folder, names[i], &json, err);
    if (status == RF_OK)
        status = get_u32(&json, "max_seq_length", &config->max_tokens, err);
    if (status == RF_OK)
        status = rf__json_get_bool(&json, json.root, "do_lower_case", false, &config->lower_case, err);
    if (status == RF_OK && config->max_tokens == 0) {
        status = read_tokenizer_limit(folder, &from_tokenizer, err);
        config->max_tokens = from_tokenizer;
    }
    if (config->max_positions > 0 && (config->max_tokens == 0 || config->max_tokens > config->max_positions))
        config->max_tokens = config->max_positions;
    rf__json_release(&json);
    rf__free(folder);
    return status;
}

/* The modes of 1_Pooling/config.json; several may be true, and then their vectors are joined. */
static const struct {
    const char *flag, *name; /* as older and newer files write it */
    rf_pooling pooling;      /* RF_POOLING_DEFAULT: not in this version */
} pooling_modes[] = {
    {"pooling_mode_cls_token", "cls", RF_POOLING_CLS},
    {"pooling_mode_max_tokens", "max", RF_POOLING_MAX},
    {"pooling_mode_mean_tokens", "mean", RF_POOLING_MEAN},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", RF_POOLING_DEFAULT},
    {"pooling_mode_weightedmean_tokens", "weightedmean", RF_POOLING_DEFAULT},
    {"pooling_mode_lasttoken", "lasttoken", RF_POOLING_LAST},
};
#define N_MODES (sizeof pooling_modes / sizeof pooling_modes[0])

/* Which modes are on: bits in the order of the table. */
static rf_status read_pooling_modes(const struct json *json, unsigned *modes, rf_error *err)
{
    yyjson_val *mode = yyjson_obj_get(json->root, "pooling_mode");
    rf_status status = RF_OK;

    *modes = 0;
    for (size_t i = 0; i < N_MODES && status == RF_OK; i++) {
        bool is_on;
        status = rf__json_get_bool(json, json->root, pooling_modes[i].flag, false, &is_on, err);
        if (status == RF_OK && (is_on || yyjson_equals_str(mode, pooling_modes[i].name)))
            *modes |= 1u << i;
    }
    if (status == RF_OK && *modes == 0 && mode != NULL)
        return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: pooling_mode '%s'", json->name,
                        yyjson_is_str(mode) ? yyjson_get_str(mode) : rf__json_type_name(mode));
    return status;
}

static rf_status read_pooling(const char *folder, struct model_config *config, rf_error *err)
{
    struct json json;
    struct buf names;
    unsigned modes = 0;
    rf_status status = read_json(folder, "config.json", &json, err);

    rf__buf_init(&names, 1024);
    if (status == RF_OK && json.root == NULL)
        status = rf__fail(err, RF_NOT_FOUND, "%s/config.json: is missing; modules.json names it", folder);
    if (status == RF_OK)
        status = read_pooling_modes(&json, &modes, err);
    config->pooling = RF_POOLING_MEAN;
    for (size_t i = 0; i < N_MODES && status == RF_OK; i++) {
        if (!(modes >> i & 1))
            continue;
        config->pooling = pooling_modes[i].pooling;
        status = rf__buf_printf(&names, err, "%s%s", names.len ? " + " : "", pooling_modes[i].name);
    }
    if (status == RF_OK && ((modes & (modes - 1)) != 0 || config->pooling == RF_POOLING_DEFAULT)) {
        config->pooling = RF_POOLING_MEAN;
        status = set_string(&config->unsupported_pooling, names.data, err);
    }
    rf__buf_release(&names);
    rf__json_release(&json);
    return status;
}

/* "sentence_transformers.models.Pooling" -> "Pooling" */
static const char *class_name(const char *type)
{
    const char *dot = strrchr(type, '.');

    return dot == NULL ? type : dot + 1;
}

static rf_status check_module_path(const struct json *json, const char *path, rf_error *err)
{
    if (path[0] == '/' || strstr(path, "..") != NULL || strchr(path, '\\') != NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: the path '%s' leaves the model directory", json->name, path);
    return RF_OK;
}

static rf_status read_module(const char *directory, const struct json *json, yyjson_val *module, size_t i,
                             char **transformer_path, struct model_config *config, rf_error *err)
{
    const char *type, *path, *name;
    rf_status status = rf__json_get_str(json, module, "type", "", &type, err);

    if (status == RF_OK)
        status = rf__json_get_str(json, module, "path", "", &path, err);
    if (status == RF_OK)
        status = check_module_path(json, path, err);
    if (status != RF_OK)
        return status;
    name = class_name(type);
    if (strcmp(name, "Transformer") == 0 && i == 0)
        return set_string(transformer_path, path, err);
    if (strcmp(name, "Pooling") == 0 && i == 1) {
        char *folder = rf__path_join(directory, path);
        status = folder == NULL ? rf__fail_memory(err) : read_pooling(folder, config, err);
        rf__free(folder);
        return status;
    }
    if (strcmp(name, "Normalize") == 0 && i > 0) {
        config->l2 = true;
        return RF_OK;
    }
    return rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: module '%s' in place %zu", json->name, type, i);
}

static rf_status read_modules(const char *directory, char **transformer_path, struct model_config *config,
                              rf_error *err)
{
    struct json json;
    yyjson_arr_iter it;
    yyjson_val *module;
    rf_status status = read_json(directory, "modules.json", &json, err);

    if (status == RF_OK && json.root != NULL) {
        config->has_modules = true;
        if (!yyjson_is_arr(json.root) || yyjson_arr_size(json.root) == 0)
            status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an array of modules", json.name,
                              rf__json_type_name(json.root));
        yyjson_arr_iter_init(json.root, &it);
        for (size_t i = 0; status == RF_OK && (module = yyjson_arr_iter_next(&it)) != NULL; i++)
            status = read_module(directory, &json, module, i, transformer_path, config, err);
    }
    rf__json_release(&json);
    return status;
}

static rf_status read_prompts(const char *directory, struct model_config *config, rf_error *err)
{
    struct json json;
    struct buf names;
    yyjson_val *prompts = NULL, *key;
    yyjson_obj_iter it;
    const char *default_name = NULL;
    rf_status status = read_json(directory, "config_sentence_transformers.json", &json, err);

    rf__buf_init(&names, 64 << 10);
    if (status == RF_OK)
        status = rf__json_get_object(&json, json.root, "prompts", &prompts, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "default_prompt_name", NULL, &default_name, err);
    if (status == RF_OK && default_name != NULL)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: default_prompt_name '%s'", json.name, default_name);
    if (prompts != NULL) {
        yyjson_obj_iter_init(prompts, &it);
        while (status == RF_OK && (key = yyjson_obj_iter_next(&it)) != NULL) {
            if (yyjson_get_len(yyjson_obj_iter_get_val(key)) > 0) /* an empty prompt is none */
                status = rf__buf_printf(&names, err, "%s%s", names.len ? ", " : "", yyjson_get_str(key));
        }
    }
    if (status == RF_OK)
        status = set_string(&config->prompts, names.data != NULL ? names.data : "", err);
    rf__buf_release(&names);
    rf__json_release(&json);
    return status;
}

rf_status rf__model_config_read(const char *directory, struct model_config *out, rf_error *err)
{
    char *transformer_path = rf__strdup("");
    rf_status status = RF_OK;

    *out = (struct model_config){0};
    if (transformer_path == NULL)
        return rf__fail_memory(err);
    status = set_string(&out->unsupported_pooling, "", err);
    if (status == RF_OK)
        status = read_transformer_config(directory, out, err);
    if (status == RF_OK)
        status = read_modules(directory, &transformer_path, out, err);
    if (status == RF_OK)
        status = read_limit(directory, transformer_path, out, err);
    if (status == RF_OK)
        status = read_prompts(directory, out, err);
    if (status != RF_OK)
        rf__model_config_release(out);
    rf__free(transformer_path);
    return status;
}

void rf__model_config_release(struct model_config *config)
{
    rf__free(config->architecture);
    rf__free(config->unsupported_pooling);
    rf__free(config->prompts);
    *config = (struct model_config){0};
}
