/* machine: what can be said of any machine that this runs on. */
#include "golden.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "os/os.h"

#include <string.h>

static void machine_time_goes_on(void **state)
{
    uint64_t begin = rf__os_now_ns(), passed;
    (void)state;

    rf__os_sleep_ms(0);
    rf__os_sleep_ms(20);
    passed = rf__os_now_ns() - begin;
    assert_true(passed >= 15 * (uint64_t)1000000 && passed < 20 * (uint64_t)1000000000);
}

static void machine_processors(void **state)
{
    char name[128] = "", features[128] = "", tiny[4];
    (void)state;

    assert_true(rf__os_cpu_count() >= 1 && rf__os_cpu_count() < 100000);
    rf__os_cpu_name(name, sizeof name);
    rf__os_cpu_features(features, sizeof features);
    assert_true(name[0] != '\0' && name[0] != ' ');
    assert_true(rf__utf8_valid(name, strlen(name)));
    assert_true(features[0] != '\0');
    memset(tiny, 'x', sizeof tiny);
    rf__os_cpu_name(tiny, sizeof tiny);
    assert_int_equal(strlen(tiny), 3);
    rf__os_cpu_features(tiny, sizeof tiny);
    assert_true(memchr(tiny, '\0', sizeof tiny) != NULL);
    rf__os_cpu_name(NULL, 0);
    rf__os_cpu_features(NULL, 0);
}

static void machine_memory(void **state)
{
    size_t size = (size_t)64 << 20;
    uint64_t before = rf__os_memory_now(), with;
    char *block = rf__alloc(size);
    (void)state;

    assert_true(before > 0);
    memset(block, 1, size);
    with = rf__os_memory_now();
    assert_true(with >= before + size / 2);
    rf__free(block);
    rf__os_trim_memory();
    assert_true(rf__os_memory_peak() + (1 << 20) >= with);
    assert_true(rf__os_memory_total() > rf__os_memory_peak() / 2);
    assert_true(rf__os_memory_total() > (uint64_t)64 << 20);
}

static bool count_libraries(void *user, const char *path)
{
    assert_true(path[0] != '\0');
    ++*(int *)user;
    return true;
}

static bool stop_at_once(void *user, const char *path)
{
    (void)path;
    ++*(int *)user;
    return false;
}

#ifdef _WIN32
#define LIBRARY "kernel32" /* cmocka is linked in */
#else
#define LIBRARY "cmocka"
#endif

static bool find_one(void *user, const char *path)
{
    if (strstr(path, LIBRARY) != NULL)
        *(bool *)user = true;
    return true;
}

static void machine_libraries(void **state)
{
    int n = 0;
    bool found = false;
    (void)state;

    rf__os_each_library(count_libraries, &n);
    assert_true(n >= 1);
    n = 0;
    rf__os_each_library(stop_at_once, &n);
    assert_int_equal(n, 1);
    rf__os_each_library(find_one, &found);
    assert_true(found);
}

static void machine_has_a_name(void **state)
{
    (void)state;
    assert_non_null(strchr(rf__os_name(), ' '));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_time_goes_on), cmocka_unit_test(machine_processors), cmocka_unit_test(machine_memory),
        cmocka_unit_test(machine_libraries),    cmocka_unit_test(machine_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
