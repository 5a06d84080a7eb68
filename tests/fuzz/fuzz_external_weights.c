/* Property: any bytes either read as a model, and then the copy without weights is no larger than the model and a few
 * entries for each detached tensor, and reads again; or they are refused. */
#include "fuzz.h"

#include "engine/external_weights.h"

#include <stdlib.h>

#define ENTRY_BYTES 128 /* what pointing at the file adds to a tensor, and to the lengths around it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, twice;
    size_t n_detached, n_again;

    rf__buf_init(&once, (size_t)1 << 30);
    rf__buf_init(&twice, (size_t)1 << 30);
    if (rf__external_weights(data, size, "model.onnx", &once, &n_detached, NULL) == RF_OK) {
        if (once.len > size + (n_detached + 1) * ENTRY_BYTES)
            abort();
        if (rf__external_weights((const uint8_t *)once.data, once.len, "model.onnx", &twice, &n_again, NULL) != RF_OK ||
            n_again != 0)
            abort();
    }
    rf__buf_release(&once);
    rf__buf_release(&twice);
    return 0;
}
