/*
 * search: the texts of a corpus that are closest to a query. The corpus streams by; a heap holds the best k, the worst
 * of them on top, so that memory depends on k alone.
 */
#include "commands.h"
#include "display.h"
#include "open.h"
#include "stream.h"

#include "base/cosine.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_K 10
#define MAX_K     100000

struct hit {
    double score;
    uint64_t line;
    char *text; /* NUL-terminated */
    size_t len;
};

struct search {
    const char *query;
    float *vector; /* of the query, [dim] */
    double length; /* of `vector` */
    size_t dim;
    struct hit *heap; /* [k]; the worst is heap[0] while streaming */
    size_t n, k;
};

/* ---- Heap ---------------------------------------------------------------------------------------------------- */

/* Equal scores keep the order of the corpus. */
static bool is_worse(const struct hit *a, const struct hit *b)
{
    return a->score < b->score || (a->score == b->score && a->line > b->line);
}

static void swap(struct hit *a, struct hit *b)
{
    struct hit old = *a;

    *a = *b;
    *b = old;
}

static void sift_up(struct hit *heap, size_t i)
{
    while (i > 0 && is_worse(&heap[i], &heap[(i - 1) / 2])) {
        swap(&heap[i], &heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct hit *heap, size_t n)
{
    size_t i = 0;

    for (;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
            if (is_worse(&heap[child], &heap[worst]))
                worst = child;
        if (worst == i)
            return;
        swap(&heap[i], &heap[worst]);
        i = worst;
    }
}

/* Takes the hit where it belongs to the best k; its text is copied then. */
static rf_status offer(struct search *search, struct hit hit, rf_error *err)
{
    bool is_full = search->n == search->k;

    if (is_full && !is_worse(&search->heap[0], &hit))
        return RF_OK;
    hit.text = rf__strndup(hit.text, hit.len);
    if (hit.text == NULL)
        return rf__fail_memory(err);
    if (is_full) {
        rf__free(search->heap[0].text);
        search->heap[0] = hit;
        sift_down(search->heap, search->n);
    } else {
        search->heap[search->n++] = hit;
        sift_up(search->heap, search->n - 1);
    }
    return RF_OK;
}

static int compare_hits(const void *a, const void *b)
{
    return is_worse(a, b) ? 1 : is_worse(b, a) ? -1 : 0;
}

/* ---- Scores -------------------------------------------------------------------------------------------------- */

static rf_status take_rows(void *user, const struct chunk *chunk, const struct vector_rows *rows, rf_error *err)
{
    struct search *search = user;
    rf_status status = RF_OK;

    for (size_t i = 0; i < rows->n && status == RF_OK; i++) {
        const float *vector = rows->vectors + i * search->dim;
        double lengths = sqrt(rf__dot(vector, vector, search->dim)) * search->length;
        double score = lengths > 0 ? rf__dot(vector, search->vector, search->dim) / lengths : 0;
        struct hit hit = {score, chunk->line[i], (char *)(uintptr_t)chunk->texts[i].data, chunk->texts[i].len};
        if (hit.len > 0)
            status = offer(search, hit, err);
    }
    return status;
}

/* ---- Output -------------------------------------------------------------------------------------------------- */

static void print_json_hit(const struct hit *hit, struct output *out)
{
    rf__output_text(out, "{\"score\":");
    rf__output_float(out, (float)hit->score);
    rf__output_printf(out, ",\"line\":%llu,\"text\":", (unsigned long long)hit->line);
    rf__output_json(out, hit->text, hit->len);
    rf__output_text(out, "}");
}

static void print_jsonl(const struct search *search, const char *model, struct output *out)
{
    (void)model;
    for (size_t i = 0; i < search->n; i++) {
        print_json_hit(&search->heap[i], out);
        rf__output_text(out, "\n");
    }
}

static void print_json(const struct search *search, const char *model, struct output *out)
{
    rf__output_text(out, "{\"model\":");
    rf__output_json(out, model, strlen(model));
    rf__output_text(out, ",\"query\":");
    rf__output_json(out, search->query, strlen(search->query));
    rf__output_text(out, ",\"results\":[");
    for (size_t i = 0; i < search->n; i++) {
        rf__output_text(out, i > 0 ? ",\n" : "\n");
        print_json_hit(&search->heap[i], out);
    }
    rf__output_text(out, search->n > 0 ? "\n]}\n" : "]}\n");
}

/* Score, line and text in columns; a terminal gets no more of a text than fits. */
static void print_text(const struct search *search, const char *model, struct output *out)
{
    size_t columns = rf__display_columns(), left;
    uint64_t highest = 0;
    int digits;

    (void)model;
    for (size_t i = 0; i < search->n; i++)
        highest = search->heap[i].line > highest ? search->heap[i].line : highest;
    digits = snprintf(NULL, 0, "%llu", (unsigned long long)highest);
    left = 7 + 2 + (size_t)digits + 2;
    for (size_t i = 0; i < search->n; i++) {
        const struct hit *hit = &search->heap[i];
        rf__output_printf(out, "%7.4f  %*llu  ", hit->score, digits, (unsigned long long)hit->line);
        if (columns == SIZE_MAX)
            rf__output_write(out, hit->text, hit->len);
        else
            rf__display_print(out, hit->text, hit->len, columns > left + 20 ? columns - left : 20, false);
        rf__output_text(out, "\n");
    }
}

/* ---- Command ------------------------------------------------------------------------------------------------- */

static rf_status find(const struct opt_common *common, struct input *input, int format, struct search *search,
                      struct output *out, rf_error *err)
{
    static void (*const printers[])(const struct search *, const char *, struct output *) = {print_text, print_json,
                                                                                             print_jsonl};
    const rf_embed_options documents = {.role = RF_ROLE_DOCUMENT};
    rf_text query = {search->query, strlen(search->query)};
    rf_model_info info = {.size = sizeof info};
    rf_model *model = NULL;
    rf_status status = rf__open_cached_model(common, &model, err);

    if (status != RF_OK)
        return status;
    rf_model_get_info(model, &info);
    search->dim = info.dim;
    search->vector = rf__alloc_array(search->dim, sizeof *search->vector);
    search->heap = rf__alloc_array(search->k, sizeof *search->heap);
    if (search->vector == NULL || search->heap == NULL)
        status = rf__fail_memory(err);
    if (status == RF_OK)
        status = rf_embed_query(model, query, search->vector, search->dim, err);
    if (status == RF_OK) {
        search->length = sqrt(rf__dot(search->vector, search->vector, search->dim));
        status = rf__stream_embed(model, &documents, input, take_rows, search, NULL, err);
    }
    if (status == RF_OK) {
        qsort(search->heap, search->n, sizeof *search->heap, compare_hits);
        printers[format](search, info.source, out); /* the fallback's, where that was opened */
    }
    for (size_t i = 0; i < search->n; i++)
        rf__free(search->heap[i].text);
    rf__free(search->heap);
    rf__free(search->vector);
    rf__close_cached_model(model);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    uint32_t k = DEFAULT_K;
    int format = 0, code;
    const struct opt own[] = {
        {"top", 'k', OPT_NUMBER, &k, "N", "how many to show (default: 10)"},
        {"format", 0, OPT_CHOICE, &format, "text|json|jsonl", "(default: text)"},
        OPT_END,
    };
    struct options options;
    struct search search = {.n = 0};
    struct input *input = NULL;
    struct output output;
    rf_status status;
    rf_error err;

    code = rf__opt_read(command, OPT_INPUT | OPT_MODEL | OPT_LIMIT | OPT_RUN | OPT_CACHE, own, argc, argv, &options);
    if (code == OPT_GO_ON && options.n_args != 1)
        code = rf__opt_wrong(command, options.n_args == 0 ? "no query given" : "more than one query; quote it");
    if (code == OPT_GO_ON && (k < 1 || k > MAX_K))
        code = rf__opt_wrong(command, "--top is %u, expected 1 to %d", k, MAX_K);
    if (code == OPT_GO_ON && options.common.null && options.common.jsonl != NULL)
        code = rf__opt_wrong(command, "--null and --jsonl exclude each other");
    if (code != OPT_GO_ON)
        goto out;
    search.query = options.args[0];
    search.k = k;
    status = rf__input_open(&options.common, NULL, 0, &input, &err);
    if (status == RF_OK && input == NULL) {
        code = rf__opt_wrong(command, "nothing to search in; give a file with -i");
        goto out;
    }
    if (status == RF_OK)
        status = rf__output_open(&output, NULL, &err);
    if (status == RF_OK) {
        status = find(&options.common, input, format, &search, &output, &err);
        status = rf__output_close(&output, status, &err);
    }
    code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
out:
    rf__input_free(input);
    rf__opt_release(&options);
    return code;
}

const struct command rf__cmd_search = {
    "search",
    "the lines of a file closest to a query",
    "Finds the texts of a file that are closest in meaning to a query. Prints score, line number and text.",
    "QUERY [-i FILE] [-k N] [options]",
    "  rag-factory search \"How do I reset my password?\" -i help-pages.txt -k 3",
    "The query gets the model's prompt for queries, the texts that for documents, where it has them. "
    "The score is the cosine, 1 at most. Empty lines are not searched. Memory does not grow with the file.",
    run,
    NULL,
};
