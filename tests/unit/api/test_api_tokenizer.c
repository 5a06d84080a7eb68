/* The tokenizer's part of rag_factory.h: the calls with several texts against the call with one, and wrong arguments.
 */
#include "golden.h"

#include "rag_factory.h"

#include <stdlib.h>
#include <string.h>

#define N 300

static rf_tokenizer *tokenizer;
static rf_text texts[N], pairs[N];

static int open_tokenizer(void **state)
{
    static char storage[N][64];

    (void)state;
    assert_ok(rf_tokenizer_open(golden_path("tests/golden/tokenizers/template-bert"), &tokenizer, err));
    for (size_t i = 0; i < N; i++) {
        int len =
            snprintf(storage[i], sizeof storage[i], "the quick caf\u00e9 %zu, unaffable %s", i, i % 3 ? "cat" : "");
        texts[i] = (rf_text){storage[i], (size_t)len};
        pairs[i] = (rf_text){storage[i], (size_t)len % 20};
    }
    return 0;
}

static int close_tokenizer(void **state)
{
    (void)state;
    rf_tokenizer_free(tokenizer);
    return 0;
}

static bool same_ids(const rf_encoding *e, const uint32_t *ids, size_t n)
{
    return e->n == n && memcmp(e->ids, ids, n * sizeof *ids) == 0;
}

static void same_encoding(const rf_encoding *a, const rf_encoding *b)
{
    assert_true(same_ids(a, b->ids, b->n));
    assert_int_equal(a->truncated, b->truncated);
    assert_int_equal(a->n_overflow, b->n_overflow);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(a->begin[i], b->begin[i]);
        assert_int_equal(a->end_char[i], b->end_char[i]);
        assert_int_equal(a->words[i], b->words[i]);
        assert_int_equal(a->sequence[i], b->sequence[i]);
    }
    for (size_t i = 0; i < a->n_overflow; i++)
        same_encoding(a->overflow[i], b->overflow[i]);
}

static void batches_are_single_calls(void **state)
{
    rf_encode_options options;
    rf_encoding *batch[N];
    rf_ids *ids = NULL;

    (void)state;
    rf_encode_options_init(&options, sizeof options);
    options.characters = options.overflow = true;
    options.stride = 1;
    for (options.threads = 1; options.threads <= 3; options.threads++) {
        bool with_pairs = options.threads == 2;
        size_t n_truncated = 0;
        options.max_tokens = with_pairs ? 12 : options.threads == 1 ? 9 : 0;
        options.overflow = options.max_tokens > 0;
        assert_ok(rf_tokenizer_encode_batch(tokenizer, texts, with_pairs ? pairs : NULL, N, &options, batch, err));
        assert_ok(rf_tokenizer_encode_ids(tokenizer, texts, with_pairs ? pairs : NULL, N, &options, &ids, err));
        assert_int_equal(ids->n, N);
        for (size_t i = 0; i < N; i++) {
            rf_encoding *one;
            assert_ok(rf_tokenizer_encode(tokenizer, texts[i], with_pairs ? &pairs[i] : NULL, &options, &one, err));
            same_encoding(batch[i], one);
            assert_true(same_ids(one, ids->ids + ids->first[i], ids->first[i + 1] - ids->first[i]));
            n_truncated += one->truncated;
            rf_encoding_free(one);
            rf_encoding_free(batch[i]);
        }
        assert_int_equal(ids->n_truncated, n_truncated);
    }
    assert_ok(rf_tokenizer_encode_ids(tokenizer, NULL, NULL, 0, NULL, &ids, err));
    assert_int_equal(ids->n, 0);
    rf_ids_free(ids);
}

static void counts(void **state)
{
    size_t n, n_special;
    rf_encoding *one;

    (void)state;
    assert_int_equal(rf_tokenizer_n_special(tokenizer, false), 2);
    assert_int_equal(rf_tokenizer_n_special(tokenizer, true), 3);
    for (size_t i = 0; i < N; i++) {
        assert_ok(rf_tokenizer_encode(tokenizer, texts[i], NULL, NULL, &one, err));
        assert_ok(rf_tokenizer_count(tokenizer, texts[i], false, 0, &n, err));
        assert_int_equal(n, one->n);
        assert_ok(rf_tokenizer_count(tokenizer, texts[i], true, 0, &n_special, err));
        assert_int_equal(n_special, one->n - 2);
        assert_ok(rf_tokenizer_count(tokenizer, texts[i], false, 5, &n, err));
        assert_int_equal(n, 5);
        rf_encoding_free(one);
    }
}

static void questions(void **state)
{
    uint32_t id;

    (void)state;
    assert_true(rf_tokenizer_id(tokenizer, "[CLS]", 5, &id));
    assert_int_equal(rf_tokenizer_kind(tokenizer, id), RF_TOKEN_SPECIAL);
    assert_true(rf_tokenizer_id(tokenizer, "the", 3, &id));
    assert_int_equal(rf_tokenizer_kind(tokenizer, id), RF_TOKEN_PIECE);
    assert_string_equal(rf_tokenizer_piece(tokenizer, id, NULL), "the");
    assert_false(rf_tokenizer_id(tokenizer, "no such piece", 13, &id));
    assert_int_equal(rf_tokenizer_kind(tokenizer, 1u << 30), RF_TOKEN_NONE);
    assert_int_equal(rf_estimate_tokens((rf_text){NULL, 0}), 0);
}

