/* recognize_moves: numbers that do not depend on the ids (recognize_numbers.c) where a node gives them another shape,
 * takes some of them out or puts them together, and what Shape says of any value. */
#include "onnx/term.h"

#include <math.h>
#include <string.h>

/* ---- Shapes ------------------------------------------------------------------------------------------------ */

static bool shape(struct step *step)
{
    const struct term *x = rf__step_in(step, 0);
    int64_t start = rf__step_int(step, "start", 0), end = rf__step_int(step, "end", INT64_MAX);
    struct term *out;

    if (x == NULL || !x->has_dims)
        return false;
    start = start < 0 ? start + x->rank : start;
    end = end < 0 ? end + x->rank : end;
    start = start < 0 ? 0 : start;
    end = end > x->rank ? x->rank : end;
    if (start >= end)
        return false;
    out = rf__numbers_new(step, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0, INFINITY);
    rf__numbers_set(out, x->dims + start, (size_t)(end - start), false);
    step->out[0] = out;
    return true;
}

/* A copy with other dims, that still means the same numbers in the same order. */
static struct term *reshaped(struct step *step, const struct term *x)
{
    struct term *out = rf__step_copy(step, x);

    out->has_elements = false;
    out->counts = -1;
    return out;
}

/* The only axis that is not 1; -1: there are none or several. */
static int only_axis(const struct term *t)
{
    int axis = -1;

    for (uint32_t i = 0; i < t->rank && t->has_dims; i++) {
        if (rf__amount_is(t->dims[i], 1))
            continue;
        if (axis >= 0)
            return -1;
        axis = (int)i;
    }
    return axis;
}

bool rf__step_reshape(const struct step *step, struct amount dims[TERM_MAX_RANK], size_t *rank)
{
    const struct term *x = rf__step_in(step, 0);
    struct amount target[TERM_MAX_ELEMENTS], others = rf__amount(1);
    int open = -1;

    if (x == NULL || !x->has_dims || !rf__step_amounts(step, 1, "shape", target, rank) || *rank > TERM_MAX_RANK)
        return false;
    for (size_t i = 0; i < *rank; i++) {
        if (rf__amount_is(target[i], 0) && rf__step_int(step, "allowzero", 0) == 0)
            target[i] = i < x->rank ? x->dims[i] : rf__amount_unknown;
        if (rf__amount_is(target[i], -1) && open >= 0)
            return false;
        if (rf__amount_is(target[i], -1))
            open = (int)i;
        else
            others = rf__amount_multiply(others, target[i]);
    }
    if (open >= 0)
        target[open] = rf__amount_divide(rf__term_count(x), others);
    for (size_t i = 0; i < *rank; i++) {
        if (!target[i].is_known || target[i].n < 1)
            return false;
        dims[i] = target[i];
    }
    return open >= 0 || rf__amount_equal(others, rf__term_count(x));
}

static bool reshape(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    struct amount dims[TERM_MAX_RANK];
    struct term *out;
    size_t rank;

    if (x == NULL)
        return false;
    out = reshaped(step, x);
    step->out[0] = out;
    if (!rf__step_reshape(step, dims, &rank)) {
        out->has_dims = false;
        out->rank = 0;
        return true;
    }
    rf__numbers_set_dims(out, dims, rank);
    if (x->has_elements && rank <= 1)
        rf__numbers_set(out, x->elements, rf__numbers_count(x), rank == 0);
    if (x->counts >= 0 && only_axis(x) == x->counts)
        out->counts = only_axis(out);
    return true;
}

static bool flatten(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    uint32_t axis = x == NULL ? 0 : rf__step_axis(rf__step_int(step, "axis", 1), x->rank);
    struct amount dims[2] = {rf__amount(1), rf__amount(1)};
    struct term *out;

    if (x == NULL || !x->has_dims || (axis > x->rank))
        return false;
    for (uint32_t i = 0; i < x->rank; i++)
        dims[i < axis ? 0 : 1] = rf__amount_multiply(dims[i < axis ? 0 : 1], x->dims[i]);
    out = reshaped(step, x);
    rf__numbers_set_dims(out, dims, 2);
    step->out[0] = out;
    return true;
}

