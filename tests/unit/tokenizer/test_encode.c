/* The pipeline: limits, pairs, ill-formed text, and that a text cut early has the ids of one cut at the end. */
#include "tokenizer_fixture.h"

#include <stdlib.h>

#define IDS(...) (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

static void one_text(void **state)
{
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("Hello, unaffable WORLD xyz")};

    (void)state;
    fixture_read(&t, FIXTURE_JSON);
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(2, 8, 19, 5, 6, 7, 9, 1, 3));
    assert_int_equal(call.encoding.begin[3], 7);
    assert_int_equal(call.encoding.end[3], 9);
    assert_int_equal(call.encoding.begin[7], 23);
    assert_int_equal(call.encoding.end[7], 26);
    assert_int_equal(call.encoding.special[0], 1);
    assert_int_equal(call.encoding.special[1], 0);
    assert_false(call.encoding.truncated);
    request.no_special_tokens = true;
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(8, 19, 5, 6, 7, 9, 1));
    request.text = (rf_text){NULL, 0};
    fixture_encode(&t, &call, &request);
    assert_int_equal(call.encoding.n, 0);
    request.no_special_tokens = false;
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(2, 3));
    assert_int_equal(rf__tokenizer_n_added(&t, false), 2);
    assert_int_equal(rf__tokenizer_n_added(&t, true), 3);
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

/* What is ill-formed reads as U+FFFD, which clean_text drops; offsets are of the caller's bytes. NUL is a character. */
static void ill_formed(void **state)
{
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = {"a\xff\xe2\x82 b\0a[MASK]\xf0", 15}};

    (void)state;
    fixture_read(&t, FIXTURE_JSON);
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(2, 10, 11, 12, 4, 3));
    assert_int_equal(call.encoding.begin[2], 5);
    assert_int_equal(call.encoding.begin[3], 7);
    assert_int_equal(call.encoding.begin[4], 8);
    assert_int_equal(call.encoding.end[4], 14);
    rf__tokenizer_release(&t);
    /* A token that contains U+FFFD is found in what is ill-formed. */
    fixture_read(&t, "{\"added_tokens\":[" FIXTURE_SPECIAL(
                         23, "\xef\xbf\xbd") "]," FIXTURE_NORMALIZER "," FIXTURE_PRETOKENIZER "," FIXTURE_MODEL "}");
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(10, 23, 23, 11, 12, 1, 1, 1, 23));
    assert_int_equal(call.encoding.begin[2], 2);
    assert_int_equal(call.encoding.end[2], 4);
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

/* White space that is not ASCII, taken by an added token and trimmed by the post-processor: characters, not bytes, come
 * off, at both ends. */
static void trimmed_characters(void **state)
{
    static const char json[] =
        "{\"added_tokens\":[{\"id\":4,\"content\":\"[MASK]\",\"single_word\":false,\"lstrip\":true,"
        "\"rstrip\":true,\"normalized\":false,\"special\":true}],\"post_processor\":{\"type\":"
        "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true}," FIXTURE_MODEL "}";
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("a\u3000\u3000[MASK]\u00a0b"), .characters = true};

    (void)state;
    fixture_read(&t, json);
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(10, 4, 11));
    assert_int_equal(call.encoding.begin[1], 7);
    assert_int_equal(call.encoding.end[1], 13);
    assert_int_equal(call.encoding.begin_char[1], 3);
    assert_int_equal(call.encoding.end_char[1], 9);
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

