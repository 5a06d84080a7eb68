/*
 * recognize_layers: linear layers, activations and norms in ONNX's own operators, as torch and optimum export them, one
 * node at a time. Whatever the order in which an exporter writes the same formula, the term is the same; what is no
 * such formula gives none.
 */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

/* ---- Functions of one element -------------------------------------------------------------------------------- */

static const double *samples_of_x(struct step *step)
{
    double *samples = rf__graph_alloc(step->graph, TERM_N_SAMPLES * sizeof *samples);

    for (int i = 0; i < TERM_N_SAMPLES && samples != NULL; i++)
        samples[i] = rf__term_sample(i);
    return samples;
}

/* What norms and functions are taken of: a row for each token or, where is_general, whatever has a width. */
static bool is_rows(const struct step *step, const struct term *t)
{
    if (step->is_general)
        return t->kind >= TERM_OPAQUE && t->kind <= TERM_CONTEXT && rf__term_width(t) > 0;
    return rf__term_is_rows(t);
}

/* What `t` is a function of: a linear layer that is complete; its own values at the samples. */
static const struct term *function_of(struct step *step, const struct term *t, const double **samples)
{
    if (t->kind == TERM_FUNCTION) {
        *samples = t->samples;
        return t->x;
    }
    if (step->is_general ? !is_rows(step, t) : t->kind != TERM_LINEAR || t->residual != NULL)
        return NULL;
    *samples = samples_of_x(step);
    return rf__term_origin(t);
}

/* A function of `base`, shaped like `like`, whose values the caller sets; NULL without memory. */
static double *new_function(struct step *step, const struct term *base, const struct term *like)
{
    double *samples = rf__graph_alloc(step->graph, TERM_N_SAMPLES * sizeof *samples);
    struct term *out = rf__step_new(step, TERM_FUNCTION);

    rf__term_copy_dims(out, like);
    out->x = base;
    out->samples = samples;
    step->out[0] = out;
    return samples;
}

static double apply_binary(const char *op, double x, double y)
{
    if (strcmp(op, "Add") == 0)
        return x + y;
    if (strcmp(op, "Sub") == 0)
        return x - y;
    if (strcmp(op, "Mul") == 0)
        return x * y;
    if (strcmp(op, "Div") == 0)
        return x / y;
    return strcmp(op, "Pow") == 0 ? pow(x, y) : NAN;
}

static bool function_binary(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1), *base_a, *base_b;
    const double *x = NULL, *y = NULL;
    double number = 0, *out;

    if (a == NULL || b == NULL || step->n_in != 2)
        return false;
    base_a = function_of(step, a, &x);
    base_b = function_of(step, b, &y);
    if (base_a != NULL && base_b != NULL) {
        if (base_a != base_b || !rf__term_same_dims(a, b))
            return false;
    } else if (base_a == NULL && base_b == NULL) {
        return false;
    } else if (!(base_a != NULL ? rf__term_number_for(a, b, &number) : rf__term_number_for(b, a, &number))) {
        return false;
    }
    out = new_function(step, base_a != NULL ? base_a : base_b, base_a != NULL ? a : b);
    for (int i = 0; i < TERM_N_SAMPLES && rf__graph_status(step->graph) == RF_OK; i++)
        out[i] = apply_binary(step->node->op_type, base_a != NULL ? x[i] : number, base_b != NULL ? y[i] : number);
    return true;
}

static double apply_unary(const struct step *step, double x)
{
    const char *op = step->node->op_type;

    if (strcmp(op, "Erf") == 0)
        return erf(x);
    if (strcmp(op, "Tanh") == 0)
        return tanh(x);
    if (strcmp(op, "Sigmoid") == 0)
        return 1 / (1 + exp(-x));
    if (strcmp(op, "Relu") == 0)
        return x > 0 ? x : 0;
    if (strcmp(op, "Exp") == 0)
        return exp(x);
    return strcmp(op, "Neg") == 0 ? -x : NAN;
}

static bool function_unary(struct step *step)
{
    const double *x = NULL;
    const struct term *t = rf__step_in(step, 0), *base = t == NULL ? NULL : function_of(step, t, &x);
    double *out;

    if (base == NULL)
        return false;
    out = new_function(step, base, t);
    for (int i = 0; i < TERM_N_SAMPLES && rf__graph_status(step->graph) == RF_OK; i++)
        out[i] = apply_unary(step, x[i]);
    return true;
}

bool rf__step_activate(struct step *step, const struct term *t, double (*function)(double x))
{
    const double *x = NULL;
    const struct term *base = function_of(step, t, &x);
    double *out;

    if (base == NULL)
        return false;
    out = new_function(step, base, t);
    for (int i = 0; i < TERM_N_SAMPLES && rf__graph_status(step->graph) == RF_OK; i++)
        out[i] = function(x[i]);
    return true;
}

