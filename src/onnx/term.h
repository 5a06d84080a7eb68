/*
 * term: what is known of a value in a graph that is being recognized (recognize.h): numbers and shapes that do not
 * depend on the ids, or a piece of an encoder. Terms are never changed once they are in the table of values.
 *
 * A run is taken to have `batch` texts of `sequence` tokens each and a mask of ones, which is all that the engine ever
 * gives; both are at least 1, and nothing else is assumed of them. Where terms are to be general, the mask is not
 * either: what they say holds for whoever runs the file.
 */
#ifndef RF_ONNX_TERM_H
#define RF_ONNX_TERM_H

#include "onnx/index.h"
#include "onnx/onnx_read.h"

/* n * batch^b * sequence^s, or not known. */
struct amount {
    int64_t n;
    uint8_t b, s;
    bool is_known;
};

#define TERM_MAX_RANK     6
#define TERM_MAX_ELEMENTS 8
#define TERM_N_SAMPLES    64

/* A matrix of constants: element (r, c) lies at data + (r * row_step + c * col_step) * size of dtype. */
struct part {
    const uint8_t *data; /* NULL: there is none */
    enum dtype dtype;
    uint64_t rows, cols; /* a vector has one column */
    uint64_t row_step, col_step;
};

enum term_kind {
    TERM_UNKNOWN, /* why: what was not understood */

    /* From the ids alone. */
    TERM_NUMBERS, /* between low and high, whatever the ids are */
    TERM_IDS,
    TERM_TYPE_IDS,
    TERM_IS_PADDING,       /* ids == number */
    TERM_IS_TOKEN,         /* ids != number */
    TERM_TOKENS_SO_FAR,    /* of each text, itself included */
    TERM_TOKEN_RANKS,      /* the same, 0 for padding */
    TERM_PADDED_POSITIONS, /* the same + number, as RoBERTa counts */
    TERM_KEY_LENGTHS,      /* [batch]: sequence, each */

    TERM_OPAQUE, /* rows of which nothing else is known, of any rank: where is_general */

    /* [batch, sequence, width], or [batch * sequence, width]. */
    TERM_EMBEDDINGS, /* the sum of rows of the tables that are there */
    TERM_LINEAR,     /* x weight^T + bias + residual, as far as these are there */
    TERM_FUNCTION,   /* of each element of x, which is linear: known by its values at samples */
    TERM_CENTERED,   /* x - mean(x) */
    TERM_SQUARES,    /* the squares of that */
    TERM_NORMALIZED, /* (x - mean(x)) / sqrt(variance(x) + number); is_rms: x / sqrt(mean(x^2) + number) */
    TERM_SCALED,     /* the same * weight */
    TERM_NORM,       /* the same * weight + bias */
    TERM_CONTEXT,    /* what attention gives: heads, number, q, k, v */

    /* [batch, sequence, 1] */
    TERM_MEAN,
    TERM_VARIANCE,          /* + number, where has_number; is_rms: mean(x^2) */
    TERM_DEVIATION,         /* sqrt(variance + number) */
    TERM_INVERSE_DEVIATION, /* 1 / that */

    /* Rank 4, whose axes are named in `axes`: B(atch), S(equence), H(ead), W(idth of a head), K (sequence, of keys). */
    TERM_HEADS,   /* x, which is linear, * number */
    TERM_SCORES,  /* number * q k^T */
    TERM_SHARES,  /* softmax of that */
    TERM_MIXTURES /* shares v */
};

struct term {
    enum term_kind kind;
    size_t order;              /* of the node that made it */
    const struct term *origin; /* NULL, or what this is in another shape */
    const char *value;         /* the first that is this */
    const char *why;           /* of TERM_UNKNOWN */

    bool has_dims;
    uint32_t rank;
    struct amount dims[TERM_MAX_RANK];

    int type; /* ONNX__TENSOR_PROTO__DATA_TYPE__…; 0, which only what is no TERM_NUMBERS may have: not known */

    /* TERM_NUMBERS */
    double low, high;
    bool has_elements; /* of rank 0 or 1 */
    struct amount elements[TERM_MAX_ELEMENTS];
    int counts;                      /* the axis along which it counts 0, 1, 2 …; -1: none */
    const struct constant *constant; /* NULL: it is none */
    bool is_transposed;              /* of a constant of rank 2 */

