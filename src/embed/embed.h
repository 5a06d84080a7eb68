/*
 * embed: text -> vectors. A pipeline joins a tokenizer and an engine with what the model declares:
 *
 *     texts ─ tokenizer ─ encodings ─ batcher ─ batches of one length ─ engine ─ pooling ─ l2 ─ vectors
 *
 * This is the only header that other folders include.
 */
#ifndef RF_EMBED_EMBED_H
#define RF_EMBED_EMBED_H

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "tokenizer/tokenizer.h"

/* What the files of a model directory declare; 0, false and "" where they say nothing. */
struct model_config {
    char *architecture;     /* model_type of config.json */
    uint32_t hidden_size;   /* config.json */
    uint32_t vocab_size;    /* config.json */
    uint32_t max_positions; /* config.json: tokens that the model has positions for; RoBERTa's offset taken off */
    uint32_t
        max_tokens;     /* the limit of a text: sentence_bert_config.json, else tokenizer_config.json, else positions */
    bool lower_case;    /* sentence_bert_config.json's do_lower_case */
    bool has_modules;   /* there is a modules.json; the three below are from it */
    rf_pooling pooling; /* RF_POOLING_DEFAULT: there is no Pooling module */
    char *unsupported_pooling; /* what 1_Pooling/config.json asks for where that is none of rf_pooling, or "" */
    bool l2;                   /* there is a Normalize module */
    char *prompts;             /* names of the prompts in config_sentence_transformers.json, or "" */
};

/* Reads config.json, modules.json and what it names, sentence_bert_config.json, tokenizer_config.json and
 * config_sentence_transformers.json: none has to exist. RF_BAD_FORMAT for a damaged one, RF_UNSUPPORTED for a module
 * that is not known, by name. */
rf_status rf__model_config_read(const char *directory, struct model_config *out, rf_error *err);
void rf__model_config_release(struct model_config *config); /* fine on a zeroed one */

struct pipeline_options {
    uint32_t threads;    /* at least 1 */
    uint32_t max_tokens; /* 0: the model's own limit */
    rf_pooling pooling;
    rf_l2 l2;
    rf_truncate truncate;
    struct logger logger;
};

/* What a pipeline applies; strings belong to it. */
struct pipeline_info {
    uint32_t dim, max_tokens, vocab_size, threads;
    rf_pooling pooling;
    bool pooled_by_graph, l2;
    const char *modules; /* "Transformer, Pooling(mean), Normalize" */
    const char *assumed; /* one sentence, or "" */
};

struct pipeline; /* immutable */

/* Joins them and checks that they fit: a first run gives the dimension and shows whether the highest id of the
 * tokenizer is in the model's vocabulary. Takes the tokenizer and the engine over, also when it fails. */
rf_status rf__pipeline_open(const struct model_config *config, struct rf_tokenizer *tokenizer, struct engine *engine,
                            const struct pipeline_options *options, struct pipeline **out, rf_error *err);
void rf__pipeline_free(struct pipeline *pipeline); /* NULL is fine */

const struct pipeline_info *rf__pipeline_info(const struct pipeline *pipeline);
const struct rf_tokenizer *rf__pipeline_tokenizer(const struct pipeline *pipeline);

/* See rf_embed(); `out` is [n, dim]. */
rf_status rf__pipeline_embed(const struct pipeline *pipeline, const rf_text *texts, size_t n,
                             const rf_embed_options *options, float *out, rf_error *err);

/* "mean", "cls", "max", "last". */
const char *rf__pooling_name(rf_pooling pooling);

#endif
