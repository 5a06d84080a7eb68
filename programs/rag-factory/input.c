/* input: see input.h. */
#include "input.h"

#include "base/fnv.h"
#include "base/json.h"
#include "base/mem.h"
#include "os/os.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 << 10)

enum mode { MODE_LINES, MODE_NULL, MODE_JSON };

struct input {
    const char *const *args; /* NULL: a file is read */
    size_t n_args, next_arg;

    FILE *file; /* NULL with arguments */
    bool is_stdin;
    bool is_prompt; /* a line is handed out when it comes, not when a block is full */
    char *name;
    enum mode mode;
    const char *field; /* of MODE_JSON */
    uint64_t size;     /* 0: not known */

    char *block; /* [BLOCK_BYTES]; bytes begin … end are still to be read */
    size_t begin, end;
    bool at_end;          /* of the file */
    struct input_mark at; /* texts handed out, lines finished, bytes taken out of the block so far */
    struct buf line;      /* of MODE_JSON: the line that is being read */
};

/* ---- Chunk --------------------------------------------------------------------------------------------------- */

void rf__chunk_init(struct chunk *chunk)
{
    *chunk = (struct chunk){.n = 0};
    rf__buf_init(&chunk->bytes, 2 * RF_TEXT_MAX);
}

void rf__chunk_release(struct chunk *chunk)
{
    rf__free(chunk->texts);
    rf__free(chunk->line);
    rf__buf_release(&chunk->bytes);
    rf__chunk_init(chunk);
}

static rf_status chunk_grow(struct chunk *chunk, rf_error *err)
{
    size_t cap = chunk->cap ? chunk->cap * 2 : 64;
    rf_text *texts;
    uint64_t *line;

    if (chunk->n < chunk->cap)
        return RF_OK;
    texts = rf__realloc(chunk->texts, cap * sizeof *texts);
    if (texts == NULL)
        return rf__fail_memory(err);
    chunk->texts = texts;
    line = rf__realloc(chunk->line, cap * sizeof *line);
    if (line == NULL)
        return rf__fail_memory(err);
    chunk->line = line;
    chunk->cap = cap;
    return RF_OK;
}

/* Ends the text that lies at the end of `bytes` and is `len` bytes long. Pointers come in chunk_finish(): the bytes may
 * still move. */
static rf_status chunk_add(struct chunk *chunk, size_t len, uint64_t line, rf_error *err)
{
    rf_status status = chunk_grow(chunk, err);

    if (status == RF_OK)
        status = rf__buf_append_byte(&chunk->bytes, '\0', err);
    if (status != RF_OK)
        return status;
    chunk->texts[chunk->n].len = len;
    chunk->line[chunk->n++] = line;
    return RF_OK;
}

static void chunk_finish(struct chunk *chunk)
{
    size_t offset = 0;

    for (size_t i = 0; i < chunk->n; i++) {
        chunk->texts[i].data = chunk->bytes.data + offset;
        offset += chunk->texts[i].len + 1;
    }
}

/* ---- Opening ------------------------------------------------------------------------------------------------- */

