/*
 * rag_factory: text -> embedding vectors, on a CPU, on ONNX Runtime.
 *
 * The simple use:
 *
 *     rf_model *model = NULL;
 *     rf_error err;
 *     if (rf_model_open("sentence-transformers/all-MiniLM-L6-v2", NULL, &model, &err) != RF_OK)
 *         return fprintf(stderr, "%s\n", err.message), 1;
 *
 *     float vector[384];
 *     rf_text text = {"hello world", 11};
 *     if (rf_embed_query(model, text, vector, 384, &err) != RF_OK)
 *         return fprintf(stderr, "%s\n", err.message), 1;
 *     rf_model_free(model);
 *
 * What holds everywhere:
 *  - Errors: a function that can fail returns an rf_status and, where it is not RF_OK, fills the caller's rf_error
 *    (which may be NULL). On success the rf_error is left as it was. After a failure no output was produced and
 *    nothing has to be freed, unless a function says otherwise.
 *  - Ownership: what arrives through `T **out` is the caller's, until rf_T_free(), which accepts NULL. A returned
 *    const pointer belongs to the object it came from and lives as long. Inputs are not kept after the call.
 *  - Threads: a `const T *` argument means that the call may be made from several threads at once on the same
 *    object. Everything else: one thread at a time.
 *  - Options: zero means the default. Call rf_*_options_init() first, so that programs built against an older or a
 *    newer header keep working. A NULL options pointer means all defaults.
 *  - Callbacks: `user` comes first. They may arrive on any thread, one at a time, and must not call back into the
 *    object that they came from.
 *  - The library never prints and never exits.
 */
#ifndef RAG_FACTORY_H
#define RAG_FACTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RF_VERSION_MAJOR 0
#define RF_VERSION_MINOR 1
#define RF_VERSION_PATCH 0
#define RF_VERSION       "0.1.0"

#if defined(_WIN32) && defined(RF_BUILD)
#define RF_API __declspec(dllexport)
#elif defined(_WIN32) && !defined(RF_STATIC)
#define RF_API __declspec(dllimport)
#elif defined(__GNUC__) && !defined(_WIN32)
#define RF_API __attribute__((visibility("default")))
#else
#define RF_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define RF_MUST_USE __attribute__((warn_unused_result))
#else
#define RF_MUST_USE
#endif

/* ---- Status and errors ------------------------------------------------------------------------------------- */

/* Only what a caller would branch on. The values are ABI: append, never renumber. */
typedef enum rf_status {
    RF_OK = 0,
    RF_INVALID_ARGUMENT, /* the call itself is wrong */
    RF_NO_MEMORY,
    RF_IO,          /* a file or folder cannot be read or written */
    RF_NOT_FOUND,   /* no such model, revision or file */
    RF_BAD_FORMAT,  /* a file is damaged or not what it should be */
    RF_UNSUPPORTED, /* well formed, but nothing this version can do */
    RF_NETWORK,     /* the hub or a server cannot be reached, or answered with an error */
    RF_ENGINE,      /* ONNX Runtime failed */
    RF_CANCELLED,   /* a progress callback returned false */
    RF_TRUNCATED    /* a text is longer than the limit, and RF_TRUNCATE_ERROR was asked for, or the one text of a pair
                       that may be cut is too short for it */
} rf_status;

/* Lives in the caller; there is nothing to free. */
typedef struct rf_error {
    rf_status status;
    char message[508]; /* one line of UTF-8, always terminated; names the thing and the remedy */
} rf_error;

/* The name of a status, such as "not found". Never NULL. */
RF_API const char *rf_status_name(rf_status status);

/* The version of the library that runs, such as "0.1.0"; RF_VERSION is that of the header. */
RF_API const char *rf_version(void);

/* The version of the ONNX Runtime that runs, such as "1.32.0". */
RF_API const char *rf_onnxruntime_version(void);

/* ---- Callbacks --------------------------------------------------------------------------------------------- */

typedef enum rf_log_level { RF_LOG_DEBUG = 0, RF_LOG_INFO, RF_LOG_WARNING, RF_LOG_ERROR } rf_log_level;

/* `message` is one line of UTF-8 without a newline, valid during the call. While files are downloaded it may come from
 * threads of the library's own, one at a time. */
typedef void (*rf_log_fn)(void *user, rf_log_level level, const char *message);

/* What `done` and `total` count is said where the callback is set. `total` is 0 while it is not known. Returning
 * false cancels the work: it stops soon, with RF_CANCELLED, and leaves nothing half-done. */
typedef bool (*rf_progress_fn)(void *user, uint64_t done, uint64_t total);

/* A part of the work begins, such as "Downloading"; what progress counts begins anew. */
typedef void (*rf_part_fn)(void *user, const char *part);

/* ---- Text -------------------------------------------------------------------------------------------------- */

/* Text in UTF-8; NUL bytes are part of it. What is not valid UTF-8 is read as U+FFFD, one for each maximal part of an
 * ill-formed sequence, as Python's bytes.decode(errors="replace") does. `data` may be NULL when `len` is 0. */
typedef struct rf_text {
    const char *data;
    size_t len; /* bytes */
} rf_text;

/* ---- Model ------------------------------------------------------------------------------------------------- */

/* How one vector is made out of the token vectors of a text. */
typedef enum rf_pooling {
    RF_POOLING_DEFAULT = 0, /* what the model declares; mean where it declares nothing */
    RF_POOLING_MEAN,
    RF_POOLING_CLS, /* the first token */
    RF_POOLING_MAX,
    RF_POOLING_LAST,          /* the last token */
    RF_POOLING_MEAN_SQRT_LEN, /* the sum divided by the square root of the number of tokens */
    RF_POOLING_WEIGHTED_MEAN, /* the mean in which token n of a text counts n times */
    RF_POOLING_SEVERAL        /* in rf_model_info alone: vectors of several modes are joined, as `modules` says */
} rf_pooling;

/* Whether vectors are scaled to length 1. */
typedef enum rf_l2 {
    RF_L2_DEFAULT = 0, /* what the model declares; yes where it declares nothing */
    RF_L2_ON,
    RF_L2_OFF
} rf_l2;

/* What happens to a text with more tokens than the limit. */
typedef enum rf_truncate {
    RF_TRUNCATE_RIGHT = 0, /* its end is cut off, as the reference does */
    RF_TRUNCATE_LEFT,      /* its beginning is cut off */
    RF_TRUNCATE_ERROR      /* the call fails with RF_TRUNCATED, naming the text */
} rf_truncate;

