/* Unigram: small vocabularies as data, and the fast model against the slow, obvious twin. */
#include "tokenizer_fixture.h"

#include "tokenizer/model/unigram.h"

#include <math.h>
#include <stdlib.h>

#define MODEL(VOCAB, MORE) "{\"model\":{\"type\":\"Unigram\",\"vocab\":[" VOCAB "]" MORE "}}"
#define PLAIN              "[\"<unk>\",0],[\"a\",0],[\"b\",0.0],[\"c\",0],[\"d\",0],[\"cd\",1],[\"ab\",2],[\"abc\",5],[\"abcd\",10]"

static const struct {
    const char *json, *text;
    uint32_t ids[12];
    size_t ends[12], n;
} cases[] = {
    {MODEL(PLAIN, ",\"unk_id\":0"), "abcdacdxx", {8, 1, 5, 0}, {4, 5, 7, 9}, 4},
    {MODEL(PLAIN, ",\"unk_id\":0"), "x<unk>y", {0}, {7}, 1},
    {MODEL(PLAIN, ",\"unk_id\":0"), "", {0}, {0}, 0},
    /* The first of two equal ways: the one whose last piece begins first. */
    {MODEL("[\"<unk>\",0],[\"a\",-1],[\"aa\",-2]", ",\"unk_id\":0"), "aaa", {1, 2}, {1, 3}, 2},
    /* The later of two pieces with one content. */
    {MODEL("[\"<unk>\",0],[\"a\",-1],[\"a\",-2]", ",\"unk_id\":0"), "a", {2}, {1}, 1},
    /* Unknown characters that together are a piece. */
    {MODEL("[\"<unk>\",50],[\"xy\",50]", ",\"unk_id\":0"), "xyx", {0}, {3}, 1},
    {MODEL("[\"<unk>\",50],[\"xy\",50]", ",\"unk_id\":0"), "xy", {1}, {2}, 1},
    /* A token for each byte, when all bytes have one. */
    {MODEL("[\"<unk>\",0],[\"<0xC3>\",0],[\"<0xA9>\",0],[\"a\",0]", ",\"unk_id\":0,\"byte_fallback\":true"),
     "a\u00e9",
     {3, 1, 2},
     {1, 3, 3},
     3},
    {MODEL("[\"<unk>\",0],[\"<0xC3>\",0],[\"a\",0]", ",\"unk_id\":0,\"byte_fallback\":true"),
     "a\u00e9",
     {2, 0},
     {1, 3},
     2},
    {MODEL("[\"a\",0]", ",\"unk_id\":null"), "aa", {0, 0}, {1, 2}, 2},
    {MODEL("[\"a\",0]", ""), "a", {0}, {1}, 1},
    {"{\"model\":{\"vocab\":[[\"a\",0]],\"unk_id\":0}}", "a", {0}, {1}, 1},
};

static void known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rf_tokenizer t;
        struct fixture_call call = {0};
        struct encode_request request = {.text = text_of(cases[i].text)};
        fixture_read(&t, cases[i].json);
        for (int round = 0; round < 2; round++) { /* the second from the cache */
            fixture_encode(&t, &call, &request);
            assert_ids(&call.encoding, cases[i].ids, cases[i].n);
            for (size_t k = 0; k < cases[i].n; k++)
                assert_int_equal(call.encoding.end[k], cases[i].ends[k]);
        }
        fixture_release(&call);
        rf__tokenizer_release(&t);
    }
}

static void unreadable(void **state)
{
    (void)state;
    assert_unreadable("{\"model\":{\"type\":\"Unigram\"}}", RF_BAD_FORMAT, "has no 'vocab'");
    assert_unreadable(MODEL("[\"a\"]", ""), RF_BAD_FORMAT, "element 0 of 'model.vocab'");
    assert_unreadable(MODEL("[\"a\",0],[\"a\",\"b\"]", ""), RF_BAD_FORMAT, "element 1 of 'model.vocab'");
    assert_unreadable(MODEL("[\"a\",0],{}", ""), RF_BAD_FORMAT, "element 1 of 'model.vocab'");
    assert_unreadable(MODEL("[\"a\",0]", ",\"unk_id\":1"), RF_BAD_FORMAT, "'model.unk_id' is 1, but there are 1");
    assert_unreadable(MODEL("", ",\"unk_id\":0"), RF_BAD_FORMAT, "there are 0");
    assert_unreadable(MODEL("[\"a\",0]", ",\"unk_id\":-1"), RF_BAD_FORMAT, "unk_id");
    assert_unreadable(MODEL("[\"a\",0]", ",\"byte_fallback\":3"), RF_BAD_FORMAT, "byte_fallback");
}

