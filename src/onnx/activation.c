/*
 * activation: transformers' ACT2FN (src/transformers/activations.py), each as the operators that give the same numbers.
 * ONNX Runtime fuses x * sigmoid(a * x) by itself. Its Softplus and Log are not used: the bits that they give to an
 * element depend on its place in the tensor, and so on the batch. Left out: sqrtsoftplus, which needs them; prelu and
 * xielu, which have weights of their own.
 */
#include "onnx/activation.h"

#include "onnx/standard.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

enum shape { UNARY, GELU, GELU_TANH, GELU_10, SIGMOID_GATE, RELU_6, RELU_SQUARED, LEAKY, MISH, LAPLACE, LINEAR };

struct activation {
    const char *name;
    enum shape shape;
    const char *op; /* of UNARY */
    float factor;   /* of SIGMOID_GATE: x * sigmoid(factor * x); LEAKY: the slope */
};

static const struct activation activations[] = {
    {"gelu", GELU, NULL, 0},
    {"gelu_python", GELU, NULL, 0},
    {"gelu_new", GELU_TANH, NULL, 0},
    {"gelu_pytorch_tanh", GELU_TANH, NULL, 0},
    {"gelu_python_tanh", GELU_TANH, NULL, 0},
    {"gelu_accurate", GELU_TANH, NULL, 0},
    {"gelu_fast", GELU_TANH, NULL, 0},
    {"gelu_10", GELU_10, NULL, 0},
    {"quick_gelu", SIGMOID_GATE, NULL, 1.702F},
    {"silu", SIGMOID_GATE, NULL, 1},
    {"swish", SIGMOID_GATE, NULL, 1},
    {"relu", UNARY, "Relu", 0},
    {"relu6", RELU_6, NULL, 0},
    {"relu2", RELU_SQUARED, NULL, 0},
    {"leaky_relu", LEAKY, NULL, 0.01F},
    {"tanh", UNARY, "Tanh", 0},
    {"sigmoid", UNARY, "Sigmoid", 0},
    {"hardswish", UNARY, "HardSwish", 0},
    {"mish", MISH, NULL, 0},
    {"laplace", LAPLACE, NULL, 0},
    {"linear", LINEAR, NULL, 0},
};
#define N_ACTIVATIONS (sizeof activations / sizeof activations[0])

const struct activation *rf__activation_read(struct arch *arch, const char *key, const char *fallback)
{
    return rf__activation_find(arch, key, rf__arch_str(arch, key, fallback));
}

const struct activation *rf__activation_find(struct arch *arch, const char *key, const char *name)
{
    char known[320] = "";
    size_t len = 0;

    for (size_t i = 0; i < N_ACTIVATIONS; i++) {
        if (strcmp(activations[i].name, name) == 0)
            return &activations[i];
        if (len < sizeof known)
            len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "", activations[i].name);
    }
    rf__arch_refuse(arch, RF_UNSUPPORTED, "'%s' is '%.64s', which is not supported; expected one of: %s", key, name,
                    known);
    return NULL;
}

const char *rf__activation_kernel(const struct activation *activation)
{
    switch (activation->shape) {
    case GELU:
        return "gelu";
    case GELU_TANH:
        return "gelu_tanh";
    case SIGMOID_GATE:
        return activation->factor > 1 ? NULL : "silu";
    case UNARY:
        return strcmp(activation->op, "Relu") == 0 ? "relu" : NULL;
    default:
        return NULL;
    }
}

/* The exact form, 0.5 x (1 + erf(x / sqrt 2)), or the one with tanh. */
static value gelu(struct graph *g, const char *name, value x, const char *approximate)
{
    if (rf__graph_is_portable(g))
        return rf__standard_gelu(g, name, x, strcmp(approximate, "tanh") == 0);
    return rf__graph_node(
        g, name,
        &(struct node){.op = "Gelu",
                       .inputs = {x},
                       .attributes = {{.name = "approximate", .kind = ATTRIBUTE_STRING, .s = approximate}}});
}

