/*
 * encoder: ids -> token vectors, for encoders of BERT's kind and for the newer ones:
 *
 *     x = norm(word[id] + type[type id] + position[0, 1, … within the text, or as RoBERTa counts])
 *     for each step, which runs a layer
 *         q, k, v = before(x) Wqkv^T + b             for all rows; q and k turned by rotary positions
 *         c = attention(q, k, v)                     for each text and head
 *         x = end(x + after(c Wo^T + b))
 *         u = act(before(x) Wu^T + b)                or act(first half) * second half
 *         x = end(x + after(u Wd^T + b))
 *     x = final(x)
 *
 * where before, after, end and final are norms or nothing: BERT has `end` alone.
 *
 * The rows of several texts lie behind each other, whatever their lengths, and go through the linear layers together;
 * only attention and rotary positions know where a text begins. Weights are read in blocks of rows that stay in the
 * second-level cache. Every row is computed by the same chain of operations wherever it lies, so that a text has the
 * same bits in any company, unit and number of threads.
 */
#ifndef RF_ENGINE_KERNELS_ENCODER_H
#define RF_ENGINE_KERNELS_ENCODER_H

#include "engine/kernels/kernels.h"
#include "engine/kernels/statistics.h"
#include "engine/kernels/team.h"

#include "base/error.h"

/* Where a layer has its norms, in both halves. */
enum norm_places { NORMS_END, NORMS_BEFORE, NORMS_AROUND /* before and after */ };

struct encoder_norm {
    const float *weight, *bias; /* [ld]; NULL: there is none */
};

struct encoder_layer {
    struct linear qkv, out, up, down; /* qkv, and up where it is gated: parts behind each other, each of whole lanes */
    struct encoder_norm attention_norm, attention_after; /* before or end; after, of NORMS_AROUND */
    struct encoder_norm unit_norm, unit_after;
    const float *query_norm, *key_norm; /* [head]: weights of norms of each head; NULL: there are none */
};

#define ENCODER_NO_ROTATION SIZE_MAX

/* One step; layers that share weights are run more than once. */
struct encoder_step {
    const struct encoder_layer *layer;
    size_t rotation;      /* which of the encoder's, or ENCODER_NO_ROTATION */
    size_t before, after; /* how far a token sees, as in attention_job */
};

enum bias_kind {
    BIAS_NONE,
    BIAS_TABLE, /* for each head and distance from -reach to reach; those beyond are alike */
    BIAS_SLOPES /* a number for each head, times the distance (Press et al. 2021) */
};

/* Immutable. Pointers are to memory of the model; sizes were checked against it. */
struct encoder {
    const struct kernels *kernels;
    enum precision precision; /* of most linear layers; each has its own */
    enum activation_kind activation;
    bool is_gated;                                        /* act(first half of up) * second half */
    size_t hidden, embedding, n_heads, n_key_heads, head; /* head: the width of one */
    size_t ld, embedding_ld, inner, queries, keys; /* rounded up to lanes: hidden, embedding, what down reads, all heads
                                                      of queries, all heads of keys */
    size_t n_words, n_types, n_positions;          /* n_positions 0: there is no such table */
    const float *words, *types, *positions;        /* [n, embedding] */
    int32_t padding; /* -1; or positions are padding + 1, …, this id itself not counted: its position is padding */
    float embedding_scale; /* of words and types */
    struct encoder_norm embedding_norm, final_norm;
    struct linear projection; /* of embeddings to the hidden size; panels NULL: there is none, they are as wide */
    enum norm_places places;
    bool is_rms; /* norms */
    float epsilon;
    float score_scale;
    enum bias_kind bias_kind;
    const float *bias; /* [n_heads, 2 * reach + 1] or [n_heads] */
    size_t reach;
    size_t n_rotations;
    const float *const *frequencies;  /* [n_rotations] of [head / 2] */
    const struct encoder_step *steps; /* [n_steps] */
    size_t n_steps;
    struct statistics *statistics; /* NULL, or where runs, then one at a time, note what linear layers read */
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