    struct part words, positions, types;
    bool has_one_type;               /* types is one row, for whatever type id */
    bool are_padded;                 /* positions, as TERM_PADDED_POSITIONS, padding = number */
    const struct term *x, *residual; /* residual: NULL where there is none */
    const struct term *q, *k, *v;    /* linear */
    struct part weight, bias;        /* weight is [out, in] */
    const struct term *gain, *shift; /* of a norm: the vectors that weight and bias are, or no constants */
    bool is_rms;
    bool has_number;
    double number;
    uint64_t heads;
    char axes[4];
    const double *samples; /* [TERM_N_SAMPLES] */
};

/* ---- Amounts ------------------------------------------------------------------------------------------------- */

struct amount rf__amount(int64_t n); /* beyond 2^40: that */
extern const struct amount rf__amount_batch, rf__amount_sequence, rf__amount_unknown;
bool rf__amount_equal(struct amount a, struct amount b); /* both known and always equal */
bool rf__amount_is(struct amount a, int64_t n);
struct amount rf__amount_add(struct amount a, struct amount b);
struct amount rf__amount_multiply(struct amount a, struct amount b);
struct amount rf__amount_divide(struct amount a, struct amount b); /* without rest, or unknown */

/* ---- Terms ----------------------------------------------------------------------------------------------------- */

/* Whether it has the width of its last axis as a plain number: that, or 0. */
uint64_t rf__term_width(const struct term *t);
/* Whether it is one row of a known width for each token. */
bool rf__term_is_rows(const struct term *t);
/* Whether it is the same number everywhere: that. */
bool rf__term_is_uniform(const struct term *t, double *number);
/* The same, of numbers that combine with `t` element by element and leave its shape. */
bool rf__term_number_for(const struct term *t, const struct term *numbers, double *number);
bool rf__is_near(double x, double y);
/* Whether combining `t` with it element by element leaves the shape of `t` as it is. */
bool rf__term_fits(const struct term *t, const struct term *numbers);
bool rf__term_same_dims(const struct term *a, const struct term *b);
void rf__term_copy_dims(struct term *to, const struct term *from);
/* The term itself, or what it is in another shape. */
const struct term *rf__term_origin(const struct term *t);
/* The shape of what two terms give element by element. */
void rf__term_broadcast(struct term *out, const struct term *a, const struct term *b);
/* The product of all dims. */
struct amount rf__term_count(const struct term *t);

/* A constant vector of n floats, of any rank, or the same for a matrix of rank 2. False where it is none. */
bool rf__term_vector(const struct term *t, uint64_t n, struct part *out);
bool rf__term_matrix(const struct term *t, struct part *out);

/* ---- One node ------------------------------------------------------------------------------------------------ */

#define STEP_MAX_INPUTS  16
#define STEP_MAX_OUTPUTS 4

/* What a rule sees of a node, and where it leaves what it knows of the outputs. */
struct step {
    struct graph *graph;
    int64_t opset; /* of ONNX's own operators */
    bool is_general;
    const Onnx__NodeProto *node;
    size_t order;
    const struct term *in[STEP_MAX_INPUTS]; /* NULL: left out */
    size_t n_in;
    const struct term *out[STEP_MAX_OUTPUTS]; /* NULL: not understood */
    struct term spare;                        /* where there is no memory */
};

/* A term in the graph's memory; one of nobody's where there is no memory, which is then the graph's failure. */
struct term *rf__step_new(struct step *step, enum term_kind kind);
/* A copy of one. */
struct term *rf__step_copy(struct step *step, const struct term *of);
/* Leaves a copy that is of another kind as the output. True. */
bool rf__step_become(struct step *step, const struct term *of, enum term_kind kind);

/* Attributes. */
int64_t rf__step_int(const struct step *step, const char *name, int64_t fallback);
double rf__step_float(const struct step *step, const char *name, double fallback);
const Onnx__AttributeProto *rf__step_attribute(const struct step *step, const char *name); /* NULL: none */
/* Whether all attributes are among `names`, which ends with NULL. */
bool rf__step_has_only(const struct step *step, const char *const *names);
/* Input i, where it is there. */
const struct term *rf__step_in(const struct step *step, size_t i);
/* The axis that a negative one counted from the end means; rank or more: it is none. */
uint32_t rf__step_axis(int64_t axis, uint32_t rank);
/* The numbers of an attribute or, where there is none, of input i; false where they are not known one by one. */
bool rf__step_amounts(const struct step *step, size_t i, const char *name, struct amount out[TERM_MAX_ELEMENTS],
                      size_t *n);