/* How a text with more tokens than the limit is embedded. */
typedef enum rf_long_text {
    RF_LONG_TEXT_CUT = 0, /* cut, as rf_truncate says */
    RF_LONG_TEXT_MEAN /* nothing is cut: its tokens are embedded in windows of the limit, each with special tokens and
                         prompt; the vector is the mean of the windows' vectors, weighted by their tokens of the text,
                         then scaled to length 1 where the model's are. Static embeddings, a mean of tokens anyway, read
                         the whole text. No reference does this: compare such vectors with such vectors. */
} rf_long_text;

/* The arithmetic of the model's linear layers, which take most of the time. */
typedef enum rf_precision {
    RF_PRECISION_AUTO = 0, /* the fastest that keeps a cosine of 0.99999 with the reference on this machine */
    RF_PRECISION_FP32,
    RF_PRECISION_INT16,        /* numerically like fp32: integers of 13 bits with a scale for each group of 128 */
    RF_PRECISION_INT8,         /* near-lossless: a cosine of 0.999 or more, 0.9997 on average. Weights are fitted to the
                                  model when it is first opened so, which takes seconds to minutes */
    RF_PRECISION_FILE,         /* that of the model's ONNX file, which ONNX Runtime runs as it is */
    RF_PRECISION_REFERENCE = 8 /* fp32 straight from the weights, in plain C without ONNX Runtime: slow, and there to
                                  check the others against; see rf_validate() */
} rf_precision;

typedef struct rf_model_options {
    size_t size;      /* set by rf_model_options_init() */
    uint32_t threads; /* 0: one for each processor that this process may use (affinity, cgroup quota). Those that share
                         single texts sleep between calls. */
    uint32_t max_tokens; /* limit of a text in tokens, special tokens included. 0: the model's own. Never above it. */
    rf_pooling pooling;
    rf_l2 l2;
    rf_truncate truncate;
    bool offline;          /* open no socket; also on with HF_HUB_OFFLINE=1 */
    const char *cache_dir; /* where models are downloaded to. NULL: HF_HUB_CACHE, HF_HOME, else
                              ~/.cache/rag_factory/onnx_models */
    const char *revision;  /* branch, tag or commit on the hub. NULL: "main", or what follows '@' in the source */
    const char *onnx_file; /* which ONNX file of the model directory. NULL: the weights where this library's kernels
                              run and know them (see rf_precision), else onnx/model.onnx, else model.onnx */
    const char *const *session_options; /* NULL, or "name=value" strings ended by NULL, handed to ONNX Runtime:
                                           intra_op_num_threads, inter_op_num_threads, enable_cpu_mem_arena,
                                           enable_mem_pattern, execution_mode, graph_optimization_level, providers,
                                           or any of its session configuration keys ("session.…") */
    rf_log_fn log;                      /* NULL: silent. Called during rf_model_open() and later calls on the model. */
    void *log_user;
    rf_progress_fn progress; /* NULL: none. Bytes downloaded, during rf_model_open() alone, on its thread; 0 of 0 while
                                a server is asked. */
    void *progress_user;
    uint32_t dimensions; /* only the first so many numbers of a vector, scaled again where the vectors are: for models
                            trained so (Matryoshka). 0: what the model declares, else all. RF_INVALID_ARGUMENT above. */
    rf_precision precision; /* RF_UNSUPPORTED where the model cannot be had in it. An ONNX file runs as it is, unless
                               this library made it of weights. */
    const char *fallback;   /* NULL, or the source of a model that is opened where this one cannot be, with a warning
                               that names both and the reason: rf_model_info tells which it was. The options revision,
                               onnx_file, max_tokens, pooling, dimensions, precision and prompts are not for it. */
    rf_long_text long_text;
    const char *const *prompts; /* NULL, or "name=text" strings ended by NULL: prompts that the model has besides its
                                   own, or in their place; "query" and "document" are those of the roles */

    /* Models that a server computes ("openai:MODEL", "cohere:MODEL"): the rest is for them alone, and of the above
     * truncate, max_tokens, l2, dimensions, offline, log and fallback apply; what else is set is RF_UNSUPPORTED, but
     * for cache_dir and threads. */
    const char *api_key;      /* NULL: OPENAI_API_KEY; CO_API_KEY, COHERE_API_KEY. Never logged nor in a message. */
    const char *base_url;     /* NULL: OPENAI_BASE_URL; CO_API_URL; else the provider's own */
    const char *organization; /* NULL: OPENAI_ORG_ID. A header of OpenAI's, as the next */
    const char *project;      /* NULL: OPENAI_PROJECT_ID */
    const char *api_user;     /* NULL, or for whom the texts are embedded; OpenAI's `user` */
    const char *count_with;   /* NULL, or the path of a tokenizer, such as cl100k_base.tiktoken, to count tokens with:
                                 texts   over the limit can then be cut; else rf_estimate_tokens() fills requests */
    uint32_t timeout_s;       /* longest time for a request. 0: 120 */
    uint32_t max_retries;     /* of a request that failed for a reason that may pass. 0: 5; RF_NO_RETRIES: none */
    uint32_t max_requests;    /* at once. 0: 4 */
    uint32_t max_batch;       /* texts in a request, never more than the provider takes. 0: as many as that; but where a
                                 call has more than 256 for each of the requests at once, they share them */

    /* Vectors that are kept, of models of any kind. */
    const char *vector_cache; /* NULL, or the file that vectors are kept in, to be found again by any process: made,
                                 with its folder, where it is not there. See rf_vector_cache_stats(). */
    uint32_t
        vector_cache_mb; /* the most that this file takes, in MiB: vectors that were used least make room. 0: 1024 */
    uint32_t vector_memory_mb; /* the most that vectors kept in memory take, likewise. 0: 32 with vector_cache, none
                                  without */
    bool vector_cache_fp16;    /* vectors are kept in half the bytes, each number rounded to fp16, and given so as well
                                  when they are computed: a text has one vector */
} rf_model_options;

#define RF_NO_RETRIES UINT32_MAX

/* Sets every option to its default. `size` is sizeof(rf_model_options). */
RF_API void rf_model_options_init(rf_model_options *options, size_t size);

typedef struct rf_model rf_model; /* immutable once open */

