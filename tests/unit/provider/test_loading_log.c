/* test_loading_log: the log of opening a model has every step, in the order in which they are taken: what the source is
 * and why, the files that were chosen, left and read, the tokenizer, the session with its options, the kernels, what is
 * applied, and the time that it took. */
#include "golden.h"

#include "os/os.h"
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>

struct log {
    char text[64 << 10];
    size_t len;
};

static void note(void *user, rf_log_level level, const char *message)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    struct log *log = user;
    int n = snprintf(log->text + log->len, sizeof log->text - log->len, "%s: %s\n", names[level], message);

    assert_null(strchr(message, '\n'));
    log->len += (size_t)n;
    assert_true(log->len < sizeof log->text);
}

static rf_status open_and_log(const char *source, rf_model_options options, struct log *log, rf_error *err)
{
    struct rf_model *model = NULL;
    rf_status status;

    log->len = 0;
    log->text[0] = '\0';
    options.size = sizeof options;
    options.offline = true;
    options.threads = 1;
    options.log = note;
    options.log_user = log;
    status = rf__provider_open(source, &options, &model, err);
    rf__provider_free(model);
    return status;
}

/* Each of `steps`, ended by NULL, comes behind the one before it. */
static void has_steps(const struct log *log, const char *const *steps)
{
    const char *at = log->text;

    for (; *steps != NULL; steps++) {
        const char *found = strstr(at, *steps);
        if (found == NULL)
            fail_msg("'%s' is not in the rest of the log, or out of order:\n%s", *steps, log->text);
        at = found + strlen(*steps);
    }
}

static void test_weights(void **state)
{
    static const char *const steps[] = {
        "debug: opening '",
        "rag_factory " RF_VERSION ", ONNX Runtime 1.",
        "debug: kernels: ",
        "': a model directory on this machine\n",
        "model.safetensors: chosen (",
        "debug: model directory ",
        "; found in ",
        "/modules.json: read, ",
        "/1_Pooling/config.json: read, ",
        "/config.json: read, ",
        "/sentence_bert_config.json: read, ",
        "a transformer, bert, hidden size 24, ",
        ", as modules.json says; 1 pooling modes",
        "info: making ",
        " computes (",
        "/tokenizer.json: a tokenizer, WordPiece of ",
        "; ",
        " ms\n",
        "debug: session option intra_op_num_threads=1\n",
        "debug: session option graph_optimization_level=all\n",
        "debug: session option enable_cpu_mem_arena=0\n",
        ".onnx: opened by ONNX Runtime 1.",
        ", inputs input_ids, ",
        "output 'last_hidden_state', rank 3, dim 24; ",
        "debug: the first run, of one token: 24 numbers, ",
        "debug: Transformer, Pooling(mean), Normalize; vectors of 24 numbers and length 1",
        "info: ",
        ", opened in ",
        NULL};
    static const char *const again[] = {": made of ", " before\n", " computes (", NULL};
    static const char *const own[] = {"enable_cpu_mem_arena=0", NULL};
    static struct log log;
    const rf_model_options options = {.session_options = own, .cache_dir = scratch_directory("loading-log")};

    (void)state;
    assert_ok(open_and_log(golden_path("tests/golden/bert-tiny-mean-gelu"), options, &log, err));
    has_steps(&log, steps);
    assert_ok(open_and_log(golden_path("tests/golden/bert-tiny-mean-gelu"), options, &log, err));
    has_steps(&log, again);
    assert_null(strstr(log.text, "info: making "));
}

