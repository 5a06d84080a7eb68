/* mem: checked arithmetic, copies, and the seam that fails the n-th allocation. */
#include "golden.h"

#include "base/mem.h"

#include <string.h>

static void mem_checked_arithmetic(void **state)
{
    size_t out = 7;
    (void)state;

    assert_true(rf__add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    out = 7;
    assert_false(rf__add(SIZE_MAX, 1, &out));
    assert_false(rf__add(1, SIZE_MAX, &out));
    assert_false(rf__mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(rf__mul(2, SIZE_MAX / 2 + 1, &out));
    assert_int_equal(out, 7);
    assert_true(rf__mul(0, SIZE_MAX, &out));
    assert_int_equal(out, 0);
    assert_true(rf__mul(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
}

static void mem_of_size_zero_can_be_freed(void **state)
{
    void *memory[] = {rf__alloc(0), rf__calloc(0, 4), rf__calloc(4, 0), rf__realloc(NULL, 0), rf__alloc_array(0, 8)};
    (void)state;

    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        assert_non_null(memory[i]);
        rf__free(memory[i]);
    }
    rf__free(NULL);
    assert_null(rf__alloc_array(SIZE_MAX / 2, 3));
}

static void mem_strings(void **state)
{
    char *s = rf__strndup("abcdef", 3);
    (void)state;

    assert_string_equal(s, "abc");
    rf__free(s);
    s = rf__format("%s-%d", "x", 42);
    assert_string_equal(s, "x-42");
    rf__free(s);
}

static void mem_path_join(void **state)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}, {"a/b", "c/d", "a/b/c/d"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = rf__path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        rf__free(path);
    }
}

static void mem_fails_from_the_nth_allocation_on(void **state)
{
    void *first, *second;
    (void)state;

    rf__alloc_fail_at(3);
    first = rf__alloc(1);
    second = rf__calloc(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(rf__realloc(NULL, 1));
    assert_null(rf__alloc_array(1, 1));
    assert_null(rf__strdup("x"));
    assert_null(rf__format("x"));
    assert_int_equal(rf__alloc_fail_at(0), 6);
    rf__free(first);
    rf__free(second);
    first = rf__alloc(1);
    assert_non_null(first);
    rf__free(first);
    assert_int_equal(rf__alloc_fail_at(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mem_checked_arithmetic),
        cmocka_unit_test(mem_of_size_zero_can_be_freed),
        cmocka_unit_test(mem_strings),
        cmocka_unit_test(mem_path_join),
        cmocka_unit_test(mem_fails_from_the_nth_allocation_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