/* Opens a model. `source` is
 *   - a model directory: an ONNX file, or model.safetensors with config.json; a tokenizer; configuration,
 *   - an .onnx file, its tokenizer and configuration beside it or one folder above,
 *   - or `org/name[@revision]` on the hub: used from the cache when it is there, downloaded when it is not,
 *   - or `openai:MODEL`, `cohere:MODEL`: a server computes, at OpenAI or wherever base_url says. Where the length of a
 *     vector is neither known nor given by `dimensions`, one word is embedded to learn it. A build without network has
 *     no such models.
 * A path that exists wins over a name on the hub. Weights without an ONNX file are turned into one the first time and
 * kept in the cache.
 *
 * RF_NOT_FOUND, RF_NETWORK: the source cannot be had. RF_BAD_FORMAT, RF_UNSUPPORTED: a file of it cannot be used; the
 * message names the file and the part. RF_ENGINE: ONNX Runtime refuses the model. */
RF_API RF_MUST_USE rf_status rf_model_open(const char *source, const rf_model_options *options, rf_model **out,
                                           rf_error *err);
RF_API void rf_model_free(rf_model *model);

/* Length of a vector. */
RF_API size_t rf_model_dim(const rf_model *model);

/* What exactly is applied. Strings belong to the model and are never NULL; an empty one means "not known". */
typedef struct rf_model_info {
    size_t size;              /* set by the caller to sizeof(rf_model_info) before rf_model_get_info() */
    const char *source;       /* as given to rf_model_open() */
    const char *directory;    /* the model directory */
    const char *onnx_file;    /* the ONNX file that runs; "" for static embeddings, which need none */
    const char *weights_file; /* the file that onnx_file was made of by this library, or that vectors are looked up
                                 in; else "" */
    const char *revision;     /* the commit on the hub, or "" for a local directory */
    const char *architecture; /* model_type of config.json, such as "bert"; "StaticEmbedding", "model2vec" */
    const char *precision;    /* of the ONNX file's linear layers, as its weights and operators tell: "fp32", "fp16",
                                 "int16", "int8", "q4" … */
    const char *modules;      /* what is run, in order, such as "Transformer, Pooling(mean), Normalize" */
    const char *assumed;      /* what the model did not declare and was assumed, one sentence, or "" */
    const char *license;      /* as its model card says, or "" */
    rf_pooling pooling;       /* never RF_POOLING_DEFAULT; meaningless when pooled_by_graph */
    bool pooled_by_graph;     /* the ONNX file gives one vector a text; there is no pooling to do */
    bool l2;
    uint32_t dim;
    uint32_t max_tokens; /* limit of a text in tokens, special tokens included; 0: none (static embeddings) */
    uint32_t vocab_size; /* of the tokenizer */
    uint32_t threads;
    uint64_t file_size;         /* bytes of onnx_file and its external data, or of the file of static embeddings */
    const char *prompts;        /* names of the model's prompts, separated by ", "; see rf_model_prompt() */
    const char *default_prompt; /* the name of the one that RF_ROLE_NONE uses, or "" */
    uint32_t full_dim;          /* length of a vector before the option dimensions, or the model itself, cuts it */
    const char *kernels; /* what computes: "ONNX Runtime"; this library's own kernels in it: "avx512", "avx2" …; "" */
    const char *precision_why; /* why this precision: "asked for" … */
    const char *replaces;      /* the source that could not be opened, so that the option fallback stands in; else "" */
    rf_long_text long_text;
    uint64_t n_parameters;  /* numbers in the weights file, else in the ONNX file's weights; 0: not known */
    const char *similarity; /* how its vectors are compared: "cosine", "dot", "euclidean", "manhattan", as
                               config_sentence_transformers.json has it; "cosine" where it says nothing */
    const char *provider; /* who computes: "local"; "openai", "cohere": a server, `kernels` is its URL, and what is not
                             known of its model is empty or 0 */
} rf_model_info;

/* Fills as much of `*info` as `info->size` says. */
RF_API void rf_model_get_info(const rf_model *model, rf_model_info *info);

/* An ONNX file of a model directory, or of the repository that it is a part of. */
typedef struct rf_variant {
    const char *path;      /* in the model directory; what the option onnx_file takes */
    const char *precision; /* "fp32", "fp16", "int8", "q4" …, as the file tells, else its name */
    const char *made_for; /* the instructions that its name asks for: "AVX2", "AVX-512", "VNNI", "arm64"; "" for none */
    uint64_t bytes;       /* with its external data; 0: not known */
    bool fits;            /* this machine has those instructions; others run it too, but slower or less exactly */
    bool is_here;         /* it is on this machine; else the option onnx_file brings it */
    bool proposed; /* of the files that are made for some processor's instructions, the one for this machine: fewer
                      bits, so that its vectors are others. Never chosen unless it is named. */
} rf_variant;

/* `variant` is valid during the call. Returning false ends the listing. */
typedef bool (*rf_variant_fn)(void *user, const rf_variant *variant);

/* Calls `fn` for each ONNX file that could be chosen in the place of the model's. */
RF_API RF_MUST_USE rf_status rf_model_variants(const rf_model *model, rf_variant_fn fn, void *user, rf_error *err);

/* What a model did since it was opened, and what this process holds. Times are those of a call, not added up over its
 * threads. */
typedef struct rf_model_stats {
    size_t size; /* set by the caller to sizeof(rf_model_stats) before rf_model_get_stats() */
    uint64_t calls, texts, tokens, truncated;
    uint64_t tokenize_ns;             /* static embeddings: all of it */
    uint64_t compute_ns;              /* ONNX Runtime, pooling, modules */
    uint64_t open_ns;                 /* rf_model_open() */
    uint64_t memory_now, memory_peak; /* resident bytes of the whole process; 0: not known */
    uint64_t long_texts,
        windows;                /* texts that were embedded in several windows (RF_LONG_TEXT_MEAN), and these windows */
    uint64_t requests, retries; /* that were sent to a server, and those of them that were made again; `tokens` is then
                                   what the server counted */
    /* Memory by part. The first three are measured: by how much the process grew meanwhile, which is exact only where
     * it did nothing else. */
    uint64_t memory_tokenizer; /* while the tokenizer was opened */
    uint64_t memory_engine;    /* while what computes was opened; weights in a mapped file come as they are read */
    uint64_t memory_calls; /* since the model was open: pages of weights, ONNX Runtime's arena, what threads keep for
                              the next call, the tokenizer's cache of words, kept vectors */
    uint64_t memory_files; /* of memory_now: pages of files - weights, libraries - that the system may drop and that
                              processes share; 0: not known */
    uint64_t memory_limit; /* of the container, else the machine's memory; 0: not known */
    uint64_t repeated;     /* texts that an earlier one of their call has the vector of */
    uint64_t cache_hits,
        cache_memory_hits;  /* texts whose vector was kept (option vector_cache), and of these in memory */
    uint64_t cache_misses;  /* texts that were computed and are kept now */
    uint64_t cache_damaged; /* vectors in the file that were not whole, dropped and computed anew */
    uint64_t cache_bytes, cache_memory_bytes; /* of the file, and of what is kept in memory, now */
} rf_model_stats;