bool rf__step_unsqueeze(const struct step *step, const struct term *x, struct term *out, int *axis)
{
    uint32_t axes[TERM_MAX_ELEMENTS], from = 0;
    struct amount amounts[TERM_MAX_ELEMENTS];
    bool is_new[TERM_MAX_RANK] = {false};
    size_t n;
    int moved = -1;

    if (!x->has_dims || !rf__step_amounts(step, 1, "axes", amounts, &n) || x->rank + n > TERM_MAX_RANK ||
        !rf__step_axes(step, 1, x->rank + (uint32_t)n, axes, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        is_new[axes[i]] = true;
    out->has_dims = true;
    out->rank = x->rank + (uint32_t)n;
    for (uint32_t i = 0; i < out->rank; i++) {
        if (!is_new[i] && from >= x->rank)
            return false; /* an axis was named twice */
        if (!is_new[i] && (int)from == *axis)
            moved = (int)i;
        out->dims[i] = is_new[i] ? rf__amount(1) : x->dims[from++];
    }
    *axis = moved;
    return from == x->rank;
}

static bool unsqueeze(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    struct term *out;
    int axis;

    if (x == NULL)
        return false;
    axis = x->counts;
    out = reshaped(step, x);
    if (!rf__step_unsqueeze(step, x, out, &axis))
        return false;
    out->counts = axis;
    if (x->has_elements && x->rank == 0 && out->rank == 1)
        rf__numbers_set(out, x->elements, 1, false);
    step->out[0] = out;
    return true;
}

static bool squeeze(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    uint32_t axes[TERM_MAX_ELEMENTS], rank = 0;
    bool is_gone[TERM_MAX_RANK] = {false}, has_axes;
    struct term *out;
    size_t n = 0;

    if (x == NULL || !x->has_dims)
        return false;
    has_axes = rf__step_in(step, 1) != NULL || rf__step_attribute(step, "axes") != NULL;
    if (has_axes && !rf__step_axes(step, 1, x->rank, axes, &n))
        return false;
    for (uint32_t i = 0; i < x->rank && !has_axes; i++)
        is_gone[i] = rf__amount_is(x->dims[i], 1);
    for (size_t i = 0; i < n; i++)
        is_gone[axes[i]] = true;
    out = reshaped(step, x);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (is_gone[i])
            continue;
        if ((int)i == x->counts)
            out->counts = (int)rank;
        out->dims[rank++] = x->dims[i];
    }
    out->rank = rank;
    if (x->has_elements && rank <= 1)
        rf__numbers_set(out, x->elements, rf__numbers_count(x), rank == 0);
    step->out[0] = out;
    return true;
}

static bool expand(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    struct amount dims[TERM_MAX_ELEMENTS];
    struct term target = {.kind = TERM_NUMBERS}, *out;
    size_t n;

    if (x == NULL)
        return false;
    out = reshaped(step, x);
    out->constant = NULL;
    step->out[0] = out;
    out->has_dims = false;
    if (rf__step_amounts(step, 1, "shape", dims, &n) && rf__numbers_are_sizes(dims, n) &&
        rf__numbers_set_dims(&target, dims, n))
        rf__term_broadcast(out, x, &target);
    if (x->counts >= 0 && out->has_dims)
        out->counts = x->counts + (int)(out->rank - x->rank);
    return true;
}

static bool transpose(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    uint32_t perm[TERM_MAX_RANK];
    struct term *out;

    if (x == NULL || !rf__step_perm(step, x->rank, perm) || !x->has_dims)
        return false;
    out = reshaped(step, x);
    for (uint32_t i = 0; i < x->rank; i++) {
        out->dims[i] = x->dims[perm[i]];
        if (x->counts == (int)perm[i])
            out->counts = (int)i;
    }
    if (x->rank == 2 && perm[0] == 1)
        out->is_transposed = !x->is_transposed;
    else if (x->rank > 1)
        out->constant = NULL;
    step->out[0] = out;
    return true;
}

/* ---- Parts of vectors -------------------------------------------------------------------------------------- */

/* Gather along an axis: dims of data without it, those of the indices in its place. */
static void gathered_dims(struct term *out, const struct term *data, const struct term *indices, uint32_t axis)
{
    out->has_dims = data->has_dims && indices->has_dims && data->rank + indices->rank <= TERM_MAX_RANK + 1;
    out->rank = 0;
    if (!out->has_dims)
        return;
    for (uint32_t i = 0; i < data->rank; i++) {
        if (i != axis) {
            out->dims[out->rank++] = data->dims[i];
            continue;
        }
        for (uint32_t k = 0; k < indices->rank; k++)
            out->dims[out->rank++] = indices->dims[k];
    }
}

static bool gather(struct step *step)
{
    const struct term *data = rf__numbers_in(step, 0), *indices = rf__step_in(step, 1);
    struct amount elements[TERM_MAX_ELEMENTS];
    uint32_t axis;
    struct term *out;

    if (data == NULL || indices == NULL || !data->has_dims)
        return false;
    axis = rf__step_axis(rf__step_int(step, "axis", 0), data->rank);
    if (axis >= data->rank)
        return false;
    out = rf__numbers_new(step, data->type, data->low, data->high);
    step->out[0] = out;
    gathered_dims(out, data, indices, axis);
    if (data->has_elements && indices->kind == TERM_NUMBERS && indices->has_elements) {
        for (size_t i = 0; i < rf__numbers_count(indices); i++) {
            const struct amount at = indices->elements[i];
            int64_t place = at.n < 0 ? at.n + data->dims[0].n : at.n;
            bool is_there = at.is_known && at.b == 0 && at.s == 0 && place >= 0 && place < data->dims[0].n;
            elements[i] = is_there ? data->elements[place] : rf__amount_unknown;
        }
        rf__numbers_set(out, elements, rf__numbers_count(indices), indices->rank == 0);
    }
    return true;
}

/* What is taken out of numbers lies between them as they do, whatever the index is. */
static bool gather_elements(struct step *step)
{
    const struct term *data = rf__numbers_in(step, 0), *indices = rf__step_in(step, 1);
    struct term *out;

    if (data == NULL || indices == NULL)
        return false;
    out = rf__numbers_new(step, data->type, data->low, data->high);
    rf__term_copy_dims(out, indices);
    step->out[0] = out;
    return true;
}

static bool gather_nd(struct step *step)
{
    const struct term *data = rf__numbers_in(step, 0), *indices = rf__step_in(step, 1);
    struct term *out;
    uint64_t width;

    if (data == NULL || indices == NULL || rf__step_int(step, "batch_dims", 0) != 0)
        return false;
    out = rf__numbers_new(step, data->type, data->low, data->high);
    step->out[0] = out;
    width = rf__term_width(indices);
    if (!data->has_dims || width == 0 || width > data->rank || indices->rank - 1 + data->rank - width > TERM_MAX_RANK)
        return true;
    rf__term_copy_dims(out, indices);
    out->rank--;
    for (uint32_t i = (uint32_t)width; i < data->rank; i++)
        out->dims[out->rank++] = data->dims[i];
    return true;
}

/* The length of [start, end) of an axis of length `dim`; a table that is cut is taken to be long enough. */
static struct amount sliced(struct amount dim, struct amount start, struct amount end)
{
    bool is_fixed = dim.is_known && dim.b == 0 && dim.s == 0, is_open = end.b > 0 || end.s > 0;
    int64_t from, to;

    if (!dim.is_known || !start.is_known || start.b > 0 || start.s > 0 || !end.is_known)
        return rf__amount_unknown;
    if (start.n == 0 && !is_open && end.n >= INT32_MAX)
        return dim;
    if (start.n == 0 && is_open)
        return rf__amount_equal(dim, end) || (is_fixed && dim.n > 1) ? end : rf__amount_unknown;
    if (!is_fixed || is_open)
        return rf__amount_unknown;
    from = start.n < 0 ? start.n + dim.n : start.n;
    to = end.n < 0 ? end.n + dim.n : end.n;
    from = from < 0 ? 0 : from;
    to = to > dim.n ? dim.n : to;
    return from < to ? rf__amount(to - from) : rf__amount_unknown;
}

bool rf__step_slice(const struct step *step, struct slice *out)
{
    const struct term *x = rf__step_in(step, 0);
    struct amount axes[TERM_MAX_ELEMENTS], steps[TERM_MAX_ELEMENTS], starts[TERM_MAX_ELEMENTS], ends[TERM_MAX_ELEMENTS];
    size_t n, n_ends, n_axes, n_steps;

    if (x == NULL || !x->has_dims || !rf__step_amounts(step, 1, "starts", starts, &n) ||
        !rf__step_amounts(step, 2, "ends", ends, &n_ends) || n != 1 || n_ends != 1)
        return false;
    if (!rf__step_amounts(step, 3, "axes", axes, &n_axes)) {
        if (rf__step_in(step, 3) != NULL)
            return false;
        axes[0] = rf__amount(0);
        n_axes = 1;
    }
    if (!rf__step_amounts(step, 4, "steps", steps, &n_steps)) {
        if (rf__step_in(step, 4) != NULL)
            return false;
        steps[0] = rf__amount(1);
        n_steps = 1;
    }
    if (n_axes != 1 || n_steps != 1 || !rf__amount_is(steps[0], 1) || !axes[0].is_known || axes[0].b > 0 ||
        axes[0].s > 0)
        return false;
    out->axis = rf__step_axis(axes[0].n, x->rank);
    if (out->axis >= x->rank)
        return false;
    out->is_from_start = rf__amount_is(starts[0], 0);
    out->start = starts[0];
    out->length = sliced(x->dims[out->axis], starts[0], ends[0]);
    return true;
}

static bool slice(struct step *step)
{
    const struct term *x = rf__numbers_in(step, 0);
    struct slice s;
    struct term *out;
    size_t first;

    if (x == NULL)
        return false;
    out = reshaped(step, x);
    out->constant = NULL;
    step->out[0] = out;
    if (!rf__step_slice(step, &s)) {
        out->has_dims = false;
        return true;
    }
    out->dims[s.axis] = s.length;
    if (s.is_from_start)
        out->counts = x->counts;
    if (!x->has_elements || x->rank != 1 || !s.length.is_known || s.length.b > 0 || s.length.s > 0)
        return true;
    first = (size_t)(s.start.n < 0 ? s.start.n + x->dims[0].n : s.start.n);
    if (first + (size_t)s.length.n <= rf__numbers_count(x))
        rf__numbers_set(out, x->elements + first, (size_t)s.length.n, false);
    return true;
}

void rf__step_concat(const struct step *step, struct term *out)
{
    uint32_t axis = rf__step_axis(rf__step_int(step, "axis", 0), step->in[0]->rank);

    rf__term_copy_dims(out, step->in[0]);
    out->has_dims = out->has_dims && axis < out->rank;
    for (size_t i = 1; i < step->n_in && out->has_dims; i++) {
        const struct term *x = step->in[i];
        out->has_dims = x->has_dims && x->rank == out->rank;
        for (uint32_t k = 0; k < out->rank && out->has_dims; k++) {
            if (k == axis)
                out->dims[k] = rf__amount_add(out->dims[k], x->dims[k]);
            else if (!rf__amount_equal(out->dims[k], x->dims[k]))
                out->dims[k] = rf__amount_unknown;
        }
    }
}

static bool concat(struct step *step)
{
    struct amount elements[TERM_MAX_ELEMENTS];
    struct term *out;
    size_t n = 0;

    if (step->n_in == 0 || rf__numbers_in(step, 0) == NULL)
        return false;
    out = rf__numbers_new(step, step->in[0]->type, INFINITY, INFINITY);
    out->low = INFINITY;
    out->high = -INFINITY;
    step->out[0] = out;
    for (size_t i = 0; i < step->n_in; i++) {
        const struct term *x = rf__numbers_in(step, i);
        if (x == NULL)
            return false;
        out->low = fmin(out->low, x->low);
        out->high = fmax(out->high, x->high);
    }
    if (step->n_in == 1) {
        step->out[0] = step->in[0];
        return true;
    }
    rf__step_concat(step, out);
    for (size_t i = 0; i < step->n_in; i++) {
        const struct term *x = step->in[i];
        if (!x->has_elements || x->rank != 1 || n + rf__numbers_count(x) > TERM_MAX_ELEMENTS)
            return true;
        memcpy(elements + n, x->elements, rf__numbers_count(x) * sizeof *elements);
        n += rf__numbers_count(x);
    }
    rf__numbers_set(out, elements, n, false);
    return true;
}

bool rf__move_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"Shape", shape},         {"Reshape", reshape}, {"Flatten", flatten},
        {"Unsqueeze", unsqueeze}, {"Squeeze", squeeze}, {"Expand", expand},
        {"Transpose", transpose}, {"Gather", gather},   {"GatherElements", gather_elements},
        {"GatherND", gather_nd},  {"Slice", slice},     {"Concat", concat},
    };

    return rf__step_apply(step, "", rules, sizeof rules / sizeof rules[0]);
}