static void truncation(void **state)
{
    static const struct {
        rf_truncate side;
        uint32_t max_tokens;
        bool truncated;
        size_t n;
        uint32_t ids[8];
    } cases[] = {
        {RF_TRUNCATE_RIGHT, 7, false, 7, {2, 8, 5, 6, 7, 9, 3}},
        {RF_TRUNCATE_RIGHT, 6, true, 6, {2, 8, 5, 6, 7, 3}},
        {RF_TRUNCATE_RIGHT, 4, true, 4, {2, 8, 5, 3}},
        {RF_TRUNCATE_RIGHT, 2, true, 2, {2, 3}},
        {RF_TRUNCATE_LEFT, 7, false, 7, {2, 8, 5, 6, 7, 9, 3}},
        {RF_TRUNCATE_LEFT, 6, true, 6, {2, 5, 6, 7, 9, 3}},
        {RF_TRUNCATE_LEFT, 4, true, 4, {2, 7, 9, 3}},
        {RF_TRUNCATE_LEFT, 2, true, 2, {2, 3}},
        {RF_TRUNCATE_ERROR, 7, false, 7, {2, 8, 5, 6, 7, 9, 3}},
    };
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("hello unaffable world")};
    rf_error err = {0};

    (void)state;
    fixture_read(&t, FIXTURE_JSON);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        request.truncate = cases[i].side;
        request.max_tokens = cases[i].max_tokens;
        rf__encoding_release(&call.encoding); /* what is told must not hang on room that was there before */
        fixture_encode(&t, &call, &request);
        assert_ids(&call.encoding, cases[i].ids, cases[i].n);
        assert_int_equal(call.encoding.truncated, cases[i].truncated);
    }
    request.truncate = RF_TRUNCATE_ERROR;
    request.max_tokens = 6;
    assert_int_equal(rf__encode(&t, &request, call.scratch, &call.encoding, &err), RF_TRUNCATED);
    assert_string_equal(err.message, "the text has more than 6 tokens");
    request.max_tokens = 1;
    assert_int_equal(rf__encode(&t, &request, call.scratch, &call.encoding, &err), RF_INVALID_ARGUMENT);
    assert_string_equal(err.message, "max_tokens is 1, but the special tokens alone are 2");
    request.no_special_tokens = true;
    request.truncate = RF_TRUNCATE_RIGHT;
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(8));
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

/* The longer one is cut first; lengths as truncate_encodings() of `tokenizers` gives them. */
static void pairs(void **state)
{
    static const struct {
        size_t first, second;
        uint32_t room;
        size_t kept_first, kept_second;
    } cases[] = {
        {0, 0, 7, 0, 0}, {0, 9, 7, 0, 7}, {2, 4, 7, 2, 4},     {2, 8, 7, 2, 5},     {4, 8, 7, 3, 4}, {8, 4, 7, 4, 3},
        {8, 8, 7, 3, 4}, {9, 8, 7, 4, 3}, {8, 9, 7, 3, 4},     {9, 2, 7, 5, 2},     {8, 9, 6, 3, 3}, {5, 5, 1, 0, 1},
        {6, 5, 1, 1, 0}, {5, 5, 0, 0, 0}, {900, 901, 7, 3, 4}, {901, 900, 7, 4, 3},
    };
    struct rf_tokenizer t;
    struct fixture_call call = {0};

    (void)state;
    fixture_read(&t, FIXTURE_JSON);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *first = rf__calloc(2 * cases[i].first + 1, 1), *second = rf__calloc(2 * cases[i].second + 1, 1);
        rf_text pair = {second, 2 * cases[i].second};
        struct encode_request request = {
            .text = {first, 2 * cases[i].first}, .pair = &pair, .max_tokens = cases[i].room + 3};
        size_t n[2] = {0, 0};
        for (size_t k = 0; k < cases[i].first; k++)
            memcpy(first + 2 * k, "a ", 2);
        for (size_t k = 0; k < cases[i].second; k++)
            memcpy(second + 2 * k, "b ", 2);
        fixture_encode(&t, &call, &request);
        for (size_t k = 0; k < call.encoding.n; k++)
            if (!call.encoding.special[k])
                n[call.encoding.type_ids[k]]++;
        if (n[0] != cases[i].kept_first || n[1] != cases[i].kept_second)
            fail_msg("case %zu keeps %zu and %zu", i, n[0], n[1]);
        rf__free(first);
        rf__free(second);
    }
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

/* Normalized tokens with lstrip and rstrip, so that both searches hold text back; words that no cut comes into. */
#define EAGER                                                                                                          \
    "{\"added_tokens\":[{\"content\":\"[X]\",\"lstrip\":true,\"rstrip\":true,\"special\":true},"                       \
    "{\"content\":\"B A\",\"normalized\":true,\"lstrip\":true,\"rstrip\":true},"                                       \
    "{\"content\":\"hello\",\"normalized\":true,\"single_word\":true}]," FIXTURE_NORMALIZER "," FIXTURE_PRETOKENIZER   \
    "," FIXTURE_MODEL "}"

