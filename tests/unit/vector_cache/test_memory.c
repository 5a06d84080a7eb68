/* memory: against a plain list in the order of use, with any sequence of puts and gets; never above its limit. */
#include "golden.h"

#include "vector_cache/memory.h"
#include "vectors.h"

#include <stdlib.h>

#define DIM     8
#define NUMBERS 64

/* The slow twin: numbers, the most recently used first. */
struct twin {
    uint32_t numbers[NUMBERS];
    size_t n;
};

static bool twin_use(struct twin *twin, uint32_t number)
{
    for (size_t i = 0; i < twin->n; i++)
        if (twin->numbers[i] == number) {
            memmove(twin->numbers + 1, twin->numbers, i * sizeof number);
            twin->numbers[0] = number;
            return true;
        }
    return false;
}

static void twin_put(struct twin *twin, uint32_t number, size_t most)
{
    for (size_t i = 0; i < twin->n; i++)
        if (twin->numbers[i] == number)
            return;
    if (twin->n == most)
        twin->n--;
    memmove(twin->numbers + 1, twin->numbers, twin->n * sizeof number);
    twin->numbers[0] = number;
    twin->n++;
}

/* How many vectors have room. */
static size_t capacity(uint64_t max_bytes)
{
    struct memory *memory = rf__memory_new(max_bytes, DIM, false);
    struct kept_text kept = {0};
    float vector[DIM] = {0};
    size_t most = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        struct vector_key key;
        uint64_t before = rf__memory_bytes(memory);
        assert_true(key_of("m", i, &key));
        rf__memory_put(memory, &key, vector, &kept);
        most += rf__memory_bytes(memory) > before;
    }
    rf__memory_free(memory);
    return most;
}

static void like_its_twin(void **state)
{
    const uint64_t max_bytes = 4096;
    size_t most = capacity(max_bytes);
    struct memory *memory = rf__memory_new(max_bytes, DIM, false);
    uint64_t empty = rf__memory_bytes(memory);
    struct twin twin = {.n = 0};
    uint32_t random = 1, n_hits = 0;

    (void)state;
    assert_true(most > 5 && most < NUMBERS);
    for (int i = 0; i < 20000; i++) {
        uint32_t number;
        struct vector_key key;
        struct kept_text kept = {0};
        float out[DIM], expected[DIM];
        random = random * 1664525u + 1013904223u;
        number = random >> 16 & (NUMBERS - 1);
        assert_true(key_of("m", number, &key));
        vector_of(number, DIM, expected);
        if (random >> 31) {
            kept = kept_of(number);
            rf__memory_put(memory, &key, expected, &kept);
            twin_put(&twin, number, most);
        } else {
            bool found = rf__memory_get(memory, &key, out, &kept);
            assert_int_equal(found, twin_use(&twin, number));
            n_hits += found;
            if (found) {
                assert_memory_equal(out, expected, sizeof out);
                assert_true(kept_is(&kept, number));
            }
        }
        assert_true(rf__memory_bytes(memory) <= empty + max_bytes);
    }
    assert_true(n_hits > 1000);
    rf__memory_free(memory);
}

/* Less room than one vector takes. */
static void too_small(void **state)
{
    struct memory *memory = rf__memory_new(10, DIM, true);
    struct vector_key key;
    struct kept_text kept = {0};
    float vector[DIM] = {0};

    (void)state;
    assert_true(key_of("m", 1, &key));
    rf__memory_put(memory, &key, vector, &kept);
    assert_false(rf__memory_get(memory, &key, vector, &kept));
    rf__memory_free(memory);
    rf__memory_free(NULL);
}

/* fp16 takes half, but for a vector that it cannot hold. */
static void fp16_and_what_it_cannot_hold(void **state)
{
    struct memory *memory = rf__memory_new(1 << 20, DIM, true);
    struct vector_key first, second;
    struct kept_text kept = kept_of(1);
    float small[DIM] = {0.1f}, large[DIM] = {1e6f}, out[DIM];
    uint64_t empty = rf__memory_bytes(memory), one;

    (void)state;
    assert_true(key_of("m", 1, &first) && key_of("m", 2, &second));
    rf__memory_put(memory, &first, small, &kept);
    one = rf__memory_bytes(memory) - empty;
    rf__memory_put(memory, &second, large, &kept);
    assert_int_equal(rf__memory_bytes(memory) - empty - one, one + (uint64_t)DIM * 2);
    assert_true(rf__memory_get(memory, &second, out, &kept));
    assert_memory_equal(out, large, sizeof out);
    assert_true(rf__memory_get(memory, &first, out, &kept));
    assert_true(out[0] != small[0] && out[0] - small[0] < 1e-4f && small[0] - out[0] < 1e-4f);
    rf__memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_its_twin),
        cmocka_unit_test(too_small),
        cmocka_unit_test(fp16_and_what_it_cannot_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
