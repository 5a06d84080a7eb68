/* utf8: what Python's bytes.decode(errors="replace") makes of ill-formed bytes, and every code point there and back. */
#include "golden.h"

#include "base/json.h"
#include "base/utf8.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

static size_t from_hex(const char *hex, char *out, size_t size)
{
    size_t n = strlen(hex) / 2;

    assert_true(n <= size);
    for (size_t i = 0; i < n; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (char)strtoul(digits, NULL, 16);
    }
    return n;
}

static size_t replace_invalid(const char *in, size_t len, char *out)
{
    char *at = out;

    for (size_t i = 0; i < len;) {
        uint32_t c;
        i += rf__utf8_decode(in + i, len - i, &c);
        at += rf__utf8_encode(c, at);
    }
    return (size_t)(at - out);
}

/* Up to the first character that decoding does not give back as it was. */
static size_t well_formed(const char *in, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint32_t c;
        char again[RF_UTF8_MAX];
        size_t n = rf__utf8_decode(in + i, len - i, &c);
        if (rf__utf8_encode(c, again) != n || memcmp(again, in + i, n) != 0)
            break;
        i += n;
    }
    return i;
}

static void check_line(const char *line, size_t len)
{
    struct json json;
    yyjson_val *text;
    const char *hex = NULL;
    char bytes[256], got[1024];
    size_t n, n_got;

    assert_ok(rf__json_parse(&json, line, len, "utf8-replace.jsonl", err));
    assert_ok(rf__json_get_str(&json, json.root, "hex", NULL, &hex, err));
    text = yyjson_obj_get(json.root, "text");
    n = from_hex(hex, bytes, sizeof bytes);
    n_got = replace_invalid(bytes, n, got);
    assert_int_equal(n_got, yyjson_get_len(text));
    assert_memory_equal(got, yyjson_get_str(text), n_got);
    assert_int_equal(rf__utf8_well_formed(bytes, n), well_formed(bytes, n));
    assert_int_equal(rf__utf8_valid(bytes, n), n == n_got && memcmp(bytes, got, n) == 0);
    rf__json_release(&json);
}

static void utf8_replaces_as_python_does(void **state)
{
    struct buf file;
    size_t n_lines = 0;
    (void)state;

    rf__buf_init(&file, 1 << 20);
    assert_ok(rf__os_read_file(golden_path("tests/golden/utf8-replace.jsonl"), &file, err));
    for (char *at = file.data, *end; (end = strchr(at, '\n')) != NULL; at = end + 1, n_lines++)
        check_line(at, (size_t)(end - at));
    assert_true(n_lines >= 40);
    rf__buf_release(&file);
}

static void utf8_every_code_point_there_and_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char bytes[RF_UTF8_MAX];
        uint32_t again;
        size_t n;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        n = rf__utf8_encode(c, bytes);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        assert_int_equal(rf__utf8_decode(bytes, n, &again), n);
        assert_int_equal(again, c);
        assert_true(rf__utf8_valid(bytes, n));
        for (size_t cut = 1; cut < n; cut++) { /* what is cut short is one replacement for all of it */
            assert_int_equal(rf__utf8_decode(bytes, cut, &again), cut);
            assert_int_equal(again, RF_UTF8_REPLACEMENT);
        }
    }
}

/* Whatever the bytes: progress, never beyond the end, never a surrogate. */
static void utf8_any_three_bytes(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x1000000; bits += 7) {
        char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        uint32_t c;
        size_t n = rf__utf8_decode(bytes, 3, &c);
        if (n < 1 || n > 3 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            fail_msg("%06x: %zu bytes, U+%04X", bits, n, c);
    }
}

static void utf8_valid_knows_the_replacement_itself(void **state)
{
    (void)state;
    assert_true(rf__utf8_valid("", 0));
    assert_true(rf__utf8_valid("a\0b", 3));
    assert_true(rf__utf8_valid("\xEF\xBF\xBD", 3));
    assert_false(rf__utf8_valid("\xEF\xBF", 2));
    assert_false(rf__utf8_valid("a\xFF", 2));
    assert_false(rf__utf8_valid("\xED\xA0\x80", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_replaces_as_python_does),
        cmocka_unit_test(utf8_every_code_point_there_and_back),
        cmocka_unit_test(utf8_any_three_bytes),
        cmocka_unit_test(utf8_valid_knows_the_replacement_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