static bool gelu(struct step *step)
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, "approximate");
    const struct term *t = rf__step_in(step, 0);
    bool is_tanh = a != NULL && a->s.len == 4 && memcmp(a->s.data, "tanh", 4) == 0;

    if (t == NULL || (a != NULL && !is_tanh && !(a->s.len == 4 && memcmp(a->s.data, "none", 4) == 0)))
        return false;
    return rf__step_activate(step, t, is_tanh ? rf__gelu_tanh : rf__gelu);
}

/* ---- Linear layers and sums ---------------------------------------------------------------------------------- */

bool rf__step_linear(struct step *step, const struct term *x, const struct part *weight, struct term **out)
{
    const uint64_t width = rf__term_width(x);

    if (!rf__term_is_rows(x) || weight->cols != width || weight->rows == 0 || weight->rows > INT32_MAX)
        return false;
    *out = rf__step_new(step, TERM_LINEAR);
    rf__term_copy_dims(*out, x);
    (*out)->dims[x->rank - 1] = rf__amount((int64_t)weight->rows);
    (*out)->x = rf__term_origin(x);
    (*out)->weight = *weight;
    step->out[0] = *out;
    return true;
}

/* w is [in, out] as it lies, or [out, in]. */
static bool linear(struct step *step, const struct term *x, const struct term *w, bool is_out_in, struct term **out)
{
    struct part weight;

    if (x == NULL || w == NULL || !rf__term_matrix(w, &weight))
        return false;
    if (!is_out_in)
        weight = (struct part){weight.data, weight.dtype, weight.cols, weight.rows, weight.col_step, weight.row_step};
    return rf__step_linear(step, x, &weight, out);
}

static bool matmul(struct step *step)
{
    struct term *out;

    return linear(step, rf__step_in(step, 0), rf__step_in(step, 1), false, &out);
}

static bool gemm(struct step *step)
{
    const struct term *addend = rf__step_in(step, 2);
    const double alpha = rf__step_float(step, "alpha", 1), beta = rf__step_float(step, "beta", 1);
    struct term *out;

    if (alpha < 1 || alpha > 1 || beta < 1 || beta > 1 || rf__step_int(step, "transA", 0) != 0 ||
        !linear(step, rf__step_in(step, 0), rf__step_in(step, 1), rf__step_int(step, "transB", 0) != 0, &out))
        return false;
    return addend == NULL || rf__term_vector(addend, rf__term_width(out), &out->bias);
}

static bool add_to_linear(struct step *step, const struct term *x, const struct term *y)
{
    struct term *out = rf__step_copy(step, x);
    struct part bias;

    out->origin = NULL;
    step->out[0] = out;
    if (rf__term_vector(y, rf__term_width(x), &bias)) {
        out->bias = bias;
        return x->bias.data == NULL;
    }
    /* Of two linear layers the later one is what is added to the other. */
    if (x->residual != NULL || !rf__term_is_rows(x) || !rf__term_is_rows(y) || !rf__term_same_dims(x, y) ||
        rf__term_origin(y)->order >= rf__term_origin(x)->order)
        return false;
    out->residual = rf__term_origin(y);
    return true;
}

/* A constant vector or, where is_general, one of fp32 that does not depend on the texts. */
static bool is_vector(const struct step *step, const struct term *t, uint64_t n, struct part *out)
{
    return rf__term_vector(t, n, out) ||
           (step->is_general && t->kind == TERM_NUMBERS && t->type == FLOAT && t->rank == 1 && rf__term_width(t) == n);
}

bool rf__step_add(struct step *step, const struct term *x, const struct term *y)
{
    double number = 0;
    struct term *out;

    if (rf__step_add_embeddings(step, x, y))
        return true;
    if (x->kind == TERM_LINEAR && add_to_linear(step, x, y))
        return true;
    if (x->kind == TERM_NUMBERS || x->kind == TERM_UNKNOWN)
        return false;
    out = rf__step_copy(step, x);
    step->out[0] = out;
    if (x->kind == TERM_SCALED && !x->is_rms && is_vector(step, y, rf__term_width(x), &out->bias)) {
        out->kind = TERM_NORM;
        out->shift = y;
        return true;
    }
    if (!rf__term_number_for(x, y, &number))
        return false;
    if (x->kind == TERM_VARIANCE && !x->has_number && number >= 0) {
        out->has_number = true;
        out->number = number;
        return true;
    }
    step->out[0] = x;
    return number >= 0 && number <= 0;
}

