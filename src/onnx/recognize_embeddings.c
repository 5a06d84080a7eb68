/* recognize_embeddings: rows of tables for ids, types and positions, and their sum, in ONNX's own operators; positions
 * that RoBERTa counts by the ids that are no padding. */
#include "onnx/term.h"

#include <string.h>

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
    if (ids->kind != TERM_IDS || !rf__term_number_for(ids, other, &number) || number < 0)
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

    if (x == NULL || x->kind != TERM_IS_PADDING)
        return false;
    return rf__step_become(step, x, TERM_IS_TOKEN);
}

static bool cumulative_sum(struct step *step)
{
    const struct term *x = rf__step_in(step, 0), *axis = rf__step_in(step, 1);
    double number;

    if (x == NULL || axis == NULL || x->kind != TERM_IS_TOKEN || !rf__term_is_uniform(axis, &number) ||
        rf__step_axis((int64_t)number, x->rank) != x->rank - 1 || rf__step_int(step, "exclusive", 0) != 0 ||
        rf__step_int(step, "reverse", 0) != 0)
        return false;
    return rf__step_become(step, x, TERM_TOKENS_SO_FAR);
}

static bool multiply_in_order(struct step *step, const struct term *x, const struct term *y)
{

    if (x->kind != TERM_TOKENS_SO_FAR || y->kind != TERM_IS_TOKEN || !rf__is_near(x->number, y->number))
        return false;
    return rf__step_become(step, x, TERM_TOKEN_RANKS);
}

static bool multiply(struct step *step)
{
    const struct term *a = rf__step_in(step, 0), *b = rf__step_in(step, 1);

    return a != NULL && b != NULL && (multiply_in_order(step, a, b) || multiply_in_order(step, b, a));
}

/* A table of embeddings, and one more. */
static bool add_table(struct step *step, const struct term *x, const struct term *y)
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

bool rf__step_add_embeddings(struct step *step, const struct term *x, const struct term *y)
{
    double number;

    if (x->kind == TERM_EMBEDDINGS)
        return add_table(step, x, y);
    if (x->kind != TERM_TOKEN_RANKS || !rf__term_number_for(x, y, &number) || !rf__is_near(number, x->number))
        return false;
    return rf__step_become(step, x, TERM_PADDED_POSITIONS);
}

bool rf__embedding_rule(struct step *step)
{
    static const struct rule rules[] = {
        {"Gather", gather}, {"Slice", slice},           {"Unsqueeze", unsqueeze}, {"Equal", equal},
        {"Not", negate},    {"CumSum", cumulative_sum}, {"Mul", multiply},
    };

    return rf__step_apply(step, "", rules, sizeof rules / sizeof rules[0]);
}
