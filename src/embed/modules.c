/* modules: see modules.h. The reference is sentence_transformers' Dense, LayerNorm and Normalize. */
#include "embed/modules.h"

#include "base/mem.h"
#include "embed/pooling.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER_NORM_EPSILON 1e-5F /* torch.nn.LayerNorm's default, which the class does not change */
#define LANES              16    /* sums of a row that grow side by side */

struct module {
    enum module_kind kind;
    uint32_t n_in, n_out;
    enum activation activation;
    bool has_residual;
    float *weight;   /* Dense: [n_out, n_in]; LayerNorm: [n_in] */
    float *bias;     /* [n_out], or NULL */
    float *residual; /* [n_out, n_in], or NULL: the input is added as it is */
};

struct modules {
    struct module items[CONFIG_MAX_MODULES];
    size_t n;
    uint32_t dim, width;
};

/* ---- Computing ----------------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, size_t n)
{
    float sums[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        sum += sums[k];
    return sum;
}

static float activate(enum activation activation, float x)
{
    switch (activation) {
    case ACTIVATION_TANH:
        return tanhf(x);
    case ACTIVATION_SIGMOID:
        return 1 / (1 + expf(-x));
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    case ACTIVATION_RELU6:
        return x > 6 ? 6 : x > 0 ? x : 0;
    case ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : 0.01F * x;
    case ACTIVATION_ELU:
        return x > 0 ? x : expm1f(x);
    case ACTIVATION_GELU:
        return 0.5F * x * (1 + erff(x * 0.70710678F));
    case ACTIVATION_SILU:
        return x / (1 + expf(-x));
    case ACTIVATION_IDENTITY:
        break;
    }
    return x;
}

static void run_dense(const struct module *m, const float *in, float *out)
{
    for (size_t i = 0; i < m->n_out; i++) {
        float sum = dot(m->weight + i * m->n_in, in, m->n_in);
        if (m->bias != NULL)
            sum += m->bias[i];
        sum = activate(m->activation, sum);
        if (m->has_residual)
            sum += m->residual != NULL ? dot(m->residual + i * m->n_in, in, m->n_in) : in[i];
        out[i] = sum;
    }
}

static void run_layer_norm(const struct module *m, float *vector)
{
    double mean = 0, variance = 0;
    float scale;

    for (size_t i = 0; i < m->n_in; i++)
        mean += (double)vector[i];
    mean /= m->n_in;
    for (size_t i = 0; i < m->n_in; i++)
        variance += ((double)vector[i] - mean) * ((double)vector[i] - mean);
    scale = 1 / sqrtf((float)(variance / m->n_in) + LAYER_NORM_EPSILON);
    for (size_t i = 0; i < m->n_in; i++)
        vector[i] = (vector[i] - (float)mean) * scale * m->weight[i] + m->bias[i];
}

void rf__modules_run(const struct modules *modules, float *vector, float *scratch)
{
    for (size_t i = 0; i < modules->n; i++) {
        const struct module *m = &modules->items[i];
        switch (m->kind) {
        case MODULE_NORMALIZE:
            rf__l2_normalize(vector, m->n_in);
            break;
        case MODULE_LAYER_NORM:
            run_layer_norm(m, vector);
            break;
        case MODULE_DENSE:
            run_dense(m, vector, scratch);
            memcpy(vector, scratch, m->n_out * sizeof *vector);
            break;
        }
    }
}

/* ---- Opening ------------------------------------------------------------------------------------------- */

/* A tensor of the shape [rows, cols], or [rows] when cols is 0, as fp32 in new memory. */
static rf_status read_tensor(const struct weights *weights, const char *name, uint64_t rows, uint64_t cols, float **out,
                             rf_error *err)
{
    const struct tensor *tensor = rf__weights_find(weights, name);
    bool fits = tensor != NULL && tensor->rank == (cols > 0 ? 2 : 1) && tensor->shape[0] == rows &&
                (cols == 0 || tensor->shape[1] == cols);

    if (tensor == NULL)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has no tensor '%s'", rf__weights_path(weights), name);
    if (!fits)
        return rf__fail(err, RF_BAD_FORMAT, "%s: '%s' has not the shape that config.json beside it says",
                        rf__weights_path(weights), name);
    *out = rf__alloc_array((size_t)tensor->n_elements, sizeof **out);
    if (*out == NULL)
        return rf__fail_memory(err);
    return rf__tensor_to_f32(tensor, 0, tensor->n_elements, *out, err);
}

