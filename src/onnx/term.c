/* term: see term.h. */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

const struct amount rf__amount_batch = {1, 1, 0, true}, rf__amount_sequence = {1, 0, 1, true},
                    rf__amount_unknown = {0, 0, 0, false};

#define MOST      ((int64_t)1 << 40) /* larger products are not known */
#define MAX_POWER 4

static struct amount amount_of(int64_t n, unsigned b, unsigned s)
{
    if (n > MOST || n < -MOST || b > MAX_POWER || s > MAX_POWER)
        return rf__amount_unknown;
    return (struct amount){n, n == 0 ? 0 : (uint8_t)b, n == 0 ? 0 : (uint8_t)s, true};
}

struct amount rf__amount(int64_t n)
{
    return amount_of(n > MOST ? MOST : n < -MOST ? -MOST : n, 0, 0);
}

bool rf__amount_equal(struct amount a, struct amount b)
{
    return a.is_known && b.is_known && a.n == b.n && a.b == b.b && a.s == b.s;
}

bool rf__amount_is(struct amount a, int64_t n)
{
    return rf__amount_equal(a, rf__amount(n));
}

struct amount rf__amount_add(struct amount a, struct amount b)
{
    if (!a.is_known || !b.is_known)
        return rf__amount_unknown;
    if (a.n == 0)
        return b;
    if (b.n == 0)
        return a;
    return a.b == b.b && a.s == b.s ? amount_of(a.n + b.n, a.b, a.s) : rf__amount_unknown;
}

struct amount rf__amount_multiply(struct amount a, struct amount b)
{
    const int64_t root = (int64_t)1 << 20; /* of MOST */

    if (!a.is_known || !b.is_known)
        return rf__amount_unknown;
    if ((a.n > root || a.n < -root) && (b.n > root || b.n < -root))
        return rf__amount_unknown;
    if (a.n != 0 && (b.n > MOST / (a.n < 0 ? -a.n : a.n) || b.n < -(MOST / (a.n < 0 ? -a.n : a.n))))
        return rf__amount_unknown;
    return amount_of(a.n * b.n, (unsigned)a.b + b.b, (unsigned)a.s + b.s);
}

struct amount rf__amount_divide(struct amount a, struct amount b)
{
    if (!a.is_known || !b.is_known || b.n == 0 || a.n % b.n != 0 || a.b < b.b || a.s < b.s)
        return rf__amount_unknown;
    return amount_of(a.n / b.n, (unsigned)a.b - b.b, (unsigned)a.s - b.s);
}

/* ---- Terms ----------------------------------------------------------------------------------------------------- */

uint64_t rf__term_width(const struct term *t)
{
    const struct amount *last = &t->dims[t->rank > 0 ? t->rank - 1 : 0];

    if (!t->has_dims || t->rank == 0 || !last->is_known || last->b > 0 || last->s > 0 || last->n < 1)
        return 0;
    return (uint64_t)last->n;
}

bool rf__term_is_rows(const struct term *t)
{
    if (t->kind < TERM_EMBEDDINGS || t->kind > TERM_CONTEXT || rf__term_width(t) == 0)
        return false;
    if (t->rank == 2)
        return rf__amount_equal(t->dims[0], rf__amount_multiply(rf__amount_batch, rf__amount_sequence));
    return t->rank == 3 && rf__amount_equal(t->dims[0], rf__amount_batch) &&
           rf__amount_equal(t->dims[1], rf__amount_sequence);
}

bool rf__term_is_uniform(const struct term *t, double *number)
{
    if (t->kind != TERM_NUMBERS || !(t->low >= t->high))
        return false;
    *number = t->low;
    return true;
}

bool rf__is_near(double x, double y)
{
    return fabs(x - y) <= 1e-7 * fabs(y);
}

bool rf__term_number_for(const struct term *t, const struct term *numbers, double *number)
{
    return rf__term_is_uniform(numbers, number) && rf__term_fits(t, numbers);
}

bool rf__term_fits(const struct term *t, const struct term *numbers)
{
    if (!t->has_dims || !numbers->has_dims || numbers->rank > t->rank)
        return false;
    for (uint32_t i = 0; i < numbers->rank; i++) {
        const struct amount dim = numbers->dims[i];
        if (!rf__amount_is(dim, 1) && !rf__amount_equal(dim, t->dims[t->rank - numbers->rank + i]))
            return false;
    }
    return true;
}

