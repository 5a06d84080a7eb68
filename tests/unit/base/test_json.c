/* json: what is refused and with which words, the getters' types and defaults, every allocation failing in turn. */
#include "golden.h"

#include "base/json.h"
#include "base/mem.h"

#include <string.h>

#define DEEP64 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define SHUT64 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static void json_accepts_and_refuses(void **state)
{
    static const struct {
        const char *text;
        const char *message; /* a part of it; NULL: accepted */
    } cases[] = {
        {"{}", NULL},
        {" [1, 2.5, \"x\", null, true] ", NULL},
        {"\xEF\xBB\xBF{\"a\": 1}", NULL},
        {"\"[[[[{{{{\\\"[[[\"", NULL},
        {DEEP64 SHUT64, NULL},
        {"[" DEEP64 SHUT64 "]", "f.json: is nested deeper than 64 levels"},
        {"[" DEEP64, "deeper than 64"},
        {"", "f.json: "},
        {"   ", "f.json: is not JSON"},
        {"{\"a\": 1", "f.json: is not JSON: "},
        {"{\"a\": 1} x", "at byte 9"},
        {"{'a': 1}", "at byte 1"},
        {"[1, 2,]", "f.json: is not JSON"},
        {"[NaN]", "f.json: is not JSON"},
        {"<html>not found</html>", "f.json: is not JSON"},
        {"version https://git-lfs.github.com/spec/v1\n", "f.json: is not JSON"},
        {"\"\xFF\"", "f.json: is not JSON"},
        {"\"\\ud800\"", "f.json: is not JSON"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json json;
        rf_error err = {0};
        rf_status status = rf__json_parse(&json, cases[i].text, strlen(cases[i].text), "f.json", &err);
        if (cases[i].message == NULL && status != RF_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        if (cases[i].message != NULL && (status != RF_BAD_FORMAT || strstr(err.message, cases[i].message) == NULL))
            fail_msg("%s: %s", cases[i].text, err.message);
        if (status == RF_OK)
            rf__json_release(&json);
    }
}

static void json_nul_is_no_end_of_text(void **state)
{
    struct json json;
    (void)state;

    assert_int_equal(rf__json_parse(&json, "1\0002", 3, "f.json", NULL), RF_BAD_FORMAT);
}

static const char sample[] = "{\"yes\": true, \"n\": 7, \"neg\": -1, \"big\": 18446744073709551615, \"pi\": 3.25,"
                             " \"s\": \"text\", \"nul\": null, \"o\": {}, \"a\": []}";

static void json_getters_read(void **state)
{
    struct json json;
    bool b = false;
    uint64_t u = 0;
    double d = 0;
    const char *s = NULL;
    yyjson_val *v = NULL;
    (void)state;

    assert_ok(rf__json_parse(&json, sample, strlen(sample), "f.json", err));
    assert_ok(rf__json_get_bool(&json, json.root, "yes", false, &b, err));
    assert_true(b);
    assert_ok(rf__json_get_u64(&json, json.root, "n", 0, 7, &u, err));
    assert_int_equal(u, 7);
    assert_ok(rf__json_get_u64(&json, json.root, "big", 0, UINT64_MAX, &u, err));
    assert_true(u == UINT64_MAX);
    assert_ok(rf__json_get_double(&json, json.root, "pi", 0, &d, err));
    assert_true(d == 3.25);
    assert_ok(rf__json_get_double(&json, json.root, "neg", 0, &d, err));
    assert_true(d == -1);
    assert_ok(rf__json_get_str(&json, json.root, "s", NULL, &s, err));
    assert_string_equal(s, "text");
    assert_ok(rf__json_get_object(&json, json.root, "o", &v, err));
    assert_non_null(v);
    assert_ok(rf__json_get_array(&json, json.root, "a", &v, err));
    assert_non_null(v);
    rf__json_release(&json);
}

static void json_missing_and_null_give_the_default(void **state)
{
    static const char *const keys[] = {"nul", "absent"};
    struct json json;
    (void)state;

    assert_ok(rf__json_parse(&json, sample, strlen(sample), "f.json", err));
    for (size_t i = 0; i < 4; i++) {
        yyjson_val *object = i < 2 ? json.root : i == 2 ? NULL : yyjson_obj_get(json.root, "nul");
        const char *key = keys[i % 2];
        bool b = false;
        uint64_t u = 0;
        double d = 0;
        const char *s = NULL;
        yyjson_val *o = json.root, *a = json.root;
        assert_ok(rf__json_get_bool(&json, object, key, true, &b, err));
        assert_ok(rf__json_get_u64(&json, object, key, 12, 5, &u, err));
        assert_ok(rf__json_get_double(&json, object, key, 1.5, &d, err));
        assert_ok(rf__json_get_str(&json, object, key, "fallback", &s, err));
        assert_ok(rf__json_get_object(&json, object, key, &o, err));
        assert_ok(rf__json_get_array(&json, object, key, &a, err));
        assert_true(b);
        assert_int_equal(u, 12);
        assert_true(d == 1.5);
        assert_string_equal(s, "fallback");
        assert_null(o);
        assert_null(a);
    }
    rf__json_release(&json);
}

static void json_wrong_types_are_named(void **state)
{
    struct json json;
    rf_error fault = {0};
    bool b;
    uint64_t u;
    double d;
    const char *s;
    yyjson_val *v;
    (void)state;

    assert_ok(rf__json_parse(&json, sample, strlen(sample), "f.json", err));
    assert_int_equal(rf__json_get_bool(&json, json.root, "n", false, &b, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'n' is a number, expected true or false");
    assert_int_equal(rf__json_get_u64(&json, json.root, "neg", 0, 9, &u, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'neg' is a number, expected a whole number");
    assert_int_equal(rf__json_get_u64(&json, json.root, "n", 0, 6, &u, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'n' is 7, expected at most 6");
    assert_int_equal(rf__json_get_double(&json, json.root, "s", 0, &d, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 's' is a string, expected a number");
    assert_int_equal(rf__json_get_str(&json, json.root, "a", NULL, &s, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'a' is an array, expected a string");
    assert_int_equal(rf__json_get_object(&json, json.root, "yes", &v, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'yes' is a boolean, expected an object");
    assert_int_equal(rf__json_get_array(&json, json.root, "o", &v, &fault), RF_BAD_FORMAT);
    assert_string_equal(fault.message, "f.json: 'o' is an object, expected an array");
    rf__json_release(&json);
    rf__json_release(&json);
}

static void json_every_allocation_fails_once(void **state)
{
    uint64_t n = 1;
    rf_status status;
    (void)state;

    do {
        struct json json;
        rf__alloc_fail_at(n);
        status = rf__json_parse(&json, sample, strlen(sample), "f.json", NULL);
        rf__alloc_fail_at(0);
        if (status == RF_OK)
            rf__json_release(&json);
        else
            assert_int_equal(status, RF_NO_MEMORY);
        n++;
    } while (status != RF_OK);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_accepts_and_refuses),   cmocka_unit_test(json_nul_is_no_end_of_text),
        cmocka_unit_test(json_getters_read),          cmocka_unit_test(json_missing_and_null_give_the_default),
        cmocka_unit_test(json_wrong_types_are_named), cmocka_unit_test(json_every_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
