/* Property: whatever lies beside a sound tokenizer.json is refused with a message, or leaves a tokenizer that encodes.
 * The bytes are the companions of file_property.h, one behind the other with a NUL between. */
#include "file_property.h"

static const char tokenizer_json[] =
    "{\"added_tokens\":[{\"id\":2,\"content\":\"[CLS]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
    "\"normalized\":false,\"special\":true}],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
    "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},\"pre_tokenizer\":{\"type\":"
    "\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##"
    "\","
    "\"max_input_chars_per_word\":100,\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"un\":4,\"##aff\":5,"
    "\"hello\":6,\"a\":7,\"<s>\":8,\"</s>\":9}}}";
static const char sample[] = "Hello unaff [CLS] <s> a <a> \xc3\x89\xe4\xb8\xad";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct rf_tokenizer tokenizer = {0};
    rf_error err = {0};
    rf_status status = read_companions(data, size, 0, &companions, &err);

    if (status == RF_OK)
        status = rf__tokenizer_read_json_and_config(&tokenizer, tokenizer_json, sizeof tokenizer_json - 1, "fuzz",
                                                    &companions, false, NULL, &err);
    check_read(status, &tokenizer, &err, sample, sizeof sample - 1);
    rf__companions_release(&companions);
    return 0;
}
