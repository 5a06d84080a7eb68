/* tokenize: texts -> ids, pieces and byte offsets; with --decode ids -> texts. Needs no more than a tokenizer. */
#include "commands.h"
#include "display.h"
#include "input.h"
#include "open.h"

#include "base/mem.h"

#include <string.h>

#define CHUNK_TEXTS 256
#define CHUNK_BYTES ((size_t)4 << 20)
#define IDS_MAX     ((size_t)64 << 20) /* ids of one text to decode */

enum format { FORMAT_TEXT = 0, FORMAT_JSON, FORMAT_JSONL, FORMAT_IDS };

struct tokenize {
    const struct opt_common *common;
    rf_tokenizer *tokenizer;
    struct output out;
    int format;
    bool count, no_special, pair, decode;
    const char *ids; /* of --ids; NULL: not given */

    uint64_t n, n_truncated; /* results so far */
    struct buf first;        /* with --pair: the first text of a pair, while `has_first` */
    bool has_first;
};

/* ---- Encodings out ------------------------------------------------------------------------------------------- */

static void print_numbers(struct output *out, const uint32_t *numbers, size_t n, const char *between)
{
    for (size_t i = 0; i < n; i++)
        rf__output_printf(out, "%s%u", i > 0 ? between : "", numbers[i]);
}

static void print_piece(struct tokenize *t, uint32_t id)
{
    size_t len = 0;
    const char *piece = rf_tokenizer_piece(t->tokenizer, id, &len);

    if (piece != NULL)
        rf__display_print(&t->out, piece, len, SIZE_MAX, false);
}

static void print_table(struct tokenize *t, const rf_encoding *encoding)
{
    rf__output_printf(&t->out, "%s%5s %7s %7s %7s%s  %s\n", t->n > 0 ? "\n" : "", "token", "id", "begin", "end",
                      t->pair ? " type" : "", "piece");
    for (size_t i = 0; i < encoding->n; i++) {
        rf__output_printf(&t->out, "%5zu %7u ", i, encoding->ids[i]);
        if (encoding->special[i])
            rf__output_printf(&t->out, "%7s %7s", "", "");
        else
            rf__output_printf(&t->out, "%7zu %7zu", encoding->begin[i], encoding->end[i]);
        if (t->pair)
            rf__output_printf(&t->out, " %4u", encoding->type_ids[i]);
        rf__output_text(&t->out, "  ");
        print_piece(t, encoding->ids[i]);
        rf__output_text(&t->out, "\n");
    }
}

static void print_json_pieces(struct tokenize *t, const rf_encoding *encoding)
{
    for (size_t i = 0; i < encoding->n; i++) {
        size_t len = 0;
        const char *piece = rf_tokenizer_piece(t->tokenizer, encoding->ids[i], &len);
        rf__output_text(&t->out, i > 0 ? "," : "");
        if (piece == NULL)
            rf__output_text(&t->out, "null");
        else
            rf__output_json(&t->out, piece, len);
    }
}

static void print_object(struct tokenize *t, const rf_encoding *encoding)
{
    struct output *out = &t->out;

    rf__output_printf(out, "{\"index\":%llu,\"n_tokens\":%zu,\"truncated\":%s,\"ids\":[", (unsigned long long)t->n,
                      encoding->n, encoding->truncated ? "true" : "false");
    print_numbers(out, encoding->ids, encoding->n, ",");
    rf__output_text(out, "],\"pieces\":[");
    print_json_pieces(t, encoding);
    rf__output_text(out, "],\"offsets\":[");
    for (size_t i = 0; i < encoding->n; i++)
        rf__output_printf(out, "%s[%zu,%zu]", i > 0 ? "," : "", encoding->begin[i], encoding->end[i]);
    rf__output_text(out, "],\"type_ids\":[");
    print_numbers(out, encoding->type_ids, encoding->n, ",");
    rf__output_text(out, "],\"special\":[");
    for (size_t i = 0; i < encoding->n; i++)
        rf__output_printf(out, "%s%s", i > 0 ? "," : "", encoding->special[i] ? "true" : "false");
    rf__output_text(out, "]}");
}

