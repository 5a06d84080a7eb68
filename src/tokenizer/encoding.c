/*
 * encoding: from the tokens of one or two texts to an encoding: cut, laid out as the post-processor says, trimmed,
 * with what was cut off as further encodings.
 */
#include "tokenizer/encode.h"

#include "base/mem.h"
#include "base/utf8.h"

#define MAX_OVERFLOW_TOKENS ((size_t)1 << 26) /* in all: pieces that overlap multiply a text */
#define MAX_OVERFLOW_PIECES ((size_t)1 << 20) /* each costs memory of its own, and two texts multiply them */

/* ---- White space of a token --------------------------------------------------------------------------------- */

/* How the byte-level alphabet writes a space. */
#define BYTE_LEVEL_SPACE 0x120u

static bool is_space(uint32_t c)
{
    return c == BYTE_LEVEL_SPACE || (rf__unicode_properties_of(c) & RF_UNICODE_WHITESPACE) != 0;
}

/* Characters of white space at the two ends; of nothing else, all at both. */
static void count_spaces(const char *s, size_t len, size_t *lead, size_t *trail)
{
    uint32_t c;

    *lead = *trail = 0;
    for (size_t at = 0; at < len; ++*lead) {
        size_t n = rf__utf8_decode(s + at, len - at, &c);
        if (!is_space(c))
            break;
        at += n;
    }
    for (size_t end = len; end > 0; ++*trail) {
        size_t before = rf__text_before(s, end);
        rf__utf8_decode(s + before, end - before, &c);
        if (!is_space(c))
            break;
        end = before;
    }
}

rf_status rf__spaces_of_found(struct space_list *list, size_t token, const char *found, size_t len, rf_error *err)
{
    struct found_spaces *item;

    if (list->n == list->cap) {
        size_t cap = list->cap < 16 ? 16 : 2 * list->cap;
        item = rf__realloc(list->items, cap * sizeof *item);
        if (item == NULL)
            return rf__fail_memory(err);
        list->items = item;
        list->cap = cap;
    }
    item = &list->items[list->n++];
    item->token = token;
    count_spaces(found, len, &item->lead, &item->trail);
    return RF_OK;
}

/* One trimming of the characters that a token stands for, as process_offsets() of `tokenizers` does it: white space of
 * the piece is taken off the text, whatever that has there. */
static void trim_once(size_t lead, size_t trail, bool is_front, bool keeps_one, size_t *begin, size_t *end)
{
    if (lead == 1 && keeps_one && (is_front || *begin == 0))
        lead = 0;
    if (lead > 0)
        *begin = *end - *begin < lead ? *end : *begin + lead;
    if (trail > 0 && *end >= trail)
        *end = *end - trail > *begin ? *end - trail : *begin;
}

static void trim_token(const struct layout_item *item, size_t lead, size_t trail, bool is_first, size_t *begin,
                       size_t *end)
{
    for (uint8_t i = 0; i < item->n_trims; i++)
        trim_once(lead, trail, is_first && (item->trim_is_front >> i & 1) != 0, (item->trim_keeps >> i & 1) != 0, begin,
                  end);
}

/* ---- Memory ------------------------------------------------------------------------------------------------- */

void rf__encoding_release(struct encoding *encoding)
{
    for (size_t i = 0; i < encoding->cap_overflow; i++)
        rf__encoding_release(&encoding->overflow[i]);
    rf__free(encoding->overflow);
    rf__free(encoding->block);
    *encoding = (struct encoding){0};
}

/* Where the arrays lie in the block, those of the widest elements first. */
static void place_arrays(struct encoding *encoding, size_t n, const struct encode_request *request)
{
    size_t n_wide = request->no_alignment ? 0 : request->characters ? 4 : 2;
    size_t *wide = encoding->block;
    uint32_t *numbers = (uint32_t *)(wide + n_wide * n);

    encoding->begin = encoding->end = encoding->begin_char = encoding->end_char = NULL;
    encoding->ids = numbers;
    encoding->type_ids = numbers + n;
    encoding->words = NULL;
    encoding->special = NULL;
    encoding->sequence = NULL;
    if (request->no_alignment)
        return;
    encoding->begin = wide;
    encoding->end = wide + n;
    if (request->characters) {
        encoding->begin_char = wide + 2 * n;
        encoding->end_char = wide + 3 * n;
    }
    encoding->words = numbers + 2 * n;
    encoding->special = (uint8_t *)(numbers + 3 * n);
    encoding->sequence = (int8_t *)(encoding->special + n);
}

