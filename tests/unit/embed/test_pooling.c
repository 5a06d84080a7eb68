/* test_pooling: the story's numbers, and each mode against an obvious twin. */
#include "golden.h"

#include "embed/embed.h"
#include "embed/pooling.h"

#include <math.h>

/* The story's test_mean_pooling: two texts of three tokens, the third of which is masked out. */
static void test_mean_pooling_of_the_story(void **state)
{
    static const float embeddings[2][6] = {{1, 2, 3, 4, 0, 0}, {2, 3, 4, 5, 0, 0}};
    static const uint8_t mask[3] = {1, 1, 0};
    static const float expected[2][2] = {{2, 3}, {3, 4}};

    (void)state;
    for (size_t text = 0; text < 2; text++) {
        float pooled[2];
        rf__pool_masked(RF_POOLING_MEAN, embeddings[text], mask, 3, 2, pooled);
        assert_float_equal(pooled[0], expected[text][0], 1e-6);
        assert_float_equal(pooled[1], expected[text][1], 1e-6);
    }
}

/* The story's test_normalization. */
static void test_normalization_of_the_story(void **state)
{
    float a[2] = {3, 4}, b[2] = {1, 0};

    (void)state;
    rf__l2_normalize(a, 2);
    rf__l2_normalize(b, 2);
    assert_float_equal(sqrtf(a[0] * a[0] + a[1] * a[1]), 1, 1e-6);
    assert_float_equal(a[0], 0.6f, 1e-6);
    assert_float_equal(b[0], 1, 1e-6);
}

static void test_zero_stays_zero(void **state)
{
    static const uint8_t none[2] = {0, 0};
    static const float tokens[4] = {1, 2, 3, 4};
    float zero[2] = {0, 0};

    (void)state;
    rf__l2_normalize(zero, 2);
    assert_float_equal(zero[0], 0, 0);
    rf__pool_masked(RF_POOLING_MEAN, tokens, none, 2, 2, zero);
    assert_float_equal(zero[1], 0, 0);
}

static void test_every_mode(void **state)
{
    static const float tokens[3][2] = {{1, -9}, {5, -2}, {3, -4}};
    static const uint8_t left_padded[3] = {0, 1, 1}, right_padded[3] = {1, 1, 0};
    static const struct {
        rf_pooling pooling;
        const uint8_t *mask;
        float expected[2];
    } cases[] = {
        {RF_POOLING_MEAN, NULL, {3, -5}},
        {RF_POOLING_CLS, NULL, {1, -9}},
        {RF_POOLING_MAX, NULL, {5, -2}},
        {RF_POOLING_LAST, NULL, {3, -4}},
        {RF_POOLING_CLS, left_padded, {5, -2}},
        {RF_POOLING_LAST, right_padded, {5, -2}},
        {RF_POOLING_MAX, left_padded, {5, -2}},
        {RF_POOLING_MEAN, left_padded, {4, -3}},
        {RF_POOLING_LAST, left_padded, {3, -4}},
        {RF_POOLING_MEAN_SQRT_LEN, NULL, {9 / 1.7320508F, -15 / 1.7320508F}},
        {RF_POOLING_MEAN_SQRT_LEN, left_padded, {8 / 1.4142136F, -6 / 1.4142136F}},
        {RF_POOLING_WEIGHTED_MEAN, NULL, {20 / 6.0F, -25 / 6.0F}},
        {RF_POOLING_WEIGHTED_MEAN, left_padded, {11 / 3.0F, -10 / 3.0F}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float out[2];
        rf__pool_masked(cases[i].pooling, tokens[0], cases[i].mask, 3, 2, out);
        assert_float_equal(out[0], cases[i].expected[0], 1e-6);
        assert_float_equal(out[1], cases[i].expected[1], 1e-6);
    }
}

/* Joined in the order of the spec; tokens in front that do not count keep their places in the weighted mean. */
static void test_several_modes_and_skipped_tokens(void **state)
{
    static const float tokens[3][2] = {{1, -9}, {5, -2}, {3, -4}};
    static const struct pooling_spec spec = {
        {RF_POOLING_LAST, RF_POOLING_WEIGHTED_MEAN, RF_POOLING_CLS, RF_POOLING_MAX}, 4, true};
    static const float all[8] = {3, -4, 20 / 6.0F, -25 / 6.0F, 1, -9, 5, -2};
    static const float without_one[8] = {3, -4, 19 / 5.0F, -16 / 5.0F, 5, -2, 5, -2};
    float out[8];

    (void)state;
    rf__pool_all(&spec, tokens[0], 3, 0, 2, out);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(out[i], all[i], 1e-6);
    rf__pool_all(&spec, tokens[0], 3, 1, 2, out);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(out[i], without_one[i], 1e-6);
    rf__pool_all(&spec, tokens[0], 3, 3, 2, out);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(out[i], 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mean_pooling_of_the_story),
        cmocka_unit_test(test_normalization_of_the_story),
        cmocka_unit_test(test_zero_stays_zero),
        cmocka_unit_test(test_every_mode),
        cmocka_unit_test(test_several_modes_and_skipped_tokens),
    };

    return cmocka_run_group_tests_name("embed: pooling", tests, NULL, NULL);
}
