/* test_graph_facts: what the files of tests/golden/onnx-variants, made by onnxruntime's own tools, are said to be. */
#include "golden.h"

#include "engine/graph_facts.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static struct buf read_file(const char *relative)
{
    struct buf file;

    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__os_read_file(golden_path(relative), &file, err));
    return file;
}

static void test_variants(void **state)
{
    /* What quantizing adds are
     * scales, and biases that are not there twice. */
    static const struct {
        const char *name, *precision;
        bool mixes_texts;
    } cases[] = {
        {"model", "fp32", false},
        {"model_O1", "fp32", false},
        {"model_O2", "fp32", false},
        {"model_O3", "fp32", false},
        {"model_O4", "fp16", false},
        {"model_fp16", "fp16", false},
        {"model_qint8_arm64", "int8", true},
        {"model_quint8_avx2", "int8", true},
        {"model_qint8_avx512", "int8", true},
        {"model_qint8_avx512_vnni", "int8", true},
        {"model_uint8", "int8", false},
        {"model_q4", "q4", false},
        {"model_q4f16", "q4 with fp16", false},
        {"model_bnb4", "q4", false},
    };
    uint64_t n_parameters = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        struct graph_facts facts;
        struct buf file;
        snprintf(path, sizeof path, "tests/golden/onnx-variants/onnx/%s.onnx", cases[i].name);
        file = read_file(path);
        assert_true(rf__graph_facts((const uint8_t *)file.data, file.len, &facts));
        if (i == 0)
            n_parameters = facts.n_parameters;
        if (strcmp(facts.precision, cases[i].precision) != 0 || facts.mixes_texts != cases[i].mixes_texts)
            fail_msg("%s: %s, mixes texts: %d", cases[i].name, facts.precision, facts.mixes_texts);
        if (facts.n_parameters < n_parameters * 9 / 10 || facts.n_parameters > n_parameters * 6 / 5)
            fail_msg("%s: %llu parameters, the first has %llu", cases[i].name, (unsigned long long)facts.n_parameters,
                     (unsigned long long)n_parameters);
        print_message("%s: %s, %llu parameters\n", cases[i].name, facts.precision,
                      (unsigned long long)facts.n_parameters);
        rf__buf_release(&file);
    }
}

/* Anything cut short is refused, or counted as far as it goes: never read beyond. */
static void test_what_is_no_model(void **state)
{
    struct graph_facts facts;
    struct buf file = read_file("tests/golden/onnx-variants/onnx/model_q4.onnx");
    struct buf ort = read_file("tests/golden/onnx-variants/onnx/model.ort");
    size_t n_read = 0;

    (void)state;
    assert_false(rf__graph_facts(NULL, 0, &facts));
    assert_false(rf__graph_facts((const uint8_t *)ort.data, ort.len, &facts));
    for (size_t len = 0; len < file.len; len += 61) {
        char *exact = malloc(len + 1); /* the sanitizer sees a read behind it */
        memcpy(exact, file.data, len);
        n_read += rf__graph_facts((const uint8_t *)exact, len, &facts);
        assert_true(facts.precision != NULL);
        free(exact);
    }
    assert_true(n_read < 5);
    rf__buf_release(&file);
    rf__buf_release(&ort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_what_is_no_model),
    };

    return cmocka_run_group_tests_name("engine: graph facts", tests, NULL, NULL);
}
