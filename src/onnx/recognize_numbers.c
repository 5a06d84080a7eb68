/*
 * recognize_numbers: what is known of numbers that do not depend on the ids: shapes, masks, positions. A tensor of them
 * is an interval that holds all; a short vector is known one by one, in terms of batch and sequence. So a mask in
 * whatever form is the number that it adds where nothing is masked, for every length.
 */
#include "onnx/term.h"

#include "base/bytes.h"
#include "base/half.h"

#include <math.h>
#include <string.h>

#define FLOAT          ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define HALF           ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16
#define DOUBLE         ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE
#define INT32          ONNX__TENSOR_PROTO__DATA_TYPE__INT32
#define INT64          ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define BOOL           ONNX__TENSOR_PROTO__DATA_TYPE__BOOL

#define LOOK_AT_FLOATS ((uint64_t)1 << 12) /* elements of a constant that are looked at */
#define LOOK_AT_WHOLE  ((uint64_t)1 << 20)

static bool is_whole(int type)
{
    return type == INT64 || type == INT32 || type == BOOL;
}

struct term *rf__numbers_new(struct step *step, int type, double low, double high)
{
    struct term *out = rf__step_new(step, TERM_NUMBERS);
    bool is_sound = low <= high; /* neither is NaN */

    out->type = type;
    out->low = is_sound ? low : -INFINITY;
    out->high = is_sound ? high : INFINITY;
    return out;
}

const struct term *rf__numbers_in(const struct step *step, size_t i)
{
    const struct term *t = rf__step_in(step, i);

    return t != NULL && t->kind == TERM_NUMBERS ? t : NULL;
}

/* Sets the elements of a term of rank 0 or 1, and between what they are. */
void rf__numbers_set(struct term *t, const struct amount *elements, size_t n, bool is_scalar)
{
    double low = INFINITY, high = -INFINITY;

    t->has_dims = t->has_elements = true;
    t->rank = is_scalar ? 0 : 1;
    t->dims[0] = rf__amount((int64_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct amount e = t->elements[i] = elements[i];
        bool grows = e.b > 0 || e.s > 0;
        low = fmin(low, !e.is_known || (grows && e.n < 0) ? -INFINITY : (double)e.n);
        high = fmax(high, !e.is_known || (grows && e.n > 0) ? INFINITY : (double)e.n);
    }
    if (low <= high) {
        t->low = low;
        t->high = high;
    }
}

size_t rf__numbers_count(const struct term *t)
{
    return t->rank == 0 ? 1 : (size_t)t->dims[0].n;
}

/* Dims that a rank-1 tensor of amounts names. */
bool rf__numbers_set_dims(struct term *out, const struct amount *dims, size_t n)
{
    out->has_dims = n <= TERM_MAX_RANK;
    out->rank = out->has_dims ? (uint32_t)n : 0;
    if (out->has_dims)
        memcpy(out->dims, dims, n * sizeof *dims);
    return out->has_dims;
}

bool rf__numbers_are_sizes(const struct amount *dims, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!dims[i].is_known || dims[i].n < 1)
            return false;
    return true;
}

/* ---- Constants --------------------------------------------------------------------------------------------- */

static double number_at(const struct constant *c, uint64_t i)
{
    const uint8_t *p = c->bytes;
    uint64_t bits;
    double number;
    float single;
    uint32_t half_bits;

    switch (c->proto->data_type) {
    case FLOAT:
        half_bits = rf__u32_at(p + i * 4);
        memcpy(&single, &half_bits, sizeof single);
        return single;
    case HALF:
        return rf__half_to_float(rf__u16_at(p + i * 2));
    case DOUBLE:
        bits = rf__u64_at(p + i * 8);
        memcpy(&number, &bits, sizeof number);
        return number;
    case INT64:
        return (double)(int64_t)rf__u64_at(p + i * 8);
    case INT32:
        return (double)(int32_t)rf__u32_at(p + i * 4);
    case BOOL:
        return p[i] != 0;
    default:
        return NAN;
    }
}