/* Fills as much of `*stats` as `stats->size` says. Calls that are under way are counted when they end. `calls` and
 * `texts` are those of the callers, the rest is of what was computed: not for texts that are repeated in a call or
 * whose vectors were kept. */
RF_API void rf_model_get_stats(const rf_model *model, rf_model_stats *stats);

/* Makes the first call as fast as the later ones: reads the model's file into memory and runs, on each thread, a short
 * text and one as long as the limit, 512 tokens at most. Takes about as long as embedding these; texts that the model
 * was given are not counted in rf_model_stats. */
RF_API RF_MUST_USE rf_status rf_model_warm_up(const rf_model *model, rf_error *err);

/* Gives memory that earlier calls needed back to the system, as far as that is possible: for a process that waits long
 * for the next text. The next call is a little slower. No other call on the model may be under way. */
RF_API RF_MUST_USE rf_status rf_model_trim(rf_model *model, rf_error *err);

/* The text of one of the model's prompts; NULL where it has none of that name. Belongs to the model. */
RF_API const char *rf_model_prompt(const rf_model *model, const char *name);

/* ---- Embedding --------------------------------------------------------------------------------------------- */

/* Vectors of documents, with the model's prompt for them (RF_ROLE_DOCUMENT), in the order of the texts. `out` is [n,
 * rf_model_dim()] row by row; `out_len` is its length in floats and must be at least n * rf_model_dim(). n may be 0. A
 * text's vector depends on that text alone: not on the others of the call, their order, or the number of threads. An
 * empty text has a vector too. */
RF_API RF_MUST_USE rf_status rf_embed_documents(const rf_model *model, const rf_text *texts, size_t n, float *out,
                                                size_t out_len, rf_error *err);

/* The vector of one query, with the model's prompt for them (RF_ROLE_QUERY): `out` is [rf_model_dim()]. */
RF_API RF_MUST_USE rf_status rf_embed_query(const rf_model *model, rf_text text, float *out, size_t out_len,
                                            rf_error *err);

/* What the texts are: which of the model's prompts is put in front of them. */
typedef enum rf_role {
    RF_ROLE_NONE = 0, /* the prompt that the model names as its default, most often none */
    RF_ROLE_QUERY,    /* the prompt "query"; none where the model has none of that name. "retrieval.query", with the
                         task that it is, where the model has tasks (jina-embeddings-v3) */
    RF_ROLE_DOCUMENT  /* the prompt "document", or "retrieval.passage", likewise */
} rf_role;

/* What one call did. */
typedef struct rf_call_stats {
    size_t size;    /* set by the caller to sizeof(rf_call_stats) */
    uint64_t texts; /* of the caller; the rest is of what was computed, as in rf_model_stats */
    uint64_t tokens, truncated;
    uint64_t windows;                 /* that texts were embedded in: as many as texts, but for RF_LONG_TEXT_MEAN */
    uint64_t tokenize_ns, compute_ns; /* as in rf_model_stats */
    uint64_t total_ns;
    uint64_t found; /* different texts whose vectors were kept, and not computed */
} rf_call_stats;

typedef struct rf_embed_options {
    size_t size;             /* set by rf_embed_options_init() */
    rf_progress_fn progress; /* NULL: none. Counts texts. */
    void *progress_user;
    uint32_t *n_tokens; /* NULL, or [n]: receives the number of tokens that the model read of each text; an estimate
                           where a server computes and nothing is there to count with */
    bool *truncated;    /* NULL, or [n]: receives whether each text was cut at the limit. When NULL, a warning is logged
                           with the number of texts that were. */
    rf_role role;
    const char *prompt_name; /* NULL, or one of the model's prompts, in place of the role's */
    const char *prompt;      /* NULL, or the prompt itself ("": none), in place of the role's */
    uint32_t *n_windows; /* NULL, or [n]: receives the number of windows that each text was embedded in: 1, unless it is
                            long and RF_LONG_TEXT_MEAN was asked for. When NULL, their number is logged. */
    bool *done; /* NULL, or [n]: receives whether `out` has the vector of each text, also after a failure. Where a
                   server computes, texts that are true already are not asked for again: a call that failed is made
                   again with the same `out` and pays for what is missing alone. */
    rf_call_stats *stats; /* NULL, or receives what this call did, as much as its size says */
} rf_embed_options;

RF_API void rf_embed_options_init(rf_embed_options *options, size_t size);

/* As rf_embed_documents(), with options; the role is what they say, RF_ROLE_NONE with NULL. Where the model has prompts
 * and a call uses none, the first such call logs a warning. After a failure the contents of `out` and of the arrays in
 * `options` are undefined, but for `done` and the vectors that it names. */
RF_API RF_MUST_USE rf_status rf_embed(const rf_model *model, const rf_text *texts, size_t n,
                                      const rf_embed_options *options, float *out, size_t out_len, rf_error *err);

#define RF_FINGERPRINT 65

/* Writes 64 hexadecimal digits and a NUL: a hash of all that decides the model's vectors, whatever the text - its
 * files, its settings, what computes, the prompt that `how` asks for (NULL: as in rf_embed()). `options` are those that
 * it was opened with. Where two are the same, a text has the same vector, bit for bit; for who keeps vectors, to know
 * whether those computed later go with them. What a server computes is known by the names of server and model alone.
 * Reads the model's files. */
RF_API RF_MUST_USE rf_status rf_model_fingerprint(const rf_model *model, const rf_model_options *options,
                                                  const rf_embed_options *how, char out[RF_FINGERPRINT], rf_error *err);

/* ---- Vectors in fewer bits ---------------------------------------------------------------------------------- */

/* What a number of a vector is stored as: the same bytes as sentence-transformers' quantize_embeddings gives. Bytes are
 * little-endian on every machine. */
typedef enum rf_output_type {
    RF_OUTPUT_FP32 = 0,
    RF_OUTPUT_FP16,   /* rounded to the nearest */
    RF_OUTPUT_INT8,   /* the range of each dimension in 256 steps, -128 to 127 */
    RF_OUTPUT_UINT8,  /* the same from 0 to 255 */
    RF_OUTPUT_BINARY, /* a bit: above 0 or not; the bytes less 128, as signed ones */
    RF_OUTPUT_UBINARY /* a bit, the first dimension in the highest bit of the first byte */
} rf_output_type;