static bool add(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);

    if (a == NULL || b == NULL || step->n_in != 2)
        return false;
    return rf__step_add(step, a, b) || rf__step_add(step, b, a) || function_binary(step);
}

/* ---- Norms ----------------------------------------------------------------------------------------------------- */

static struct term *new_like(struct step *step, enum term_kind kind, const struct term *like, const struct term *x)
{
    struct term *out = rf__step_new(step, kind);

    rf__term_copy_dims(out, like);
    out->x = x;
    step->out[0] = out;
    return out;
}

/* Whether it is the square of each element of something. */
static bool is_square(const struct term *t)
{
    if (t->kind != TERM_FUNCTION)
        return false;
    for (int i = 0; i < TERM_N_SAMPLES; i++)
        if (!rf__is_near(t->samples[i], rf__term_sample(i) * rf__term_sample(i)))
            return false;
    return true;
}

static bool reduce_mean(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    uint32_t axes[TERM_MAX_ELEMENTS];
    struct term *out;
    size_t n;

    if (x == NULL || !x->has_dims || x->rank == 0 || rf__step_int(step, "keepdims", 1) != 1 ||
        !rf__step_axes(step, 1, x->rank, axes, &n) || n != 1 || axes[0] != x->rank - 1)
        return false;
    if (x->kind != TERM_SQUARES && !is_rows(step, x))
        return false;
    if (x->kind == TERM_SQUARES || (step->is_general && is_square(x)))
        out = new_like(step, TERM_VARIANCE, x, x->x);
    else
        out = new_like(step, TERM_MEAN, x, rf__term_origin(x));
    out->is_rms = out->kind == TERM_VARIANCE && x->kind != TERM_SQUARES;
    out->dims[out->rank - 1] = rf__amount(1);
    return true;
}

static bool subtract(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);
    double number;

    if (a == NULL || b == NULL)
        return false;
    if (b->kind == TERM_MEAN && b->x == rf__term_origin(a) && rf__term_fits(a, b)) {
        new_like(step, TERM_CENTERED, a, b->x);
        return true;
    }
    if (a->kind != TERM_NUMBERS && a->kind != TERM_UNKNOWN && rf__term_number_for(a, b, &number) && number >= 0 &&
        number <= 0) {
        step->out[0] = a;
        return true;
    }
    return function_binary(step);
}

/* (x - mean) / deviation, or x / root of mean square; or times the inverse of that, as `wanted` says. */
static bool normalize(struct step *step, const struct term *x, const struct term *deviation, enum term_kind wanted)
{
    struct term *out;

    if (deviation->kind != wanted || !rf__term_fits(x, deviation) ||
        (deviation->is_rms ? rf__term_origin(x) != deviation->x : x->kind != TERM_CENTERED || x->x != deviation->x))
        return false;
    out = new_like(step, TERM_NORMALIZED, x, deviation->x);
    out->number = deviation->number;
    out->is_rms = deviation->is_rms;
    return true;
}

static bool multiply_in_order(struct step *step, const struct term *x, const struct term *y)
{
    struct part weight = {0};
    struct term *out;
    double number;

    if (normalize(step, x, y, TERM_INVERSE_DEVIATION))
        return true;
    if (x->kind == TERM_CENTERED && y == x) {
        new_like(step, TERM_SQUARES, x, x->x);
        return true;
    }
    if (x->kind == TERM_NORMALIZED && is_vector(step, y, rf__term_width(x), &weight)) {
        out = rf__step_copy(step, x);
        out->kind = TERM_SCALED;
        out->weight = weight;
        out->gain = y;
        step->out[0] = out;
        return true;
    }
    step->out[0] = x;
    return x->kind != TERM_NUMBERS && x->kind != TERM_UNKNOWN && rf__term_number_for(x, y, &number) && number >= 1 &&
           number <= 1;
}

static bool multiply(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);

    if (a == NULL || b == NULL)
        return false;
    return multiply_in_order(step, a, b) || multiply_in_order(step, b, a) || function_binary(step);
}

static bool divide(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);
    double number;

    if (a == NULL || b == NULL)
        return false;
    if (normalize(step, a, b, TERM_DEVIATION))
        return true;
    if (b->kind == TERM_DEVIATION && rf__term_is_uniform(a, &number) && rf__is_near(number, 1) && rf__term_fits(b, a))
        return rf__step_become(step, b, TERM_INVERSE_DEVIATION);
    return function_binary(step);
}

/* sqrt(variance + number), or 1 / that. */
static bool root(struct step *step, const struct term *x, enum term_kind kind)
{
    return x != NULL && x->kind == TERM_VARIANCE && x->has_number && rf__step_become(step, x, kind);
}

