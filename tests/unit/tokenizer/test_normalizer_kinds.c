/* Every kind of normalizer, and chains of them: what `tokenizers` makes of texts (tests/golden/normalizers, written by
 * tests/oracle/normalizer_oracle.py --golden), that cuts make no difference, and that none takes long. */
#include "normalizer_fixture.h"

#include "os/os.h"

#include <stdio.h>
#include <time.h>

/* Calls `check` with the chain and the lines behind it of each file; returns how many files there are. */
typedef void (*checker)(const char *name, const struct normalizers *chain, yyjson_val **lines, size_t n);

#define MAX_LINES 256

static void read_golden(const char *name, const char *path, checker check)
{
    struct buf text;
    struct json json[MAX_LINES];
    yyjson_val *lines[MAX_LINES] = {NULL};
    struct normalizers chain = {0};
    struct stage_source source;
    size_t n = 0;

    rf__buf_init(&text, (size_t)8 << 20);
    assert_ok(rf__os_read_file(path, &text, err));
    for (size_t at = 0; at < text.len;) {
        const char *end = memchr(text.data + at, '\n', text.len - at);
        assert_non_null(end);
        assert_true(n < MAX_LINES);
        assert_ok(rf__json_parse(&json[n], text.data + at, (size_t)(end - text.data) - at, path, err));
        lines[n] = json[n].root;
        n++;
        at = (size_t)(end - text.data) + 1;
    }
    assert_true(n > 0);
    source = (struct stage_source){&json[0], yyjson_obj_get(lines[0], "normalizer")};
    assert_ok(rf__normalizers_read(&chain, &source, err));
    check(name, &chain, lines + 1, n - 1);
    rf__normalizers_release(&chain);
    while (n > 0)
        rf__json_release(&json[--n]);
    rf__buf_release(&text);
}

static void for_each_chain(checker check)
{
    char **names;
    size_t n;

    assert_ok(rf__os_list_directory(golden_path("tests/golden/normalizers"), &names, &n, err));
    assert_true(n > 50);
    for (size_t i = 0; i < n; i++) {
        char *path = rf__path_join(golden_path("tests/golden/normalizers"), names[i]);
        read_golden(names[i], path, check);
        rf__free(path);
    }
    rf__free(names);
}

static void normalize_whole(const struct normalizers *chain, rf_text text, struct text_buf *out)
{
    struct text in = rf__text_of_caller(text);
    struct normalize_scratch scratch = {0};

    rf__text_buf_clear(out);
    assert_ok(rf__normalize(chain, &(struct text_part){&in, 0, in.len, true, true}, out, &scratch, err));
    rf__normalize_scratch_release(&scratch);
}

static void check_lines(const char *name, const struct normalizers *chain, yyjson_val **lines, size_t n)
{
    struct text_buf out = {0};

    for (size_t i = 0; i < n; i++) {
        yyjson_val *in = yyjson_obj_get(lines[i], "text"), *normal = yyjson_obj_get(lines[i], "normal"),
                   *spans = yyjson_obj_get(lines[i], "spans");
        struct align align;
        size_t k = 0;
        normalize_whole(chain, (rf_text){yyjson_get_str(in), yyjson_get_len(in)}, &out);
        if (out.text.len != yyjson_get_len(normal) ||
            (out.text.len > 0 && memcmp(out.text.data, yyjson_get_str(normal), out.text.len) != 0))
            fail_msg("%s, text %zu: '%.*s', expected '%s'", name, i, (int)out.text.len, out.text.data,
                     yyjson_get_str(normal));
        align = rf__align_of(&out.text);
        for (size_t at = 0; at < out.text.len; k += 2) {
            struct text_char c = rf__align_char(&align, at);
            if (c.begin != yyjson_get_uint(yyjson_arr_get(spans, k)) ||
                c.end != yyjson_get_uint(yyjson_arr_get(spans, k + 1)))
                fail_msg("%s, text %zu, character %zu stands for %zu-%zu", name, i, k / 2, c.begin, c.end);
            at += c.len;
        }
        assert_int_equal(k, yyjson_arr_size(spans));
    }
    rf__text_buf_release(&out);
}

static void as_the_reference(void **state)
{
    (void)state;
    for_each_chain(check_lines);
}

static void check_random_cuts(const char *name, const struct normalizers *chain, yyjson_val **lines, size_t n)
{
    char text[600];

    (void)name;
    (void)lines;
    (void)n;
    for (int round = 0; round < 400; round++) {
        size_t len = random_text(text, (size_t)(rand() % 60));
        check_cuts(chain, (rf_text){text, len});
    }
}

static void cuts_make_no_difference(void **state)
{
    (void)state;
    srand(5);
    for_each_chain(check_random_cuts);
}

/* ---- Time and memory ---------------------------------------------------------------------------------------- */

static const struct {
    const char *unit, *end;
} floods[] = {
    {"\u0301", ""},
    {"\u0301\u0323", ""},
    {"a\u0323\u0301", ""},
    {"\u1100\u1161", ""},
    {" ", ""},
    {"'", ""},
    {"a", ""},
    {"\x01", "x"},
    {"\r\n", ""},
    {"\r", ""},
    {"\U0001f1e9", ""},
    {"\u200d", ""},
    {"ab", ""},
    {"\xff", ""},
    {"\ufdfa", ""},
    {"\u0600", ""},
    {"\u0915\u094d", ""},
};

static double seconds(const struct normalizers *chain, const char *text, size_t len)
{
    struct text_buf out = {0};
    clock_t begin = clock();
    double took;

    normalize_whole(chain, (rf_text){text, len}, &out);
    took = (double)(clock() - begin) / CLOCKS_PER_SEC;
    rf__text_buf_release(&out);
    return took;
}

