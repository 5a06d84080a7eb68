/*
 * model_config: what the files of a model directory declare, read as sentence-transformers reads them:
 * modules.json (the modules in order), PATH/config.json of each, sentence_bert_config.json, and of the transformers
 * library config.json and tokenizer_config.json.
 */
#include "embed/embed.h"

#include "base/mem.h"
#include "embed/config_json.h"
#include "embed/module_config.h"
#include "embed/prompts.h"

#include <string.h>

#define MAX_LIMIT       1000000u /* a model_max_length above means "none": transformers writes 1e30 */
#define MODEL2VEC_LIMIT 512      /* model2vec's max_length where its config.json has none */

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

/* A model made for predicting the next token has its text in the last one (sentence-transformers'
 * _load_default_modules). */
static rf_status read_causality(const struct json *json, bool *is_causal, rf_error *err)
{
    yyjson_val *architectures;
    const char *name = NULL;
    rf_status status = rf__json_get_array(json, json->root, "architectures", &architectures, err);

    if (status == RF_OK)
        status = rf__json_get_bool(json, json->root, "is_causal", true, is_causal, err);
    if (status == RF_OK)
        name = yyjson_get_str(yyjson_arr_get_first(architectures));
    *is_causal = *is_causal && name != NULL && rf__ends_with(name, "ForCausalLM");
    return status;
}

/* Its older files say what they are, its newer ones have a key that nothing else has. */
static bool is_model2vec(const struct json *json, const char *model_type)
{
    return strcmp(model_type, "model2vec") == 0 ||
           (model_type[0] == '\0' && yyjson_obj_get(json->root, "embedding_dtype") != NULL);
}

/* model2vec writes no modules.json before 0.3; what follows the mean is in its config.json. */
static rf_status read_model2vec(const struct json *json, struct model_config *config, rf_error *err)
{
    bool is_normalized = false;
    uint64_t max_length = MODEL2VEC_LIMIT;
    rf_status status = rf__json_get_bool(json, json->root, "normalize", false, &is_normalized, err);

    if (status == RF_OK && !yyjson_is_null(yyjson_obj_get(json->root, "max_length")))
        status = rf__json_get_u64(json, json->root, "max_length", MODEL2VEC_LIMIT, MAX_LIMIT, &max_length, err);
    else
        max_length = 0;
    config->encoder = ENCODER_MODEL2VEC;
    config->max_tokens = (uint32_t)max_length;
    if (is_normalized)
        config->modules[config->n_modules++] = (struct module_config){.kind = MODULE_NORMALIZE};
    return status;
}

static rf_status read_transformer_config(const char *directory, struct model_config *config, rf_error *err)
{
    struct json json;
    const char *model_type = "";
    uint64_t padding_id = 1;
    rf_status status = rf__config_read_json(directory, "config.json", config->logger, &json, err);

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
    if (status == RF_OK)
        status = read_causality(&json, &config->is_causal, err);
    if (status == RF_OK && !config->has_modules && is_model2vec(&json, model_type))
        status = read_model2vec(&json, config, err);
    if (status == RF_OK && model_type[0] == '\0' && config->encoder != ENCODER_TRANSFORMER)
        status =
            set_string(&config->architecture, config->encoder == ENCODER_STATIC ? "StaticEmbedding" : "model2vec", err);
    rf__json_release(&json);
    return status;
}

/* model_max_length may be a number of any kind and size. */
static rf_status read_tokenizer_limit(const char *directory, const struct logger *logger, uint32_t *limit,
                                      rf_error *err)
{
    struct json json;
    double value = 0;
    rf_status status = rf__config_read_json(directory, "tokenizer_config.json", logger, &json, err);

    *limit = 0;
    if (status == RF_OK)
        status = rf__json_get_double(&json, json.root, "model_max_length", 0, &value, err);
    if (status == RF_OK && value >= 1 && value <= MAX_LIMIT)
        *limit = (uint32_t)value;
    rf__json_release(&json);
    return status;
}

/* What a Transformer of today's sentence-transformers may be set to beyond giving the vectors of its tokens. */
static rf_status check_task(const struct json *json, rf_error *err)
{
    const char *task, *output;
    rf_status status = rf__json_get_str(json, json->root, "transformer_task", "feature-extraction", &task, err);

    if (status == RF_OK && strcmp(task, "feature-extraction") != 0)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: transformer_task '%s'", json->name, task);
    if (status == RF_OK)
        status = rf__json_get_str(json, json->root, "module_output_name", "token_embeddings", &output, err);
    if (status == RF_OK && strcmp(output, "token_embeddings") != 0 && strcmp(output, "sentence_embedding") != 0)
        status = rf__fail(err, RF_UNSUPPORTED, "%s: unsupported: module_output_name '%s'", json->name, output);
    return status;
}

