/* Every kind of pre-tokenizer: what `tokenizers` said (tests/golden/pretokenizers.jsonl), that cutting a text where it
 * has settled makes no difference, that no description and no allocation that fails does harm, and that no text is
 * slow. */
#include "golden.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"
#include "tokenizer/stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Golden ------------------------------------------------------------------------------------------------------ */

struct kind {
    struct json json;
    const char *name;
    yyjson_val *cases;
    struct pretokenizers chain;
};

static struct {
    struct buf file;
    struct kind *items;
    size_t n;
} kinds;

static int read_kinds(void **state)
{
    const char *path = golden_path("tests/golden/pretokenizers.jsonl");
    size_t at = 0;

    (void)state;
    rf__buf_init(&kinds.file, 16 << 20);
    assert_ok(rf__os_read_file(path, &kinds.file, err));
    kinds.items = calloc(kinds.file.len / 100, sizeof *kinds.items);
    assert_non_null(kinds.items);
    while (at < kinds.file.len) {
        const char *line = kinds.file.data + at, *stop = memchr(line, '\n', kinds.file.len - at);
        struct kind *kind = &kinds.items[kinds.n++];
        assert_non_null(stop);
        assert_ok(rf__json_parse(&kind->json, line, (size_t)(stop - line), path, err));
        kind->name = yyjson_get_str(yyjson_obj_get(kind->json.root, "name"));
        kind->cases = yyjson_obj_get(kind->json.root, "cases");
        struct stage_source source = {&kind->json, yyjson_obj_get(kind->json.root, "pre_tokenizer")};
        assert_ok(rf__pretokenizers_read(&kind->chain, &source, err));
        at = (size_t)(stop - kinds.file.data) + 1;
    }
    assert_true(kinds.n > 80);
    return 0;
}

static int free_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < kinds.n; i++) {
        rf__pretokenizers_release(&kinds.items[i].chain);
        rf__json_release(&kinds.items[i].json);
    }
    free(kinds.items);
    rf__buf_release(&kinds.file);
    return 0;
}

static void check_case(const struct kind *kind, yyjson_val *text, yyjson_val *expected, struct pieces lists[2])
{
    struct text in = rf__text_of_caller((rf_text){yyjson_get_str(text), yyjson_get_len(text)});
    struct text_part part = {&in, 0, in.len, true, true};
    struct pieces *out;
    struct align align;

    assert_ok(rf__pretokenize(&kind->chain, &part, lists, &out, err));
    if (out->n != yyjson_arr_size(expected))
        fail_msg("%s: '%s' has %zu pieces, not %zu", kind->name, in.data, out->n, yyjson_arr_size(expected));
    align = rf__align_of(out->text);
    for (size_t i = 0; i < out->n; i++) {
        yyjson_val *item = yyjson_arr_get(expected, i), *piece = yyjson_arr_get(item, 0);
        struct span span = out->items[i];
        size_t len = span.end - span.begin, begin = rf__align_begin(&align, span.begin);
        size_t end = rf__align_end(&align, span.end);
        if (len != yyjson_get_len(piece) || memcmp(out->text->data + span.begin, yyjson_get_str(piece), len) != 0)
            fail_msg("%s: '%s': piece %zu is '%.*s', not '%s'", kind->name, in.data, i, (int)len,
                     out->text->data + span.begin, yyjson_get_str(piece));
        if (begin != yyjson_get_uint(yyjson_arr_get(item, 1)) || end != yyjson_get_uint(yyjson_arr_get(item, 2)))
            fail_msg("%s: '%s': piece %zu is [%zu, %zu)", kind->name, in.data, i, begin, end);
    }
}

static void golden(void **state)
{
    struct pieces lists[2] = {{0}};

    (void)state;
    for (size_t k = 0; k < kinds.n; k++) {
        yyjson_val *one;
        size_t i, n;
        yyjson_arr_foreach(kinds.items[k].cases, i, n, one)
        {
            check_case(&kinds.items[k], yyjson_arr_get(one, 0), yyjson_arr_get(one, 1), lists);
        }
    }
    rf__pieces_release(&lists[0]);
    rf__pieces_release(&lists[1]);
}

