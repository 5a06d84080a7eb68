/* Property: whatever the bytes are, they are refused with a message, or become a tokenizer whose ids are below its
 * vocabulary's size, whose offsets lie in the text, and which decodes what it encoded. */
#include "fuzz.h"

#include "base/mem.h"
#include "tokenizer/files/files.h"

#include <string.h>

static void check_encoding(const struct rf_tokenizer *tokenizer, const struct encoding *e, size_t len)
{
    rf_error err;
    char *text;
    size_t text_len;
    rf_status status;

    for (size_t i = 0; i < e->n; i++) {
        check(e->ids[i] < rf__tokenizer_vocab_size(tokenizer));
        check(e->begin[i] <= e->end[i] && e->end[i] <= len);
    }
    status = rf__decode(tokenizer, e->ids, e->n, true, &text, &text_len, &err);
    check(status == RF_OK || status == RF_INVALID_ARGUMENT); /* a template may name an id without a piece */
    if (status == RF_OK) {
        check(strlen(text) <= text_len && text[text_len] == '\0');
        rf__free(text);
    }
}

static void use(const struct rf_tokenizer *tokenizer)
{
    static const rf_text texts[] = {
        {NULL, 0},
        {"Hello, unaffable WORLD [MASK] foo New York", 42},
        {"\xc3\x89\xe4\xb8\xad\xff\xcc\x81 a\xe3\x80\xae\0b", 15},
    };
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};

    for (size_t i = 0; i < 3; i++)
        for (uint32_t limit = 0; limit < 12; limit += 5) {
            struct encode_request request = {.text = texts[i], .max_tokens = limit, .pair = i == 1 ? &texts[2] : NULL};
            rf_error err = {0};
            if (rf__encode(tokenizer, &request, scratch, &encoding, &err) == RF_OK)
                check_encoding(tokenizer, &encoding, 42);
            else
                check(err.message[0] != '\0');
        }
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rf_tokenizer tokenizer = {0};
    rf_error err = {0};
    rf_status status = rf__tokenizer_read_json(&tokenizer, (const char *)data, size, "fuzz", size % 2 != 0, NULL, &err);

    if (status == RF_OK)
        use(&tokenizer);
    else
        check(err.message[0] != '\0' && err.status == status);
    rf__tokenizer_release(&tokenizer);
    return 0;
}
