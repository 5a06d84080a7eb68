/* Files that are no tokenizer.json, or one that contradicts itself: tests/golden/bad-files.jsonl, written by
 * tests/oracle/bad_files_oracle.py, has each with our message or, where both we and the reference read it, its ids.
 * Those that are too large for a line are made here. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Files of a line ------------------------------------------------------------------------------------------ */

static void check_ids(const struct rf_tokenizer *tokenizer, struct fixture_call *call, yyjson_val *pair,
                      const char *name)
{
    yyjson_val *text = yyjson_arr_get(pair, 0), *ids = yyjson_arr_get(pair, 1);
    struct encode_request request = {.text = {yyjson_get_str(text), yyjson_get_len(text)}};
    rf_error fault = {0};
    rf_status status = rf__encode(tokenizer, &request, call->scratch, &call->encoding, &fault);
    bool same = yyjson_is_null(ids) ? status != RF_OK && fault.message[0] != '\0'
                                    : status == RF_OK && call->encoding.n == yyjson_arr_size(ids);

    for (size_t i = 0; same && !yyjson_is_null(ids) && i < call->encoding.n; i++)
        same = call->encoding.ids[i] == yyjson_get_uint(yyjson_arr_get(ids, i));
    if (!same)
        fail_msg("%s: other ids than the reference's for '%s'; %s", name, request.text.data, fault.message);
}

static void check_line(void *user, yyjson_val *line)
{
    yyjson_val *file = yyjson_obj_get(line, "file"), *error = yyjson_obj_get(line, "error"), *pair;
    const char *name = yyjson_get_str(yyjson_obj_get(line, "name"));
    struct fixture_call call = {.scratch = rf__encode_scratch_new()};
    struct rf_tokenizer tokenizer = {0};
    rf_error fault = {0};
    size_t i, n;
    rf_status status = rf__tokenizer_read_json(&tokenizer, yyjson_get_str(file), yyjson_get_len(file), "tokenizer.json",
                                               false, NULL, &fault);

    (void)user;
    if (yyjson_is_null(error) ? status != RF_OK : !yyjson_equals_str(error, fault.message))
        fail_msg("%s:\n%s, expected\n%s", name, fault.message, yyjson_is_null(error) ? "none" : yyjson_get_str(error));
    yyjson_arr_foreach(yyjson_obj_get(line, "texts"), i, n, pair) check_ids(&tokenizer, &call, pair, name);
    fixture_release(&call);
    rf__tokenizer_release(&tokenizer);
}

static void of_a_line(void **state)
{
    size_t n;

    (void)state;
    n = golden_lines_read("tests/golden/bad-files.jsonl", check_line, NULL);
    print_message("%zu files\n", n);
    assert_true(n > 60);
}

/* ---- Large files ---------------------------------------------------------------------------------------------- */

#define MB ((size_t)1 << 20)

static void refuses(const struct buf *file, const char *expected)
{
    struct rf_tokenizer tokenizer = {0};
    rf_error fault = {0};

    assert_int_equal(rf__tokenizer_read_json(&tokenizer, file->data, file->len, "t.json", false, NULL, &fault),
                     RF_BAD_FORMAT);
    assert_string_equal(fault.message, expected);
    rf__tokenizer_release(&tokenizer);
}

static void put(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_ok(rf__buf_append_str(out, text, err));
}

static void not_utf8(void **state)
{
    struct buf file;

    (void)state;
    rf__buf_init(&file, MB);
    put(&file, "{\"model\":{\"vocab\":{\"\xFF\":0}}}", 1);
    refuses(&file, "t.json: is not JSON: invalid UTF-8 encoding in string at byte 20");
    rf__buf_release(&file);
}

static void nested_a_million_times(void **state)
{
    struct buf file;

    (void)state;
    rf__buf_init(&file, 64 * MB);
    put(&file, "[", 1000000);
    refuses(&file, "t.json: is nested deeper than 64 levels");
    rf__buf_clear(&file);
    put(&file, "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[", 500000);
    refuses(&file, "t.json: is nested deeper than 64 levels");
    rf__buf_release(&file);
}

static void larger_than_json_may_be(void **state)
{
    char path[1100];
    rf_error fault = {0};
    struct rf_tokenizer *tokenizer = NULL;
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/tokenizer.json", scratch_directory("bad-files"));
    file = rf__os_fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)RF_JSON_MAX_BYTES + 10, SEEK_SET), 0); /* a hole: it takes no room */
    assert_int_equal(fputc('}', file), '}');
    assert_int_equal(fclose(file), 0);
    assert_int_not_equal(rf__tokenizer_open(path, false, NULL, &tokenizer, &fault), RF_OK);
    if (strstr(fault.message, path) == NULL || strstr(fault.message, "is larger than the 268435457 bytes") == NULL)
        fail_msg("'%s' does not name the file and the limit", fault.message);
    assert_ok(rf__os_remove(path, err));
}

/* A file of 200 MB (of 16 MB unless RF_LARGE_TEXTS is set) that is as it should be: it is read. */
static void large_and_right(void **state)
{
    size_t wanted = (rf__os_env("RF_LARGE_TEXTS") != NULL ? 200 : 16) * MB, n = 0;
    struct rf_tokenizer tokenizer = {0};
    struct fixture_call call = {0};
    struct encode_request request = {.text = text_of("p3")};
    struct buf file;

    (void)state;
    rf__buf_init(&file, 256 * MB);
    put(&file, "{\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0", 1);
    while (file.len < wanted) {
        char piece[64];
        n++;
        snprintf(piece, sizeof piece, ",\"p%zu\":%zu", n, n);
        put(&file, piece, 1);
    }
    put(&file, "}}}", 1);
    assert_ok(rf__tokenizer_read_json(&tokenizer, file.data, file.len, "t.json", false, NULL, err));
    fixture_encode(&tokenizer, &call, &request);
    assert_ids(&call.encoding, (const uint32_t[]){3}, 1);
    assert_int_equal(rf__tokenizer_vocab_size(&tokenizer), n + 1);
    fixture_release(&call);
    rf__tokenizer_release(&tokenizer);
    rf__buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_line),
        cmocka_unit_test(not_utf8),
        cmocka_unit_test(nested_a_million_times),
        cmocka_unit_test(larger_than_json_may_be),
        cmocka_unit_test(large_and_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
