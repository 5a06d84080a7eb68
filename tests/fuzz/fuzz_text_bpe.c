/* Property: text_property.h, with BPE: on bytes behind the common patterns, on characters with a fallback to bytes,
 * with a suffix of words. */
#include "text_property.h"

#include <stdio.h>

#define GPT4                                                                                                           \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+"   \
    "[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
#define SPLIT(PATTERN)                                                                                                 \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" PATTERN "\"},\"behavior\":\"Isolated\",\"invert\":false}"
#define BYTE_LEVEL(REGEX, SPACE)                                                                                       \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":" SPACE ",\"trim_offsets\":true,\"use_regex\":" REGEX "}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"content\":\"<s>\",\"special\":true,\"lstrip\":true},{\"content\":\"ab\",\"normalized\":"     \
    "true,"                                                                                                            \
    "\"single_word\":true},{\"content\":\"  \",\"normalized\":true}],"

#define FALLBACK                                                                                                       \
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},{\"type\":"  \
    "\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]},\"decoder\":{\"type\":\"Sequence\","         \
    "\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1," \
    "\"stop\":0}]}"
#define SUFFIXED                                                                                                       \
    "\"normalizer\":{\"type\":\"Lowercase\"},\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"decoder\":{\"type\":"       \
    "\"BPEDecoder\",\"suffix\":\"</w>\"}"

static const char *const stages[] = {
    "\"pre_tokenizer\":" BYTE_LEVEL("true", "false") ",\"decoder\":" BYTE_LEVEL("true", "true"),
    ADDED "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" SPLIT(
        GPT4) "," BYTE_LEVEL("false", "false") "]},\"decoder\":" BYTE_LEVEL("true", "true"),
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" SPLIT("\\\\w+|[^\\\\w\\\\s]+") "," BYTE_LEVEL(
        "false", "true") "]},\"decoder\":" BYTE_LEVEL("true", "true"),
    FALLBACK,
    ADDED "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"first\",\"split\":"
          "false},\"decoder\":{\"type\":\"ByteFallback\"}",
    SUFFIXED,
};
#define N_FILES (sizeof stages / sizeof stages[0])

static const char bytes_merges[] =
    "[\"a\",\"b\"],[\"ab\",\"ab\"],[\"b\",\"a\"],[\"a\",\"a\"],[\"aa\",\"aa\"],[\"\u0120\",\"a\"],"
    "[\"\u00c3\",\"\u00a9\"],[\"\u0120\",\"\u0120\"],[\"b\",\"ab\"]";
static const char chars_merges[] =
    "[\"a\",\"b\"],[\"ab\",\"ab\"],[\"b\",\"a\"],[\"a\",\"a\"],[\"aa\",\"aa\"],[\"\u2581\",\"a\"],"
    "[\"\u2581\",\"\u2581\"],[\"\u2581\u2581\",\"\u2581\u2581\"],[\"b\",\"ab\"]";

/* The character that ByteLevel has for a byte. */
static uint32_t character_of(unsigned byte)
{
    uint32_t next = 256;

    for (unsigned b = 0; b <= byte; b++) {
        bool plain = (b >= 33 && b < 127) || (b >= 161 && b < 173) || b >= 174;
        if (b == byte)
            return plain ? b : next;
        next += !plain;
    }
    return 0;
}

static char *write_file(size_t i)
{
    size_t size = 20000, n;
    char *out = rf__alloc(size);

    check(out != NULL);
    n = (size_t)snprintf(out, size, "{%s,\"model\":{\"type\":\"BPE\",", stages[i]);
    if (i < 3)
        n += (size_t)snprintf(out + n, size - n, "\"merges\":[%s],\"vocab\":{", bytes_merges);
    else if (i < 5)
        n += (size_t)snprintf(
            out + n, size - n,
            "\"unk_token\":\"<unk>\",\"byte_fallback\":true,\"fuse_unk\":true,\"merges\":[%s],\"vocab\":{",
            chars_merges);
    else
        n += (size_t)snprintf(
            out + n, size - n,
            "\"unk_token\":\"<unk>\",\"fuse_unk\":false,\"end_of_word_suffix\":\"</w>\",\"merges\":"
            "[[\"a\",\"b\"],[\"a\",\"b</w>\"],[\"ab\",\"ab</w>\"]],\"vocab\":{\"b</w>\":300,\"ab</w>\":301,"
            "\"abab</w>\":302,\"a</w>\":303,");
    for (unsigned b = 0; b < 256; b++) {
        char name[16] = "";
        if (i >= 3)
            snprintf(name, sizeof name, "<0x%02X>", b);
        else
            name[rf__utf8_encode(character_of(b), name)] = '\0';
        n +=
            (size_t)snprintf(out + n, size - n, "\"%s%s\":%u,", name[0] == '"' || name[0] == '\\' ? "\\" : "", name, b);
    }
    snprintf(
        out + n, size - n,
        "%s\"<unk>\":256,\"ab\":257,\"abab\":258,\"ba\":259,\"aa\":260,\"aaaa\":261,\"\u0120a\":262,\"\u00c3\u00a9\":"
        "263,"
        "\"\u0120\u0120\":264,\"bab\":265,\"\u2581a\":266,\"\u2581\u2581\":267,\"\u2581\u2581\u2581\u2581\":268}}}",
        i < 3 ? "" : "\"a\":270,\"b\":271,\"\u2581\":272,\"\u4e2d\":273,");
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rf_tokenizer all[N_FILES];
    static bool is_read[N_FILES];
    static const char *files[N_FILES];
    size_t i = size > 0 ? data[0] % N_FILES : 0;

    if (!is_read[i])
        files[i] = write_file(i);
    check_text(choose(files, all, is_read, N_FILES, data, size), data, size);
    return 0;
}
