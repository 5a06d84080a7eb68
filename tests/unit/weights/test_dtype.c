/* dtype: every 16-bit pattern against arithmetic in double. */
#include "golden.h"

#include "weights/reader.h"

#include <math.h>
#include <string.h>

static struct tensor tensor_of(enum dtype dtype, const void *data, size_t n)
{
    return (struct tensor){.name = "t",
                           .dtype = dtype,
                           .rank = 1,
                           .shape = {n},
                           .data = data,
                           .data_size = n * rf__dtype_size(dtype),
                           .n_elements = n};
}

/* What a float of this form means: sign, bits of exponent, bits of fraction. */
static double value_of(uint16_t bits, int exponent_bits)
{
    int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    double fraction = bits & ((1 << fraction_bits) - 1), sign = bits & 0x8000 ? -1 : 1;

    if (exponent == (1 << exponent_bits) - 1)
        return fraction != 0 ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

static void check_all_patterns(enum dtype dtype, int exponent_bits)
{
    static uint8_t data[65536 * 2 + 1];
    static float out[65536];
    struct tensor tensor;

    for (unsigned i = 0; i < 65536; i++) {
        data[1 + 2 * i] = (uint8_t)i; /* at an odd address, as in a file */
        data[2 + 2 * i] = (uint8_t)(i >> 8);
    }
    tensor = tensor_of(dtype, data + 1, 65536);
    assert_ok(rf__tensor_to_f32(&tensor, 0, 65536, out, err));
    for (unsigned i = 0; i < 65536; i++) {
        double expected = value_of((uint16_t)i, exponent_bits);
        bool same =
            isnan(expected) ? isnan(out[i]) : (double)out[i] == expected && !signbit(out[i]) == !signbit(expected);
        if (!same)
            fail_msg("%s 0x%04x: %g, expected %g", rf__dtype_name(dtype), i, (double)out[i], expected);
    }
}

static void dtype_converts_every_f16(void **state)
{
    (void)state;
    check_all_patterns(DTYPE_F16, 5);
}

static void dtype_converts_every_bf16(void **state)
{
    (void)state;
    check_all_patterns(DTYPE_BF16, 8);
}

static void dtype_converts_f32_and_f64_from_the_middle(void **state)
{
    static const float singles[] = {1, -2.5F, 3e-40F, 4};
    static const double doubles[] = {1, -2.5, 1.0 / 3, 4};
    struct tensor tensor = tensor_of(DTYPE_F32, singles, 4);
    float out[2];
    (void)state;

    assert_ok(rf__tensor_to_f32(&tensor, 1, 2, out, err));
    assert_memory_equal(out, singles + 1, sizeof out);
    tensor = tensor_of(DTYPE_F64, doubles, 4);
    assert_ok(rf__tensor_to_f32(&tensor, 2, 2, out, err));
    assert_true(out[0] == (float)(1.0 / 3) && out[1] == 4);
    assert_ok(rf__tensor_to_f32(&tensor, 4, 0, out, err));
}

static void dtype_refuses_whole_numbers(void **state)
{
    static const uint8_t data[8] = {0};
    rf_error err;
    float out;
    (void)state;

    for (int i = 0; i <= DTYPE_F8_E5M2; i++) {
        struct tensor tensor = tensor_of((enum dtype)i, data, 1);
        rf_status expected = rf__dtype_is_float((enum dtype)i) ? RF_OK : RF_UNSUPPORTED;
        assert_int_equal(rf__tensor_to_f32(&tensor, 0, 1, &out, &err), expected);
    }
    assert_non_null(strstr(err.message, "F8_E5M2"));
}

static void dtype_names_are_found_again(void **state)
{
    enum dtype found;
    (void)state;

    for (int i = 0; i <= DTYPE_F8_E5M2; i++) {
        assert_true(rf__dtype_from_name(rf__dtype_name((enum dtype)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(rf__dtype_from_name("f32", &found));
    assert_false(rf__dtype_from_name("", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtype_converts_every_f16),
        cmocka_unit_test(dtype_converts_every_bf16),
        cmocka_unit_test(dtype_converts_f32_and_f64_from_the_middle),
        cmocka_unit_test(dtype_refuses_whole_numbers),
        cmocka_unit_test(dtype_names_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