static void streams(void **state)
{
    rf_encoding *one;
    rf_decode_stream *stream;
    char *whole, joined[256] = "";
    const char *part;
    size_t len;
    rf_error error;

    (void)state;
    assert_ok(rf_tokenizer_encode(tokenizer, texts[1], NULL, NULL, &one, err));
    assert_ok(rf_tokenizer_decode(tokenizer, one->ids, one->n, true, &whole, &len, err));
    assert_ok(rf_decode_stream_new(tokenizer, true, &stream, err));
    for (size_t i = 0; i < one->n; i++) {
        assert_int_equal(rf_decode_stream_step(stream, 1u << 30, &part, NULL, &error), RF_INVALID_ARGUMENT);
        assert_ok(rf_decode_stream_step(stream, one->ids[i], &part, NULL, err));
        strncat(joined, part, sizeof joined - strlen(joined) - 1);
    }
    assert_ok(rf_decode_stream_finish(stream, &part, &len, err));
    strncat(joined, part, sizeof joined - strlen(joined) - 1);
    assert_string_equal(joined, whole);
    rf_decode_stream_free(stream);
    rf_free(whole);
    rf_encoding_free(one);
}

static void wrong_arguments(void **state)
{
    const rf_text bad[] = {{"a", 1}, {NULL, 1}}, many[] = {{"the", 3}, {"the cat sat on", 14}};
    rf_encoding *out[2];
    rf_ids *ids = NULL;
    rf_encode_options options;
    size_t n;
    rf_error error;

    (void)state;
    rf_encode_options_init(&options, sizeof options);
    assert_int_equal(rf_tokenizer_encode_batch(tokenizer, bad, NULL, 2, NULL, out, &error), RF_INVALID_ARGUMENT);
    assert_string_equal(error.message, "rf_tokenizer_encode_batch: text 1 is NULL");
    assert_int_equal(rf_tokenizer_encode_batch(tokenizer, many, bad, 2, NULL, out, &error), RF_INVALID_ARGUMENT);
    assert_string_equal(error.message, "rf_tokenizer_encode_batch: the second text of 1 is NULL");
    assert_int_equal(rf_tokenizer_encode_ids(tokenizer, NULL, NULL, 1, NULL, &ids, &error), RF_INVALID_ARGUMENT);
    assert_int_equal(rf_tokenizer_encode_ids(tokenizer, bad, NULL, 1, NULL, NULL, &error), RF_INVALID_ARGUMENT);
    assert_int_equal(rf_tokenizer_count(tokenizer, bad[1], false, 0, &n, &error), RF_INVALID_ARGUMENT);
    assert_int_equal(rf_decode_stream_new(NULL, false, NULL, &error), RF_INVALID_ARGUMENT);
    options.max_tokens = 4;
    options.truncate = RF_TRUNCATE_ERROR;
    assert_int_equal(rf_tokenizer_encode_ids(tokenizer, many, NULL, 2, &options, &ids, &error), RF_TRUNCATED);
    assert_string_equal(error.message, "text 1: the text has more than 4 tokens");
    assert_null(ids);
    assert_int_equal(rf_tokenizer_encode_batch(tokenizer, many, NULL, 2, &options, out, &error), RF_TRUNCATED);
    assert_int_equal(rf_tokenizer_encode_batch(tokenizer, many + 1, NULL, 1, &options, out, &error), RF_TRUNCATED);
    assert_string_equal(error.message, "the text has more than 4 tokens");
    options.truncate = RF_TRUNCATE_RIGHT;
    options.strategy = (rf_strategy)7;
    assert_int_equal(rf_tokenizer_encode_ids(tokenizer, many, NULL, 2, &options, &ids, &error), RF_INVALID_ARGUMENT);
    options.strategy = RF_STRATEGY_ONLY_SECOND;
    assert_int_equal(rf_tokenizer_encode_ids(tokenizer, many, NULL, 2, &options, &ids, &error), RF_INVALID_ARGUMENT);
}

/* A failure empties what an earlier call gave, whatever the failure. */
static void failures_leave_no_ids(void **state)
{
    rf_ids *ids = NULL;
    rf_encode_options options;
    rf_error error;

    (void)state;
    rf_encode_options_init(&options, sizeof options);
    for (int wrong = 0; wrong < 3; wrong++) {
        assert_ok(rf_tokenizer_encode_ids(tokenizer, texts, NULL, 3, NULL, &ids, err));
        assert_int_equal(ids->n, 3);
        options.truncate = wrong == 0 ? (rf_truncate)9 : RF_TRUNCATE_ERROR;
        options.max_tokens = wrong == 1 ? 1 : 3;
        assert_true(rf_tokenizer_encode_ids(tokenizer, texts, NULL, 3, &options, &ids, &error) != RF_OK);
        assert_int_equal(ids->n, 0);
        assert_null(ids->ids);
    }
    rf_ids_free(ids);
}

/* As rf_model_tokenizer() may give it. */
static void no_tokenizer(void **state)
{
    uint32_t id = 7;
    size_t len = 7;

    (void)state;
    assert_int_equal(rf_tokenizer_vocab_size(NULL), 0);
    assert_null(rf_tokenizer_piece(NULL, 1, &len));
    assert_int_equal(rf_tokenizer_n_special(NULL, true), 0);
    assert_false(rf_tokenizer_id(NULL, "the", 3, &id));
    assert_int_equal(rf_tokenizer_kind(NULL, 1), RF_TOKEN_NONE);
    assert_true(rf_tokenizer_id(tokenizer, "the", 3, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_single_calls),
        cmocka_unit_test(counts),
        cmocka_unit_test(questions),
        cmocka_unit_test(streams),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(failures_leave_no_ids),
        cmocka_unit_test(no_tokenizer),
    };

    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
