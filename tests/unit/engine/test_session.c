/* test_session: ONNX Runtime behind engine.h, on the tiny files of tests/golden/onnx (table[id][d] = id + d / 8). */
#include "golden.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static const char *golden_file(const char *name)
{
    char relative[128];

    snprintf(relative, sizeof relative, "tests/golden/onnx/%s%s", name, strchr(name, '.') != NULL ? "" : ".onnx");
    return golden_path(relative);
}

static rf_status open_golden(const char *name, const char *const *session_options, struct engine **out, rf_error *err)
{
    const struct engine_options options = {.session_options = session_options, .threads = 1};

    return rf__engine_open_file(golden_file(name), &options, out, err);
}

/* ---- Files that open ----------------------------------------------------------------------------------- */

/* ids [2, 3] and what is added to a row of the table because of the inputs. */
static const struct accepted {
    const char *name, *precision;
    uint32_t rank, dim; /* as the graph says before a run */
    float add[3];       /* to the token in place 0, 1, 2 */
} accepted[] = {
    {"task", "fp32", 3, 8, {5, 5, 5}}, /* the task below is 5 */
    {"task-one", "fp32", 3, 8, {5, 5, 5}},    {"task-each", "fp32", 3, 8, {5, 5, 5}},
    {"plain", "fp32", 3, 8, {1, 1, 1}},                                              /* the type ids below are 1 */
    {"ids-only", "fp32", 3, 8, {0, 0, 0}},    {"ids-only.ort", "", 3, 8, {0, 0, 0}}, /* ONNX Runtime's own format */
    {"int32", "fp32", 3, 8, {0, 0, 0}},       {"positions", "fp32", 3, 8, {0, 1, 2}},
    {"fp16", "fp32", 3, 8, {0, 0, 0}},        {"pooled", "fp32", 2, 8, {0, 0, 0}},
    {"open-dim", "fp32", 3, 8, {0, 0, 0}},    {"unnamed-output", "fp32", 3, 8, {0, 0, 0}},
    {"unnamed-two", "fp32", 3, 8, {0, 0, 0}}, {"sentence-and-tokens", "fp32", 3, 8, {0, 0, 0}},
    {"large", "fp32", 3, 8, {0, 0, 0}},       {"external", "fp32", 3, 8, {0, 0, 0}},
};

static void runs_file(const char *path, const struct accepted *want)
{
    static const uint32_t ids[] = {1, 7, 49, 3, 3, 0}, type_ids[] = {1, 1, 1, 1, 1, 1};
    const struct engine_batch batch = {.ids = ids, .type_ids = type_ids, .n_texts = 2, .n_tokens = 3, .task = 5};
    const struct engine_options options = {.threads = 1};
    struct engine *engine = NULL;
    struct engine_output out;

    assert_ok(rf__engine_open_file(path, &options, &engine, err));
    assert_int_equal(engine->info.has_tasks, strncmp(want->name, "task", 4) == 0);
    assert_int_equal(engine->info.rank, want->rank);
    assert_int_equal(engine->info.dim, want->dim);
    assert_string_equal(engine->info.precision, want->precision);
    assert_ok(rf__engine_run(engine, &batch, &out, err));
    assert_int_equal(out.dim, 8);
    for (size_t text = 0; text < 2; text++) {
        for (size_t d = 0; d < 8; d++) {
            float mean = 0;
            for (size_t t = 0; t < 3; t++) {
                float expected = (float)ids[text * 3 + t] + (float)d / 8 + want->add[t];
                mean += expected / 3;
                if (out.rank == 3)
                    assert_float_equal(out.data[(text * 3 + t) * 8 + d], expected, 1e-6);
            }
            if (out.rank == 2)
                assert_float_equal(out.data[text * 8 + d], mean, 1e-5);
        }
    }
    rf__engine_output_release(&out);
    rf__engine_free(engine);
}

static void test_models_that_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        runs_file(golden_file(accepted[i].name), &accepted[i]);
}

