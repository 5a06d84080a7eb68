/*
 * embed: text -> vectors. A pipeline joins a tokenizer and an engine with what the model declares:
 *
 *     texts ─ tokenizer ─ encodings ─ batcher ─ batches of one length ─ engine ─ pooling ─ modules ─ vectors
 *     texts ─ tokenizer ─ ids ─ rows of a table and their mean ─ modules ─ vectors          (static embeddings)
 *
 * This is the only header that other folders include.
 */
#ifndef RF_EMBED_EMBED_H
#define RF_EMBED_EMBED_H

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "tokenizer/tokenizer.h"

/* One vector out of the token vectors of a text: one mode, or several whose vectors are joined in this order. */
#define POOLING_MAX_MODES 8
struct pooling_spec {
    rf_pooling modes[POOLING_MAX_MODES];
    uint32_t n;          /* 0: none is declared */
    bool exclude_prompt; /* the tokens of a prompt (and what stands before them, such as [CLS]) do not count */
};

/* What is done with the pooled vector. */
enum module_kind { MODULE_NORMALIZE, MODULE_DENSE, MODULE_LAYER_NORM };
enum activation {
    ACTIVATION_IDENTITY,
    ACTIVATION_TANH,
    ACTIVATION_SIGMOID,
    ACTIVATION_RELU,
    ACTIVATION_RELU6,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_ELU,
    ACTIVATION_GELU,
    ACTIVATION_SILU
};

struct module_config {
    enum module_kind kind;
    char *folder;         /* where its weights lie; NULL for Normalize */
    uint32_t n_in, n_out; /* LayerNorm: both its dimension */
    bool has_bias;        /* the rest: Dense alone */
    bool has_residual;    /* the input is added to the output */
    enum activation activation;
};

/* A lookup and a mean in the place of a transformer. */
enum encoder_kind {
    ENCODER_TRANSFORMER,
    ENCODER_STATIC,   /* sentence-transformers' StaticEmbedding */
    ENCODER_MODEL2VEC /* model2vec's StaticModel, for a directory without modules.json */
};

/* See prompts.h. */
struct prompt {
    char *name, *text;
    bool has_task; /* it chooses what a model with tasks computes: */
    uint32_t task; /* its place in config.json's lora_adaptations */
};
struct prompts {
    struct prompt *items;
    size_t n;
    char *default_name; /* NULL: none */
    char *names;        /* of those that are not empty, or are tasks: "query, document" */
    bool has_tasks;
};

#define CONFIG_MAX_MODULES 16

/* What the files of a model directory declare; 0, false and "" where they say nothing. */
struct model_config {
    const struct logger *logger; /* told of each file that is read; NULL: nobody */
    enum encoder_kind encoder;
    char *folder;           /* of the first module: its config.json, its tokenizer, a static encoder's weights */
    char *architecture;     /* model_type of config.json */
    uint32_t hidden_size;   /* config.json */
    uint32_t vocab_size;    /* config.json */
    uint32_t max_positions; /* config.json: tokens that the model has positions for; RoBERTa's offset taken off */
    uint32_t
        max_tokens;   /* the limit of a text: sentence_bert_config.json, else tokenizer_config.json, else positions */
    bool lower_case;  /* sentence_bert_config.json's do_lower_case */
    bool is_causal;   /* config.json: a model that predicts the next token */
    bool has_modules; /* there is a modules.json; the three below are from it */
    struct pooling_spec pooling;
    struct module_config modules[CONFIG_MAX_MODULES]; /* what follows pooling, in order */
    size_t n_modules;
    struct prompts prompts; /* config_sentence_transformers.json, and the tasks of config.json */
    uint32_t truncate_dim;  /* config_sentence_transformers.json; 0: none */
    char *similarity;       /* its similarity_fn_name; "cosine" where it says nothing */
};

/* Reads config.json, modules.json and what it names, sentence_bert_config.json, tokenizer_config.json and
 * config_sentence_transformers.json: none has to exist. RF_BAD_FORMAT for a damaged one, RF_UNSUPPORTED for a module, a
 * pooling or an activation that is not known, by name. */
rf_status rf__model_config_read(const char *directory, const struct logger *logger, struct model_config *out,
                                rf_error *err);
