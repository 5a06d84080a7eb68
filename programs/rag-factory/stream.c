/* stream: see stream.h. */
#include "stream.h"

#include "base/mem.h"
#include "os/os.h"
#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_TEXTS 2048
#define CHUNK_BYTES ((size_t)4 << 20)
#define FIRST_STEP  64 /* texts of the first chunk of a run in steps, and the fewest of a later one */
#define LEAST_STEP  32
#define STEP_NS     2e9

/* Reads one chunk, on a thread of its own where that can be had. */
struct reader {
    struct input *input;
    struct chunk *into;
    size_t max_texts;
    struct os_thread *thread; /* NULL: none is running */
    rf_status status;
    rf_error err;
};

struct stream {
    const rf_model *model;
    const rf_embed_options *how; /* NULL: no prompt */
    rf_model_info info;
    struct input *input;
    struct chunk chunks[2];
    size_t current;   /* which of them is computed; the other is being read */
    size_t max_texts; /* of the next chunk that is read */
    struct reader reader;
    float *vectors; /* [CHUNK_TEXTS, dim] */
    uint32_t *n_tokens;
    uint32_t *n_windows;
    bool *truncated;
    struct progress progress;
    uint64_t consumed; /* bytes of the input behind us */
    uint64_t n_texts, n_truncated;
};

/* ---- Reading ahead ------------------------------------------------------------------------------------------- */

static void read_chunk(void *arg)
{
    struct reader *reader = arg;

    reader->status = rf__input_read(reader->input, reader->max_texts, CHUNK_BYTES, reader->into, &reader->err);
}

static void read_ahead(struct stream *stream)
{
    struct reader *reader = &stream->reader;

    *reader = (struct reader){
        .input = stream->input, .into = &stream->chunks[1 - stream->current], .max_texts = stream->max_texts};
    reader->into->n = 0;
    if (rf__os_thread_start(read_chunk, reader, &reader->thread, NULL) != RF_OK) {
        reader->thread = NULL;
        read_chunk(reader);
    }
}

static rf_status wait_for_reader(struct stream *stream, rf_error *err)
{
    rf__os_thread_join(stream->reader.thread);
    stream->reader.thread = NULL;
    if (stream->reader.status != RF_OK && err != NULL)
        *err = stream->reader.err;
    return stream->reader.status;
}

/* ---- Computing ----------------------------------------------------------------------------------------------- */

static bool show_progress(void *user, uint64_t done, uint64_t total)
{
    struct stream *stream = user;
    const struct chunk *chunk = &stream->chunks[stream->current];
    uint64_t size = rf__input_size(stream->input);
    double part = total > 0 ? (double)done / (double)total : 0;
    double bytes = (double)stream->consumed + part * (double)(chunk->end.n_bytes - stream->consumed);

    rf__progress_show(&stream->progress, size > 0 ? bytes / (double)size : -1, stream->n_texts + done);
    return !rf__say_interrupted();
}

/* Rewrites the library's RF_TRUNCATED, which counts within a chunk, in terms of the input. */
static void name_long_text(struct stream *stream, rf_error *err)
{
    const struct chunk *chunk = &stream->chunks[stream->current];
    const rf_tokenizer *tokenizer = rf_model_tokenizer(stream->model);
    rf_encode_options encode_options;
    char place[RF_PLACE_TEXT];

    if (stream->info.max_tokens == 0)
        return;
    rf_encode_options_init(&encode_options, sizeof encode_options);
    encode_options.no_special_tokens = stream->info.onnx_file[0] == '\0'; /* static embeddings have none */
    for (size_t i = 0; i < chunk->n; i++) {
        rf_encoding *encoding;
        size_t n;
        if (rf_tokenizer_encode(tokenizer, chunk->texts[i], NULL, &encode_options, &encoding, NULL) != RF_OK)
            return;
        n = encoding->n;
        rf_encoding_free(encoding);
        if (n > stream->info.max_tokens) {
            rf__fail(err, RF_TRUNCATED, "%s: has %zu tokens, the limit is %u; shorten it, or use --truncate right",
                     rf__input_place(stream->input, chunk, i, place), n, stream->info.max_tokens);
            return;
        }
    }
}

/* Rewrites "text 3: …", which counts within a chunk. */
static void name_text(struct stream *stream, rf_error *err)
{
    const struct chunk *chunk = &stream->chunks[stream->current];
    char place[RF_PLACE_TEXT], *end = err->message;
    unsigned long i = strncmp(err->message, "text ", 5) == 0 ? strtoul(err->message + 5, &end, 10) : 0;
    rf_error told = *err;

    if (*end == ':' && i < chunk->n)
        rf__fail(err, told.status, "%s%s", rf__input_place(stream->input, chunk, i, place),
                 told.message + (end - err->message));
}

