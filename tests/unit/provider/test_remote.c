/* remote: what is written to a server and read from it; the rest is tests/remote's, against a server. */
#include "golden.h"

#include "base/mem.h"
#include "provider/remote/remote.h"

#include <string.h>

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"20ms", 20},
        {"1s", 1000},
        {"6m0s", 360000},
        {"1.5", 1500},
        {"2h1m1s", 7261000},
        {"0", 0},
        {"0.75s", 750},
        {"60", 60000},
        {"", UINT64_MAX},
        {"s", UINT64_MAX},
        {"1x", UINT64_MAX},
        {"-1", UINT64_MAX},
        {"1 s", UINT64_MAX},
        {".", UINT64_MAX},
        {"1sm", UINT64_MAX},
        {"1e9", UINT64_MAX},
        {"Fri, 27 Nov 2026 08:00:00 GMT", UINT64_MAX},
        {"99999999999999999h", UINT64_MAX},
        {"123456789012345678901234567890123", UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (rf__remote_duration_ms(cases[i].text, strlen(cases[i].text)) != cases[i].ms)
            fail_msg("'%s' is not %llu ms", cases[i].text, (unsigned long long)cases[i].ms);
}

static void test_texts(void **state)
{
    static const struct {
        const char *prompt, *text;
        size_t len;
        const char *json;
    } cases[] = {
        {"", "plain", 5, "\"plain\""},
        {"", "", 0, "\" \""},
        {"query: ", "", 0, "\"query: \""},
        {"query: ", "a\"b", 3, "\"query: a\\\"b\""},
        {"", "nul\0in it", 9, "\"nul\\u0000in it\""},
        {"p", "\0", 1, "\"p\\u0000\""},
        {"", "\xff", 1, "\"\xEF\xBF\xBD\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rf_text text = {cases[i].text, cases[i].len};
        const struct remote_batch batch = {.texts = &text, .n = 1, .prompt = cases[i].prompt};
        struct buf body;
        rf__buf_init(&body, 1000);
        assert_ok(rf__remote_write_text(&batch, 0, &body, err));
        assert_string_equal(body.data, cases[i].json);
        rf__buf_release(&body);
    }
}

static void test_messages(void **state)
{
    static const struct {
        const char *body, *message, *code;
    } cases[] = {
        {"{\"error\":{\"message\":\"wrong key KEY\",\"code\":\"invalid\"}}", "wrong key ***", "invalid"},
        {"{\"error\":{\"message\":\"KEYKEY\",\"type\":\"t\"}}", "******", "t"},
        {"{\"message\":\"two\\n lines\"}", "two lines", ""},
        {"{\"detail\":\"text\"}", "text", ""},
        {"{\"detail\":[{\"msg\":\"field required\"}]}", "field required", ""},
        {"{\"error\":\"text\"}", "text", ""},
        {"{}", "", ""},
        {"[1]", "", ""},
        {"{\"error\":{\"message\":7}}", "", ""},
        {"not JSON, KEY", "not JSON, ***", ""},
        {"<html>", "", ""},
        {"", "", ""},
    };
    char message[REMOTE_MESSAGE], code[REMOTE_MESSAGE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rf__remote_message(cases[i].body, strlen(cases[i].body), "KEY", message, code);
        assert_string_equal(message, cases[i].message);
        assert_string_equal(code, cases[i].code);
    }
}

/* A reply of two texts of two numbers: RF_OK, and the vectors; or a failure that has these words. */
static void test_replies(void **state)
{
    static const struct {
        const struct remote_api *api;
        const char *body;
        rf_status status;
        const char *words;
    } cases[] = {
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[3,4]}]}", RF_OK, ""},
        {&rf__openai, "{\"data\":[{\"index\":1,\"embedding\":[3,4]},{\"index\":0,\"embedding\":[1,2]}]}", RF_OK, ""},
        {&rf__openai, "{\"data\":[{\"embedding\":\"AACAPwAAAEA=\"},{\"embedding\":[3,4]}]}", RF_OK, ""},
        {&rf__cohere, "{\"embeddings\":{\"float\":[[1,2],[3,4.0]]}}", RF_OK, ""},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[3", RF_NETWORK, "ends early"},
        {&rf__openai, "", RF_NETWORK, "ends early"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[3,4,5]}]}", RF_BAD_FORMAT, "has 3 numbers"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[3,1e39]}]}", RF_BAD_FORMAT, "not finite"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":\"AACAfwAAAEA=\"}]}", RF_BAD_FORMAT,
         "not finite"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":\"AACAPw\"}]}", RF_BAD_FORMAT, "no base64"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[3,\"4\"]}]}", RF_BAD_FORMAT, "is a string"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},{}]}", RF_BAD_FORMAT, "vector 1 is missing"},
        {&rf__openai, "{\"data\":[{\"embedding\":[1,2]},7]}", RF_BAD_FORMAT, "expected an object"},
        {&rf__openai, "{\"data\":[{\"index\":-1,\"embedding\":[1,2]},{\"embedding\":[3,4]}]}", RF_BAD_FORMAT, "index"},
        {&rf__openai, "[]", RF_BAD_FORMAT, "expected an object"},
        {&rf__cohere, "{\"embeddings\":[[1,2],[3,4]]}", RF_BAD_FORMAT, "'embeddings.float' has 0 vectors"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float vectors[4] = {0};
        struct remote_reply reply = {.vectors = vectors, .dim = 2};
        rf_error err = {RF_OK, ""};
        rf_status status = rf__remote_read(cases[i].api, cases[i].body, strlen(cases[i].body), 2, &reply, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].body, err.message);
        for (int k = 0; k < 4 && status == RF_OK; k++)
            assert_int_equal(vectors[k], k + 1);
    }
}

static void test_a_reply_without_memory(void **state)
{
    static const char body[] = "{\"data\":[{\"embedding\":\"AACAPwAAAEA=\"},{\"embedding\":[3,4]}]}";
    float vectors[4];
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (uint64_t n = 1; status == RF_NO_MEMORY; n++) {
        struct remote_reply reply = {.vectors = vectors, .dim = 2};
        rf__alloc_fail_at(n);
        status = rf__remote_read(&rf__openai, body, sizeof body - 1, 2, &reply, NULL);
        rf__alloc_fail_at(0);
        assert_true(n < 100);
    }
    assert_int_equal(status, RF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_a_reply_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
