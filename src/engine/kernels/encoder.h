/*
 * encoder: ids -> token vectors, for the encoders of BERT's kind:
 *
 *     x = norm(word[id] + type[type id] + position[0, 1, … within the text, or as RoBERTa counts])
 *     for each layer
 *         q, k, v = x Wqkv^T + b                     for all rows
 *         c = attention(q, k, v)                     for each text and head
 *         x = norm(c Wo^T + b + x)
 *         x = norm(act(x Wu^T + b) Wd^T + b + x)
 *
 * The rows of several texts lie behind each other, whatever their lengths, and go through the linear layers together;
 * only attention knows where a text begins. Weights are read in blocks of rows that stay in the second-level cache.
 * Every row is computed by the same chain of operations wherever it lies, so that a text has the same bits in any
 * company, unit and number of threads.
 */
#ifndef RF_ENGINE_KERNELS_ENCODER_H
#define RF_ENGINE_KERNELS_ENCODER_H

#include "engine/kernels/kernels.h"
#include "engine/kernels/statistics.h"
#include "engine/kernels/team.h"

#include "base/error.h"

struct encoder_layer {
    struct linear qkv, out, up, down; /* qkv: n = 3 * ld, query, key and value behind each other */
    const float *norm1_weight, *norm1_bias, *norm2_weight, *norm2_bias; /* [ld] */
};

/* Immutable. Pointers are to memory of the model; sizes were checked against it. */
struct encoder {
    const struct kernels *kernels;
    enum precision precision; /* of most linear layers; each has its own */
    enum activation_kind activation;
    size_t n_layers, hidden, n_heads;
    size_t ld, inner; /* hidden, and the width between up and down, rounded up to lanes */
    size_t n_words, n_types, n_positions;
    const float *words, *types, *positions; /* [n, hidden] */
    const float *norm_weight, *norm_bias;   /* [ld] */
    int32_t padding; /* -1; or positions are padding + 1, …, this id itself not counted: its position is padding */
    float epsilon;
    const struct encoder_layer *layers; /* [n_layers] */
    struct statistics *statistics;      /* NULL, or where runs, then one at a time, note what linear layers read */
};

struct encoder_input {
    const int32_t *ids, *type_ids; /* [n_rows] */
    const int32_t *begins;         /* [n_texts + 1]: text i is rows begins[i] … begins[i + 1] - 1; at least one */
    size_t n_texts, n_rows;
};

/* Memory that a run works in; grows to the largest run and is used again. One run at a time. */
struct workspace {
    char *memory;
    size_t size;
};
void rf__workspace_release(struct workspace *workspace);

/* RF_INVALID_ARGUMENT says why the input does not fit the encoder. */
rf_status rf__encoder_check(const struct encoder *encoder, const struct encoder_input *input, rf_error *err);

/* Whether there is so much to do that a team is worth its meetings. */
bool rf__encoder_is_worth_sharing(const struct encoder *encoder, const struct encoder_input *input);

/* Vectors of all tokens: out is [n_rows, hidden]. The input was checked. team: NULL, or one that was started and shares
 * the work. RF_NO_MEMORY alone. */
rf_status rf__encoder_run(const struct encoder *encoder, const struct encoder_input *input, struct team *team,
                          struct workspace *workspace, float *out, rf_error *err);

#endif
