/* config: what a file may say and with which words it is refused, which of several values holds, what a model is opened
 * with, every allocation failing in turn. */
#include "golden.h"

#include "base/mem.h"
#include "config/config.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

/* A configuration of a file that has `text`; NULL and *err where it is refused. */
static struct rf_config *config_of(const char *text, size_t len, rf_error *err)
{
    struct rf_config *config = rf__calloc(1, sizeof *config);

    assert_non_null(config);
    config->file = rf__strdup("dir/c.yaml");
    if (rf__config_read(config, text, len, "c.yaml", err) == RF_OK)
        return config;
    rf__config_free(config);
    return NULL;
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"threads: two", "c.yaml:1: threads is 'two', expected a whole number up to 1024"},
        {"a: 1", "c.yaml:1: unknown key 'a'; rag-factory config keys lists those that there are"},
        {"\nthread: 1", "c.yaml:2: unknown key 'thread'; did you mean 'threads'?"},
        {"model: x\nthreads: 1025", "c.yaml:2: threads is '1025', expected a whole number up to 1024"},
        {"threads: -1", "c.yaml:1: threads is '-1', expected a whole number up to 1024"},
        {"offline: yes", "c.yaml:1: offline is 'yes', expected true or false"},
        {"precision: fp16", "c.yaml:1: precision is 'fp16', expected one of auto|fp32|int16|int8|file"},
        {"precision: ''", "c.yaml:1: precision is '', expected one of auto|fp32|int16|int8|file"},
        {"threads: [1, 2]", "c.yaml:1: threads is a list, expected a text"},
        {"threads: {a: 1}", "c.yaml:1: threads is a group of keys, expected a text"},
        {"threads: 1\nthreads: 2", "c.yaml:2: 'threads' is given twice, first at c.yaml:1"},
        {"- threads", "c.yaml:1: the file is a list, expected keys with a value each"},
        {"threads", "c.yaml:1: the file is a text, expected keys with a value each"},
        {"session: x", "c.yaml:1: session is a text, expected keys with a value each"},
        {"session: {a=b: 1}", "c.yaml:1: session: 'a=b' is no name: 1 to 64 bytes without '='"},
        {"session:\n  a: 1\n  a: 2", "c.yaml:3: 'session.a' is given twice, first at c.yaml:2"},
        {"source: x", "c.yaml:1: 'source' has no meaning here; it belongs to an entry of models or providers"},
        {"models:\n  m:\n    threads: 1",
         "c.yaml:2: 'models.m' has no source: say which model it is, source: org/name or "
         "a path"},
        {"models: {m: {source: x, log_level: debug}}", "c.yaml:1: 'log_level' has no meaning for one model"},
        {"models: {a/b: {source: x}}",
         "c.yaml:1: 'a/b' is no name for an entry: 1 to 64 letters, digits, '.', '_' and '-'"},
        {"models: {m: {source: x}, m: {source: y}}", "c.yaml:1: 'models.m' is given twice, first before c.yaml:1"},
        {"models: 3", "c.yaml:1: models is a text, expected keys with a value each"},
        {"providers: {opena: {timeout: 1}}", "c.yaml:1: unknown provider 'opena'; there are openai and cohere"},
        {"timeout: 3", "c.yaml:1: 'timeout' has no meaning here; it belongs to an entry of models or providers"},
        {"providers: {openai: {precision: fp32}}", "c.yaml:1: 'precision' has no meaning for a provider"},
        {"a: &x 1\nb: *x", "c.yaml:1: anchors, aliases and tags are no part of a configuration"},
        {"threads: !!int 1", "c.yaml:1: anchors, aliases and tags are no part of a configuration"},
        {"model: a: b", "c.yaml:1: mapping values are not allowed in this context; a value with ':' or '#' in it needs "
                        "quotes"},
        {"---\nthreads: 1\n---\nthreads: 2", "c.yaml:3: a second document begins; a configuration is one"},
        {"model: \"a\\0b\"", "c.yaml:1: model has a NUL in it"},
        {"model: \xff", "c.yaml:1: invalid leading UTF-8 octet at byte 7"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rf_error err = {RF_OK, ""};
        assert_null(config_of(cases[i].text, strlen(cases[i].text), &err));
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(err.status, RF_BAD_FORMAT);
    }
}