/* The axis along which a constant counts 0, 1, 2 …, all others being 1; -1: none. */
static int counted_axis(const struct constant *c)
{
    int axis = -1;

    for (size_t i = 0; i < c->proto->n_dims; i++) {
        if (c->proto->dims[i] != 1 && axis >= 0)
            return -1;
        if (c->proto->dims[i] != 1)
            axis = (int)i;
    }
    for (uint64_t i = 0; i < c->n && axis >= 0; i++) {
        if (number_at(c, i) < (double)i || number_at(c, i) > (double)i)
            return -1;
    }
    return axis;
}

struct term *rf__numbers_constant(struct step *step, const struct constant *c)
{
    struct term *out = rf__numbers_new(step, c->proto->data_type, -INFINITY, INFINITY);
    struct amount elements[TERM_MAX_ELEMENTS] = {{.n = 0}};
    const uint64_t most = is_whole(c->proto->data_type) ? LOOK_AT_WHOLE : LOOK_AT_FLOATS;
    bool is_small = c->n > 0 && c->n <= most && c->proto->n_dims <= TERM_MAX_RANK;
    double low = INFINITY, high = -INFINITY;

    out->constant = c;
    for (uint64_t i = 0; is_small && i < c->n; i++) {
        double number = number_at(c, i);
        low = !(number < low) && !isnan(number) ? low : number;
        high = !(number > high) && !isnan(number) ? high : number;
    }
    if (is_small && low <= high) {
        out->low = low;
        out->high = high;
    }
    if (c->proto->n_dims <= TERM_MAX_RANK) {
        out->has_dims = true;
        out->rank = (uint32_t)c->proto->n_dims;
        for (size_t i = 0; i < c->proto->n_dims; i++)
            out->dims[i] = rf__amount(c->proto->dims[i]);
    }
    if (is_small && is_whole(out->type))
        out->counts = counted_axis(c);
    if (c->n == 0 && c->proto->n_dims == 1)
        rf__numbers_set(out, elements, 0, false);
    if (is_small && is_whole(out->type) && c->proto->n_dims <= 1 && c->n <= TERM_MAX_ELEMENTS) {
        for (uint64_t i = 0; i < c->n; i++) {
            double number = number_at(c, i);
            elements[i] = rf__amount(number > 1e15 ? INT64_MAX : number < -1e15 ? INT64_MIN : (int64_t)number);
        }
        rf__numbers_set(out, elements, (size_t)c->n, c->proto->n_dims == 0);
        out->low = low;
        out->high = high;
    }
    return out;
}

/* ---- Made of nothing ----------------------------------------------------------------------------------------- */

static bool range(struct step *step)
{
    const struct term *start = rf__numbers_in(step, 0), *limit = rf__numbers_in(step, 1),
                      *delta = rf__numbers_in(step, 2);
    struct term *out;
    double from = 1, by = 0;

    if (start == NULL || limit == NULL || delta == NULL || !rf__term_is_uniform(start, &from) ||
        !rf__term_is_uniform(delta, &by))
        return false;
    if (from < 0 || from > 0 || by < 1 || by > 1)
        return false;
    out = rf__numbers_new(step, limit->type, 0, INFINITY);
    if (limit->has_elements && limit->elements[0].is_known && limit->elements[0].n > 0) {
        rf__numbers_set_dims(out, limit->elements, 1);
        out->counts = 0;
    }
    step->out[0] = out;
    return true;
}

/* The one number of a tensor that is an attribute. */
static double number_of(const Onnx__TensorProto *t)
{
    struct constant c = {.proto = t, .n = 1};
    const size_t size = t->data_type == INT64 || t->data_type == DOUBLE ? 8 : t->data_type == BOOL ? 1 : 4;

    if (t->has_raw_data && t->raw_data.len == size && t->data_type != HALF) {
        c.bytes = t->raw_data.data;
        return number_at(&c, 0);
    }
    if (t->n_float_data == 1 && t->data_type == FLOAT)
        return t->float_data[0];
    if (t->n_int64_data == 1 && t->data_type == INT64)
        return (double)t->int64_data[0];
    return t->n_int32_data == 1 && (t->data_type == INT32 || t->data_type == BOOL) ? t->int32_data[0] : NAN;
}

