/* text: see text.h. */
#include "tokenizer/text.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

#define CEILING_MIN     ((size_t)1 << 20)
#define CEILING_BY_BYTE 64

static const struct run whole = {0, 0, RF_RUN_LINEAR};

struct text rf__text_of_caller(rf_text text)
{
    return (struct text){text.data, text.len, &whole, 1};
}

void rf__text_buf_release(struct text_buf *buf)
{
    rf__free(buf->bytes);
    rf__free(buf->runs);
    *buf = (struct text_buf){0};
}

void rf__text_buf_clear(struct text_buf *buf)
{
    buf->text.len = 0;
    buf->text.n_runs = 0;
}

/* The next capacity: at least `need`, doubled so that appending stays linear. False when it cannot be counted. */
static bool grow(size_t cap, size_t len, size_t more, size_t *out)
{
    size_t need;

    if (!rf__add(len, more, &need))
        return false;
    *out = cap > SIZE_MAX / 2 || cap * 2 < need ? need : cap * 2;
    return true;
}

void rf__text_buf_limit(struct text_buf *buf, size_t more)
{
    buf->max = more > SIZE_MAX - buf->text.len ? SIZE_MAX : buf->text.len + more;
    buf->cap = buf->size < buf->max ? buf->size : buf->max;
}

size_t rf__text_ceiling(size_t len)
{
    return len > (SIZE_MAX - CEILING_MIN) / CEILING_BY_BYTE ? SIZE_MAX : CEILING_MIN + len * CEILING_BY_BYTE;
}

rf_status rf__fail_ceiling(rf_error *err)
{
    return rf__fail(err, RF_UNSUPPORTED, "makes a text more than %d times as long, which no real tokenizer does",
                    CEILING_BY_BYTE);
}

static rf_status grow_bytes(struct text_buf *buf, size_t more, rf_error *err)
{
    size_t cap, size;
    char *bytes;

    if (buf->max > 0 && more > buf->max - buf->text.len)
        return rf__fail_ceiling(err);
    if (!grow(buf->cap, buf->text.len, more, &cap))
        return rf__fail_memory(err);
    if (buf->max > 0 && cap > buf->max)
        cap = buf->max;
    if (buf->bytes == NULL || buf->size < cap) {
        if (!rf__add(cap, RF_TEXT_PAD, &size) || (bytes = rf__realloc(buf->bytes, size)) == NULL)
            return rf__fail_memory(err);
        memset(bytes + buf->size, 0, size - buf->size);
        buf->text.data = buf->bytes = bytes;
        buf->size = cap;
    }
    buf->cap = cap;
    return RF_OK;
}

rf_status rf__text_buf_grow(struct text_buf *buf, size_t more_bytes, size_t more_runs, rf_error *err)
{
    size_t cap, size;

    if (buf->bytes == NULL || buf->cap - buf->text.len < more_bytes) {
        rf_status status = grow_bytes(buf, more_bytes, err);
        if (status != RF_OK)
            return status;
    }
    if (buf->runs == NULL || buf->cap_runs - buf->text.n_runs < more_runs) {
        struct run *runs;
        if (!grow(buf->cap_runs, buf->text.n_runs, more_runs, &cap) || !rf__mul(cap, sizeof *runs, &size))
            return rf__fail_memory(err);
        runs = rf__realloc(buf->runs, size);
        if (runs == NULL)
            return rf__fail_memory(err);
        buf->text.runs = buf->runs = runs;
        buf->cap_runs = cap;
    }
    return RF_OK;
}

void rf__text_buf_drop(struct text_buf *buf, size_t n)
{
    struct text *text = &buf->text;
    size_t first = 0;

    assert(n <= text->len);
    if (n == text->len) {
        rf__text_buf_clear(buf);
        return;
    }
    while (first + 1 < text->n_runs && buf->runs[first + 1].at <= n)
        first++;
    memmove(buf->bytes, buf->bytes + n, text->len - n);
    memmove(buf->runs, buf->runs + first, (text->n_runs - first) * sizeof *buf->runs);
    text->len -= n;
    text->n_runs -= first;
    if (buf->runs[0].end == RF_RUN_LINEAR)
        buf->runs[0].begin += n - buf->runs[0].at;
    buf->runs[0].at = 0;
    for (size_t i = 1; i < text->n_runs; i++)
        buf->runs[i].at -= n;
}

size_t rf__text_ascii(const char *data, size_t at, size_t to)
{
    size_t begin = at;

    for (; to - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, data + at, sizeof eight);
        if ((eight & 0x8080808080808080u) != 0)
            break;
    }
    while (at < to && (uint8_t)data[at] < 0x80)
        at++;
    return at - begin;
}