static rf_status open_file(struct input *input, const char *path, rf_error *err)
{
    struct os_stat stat;

    input->is_stdin = path == NULL || strcmp(path, "-") == 0;
    input->name = rf__strdup(input->is_stdin ? "standard input" : path);
    input->block = rf__alloc(BLOCK_BYTES);
    if (input->name == NULL || input->block == NULL)
        return rf__fail_memory(err);
    if (input->is_stdin) {
        input->file = stdin;
        rf__os_binary_mode(stdin);
        return RF_OK;
    }
    stat = rf__os_stat(path);
    if (stat.kind == OS_DIRECTORY)
        return rf__fail(err, RF_IO, "%s: is a folder, expected a file with one text a line", path);
    input->file = rf__os_fopen(path, "rb");
    if (input->file == NULL)
        return rf__fail(err, errno == ENOENT ? RF_NOT_FOUND : RF_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (stat.kind == OS_FILE)
        input->size = stat.size;
    return RF_OK;
}

rf_status rf__input_open(const struct opt_common *options, const char *const *args, size_t n_args, struct input **out,
                         rf_error *err)
{
    struct input *input;
    rf_status status = RF_OK;

    *out = NULL;
    if (n_args == 0 && options->input == NULL && rf__os_is_terminal(stdin))
        return RF_OK;
    input = rf__calloc(1, sizeof *input);
    if (input == NULL)
        return rf__fail_memory(err);
    rf__buf_init(&input->line, RF_TEXT_MAX + BLOCK_BYTES);
    input->mode = options->jsonl != NULL ? MODE_JSON : options->null ? MODE_NULL : MODE_LINES;
    input->field = options->jsonl;
    input->at.hash = RF_FNV_BEGIN;
    if (n_args > 0) {
        input->args = args;
        input->n_args = n_args;
    } else {
        status = open_file(input, options->input, err);
    }
    if (status != RF_OK) {
        rf__input_free(input);
        return status;
    }
    *out = input;
    return RF_OK;
}

void rf__input_free(struct input *input)
{
    if (input == NULL)
        return;
    if (input->file != NULL && !input->is_stdin)
        fclose(input->file);
    rf__buf_release(&input->line);
    rf__free(input->block);
    rf__free(input->name);
    rf__free(input);
}

uint64_t rf__input_size(const struct input *input)
{
    return input->size;
}

void rf__input_be_prompt(struct input *input)
{
    input->is_prompt = true;
}

const char *rf__input_name(const struct input *input)
{
    return input->args != NULL ? "the arguments" : input->name;
}

const char *rf__input_form(const struct input *input, char out[RF_FORM_TEXT])
{
    snprintf(out, RF_FORM_TEXT, "%s%s",
             input->mode == MODE_JSON   ? "json "
             : input->mode == MODE_NULL ? "null"
                                        : "lines",
             input->mode == MODE_JSON ? input->field : "");
    return out;
}

const char *rf__input_place(const struct input *input, const struct chunk *chunk, size_t i, char out[RF_PLACE_TEXT])
{
    const char *what = input->mode == MODE_NULL ? "record" : "line";

    if (input->args != NULL)
        snprintf(out, RF_PLACE_TEXT, "text %llu", (unsigned long long)chunk->line[i]);
    else
        snprintf(out, RF_PLACE_TEXT, "%s, %s %llu", input->name, what, (unsigned long long)chunk->line[i]);
    return out;
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

/* Reads up to the end of a line. */
static size_t fill_line(struct input *input)
{
    size_t n = 0;
    int c = 0;

    while (n < BLOCK_BYTES && c != '\n' && (c = getc(input->file)) != EOF)
        input->block[n++] = (char)c;
    return n;
}

/* Takes n bytes out of the block. */
static void pass(struct input *input, size_t n)
{
    input->at.hash = rf__fnv_add(input->at.hash, input->block + input->begin, n);
    input->at.n_bytes += n;
    input->begin += n;
}

static rf_status fill_block(struct input *input, rf_error *err)
{
    bool is_first = input->at.n_bytes == 0;

    input->begin = 0;
    input->end = input->is_prompt ? fill_line(input) : fread(input->block, 1, BLOCK_BYTES, input->file);
    if (rf__say_interrupted())
        return rf__say_cancelled(err);
    if (ferror(input->file))
        return rf__fail(err, RF_IO, "%s: cannot be read: %s", input->name, strerror(errno));
    input->at_end = input->end < BLOCK_BYTES && feof(input->file);
    if (!is_first || input->mode == MODE_NULL)
        return RF_OK;
    if (input->end >= 2 && (memcmp(input->block, "\xFF\xFE", 2) == 0 || memcmp(input->block, "\xFE\xFF", 2) == 0))
        return rf__fail(err, RF_BAD_FORMAT, "%s: is UTF-16, expected UTF-8; convert it with iconv -f UTF-16 -t UTF-8",
                        input->name);
    if (input->end >= 3 && memcmp(input->block, "\xEF\xBB\xBF", 3) == 0)
        pass(input, 3);
    return RF_OK;
}

/* Appends the bytes up to the next delimiter to `out`, which holds `*len` bytes of this text already. *found tells
 * whether the delimiter came; without it the block is used up. */
static rf_status take_bytes(struct input *input, struct buf *out, size_t *len, bool *found, rf_error *err)
{
    const char *from = input->block + input->begin;
    size_t left = input->end - input->begin;
    const char *stop = left > 0 ? memchr(from, input->mode == MODE_NULL ? '\0' : '\n', left) : NULL;
    size_t n = stop != NULL ? (size_t)(stop - from) : left;

    *found = stop != NULL;
    if (n > RF_TEXT_MAX - *len)
        return rf__fail(err, RF_BAD_FORMAT, "%s: %s %llu is longer than %zu MiB; is the file made of texts, one a %s?",
                        input->name, input->mode == MODE_NULL ? "record" : "line",
                        (unsigned long long)input->at.n_lines + 1, RF_TEXT_MAX >> 20,
                        input->mode == MODE_NULL ? "record" : "line");
    *len += n;
    pass(input, n + *found);
    return rf__buf_append(out, from, n, err);
}

/* Reads one line or record to the end of `out`. *got is false where the input has ended. */
static rf_status read_line(struct input *input, struct buf *out, size_t *len, bool *got, rf_error *err)
{
    bool found = false, any = false;
    rf_status status = RF_OK;

    *len = 0;
    *got = false;
    while (!found && status == RF_OK) {
        if (input->begin == input->end) {
            if (input->at_end)
                break;
            status = fill_block(input, err);
            if (status != RF_OK || input->begin == input->end)
                continue;
        }
        any = true;
        status = take_bytes(input, out, len, &found, err);
    }
    if (status != RF_OK || !any)
        return status;
    if (input->mode != MODE_NULL && found && *len > 0 && out->data[out->len - 1] == '\r') {
        out->data[--out->len] = '\0';
        --*len;
    }
    input->at.n_lines++;
    *got = true;
    return RF_OK;
}

/* Appends the text in the JSON object `line` to the chunk. */
static rf_status add_json(struct input *input, struct chunk *chunk, rf_error *err)
{
    struct json json = {0};
    yyjson_val *value;
    rf_status status;
    char name[RF_PLACE_TEXT];

    snprintf(name, sizeof name, "%s, line %llu", input->name, (unsigned long long)input->at.n_lines);
    status = rf__json_parse(&json, input->line.data, input->line.len, name, err);
    if (status != RF_OK)
        return status;
    value = yyjson_obj_get(json.root, input->field);
    if (!yyjson_is_obj(json.root))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: is %s, expected an object with the field '%s'", name,
                          rf__json_type_name(json.root), input->field);
    else if (!yyjson_is_str(value))
        status = rf__fail(err, RF_BAD_FORMAT, "%s: the field '%s' is %s, expected a string", name, input->field,
                          rf__json_type_name(value));
    else
        status = rf__buf_append(&chunk->bytes, yyjson_get_str(value), yyjson_get_len(value), err);
    if (status == RF_OK)
        status = chunk_add(chunk, yyjson_get_len(value), input->at.n_lines, err);
    rf__json_release(&json);
    return status;
}

static rf_status read_one(struct input *input, struct chunk *chunk, bool *got, rf_error *err)
{
    rf_status status;
    size_t len;

    if (input->mode != MODE_JSON) {
        status = read_line(input, &chunk->bytes, &len, got, err);
        return status == RF_OK && *got ? chunk_add(chunk, len, input->at.n_lines, err) : status;
    }
    rf__buf_clear(&input->line);
    status = read_line(input, &input->line, &len, got, err);
    if (status != RF_OK || !*got || strspn(input->line.data, " \t") == len)
        return status;
    return add_json(input, chunk, err);
}

static rf_status read_argument(struct input *input, struct chunk *chunk, bool *got, rf_error *err)
{
    const char *text;
    rf_status status;

    *got = input->next_arg < input->n_args;
    if (!*got)
        return RF_OK;
    text = input->args[input->next_arg++];
    status = rf__buf_append_str(&chunk->bytes, text, err);
    return status == RF_OK ? chunk_add(chunk, strlen(text), ++input->at.n_lines, err) : status;
}

struct input_mark rf__input_at(const struct input *input)
{
    return input->at;
}

rf_status rf__input_skip(struct input *input, const struct input_mark *mark, rf_error *err)
{
    rf_status status = RF_OK;

    while (status == RF_OK && input->at.n_bytes < mark->n_bytes) {
        const uint64_t left = mark->n_bytes - input->at.n_bytes;
        const size_t here = input->end - input->begin;
        if (here > 0)
            pass(input, left < here ? (size_t)left : here);
        else if (input->at_end)
            break;
        else
            status = fill_block(input, err);
    }
    if (status != RF_OK)
        return status;
    if (input->at.n_bytes != mark->n_bytes || input->at.hash != mark->hash)
        return rf__fail(err, RF_BAD_FORMAT, "%s: is not what it was: its first %llu bytes differ", input->name,
                        (unsigned long long)mark->n_bytes);
    input->at = *mark;
    return RF_OK;
}

rf_status rf__input_read(struct input *input, size_t max_texts, size_t max_bytes, struct chunk *chunk, rf_error *err)
{
    bool got = true;
    rf_status status = RF_OK;

    chunk->n = 0;
    chunk->first = input->at.n_texts;
    rf__buf_clear(&chunk->bytes);
    while (status == RF_OK && got && chunk->n < max_texts && chunk->bytes.len < max_bytes)
        status = input->args != NULL ? read_argument(input, chunk, &got, err) : read_one(input, chunk, &got, err);
    if (status != RF_OK)
        return status;
    chunk_finish(chunk);
    input->at.n_texts += chunk->n;
    chunk->end = input->at;
    return RF_OK;
}
