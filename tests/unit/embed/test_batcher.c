/* test_batcher: every text in one batch, batches of one length and no more tokens than allowed. */
#include "golden.h"

#include "embed/batcher.h"

#include <stdlib.h>

static void test_random_lengths(void **state)
{
    enum { N = 3000 };
    static struct tokenized texts[N];
    static struct batch batches[N];
    static bool seen[N];
    size_t n_batches, next = 0;
    uint32_t random = 1, last = UINT32_MAX;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        random = random * 1664525u + 1013904223u;
        texts[i] = (struct tokenized){.index = i, .n_tokens = (random >> 16) % 600};
    }
    n_batches = rf__make_batches(texts, N, &(struct batch_limits){.most_tokens = BATCH_TOKENS}, batches);
    for (size_t b = 0; b < n_batches; b++) {
        uint32_t length = texts[batches[b].begin].n_tokens;
        assert_int_equal(batches[b].begin, next);
        assert_true(batches[b].n > 0 && length <= last);
        assert_true(batches[b].n == 1 || batches[b].n * length <= BATCH_TOKENS);
        for (size_t i = 0; i < batches[b].n; i++) {
            assert_int_equal(texts[next + i].n_tokens, length);
            assert_false(seen[texts[next + i].index]);
            seen[texts[next + i].index] = true;
        }
        next += batches[b].n;
        last = length;
    }
    assert_int_equal(next, N);
}

/* Texts of all lengths together, but for those without tokens. */
static void test_packed(void **state)
{
    enum { N = 1000 };
    static struct tokenized texts[N];
    static struct batch batches[N];
    size_t n_batches, next = 0;

    (void)state;
    for (size_t i = 0; i < N; i++)
        texts[i] = (struct tokenized){.index = i, .n_tokens = (uint32_t)(i * 7919 % 300)};
    n_batches = rf__make_batches(texts, N, &(struct batch_limits){.packs = true, .most_tokens = 200}, batches);
    for (size_t b = 0; b < n_batches; b++) {
        size_t n_tokens = 0;
        assert_int_equal(batches[b].begin, next);
        for (size_t i = 0; i < batches[b].n; i++)
            n_tokens += texts[next + i].n_tokens;
        assert_true(batches[b].n == 1 || n_tokens <= 200);
        assert_true(texts[next].n_tokens == 0 || texts[next + batches[b].n - 1].n_tokens > 0);
        next += batches[b].n;
    }
    assert_int_equal(next, N);
    assert_int_equal(texts[N - 1].n_tokens, 0);
}

/* Few texts are shared out among the workers. */
static void test_limits(void **state)
{
    const struct tokenized texts[] = {{.n_tokens = 10}, {.n_tokens = 20}, {.n_tokens = 31}};

    (void)state;
    assert_int_equal(rf__batch_limits(&(struct engine_info){.packs = true}, texts, 3, 2).most_tokens, 31);
    assert_int_equal(rf__batch_limits(&(struct engine_info){.packs = true}, texts, 3, 1).most_tokens, 61);
    assert_int_equal(rf__batch_limits(&(struct engine_info){.packs = false}, texts, 3, 2).most_tokens, BATCH_TOKENS);
}

/* What an engine makes depend on the batch gets each text alone. */
static void test_one_text(void **state)
{
    struct tokenized texts[] = {{.index = 0, .n_tokens = 5}, {.index = 1, .n_tokens = 5}, {.index = 2, .n_tokens = 0}};
    struct batch_limits limits = rf__batch_limits(&(struct engine_info){.mixes_texts = true}, texts, 3, 1);
    struct batch batches[3];

    (void)state;
    assert_int_equal(rf__make_batches(texts, 3, &limits, batches), 3);
}

static void test_none(void **state)
{
    struct tokenized text;
    struct batch batch;

    (void)state;
    assert_int_equal(
        rf__make_batches(&text, 0, &(struct batch_limits){.packs = true, .most_tokens = BATCH_TOKENS}, &batch), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_lengths), cmocka_unit_test(test_packed),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_one_text),
                                       cmocka_unit_test(test_none)};

    return cmocka_run_group_tests_name("embed: batcher", tests, NULL, NULL);
}
