/* Property: a vocab.json, its merges.txt and its companions, whatever they are, are refused with a message, or become a
 * tokenizer that encodes. The bytes are vocab.json, merges.txt and the companions of file_property.h, one behind the
 * other with a NUL between. */
#include "file_property.h"

static const char sample[] = "ab ab abc <mask></s> \xc3\x89\xe4\xb8\xad <a>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct vocab_json_files files = {.merges_name = "merges"};
    struct rf_tokenizer tokenizer = {0};
    rf_error err = {0};
    size_t at = 0;
    rf_text vocab = next_file(data, size, &at, false);
    rf_status status = rf__json_parse(&files.vocab, vocab.data, vocab.len, "fuzz", &err);

    files.merges = next_file(data, size, &at, false);
    if (status == RF_OK)
        status = read_companions(data, size, at, &companions, &err);
    if (status == RF_OK)
        status = rf__tokenizer_read_vocab_json(&tokenizer, &files, &companions, false, NULL, &err);
    check_read(status, &tokenizer, &err, sample, sizeof sample - 1);
    rf__companions_release(&companions);
    rf__json_release(&files.vocab);
    return 0;
}