/* A damaged model, or one of too low a precision, must not fill an index with numbers that are none. */
static rf_status check_finite(const struct stream *stream, rf_error *err)
{
    const struct chunk *chunk = &stream->chunks[stream->current];
    char place[RF_PLACE_TEXT];

    for (size_t i = 0; i < chunk->n; i++)
        for (size_t k = 0; k < stream->info.dim; k++)
            if (!isfinite(stream->vectors[i * stream->info.dim + k]))
                return rf__fail(err, RF_ENGINE, "%s: the model gave a vector that is not finite; is %s damaged?",
                                rf__input_place(stream->input, chunk, i, place),
                                stream->info.onnx_file[0] != '\0' ? stream->info.onnx_file : stream->info.weights_file);
    return RF_OK;
}

static rf_status compute(struct stream *stream, stream_fn fn, void *user, rf_error *err)
{
    const struct chunk *chunk = &stream->chunks[stream->current];
    struct vector_rows rows = {chunk->first,     chunk->n,          stream->vectors,
                               stream->n_tokens, stream->truncated, stream->n_windows};
    rf_embed_options options;
    rf_status status;

    rf_embed_options_init(&options, sizeof options);
    if (stream->how != NULL) {
        options.role = stream->how->role;
        options.prompt_name = stream->how->prompt_name;
        options.prompt = stream->how->prompt;
    }
    options.progress = show_progress;
    options.progress_user = stream;
    options.n_tokens = stream->n_tokens;
    options.truncated = stream->truncated;
    options.n_windows = stream->n_windows;
    status =
        rf_embed(stream->model, chunk->texts, chunk->n, &options, stream->vectors, chunk->n * stream->info.dim, err);
    if (status == RF_TRUNCATED && err != NULL && rf_model_tokenizer(stream->model) != NULL)
        name_long_text(stream, err);
    else if ((status == RF_BAD_FORMAT || status == RF_TRUNCATED) && err != NULL)
        name_text(stream, err);
    if (status == RF_OK && rf__say_interrupted())
        status = rf__say_cancelled(err);
    if (status == RF_OK)
        status = check_finite(stream, err);
    if (status == RF_OK)
        status = fn(user, chunk, &rows, err);
    for (size_t i = 0; i < chunk->n && status == RF_OK; i++)
        stream->n_truncated += stream->truncated[i];
    stream->n_texts += chunk->n;
    stream->consumed = chunk->end.n_bytes;
    return status;
}

static rf_status allocate(struct stream *stream, rf_error *err)
{
    size_t n_floats;

    if (!rf__mul(CHUNK_TEXTS, stream->info.dim, &n_floats))
        return rf__fail_memory(err);
    stream->vectors = rf__alloc_array(n_floats, sizeof *stream->vectors);
    stream->n_tokens = rf__alloc_array(CHUNK_TEXTS, sizeof *stream->n_tokens);
    stream->n_windows = rf__alloc_array(CHUNK_TEXTS, sizeof *stream->n_windows);
    stream->truncated = rf__alloc_array(CHUNK_TEXTS, sizeof *stream->truncated);
    if (stream->vectors == NULL || stream->n_tokens == NULL || stream->n_windows == NULL || stream->truncated == NULL)
        return rf__fail_memory(err);
    return RF_OK;
}

/* How many texts make a chunk of about STEP_NS, after one of n that took `ns`. */
static size_t next_step(size_t n, uint64_t ns)
{
    double next = (double)n * (STEP_NS / (double)(ns + 1));

    next = next < 4 * (double)n ? next : 4 * (double)n;
    return next < LEAST_STEP ? LEAST_STEP : next > CHUNK_TEXTS ? CHUNK_TEXTS : (size_t)next;
}

