/* Property: a vocab.txt and its companions, whatever they are, are refused with a message, or become a tokenizer that
 * encodes. The bytes are the four files, one behind the other with a NUL between: vocab.txt, tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json; an empty one of the last three is not there. */
#include "file_property.h"

#define N_FILES 4

static const char sample[] = "Hello unaffable [MASK] \xc3\x89\xe4\xb8\xad <a>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct json *json[] = {NULL, &companions.config, &companions.special_tokens_map, &companions.added_tokens};
    struct rf_tokenizer tokenizer = {0};
    rf_text vocab = {NULL, 0};
    size_t at = 0;
    rf_error err = {0};
    bool parses = true;

    for (int i = 0; i < N_FILES; i++) {
        rf_text file = next_file(data, size, &at, i == N_FILES - 1);
        if (i == 0)
            vocab = file;
        else if (file.len > 0 && parses)
            parses = rf__json_parse(json[i], file.data, file.len, "fuzz", &err) == RF_OK;
    }
    if (parses &&
        rf__tokenizer_read_vocab(&tokenizer, vocab.data, vocab.len, "fuzz", &companions, false, NULL, &err) == RF_OK)
        check_tokenizer(&tokenizer, sample, sizeof sample - 1);
    else
        check(err.message[0] != '\0');
    rf__tokenizer_release(&tokenizer);
    for (int i = 1; i < N_FILES; i++)
        rf__json_release(json[i]);
    return 0;
}