static void test_an_onnx_file(void **state)
{
    static const char *const steps[] = {
        "onnx/model.onnx: chosen (the first of the usual ONNX files); not: onnx/model.ort, ",
        "/tokenizer_config.json: read, ",
        "onnx/model.onnx computes (the ONNX file's own)\n",
        "of its tensors stay in the file itself, mapped\n",
        "opened by ONNX Runtime 1.",
        ", fp32, inputs input_ids, attention_mask, token_type_ids; ",
        NULL};
    static const char *const rebuilt[] = {"onnx/model.onnx: is understood: {\"model_type\": \"bert\"",
                                          "info: comparing the kernels with ",
                                          "onnx/model.onnx: the kernels compute the same, to ",
                                          "info: making ",
                                          " computes (",
                                          NULL};
    static const char *const left[] = {"the ONNX file runs as it is: ", "(MatMulNBits)", NULL};
    static const char *const named[] = {"onnx/model_q4.onnx: chosen (named)", "onnx/model_q4.onnx computes (",
                                        ", q4, inputs ", NULL};
    static struct log log;
    rf_model_options options = {.precision = RF_PRECISION_FILE, .cache_dir = scratch_directory("loading-log-onnx")};

    (void)state;
    assert_ok(open_and_log(golden_path("tests/golden/onnx-variants"), options, &log, err));
    has_steps(&log, steps);
    options.precision = RF_PRECISION_AUTO;
    if (rf__engine_kernels()[0] != '\0' && strcmp(rf__engine_kernels(), "plain") != 0) {
        assert_ok(open_and_log(golden_path("tests/golden/onnx-variants"), options, &log, err));
        has_steps(&log, rebuilt);
    }
    options.onnx_file = "onnx/model_q4.onnx";
    assert_ok(open_and_log(golden_path("tests/golden/onnx-variants"), options, &log, err));
    has_steps(&log, named);
    if (rf__engine_kernels()[0] != '\0' && strcmp(rf__engine_kernels(), "plain") != 0)
        has_steps(&log, left);
}

static void test_static_embeddings(void **state)
{
    static const char *const steps[] = {"/config.json: is not there\n",
                                        ": static embeddings, ",
                                        "prompts: long, passage, query\n",
                                        ": a table of 228 rows for 228 ids, 16 numbers each, fp32\n",
                                        "debug: StaticEmbedding, Normalize; vectors of 16 numbers",
                                        NULL};
    static struct log log;

    (void)state;
    assert_ok(open_and_log(golden_path("tests/golden/modules-static"), (rf_model_options){0}, &log, err));
    has_steps(&log, steps);
}

static void copy_into(const char *folder, const char *file)
{
    struct buf text;
    char path[1200];

    rf__buf_init(&text, 16 << 20);
    snprintf(path, sizeof path, "tests/golden/onnx-variants/%s", file);
    assert_ok(rf__os_read_file(golden_path(path), &text, err));
    snprintf(path, sizeof path, "%s/%s", folder, file);
    write_file(path, text.data, text.len);
    rf__buf_release(&text);
}

/* A name on the hub, out of a cache that another tool filled; no modules.json, which the log says. */
static void test_a_name(void **state)
{
    static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
    static const char *const steps[] = {"'org/name': no such path, so a name on the hub: org/name, revision 'main'\n",
                                        "debug: cache ",
                                        ": probably all of commit 0123456789abcdef0123456789abcdef01234567\n",
                                        "used without modules.json",
                                        "onnx/model.onnx: chosen (the first of the usual ONNX files)\n",
                                        ", commit 0123456789abcdef0123456789abcdef01234567; found in ",
                                        "/modules.json: is not there\n",
                                        ", without a modules.json; 0 pooling modes",
                                        "info: assumed: no pooling declared: mean; no modules.json: vectors are scaled",
                                        NULL};
    static const char *const none[] = {"debug: opening 'org/other'", "debug: cache ", ": nothing\n", NULL};
    const char *cache = scratch_directory("loading-log-hub");
    static struct log log;
    char folder[1000], path[1200];
    rf_error fault = {RF_OK, ""};

    (void)state;
    snprintf(folder, sizeof folder, "%s/models--org--name/snapshots/%s", cache, commit);
    snprintf(path, sizeof path, "%s/onnx", folder);
    assert_ok(rf__os_make_directories(path, err));
    copy_into(folder, "onnx/model.onnx");
    copy_into(folder, "config.json");
    copy_into(folder, "tokenizer.json");
    copy_into(folder, "tokenizer_config.json");
    snprintf(path, sizeof path, "%s/models--org--name/refs", cache);
    assert_ok(rf__os_make_directories(path, err));
    snprintf(path, sizeof path, "%s/models--org--name/refs/main", cache);
    write_file(path, commit, sizeof commit - 1);
    assert_ok(open_and_log("org/name", (rf_model_options){.cache_dir = cache}, &log, err));
    has_steps(&log, steps);
    assert_int_equal(open_and_log("org/other", (rf_model_options){.cache_dir = cache}, &log, &fault), RF_NOT_FOUND);
    has_steps(&log, none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_an_onnx_file),
        cmocka_unit_test(test_static_embeddings),
        cmocka_unit_test(test_a_name),
    };

    return cmocka_run_group_tests_name("provider: the log of loading", tests, NULL, NULL);
}
