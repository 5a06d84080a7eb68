/* safetensors: what is read, and each fault of a file with the words that its message must hold. Inputs lie in memory
 * of just their size, so that AddressSanitizer sees a byte too many. */
#include "golden.h"

#include "base/mem.h"
#include "weights/reader.h"

#include <string.h>

/* The bytes of a file with this header and so many bytes of data, 0, 1, 2 … */
static uint8_t *make_file(const char *header, size_t data_len, size_t *size)
{
    size_t len = strlen(header);
    uint8_t *file;

    *size = 8 + len + data_len;
    file = rf__alloc(*size);
    assert_non_null(file);
    for (size_t i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)len >> (8 * i));
    memcpy(file + 8, header, len);
    for (size_t i = 0; i < data_len; i++)
        file[8 + len + i] = (uint8_t)i;
    return file;
}

static rf_status read_bytes(const uint8_t *file, size_t size, struct tensor_list *list, struct reader_memory *memory,
                            rf_error *err)
{
    *list = (struct tensor_list){0};
    *memory = (struct reader_memory){0};
    return rf__safetensors_read(file, size, "w.safetensors", list, memory, err);
}

static void safetensors_reads_tensors(void **state)
{
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[2,26],\"more\":null},"
                                 "\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,2]},"
                                 "\"\\u00e9\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[26,26]}}   ";
    struct tensor_list list;
    struct reader_memory memory;
    size_t size;
    uint8_t *file = make_file(header, 26, &size);
    (void)state;

    assert_ok(read_bytes(file, size, &list, &memory, err));
    assert_int_equal(list.n, 3);
    assert_string_equal(list.items[0].name, "a");
    assert_int_equal(list.items[0].dtype, DTYPE_F16);
    assert_int_equal(list.items[0].rank, 0);
    assert_int_equal(list.items[0].n_elements, 1);
    assert_string_equal(list.items[1].name, "b");
    assert_int_equal(list.items[1].rank, 2);
    assert_int_equal(list.items[1].shape[0], 2);
    assert_int_equal(list.items[1].shape[1], 3);
    assert_int_equal(list.items[1].data_size, 24);
    assert_int_equal(list.items[1].data[0], 2);
    assert_string_equal(list.items[2].name, "\xC3\xA9");
    assert_int_equal(list.items[2].n_elements, 0);
    rf__reader_release(&memory);
    rf__free(list.items);
    rf__free(file);
}

#define ONE(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                                                                             \
    "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" first                                                  \
    "},\"u\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" second "}}"

static const struct {
    const char *about, *header;
    size_t data_len;
    rf_status status;
    const char *message; /* a part of it */
} faults[] = {
    {"not an object", "[1]", 0, RF_BAD_FORMAT, "does not begin with '{'"},
    {"space in front", " {}", 0, RF_BAD_FORMAT, "does not begin with '{'"},
    {"no JSON", "{\"t\":", 0, RF_BAD_FORMAT, "not JSON"},
    {"text behind", "{}x", 0, RF_BAD_FORMAT, "not JSON"},
    {"invalid UTF-8", "{\"\xFF\":1}", 0, RF_BAD_FORMAT, "not JSON"},
    {"deep", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, RF_BAD_FORMAT,
     "nested"},
    {"data without tensors", "{}", 1, RF_BAD_FORMAT, "has 1 bytes of data, expected 0"},
    {"tensor is a number", "{\"t\":5}", 0, RF_BAD_FORMAT, "'t' has no \"dtype\""},
    {"no dtype", "{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RF_BAD_FORMAT, "'t' has no \"dtype\""},
    {"no shape", "{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, RF_BAD_FORMAT, "'t' has no \"shape\""},
    {"no offsets", "{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, RF_BAD_FORMAT, "'t' has no \"data_offsets\""},
    {"dtype is a number", ONE("3", "[1]", "[0,4]"), 4, RF_BAD_FORMAT, "\"dtype\""},
    {"unknown dtype", ONE("\"F4\"", "[1]", "[0,4]"), 4, RF_UNSUPPORTED, "'t' is of type 'F4'"},
    {"shape is a number", ONE("\"F32\"", "1", "[0,4]"), 4, RF_BAD_FORMAT, "\"shape\""},
    {"negative dimension", ONE("\"F32\"", "[-1]", "[0,4]"), 4, RF_BAD_FORMAT, "whole numbers"},
    {"fraction of a dimension", ONE("\"F32\"", "[1.0]", "[0,4]"), 4, RF_BAD_FORMAT, "whole numbers"},
    {"too many dimensions", ONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, RF_UNSUPPORTED, "9 dimensions"},
    {"elements wrap", ONE("\"F32\"", "[4294967296,4294967297]", "[0,4]"), 4, RF_BAD_FORMAT, "more elements"},
    {"bytes wrap", ONE("\"F32\"", "[4611686018427387905]", "[0,4]"), 4, RF_BAD_FORMAT, "more bytes"},
    {"negative offset", ONE("\"F32\"", "[1]", "[0,-60]"), 4, RF_BAD_FORMAT, "\"data_offsets\""},
    {"three offsets", ONE("\"F32\"", "[1]", "[0,4,8]"), 8, RF_BAD_FORMAT, "\"data_offsets\""},
    {"offsets are an object", ONE("\"F32\"", "[1]", "{\"a\":0,\"b\":4}"), 4, RF_BAD_FORMAT, "\"data_offsets\""},
    {"offsets swapped", ONE("\"F32\"", "[1]", "[4,0]"), 4, RF_BAD_FORMAT, "bytes 4 to 0 of 4"},
    {"behind the end", ONE("\"F32\"", "[2]", "[0,8]"), 4, RF_BAD_FORMAT, "bytes 0 to 8 of 4"},
    {"offsets wrap", ONE("\"F32\"", "[1]", "[18446744073709551614,2]"), 4, RF_BAD_FORMAT, "lies in bytes"},
    {"length of another shape", ONE("\"F32\"", "[2]", "[0,4]"), 4, RF_BAD_FORMAT, "has 4 bytes, expected 8"},
    {"hole in front", ONE("\"F32\"", "[1]", "[4,8]"), 8, RF_BAD_FORMAT, "leave a hole"},
    {"hole between", TWO("[0,4]", "[8,12]"), 12, RF_BAD_FORMAT, "'u' begins at byte 8, expected 4"},
    {"hole at the end", TWO("[0,4]", "[4,8]"), 12, RF_BAD_FORMAT, "has 12 bytes of data, expected 8"},
    {"same place", TWO("[0,4]", "[0,4]"), 4, RF_BAD_FORMAT, "overlap"},
    {"half over", TWO("[0,4]", "[2,6]"), 6, RF_BAD_FORMAT, "overlap"},
    {"metadata is a number", "{\"__metadata__\":1}", 0, RF_BAD_FORMAT, "'__metadata__' is a number"},
    {"metadata of numbers", "{\"__metadata__\":{\"a\":1}}", 0, RF_BAD_FORMAT, "'a' of '__metadata__'"},
    {"NUL in a name", "{\"t\\u0000u\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, RF_BAD_FORMAT,
     "NUL"},
};

