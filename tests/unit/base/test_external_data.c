/* test_external_data: locations read out of ONNX files, which of them are inside of a folder, and what is no ONNX file.
 */
#include "golden.h"

#include "base/external_data.h"
#include "base/mem.h"

#include <string.h>

static const struct {
    const char *entries[4]; /* of one tensor each: "KEY=VALUE", NULL: none */
    const char *locations;
} cases[] = {
    {{NULL}, ""},
    {{"location=model.onnx_data"}, "model.onnx_data "},
    {{"location=a", "location=a", "location=b/c"}, "a b/c "},
    {{"location=a", "location=b", "location=a"}, "a b "},
    {{"offset=12", "location=x"}, "x "},
    {{"location=../up"}, "../up "}, /* told; who opens it checks */
};

static size_t put(uint8_t *out, uint8_t tag, const void *body, size_t len)
{
    out[0] = tag;
    out[1] = (uint8_t)len;
    memcpy(out + 2, body, len);
    return len + 2;
}

static size_t make_tensor(const char *entry, uint8_t *out)
{
    const char *equals = strchr(entry, '=');
    uint8_t pair[100];
    size_t n = put(pair, 0x0a, entry, (size_t)(equals - entry));

    n += put(pair + n, 0x12, equals + 1, strlen(equals + 1));
    return put(out, 0x6a, pair, n);
}

static size_t make_model(const char *const *entries, uint8_t *out)
{
    uint8_t graph[120], tensor[100];
    size_t n = 0;

    for (; *entries != NULL; entries++)
        n += put(graph + n, 0x2a, tensor, make_tensor(*entries, tensor));
    return put(out, 0x3a, graph, n);
}

static void test_locations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t model[128];
        size_t len = make_model(cases[i].entries, model);
        struct external_data data;
        char all[100] = "";
        assert_ok(rf__external_data_read(model, len, &data, err));
        for (size_t k = 0; k < data.n; k++) {
            strcat(all, data.locations[k]);
            strcat(all, " ");
        }
        assert_string_equal(all, cases[i].locations);
        rf__external_data_release(&data);
        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(rf__external_data_read(model, cut, &data, NULL), RF_BAD_FORMAT);
    }
}

static void test_out_of_memory(void **state)
{
    uint8_t model[128];
    size_t len = make_model(cases[2].entries, model);
    struct external_data data;
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (uint64_t n = 1; status != RF_OK; n++) {
        rf__alloc_fail_at(n);
        status = rf__external_data_read(model, len, &data, NULL);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
    }
    rf__external_data_release(&data);
}

static void test_inside(void **state)
{
    static const char *const inside[] = {"a", "a/b", "./a", "a..b", "..a/b..", "a//b"};
    static const char *const outside[] = {"", "/a", "..", "../a", "a/../../b", "a/..", "C:a", "a\\b"};

    (void)state;
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        assert_true(rf__external_is_inside(inside[i]));
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_false(rf__external_is_inside(outside[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_inside),
    };

    return cmocka_run_group_tests_name("base: external data", tests, NULL, NULL);
}
