/*
 * text: the carrier between the stages before the model: UTF-8 bytes, and for each of them the bytes of the caller's
 * text that it stands for.
 *
 *     caller   N a ï v e      data  n a i v e      runs  {at 0, begin 0, linear}
 *              0 1 2   4 5          0 1 2 3 4            {at 2, begin 2, end 4}
 *                                                        {at 3, begin 4, linear}
 *
 * A run says it for the bytes from `at` to the next run. A linear run keeps positions: byte at + k stands for begin +
 * k, as long as k lies between two characters. All bytes of another run stand for [begin, end). Laws:
 *   - data is well-formed UTF-8, except in the view of the caller's own text;
 *   - runs are sorted by `at`, the first begins at 0, and their ranges do not go backwards;
 *   - RF_TEXT_PAD bytes behind the end of a text_buf can be read.
 */
#ifndef RF_TOKENIZER_TEXT_H
#define RF_TOKENIZER_TEXT_H

#include "base/error.h"

#include <assert.h>
#include <string.h>

#define RF_TEXT_PAD   16
#define RF_RUN_LINEAR SIZE_MAX

struct run {
    size_t at;    /* first byte of data */
    size_t begin; /* first byte of the caller's text */
    size_t end;   /* one behind the last, or RF_RUN_LINEAR */
};

/* What a stage reads. */
struct text {
    const char *data;
    size_t len;
    const struct run *runs; /* [n_runs], at least one when len > 0 */
    size_t n_runs;
};

/* The caller's own text, seen as a carrier. */
struct text rf__text_of_caller(rf_text text);

/* What a stage writes. Zero-initialise before first use. */
struct text_buf {
    struct text text; /* its data and runs are the two below */
    char *bytes;
    struct run *runs;
    size_t cap, cap_runs;
    size_t size; /* bytes that are there, at least cap */
    size_t max;  /* the most bytes that it may hold; 0: no limit */
};

void rf__text_buf_release(struct text_buf *buf);
void rf__text_buf_clear(struct text_buf *buf); /* empty; keeps the memory */

/* The memory that it holds. */
static inline size_t rf__text_buf_bytes(const struct text_buf *buf)
{
    return buf->size + buf->cap_runs * sizeof *buf->runs;
}

/* From now on at most `more` bytes can be appended. */
void rf__text_buf_limit(struct text_buf *buf, size_t more);

/* How long a text of `len` bytes may become in a stage. The longest that Unicode has are 11 bytes for one (U+FDFA under
 * NFKD), and twice that as bytes that are characters; a file can ask for far more, such as a chain of Replace that
 * doubles the text again and again. */
size_t rf__text_ceiling(size_t len);
/* RF_UNSUPPORTED: the text becomes longer than that. */
rf_status rf__fail_ceiling(rf_error *err);

/* Makes room for more bytes and runs, for the functions below, which don't check. RF_NO_MEMORY, or RF_UNSUPPORTED where
 * the limit is in the way; nothing changed then. */
rf_status rf__text_buf_grow(struct text_buf *buf, size_t more_bytes, size_t more_runs, rf_error *err);
static inline rf_status rf__text_buf_reserve(struct text_buf *buf, size_t more_bytes, size_t more_runs, rf_error *err)
{
    if (buf->bytes != NULL && buf->cap - buf->text.len >= more_bytes && buf->runs != NULL &&
        buf->cap_runs - buf->text.n_runs >= more_runs)
        return RF_OK;
    return rf__text_buf_grow(buf, more_bytes, more_runs, err);
}

/* Removes the first n bytes. */
void rf__text_buf_drop(struct text_buf *buf, size_t n);

/* Appends in[from, to) as it is, with its alignment, replacing what is not well formed by U+FFFD. */
rf_status rf__text_buf_copy(struct text_buf *buf, const struct text *in, size_t from, size_t to, rf_error *err);

/* Appends [from, to) of the text of `align`, which must be well-formed there, as it is. */
struct align;
rf_status rf__text_buf_append(struct text_buf *buf, struct align *align, size_t from, size_t to, rf_error *err);

