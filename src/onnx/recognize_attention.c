/* recognize_attention: queries, keys and values as heads, their scores, and what is mixed by these, in ONNX's own
 * operators. */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

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

/* A number times heads or scores. */
static bool scale(struct step *step, const struct term *x, const struct term *y, bool divides)
{
    struct term *out;
    double number;

    if ((x->kind != TERM_HEADS && x->kind != TERM_SCORES) || !rf__term_number_for(x, y, &number))
        return false;
    out = rf__step_copy(step, x);
    out->number = divides ? x->number / number : x->number * number;
    step->out[0] = out;
    return true;
}

static bool multiply(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);

    return a != NULL && b != NULL && (scale(step, a, b, false) || scale(step, b, a, false));
}

static bool divide(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);

    return a != NULL && b != NULL && scale(step, a, b, true);
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

    return a != NULL && b != NULL && (rf__step_scores(step, a, b, 1) || mix(step, a, b));
}

/* Before opset 13 the axes behind `axis` were one; for the last there is no difference. */
static bool softmax(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);

    if (x == NULL || x->kind != TERM_SCORES ||
        rf__step_axis(rf__step_int(step, "axis", step->opset < 13 ? 1 : -1), x->rank) != x->rank - 1)
        return false;
    return rf__step_become(step, x, TERM_SHARES);
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

bool rf__attention_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"Reshape", reshape}, {"Transpose", transpose}, {"Mul", multiply}, {"Div", divide},
        {"MatMul", matmul},   {"Softmax", softmax},     {"IsNaN", is_nan},
    };

    return rf__step_apply(step, "", rules, sizeof rules / sizeof rules[0]);
}
