/* Property: a vocab.json, its merges.txt and its companions, whatever they are, are refused with a message, or become a
 * tokenizer that encodes. The bytes are the files, one behind the other with a NUL between: vocab.json, merges.txt,
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json; an empty one of the last three is not there. */
#include "file_property.h"

enum { VOCAB, MERGES, CONFIG, MAP, ADDED, N_FILES };

static const char sample[] = "ab ab abc <mask></s> \xc3\x89\xe4\xb8\xad <a>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct vocab_json_files files = {.merges_name = "merges"};
    struct json *json[N_FILES] = {&files.vocab, NULL, &companions.config, &companions.special_tokens_map,
                                  &companions.added_tokens};
    struct rf_tokenizer tokenizer = {0};
    size_t at = 0;
    rf_error err = {0};
    bool parses = true;

    for (int i = 0; i < N_FILES; i++) {
        rf_text file = next_file(data, size, &at, i == N_FILES - 1);
        if (i == MERGES)
            files.merges = file;
        else if ((i == VOCAB || file.len > 0) && parses)
            parses = rf__json_parse(json[i], file.data, file.len, "fuzz", &err) == RF_OK;
    }
    if (parses && rf__tokenizer_read_vocab_json(&tokenizer, &files, &companions, false, NULL, &err) == RF_OK)
        check_tokenizer(&tokenizer, sample, sizeof sample - 1);
    else
        check(err.message[0] != '\0');
    rf__tokenizer_release(&tokenizer);
    for (int i = 0; i < N_FILES; i++)
        if (json[i] != NULL)
            rf__json_release(json[i]);
    return 0;
}
