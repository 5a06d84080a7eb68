/* Property: text_property.h, with WordPiece behind BertNormalizer and BertPreTokenizer, and added tokens. */
#include "text_property.h"

#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                  \
    "\"max_input_chars_per_word\":20,\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]\":2,\"a\":3,\"b\":4,\"##a\":5,"        \
    "\"##b\":6,\"ab\":7,\"##ab\":8,\"aba\":9,\"e\":10,\"##e\":11,\"\xc3\xa9\":12,\"\xe4\xb8\xad\":13,\".\":14,"        \
    "\"##bab\":15,\"\xf0\x9d\x85\xa5\":16,\"##\xe3\x80\xae\":17}}"
#define BERT(CLEAN, CHINESE, STRIP, LOWER)                                                                             \
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":" #CLEAN ",\"handle_chinese_chars\":" #CHINESE         \
    ",\"strip_accents\":" #STRIP ",\"lowercase\":" #LOWER "},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"content\":\"[SEP]\",\"special\":true},{\"content\":\"[X]\",\"lstrip\":true,\"rstrip\":true," \
    "\"special\":true},{\"content\":\"B A\",\"normalized\":true,\"lstrip\":true,\"rstrip\":true},{\"content\":\"ab\"," \
    "\"normalized\":true,\"single_word\":true},{\"content\":\"\xef\xbf\xbd\",\"special\":true}]"

static const char *const files[] = {
    "{" BERT(true, true, null, true) "," MODEL "}",
    "{" BERT(true, true, true, false) "," MODEL "}",
    "{" BERT(false, false, false, true) "," MODEL "}",
    "{" BERT(false, true, true, true) "," MODEL "}",
    "{" ADDED "," BERT(true, true, null, true) "," MODEL "}",
    "{" ADDED "," MODEL "}",
    "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"BertNormalizer\"}]},"
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}," MODEL "}",
};
#define N_FILES (sizeof files / sizeof files[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rf_tokenizer all[N_FILES];
    static bool is_read[N_FILES];

    check_text(choose(files, all, is_read, N_FILES, data, size), data, size);
    return 0;
}
