/*
 * rotary: encoders and decoders of the newer kind, as one description: positions are rotations of queries and keys,
 * units are gated, layers normalize before, after or behind what they do.
 *
 *     x = word[ids] (+ type[type_ids]), scaled, normalized
 *     for each layer
 *         y = out(attention(rotate(query(before(x))), rotate(key(before(x))), value(before(x))))
 *         x = end(x + after(y))
 *         y = down(activation(gate(before(x))) * up(before(x)))
 *         x = end(x + after(y))
 *     x = final(x)
 *
 * where before, after and end are norms, or nothing.
 */
#ifndef RF_ONNX_ROTARY_H
#define RF_ONNX_ROTARY_H

#include "onnx/activation.h"
#include "onnx/arch.h"
#include "onnx/blocks.h"

/* Norms around one half of a layer; NULL: none. */
struct rotary_norms {
    const char *before, *after, *end;
};

/* Names as in postnorm.h; those of a layer come behind its own. */
struct rotary_names {
    const char *words, *types;         /* types: NULL where there are none */
    const char *norm, *final;          /* of the embeddings, behind the last layer; NULL: none */
    const char *layer;                 /* what stands before the number of a layer, "layers." */
    const char *query, *key, *value;   /* three layers, or */
    const char *fused_attention;       /* one for all three; NULL: three */
    const char *query_norm, *key_norm; /* of each head; NULL: none */
    const char *out;
    const char *gate, *up;  /* two layers, or */
    const char *fused_unit; /* one for both; NULL: two */
    const char *down;
    struct rotary_norms attention, unit; /* of the two halves */
};

enum rotary_norm {
    NORM_LAYER,     /* mean and variance, weight, bias where has_norm_bias */
    NORM_RMS,       /* root mean square, weight */
    NORM_RMS_PLUS_1 /* the same with 1 + weight */
};

/* One way in which layers look around: all of a kind share rotations and mask. */
struct rotary_view {
    double theta;    /* the base of the rotations' frequencies */
    double stretch;  /* positions are divided by it; 1: as they are */
    double ntk;      /* 0, or how many times as far texts reach: the base is multiplied, and rotations are slowed */
    uint64_t window; /* tokens at this distance or farther are not seen; 0: all are */
};

struct rotary {
    const struct rotary_names *names;
    struct arch_size vocabulary, n_types, hidden, layers, heads, key_heads, head, inner;
    enum rotary_norm norm;
    double epsilon;
    bool has_norm_bias, has_attention_bias, has_out_bias, has_unit_bias, has_down_bias;
    bool is_gate_first;     /* in fused_unit */
    bool is_causal;         /* a token sees those before it alone */
    bool knows_ntk;         /* a view may be scaled so */
    bool skips_first_norm;  /* the first layer's attention has no norm before it */
    double embedding_scale; /* 0: none */
    double score_scale;     /* 0: 1 / sqrt(width of a head) */
    const struct activation *activation;
    struct rotary_view views[2];
    /* Which of the views layer n has. NULL: the first. */
    unsigned (*view_of)(const struct rotary *model, uint64_t n);
    uint64_t pattern;        /* for view_of */
    yyjson_val *layer_types; /* for view_of; NULL: by the pattern */
};

/* The base of the rotations: rope_parameters (of `section`, where not NULL), or `old_key` of older files. Refuses what
 * is scaled in a way that is not known. */
struct rotary_view rf__rotary_view(struct arch *arch, const char *section, const char *old_key, double fallback);

/* config.json's layer_types, checked: "full_attention" or "sliding_attention" for each layer; NULL: there are none. */
yyjson_val *rf__rotary_layer_types(struct arch *arch, uint64_t n_layers);
/* Whether layer n is of sliding_attention; `otherwise` where the file does not say. */
bool rf__rotary_slides(const struct rotary *model, uint64_t n, bool otherwise);

/* 1 / theta^(2 i / head) for i below head / 2 = n, in single precision as torch has them, for positions as they are. */
void rf__rotary_frequencies(const struct rotary_view *view, size_t n, float *frequencies);

void rf__rotary_build(struct arch *arch, const struct rotary *model);

/* The same as one node, where the graph's precision is one of the kernels; called by the former. */
void rf__rotary_build_kernel(struct arch *arch, const struct rotary *model);

#endif
