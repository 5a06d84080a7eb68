/* ref_math: the arithmetic; see ref.h. Sums of products are kept in sixteen parts, which is both more exact than one
 * and what a compiler keeps in vectors; all else is in double. */
#include "reference/ref.h"

#include <math.h>
#include <string.h>

double rf__ref_dot(const float *a, const float *b, size_t n)
{
    float p[4] = {0}, q[4] = {0}, r[4] = {0}, s[4] = {0};
    double sum = 0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        for (size_t j = 0; j < 4; j++) {
            p[j] += a[i + j] * b[i + j];
            q[j] += a[i + 4 + j] * b[i + 4 + j];
            r[j] += a[i + 8 + j] * b[i + 8 + j];
            s[j] += a[i + 12 + j] * b[i + 12 + j];
        }
    for (size_t j = 0; j < 4; j++)
        sum += (double)((p[j] + q[j]) + (r[j] + s[j]));
    for (; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

void rf__ref_apply(const struct ref_linear *linear, const float *x, size_t n, float *y)
{
    for (size_t o = 0; o < linear->out; o++) {
        const float *row = linear->weight + o * linear->in;
        double bias = linear->bias != NULL ? (double)linear->bias[o] : 0;
        for (size_t t = 0; t < n; t++)
            y[t * linear->out + o] = (float)(rf__ref_dot(x + t * linear->in, row, linear->in) + bias);
    }
}

static void normalize_row(const struct ref_norm *norm, float *x)
{
    const bool has_mean = norm->kind == REF_NORM_LAYER;
    const double plus = norm->kind == REF_NORM_RMS_PLUS_1 ? 1 : 0;
    double mean = 0, square = 0, scale;

    for (size_t i = 0; i < norm->size && has_mean; i++)
        mean += (double)x[i] / (double)norm->size;
    for (size_t i = 0; i < norm->size; i++)
        square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)norm->size;
    scale = 1 / sqrt(square + norm->epsilon);
    for (size_t i = 0; i < norm->size; i++)
        x[i] = (float)(((double)x[i] - mean) * scale * ((double)norm->weight[i] + plus) +
                       (norm->bias != NULL ? (double)norm->bias[i] : 0));
}

void rf__ref_normalize(const struct ref_norm *norm, float *x, size_t n)
{
    for (size_t t = 0; t < n && norm->kind != REF_NORM_NONE; t++)
        normalize_row(norm, x + t * norm->size);
}

void rf__ref_activate(ref_activation activation, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)activation((double)x[i]);
}

void rf__ref_add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

/* ---- Attention ----------------------------------------------------------------------------------------------- */

static bool sees(const struct ref_attention *a, size_t query, size_t key)
{
    size_t distance = query > key ? query - key : key - query;

    return (!a->is_causal || key <= query) && (a->window == 0 || distance < a->window);
}

/* scores[key] becomes the share that it has of the sum; 0 where it is not seen. */
static void softmax(const struct ref_attention *a, size_t query, size_t n, double *scores)
{
    double max = -INFINITY, sum = 0;

    for (size_t key = 0; key < n; key++)
        if (sees(a, query, key))
            max = fmax(max, scores[key]);
    for (size_t key = 0; key < n; key++) {
        scores[key] = sees(a, query, key) ? exp(scores[key] - max) : 0;
        sum += scores[key];
    }
    for (size_t key = 0; key < n; key++)
        scores[key] /= sum;
}

/* One query of one head; k and v point to that head of the first token. */
static void attend_one(const struct ref_attention *a, size_t head, size_t query, const float *q, const float *k,
                       const float *v, size_t n, double *scores, float *out)
{
    const size_t stride = a->key_heads * a->head;

    for (size_t key = 0; key < n; key++) {
        scores[key] = a->scale * rf__ref_dot(q, k + key * stride, a->head);
        if (a->bias != NULL)
            scores[key] += a->bias(a->arg, head, query, key);
    }
    softmax(a, query, n, scores);
    for (size_t i = 0; i < a->head; i++) {
        double sum = 0;
        for (size_t key = 0; key < n; key++)
            sum += scores[key] * (double)v[key * stride + i];
        out[i] = (float)sum;
    }
}

void rf__ref_attend(const struct ref_attention *a, const float *q, const float *k, const float *v, size_t n,
                    double *scores, float *out)
{
    for (size_t head = 0; head < a->heads; head++) {
        const size_t of_keys = head / (a->heads / a->key_heads) * a->head;
        for (size_t query = 0; query < n; query++) {
            const size_t at = (query * a->heads + head) * a->head;
            attend_one(a, head, query, q + at, k + of_keys, v + of_keys, n, scores, out + at);
        }
    }
}

size_t rf__ref_bucket(ptrdiff_t distance, size_t n_buckets, size_t far)
{
    const size_t half = n_buckets / 2, exact = half / 2, side = distance > 0 ? half : 0;
    const size_t away = (size_t)(distance < 0 ? -distance : distance);
    size_t bucket;

    if (away < exact)
        return side + away;
    /* In single precision, as torch does it: at the edges of buckets the rounding decides. */
    bucket = exact + (size_t)(logf((float)away / (float)exact) / (float)log((double)far / (double)exact) *
                              (float)(half - exact));
    return side + (bucket < half - 1 ? bucket : half - 1);
}

/* ---- Activations --------------------------------------------------------------------------------------------- */

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2.0)));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

static double gelu_10(double x)
{
    return fmin(10, fmax(-10, gelu(x)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double quick_gelu(double x)
{
    return x * sigmoid(1.702 * x);
}

static double silu(double x)
{
    return x * sigmoid(x);
}

static double relu(double x)
{
    return fmax(0, x);
}

static double relu6(double x)
{
    return fmin(6, fmax(0, x));
}

static double relu2(double x)
{
    return relu(x) * relu(x);
}

static double leaky_relu(double x)
{
    return x >= 0 ? x : 0.01 * x;
}

static double hardswish(double x)
{
    return x * relu6(x + 3) / 6;
}

static double mish(double x)
{
    return x * tanh(log1p(exp(x)));
}

static double laplace(double x)
{
    return 0.5 * (1 + erf((x - 0.707107) / (0.282095 * sqrt(2.0))));
}

static double linear(double x)
{
    return x;
}

static const struct {
    const char *name;
    ref_activation function;
} activations[] = {
    {"gelu", gelu},
    {"gelu_python", gelu},
    {"gelu_new", gelu_tanh},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"gelu_python_tanh", gelu_tanh},
    {"gelu_accurate", gelu_tanh},
    {"gelu_fast", gelu_tanh},
    {"gelu_10", gelu_10},
    {"quick_gelu", quick_gelu},
    {"silu", silu},
    {"swish", silu},
    {"relu", relu},
    {"relu6", relu6},
    {"relu2", relu2},
    {"leaky_relu", leaky_relu},
    {"tanh", tanh},
    {"sigmoid", sigmoid},
    {"hardswish", hardswish},
    {"mish", mish},
    {"laplace", laplace},
    {"linear", linear},
};

ref_activation rf__ref_activation(struct ref_loader *loader, const char *key, const char *name)
{
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++)
        if (strcmp(activations[i].name, name) == 0)
            return activations[i].function;
    rf__ref_refuse(loader, RF_UNSUPPORTED, "'%s' is '%.64s', which is not supported", key, name);
    return linear;
}
