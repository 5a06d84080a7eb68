/* Added tokens: that a text searched in parts gives what it gives whole. Which tokens are found, flag by flag, is shown
 * by the golden tokenizers and tests/oracle. */
#include "tokenizer_fixture.h"

#include <stdlib.h>

struct setup {
    struct added_tokens added;
    struct normalizers none;
    struct vocabulary empty;
};

static void random_setup(struct setup *setup)
{
    static const char *const contents[] = {"foo",    "foobar",       "o", " ",   "a b", "[X]",
                                           "\u4e2d", "\u4e2d\u6587", "_", "oo b"};

    *setup = (struct setup){0};
    assert_ok(rf__vocabulary_init(&setup->empty, 0, 0, 0, err));
    assert_ok(rf__vocabulary_finish(&setup->empty, err));
    assert_ok(rf__added_tokens_init(&setup->added, &setup->empty, 10, err));
    for (size_t i = 0; i < 10; i++) {
        struct added_spec spec = {contents[i], strlen(contents[i]), {0}};
        uint32_t id;
        if (rand() % 2)
            continue;
        spec.flags = (struct added_flags){rand() % 3 == 0, rand() % 3 == 0, rand() % 3 == 0, rand() % 2 == 0, false};
        assert_ok(rf__added_tokens_add(&setup->added, &setup->empty, &setup->none, &spec, &id, err));
    }
    assert_ok(rf__added_tokens_finish(&setup->added, NULL, err));
}

static void release(struct setup *setup)
{
    rf__added_tokens_release(&setup->added);
    rf__vocabulary_release(&setup->empty);
}

/* Parts as text: plain as it is, a token as <index:text>. Neighbouring plain parts of one segment run together. */
static void tell(char *out, const struct added_part *part, const char *data)
{
    size_t n = strlen(out);

    if (part->kind == ADDED_TOKEN)
        n += (size_t)sprintf(out + n, "<%u:", part->token);
    if (part->end > part->begin) {
        memcpy(out + n, data + part->begin, part->end - part->begin);
        n += part->end - part->begin;
    }
    out[n] = '\0';
    if (part->kind == ADDED_TOKEN)
        strcpy(out + n, ">");
}

/* Searches the text as it comes in, a few bytes at a time, forgetting what was given out. */
static void search_in_parts(const struct setup *setup, const struct pattern_set *set, const char *text, size_t len,
                            char *out)
{
    struct added_cursor cursor = {0};
    char window[1000];
    size_t have = 0, at = 0;

    *out = '\0';
    for (;;) {
        struct added_part part = rf__added_next(&setup->added, set, window, have, at == len, &cursor);
        if (part.kind == ADDED_DONE)
            return;
        if (part.kind != ADDED_MORE) {
            tell(out, &part, window);
            continue;
        }
        if (rand() % 2 && !cursor.has_match) {
            size_t n = cursor.begin;
            rf__added_drop(&cursor, window, n);
            memmove(window, window + n, have - n);
            have -= n;
        }
        do {
            window[have++] = text[at++];
        } while (at < len && (rand() % 4 || ((uint8_t)text[at] & 0xC0) == 0x80));
    }
}

static void search_whole(const struct setup *setup, const struct pattern_set *set, const char *text, size_t len,
                         char *out)
{
    struct added_cursor cursor = {0};

    *out = '\0';
    for (;;) {
        struct added_part part = rf__added_next(&setup->added, set, text, len, true, &cursor);
        if (part.kind == ADDED_DONE)
            return;
        assert_int_not_equal(part.kind, ADDED_MORE);
        tell(out, &part, text);
    }
}