static void unknown_without_a_piece(void **state)
{
    struct rf_tokenizer t;
    struct encode_scratch *scratch = rf__encode_scratch_new();
    struct encoding encoding = {0};
    struct encode_request request = {.text = text_of("ab")};
    rf_error fault = {0};

    (void)state;
    fixture_read(&t, MODEL("[\"a\",0]", ""));
    assert_int_equal(rf__encode(&t, &request, scratch, &encoding, &fault), RF_BAD_FORMAT);
    assert_non_null(strstr(fault.message, "no unk_id"));
    request.text = text_of("aa");
    assert_ok(rf__encode(&t, &request, scratch, &encoding, err));
    assert_int_equal(encoding.n, 2);
    rf__encoding_release(&encoding);
    rf__encode_scratch_free(scratch);
    rf__tokenizer_release(&t);
}

/* ---- The twin ----------------------------------------------------------------------------------------------- */

#define MOST 80

struct setup {
    char pieces[MOST][320];
    size_t lens[MOST], longest;
    double scores[MOST];
    size_t n;
    struct model *model;
};

static double random_score(void)
{
    static const double divisors[] = {3, 7, 10};

    return rand() % 2 ? -(double)(rand() % 3 + 1) : -(double)(rand() % 30) / divisors[rand() % 3];
}

static void add(struct setup *setup, const char *piece)
{
    for (size_t i = 0; i < setup->n; i++)
        if (strcmp(setup->pieces[i], piece) == 0)
            return;
    strcpy(setup->pieces[setup->n], piece);
    setup->lens[setup->n] = strlen(piece);
    if (setup->lens[setup->n] > setup->longest)
        setup->longest = setup->lens[setup->n];
    setup->scores[setup->n++] = random_score();
}

static void random_setup(struct setup *setup)
{
    struct vocabulary vocabulary = {0};
    struct unigram_settings settings = {.fuse_unk = true, .name = "test"};
    double *scores = rf__alloc_array(MOST, sizeof *scores), least = INFINITY;
    size_t n_bytes = 0;

    setup->n = setup->longest = 0;
    add(setup, "<unk>");
    for (int i = rand() % (MOST - 1); i > 0; i--) {
        char piece[320] = {0};
        size_t len = i % 40 == 39 ? 230 + (size_t)rand() % 80 : 1 + (size_t)rand() % 6;
        for (size_t k = 0; k < len; k++)
            piece[k] = "aab"[rand() % 3];
        add(setup, piece);
    }
    for (size_t i = 0; i < setup->n; i++)
        n_bytes += setup->lens[i];
    assert_ok(rf__vocabulary_init(&vocabulary, setup->n, n_bytes, (uint32_t)setup->n, err));
    for (size_t i = 0; i < setup->n; i++) {
        rf__vocabulary_add(&vocabulary, setup->pieces[i], setup->lens[i], (uint32_t)i);
        scores[i] = setup->scores[i];
        least = fmin(least, scores[i]);
    }
    settings.unk_score = least - 10;
    assert_ok(rf__vocabulary_finish(&vocabulary, err));
    assert_ok(rf__unigram_new(&vocabulary, scores, &settings, &setup->model, err));
}

/* Every piece at every position, all sums kept. Returns the number of tokens. */
static size_t tokenize_slowly(const struct setup *setup, const char *text, size_t len, uint32_t *ids, size_t *ends)
{
    double *sums = calloc(len + 1, sizeof *sums), least = INFINITY;
    size_t *from = calloc(len + 1, sizeof *from), n = 0, at;
    uint32_t *id = calloc(len + 1, sizeof *id);
    bool *is_set = calloc(len + 1, 1);

    for (size_t i = 0; i < setup->n; i++)
        least = fmin(least, setup->scores[i]);
    for (at = 0; at < len; at++) {
        bool has_char = false;
        for (size_t l = 1; l <= len - at && l <= setup->longest; l++)
            for (size_t i = 0; i <= setup->n; i++) {
                size_t to = at + l, which = i == setup->n ? 0 : i;
                double sum = sums[at] + (i == setup->n ? least - 10 : setup->scores[i]);
                if (i == setup->n ? l != 1 || has_char
                                  : setup->lens[i] != l || memcmp(setup->pieces[i], text + at, l) != 0)
                    continue;
                has_char |= l == 1;
                if (is_set[to] && !(sum > sums[to]))
                    continue;
                is_set[to] = true;
                sums[to] = sum;
                from[to] = at;
                id[to] = (uint32_t)which;
            }
    }
    for (at = len; at > 0; at = from[at])
        n++;
    at = len;
    for (size_t i = n; i-- > 0; at = from[at]) {
        ids[i] = id[at];
        ends[i] = at;
    }
    for (size_t i = 0; i + 1 < n;) /* unknown neighbours are one */
        if (ids[i] == 0 && ids[i + 1] == 0) {
            memmove(ids + i, ids + i + 1, (n - i - 1) * sizeof *ids);
            memmove(ends + i, ends + i + 1, (n - i - 1) * sizeof *ends);
            n--;
        } else {
            i++;
        }
    free(sums);
    free(from);
    free(id);
    free(is_set);
    return n;
}

