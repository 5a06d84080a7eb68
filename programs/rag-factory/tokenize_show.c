/* tokenize_show: encodings as a table, as JSON, as ids alone, as counts. */
#include "tokenize.h"

#include "display.h"

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

/* `number`: 0, or which piece of the overflow it is. */
static void print_table(struct tokenize *t, const rf_encoding *encoding, size_t number)
{
    rf__output_text(&t->out, t->n > 0 || number > 0 ? "\n" : "");
    if (number > 0)
        rf__output_printf(&t->out, "overflow %zu\n", number);
    rf__output_printf(&t->out, "%5s %7s %7s %7s%s  %s\n", "token", "id", "begin", "end", t->pair ? " type" : "",
                      "piece");
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

static void print_spans(struct output *out, const size_t *begin, const size_t *end, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rf__output_printf(out, "%s[%zu,%zu]", i > 0 ? "," : "", begin[i], end[i]);
}

/* The members of an object, from the number of tokens on. */
static void print_members(struct tokenize *t, const rf_encoding *encoding)
{
    struct output *out = &t->out;

    rf__output_printf(out, "\"n_tokens\":%zu,\"truncated\":%s,\"ids\":[", encoding->n,
                      encoding->truncated ? "true" : "false");
    print_numbers(out, encoding->ids, encoding->n, ",");
    rf__output_text(out, "],\"pieces\":[");
    print_json_pieces(t, encoding);
    rf__output_text(out, "],\"offsets\":[");
    print_spans(out, encoding->begin, encoding->end, encoding->n);
    rf__output_text(out, "],\"char_offsets\":[");
    print_spans(out, encoding->begin_char, encoding->end_char, encoding->n);
    rf__output_text(out, "],\"type_ids\":[");
    print_numbers(out, encoding->type_ids, encoding->n, ",");
    rf__output_text(out, "],\"words\":[");
    for (size_t i = 0; i < encoding->n; i++)
        if (encoding->words[i] == RF_NO_WORD)
            rf__output_text(out, i > 0 ? ",null" : "null");
        else
            rf__output_printf(out, "%s%u", i > 0 ? "," : "", encoding->words[i]);
    rf__output_text(out, "],\"special\":[");
    for (size_t i = 0; i < encoding->n; i++)
        rf__output_printf(out, "%s%s", i > 0 ? "," : "", encoding->special[i] ? "true" : "false");
    rf__output_text(out, "]");
}

static void print_object(struct tokenize *t, const rf_encoding *encoding)
{
    rf__output_printf(&t->out, "{\"index\":%llu,", (unsigned long long)t->n);
    print_members(t, encoding);
    if (t->overflow) {
        rf__output_text(&t->out, ",\"overflow\":[");
        for (size_t i = 0; i < encoding->n_overflow; i++) {
            rf__output_text(&t->out, i > 0 ? ",{" : "{");
            print_members(t, encoding->overflow[i]);
            rf__output_text(&t->out, "}");
        }
        rf__output_text(&t->out, "]");
    }
    rf__output_text(&t->out, "}");
}

void rf__tokenize_show_comma(struct tokenize *t)
{
    if (t->format == FORMAT_JSON)
        rf__output_text(&t->out, t->n > 0 ? ",\n" : "\n");
}

void rf__tokenize_show(struct tokenize *t, const rf_encoding *encoding)
{
    rf__tokenize_show_comma(t);
    if (t->format != FORMAT_TEXT) {
        print_object(t, encoding);
        rf__output_text(&t->out, t->format == FORMAT_JSONL ? "\n" : "");
        return;
    }
    print_table(t, encoding, 0);
    for (size_t i = 0; i < encoding->n_overflow; i++)
        print_table(t, encoding->overflow[i], i + 1);
}

void rf__tokenize_show_ids(struct tokenize *t, const uint32_t *ids, size_t n)
{
    print_numbers(&t->out, ids, n, " ");
    rf__output_text(&t->out, "\n");
}

void rf__tokenize_show_count(struct tokenize *t, size_t n)
{
    rf__tokenize_show_comma(t);
    if (t->format == FORMAT_TEXT) {
        rf__output_printf(&t->out, t->estimate ? "%zu estimated\n" : "%zu\n", n);
        return;
    }
    rf__output_printf(&t->out, "{\"index\":%llu,\"n_tokens\":%zu,\"estimated\":true}%s", (unsigned long long)t->n, n,
                      t->format == FORMAT_JSONL ? "\n" : "");
}
