/* pytorch: files of torch.save() hold what the same tensors hold as safetensors; hostile ones are refused by name. */
#include "golden.h"

#include "base/mem.h"
#include "os/os.h"
#include "weights/reader.h"
#include "weights/weights.h"

#include <stdio.h>
#include <string.h>

static struct weights *open_golden(const char *name)
{
    struct weights *weights = NULL;

    assert_ok(rf__weights_open(golden_path(name), &weights, err));
    return weights;
}

static void assert_same(const struct weights *found, const struct weights *expected)
{
    assert_int_equal(rf__weights_count(found), rf__weights_count(expected));
    for (size_t i = 0; i < rf__weights_count(found); i++) {
        const struct tensor *a = rf__weights_at(found, i), *b = rf__weights_at(expected, i);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(a->rank, b->rank);
        for (uint32_t d = 0; d < a->rank; d++)
            assert_int_equal(a->shape[d], b->shape[d]);
        assert_int_equal(a->n_elements, b->n_elements);
        assert_int_equal(a->data_size, b->data_size);
        if (a->data_size > 0)
            assert_memory_equal(a->data, b->data, a->data_size);
    }
}

static void the_tensors_are_those_of_safetensors(void **state)
{
    static const char *const files[][2] = {
        {"tests/golden/pytorch/zip.bin", "tests/golden/pytorch/tensors.safetensors"},
        {"tests/golden/pytorch/legacy.bin", "tests/golden/pytorch/tensors.safetensors"},
        {"tests/golden/pytorch/protocol4.bin", "tests/golden/pytorch/tensors.safetensors"},
        {"tests/golden/pytorch/checkpoint.bin", "tests/golden/pytorch/tensors.safetensors"},
        {"tests/golden/pytorch/parameters.bin", "tests/golden/pytorch/tensors.safetensors"},
        {"tests/golden/pytorch/module.bin", "tests/golden/pytorch/module.safetensors"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct weights *found = open_golden(files[i][0]), *expected = open_golden(files[i][1]);
        assert_same(found, expected);
        rf__weights_free(found);
        rf__weights_free(expected);
    }
}

static void read_file(const char *path, struct buf *out)
{
    rf__buf_init(out, 1 << 24);
    assert_ok(rf__os_read_file(path, out, err));
}

static void a_folder_and_its_shards_open(void **state)
{
    static const char index[] = "{\"weight_map\":{\"weight\":\"pytorch_model-00001-of-00002.bin\",\"bias\":\"pytorch_"
                                "model-00001-of-00002.bin\","
                                "\"half\":\"pytorch_model-00002-of-00002.bin\"}}";
    const char *dir = scratch_directory("weights-pytorch");
    struct weights *weights = NULL;
    struct buf module, zip;
    char path[2048];
    (void)state;

    read_file(golden_path("tests/golden/pytorch/module.bin"), &module);
    read_file(golden_path("tests/golden/pytorch/zip.bin"), &zip);
    snprintf(path, sizeof path, "%s/pytorch_model-00001-of-00002.bin", dir);
    write_file(path, module.data, module.len);
    snprintf(path, sizeof path, "%s/pytorch_model-00002-of-00002.bin", dir);
    write_file(path, zip.data, zip.len);
    snprintf(path, sizeof path, "%s/pytorch_model.bin.index.json", dir);
    write_file(path, index, sizeof index - 1);
    assert_ok(rf__weights_open(dir, &weights, err));
    assert_int_equal(rf__weights_count(weights), 17);
    rf__weights_free(weights);
    snprintf(path, sizeof path, "%s/pytorch_model.bin", dir);
    write_file(path, module.data, module.len);
    assert_ok(rf__weights_open(dir, &weights, err));
    assert_string_equal(rf__weights_path(weights), path);
    assert_int_equal(rf__weights_count(weights), 2);
    rf__weights_free(weights);
    rf__buf_release(&module);
    rf__buf_release(&zip);
}

static const struct {
    const char *file;
    rf_status status;
    const char *message;
} hostile[] = {
    {"os-system", RF_UNSUPPORTED, "the Python name 'posix.system'"},
    {"os-system-protocol-4", RF_UNSUPPORTED, "the Python name 'posix.system'"},
    {"legacy-os-system", RF_UNSUPPORTED, "the Python name 'posix.system'"},
    {"eval-nested", RF_UNSUPPORTED, "the Python name '__builtin__.eval'"},
    {"getattr", RF_UNSUPPORTED, "the Python name 'builtins.getattr'"},
    {"load-from-hub", RF_UNSUPPORTED, "the Python name 'torch.hub.load'"},
    {"subclass", RF_UNSUPPORTED, "'torch._utils._rebuild_tensor_v2 '"},
    {"set-state", RF_UNSUPPORTED, "gives an object a state"},
    {"new-object", RF_UNSUPPORTED, "the operation 0x81"},
    {"extension", RF_UNSUPPORTED, "the operation 0x82"},
    {"instance", RF_UNSUPPORTED, "the operation 0x69"},
    {"call-a-text", RF_BAD_FORMAT, "calls something that is no function"},
    {"call-a-storage", RF_UNSUPPORTED, "makes a storage by a call"},
    {"nested-reduce", RF_BAD_FORMAT, "calls something that is no function"},
    {"nested-tuples", RF_BAD_FORMAT, "holds no state dict"},
    {"itself", RF_BAD_FORMAT, "holds no tensors"},
    {"memo-huge", RF_BAD_FORMAT, "beyond all bounds"},
    {"memo-missing", RF_BAD_FORMAT, "that was not put"},
    {"mark-missing", RF_BAD_FORMAT, "a mark where there is none"},
    {"stack-empty", RF_BAD_FORMAT, "a value where there is none"},
    {"below-the-mark", RF_BAD_FORMAT, "a value where there is none"},
    {"text-too-long", RF_BAD_FORMAT, "is cut off"},
    {"long-too-long", RF_BAD_FORMAT, "more than 64 bits"},
    {"frame-cut", RF_BAD_FORMAT, "is cut off"},
    {"dictionary-of-copies", RF_BAD_FORMAT, "copies more values than it has bytes"},
    {"tensor-outside", RF_BAD_FORMAT, "tensor 'weight' does not lie in its storage"},
    {"tensor-offset-wraps", RF_BAD_FORMAT, "tensor 'weight' does not lie in its storage"},
    {"tensor-strides-wrap", RF_BAD_FORMAT, "tensor 'weight' does not lie in its storage"},
    {"tensor-shape-wraps", RF_BAD_FORMAT, "more elements than there can be"},
    {"tensor-expanded", RF_BAD_FORMAT, "does not lie in its storage"},
    {"tensor-negative", RF_BAD_FORMAT, "without storage, offset, size and stride"},
    {"tensor-many-dimensions", RF_UNSUPPORTED, "has 9 dimensions"},
    {"tensor-dimensions-shared", RF_BAD_FORMAT, "without storage, offset, size and stride"},
    {"tensors-of-one-transposed", RF_BAD_FORMAT, "larger than the file"},
    {"tensors-of-one-name", RF_BAD_FORMAT, "larger than the file"},
    {"tensor-without-stride", RF_BAD_FORMAT, "without storage, offset, size and stride"},
    {"storage-missing", RF_BAD_FORMAT, "tensor 'weight' has no bytes in the file"},
    {"storage-elsewhere", RF_BAD_FORMAT, "tensor 'weight' has no bytes in the file"},
    {"storage-key-long", RF_BAD_FORMAT, "a persistent id that is no storage"},
    {"storage-small", RF_BAD_FORMAT, "fewer bytes than it says"},
    {"storage-unknown", RF_UNSUPPORTED, "'torch.QInt8Storage'"},
    {"name-with-nul", RF_BAD_FORMAT, "a name that is no text"},
    {"no-dict", RF_BAD_FORMAT, "holds no state dict"},
    {"no-tensors", RF_BAD_FORMAT, "holds no tensors"},
    {"pickle-cut", RF_BAD_FORMAT, "is cut off"},
    {"compressed", RF_UNSUPPORTED, "'archive/data.pkl' in it is compressed"},
    {"two-pickles", RF_BAD_FORMAT, "two entries called data.pkl"},
    {"no-pickle", RF_BAD_FORMAT, "without data.pkl"},
    {"cut-in-the-middle", RF_BAD_FORMAT, "it has no end"},
    {"cut-at-the-end", RF_BAD_FORMAT, "it has no end"},
    {"directory-outside", RF_BAD_FORMAT, "its directory lies outside"},
    {"directory-too-small", RF_BAD_FORMAT, "fewer bytes than its entries need"},
    {"entry-outside", RF_BAD_FORMAT, "not where its directory says"},
    {"entry-too-long", RF_BAD_FORMAT, "an entry lies outside"},
    {"entry-zip64-cut", RF_BAD_FORMAT, "a zip64 field is cut off"},
    {"entry-encrypted", RF_UNSUPPORTED, "is encrypted"},
    {"entries-overlap", RF_BAD_FORMAT, "entries overlap"},
    {"big-endian", RF_UNSUPPORTED, "big-endian"},
    {"legacy-cut", RF_BAD_FORMAT, "cut off in the bytes of a storage"},
    {"legacy-elements", RF_BAD_FORMAT, "cut off in the bytes of a storage"},
    {"legacy-key-unknown", RF_BAD_FORMAT, "a storage that no tensor names"},
    {"legacy-key-twice", RF_BAD_FORMAT, "a storage twice"},
    {"legacy-two-types", RF_BAD_FORMAT, "a storage has two types"},
    {"legacy-no-keys", RF_BAD_FORMAT, "no list of storages"},
    {"legacy-ends", RF_BAD_FORMAT, "is cut off"},
};

static void hostile_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct weights *weights = NULL;
        rf_error err = {0};
        char path[128];
        rf_status status;
        snprintf(path, sizeof path, "tests/fuzz/corpus/pytorch/%s", hostile[i].file);
        status = rf__weights_open(golden_path(path), &weights, &err);
        if (status != hostile[i].status || strstr(err.message, hostile[i].message) == NULL ||
            strstr(err.message, hostile[i].file) == NULL)
            fail_msg("%s: %d '%s', expected %d '%s'", hostile[i].file, status, err.message, hostile[i].status,
                     hostile[i].message);
    }
}

static void pytorch_survives_without_memory(void **state)
{
    static const char *const files[] = {"tests/golden/pytorch/zip.bin", "tests/golden/pytorch/legacy.bin"};
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        rf_status status = RF_NO_MEMORY;
        struct buf file;
        read_file(golden_path(files[i]), &file);
        for (uint64_t n = 1; status != RF_OK; n++) {
            struct tensor_list list = {0};
            struct reader_memory memory = {0};
            rf_error err = {0};
            rf__alloc_fail_at(n);
            status = rf__pytorch_read((const uint8_t *)file.data, file.len, "x.bin", &list, &memory, &err);
            rf__alloc_fail_at(0);
            if (status != RF_OK && status != RF_NO_MEMORY)
                fail_msg("%s, allocation %llu: %s", files[i], (unsigned long long)n, err.message);
            assert_true(n < 10000);
            rf__reader_release(&memory);
            rf__free(list.items);
        }
        rf__buf_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tensors_are_those_of_safetensors),
        cmocka_unit_test(a_folder_and_its_shards_open),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(pytorch_survives_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