static size_t random_text(char *out, size_t most)
{
    static const char *const words[] = {"hello",  "unaffable", "a", "b",      "B A",        "[X]",  "ab",    "x",
                                        "\u00c9", "\u4e2d",    ".", "\u0301", "\U0001d165", "\xff", "\u200b"};
    size_t len = 0;

    while (len + 400 < most) {
        const char *word = words[(size_t)rand() % (sizeof words / sizeof words[0])];
        memcpy(out + len, word, strlen(word));
        len += strlen(word);
        if (rand() % 300 == 0) { /* a long stretch without a place to cut */
            memset(out + len, "ab \n"[rand() % 4], 300);
            len += 300;
        }
        if (rand() % 3)
            out[len++] = rand() % 5 ? ' ' : '\n';
    }
    return len;
}

static void early_cut(void **state)
{
    static const char *const files[] = {FIXTURE_JSON, EAGER};
    enum { MOST = 60000 };
    char *text = rf__alloc(MOST);

    (void)state;
    srand(6);
    for (int round = 0; round < 30; round++) {
        struct rf_tokenizer t;
        struct fixture_call whole = {0}, cut = {0};
        struct encode_request request = {.no_special_tokens = true};
        fixture_read(&t, files[round % 2]);
        request.text = (rf_text){text, random_text(text, round % 3 ? 2000 : MOST)};
        fixture_encode(&t, &whole, &request);
        for (int i = 0; i < 60; i++) {
            size_t n = whole.encoding.n;
            request.max_tokens = (uint32_t)(rand() % (i % 2 ? 300 : (int)n + 10) + 1);
            fixture_encode(&t, &cut, &request);
            assert_int_equal(cut.encoding.truncated, request.max_tokens < n);
            if (request.max_tokens < n)
                n = request.max_tokens;
            assert_ids(&cut.encoding, whole.encoding.ids, n);
            assert_memory_equal(cut.encoding.begin, whole.encoding.begin, n * sizeof whole.encoding.begin[0]);
            assert_memory_equal(cut.encoding.end, whole.encoding.end, n * sizeof whole.encoding.end[0]);
        }
        fixture_release(&whole);
        fixture_release(&cut);
        rf__tokenizer_release(&t);
    }
    rf__free(text);
}

/* Enormous texts, each of one kind; that they end at all says that the time grows with the length alone. */
static void enormous(void **state)
{
    static const struct {
        const char *unit;
        size_t n_per_unit; /* tokens of a unit; 0: one [UNK] or nothing for all */
    } cases[] = {{"a", 0},      {"\u00e9", 0}, {"\u0301", 0},      {"\u302e", 0}, {"\u302e\u0323", 0},
                 {" ", 0},      {"[MASK]", 1}, {"[MASK", 0},       {"\xff", 0},   {".", 1},
                 {"\u4e2d", 1}, {"\u00ad", 0}, {"a \U0001d165", 0}};
    struct rf_tokenizer t;

    (void)state;
    fixture_read(&t, FIXTURE_JSON);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t unit = strlen(cases[i].unit), n = 2000000 / unit;
        char *text = rf__alloc(n * unit);
        struct fixture_call call = {0};
        struct encode_request request = {.text = {text, n * unit}, .no_special_tokens = true};
        for (size_t k = 0; k < n; k++)
            memcpy(text + k * unit, cases[i].unit, unit);
        fixture_encode(&t, &call, &request);
        if (cases[i].n_per_unit > 0)
            assert_int_equal(call.encoding.n, n * cases[i].n_per_unit);
        fixture_release(&call);
        rf__free(text);
    }
    rf__tokenizer_release(&t);
}

static void unknown_without_a_token(void **state)
{
    struct rf_tokenizer t;
    struct fixture_call call = {.scratch = rf__encode_scratch_new()};
    struct encode_request request = {.text = text_of("a")};
    rf_error err = {0};

    (void)state;
    fixture_read(&t, "{" FIXTURE_PRETOKENIZER ",\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[NONE]\","
                     "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{\"a\":0}}}");
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, IDS(0));
    request.text = text_of("a b");
    assert_int_equal(rf__encode(&t, &request, call.scratch, &call.encoding, &err), RF_BAD_FORMAT);
    assert_non_null(strstr(err.message, "unk_token '[NONE]' is not in the vocabulary"));
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_text),
        cmocka_unit_test(ill_formed),
        cmocka_unit_test(trimmed_characters),
        cmocka_unit_test(truncation),
        cmocka_unit_test(pairs),
        cmocka_unit_test(early_cut),
        cmocka_unit_test(enormous),
        cmocka_unit_test(unknown_without_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
