/* Property: a file of ranks, whatever it is, is refused with a message, or becomes a tokenizer that encodes. The corpus
 * has short ones; the ranks of all bytes, without which every file is refused, come before them. */
#include "base/buf.h"
#include "file_property.h"

static const char sample[] =
    "ab abc bcd\xE4\xB8\xAD<|endoftext|>  \n aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void append_bytes(struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (unsigned b = 0; b < 256; b++)
        check(rf__buf_printf(out, NULL, "%c%c== %u\n", digits[b >> 2], digits[(b & 3) << 4], b) == RF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rf_tokenizer tokenizer = {0};
    struct buf text;
    rf_error err = {0};
    rf_status status;

    rf__buf_init(&text, (size_t)1 << 26);
    append_bytes(&text);
    status = rf__buf_append(&text, data, size, &err);
    if (status == RF_OK)
        status = rf__tokenizer_read_tiktoken(&tokenizer, text.data, text.len, "cl100k_base", NULL, &err);
    check_read(status, &tokenizer, &err, sample, sizeof sample - 1);
    rf__buf_release(&text);
    return 0;
}