static rf_status make_room(struct encoding *encoding, size_t n, const struct encode_request *request, rf_error *err)
{
    size_t size = request->no_alignment ? 2 * sizeof(uint32_t)
                                        : (request->characters ? 4 : 2) * sizeof(size_t) + 3 * sizeof(uint32_t) + 2;
    size_t bytes;
    void *block;

    if (!rf__mul(n < 16 ? 16 : n, size, &bytes))
        return rf__fail_memory(err);
    if (bytes > encoding->cap) {
        block = rf__alloc(bytes);
        if (block == NULL)
            return rf__fail_memory(err);
        rf__free(encoding->block);
        encoding->block = block;
        encoding->cap = bytes;
    }
    place_arrays(encoding, n, request);
    encoding->n = 0;
    return RF_OK;
}

/* ---- Laying out --------------------------------------------------------------------------------------------- */

/* What an encoding is made of. */
struct source {
    const struct rf_tokenizer *tokenizer;
    const struct encode_request *request;
    const struct layout *layout;
    struct encode_scratch *scratch;
    struct cutting cuts[2];
    struct token_range ranges[2];              /* what of them goes into the encoding at hand */
    struct character_place begins[2], ends[2]; /* of the token that was looked at last */
};

static void put_special(const struct source *source, struct encoding *out, const struct layout_item *item,
                        bool is_overflow)
{
    size_t at = out->n++;

    out->ids[at] = item->id;
    out->type_ids[at] = is_overflow ? item->overflow_type_id : item->type_id;
    if (source->request->no_alignment)
        return;
    out->words[at] = RF_NO_WORD;
    out->begin[at] = out->end[at] = 0;
    if (out->begin_char != NULL)
        out->begin_char[at] = out->end_char[at] = 0;
    out->special[at] = item->is_special;
    out->sequence[at] = -1;
}

/* The first of the list that is of token number `token` or a later one. */
static size_t find_found(const struct space_list *list, size_t token)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].token < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* White space at the two ends of token number `token` of a text. *next: of the list, for tokens in order. */
static void spaces_of(const struct source *source, int which, size_t token, uint32_t id, size_t *next, size_t *lead,
                      size_t *trail)
{
    const struct space_list *found = &source->scratch->spaces[which];
    const char *piece;
    size_t len;

    *lead = *trail = 0;
    while (*next < found->n && found->items[*next].token < token)
        ++*next;
    if (*next < found->n && found->items[*next].token == token) {
        *lead = found->items[*next].lead;
        *trail = found->items[*next].trail;
    } else if ((piece = rf__tokenizer_piece(source->tokenizer, id, &len)) != NULL) {
        count_spaces(piece, len, lead, trail);
    }
}

/* Trims the offsets of the n tokens that are put now, those of the text from number `first` on, and adds characters. */
static rf_status put_characters(struct source *source, const struct layout_item *item, struct encoding *out,
                                size_t first, size_t n, rf_error *err)
{
    int which = item->kind == LAYOUT_SECOND;
    struct characters *characters = &source->scratch->characters[which];
    struct character_place *begin = &source->begins[which], *end = &source->ends[which];
    size_t next = find_found(&source->scratch->spaces[which], first);
    rf_status status = RF_OK;

    for (size_t i = 0; i < n && status == RF_OK; i++) {
        size_t at = out->n + i, lead = 0, trail = 0, from, to;
        if (item->n_trims > 0)
            spaces_of(source, which, first + i, out->ids[at], &next, &lead, &trail);
        if (lead == 0 && trail == 0 && out->begin_char == NULL)
            continue;
        status = rf__characters_go(characters, begin, out->begin[at], err);
        if (status == RF_OK)
            status = rf__characters_go(characters, end, out->end[at], err);
        from = begin->n;
        to = end->n;
        trim_token(item, lead, trail, i == 0, &from, &to);
        if (status == RF_OK && from != begin->n)
            status = rf__characters_find(characters, *begin, from, &out->begin[at], err);
        if (status == RF_OK && to != end->n)
            status = rf__characters_find(characters, *end, to, &out->end[at], err);
        if (out->begin_char != NULL) {
            out->begin_char[at] = from;
            out->end_char[at] = to;
        }
    }
    return status;
}