#define LONGEST 30000

static void same_as_the_twin(void **state)
{
    static struct setup setup;
    static char word[LONGEST + RF_TEXT_PAD];
    static uint32_t ids[LONGEST];
    static size_t ends[LONGEST];

    (void)state;
    srand(5);
    for (int round = 0; round < 150; round++) {
        struct tokens tokens = {0};
        struct model_scratch scratch = {0};
        random_setup(&setup);
        for (int i = 0; i < 12; i++) {
            size_t len = i == 11 && round % 50 == 0 ? LONGEST : 1 + (size_t)rand() % 90, n;
            size_t period = 1 + (size_t)rand() % 60;
            struct text text = {word, len, NULL, 0};
            struct span span = {0, len};
            struct pieces pieces = {.text = &text, .items = &span, .n = 1, .cap = 1};
            for (size_t k = 0; k < len; k++)
                word[k] = k >= period && round % 2 ? word[k - period] : "aaaaabbx"[rand() % 8];
            n = tokenize_slowly(&setup, word, len, ids, ends);
            tokens.n = 0;
            assert_ok(setup.model->ops->tokenize(setup.model, &pieces, SIZE_MAX, 7, &scratch, &tokens, err));
            assert_int_equal(tokens.n, n);
            for (size_t k = 0; k < n; k++) {
                assert_int_equal(tokens.ids[k], ids[k]);
                assert_int_equal(tokens.begin[k], k == 0 ? 0 : ends[k - 1]);
                assert_int_equal(tokens.end[k], ends[k]);
                assert_int_equal(tokens.words[k], 7);
            }
        }
        rf__model_scratch_release(&scratch);
        rf__tokens_release(&tokens);
        rf__model_free(setup.model);
    }
}

/* A score is what `tokenizers` reads, not the nearest double: -15.275492379532281 becomes -15.27549237953228, so that
 * "ab" is as good as "a" and "b", and its first piece begins first. */
static void scores_round_as_the_reference(void **state)
{
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("ab")};
    static const uint32_t pair[] = {3};

    (void)state;
    fixture_read(
        &t, MODEL("[\"<unk>\",0],[\"a\",-15.27549237953228],[\"b\",0],[\"ab\",-15.275492379532281]", ",\"unk_id\":0"));
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, pair, 1);
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

static void limit_ends_a_long_word_early(void **state)
{
    struct rf_tokenizer t;
    size_t len = 1 << 20;
    char *text = malloc(len);
    struct fixture_call call = {0};
    struct encode_request request = {.text = {text, len}, .max_tokens = 100};

    (void)state;
    for (size_t i = 0; i < len; i++)
        text[i] = "abcd"[i % 4];
    fixture_read(&t, MODEL(PLAIN, ",\"unk_id\":0"));
    fixture_encode(&t, &call, &request);
    assert_int_equal(call.encoding.n, 100);
    assert_true(call.encoding.truncated);
    request.max_tokens = 0;
    fixture_encode(&t, &call, &request);
    assert_int_equal(call.encoding.n, len / 4);
    fixture_release(&call);
    rf__tokenizer_release(&t);
    free(text);
}

/* Every allocation fails once, of reading and of encoding. */
static void out_of_memory(void **state)
{
    static const char json[] = MODEL(PLAIN ",[\"<0xC3>\",0],[\"<0xA9>\",0]", ",\"unk_id\":0,\"byte_fallback\":true");
    static char text[20000];
    struct encode_request request = {.text = {text, sizeof text}};
    uint64_t n = 1;
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "abcdx"[i % 5];
    for (; status != RF_OK; n++) {
        struct rf_tokenizer t = {0};
        struct encode_scratch *scratch = NULL;
        struct encoding encoding = {0};
        rf_error fault = {0};
        rf__alloc_fail_at(n);
        status = rf__tokenizer_read_json(&t, json, sizeof json - 1, "tokenizer.json", false, NULL, &fault);
        if (status == RF_OK) {
            scratch = rf__encode_scratch_new();
            status = scratch == NULL ? RF_NO_MEMORY : rf__encode(&t, &request, scratch, &encoding, &fault);
        }
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        rf__encoding_release(&encoding);
        rf__encode_scratch_free(scratch);
        rf__tokenizer_release(&t);
    }
    assert_in_range(n, 25, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(unknown_without_a_piece),
        cmocka_unit_test(same_as_the_twin),
        cmocka_unit_test(scores_round_as_the_reference),
        cmocka_unit_test(limit_ends_a_long_word_early),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
