/* tokenize_decode: ids, as text, back to the text that they are. */
#include "tokenize.h"

#include "base/mem.h"

#define IDS_MAX   ((size_t)64 << 20) /* ids of one text to decode */
#define MAX_SHOWN 100                /* bytes of what is no id, in a message */

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',' || c == '[' || c == ']' || c == '\r' || c == '\n';
}

/* Says what stands there in place of an id. */
static rf_status no_id(rf_text text, size_t begin, rf_error *err)
{
    const char *what = text.data + begin;
    size_t len = 0;
    bool is_cut;

    while (begin + len < text.len && len <= MAX_SHOWN && !is_separator(what[len]))
        len++;
    is_cut = len > MAX_SHOWN;
    if (is_cut)
        for (len = MAX_SHOWN; len > 0 && ((uint8_t)what[len] & 0xC0) == 0x80;) /* not within a character */
            len--;
    return rf__fail(err, RF_INVALID_ARGUMENT, "'%.*s%s' is no id, expected whole numbers up to %u", (int)len, what,
                    is_cut ? "..." : "", UINT32_MAX);
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
            return no_id(text, begin, err);
        ids[(*n)++] = (uint32_t)id;
    }
    return RF_OK;
}

static void print_decoded(struct tokenize *t, const char *text, size_t len)
{
    rf__tokenize_show_comma(t);
    if (t->format == FORMAT_TEXT) {
        rf__output_write(&t->out, text, len);
        rf__output_text(&t->out, "\n");
    } else if (t->format == FORMAT_JSON) {
        rf__output_json(&t->out, text, len);
    } else {
        rf__output_printf(&t->out, "{\"index\":%llu,\"text\":", (unsigned long long)t->n);
        rf__output_json(&t->out, text, len);
        rf__output_text(&t->out, "}\n");
    }
}

/* Each id's text as soon as it is certain. */
static rf_status stream(struct tokenize *t, const uint32_t *ids, size_t n, rf_error *err)
{
    rf_status status = RF_OK;

    if (t->decoding == NULL)
        status = rf_decode_stream_new(t->tokenizer, t->no_special, &t->decoding, err);
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        const char *text;
        size_t len;
        status = rf_decode_stream_step(t->decoding, ids[i], &text, &len, err);
        if (status == RF_OK)
            rf__output_write(&t->out, text, len);
    }
    if (status == RF_OK)
        rf__output_flush(&t->out);
    return status;
}

static rf_status whole(struct tokenize *t, const uint32_t *ids, size_t n, rf_error *err)
{
    char *decoded = NULL;
    size_t len = 0;
    rf_status status = rf_tokenizer_decode(t->tokenizer, ids, n, t->no_special, &decoded, &len, err);

    if (status == RF_OK)
        print_decoded(t, decoded, len);
    rf_free(decoded);
    return status;
}

rf_status rf__tokenize_decode(struct tokenize *t, rf_text text, const char *place, rf_error *err)
{
    uint32_t *ids;
    size_t n = 0;
    rf_status status;

    if (text.len > IDS_MAX)
        return rf__fail(err, RF_BAD_FORMAT, "%s: has %zu bytes, more than the %zu that ids of one text may have", place,
                        text.len, IDS_MAX);
    ids = rf__alloc_array(text.len / 2 + 1, sizeof *ids); /* a digit and a separator each */
    if (ids == NULL)
        return rf__fail_memory(err);
    status = parse_ids(text, ids, &n, err);
    if (status == RF_OK)
        status = t->stream ? stream(t, ids, n, err) : whole(t, ids, n, err);
    if (status != RF_OK)
        status = rf__fail_prefix(err, status, "%s", place);
    t->n++;
    rf__free(ids);
    return status == RF_OK ? rf__output_status(&t->out, err) : status;
}

rf_status rf__tokenize_decode_end(struct tokenize *t, rf_error *err)
{
    const char *text;
    size_t len;
    rf_status status;

    if (t->decoding == NULL)
        return RF_OK;
    status = rf_decode_stream_finish(t->decoding, &text, &len, err);
    if (status == RF_OK) {
        rf__output_write(&t->out, text, len);
        rf__output_text(&t->out, "\n");
    }
    return status;
}

rf_status rf__tokenize_decode_arguments(struct tokenize *t, const char *const *args, size_t n_args, rf_error *err)
{
    struct buf all;
    rf_status status = RF_OK;

    rf__buf_init(&all, IDS_MAX);
    if (t->ids != NULL)
        status = rf__buf_append_str(&all, t->ids, err);
    for (size_t i = 0; i < n_args && status == RF_OK; i++)
        status = rf__buf_printf(&all, err, " %s", args[i]);
    if (status == RF_OK)
        status = rf__tokenize_decode(t, (rf_text){all.data, all.len}, "ids", err);
    rf__buf_release(&all);
    return status;
}
