/* test_model_config: small model directories and what is read out of them. A case is the files' contents and the
 * expected outcome. */
#include "golden.h"

#include "embed/embed.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define MODULE(type, path) "{\"type\": \"sentence_transformers.models." type "\", \"path\": \"" path "\"}"
#define MODULES            "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("Normalize", "2") "]"

#define THREE_MODULES                                                                                                  \
    "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("Dense", "2_Dense") ", " MODULE(     \
        "Dropout", "3_Dropout") ", " MODULE("LayerNorm", "4_LayerNorm") "]"

static const struct config_case {
    const char *name;
    const char *config, *modules, *pooling, *dense, *layer_norm, *sentence_bert, *tokenizer_config,
        *sentence_transformers;
    rf_status status;
    const char *message; /* part of it */
    uint32_t max_tokens;
    rf_pooling pooling_read, pooling_more[POOLING_MAX_MODES - 1];
    bool l2, lower_case;
    const char *modules_read; /* "dense 8>4 tanh bias, norm 4" */
    bool exclude_prompt, is_causal;
    const char *prompts; /* names, and the default */
    uint32_t truncate_dim;
    const char *similarity; /* NULL: cosine */
    enum encoder_kind encoder;
} cases[] = {
    {.name = "nothing at all"},
    {.name = "all-MiniLM-L6-v2",
     .config = "{\"model_type\": \"bert\", \"hidden_size\": 384, \"max_position_embeddings\": 512}",
     .modules = MODULES,
     .pooling = "{\"pooling_mode_cls_token\": false, \"pooling_mode_mean_tokens\": true}",
     .sentence_bert = "{\"max_seq_length\": 256, \"do_lower_case\": false}",
     .tokenizer_config = "{\"model_max_length\": 512}",
     .max_tokens = 256,
     .pooling_read = RF_POOLING_MEAN,
     .l2 = true},
    {.name = "limit of the tokenizer",
     .config = "{\"max_position_embeddings\": 512}",
     .tokenizer_config = "{\"model_max_length\": 128}",
     .max_tokens = 128},
    {.name = "limit of the positions",
     .config = "{\"max_position_embeddings\": 512}",
     .tokenizer_config = "{\"model_max_length\": 1000000000000000019884624838656}",
     .max_tokens = 512},
    {.name = "limit above the positions",
     .config = "{\"max_position_embeddings\": 512}",
     .sentence_bert = "{\"max_seq_length\": 4096}",
     .max_tokens = 512},
    {.name = "RoBERTa's positions begin at 2",
     .config = "{\"model_type\": \"xlm-roberta\", \"max_position_embeddings\": 514, \"pad_token_id\": 1}",
     .max_tokens = 512},
    {.name = "null limit and lower case",
     .sentence_bert = "{\"max_seq_length\": null, \"do_lower_case\": true}",
     .tokenizer_config = "{\"model_max_length\": 77}",
     .max_tokens = 77,
     .lower_case = true},
    {.name = "cls",
     .modules = MODULES,
     .pooling = "{\"pooling_mode_cls_token\": true}",
     .pooling_read = RF_POOLING_CLS,
     .l2 = true},
    {.name = "newer form of pooling",
     .modules = MODULES,
     .pooling = "{\"pooling_mode\": \"lasttoken\"}",
     .pooling_read = RF_POOLING_LAST,
     .l2 = true},
    {.name = "flags are joined in the order of the class, not of the file",
     .modules = MODULES,
     .pooling = "{\"pooling_mode_max_tokens\": true, \"pooling_mode_weightedmean_tokens\": true, "
                "\"pooling_mode_cls_token\": true, \"include_prompt\": false}",
     .pooling_read = RF_POOLING_CLS,
     .pooling_more = {RF_POOLING_MAX, RF_POOLING_WEIGHTED_MEAN},
     .exclude_prompt = true,
     .l2 = true},
    {.name = "a list is joined in its own order",
     .modules = MODULES,
     .pooling = "{\"pooling_mode\": [\"mean_sqrt_len_tokens\", \"cls\"], \"pooling_mode_mean_tokens\": true}",
     .pooling_read = RF_POOLING_MEAN_SQRT_LEN,
     .pooling_more = {RF_POOLING_CLS},
     .l2 = true},
    {.name = "no mode at all", .modules = MODULES, .pooling = "{}", .pooling_read = RF_POOLING_MEAN, .l2 = true},
    {.name = "a list without end",
     .modules = MODULES,
     .pooling = "{\"pooling_mode\": [\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\",\"cls\"]}",
     .status = RF_UNSUPPORTED,
     .message = "more than 8 pooling modes"},
    {.name = "a mode nobody knows",
     .modules = MODULES,
     .pooling = "{\"pooling_mode\": \"median\"}",
     .status = RF_UNSUPPORTED,
     .message = "1_Pooling/config.json: unsupported: pooling_mode 'median'"},
    {.name = "Dense, Dropout and LayerNorm",
     .modules = THREE_MODULES,
     .pooling = "{\"pooling_mode\": \"mean\"}",
     .dense = "{\"in_features\": 8, \"out_features\": 4, \"activation_function\": "
              "\"torch.nn.modules.activation.GELU\", \"bias\": false}",
     .layer_norm = "{\"dimension\": 4}",
     .pooling_read = RF_POOLING_MEAN,
     .modules_read = "dense 8>4 activation 7 bias 0 residual 0, norm 4>4"},
    {.name = "defaults of Dense",
     .modules = THREE_MODULES,
     .pooling = "{\"pooling_mode\": \"mean\"}",
     .dense = "{\"in_features\": 8, \"out_features\": 8, \"use_residual\": true, \"module_input_name\": "
              "\"sentence_embedding\"}",
     .layer_norm = "{\"dimension\": 8}",
     .pooling_read = RF_POOLING_MEAN,
     .modules_read = "dense 8>8 activation 1 bias 1 residual 1, norm 8>8"},
    {.name = "Dense of token vectors",
     .modules = THREE_MODULES,
     .pooling = "{\"pooling_mode\": \"mean\"}",
     .dense = "{\"in_features\": 8, \"out_features\": 8, \"module_input_name\": \"token_embeddings\"}",
     .status = RF_UNSUPPORTED,
     .message = "2_Dense/config.json: unsupported: module_input_name 'token_embeddings'"},
    {.name = "an activation of somebody's own",
     .modules = THREE_MODULES,
     .pooling = "{\"pooling_mode\": \"mean\"}",
     .dense = "{\"in_features\": 8, \"out_features\": 8, \"activation_function\": \"my.nn.Tanh\"}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: activation_function 'my.nn.Tanh'"},
    {.name = "Dense without a size",
     .modules = THREE_MODULES,
     .pooling = "{\"pooling_mode\": \"mean\"}",
     .dense = "{\"in_features\": 8}",
     .status = RF_BAD_FORMAT,
     .message = "'out_features' is 0, expected 1 to 65536"},
    {.name = "an unknown module",
     .modules = "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("LSTM", "2_LSTM") "]",
     .pooling = "{\"pooling_mode_mean_tokens\": true}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: module 'sentence_transformers.models.LSTM' in place 2"},
    {.name = "an unknown first module",
     .modules = "[" MODULE("Router", "") "]",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: module 'sentence_transformers.models.Router' in place 0"},
    {.name = "pooling twice",
     .modules =
         "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("Pooling", "1_Pooling") "]",
     .pooling = "{\"pooling_mode_mean_tokens\": true}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: module 'sentence_transformers.models.Pooling' in place 2"},
    {.name = "static embeddings",
     .modules = "[" MODULE("StaticEmbedding", ".") ", " MODULE("Normalize", "1_Normalize") "]",
     .encoder = ENCODER_STATIC,
     .l2 = true},
    {.name = "pooling of static embeddings",
     .modules = "[" MODULE("StaticEmbedding", "") ", " MODULE("Pooling", "1_Pooling") "]",
     .pooling = "{\"pooling_mode_mean_tokens\": true}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: module 'sentence_transformers.models.Pooling' in place 1"},
    {.name = "model2vec without modules.json",
     .config = "{\"model_type\": \"model2vec\", \"normalize\": true}",
     .encoder = ENCODER_MODEL2VEC,
     .max_tokens = 512,
     .l2 = true},
    {.name = "model2vec without a limit",
     .config = "{\"model_type\": \"model2vec\", \"normalize\": false, \"max_length\": null}",
     .encoder = ENCODER_MODEL2VEC},
    {.name = "a causal model", .config = "{\"architectures\": [\"Qwen3ForCausalLM\"]}", .is_causal = true},
    {.name = "a causal model that looks both ways",
     .config = "{\"architectures\": [\"Qwen3ForCausalLM\"], \"is_causal\": false}"},
    {.name = "a task that is not embedding",
     .sentence_bert = "{\"transformer_task\": \"fill-mask\"}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: transformer_task 'fill-mask'"},
    {.name = "pooling without its configuration",
     .modules = MODULES,
     .status = RF_NOT_FOUND,
     .message = "1_Pooling/config.json: is missing; modules.json names it"},
    {.name = "a path that leaves the directory",
     .modules = "[" MODULE("Transformer", "../other") "]",
     .status = RF_BAD_FORMAT,
     .message = "the path '../other' leaves the model directory"},
    {.name = "modules that are no array",
     .modules = "{}",
     .status = RF_BAD_FORMAT,
     .message = "modules.json: is an object, expected an array of modules"},
    {.name = "not JSON", .config = "<html>", .status = RF_BAD_FORMAT, .message = "config.json: is not JSON"},
    {.name = "an empty file", .config = "", .status = RF_BAD_FORMAT, .message = "config.json: is empty"},
    {.name = "a wrong type",
     .config = "{\"hidden_size\": \"384\"}",
     .status = RF_BAD_FORMAT,
     .message = "config.json: 'hidden_size' is a string, expected a whole number"},
    {.name = "a negative size",
     .config = "{\"vocab_size\": -1}",
     .status = RF_BAD_FORMAT,
     .message = "'vocab_size' is a number, expected a whole number"},
    {.name = "prompts, a default and a dimension",
     .sentence_transformers = "{\"prompts\": {\"query\": \"q: \", \"document\": \"\", \"x\": null, \"y\": \"z\"}, "
                              "\"default_prompt_name\": \"query\", \"truncate_dim\": 64, "
                              "\"similarity_fn_name\": \"dot\"}",
     .prompts = "query, y default query",
     .truncate_dim = 64,
     .similarity = "dot"},
    {.name = "a default prompt that is always there",
     .sentence_transformers = "{\"default_prompt_name\": \"document\"}",
     .prompts = " default document"},
    {.name = "a default prompt that is not there",
     .sentence_transformers = "{\"prompts\": {\"query\": \"q: \"}, \"default_prompt_name\": \"passage\"}",
     .status = RF_BAD_FORMAT,
     .message = "default_prompt_name 'passage' is none of the prompts"},
    {.name = "tasks, of which prompts and instructions know some",
     .config = "{\"lora_adaptations\": [\"a\", \"b\", \"c\"], \"task_instructions\": {\"b\": \"B: \"}}",
     .sentence_transformers = "{\"prompts\": {\"x\": \"X: \", \"c\": \"\", \"y\": \"\"}}",
     .prompts = "x, c, a, b"},
    {.name = "a task without a name",
     .config = "{\"lora_adaptations\": [\"a\", 3]}",
     .status = RF_BAD_FORMAT,
     .message = "'lora_adaptations' has a number in place 1, expected a name"},
    {.name = "a prompt that is no text",
     .sentence_transformers = "{\"prompts\": {\"query\": 3}}",
     .status = RF_BAD_FORMAT,
     .message = "prompt 'query' is a number, expected a string"},
    {.name = "another kind of model",
     .sentence_transformers = "{\"model_type\": \"SparseEncoder\"}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: model_type 'SparseEncoder'"},
};

