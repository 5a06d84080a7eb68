/* test_modules: Dense, LayerNorm and Normalize on numbers that can be worked out by hand, weights that do not fit, and
 * every allocation failing in turn. */
#include "golden.h"

#include "small_weights.h"

#include "base/mem.h"
#include "embed/modules.h"

#include <math.h>

static const float weight[6] = {1, 2, 3, -1, 0, 1}; /* [2, 3] */
static const float bias[2] = {0.5F, -4};
static const float square[4] = {2, 0, 0, 3}; /* [2, 2] */

static const struct small_tensor dense_tensors[] = {{"linear.weight", "F32", "[2,3]", weight, sizeof weight},
                                                    {"linear.bias", "F32", "[2]", bias, sizeof bias},
                                                    {NULL, NULL, NULL, NULL, 0}};
static const struct small_tensor residual_tensors[] = {{"linear.weight", "F32", "[2,3]", weight, sizeof weight},
                                                       {"residual.weight", "F32", "[2,3]", weight, sizeof weight},
                                                       {NULL, NULL, NULL, NULL, 0}};
static const struct small_tensor square_tensors[] = {{"linear.weight", "F32", "[2,2]", square, sizeof square},
                                                     {NULL, NULL, NULL, NULL, 0}};
static const struct small_tensor norm_tensors[] = {{"norm.weight", "F32", "[2]", square + 2, 2 * sizeof(float)},
                                                   {"norm.bias", "F32", "[2]", bias, sizeof bias},
                                                   {NULL, NULL, NULL, NULL, 0}};

static char *folder_with(const struct small_tensor *tensors)
{
    char *folder = (char *)(uintptr_t)scratch_directory("modules"), path[1200];

    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    write_safetensors(path, tensors);
    return folder;
}

/* Runs one module on (1, -1, 2), or on its first n_in numbers. */
static void run_one(const struct small_tensor *tensors, struct module_config module, float *out)
{
    struct model_config config = {.n_modules = 1};
    struct modules *modules = NULL;
    float vector[3] = {1, -1, 2}, scratch[3];

    module.folder = folder_with(tensors);
    config.modules[0] = module;
    assert_ok(rf__modules_open(&config, 0, module.n_in, &modules, err));
    assert_int_equal(rf__modules_dim(modules), module.n_out);
    assert_in_range(rf__modules_width(modules), module.n_in, 3);
    rf__modules_run(modules, vector, scratch);
    memcpy(out, vector, module.n_out * sizeof *out);
    rf__modules_free(modules);
}

static void test_dense(void **state)
{
    /* W (1, -1, 2) = (5, 1); with the bias (5.5, -3). */
    static const struct {
        enum activation activation;
        float expected[2];
    } cases[] = {
        {ACTIVATION_IDENTITY, {5.5F, -3}},
        {ACTIVATION_TANH, {0.99996659F, -0.99505475F}},
        {ACTIVATION_SIGMOID, {0.99592986F, 0.04742587F}},
        {ACTIVATION_RELU, {5.5F, 0}},
        {ACTIVATION_RELU6, {5.5F, 0}},
        {ACTIVATION_LEAKY_RELU, {5.5F, -0.03F}},
        {ACTIVATION_ELU, {5.5F, -0.95021293F}},
        {ACTIVATION_GELU, {5.5F, -0.00404970F}},
        {ACTIVATION_SILU, {5.47761423F, -0.14227762F}},
    };
    float out[2];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_one(dense_tensors, (struct module_config){MODULE_DENSE, NULL, 3, 2, true, false, cases[i].activation}, out);
        assert_float_equal(out[0], cases[i].expected[0], 1e-6);
        assert_float_equal(out[1], cases[i].expected[1], 1e-6);
    }
}

static void test_residual(void **state)
{
    float out[2];

    (void)state;
    run_one(residual_tensors, (struct module_config){MODULE_DENSE, NULL, 3, 2, false, true, ACTIVATION_IDENTITY}, out);
    assert_float_equal(out[0], 10, 1e-6);
    assert_float_equal(out[1], 2, 1e-6);
    run_one(square_tensors, (struct module_config){MODULE_DENSE, NULL, 2, 2, false, true, ACTIVATION_IDENTITY}, out);
    assert_float_equal(out[0], 2 + 1, 1e-6);
    assert_float_equal(out[1], -3 - 1, 1e-6);
}

static void test_layer_norm(void **state)
{
    float out[2];

    (void)state; /* (1, -1) has mean 0 and variance 1; weight (0, 3), bias (0.5, -4) */
    run_one(norm_tensors, (struct module_config){.kind = MODULE_LAYER_NORM, .n_in = 2, .n_out = 2}, out);
    assert_float_equal(out[0], 0.5, 1e-6);
    assert_float_equal(out[1], -3 / sqrt(1.00001) - 4, 1e-6);
}

static void test_what_does_not_fit(void **state)
{
    static const struct {
        struct module_config module;
        uint32_t n_in;
        const char *message;
    } cases[] = {
        {{MODULE_DENSE, NULL, 4, 2, true, false, 0}, 4, "'linear.weight' has not the shape that config.json"},
        {{MODULE_DENSE, NULL, 3, 2, true, false, 0}, 4, "takes vectors of 3 numbers, but gets 4"},
        {{MODULE_DENSE, NULL, 3, 2, true, true, 0}, 3, "has no tensor 'residual.weight'"},
        {{MODULE_LAYER_NORM, NULL, 3, 3, false, false, 0}, 3, "has no tensor 'norm.weight'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_config config = {.n_modules = 1};
        struct modules *modules = NULL;
        rf_error fault = {0};
        config.modules[0] = cases[i].module;
        config.modules[0].folder = folder_with(dense_tensors);
        assert_int_equal(rf__modules_open(&config, 0, cases[i].n_in, &modules, &fault), RF_BAD_FORMAT);
        if (strstr(fault.message, cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, fault.message);
    }
}

static void test_out_of_memory(void **state)
{
    struct model_config config = {.n_modules = 2};
    rf_status status = RF_NO_MEMORY;
    uint64_t n = 1;

    (void)state;
    config.modules[0] = (struct module_config){MODULE_DENSE, folder_with(dense_tensors), 3, 2, true, false, 0};
    config.modules[1] = (struct module_config){.kind = MODULE_NORMALIZE};
    for (; status != RF_OK && n < 1000; n++) {
        struct modules *modules = NULL;
        rf_error fault = {0};
        rf__alloc_fail_at(n);
        status = rf__modules_open(&config, 0, 3, &modules, &fault);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        rf__modules_free(modules);
    }
    assert_in_range(n, 4, 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),         cmocka_unit_test(test_residual),
        cmocka_unit_test(test_layer_norm),    cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("embed: modules", tests, NULL, NULL);
}
