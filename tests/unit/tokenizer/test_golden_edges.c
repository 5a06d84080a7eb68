/* What `tokenizers` said of chains of post-processors, limits, overflow and decoders (tests/golden/edges.jsonl, written
 * by tests/oracle/edges_oracle.py), and what we say: ids, types, characters, words, masks, texts whole and streamed. */
#include "tokenizer_fixture.h"

#include "base/json.h"
#include "os/os.h"

static rf_text text_at(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return (rf_text){yyjson_get_str(value), yyjson_get_len(value)};
}

static uint64_t number(yyjson_val *array, size_t i)
{
    return yyjson_get_uint(yyjson_arr_get(array, i));
}

static bool same_numbers(yyjson_val *expected, const uint32_t *numbers, size_t n)
{
    if (yyjson_arr_size(expected) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((yyjson_is_null(yyjson_arr_get(expected, i)) ? RF_NO_WORD : number(expected, i)) != numbers[i])
            return false;
    return true;
}

static bool same_encoding(yyjson_val *expected, const struct encoding *e)
{
    yyjson_val *chars = yyjson_obj_get(expected, "chars"), *special = yyjson_obj_get(expected, "special");

    if (!same_numbers(yyjson_obj_get(expected, "ids"), e->ids, e->n) ||
        !same_numbers(yyjson_obj_get(expected, "types"), e->type_ids, e->n) ||
        !same_numbers(yyjson_obj_get(expected, "words"), e->words, e->n))
        return false;
    for (size_t i = 0; i < e->n; i++) {
        yyjson_val *span = yyjson_arr_get(chars, i);
        if (e->begin_char[i] != number(span, 0) || e->end_char[i] != number(span, 1) ||
            e->special[i] != number(special, i))
            return false;
    }
    return true;
}

static struct encode_request request_of(yyjson_val *line, rf_text *pair)
{
    static const char *const strategies[] = {"longest_first", "only_first", "only_second"};
    yyjson_val *limit = yyjson_obj_get(line, "limit");
    struct encode_request request = {.text = text_at(line, "text"), .characters = true};

    *pair = text_at(line, "pair");
    request.pair = pair->data != NULL ? pair : NULL;
    request.no_special_tokens = yyjson_is_false(yyjson_obj_get(line, "special"));
    if (yyjson_is_null(limit))
        return request;
    request.max_tokens = (uint32_t)yyjson_get_uint(yyjson_obj_get(limit, "max_length"));
    request.stride = (uint32_t)yyjson_get_uint(yyjson_obj_get(limit, "stride"));
    request.truncate =
        yyjson_equals_str(yyjson_obj_get(limit, "direction"), "left") ? RF_TRUNCATE_LEFT : RF_TRUNCATE_RIGHT;
    for (int i = 0; i < 3; i++)
        if (yyjson_equals_str(yyjson_obj_get(limit, "strategy"), strategies[i]))
            request.strategy = (rf_strategy)i;
    request.overflow = true;
    return request;
}

static bool agrees(const struct rf_tokenizer *tokenizer, struct fixture_call *call, yyjson_val *line)
{
    yyjson_val *expected = yyjson_obj_get(line, "expected"), *overflow = yyjson_obj_get(expected, "overflow");
    struct encoding *e = &call->encoding;
    rf_text pair;
    struct encode_request request = request_of(line, &pair);
    rf_error error;
    rf_status status = rf__encode(tokenizer, &request, call->scratch, e, &error);

    if (yyjson_obj_get(expected, "error") != NULL)
        return status == RF_INVALID_ARGUMENT || status == RF_TRUNCATED;
    if (status != RF_OK || !same_encoding(expected, e) || e->n_overflow != yyjson_arr_size(overflow))
        return false;
    for (size_t i = 0; i < e->n_overflow; i++)
        if (!same_encoding(yyjson_arr_get(overflow, i), &e->overflow[i]))
            return false;
    return true;
}

/* Whole, and id by id. */
static bool decodes(const struct rf_tokenizer *tokenizer, yyjson_val *line)
{
    yyjson_val *list = yyjson_obj_get(line, "decode");
    rf_text expected = text_at(line, "text"), part;
    size_t n = yyjson_arr_size(list), len, at = 0;
    uint32_t ids[64];
    struct decode_stream *stream = rf__decode_stream_new(tokenizer, false);
    char *text;
    bool same;

    assert_true(n <= 64 && stream != NULL);
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)number(list, i);
    assert_ok(rf__decode(tokenizer, ids, n, false, &text, &len, err));
    same = len == expected.len && memcmp(text, expected.data, len) == 0;
    for (size_t i = 0; i <= n && same; i++) {
        assert_ok(rf__decode_stream_step(stream, ids + i, i < n, i == n, &part, err));
        same = at + part.len <= len && memcmp(text + at, part.data, part.len) == 0;
        at += part.len;
    }
    rf__free(text);
    rf__decode_stream_free(stream);
    return same && at == len;
}

struct replay {
    struct rf_tokenizer tokenizer;
    struct fixture_call call;
    char name[64];
    size_t n_tokenizers, n_cases;
};

static void take_line(void *user, yyjson_val *line)
{
    struct replay *replay = user;
    yyjson_val *description = yyjson_obj_get(line, "tokenizer");
    char *json;

    if (description != NULL) {
        rf__tokenizer_release(&replay->tokenizer);
        json = yyjson_val_write(description, 0, NULL);
        fixture_read(&replay->tokenizer, json);
        free(json);
        snprintf(replay->name, sizeof replay->name, "%s", yyjson_get_str(yyjson_obj_get(line, "name")));
        replay->n_tokenizers++;
        return;
    }
    replay->n_cases++;
    if (yyjson_obj_get(line, "decode") != NULL ? decodes(&replay->tokenizer, line)
                                               : agrees(&replay->tokenizer, &replay->call, line))
        return;
    fail_msg("%s: differs: %s", replay->name, yyjson_val_write(line, 0, NULL));
}

static void as_the_reference(void **state)
{
    struct replay replay = {.call.scratch = rf__encode_scratch_new()};

    (void)state;
    golden_lines_read("tests/golden/edges.jsonl", take_line, &replay);
    print_message("%zu cases of %zu tokenizers\n", replay.n_cases, replay.n_tokenizers);
    assert_true(replay.n_tokenizers > 50 && replay.n_cases > 500);
    fixture_release(&replay.call);
    rf__tokenizer_release(&replay.tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_reference)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