#define COPY_BLOCK 4096 /* bytes for which room is made at once */

rf_status rf__text_buf_copy(struct text_buf *buf, const struct text *in, size_t from, size_t to, rf_error *err)
{
    struct align align = rf__align_of(in);

    while (from < to) {
        size_t stop = to - from > COPY_BLOCK ? from + COPY_BLOCK : to;
        /* An ill-formed byte becomes three; what begins in front of `stop` may end up to three bytes behind it. */
        rf_status status = rf__text_buf_reserve(buf, (stop - from) * 3 + RF_UTF8_MAX, stop - from, err);
        if (status != RF_OK)
            return status;
        while (from < stop) {
            bool is_linear = in->n_runs == 1 && in->runs[0].end == RF_RUN_LINEAR;
            size_t n = is_linear ? rf__utf8_well_formed(in->data + from, stop - from) : 0;
            if (n > 0) {
                rf__text_put_linear(buf, in->data + from, n, rf__align_begin(&align, from));
                from += n;
            } else {
                struct text_char c = rf__align_char(&align, from);
                char bytes[RF_UTF8_MAX];
                rf__text_put(buf, bytes, rf__utf8_encode(c.c, bytes), c.begin, c.end);
                from += c.len;
            }
        }
    }
    return RF_OK;
}

struct align rf__align_of(const struct text *text)
{
    return (struct align){text, 0};
}

/* The run that `at` lies in. */
static const struct run *run_of(struct align *align, size_t at)
{
    const struct text *text = align->text;

    assert(text->n_runs > 0);
    if (text->runs[align->i].at > at) {
        size_t low = 0, high = align->i; /* runs[low].at <= at < runs[high].at */
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (text->runs[middle].at <= at)
                low = middle;
            else
                high = middle;
        }
        align->i = low;
    }
    while (align->i + 1 < text->n_runs && text->runs[align->i + 1].at <= at)
        align->i++;
    return &text->runs[align->i];
}

rf_status rf__text_buf_append(struct text_buf *buf, struct align *align, size_t from, size_t to, rf_error *err)
{
    const struct text *in = align->text;
    rf_status status;

    if (from >= to)
        return RF_OK;
    run_of(align, from);
    status = rf__text_buf_reserve(buf, to - from, in->n_runs - align->i, err);
    while (status == RF_OK && from < to) {
        const struct run *run = run_of(align, from);
        size_t stop = align->i + 1 < in->n_runs && run[1].at < to ? run[1].at : to;
        if (run->end == RF_RUN_LINEAR)
            rf__text_put_linear(buf, in->data + from, stop - from, run->begin + (from - run->at));
        else
            rf__text_put_all(buf, in->data + from, stop - from, run->begin, run->end);
        from = stop;
    }
    return status;
}

size_t rf__align_begin(struct align *align, size_t at)
{
    const struct run *run = run_of(align, at);

    return run->end == RF_RUN_LINEAR ? run->begin + (at - run->at) : run->begin;
}

size_t rf__align_end(struct align *align, size_t at)
{
    const struct run *run;

    assert(at > 0);
    run = run_of(align, at - 1);
    return run->end == RF_RUN_LINEAR ? run->begin + (at - run->at) : run->end;
}

bool rf__align_linear(struct align *align, size_t at, size_t *begin, size_t *stop)
{
    const struct run *run = run_of(align, at);

    if (run->end != RF_RUN_LINEAR)
        return false;
    *begin = run->begin + (at - run->at);
    if (align->i + 1 < align->text->n_runs && run[1].at < *stop)
        *stop = run[1].at;
    return true;
}

struct text_char rf__align_char(struct align *align, size_t at)
{
    struct text_char c;

    c.len = rf__utf8_decode(align->text->data + at, align->text->len - at, &c.c);
    c.begin = rf__align_begin(align, at);
    c.end = rf__align_end(align, at + c.len);
    return c;
}

void rf__places_put(struct places *places, struct text_buf *out, uint32_t c, size_t n)
{
    struct text_char first = places->taken;
    char bytes[RF_UTF8_MAX];

    for (size_t i = 0; i < n; i++) {
        places->taken = rf__align_char(&places->align, places->next);
        places->next += places->taken.len;
        if (i == 0)
            first = places->taken;
    }
    rf__text_put(out, bytes, rf__utf8_encode(c, bytes), first.begin, first.end);
}

size_t rf__text_before(const char *data, size_t at)
{
    size_t i = at - 1;

    for (int n = 1; n < RF_UTF8_MAX && i > 0 && ((uint8_t)data[i] & 0xC0) == 0x80; n++)
        i--;
    return i;
}
