/*
 * similarity: the cosine of every text with every other, as a matrix:
 *
 *                                        1       2       3
 *     1  The cat sits on the mat.   1.0000  0.9237  0.0391
 *     2  A cat is sitting on a …    0.9237  1.0000  0.0563
 *
 * On a terminal that is too narrow for all columns, the rest follows below in further blocks.
 */
#include "commands.h"
#include "display.h"
#include "open.h"
#include "stream.h"

#include "base/cosine.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

#define MAX_TEXTS 4096 /* 16.8 million cosines */
#define LABEL_MAX 40   /* columns */
#define LABEL_MIN 12
#define CELL      8 /* "  0.9237", "-0.0391" */

struct matrix {
    const rf_model *model;
    size_t dim, n;
    struct buf texts; /* one after the other, NUL-terminated */
    size_t *offsets;  /* [n + 1], of `texts` */
    float *vectors;   /* [n, dim], of length 1 or 0 */
};

/* ---- Vectors ------------------------------------------------------------------------------------------------- */

static void l2(float *vector, size_t dim)
{
    const double length = sqrt(rf__dot(vector, vector, dim));

    for (size_t i = 0; i < dim && length > 0; i++)
        vector[i] = (float)(vector[i] / length);
}

static double cosine(const struct matrix *matrix, size_t a, size_t b)
{
    const size_t dim = matrix->dim;

    return fmin(1, fmax(-1, rf__dot(matrix->vectors + a * dim, matrix->vectors + b * dim, dim)));
}

static rf_status grow(struct matrix *matrix, size_t more, rf_error *err)
{
    size_t n = matrix->n + more, bytes, *offsets;
    float *vectors;

    if (n > MAX_TEXTS)
        return rf__fail(err, RF_INVALID_ARGUMENT, "more than %d texts; embed them and compare the vectors instead",
                        MAX_TEXTS);
    if (!rf__mul(n, matrix->dim * sizeof *vectors, &bytes))
        return rf__fail_memory(err);
    vectors = rf__realloc(matrix->vectors, bytes);
    if (vectors == NULL)
        return rf__fail_memory(err);
    matrix->vectors = vectors;
    offsets = rf__realloc(matrix->offsets, (n + 1) * sizeof *offsets);
    if (offsets == NULL)
        return rf__fail_memory(err);
    matrix->offsets = offsets;
    return RF_OK;
}

static rf_status take_rows(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err)
{
    struct matrix *matrix = user;
    rf_status status = grow(matrix, rows->n, err);

    for (size_t i = 0; i < rows->n && status == RF_OK; i++) {
        float *vector = matrix->vectors + matrix->n * matrix->dim;
        memcpy(vector, rows->vectors + i * matrix->dim, matrix->dim * sizeof *vector);
        l2(vector, matrix->dim);
        matrix->offsets[matrix->n++] = matrix->texts.len;
        status = rf__buf_append(&matrix->texts, chunk->texts[i].data, chunk->texts[i].len + 1, err);
        matrix->offsets[matrix->n] = matrix->texts.len;
    }
    return status;
}

static rf_text text_of(const struct matrix *matrix, size_t i)
{
    return (rf_text){matrix->texts.data + matrix->offsets[i], matrix->offsets[i + 1] - matrix->offsets[i] - 1};
}

/* ---- Output -------------------------------------------------------------------------------------------------- */

static void print_json(const struct matrix *matrix, struct output *out)
{
    rf_model_info info = {.size = sizeof info};

    rf_model_get_info(matrix->model, &info);
    rf__output_text(out, "{\"model\":");
    rf__output_json(out, info.source, strlen(info.source));
    rf__output_text(out, ",\"texts\":[");
    for (size_t i = 0; i < matrix->n; i++) {
        rf_text text = text_of(matrix, i);
        rf__output_text(out, i > 0 ? "," : "");
        rf__output_json(out, text.data, text.len);
    }
    rf__output_text(out, "],\"similarities\":[");
    for (size_t i = 0; i < matrix->n; i++) {
        rf__output_text(out, i > 0 ? ",\n[" : "\n[");
        for (size_t j = 0; j < matrix->n; j++) {
            rf__output_text(out, j > 0 ? "," : "");
            rf__output_float(out, (float)cosine(matrix, i, j));
        }
        rf__output_text(out, "]");
    }
    rf__output_text(out, "]}\n");
}

/* The shade of a cell: the closer, the stronger; of the 256 colours that terminals share. */
static const char *shade(double value)
{
    static const struct {
        double from;
        const char *start;
    } shades[] = {
        {0.8, "\033[48;5;29m\033[38;5;231m"},
        {0.6, "\033[48;5;36m\033[38;5;16m"},
        {0.4, "\033[48;5;79m\033[38;5;16m"},
        {0.2, "\033[48;5;158m\033[38;5;16m"},
    };

    for (size_t i = 0; i < sizeof shades / sizeof shades[0]; i++)
        if (value >= shades[i].from)
            return shades[i].start;
    return "";
}

