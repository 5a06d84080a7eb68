/* WordLevel: a word is a piece or unknown. */
#include "tokenizer_fixture.h"

#define MODEL(VOCAB, UNK)                                                                                              \
    "{\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordLevel\",\"vocab\":{" VOCAB "}" UNK   \
    "}}"
#define PIECES "\"<unk>\":0,\"hello\":1,\"\":2,\"a longer piece\":3,\"world\":7"

static void words(void **state)
{
    static const uint32_t ids[] = {1, 0, 7, 0};
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("hello, world worldworldworldworld")};

    (void)state;
    fixture_read(&t, MODEL(PIECES, ",\"unk_token\":\"<unk>\""));
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, ids, 4);
    assert_int_equal(call.encoding.begin[2], 7);
    assert_int_equal(call.encoding.end[2], 12);
    request.max_tokens = 2;
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, ids, 2);
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

static void no_unknown(void **state)
{
    struct rf_tokenizer t;
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    struct encode_request request = {.text = text_of("hello you")};
    rf_error fault = {0};

    (void)state;
    fixture_read(&t, MODEL(PIECES, ",\"unk_token\":\"[UNK]\""));
    assert_int_equal(rf__encode(&t, &request, scratch, &encoding, &fault), RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "unk_token '[UNK]'"));
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    rf__tokenizer_release(&t);
}

static void unreadable(void **state)
{
    (void)state;
    assert_unreadable(MODEL(PIECES, ""), RF_BAD_FORMAT, "has no 'unk_token'");
    assert_unreadable(MODEL("\"a\":-1", ",\"unk_token\":\"a\""), RF_BAD_FORMAT, "the id of 'a'");
    assert_unreadable("{\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"a\"}}", RF_BAD_FORMAT, "has no 'vocab'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(no_unknown),
        cmocka_unit_test(unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