void rf__model_config_release(struct model_config *config); /* fine on a zeroed one */

struct pipeline_options {
    uint32_t threads;    /* at least 1 */
    uint32_t max_tokens; /* 0: the model's own limit */
    uint32_t dimensions; /* 0: what the model declares, else all */
    rf_pooling pooling;
    rf_l2 l2;
    rf_truncate truncate;
    rf_long_text long_text;
    const char *const *prompts; /* as in rf_model_options */
    struct logger logger;
};

/* What a pipeline applies; strings belong to it. */
struct pipeline_info {
    uint32_t dim, vocab_size, threads;
    uint32_t max_tokens; /* 0: no limit */
    uint32_t full_dim;   /* before it is cut to dim */
    rf_pooling pooling;  /* RF_POOLING_SEVERAL when vectors of several modes are joined */
    bool pooled_by_graph, l2;
    rf_long_text long_text;
    const char *modules; /* "Transformer, Pooling(mean), Normalize" */
    const char *assumed; /* one sentence, or "" */
};

struct static_table; /* the rows of a static encoder; immutable */

/* Opens the weights of a static encoder, which stay memory-mapped; config->folder is where its tokenizer.json lies. */
rf_status rf__static_open(const struct model_config *config, const char *weights_file, struct static_table **out,
                          rf_error *err);
void rf__static_free(struct static_table *table);                   /* NULL is fine */
const char *rf__static_precision(const struct static_table *table); /* of its rows: "fp32", "fp16" … */

struct pipeline; /* immutable */

/* Joins them and checks that they fit: a first run gives the dimension and shows whether the highest id of the
 * tokenizer is in the model's vocabulary. Where it is not, a warning says so, and texts with such an id are refused.
 * What computes is either the engine or the table; the other is NULL. Takes the tokenizer and both over, also when it
 * fails. */
rf_status rf__pipeline_open(const struct model_config *config, struct rf_tokenizer *tokenizer, struct engine *engine,
                            struct static_table *table, const struct pipeline_options *options, struct pipeline **out,
                            rf_error *err);
void rf__pipeline_free(struct pipeline *pipeline); /* NULL is fine */

const struct pipeline_info *rf__pipeline_info(const struct pipeline *pipeline);
const struct rf_tokenizer *rf__pipeline_tokenizer(const struct pipeline *pipeline);
const struct engine_info *rf__pipeline_engine(const struct pipeline *pipeline); /* NULL: a table computes */
const struct prompts *rf__pipeline_prompts(const struct pipeline *pipeline);

/* The prompt that a call with these options uses, "" for none, and the task, 0 where the model has none. A call that
 * names neither is warned once where the model has some. */
rf_status rf__pipeline_prompt(const struct pipeline *pipeline, const rf_embed_options *options, const char **out,
                              uint32_t *task, rf_error *err);

/* See rf_embed(); `out` is [n, dim]. */
rf_status rf__pipeline_embed(const struct pipeline *pipeline, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err);

/* See rf_model_get_stats(): what the pipeline knows of it. */
void rf__pipeline_stats(const struct pipeline *pipeline, rf_model_stats *out);
rf_status rf__pipeline_trim(const struct pipeline *pipeline, rf_error *err);
rf_status rf__pipeline_warm_up(const struct pipeline *pipeline, rf_error *err); /* see rf_model_warm_up() */

/* "mean", "cls" … as the program's --pooling has it. */
const char *rf__pooling_name(rf_pooling pooling);

/* ---- Vectors in fewer bits, as sentence-transformers' quantize_embeddings; see rf_quantize() --------------------- */

size_t rf__output_row_size(rf_output_type type, size_t dim); /* bytes of a vector */
bool rf__output_needs_ranges(rf_output_type type);

/* Arguments are checked. vectors: [n, dim]; ranges: [2, dim], or NULL where none are needed; out: n rows. */
void rf__quantize(const float *vectors, size_t n, size_t dim, rf_output_type type, const float *ranges, uint8_t *out);

/* Widens ranges, [2, dim], so that they hold the vectors; with `first` they are set. */
void rf__calibrate(const float *vectors, size_t n, size_t dim, bool first, float *ranges);

#endif
