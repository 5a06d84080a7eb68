/*
 * engine: ids -> tensors. An engine is a table of functions, so that a test can put a fake in the place of ONNX
 * Runtime. This is the only header that other folders include; session.c is the only file that includes
 * onnxruntime_c_api.h.
 */
#ifndef RF_ENGINE_ENGINE_H
#define RF_ENGINE_ENGINE_H

#include "base/error.h"
#include "base/log.h"

/* Texts of one length: there is no padding, so every mask is all ones. Or, for engines that pack, texts of any lengths
 * behind each other: `begins` is set, n_tokens that of all texts, and the shapes below read [n_tokens]. */
struct engine_batch {
    const uint32_t *ids;      /* [n_texts, n_tokens] */
    const uint32_t *type_ids; /* [n_texts, n_tokens], or NULL: all 0 */
    const uint32_t *begins;   /* NULL, or [n_texts + 1]: text i is tokens [begins[i], begins[i + 1]), at least one */
    size_t n_texts, n_tokens; /* both at least 1 */
    uint32_t threads;         /* that may share this run, where the engine packs; 0: the calling one alone */
    uint32_t task;            /* where the engine has tasks: which of them the vectors are for */
};

/* What a run gives, as float whatever the graph's type; belongs to `owner` until rf__engine_output_release(). */
struct engine_output {
    const float *data; /* rank 3: [n_texts, n_tokens, dim], packed [n_tokens, dim]; rank 2: [n_texts, dim] */
    uint32_t rank;     /* 2: the graph pools by itself */
    size_t n_texts, n_tokens, dim;
    void *owner;
    void (*release)(void *owner);
};

struct engine_info {
    const char *path;      /* of the ONNX file, for messages */
    const char *inputs;    /* names of the inputs, "input_ids, attention_mask" */
    const char *output;    /* name of the output that is read */
    const char *precision; /* of the linear layers: "fp32", "fp16", "int16", "int8", "q4" …; "": not known */
    const char *kernels;   /* ours that compute, such as "avx512"; "" where ONNX Runtime's do */
    uint32_t rank;         /* of the output: 2 or 3 */
    uint32_t dim;          /* 0 while the graph leaves it open */
    bool has_mask, has_type_ids;
    bool has_tasks;        /* computes by engine_batch.task too, as jina-embeddings-v3 does */
    bool mixes_texts;      /* a text's vectors depend on its company in a batch: give it one at a time */
    bool packs;            /* takes texts of different lengths in one batch */
    uint64_t file_size;    /* bytes, external data included where it is known */
    uint64_t n_parameters; /* numbers in its weights; 0: not known */
};

struct engine;
struct engine_ops {
    /* Fills *out. May be called from several threads at once. On failure nothing has to be released. */
    rf_status (*run)(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                     rf_error *err);
    void (*free)(struct engine *engine);
    /* Gives back memory that runs left behind; no run is under way. NULL: there is none. */
    rf_status (*trim)(const struct engine *engine, rf_error *err);
};

/* The beginning of every engine. */
struct engine {
    const struct engine_ops *ops;
    struct engine_info info;
};

struct engine_options {
    const char *const *session_options; /* NULL, or "name=value" …, NULL: see rf_model_options */
    uint32_t threads;                   /* of one run; 1 runs in the calling thread */
    struct logger logger;
    struct statistics *statistics; /* NULL, or where our kernels note what linear layers read: one run at a time */
};

/* Opens an ONNX file, its external data beside it: inputs bound by name, output recognised, types checked.
 * RF_UNSUPPORTED where the graph is no embedding model, RF_INVALID_ARGUMENT for a wrong session option, RF_BAD_FORMAT
 * for a damaged file, RF_ENGINE for what else ONNX Runtime says. */
rf_status rf__engine_open_file(const char *path, const struct engine_options *options, struct engine **out,
                               rf_error *err);
/* The same from bytes, which are not needed after the call. `path` is for messages and for finding external data. */
rf_status rf__engine_open_bytes(const void *data, size_t len, const char *path, const struct engine_options *options,
                                struct engine **out, rf_error *err);

rf_status rf__engine_run(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                         rf_error *err);
rf_status rf__engine_trim(const struct engine *engine, rf_error *err);
void rf__engine_output_release(struct engine_output *output); /* fine on a zeroed one */
void rf__engine_free(struct engine *engine);                  /* NULL is fine */

/* The precision of an ONNX file, as engine_info has it, read from the file without opening it. */
const char *rf__engine_precision_of(const char *path);

/* What the linear layers of a model read, for weights that are fitted to it (pack/fit.h). */
struct fit_inputs;
struct statistics *rf__statistics_new(void); /* NULL without memory */
void rf__statistics_free(struct statistics *statistics);
/* After the last run: one item for each layer, in the order in which a run comes to them; they belong to `statistics`.
 * RF_NO_MEMORY also where a run could not keep what it saw. */
rf_status rf__statistics_finish(struct statistics *statistics, const struct fit_inputs **out, size_t *n, rf_error *err);

const char *rf__engine_runtime_version(void); /* of ONNX Runtime */

/* Our own kernels for this processor: "avx512", "avx2", "neon", or "plain", which are slower than ONNX Runtime's. The
 * environment variable RF_CPU names a lesser kind instead, or "onnxruntime": "" here, none of ours. */
const char *rf__engine_kernels(void);
/* Why these: what of the processor, or RF_CPU. */
const char *rf__engine_kernels_why(void);

#endif
