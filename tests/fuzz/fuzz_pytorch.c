/*
 * Property: any bytes are either read or refused with a message that names the file. What is read lies in the file or
 * in memory of the reader, shape, type and size agree, and every element that is a floating-point number can be
 * converted.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "weights/reader.h"

#include <string.h>

static void check_tensor(const struct tensor *tensor, size_t size)
{
    uint64_t n = 1, sum = 0;
    float number;

    check(tensor->rank <= WEIGHTS_MAX_RANK);
    for (uint32_t i = 0; i < tensor->rank; i++)
        n *= tensor->shape[i];
    check(n == tensor->n_elements);
    check(tensor->data_size == n * rf__dtype_size(tensor->dtype));
    check(tensor->data_size <= size);
    check(tensor->name[0] != '\0');
    for (size_t i = 0; i < tensor->data_size; i++)
        sum += tensor->data[i];
    check(sum <= (uint64_t)255 * tensor->data_size);
    for (uint64_t i = 0; i < n && rf__dtype_is_float(tensor->dtype); i++)
        check(rf__tensor_to_f32(tensor, i, 1, &number, NULL) == RF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tensor_list list = {0};
    struct reader_memory memory = {0};
    rf_error err = {0};
    rf_status status = rf__pytorch_read(data, size, "fuzzed", &list, &memory, &err);

    if (status == RF_OK)
        for (size_t i = 0; i < list.n && i < 64; i++)
            check_tensor(&list.items[i], size);
    else
        check((status == RF_BAD_FORMAT || status == RF_UNSUPPORTED) && strstr(err.message, "fuzzed") != NULL);
    rf__reader_release(&memory);
    rf__free(list.items);
    return 0;
}
