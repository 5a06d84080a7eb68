/*
 * Property: any bytes are either read as an array or refused with a message that names the file. What is read has as
 * many numbers as the bytes behind the header hold, of two or four bytes each.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "npy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    rf_error err = {0};
    float sum = 0;

    if (rf__npy_parse(data, size, "fuzzed", &npy, &err) == RF_OK) {
        check(npy.rows * npy.cols <= size / 2);
        for (size_t i = 0; i < npy.rows * npy.cols; i++)
            sum += npy.values[i];
        check(sum <= 0 || sum > 0 || sum != sum);
    } else {
        check(npy.values == NULL && strstr(err.message, "fuzzed") != NULL);
    }
    rf__npy_release(&npy);
    return 0;
}