static void parts_are_the_whole(void **state)
{
    static const char *const words[] = {"foo", "foobar", "fo",     "o", " ", "  ", "a b",    "a",   "[X]",
                                        "[",   "\u4e2d", "\u6587", "_", "x", "\t", "\u00a0", "bar", "."};

    (void)state;
    srand(5);
    for (int round = 0; round < 4000; round++) {
        struct setup setup;
        char text[300] = "", whole[3000], parts[3000];
        random_setup(&setup);
        for (int i = rand() % 25; i > 0; i--)
            strcat(text, words[(size_t)rand() % (sizeof words / sizeof words[0])]);
        search_whole(&setup, &setup.added.raw, text, strlen(text), whole);
        search_in_parts(&setup, &setup.added.raw, text, strlen(text), parts);
        assert_string_equal(parts, whole);
        search_whole(&setup, &setup.added.normalized, text, strlen(text), whole);
        search_in_parts(&setup, &setup.added.normalized, text, strlen(text), parts);
        assert_string_equal(parts, whole);
        release(&setup);
    }
}

/* single_word looks at the characters beside the match; what is ill-formed reads as U+FFFD, which is no letter. */
static void ill_formed_neighbours(void **state)
{
    static const char *const cases[][2] = {
        {"\u00fd foo", "\u00fd <0:foo>"},
        {"\u00fdfoo", "\u00fdfoo"},
        {"\u00fd\x80"
         "foo",
         "\u00fd\x80<0:foo>"},
        {"x\xc3"
         "foo",
         "x\xc3<0:foo>"},
        {"foo\xc3", "<0:foo>\xc3"},
        {"foo\u00fd", "foo\u00fd"},
    };
    struct setup setup = {0};
    struct added_spec spec = {"foo", 3, {.single_word = true}};
    uint32_t id;
    char out[100];

    (void)state;
    assert_ok(rf__vocabulary_init(&setup.empty, 0, 0, 0, err));
    assert_ok(rf__vocabulary_finish(&setup.empty, err));
    assert_ok(rf__added_tokens_init(&setup.added, &setup.empty, 1, err));
    assert_ok(rf__added_tokens_add(&setup.added, &setup.empty, &setup.none, &spec, &id, err));
    assert_ok(rf__added_tokens_finish(&setup.added, NULL, err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        search_whole(&setup, &setup.added.raw, cases[i][0], strlen(cases[i][0]), out);
        assert_string_equal(out, cases[i][1]);
    }
    release(&setup);
}

static void ids_and_flags(void **state)
{
    struct rf_tokenizer t;
    uint32_t id = 0;
    size_t len;

    (void)state;
    fixture_read(&t,
                 "{\"added_tokens\":[" FIXTURE_SPECIAL(999, "[NEW]") "," FIXTURE_SPECIAL(
                     4, "[MASK]") ",{\"content\":"
                                  "\"Foo\",\"id\":3,\"normalized\":true},{\"content\":\"\",\"id\":3}," FIXTURE_SPECIAL(
                                      5, "[NEW]") "]," FIXTURE_NORMALIZER "," FIXTURE_MODEL "}");
    assert_true(rf__tokenizer_id(&t, "[NEW]", 5, &id));
    assert_int_equal(id, 23); /* the next free id, whatever the file says */
    assert_true(rf__tokenizer_id(&t, "[MASK]", 6, &id));
    assert_int_equal(id, 4);
    assert_true(rf__tokenizer_id(&t, "Foo", 3, &id));
    assert_int_equal(id, 24);
    assert_string_equal(rf__tokenizer_piece(&t, 24, &len), "Foo");
    assert_int_equal(len, 3);
    assert_true(rf__tokenizer_id(&t, "un", 2, &id));
    assert_int_equal(id, 5);
    assert_false(rf__tokenizer_id(&t, "foo", 3, &id));
    assert_false(rf__tokenizer_id(&t, "", 0, &id));
    assert_int_equal(rf__tokenizer_vocab_size(&t), 25);
    assert_null(rf__tokenizer_piece(&t, 25, NULL));
    rf__tokenizer_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(ill_formed_neighbours),
        cmocka_unit_test(ids_and_flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
