/* Property: a vocab.txt and its companions, whatever they are, are refused with a message, or become a tokenizer that
 * encodes. The bytes are vocab.txt and the companions of file_property.h, one behind the other with a NUL between. */
#include "file_property.h"

static const char sample[] = "Hello unaffable [MASK] \xc3\x89\xe4\xb8\xad <a>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct rf_tokenizer tokenizer = {0};
    rf_error err = {0};
    size_t at = 0;
    rf_text vocab = next_file(data, size, &at, false);
    rf_status status = read_companions(data, size, at, &companions, &err);

    if (status == RF_OK)
        status = rf__tokenizer_read_vocab(&tokenizer, vocab.data, vocab.len, "fuzz", &companions, false, NULL, &err);
    check_read(status, &tokenizer, &err, sample, sizeof sample - 1);
    rf__companions_release(&companions);
    return 0;
}
