/* WordPiece against the slow, obvious twin: every length from the longest down, every piece compared. */
#include "tokenizer_fixture.h"

#include <stdlib.h>

#define MOST 220

struct piece {
    char bytes[130];
    size_t len;
};

struct setup {
    struct piece pieces[MOST];
    size_t n;
    const char *prefix;
    size_t max_chars;
    struct model *model;
};

static uint32_t find(const struct setup *setup, const char *prefix, const char *bytes, size_t len)
{
    for (size_t i = 0; i < setup->n; i++) {
        const struct piece *piece = &setup->pieces[i];
        size_t skip = strlen(prefix);
        if (piece->len == skip + len && memcmp(piece->bytes, prefix, skip) == 0 &&
            memcmp(piece->bytes + skip, bytes, len) == 0)
            return (uint32_t)i;
    }
    return UINT32_MAX;
}

/* Returns the number of tokens; 1 with id 0, [UNK], for what no pieces make up. */
static size_t tokenize_slowly(const struct setup *setup, const char *word, size_t len, uint32_t *ids, size_t *ends)
{
    size_t n = 0, at = 0;

    while (at < len) {
        size_t end = len;
        uint32_t id = UINT32_MAX;
        for (; end > at; end--)
            if ((id = find(setup, at > 0 ? setup->prefix : "", word + at, end - at)) != UINT32_MAX)
                break;
        if (id == UINT32_MAX || len > setup->max_chars) {
            ids[0] = 0;
            ends[0] = len;
            return 1;
        }
        ids[n] = id;
        ends[n++] = at = end;
    }
    return n;
}

static void build(struct setup *setup)
{
    struct wordpiece_settings settings = {"[UNK]", 5, setup->prefix, strlen(setup->prefix), setup->max_chars, "test"};
    struct vocabulary vocabulary = {0};
    size_t n_bytes = 0;

    for (size_t i = 0; i < setup->n; i++)
        n_bytes += setup->pieces[i].len;
    assert_ok(rf__vocabulary_init(&vocabulary, setup->n, n_bytes, (uint32_t)setup->n, err));
    for (size_t i = 0; i < setup->n; i++)
        rf__vocabulary_add(&vocabulary, setup->pieces[i].bytes, setup->pieces[i].len, (uint32_t)i);
    assert_ok(rf__vocabulary_finish(&vocabulary, err));
    assert_ok(rf__wordpiece_new(&vocabulary, &settings, &setup->model, err));
}

static void add_piece(struct setup *setup, const char *prefix, const char *bytes, size_t len)
{
    struct piece piece;

    if (setup->n == MOST || find(setup, prefix, bytes, len) != UINT32_MAX)
        return;
    piece.len = strlen(prefix) + len;
    memcpy(piece.bytes, prefix, strlen(prefix));
    memcpy(piece.bytes + strlen(prefix), bytes, len);
    setup->pieces[setup->n++] = piece;
}

static size_t random_word(char *out, size_t most)
{
    size_t len = (size_t)rand() % most + 1;

    for (size_t i = 0; i < len; i++)
        out[i] = "ab#"[rand() % 100 < 80 ? 0 : rand() % 3];
    return len;
}

static void random_setup(struct setup *setup)
{
    *setup = (struct setup){.prefix = rand() % 4 ? "##" : "", .max_chars = rand() % 5 ? 1000 : 20};
    add_piece(setup, "", "[UNK]", 5);
    for (int i = 0; i < rand() % 200; i++) {
        char bytes[130];
        size_t len = random_word(bytes, i % 10 == 0 ? 120 : 12);
        add_piece(setup, rand() % 2 ? setup->prefix : "", bytes, len);
    }
    build(setup);
}