static void test_bytes_and_a_link_to_external_data(void **state)
{
    const char *folder = scratch_directory("engine-link");
    char link[1024], target[1024];
    const struct engine_options options = {.threads = 1};
    struct engine *engine = NULL;
    struct buf file;

    (void)state;
    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/onnx/large.onnx"), &file, err));
    assert_ok(rf__engine_open_bytes(file.data, file.len, golden_path("tests/golden/onnx/large.onnx"), &options, &engine,
                                    err));
    rf__engine_free(engine);
    rf__buf_release(&file);

    /* A hub's cache: the file is a link, the external data lies beside what it points to. */
    snprintf(link, sizeof link, "%s/model.onnx", folder);
    snprintf(target, sizeof target, "%s", golden_path("tests/golden/onnx/external.onnx"));
    if (target[0] != '/')
        skip();
    assert_ok(rf__os_link(target, link, false, err));
    assert_ok(rf__engine_open_file(link, &options, &engine, err));
    rf__engine_free(engine);
}

static void copy_golden(const char *relative, const char *to)
{
    struct buf file;

    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__os_read_file(golden_path(relative), &file, err));
    write_file(to, file.data, file.len);
    rf__buf_release(&file);
}

/* A hub's cache: each file is a link to a blob of another name, wherever that lies; and, in a folder of its own, an
 * ONNX file whose external data nobody brought. */
static void test_links_to_external_data(void **state)
{
    static const char *const blobs[] = {"blobs/2f", "far/away/71"};
    const char *folder = scratch_directory("engine-links");
    const struct engine_options options = {.threads = 1};
    char path[1024], link[1024], target[64];

    (void)state;
    for (size_t i = 0; i < sizeof blobs / sizeof blobs[0]; i++) {
        struct engine *engine = NULL;
        rf_error fault = {0};
        snprintf(path, sizeof path, "%s/%zu/far/away", folder, i);
        assert_ok(rf__os_make_directories(path, err));
        snprintf(path, sizeof path, "%s/%zu/blobs", folder, i);
        assert_ok(rf__os_make_directories(path, err));
        snprintf(path, sizeof path, "%s/%zu/snapshot/onnx", folder, i);
        assert_ok(rf__os_make_directories(path, err));
        snprintf(path, sizeof path, "%s/%zu/blobs/0a", folder, i);
        copy_golden("tests/golden/onnx/external.onnx", path);
        snprintf(link, sizeof link, "%s/%zu/snapshot/onnx/model.onnx", folder, i);
        assert_ok(rf__os_link("../../blobs/0a", link, false, err));

        assert_int_equal(rf__engine_open_file(link, &options, &engine, &fault), RF_NOT_FOUND);
        assert_non_null(strstr(fault.message, "keeps its tensors in 'external.onnx_data', which is not beside it"));

        snprintf(path, sizeof path, "%s/%zu/%s", folder, i, blobs[i]);
        copy_golden("tests/golden/onnx/external.onnx_data", path);
        snprintf(path, sizeof path, "%s/%zu/snapshot/onnx/external.onnx_data", folder, i);
        snprintf(target, sizeof target, "../../%s", blobs[i]);
        assert_ok(rf__os_link(target, path, false, err));
        runs_file(link, &(struct accepted){"external", "fp32", 3, 8, {0, 0, 0}});
    }
}

/* The engine's answer to a golden file in which `from` became `to`, of the same length. */
static rf_status open_changed(const char *name, const char *from, const char *to, rf_error *fault)
{
    const char *folder = scratch_directory("engine-changed");
    const struct engine_options options = {.threads = 1};
    struct engine *engine = NULL;
    size_t len = strlen(from), n = 0;
    char path[1024];
    struct buf file;
    rf_status status;

    rf__buf_init(&file, 1 << 20);
    assert_int_equal(len, strlen(to));
    assert_ok(rf__os_read_file(golden_file(name), &file, err));
    for (size_t i = 0; i + len <= file.len; i++) {
        if (memcmp(file.data + i, from, len) == 0) {
            memcpy(file.data + i, to, len);
            n++;
        }
    }
    assert_true(n > 0);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    write_file(path, file.data, file.len);
    status = rf__engine_open_file(path, &options, &engine, fault);
    rf__engine_free(engine);
    rf__buf_release(&file);
    return status;
}