static void print_encoding(struct tokenize *t, const rf_encoding *encoding)
{
    if (t->count) {
        rf__output_printf(&t->out, "%zu\n", encoding->n);
    } else if (t->format == FORMAT_TEXT) {
        print_table(t, encoding);
    } else if (t->format == FORMAT_JSON) {
        rf__output_text(&t->out, t->n > 0 ? ",\n" : "\n");
        print_object(t, encoding);
    } else if (t->format == FORMAT_JSONL) {
        print_object(t, encoding);
        rf__output_text(&t->out, "\n");
    } else {
        print_numbers(&t->out, encoding->ids, encoding->n, " ");
        rf__output_text(&t->out, "\n");
    }
}

static rf_status encode(struct tokenize *t, rf_text text, const rf_text *pair, const char *place, rf_error *err)
{
    rf_encoding *encoding = NULL;
    rf_encode_options options;
    rf_status status;

    rf_encode_options_init(&options, sizeof options);
    options.no_special_tokens = t->no_special;
    options.max_tokens = t->common->max_tokens;
    options.truncate = (rf_truncate)t->common->truncate;
    status = rf_tokenizer_encode(t->tokenizer, text, pair, &options, &encoding, err);
    if (status != RF_OK)
        return rf__fail_prefix(err, status, "%s", place);
    print_encoding(t, encoding);
    t->n++;
    t->n_truncated += encoding->truncated;
    rf_encoding_free(encoding);
    return rf__output_status(&t->out, err);
}

/* One text of the input; with --pair, the first of a pair waits for the second. */
static rf_status take_text(struct tokenize *t, rf_text text, const char *place, rf_error *err)
{
    rf_text first;

    if (!t->pair)
        return encode(t, text, NULL, place, err);
    if (!t->has_first) {
        t->has_first = true;
        rf__buf_clear(&t->first);
        return rf__buf_append(&t->first, text.data, text.len, err);
    }
    t->has_first = false;
    first = (rf_text){t->first.data, t->first.len};
    return encode(t, first, &text, place, err);
}

/* ---- Decoding ------------------------------------------------------------------------------------------------ */

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == '[' || c == ']' || c == '\r' || c == '\n';
}

/* "101 7592", "101,7592" and "[101, 7592]" alike. */
static rf_status parse_ids(rf_text text, uint32_t *ids, size_t *n, rf_error *err)
{
    *n = 0;
    for (size_t i = 0; i < text.len;) {
        uint64_t id = 0;
        size_t begin = i;
        if (is_separator(text.data[i])) {
            i++;
            continue;
        }
        while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9' && id <= UINT32_MAX)
            id = id * 10 + (uint64_t)(text.data[i++] - '0');
        if ((i < text.len && !is_separator(text.data[i])) || id > UINT32_MAX)
            return rf__fail(err, RF_BAD_FORMAT, "'%.*s' is no id, expected whole numbers",
                            (int)(text.len - begin < 20 ? text.len - begin : 20), text.data + begin);
        ids[(*n)++] = (uint32_t)id;
    }
    return RF_OK;
}

static void print_decoded(struct tokenize *t, const char *text, size_t len)
{
    if (t->format == FORMAT_TEXT) {
        rf__output_write(&t->out, text, len);
        rf__output_text(&t->out, "\n");
    } else if (t->format == FORMAT_JSON) {
        rf__output_text(&t->out, t->n > 0 ? ",\n" : "\n");
        rf__output_json(&t->out, text, len);
    } else {
        rf__output_printf(&t->out, "{\"index\":%llu,\"text\":", (unsigned long long)t->n);
        rf__output_json(&t->out, text, len);
        rf__output_text(&t->out, "}\n");
    }
}