static void same_as_the_twin(void **state)
{
    static struct setup setup;

    (void)state;
    srand(4);
    for (int round = 0; round < 400; round++) {
        struct tokens tokens = {0};
        random_setup(&setup);
        for (int i = 0; i < 40; i++) {
            char word[300 + RF_TEXT_PAD] = {0};
            uint32_t ids[300];
            size_t ends[300], len = random_word(word, i % 5 == 0 ? 300 : 30), n;
            struct text text = {word, len, NULL, 0};
            struct span span = {0, len};
            struct pieces pieces = {.text = &text, .items = &span, .n = 1, .cap = 1};
            n = tokenize_slowly(&setup, word, len, ids, ends);
            tokens.n = 0;
            assert_ok(setup.model->ops->tokenize(setup.model, &pieces, SIZE_MAX, 7, NULL, &tokens, err));
            assert_int_equal(tokens.n, n);
            for (size_t k = 0; k < n; k++) {
                assert_int_equal(tokens.ids[k], ids[k]);
                assert_int_equal(tokens.begin[k], k == 0 ? 0 : ends[k - 1]);
                assert_int_equal(tokens.end[k], ends[k]);
                assert_int_equal(tokens.words[k], 7);
            }
        }
        rf__tokens_release(&tokens);
        rf__model_free(setup.model);
    }
}

static void limit_ends_behind_a_word(void **state)
{
    struct rf_tokenizer tokenizer;
    struct tokens tokens = {0};
    char bytes[32] = "unaffablehello";
    struct text text = {bytes, 14, NULL, 0};
    struct span spans[] = {{0, 9}, {9, 14}, {9, 14}};
    struct pieces pieces = {.text = &text, .items = spans, .n = 3, .cap = 3};

    (void)state;
    fixture_read(&tokenizer, FIXTURE_JSON);
    assert_ok(tokenizer.model->ops->tokenize(tokenizer.model, &pieces, 2, 0, NULL, &tokens, err));
    assert_int_equal(tokens.n, 3); /* un ##aff ##able */
    assert_ok(tokenizer.model->ops->tokenize(tokenizer.model, &pieces, 100, 5, NULL, &tokens, err));
    assert_int_equal(tokens.n, 8);
    assert_int_equal(tokens.words[7], 7);
    rf__tokens_release(&tokens);
    rf__tokenizer_release(&tokenizer);
}

/* Strings built so that one hash sends many to one slot would make a table slow; it must refuse or cope, quickly. */
static void vocabulary_of_many(void **state)
{
    struct vocabulary vocabulary = {0};
    uint32_t id = 0, n = 100000;
    char piece[16];
    size_t len;

    (void)state;
    assert_ok(rf__vocabulary_init(&vocabulary, n + 2, (size_t)n * 8 + 2, n, err));
    for (uint32_t i = 0; i < n; i++)
        rf__vocabulary_add(&vocabulary, piece, (size_t)snprintf(piece, sizeof piece, "%u", i), i);
    rf__vocabulary_add(&vocabulary, "7", 1, 8); /* again: 8 now, and 7 names nothing */
    rf__vocabulary_add(&vocabulary, "", 0, 3);
    assert_ok(rf__vocabulary_finish(&vocabulary, err));
    assert_int_equal(vocabulary.n_pieces, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(piece, sizeof piece, "%u", i);
        assert_true(rf__vocabulary_find(&vocabulary, piece, strlen(piece), &id));
        assert_int_equal(id, i == 7 ? 8 : i);
    }
    assert_false(rf__vocabulary_find(&vocabulary, "x", 1, &id));
    assert_true(rf__vocabulary_find(&vocabulary, "", 0, &id));
    assert_int_equal(id, 3);
    assert_null(rf__vocabulary_piece(&vocabulary, 7, &len));
    assert_null(rf__vocabulary_piece(&vocabulary, n, &len));
    assert_string_equal(rf__vocabulary_piece(&vocabulary, 8, &len), "8");
    assert_string_equal(rf__vocabulary_piece(&vocabulary, 3, &len), "3");
    rf__vocabulary_release(&vocabulary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_twin),
        cmocka_unit_test(limit_ends_behind_a_word),
        cmocka_unit_test(vocabulary_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