bool rf__term_same_dims(const struct term *a, const struct term *b)
{
    return a->rank == b->rank && rf__term_fits(a, b) && rf__term_fits(b, a);
}

void rf__term_copy_dims(struct term *to, const struct term *from)
{
    to->has_dims = from->has_dims;
    to->rank = from->rank;
    memcpy(to->dims, from->dims, sizeof to->dims);
}

const struct term *rf__term_origin(const struct term *t)
{
    return t->origin != NULL ? t->origin : t;
}

void rf__term_broadcast(struct term *out, const struct term *a, const struct term *b)
{
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    out->has_dims = a->has_dims && b->has_dims;
    for (uint32_t i = 0; i < out->rank && out->has_dims; i++) {
        uint32_t from_end = out->rank - i;
        struct amount x = from_end <= a->rank ? a->dims[a->rank - from_end] : rf__amount(1);
        struct amount y = from_end <= b->rank ? b->dims[b->rank - from_end] : rf__amount(1);
        out->dims[i] = rf__amount_is(x, 1)      ? y
                       : rf__amount_is(y, 1)    ? x
                       : rf__amount_equal(x, y) ? x
                                                : rf__amount_unknown;
    }
}

struct amount rf__term_count(const struct term *t)
{
    struct amount count = t->has_dims ? rf__amount(1) : rf__amount_unknown;

    for (uint32_t i = 0; i < t->rank && t->has_dims; i++)
        count = rf__amount_multiply(count, t->dims[i]);
    return count;
}

/* A constant whose elements the converter reads. */
static bool is_float_constant(const struct term *t, enum dtype *dtype)
{
    if (t->kind != TERM_NUMBERS || t->constant == NULL)
        return false;
    switch (t->constant->proto->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        *dtype = DTYPE_F32;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16: /* and cast, or it would not be read as float */
        *dtype = DTYPE_F16;
        return t->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    default:
        return false;
    }
}

bool rf__term_vector(const struct term *t, uint64_t n, struct part *out)
{
    enum dtype dtype = DTYPE_F32;

    if (!is_float_constant(t, &dtype) || t->constant->n != n || rf__term_width(t) != n)
        return false;
    *out =
        (struct part){.data = t->constant->bytes, .dtype = dtype, .rows = n, .cols = 1, .row_step = 1, .col_step = 1};
    return true;
}

bool rf__term_matrix(const struct term *t, struct part *out)
{
    enum dtype dtype = DTYPE_F32;
    const Onnx__TensorProto *proto;

    if (!is_float_constant(t, &dtype) || t->constant->proto->n_dims != 2 || t->constant->n == 0)
        return false;
    proto = t->constant->proto;
    *out = (struct part){.data = t->constant->bytes,
                         .dtype = dtype,
                         .rows = (uint64_t)proto->dims[0],
                         .cols = (uint64_t)proto->dims[1],
                         .row_step = (uint64_t)proto->dims[1],
                         .col_step = 1};
    if (t->is_transposed)
        *out = (struct part){out->data, out->dtype, out->cols, out->rows, out->col_step, out->row_step};
    return t->rank == 2 && rf__amount_is(t->dims[0], (int64_t)out->rows) &&
           rf__amount_is(t->dims[1], (int64_t)out->cols);
}

double rf__term_sample(int i)
{
    const double t = ((double)i - 0.5 * (TERM_N_SAMPLES - 1)) / (0.5 * (TERM_N_SAMPLES - 1));

    return 12 * t * fabs(t);
}

double rf__gelu(double x)
{
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}

double rf__gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

const char *rf__term_activation(const struct term *function)
{
    static const struct {
        const char *name;
        double (*function)(double x);
    } known[] = {{"gelu", rf__gelu}, {"gelu_new", rf__gelu_tanh}, {"relu", relu}, {"silu", silu}, {"tanh", tanh}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int k = 0;
        while (k < TERM_N_SAMPLES) {
            const double x = rf__term_sample(k), y = known[i].function(x);
            if (!(fabs(function->samples[k] - y) <= 1e-6 * fabs(x)))
                break;
            k++;
        }
        if (k == TERM_N_SAMPLES)
            return known[i].name;
    }
    return NULL;
}