/* The axes, below `rank`, that the attribute "axes" or input i gives; false where there are none. */
bool rf__step_axes(const struct step *step, size_t i, uint32_t rank, uint32_t axes[TERM_MAX_ELEMENTS], size_t *n);

/* The axes of the input in the order in which Transpose puts them. */
bool rf__step_perm(const struct step *step, uint32_t rank, uint32_t perm[TERM_MAX_RANK]);
/* The shape that Reshape gives, every axis known. */
bool rf__step_reshape(const struct step *step, struct amount dims[TERM_MAX_RANK], size_t *rank);
/* Unsqueeze's shape for `out`; *axis moves to where it is then. */
bool rf__step_unsqueeze(const struct step *step, const struct term *x, struct term *out, int *axis);
/* A Slice of one axis without gaps. */
struct slice {
    uint32_t axis;
    bool is_from_start;
    struct amount start, length;
};
bool rf__step_slice(const struct step *step, struct slice *out);
/* Concat's shape for `out`; every input is there. */
void rf__step_concat(const struct step *step, struct term *out);

/* ---- Numbers ------------------------------------------------------------------------------------------------- */

/* Between low and high, of no known shape. */
struct term *rf__numbers_new(struct step *step, int type, double low, double high);
/* Input i, where it is numbers. */
const struct term *rf__numbers_in(const struct step *step, size_t i);
/* Sets the elements of a term of rank 0 or 1, and between what they are. */
void rf__numbers_set(struct term *t, const struct amount *elements, size_t n, bool is_scalar);
size_t rf__numbers_count(const struct term *t); /* of elements */
/* Dims that a rank-1 tensor of amounts names; whether they are all sizes, at least 1. */
bool rf__numbers_set_dims(struct term *out, const struct amount *dims, size_t n);
bool rf__numbers_are_sizes(const struct amount *dims, size_t n);
/* The term of an initializer. */
struct term *rf__numbers_constant(struct step *step, const struct constant *constant);

/* ---- Pieces of an encoder ------------------------------------------------------------------------------------ */

/* Pieces, left as step->out[0]; false where they do not fit together. */
bool rf__step_linear(struct step *step, const struct term *x, const struct part *weight, struct term **out);
bool rf__step_add(struct step *step, const struct term *x, const struct term *y); /* in this order */
bool rf__step_add_embeddings(struct step *step, const struct term *x, const struct term *y);
bool rf__step_norm(struct step *step, const struct term *x, const struct term *weight, const struct term *bias,
                   double epsilon);
bool rf__step_activate(struct step *step, const struct term *t, double (*function)(double x));
bool rf__step_scores(struct step *step, const struct term *q, const struct term *k, double factor);

/* Where functions are looked at: between -12 and 12, closer around 0, which is none of them. */
double rf__term_sample(int i);
double rf__gelu(double x);
double rf__gelu_tanh(double x);
/* The activation that a function is, by the name that config.json has for it; NULL: none that is known. */
const char *rf__term_activation(const struct term *function);

/* What a rule is asked: whether it understands the node; step->out is then set. */
bool rf__embedding_rule(struct step *step); /* rows of tables, and where in them */
bool rf__attention_rule(struct step *step);
bool rf__layer_rule(struct step *step);  /* linear layers, activations, norms */
bool rf__number_rule(struct step *step); /* masks, positions, and the arithmetic of shapes */
bool rf__move_rule(struct step *step);   /* such numbers in another shape */
bool rf__fused_rule(struct step *step);  /* ONNX Runtime's operators for whole pieces */

/* A file's rules, by operator. */
struct rule {
    const char *op;
    bool (*apply)(struct step *step);
};
/* Asks the one for the step's operator, where there is one and the operator is of `domain`. */
bool rf__step_apply(struct step *step, const char *domain, const struct rule *rules, size_t n);

/* The shape of output i of a node of which nothing else is known, as far as the inputs tell. */
void rf__shape_of(struct step *step, size_t i, struct term *out);
/* ONNX__TENSOR_PROTO__DATA_TYPE__… of the first output, or all; 0: not known. */
int rf__type_of(const struct step *step);

#endif