static value clip(struct graph *g, const char *name, value x, float low, float high)
{
    value min = rf__graph_float(g, rf__graph_name(g, "%s.min", name), low);
    value max = rf__graph_float(g, rf__graph_name(g, "%s.max", name), high);

    return rf__graph_node(g, name, &(struct node){.op = "Clip", .inputs = {x, min, max}});
}

/* x * sigmoid(factor * x) */
static value sigmoid_gate(struct graph *g, const char *name, value x, float factor)
{
    value scaled = x;

    if (factor < 1 || factor > 1)
        scaled = rf__graph_binary(g, rf__graph_name(g, "%s.scaled", name), "Mul", x,
                                  rf__graph_float(g, rf__graph_name(g, "%s.factor", name), factor));
    return rf__graph_binary(g, name, "Mul", x,
                            rf__graph_unary(g, rf__graph_name(g, "%s.sigmoid", name), "Sigmoid", scaled));
}

/* 0.5 (1 + erf((x - 0.707107) / (0.282095 sqrt 2))) */
static value laplace(struct graph *g, const char *name, value x)
{
    value mean = rf__graph_float(g, rf__graph_name(g, "%s.mean", name), 0.707107F);
    value width = rf__graph_float(g, rf__graph_name(g, "%s.width", name), 0.39894257F);
    value one = rf__graph_float(g, rf__graph_name(g, "%s.one", name), 1), erf;
    value half = rf__graph_float(g, rf__graph_name(g, "%s.half", name), 0.5F);

    x = rf__graph_binary(g, rf__graph_name(g, "%s.centred", name), "Sub", x, mean);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.scaled", name), "Div", x, width);
    erf = rf__graph_unary(g, rf__graph_name(g, "%s.erf", name), "Erf", x);
    x = rf__graph_binary(g, rf__graph_name(g, "%s.sum", name), "Add", one, erf);
    return rf__graph_binary(g, name, "Mul", half, x);
}

/* x tanh(log(1 + e^x)) = x m / (m + 2) with m = n (n + 2), n = e^x; from 20 on the fraction is 1 in fp32. */
static value mish(struct graph *g, const char *name, value x)
{
    value two = rf__graph_float(g, rf__graph_name(g, "%s.two", name), 2), n, m, y;

    n = clip(g, rf__graph_name(g, "%s.clipped", name), x, -FLT_MAX, 20);
    n = rf__graph_unary(g, rf__graph_name(g, "%s.n", name), "Exp", n);
    m = rf__graph_binary(g, rf__graph_name(g, "%s.n_and_2", name), "Add", n, two);
    m = rf__graph_binary(g, rf__graph_name(g, "%s.m", name), "Mul", n, m);
    y = rf__graph_binary(g, rf__graph_name(g, "%s.m_and_2", name), "Add", m, two);
    y = rf__graph_binary(g, rf__graph_name(g, "%s.fraction", name), "Div", m, y);
    return rf__graph_binary(g, name, "Mul", x, y);
}

value rf__activation_add(struct graph *g, const char *name, const struct activation *activation, value x)
{
    if (rf__graph_status(g) != RF_OK)
        return NULL;
    switch (activation->shape) {
    case UNARY:
        return rf__graph_unary(g, name, activation->op, x);
    case GELU:
        return gelu(g, name, x, "none");
    case GELU_TANH:
        return gelu(g, name, x, "tanh");
    case GELU_10:
        return clip(g, name, gelu(g, rf__graph_name(g, "%s.gelu", name), x, "none"), -10, 10);
    case SIGMOID_GATE:
        return sigmoid_gate(g, name, x, activation->factor);
    case RELU_6:
        return clip(g, name, x, 0, 6);
    case RELU_SQUARED:
        x = rf__graph_unary(g, rf__graph_name(g, "%s.relu", name), "Relu", x);
        return rf__graph_binary(g, name, "Mul", x, x);
    case MISH:
        return mish(g, name, x);
    case LAPLACE:
        return laplace(g, name, x);
    case LEAKY:
        return rf__graph_node(
            g, name,
            &(struct node){.op = "LeakyRelu",
                           .inputs = {x},
                           .attributes = {{.name = "alpha", .kind = ATTRIBUTE_FLOAT, .f = activation->factor}}});
    case LINEAR:
        return x;
    }
    return NULL;
}