static void safetensors_refuses(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct tensor_list list;
        rf_error err = {0};
        struct reader_memory memory;
        size_t size;
        uint8_t *file = make_file(faults[i].header, faults[i].data_len, &size);
        rf_status status = read_bytes(file, size, &list, &memory, &err);
        if (status != faults[i].status || strstr(err.message, faults[i].message) == NULL ||
            strstr(err.message, "w.safetensors") == NULL)
            fail_msg("%s: %d '%s', expected %d '%s'", faults[i].about, status, err.message, faults[i].status,
                     faults[i].message);
        rf__reader_release(&memory);
        rf__free(list.items);
        rf__free(file);
    }
}

static void safetensors_refuses_files_of_other_kinds(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } cases[] = {
        {"", 0, "has 0 bytes"},
        {"\x02\0\0\0\0\0\0", 7, "has 7 bytes"},
        {"\0\0\0\0\0\0\0\0", 8, "does not begin"},
        {"\x02\0\0\0\0\0\0\0{", 9, "cut off"},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}", 10, "18446744073709551615"},
        {"\x01\xE1\xF5\x05\0\0\0\0{}", 10, "at most 100000000"},
        {"<!DOCTYPE html><html>", 21, "no safetensors file"},
        {"PK\x03\x04-------------", 17, "no safetensors file"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 90868376\n", 70, "git lfs pull"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tensor_list list;
        rf_error err = {0};
        struct reader_memory memory;
        uint8_t *copy = rf__alloc(cases[i].len);
        assert_non_null(copy);
        if (cases[i].len > 0)
            memcpy(copy, cases[i].bytes, cases[i].len);
        assert_int_equal(read_bytes(copy, cases[i].len, &list, &memory, &err), RF_BAD_FORMAT);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("'%s', expected '%s'", err.message, cases[i].message);
        rf__reader_release(&memory);
        rf__free(list.items);
        rf__free(copy);
    }
}

static void safetensors_survives_without_memory(void **state)
{
    size_t size;
    uint8_t *file = make_file(TWO("[0,4]", "[4,8]"), 8, &size);
    rf_status status = RF_NO_MEMORY;
    (void)state;

    for (uint64_t n = 1; status != RF_OK; n++) {
        struct tensor_list list;
        rf_error err;
        struct reader_memory memory;
        rf__alloc_fail_at(n);
        status = read_bytes(file, size, &list, &memory, &err);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        assert_true(n < 100);
        rf__reader_release(&memory);
        rf__free(list.items);
    }
    rf__free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(safetensors_reads_tensors),
        cmocka_unit_test(safetensors_refuses),
        cmocka_unit_test(safetensors_refuses_files_of_other_kinds),
        cmocka_unit_test(safetensors_survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
