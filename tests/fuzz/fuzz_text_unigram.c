/* Property: text_property.h, with Unigram and WordLevel behind the pre-tokenizers and normalizers that have no target
 * of their own. */
#include "text_property.h"

#define UNIGRAM                                                                                                        \
    "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0.0],[\"\u2581\",-3.5],[\"a\",-4.0],[\"b\","   \
    "-4.5],[\"ab\",-5.0],[\"\u2581a\",-4.9],[\"aba\",-6.25],[\"\u2581\u2581\",-6.0],[\"\u4e2d\",-7.0],[\"ba\",-5.0],"  \
    "[\"<s>\",0.0],[\"e\",-3.0],[\"\u00e9\",-5.5],[\"bab\",-6.25],[\"aaaa\",-2.0]]}"
#define WORDS                                                                                                          \
    "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"a\":1,\"ab\":2,\"b\":3,\".\":" \
    "4,\"1\":5,\" \":6}}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"content\":\"<s>\",\"special\":true,\"lstrip\":true},{\"content\":\"ba\",\"normalized\":"     \
    "true,"                                                                                                            \
    "\"rstrip\":true}],"
#define METASPACE(SCHEME, SPLIT)                                                                                       \
    "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"" SCHEME "\",\"split\":" SPLIT "}"
#define SPLIT(PATTERN, BEHAVIOR, INVERT)                                                                               \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" PATTERN "\"},\"behavior\":\"" BEHAVIOR "\",\"invert\":" INVERT "}"

static const char *const files[] = {
    "{\"pre_tokenizer\":" METASPACE("always", "true") ",\"decoder\":" METASPACE("always", "true") "," UNIGRAM "}",
    "{" ADDED
    "\"normalizer\":{\"type\":\"NFKC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":"
    "\"WhitespaceSplit\"}," METASPACE("first", "false") "]}," UNIGRAM "}",
    "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"},{\"type\":\"NFKD\"},{\"type\":"
    "\"Strip\","
    "\"strip_left\":true,\"strip_right\":true},{\"type\":\"StripAccents\"},{\"type\":\"Replace\",\"pattern\":{"
    "\"Regex\":\" {2,}\"},"
    "\"content\":\" \"}]}," UNIGRAM "}",
    "{" ADDED "\"normalizer\":{\"type\":\"NFD\"},\"pre_tokenizer\":{\"type\":\"Whitespace\"}," WORDS "}",
    "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"UnicodeScripts\"},{\"type\":\"Digits\","
    "\"individual_digits\":true},{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}]}," WORDS "}",
    "{\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":3}," WORDS "}",
    "{\"pre_tokenizer\":" SPLIT("\\\\s+|[aeiou]", "MergedWithPrevious", "false") "," WORDS "}",
    "{\"pre_tokenizer\":" SPLIT("\\\\w+", "MergedWithNext", "true") "," WORDS "}",
    "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(?i)ab|\\\\d*\"},\"content\":\"b\"},\"pre_"
    "tokenizer\":"
    "{\"type\":\"CharDelimiterSplit\",\"delimiter\":\" \"}," WORDS "}",
};
#define N_FILES (sizeof files / sizeof files[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rf_tokenizer all[N_FILES];
    static bool is_read[N_FILES];

    check_text(choose(files, all, is_read, N_FILES, data, size), data, size);
    return 0;
}
