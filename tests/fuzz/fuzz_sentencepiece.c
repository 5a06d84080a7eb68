/* Property: a model of sentencepiece, whatever it is, is refused with a message, or becomes a tokenizer that encodes,
 * and whose ids are pieces. The first byte chooses the tokenizer class, the rest is the file. */
#include "file_property.h"

#include <string.h>

static const char *const configs[] = {
    "{\"tokenizer_class\":\"XLMRobertaTokenizer\"}",
    "{\"tokenizer_class\":\"CamembertTokenizer\"}",
    "{\"tokenizer_class\":\"T5Tokenizer\",\"extra_ids\":3}",
    "{\"tokenizer_class\":\"AlbertTokenizer\"}",
    "{\"tokenizer_class\":\"DebertaV2Tokenizer\",\"do_lower_case\":true,\"split_by_punct\":true}",
    "{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":true,\"legacy\":true}",
    "{\"tokenizer_class\":\"LlamaTokenizer\",\"add_bos_token\":true,\"add_eos_token\":true}",
    "{\"tokenizer_class\":\"GemmaTokenizer\",\"add_bos_token\":true}",
    "{\"tokenizer_class\":\"XLNetTokenizer\"}",
    "{\"tokenizer_class\":\"BigBirdTokenizer\"}",
    "{\"add_bos_token\":true,\"add_eos_token\":true}",
};
#define N_CONFIGS (sizeof configs / sizeof configs[0])

static const char sample[] = "  The  dog\nand CD 12 \xe4\xb8\xad\xf0\x9f\x98\x80 \xe2\x96\x81the <s> <user> \xff ";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab_companions companions = {0};
    struct rf_tokenizer tokenizer = {0};
    const char *config;
    rf_error err = {0};
    rf_status status;

    if (size == 0)
        return 0;
    config = configs[data[0] % N_CONFIGS];
    check(rf__json_parse(&companions.config, config, strlen(config), "tokenizer_config.json", &err) == RF_OK);
    status = rf__tokenizer_read_sentencepiece(&tokenizer, (const char *)data + 1, size - 1, "fuzz", &companions, false,
                                              NULL, &err);
    check_read(status, &tokenizer, &err, sample, sizeof sample - 1);
    rf__companions_release(&companions);
    return 0;
}