static rf_status decode(struct tokenize *t, rf_text text, const char *place, rf_error *err)
{
    uint32_t *ids = NULL;
    char *decoded = NULL;
    size_t n = 0, len = 0;
    rf_status status;

    if (text.len > IDS_MAX)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes, more than the %zu that ids of one text may have", place,
                        text.len, IDS_MAX);
    ids = rf__alloc_array(text.len / 2 + 1, sizeof *ids); /* a digit and a separator each */
    if (ids == NULL)
        return rf__fail_memory(err);
    status = parse_ids(text, ids, &n, err);
    if (status == RF_OK)
        status = rf_tokenizer_decode(t->tokenizer, ids, n, t->no_special, &decoded, &len, err);
    if (status == RF_INVALID_ARGUMENT) {
        status = RF_BAD_FORMAT; /* it came from data, not from the command line */
        if (err != NULL)
            err->status = RF_BAD_FORMAT;
    }
    if (status != RF_OK)
        status = rf__fail_prefix(err, status, "%s", place);
    else
        print_decoded(t, decoded, len);
    t->n++;
    rf_free(decoded);
    rf__free(ids);
    return status == RF_OK ? rf__output_status(&t->out, err) : status;
}

/* The arguments, and --ids, are the ids of one text. */
static rf_status decode_arguments(struct tokenize *t, const char *const *args, size_t n_args, rf_error *err)
{
    struct buf all;
    rf_status status = RF_OK;

    rf__buf_init(&all, IDS_MAX);
    if (t->ids != NULL)
        status = rf__buf_append_str(&all, t->ids, err);
    for (size_t i = 0; i < n_args && status == RF_OK; i++)
        status = rf__buf_printf(&all, err, " %s", args[i]);
    if (status == RF_OK)
        status = decode(t, (rf_text){all.data, all.len}, "ids", err);
    rf__buf_release(&all);
    return status;
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

static rf_status each_text(struct tokenize *t, struct input *input, rf_error *err)
{
    char place[RF_PLACE_TEXT];
    struct chunk chunk;
    rf_status status = RF_OK;

    rf__chunk_init(&chunk);
    do {
        status = rf__input_read(input, CHUNK_TEXTS, CHUNK_BYTES, &chunk, err);
        for (size_t i = 0; i < chunk.n && status == RF_OK; i++) {
            rf__input_place(input, &chunk, i, place);
            status = t->decode ? decode(t, chunk.texts[i], place, err) : take_text(t, chunk.texts[i], place, err);
        }
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
    rf__output_text(&t->out, "{\"model\":");
    rf__output_json(&t->out, t->common->model, strlen(t->common->model));
    rf__output_printf(&t->out, ",\"vocab_size\":%zu,\"%s\":[", rf_tokenizer_vocab_size(t->tokenizer),
                      t->decode ? "texts" : "encodings");
}

static rf_status process(struct tokenize *t, struct input *input, const struct options *options, rf_error *err)
{
    rf_status status = rf__open_tokenizer(t->common, &t->tokenizer, err);

    rf__buf_init(&t->first, RF_TEXT_MAX);
    if (status == RF_OK && t->format == FORMAT_JSON)
        print_head(t);
    if (status == RF_OK && input == NULL)
        status = decode_arguments(t, options->args, options->n_args, err);
    else if (status == RF_OK)
        status = each_text(t, input, err);
    if (status == RF_OK && t->format == FORMAT_JSON)
        rf__output_text(&t->out, t->n > 0 ? "\n]}\n" : "]}\n");
    if (status == RF_OK && t->n_truncated > 0)
        rf__say_warning("%llu of %llu text%s cut at %u tokens", (unsigned long long)t->n_truncated,
                        (unsigned long long)t->n, t->n == 1 ? " was" : "s were", t->common->max_tokens);
    rf__buf_release(&t->first);
    rf_tokenizer_free(t->tokenizer);
    return status;
}

/* What cannot go together. */
static int check(const struct command *command, const struct tokenize *t, const struct options *options)
{
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
        {"decode", 0, OPT_FLAG, &t.decode, NULL, "the other way: ids, as arguments or one text a line, to text"},
        {"ids", 0, OPT_TEXT, &t.ids, "IDS", "with --decode: ids, as \"101 7592 102\" or \"101,7592,102\""},
        OPT_END,
    };
    struct options options;
    struct input *input = NULL;
    bool ids_given;
    rf_status status = RF_OK;
    rf_error err;
    int code;

    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT, own, argc, argv, &options);
    if (code == OPT_GO_ON)
        code = check(command, &t, &options);
    if (code != OPT_GO_ON)
        goto out;
    t.common = &options.common;
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
    "Here there is no limit in tokens unless --max-tokens sets one.",
    run,
};
