/*
 * recognize_encoder: the pieces of an encoder in ONNX's own operators, as torch and optimum export them: tables, linear
 * layers, norms, activations and attention, one node at a time. Whatever the order in which an exporter writes the
 * same formula, the term is the same; what is no such formula gives none.
 */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static bool is_near(double x, double y)
{
    return fabs(x - y) <= 1e-7 * fabs(y);
}

/* A number that combines with `t` element by element. */
static bool uniform_for(const struct term *t, const struct term *numbers, double *number)
{
    return rf__term_is_uniform(numbers, number) && rf__term_fits(t, numbers);
}

/* ---- Functions of one element -------------------------------------------------------------------------------- */

static const double *samples_of_x(struct step *step)
{
    double *samples = rf__graph_alloc(step->graph, TERM_N_SAMPLES * sizeof *samples);

    for (int i = 0; i < TERM_N_SAMPLES && samples != NULL; i++)
        samples[i] = rf__term_sample(i);
    return samples;
}

/* What `t` is a function of: a linear layer that is complete; its own values at the samples. */
static const struct term *function_of(struct step *step, const struct term *t, const double **samples)
{
    if (t->kind == TERM_FUNCTION) {
        *samples = t->samples;
        return t->x;
    }
    if (t->kind != TERM_LINEAR || t->residual != NULL)
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
    } else if (!(base_a != NULL ? uniform_for(a, b, &number) : uniform_for(b, a, &number))) {
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

/* A table of embeddings, and one more. */
static bool add_embeddings(struct step *step, const struct term *x, const struct term *y)
{
    struct term *out = rf__step_copy(step, x);

    step->out[0] = out;
    if (y->kind == TERM_NUMBERS) {
        out->has_one_type = true;
        return x->types.data == NULL && rf__term_vector(y, rf__term_width(x), &out->types);
    }
    if (y->kind != TERM_EMBEDDINGS || (x->words.data != NULL && y->words.data != NULL) ||
        (x->types.data != NULL && y->types.data != NULL) || (x->positions.data != NULL && y->positions.data != NULL))
        return false;
    if (y->words.data != NULL)
        out->words = y->words;
    if (y->types.data != NULL) {
        out->types = y->types;
        out->has_one_type = y->has_one_type;
    }
    if (y->positions.data != NULL) {
        out->positions = y->positions;
        out->are_padded = y->are_padded;
        out->number = y->number;
    }
    if (rf__term_fits(x, y))
        return true;
    rf__term_copy_dims(out, y);
    return rf__term_fits(y, x);
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

bool rf__step_add(struct step *step, const struct term *x, const struct term *y)
{
    double number = 0;
    struct term *out;

    if (x->kind == TERM_EMBEDDINGS && add_embeddings(step, x, y))
        return true;
    if (x->kind == TERM_LINEAR && add_to_linear(step, x, y))
        return true;
    if (x->kind == TERM_NUMBERS || x->kind == TERM_UNKNOWN)
        return false;
    out = rf__step_copy(step, x);
    step->out[0] = out;
    if (x->kind == TERM_SCALED && rf__term_vector(y, rf__term_width(x), &out->bias)) {
        out->kind = TERM_NORM;
        return true;
    }
    if (!uniform_for(x, y, &number))
        return false;
    if (x->kind == TERM_VARIANCE && !x->has_number && number >= 0) {
        out->has_number = true;
        out->number = number;
        return true;
    }
    if (x->kind == TERM_TOKEN_RANKS && is_near(number, x->number)) {
        out->kind = TERM_PADDED_POSITIONS;
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

static bool reduce_mean(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    uint32_t axes[TERM_MAX_ELEMENTS];
    struct term *out;
    size_t n;

    if (x == NULL || !x->has_dims || x->rank == 0 || rf__step_int(step, "keepdims", 1) != 1 ||
        !rf__step_axes(step, 1, x->rank, axes, &n) || n != 1 || axes[0] != x->rank - 1)
        return false;
    if (rf__term_is_rows(x) && x->kind != TERM_SQUARES)
        out = new_like(step, TERM_MEAN, x, rf__term_origin(x));
    else if (x->kind == TERM_SQUARES)
        out = new_like(step, TERM_VARIANCE, x, x->x);
    else
        return false;
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
    if (a->kind != TERM_NUMBERS && a->kind != TERM_UNKNOWN && uniform_for(a, b, &number) && number >= 0 &&
        number <= 0) {
        step->out[0] = a;
        return true;
    }
    return function_binary(step);
}

/* (x - mean) / deviation: `inverse` says whether the deviation is one already. */
static bool normalize(struct step *step, const struct term *centered, const struct term *deviation,
                      enum term_kind wanted)
{
    struct term *out;

    if (centered->kind != TERM_CENTERED || deviation->kind != wanted || centered->x != deviation->x ||
        !rf__term_fits(centered, deviation))
        return false;
    out = new_like(step, TERM_NORMALIZED, centered, centered->x);
    out->number = deviation->number;
    return true;
}

/* A number times heads or scores. */
static bool scale(struct step *step, const struct term *x, const struct term *y, bool divides)
{
    struct term *out;
    double number;

    if ((x->kind != TERM_HEADS && x->kind != TERM_SCORES) || !uniform_for(x, y, &number))
        return false;
    out = rf__step_copy(step, x);
    out->number = divides ? x->number / number : x->number * number;
    step->out[0] = out;
    return true;
}

static bool multiply_in_order(struct step *step, const struct term *x, const struct term *y)
{
    struct part weight;
    struct term *out;
    double number;

    if (normalize(step, x, y, TERM_INVERSE_DEVIATION) || scale(step, x, y, false))
        return true;
    if (x->kind == TERM_CENTERED && y == x) {
        new_like(step, TERM_SQUARES, x, x->x);
        return true;
    }
    if (x->kind == TERM_NORMALIZED && rf__term_vector(y, rf__term_width(x), &weight)) {
        out = rf__step_copy(step, x);
        out->kind = TERM_SCALED;
        out->weight = weight;
        step->out[0] = out;
        return true;
    }
    if (x->kind == TERM_TOKENS_SO_FAR && y->kind == TERM_IS_TOKEN && is_near(x->number, y->number)) {
        out = rf__step_copy(step, x);
        out->kind = TERM_TOKEN_RANKS;
        step->out[0] = out;
        return true;
    }
    step->out[0] = x;
    return x->kind != TERM_NUMBERS && x->kind != TERM_UNKNOWN && uniform_for(x, y, &number) && number >= 1 &&
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
    struct term *out;
    double number;

    if (a == NULL || b == NULL)
        return false;
    if (normalize(step, a, b, TERM_DEVIATION) || scale(step, a, b, true))
        return true;
    if (b->kind == TERM_DEVIATION && rf__term_is_uniform(a, &number) && is_near(number, 1) && rf__term_fits(b, a)) {
        out = rf__step_copy(step, b);
        out->kind = TERM_INVERSE_DEVIATION;
        step->out[0] = out;
        return true;
    }
    return function_binary(step);
}

/* sqrt(variance + number), or 1 / that. */
static bool root(struct step *step, const struct term *x, enum term_kind kind)
{
    struct term *out;

    if (x == NULL || x->kind != TERM_VARIANCE || !x->has_number)
        return false;
    out = rf__step_copy(step, x);
    out->kind = kind;
    step->out[0] = out;
    return true;
}

static bool square_root(struct step *step)
{
    return root(step, rf__step_in(step, 0), TERM_DEVIATION);
}

static bool reciprocal(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct term *out;

    if (x == NULL || x->kind != TERM_DEVIATION)
        return false;
    out = rf__step_copy(step, x);
    out->kind = TERM_INVERSE_DEVIATION;
    step->out[0] = out;
    return true;
}

static bool power(struct step *step)
{
    const struct term *x = rf__step_in(step, 0), *y = rf__step_in(step, 1);
    double number;

    if (x == NULL || y == NULL || !uniform_for(x, y, &number))
        return false;
    if (x->kind == TERM_CENTERED && is_near(number, 2)) {
        new_like(step, TERM_SQUARES, x, x->x);
        return true;
    }
    if (x->kind == TERM_VARIANCE)
        return (is_near(number, 0.5) && root(step, x, TERM_DEVIATION)) ||
               (is_near(number, -0.5) && root(step, x, TERM_INVERSE_DEVIATION));
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

/* ---- Attention ------------------------------------------------------------------------------------------------- */

/* The factor c of a function that is c x; 0: it is none. */
static double factor_of(const struct term *function)
{
    const double c = function->samples[0] / rf__term_sample(0);

    for (int i = 0; i < TERM_N_SAMPLES; i++)
        if (!(fabs(function->samples[i] - c * rf__term_sample(i)) <= 1e-12 * fabs(function->samples[i])))
            return 0;
    return c;
}

/* [batch, sequence, heads * width] -> [batch, sequence, heads, width] */
static bool split_heads(struct step *step, const struct term *x, const struct amount *dims)
{
    struct term *out;

    if (!rf__term_is_rows(x) || !rf__amount_equal(dims[0], rf__amount_batch) ||
        !rf__amount_equal(dims[1], rf__amount_sequence) ||
        !rf__amount_is(rf__amount_multiply(dims[2], dims[3]), (int64_t)rf__term_width(x)))
        return false;
    out = rf__step_new(step, TERM_HEADS);
    out->has_dims = true;
    out->rank = 4;
    memcpy(out->dims, dims, 4 * sizeof *dims);
    memcpy(out->axes, "BSHW", 4);
    out->heads = (uint64_t)dims[2].n;
    out->number = x->kind == TERM_FUNCTION ? factor_of(x) : 1;
    out->x = x->kind == TERM_FUNCTION ? x->x : rf__term_origin(x);
    step->out[0] = out;
    return out->x->kind == TERM_LINEAR && out->x->residual == NULL && fabs(out->number) > 0;
}

static bool join_heads(struct step *step, const struct term *x, const struct amount *dims, size_t rank)
{
    struct term *out = rf__step_new(step, TERM_CONTEXT);

    out->has_dims = true;
    out->rank = (uint32_t)rank;
    memcpy(out->dims, dims, rank * sizeof *dims);
    out->heads = x->heads;
    out->number = x->number;
    out->q = x->q;
    out->k = x->k;
    out->v = x->v;
    step->out[0] = out;
    return memcmp(x->axes, "BSHW", 4) == 0 && rf__term_is_rows(out);
}

static bool reshape(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct amount dims[TERM_MAX_RANK];
    struct term *out;
    size_t rank;

    if (x == NULL || x->kind < TERM_EMBEDDINGS || !rf__step_reshape(step, dims, &rank))
        return false;
    if (x->kind == TERM_MIXTURES)
        return join_heads(step, x, dims, rank);
    if (rank == 4)
        return split_heads(step, x, dims);
    if (!rf__term_is_rows(x) || rank == 0)
        return false;
    out = rf__step_copy(step, x);
    out->origin = rf__term_origin(x);
    out->order = out->origin->order;
    out->rank = (uint32_t)rank;
    memcpy(out->dims, dims, rank * sizeof *dims);
    step->out[0] = out;
    return rf__term_is_rows(out) && rf__term_width(out) == rf__term_width(x);
}

static bool transpose(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    uint32_t perm[TERM_MAX_RANK];
    struct term *out;

    if (x == NULL || (x->kind != TERM_HEADS && x->kind != TERM_MIXTURES) || !rf__step_perm(step, 4, perm))
        return false;
    out = rf__step_copy(step, x);
    for (int i = 0; i < 4; i++) {
        out->dims[i] = x->dims[perm[i]];
        out->axes[i] = x->axes[perm[i]];
    }
    step->out[0] = out;
    return true;
}

bool rf__step_scores(struct step *step, const struct term *q, const struct term *k, double factor)
{
    struct term *out;

    if (q->kind != TERM_HEADS || k->kind != TERM_HEADS || q->heads != k->heads || memcmp(q->axes, "BHSW", 4) != 0 ||
        memcmp(k->axes, "BHWS", 4) != 0 || !rf__amount_equal(q->dims[3], k->dims[2]))
        return false;
    out = rf__step_copy(step, q);
    out->kind = TERM_SCORES;
    memcpy(out->axes, "BHSK", 4);
    out->dims[3] = k->dims[3];
    out->number = q->number * k->number * factor;
    out->q = q->x;
    out->k = k->x;
    step->out[0] = out;
    return true;
}

static bool mix(struct step *step, const struct term *shares, const struct term *v)
{
    struct term *out;

    if (shares->kind != TERM_SHARES || v->kind != TERM_HEADS || shares->heads != v->heads ||
        memcmp(v->axes, "BHSW", 4) != 0 || v->number < 1 || v->number > 1)
        return false;
    out = rf__step_copy(step, shares);
    out->kind = TERM_MIXTURES;
    memcpy(out->axes, "BHSW", 4);
    out->dims[3] = v->dims[3];
    out->v = v->x;
    step->out[0] = out;
    return true;
}

static bool matmul(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);
    struct term *out;

    if (a == NULL || b == NULL)
        return false;
    return linear(step, a, b, false, &out) || rf__step_scores(step, a, b, 1) || mix(step, a, b);
}

/* Before opset 13 the axes behind `axis` were one; for the last there is no difference. */
static bool softmax(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct term *out;

    if (x == NULL || x->kind != TERM_SCORES ||
        rf__step_axis(rf__step_int(step, "axis", step->opset < 13 ? 1 : -1), x->rank) != x->rank - 1)
        return false;
    out = rf__step_copy(step, x);
    out->kind = TERM_SHARES;
    step->out[0] = out;
    return true;
}

/* torch guards against rows without a single number; there is none without a mask. */
static bool is_nan(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct term *out;

    if (x == NULL || x->kind != TERM_SHARES)
        return false;
    out = rf__step_new(step, TERM_NUMBERS);
    rf__term_copy_dims(out, x);
    out->type = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    step->out[0] = out;
    return true;
}

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

/* ---- Embeddings ------------------------------------------------------------------------------------------------ */

static bool gather(struct step *step)
{
    const struct term *table = rf__step_in(step, 0), *at = rf__step_in(step, 1);
    struct term *out;
    struct part rows;
    double row;

    if (table == NULL || at == NULL || !rf__term_matrix(table, &rows) || rf__step_int(step, "axis", 0) != 0 ||
        rows.row_step != rows.cols || !at->has_dims || at->rank + 1 > TERM_MAX_RANK)
        return false;
    out = rf__step_new(step, TERM_EMBEDDINGS);
    rf__term_copy_dims(out, at);
    out->dims[out->rank++] = rf__amount((int64_t)rows.cols);
    step->out[0] = out;
    if (at->kind == TERM_IDS) {
        out->words = rows;
    } else if (at->kind == TERM_TYPE_IDS) {
        out->types = rows;
    } else if (at->kind == TERM_PADDED_POSITIONS) {
        out->positions = rows;
        out->are_padded = true;
        out->number = at->number;
    } else if (at->kind == TERM_NUMBERS && at->counts >= 0 && at->counts == (int)at->rank - 1) {
        out->positions = rows;
    } else if (rf__term_is_uniform(at, &row) && row >= 0 && row < (double)rows.rows) {
        out->types = rows;
        out->types.data += (uint64_t)row * rows.row_step * rf__dtype_size(rows.dtype);
        out->types.rows = 1;
        out->has_one_type = true;
    } else {
        return false;
    }
    return true;
}

/* The first rows of a table. */
static bool slice(struct step *step)
{
    const struct term *table = rf__step_in(step, 0);
    struct slice s;
    struct term *out;
    struct part rows;

    if (table == NULL || !rf__term_matrix(table, &rows) || rows.row_step != rows.cols || !rf__step_slice(step, &s) ||
        s.axis != 0 || !s.is_from_start || !rf__amount_equal(s.length, rf__amount_sequence))
        return false;
    out = rf__step_new(step, TERM_EMBEDDINGS);
    rf__term_copy_dims(out, table);
    out->dims[0] = s.length;
    out->positions = rows;
    step->out[0] = out;
    return true;
}

static bool unsqueeze(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct term *out;
    int axis = -1;

    if (x == NULL || x->kind != TERM_EMBEDDINGS)
        return false;
    out = rf__step_copy(step, x);
    step->out[0] = out;
    return rf__step_unsqueeze(step, x, out, &axis) && rf__term_width(out) == rf__term_width(x);
}

static bool equal(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1), *ids, *other;
    struct term *out;
    double number;

    if (a == NULL || b == NULL)
        return false;
    ids = a->kind == TERM_IDS ? a : b;
    other = a->kind == TERM_IDS ? b : a;
    if (ids->kind != TERM_IDS || !uniform_for(ids, other, &number) || number < 0)
        return false;
    out = rf__step_copy(step, ids);
    out->kind = TERM_IS_PADDING;
    out->number = number;
    step->out[0] = out;
    return true;
}

static bool negate(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    struct term *out;

    if (x == NULL || x->kind != TERM_IS_PADDING)
        return false;
    out = rf__step_copy(step, x);
    out->kind = TERM_IS_TOKEN;
    step->out[0] = out;
    return true;
}

static bool cumulative_sum(struct step *step)
{
    const struct term *x = rf__step_in(step, 0), *axis = rf__step_in(step, 1);
    struct term *out;
    double number;

    if (x == NULL || axis == NULL || x->kind != TERM_IS_TOKEN || !rf__term_is_uniform(axis, &number) ||
        rf__step_axis((int64_t)number, x->rank) != x->rank - 1 || rf__step_int(step, "exclusive", 0) != 0 ||
        rf__step_int(step, "reverse", 0) != 0)
        return false;
    out = rf__step_copy(step, x);
    out->kind = TERM_TOKENS_SO_FAR;
    step->out[0] = out;
    return true;
}

static bool cast(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    const int64_t to = rf__step_int(step, "to", 0);
    const bool is_whole = to == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 || to == ONNX__TENSOR_PROTO__DATA_TYPE__INT32;

    if (x == NULL || x->kind == TERM_NUMBERS || x->kind == TERM_UNKNOWN ||
        !(x->kind < TERM_EMBEDDINGS ? is_whole : to == FLOAT))
        return false;
    step->out[0] = x;
    return true;
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

bool rf__encoder_rule(struct step *step)
{
    static const struct {
        const char *op;
        bool (*rule)(struct step *step);
    } rules[] = {
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
        {"Softmax", softmax},
        {"IsNaN", is_nan},
        {"Where", where},
        {"Reshape", reshape},
        {"Transpose", transpose},
        {"Gather", gather},
        {"Slice", slice},
        {"Unsqueeze", unsqueeze},
        {"Equal", equal},
        {"Not", negate},
        {"CumSum", cumulative_sum},
        {"Cast", cast},
        {"Identity", same},
        {"Dropout", dropout},
        {"Gelu", gelu},
        {"Erf", function_unary},
        {"Tanh", function_unary},
        {"Sigmoid", function_unary},
        {"Relu", function_unary},
        {"Exp", function_unary},
        {"Neg", function_unary},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (*step->node->domain == '\0' && strcmp(rules[i].op, step->node->op_type) == 0)
            return rules[i].rule(step);
    }
    return false;
}
