/*
 * precompiled_normalizer: Precompiled of `tokenizers`, a sentencepiece charsmap. A text is taken apart into grapheme
 * clusters; one of less than six bytes that begins with a key becomes the key's string, whatever else is in it; in any
 * other, each character does so by itself.
 *
 * Alignment goes by places (text.h): the characters of a string take the places of those that it replaces, one each,
 * the last one the rest of them. What becomes nothing gives its places to the character written before it, if there is
 * one: at the beginning of a segment there is none, and all that follows stands for characters too far left, as in
 * `tokenizers`.
 */
#include "tokenizer/stages.h"

#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tokenizer/normalizer/charsmap.h"

#define MAX_CLUSTER 5    /* bytes of a cluster that is looked up */
#define OTHER       0xFF /* not one ASCII character for another */

struct precompiled {
    struct normalizer base;
    struct charsmap map;
    uint8_t ascii[256]; /* what each ASCII character, before another one, becomes, or OTHER */
};

/* One call's state. */
struct map_pass {
    const struct charsmap *map;
    const struct text_part *in;
    const char *data;
    struct text_buf *out;
    struct places places; /* `next` is where the pass is, unless it lags behind */
    bool lags;
    bool has_output;
    size_t added; /* length of the last character written when it took no place; else 0 */
};

