/*
 * ref: what the families share. A family reads its settings and tensors once (load) and then gives the hidden states of
 * one text (forward). While loading, the first failure is kept in the loader and later calls do nothing: numbers are
 * then 1, 0 or "", tensors NULL.
 */
#ifndef RF_REFERENCE_REF_H
#define RF_REFERENCE_REF_H

#include "base/error.h"
#include "base/json.h"
#include "weights/weights.h"

/* ---- Memory that is freed in one go ---------------------------------------------------------------------------- */

struct ref_pool {
    void **blocks;
    size_t n, cap;
    bool failed; /* some allocation did; all later ones give NULL */
};
/* `n` elements of `size` bytes, zeroed; NULL when out of memory. */
void *rf__ref_take(struct ref_pool *pool, size_t n, size_t size);
void rf__ref_pool_release(struct ref_pool *pool);

/* ---- Loading --------------------------------------------------------------------------------------------------- */

struct ref_loader {
    struct json config;
    const struct weights *weights;
    const char *prefix;    /* in front of the names of all tensors: "", "bert." … */
    struct ref_pool *pool; /* the model's: layers, and tensors that are not fp32 in the file */
    rf_status status;      /* the first failure */
    rf_error *err;
};

/* config.json: a size is from 1 to `max`. */
size_t rf__ref_size(struct ref_loader *loader, const char *key, size_t fallback, size_t max);
size_t rf__ref_number(struct ref_loader *loader, const char *key, size_t fallback, size_t max); /* may be 0 */
double rf__ref_double(struct ref_loader *loader, const char *key, double fallback);
bool rf__ref_bool(struct ref_loader *loader, const char *key, bool fallback);
const char *rf__ref_str(struct ref_loader *loader, const char *key, const char *fallback);

/* Fails with "config.json: …". */
void rf__ref_refuse(struct ref_loader *loader, rf_status status, const char *format, ...) RF_PRINTF(3, 4);

/* Whether there is a tensor of that name; the name is a format, without the prefix. */
bool rf__ref_has(struct ref_loader *loader, const char *format, ...) RF_PRINTF(2, 3);
/* The tensor LAYER + NAME of [rows, cols], or of [rows] where cols is 0, in fp32. */
const float *rf__ref_tensor(struct ref_loader *loader, const char *layer, const char *name, size_t rows, size_t cols);

struct ref_linear {
    const float *weight, *bias; /* [out, in]; [out] or NULL */
    size_t in, out;
};
/* LAYER + NAME + ".weight", and ".bias" where has_bias. */
struct ref_linear rf__ref_linear(struct ref_loader *loader, const char *layer, const char *name, size_t in, size_t out,
                                 bool has_bias);
/* `n` outputs of a linear layer from `first` on, as a linear layer. */
struct ref_linear rf__ref_part(const struct ref_linear *linear, size_t first, size_t n);

enum ref_norm_kind { REF_NORM_NONE, REF_NORM_LAYER, REF_NORM_RMS, REF_NORM_RMS_PLUS_1 };
struct ref_norm {
    enum ref_norm_kind kind;
    const float *weight, *bias; /* [size]; bias NULL: none */
    size_t size;
    double epsilon;
};
/* LAYER + NAME + ".weight" and, of REF_NORM_LAYER where has_bias, ".bias" (older files: ".gamma", ".beta"). `name`
 * NULL: REF_NORM_NONE. */
struct ref_norm rf__ref_norm(struct ref_loader *loader, enum ref_norm_kind kind, const char *layer, const char *name,
                             size_t size, double epsilon, bool has_bias);

/* ---- Arithmetic ------------------------------------------------------------------------------------------------ */

typedef double (*ref_activation)(double x);
/* The function of transformers' ACT2FN called `name`; a failure names `key`. */
ref_activation rf__ref_activation(struct ref_loader *loader, const char *key, const char *name);

double rf__ref_dot(const float *a, const float *b, size_t n);
/* y [n, out] = x [n, in] W^T + b */
void rf__ref_apply(const struct ref_linear *linear, const float *x, size_t n, float *y);
/* In place, over the rows of x [n, size]. */
void rf__ref_normalize(const struct ref_norm *norm, float *x, size_t n);
void rf__ref_activate(ref_activation activation, float *x, size_t n);
void rf__ref_add(float *x, const float *y, size_t n);

/* Softmax(scale q k^T + bias) v for each head. */
struct ref_attention {
    size_t heads, key_heads, head; /* heads / key_heads heads of queries share one of keys and values */
    double scale;
    bool is_causal; /* keys behind the query are not seen */
    size_t window;  /* nor those at this distance or farther; 0: all are */
    /* Added to the scaled score of a query and a key; NULL: nothing. */
    double (*bias)(const void *arg, size_t head, size_t query, size_t key);
    const void *arg;
};
/* q [n, heads * head], k and v [n, key_heads * head], out as q. `scores` is scratch, [n]. */
void rf__ref_attend(const struct ref_attention *attention, const float *q, const float *k, const float *v, size_t n,
                    double *scores, float *out);

/* transformers' relative_position_bucket() of both directions: half of the buckets for either side, of those half for
 * single distances, the others grow with the logarithm up to `far`. */
size_t rf__ref_bucket(ptrdiff_t distance, size_t n_buckets, size_t far);

/* ---- Families -------------------------------------------------------------------------------------------------- */

/* Rows of tables that a text asks for; a family's forward checks them before it starts. */
struct ref_text {
    const uint32_t *ids, *types; /* [n]; types NULL: all 0 */
    size_t n;
    struct ref_pool *pool; /* of this text: scratch */
};

/* Beginning of every family's model. */
struct ref_model {
    size_t hidden, vocabulary, n_types, n_positions; /* n_types, n_positions: 0 where there are none */
    size_t first_position;                           /* RoBERTa: positions begin behind the padding */
};

struct ref_family {
    const char *model_type;
    const char *const *prefixes; /* its own: rf__weights_prefix() */
    const char *first_tensor;    /* every model has it; tells which prefix is there */
    struct ref_model *(*load)(struct ref_loader *loader);
    /* x [n, hidden] receives the hidden states; false when out of memory. */
    bool (*forward)(const struct ref_model *model, const struct ref_text *text, float *x);
};

/* Each ended by one without a model_type. */
extern const struct ref_family rf__ref_postnorm[], rf__ref_rotary[], rf__ref_t5[], rf__ref_deberta[];

#endif