static bool square_root(struct step *step)
{
    return root(step, rf__step_in(step, 0), TERM_DEVIATION);
}

static bool reciprocal(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);

    if (x == NULL || x->kind != TERM_DEVIATION)
        return false;
    return rf__step_become(step, x, TERM_INVERSE_DEVIATION);
}

static bool power(struct step *step)
{
    const struct term *x = rf__step_in(step, 0), *y = rf__step_in(step, 1);
    double number;

    if (x == NULL || y == NULL || !rf__term_number_for(x, y, &number))
        return false;
    if (x->kind == TERM_CENTERED && rf__is_near(number, 2)) {
        new_like(step, TERM_SQUARES, x, x->x);
        return true;
    }
    if (x->kind == TERM_VARIANCE)
        return (rf__is_near(number, 0.5) && root(step, x, TERM_DEVIATION)) ||
               (rf__is_near(number, -0.5) && root(step, x, TERM_INVERSE_DEVIATION));
    return function_binary(step);
}

bool rf__step_norm(struct step *step, const struct term *x, const struct term *weight, const struct term *bias,
                   double epsilon)
{
    struct term *out;

    if (x == NULL || weight == NULL || bias == NULL || !rf__term_is_rows(x))
        return false;
    out = new_like(step, TERM_NORM, x, rf__term_origin(x));
    out->number = epsilon;
    out->gain = weight;
    out->shift = bias;
    return rf__term_vector(weight, rf__term_width(x), &out->weight) &&
           rf__term_vector(bias, rf__term_width(x), &out->bias);
}

static bool layer_normalization(struct step *step)
{
    static const char *const known[] = {"axis", "epsilon", "stash_type", NULL};
    const struct term *x = rf__step_in(step, 0);

    if (x == NULL || !x->has_dims || rf__step_axis(rf__step_int(step, "axis", -1), x->rank) != x->rank - 1 ||
        !rf__step_has_only(step, known))
        return false;
    return rf__step_norm(step, x, rf__step_in(step, 1), rf__step_in(step, 2), rf__step_float(step, "epsilon", 1e-5F));
}

/* ---- What leaves a value as it is ---------------------------------------------------------------------------- */

static bool where(struct step *step)
{
    const struct term *condition = rf__step_in(step, 0), *chosen;
    double is_true;

    if (condition == NULL || !rf__term_is_uniform(condition, &is_true))
        return false;
    chosen = rf__step_in(step, is_true > 0 ? 1 : 2);
    if (chosen == NULL || chosen->kind == TERM_NUMBERS || chosen->kind == TERM_UNKNOWN ||
        !rf__term_fits(chosen, condition) || rf__step_in(step, is_true > 0 ? 2 : 1) == NULL ||
        !rf__term_fits(chosen, rf__step_in(step, is_true > 0 ? 2 : 1)))
        return false;
    step->out[0] = chosen;
    return true;
}

/* One type of whole numbers is as good as the other, as one of fractions is; where is_general, to the same alone. */
static bool cast(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    const int64_t to = rf__step_int(step, "to", 0);
    const bool is_whole = to == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 || to == ONNX__TENSOR_PROTO__DATA_TYPE__INT32;

    if (x == NULL || x->kind == TERM_NUMBERS || (x->kind == TERM_UNKNOWN && !step->is_general))
        return false;
    step->out[0] = x;
    return step->is_general ? to == x->type : x->kind < TERM_EMBEDDINGS ? is_whole : to == FLOAT;
}

static bool same(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);

    if (x == NULL || x->kind == TERM_UNKNOWN)
        return false;
    step->out[0] = x;
    return true;
}

static bool dropout(struct step *step)
{
    const struct term *is_training = rf__step_in(step, 2);
    double number;

    return (is_training == NULL || (rf__term_is_uniform(is_training, &number) && number >= 0 && number <= 0)) &&
           same(step);
}

bool rf__layer_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"MatMul", matmul},
        {"Gemm", gemm},
        {"Add", add},
        {"Sub", subtract},
        {"Mul", multiply},
        {"Div", divide},
        {"Pow", power},
        {"Sqrt", square_root},
        {"Reciprocal", reciprocal},
        {"ReduceMean", reduce_mean},
        {"LayerNormalization", layer_normalization},
        {"Gelu", gelu},
        {"Erf", function_unary},
        {"Tanh", function_unary},
        {"Sigmoid", function_unary},
        {"Relu", function_unary},
        {"Exp", function_unary},
        {"Neg", function_unary},
        {"Where", where},
        {"Cast", cast},
        {"Identity", same},
        {"Dropout", dropout},
    };

    return rf__step_apply(step, "", rules, sizeof rules / sizeof rules[0]);
}
