/* tokenizer_fixture: a small WordPiece tokenizer, built from JSON text, and one call of encode. */
#ifndef RF_TESTS_TOKENIZER_FIXTURE_H
#define RF_TESTS_TOKENIZER_FIXTURE_H

#include "golden.h"

#include "base/mem.h"
#include "tokenizer/files/files.h"

#include <string.h>

#define FIXTURE_VOCAB                                                                                                  \
    "{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"un\":5,\"##aff\":6,\"##able\":7,\"hello\":8,"     \
    "\"world\":9,\"a\":10,\"b\":11,\"##a\":12,\"##b\":13,\".\":14,\"caf\":15,\"##e\":16,\"e\":17,\"\\u4e2d\":18,"      \
    "\",\":19,\"don\":20,\"'\":21,\"t\":22}"
#define FIXTURE_MODEL                                                                                                  \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                  \
    "\"max_input_chars_per_word\":100,\"vocab\":" FIXTURE_VOCAB "}"
#define FIXTURE_NORMALIZER                                                                                             \
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"                   \
    "\"strip_accents\":null,\"lowercase\":true}"
#define FIXTURE_PRETOKENIZER "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"
#define FIXTURE_POST         "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]}"
#define FIXTURE_DECODER      "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true}"
#define FIXTURE_SPECIAL(ID, CONTENT)                                                                                   \
    "{\"id\":" #ID ",\"content\":\"" CONTENT "\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"             \
    "\"normalized\":false,\"special\":true}"
#define FIXTURE_ADDED                                                                                                  \
    "\"added_tokens\":[" FIXTURE_SPECIAL(0, "[PAD]") "," FIXTURE_SPECIAL(1, "[UNK]") "," FIXTURE_SPECIAL(              \
        2, "[CLS]") "," FIXTURE_SPECIAL(3, "[SEP]") "," FIXTURE_SPECIAL(4, "[MASK]") "]"
#define FIXTURE_JSON                                                                                                   \
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null," FIXTURE_ADDED "," FIXTURE_NORMALIZER                  \
    "," FIXTURE_PRETOKENIZER "," FIXTURE_POST "," FIXTURE_DECODER "," FIXTURE_MODEL "}"

/* Fails the test when the text is not read. */
static inline void fixture_read(struct rf_tokenizer *tokenizer, const char *json)
{
    *tokenizer = (struct rf_tokenizer){0};
    assert_ok(rf__tokenizer_read_json(tokenizer, json, strlen(json), "tokenizer.json", false, NULL, err));
}

/* Fails the test unless reading fails with this status and a message that contains `message`. */
static inline void assert_unreadable(const char *json, rf_status status, const char *message)
{
    struct rf_tokenizer tokenizer = {0};
    rf_error err = {0};

    assert_int_equal(rf__tokenizer_read_json(&tokenizer, json, strlen(json), "tokenizer.json", false, NULL, &err),
                     status);
    if (strstr(err.message, message) == NULL)
        fail_msg("expected '%s' in '%s'", message, err.message);
    rf__tokenizer_release(&tokenizer);
}

struct fixture_call {
    struct encode_scratch *scratch;
    struct encoding encoding;
};

static inline void fixture_encode(const struct rf_tokenizer *tokenizer, struct fixture_call *call,
                                  const struct encode_request *request)
{
    if (call->scratch == NULL)
        call->scratch = rf__encode_scratch_new();
    assert_non_null(call->scratch);
    assert_ok(rf__encode(tokenizer, request, call->scratch, &call->encoding, err));
}

static inline void fixture_release(struct fixture_call *call)
{
    rf__encode_scratch_free(call->scratch);
    rf__encoding_release(&call->encoding);
    *call = (struct fixture_call){0};
}

/* Fails the test unless the ids are these. */
static inline void assert_ids(const struct encoding *encoding, const uint32_t *ids, size_t n)
{
    bool same = encoding->n == n;

    for (size_t i = 0; same && i < n; i++)
        same = encoding->ids[i] == ids[i];
    if (same)
        return;
    for (size_t i = 0; i < encoding->n; i++)
        print_error("%u ", encoding->ids[i]);
    print_error("instead of ");
    for (size_t i = 0; i < n; i++)
        print_error("%u ", ids[i]);
    fail_msg("the ids are different");
}

static inline rf_text text_of(const char *s)
{
    return (rf_text){s, strlen(s)};
}

#endif
