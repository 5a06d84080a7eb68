/*
 * recognize_fused: the operators of ONNX Runtime's own that its optimizers put in the place of whole pieces. Described
 * in onnxruntime, docs/ContribOperators.md; an attribute or input that is not named here is one whose meaning is not
 * known.
 */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

static bool embed_layer_normalization(struct step *step)
{
    static const char *const known[] = {"epsilon", "mask_index_type", NULL};
    const struct term *ids = rf__step_in(step, 0), *types = rf__step_in(step, 1), *at = rf__step_in(step, 8);
    const struct term *words = rf__step_in(step, 2), *positions = rf__step_in(step, 3), *mask = rf__step_in(step, 7);
    const struct term *type_rows = rf__step_in(step, 4);
    struct term *x, *lengths;
    double number;
    bool is_masked;

    if (ids == NULL || words == NULL || positions == NULL || ids->kind != TERM_IDS || !rf__step_has_only(step, known))
        return false;
    if (at != NULL && !(at->kind == TERM_NUMBERS && at->counts >= 0 && at->counts == (int)at->rank - 1))
        return false;
    x = rf__step_new(step, TERM_EMBEDDINGS);
    rf__term_copy_dims(x, ids);
    if (!rf__term_matrix(words, &x->words) || !rf__term_matrix(positions, &x->positions) ||
        x->words.cols != x->positions.cols || ids->rank != 2)
        return false;
    if (type_rows != NULL && (types == NULL || types->kind != TERM_TYPE_IDS || !rf__term_matrix(type_rows, &x->types) ||
                              x->types.cols != x->words.cols))
        return false;
    x->dims[x->rank++] = rf__amount((int64_t)x->words.cols);
    if (!rf__step_norm(step, x, rf__step_in(step, 5), rf__step_in(step, 6), rf__step_float(step, "epsilon", 1e-12F)))
        return false;
    is_masked = mask != NULL && rf__term_is_uniform(mask, &number) && number >= 1 && number <= 1;
    lengths = rf__step_new(step, is_masked ? TERM_KEY_LENGTHS : TERM_UNKNOWN);
    lengths->why = "the lengths that EmbedLayerNormalization gives without a mask";
    step->out[1] = lengths;
    step->out[2] = x;
    return true;
}

/* One of query, key and value in a matrix [in, 3 * width] and a vector [3 * width]. */
static bool one_of_three(struct step *step, const struct term *x, const struct part *weight, const struct part *bias,
                         uint64_t i, struct term **out)
{
    const uint64_t width = weight->cols / 3;
    const struct part own = {
        .data = weight->data + i * width * weight->col_step * rf__dtype_size(weight->dtype),
        .dtype = weight->dtype,
        .rows = width,
        .cols = weight->rows,
        .row_step = weight->col_step,
        .col_step = weight->row_step,
    };

    if (!rf__step_linear(step, x, &own, out))
        return false;
    (*out)->bias = *bias;
    (*out)->bias.rows = width;
    (*out)->bias.data += i * width * bias->row_step * rf__dtype_size(bias->dtype);
    return true;
}

/* Whether a mask hides nothing: lengths of all tokens, ones, or a bias of zeros. */
static bool hides_nothing(const struct term *mask, double wanted)
{
    double number;

    if (mask == NULL || mask->kind == TERM_KEY_LENGTHS)
        return true;
    return rf__term_is_uniform(mask, &number) && number >= wanted && number <= wanted && mask->has_dims &&
           mask->rank > 1;
}

