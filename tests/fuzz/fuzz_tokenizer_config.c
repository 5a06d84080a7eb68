/* Property: whatever lies beside a sound tokenizer.json is refused with a message, or leaves a tokenizer that encodes.
 * The bytes are the files, one behind the other with a NUL between: tokenizer_config.json, special_tokens_map.json,
 * added_tokens.json, config.json; an empty one is not there. */
#include "file_property.h"

#define N_FILES 4

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
    struct json *json[N_FILES] = {&companions.config, &companions.special_tokens_map, &companions.added_tokens,
                                  &companions.model_config};
    struct rf_tokenizer tokenizer = {0};
    size_t at = 0;
    rf_error err = {0};
    bool parses = true;

    for (int i = 0; i < N_FILES; i++) {
        rf_text file = next_file(data, size, &at, i == N_FILES - 1);
        if (file.len > 0 && parses)
            parses = rf__json_parse(json[i], file.data, file.len, "fuzz", &err) == RF_OK;
    }
    if (parses && rf__tokenizer_read_json_and_config(&tokenizer, tokenizer_json, sizeof tokenizer_json - 1, "fuzz",
                                                     &companions, false, NULL, &err) == RF_OK)
        check_tokenizer(&tokenizer, sample, sizeof sample - 1);
    else
        check(err.message[0] != '\0');
    rf__tokenizer_release(&tokenizer);
    for (int i = 0; i < N_FILES; i++)
        rf__json_release(json[i]);
    return 0;
}