static void check_floods(const char *name, const struct normalizers *chain, yyjson_val **lines, size_t n)
{
    enum { SIZE = 1 << 17 };
    char *text = rf__alloc(SIZE);

    (void)lines;
    (void)n;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        size_t unit = strlen(floods[i].unit), end = strlen(floods[i].end), len = 0;
        double took;
        for (; len + unit + end <= SIZE; len += unit)
            memcpy(text + len, floods[i].unit, unit);
        memcpy(text + len, floods[i].end, end);
        took = seconds(chain, text, len + end);
        if (took > 1.0) /* it takes milliseconds, in the square of the length seconds */
            fail_msg("%s, flood %zu: %.1f s", name, i, took);
    }
    rf__free(text);
}

static void floods_are_linear(void **state)
{
    (void)state;
    for_each_chain(check_floods);
}

/* ---- Out of memory ------------------------------------------------------------------------------------------ */

#define OFTEN 10000

/* Reads each chain with every allocation failing once. */
static void failing_reading(void **state)
{
    static const char *const members[] = {
        "{\"type\":\"Lowercase\"}",
        "{\"type\":\"NFKC\"}",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
        "{\"type\":\"Prepend\",\"prepend\":\"x\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"ab\"},\"content\":\"c\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[ab]\"},\"content\":\"c\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"ab\"},\"content\":\"c\"}",
        "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAAAAA=\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct json json;
        uint64_t n = 1;
        assert_ok(rf__json_parse(&json, members[i], strlen(members[i]), "x.json", err));
        for (; n < OFTEN; n++) {
            struct normalizers chain = {0};
            rf_error fault = {0};
            rf_status status;
            rf__alloc_fail_at(n);
            status = rf__normalizers_read(&chain, &(struct stage_source){&json, json.root}, &fault);
            rf__alloc_fail_at(0);
            rf__normalizers_release(&chain);
            if (status == RF_OK)
                break;
            assert_int_equal(status, RF_NO_MEMORY);
        }
        assert_in_range(n, 2, OFTEN - 1);
        rf__json_release(&json);
    }
}

static void check_failing(const char *name, const struct normalizers *chain, yyjson_val **lines, size_t n)
{
    char text[600];
    size_t len = random_text(text, 100);
    struct text in = rf__text_of_caller((rf_text){text, len});
    struct text_part part = {&in, 0, len, true, true};
    uint64_t k = 1;

    (void)name;
    (void)lines;
    (void)n;
    for (; k < OFTEN; k++) {
        struct normalize_scratch scratch = {0};
        struct text_buf out = {0}, again = {0};
        rf_error fault = {0};
        rf_status status;
        rf__alloc_fail_at(k);
        status = rf__normalize(chain, &part, &out, &scratch, &fault);
        rf__alloc_fail_at(0);
        if (status != RF_OK) {
            assert_int_equal(status, RF_NO_MEMORY);
            rf__text_buf_clear(&out);
            assert_ok(rf__normalize(chain, &part, &out, &scratch, err));
            normalize_whole(chain, (rf_text){text, len}, &again);
            assert_same_text(&out.text, &again.text);
        }
        rf__normalize_scratch_release(&scratch);
        rf__text_buf_release(&out);
        rf__text_buf_release(&again);
        if (status == RF_OK)
            break;
    }
    assert_in_range(k, 2, OFTEN - 1);
}

static void failing_normalizing(void **state)
{
    (void)state;
    for_each_chain(check_failing);
}

/* ---- Descriptions that are wrong ---------------------------------------------------------------------------- */

static const struct {
    const char *json, *message;
} faults[] = {
    {"{\"type\":\"Append\",\"append\":\"x\"}", "unsupported: normalizer 'Append'"},
    {"{\"type\":\"Prepend\"}", "'prepend' is missing, expected a string"},
    {"{\"type\":\"Prepend\",\"prepend\":1}", "'prepend' is a number, expected a string"},
    {"{\"type\":\"Strip\",\"strip_left\":1}", "'strip_left' is a number, expected true or false"},
    {"{\"type\":\"Replace\",\"content\":\"\"}", "'Replace' has no pattern"},
    {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\",\"Regex\":\"b\"},\"content\":\"\"}",
     "'Replace' has no pattern"},
    {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"}}", "'Replace': 'content' is missing"},
    {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}", "'Replace'"},
    {"{\"type\":\"Precompiled\"}", "'Precompiled': precompiled_charsmap is missing, expected a string"},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"\"}", "no trie of the size that it names"},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"A?==\"}", "not valid base64"},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAAAAA=\"}", NULL}, /* a trie of one unit, no strings */
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"CAAAAAAAAAA=\"}", "no trie of the size that it names"},
    {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"BAAAAAAAAAD/\"}", "the strings are not valid UTF-8"},
};

static void wrong_descriptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct json json;
        struct normalizers chain = {0};
        rf_error fault = {0};
        rf_status status;
        assert_ok(rf__json_parse(&json, faults[i].json, strlen(faults[i].json), "x.json", err));
        status = rf__normalizers_read(&chain, &(struct stage_source){&json, json.root}, &fault);
        if ((status == RF_OK) != (faults[i].message == NULL) ||
            (status != RF_OK &&
             (strstr(fault.message, faults[i].message) == NULL || strncmp(fault.message, "x.json: ", 8) != 0)))
            fail_msg("case %zu: '%s'", i, fault.message);
        rf__normalizers_release(&chain);
        rf__json_release(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_reference),    cmocka_unit_test(cuts_make_no_difference),
        cmocka_unit_test(floods_are_linear),   cmocka_unit_test(failing_reading),
        cmocka_unit_test(failing_normalizing), cmocka_unit_test(wrong_descriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