static rf_status run(struct stream *stream, bool in_steps, stream_fn fn, void *user, rf_error *err)
{
    struct chunk *chunk = &stream->chunks[0];
    size_t asked = stream->max_texts = in_steps ? FIRST_STEP : CHUNK_TEXTS;
    const struct input_mark from = rf__input_at(stream->input);
    rf_status status = rf__input_read(stream->input, asked, CHUNK_BYTES, chunk, err);

    stream->n_texts = stream->progress.count_before = from.n_texts;
    stream->consumed = from.n_bytes;
    if (rf__input_size(stream->input) > 0)
        stream->progress.fraction_before = (double)from.n_bytes / (double)rf__input_size(stream->input);
    while (status == RF_OK && chunk->n > 0) {
        /* A chunk below both bounds ended with the input. */
        const bool is_last = chunk->n < asked && chunk->bytes.len < CHUNK_BYTES;
        const uint64_t begin = rf__os_now_ns();
        asked = stream->max_texts;
        if (!is_last)
            read_ahead(stream);
        status = compute(stream, fn, user, err);
        if (is_last)
            break;
        if (in_steps)
            stream->max_texts = next_step(chunk->n, rf__os_now_ns() - begin);
        if (status == RF_OK)
            status = wait_for_reader(stream, err);
        else
            (void)wait_for_reader(stream, NULL);
        stream->current = 1 - stream->current;
        chunk = &stream->chunks[stream->current];
    }
    return status;
}

static void warn_of_truncation(const struct stream *stream)
{
    char cut[RF_SIZE_TEXT], all[RF_SIZE_TEXT];

    if (stream->n_truncated == 0)
        return;
    rf__say_warning("%s of %s text%s longer than %u tokens and %s cut; --truncate error makes this an error",
                    rf__count_text(stream->n_truncated, cut), rf__count_text(stream->n_texts, all),
                    stream->n_texts == 1       ? " was"
                    : stream->n_truncated == 1 ? "s was"
                                               : "s were",
                    stream->info.max_tokens, stream->n_truncated == 1 ? "was" : "were");
}

/* What -v tells at the end. */
static void tell_stats(const struct stream *stream)
{
    rf_model_stats s = {.size = sizeof s};
    char texts[RF_SIZE_TEXT], tokens[RF_SIZE_TEXT], cut[RF_SIZE_TEXT], now[RF_SIZE_TEXT], peak[RF_SIZE_TEXT];
    char parted[RF_SIZE_TEXT], windows[RF_SIZE_TEXT];
    rf_error line;

    rf_model_get_stats(stream->model, &s);
    rf__fail(
        &line, RF_IO,
        "%s texts, %s tokens, %s cut; opened in %.2f s, tokenized in %.2f s, computed in %.2f s; memory %s, at most "
        "%s",
        rf__count_text(s.texts, texts), rf__count_text(s.tokens, tokens), rf__count_text(s.truncated, cut),
        (double)s.open_ns / 1e9, (double)s.tokenize_ns / 1e9, (double)s.compute_ns / 1e9,
        rf__size_text(s.memory_now, now), rf__size_text(s.memory_peak, peak));
    rf__say_log(NULL, RF_LOG_INFO, line.message);
    if (s.long_texts == 0)
        return;
    rf__fail(&line, RF_IO, "%s of the texts, longer than %u tokens, embedded in %s windows",
             rf__count_text(s.long_texts, parted), stream->info.max_tokens, rf__count_text(s.windows, windows));
    rf__say_log(NULL, RF_LOG_INFO, line.message);
}

rf_status rf__stream_embed(const rf_model *model, const rf_embed_options *how, struct input *input, stream_fn fn,
                           void *user, uint64_t *n_texts, rf_error *err)
{
    return rf__stream_embed_from(model, how, input, NULL, fn, user, n_texts, err);
}

rf_status rf__stream_embed_from(const rf_model *model, const rf_embed_options *how, struct input *input,
                                const uint64_t *n_truncated, stream_fn fn, void *user, uint64_t *n_texts, rf_error *err)
{
    struct stream stream = {.model = model, .how = how, .input = input};
    rf_status status;

    if (n_texts != NULL)
        *n_texts = 0;
    if (input == NULL)
        return RF_OK;
    rf__chunk_init(&stream.chunks[0]);
    rf__chunk_init(&stream.chunks[1]);
    stream.n_truncated = n_truncated != NULL ? *n_truncated : 0;
    stream.info.size = sizeof stream.info;
    rf_model_get_info(model, &stream.info);
    rf__progress_start(&stream.progress, "Embedding", PROGRESS_TEXTS);
    status = allocate(&stream, err);
    if (status == RF_OK)
        status = run(&stream, n_truncated != NULL, fn, user, err);
    rf__progress_end(&stream.progress);
    if (status == RF_OK) {
        warn_of_truncation(&stream);
        tell_stats(&stream);
    }
    if (n_texts != NULL)
        *n_texts = stream.n_texts;
    rf__free(stream.vectors);
    rf__free(stream.n_tokens);
    rf__free(stream.n_windows);
    rf__free(stream.truncated);
    rf__chunk_release(&stream.chunks[0]);
    rf__chunk_release(&stream.chunks[1]);
    return status;
}