static bool attention(struct step *step)
{
    static const char *const known[] = {"num_heads", "unidirectional", "mask_filter_value", "scale", NULL};
    const struct term *x = rf__step_in(step, 0), *weights = rf__step_in(step, 1), *biases = rf__step_in(step, 2);
    const int64_t heads = rf__step_int(step, "num_heads", 0);
    struct part weight, bias;
    struct term *q, *k, *v, *out;
    uint64_t width;

    if (x == NULL || weights == NULL || biases == NULL || !rf__step_has_only(step, known) || heads < 1 ||
        rf__step_int(step, "unidirectional", 0) != 0 || !rf__term_matrix(weights, &weight) ||
        !rf__term_vector(biases, weight.cols, &bias) || weight.cols % 3 != 0 ||
        !hides_nothing(rf__step_in(step, 3), 1) || rf__step_in(step, 4) != NULL ||
        !hides_nothing(rf__step_in(step, 5), 0) || rf__step_in(step, 6) != NULL)
        return false;
    width = weight.cols / 3;
    if (!one_of_three(step, x, &weight, &bias, 0, &q) || !one_of_three(step, x, &weight, &bias, 1, &k) ||
        !one_of_three(step, x, &weight, &bias, 2, &v) || width % (uint64_t)heads != 0)
        return false;
    out = rf__step_new(step, TERM_CONTEXT);
    rf__term_copy_dims(out, q);
    out->heads = (uint64_t)heads;
    out->number = rf__step_float(step, "scale", 0);
    if (!(fabs(out->number) > 0))
        out->number = 1 / sqrt((double)width / (double)heads);
    out->q = q;
    out->k = k;
    out->v = v;
    step->out[0] = out;
    return true;
}

static bool skip_layer_normalization(struct step *step)
{
    static const char *const known[] = {"epsilon", NULL};
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1), *bias = rf__step_in(step, 4), *sum;
    const struct term *beta = rf__step_in(step, 3);

    if (a == NULL || b == NULL || !rf__step_has_only(step, known))
        return false;
    if (!rf__step_add(step, a, b) && !rf__step_add(step, b, a))
        return false;
    sum = step->out[0];
    if (bias != NULL && !rf__step_add(step, sum, bias))
        return false;
    sum = step->out[0];
    step->out[3] = sum;
    return beta != NULL &&
           rf__step_norm(step, sum, rf__step_in(step, 2), beta, rf__step_float(step, "epsilon", 1e-12F));
}

/* GELU of a linear layer whose bias may come with it. */
static bool biased(struct step *step, double (*function)(double x))
{
    const struct term *x = rf__step_in(step, 0), *bias = rf__step_in(step, 1);

    if (x == NULL || (bias != NULL && !rf__step_add(step, x, bias)))
        return false;
    return rf__step_activate(step, bias != NULL ? step->out[0] : x, function);
}

static bool gelu(struct step *step)
{
    return biased(step, rf__gelu);
}

static bool fast_gelu(struct step *step)
{
    return biased(step, rf__gelu_tanh);
}

/* alpha * x y^T of heads as they were before k was turned. */
static bool fused_matmul(struct step *step)
{
    static const char *const known[] = {"alpha", "transA", "transB", "transBatchA", "transBatchB", NULL};
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);
    struct term *turned;

    if (a == NULL || b == NULL || !rf__step_has_only(step, known) || rf__step_int(step, "transA", 0) != 0 ||
        rf__step_int(step, "transBatchA", 0) != 0 || rf__step_int(step, "transBatchB", 0) != 0 || b->kind != TERM_HEADS)
        return false;
    turned = rf__step_copy(step, b);
    if (rf__step_int(step, "transB", 0) != 0) {
        turned->dims[2] = b->dims[3];
        turned->dims[3] = b->dims[2];
        turned->axes[2] = b->axes[3];
        turned->axes[3] = b->axes[2];
    }
    return rf__step_scores(step, a, turned, rf__step_float(step, "alpha", 1));
}

bool rf__fused_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"EmbedLayerNormalization", embed_layer_normalization},
        {"Attention", attention},
        {"SkipLayerNormalization", skip_layer_normalization},
        {"BiasGelu", gelu},
        {"Gelu", gelu},
        {"FastGelu", fast_gelu},
        {"FusedMatMul", fused_matmul},
    };

    return rf__step_apply(step, GRAPH_MICROSOFT, rules, sizeof rules / sizeof rules[0]);
}
