/* From ids back to text. */
#include "tokenizer_fixture.h"

static const char file[] =
    "{\"added_tokens\":[" FIXTURE_SPECIAL(0, "[CLS]") ",{\"content\":\"NEW\",\"normalized\":true},{\"content\":\"[X]\","
                                                      "\"special\":true,\"normalized\":true}]," FIXTURE_NORMALIZER
                                                      "," FIXTURE_DECODER
                                                      ",\"model\":{\"type\":\"WordPiece\",\"continuing_subword_"
                                                      "prefix\":\"##\",\"vocab\":{\"[CLS]\":0,\"a\":1,\"##b\":2,"
                                                      "\".\":3,\"'\":4,\"s\":5,\"do\":6,\"not\":7,\"n't\":8,\" ' "
                                                      "\":9,\"do not\":10,\"##\":11,\"\":12,\"x .y ?\":13,"
                                                      "\"'s\":14}}}";

#define NEW 15
#define X   16

static const struct {
    bool skip;
    size_t n;
    uint32_t ids[6];
    const char *text;
} cases[] = {
    {false, 0, {0}, ""},
    {false, 3, {1, 2, 1}, "ab a"},
    {false, 2, {2, 2}, "##bb"},     /* the first keeps its prefix */
    {false, 3, {1, 3, 1}, "a. a"},  /* " ." */
    {false, 3, {1, 4, 5}, "a ' s"}, /* piece by piece: no " ' " here */
    {false, 2, {1, 14}, "a's"},
    {false, 2, {1, 8}, "an't"},
    {false, 2, {1, 10}, "a don't"},
    {false, 2, {1, 9}, "a '"},
    {false, 1, {13}, "x.y?"},
    {false, 3, {1, 11, 1}, "a a"},
    {false, 3, {1, 12, 1}, "a  a"},
    {false, 3, {0, 1, 0}, "[CLS] a [CLS]"},
    {true, 3, {0, 1, 0}, "a"},
    {true, 2, {0, 2}, "##b"}, /* first once the other is gone */
    {false, 2, {1, NEW}, "a new"},
    {true, 2, {1, X}, "a [x]"}, /* special, but not by its normal form */
};

static void pieces_to_text(void **state)
{
    struct rf_tokenizer t;

    (void)state;
    fixture_read(&t, file);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = NULL;
        size_t len = 0;
        assert_ok(rf__decode(&t, cases[i].ids, cases[i].n, cases[i].skip, &text, &len, err));
        assert_int_equal(strlen(text), len);
        assert_string_equal(text, cases[i].text);
        rf__free(text);
    }
    rf__tokenizer_release(&t);
}

static void unknown_id(void **state)
{
    struct rf_tokenizer t;
    rf_error err = {0};
    char *text = NULL;
    size_t len;

    (void)state;
    fixture_read(&t, file);
    assert_int_equal(rf__decode(&t, (const uint32_t[]){1, 99}, 2, false, &text, &len, &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "the id 99 names no piece; the vocabulary has 17");
    rf__tokenizer_release(&t);
}

static void without_a_decoder(void **state)
{
    static const char *const files[][2] = {
        {"{" FIXTURE_MODEL "}", "un ##aff ##able"},
        {"{\"decoder\":null," FIXTURE_MODEL "}", "un ##aff ##able"},
        {"{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[]}," FIXTURE_MODEL "}", "un##aff##able"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct rf_tokenizer t;
        char *text = NULL;
        size_t len;
        fixture_read(&t, files[i][0]);
        assert_ok(rf__decode(&t, (const uint32_t[]){5, 6, 7}, 3, false, &text, &len, err));
        assert_string_equal(text, files[i][1]);
        rf__free(text);
        rf__tokenizer_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_to_text),
        cmocka_unit_test(unknown_id),
        cmocka_unit_test(without_a_decoder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