static rf_status read_weights(struct module *m, const struct module_config *config, rf_error *err)
{
    struct weights *weights = NULL;
    bool is_dense = m->kind == MODULE_DENSE;
    rf_status status;

    if (m->kind == MODULE_NORMALIZE)
        return RF_OK;
    status = rf__weights_open(config->folder, &weights, err);
    if (status == RF_OK)
        status = read_tensor(weights, is_dense ? "linear.weight" : "norm.weight", m->n_out, is_dense ? m->n_in : 0,
                             &m->weight, err);
    if (status == RF_OK && (!is_dense || config->has_bias))
        status = read_tensor(weights, is_dense ? "linear.bias" : "norm.bias", m->n_out, 0, &m->bias, err);
    if (status == RF_OK && m->has_residual && m->n_in != m->n_out)
        status = read_tensor(weights, "residual.weight", m->n_out, m->n_in, &m->residual, err);
    rf__weights_free(weights);
    return status;
}

static rf_status open_module(struct modules *modules, const struct module_config *config, rf_error *err)
{
    struct module *m = &modules->items[modules->n++];

    *m = (struct module){.kind = config->kind,
                         .n_in = config->n_in,
                         .n_out = config->n_out,
                         .activation = config->activation,
                         .has_residual = config->has_residual};
    if (m->kind == MODULE_NORMALIZE)
        m->n_in = m->n_out = modules->dim;
    if (m->n_in != modules->dim)
        return rf__fail(err, RF_BAD_FORMAT, "%s/config.json: takes vectors of %u numbers, but gets %u", config->folder,
                        m->n_in, modules->dim);
    modules->dim = m->n_out;
    if (modules->width < m->n_out)
        modules->width = m->n_out;
    return read_weights(m, config, err);
}

rf_status rf__modules_open(const struct model_config *config, size_t first, uint32_t n_in, struct modules **out,
                           rf_error *err)
{
    struct modules *modules = rf__calloc(1, sizeof *modules);
    rf_status status = RF_OK;

    if (modules == NULL)
        return rf__fail_memory(err);
    modules->dim = modules->width = n_in;
    for (size_t i = first; i < config->n_modules && status == RF_OK; i++)
        status = open_module(modules, &config->modules[i], err);
    if (status != RF_OK) {
        rf__modules_free(modules);
        return status;
    }
    *out = modules;
    return RF_OK;
}

void rf__modules_free(struct modules *modules)
{
    if (modules == NULL)
        return;
    for (size_t i = 0; i < modules->n; i++) {
        rf__free(modules->items[i].weight);
        rf__free(modules->items[i].bias);
        rf__free(modules->items[i].residual);
    }
    rf__free(modules);
}

uint32_t rf__modules_dim(const struct modules *modules)
{
    return modules->dim;
}

uint32_t rf__modules_width(const struct modules *modules)
{
    return modules->width;
}

void rf__modules_describe(const struct modules *modules, char *text, size_t size)
{
    static const char *const names[] = {"",      ", Tanh", ", Sigmoid", ", ReLU", ", ReLU6", ", LeakyReLU",
                                        ", ELU", ", GELU", ", SiLU"};

    for (size_t i = 0; i < modules->n; i++) {
        const struct module *m = &modules->items[i];
        size_t len = strlen(text);
        if (m->kind == MODULE_DENSE)
            snprintf(text + len, size - len, ", Dense(%u -> %u%s%s)", m->n_in, m->n_out, names[m->activation],
                     m->has_residual ? ", residual" : "");
        else
            snprintf(text + len, size - len, ", %s", m->kind == MODULE_NORMALIZE ? "Normalize" : "LayerNorm");
    }
}
