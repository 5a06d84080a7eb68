/*
 * postnorm: the encoder of BERT and its kin, which normalizes behind each residual, as one description. An architecture
 * says what its tensors are called and what its config.json holds.
 *
 *     x = norm(word[ids] + position[…] + type[type_ids])        embeddings; ELECTRA and ALBERT then project to `hidden`
 *     for each layer
 *         x = norm(out(attention(query(x), key(x), value(x))) + x)
 *         x = norm(narrow(activation(wide(x))) + x)           or narrow(activation(first half of wide(x)) * other half)
 */
#ifndef RF_ONNX_POSTNORM_H
#define RF_ONNX_POSTNORM_H

#include "onnx/activation.h"
#include "onnx/arch.h"
#include "onnx/blocks.h"

/* Names of linear layers and norms, each with ".weight" and ".bias"; of tables, with ".weight". */
struct postnorm_names {
    const char *words, *positions, *types; /* positions, types: NULL where there are none */
    const char *norm;
    const char *projection;                /* NULL: embeddings are as wide as the layers */
    const char *query, *key, *value, *out; /* these and below: behind the name of a layer and a dot */
    const char *attention_norm, *wide, *narrow, *output_norm;
};

enum postnorm_positions {
    POSITIONS_FROM_ZERO,
    POSITIONS_BEHIND_PADDING /* RoBERTa: the n-th token that is no padding has padding + n, padding itself padding */
};

/* What attention adds to the scores by distance. */
struct postnorm;
struct postnorm_bias {
    value (*graph)(struct arch *arch, const struct postnorm *encoder,
                   const struct encoder_inputs *in); /* [1, heads, sequence, sequence] */
    const char *kind;                                /* of the kernels' operator */
    value (*kernel)(struct arch *arch, const struct postnorm *encoder);
};

struct postnorm {
    const struct postnorm_names *names;
    struct arch_size vocabulary, n_positions, embedding, hidden, layers, heads, inner;
    struct arch_size n_types; /* 0: tokens have no types */
    double epsilon;
    const struct activation *activation;
    bool is_gated; /* `wide` gives both halves and has no bias */
    enum postnorm_positions positions;
    int64_t padding; /* id, for POSITIONS_BEHIND_PADDING */
    /* The name of layer n's tensors, in the graph's memory. */
    value (*layer_name)(struct arch *arch, const struct postnorm *encoder, uint64_t n);
    const struct postnorm_bias *bias;      /* of all attentions; NULL: none */
    struct arch_size groups, inner_groups; /* of ALBERT, whose layers share weights; n 0 elsewhere */
};

/* The names of transformers' BertModel, which most others have taken over. */
extern const struct postnorm_names rf__bert_names;
value rf__bert_layer_name(struct arch *arch, const struct postnorm *encoder, uint64_t n);

/* Which of the layers of weights layer n has: itself, or one that it shares. */
uint64_t rf__postnorm_weights_of(const struct postnorm *encoder, uint64_t n);

/* What config.json is taken to say where it says nothing. */
struct postnorm_defaults {
    uint64_t vocabulary, hidden, heads, inner;
    const char *activation; /* NULL: hidden_act is not read */
};
/* Reads what BERT and those that took over its keys have: sizes (embeddings as wide as the layers; positions and types
 * where encoder->names has them), epsilon and activation. 12 layers, 512 positions, 2 types and 1e-12 are the default
 * of all. */
void rf__postnorm_read(struct arch *arch, const struct postnorm_defaults *defaults, struct postnorm *encoder);

/* Refuses decoders, and positions other than "absolute". */
void rf__postnorm_refuse_decoder(struct arch *arch);

/* Builds the whole graph. Sizes that make no sense together are refused here. */
void rf__postnorm_build(struct arch *arch, const struct postnorm *encoder);

/* The same as one node, where the graph's precision is one of the kernels; called by the former. */
void rf__postnorm_build_kernel(struct arch *arch, const struct postnorm *encoder);

#endif