/* ---- Cutting ----------------------------------------------------------------------------------------------------- */

/* Pieces one behind the other: text, and where it comes from. */
struct outcome {
    struct buf bytes;
    size_t *numbers; /* begin, end, length */
    size_t n, cap;
};

static void outcome_add(struct outcome *outcome, const struct pieces *pieces)
{
    struct align align = rf__align_of(pieces->text);

    for (size_t i = 0; i < pieces->n; i++) {
        struct span span = pieces->items[i];
        if (outcome->n + 3 > outcome->cap) {
            outcome->cap = outcome->cap * 2 + 300;
            outcome->numbers = realloc(outcome->numbers, outcome->cap * sizeof *outcome->numbers);
            assert_non_null(outcome->numbers);
        }
        outcome->numbers[outcome->n++] = rf__align_begin(&align, span.begin);
        outcome->numbers[outcome->n++] = rf__align_end(&align, span.end);
        outcome->numbers[outcome->n++] = span.end - span.begin;
        assert_ok(rf__buf_append(&outcome->bytes, pieces->text->data + span.begin, span.end - span.begin, err));
    }
}

static uint64_t random_state = 88172645463325252u;

static size_t below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

/* Parts of all classes, long and short runs. */
static size_t random_text(char *out, size_t max)
{
    static const char *const parts[] = {
        "a",      "b",       "Z",      "\u00c9",      "\u00df",     "\u01c5", "\u02b0", "\u4e2d",     "\u306e",
        "\u30fc", "\ud55c",  "1",      "2",           "\u0663",     "\u2167", "\u0301", "\u093f",     " ",
        " ",      "  ",      "\n",     "\r\n",        "\t",         "\u00a0", "\u3000", "'",          "'s",
        "'S",     "'\u017f", "'re",    "'ll",         ".",          ",",      "!",      "-",          "--",
        "/",      "$",       "\u20ac", "\u3002",      "\U0001f600", "\u200b", "\ue000", "\u0378",     "\u2581",
        "hello",  "World",   "HTTP",   "aa",          "12345",      "    ",   "\n\n",   "\U0001e5d0", "\u0391",
        "\u0416", "(b",      "`a",     "\u00e9\u00e9"};
    size_t n = 0, times = 1 + below(60);

    for (size_t i = 0; i < times; i++) {
        const char *part = parts[below(sizeof parts / sizeof parts[0])];
        size_t len = strlen(part), again = below(12) == 0 ? 1 + below(9) : 1;
        for (; again > 0 && n + len <= max; again--, n += len)
            memcpy(out + n, part, len);
    }
    return n;
}

/* Splits as encode.c does, which learns of the text bit by bit. Returns the number of chunks. */
static size_t split_in_chunks(const struct kind *kind, const struct text *text, struct pieces lists[2],
                              struct outcome *outcome)
{
    size_t from = 0, known = 0, seen = 0, chunks = 0;

    while (from < text->len) {
        struct text_part part = {text, from, 0, from == 0, false};
        struct pieces *out;
        if (known < text->len) {
            known += 1 + below(20);
            known = known > text->len ? text->len : known;
            while (known < text->len && ((uint8_t)text->data[known] & 0xC0) == 0x80)
                known++;
        }
        part.is_end = known == text->len && below(2) == 0;
        part.to = known;
        if (!part.is_end) {
            struct text visible = *text;
            visible.len = known;
            part.to = rf__pretokenize_settled(&kind->chain, &visible, seen > from ? seen : from, known);
            seen = known;
            if (part.to == 0)
                continue;
            assert_true(part.to > from && part.to <= known);
        }
        assert_ok(rf__pretokenize(&kind->chain, &part, lists, &out, err));
        outcome_add(outcome, out);
        from = part.to;
        chunks++;
    }
    return chunks;
}

