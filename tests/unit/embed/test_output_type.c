/* test_output_type: the bytes of every type against those of sentence-transformers' quantize_embeddings and numpy. */
#include "golden.h"

#include "embed/embed.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

static void compare(const char *file, const uint8_t *bytes, size_t len)
{
    char path[256];
    struct buf expected;

    snprintf(path, sizeof path, "tests/golden/quantize/%s.bin", file);
    rf__buf_init(&expected, 1 << 20);
    assert_ok(rf__os_read_file(golden_path(path), &expected, err));
    assert_int_equal(expected.len, len);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != (uint8_t)expected.data[i])
            fail_msg("%s: byte %zu is %u, expected %u", file, i, bytes[i], (uint8_t)expected.data[i]);
    rf__buf_release(&expected);
}

static void read_npy(const char *name, size_t dim, struct golden_array *out)
{
    char path[256];

    snprintf(path, sizeof path, "tests/golden/quantize/%s-%zu.npy", name, dim);
    golden_npy_read(path, out);
}

static void test_every_type(void **state)
{
    static const struct {
        const char *name;
        rf_output_type type;
        size_t row_size[2]; /* of 16 and of 21 dimensions */
    } types[] = {
        {"int8", RF_OUTPUT_INT8, {16, 21}},     {"uint8", RF_OUTPUT_UINT8, {16, 21}},
        {"fp16", RF_OUTPUT_FP16, {32, 42}},     {"binary", RF_OUTPUT_BINARY, {2, 3}},
        {"ubinary", RF_OUTPUT_UBINARY, {2, 3}},
    };
    static uint8_t out[60 * 42];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof types / sizeof types[0]; i++) {
        size_t k = i / 2, dim = i % 2 ? 21 : 16;
        struct golden_array vectors, ranges;
        char file[64];
        read_npy("vectors", dim, &vectors);
        read_npy("ranges", dim, &ranges);
        assert_int_equal(vectors.cols, dim);
        assert_int_equal(rf__output_row_size(types[k].type, dim), types[k].row_size[i % 2]);
        rf__quantize(vectors.values, vectors.rows, dim, types[k].type, ranges.values, out);
        snprintf(file, sizeof file, "%s-%zu", types[k].name, dim);
        compare(file, out, vectors.rows * types[k].row_size[i % 2]);
        golden_array_release(&vectors);
        golden_array_release(&ranges);
    }
}

static void test_fp32_is_little_endian(void **state)
{
    const float one = 1;
    uint8_t out[4];

    (void)state;
    rf__quantize(&one, 1, 1, RF_OUTPUT_FP32, NULL, out);
    assert_memory_equal(out, "\x00\x00\x80\x3f", 4);
}

static void test_edges_of_fp16(void **state)
{
    struct golden_array values;
    uint8_t out[64];

    (void)state;
    golden_npy_read("tests/golden/quantize/halves.npy", &values);
    rf__quantize(values.values, 1, values.rows, RF_OUTPUT_FP16, NULL, out);
    compare("halves", out, 2 * values.rows);
    golden_array_release(&values);
}

static void test_calibration_in_pieces(void **state)
{
    struct golden_array vectors, ranges;
    float own[2 * 16];

    (void)state;
    read_npy("calibration", 16, &vectors);
    read_npy("ranges", 16, &ranges);
    rf__calibrate(vectors.values, 7, 16, true, own);
    rf__calibrate(vectors.values + 7 * 16, 0, 16, false, own);
    rf__calibrate(vectors.values + 7 * 16, vectors.rows - 7, 16, false, own);
    assert_memory_equal(own, ranges.values, sizeof own);
    golden_array_release(&vectors);
    golden_array_release(&ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_fp32_is_little_endian),
        cmocka_unit_test(test_edges_of_fp16),
        cmocka_unit_test(test_calibration_in_pieces),
    };

    return cmocka_run_group_tests_name("embed: output types", tests, NULL, NULL);
}
