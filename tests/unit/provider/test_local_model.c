/* test_local_model: weights are turned into an ONNX file once, and anew when what it is made of changes; weights that
 * no graph can be built for say so. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "provider/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const model_files[] = {"config.json",           "model.safetensors",         "tokenizer.json",
                                          "tokenizer_config.json", "sentence_bert_config.json", "modules.json",
                                          "1_Pooling/config.json"};

static void copy_file(const char *from, const char *to)
{
    struct buf file;

    rf__buf_init(&file, 16 << 20);
    assert_ok(rf__os_read_file(from, &file, err));
    write_file(to, file.data, file.len);
    rf__buf_release(&file);
}

/* A copy of tests/golden/bert-tiny-mean-gelu in a folder of its own. */
static void copy_model(const char *folder)
{
    char from[1200], to[1200];

    snprintf(to, sizeof to, "%s/1_Pooling", folder);
    assert_ok(rf__os_make_directories(to, err));
    for (size_t i = 0; i < sizeof model_files / sizeof model_files[0]; i++) {
        snprintf(from, sizeof from, "%s/%s", golden_path("tests/golden/bert-tiny-mean-gelu"), model_files[i]);
        snprintf(to, sizeof to, "%s/%s", folder, model_files[i]);
        copy_file(from, to);
    }
}

static rf_status open_in(const char *folder, const char *cache, struct rf_model **out, rf_error *err)
{
    const rf_model_options options = {.size = sizeof options, .cache_dir = cache, .offline = true, .threads = 1};

    return rf__local_open(folder, &options, out, err);
}

/* Opens and closes; returns the path of the ONNX file and when it was made. */
static int64_t made_at(const char *folder, const char *cache, char *path, size_t size)
{
    struct rf_model *model = NULL;
    int64_t mtime;

    assert_ok(open_in(folder, cache, &model, err));
    assert_string_not_equal(model->info.weights_file, "");
    snprintf(path, size, "%s", model->info.onnx_file);
    mtime = rf__os_stat(path).mtime_ns;
    assert_true(mtime != 0);
    rf__provider_free(model);
    return mtime;
}

static void test_converted_once_and_anew_after_a_change(void **state)
{
    const char *folder = scratch_directory("local-model"), *cache = scratch_directory("local-model-cache");
    char first[1200], second[1200], third[1200], weights[1200];
    int64_t mtime;

    (void)state;
    copy_model(folder);
    mtime = made_at(folder, cache, first, sizeof first);
    assert_true(made_at(folder, cache, second, sizeof second) == mtime);
    assert_string_equal(first, second);
    assert_int_equal(strncmp(first, cache, strlen(cache)), 0);

    rf__os_sleep_ms(20);
    snprintf(weights, sizeof weights, "%s/model.safetensors", folder);
    copy_file(golden_path("tests/golden/bert-tiny-mean-gelu/model.safetensors"), weights);
    made_at(folder, cache, third, sizeof third);
    assert_string_not_equal(first, third);
}

/* Where the floats of a tensor of a safetensors file begin. */
static float *floats_of(struct buf *file, const char *tensor)
{
    uint64_t header, begin;
    const char *at;

    memcpy(&header, file->data, sizeof header);
    at = strstr(file->data + sizeof header, tensor);
    assert_non_null(at);
    at = strstr(at, "\"data_offsets\":[");
    assert_non_null(at);
    begin = strtoull(at + strlen("\"data_offsets\":["), NULL, 10);
    return (float *)(void *)(file->data + sizeof header + header + begin);
}

/* One number between the linear layers of a unit becomes so large that int16 has no digits left for the others of its
 * group; nothing reads it. */
static void make_one_stand_out(const char *folder)
{
    enum { HIDDEN = 24, INNER = 48 };
    char path[1200];
    struct buf file;
    float *numbers;

    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    rf__buf_init(&file, 16 << 20);
    assert_ok(rf__os_read_file(path, &file, err));
    numbers = floats_of(&file, "encoder.layer.0.intermediate.dense.bias");
    numbers[0] = 3e4F;
    numbers = floats_of(&file, "encoder.layer.0.output.dense.weight");
    for (size_t i = 0; i < HIDDEN; i++)
        numbers[i * INNER] = 0;
    write_file(path, file.data, file.len);
    rf__buf_release(&file);
}

static void test_auto_is_fp32_where_int16_loses(void **state)
{
    static const struct {
        rf_precision wanted;
        bool stands_out;
        const char *precision, *why;
    } cases[] = {{RF_PRECISION_AUTO, false, "int16", "the fastest here"},
                 {RF_PRECISION_AUTO, true, "fp32", "does not keep a cosine of 0.99999"},
                 {RF_PRECISION_AUTO, true, "fp32", "does not keep a cosine of 0.99999"}, /* by the note */
                 {RF_PRECISION_INT16, true, "int16", "asked for"}};
    const char *folders[] = {scratch_directory("auto"), scratch_directory("auto-stands-out")};
    const char *cache = scratch_directory("auto-cache");

    (void)state;
    if (rf__engine_kernels()[0] == '\0' || strcmp(rf__engine_kernels(), "plain") == 0)
        skip(); /* auto is ONNX Runtime's fp32 there */
    copy_model(folders[0]);
    copy_model(folders[1]);
    make_one_stand_out(folders[1]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rf_model_options options = {
            .size = sizeof options, .cache_dir = cache, .offline = true, .threads = 1, .precision = cases[i].wanted};
        struct rf_model *model = NULL;
        assert_ok(rf__local_open(folders[cases[i].stands_out], &options, &model, err));
        assert_string_equal(model->info.precision, cases[i].precision);
        if (strstr(model->info.precision_why, cases[i].why) == NULL)
            fail_msg("case %zu: %s", i, model->info.precision_why);
        rf__provider_free(model);
    }
}

