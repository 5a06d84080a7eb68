/* Property: any bytes are a text. Its ids are those of the same text made well-formed; its offsets lie in it, between
 * characters, and do not go backwards; a limit gives the first of its ids. The first byte chooses the tokenizer, the
 * second the limit. */
#include "fuzz.h"

#include "fuzz.h"

#include "base/mem.h"
#include "tokenizer/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

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

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const struct rf_tokenizer *tokenizer_number(size_t i)
{
    static struct rf_tokenizer all[N_FILES];
    static bool is_read[N_FILES];
    rf_error err;

    if (!is_read[i])
        check(rf__tokenizer_read_json(&all[i], files[i], strlen(files[i]), "file", false, NULL, &err) == RF_OK);
    is_read[i] = true;
    return &all[i];
}

static bool is_boundary(const struct text *repaired, size_t at)
{
    for (size_t i = 0; i < repaired->n_runs; i++)
        if (repaired->runs[i].begin == at || (repaired->runs[i].end != RF_RUN_LINEAR && repaired->runs[i].end == at))
            return true;
    return false;
}

static void check_offsets(const struct encoding *e, const struct text *repaired, const char *text, size_t len)
{
    for (size_t i = 0; i < e->n; i++) {
        size_t ends[] = {e->begin[i], e->end[i]};
        check(e->begin[i] < e->end[i] && e->end[i] <= len);
        for (int k = 0; k < 2; k++) {
            bool continues = ends[k] < len && ((uint8_t)text[ends[k]] & 0xC0) == 0x80;
            check(!continues || is_boundary(repaired, ends[k]));
        }
    }
}

static void check_prefix(const struct encoding *whole, const struct encoding *cut, size_t limit)
{
    check(cut->n == (whole->n < limit ? whole->n : limit) && cut->truncated == (whole->n > limit));
    check(cut->n == 0 || memcmp(cut->ids, whole->ids, cut->n * sizeof *cut->ids) == 0);
    check(cut->n == 0 || memcmp(cut->end, whole->end, cut->n * sizeof *cut->end) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rf_tokenizer *tokenizer = tokenizer_number(size > 0 ? data[0] % N_FILES : 0);
    struct encode_request request = {.no_special_tokens = true, .max_tokens = 0};
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding whole = {0}, other = {0};
    struct text_buf repaired = {0};
    struct text in;
    rf_error err;
    uint32_t limit = size > 1 ? data[1] % 40u + 1 : 1;

    request.text = (rf_text){(const char *)data + (size < 2 ? size : 2), size < 2 ? 0 : size - 2};
    in = rf__text_of_caller(request.text);
    check(rf__encode(tokenizer, &request, scratch, &whole, &err) == RF_OK);
    check(rf__text_buf_copy(&repaired, &in, 0, in.len, &err) == RF_OK);
    check_offsets(&whole, &repaired.text, in.data, in.len);
    request.max_tokens = limit;
    check(rf__encode(tokenizer, &request, scratch, &other, &err) == RF_OK);
    check_prefix(&whole, &other, limit);
    request.max_tokens = 0;
    request.text = (rf_text){repaired.text.data, repaired.text.len};
    check(rf__encode(tokenizer, &request, scratch, &other, &err) == RF_OK);
    check(other.n == whole.n && (whole.n == 0 || memcmp(other.ids, whole.ids, whole.n * sizeof *whole.ids) == 0));
    rf__text_buf_release(&repaired);
    rf__encoding_release(&whole);
    rf__encoding_release(&other);
    rf__encode_scratch_free(scratch);
    return 0;
}
