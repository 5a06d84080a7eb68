/* Texts that are made to hurt: tests/golden/hostile-texts.jsonl, written by tests/oracle/hostile_texts_oracle.py, says
 * how each is made and what the reference gives. The large ones (50 MB) are taken where RF_LARGE_TEXTS is set. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

#define FNV_BEGIN UINT64_C(0xCBF29CE484222325)

static uint64_t fnv(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * UINT64_C(0x100000001B3);
}

static bool is_hash(yyjson_val *line, const char *key, uint64_t hash)
{
    char text[17];

    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    return yyjson_equals_str(yyjson_obj_get(line, key), text);
}

static size_t read_hex(yyjson_val *value, char *out, size_t cap)
{
    const char *hex = yyjson_get_str(value);
    size_t n = yyjson_get_len(value) / 2;

    assert_true(n <= cap);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)strtol((const char[3]){hex[2 * i], hex[2 * i + 1], '\0'}, NULL, 16);
    return n;
}

static rf_text make_text(yyjson_val *line)
{
    char first[64], units[64];
    size_t n_first = read_hex(yyjson_obj_get(line, "first"), first, sizeof first);
    size_t n_units = read_hex(yyjson_obj_get(line, "units"), units, sizeof units);
    size_t size = yyjson_get_uint(yyjson_obj_get(line, "bytes")), len = n_first;
    char *text = malloc(size + n_units);

    assert_non_null(text);
    memcpy(text, first, n_first);
    for (; len < size; len += n_units)
        memcpy(text + len, units, n_units);
    return (rf_text){text, len};
}

static void check(const struct rf_tokenizer *tokenizer, const char *name, struct fixture_call *call, yyjson_val *line)
{
    struct encode_request request = {.text = make_text(line), .characters = true};
    const struct encoding *e = &call->encoding;
    uint64_t ids = FNV_BEGIN, offsets = FNV_BEGIN;

    fixture_encode(tokenizer, call, &request);
    for (size_t i = 0; i < e->n; i++) {
        ids = fnv(ids, e->ids[i]);
        offsets = fnv(fnv(offsets, e->begin_char[i]), e->end_char[i]);
        assert_true(e->begin[i] <= e->end[i] && e->end[i] <= request.text.len);
    }
    if (e->n != yyjson_get_uint(yyjson_obj_get(line, "n")) || !is_hash(line, "ids", ids))
        fail_msg("%s: other ids for %s", name, yyjson_get_str(yyjson_obj_get(line, "text")));
    if (!is_hash(line, "offsets", offsets))
        fail_msg("%s: other offsets for %s", name, yyjson_get_str(yyjson_obj_get(line, "text")));
    free((void *)(uintptr_t)request.text.data);
}

struct replay {
    struct rf_tokenizer tokenizer;
    struct fixture_call call;
    char name[64];
    size_t n_tokenizers, n_cases;
    uint64_t most_bytes;
};

static void take_line(void *user, yyjson_val *line)
{
    struct replay *replay = user;
    yyjson_val *description = yyjson_obj_get(line, "tokenizer");

    if (description != NULL) {
        char *json = yyjson_val_write(description, 0, NULL);
        rf__tokenizer_release(&replay->tokenizer);
        fixture_read(&replay->tokenizer, json);
        free(json);
        snprintf(replay->name, sizeof replay->name, "%s", yyjson_get_str(yyjson_obj_get(line, "name")));
        replay->n_tokenizers++;
    } else if (yyjson_get_uint(yyjson_obj_get(line, "bytes")) <= replay->most_bytes) {
        check(&replay->tokenizer, replay->name, &replay->call, line);
        replay->n_cases++;
    }
}

static void as_the_reference(void **state)
{
    struct replay replay = {.most_bytes = rf__os_env("RF_LARGE_TEXTS") != NULL ? UINT64_MAX : 1000000};

    (void)state;
    golden_lines_read("tests/golden/hostile-texts.jsonl", take_line, &replay);
    print_message("%zu texts, %zu tokenizers\n", replay.n_cases, replay.n_tokenizers);
    assert_true(replay.n_tokenizers == 5 && replay.n_cases >= 60);
    fixture_release(&replay.call);
    rf__tokenizer_release(&replay.tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_reference)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
