/* Property: a vocab.txt and its companions, whatever they are, are refused with a message, or become a tokenizer that
 * encodes. The bytes are the four files, one behind the other with a NUL between: vocab.txt, tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json; an empty one of the last three is not there. */
#include "fuzz.h"

#include "fuzz.h"

#include "base/mem.h"
#include "tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

#define N_FILES 4

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void use(const struct rf_tokenizer *tokenizer)
{
    static const char text[] = "Hello unaffable [MASK] \xc3\x89\xe4\xb8\xad <a>";
    struct encode_request request = {.text = {text, sizeof text - 1}};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    rf_error err = {0};

    if (rf__encode(tokenizer, &request, scratch, &encoding, &err) == RF_OK)
        for (size_t i = 0; i < encoding.n; i++)
            check(encoding.ids[i] < rf__tokenizer_vocab_size(tokenizer) && encoding.end[i] <= request.text.len);
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct json *json[] = {NULL, &companions.config, &companions.special_tokens_map, &companions.added_tokens};
    struct rf_tokenizer tokenizer = {0};
    const char *begin[N_FILES];
    size_t len[N_FILES], at = 0;
    rf_error err = {0};
    bool parses = true;

    for (int i = 0; i < N_FILES; i++) {
        const uint8_t *end = at < size ? memchr(data + at, 0, size - at) : NULL;
        begin[i] = (const char *)data + at;
        len[i] = i == N_FILES - 1 || end == NULL ? size - at : (size_t)(end - data) - at;
        at += len[i] + 1;
        at = at > size ? size : at;
        if (i > 0 && len[i] > 0 && parses)
            parses = rf__json_parse(json[i], begin[i], len[i], "fuzz", &err) == RF_OK;
    }
    if (parses &&
        rf__tokenizer_read_vocab(&tokenizer, begin[0], len[0], "fuzz", &companions, false, NULL, &err) == RF_OK)
        use(&tokenizer);
    else
        check(err.message[0] != '\0');
    rf__tokenizer_release(&tokenizer);
    for (int i = 1; i < N_FILES; i++)
        rf__json_release(json[i]);
    return 0;
}
