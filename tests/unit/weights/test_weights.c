/* weights: folders, single files and shards; what an index may name. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "weights/weights.h"

#include <stdio.h>
#include <string.h>

static const char *in(const char *dir, const char *name)
{
    static char paths[8][2048];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

/* A file with F32 tensors of one element, named by the letters of `names`; element i is `first` + i. */
static void write_tensors(const char *path, const char *names, float first)
{
    struct buf file;
    uint8_t len[8];

    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__buf_append(&file, "........{", 9, err));
    for (size_t i = 0; names[i] != '\0'; i++)
        assert_ok(rf__buf_printf(&file, err, "%s\"%c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                                 i > 0 ? "," : "", names[i], 4 * i, 4 * i + 4));
    assert_ok(rf__buf_append_byte(&file, '}', err));
    for (size_t i = 0; i < 8; i++)
        len[i] = (uint8_t)((uint64_t)(file.len - 8) >> (8 * i));
    memcpy(file.data, len, 8);
    for (size_t i = 0; names[i] != '\0'; i++) {
        float number = first + (float)i;
        assert_ok(rf__buf_append(&file, &number, 4, err));
    }
    write_file(path, file.data, file.len);
    rf__buf_release(&file);
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static float number_of(const struct weights *weights, const char *name)
{
    const struct tensor *tensor = rf__weights_find(weights, name);
    float number;

    assert_non_null(tensor);
    assert_ok(rf__tensor_to_f32(tensor, 0, 1, &number, err));
    return number;
}

static void weights_open_a_folder_or_a_file(void **state)
{
    const char *dir = scratch_directory("weights-single"), *paths[2];
    (void)state;

    paths[0] = dir;
    paths[1] = in(dir, "model.safetensors");
    write_tensors(paths[1], "zbya", 10);
    for (int i = 0; i < 2; i++) {
        struct weights *weights = NULL;
        assert_ok(rf__weights_open(paths[i], &weights, err));
        assert_string_equal(rf__weights_path(weights), paths[1]);
        assert_int_equal(rf__weights_count(weights), 4);
        assert_string_equal(rf__weights_at(weights, 0)->name, "a");
        assert_string_equal(rf__weights_at(weights, 3)->name, "z");
        assert_true(number_of(weights, "a") == 13 && number_of(weights, "z") == 10);
        assert_null(rf__weights_find(weights, "c"));
        assert_null(rf__weights_find(weights, ""));
        rf__weights_free(weights);
    }
    rf__weights_free(NULL);
}

static void weights_open_shards(void **state)
{
    const char *dir = scratch_directory("weights-shards");
    struct weights *weights = NULL;
    (void)state;

    write_tensors(in(dir, "one.safetensors"), "ca", 1);
    write_tensors(in(dir, "two.safetensors"), "bd", 5);
    write_text(in(dir, "model.safetensors.index.json"),
               "{\"metadata\":{\"total_size\":16},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\","
               "\"c\":\"one.safetensors\",\"d\":\"two.safetensors\"}}");
    assert_ok(rf__weights_open(dir, &weights, err));
    assert_int_equal(rf__weights_count(weights), 4);
    assert_true(number_of(weights, "a") == 2 && number_of(weights, "b") == 5);
    assert_true(number_of(weights, "c") == 1 && number_of(weights, "d") == 6);
    rf__weights_free(weights);
}

static const struct {
    const char *index;
    rf_status status;
    const char *message;
} bad_indexes[] = {
    {"", RF_BAD_FORMAT, "is empty"},
    {"[]", RF_BAD_FORMAT, "no 'weight_map'"},
    {"{}", RF_BAD_FORMAT, "no 'weight_map'"},
    {"{\"weight_map\":{}}", RF_BAD_FORMAT, "no 'weight_map'"},
    {"{\"weight_map\":[\"one.safetensors\"]}", RF_BAD_FORMAT, "'weight_map' is an array"},
    {"{\"weight_map\":{\"a\":1}}", RF_BAD_FORMAT, "gives 'a number' for tensor 'a'"},
    {"{\"weight_map\":{\"a\":\"\"}}", RF_BAD_FORMAT, "gives '' for"},
    {"{\"weight_map\":{\"a\":\"..\"}}", RF_BAD_FORMAT, "gives '..' for"},
    {"{\"weight_map\":{\"a\":\"../one.safetensors\"}}", RF_BAD_FORMAT, "expected a file name"},
    {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", RF_BAD_FORMAT, "expected a file name"},
    {"{\"weight_map\":{\"a\":\"x\\\\one.safetensors\"}}", RF_BAD_FORMAT, "expected a file name"},
    {"{\"weight_map\":{\"a\":\"c:one.safetensors\"}}", RF_BAD_FORMAT, "expected a file name"},
    {"{\"weight_map\":{\"a\":\"one.safetensors\\u0000x\"}}", RF_BAD_FORMAT, "expected a file name"},
    {"{\"weight_map\":{\"a\":\"gone.safetensors\"}}", RF_NOT_FOUND, "model.safetensors.index.json"},
    {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"twice.safetensors\"}}", RF_BAD_FORMAT, "'a' is there twice"},
    {"{\"weight_map\":{\"x\":\"one.safetensors\"}}", RF_BAD_FORMAT, "'x' is not in 'one.safetensors'"},
    {"{\"weight_map\":{\"a\":\"two.safetensors\",\"c\":\"one.safetensors\"}}", RF_BAD_FORMAT,
     "'a' is not in 'two.safetensors'"},
};

static void weights_refuse_an_index(void **state)
{
    const char *dir = scratch_directory("weights-index");
    (void)state;

    write_tensors(in(dir, "one.safetensors"), "ca", 1);
    write_tensors(in(dir, "two.safetensors"), "d", 5);
    write_tensors(in(dir, "twice.safetensors"), "ba", 5);
    for (size_t i = 0; i < sizeof bad_indexes / sizeof bad_indexes[0]; i++) {
        struct weights *weights = NULL;
        rf_error err = {0};
        rf_status status;
        write_text(in(dir, "model.safetensors.index.json"), bad_indexes[i].index);
        status = rf__weights_open(dir, &weights, &err);
        if (status != bad_indexes[i].status || strstr(err.message, bad_indexes[i].message) == NULL)
            fail_msg("%s: %d '%s', expected %d '%s'", bad_indexes[i].index, status, err.message, bad_indexes[i].status,
                     bad_indexes[i].message);
        assert_null(weights);
    }
}

static void weights_refuse_what_is_not_there(void **state)
{
    const char *dir = scratch_directory("weights-none");
    struct weights *weights = NULL;
    rf_error err;
    (void)state;

    assert_int_equal(rf__weights_open(dir, &weights, &err), RF_NOT_FOUND);
    assert_non_null(strstr(err.message, "model.safetensors"));
    assert_int_equal(rf__weights_open(in(dir, "x.safetensors"), &weights, &err), RF_NOT_FOUND);
    write_text(in(dir, "pytorch_model.bin"), "PK");
    assert_int_equal(rf__weights_open(dir, &weights, &err), RF_BAD_FORMAT);
    assert_non_null(strstr(err.message, "pytorch_model.bin: is no file of torch.save()"));
    write_tensors(in(dir, "model.safetensors"), "", 0);
    assert_int_equal(rf__weights_open(dir, &weights, &err), RF_BAD_FORMAT);
    assert_non_null(strstr(err.message, "no tensors"));
    write_tensors(in(dir, "model.safetensors"), "aba", 0);
    assert_int_equal(rf__weights_open(dir, &weights, &err), RF_BAD_FORMAT);
    assert_non_null(strstr(err.message, "'a' is there twice"));
    write_text(in(dir, "model.safetensors"), "");
    assert_int_equal(rf__weights_open(dir, &weights, &err), RF_BAD_FORMAT);
    assert_null(weights);
}

static void weights_hold_thousands_of_tensors(void **state)
{
    const char *path = in(scratch_directory("weights-many"), "model.safetensors");
    struct weights *weights = NULL;
    struct buf file;
    uint64_t len;
    char name[32];
    (void)state;

    rf__buf_init(&file, 1 << 22);
    assert_ok(rf__buf_append_str(&file, "........{", err));
    for (int i = 0; i < 5000; i++)
        assert_ok(rf__buf_printf(&file, err, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                                 i > 0 ? "," : "", i, i, i + 1));
    assert_ok(rf__buf_append_byte(&file, '}', err));
    len = file.len - 8;
    for (size_t i = 0; i < 8; i++)
        file.data[i] = (char)(len >> (8 * i));
    for (int i = 0; i < 5000; i++)
        assert_ok(rf__buf_append_byte(&file, (char)(i * 7), err));
    write_file(path, file.data, file.len);
    rf__buf_release(&file);
    assert_ok(rf__weights_open(path, &weights, err));
    assert_int_equal(rf__weights_count(weights), 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "t%d", i);
        assert_non_null(rf__weights_find(weights, name));
        assert_int_equal(*rf__weights_find(weights, name)->data, (uint8_t)(i * 7));
    }
    rf__weights_free(weights);
}

static void weights_survive_without_memory(void **state)
{
    const char *dir = scratch_directory("weights-memory");
    rf_status status = RF_NO_MEMORY;
    uint64_t n = 0;
    (void)state;

    write_tensors(in(dir, "one.safetensors"), "ca", 1);
    write_tensors(in(dir, "two.safetensors"), "b", 5);
    write_text(in(dir, "model.safetensors.index.json"),
               "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
    while (status != RF_OK) {
        struct weights *weights = NULL;
        rf_error err;
        rf__alloc_fail_at(++n);
        status = rf__weights_open(dir, &weights, &err);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || weights == NULL);
        assert_true(n < 200);
        rf__weights_free(weights);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_open_a_folder_or_a_file),   cmocka_unit_test(weights_open_shards),
        cmocka_unit_test(weights_refuse_an_index),           cmocka_unit_test(weights_refuse_what_is_not_there),
        cmocka_unit_test(weights_hold_thousands_of_tensors), cmocka_unit_test(weights_survive_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