static void write_named(const char *folder, const char *name, const char *content)
{
    char path[1200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (content != NULL)
        write_file(path, content, strlen(content));
}

static void make_folder(const char *folder, const char *name)
{
    char path[1200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(rf__os_make_directories(path, err));
}

/* Writes what was read of modules other than Normalize; returns whether Normalize is the last. */
static bool describe(const struct model_config *config, char *text, size_t size)
{
    bool is_last_l2 = false;

    text[0] = '\0';
    for (size_t i = 0; i < config->n_modules; i++) {
        const struct module_config *m = &config->modules[i];
        size_t len = strlen(text);
        is_last_l2 = m->kind == MODULE_NORMALIZE;
        if (m->kind == MODULE_DENSE)
            snprintf(text + len, size - len, "%sdense %u>%u activation %d bias %d residual %d", len ? ", " : "",
                     m->n_in, m->n_out, (int)m->activation, m->has_bias, m->has_residual);
        else if (m->kind == MODULE_LAYER_NORM)
            snprintf(text + len, size - len, "%snorm %u>%u", len ? ", " : "", m->n_in, m->n_out);
    }
    return is_last_l2;
}

static bool has_poolings(const struct config_case *c, const struct pooling_spec *spec)
{
    uint32_t n = c->pooling_read != RF_POOLING_DEFAULT;

    for (size_t i = 0; i < POOLING_MAX_MODES - 1 && c->pooling_more[i] != RF_POOLING_DEFAULT; i++)
        if (n++ >= spec->n || spec->modes[i + 1] != c->pooling_more[i])
            return false;
    return n == spec->n && (n == 0 || spec->modes[0] == c->pooling_read) && spec->exclude_prompt == c->exclude_prompt;
}

static bool has_prompts(const struct config_case *c, const struct prompts *prompts)
{
    char text[256];

    snprintf(text, sizeof text, "%s%s%s", prompts->names, prompts->default_name != NULL ? " default " : "",
             prompts->default_name != NULL ? prompts->default_name : "");
    return strcmp(text, c->prompts != NULL ? c->prompts : "") == 0;
}

static void check(const struct config_case *c)
{
    const char *folder = scratch_directory("model-config");
    struct model_config config;
    char modules[256];
    bool l2;
    rf_error fault = {0};
    rf_status status;

    make_folder(folder, "1_Pooling");
    make_folder(folder, "2_Dense");
    make_folder(folder, "4_LayerNorm");
    write_named(folder, "config.json", c->config);
    write_named(folder, "modules.json", c->modules);
    write_named(folder, "1_Pooling/config.json", c->pooling);
    write_named(folder, "2_Dense/config.json", c->dense);
    write_named(folder, "4_LayerNorm/config.json", c->layer_norm);
    write_named(folder, "sentence_bert_config.json", c->sentence_bert);
    write_named(folder, "tokenizer_config.json", c->tokenizer_config);
    write_named(folder, "config_sentence_transformers.json", c->sentence_transformers);
    status = rf__model_config_read(folder, NULL, &config, &fault);
    if (status != c->status || (status != RF_OK && strstr(fault.message, c->message) == NULL))
        fail_msg("%s: %s: %s", c->name, rf_status_name(status), fault.message);
    if (status != RF_OK)
        return;
    l2 = describe(&config, modules, sizeof modules);
    if (config.max_tokens != c->max_tokens || !has_poolings(c, &config.pooling) || l2 != c->l2 ||
        config.lower_case != c->lower_case || config.encoder != c->encoder || config.is_causal != c->is_causal ||
        !has_prompts(c, &config.prompts) || config.truncate_dim != c->truncate_dim ||
        strcmp(config.similarity, c->similarity != NULL ? c->similarity : "cosine") != 0 ||
        strcmp(modules, c->modules_read != NULL ? c->modules_read : "") != 0)
        fail_msg("%s: max_tokens %u, %u poolings from %d, l2 %d, lower_case %d, encoder %d, modules '%s'", c->name,
                 config.max_tokens, config.pooling.n, config.pooling.modes[0], l2, config.lower_case, config.encoder,
                 modules);
    rf__model_config_release(&config);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

    return cmocka_run_group_tests_name("embed: model_config", tests, NULL, NULL);
}