static void cutting(void **state)
{
    struct pieces lists[2] = {{0}};
    struct outcome whole = {0}, cut = {0};
    char text[2048 + RF_TEXT_PAD];

    (void)state;
    rf__buf_init(&whole.bytes, 1 << 20);
    rf__buf_init(&cut.bytes, 1 << 20);
    for (size_t k = 0; k < kinds.n; k++) {
        size_t chunks = 0, texts = 120;
        for (size_t i = 0; i < texts; i++) {
            size_t len = random_text(text, 2048);
            struct text in = rf__text_of_caller((rf_text){text, len});
            struct text_part part = {&in, 0, len, true, true};
            struct pieces *out;
            whole.n = cut.n = 0;
            rf__buf_clear(&whole.bytes);
            rf__buf_clear(&cut.bytes);
            assert_ok(rf__pretokenize(&kinds.items[k].chain, &part, lists, &out, err));
            outcome_add(&whole, out);
            chunks += split_in_chunks(&kinds.items[k], &in, lists, &cut);
            if (whole.n != cut.n || whole.bytes.len != cut.bytes.len ||
                memcmp(whole.numbers, cut.numbers, whole.n * sizeof *whole.numbers) != 0 ||
                (whole.bytes.len > 0 && memcmp(whole.bytes.data, cut.bytes.data, whole.bytes.len) != 0))
                fail_msg("%s: another result in chunks for '%.*s'", kinds.items[k].name, (int)len, text);
        }
        if (getenv("RF_VERBOSE") != NULL)
            printf("%-32s %.1f chunks a text\n", kinds.items[k].name, (double)chunks / (double)texts);
    }
    free(whole.numbers);
    free(cut.numbers);
    rf__buf_release(&whole.bytes);
    rf__buf_release(&cut.bytes);
    rf__pieces_release(&lists[0]);
    rf__pieces_release(&lists[1]);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

/* With maps_bytes off, ByteLevel gives the same pieces, of the bytes themselves; without a prefix they are slices. */
static void raw_bytes(void **state)
{
    struct pieces mapped[2] = {{0}}, raw[2] = {{0}};
    char text[2048 + RF_TEXT_PAD];

    (void)state;
    for (size_t k = 0; k < kinds.n; k++) {
        struct pretokenizers *chain = &kinds.items[k].chain;
        struct pretokenizer *last = chain->n == 0 ? NULL : chain->items[chain->n - 1];
        if (last == NULL || !last->maps_bytes || (chain->n > 1 && chain->items[0]->maps_bytes))
            continue;
        for (int i = 0; i < 100; i++) {
            size_t len = random_text(text, 2048);
            struct text in = rf__text_of_caller((rf_text){text, len});
            struct text_part part = {&in, 0, len, true, true};
            struct pieces *a, *b;
            struct align align_a, align_b;
            assert_ok(rf__pretokenize(chain, &part, mapped, &a, err));
            last->maps_bytes = false;
            assert_ok(rf__pretokenize(chain, &part, raw, &b, err));
            last->maps_bytes = true;
            assert_int_equal(a->n, b->n);
            if (!last->adds_prefix)
                assert_ptr_equal(b->text, &in);
            align_a = rf__align_of(a->text);
            align_b = rf__align_of(b->text);
            for (size_t p = 0; p < a->n; p++) {
                size_t n_chars = 0;
                for (size_t at = a->items[p].begin; at < a->items[p].end; at++)
                    n_chars += ((uint8_t)a->text->data[at] & 0xC0) != 0x80;
                assert_int_equal(n_chars, b->items[p].end - b->items[p].begin);
                assert_int_equal(rf__align_begin(&align_a, a->items[p].begin),
                                 rf__align_begin(&align_b, b->items[p].begin));
                assert_int_equal(rf__align_end(&align_a, a->items[p].end), rf__align_end(&align_b, b->items[p].end));
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        rf__pieces_release(&mapped[i]);
        rf__pieces_release(&raw[i]);
    }
}

/* ---- Bad descriptions -------------------------------------------------------------------------------------------- */

static rf_status read_json(const char *text, struct pretokenizers *chain, rf_error *err)
{
    struct json json;
    rf_status status = rf__json_parse(&json, text, strlen(text), "tokenizer.json", err);

    assert_int_equal(status, RF_OK);
    struct stage_source source = {&json, json.root};
    status = rf__pretokenizers_read(chain, &source, err);
    rf__json_release(&json);
    return status;
}

#define SPLIT(pattern) "{\"type\":\"Split\",\"pattern\":" pattern ",\"behavior\":\"Isolated\",\"invert\":false}"

static void bad_descriptions(void **state)
{
    static const struct {
        const char *json;
        rf_status status;
        const char *message;
    } cases[] = {
        {"{\"type\":\"Nonsense\"}", RF_UNSUPPORTED, "unsupported: pre_tokenizer 'Nonsense'"},
        {"{\"type\":\"Delimiter\",\"delimiter\":\"-\"}", RF_UNSUPPORTED, "'Delimiter'"},
        {"{\"type\":\"Digits\"}", RF_BAD_FORMAT, "pre_tokenizer 'Digits' has no 'individual_digits'"},
        {"{\"type\":\"Digits\",\"individual_digits\":1}", RF_BAD_FORMAT, "individual_digits"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", RF_BAD_FORMAT, "'trim_offsets'"},
        {"{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"--\"}", RF_BAD_FORMAT, "one character"},
        {"{\"type\":\"CharDelimiterSplit\"}", RF_BAD_FORMAT, "has no 'delimiter'"},
        {"{\"type\":\"Metaspace\"}", RF_BAD_FORMAT, "has no 'replacement'"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false}", RF_BAD_FORMAT,
         "add_prefix_space is false, prepend_scheme is 'always'"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}", RF_BAD_FORMAT, "'last'"},
        {"{\"type\":\"Punctuation\",\"behavior\":\"isolated\"}", RF_BAD_FORMAT, "unknown behavior 'isolated'"},
        {"{\"type\":\"FixedLength\",\"length\":0}", RF_BAD_FORMAT, "length 0"},
        {"{\"type\":\"FixedLength\",\"length\":-1}", RF_BAD_FORMAT, "length"},
        {"{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"invert\":false}", RF_BAD_FORMAT, "no 'behavior'"},
        {"{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Removed\"}", RF_BAD_FORMAT, "no 'invert'"},
        {SPLIT("{}"), RF_BAD_FORMAT, "no pattern"},
        {SPLIT("null"), RF_BAD_FORMAT, "pattern"},
        {SPLIT("{\"String\":\"a\",\"Regex\":\"b\"}"), RF_BAD_FORMAT, "no pattern with one 'String' or 'Regex'"},
        {SPLIT("{\"Regex\":\"a(\"}"), RF_BAD_FORMAT, "tokenizer.json: pre_tokenizer 'Split': regular expression 'a('"},
        {SPLIT("{\"Regex\":\"a{200000}\"}"), RF_UNSUPPORTED, "too big number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pretokenizers chain = {.n = 0};
        rf_error fault = {0};
        rf_status status = read_json(cases[i].json, &chain, &fault);
        if (status != cases[i].status || strstr(fault.message, cases[i].message) == NULL)
            fail_msg("%s: status %d, '%s'", cases[i].json, (int)status, fault.message);
        rf__pretokenizers_release(&chain);
    }
}

static void tiktoken(void **state)
{
    static const char cl100k[] =
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++"
        "[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s";
    static const char text[] = "I'll say 12345 'S\n\n  now!\n  \n ";
    static const char *const expected[] = {"I", "'ll",  " say", " ",    "123", "45",   " '",
                                           "S", "\n\n", " ",    " now", "!\n", "  \n "};
    struct pretokenizers chain = {.n = 0};
    struct pretokenizer *one = NULL;
    struct pieces lists[2] = {{0}}, *out;
    struct text in = rf__text_of_caller((rf_text){text, sizeof text - 1});
    struct text_part part = {&in, 0, in.len, true, true};
    rf_error fault = {0};

    (void)state;
    assert_ok(rf__tiktoken_pretokenizer_new(cl100k, sizeof cl100k - 1, &one, err));
    assert_ok(rf__pretokenizers_add(&chain, one, err));
    assert_ok(rf__pretokenize(&chain, &part, lists, &out, err));
    assert_int_equal(out->n, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < out->n; i++) {
        size_t len = out->items[i].end - out->items[i].begin;
        assert_int_equal(len, strlen(expected[i]));
        assert_memory_equal(text + out->items[i].begin, expected[i], len);
    }
    rf__pieces_release(&lists[0]);
    rf__pieces_release(&lists[1]);
    rf__pretokenizers_release(&chain);
    assert_int_equal(rf__tiktoken_pretokenizer_new("a{1,3}+", 7, &one, &fault), RF_UNSUPPORTED);
    assert_non_null(strstr(fault.message, "'a{1,3}+'"));
    assert_int_equal(rf__tiktoken_pretokenizer_new("a$", 2, &one, &fault), RF_UNSUPPORTED);
}

/* ---- Out of memory ----------------------------------------------------------------------------------------------- */

static void out_of_memory(void **state)
{
    struct pieces *out;
    char text[2048 + RF_TEXT_PAD];
    size_t len = 0;

    (void)state;
    while (len < 1500)
        len += random_text(text + len, 2048 - len);
    for (size_t k = 0; k < kinds.n; k++) {
        struct text in = rf__text_of_caller((rf_text){text, len});
        struct text_part part = {&in, 0, len, true, true};
        rf_status status = RF_NO_MEMORY;
        for (uint64_t at = 1; status != RF_OK; at++) {
            struct stage_source source = {&kinds.items[k].json,
                                          yyjson_obj_get(kinds.items[k].json.root, "pre_tokenizer")};
            struct pretokenizers chain = {.n = 0};
            struct pieces lists[2] = {{0}};
            rf__alloc_fail_at(at);
            status = rf__pretokenizers_read(&chain, &source, NULL);
            if (status == RF_OK)
                status = rf__pretokenize(&chain, &part, lists, &out, NULL);
            rf__alloc_fail_at(0);
            assert_true(status == RF_OK || status == RF_NO_MEMORY);
            rf__pieces_release(&lists[0]);
            rf__pieces_release(&lists[1]);
            rf__pretokenizers_release(&chain);
        }
    }
}

/* ---- Long texts -------------------------------------------------------------------------------------------------- */

/* Those that have no scanner pay for each character of a match; less text is enough for them. */
static bool is_for_engine(const char *name)
{
    return strncmp(name, "regex", 5) == 0 || strcmp(name, "words") == 0 || strcmp(name, "bloom") == 0 ||
           strcmp(name, "deepseek-v2") == 0 || strncmp(name, "empty", 5) == 0 || strcmp(name, "lookbehind") == 0;
}

/* One word, one run of whitespace, capitals, digits …: what makes a careless splitter go over the same text again and
 * again. A quadratic one would not come to an end here. */
static void long_texts(void **state)
{
    static const char *const units[] = {"a",       "A",  " ",   "\n",     " \n", "1",  "'",       "\u0301", "A\u0301",
                                        "\u4e2dA", " a", "  a", "\u3000", ".\n", "!A", "\u0301A", "\u2581", "A'"};
    size_t max = 1 << 16;
    char *text = malloc(max + RF_TEXT_PAD);
    struct pieces lists[2] = {{0}}, *out;

    (void)state;
    assert_non_null(text);
    for (size_t k = 0; k < kinds.n; k++) {
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            size_t unit = strlen(units[u]), len = 0;
            size_t room = is_for_engine(kinds.items[k].name) ? max / 4 : max;
            for (; len + unit <= room; len += unit)
                memcpy(text + len, units[u], unit);
            struct text in = rf__text_of_caller((rf_text){text, len});
            struct text_part part = {&in, 0, len, true, true};
            assert_ok(rf__pretokenize(&kinds.items[k].chain, &part, lists, &out, err));
        }
    }
    free(text);
    rf__pieces_release(&lists[0]);
    rf__pieces_release(&lists[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),           cmocka_unit_test(cutting),  cmocka_unit_test(raw_bytes),
        cmocka_unit_test(bad_descriptions), cmocka_unit_test(tiktoken), cmocka_unit_test(out_of_memory),
        cmocka_unit_test(long_texts),
    };

    return cmocka_run_group_tests(tests, read_kinds, free_kinds);
}