static inline uint32_t char_at(const struct map_pass *pass, size_t at, size_t *len)
{
    uint32_t c;

    *len = rf__utf8_next(pass->data + at, &c);
    return c;
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

/* Appends [from, to) as it is. */
static rf_status put_same(struct map_pass *pass, size_t from, size_t to, rf_error *err)
{
    rf_status status = RF_OK;

    pass->has_output = true;
    pass->added = 0;
    if (!pass->lags) {
        pass->places.next = to;
        return rf__text_buf_append(pass->out, &pass->places.align, from, to, err);
    }
    while (from < to && status == RF_OK) {
        size_t len;
        uint32_t c = char_at(pass, from, &len);
        status = rf__text_buf_reserve(pass->out, RF_UTF8_MAX, 1, err);
        if (status == RF_OK)
            rf__places_put(&pass->places, pass->out, c, 1);
        from += len;
    }
    return status;
}

static void skip_places(struct map_pass *pass, size_t n)
{
    for (; n > 0; n--) {
        size_t len;
        char_at(pass, pass->places.next, &len);
        pass->places.next += len;
    }
}

/* n characters become nothing. Room for a character has been made. */
static void put_nothing(struct map_pass *pass, size_t n)
{
    struct text_buf *out = pass->out;
    uint32_t c;

    if (!pass->has_output && pass->in->is_begin) {
        pass->lags = true;
        return;
    }
    if (pass->added == 0) {
        skip_places(pass, n);
        return;
    }
    /* The last character written gets a place now. */
    out->text.len -= pass->added;
    rf__utf8_decode(out->bytes + out->text.len, pass->added, &c);
    while (out->text.n_runs > 0 && out->runs[out->text.n_runs - 1].at >= out->text.len)
        out->text.n_runs--;
    rf__places_put(&pass->places, out, c, n);
    pass->added = 0;
}

/* n characters become a string. */
static rf_status put_string(struct map_pass *pass, const char *string, size_t len, size_t n, rf_error *err)
{
    rf_status status = rf__text_buf_reserve(pass->out, len + RF_UTF8_MAX, len + 1, err);

    if (status != RF_OK)
        return status;
    if (len == 0) {
        put_nothing(pass, n);
        return RF_OK;
    }
    for (size_t at = 0; at < len;) {
        uint32_t c;
        size_t char_len = rf__utf8_decode(string + at, len - at, &c), places = n > 0;
        at += char_len;
        if (at == len && n > 0)
            places = n;
        rf__places_put(&pass->places, pass->out, c, places);
        n -= places;
        pass->added = places == 0 ? char_len : 0;
    }
    pass->has_output = true;
    return RF_OK;
}

/* What the character at `at` becomes by itself. */
static rf_status put_char(struct map_pass *pass, size_t at, uint32_t c, size_t len, rf_error *err)
{
    const char *string;
    size_t string_len;

    if ((rf__charsmap_of(pass->map, c) & RF_CHARSMAP_KEY) != 0 &&
        rf__charsmap_find(pass->map, pass->data + at, len, &string, &string_len))
        return put_string(pass, string, string_len, 1, err);
    return put_same(pass, at, at + len, err);
}

/* ---- Clusters ----------------------------------------------------------------------------------------------- */

/* Where the characters from `at` on end that are no keys. */
static size_t no_keys_until(const struct map_pass *pass, size_t at, size_t end)
{
    while (at < end) {
        size_t len;
        if ((rf__charsmap_of(pass->map, char_at(pass, at, &len)) & RF_CHARSMAP_KEY) != 0)
            break;
        at += len;
    }
    return at;
}

/* [at, end): what each character in it becomes by itself. */
static rf_status put_chars(struct map_pass *pass, size_t at, size_t end, rf_error *err)
{
    rf_status status = RF_OK;

    while (at < end && status == RF_OK) {
        size_t same = no_keys_until(pass, at, end), len;
        if (same > at) {
            status = put_same(pass, at, same, err);
            at = same;
        } else {
            uint32_t c = char_at(pass, at, &len);
            status = put_char(pass, at, c, len, err);
            at += len;
        }
    }
    return status;
}

/* Where the cluster that begins with `c` at `at`, of `len` bytes, ends, and how many characters it has. */
static size_t cluster_end(const struct map_pass *pass, size_t at, uint32_t c, size_t len, size_t *n)
{
    struct grapheme grapheme;

    rf__grapheme_begin(&grapheme, c);
    *n = 0;
    do {
        at += len;
        ++*n;
        if (at == pass->in->to)
            break;
        c = char_at(pass, at, &len);
    } while (rf__grapheme_joins(&grapheme, c));
    return at;
}

/* The cluster at *at, which is moved behind it. */
static rf_status put_cluster(struct map_pass *pass, size_t *at, rf_error *err)
{
    size_t begin = *at, len, n, string_len;
    uint32_t c = char_at(pass, begin, &len);
    const char *string;

    *at = cluster_end(pass, begin, c, len, &n);
    if (n == 1)
        return put_char(pass, begin, c, len, err);
    if (*at - begin <= MAX_CLUSTER &&
        rf__charsmap_find(pass->map, pass->data + begin, *at - begin, &string, &string_len))
        return put_string(pass, string, string_len, n, err);
    return put_chars(pass, begin, *at, err);
}

/* ---- The pass ----------------------------------------------------------------------------------------------- */

/* Between two characters of these classes, a cluster ends. */
static bool is_simple(uint32_t c)
{
    static const bool simple_classes[RF_GRAPHEME_CLASS + 1] = {
        [RF_GRAPHEME_ANY] = true, [RF_GRAPHEME_PICTOGRAPHIC] = true, [RF_GRAPHEME_CONSONANT] = true,
        [RF_GRAPHEME_LV] = true,  [RF_GRAPHEME_LVT] = true,
    };

    return simple_classes[rf__grapheme_of(c) & RF_GRAPHEME_CLASS];
}

/* Whether only ASCII comes for a while, for which there is a quicker way. */
static bool is_all_ascii(const struct map_pass *pass, size_t at)
{
    return pass->in->to - at >= 16 && rf__text_ascii(pass->data, at, at + 16) == 16;
}

/* Whether a character stays what it is when it stands alone, and what is like it does not join it. */
static bool is_plain(const struct map_pass *pass, uint32_t c)
{
    return (c < 0x80 ? c >= ' ' : is_simple(c)) && (rf__charsmap_of(pass->map, c) & RF_CHARSMAP_KEY) == 0;
}

/* Whether a cluster of several characters, the first of which is plain, stays what it is. */
static bool stays(const struct map_pass *pass, size_t begin, size_t end, uint32_t first)
{
    return (end - begin > MAX_CLUSTER || rf__charsmap_of(pass->map, first) == 0) &&
           no_keys_until(pass, begin, end) == end;
}

/* Clusters from *at on that begin with a plain character and stay what they are, as one run; *at is moved behind. Most
 * are one character, as plain ones do not join each other; where one is followed by something that may join it, the
 * cluster is looked at. */
static rf_status put_plain(struct map_pass *pass, size_t *at, rf_error *err)
{
    size_t from = *at, end = from, to = pass->in->to, len, next_len = 0, n;
    uint32_t c = char_at(pass, from, &len), next = 0;
    bool plain = is_plain(pass, c);

    while (plain) {
        size_t begin = end;
        bool is_last = begin + len == to;
        if (!is_last) {
            next = char_at(pass, begin + len, &next_len);
            plain = is_plain(pass, next);
        }
        if (!is_last && !plain && !rf__grapheme_always_breaks(c, next)) {
            size_t after = cluster_end(pass, begin, c, len, &n);
            if (!stays(pass, begin, after, c))
                break;
            len = after - begin;
            is_last = after == to;
            if (!is_last) {
                next = char_at(pass, after, &next_len);
                plain = is_plain(pass, next);
            }
        }
        end = begin + len;
        c = next;
        len = next_len;
        if (is_last || (c < 0x80 && is_all_ascii(pass, end)))
            break;
    }
    *at = end;
    return from < end ? put_same(pass, from, end, err) : RF_OK;
}

/* ASCII characters from *at on that become ASCII characters; *at is moved behind. */
static rf_status put_ascii(struct map_pass *pass, const uint8_t *ascii, size_t *at, rf_error *err)
{
    const uint8_t *data = (const uint8_t *)pass->data;
    size_t begin, from = *at, end = from, stop = pass->in->to;
    rf_status status;
    char *to;

    if (ascii[data[from]] == OTHER || pass->lags || !rf__align_linear(&pass->places.align, from, &begin, &stop))
        return RF_OK;
    while (end < stop && ascii[data[end]] != OTHER)
        end++;
    if (end < pass->in->to && data[end] >= 0x80)
        end--; /* what comes may join it */
    if (end == from)
        return RF_OK;
    status = rf__text_buf_reserve(pass->out, end - from, 1, err);
    if (status != RF_OK)
        return status;
    rf__text_go_linear(pass->out, begin);
    to = pass->out->bytes + pass->out->text.len;
    for (size_t i = from; i < end; i++)
        *to++ = (char)ascii[data[i]];
    pass->out->text.len += end - from;
    pass->places.next = *at = end;
    pass->has_output = true;
    pass->added = 0;
    return RF_OK;
}

static rf_status precompiled_apply(const struct normalizer *self, const struct text_part *in, struct text_buf *out,
                                   struct normalize_scratch *scratch, rf_error *err)
{
    const struct precompiled *precompiled = (const struct precompiled *)self;
    struct map_pass pass = {
        .map = &precompiled->map,
        .in = in,
        .data = in->text->data,
        .out = out,
        .places = {.align = rf__align_of(in->text), .next = in->from},
    };
    size_t at = in->from;
    rf_status status = RF_OK;

    (void)scratch;
    while (at < in->to && status == RF_OK) {
        size_t begin = at;
        status = put_ascii(&pass, precompiled->ascii, &at, err);
        if (status == RF_OK && at == begin)
            status = put_plain(&pass, &at, err);
        if (status == RF_OK && at == begin)
            status = put_cluster(&pass, &at, err);
    }
    return status;
}

/* Where a cluster ends, in front of what does not become nothing. Not at all where a segment begins with that: then
 * all is out of place. */
static bool precompiled_can_cut(const struct normalizer *self, const struct text_part *in, uint32_t before,
                                uint32_t after)
{
    const struct charsmap *map = &((const struct precompiled *)self)->map;
    uint32_t first;

    if (in->is_begin) {
        rf__utf8_decode(in->text->data + in->from, in->to - in->from, &first);
        if ((rf__charsmap_of(map, first) & RF_CHARSMAP_REMOVED) != 0)
            return false;
    }
    return (rf__charsmap_of(map, after) & RF_CHARSMAP_REMOVED) == 0 && rf__grapheme_always_breaks(before, after);
}

static void precompiled_free(struct normalizer *self)
{
    rf__charsmap_release(&((struct precompiled *)self)->map);
    rf__free(self);
}

/* CR is left to put_cluster(): with LF it is one cluster. */
static void fill_ascii(struct precompiled *precompiled)
{
    memset(precompiled->ascii, OTHER, sizeof precompiled->ascii);
    for (uint32_t c = 0; c < 128; c++) {
        char key = (char)c;
        const char *string;
        size_t len;
        if (!rf__charsmap_find(&precompiled->map, &key, 1, &string, &len))
            precompiled->ascii[c] = (uint8_t)c;
        else if (len == 1)
            precompiled->ascii[c] = (uint8_t)*string;
    }
    precompiled->ascii['\r'] = OTHER;
}

static rf_status read_map(const struct stage_source *source, struct charsmap *map, rf_error *err)
{
    yyjson_val *value = yyjson_obj_get(source->value, "precompiled_charsmap");
    const char *name = "precompiled_charsmap";
    size_t len = yyjson_get_len(value);
    uint8_t *bytes;
    rf_status status;

    if (!yyjson_is_str(value))
        return rf__fail(err, RF_BAD_FORMAT, "%s is %s, expected a string", name, rf__json_type_name(value));
    bytes = rf__alloc(rf__base64_room(len));
    if (bytes == NULL)
        return rf__fail_memory(err);
    if (rf__base64_decode(yyjson_get_str(value), len, bytes, &len))
        status = rf__charsmap_read(map, bytes, len, name, err);
    else
        status = rf__fail(err, RF_BAD_FORMAT, "%s is not valid base64", name);
    rf__free(bytes);
    return status;
}

rf_status rf__precompiled_normalizer_read(const struct stage_source *source, struct normalizer **out, rf_error *err)
{
    static const struct normalizer_ops ops = {precompiled_apply, precompiled_can_cut, precompiled_free};
    struct precompiled *precompiled = rf__calloc(1, sizeof *precompiled);
    rf_status status;

    if (precompiled == NULL)
        return rf__fail_memory(err);
    status = read_map(source, &precompiled->map, err);
    if (status != RF_OK) {
        rf__free(precompiled);
        return rf__fail_prefix(err, status, "%s: normalizer 'Precompiled'", source->json->name);
    }
    precompiled->base.ops = &ops;
    fill_ascii(precompiled);
    *out = &precompiled->base;
    return RF_OK;
}