static void test_an_architecture_without_a_graph_is_named(void **state)
{
    static const char config[] = "{\"model_type\": \"perceiver\", \"hidden_size\": 16, \"vocab_size\": 100}";
    const char *folder = scratch_directory("local-model-other"), *cache = scratch_directory("local-model-cache");
    char path[1200];
    struct rf_model *model = NULL;
    rf_error fault = {0};

    (void)state;
    copy_model(folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    write_file(path, config, sizeof config - 1);
    assert_int_equal(open_in(folder, cache, &model, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "perceiver"));
    assert_null(model);
}

/* Weights of an architecture that config.json says is code on the hub, under a name that is known here: the ONNX file
 * beside them is taken. Without it, and where no such code is named, the tensor that is missing is told. */
static void test_weights_of_code_on_the_hub_give_way_to_the_onnx_file(void **state)
{
    static const char own_code[] = "{\"model_type\": \"xlm-roberta\", \"hidden_size\": 16, \"auto_map\": {}}",
                      plain[] = "{\"model_type\": \"xlm-roberta\", \"hidden_size\": 16}";
    const char *folder = scratch_directory("local-model-code"), *cache = scratch_directory("local-model-cache");
    char path[1200], onnx[1200];
    struct rf_model *model = NULL;
    rf_error fault = {0};

    (void)state;
    copy_model(folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    copy_file(golden_path("tests/golden/bert-tiny-last-silu/model.safetensors"), path); /* names begin with "bert." */
    snprintf(path, sizeof path, "%s/config.json", folder);
    write_file(path, own_code, sizeof own_code - 1);
    assert_int_equal(open_in(folder, cache, &model, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "has no tensor 'embeddings.word_embeddings.weight'"));
    snprintf(onnx, sizeof onnx, "%s/onnx", folder);
    assert_ok(rf__os_make_directories(onnx, err));
    snprintf(onnx, sizeof onnx, "%s/onnx/model.onnx", folder);
    copy_file(golden_path("tests/golden/matrix-bert/onnx/model.onnx"), onnx);
    assert_ok(open_in(folder, cache, &model, err));
    /* as it is, or made into one for the kernels */
    assert_true(strcmp(model->info.onnx_file, onnx) == 0 || strcmp(model->info.weights_file, onnx) == 0);
    rf__provider_free(model);
    model = NULL;
    write_file(path, plain, sizeof plain - 1);
    assert_int_equal(open_in(folder, cache, &model, &fault), RF_BAD_FORMAT);
}

/* The same weights as a snapshot of the hub's cache: the repository is asked for an ONNX file, which offline it cannot
 * be; the first reason stands. */
static void test_a_cached_repository_without_a_graph_is_named(void **state)
{
    static const char commit[] = "0123456789abcdef0123456789abcdef01234567",
                      config[] = "{\"model_type\": \"perceiver\", \"hidden_size\": 16, \"vocab_size\": 100}";
    const char *cache = scratch_directory("local-model-hub");
    char folder[1200], path[1300];
    struct rf_model *model = NULL;
    rf_error fault = {0};

    (void)state;
    snprintf(folder, sizeof folder, "%s/models--org--name/snapshots/%s", cache, commit);
    copy_model(folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    write_file(path, config, sizeof config - 1);
    snprintf(path, sizeof path, "%s/models--org--name/refs", cache);
    assert_ok(rf__os_make_directories(path, err));
    snprintf(path, sizeof path, "%s/models--org--name/refs/main", cache);
    write_file(path, commit, sizeof commit - 1);
    assert_int_equal(open_in("org/name", cache, &model, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "perceiver"));
    assert_null(model);
}

static void test_out_of_memory(void **state)
{
    const char *folder = scratch_directory("local-model-oom"), *cache = scratch_directory("local-model-cache");
    bool done = false;

    (void)state;
    copy_model(folder);
    /* Every allocation of the first half, which converts and opens; then steps, which reach the end in time. */
    for (uint64_t n = 1; !done; n += n < 400 ? 1 : 7) {
        struct rf_model *model = NULL;
        rf_error fault = {0};
        rf__alloc_fail_at(n);
        done = open_in(folder, cache, &model, &fault) == RF_OK;
        rf__alloc_fail_at(0);
        rf__provider_free(model);
        assert_true(n < 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converted_once_and_anew_after_a_change),
        cmocka_unit_test(test_auto_is_fp32_where_int16_loses),
        cmocka_unit_test(test_an_architecture_without_a_graph_is_named),
        cmocka_unit_test(test_weights_of_code_on_the_hub_give_way_to_the_onnx_file),
        cmocka_unit_test(test_a_cached_repository_without_a_graph_is_named),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("provider: local model", tests, NULL, NULL);
}
