/* tokenize: texts -> ids, pieces and offsets; with --decode ids -> texts. Needs no more than a tokenizer, and with
 * --estimate not even that. */
#include "commands.h"
#include "open.h"
#include "tokenize.h"

#include "base/mem.h"

#include <string.h>

#define CHUNK_TEXTS 256
#define CHUNK_BYTES ((size_t)4 << 20)

/* ---- Encoding ------------------------------------------------------------------------------------------------ */

/* Some texts that follow each other, with the texts that they are pairs with. */
struct batch {
    rf_text texts[CHUNK_TEXTS], pairs[CHUNK_TEXTS];
    size_t at[CHUNK_TEXTS]; /* which text of the chunk, for messages */
    size_t n;
};

static void options_of(const struct tokenize *t, rf_encode_options *options)
{
    rf_encode_options_init(options, sizeof *options);
    options->no_special_tokens = t->no_special;
    options->max_tokens = t->common->run.max_tokens;
    options->truncate = t->common->run.truncate;
    options->strategy = (rf_strategy)t->strategy;
    options->overflow = t->overflow;
    options->stride = t->stride;
    options->characters = t->format != FORMAT_TEXT;
    options->threads = t->threads;
}

static rf_status encode_ids(struct tokenize *t, const struct batch *batch, const rf_encode_options *options,
                            rf_error *err)
{
    rf_ids *ids = NULL;
    rf_status status = rf_tokenizer_encode_ids(t->tokenizer, batch->texts, t->pair ? batch->pairs : NULL, batch->n,
                                               options, &ids, err);

    for (size_t i = 0; status == RF_OK && i < batch->n; i++, t->n++) {
        size_t n = ids->first[i + 1] - ids->first[i];
        if (t->count)
            rf__tokenize_show_count(t, n);
        else
            rf__tokenize_show_ids(t, ids->ids + ids->first[i], n);
    }
    t->n_truncated += status == RF_OK ? ids->n_truncated : 0;
    rf_ids_free(ids);
    return status;
}

static rf_status encode_all(struct tokenize *t, const struct batch *batch, const rf_encode_options *options,
                            rf_error *err)
{
    rf_encoding *encodings[CHUNK_TEXTS];
    rf_status status = rf_tokenizer_encode_batch(t->tokenizer, batch->texts, t->pair ? batch->pairs : NULL, batch->n,
                                                 options, encodings, err);

    for (size_t i = 0; status == RF_OK && i < batch->n; i++, t->n++) {
        rf__tokenize_show(t, encodings[i]);
        t->n_truncated += encodings[i]->truncated;
        rf_encoding_free(encodings[i]);
    }
    return status;
}

static rf_status encode_batch(struct tokenize *t, const struct batch *batch, rf_error *err)
{
    rf_encode_options options;

    options_of(t, &options);
    return t->count || t->format == FORMAT_IDS ? encode_ids(t, batch, &options, err)
                                               : encode_all(t, batch, &options, err);
}

/* One after the other, so that the one that fails is known by its place. */
static rf_status encode_singly(struct tokenize *t, const struct batch *batch, const struct input *input,
                               const struct chunk *chunk, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < batch->n && status == RF_OK; i++) {
        char place[RF_PLACE_TEXT];
        struct batch *one = rf__alloc(sizeof *one);
        if (one == NULL)
            return rf__fail_memory(err);
        one->texts[0] = batch->texts[i];
        one->pairs[0] = batch->pairs[i];
        one->n = 1;
        status = encode_batch(t, one, err);
        if (status != RF_OK)
            rf__fail_prefix(err, status, "%s", rf__input_place(input, chunk, batch->at[i], place));
        rf__free(one);
    }
    return status;
}

/* Puts the texts of a chunk into a batch; with --pair, the first of a pair may wait for the next chunk. */
static rf_status gather(struct tokenize *t, const struct chunk *chunk, struct batch *batch, struct buf *waited,
                        rf_error *err)
{
    batch->n = 0;
    for (size_t i = 0; i < chunk->n; i++) {
        bool is_second = t->pair && t->has_first;
        if (t->pair && !t->has_first && i + 1 == chunk->n) {
            t->has_first = true;
            rf__buf_clear(&t->first);
            return rf__buf_append(&t->first, chunk->texts[i].data, chunk->texts[i].len, err);
        }
        if (is_second) { /* of a pair that the chunk before began */
            rf__buf_clear(waited);
            if (rf__buf_append(waited, t->first.data, t->first.len, err) != RF_OK)
                return RF_NO_MEMORY;
            batch->texts[batch->n] = (rf_text){waited->data, waited->len};
            t->has_first = false;
        } else {
            batch->texts[batch->n] = chunk->texts[i];
            i += t->pair;
        }
        batch->pairs[batch->n] = chunk->texts[i];
        batch->at[batch->n++] = i;
    }
    return RF_OK;
}

