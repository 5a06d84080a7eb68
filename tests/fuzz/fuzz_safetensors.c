/*
 * Property: any bytes are either read or refused with a message that names the file. What is read lies in the data of
 * the file, each byte of it in one tensor, and shape, type and size agree; every element that is a floating-point
 * number can be converted.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "weights/reader.h"

#include <string.h>

static void check_tensor(const struct tensor *tensor, const uint8_t *data, size_t size)
{
    uint64_t n = 1;
    float number;

    check(tensor->rank <= WEIGHTS_MAX_RANK);
    for (uint32_t i = 0; i < tensor->rank; i++)
        n *= tensor->shape[i];
    check(n == tensor->n_elements);
    check(tensor->data_size == tensor->n_elements * rf__dtype_size(tensor->dtype));
    check(tensor->data >= data + 8 && tensor->data <= data + size);
    check(tensor->data_size <= (size_t)(data + size - tensor->data));
    check(memchr(tensor->name, '\0', size) != NULL);
    for (uint64_t i = 0; i < n && rf__dtype_is_float(tensor->dtype); i++)
        check(rf__tensor_to_f32(tensor, i, 1, &number, NULL) == RF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensor_list list = {0};
    struct reader_memory memory = {0};
    rf_error err = {0};
    size_t sum = 0;
    rf_status status = rf__safetensors_read(data, size, "fuzzed", &list, &memory, &err);

    if (status == RF_OK) {
        for (size_t i = 0; i < list.n; i++) {
            check_tensor(&list.items[i], data, size);
            sum += list.items[i].data_size;
        }
        check(list.n == 0 || list.items[0].data + sum == data + size);
    } else {
        check((status == RF_BAD_FORMAT || status == RF_UNSUPPORTED) && strstr(err.message, "fuzzed") != NULL);
    }
    rf__reader_release(&memory);
    rf__free(list.items);
    return 0;
}