static rf_status read_limit(const char *folder, struct model_config *config, rf_error *err)
{
    static const char *const names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                        "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                        "sentence_xlnet_config.json"};
    struct json json = {0};
    uint32_t from_tokenizer = 0;
    rf_status status = RF_OK;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == RF_OK && json.root == NULL; i++)
        status = rf__config_read_json(folder, names[i], config->logger, &json, err);
    if (status == RF_OK)
        status = check_task(&json, err);
    if (status == RF_OK)
        status = get_u32(&json, "max_seq_length", &config->max_tokens, err);
    if (status == RF_OK)
        status = rf__json_get_bool(&json, json.root, "do_lower_case", false, &config->lower_case, err);
    if (status == RF_OK && config->max_tokens == 0) {
        status = read_tokenizer_limit(folder, config->logger, &from_tokenizer, err);
        config->max_tokens = from_tokenizer;
    }
    if (config->max_positions > 0 && (config->max_tokens == 0 || config->max_tokens > config->max_positions))
        config->max_tokens = config->max_positions;
    rf__json_release(&json);
    return status;
}

/* A repository of sentence-transformers may hold another kind of model, whose modules look alike. */
static rf_status check_model_type(const struct json *json, rf_error *err)
{
    const char *type;
    rf_status status = rf__json_get_str(json, json->root, "model_type", "SentenceTransformer", &type, err);

    if (status == RF_OK && strcmp(type, "SentenceTransformer") != 0)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: unsupported: model_type '%s'; one vector a text comes from a "
                        "SentenceTransformer alone",
                        json->name, type);
    return status;
}

static rf_status read_sentence_transformers(const char *directory, struct model_config *config, rf_error *err)
{
    const char *similarity = "cosine";
    struct json json;
    rf_status status = rf__config_read_json(directory, "config_sentence_transformers.json", config->logger, &json, err);

    if (status == RF_OK)
        status = check_model_type(&json, err);
    if (status == RF_OK)
        status = rf__prompts_read(&json, &config->prompts, err);
    if (status == RF_OK)
        status = get_u32(&json, "truncate_dim", &config->truncate_dim, err);
    if (status == RF_OK)
        status = rf__json_get_str(&json, json.root, "similarity_fn_name", similarity, &similarity, err);
    if (status == RF_OK)
        status = set_string(&config->similarity, similarity, err);
    rf__json_release(&json);
    return status;
}

static rf_status read_tasks(struct model_config *config, rf_error *err)
{
    struct json json;
    rf_status status = rf__config_read_json(config->folder, "config.json", NULL, &json, err);

    if (status == RF_OK && json.root != NULL)
        status = rf__prompts_read_tasks(&json, &config->prompts, err);
    rf__json_release(&json);
    return status;
}

static void log_config(const struct model_config *config)
{
    static const char *const encoders[] = {"a transformer", "static embeddings", "static embeddings of model2vec"};

    rf__log(
        config->logger, RF_LOG_DEBUG,
        "%s: %s%s%s, hidden size %u, vocabulary %u, %u positions, limit %u tokens (0: not said), %s; %u pooling modes, "
        "%zu modules behind, prompts: %s",
        config->folder, encoders[config->encoder], config->architecture[0] != '\0' ? ", " : "", config->architecture,
        config->hidden_size, config->vocab_size, config->max_positions, config->max_tokens,
        config->has_modules ? "as modules.json says" : "without a modules.json", config->pooling.n, config->n_modules,
        config->prompts.names[0] != '\0' ? config->prompts.names : "none");
}

rf_status rf__model_config_read(const char *directory, const struct logger *logger, struct model_config *out,
                                rf_error *err)
{
    rf_status status;

    *out = (struct model_config){.logger = logger};
    status = rf__modules_read(directory, out, err);
    if (status == RF_OK)
        status = read_transformer_config(out->folder, out, err);
    if (status == RF_OK && out->encoder == ENCODER_TRANSFORMER)
        status = read_limit(out->folder, out, err);
    if (status == RF_OK)
        status = read_sentence_transformers(directory, out, err);
    if (status == RF_OK && out->encoder == ENCODER_TRANSFORMER)
        status = read_tasks(out, err);
    if (status == RF_OK)
        log_config(out);
    else
        rf__model_config_release(out);
    return status;
}

void rf__model_config_release(struct model_config *config)
{
    rf__free(config->folder);
    rf__free(config->architecture);
    rf__free(config->similarity);
    rf__prompts_release(&config->prompts);
    for (size_t i = 0; i < config->n_modules; i++)
        rf__free(config->modules[i].folder);
    *config = (struct model_config){0};
}