static rf_status take_chunk(struct tokenize *t, const struct input *input, const struct chunk *chunk, rf_error *err)
{
    struct batch *batch = rf__alloc(sizeof *batch);
    struct buf waited;
    rf_status status;

    if (batch == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&waited, RF_TEXT_MAX);
    status = gather(t, chunk, batch, &waited, err);
    if (status == RF_OK && encode_batch(t, batch, err) != RF_OK)
        status = encode_singly(t, batch, input, chunk, err);
    rf__buf_release(&waited);
    rf__free(batch);
    return status == RF_OK ? rf__output_status(&t->out, err) : status;
}

static rf_status estimate_chunk(struct tokenize *t, const struct chunk *chunk, rf_error *err)
{
    for (size_t i = 0; i < chunk->n; i++, t->n++)
        rf__tokenize_show_count(t, rf_estimate_tokens(chunk->texts[i]));
    return rf__output_status(&t->out, err);
}

static rf_status decode_chunk(struct tokenize *t, const struct input *input, const struct chunk *chunk, rf_error *err)
{
    rf_status status = RF_OK;

    for (size_t i = 0; i < chunk->n && status == RF_OK; i++) {
        char place[RF_PLACE_TEXT];
        status = rf__tokenize_decode(t, chunk->texts[i], rf__input_place(input, chunk, i, place), err);
    }
    if (status == RF_INVALID_ARGUMENT) {
        status = RF_BAD_FORMAT; /* it came from data, not from the command line */
        if (err != NULL)
            err->status = RF_BAD_FORMAT;
    }
    return status;
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

static rf_status each_chunk(struct tokenize *t, struct input *input, rf_error *err)
{
    struct chunk chunk;
    rf_status status = RF_OK;

    rf__chunk_init(&chunk);
    if (t->stream)
        rf__input_be_prompt(input);
    do {
        status = rf__input_read(input, t->stream ? 1 : CHUNK_TEXTS, CHUNK_BYTES, &chunk, err);
        if (status != RF_OK)
            break;
        status = t->estimate ? estimate_chunk(t, &chunk, err)
                 : t->decode ? decode_chunk(t, input, &chunk, err)
                             : take_chunk(t, input, &chunk, err);
        if (status == RF_OK && rf__say_interrupted())
            status = rf__say_cancelled(err);
    } while (status == RF_OK && chunk.n > 0);
    if (status == RF_OK && t->has_first)
        status = rf__fail(err, RF_BAD_FORMAT, "%s: an odd number of texts, --pair takes them two by two",
                          rf__input_name(input));
    rf__chunk_release(&chunk);
    return status;
}

static void print_head(struct tokenize *t)
{
    if (t->estimate) {
        rf__output_text(&t->out, "{\"estimated\":true,\"counts\":[");
        return;
    }
    rf__output_text(&t->out, "{\"model\":");
    rf__output_json(&t->out, t->common->model, strlen(t->common->model));
    rf__output_printf(&t->out, ",\"vocab_size\":%zu,\"%s\":[", rf_tokenizer_vocab_size(t->tokenizer),
                      t->decode ? "texts" : "encodings");
}

static rf_status process(struct tokenize *t, struct input *input, const struct options *options, rf_error *err)
{
    rf_status status = t->estimate ? RF_OK : rf__open_tokenizer(t->common, &t->tokenizer, err);

    rf__buf_init(&t->first, RF_TEXT_MAX);
    if (status == RF_OK && t->format == FORMAT_JSON)
        print_head(t);
    if (status == RF_OK && input == NULL)
        status = rf__tokenize_decode_arguments(t, options->args, options->n_args, err);
    else if (status == RF_OK)
        status = each_chunk(t, input, err);
    if (status == RF_OK)
        status = rf__tokenize_decode_end(t, err);
    if (status == RF_OK && t->format == FORMAT_JSON)
        rf__output_text(&t->out, t->n > 0 ? "\n]}\n" : "]}\n");
    if (status == RF_OK && t->n_truncated > 0)
        rf__say_warning("%llu of %llu text%s %s cut at %u token%s", (unsigned long long)t->n_truncated,
                        (unsigned long long)t->n, t->n == 1 ? "" : "s", t->n_truncated == 1 ? "was" : "were",
                        t->common->run.max_tokens, t->common->run.max_tokens == 1 ? "" : "s");
    rf__buf_release(&t->first);
    rf_decode_stream_free(t->decoding);
    rf_tokenizer_free(t->tokenizer);
    return status;
}

/* What --estimate, which knows no more than bytes, has no use for; NULL: nothing. */
static const char *given_beside_estimate(const struct tokenize *t)
{
    return t->decode                       ? "--decode"
           : t->ids != NULL                ? "--ids"
           : t->stream                     ? "--stream"
           : t->pair                       ? "--pair"
           : t->count                      ? "--count"
           : t->overflow                   ? "--overflow"
           : t->stride > 0                 ? "--stride"
           : t->format == FORMAT_IDS       ? "--format ids"
           : t->common->run.max_tokens > 0 ? "a limit in tokens (--max-tokens 0: none)"
                                           : NULL;
}

/* What cannot go together. */
static int check(const struct command *command, const struct tokenize *t, const struct options *options)
{
    const char *beside = given_beside_estimate(t);

    if (t->estimate && beside != NULL)
        return rf__opt_wrong(command, "--estimate and %s exclude each other; it counts whole texts, one by one",
                             beside);
    if (t->count && (t->format != FORMAT_TEXT || t->decode))
        return rf__opt_wrong(command, "--count goes with no --format and no --decode");
    if (t->ids != NULL && !t->decode)
        return rf__opt_wrong(command, "--ids goes with --decode");
    if (t->ids != NULL && options->common.input != NULL)
        return rf__opt_wrong(command, "ids are given twice: by --ids and by -i");
    if (t->decode && t->pair)
        return rf__opt_wrong(command, "--pair and --decode exclude each other");
    if (t->decode && t->format == FORMAT_IDS)
        return rf__opt_wrong(command, "--decode gives text, not ids; use --format text, json or jsonl");
    if (t->stream && (!t->decode || t->format != FORMAT_TEXT))
        return rf__opt_wrong(command, "--stream goes with --decode, and with no --format");
    if (t->overflow && (t->common->run.max_tokens == 0 || t->count || t->decode || t->format == FORMAT_IDS))
        return rf__opt_wrong(command, "--overflow needs --max-tokens, and a format that shows it: text, json or jsonl");
    if (t->stride > 0 && !t->overflow)
        return rf__opt_wrong(command, "--stride goes with --overflow");
    if (t->strategy != RF_STRATEGY_LONGEST_FIRST && !t->pair)
        return rf__opt_wrong(command, "--strategy goes with --pair");
    if (t->pair && options->n_args % 2 != 0)
        return rf__opt_wrong(command, "--pair takes texts two by two, found %zu", options->n_args);
    return rf__command_check_input(command, options);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct tokenize t = {.format = FORMAT_TEXT};
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &t.format, "text|json|jsonl|ids", "(default: text, a table)"},
        {"count", 0, OPT_FLAG, &t.count, NULL, "only the number of tokens, one line a text"},
        {"no-special-tokens", 0, OPT_FLAG, &t.no_special, NULL, "leave out [CLS], [SEP] and their like"},
        {"pair", 0, OPT_FLAG, &t.pair, NULL, "take the texts two by two, as pairs"},
        {"strategy", 0, OPT_CHOICE, &t.strategy, "longest-first|only-first|only-second",
         "which text of a pair is cut (default: longest-first)"},
        {"overflow", 0, OPT_FLAG, &t.overflow, NULL, "show what --max-tokens cut off, in pieces of that size"},
        {"stride", 0, OPT_NUMBER, &t.stride, "N", "tokens that a piece of the overflow shares with the one before"},
        {"threads", 0, OPT_NUMBER, &t.threads, "N", "threads (default: one for each processor this process may use)"},
        {"estimate", 0, OPT_FLAG, &t.estimate, NULL,
         "about how many tokens, for a model of which nothing is known; reads no tokenizer"},
        {"decode", 0, OPT_FLAG, &t.decode, NULL, "the other way: ids, as arguments or one text a line, to text"},
        {"stream", 0, OPT_FLAG, &t.stream, NULL,
         "with --decode: all ids are one text; each is shown once it is certain"},
        {"ids", 0, OPT_TEXT, &t.ids, "IDS", "with --decode: ids, as \"101 7592 102\" or \"101,7592,102\""},
        OPT_END,
    };
    struct options options;
    struct input *input = NULL;
    bool ids_given;
    rf_status status = RF_OK;
    rf_error err;
    int code;

    t.common = &options.common;
    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT, own, argc, argv, &options);
    if (code == OPT_GO_ON)
        code = check(command, &t, &options);
    if (code != OPT_GO_ON)
        goto out;
    ids_given = t.decode && (options.n_args > 0 || t.ids != NULL);
    if (!ids_given)
        status = rf__input_open(&options.common, options.args, options.n_args, &input, &err);
    if (status == RF_OK && input == NULL && !ids_given) {
        code = rf__opt_wrong(command, "nothing to tokenize; give texts, or a file with -i");
        goto out;
    }
    if (status == RF_OK)
        status = rf__output_open(&t.out, NULL, &err);
    if (status == RF_OK) {
        status = process(&t, input, &options, &err);
        status = rf__output_close(&t.out, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__input_free(input);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_tokenize = {
    "tokenize",
    "texts -> ids, pieces, byte offsets; and back",
    "Shows how a model reads text: ids, the bytes that each stands for, and pieces; or turns ids back into text.",
    "[TEXT...] [-i FILE] [options]",
    "  rag-factory tokenize \"hello world\"\n"
    "  rag-factory tokenize --decode 101 7592 2088 102",
    "Here there is no limit in tokens unless --max-tokens, RAG_FACTORY_MAX_TOKENS or max_tokens sets one. -m may name "
    "a tokenizer's file, such as tokenizer.json or vocab.txt.",
    run,
    NULL,
};