/* Which bytes of the caller's text a part of a carrier stands for. Quick when asked from left to right. */
struct align {
    const struct text *text;
    size_t i; /* the run of the last question */
};
struct align rf__align_of(const struct text *text);
size_t rf__align_begin(struct align *align, size_t at); /* of the character at `at` */
size_t rf__align_end(struct align *align, size_t at);   /* of the character that ends at `at`, which is not 0 */

/* One character and the bytes of the caller's text that it stands for. */
struct text_char {
    uint32_t c;
    size_t len; /* bytes in the carrier */
    size_t begin, end;
};
/* Whether the run of `at` is linear. Then *begin is the caller's position, and *stop is brought down to the run's end.
 */
bool rf__align_linear(struct align *align, size_t at, size_t *begin, size_t *stop);

/* Reads the character at `at`, which must be below the length. */
struct text_char rf__align_char(struct align *align, size_t at);

/* Alignment as `tokenizers` counts it: each character that a stage writes takes the places of a number of characters of
 * its input, in their order, whichever they are, and stands for the first of them; one that takes no place stands for
 * the character taken last. */
struct places {
    struct align align;
    size_t next;            /* position of the character whose place is taken next */
    struct text_char taken; /* the last one */
};
/* Appends a character that takes n places. Room must have been made: its bytes, one run. */
void rf__places_put(struct places *places, struct text_buf *out, uint32_t c, size_t n);

/* How many bytes from `at` on are ASCII, at most up to `to`. */
size_t rf__text_ascii(const char *data, size_t at, size_t to);

/* Where the last character before `at` (which is not 0) begins. What is ill-formed gives some byte before `at`. */
size_t rf__text_before(const char *data, size_t at);

/* The last run, or NULL. */
static inline const struct run *rf__text_last_run(const struct text_buf *buf)
{
    return buf->text.n_runs == 0 ? NULL : &buf->runs[buf->text.n_runs - 1];
}

static inline void rf__text_put_bytes(struct text_buf *buf, const char *bytes, size_t len)
{
    assert(buf->cap - buf->text.len >= len);
    memcpy(buf->bytes + buf->text.len, bytes, len);
    buf->text.len += len;
}

static inline void rf__text_put_run(struct text_buf *buf, size_t begin, size_t end)
{
    assert(buf->text.n_runs < buf->cap_runs);
    buf->runs[buf->text.n_runs++] = (struct run){buf->text.len, begin, end};
}

/* What is appended next, at least one byte, stands for as many of the caller's bytes, position by position. Room must
 * have been made: one run. */
static inline void rf__text_go_linear(struct text_buf *buf, size_t begin)
{
    const struct run *last = rf__text_last_run(buf);

    if (last == NULL || last->end != RF_RUN_LINEAR || last->begin + (buf->text.len - last->at) != begin)
        rf__text_put_run(buf, begin, RF_RUN_LINEAR);
}

/* Appends such bytes. Room must have been made: len, one run. */
static inline void rf__text_put_linear(struct text_buf *buf, const char *bytes, size_t len, size_t begin)
{
    rf__text_go_linear(buf, begin);
    rf__text_put_bytes(buf, bytes, len);
}

/* Appends one character that stands for [begin, end). Room must have been made: len, one run. */
static inline void rf__text_put(struct text_buf *buf, const char *bytes, size_t len, size_t begin, size_t end)
{
    const struct run *last = rf__text_last_run(buf);
    bool continues = last != NULL && last->begin == begin && last->end == end;

    if (!continues && end - begin == len) {
        rf__text_put_linear(buf, bytes, len, begin);
        return;
    }
    if (!continues)
        rf__text_put_run(buf, begin, end);
    rf__text_put_bytes(buf, bytes, len);
}

/* Appends characters that all stand for [begin, end). Room must have been made: len, one run. */
static inline void rf__text_put_all(struct text_buf *buf, const char *bytes, size_t len, size_t begin, size_t end)
{
    const struct run *last = rf__text_last_run(buf);

    if (last == NULL || last->begin != begin || last->end != end)
        rf__text_put_run(buf, begin, end);
    rf__text_put_bytes(buf, bytes, len);
}

#endif