static bool constant_of_shape(struct step *step)
{
    const Onnx__AttributeProto *a = rf__step_attribute(step, "value");
    double number = a == NULL ? 0 : a->t == NULL ? NAN : number_of(a->t);
    struct amount dims[TERM_MAX_ELEMENTS];
    struct term *out;
    size_t n;

    if (isnan(number))
        return false;
    out = rf__numbers_new(step, a == NULL ? FLOAT : a->t->data_type, number, number);
    step->out[0] = out;
    if (!rf__step_amounts(step, 0, "", dims, &n) || !rf__numbers_are_sizes(dims, n) ||
        !rf__numbers_set_dims(out, dims, n))
        return true;
    /* A short vector of whole numbers is known one by one, like any other. */
    if (n == 1 && is_whole(out->type) && dims[0].b == 0 && dims[0].s == 0 && dims[0].n <= TERM_MAX_ELEMENTS) {
        n = (size_t)dims[0].n;
        for (size_t i = 0; i < n; i++)
            dims[i] = rf__amount((int64_t)number);
        rf__numbers_set(out, dims, n, false);
    }
    return true;
}

/* ---- Element by element -------------------------------------------------------------------------------------- */

struct interval {
    double low, high;
};

static const struct interval anything = {-INFINITY, INFINITY}, truth = {1, 1}, untruth = {0, 0}, either = {0, 1};

/* Of what is monotone in both, so that the ends lie at the corners. */
static struct interval corners(double a, double b, double c, double d)
{
    if (isnan(a) || isnan(b) || isnan(c) || isnan(d))
        return anything;
    return (struct interval){fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d))};
}

static struct interval decided(bool is_true, bool is_false)
{
    return is_true ? truth : is_false ? untruth : either;
}

static struct interval combine(const char *op, const struct term *x, const struct term *y)
{
    const double a = x->low, b = x->high, c = y->low, d = y->high;
    const bool is_x_true = a > 0 || b<0, is_y_true = c> 0 || d < 0, is_x_false = a >= 0 && b <= 0,
               is_y_false = c >= 0 && d <= 0;

    if (strcmp(op, "Add") == 0)
        return corners(a + c, a + c, b + d, b + d);
    if (strcmp(op, "Sub") == 0)
        return corners(a - d, a - d, b - c, b - c);
    if (strcmp(op, "Mul") == 0)
        return corners(a * c, a * d, b * c, b * d);
    if (strcmp(op, "Div") == 0 && is_y_true && x->type == FLOAT)
        return corners(a / c, a / d, b / c, b / d);
    if (strcmp(op, "Max") == 0)
        return (struct interval){fmax(a, c), fmax(b, d)};
    if (strcmp(op, "Min") == 0)
        return (struct interval){fmin(a, c), fmin(b, d)};
    if (strcmp(op, "Pow") == 0 && a >= b && c >= d)
        return corners(pow(a, c), pow(a, c), pow(a, c), pow(a, c));
    if (strcmp(op, "Equal") == 0)
        return decided(a >= b && c >= d && a <= c && a >= c, b < c || a > d);
    if (strcmp(op, "Greater") == 0)
        return decided(a > d, b <= c);
    if (strcmp(op, "GreaterOrEqual") == 0)
        return decided(a >= d, b < c);
    if (strcmp(op, "Less") == 0)
        return decided(b < c, a >= d);
    if (strcmp(op, "LessOrEqual") == 0)
        return decided(b <= c, a > d);
    if (strcmp(op, "And") == 0)
        return decided(is_x_true && is_y_true, is_x_false || is_y_false);
    if (strcmp(op, "Or") == 0)
        return decided(is_x_true || is_y_true, is_x_false && is_y_false);
    return anything;
}

static bool is_plain(struct amount a)
{
    return a.is_known && a.b == 0 && a.s == 0;
}