static void test_external_data_outside(void **state)
{
    rf_error fault = {0};

    (void)state;
    assert_int_equal(open_changed("external", "external.onnx_data", "../../../etc/hosts", &fault), RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "'../../../etc/hosts', which is not in its folder"));
}

static void test_an_unknown_operator(void **state)
{
    rf_error fault = {0};

    (void)state;
    assert_int_equal(open_changed("ids-only", "Gather", "Fancyx", &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "has an operator that the ONNX Runtime that runs, 1."));
    assert_non_null(strstr(fault.message, "Fancyx"));
}

/* ---- Files that do not --------------------------------------------------------------------------------- */

static const struct refused {
    const char *name;
    rf_status status;
    const char *message; /* part of it */
} refused[] = {
    {"ambiguous", RF_UNSUPPORTED, "(outputs: a, b); is this an embedding model?"},
    {"logits", RF_UNSUPPORTED, "(outputs: logits)"},
    {"no-input-ids", RF_UNSUPPORTED, "has no input 'input_ids' (inputs: pixel_values); is this an embedding model?"},
    {"unknown-input", RF_UNSUPPORTED, "asks for an input 'pixel_mask'"},
    {"task-two", RF_UNSUPPORTED, "input 'task_id' has rank 1, expected one number"},
    {"float-ids", RF_UNSUPPORTED, "input 'input_ids' has ONNX element type 1, expected int64 or int32"},
    {"fixed-batch", RF_UNSUPPORTED, "has the fixed size 1 in place 0; export the model with dynamic axes"},
    {"int-output", RF_UNSUPPORTED, "has ONNX element type 7, expected float or float16"},
    {"future-opset", RF_UNSUPPORTED, "is made for a newer ONNX Runtime than the one that runs"},
    {"future-ir", RF_UNSUPPORTED, "install a newer one, or export the model with a lower opset"},
    {"does-not-exist", RF_NOT_FOUND, "does-not-exist.onnx"},
};

static void test_models_that_do_not_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct engine *engine = NULL;
        rf_error err = {0};
        rf_status status = open_golden(refused[i].name, NULL, &engine, &err);
        if (status != refused[i].status || strstr(err.message, refused[i].message) == NULL)
            fail_msg("%s: %s: %s", refused[i].name, rf_status_name(status), err.message);
        assert_null(engine);
    }
}

static void test_damaged_files(void **state)
{
    static const char *const contents[] = {"", "not an ONNX file at all",
                                           "version https://git-lfs.github.com/spec/v1\n",
                                           "<!DOCTYPE html><html></html>", "\x08\x08\x3a\xff\xff\xff\xff\x0f"};
    const char *folder = scratch_directory("engine-damaged");
    const struct engine_options options = {.threads = 1};
    char path[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct engine *engine = NULL;
        rf_error err = {0};
        write_file(path, contents[i], strlen(contents[i]));
        assert_int_equal(rf__engine_open_file(path, &options, &engine, &err), RF_BAD_FORMAT);
        assert_non_null(strstr(err.message, path));
    }
}

/* Every prefix of a real file: an error, never a crash and never a model. */
static void test_truncated_file(void **state)
{
    const struct engine_options options = {.threads = 1};
    struct buf file;

    (void)state;
    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/onnx/large.onnx"), &file, err));
    for (size_t len = 1; len < file.len; len += len < 400 ? 1 : 997) {
        struct engine *engine = NULL;
        rf_error err = {0};
        char *cut = rf__strndup(file.data, len);
        rf_status status = rf__engine_open_bytes(cut, len, "cut.onnx", &options, &engine, &err);
        if (status == RF_OK)
            fail_msg("%zu of %zu bytes opened", len, file.len);
        rf__free(cut);
    }
    rf__buf_release(&file);
}