struct layout {
    size_t digits, label; /* columns of the numbers and the labels of rows */
    bool color;
};

static void print_row(const struct matrix *matrix, size_t row, size_t from, size_t to, const struct layout *layout,
                      struct output *out)
{
    rf_text text = text_of(matrix, row);

    rf__output_printf(out, "%*zu  ", (int)layout->digits, row + 1);
    rf__display_print(out, text.data, text.len, layout->label, true);
    for (size_t column = from; column < to; column++) {
        double value = cosine(matrix, row, column);
        const char *start = layout->color ? shade(value) : "";
        rf__output_printf(out, " %s%*.4f%s", start, CELL - 1, value, start[0] ? "\033[0m" : "");
    }
    rf__output_text(out, "\n");
}

/* Columns that the labels get: what they need, within bounds. */
static size_t label_width(const struct matrix *matrix, size_t columns, size_t digits)
{
    size_t widest = 0, most = LABEL_MAX;

    for (size_t i = 0; i < matrix->n; i++) {
        size_t width = rf__display_width(text_of(matrix, i).data, text_of(matrix, i).len);
        widest = width > widest ? width : widest;
    }
    if (columns != SIZE_MAX) {
        size_t cells = digits + 2 + CELL * matrix->n;
        most = columns > cells + LABEL_MIN ? columns - cells : LABEL_MIN;
        most = most > LABEL_MAX ? LABEL_MAX : most;
    }
    return widest < most ? widest : most;
}

static void print_table(const struct matrix *matrix, struct output *out)
{
    size_t columns = rf__display_columns(), left, in_block;
    struct layout layout;

    layout.digits = (size_t)snprintf(NULL, 0, "%zu", matrix->n);
    layout.label = label_width(matrix, columns, layout.digits);
    layout.color = rf__display_has_color();
    left = layout.digits + 2 + layout.label;
    in_block = columns == SIZE_MAX ? matrix->n : columns > left + CELL ? (columns - left) / CELL : 1;
    for (size_t from = 0; from < matrix->n; from += in_block) {
        size_t to = matrix->n - from > in_block ? from + in_block : matrix->n;
        rf__output_printf(out, "%s%*s", from > 0 ? "\n" : "", (int)left, "");
        for (size_t column = from; column < to; column++)
            rf__output_printf(out, "%*zu", CELL, column + 1);
        rf__output_text(out, "\n");
        for (size_t row = 0; row < matrix->n; row++)
            print_row(matrix, row, from, to, &layout, out);
    }
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

static rf_status compare(const struct opt_common *common, struct input *input, bool json, struct output *out,
                         rf_error *err)
{
    struct matrix matrix = {.n = 0};
    rf_embed_options how = {.size = sizeof how};
    rf_model *model = NULL;
    rf_status status = rf__open_cached_model(common, &model, err);

    rf__buf_init(&matrix.texts, (size_t)1 << 30);
    rf__opt_prompt(common, &how);
    if (status == RF_OK) {
        matrix.model = model;
        matrix.dim = rf_model_dim(model);
        status = rf__stream_embed(model, &how, input, take_rows, &matrix, NULL, err);
    }
    if (status == RF_OK && json)
        print_json(&matrix, out);
    else if (status == RF_OK)
        print_table(&matrix, out);
    rf__buf_release(&matrix.texts);
    rf__free(matrix.offsets);
    rf__free(matrix.vectors);
    rf__close_cached_model(model);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    int format = 0, code;
    const struct opt own[] = {
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    struct input *input = NULL;
    struct output output;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT | OPT_RUN | OPT_CACHE | OPT_PROMPT, own, argc, argv,
                        &options);
    if (code == OPT_GO_ON)
        code = rf__command_check_input(command, &options);
    if (code != OPT_GO_ON)
        goto out;
    status = rf__input_open(&options.common, options.args, options.n_args, &input, &err);
    if (status == RF_OK && (input == NULL || options.n_args == 1)) {
        code = rf__opt_wrong(command, "nothing to compare; give two texts or more, or a file with -i");
        goto out;
    }
    if (status == RF_OK)
        status = rf__output_open(&output, NULL, &err);
    if (status == RF_OK) {
        status = compare(&options.common, input, format == 1, &output, &err);
        status = rf__output_close(&output, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__input_free(input);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_similarity = {
    "similarity",
    "how alike texts are: a cosine matrix",
    "Shows how alike texts are: the cosine of every one with every other, 1 for the same meaning, about 0 for none "
    "in common.",
    "TEXT TEXT... | -i FILE [options]",
    "  rag-factory similarity \"The cat sits on the mat.\" \"A cat is sitting on a mat.\" \"Python is a language.\"",
    "json: {\"model\": ..., \"texts\": [...], \"similarities\": [[1, 0.92, ...], ...]}",
    run,
    NULL,
};