static struct amount combine_amounts(const char *op, struct amount a, struct amount b)
{
    if (strcmp(op, "Add") == 0)
        return rf__amount_add(a, b);
    if (strcmp(op, "Sub") == 0)
        return rf__amount_add(a, rf__amount_multiply(b, rf__amount(-1)));
    if (strcmp(op, "Mul") == 0)
        return rf__amount_multiply(a, b);
    if (strcmp(op, "Div") == 0 && is_plain(a) && is_plain(b) && b.n != 0)
        return rf__amount(a.n / b.n); /* towards 0, as ONNX does it */
    if (strcmp(op, "Div") == 0)
        return rf__amount_divide(a, b);
    if (strcmp(op, "Equal") == 0 && rf__amount_equal(a, b))
        return rf__amount(1);
    /* batch and sequence are at least 1 */
    if (strcmp(op, "Equal") == 0 && a.is_known && b.is_known &&
        ((a.b == b.b && a.s == b.s) || (a.n > 0 && b.n <= 0) || (a.n <= 0 && b.n > 0)))
        return rf__amount(0);
    return rf__amount_unknown;
}

static bool is_a_question(const char *op)
{
    static const char *const ops[] = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or"};

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(op, ops[i]) == 0)
            return true;
    return false;
}

/* Whether x is left as it is by y. */
static bool is_neutral(const char *op, const struct term *x, const struct term *y)
{
    double number;

    if (!rf__term_is_uniform(y, &number) || !rf__term_fits(x, y))
        return false;
    if (strcmp(op, "Add") == 0 || strcmp(op, "Sub") == 0)
        return number >= 0 && number <= 0;
    return (strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0) && number >= 1 && number <= 1;
}

static bool binary(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0), *y = rf__numbers_in(step, 1);
    const char *op = step->node->op_type;
    struct amount elements[TERM_MAX_ELEMENTS];
    struct interval interval;
    struct term *out;
    size_t n;

    if (x == NULL || y == NULL || step->n_in != 2)
        return false;
    if (is_neutral(op, x, y) || (strcmp(op, "Sub") != 0 && strcmp(op, "Div") != 0 && is_neutral(op, y, x))) {
        step->out[0] = is_neutral(op, x, y) ? x : y;
        return true;
    }
    interval = combine(op, x, y);
    out = rf__numbers_new(step, is_a_question(op) ? BOOL : x->type, interval.low, interval.high);
    rf__term_broadcast(out, x, y);
    step->out[0] = out;
    if (!x->has_elements || !y->has_elements || !out->has_dims || out->rank > 1 ||
        !rf__numbers_are_sizes(out->dims, out->rank))
        return true;
    n = rf__numbers_count(out);
    for (size_t i = 0; i < n; i++)
        elements[i] = combine_amounts(op, x->elements[rf__numbers_count(x) == 1 ? 0 : i],
                                      y->elements[rf__numbers_count(y) == 1 ? 0 : i]);
    rf__numbers_set(out, elements, n, out->rank == 0);
    out->low = fmax(out->low, interval.low);
    out->high = fmin(out->high, interval.high);
    return true;
}

static bool unary(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    const char *op = step->node->op_type;
    struct interval i = anything;
    struct term *out;

    if (x == NULL)
        return false;
    if (strcmp(op, "Not") == 0)
        i = decided(x->low >= 0 && x->high <= 0, x->low > 0 || x->high < 0);
    else if (strcmp(op, "Neg") == 0)
        i = (struct interval){-x->high, -x->low};
    else if (strcmp(op, "Sqrt") == 0 && x->low >= 0)
        i = (struct interval){sqrt(x->low), sqrt(x->high)};
    else if (strcmp(op, "Reciprocal") == 0 && x->low > 0)
        i = (struct interval){1 / x->high, 1 / x->low};
    else if (strcmp(op, "IsNaN") == 0)
        i = isfinite(x->low) && isfinite(x->high) ? untruth : either;
    out = rf__numbers_new(step, x->type, i.low, i.high);
    if (strcmp(op, "Not") == 0 || strcmp(op, "IsNaN") == 0)
        out->type = BOOL;
    rf__term_copy_dims(out, x);
    step->out[0] = out;
    return true;
}