/* Bytes of one vector: with bits the last byte is filled up. 0 for a type that is none. */
RF_API size_t rf_output_row_size(rf_output_type type, size_t dim);

/* vectors: [n, dim]. `out` receives n rows; `out_len` is its length in bytes. int8 and uint8 need ranges, [2, dim]: the
 * least and the greatest number of each dimension; they are part of the index that the vectors go to, so that they are
 * never taken from the vectors of one call. What lies outside becomes the nearest end. NULL for the other types. */
RF_API RF_MUST_USE rf_status rf_quantize(const float *vectors, size_t n, size_t dim, rf_output_type type,
                                         const float *ranges, void *out, size_t out_len, rf_error *err);

/* Ranges, [2, dim], from representative vectors, [n, dim]: set when `first`, widened in later calls. */
RF_API RF_MUST_USE rf_status rf_calibrate(const float *vectors, size_t n, size_t dim, bool first, float *ranges,
                                          rf_error *err);

/* ---- Tokenizer --------------------------------------------------------------------------------------------- */

typedef struct rf_tokenizer rf_tokenizer; /* immutable once open */

/* Opens the tokenizer of a model directory, or one of a tokenizer's files: a tokenizer.json alone, a vocab.txt, a
 * vocab.json, a model of sentencepiece with what lies beside them, a .tiktoken file of ranks. The truncation and
 * padding that a tokenizer.json may have stored do not apply: a limit is asked for by each call. */
RF_API RF_MUST_USE rf_status rf_tokenizer_open(const char *path, rf_tokenizer **out, rf_error *err);
/* The same; what the files changed, and warnings, go to `log` (NULL: silent) before it returns. */
RF_API RF_MUST_USE rf_status rf_tokenizer_open_logged(const char *path, rf_log_fn log, void *log_user,
                                                      rf_tokenizer **out, rf_error *err);
RF_API void rf_tokenizer_free(rf_tokenizer *tokenizer);

/* The tokenizer of a model; belongs to the model. NULL where a server computes the model: what asks a tokenizer
 * answers 0, NULL, false or RF_TOKEN_NONE then, what uses one gives RF_INVALID_ARGUMENT. */
RF_API const rf_tokenizer *rf_model_tokenizer(const rf_model *model);

/* One above the highest id, added tokens and those of the post-processor included. Ids below it may name no piece. */
RF_API size_t rf_tokenizer_vocab_size(const rf_tokenizer *tokenizer);

/* The piece of an id as the vocabulary has it ("##ing"), with its length in bytes; NULL where the id names none. */
RF_API const char *rf_tokenizer_piece(const rf_tokenizer *tokenizer, uint32_t id, size_t *len);

/* Which text of a pair is cut when the two have more tokens than the limit. Where that does not do, or there is no such
 * text, RF_TRUNCATED or RF_INVALID_ARGUMENT; but a limit that the special tokens fill leaves nothing of either text,
 * whatever the strategy, as in `tokenizers`. */
typedef enum rf_strategy {
    RF_STRATEGY_LONGEST_FIRST = 0, /* the longer one, until they are equally long; then both */
    RF_STRATEGY_ONLY_FIRST,
    RF_STRATEGY_ONLY_SECOND
} rf_strategy;

#define RF_NO_WORD UINT32_MAX

typedef struct rf_encoding rf_encoding;
struct rf_encoding {
    size_t n;                  /* number of tokens */
    const uint32_t *ids;       /* [n] */
    const uint32_t *type_ids;  /* [n]: what the post-processor gives; mostly 0, and 1 for the second text of a pair */
    const size_t *begin, *end; /* [n]: bytes of the caller's text that the token stands for; 0, 0 for special tokens */
    const uint8_t *special;    /* [n]: 1 for tokens that the post-processor added */
    bool truncated;            /* cut at the limit; false in the overflow */
    const uint32_t *words;     /* [n]: which word of its text, counted from 0; RF_NO_WORD for special tokens */
    const int8_t *sequence;    /* [n]: 0 or 1, the text that the token is of; -1 for special tokens */
    const size_t *begin_char, *end_char; /* [n]: as begin and end, in characters (code points; what is ill-formed counts
                                            as it is read). NULL unless rf_encode_options.characters */
    size_t n_overflow;                   /* 0 unless rf_encode_options.overflow */
    const rf_encoding *const *overflow;  /* [n_overflow]: what was cut off, each within the limit and with special
                                            tokens of its own. They belong to this encoding. Of a pair: every further
                                            piece of the first text with each piece of the second, then the first
                                            piece of the first with each further one of the second. A text of which
                                            nothing stays comes whole, however long, as in `tokenizers` */
};

typedef struct rf_encode_options {
    size_t size;            /* set by rf_encode_options_init() */
    bool no_special_tokens; /* leave out what the post-processor adds ([CLS], [SEP] …) */
    uint32_t max_tokens;    /* 0: no limit; special tokens count, and fewer than they are is RF_INVALID_ARGUMENT */
    rf_truncate truncate;   /* RF_TRUNCATE_ERROR: RF_TRUNCATED */
    rf_strategy strategy;   /* of a pair */
    bool overflow;          /* give what was cut off as well; reads the whole text */
    bool characters;        /* give begin_char and end_char */
    uint32_t stride;        /* tokens that a piece of the overflow has of the piece before it; must be less than a text
                               keeps, or cutting one is RF_INVALID_ARGUMENT */
    uint32_t threads;       /* of the calls with several texts, 1024 at most. 0: one for each processor */
} rf_encode_options;

RF_API void rf_encode_options_init(rf_encode_options *options, size_t size);

/* Encodes a text, or a pair of texts where `pair` is not NULL. */
RF_API RF_MUST_USE rf_status rf_tokenizer_encode(const rf_tokenizer *tokenizer, rf_text text, const rf_text *pair,
                                                 const rf_encode_options *options, rf_encoding **out, rf_error *err);
RF_API void rf_encoding_free(rf_encoding *encoding);

/* Encodes several texts on several threads; `pairs` is NULL, or has the second text of each. Writes n encodings to
 * `out`, each to be released; after a failure there are none. Of several texts, errors name the one by its number, from
 * 0. */
RF_API RF_MUST_USE rf_status rf_tokenizer_encode_batch(const rf_tokenizer *tokenizer, const rf_text *texts,
                                                       const rf_text *pairs, size_t n, const rf_encode_options *options,
                                                       rf_encoding **out, rf_error *err);

