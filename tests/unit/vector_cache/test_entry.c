/* entry: what was written is read, bit for bit; any change of any byte is seen; fp16 rounds as it says. */
#include "golden.h"

#include "base/mem.h"
#include "vector_cache/entry.h"
#include "vectors.h"

#include <float.h>
#include <math.h>

#define DIM 37

static void round_trip(enum row_kind kind)
{
    uint8_t bytes[512];
    size_t len = rf__entry_size(kind, DIM);
    float vector[DIM], rounded[DIM], out[DIM];
    struct vector_key key, other;
    struct kept_text kept = kept_of(21), read;

    assert_true(key_of("m", 21, &key) && key_of("m", 22, &other) && len <= sizeof bytes);
    vector_of(21, DIM, vector);
    memcpy(rounded, vector, sizeof vector);
    if (kind == ROW_FP16)
        rf__row_round(rounded, DIM);
    rf__entry_write(&key, &kept, kind, vector, DIM, bytes);
    assert_true(rf__entry_is_whole(bytes, len));
    assert_true(rf__entry_read(bytes, len, &key, DIM, out, &read));
    assert_memory_equal(out, rounded, sizeof out);
    assert_true(kept_is(&read, 21));
    assert_false(rf__entry_read(bytes, len, &other, DIM, out, &read));
    assert_false(rf__entry_read(bytes, len, &key, DIM - 1, out, &read));

    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            assert_false(rf__entry_is_whole(bytes, len));
            assert_false(rf__entry_read(bytes, len, &key, DIM, out, &read));
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *own = rf__alloc(cut); /* of its own size, for AddressSanitizer */
        memcpy(own, bytes, cut);
        assert_false(rf__entry_is_whole(own, cut));
        rf__free(own);
    }
}

static void fp32_entries(void **state)
{
    (void)state;
    round_trip(ROW_FP32);
}

static void fp16_entries(void **state)
{
    (void)state;
    round_trip(ROW_FP16);
}

/* Every fp32 bit pattern survives, NaNs included; with fp16 what it cannot hold is kept as it is. */
static void numbers_that_are_none(void **state)
{
    const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MIN / 8, FLT_MAX, 65504.0f, -65504.0f, 65505.0f};
    uint8_t row[64];
    float out[1], rounded[1];

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        enum row_kind kind = rf__row_kind(&odd[i], 1, true);
        rounded[0] = odd[i];
        rf__row_round(rounded, 1);
        assert_int_equal(rf__row_kind(&odd[i], 1, false), ROW_FP32);
        assert_int_equal(kind, fabsf(odd[i]) <= 65504.0f ? ROW_FP16 : ROW_FP32);
        rf__row_write(kind, &odd[i], 1, row);
        rf__row_read(kind, row, 1, out);
        assert_memory_equal(out, rounded, sizeof out);
        if (kind == ROW_FP32)
            assert_memory_equal(out, &odd[i], sizeof out);
    }
}

/* A vector of length 1 keeps its direction. */
static void fp16_is_near(void **state)
{
    float vector[384], rounded[384], length = 0;

    (void)state;
    vector_of(7, 384, vector);
    for (size_t d = 0; d < 384; d++)
        length += vector[d] * vector[d];
    for (size_t d = 0; d < 384; d++)
        vector[d] /= sqrtf(length);
    memcpy(rounded, vector, sizeof vector);
    rf__row_round(rounded, 384);
    assert_memory_not_equal(rounded, vector, sizeof vector);
    assert_true(cosine(vector, rounded, 384) > 0.9999999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fp32_entries),
        cmocka_unit_test(fp16_entries),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(fp16_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