/* Looks for a key among the values listed. */
struct wanted {
    const char *key;
    char value[200], origin[200];
    size_t n;
};

static bool take(void *user, const rf_config_value *value)
{
    struct wanted *wanted = user;

    assert_int_equal(value->size, sizeof *value);
    assert_true(strlen(value->help) > 0 && strlen(value->allowed) > 0);
    assert_int_equal(value->is_default,
                     strcmp(value->origin, "default") == 0 || strcmp(value->origin, "as named") == 0);
    if (wanted->n == 0 && strcmp(value->key, wanted->key) == 0) {
        snprintf(wanted->value, sizeof wanted->value, "%s", value->value);
        snprintf(wanted->origin, sizeof wanted->origin, "%s", value->origin);
        wanted->n++;
    }
    return true;
}

static void assert_value(const struct rf_config *config, const char *model, const char *key, const char *value,
                         const char *origin)
{
    struct wanted wanted = {.key = key};

    rf__config_list(config, model, take, &wanted);
    assert_int_equal(wanted.n, 1);
    assert_string_equal(wanted.value, value);
    assert_string_equal(wanted.origin, origin);
}

#define WHOLE                                                                                                          \
    "# a comment\n"                                                                                                    \
    "model: notes\n"                                                                                                   \
    "fallback: small\n"                                                                                                \
    "cache_dir: models\n"                                                                                              \
    "threads: 3\n"                                                                                                     \
    "precision: fp32\n"                                                                                                \
    "session: {inter_op_num_threads: 1}\n"                                                                             \
    "models:\n"                                                                                                        \
    "  notes:\n"                                                                                                       \
    "    source: ./notes\n"                                                                                            \
    "    precision: int8\n"                                                                                            \
    "    dimensions: 128\n"                                                                                            \
    "    normalize: false\n"                                                                                           \
    "    prompts: {query: 'query: ', document: \"\"}\n"                                                                \
    "    session: {execution_mode: sequential}\n"                                                                      \
    "  small: {source: org/small}\n"