static rf_status put_text(struct source *source, struct encoding *out, const struct layout_item *item, bool is_overflow,
                          rf_error *err)
{
    int which = item->kind == LAYOUT_SECOND;
    const struct tokens *tokens = &source->scratch->tokens[which];
    size_t from = source->ranges[which].begin, n = source->ranges[which].n;
    rf_status status = RF_OK;

    if (n == 0)
        return RF_OK;
    memcpy(out->ids + out->n, tokens->ids + from, n * sizeof *out->ids);
    for (size_t i = 0; i < n; i++)
        out->type_ids[out->n + i] = is_overflow ? item->overflow_type_id : item->type_id;
    if (!source->request->no_alignment) {
        memcpy(out->begin + out->n, tokens->begin + from, n * sizeof *out->begin);
        memcpy(out->end + out->n, tokens->end + from, n * sizeof *out->end);
        memcpy(out->words + out->n, tokens->words + from, n * sizeof *out->words);
        memset(out->special + out->n, 0, n);
        memset(out->sequence + out->n, which, n);
        if (item->n_trims > 0 || out->begin_char != NULL)
            status = put_characters(source, item, out, from, n, err);
    }
    out->n += n;
    return status;
}

static bool count_layout(const struct layout *layout, const struct token_range ranges[2], size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < layout->n; i++) {
        const struct layout_item *item = &layout->items[i];
        size_t more = item->kind == LAYOUT_SPECIAL ? 1 : ranges[item->kind == LAYOUT_SECOND].n;
        if (!rf__add(*n, more, n))
            return false;
    }
    return true;
}

/* Lays out the pieces number `piece` of the two texts. */
static rf_status lay_out(struct source *source, const size_t piece[2], struct encoding *out, rf_error *err)
{
    size_t n;
    rf_status status;

    for (int i = 0; i < 2; i++)
        source->ranges[i] = rf__cutting_piece(&source->cuts[i], piece[i]);
    if (!count_layout(source->layout, source->ranges, &n))
        return rf__fail_memory(err);
    status = make_room(out, n, source->request, err);
    if (status != RF_OK)
        return status;
    out->n_overflow = 0;
    out->truncated = false;
    for (size_t i = 0; i < source->layout->n && status == RF_OK; i++) {
        const struct layout_item *item = &source->layout->items[i];
        bool is_overflow = item->text >= 0 && piece[item->text] > 0;
        if (item->kind == LAYOUT_SPECIAL)
            put_special(source, out, item, is_overflow);
        else
            status = put_text(source, out, item, is_overflow, err);
    }
    return status;
}

/* ---- Overflow ----------------------------------------------------------------------------------------------- */

/* The texts in the order in which the layout has them, each once. */
struct order {
    int which[2];
    size_t n;
};

static rf_status order_of(const struct source *source, struct order *order, rf_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < source->layout->n; i++) {
        const struct layout_item *item = &source->layout->items[i];
        int which = item->kind == LAYOUT_SECOND;
        if (item->kind == LAYOUT_SPECIAL)
            continue;
        if (n == 2 || (n == 1 && order->which[0] == which))
            return rf__fail(err, RF_UNSUPPORTED, "overflow of a template that has a text twice");
        order->which[n++] = which;
    }
    order->n = n;
    return RF_OK;
}

static rf_status room_for_overflow(struct source *source, const struct order *order, struct encoding *out, size_t *n,
                                   rf_error *err)
{
    struct encoding *more;
    size_t n_all = 1, n_each, n_tokens, n_bytes;

    for (size_t i = 0; i < order->n; i++)
        if (!rf__mul(n_all, source->cuts[order->which[i]].n_pieces, &n_all))
            return rf__fail_memory(err);
    *n = n_all - 1;
    for (int i = 0; i < 2; i++) /* the largest that any of them is */
        source->ranges[i].n = source->cuts[i].keep > 0 ? source->cuts[i].keep : source->cuts[i].n;
    if (!count_layout(source->layout, source->ranges, &n_each) || !rf__mul(*n, n_each, &n_tokens) ||
        n_tokens > MAX_OVERFLOW_TOKENS || *n > MAX_OVERFLOW_PIECES)
        return rf__fail(err, RF_UNSUPPORTED,
                        "the overflow would be more than %zu tokens or %zu pieces; use a smaller stride or a greater "
                        "limit",
                        MAX_OVERFLOW_TOKENS, MAX_OVERFLOW_PIECES);
    if (*n <= out->cap_overflow)
        return RF_OK;
    more = rf__mul(*n, sizeof *more, &n_bytes) ? rf__realloc(out->overflow, n_bytes) : NULL;
    if (more == NULL)
        return rf__fail_memory(err);
    memset(more + out->cap_overflow, 0, (*n - out->cap_overflow) * sizeof *more);
    out->overflow = more;
    out->cap_overflow = *n;
    return RF_OK;
}

/* Every combination of pieces of the two texts but the first, in the order of `tokenizers`: each further piece of the
 * text that comes first with all pieces of the other, then its first piece with the further ones of the other. */
