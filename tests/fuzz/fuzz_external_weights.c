/* Property: any bytes either read as a model, and then the copy without weights is no larger than the model and a few
 * entries for each detached tensor, reads again, and has its tensors in the same files and in its own; or they are
 * refused. */
#include "fuzz.h"

#include "base/external_weights.h"

#include <stdlib.h>

#define ENTRY_BYTES 128 /* what pointing at the file adds to a tensor, and to the lengths around it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char own[] = "model.onnx";
    const struct external_places places = {.own = own};
    struct external_data before, after;
    struct buf once, twice;
    size_t n_detached, n_again;

    rf__buf_init(&once, (size_t)1 << 30);
    rf__buf_init(&twice, (size_t)1 << 30);
    if (rf__external_weights(data, size, &places, &once, &n_detached, NULL) == RF_OK) {
        if (once.len > size + (n_detached + 1) * ENTRY_BYTES)
            abort();
        if (rf__external_weights((const uint8_t *)once.data, once.len, &places, &twice, &n_again, NULL) != RF_OK ||
            n_again != 0)
            abort();
        if (rf__external_data_read(data, size, &before, NULL) == RF_OK && before.n < EXTERNAL_MOST_FILES) {
            if (rf__external_data_read((const uint8_t *)once.data, once.len, &after, NULL) != RF_OK ||
                after.n < before.n || after.n > before.n + 1)
                abort();
            rf__external_data_release(&after);
        }
        rf__external_data_release(&before);
    }
    rf__buf_release(&once);
    rf__buf_release(&twice);
    return 0;
}