/* The ids of several texts, end to end, and nothing else: the quick way where only they are needed. */
typedef struct rf_ids {
    size_t n;            /* number of texts */
    const uint32_t *ids; /* [first[n]] */
    const size_t *first; /* [n + 1]: text i has ids[first[i]] … ids[first[i + 1] - 1] */
    size_t n_truncated;  /* number of texts that were cut */
} rf_ids;

/* `*out` is NULL, or what an earlier call gave: its memory is used again and its content replaced; it stays the
 * caller's, also after a failure, which empties it. The options overflow, stride and characters do not apply. */
RF_API RF_MUST_USE rf_status rf_tokenizer_encode_ids(const rf_tokenizer *tokenizer, const rf_text *texts,
                                                     const rf_text *pairs, size_t n, const rf_encode_options *options,
                                                     rf_ids **out, rf_error *err);
RF_API void rf_ids_free(rf_ids *ids);

/* Number of tokens of a text, special ones included unless left out. `at_most`: stop there, the text is then read no
 * further; 0: no limit. */
RF_API RF_MUST_USE rf_status rf_tokenizer_count(const rf_tokenizer *tokenizer, rf_text text, bool no_special_tokens,
                                                size_t at_most, size_t *count, rf_error *err);

/* About how many tokens a text has for a model of which nothing is known, special tokens not counted: an ESTIMATE, to
 * be called one wherever it is shown. Against cl100k_base, on texts in 532 languages and manual pages in ten, the error
 * is 11 % in the mean, 7 % in the median, and 32 % at the 95th percentile; it is larger on texts of a few words. Needs
 * no file and no memory. */
RF_API size_t rf_estimate_tokens(rf_text text);

/* Number of tokens that are added to a text, to a pair of texts: what they take of a limit. */
RF_API uint32_t rf_tokenizer_n_special(const rf_tokenizer *tokenizer, bool pair);

/* The id of a piece or an added token; false when there is none. */
RF_API bool rf_tokenizer_id(const rf_tokenizer *tokenizer, const char *piece, size_t len, uint32_t *id);

/* What an id is to the tokenizer. */
typedef enum rf_token_kind {
    RF_TOKEN_NONE = 0, /* no piece has it */
    RF_TOKEN_PIECE,    /* of the model's vocabulary */
    RF_TOKEN_ADDED,    /* looked for in the text before the model sees it */
    RF_TOKEN_SPECIAL   /* added as well, and left out when decoding without special tokens (but where a normalizer
                          changes what it is looked for as, and no special token has that content) */
} rf_token_kind;
RF_API rf_token_kind rf_tokenizer_kind(const rf_tokenizer *tokenizer, uint32_t id);

/* Text out of ids. `*out` is NUL-terminated UTF-8, `*out_len` bytes long, to be released with rf_free().
 * RF_INVALID_ARGUMENT: an id names no piece. */
RF_API RF_MUST_USE rf_status rf_tokenizer_decode(const rf_tokenizer *tokenizer, const uint32_t *ids, size_t n,
                                                 bool skip_special_tokens, char **out, size_t *out_len, rf_error *err);
RF_API void rf_free(void *memory);

/* Text out of ids that come one by one, as a model writes them. What the steps and the end give, joined, is what
 * rf_tokenizer_decode() gives for all of the ids. */
typedef struct rf_decode_stream rf_decode_stream; /* the tokenizer must outlive it */
RF_API RF_MUST_USE rf_status rf_decode_stream_new(const rf_tokenizer *tokenizer, bool skip_special_tokens,
                                                  rf_decode_stream **out, rf_error *err);
RF_API void rf_decode_stream_free(rf_decode_stream *stream);

/* The text that this id makes certain, whole characters of UTF-8, NUL-terminated, valid until the next call on the
 * stream; empty while nothing is. A character of several ids comes with the last of them, or with the id behind it
 * where the file's decoder looks back (ByteFallback); a decoder that joins all (Fuse, ByteLevel) and then does more
 * than take characters off the beginning gives all of it at the end. RF_INVALID_ARGUMENT: the id names no piece; the
 * stream goes on without it. */
RF_API RF_MUST_USE rf_status rf_decode_stream_step(rf_decode_stream *stream, uint32_t id, const char **text,
                                                   size_t *len, rf_error *err);
/* What was still held back, as no more ids come. Call it once, and nothing after it but the release. */
RF_API RF_MUST_USE rf_status rf_decode_stream_finish(rf_decode_stream *stream, const char **text, size_t *len,
                                                     rf_error *err);

/* ---- Models on the hub and in the cache -------------------------------------------------------------------- */

/* Brings a model into the cache (the options source, revision, cache_dir, offline, onnx_file, log and progress apply)
 * without opening it. `*directory` is the path of its model directory, to be released with rf_free(). */
RF_API RF_MUST_USE rf_status rf_model_pull(const char *source, const rf_model_options *options, char **directory,
                                           rf_error *err);

typedef struct rf_cached_model {
    const char *name;      /* "org/name" */
    const char *revision;  /* commit */
    const char *refs;      /* branches and tags that point to it, separated by ", " */
    const char *directory; /* its model directory */
    const char *cache_dir; /* the cache that it lies in */
    uint64_t bytes;        /* size of its files */
    bool complete;         /* everything that rf_model_open() needs is there */
    int64_t last_used;     /* seconds since 1970 when a file of it was last read, as the file system tells it (to a day
                              on most); 0: not known */
} rf_cached_model;

/* `model` is valid during the call. Returning false ends the listing. */
typedef bool (*rf_cached_model_fn)(void *user, const rf_cached_model *model);

/* Calls `fn` for every model in every configured and standard cache (and in `cache_dir`, when not NULL). */
RF_API RF_MUST_USE rf_status rf_cache_list(const char *cache_dir, rf_cached_model_fn fn, void *user, rf_error *err);

typedef struct rf_verified_file {
    const char *model;     /* "org/name" */
    const char *cache_dir; /* the cache that it lies in */
    const char *path;      /* of the file */
    uint64_t bytes;
    rf_status status;    /* RF_OK: its hash is the one that it is named after; RF_BAD_FORMAT: it is damaged;
                            RF_NOT_FOUND: a link to a file that is gone; RF_IO */
    const char *message; /* what is wrong, without the path; "" where nothing is */
    bool removed;        /* a damaged file that was removed: rf_cache_repair() brings it anew */
} rf_verified_file;

/* `file` is valid during the call. Returning false ends the work. */
typedef bool (*rf_verified_fn)(void *user, const rf_verified_file *file);

/* Reads every file of a model (NULL: of all models) in every configured and standard cache, or in `cache_dir` alone
 * when not NULL, and compares its hash with its name. With `repair` damaged files are removed. Opens no socket.
 * RF_NOT_FOUND when no cache has the model; damaged files are no failure of the call. */