static bool cast(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    int64_t to = rf__step_int(step, "to", 0);
    struct term *out;

    if (x == NULL || (to != FLOAT && to != DOUBLE && !is_whole((int)to)))
        return false;
    if (to == x->type) {
        step->out[0] = x;
        return true;
    }
    out = rf__step_copy(step, x);
    out->type = (int)to;
    step->out[0] = out;
    if (to == FLOAT && x->type == HALF)
        return true;
    out->constant = NULL;
    if (to == BOOL) {
        struct interval i = decided(x->low > 0 || x->high < 0, x->low >= 0 && x->high <= 0);
        out->low = i.low;
        out->high = i.high;
        out->has_elements = false;
        out->counts = -1;
    } else if (is_whole((int)to) && !is_whole(x->type)) {
        out->low = trunc(x->low);
        out->high = trunc(x->high);
        out->counts = -1;
    }
    return true;
}

static bool where(struct step *step)
{
    const struct term *condition = rf__numbers_in(step, 0), *x = rf__numbers_in(step, 1), *y = rf__numbers_in(step, 2),
                      *chosen;
    struct amount elements[TERM_MAX_ELEMENTS];
    struct term dims = {.kind = TERM_NUMBERS}, *out;
    double is_true;

    if (condition == NULL || x == NULL || y == NULL)
        return false;
    chosen = !rf__term_is_uniform(condition, &is_true) ? NULL : is_true > 0 ? x : y;
    rf__term_broadcast(&dims, condition, x);
    out = rf__numbers_new(step, x->type, chosen != NULL ? chosen->low : fmin(x->low, y->low),
                          chosen != NULL ? chosen->high : fmax(x->high, y->high));
    rf__term_broadcast(out, &dims, y);
    step->out[0] = out;
    if (!condition->has_elements || !x->has_elements || !y->has_elements || !out->has_dims || out->rank > 1 ||
        !rf__numbers_are_sizes(out->dims, out->rank))
        return true;
    for (size_t i = 0; i < rf__numbers_count(out); i++) {
        const struct amount c = condition->elements[rf__numbers_count(condition) == 1 ? 0 : i];
        const struct term *from = rf__amount_is(c, 1) ? x : rf__amount_is(c, 0) ? y : NULL;
        elements[i] = from == NULL ? rf__amount_unknown : from->elements[rf__numbers_count(from) == 1 ? 0 : i];
    }
    rf__numbers_set(out, elements, rf__numbers_count(out), out->rank == 0);
    return true;
}

/* The least or the largest of the same numbers is that number, whatever the axes. */
static bool reduce(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    struct term *out;

    if (x == NULL)
        return false;
    out = rf__numbers_new(step, x->type, x->low, x->high);
    step->out[0] = out;
    if (rf__step_int(step, "keepdims", 1) == 0 && rf__step_in(step, 1) == NULL &&
        rf__step_attribute(step, "axes") == NULL)
        out->has_dims = true; /* a scalar */
    return true;
}

static bool same(struct step *step)
{
    step->out[0] = rf__numbers_in(step, 0);
    return step->out[0] != NULL;
}

bool rf__number_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"Range", range},      {"ConstantOfShape", constant_of_shape},
        {"Cast", cast},        {"Where", where},
        {"ReduceMin", reduce}, {"ReduceMax", reduce},
        {"Identity", same},    {"Not", unary},
        {"Neg", unary},        {"Sqrt", unary},
        {"Reciprocal", unary}, {"IsNaN", unary},
        {"Add", binary},       {"Sub", binary},
        {"Mul", binary},       {"Div", binary},
        {"Max", binary},       {"Min", binary},
        {"Pow", binary},       {"Equal", binary},
        {"Greater", binary},   {"GreaterOrEqual", binary},
        {"Less", binary},      {"LessOrEqual", binary},
        {"And", binary},       {"Or", binary},
    };

    return rf__step_apply(step, "", rules, sizeof rules / sizeof rules[0]);
}