static void test_an_id_outside_the_table_fails(void **state)
{
    static const uint32_t id = 50;
    const struct engine_batch batch = {.ids = &id, .n_texts = 1, .n_tokens = 1};
    struct engine *engine = NULL;
    struct engine_output out;
    rf_error fault = {0};

    (void)state;
    assert_ok(open_golden("ids-only", NULL, &engine, err));
    assert_int_equal(rf__engine_run(engine, &batch, &out, &fault), RF_ENGINE);
    rf__engine_output_release(&out);
    rf__engine_free(engine);
}

/* ---- Session options ----------------------------------------------------------------------------------- */

static void test_session_options(void **state)
{
    static const char *const all[] = {
        "intra_op_num_threads=2",         "inter_op_num_threads=1",        "enable_cpu_mem_arena=false",
        "enable_mem_pattern=true",        "execution_mode=ORT_SEQUENTIAL", "graph_optimization_level=basic",
        "providers=CPUExecutionProvider", "session.disable_prepacking=1",  NULL};
    struct engine *engine = NULL;

    (void)state;
    assert_ok(open_golden("plain", all, &engine, err));
    rf__engine_free(engine);
}

static void test_wrong_session_options(void **state)
{
    static const struct {
        const char *setting, *message;
    } cases[] = {
        {"intra_op_threads=2", "unknown session option 'intra_op_threads' (one of: intra_op_num_threads,"},
        {"intra_op_num_threads=two", "'two' is not a number from 0 to 1024"},
        {"intra_op_num_threads=-1", "'-1' is not a number"},
        {"intra_op_num_threads=99999999999999999999", "is not a number"},
        {"execution_mode=fast", "unknown value 'fast' (one of: sequential, parallel,"},
        {"graph_optimization_level=3", "unknown value '3' (one of: all, extended, basic, disable,"},
        {"enable_cpu_mem_arena=maybe", "unknown value 'maybe' (one of: true, false"},
        {"providers=CUDAExecutionProvider", "'CUDAExecutionProvider' is not in this ONNX Runtime (available:"},
        {"providers=CPUExecutionProvider,Nonsense", "'Nonsense' is not in this ONNX Runtime"},
        {"novalue", "expected NAME=VALUE"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const list[] = {cases[i].setting, NULL};
        struct engine *engine = NULL;
        rf_error err = {0};
        rf_status status = open_golden("plain", list, &engine, &err);
        if (status != RF_INVALID_ARGUMENT || strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s: %s: %s", cases[i].setting, rf_status_name(status), err.message);
    }
}

static void test_out_of_memory(void **state)
{
    static const uint32_t ids[] = {1, 2, 3};
    const struct engine_batch batch = {.ids = ids, .n_texts = 1, .n_tokens = 3};
    bool done = false;

    (void)state;
    for (uint64_t n = 1; !done; n++) {
        struct engine *engine = NULL;
        struct engine_output out = {0};
        rf_error err = {0};
        rf__alloc_fail_at(n);
        done = open_golden("fp16", NULL, &engine, &err) == RF_OK && rf__engine_run(engine, &batch, &out, &err) == RF_OK;
        rf__alloc_fail_at(0);
        if (!done)
            assert_int_equal(err.status, RF_NO_MEMORY);
        rf__engine_output_release(&out);
        rf__engine_free(engine);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_that_open),
        cmocka_unit_test(test_bytes_and_a_link_to_external_data),
        cmocka_unit_test(test_links_to_external_data),
        cmocka_unit_test(test_external_data_outside),
        cmocka_unit_test(test_an_unknown_operator),
        cmocka_unit_test(test_models_that_do_not_open),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_truncated_file),
        cmocka_unit_test(test_an_id_outside_the_table_fails),
        cmocka_unit_test(test_session_options),
        cmocka_unit_test(test_wrong_session_options),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("engine: session", tests, NULL, NULL);
}