RF_API RF_MUST_USE rf_status rf_cache_verify(const char *cache_dir, const char *name, bool repair, rf_verified_fn fn,
                                             void *user, rf_error *err);

/* Downloads again what the cached revisions of a model (NULL: of all models) once had and no longer have, as after
 * rf_cache_verify() with `repair`: each file at its own commit, in the cache where it is missing. Of the options (may
 * be NULL) cache_dir, offline, log and progress apply; cache_dir as in rf_cache_verify(). *n (may be NULL) receives how
 * many files. A failure leaves what was repaired before it. */
RF_API RF_MUST_USE rf_status rf_cache_repair(const char *name, const rf_model_options *options, uint64_t *n,
                                             rf_error *err);

/* Removes a model with all its revisions, and what was made of it, from every configured and standard cache, or from
 * `cache_dir` alone when not NULL. *bytes (may be NULL) receives what was freed. RF_NOT_FOUND when no cache has it. */
RF_API RF_MUST_USE rf_status rf_cache_remove(const char *cache_dir, const char *name, uint64_t *bytes, rf_error *err);

/* The folder that new models are downloaded to: `cache_dir` when not NULL, else what the environment says, else the
 * default. To be released with rf_free(). */
RF_API RF_MUST_USE rf_status rf_cache_default_dir(const char *cache_dir, char **out, rf_error *err);

/* Asks the hub (HF_ENDPOINT, or the public one) for an answer. RF_OK when one came; otherwise the reason. */
RF_API RF_MUST_USE rf_status rf_hub_check(bool offline, char **endpoint, rf_error *err);

/* ---- Vectors of texts that were embedded before -------------------------------------------------------------------
 */

/* With the option vector_cache, vectors are kept in a file, by a hash of the text and of all else that decides them:
 * the bytes of the model's files, the options, the prompt, the version of this library and of ONNX Runtime,
 * the kind of processor. One file serves any number of models and processes at once, on one machine. It has no texts in
 * it. An entry carries a checksum: a damaged one is computed anew. No call fails because of the file: where it cannot
 * be read, texts are computed, and the log says so. */
typedef struct rf_vector_cache_info {
    size_t size;         /* set by the caller to sizeof(rf_vector_cache_info) before rf_vector_cache_stats() */
    uint64_t entries;    /* vectors in it */
    uint64_t bytes;      /* of the file */
    uint64_t free_bytes; /* of these, what removed vectors left: used before the file grows */
    uint64_t hits, misses, evicted, damaged; /* since it was made or emptied, of all processes; a process writes its own
                                                with the vectors that it keeps, and when it closes the model */
} rf_vector_cache_info;

/* Fills as much of `*info` as `info->size` says. This and the two below: RF_NOT_FOUND where there is no file,
 * RF_INVALID_ARGUMENT where it is something else, RF_IO where it cannot be read or written, or another process does not
 * let go of it. */
RF_API RF_MUST_USE rf_status rf_vector_cache_stats(const char *path, rf_vector_cache_info *info, rf_error *err);

/* Empties the file, damaged as it may be; models that have it open go on. */
RF_API RF_MUST_USE rf_status rf_vector_cache_clear(const char *path, rf_error *err);

/* Removes damaged entries and gives free bytes back: takes as much room again while it runs, and keeps others out. */
RF_API RF_MUST_USE rf_status rf_vector_cache_compact(const char *path, rf_error *err);

/* ---- Converting and validating ------------------------------------------------------------------------------ */

/* Something that a model must have; `detail` is one line: what was found, and where it fails what was expected. */
typedef struct rf_check {
    const char *name; /* "inputs", "dimension" … */
    bool passed;
    const char *detail;
} rf_check;

typedef struct rf_validate_options {
    size_t size;          /* set by rf_validate_options_init() */
    double threshold;     /* the least cosine that passes; 0: 0.99 */
    const rf_text *texts; /* NULL: texts that the library brings, of many languages and lengths */
    size_t n_texts;       /* 1 to 100,000 */
    const float *vectors; /* NULL, or [n_texts, rf_model_dim()]: what the texts' vectors should be; no reference then */
    size_t vectors_len;   /* floats in `vectors` */
    rf_progress_fn progress; /* NULL: none. Texts compared. */
    void *progress_user;
} rf_validate_options;

RF_API void rf_validate_options_init(rf_validate_options *options, size_t size);

/* What a validation found; all of it belongs to the report. */
typedef struct rf_validate_report {
    bool passed;           /* every check, and no cosine below the threshold */
    const char *model;     /* what was validated: its file */
    const char *reference; /* what it was compared with, one line; "" when with nothing */
    double threshold;
    size_t n_checks;
    const rf_check *checks; /* [n_checks] */
    size_t n_texts;         /* that were compared; 0 when with nothing, and then the rest is 0 */
    const double *cosines;  /* [n_texts]: of the model's vector with the reference's */
    double min, mean, p1;   /* of the cosines; p1: one in a hundred is lower */
    double max_difference;  /* the greatest difference of two numbers of the vectors */
    size_t worst;           /* the text with the lowest cosine */
    const char *worst_text; /* its beginning, one line */
} rf_validate_report;
RF_API void rf_validate_report_free(rf_validate_report *report);

/* Checks a model by itself (inputs, output, dimension, lengths of vectors, a text alone and among others) and its
 * vectors against those of `reference`, or against options->vectors; with neither by itself alone. A reference that
 * owes nothing to ONNX Runtime is the model opened from its weights with RF_PRECISION_REFERENCE. A model that does not
 * pass is no failure of the call; where the dimensions differ a check says so and nothing is compared. */
RF_API RF_MUST_USE rf_status rf_validate(const rf_model *model, const rf_model *reference,
                                         const rf_validate_options *options, rf_validate_report **out, rf_error *err);

/* Weights in fewer bits, in files that any ONNX Runtime runs. What each costs in likeness: docs/conversion.md. */
typedef enum rf_quantization {
    RF_QUANTIZE_NONE = 0,
    RF_QUANTIZE_INT8,         /* near-lossless: groups of 16 with a scale each, fitted to texts */
    RF_QUANTIZE_INT8_DYNAMIC, /* the standard form: a scale for a channel, activations rounded as they come */
    RF_QUANTIZE_INT4,         /* as the first, smaller and less alike */
    RF_QUANTIZE_FP16          /* weights are stored in half the bytes; the arithmetic is fp32 */
} rf_quantization;

