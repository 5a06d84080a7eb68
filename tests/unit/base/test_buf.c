/* buf: the ceiling, the ending NUL, JSON strings, and that a failure changes nothing. */
#include "golden.h"

#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

static void buf_grows_and_ends_in_nul(void **state)
{
    struct buf buf;
    (void)state;

    rf__buf_init(&buf, 1 << 20);
    assert_null(buf.data);
    for (int i = 0; i < 1000; i++) {
        assert_ok(rf__buf_append_byte(&buf, (char)('a' + i % 26), err));
        assert_int_equal(strlen(buf.data), (size_t)i + 1);
    }
    assert_ok(rf__buf_append(&buf, "\0x", 2, err));
    assert_int_equal(buf.len, 1002);
    rf__buf_truncate(&buf, 2);
    assert_int_equal(buf.len, 2);
    assert_int_equal(strlen(buf.data), 2);
    rf__buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    rf__buf_truncate(&buf, 0);
    assert_string_equal(buf.data, "");
    assert_ok(rf__buf_append(&buf, NULL, 0, err));
    rf__buf_release(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.max, 1 << 20);
}

static void buf_stops_at_its_ceiling(void **state)
{
    struct buf buf;
    rf_error fault = {0};
    (void)state;

    rf__buf_init(&buf, 10);
    assert_ok(rf__buf_append_str(&buf, "0123456789", err));
    assert_int_equal(rf__buf_append_byte(&buf, 'x', &fault), RF_NO_MEMORY);
    assert_non_null(strstr(fault.message, "ceiling of 10"));
    assert_int_equal(rf__buf_reserve(&buf, SIZE_MAX, NULL), RF_NO_MEMORY);
    assert_int_equal(rf__buf_printf(&buf, NULL, "%d", 1), RF_NO_MEMORY);
    assert_string_equal(buf.data, "0123456789");
    assert_true(buf.cap <= buf.max);
    rf__buf_release(&buf);

    rf__buf_init(&buf, 0);
    assert_ok(rf__buf_reserve(&buf, 0, err));
    assert_int_equal(rf__buf_append_byte(&buf, 'x', NULL), RF_NO_MEMORY);
    rf__buf_release(&buf);
}

static void buf_printf_of_any_length(void **state)
{
    struct buf buf;
    char expected[2001];
    (void)state;

    rf__buf_init(&buf, 1 << 20);
    memset(expected, '0', 2000);
    strcpy(expected + 1998, "42");
    assert_ok(rf__buf_printf(&buf, err, "%02000d", 42));
    assert_string_equal(buf.data, expected);
    assert_ok(rf__buf_printf(&buf, err, "%s", ""));
    assert_int_equal(buf.len, 2000);
    rf__buf_release(&buf);
}

static void buf_json_strings(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\t\r\0", 4, "\"\\n\\t\\u000d\\u0000\""},
        {"\x7f", 1, "\"\\u007f\""},
        {"h\xC3\xA9", 3, "\"h\xC3\xA9\""},
        {"\xFFx\xC3", 3, "\"\xEF\xBF\xBDx\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf;
        rf__buf_init(&buf, 1000);
        assert_ok(rf__buf_append_json(&buf, cases[i].in, cases[i].len, err));
        assert_string_equal(buf.data, cases[i].out);
        assert_int_equal(buf.len, strlen(cases[i].out));
        rf__buf_release(&buf);
    }
}

static void buf_detach_gives_a_string(void **state)
{
    struct buf buf;
    char *s;
    (void)state;

    rf__buf_init(&buf, 100);
    s = rf__buf_detach(&buf);
    assert_string_equal(s, "");
    rf__free(s);
    assert_ok(rf__buf_append_str(&buf, "abc", err));
    s = rf__buf_detach(&buf);
    assert_string_equal(s, "abc");
    assert_null(buf.data);
    rf__free(s);
}

static void buf_out_of_memory_changes_nothing(void **state)
{
    struct buf buf;
    (void)state;

    rf__buf_init(&buf, 1 << 20);
    assert_ok(rf__buf_append_str(&buf, "kept", err));
    rf__alloc_fail_at(1);
    assert_int_equal(rf__buf_reserve(&buf, 5000, NULL), RF_NO_MEMORY);
    assert_int_equal(rf__buf_append_json(&buf, "0123456789abcdef", 16, NULL), RF_NO_MEMORY);
    rf__alloc_fail_at(0);
    assert_string_equal(buf.data, "kept");
    assert_int_equal(buf.len, 4);
    rf__buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_and_ends_in_nul), cmocka_unit_test(buf_stops_at_its_ceiling),
        cmocka_unit_test(buf_printf_of_any_length),  cmocka_unit_test(buf_json_strings),
        cmocka_unit_test(buf_detach_gives_a_string), cmocka_unit_test(buf_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