static rf_status put_overflow(struct source *source, struct encoding *out, rf_error *err)
{
    struct order order = {{0, 0}, 0};
    size_t n, n_inner;
    rf_status status = order_of(source, &order, err);

    if (status == RF_OK)
        status = room_for_overflow(source, &order, out, &n, err);
    if (status != RF_OK)
        return status;
    n_inner = order.n == 2 ? source->cuts[order.which[1]].n_pieces : 1;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        size_t piece[2] = {0, 0}, outer = i / n_inner + 1;
        bool is_outer = outer < source->cuts[order.which[0]].n_pieces;
        piece[order.which[0]] = is_outer ? outer : 0;
        if (order.n == 2)
            piece[order.which[1]] = is_outer ? i % n_inner : i % n_inner + 1;
        status = lay_out(source, piece, &out->overflow[i], err);
    }
    out->n_overflow = status == RF_OK ? n : 0;
    return status;
}

/* ---- Encoding ----------------------------------------------------------------------------------------------- */

/* Tokenizes one or two texts, up to a limit for each. */
static rf_status tokenize_texts(const struct source *source, size_t limit, rf_error *err)
{
    const struct encode_request *request = source->request;
    struct encode_scratch *scratch = source->scratch;
    rf_status status =
        rf__tokenize_text(source->tokenizer, request->text, limit, request->no_alignment, scratch, 0, err);

    scratch->tokens[1].n = 0;
    if (status == RF_OK && request->pair != NULL)
        status = rf__tokenize_text(source->tokenizer, *request->pair, limit, request->no_alignment, scratch, 1, err);
    return status;
}

static rf_status tokenize_and_cut(struct source *source, size_t room, bool *truncated, rf_error *err)
{
    const struct encode_request *request = source->request;
    const struct tokens *tokens = source->scratch->tokens;
    size_t limit = rf__truncation_limit(request, room);
    rf_status status = tokenize_texts(source, limit, err);

    if (status == RF_OK &&
        rf__truncation_needs_lengths(request, (const size_t[]){tokens[0].n, tokens[1].n}, limit, room))
        status = tokenize_texts(source, SIZE_MAX, err);
    if (status != RF_OK)
        return status;
    return rf__truncate(request, (const size_t[]){tokens[0].n, tokens[1].n}, room, source->cuts, truncated, err);
}

rf_status rf__encode(const struct rf_tokenizer *tokenizer, const struct encode_request *request,
                     struct encode_scratch *scratch, struct encoding *out, rf_error *err)
{
    const struct postprocessor *processor = &tokenizer->postprocessor;
    bool is_pair = request->pair != NULL, truncated;
    uint32_t n_added = request->no_special_tokens ? 0 : processor->n_added[is_pair];
    size_t room = request->max_tokens == 0 ? SIZE_MAX : (size_t)request->max_tokens - n_added;
    struct source source = {
        .tokenizer = tokenizer,
        .request = request,
        .layout = &processor->layouts[is_pair][!request->no_special_tokens],
        .scratch = scratch,
    };
    rf_status status;

    if (request->max_tokens > 0 && request->max_tokens < n_added)
        return rf__fail(err, RF_INVALID_ARGUMENT, "max_tokens is %u, but the special tokens alone are %u",
                        request->max_tokens, n_added);
    rf__characters_begin(&scratch->characters[0], request->text);
    rf__characters_begin(&scratch->characters[1], is_pair ? *request->pair : (rf_text){NULL, 0});
    status = tokenize_and_cut(&source, room, &truncated, err);
    if (status == RF_OK)
        status = lay_out(&source, (const size_t[]){0, 0}, out, err);
    if (status == RF_OK && truncated && request->overflow)
        status = put_overflow(&source, out, err);
    if (status == RF_OK)
        out->truncated = truncated;
    return status;
}

rf_status rf__count_tokens(const struct rf_tokenizer *tokenizer, rf_text text, bool no_special_tokens, size_t at_most,
                           struct encode_scratch *scratch, size_t *count, rf_error *err)
{
    const struct layout *layout = &tokenizer->postprocessor.layouts[0][!no_special_tokens];
    struct token_range ranges[2] = {{0, 0}, {0, 0}};
    rf_status status = rf__tokenize_text(tokenizer, text, at_most, true, scratch, 0, err);
    size_t n;

    if (status != RF_OK)
        return status;
    ranges[0].n = scratch->tokens[0].n;
    if (!count_layout(layout, ranges, &n))
        return rf__fail_memory(err);
    *count = n < at_most ? n : at_most;
    return RF_OK;
}