/* ---- One node ------------------------------------------------------------------------------------------------ */

struct term *rf__step_new(struct step *step, enum term_kind kind)
{
    struct term *term = rf__graph_alloc(step->graph, sizeof *term);

    if (term == NULL)
        term = &step->spare;
    *term = (struct term){.kind = kind, .order = step->order, .counts = -1};
    return term;
}

struct term *rf__step_copy(struct step *step, const struct term *of)
{
    struct term *term = rf__step_new(step, of->kind);

    *term = *of;
    term->order = step->order;
    term->value = NULL;
    if (term->kind != TERM_NUMBERS)
        term->type = 0;
    return term;
}

bool rf__step_become(struct step *step, const struct term *of, enum term_kind kind)
{
    struct term *out = rf__step_copy(step, of);

    out->kind = kind;
    step->out[0] = out;
    return true;
}

const Onnx__AttributeProto *rf__step_attribute(const struct step *step, const char *name)
{
    for (size_t i = 0; i < step->node->n_attribute; i++) {
        if (strcmp(step->node->attribute[i]->name, name) == 0)
            return step->node->attribute[i];
    }
    return NULL;
}

int64_t rf__step_int(const struct step *step, const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, name);

    return a == NULL ? fallback : a->i;
}

double rf__step_float(const struct step *step, const char *name, double fallback)
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, name);

    return a == NULL ? fallback : (double)a->f;
}

bool rf__step_has_only(const struct step *step, const char *const *names)
{
    for (size_t i = 0; i < step->node->n_attribute; i++) {
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, step->node->attribute[i]->name) != 0)
            name++;
        if (*name == NULL)
            return false;
    }
    return true;
}

const struct term *rf__step_in(const struct step *step, size_t i)
{
    return i < step->n_in ? step->in[i] : NULL;
}

uint32_t rf__step_axis(int64_t axis, uint32_t rank)
{
    if (axis < 0)
        axis += rank;
    return axis < 0 || axis > UINT32_MAX - 1 ? UINT32_MAX : (uint32_t)axis;
}

bool rf__step_amounts(const struct step *step, size_t i, const char *name, struct amount out[TERM_MAX_ELEMENTS],
                      size_t *n)
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, name);
    const struct term *input = rf__step_in(step, i);

    *n = 0;
    if (a != NULL && a->n_ints <= TERM_MAX_ELEMENTS) {
        *n = a->n_ints;
        for (size_t k = 0; k < *n; k++)
            out[k] = rf__amount(a->ints[k]);
        return true;
    }
    if (a != NULL || input == NULL || input->kind != TERM_NUMBERS || !input->has_elements)
        return false;
    *n = input->rank == 0 ? 1 : (size_t)input->dims[0].n;
    memcpy(out, input->elements, *n * sizeof *out);
    return true;
}

bool rf__step_axes(const struct step *step, size_t i, uint32_t rank, uint32_t axes[TERM_MAX_ELEMENTS], size_t *n)
{
    struct amount amounts[TERM_MAX_ELEMENTS];

    if (!rf__step_amounts(step, i, "axes", amounts, n) || *n == 0)
        return false;
    for (size_t k = 0; k < *n; k++) {
        if (!amounts[k].is_known || amounts[k].b > 0 || amounts[k].s > 0)
            return false;
        axes[k] = rf__step_axis(amounts[k].n, rank);
        if (axes[k] >= rank)
            return false;
    }
    return true;
}

bool rf__step_perm(const struct step *step, uint32_t rank, uint32_t perm[TERM_MAX_RANK])
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, "perm");
    bool is_used[TERM_MAX_RANK] = {false};

    if (rank > TERM_MAX_RANK || (a != NULL && a->n_ints != rank))
        return false;
    for (uint32_t i = 0; i < rank; i++) {
        perm[i] = a == NULL ? rank - 1 - i : rf__step_axis(a->ints[i], rank);
        if (perm[i] >= rank || is_used[perm[i]])
            return false;
        is_used[perm[i]] = true;
    }
    return true;
}

bool rf__step_apply(struct step *step, const char *domain, const struct rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(step->node->domain, domain) == 0 && strcmp(rules[i].op, step->node->op_type) == 0)
            return rules[i].apply(step);
    return false;
}
