/* config_keys: every key of the configuration; see config.h. docs/configuration.md has this table too, which a test
 * holds against it. */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define MEMBER(name)    offsetof(rf_model_options, name)
#define ANY_MODEL       (CONFIG_TOP | CONFIG_MODEL)
#define REMOTE_MODEL    (CONFIG_MODEL | CONFIG_PROVIDER)
#define MAX_THREADS     1024
#define MAX_TOKEN_LIMIT 1000000
#define MAX_CACHE_MB    100000000

const struct config_key rf__config_keys[] = {
    {"model", CONFIG_TOP, RF_CONFIG_TEXT, CONFIG_SOURCE, NULL, 0, "sentence-transformers/all-MiniLM-L6-v2",
     "the model where none is named: the name of an entry of models, or a model source", CONFIG_NO_MEMBER},
    {"source", CONFIG_MODEL, RF_CONFIG_TEXT, CONFIG_SOURCE, NULL, 0, "",
     "a model directory, an .onnx file, org/name[@revision] on the hub, openai:MODEL or cohere:MODEL",
     CONFIG_NO_MEMBER},
    {"fallback", ANY_MODEL, RF_CONFIG_TEXT, CONFIG_SOURCE, NULL, 0, "",
     "the model that is used, with a warning, where the other cannot be opened", MEMBER(fallback)},
    {"revision", CONFIG_MODEL, RF_CONFIG_TEXT, CONFIG_LOCAL, NULL, 0, "", "branch, tag or commit on the hub",
     MEMBER(revision)},
    {"onnx_file", CONFIG_MODEL, RF_CONFIG_TEXT, CONFIG_LOCAL, NULL, 0, "", "which ONNX file of the model",
     MEMBER(onnx_file)},
    {"cache_dir", ANY_MODEL, RF_CONFIG_TEXT, CONFIG_PATH, NULL, 0, "", "where models are downloaded to",
     MEMBER(cache_dir)},
    {"offline", ANY_MODEL, RF_CONFIG_BOOL, 0, NULL, 0, "false", "use only what is on this machine; open no socket",
     MEMBER(offline)},
    {"max_tokens", ANY_MODEL, RF_CONFIG_NUMBER, CONFIG_LOCAL, NULL, MAX_TOKEN_LIMIT, "0",
     "limit of a text in tokens; 0: the model's own", MEMBER(max_tokens)},
    {"truncate", ANY_MODEL, RF_CONFIG_CHOICE, 0, "right|left|error", 0, "right",
     "which end of a longer text is cut off, or fail", MEMBER(truncate)},
    {"long_text", ANY_MODEL, RF_CONFIG_CHOICE, CONFIG_LOCAL, "cut|mean", 0, "cut",
     "a text longer than the limit is cut, or gets the mean of its windows' vectors", MEMBER(long_text)},
    {"pooling", ANY_MODEL, RF_CONFIG_CHOICE, CONFIG_LOCAL, "model|mean|cls|max|last|mean-sqrt-len|weighted-mean", 0,
     "model", "how token vectors become one vector", MEMBER(pooling)},
    {"precision", ANY_MODEL, RF_CONFIG_CHOICE, CONFIG_LOCAL, "auto|fp32|int16|int8|file", 0, "auto",
     "arithmetic of the model", MEMBER(precision)},
    {"normalize", ANY_MODEL, RF_CONFIG_CHOICE, 0, "model|true|false", 0, "model", "scale vectors to length 1",
     MEMBER(l2)},
    {"dimensions", CONFIG_MODEL, RF_CONFIG_NUMBER, 0, NULL, 1000000, "0",
     "only the first so many numbers of a vector; 0: what the model declares", MEMBER(dimensions)},
    {"threads", ANY_MODEL, RF_CONFIG_NUMBER, 0, NULL, MAX_THREADS, "0",
     "threads to compute with; 0: one for each processor this process may use", MEMBER(threads)},
    {"cache", ANY_MODEL, RF_CONFIG_TEXT, CONFIG_PATH, NULL, 0, "",
     "the file that vectors are kept in and found again; made where it is not there", MEMBER(vector_cache)},
    {"cache_mb", ANY_MODEL, RF_CONFIG_NUMBER, 0, NULL, MAX_CACHE_MB, "0",
     "the most MiB that this file takes: vectors that were used least make room; 0: 1024", MEMBER(vector_cache_mb)},
    {"cache_memory_mb", ANY_MODEL, RF_CONFIG_NUMBER, 0, NULL, MAX_CACHE_MB, "0",
     "the most MiB that vectors kept in memory take; 0: 32 with cache, none without", MEMBER(vector_memory_mb)},
    {"cache_fp16", ANY_MODEL, RF_CONFIG_BOOL, 0, NULL, 0, "false",
     "vectors are kept in half the bytes, and given rounded to that", MEMBER(vector_cache_fp16)},
    {"session", ANY_MODEL, RF_CONFIG_TEXT, CONFIG_MAP | CONFIG_LOCAL, NULL, 0, "", "options of ONNX Runtime's session",
     MEMBER(session_options)},
    {"prompts", CONFIG_MODEL, RF_CONFIG_TEXT, CONFIG_MAP, NULL, 0, "",
     "prompts by name, in the place of the model's own; query and document are put in front of these", MEMBER(prompts)},
    {"api_key", REMOTE_MODEL, RF_CONFIG_TEXT, CONFIG_SECRET, NULL, 0, "",
     "a server's key, in the place of the environment's", MEMBER(api_key)},
    {"base_url", REMOTE_MODEL, RF_CONFIG_TEXT, 0, NULL, 0, "",
     "the server that computes, in the place of the provider's own", MEMBER(base_url)},
    {"organization", REMOTE_MODEL, RF_CONFIG_TEXT, 0, NULL, 0, "", "at OpenAI", MEMBER(organization)},
    {"project", REMOTE_MODEL, RF_CONFIG_TEXT, 0, NULL, 0, "", "at OpenAI", MEMBER(project)},
    {"api_user", REMOTE_MODEL, RF_CONFIG_TEXT, 0, NULL, 0, "", "for whom a server embeds the texts", MEMBER(api_user)},
    {"count_with", REMOTE_MODEL, RF_CONFIG_TEXT, CONFIG_PATH, NULL, 0, "",
     "a tokenizer to count and cut a server's texts with, such as cl100k_base.tiktoken; else tokens are estimated",
     MEMBER(count_with)},
    {"timeout", REMOTE_MODEL, RF_CONFIG_NUMBER, 0, NULL, 86400, "0",
     "longest time for a request to a server, in seconds; 0: 120", MEMBER(timeout_s)},
    {"max_retries", REMOTE_MODEL, RF_CONFIG_NUMBER, CONFIG_NONE, NULL, 100, "5",
     "how often a request that failed is made again", MEMBER(max_retries)},
    {"max_requests", REMOTE_MODEL, RF_CONFIG_NUMBER, 0, NULL, 64, "0", "requests to a server at once; 0: 4",
     MEMBER(max_requests)},
    {"max_batch", REMOTE_MODEL, RF_CONFIG_NUMBER, 0, NULL, 1000000, "0",
     "the most texts in a request; 0: as many as the provider takes", MEMBER(max_batch)},
    {"log_level", CONFIG_TOP, RF_CONFIG_CHOICE, 0, "debug|info|warning|error", 0, "warning",
     "the program: the least that is told", CONFIG_NO_MEMBER},
    {"log_format", CONFIG_TOP, RF_CONFIG_CHOICE, 0, "text|json", 0, "text",
     "the program: messages as text, or as JSON lines", CONFIG_NO_MEMBER},
    {NULL, 0, RF_CONFIG_TEXT, 0, NULL, 0, NULL, NULL, 0},
};

bool rf__config_is_provider(const char *name, size_t len)
{
    static const char *const providers[] = {"openai", "cohere"}; /* as in provider/provider.c */

    for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++)
        if (strlen(providers[i]) == len && memcmp(providers[i], name, len) == 0)
            return true;
    return false;
}

const struct config_key *rf__config_key(const char *name, size_t len)
{
    for (const struct config_key *key = rf__config_keys; key->name != NULL; key++)
        if (strlen(key->name) == len && memcmp(key->name, name, len) == 0)
            return key;
    return NULL;
}

void rf__config_expected(const struct config_key *key, char *out, size_t size)
{
    switch (key->kind) {
    case RF_CONFIG_TEXT:
        snprintf(out, size, key->flags & CONFIG_MAP ? "names with a text each" : "a text");
        break;
    case RF_CONFIG_NUMBER:
        snprintf(out, size, "a whole number up to %llu", (unsigned long long)key->max);
        break;
    case RF_CONFIG_BOOL:
        snprintf(out, size, "true or false");
        break;
    case RF_CONFIG_CHOICE:
        snprintf(out, size, "one of %s", key->choices);
        break;
    }
}