static void test_what_holds(void **state)
{
    struct rf_config *config = config_of(WHOLE, strlen(WHOLE), NULL);
    rf_error err;

    (void)state;
    assert_non_null(config);
    assert_value(config, NULL, "model", "notes", "c.yaml:2");
    assert_value(config, NULL, "source", "dir/./notes", "c.yaml:10");
    assert_value(config, NULL, "cache_dir", "dir/models", "c.yaml:4");
    assert_value(config, NULL, "precision", "int8", "c.yaml:11");
    assert_value(config, NULL, "threads", "3", "c.yaml:5");
    assert_value(config, NULL, "session.execution_mode", "sequential", "c.yaml:15");
    assert_value(config, NULL, "session.inter_op_num_threads", "1", "c.yaml:7");
    assert_value(config, "small", "precision", "fp32", "c.yaml:6");
    assert_value(config, "org/other", "source", "org/other", "as named");
    assert_value(config, "org/other", "dimensions", "0", "default");
    assert_value(config, "org/other", "models.notes.dimensions", "128", "c.yaml:12");
    assert_int_equal(rf__config_set_option(config, "precision", "auto", "--precision", NULL), RF_OK);
    assert_int_equal(rf__config_set_option(config, "session.execution_mode", "parallel", "--session", NULL), RF_OK);
    assert_value(config, NULL, "precision", "auto", "--precision");
    assert_value(config, NULL, "session.execution_mode", "parallel", "--session");

    assert_int_equal(rf__config_set_option(config, "threads", "x", "--threads", &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "--threads is 'x', expected a whole number up to 1024");
    assert_int_equal(rf__config_set_option(config, "session", "x", "--session", &err), RF_INVALID_ARGUMENT);
    assert_int_equal(rf__config_set_option(config, "thread", "1", "--thread", &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "--thread: unknown key 'thread'; did you mean 'threads'?");
    rf__config_free(config);
}

static void test_remote_models(void **state)
{
    static const char text[] = "precision: int8\n"
                               "max_tokens: 64\n"
                               "providers:\n"
                               "  openai: {timeout: 9, api_key: secret, max_retries: 2}\n"
                               "models:\n"
                               "  ours: {source: 'openai:m', timeout: 5, base_url: 'http://localhost/v1'}\n"
                               "  theirs: {source: 'cohere:m', pooling: cls, max_tokens: 9, max_retries: 0}\n";
    struct rf_config *config = config_of(text, strlen(text), NULL);
    rf_model_options options;
    const char *source;

    (void)state;
    assert_non_null(config);
    assert_int_equal(rf__config_model_options(config, "ours", &source, &options, NULL), RF_OK);
    assert_string_equal(source, "openai:m");
    assert_int_equal(options.timeout_s, 5);
    assert_string_equal(options.api_key, "secret");
    assert_string_equal(options.base_url, "http://localhost/v1");
    assert_int_equal(options.max_retries, 2);
    assert_int_equal(options.max_tokens, 0); /* said of all models, for those that run here: few servers cut */
    assert_int_equal(options.precision, RF_PRECISION_AUTO); /* said of all models, for those that run here */
    assert_value(config, "ours", "api_key", "(set)", "c.yaml:4");
    assert_value(config, "ours", "providers.openai.api_key", "(set)", "c.yaml:4");

    assert_int_equal(rf__config_model_options(config, "openai:other", &source, &options, NULL), RF_OK);
    assert_int_equal(options.timeout_s, 9);
    assert_int_equal(rf__config_model_options(config, "theirs", &source, &options, NULL), RF_OK);
    assert_int_equal(options.pooling, RF_POOLING_CLS); /* said of this one: it will be refused */
    assert_int_equal(options.max_tokens, 9);
    assert_null(options.api_key);
    assert_int_equal(options.max_retries, RF_NO_RETRIES); /* 0 is none; the option's own 0 is the default */
    assert_int_equal(rf__config_model_options(config, "org/local", &source, &options, NULL), RF_OK);
    assert_int_equal(options.precision, RF_PRECISION_INT8);
    assert_int_equal(options.max_tokens, 64);
    assert_int_equal(options.timeout_s, 0);
    rf__config_free(config);
}

static void test_options_of_a_model(void **state)
{
    struct rf_config *config = config_of(WHOLE, strlen(WHOLE), NULL);
    rf_model_options options;
    const char *source;
    rf_error err;

    (void)state;
    assert_non_null(config);
    assert_int_equal(rf__config_model_options(config, NULL, &source, &options, NULL), RF_OK);
    assert_string_equal(source, "dir/./notes");
    assert_int_equal(options.threads, 3);
    assert_int_equal(options.precision, RF_PRECISION_INT8);
    assert_int_equal(options.dimensions, 128);
    assert_int_equal(options.l2, RF_L2_OFF);
    assert_string_equal(options.cache_dir, "dir/models");
    assert_string_equal(options.fallback, "org/small");
    assert_string_equal(options.prompts[0], "query=query: ");
    assert_string_equal(options.prompts[1], "document=");
    assert_null(options.prompts[2]);
    assert_string_equal(options.session_options[0], "inter_op_num_threads=1");
    assert_string_equal(options.session_options[1], "execution_mode=sequential");
    assert_null(options.session_options[2]);

    assert_int_equal(rf__config_model_options(config, "org/name@v1", &source, &options, NULL), RF_OK);
    assert_string_equal(source, "org/name@v1");
    assert_int_equal(options.precision, RF_PRECISION_FP32);
    assert_null(options.prompts);

    assert_int_equal(rf__config_set_option(config, "fallback", "notes", "--fallback", NULL), RF_OK);
    assert_int_equal(rf__config_model_options(config, "small", &source, &options, &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "c.yaml:11: 'notes' is the fallback, which has no options of its own: give the "
                                     "entry a source alone");
    rf__config_free(config);
}

/* Every choice of the table is the number that the option's enumeration gives it. */
static void test_choices_are_the_enumerations(void **state)
{
    static const struct {
        const char *key, *value;
        size_t member;
        int number;
    } cases[] = {
        {"truncate", "error", offsetof(rf_model_options, truncate), RF_TRUNCATE_ERROR},
        {"long_text", "mean", offsetof(rf_model_options, long_text), RF_LONG_TEXT_MEAN},
        {"pooling", "weighted-mean", offsetof(rf_model_options, pooling), RF_POOLING_WEIGHTED_MEAN},
        {"pooling", "cls", offsetof(rf_model_options, pooling), RF_POOLING_CLS},
        {"precision", "int8", offsetof(rf_model_options, precision), RF_PRECISION_INT8},
        {"normalize", "true", offsetof(rf_model_options, l2), RF_L2_ON},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_config *config = config_of("", 0, NULL);
        rf_model_options options;
        const char *source;
        assert_int_equal(rf__config_set_option(config, cases[i].key, cases[i].value, "test", NULL), RF_OK);
        assert_int_equal(rf__config_model_options(config, NULL, &source, &options, NULL), RF_OK);
        assert_int_equal(*(const int *)((const char *)&options + cases[i].member), cases[i].number);
        rf__config_free(config);
    }
}

static void test_files_and_variables(void **state)
{
    struct rf_config *config;
    rf_error err;

    (void)state;
    assert_int_equal(rf__config_open("/no/such/file.yaml", &config, &err), RF_NOT_FOUND);
    assert_memory_equal(err.message, "the configuration: /no/such/file.yaml", 37);
    setenv("XDG_CONFIG_HOME", "/no/such/folder", 1);
    assert_int_equal(rf__config_open(NULL, &config, NULL), RF_OK);
    assert_null(config->file);
    rf__config_free(config);
    setenv("RAG_FACTORY_CONFIG", "/dev/null", 1);
    setenv("RAG_FACTORY_THREADS", "7", 1);
    assert_int_equal(rf__config_open(NULL, &config, NULL), RF_OK);
    assert_string_equal(config->file, "/dev/null");
    assert_value(config, NULL, "threads", "7", "RAG_FACTORY_THREADS");
    rf__config_free(config);
    setenv("RAG_FACTORY_THREADS", "many", 1);
    assert_int_equal(rf__config_open(NULL, &config, &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "RAG_FACTORY_THREADS is 'many', expected a whole number up to 1024");
    unsetenv("RAG_FACTORY_THREADS");
    unsetenv("RAG_FACTORY_CONFIG");
}

/* What libyaml allocates does not come from base/mem. */
static void test_out_of_memory(void **state)
{
    bool done = false;

    (void)state;
    for (uint64_t n = 1; !done; n++) {
        struct rf_config *config = rf__calloc(1, sizeof *config);
        rf_model_options options;
        const char *source;
        rf_error err = {RF_OK, ""};
        rf_status status;
        config->file = rf__strdup("dir/c.yaml");
        rf__alloc_fail_at(n);
        status = rf__config_read(config, WHOLE, strlen(WHOLE), "c.yaml", &err);
        if (status == RF_OK)
            status = rf__config_model_options(config, NULL, &source, &options, &err);
        rf__alloc_fail_at(0);
        done = status == RF_OK;
        assert_true(done || status == RF_NO_MEMORY);
        rf__config_free(config);
        assert_true(n < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_holds),
        cmocka_unit_test(test_options_of_a_model),
        cmocka_unit_test(test_remote_models),
        cmocka_unit_test(test_choices_are_the_enumerations),
        cmocka_unit_test(test_files_and_variables),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
