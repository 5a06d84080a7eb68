/* base64: RFC 4648's examples, and what is none. */
#include "golden.h"

#include "base/base64.h"

#include <string.h>

static const struct {
    const char *text, *bytes; /* NULL: no base64 */
} cases[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"+/+/", "\xfb\xff\xbf"},
    {"Z", NULL},
    {"Zg", NULL},
    {"Zg=", NULL},
    {"Zg===", NULL},
    {"Zh==", NULL}, /* bits behind the end */
    {"Zm9=", NULL},
    {"Z===", NULL},
    {"====", NULL},
    {"Zg==Zg==", NULL},
    {"Zm9\n", NULL},
    {"Zm9-", NULL},
    {"=m9v", NULL},
};

static void decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[16];
        size_t len = strlen(cases[i].text), n = 0;
        bool good;
        assert_true(rf__base64_room(len) <= sizeof out);
        good = rf__base64_decode(cases[i].text, len, out, &n);
        if (good != (cases[i].bytes != NULL) ||
            (good && (n != strlen(cases[i].bytes) || memcmp(out, cases[i].bytes, n) != 0)))
            fail_msg("'%s'", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(decodes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
