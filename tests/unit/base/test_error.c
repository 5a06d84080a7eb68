/* error, log: messages are one line of valid UTF-8 that fits, whatever was put into them. */
#include "golden.h"

#include "base/log.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static void error_message_is_one_line(void **state)
{
    rf_error err;
    (void)state;

    assert_int_equal(rf__fail(&err, RF_BAD_FORMAT, "%s: key '%s'", "a.json", "x\n\x1b[31my\x7f\tz"), RF_BAD_FORMAT);
    assert_int_equal(err.status, RF_BAD_FORMAT);
    assert_string_equal(err.message, "a.json: key 'x  [31my  z'");
}

static void error_message_is_valid_utf8(void **state)
{
    rf_error err;
    (void)state;

    rf__fail(&err, RF_IO, "%s", "caf\xC3\xA9 \xFF \xC3 \xC2\x9B.");
    assert_string_equal(err.message, "caf\xC3\xA9 ? ?   .");
    assert_true(rf__utf8_valid(err.message, strlen(err.message)));
}

/* Wherever the cut falls, no character is split. */
static void error_message_is_cut_at_a_character(void **state)
{
    char text[600];
    (void)state;

    for (size_t lead = 480; lead < 520; lead++) {
        rf_error err;
        size_t len;
        memset(text, 'a', lead);
        strcpy(text + lead, "\xF0\x9F\x98\x80\xE4\xB8\xAD\xC3\xA9\xF0\x9F\x98\x80");
        rf__fail(&err, RF_IO, "%s", text);
        len = strlen(err.message);
        assert_true(rf__utf8_valid(err.message, len));
        assert_null(strchr(err.message, '?'));
        assert_true(len == strlen(text) || len >= sizeof err.message - RF_UTF8_MAX);
    }
}

static void error_prefix_keeps_the_status(void **state)
{
    rf_error err;
    (void)state;

    rf__fail(&err, RF_NOT_FOUND, "no such tensor");
    assert_int_equal(rf__fail_prefix(&err, RF_IO, "model %d", 7), RF_NOT_FOUND);
    assert_string_equal(err.message, "model 7: no such tensor");
    assert_int_equal(rf__fail_prefix(NULL, RF_IO, "x"), RF_IO);
    assert_int_equal(rf__fail(NULL, RF_IO, "x"), RF_IO);
    assert_int_equal(rf__fail_memory(&err), RF_NO_MEMORY);
    assert_string_equal(err.message, "out of memory");
}

static void error_every_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(rf_status_name(RF_OK), "ok");
    for (int i = 0; i <= RF_TRUNCATED; i++) {
        assert_non_null(rf_status_name((rf_status)i));
        assert_string_not_equal(rf_status_name((rf_status)i), "unknown status");
    }
    assert_string_equal(rf_status_name((rf_status)12345), "unknown status");
    assert_string_equal(rf_status_name((rf_status)-1), "unknown status");
}

struct logged {
    int n;
    rf_log_level level;
    char line[600];
};

static void remember(void *user, rf_log_level level, const char *message)
{
    struct logged *logged = user;

    logged->n++;
    logged->level = level;
    snprintf(logged->line, sizeof logged->line, "%s", message);
}

static void log_lines_reach_the_callback(void **state)
{
    struct logged logged = {0};
    struct logger logger = {remember, &logged}, silent = {NULL, NULL};
    (void)state;

    rf__log(NULL, RF_LOG_ERROR, "nobody hears");
    rf__log(&silent, RF_LOG_ERROR, "nobody hears");
    rf__log(&logger, RF_LOG_WARNING, "%s: two\nlines", "x");
    assert_int_equal(logged.n, 1);
    assert_int_equal(logged.level, RF_LOG_WARNING);
    assert_string_equal(logged.line, "x: two lines");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_message_is_one_line),           cmocka_unit_test(error_message_is_valid_utf8),
        cmocka_unit_test(error_message_is_cut_at_a_character), cmocka_unit_test(error_prefix_keeps_the_status),
        cmocka_unit_test(error_every_status_has_a_name),       cmocka_unit_test(log_lines_reach_the_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