typedef struct rf_convert_options {
    size_t size;           /* set by rf_convert_options_init() */
    const char *name;      /* of the model directory; NULL: the source with '/' as '_' */
    const char *cache_dir; /* this and the two below: as in rf_model_options */
    const char *revision;
    bool offline;
    rf_precision precision; /* of the file. RF_PRECISION_INT16: for this library's own kernels, and no other program;
                               else fp32 in the operators of ONNX and ONNX Runtime */
    bool portable;          /* in the operators of ONNX alone, as they were in opset 17, and in one file where that is
                               possible (below 2 GB): for any program that reads ONNX. With fp32 alone. */
    rf_quantization quantization; /* with fp32 alone; RF_QUANTIZE_INT8 and _INT4 are not portable */
    bool quantize_embeddings;     /* tables of words, too, to 8 bits */
    const rf_text *texts; /* NULL, or what RF_QUANTIZE_INT8 and _INT4 are fitted to in the place of the library's own */
    size_t n_texts;
    const char *onnx_file; /* NULL, or an ONNX file of the model, which is optimized or quantized in the place
                              of the weights */
    bool no_validation;    /* put in place what was not compared with anything */
    double threshold;      /* as in rf_validate_options */
    uint32_t threads;      /* of the validation. 0: one for each processor */
    rf_log_fn log;         /* NULL: silent */
    void *log_user;
    rf_progress_fn progress; /* NULL: none. Bytes while downloading and writing, texts while calibrating (each is read
                                twice) and comparing. */
    rf_part_fn part;         /* NULL, or told before each: "Downloading", "Converting", "Optimizing", "Calibrating",
                                "Quantizing", "Comparing" */
    void *progress_user;     /* of both */
    bool optimize; /* an ONNX file in the place of weights is made shorter and faster (then quantized, where that is
                      wanted): an encoder that is recognized is built anew, of another graph is taken out what a run
                      does not need. What is made of weights is so from the start. */
} rf_convert_options;

RF_API void rf_convert_options_init(rf_convert_options *options, size_t size);

/* What a conversion made; all of it belongs to the report. */
typedef struct rf_convert_report {
    const char *directory; /* the model directory; "" when nothing was put in place, as validation did not pass */
    const char *onnx_file; /* in it */
    const char *made_of;   /* the file of weights, their index, or the ONNX file */
    const char *revision;  /* the commit on the hub, or "" */
    uint64_t bytes;        /* of the ONNX file with its external data */
    uint64_t convert_ns, validate_ns;     /* times of the two parts; downloading belongs to none */
    const rf_validate_report *validation; /* NULL: none was wanted */
} rf_convert_report;
RF_API void rf_convert_report_free(rf_convert_report *report);

/* Turns the weights of a model (a source as of rf_model_open()), or with `optimize` or a quantization its ONNX file
 * where it has no weights, into an ONNX file in a model directory of its own, `output_dir`/NAME: model.onnx,
 * configuration, tokenizer, modules, as the hub has them. The new file is validated against the weights, computed
 * without ONNX Runtime, before the directory appears, whole or not at all, in the place of an older one that a
 * conversion made. RF_INVALID_ARGUMENT: something else is there. RF_BAD_FORMAT, RF_UNSUPPORTED: the message names the
 * file and the tensor or key. */
RF_API RF_MUST_USE rf_status rf_convert(const char *source, const char *output_dir, const rf_convert_options *options,
                                        rf_convert_report **out, rf_error *err);

/* ---- Configuration ------------------------------------------------------------------------------------------- */

/* What a user settled once: a file in YAML, over it RAG_FACTORY_* variables, over these what rf_config_set() is given.
 * The library reads it only where it is asked to; docs/configuration.md describes file, keys and variables. */
typedef struct rf_config rf_config;

/* Reads the file - `file`, else the one that RAG_FACTORY_CONFIG names, else rag_factory/config.yaml in the user's
 * folder for configuration, which need not exist - and the variables. RF_BAD_FORMAT: the message names file and line,
 * the key, and what is allowed. RF_INVALID_ARGUMENT: a variable is wrong. */
RF_API RF_MUST_USE rf_status rf_config_open(const char *file, rf_config **out, rf_error *err);
RF_API void rf_config_free(rf_config *config);

/* The file that was read; "" for none. */
RF_API const char *rf_config_file(const rf_config *config);

/* Gives a key another value: that of an option. `key` is one of those that rf_config_list() names, or "session.NAME",
 * "prompts.NAME"; `origin` says where the value comes from, such as "--threads", and stands in messages. */
RF_API RF_MUST_USE rf_status rf_config_set(rf_config *config, const char *key, const char *value, const char *origin,
                                           rf_error *err);

typedef enum rf_config_kind {
    RF_CONFIG_TEXT = 0,
    RF_CONFIG_NUMBER, /* a whole number */
    RF_CONFIG_BOOL,   /* "true" or "false" */
    RF_CONFIG_CHOICE  /* one of a few words */
} rf_config_kind;

/* Strings belong to the configuration, until rf_config_set() changes it. */
typedef struct rf_config_value {
    size_t size;          /* of the struct, as this library has it */
    const char *key;      /* "threads", "session.NAME", "models.NAME.threads" */
    const char *value;    /* "" where it has none; "(set)" for what is secret */
    const char *origin;   /* "default", "FILE:LINE", "RAG_FACTORY_THREADS", or as given to rf_config_set() */
    const char *allowed;  /* what it may be: "a whole number up to 1024" */
    const char *help;     /* one line */
    const char *where;    /* in the file: "top", "model" (an entry of models), "provider", joined by ", " */
    const char *variable; /* the one that sets it, "RAG_FACTORY_THREADS"; "" for none */
    rf_config_kind kind;
    bool is_default;
} rf_config_value;

/* `value` is valid during the call. Returning false ends the listing. */
typedef bool (*rf_config_value_fn)(void *user, const rf_config_value *value);

/* Calls `fn` for each key with the value that holds for `model` - the name of an entry of the file's models, a model
 * source, or NULL for the default model - and then for what the entries of models and providers have. `config` NULL:
 * all keys with their defaults. */
RF_API void rf_config_list(const rf_config *config, const char *model, rf_config_value_fn fn, void *user);

/* What a model is opened with: its source, and options, whose log and progress stay unset. `model` as in
 * rf_config_list(). What they point to belongs to the configuration, until rf_config_set() changes it; *source may be
 * `model` itself. */
RF_API RF_MUST_USE rf_status rf_config_model_options(rf_config *config, const char *model, const char **source,
                                                     rf_model_options *options, rf_error *err);

#ifdef __cplusplus
}
#endif

#endif /* RAG_FACTORY_H */
