/* test_model_config: small model directories and what is read out of them. A case is the files' contents and the
 * expected outcome. */
#include "golden.h"

#include "embed/embed.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

#define MODULE(type, path) "{\"type\": \"sentence_transformers.models." type "\", \"path\": \"" path "\"}"
#define MODULES            "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("Normalize", "2") "]"

static const struct config_case {
    const char *name;
    const char *config, *modules, *pooling, *sentence_bert, *tokenizer_config, *sentence_transformers;
    rf_status status;
    const char *message; /* part of it */
    uint32_t max_tokens;
    rf_pooling pooling_read;
    bool l2, lower_case;
    const char *unsupported_pooling;
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
    {.name = "two modes",
     .modules = MODULES,
     .pooling = "{\"pooling_mode_cls_token\": true, \"pooling_mode_max_tokens\": true}",
     .pooling_read = RF_POOLING_MEAN,
     .l2 = true,
     .unsupported_pooling = "cls + max"},
    {.name = "a mode of later",
     .modules = MODULES,
     .pooling = "{\"pooling_mode_weightedmean_tokens\": true}",
     .pooling_read = RF_POOLING_MEAN,
     .l2 = true,
     .unsupported_pooling = "weightedmean"},
    {.name = "a mode nobody knows",
     .modules = MODULES,
     .pooling = "{\"pooling_mode\": \"median\"}",
     .status = RF_UNSUPPORTED,
     .message = "1_Pooling/config.json: unsupported: pooling_mode 'median'"},
    {.name = "an unknown module",
     .modules = "[" MODULE("Transformer", "") ", " MODULE("Pooling", "1_Pooling") ", " MODULE("Dense", "2_Dense") "]",
     .pooling = "{\"pooling_mode_mean_tokens\": true}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: module 'sentence_transformers.models.Dense' in place 2"},
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
    {.name = "a default prompt",
     .sentence_transformers = "{\"prompts\": {\"query\": \"q: \"}, \"default_prompt_name\": \"query\"}",
     .status = RF_UNSUPPORTED,
     .message = "unsupported: default_prompt_name 'query'"},
};

static void write_named(const char *folder, const char *name, const char *content)
{
    char path[1200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (content != NULL)
        write_file(path, content, strlen(content));
}

static void check(const struct config_case *c)
{
    const char *folder = scratch_directory("model-config");
    char pooling_folder[1200];
    struct model_config config;
    rf_error fault = {0};
    rf_status status;

    snprintf(pooling_folder, sizeof pooling_folder, "%s/1_Pooling", folder);
    assert_ok(rf__os_make_directories(pooling_folder, err));
    write_named(folder, "config.json", c->config);
    write_named(folder, "modules.json", c->modules);
    write_named(folder, "1_Pooling/config.json", c->pooling);
    write_named(folder, "sentence_bert_config.json", c->sentence_bert);
    write_named(folder, "tokenizer_config.json", c->tokenizer_config);
    write_named(folder, "config_sentence_transformers.json", c->sentence_transformers);
    status = rf__model_config_read(folder, &config, &fault);
    if (status != c->status || (status != RF_OK && strstr(fault.message, c->message) == NULL))
        fail_msg("%s: %s: %s", c->name, rf_status_name(status), fault.message);
    if (status != RF_OK)
        return;
    if (config.max_tokens != c->max_tokens || config.pooling != c->pooling_read || config.l2 != c->l2 ||
        config.lower_case != c->lower_case ||
        strcmp(config.unsupported_pooling, c->unsupported_pooling != NULL ? c->unsupported_pooling : "") != 0)
        fail_msg("%s: max_tokens %u, pooling %d, l2 %d, lower_case %d, unsupported '%s'", c->name, config.max_tokens,
                 config.pooling, config.l2, config.lower_case, config.unsupported_pooling);
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
